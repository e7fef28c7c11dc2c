//! Section `imageType`: which images features are computed on, in the order of the file.

use renalflow_findings::Spot;

use super::{
    images_ibsi2, keys,
    layer::Layer,
    reader::{pairs, refuse_name},
    report::{Report, quoted},
    yaml::Node,
};
use crate::ImageType;

/// An image type of PyRadiomics.
pub(super) struct FilterType {
    pub name: &'static str,
    /// What it does, for the reference page.
    pub about: &'static str,
}

pub(super) static FILTER_TYPES: [FilterType; 10] = [
    FilterType {
        name: "Original",
        about: "The image as it is.",
    },
    FilterType {
        name: "LoG",
        about: "Laplacian of Gaussian by ITK's recursive filters, one image a `sigma`.",
    },
    FilterType {
        name: "Wavelet",
        about: "Stationary wavelet transform, one image a sub-band.",
    },
    FilterType {
        name: "Square",
        about: "Squared intensities, scaled to the original range.",
    },
    FilterType {
        name: "SquareRoot",
        about: "Square root of the magnitude with the sign kept, scaled to the original range.",
    },
    FilterType {
        name: "Logarithm",
        about: "Logarithm of 1 and the magnitude with the sign kept, scaled to the original \
                range.",
    },
    FilterType {
        name: "Exponential",
        about: "Exponential, scaled to the original range.",
    },
    FilterType {
        name: "Gradient",
        about: "Magnitude of the gradient.",
    },
    FilterType {
        name: "LBP2D",
        about: "Local binary patterns in slices.",
    },
    FilterType {
        name: "LBP3D",
        about: "Local binary patterns in the volume by spherical harmonics, one image a level \
                and the kurtosis.",
    },
];

/// An entry of the section.
pub(super) struct ImageEntry {
    pub name: &'static str,
    pub spot: Spot,
    /// What it says about settings.
    pub layer: Layer,
    /// The filter, where it is one of IBSI 2.
    pub ibsi2: Option<ImageType>,
}

/// Every image type.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FILTER_TYPES
        .iter()
        .map(|filter| filter.name)
        .chain(images_ibsi2::names())
}

/// The image types that the section names; without any, the original image.
pub(super) fn read(node: Option<&Node>, report: &mut Report<'_>) -> Vec<ImageEntry> {
    let named = node.map_or(&[][..], |node| pairs(node, "`imageType`", report));
    let mut entries = Vec::new();
    for pair in named {
        if let Some(filter) = FILTER_TYPES.iter().find(|f| f.name == &*pair.name) {
            let what = format!("`{}`", filter.name);
            let own = pairs(&pair.value, &what, report);
            entries.push(ImageEntry {
                name: filter.name,
                spot: pair.spot,
                layer: Layer::read(own, &what, &keys::SETTINGS, report),
                ibsi2: None,
            });
        } else if let Some(of_type) = images_ibsi2::read(pair, report) {
            entries.extend(of_type);
        } else {
            let message = format!("there is no image type {}", quoted(&pair.name));
            refuse_name(pair, message, "image types", names(), report);
        }
    }
    if named.is_empty() {
        entries.push(ImageEntry {
            name: FILTER_TYPES[0].name,
            spot: super::reader::NOWHERE,
            layer: Layer::default(),
            ibsi2: None,
        });
    }
    entries
}
