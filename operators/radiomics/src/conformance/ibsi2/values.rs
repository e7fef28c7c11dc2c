//! Phase 2: first-order statistics of response maps of a CT.

use std::{f64::consts::PI, ops::Range, sync::Arc};

use renalflow_imaging::{
    Image, LabelMap, LabelNames, Volume,
    geometry::GeometryError,
    resample::{
        GridRule, Interpolation, Output, Precision, ResampleError, Resampling, resample_image,
    },
};

use super::ConformanceError;
use crate::{
    Discretisation, ImageType, RadiomicsError, Region, Roi, Settings,
    filters::{
        Boundary::{Mirror, Periodic},
        Dimensions::{self, Three, Two},
        Gabor, Laws, Mean, NonseparableFamily, NonseparableWavelet, Pooling, SampledLog,
        SeparableWavelet, Source, ibsi2,
    },
    firstorder::FirstOrderTerms,
    statistics::sum_of,
};

/// What is done to the CT before it is filtered. Both keep those voxels of the region whose
/// intensity, before filtering, is from -1000 to 400 HU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Configuration {
    /// No resampling; filters in slices.
    A,
    /// Voxels of 1 mm, intensities by cubic splines and rounded, mask by trilinear
    /// interpolation and a threshold of one half; filters in the volume.
    B,
}

/// A filter and what comes before it.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueTest {
    /// Number of the test, such as `4.B`.
    pub id: &'static str,
    /// What is done to the CT before.
    pub configuration: Configuration,
    /// The filter.
    pub filter: ImageType,
}

/// A line of the table of reference values.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceValue {
    /// Number of the test.
    pub id: String,
    /// Name of the feature.
    pub feature: String,
    /// Its tag, such as `stat_mean`.
    pub tag: String,
    /// The value that the teams agreed on, and how far another may be off; `None` where they
    /// did not.
    pub consensus: Option<[f64; 2]>,
}

/// A value beside its reference.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueResult {
    /// Number of the test.
    pub id: &'static str,
    /// Name of the feature.
    pub feature: String,
    /// The value that the teams agreed on.
    pub reference: f64,
    /// How far another may be off.
    pub tolerance: f64,
    /// The value here.
    pub ours: f64,
    /// Whether it is within the tolerance.
    pub pass: bool,
}

/// An image and the voxels whose response is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The image that is filtered.
    pub image: Image,
    /// 1 where the response is measured.
    pub mask: LabelMap,
}

/// Every test of phase 2.
#[must_use]
pub fn value_tests() -> Vec<ValueTest> {
    const IDS: [[&str; 2]; 9] = [
        ["1.A", "1.B"],
        ["2.A", "2.B"],
        ["3.A", "3.B"],
        ["4.A", "4.B"],
        ["5.A", "5.B"],
        ["6.A", "6.B"],
        ["7.A", "7.B"],
        ["8.A", "8.B"],
        ["9.A", "9.B"],
    ];
    let mut tests = Vec::new();
    for (number, ids) in IDS.into_iter().enumerate() {
        let configurations = [(Configuration::A, Two), (Configuration::B, Three)];
        for (id, (configuration, dimensions)) in ids.into_iter().zip(configurations) {
            tests.push(ValueTest {
                id,
                configuration,
                filter: filter(number + 1, dimensions),
            });
        }
    }
    tests
}

fn filter(number: usize, dimensions: Dimensions) -> ImageType {
    let boundary = Mirror;
    let in_volume = dimensions == Three;
    let by = |slices: &str, volume: &str| if in_volume { volume } else { slices }.to_owned();
    let wavelet = |level, subband| {
        ImageType::SeparableWavelet(SeparableWavelet {
            wavelet: "db3".to_owned(),
            level,
            subband,
            rotation_invariance: Some(Pooling::Average),
            boundary,
        })
    };
    let simoncelli = |level| {
        ImageType::NonseparableWavelet(NonseparableWavelet {
            family: NonseparableFamily::Simoncelli,
            level,
            dimensions,
            riesz_order_xyz: None,
            boundary: Periodic,
        })
    };
    match number {
        2 => ImageType::Mean(Mean {
            support_voxels: 5,
            dimensions,
            boundary,
        }),
        3 => ImageType::SampledLog(SampledLog {
            sigma_mm: 1.5,
            truncate: 4.0,
            dimensions,
            riesz_order_xyz: None,
            boundary,
        }),
        4 => ImageType::Laws(Laws {
            kernels: by("L5E5", "L5E5E5"),
            rotation_invariance: Some(Pooling::Maximum),
            energy_distance_voxels: Some(7),
            boundary,
        }),
        5 => ImageType::Gabor(Gabor {
            sigma_mm: 5.0,
            lambda_mm: 2.0,
            gamma: 1.5,
            theta_rad: 0.0,
            theta_step_rad: Some(PI / 8.0),
            orthogonal_planes: in_volume,
            pooling: Pooling::Average,
            boundary,
        }),
        6 => wavelet(1, by("LH", "LLH")),
        7 => wavelet(2, by("HH", "HHH")),
        8 => simoncelli(1),
        9 => simoncelli(2),
        _ => ImageType::Original,
    }
}

/// Do to the CT and to its mask what a configuration asks for.
///
/// # Shapes
/// `image` and `mask`: the same grid; the region is wherever the mask is not 0.
///
/// # Errors
/// Whatever resampling refuses.
pub fn prepare(
    configuration: Configuration,
    image: &Image,
    mask: &LabelMap,
) -> Result<Prepared, ConformanceError> {
    let (image, inside) = match configuration {
        Configuration::A => {
            let inside = mask.volume.map(|&label| label != 0);
            (image.clone(), inside)
        }
        Configuration::B => {
            let grid = GridRule::Ibsi.grid(image.geometry(), [1.0; 3])?;
            let how = |interpolation, outside| Resampling {
                interpolation,
                precision: Precision::Double,
                output: Output::Real,
                outside,
            };
            let spline = how(Interpolation::CubicBSpline, -1000.0);
            let resampled = resample_image(image, &grid, &spline)?.to_f64();
            let shares = Image::F64(mask.volume.map(|&label| f64::from(u8::from(label != 0))));
            let linear = how(Interpolation::Linear, 0.0);
            let shares = resample_image(&shares, &grid, &linear)?.to_f64();
            let inside = shares.map(|&share| share >= 0.5);
            (Image::F64(resampled.map(|hu| hu.round())), inside)
        }
    };
    let intensities = image.to_f64();
    let voxels = intensities.voxels().iter().zip(inside.voxels());
    let kept = |(hu, &inside)| u16::from(inside && (-1000.0..=400.0).contains(hu));
    let labels: Vec<u16> = voxels.map(kept).collect();
    let geometry = image.geometry().clone();
    let volume =
        Volume::new(geometry, labels).map_err(|e: GeometryError| ResampleError::from(e))?;
    let mask = LabelMap {
        volume,
        names: LabelNames::new(),
    };
    Ok(Prepared { image, mask })
}

impl ValueTest {
    /// Filter the image, measure the response in the region, and compare.
    ///
    /// Returns one result a reference value of this test, in the order of the references.
    ///
    /// # Errors
    /// An empty region; whatever the filter refuses; a feature that is no first-order
    /// statistic.
    pub fn run(
        &self,
        prepared: &Prepared,
        references: &[ReferenceValue],
    ) -> Result<Vec<ValueResult>, ConformanceError> {
        let roi = self.roi(prepared)?;
        let statistics = statistics(&roi);
        let mut results = Vec::new();
        for reference in references.iter().filter(|r| r.id == self.id) {
            let Some([expected, tolerance]) = reference.consensus else {
                continue;
            };
            let known = statistics.iter().find(|(tag, _)| *tag == reference.tag);
            let Some(&(_, ours)) = known else {
                return Err(ConformanceError::UnknownFeature {
                    tag: reference.tag.clone(),
                });
            };
            results.push(ValueResult {
                id: self.id,
                feature: reference.feature.clone(),
                reference: expected,
                tolerance,
                ours,
                pass: (ours - expected).abs() <= tolerance,
            });
        }
        Ok(results)
    }

    /// The response in the region.
    fn roi(&self, prepared: &Prepared) -> Result<Roi, RadiomicsError> {
        let region = Arc::new(Region::new(&prepared.mask, 1, &Settings::default())?);
        let window = region.bounding_box;
        let inside = inside(&region);
        let source = Source {
            image: &prepared.image,
            window: &window,
            inside: &inside,
            force_2d_across_axis: None,
        };
        // The statistics read no grey levels.
        let bins = Discretisation::BinCount(32);
        let derived = ibsi2::derive(&self.filter, &source)?;
        match derived.into_iter().flatten().next() {
            Some(image) => Roi::from_window(&image.values, &window, region, bins),
            None => Roi::new(&prepared.image, &prepared.mask, region, bins),
        }
    }
}

/// 1 where the region is, its box in C order.
fn inside(region: &Region) -> Vec<u8> {
    let [_, ny, nx] = region.bounding_box.shape_zyx;
    let mut inside = vec![0; region.bounding_box.shape_zyx.iter().product()];
    for run in &region.runs {
        let [z, y, x] = run.start_zyx;
        let start = (z * ny + y) * nx + x;
        let voxels: Range<usize> = start..start + run.len;
        inside[voxels].fill(1);
    }
    inside
}

/// The 18 intensity-based statistics (`UHIW`) by their tags.
fn statistics(roi: &Roi) -> [(&'static str, f64); 18] {
    let terms = FirstOrderTerms::of(roi, &Settings::default());
    let from_median = sum_of(&roi.intensities, |x| (x - terms.median).abs());
    let quartiles = [terms.percentile_25, terms.percentile_75];
    [
        ("stat_mean", terms.mean),
        ("stat_var", terms.moment_2),
        ("stat_skew", terms.skewness()),
        ("stat_kurt", terms.kurtosis() - 3.0),
        ("stat_median", terms.median),
        ("stat_min", terms.minimum),
        ("stat_p10", terms.percentile_10),
        ("stat_p90", terms.percentile_90),
        ("stat_max", terms.maximum),
        ("stat_iqr", quartiles[1] - quartiles[0]),
        ("stat_range", terms.maximum - terms.minimum),
        ("stat_mad", terms.mean_absolute_deviation),
        ("stat_rmad", terms.robust_mean_absolute_deviation),
        ("stat_medad", from_median / terms.count),
        ("stat_cov", terms.moment_2.sqrt() / terms.mean),
        (
            "stat_qcod",
            (quartiles[1] - quartiles[0]) / (quartiles[1] + quartiles[0]),
        ),
        ("stat_energy", terms.energy),
        ("stat_rms", (terms.energy / terms.count).sqrt()),
    ]
}

/// Read the published table: a header, then lines of test, feature, tag, value and tolerance,
/// with semicolons between them and nothing for a value that the teams did not agree on.
///
/// # Errors
/// A line with other than five fields, or with a value and no tolerance.
pub fn parse_reference_values(table: &str) -> Result<Vec<ReferenceValue>, ConformanceError> {
    let lines = table.lines().enumerate().skip(1);
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            parse_line(line).ok_or_else(|| ConformanceError::Reference {
                line: number + 1,
                text: line.to_owned(),
            })
        })
        .collect()
}

fn parse_line(line: &str) -> Option<ReferenceValue> {
    let fields: Vec<&str> = line.split(';').map(str::trim).collect();
    let [id, feature, tag, value, tolerance] = fields.try_into().ok()?;
    let consensus = match (value, tolerance) {
        ("", "") => None,
        _ => Some([value.parse().ok()?, tolerance.parse().ok()?]),
    };
    Some(ReferenceValue {
        id: id.to_owned(),
        feature: feature.to_owned(),
        tag: tag.to_owned(),
        consensus,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_as_published() {
        let table = "filter_id;feature;feature_tag;consensus_value;tolerance\n\
            1.A;Energy;stat_energy;6.96e+09;4.5e+08\n\
            8.B;Quartile coefficient of dispersion;stat_qcod;;\n";
        let values = parse_reference_values(table).unwrap();
        assert_eq!(values.len(), 2);
        assert_eq!(values[0].consensus, Some([6.96e9, 4.5e8]));
        assert_eq!((values[1].id.as_str(), values[1].consensus), ("8.B", None));
        for bad in [
            "1.A;Mean;stat_mean;1",
            "1.A;Mean;stat_mean;1;",
            "1.A;Mean;stat_mean;x;1",
        ] {
            let error = parse_reference_values(&format!("header\n{bad}")).unwrap_err();
            assert!(matches!(error, ConformanceError::Reference { line: 2, .. }));
        }
    }

    #[test]
    fn every_test_has_its_own_filter() {
        let tests = value_tests();
        assert_eq!(tests.len(), 18);
        for (i, test) in tests.iter().enumerate() {
            let original = test.filter == ImageType::Original;
            assert_eq!(original, test.id.starts_with("1."), "{}", test.id);
            let same = tests[..i].iter().find(|other| other.filter == test.filter);
            assert!(same.is_none() || original, "{}", test.id);
        }
    }
}
