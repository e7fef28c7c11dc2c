//! PyRadiomics' own tables of real cases.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use renalflow_imaging::{LabelNames, io};

use super::{Check, ConformanceError, read_text};
use crate::{ImageType, Parameters};

/// Compare every value of the tables in `reference/pyradiomics`, columns complete both ways.
///
/// The tolerance is 1e-6 of the value and 1e-9 around zero; 1e-4 for images that pass through
/// ITK's recursive Gaussian or its B-spline.
///
/// # Errors
/// Tables, parameter files or volumes that cannot be read, features that cannot be computed.
pub fn pyradiomics(root: &Path) -> Result<Vec<Check>, ConformanceError> {
    let folder = root.join("reference/pyradiomics");
    let mut checks = Vec::new();
    for table in ["original", "filters", "resampled", "slicewise"] {
        let path = folder.join(format!("{table}.csv"));
        let text = read_text(&path)?;
        let params = folder.join(format!("params/{table}.yaml"));
        let (mut parameters, _) = Parameters::read(&params)?;
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        if !header.iter().any(|column| column.starts_with("lbp-3D")) {
            // PyRadiomics leaves LBP3D out, with a warning, where the SciPy that it runs on no
            // longer has what it calls. Such a table says nothing of it.
            parameters
                .images
                .retain(|image| !matches!(image.image_type, ImageType::Lbp3d { .. }));
        }
        for line in lines {
            let row: BTreeMap<&str, &str> = header.iter().copied().zip(line.split(',')).collect();
            let Some(case) = row.get("case") else {
                return Err(ConformanceError::Table {
                    path,
                    what: "there is no column `case`".to_owned(),
                });
            };
            let [image, mask] = files(root, case);
            if !image.exists() {
                continue;
            }
            checks.extend(check_case(table, &parameters, case, &row, [&image, &mask])?);
        }
    }
    Ok(checks)
}

/// Image and mask of a case of the tables.
fn files(root: &Path, case: &str) -> [PathBuf; 2] {
    if case.starts_with("STS_") {
        let folder = root.join("data/sts").join(case);
        [folder.join("image.nii.gz"), folder.join("mask.nii.gz")]
    } else {
        let folder = root.join("data/pyradiomics");
        [
            folder.join(format!("{case}_image.nrrd")),
            folder.join(format!("{case}_label.nrrd")),
        ]
    }
}

fn check_case(
    table: &str,
    parameters: &Parameters,
    case: &str,
    row: &BTreeMap<&str, &str>,
    [image, mask]: [&Path; 2],
) -> Result<Vec<Check>, ConformanceError> {
    let image = io::read_image(image)?;
    let mask = io::read_label_map(mask, LabelNames::new())?;
    let extraction = parameters
        .extract(&image, &mask, parameters.label)
        .map_err(|source| ConformanceError::Extraction {
            what: format!("PyRadiomics, {table}, {case}"),
            source,
        })?;
    let ours: BTreeMap<&str, f64> = extraction
        .values
        .iter()
        .map(|feature| (feature.column.as_str(), feature.value))
        .collect();
    let theirs: BTreeMap<&str, f64> = row
        .iter()
        .filter(|(column, _)| **column != "case")
        .map(|(column, text)| (*column, text.parse().unwrap_or(f64::NAN)))
        .collect();
    let columns: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
    Ok(columns
        .into_iter()
        .map(|column| {
            // A column that only one of the two has fails.
            let reference = theirs.get(column).copied();
            let value = ours.get(column).copied();
            let tolerance = tolerance(table, column, reference.unwrap_or(f64::NAN));
            let pass = match (value, reference) {
                (Some(value), Some(reference)) => {
                    (value - reference).abs() <= tolerance || (value.is_nan() && reference.is_nan())
                }
                _ => false,
            };
            Check {
                standard: "PyRadiomics",
                configuration: format!("{table}, {case}"),
                feature: column.to_owned(),
                reference: reference.unwrap_or(f64::NAN),
                tolerance,
                ours: value,
                pass,
            }
        })
        .collect())
}

fn tolerance(table: &str, column: &str, reference: f64) -> f64 {
    let through_itk = column.starts_with("log-sigma") || table == "resampled";
    let relative = if through_itk { 1e-4 } else { 1e-6 };
    (relative * reference.abs()).max(1e-9)
}
