//! How long each feature class takes on a case, from grey levels to features.
//!
//! usage: `class_times IMAGE MASK [BIN_WIDTH]`; for one thread set `RAYON_NUM_THREADS=1`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{hint::black_box, path::PathBuf, sync::Arc, time::Instant};

use renalflow_imaging::{LabelNames, io};
use renalflow_radiomics::{
    Aggregation, CLASSES, Compute, Discretisation, Region, Roi, Settings, Standard,
};

const REPETITIONS: usize = 50;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let image = io::read_image(PathBuf::from(&arguments[0])).unwrap();
    let mask = io::read_label_map(PathBuf::from(&arguments[1]), LabelNames::new()).unwrap();
    let bin_width = arguments
        .get(2)
        .map_or(25.0, |width| width.parse().unwrap());
    let pyradiomics = Settings {
        discretisation: Discretisation::BinWidth(bin_width),
        ..Settings::default()
    };
    let ibsi = |aggregation| Settings {
        standard: Standard::Ibsi,
        aggregation: Some(aggregation),
        ..pyradiomics.clone()
    };
    let region = Arc::new(Region::new(&mask, 1, &pyradiomics).unwrap());
    let roi = Roi::new(&image, &mask, region, pyradiomics.discretisation).unwrap();
    println!(
        "{} voxels, {} grey levels, box {:?}",
        roi.region.voxel_count,
        roi.grey_levels.values.len(),
        roi.region.bounding_box.shape_zyx
    );
    for (title, settings) in [
        ("PyRadiomics", pyradiomics.clone()),
        ("IBSI, 3D merged", ibsi(Aggregation::Merged3D)),
        ("IBSI, 2D averaged", ibsi(Aggregation::Averaged2D)),
    ] {
        println!("{title}");
        for class in CLASSES {
            let Compute::FromImage(compute) = class.compute else {
                continue;
            };
            let wanted = class.select(&[], settings.standard).unwrap();
            if wanted.is_empty() {
                continue;
            }
            let mut times: Vec<f64> = (0..REPETITIONS)
                .map(|_| {
                    let start = Instant::now();
                    black_box(compute(black_box(&roi), &settings, &wanted).unwrap());
                    start.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            times.sort_by(f64::total_cmp);
            println!(
                "  {:<10} {:7.3} ms (fastest {:.3})",
                class.name,
                times[times.len() / 2],
                times[0]
            );
        }
    }
}
