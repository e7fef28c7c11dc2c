//! IBSI 1: the digital phantom, and the CT phantom in five configurations.

use std::path::Path;

use renalflow_imaging::{Image, LabelMap, LabelNames, io};

use super::{Check, ConformanceError, read_text, tags::TAGS, within};
use crate::{
    Aggregation, CLASSES, ClassSelection, Discretisation, Extraction, Ibsi, ImageParameters,
    ImageType, Interpolator, Parameters, Preprocessing, ResamplingParameters, Resegmentation,
    Settings, Standard, ThresholdMode,
};

/// A row of the manual's table of configurations.
struct Configuration {
    name: &'static str,
    /// File of the reference values.
    table: &'static str,
    /// Folder of image and mask.
    phantom: &'static str,
    preprocessing: Preprocessing,
    discretisation: Discretisation,
    /// Discretisation of the intensity-volume histogram.
    ivh: Option<Discretisation>,
    /// Whether textures are in slices, in 3D, or both.
    aggregations: &'static [Aggregation],
}

const IN_PLANE: &[Aggregation] = &[
    Aggregation::Averaged2D,
    Aggregation::SliceMerged2D,
    Aggregation::DirectionMerged25D,
    Aggregation::Merged25D,
];
const IN_SPACE: &[Aggregation] = &[Aggregation::Averaged3D, Aggregation::Merged3D];
const ALL: &[Aggregation] = &[
    Aggregation::Averaged2D,
    Aggregation::SliceMerged2D,
    Aggregation::DirectionMerged25D,
    Aggregation::Merged25D,
    Aggregation::Averaged3D,
    Aggregation::Merged3D,
];

const DIGITAL: &str = "data/ibsi/ibsi_1_digital_phantom/nifti";
const CT: &str = "data/ibsi/ibsi_1_ct_radiomics_phantom/nifti";

fn configurations() -> Vec<Configuration> {
    let resampled = |spacing_zyx_mm, interpolator| {
        Some(ResamplingParameters {
            spacing_zyx_mm,
            interpolator,
            round_intensities: true,
        })
    };
    let range = |lower: f64, upper: f64| {
        Some(Resegmentation {
            thresholds: vec![lower, upper],
            mode: ThresholdMode::Absolute,
        })
    };
    let fixed_size = |start| Discretisation::BinWidthFrom {
        width: 25.0,
        start: Some(start),
    };
    let by_slice = Preprocessing {
        resegmentation: range(-500.0, 400.0),
        ..Preprocessing::default()
    };
    let linear = resampled([2.0; 3], Interpolator::Linear);
    let ct = |name, table, preprocessing, discretisation, ivh, aggregations| Configuration {
        name,
        table,
        phantom: CT,
        preprocessing,
        discretisation,
        ivh,
        aggregations,
    };
    vec![
        Configuration {
            name: "digital phantom",
            table: "ibsi_1_dig_phantom.csv",
            phantom: DIGITAL,
            preprocessing: Preprocessing::default(),
            discretisation: Discretisation::BinWidthFrom {
                width: 1.0,
                start: None,
            },
            ivh: None,
            aggregations: ALL,
        },
        ct(
            "CT, A",
            "ibsi_1_chest_config_a.csv",
            by_slice.clone(),
            fixed_size(-500.0),
            None,
            IN_PLANE,
        ),
        ct(
            "CT, B",
            "ibsi_1_chest_config_b.csv",
            Preprocessing {
                resampling: resampled([0.0, 2.0, 2.0], Interpolator::Linear),
                ..by_slice
            },
            Discretisation::BinCount(32),
            None,
            IN_PLANE,
        ),
        ct(
            "CT, C",
            "ibsi_1_chest_config_c.csv",
            Preprocessing {
                resampling: linear,
                resegmentation: range(-1000.0, 400.0),
                ..Preprocessing::default()
            },
            fixed_size(-1000.0),
            Some(Discretisation::BinWidthFrom {
                width: 2.5,
                start: Some(-1000.0),
            }),
            IN_SPACE,
        ),
        ct(
            "CT, D",
            "ibsi_1_chest_config_d.csv",
            Preprocessing {
                resampling: linear,
                outlier_deviations: Some(3.0),
                ..Preprocessing::default()
            },
            Discretisation::BinCount(32),
            None,
            IN_SPACE,
        ),
        ct(
            "CT, E",
            "ibsi_1_chest_config_e.csv",
            Preprocessing {
                resampling: resampled([2.0; 3], Interpolator::BSpline),
                resegmentation: range(-1000.0, 400.0),
                outlier_deviations: Some(3.0),
                ..Preprocessing::default()
            },
            Discretisation::BinCount(32),
            Some(Discretisation::BinCount(1000)),
            IN_SPACE,
        ),
    ]
}

/// Compare every feature value of IBSI 1.
///
/// # Errors
/// References or phantoms that are not there, and features that cannot be computed.
pub fn ibsi_1(root: &Path) -> Result<Vec<Check>, ConformanceError> {
    let mut checks = Vec::new();
    for configuration in configurations() {
        let folder = root.join(configuration.phantom);
        let image = io::read_image(folder.join("image/phantom.nii.gz"))?;
        let mask = io::read_label_map(folder.join("mask/mask.nii.gz"), LabelNames::new())?;
        let table = root.join("reference/ibsi1").join(configuration.table);
        checks.extend(configuration.check(&image, &mask, &table)?);
    }
    Ok(checks)
}

impl Configuration {
    fn parameters(&self, aggregation: Aggregation, texture_only: bool) -> Parameters {
        let not_texture = [
            "firstorder",
            "shape",
            "morphology",
            "spatial",
            "localintensity",
            "ih",
            "ivh",
        ];
        let classes = CLASSES
            .iter()
            .filter(|class| !(texture_only && not_texture.contains(&class.name)))
            .filter(|class| class.name != "shape2D")
            .map(|class| ClassSelection::defaults_of(class.name))
            .collect();
        let settings = Settings {
            standard: Standard::Ibsi,
            discretisation: self.discretisation,
            ivh_discretisation: self.ivh,
            ivh_range: self.resegmentation_range(),
            aggregation: Some(aggregation),
            minimum_roi_dimensions: 0,
            classes,
            ..Settings::default()
        };
        Parameters {
            preprocessing: self.preprocessing.clone(),
            images: vec![ImageParameters {
                image_type: ImageType::Original,
                settings: settings.clone(),
            }],
            settings,
            additional_info: false,
            ..Parameters::default()
        }
    }

    /// The range that the intensity-volume histogram spans: that of the resegmentation.
    fn resegmentation_range(&self) -> [Option<f64>; 2] {
        match &self.preprocessing.resegmentation {
            Some(how) => {
                [how.thresholds.first(), how.thresholds.get(1)].map(Option::<&f64>::copied)
            }
            None => [None, None],
        }
    }

    fn check(
        &self,
        image: &Image,
        mask: &LabelMap,
        table: &Path,
    ) -> Result<Vec<Check>, ConformanceError> {
        let mut extractions = Vec::new();
        for (i, &aggregation) in self.aggregations.iter().enumerate() {
            let extraction = self
                .parameters(aggregation, i > 0)
                .extract(image, mask, 1)
                .map_err(|source| ConformanceError::Extraction {
                    what: format!("IBSI 1, {}", self.name),
                    source,
                })?;
            extractions.push((aggregation, extraction));
        }
        let mut checks = Vec::new();
        for line in read_text(table)?.lines().skip(1) {
            let Some((tag, reference, tolerance)) = parse(line, table)? else {
                continue;
            };
            let Some(ours) = value(&tag, &extractions) else {
                // Properties of images and masks between the steps are no features.
                continue;
            };
            checks.push(Check {
                standard: "IBSI 1",
                configuration: self.name.to_owned(),
                pass: ours.is_some_and(|ours| within(ours, reference, tolerance)),
                feature: tag,
                reference,
                tolerance,
                ours,
            });
        }
        Ok(checks)
    }
}

/// Tag, reference and tolerance of a line; `None` where the reference has no value.
fn parse(line: &str, table: &Path) -> Result<Option<(String, f64, f64)>, ConformanceError> {
    let wrong = || ConformanceError::Table {
        path: table.to_owned(),
        what: format!("`{line}` is not `reference value;tolerance;tag`"),
    };
    let mut cells = line.trim().split(';');
    let (Some(reference), Some(tolerance), Some(tag)) = (cells.next(), cells.next(), cells.next())
    else {
        return Err(wrong());
    };
    if reference.is_empty() {
        return Ok(None);
    }
    let reference = reference.parse().map_err(|_| wrong())?;
    let tolerance = if tolerance.is_empty() {
        0.0
    } else {
        tolerance.parse().map_err(|_| wrong())?
    };
    Ok(Some((tag.to_owned(), reference, tolerance)))
}

/// The value of a tag: `None` where the tag is no feature, `Some(None)` where it is one that
/// is missing here.
fn value(tag: &str, extractions: &[(Aggregation, Extraction)]) -> Option<Option<f64>> {
    let (stem, wanted) = split(tag);
    let family = stem.split('_').next().unwrap_or_default();
    let classes: &[&str] = match family {
        "morph" => &["shape", "morphology", "spatial"],
        "loc" => &["localintensity"],
        "stat" => &["firstorder"],
        "ih" => &["ih", "firstorder"],
        "ivh" => &["ivh"],
        "cm" => &["glcm"],
        "rlm" => &["glrlm"],
        "szm" => &["glszm"],
        "dzm" => &["gldzm"],
        "ngt" => &["ngtdm"],
        "ngl" => &["ngldm"],
        _ => return None,
    };
    if stem.starts_with("morph_mask") {
        return None;
    }
    let extraction = match wanted {
        Some(wanted) => extractions
            .iter()
            .find(|(aggregation, _)| suffix(*aggregation, family) == wanted),
        None => extractions.first(),
    };
    let code = TAGS.iter().find(|(known, _)| *known == stem);
    Some(extraction.and_then(|(_, extraction)| {
        classes.iter().find_map(|class| {
            let name = match code {
                Some((_, code)) => feature_with(class, code)?,
                None => ivh_name(stem)?,
            };
            extraction.get(&format!("original_{class}_{name}"))
        })
    }))
}

/// Tag and aggregation.
fn split(tag: &str) -> (&str, Option<&str>) {
    let suffixes = [
        "2D_avg",
        "2D_comb",
        "2_5D_avg",
        "2_5D_comb",
        "3D_avg",
        "3D_comb",
        "2_5D",
        "2D",
        "3D",
    ];
    for suffix in suffixes {
        if let Some(stem) = tag.strip_suffix(suffix)
            && let Some(stem) = stem.strip_suffix('_')
        {
            return (stem, Some(suffix));
        }
    }
    (tag, None)
}

/// How the tables write an aggregation; families without directions know three.
fn suffix(aggregation: Aggregation, family: &str) -> &'static str {
    let directed = matches!(family, "cm" | "rlm");
    match (aggregation, directed) {
        (Aggregation::Averaged2D, true) => "2D_avg",
        (Aggregation::SliceMerged2D, true) => "2D_comb",
        (Aggregation::DirectionMerged25D, true) => "2_5D_avg",
        (Aggregation::Merged25D, true) => "2_5D_comb",
        (Aggregation::Averaged3D, true) => "3D_avg",
        (Aggregation::Merged3D, true) => "3D_comb",
        (Aggregation::Averaged2D | Aggregation::SliceMerged2D, false) => "2D",
        (Aggregation::DirectionMerged25D | Aggregation::Merged25D, false) => "2_5D",
        (Aggregation::Averaged3D | Aggregation::Merged3D, false) => "3D",
    }
}

/// The feature of a class that has a code.
pub(super) fn feature_with(class: &str, code: &str) -> Option<&'static str> {
    let class = CLASSES.iter().find(|known| known.name == class)?;
    (class.docs)()
        .into_iter()
        .find(|doc| match doc.ibsi {
            Ibsi::Same(known) | Ibsi::Differs(known, _) => known == code,
            Ibsi::Duplicate(..) | Ibsi::Absent(_) => false,
        })
        .map(|doc| doc.name)
}

/// Features of the intensity-volume histogram share codes, their percentages being parameters.
fn ivh_name(stem: &str) -> Option<&'static str> {
    Some(match stem {
        "ivh_v10" => "V10",
        "ivh_v90" => "V90",
        "ivh_i10" => "I10",
        "ivh_i90" => "I90",
        "ivh_diff_v10_v90" => "V10MinusV90",
        "ivh_diff_i10_i90" => "I10MinusI90",
        "ivh_auc" => "AreaUnderCurve",
        _ => return None,
    })
}
