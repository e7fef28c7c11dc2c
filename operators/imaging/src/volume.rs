//! Voxels on a grid: intensities ([`Image`]) and labels ([`LabelMap`]).

use std::{collections::BTreeMap, fmt, ops::Deref, sync::Arc};

use ndarray::ArrayView3;
use thiserror::Error;

use crate::geometry::{Geometry, GeometryError};

/// Memory that someone else keeps (a message that arrived, a mapped file).
pub type SharedVoxels<T> = Arc<dyn AsRef<[T]> + Send + Sync>;

/// The voxels of a volume: owned, or read in place from memory that someone else keeps.
#[derive(Clone)]
pub enum Voxels<T: 'static> {
    /// Owned memory.
    Owned(Vec<T>),
    /// Shared memory, read in place.
    Shared(SharedVoxels<T>),
}

impl<T: Clone> Voxels<T> {
    /// The voxels as owned memory; copies only what is shared.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::Owned(voxels) => voxels,
            Self::Shared(voxels) => voxels.as_ref().as_ref().to_vec(),
        }
    }
}

impl<T> Deref for Voxels<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Owned(voxels) => voxels,
            Self::Shared(voxels) => voxels.as_ref().as_ref(),
        }
    }
}

impl<T> From<Vec<T>> for Voxels<T> {
    fn from(voxels: Vec<T>) -> Self {
        Self::Owned(voxels)
    }
}

impl<T: PartialEq> PartialEq for Voxels<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T> fmt::Debug for Voxels<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keeper = if matches!(self, Self::Owned(_)) {
            "owned"
        } else {
            "shared"
        };
        write!(f, "[{} voxels, {keeper}]", self.len())
    }
}

/// A 3D array on a grid.
///
/// # Shapes
/// `voxels` holds `geometry.shape_zyx` values in C order, x fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume<T: 'static> {
    geometry: Geometry,
    voxels: Voxels<T>,
}

impl<T> Volume<T> {
    /// Put voxels on a grid.
    ///
    /// # Shapes
    /// `voxels`: as many values as `geometry.shape_zyx` multiplies to.
    ///
    /// # Errors
    /// A grid that [`Geometry::validate`] refuses, or a number of voxels other than the grid's.
    pub fn new(geometry: Geometry, voxels: impl Into<Voxels<T>>) -> Result<Self, GeometryError> {
        geometry.validate()?;
        let voxels = voxels.into();
        if voxels.len() != geometry.len() {
            return Err(GeometryError::Shape(geometry.shape_zyx));
        }
        Ok(Self { geometry, voxels })
    }

    /// The grid.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The voxels in C order.
    #[must_use]
    pub fn voxels(&self) -> &[T] {
        &self.voxels
    }

    /// The voxels as an array.
    ///
    /// # Shapes
    /// Returns `[z, y, x]`.
    #[must_use]
    pub fn view(&self) -> ArrayView3<'_, T> {
        // `new` is the only way in, and it checked the length.
        ArrayView3::from_shape(self.geometry.shape_zyx, &self.voxels)
            .expect("the voxels fit the grid, as Volume::new checked")
    }

    /// The grid and the voxels, apart.
    #[must_use]
    pub fn into_parts(self) -> (Geometry, Voxels<T>) {
        (self.geometry, self.voxels)
    }

    /// A volume on the same grid, each voxel mapped.
    #[must_use]
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Volume<U> {
        Volume {
            geometry: self.geometry.clone(),
            voxels: Voxels::Owned(self.voxels.iter().map(f).collect()),
        }
    }
}

/// Intensities, in the narrowest of three types that holds what the file says exactly.
///
/// CT is `I16` (half the bytes on every edge); interpolated or filtered images are `F32`;
/// `F64` is kept for files that store doubles or integers beyond 24 bits.
#[derive(Debug, Clone, PartialEq)]
pub enum Image {
    /// 16-bit integers, such as Hounsfield units.
    I16(Volume<i16>),
    /// Single precision.
    F32(Volume<f32>),
    /// Double precision.
    F64(Volume<f64>),
}

/// Evaluate `$body` with `$volume` bound to the [`Volume`] inside an [`Image`].
#[macro_export]
macro_rules! with_image {
    ($image:expr, $volume:ident => $body:expr) => {
        match $image {
            $crate::Image::I16($volume) => $body,
            $crate::Image::F32($volume) => $body,
            $crate::Image::F64($volume) => $body,
        }
    };
}

impl Image {
    /// The grid.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        with_image!(self, volume => volume.geometry())
    }

    /// The image in double precision; copies.
    #[must_use]
    pub fn to_f64(&self) -> Volume<f64> {
        match self {
            Self::I16(volume) => volume.map(|&v| f64::from(v)),
            Self::F32(volume) => volume.map(|&v| f64::from(v)),
            Self::F64(volume) => volume.clone(),
        }
    }

    /// Name of the voxel type: `i16`, `f32` or `f64`.
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::I16(_) => "i16",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
        }
    }
}

/// A label that nobody has defined.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no label `{wanted}`; the data set names: {known}")]
pub struct UnknownLabel {
    wanted: String,
    known: String,
}

/// What the values of a label map stand for; 0 is background and needs no name.
pub type LabelNames = BTreeMap<u16, String>;

/// A segmentation: one label a voxel, with names.
///
/// It is resampled as labels because its type says so, never because an option does.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelMap {
    /// One label a voxel; 0 is background.
    pub volume: Volume<u16>,
    /// Names of the labels that the data set defines.
    pub names: LabelNames,
}

impl LabelMap {
    /// The grid.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        self.volume.geometry()
    }

    /// The labels that `region` means: names or numbers, several joined by `+`
    /// (`kidney+tumour` is the KiTS region "kidney and masses").
    ///
    /// # Errors
    /// A name that the data set does not define and that is no number either.
    pub fn region(&self, region: &str) -> Result<Vec<u16>, UnknownLabel> {
        region
            .split('+')
            .map(str::trim)
            .map(|wanted| {
                let named = self
                    .names
                    .iter()
                    .find(|(_, name)| *name == wanted)
                    .map(|(label, _)| *label);
                named
                    .or_else(|| wanted.parse().ok())
                    .ok_or_else(|| UnknownLabel {
                        wanted: wanted.to_owned(),
                        known: if self.names.is_empty() {
                            "none, so give numbers".to_owned()
                        } else {
                            self.names.values().cloned().collect::<Vec<_>>().join(", ")
                        },
                    })
            })
            .collect()
    }

    /// Number of voxels of each label that occurs, background left out.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<u16, usize> {
        let mut counts = vec![0usize; usize::from(u16::MAX) + 1];
        for &label in self.volume.voxels() {
            counts[usize::from(label)] += 1;
        }
        counts
            .into_iter()
            .enumerate()
            .skip(1)
            .filter(|&(_, count)| count > 0)
            .map(|(label, count)| (label as u16, count))
            .collect()
    }
}
