//! Features at every voxel, as volumes.

use std::{num::NonZeroU64, path::Path};

use renalflow_imaging::{Image, LabelMap, LabelNames, io};
use renalflow_radiomics::{Parameters, maps::DEFAULT_MEMORY_BOUND_BYTES};

use super::{
    cases::{Case, Row},
    work::{guarded, on_threads},
};
use crate::{cli, screen};

/// Write the maps of every row into a folder; of several rows, each into a folder of its own.
/// Returns the number of rows that failed.
pub fn run(
    cases: &[Case],
    parameters: &Parameters,
    folder: &Path,
    options: &cli::Radiomics,
) -> usize {
    let rows: usize = cases.iter().map(|case| case.rows.len()).sum();
    let mut failed = 0;
    // One case after the other: its voxels are shared by the threads, and the bound holds.
    for case in cases {
        let volumes = guarded(|| on_threads(options.jobs, || read(case)));
        for row in &case.rows {
            let folder = if rows == 1 {
                folder.to_owned()
            } else {
                folder.join(format!("row-{:04}-label-{}", row.place + 1, row.label))
            };
            let written = match &volumes {
                Ok((image, mask)) => {
                    guarded(|| write(image, mask, row, parameters, &folder, options))
                }
                Err(error) => Err(error.clone()),
            };
            if let Err(error) = written {
                failed += 1;
                screen::complain(format!("{}: {error}", case.with_label(row.label)));
            }
        }
    }
    failed
}

fn read(case: &Case) -> Result<(Image, LabelMap), String> {
    let (image, mask) = rayon::join(
        || io::read_image(&case.image),
        || io::read_label_channel(&case.mask, LabelNames::new(), case.label_channel),
    );
    let image = image.map_err(|error| error.to_string())?;
    Ok((image, mask.map_err(|error| error.to_string())?))
}

/// Say what will be computed and how much memory it takes, then do it.
fn write(
    image: &Image,
    mask: &LabelMap,
    row: &Row,
    parameters: &Parameters,
    folder: &Path,
    options: &cli::Radiomics,
) -> Result<(), String> {
    let bound_bytes = options
        .max_memory_mib
        .map_or(DEFAULT_MEMORY_BOUND_BYTES, |mib| {
            NonZeroU64::get(mib).saturating_mul(1 << 20)
        });
    let written = on_threads(options.jobs, || {
        let maps = parameters
            .maps(image, mask, row.label, bound_bytes)
            .map_err(|error| error.to_string())?;
        if !options.quiet {
            screen::remark(maps.plan());
        }
        maps.write(folder).map_err(|error| error.to_string())
    })?;
    if !options.quiet {
        for warning in &written.warnings {
            screen::remark(format!("warning: {warning}"));
        }
        screen::say(format!(
            "{} maps in {}",
            written.files.len(),
            folder.display()
        ));
    }
    Ok(())
}
