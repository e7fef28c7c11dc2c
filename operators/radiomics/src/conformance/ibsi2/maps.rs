//! Phase 1: response maps of digital phantoms.

use std::{f64::consts::PI, path::Path};

use renalflow_imaging::{Image, io};

use super::super::{Check, ConformanceError};
use crate::{
    BoundingBox, ImageType, RadiomicsError,
    filters::{
        Boundary::{self, Mirror, Nearest, Periodic, Zero},
        Dimensions::{self, Three, Two},
        Gabor, Laws, Mean, NonseparableFamily, NonseparableWavelet,
        Pooling::{self, Average, Maximum},
        SampledLog, SeparableWavelet, Source, ibsi2,
    },
};

/// How far a map may be off, in percent of the reference map's range.
pub const MAP_TOLERANCE_PERCENT: f64 = 1.0;

/// A filter, and the phantom that it is applied to.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseMapTest {
    /// Number of the test, such as `3.b.1`.
    pub id: &'static str,
    /// Name of the phantom, such as `checkerboard`.
    pub phantom: &'static str,
    /// The filter.
    pub filter: ImageType,
}

impl ResponseMapTest {
    /// Name of the published map's file, without folder.
    fn reference_file(&self) -> String {
        format!("{}-ValidCRM.nii.gz", self.id.replace('.', "_"))
    }

    /// Filter the phantom and compare with the published map; `None` where that is not there.
    pub(super) fn check(&self, root: &Path) -> Result<Option<Check>, ConformanceError> {
        let map = root.join("reference/ibsi2").join(self.reference_file());
        let name = self.phantom;
        let phantom = root
            .join("data/ibsi/ibsi_2_digital_phantom/nifti")
            .join(format!("{name}/image/{name}.nii.gz"));
        if !map.exists() {
            return Ok(None);
        }
        let phantom = io::read_image(phantom)?;
        let reference = io::read_image(&map)?;
        if phantom.geometry().shape_zyx != reference.geometry().shape_zyx {
            return Err(ConformanceError::Table {
                path: map,
                what: format!("the map is not on the grid of the phantom `{name}`"),
            });
        }
        let response = self
            .response(&phantom)
            .map_err(|source| ConformanceError::Extraction {
                what: format!("IBSI 2, response map {}", self.id),
                source,
            })?;
        let percent = largest_deviation_percent(&response, reference.to_f64().voxels());
        Ok(Some(Check {
            standard: "IBSI 2",
            configuration: "response maps".to_owned(),
            feature: format!("{}, {name}: largest deviation, % of range", self.id),
            reference: 0.0,
            tolerance: MAP_TOLERANCE_PERCENT,
            ours: Some(percent),
            pass: percent <= MAP_TOLERANCE_PERCENT,
        }))
    }

    /// The response map of a phantom, all of it.
    ///
    /// # Shapes
    /// Returns the phantom's shape in C order.
    ///
    /// # Errors
    /// Whatever the filter refuses.
    pub fn response(&self, phantom: &Image) -> Result<Vec<f64>, RadiomicsError> {
        let window = BoundingBox {
            start_zyx: [0; 3],
            shape_zyx: phantom.geometry().shape_zyx,
        };
        let inside = vec![1; phantom.geometry().len()];
        let source = Source {
            image: phantom,
            window: &window,
            inside: &inside,
            force_2d_across_axis: None,
        };
        let derived = ibsi2::derive(&self.filter, &source)?;
        let first = derived.into_iter().flatten().next();
        Ok(first.map_or_else(Vec::new, |image| image.values))
    }
}

/// The largest difference of a voxel, in percent of the reference map's range.
fn largest_deviation_percent(response: &[f64], reference: &[f64]) -> f64 {
    let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut largest = 0.0f64;
    for (value, expected) in response.iter().zip(reference) {
        lowest = lowest.min(*expected);
        highest = highest.max(*expected);
        let deviation = (value - expected).abs();
        // `max` would swallow a NaN.
        largest = if deviation.is_nan() {
            f64::INFINITY
        } else {
            largest.max(deviation)
        };
    }
    100.0 * largest / (highest - lowest)
}

/// Every test of phase 1 that has a published map.
#[must_use]
pub fn response_map_tests() -> Vec<ResponseMapTest> {
    let impulse = |id, filter| test(id, "impulse", filter);
    let checkerboard = |id, filter| test(id, "checkerboard", filter);
    let sphere = |id, filter| test(id, "sphere", filter);
    vec![
        checkerboard("1.a.1", mean(Three, Zero)),
        checkerboard("1.a.2", mean(Three, Nearest)),
        checkerboard("1.a.3", mean(Three, Periodic)),
        checkerboard("1.a.4", mean(Three, Mirror)),
        impulse("1.b.1", mean(Two, Zero)),
        impulse("2.a", log(3.0, Three, None, Zero)),
        checkerboard("2.b", log(5.0, Three, None, Mirror)),
        checkerboard("2.c", log(5.0, Two, None, Mirror)),
        impulse("3.a.1", laws("E5L5S5", None, None, Zero)),
        impulse("3.a.2", laws("E5L5S5", Some(Maximum), None, Zero)),
        impulse("3.a.3", laws("E5L5S5", Some(Maximum), Some(7), Zero)),
        checkerboard("3.b.1", laws("E3W5R5", None, None, Mirror)),
        checkerboard("3.b.2", laws("E3W5R5", Some(Maximum), None, Mirror)),
        checkerboard("3.b.3", laws("E3W5R5", Some(Maximum), Some(7), Mirror)),
        checkerboard("3.c.1", laws("L5S5", None, None, Mirror)),
        checkerboard("3.c.2", laws("L5S5", Some(Maximum), None, Mirror)),
        checkerboard("3.c.3", laws("L5S5", Some(Maximum), Some(7), Mirror)),
        impulse("4.a.1", gabor([10.0, 4.0, 0.5], PI / 3.0, None, Zero)),
        impulse("4.a.2", gabor([10.0, 4.0, 0.5], 0.0, Some(PI / 4.0), Zero)),
        sphere("4.b.1", gabor([20.0, 8.0, 2.5], 1.25 * PI, None, Mirror)),
        sphere(
            "4.b.2",
            gabor([20.0, 8.0, 2.5], 0.0, Some(PI / 8.0), Mirror),
        ),
        impulse("5.a.1", wavelet("db2", 1, "LHL", None, Zero)),
        impulse("5.a.2", wavelet("db2", 1, "LHL", Some(Average), Zero)),
        sphere("6.a.1", wavelet("coif1", 1, "HHL", None, Periodic)),
        sphere("6.a.2", wavelet("coif1", 1, "HHL", Some(Average), Periodic)),
        checkerboard("7.a.1", wavelet("haar", 2, "LLL", Some(Average), Mirror)),
        checkerboard("7.a.2", wavelet("haar", 2, "HHH", Some(Average), Mirror)),
        checkerboard("8.a.1", simoncelli(1, Three, None, Periodic)),
        checkerboard("8.a.2", simoncelli(2, Three, None, Periodic)),
        checkerboard("8.a.3", simoncelli(3, Three, None, Periodic)),
        impulse("9.a", log(3.0, Three, Some([1, 0, 0]), Zero)),
        sphere("9.b.1", log(3.0, Three, Some([0, 2, 0]), Zero)),
        test(
            "10.b.1",
            "pattern_1",
            simoncelli(1, Three, Some([0, 2, 0]), Nearest),
        ),
    ]
}

fn test(id: &'static str, phantom: &'static str, filter: ImageType) -> ResponseMapTest {
    ResponseMapTest {
        id,
        phantom,
        filter,
    }
}

fn mean(dimensions: Dimensions, boundary: Boundary) -> ImageType {
    ImageType::Mean(Mean {
        support_voxels: 15,
        dimensions,
        boundary,
    })
}

fn log(
    sigma_mm: f64,
    dimensions: Dimensions,
    riesz_order_xyz: Option<[u32; 3]>,
    boundary: Boundary,
) -> ImageType {
    ImageType::SampledLog(SampledLog {
        sigma_mm,
        truncate: 4.0,
        dimensions,
        riesz_order_xyz,
        boundary,
    })
}

fn laws(
    kernels: &str,
    rotation_invariance: Option<Pooling>,
    energy_distance_voxels: Option<usize>,
    boundary: Boundary,
) -> ImageType {
    ImageType::Laws(Laws {
        kernels: kernels.to_owned(),
        rotation_invariance,
        energy_distance_voxels,
        boundary,
    })
}

fn gabor(
    [sigma_mm, lambda_mm, gamma]: [f64; 3],
    theta_rad: f64,
    theta_step_rad: Option<f64>,
    boundary: Boundary,
) -> ImageType {
    ImageType::Gabor(Gabor {
        sigma_mm,
        lambda_mm,
        gamma,
        theta_rad,
        theta_step_rad,
        orthogonal_planes: theta_step_rad.is_some(),
        pooling: Average,
        boundary,
    })
}

fn wavelet(
    wavelet: &str,
    level: usize,
    subband: &str,
    rotation_invariance: Option<Pooling>,
    boundary: Boundary,
) -> ImageType {
    ImageType::SeparableWavelet(SeparableWavelet {
        wavelet: wavelet.to_owned(),
        level,
        subband: subband.to_owned(),
        rotation_invariance,
        boundary,
    })
}

fn simoncelli(
    level: usize,
    dimensions: Dimensions,
    riesz_order_xyz: Option<[u32; 3]>,
    boundary: Boundary,
) -> ImageType {
    ImageType::NonseparableWavelet(NonseparableWavelet {
        family: NonseparableFamily::Simoncelli,
        level,
        dimensions,
        riesz_order_xyz,
        boundary,
    })
}
