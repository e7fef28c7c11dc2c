//! First-order features of derived images equal PyRadiomics' on the real cases of the shared
//! reference tables.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::assert_near;
use renalflow_imaging::{Image, LabelMap, LabelNames, Volume, io};
use renalflow_radiomics::{
    Compute, Discretisation, ImageType, Region, Roi, Settings,
    filters::{Lbp2dMethod, Source, derive},
    firstorder::FIRST_ORDER,
};

fn shared() -> PathBuf {
    std::env::var_os("RENALFLOW_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

/// Image and mask of a case of the reference tables.
fn files(case: &str) -> [PathBuf; 2] {
    if case.starts_with("STS_") {
        let folder = shared().join("data/sts").join(case);
        [folder.join("image.nii.gz"), folder.join("mask.nii.gz")]
    } else {
        let folder = shared().join("data/pyradiomics");
        [
            folder.join(format!("{case}_image.nrrd")),
            folder.join(format!("{case}_label.nrrd")),
        ]
    }
}

/// What a table was made with.
struct Table {
    file: &'static str,
    image_types: Vec<ImageType>,
    bin_width: f64,
    force_2d_across_axis: Option<usize>,
    resegment_range: Option<[f64; 2]>,
}

fn tables() -> [Table; 2] {
    let wavelet = |levels| ImageType::Wavelet {
        wavelet: "coif1".to_owned(),
        start_level: 0,
        levels,
    };
    [
        Table {
            file: "filters.csv",
            image_types: vec![
                ImageType::Original,
                ImageType::LoG {
                    sigmas_mm: vec![1.0, 3.0],
                },
                wavelet(1),
                ImageType::Square,
                ImageType::SquareRoot,
                ImageType::Logarithm,
                ImageType::Exponential,
                ImageType::Gradient { use_spacing: true },
                ImageType::Lbp2d {
                    radius_voxels: 1.0,
                    samples: 8,
                    method: Lbp2dMethod::Uniform,
                },
            ],
            bin_width: 25.0,
            force_2d_across_axis: None,
            resegment_range: None,
        },
        Table {
            file: "slicewise.csv",
            image_types: vec![ImageType::Original, wavelet(2)],
            bin_width: 10.0,
            force_2d_across_axis: Some(0),
            resegment_range: Some([-150.0, 250.0]),
        },
    ]
}

/// The voxels of label 1 whose intensities are in a range.
fn resegmented(image: &Image, mask: &LabelMap, [low, high]: [f64; 2]) -> LabelMap {
    let intensities = image.to_f64();
    let labels: Vec<u16> = mask
        .volume
        .voxels()
        .iter()
        .zip(intensities.voxels())
        .map(|(&label, x)| u16::from(label == 1 && (low..=high).contains(x)))
        .collect();
    LabelMap {
        volume: Volume::new(mask.geometry().clone(), labels).unwrap(),
        names: LabelNames::new(),
    }
}

/// The region's mask without its margins.
fn inside(region: &Region) -> Vec<u8> {
    let [nz, ny, nx] = region.bounding_box.shape_zyx;
    let mut inside = Vec::with_capacity(nz * ny * nx);
    for z in 0..nz {
        for y in 0..ny {
            let start = region.padded_index([z, y, 0]);
            inside.extend_from_slice(&region.mask[start..start + nx]);
        }
    }
    inside
}

#[test]
fn first_order_features_of_derived_images_equal_pyradiomics() {
    for table in tables() {
        let path = shared().join("reference/pyradiomics").join(table.file);
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("skipped: {} is not there", path.display());
            return;
        };
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let columns = header
            .iter()
            .filter(|column| column.contains("_firstorder_"))
            .count();
        for line in lines {
            let row: BTreeMap<&str, &str> = header.iter().copied().zip(line.split(',')).collect();
            let case = row["case"];
            let [image, mask] = files(case);
            if !image.exists() {
                println!("skipped {case}: {} is not there", image.display());
                continue;
            }
            let image = io::read_image(&image).unwrap();
            let mask = io::read_label_map(&mask, LabelNames::new()).unwrap();
            let (compared, largest) = compare(&table, case, &row, &image, mask);
            assert_eq!(compared, columns, "{} {case}", table.file);
            println!(
                "{} {case}: {compared} values, relative deviation at most {:.1e} in {}",
                table.file, largest.0, largest.1
            );
        }
    }
}

fn compare(
    table: &Table,
    case: &str,
    row: &BTreeMap<&str, &str>,
    image: &Image,
    mask: LabelMap,
) -> (usize, (f64, String)) {
    let settings = Settings {
        discretisation: Discretisation::BinWidth(table.bin_width),
        ..Settings::default()
    };
    let mask = match table.resegment_range {
        Some(range) => resegmented(image, &mask, range),
        None => mask,
    };
    let region = Arc::new(Region::new(&mask, 1, &settings).unwrap());
    let inside = inside(&region);
    let source = Source {
        image,
        window: &region.bounding_box,
        inside: &inside,
        force_2d_across_axis: table.force_2d_across_axis,
    };
    let docs = (FIRST_ORDER.docs)();
    let wanted = FIRST_ORDER.select(&[], settings.standard).unwrap();
    let Compute::FromImage(compute) = FIRST_ORDER.compute else {
        panic!("first-order features need an image");
    };
    let mut compared = 0;
    let mut largest = (0.0, String::new());
    for image_type in &table.image_types {
        let outcome = derive(image_type, &source).unwrap();
        assert_eq!(outcome.skipped, []);
        let tolerance = match image_type {
            ImageType::LoG { .. } => 1e-4,
            _ => 1e-6,
        };
        for derived in &outcome.derived {
            let roi = Roi::from_window(
                &derived.values,
                source.window,
                Arc::clone(&region),
                settings.discretisation,
            )
            .unwrap();
            let values = compute(&roi, &settings, &wanted).unwrap();
            for (value, &feature) in values.into_iter().zip(&wanted) {
                let column = format!("{}_firstorder_{}", derived.name, docs[feature].name);
                let reference: f64 = row[column.as_str()].parse().unwrap();
                assert_near(value, reference, tolerance, &format!("{case} {column}"));
                let deviation = (value - reference).abs() / reference.abs();
                if deviation > largest.0 && value != reference {
                    largest = (deviation, column);
                }
                compared += 1;
            }
        }
    }
    (compared, largest)
}
