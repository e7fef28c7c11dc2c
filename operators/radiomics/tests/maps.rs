//! Maps: equal to PyRadiomics' voxel-based extraction (`golden/make_maps.py` made the values),
//! whatever the slabs and threads, and no panic on regions and images that have none.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{grid, image, mask};
use renalflow_imaging::{Geometry, Image, LabelMap, nifti::read_image};
use renalflow_radiomics::{
    CLASSES, ClassSelection, Discretisation, ImageParameters, ImageType, LogSigma, Parameters,
    RadiomicsError, Settings, VoxelParameters, WeightingNorm,
    maps::{DEFAULT_MEMORY_BOUND_BYTES, MapSlab},
};

const GOLDEN: &str = include_str!("golden/maps.csv");
const SHAPE_ZYX: [usize; 3] = [8, 12, 14];

/// The classes of PyRadiomics that read an image.
const TEXTURE: [&str; 6] = ["firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm"];

fn synthetic() -> (Image, LabelMap) {
    let geometry = Geometry {
        origin_xyz_mm: [-10.0, 20.0, 5.0],
        ..grid(SHAPE_ZYX, [2.5, 1.1, 0.8])
    };
    let mut state = 12345u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 16)
    };
    let count = geometry.len();
    let intensities: Vec<f64> = (0..count)
        .map(|_| (noise() / 512.0).floor() / 4.0)
        .collect();
    let speckle: Vec<f64> = (0..count).map(|_| noise()).collect();
    let [_, ny, nx] = SHAPE_ZYX;
    let at = |i: usize| [i / (ny * nx), i / nx % ny, i % nx].map(|n| n as f64);
    let intensities = intensities.into_iter().enumerate().map(|(i, value)| {
        let [z, y, x] = at(i);
        if y < 3.0 && x < 6.0 {
            17.25
        } else {
            value + 6.0 * z - 2.0 * x - 9.0
        }
    });
    let inside = (0..count).map(|i| {
        let [z, y, x] = at(i);
        let radius = ((z - 2.0) / 3.2).powi(2) + ((y - 2.0) / 3.4).powi(2);
        let ball = radius + ((x - 3.0) / 3.2).powi(2) <= 1.0 && speckle[i] > 44000.0;
        let line = z == 5.0 && y == 6.0 && x < 7.0;
        u16::from(ball || line || [z, y, x] == [7.0, 9.0, 10.0])
    });
    let (intensities, inside) = (intensities.collect(), inside.collect());
    (image(&geometry, intensities), mask(&geometry, inside))
}

fn with(classes: &[&str], settings: Settings, voxel: VoxelParameters) -> Parameters {
    let classes = classes
        .iter()
        .filter(|name| CLASSES.iter().any(|class| class.name == **name));
    let settings = Settings {
        classes: classes
            .map(|name| ClassSelection::defaults_of(name))
            .collect(),
        discretisation: match settings.discretisation {
            Discretisation::BinWidth(_) => Discretisation::BinWidth(4.0),
            other => other,
        },
        ..settings
    };
    Parameters {
        images: vec![ImageParameters {
            image_type: ImageType::Original,
            settings: settings.clone(),
        }],
        settings,
        voxel,
        ..Parameters::default()
    }
}

/// A few features on images of four types, one of which has a bin width of its own.
fn derived(voxel: VoxelParameters) -> Parameters {
    let select = |class: &str, features: &[&str]| ClassSelection {
        class: class.to_owned(),
        features: features.iter().map(|&name| name.to_owned()).collect(),
    };
    let on = |image_type, bin_width| ImageParameters {
        image_type,
        settings: Settings {
            discretisation: Discretisation::BinWidth(bin_width),
            classes: vec![
                select("firstorder", &["Mean", "Skewness", "Entropy"]),
                select("glcm", &["Contrast", "Idn"]),
            ],
            ..Settings::default()
        },
    };
    let wavelet = ImageType::Wavelet {
        wavelet: "coif1".to_owned(),
        start_level: 0,
        levels: 1,
    };
    let log = ImageType::LoG {
        sigmas: vec![LogSigma::from_mm(2.0)],
    };
    Parameters {
        images: vec![
            on(wavelet, 4.0),
            on(log, 4.0),
            on(ImageType::Square, 4.0),
            on(ImageType::Gradient { use_spacing: true }, 2.0),
        ],
        voxel,
        ..Parameters::default()
    }
}

fn variant(name: &str) -> Parameters {
    let settings = Settings::default();
    let voxel = VoxelParameters::default();
    let radius = |kernel_radius_voxels| VoxelParameters {
        kernel_radius_voxels,
        ..voxel
    };
    let unmasked = |radius| VoxelParameters {
        kernel_radius_voxels: radius,
        masked_kernel: false,
        ..voxel
    };
    let nan = |voxel| VoxelParameters {
        initial_value: f64::NAN,
        ..voxel
    };
    let across = |axis| Settings {
        force_2d_across_axis: Some(axis),
        ..settings.clone()
    };
    let two = &TEXTURE[..2];
    match name {
        "masked-1" => with(&TEXTURE, settings, nan(voxel)),
        "masked-2" => with(&TEXTURE, settings, radius(2)),
        "unmasked-1" => with(&TEXTURE, settings, nan(unmasked(1))),
        "unmasked-2" => with(two, settings, unmasked(2)),
        "in-plane" => with(&TEXTURE, across(0), voxel),
        "in-plane-y" => {
            let settings = Settings {
                voxel_array_shift: 30.0,
                ..across(1)
            };
            with(two, settings, unmasked(2))
        }
        "count" => {
            let settings = Settings {
                discretisation: Discretisation::BinCount(5),
                ..settings
            };
            with(two, settings, voxel)
        }
        "ordered" => {
            let settings = Settings {
                symmetric_glcm: false,
                distances_voxels: vec![1, 2],
                ..settings
            };
            with(&["glcm"], settings, voxel)
        }
        "weighted" => {
            let settings = Settings {
                weighting_norm: Some(WeightingNorm::Euclidean),
                ..settings
            };
            with(&["glcm"], settings, nan(radius(2)))
        }
        "wide" => with(&["firstorder"], settings, unmasked(20)),
        "derived" => derived(voxel),
        "derived-unmasked" => derived(unmasked(1)),
        "one-batch" => with(&["glcm"], settings, nan(voxel)),
        other => panic!("no variant {other}"),
    }
}

/// All maps, put together from their slabs.
fn compute(
    parameters: &Parameters,
    image: &Image,
    mask: &LabelMap,
) -> Result<(Geometry, BTreeMap<String, Vec<f64>>), RadiomicsError> {
    let maps = parameters.maps(image, mask, 1, DEFAULT_MEMORY_BOUND_BYTES)?;
    let mut volumes: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    maps.compute(&mut |slab: &MapSlab<'_>| -> Result<(), RadiomicsError> {
        let volume = volumes.entry(slab.column.to_owned()).or_default();
        let [nz, ny, nx] = slab.shape_zyx;
        assert_eq!(volume.len(), slab.first_slice * ny * nx);
        assert_eq!(slab.values.len(), nz * ny * nx);
        volume.extend_from_slice(slab.values);
        Ok(())
    })?;
    let planned: BTreeSet<_> = maps.plan().columns.iter().collect();
    assert_eq!(planned, volumes.keys().collect());
    Ok((maps.plan().grid.clone(), volumes))
}

/// The values of a map at the voxels of the region; elsewhere it must have the initial value.
fn at_region(geometry: &Geometry, volume: &[f64], mask: &LabelMap, initial_value: f64) -> Vec<f64> {
    let start = mask.geometry().voxel_from_world(geometry.origin_xyz_mm);
    let start = start.map(|i| i.round() as usize);
    let [_, ny, nx] = mask.geometry().shape_zyx;
    let mut values = Vec::new();
    let [sz, sy, sx] = geometry.shape_zyx;
    for (i, &value) in volume.iter().enumerate() {
        let [z, y, x] = [i / (sy * sx), i / sx % sy, i % sx];
        let voxel = ((start[0] + z) * ny + start[1] + y) * nx + start[2] + x;
        if mask.volume.voxels()[voxel] == 1 {
            values.push(value);
        } else {
            assert_eq!(
                value.to_bits(),
                initial_value.to_bits(),
                "outside the region"
            );
        }
    }
    assert_eq!(volume.len(), sz * sy * sx);
    values
}

fn numbers(list: &str) -> Vec<f64> {
    list.split(';')
        .map(|number| number.parse().unwrap())
        .collect()
}

/// Where PyRadiomics' number is not its definition's.
fn is_lost_there(variant: &str, column: &str, here: f64, there: f64) -> bool {
    match column {
        // NaN wherever one of the voxels that are done together lacks a direction.
        "original_glcm_JointAverage" | "original_glcm_MCC" => {
            variant == "one-batch" && there.is_nan()
        }
        // 1 by convention in a direction whose first levels are all equal, unless the sum of
        // three thirds is not 1: then that direction counts as 0.
        "original_glcm_Correlation" => variant == "ordered" && here == 1.0 && there > 0.95,
        // 0 where all intensities are equal, unless their sum is rounded: then a deviation of
        // rounding's size, of one sign, has a skewness of 1 or -1.
        "square_firstorder_Skewness" => here == 0.0 && there == -1.0,
        _ => false,
    }
}

#[test]
fn maps_are_those_of_pyradiomics() {
    let (image, mask) = synthetic();
    let mut golden: BTreeMap<&str, Vec<(&str, Vec<f64>)>> = BTreeMap::new();
    for line in GOLDEN.lines().skip(2) {
        let fields: Vec<_> = line.split(',').collect();
        let values = numbers(fields[2]);
        golden
            .entry(fields[0])
            .or_default()
            .push((fields[1], values));
    }
    assert_eq!(golden.len(), 13);
    let mut worst = 0f64;
    let mut wrong = Vec::new();
    for (name, theirs) in golden {
        let parameters = variant(name);
        let (geometry, ours) = compute(&parameters, &image, &mask).unwrap();
        let initial = parameters.voxel.initial_value;
        let mut found = BTreeSet::new();
        for (column, values) in theirs {
            if column == "grid" {
                assert_eq!(geometry.shape_zyx.map(|n| n as f64), values[..3], "{name}");
                let [x, y, z] = geometry.origin_xyz_mm;
                assert_eq!([z, y, x], values[3..], "{name}");
                continue;
            }
            let class = column.split('_').nth(1).unwrap();
            if CLASSES.iter().all(|known| known.name != class) {
                continue;
            }
            let volume = ours
                .get(column)
                .unwrap_or_else(|| panic!("{name} {column} is missing"));
            found.insert(column);
            let here = at_region(&geometry, volume, &mask, initial);
            assert_eq!(here.len(), values.len(), "{name} {column}");
            for (voxel, (&here, there)) in here.iter().zip(values).enumerate() {
                if is_lost_there(name, column, here, there) {
                    continue;
                }
                // The root of an eigenvalue is near zero where that is zero to rounding.
                let zero = if column.ends_with("_MCC") { 1e-6 } else { 1e-9 };
                let off = (here - there).abs() / there.abs().max(zero / 1e-6);
                if off > 1e-6 || here.is_nan() != there.is_nan() {
                    wrong.push(format!(
                        "{name} {column} voxel {voxel}: {here} here, {there} there"
                    ));
                    continue;
                }
                worst = worst.max(off);
            }
        }
        let ours: BTreeSet<_> = ours.keys().map(String::as_str).collect();
        assert_eq!(ours, found, "{name}: maps that PyRadiomics has not");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("largest relative deviation: {worst:.1e}");
}

/// Some slabs hold one slice, some threads do nothing, and the bits are the same.
#[test]
fn slabs_and_threads_do_not_change_a_bit() {
    let (image, mask) = synthetic();
    let mut parameters = variant("masked-2");
    let whole = compute(&parameters, &image, &mask).unwrap();
    parameters.voxel.batch_voxels = Some(1);
    let plan = parameters.maps(&image, &mask, 1, DEFAULT_MEMORY_BOUND_BYTES);
    let slabs = plan.unwrap().plan().slabs.len();
    assert!(slabs > 5, "{slabs} slabs");
    for threads in [1, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let here = pool
            .build()
            .unwrap()
            .install(|| compute(&parameters, &image, &mask));
        let bits = |maps: &BTreeMap<String, Vec<f64>>| -> Vec<u64> {
            maps.values()
                .flatten()
                .map(|value| value.to_bits())
                .collect()
        };
        let here = here.unwrap();
        assert_eq!(here.0, whole.0);
        assert_eq!(bits(&here.1), bits(&whole.1), "{threads} threads");
    }
}

/// What follows the window, and what is computed on each window anew, are the same.
#[test]
fn following_a_window_is_computing_it_anew() {
    let (image, mask) = synthetic();
    for name in [
        "masked-1",
        "unmasked-2",
        "in-plane-y",
        "ordered",
        "weighted",
    ] {
        let followed = variant(name);
        let mut anew = followed.clone();
        anew.images[0].settings.aggregation = Some(anew.images[0].settings.aggregation());
        let (_, followed) = compute(&followed, &image, &mask).unwrap();
        let (_, anew) = compute(&anew, &image, &mask).unwrap();
        for (column, values) in followed {
            // These read the largest level of the image, or whether it has several.
            let of_image = ["_Idmn", "_Idn", "_MCC"];
            if of_image.iter().any(|feature| column.ends_with(feature)) {
                continue;
            }
            for (followed, anew) in values.iter().zip(&anew[&column]) {
                assert!(
                    (followed - anew).abs() <= 1e-9 * anew.abs().max(1.0)
                        || (followed.is_nan() && anew.is_nan()),
                    "{name} {column}: {followed} followed, {anew} anew"
                );
            }
        }
    }
}

/// The file of a map holds what its slabs hold, where the grid says.
#[test]
fn a_file_holds_its_map() {
    let (image, mask) = synthetic();
    let mut parameters = variant("unmasked-1");
    parameters.voxel.batch_voxels = Some(10);
    let (geometry, volumes) = compute(&parameters, &image, &mask).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("not yet there");
    let maps = parameters.maps(&image, &mask, 1, DEFAULT_MEMORY_BOUND_BYTES);
    let written = maps.unwrap().write(&folder).unwrap();
    assert_eq!(written.files.len(), volumes.len());
    for (column, values) in volumes {
        let path = folder.join(format!("{column}.nii.gz"));
        assert!(written.files.contains(&path), "{column}");
        let back = read_image(&path).unwrap();
        assert!(geometry.coincides_with(back.geometry()));
        let bits = |values: &[f64]| -> Vec<u64> { values.iter().map(|v| v.to_bits()).collect() };
        assert_eq!(bits(back.to_f64().voxels()), bits(&values), "{column}");
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, written.files.len(), "nothing else is left");
}
