//! Phase 2: first-order statistics of response maps of a CT.

use std::f64::consts::PI;

use renalflow_imaging::{Image, LabelMap};

use super::super::{Check, ConformanceError, ibsi1::feature_with, tags::TAGS};
use crate::{
    ClassSelection, Discretisation, ImageParameters, ImageType, Interpolator, Parameters,
    Preprocessing, ResamplingParameters, Resegmentation, Settings, Standard, ThresholdMode,
    filters::{
        Boundary::{Mirror, Periodic},
        Dimensions::{self, Three, Two},
        Gabor, Laws, Mean, NonseparableFamily, NonseparableWavelet, Pooling, SampledLog,
        SeparableWavelet,
    },
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
pub(super) struct ReferenceValue {
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

impl ValueTest {
    /// What a parameter file for this test would say.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let settings = Settings {
            standard: Standard::Ibsi,
            classes: vec![ClassSelection::defaults_of("firstorder")],
            // The statistics read no grey levels.
            discretisation: Discretisation::BinCount(32),
            ..Settings::default()
        };
        let resampling = match self.configuration {
            Configuration::A => None,
            Configuration::B => Some(ResamplingParameters {
                spacing_zyx_mm: [1.0; 3],
                interpolator: Interpolator::BSpline,
                round_intensities: true,
            }),
        };
        Parameters {
            preprocessing: Preprocessing {
                resampling,
                resegmentation: Some(Resegmentation {
                    thresholds: vec![-1000.0, 400.0],
                    mode: ThresholdMode::Absolute,
                }),
                ..Preprocessing::default()
            },
            images: vec![ImageParameters {
                image_type: self.filter.clone(),
                settings: settings.clone(),
            }],
            settings,
            additional_info: false,
            ..Parameters::default()
        }
    }

    /// Filter the CT, measure the response in the region, and compare; one check a reference
    /// value, in their order.
    pub(super) fn check(
        &self,
        image: &Image,
        mask: &LabelMap,
        references: &[ReferenceValue],
    ) -> Result<Vec<Check>, ConformanceError> {
        let parameters = self.parameters();
        let names: Vec<String> = parameters.images.iter().flat_map(|i| i.names()).collect();
        let extraction =
            parameters
                .extract(image, mask, 1)
                .map_err(|source| ConformanceError::Extraction {
                    what: format!("IBSI 2, {}", self.id),
                    source,
                })?;
        let value = |tag: &str| {
            let (_, code) = TAGS.iter().find(|(known, _)| *known == tag)?;
            let feature = feature_with("firstorder", code)?;
            extraction.get(&format!("{}_firstorder_{feature}", names.first()?))
        };
        let of_test = references.iter().filter(|r| r.id == self.id);
        Ok(of_test
            .filter_map(|reference| {
                let [expected, tolerance] = reference.consensus?;
                let ours = value(&reference.tag);
                Some(Check {
                    standard: "IBSI 2",
                    configuration: format!("CT, {}", self.id),
                    feature: reference.feature.clone(),
                    reference: expected,
                    tolerance,
                    pass: ours.is_some_and(|ours| (ours - expected).abs() <= tolerance),
                    ours,
                })
            })
            .collect())
    }
}

/// Read the published table: a header, then lines of test, feature, tag, value and tolerance,
/// with semicolons between them and nothing for a value that the teams did not agree on.
/// Returns the line that cannot be read otherwise.
pub(super) fn parse_reference_values(table: &str) -> Result<Vec<ReferenceValue>, String> {
    table
        .lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(|line| parse_line(line).ok_or_else(|| line.to_owned()))
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
            let error = parse_reference_values(&format!("header\n{bad}"));
            assert_eq!(error, Err(bad.to_owned()));
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
