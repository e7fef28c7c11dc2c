//! Plans and networks.
//!
//! A [`Plan`] is a text file with every choice and its reason; a [`Scheme`] says how the
//! auxiliary data help; [`FsNet`] is the network of both. Training and inference see a network
//! as [`SegmentationNetwork`]. A coarse network is a plan with a coarse spacing.

mod blocks;
mod error;
mod fsnet;
mod parameters;
pub mod plan;
mod scheme;
mod taps;
mod unet;

pub use error::NetworkError;
pub use fsnet::{FsNet, SegmentationNetwork, Use};
pub use parameters::Parameters;
pub use plan::Plan;
pub use scheme::{AuxiliaryWeights, Scheme, UnknownScheme};
pub use unet::UNet;

/// Which data set an input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// The large public set that helps.
    Auxiliary,
    /// The small set that matters.
    Primary,
}

impl Domain {
    /// Its name in parameter paths, messages and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auxiliary => "auxiliary",
            Self::Primary => "primary",
        }
    }
}
