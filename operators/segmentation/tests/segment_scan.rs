//! A CT and boxes in, labels on its own grid out.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/bright.rs"]
mod bright;

use std::fs;

use bright::{balls, bright_parameters, save_bright, tiny_plan};
use renalflow_imaging::{
    Geometry, Image, LabelMap, Volume,
    boxes::BoundingBox,
    orientation::{reorient_image, reorient_labels},
};
use renalflow_segmentation::{
    inference::{
        ScanOptions, networks_from_files, plan_scan, segment_on_working_grid, segment_scan,
    },
    network::{Domain, FsNet, Parameters, Plan, Scheme, Use},
};

const CLASSES: [&str; 3] = ["background", "kidney", "tumour"];

/// An oblique grid: turned by 10 degrees around z, then by 5 around x.
fn oblique(shape_zyx: [usize; 3], spacing_zyx_mm: [f64; 3]) -> Geometry {
    let (s, c) = 10f64.to_radians().sin_cos();
    let (t, d) = 5f64.to_radians().sin_cos();
    Geometry {
        shape_zyx,
        spacing_zyx_mm,
        origin_xyz_mm: [-31.0, 17.5, -402.25],
        direction: [[c, -s, 0.0], [d * s, d * c, -t], [t * s, t * c, d]],
    }
}

/// Smooth structures of all intensities within the window and beyond.
fn ct(geometry: &Geometry) -> Image {
    let [_, rows, columns] = geometry.shape_zyx;
    let voxels: Vec<i16> = (0..geometry.len())
        .map(|at| {
            let [z, y, x] =
                [at / (rows * columns), at / columns % rows, at % columns].map(|n| n as f64);
            let value = (z * 0.31).sin() * (y * 0.23).cos() + (x * 0.17 + z * 0.05).sin();
            (40.0 + 300.0 * value) as i16
        })
        .collect();
    Image::I16(Volume::new(geometry.clone(), voxels).unwrap())
}

fn random_network(plan: &Plan, seed: u64) -> FsNet {
    FsNet::new(
        plan,
        Scheme::Scratch,
        &Parameters::new(seed),
        Use::Inference,
    )
    .unwrap()
}

fn segment(
    image: &Image,
    regions: &[BoundingBox],
    networks: &[FsNet],
    how: &ScanOptions,
) -> LabelMap {
    segment_scan(image, regions, networks, how, &mut |_, _| ()).unwrap()
}

fn differing(a: &LabelMap, b: &LabelMap) -> usize {
    let pairs = a.volume.voxels().iter().zip(b.volume.voxels());
    pairs.filter(|(a, b)| a != b).count()
}

#[test]
fn a_scan_is_segmented_alike_however_its_axes_are_stored() {
    let grid = oblique([22, 30, 37], [3.0, 1.4, 1.4]);
    let image = ct(&grid);
    let networks = [random_network(&tiny_plan(&CLASSES, 2.0, 16, 2), 5)];
    let how = ScanOptions::default();
    let upright = segment(&image, &[], &networks, &how);
    assert_eq!(upright.geometry(), &grid);
    let labelled: usize = upright.counts().values().sum();
    assert!(
        labelled > 0 && labelled < grid.len(),
        "{:?}",
        upright.counts()
    );
    let names: Vec<_> = upright.names.values().map(String::as_str).collect();
    assert_eq!(names, ["kidney", "tumour"]);
    // Sagittal slices first (KiTS19's IPL), coronal first, reversed axes.
    for code in ["IPL", "LSP", "RAS", "SRA"] {
        let stored = reorient_image(&image, code).unwrap();
        assert_ne!(stored.geometry().direction, grid.direction);
        let labels = segment(&stored, &[], &networks, &how);
        assert_eq!(labels.geometry(), stored.geometry());
        let back = reorient_labels(&labels, "LPS").unwrap();
        // Positions differ in the last bits, labels only where two classes are equal.
        let different = differing(&upright, &back);
        assert!(different <= 10, "{code}: {different} voxels");
    }
}

#[test]
fn a_known_network_finds_what_it_should_through_all_grids() {
    let grid = oblique([40, 60, 64], [2.5, 1.25, 1.25]);
    let middle = grid.world_from_voxel([14.5, 23.5, 40.5]);
    let ball = (middle, 18.0);
    let image = balls(&grid, &[ball]);
    let plan = tiny_plan(&["background", "kidney"], 2.0, 48, 1);
    let parameters = bright_parameters(&plan);
    let network = FsNet::new(&plan, Scheme::Scratch, &parameters, Use::Inference).unwrap();
    for code in ["LPS", "IPL"] {
        let stored = reorient_image(&image, code).unwrap();
        let labels = segment(
            &stored,
            &[],
            std::slice::from_ref(&network),
            &ScanOptions::default(),
        );
        let Image::I16(truth) = &stored else {
            unreachable!()
        };
        let pairs = || truth.voxels().iter().zip(labels.volume.voxels());
        let both = pairs()
            .filter(|(hu, label)| **hu > 0 && **label == 1)
            .count();
        let either = truth.voxels().iter().filter(|hu| **hu > 0).count()
            + labels
                .volume
                .voxels()
                .iter()
                .filter(|label| **label == 1)
                .count();
        let dice = 2.0 * both as f64 / either as f64;
        assert!(dice > 0.88, "{code}: {dice}");
    }
}

#[test]
fn a_patch_larger_than_the_scan_sees_it_once() {
    let grid = oblique([9, 11, 10], [2.0, 2.0, 2.0]);
    let networks = [random_network(&tiny_plan(&CLASSES, 2.0, 32, 2), 5)];
    let how = ScanOptions::default();
    let plan = plan_scan(&grid, &[], &networks, &how).unwrap();
    assert_eq!(plan.forwards(), 1);
    let labels = segment(&ct(&grid), &[], &networks, &how);
    assert_eq!(labels.geometry(), &grid);
    assert!(!labels.counts().is_empty());
}

#[test]
fn overlapping_boxes_do_not_depend_on_their_order() {
    let grid = Geometry::upright([30, 40, 70], [2.0, 1.5, 1.5]).unwrap();
    let image = ct(&grid);
    let networks = [random_network(&tiny_plan(&CLASSES, 2.0, 16, 2), 7)];
    let how = ScanOptions::default();
    let right = BoundingBox {
        start_zyx: [5, 6, 4],
        shape_zyx: [18, 24, 32],
    };
    let left = BoundingBox {
        start_zyx: [8, 8, 28],
        shape_zyx: [18, 24, 34],
    };
    let one = segment(&image, &[right, left], &networks, &how);
    let other = segment(&image, &[left, right], &networks, &how);
    assert_eq!(differing(&one, &other), 0);
    let [alone_right, alone_left] =
        [right, left].map(|region| segment(&image, &[region], &networks, &how));
    let at = |labels: &LabelMap, z: usize, y: usize, x: usize| {
        labels.volume.voxels()[(z * 40 + y) * 70 + x]
    };
    let mut differ_in_overlap = 0;
    for z in 0..30 {
        for y in 0..40 {
            for x in 0..70 {
                let (r, l) = (at(&alone_right, z, y, x), at(&alone_left, z, y, x));
                let found = at(&one, z, y, x);
                if x < 26 {
                    assert_eq!(found, r);
                } else if x > 40 {
                    assert_eq!(found, l);
                } else {
                    assert!(found == r || found == l);
                    differ_in_overlap += usize::from(r != l);
                }
            }
        }
    }
    assert!(
        differ_in_overlap > 0,
        "the boxes do not overlap where it matters"
    );
    // Nothing beyond the boxes and the patch that a small one is grown to.
    assert!((0..30).all(|z| at(&one, z, 0, 0) == 0 && at(&one, z, 39, 69) == 0));
}

#[test]
fn forwards_are_known_beforehand_and_heard() {
    let grid = Geometry::upright([30, 40, 50], [2.0; 3]).unwrap();
    let plan = tiny_plan(&CLASSES, 2.0, 16, 2);
    let networks = [1, 2].map(|seed| random_network(&plan, seed));
    let how = ScanOptions {
        mirror_zyx: [false, false, true],
        step_fraction: 1.0,
        crop_size_zyx_mm: Some([64.0, 32.0, 32.0]),
        ..ScanOptions::default()
    };
    let region = BoundingBox {
        start_zyx: [4, 4, 4],
        shape_zyx: [10, 10, 22],
    };
    let scan = plan_scan(&grid, &[region], &networks, &how).unwrap();
    assert_eq!(scan.working_grids()[0].shape_zyx, [32, 16, 16]);
    // Two windows, two ways, two networks.
    assert_eq!(scan.forwards(), 8);
    // The box is 44 mm wide, the crop 32 mm.
    let [beyond] = scan.beyond_zyx_mm()[..] else {
        unreachable!()
    };
    assert_eq!(beyond.map(|mm| (mm * 1e6).round() / 1e6), [0.0, 0.0, 6.0]);
    let mut heard = Vec::new();
    segment_scan(&ct(&grid), &[region], &networks, &how, &mut |done, of| {
        heard.push((done, of))
    })
    .unwrap();
    assert!(heard.is_sorted());
    assert_eq!(heard.last(), Some(&(8, 8)));
}

#[test]
fn a_coarse_network_answers_on_its_own_grid() {
    let grid = oblique([30, 60, 60], [3.0, 2.0, 2.0]);
    let plan = tiny_plan(&["background", "kidney+tumour"], 4.0, 32, 1);
    let parameters = bright_parameters(&plan);
    let network = FsNet::new(&plan, Scheme::Scratch, &parameters, Use::Inference).unwrap();
    let image = balls(&grid, &[(grid.world_from_voxel([15.0, 30.0, 30.0]), 20.0)]);
    let coarse = segment_on_working_grid(
        &image,
        std::slice::from_ref(&network),
        &ScanOptions::default(),
        &mut |_, _| (),
    )
    .unwrap();
    assert_eq!(coarse.geometry().spacing_zyx_mm, [4.0; 3]);
    assert_eq!(coarse.names[&1], "kidney+tumour");
    let ml = coarse.counts()[&1] as f64 * 0.064;
    let truth = 4.0 / 3.0 * std::f64::consts::PI * 8.0;
    assert!((ml / truth - 1.0).abs() < 0.5, "{ml} mL of {truth}");
}

#[test]
fn files_that_do_not_make_an_ensemble_are_refused_by_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let plan = tiny_plan(&["background", "kidney"], 2.0, 16, 1);
    save_bright(&path("a.safetensors"), &plan);
    save_bright(&path("b.safetensors"), &plan);
    let pair = [path("a.safetensors"), path("b.safetensors")];
    assert_eq!(
        networks_from_files(&pair, Domain::Primary).unwrap().len(),
        2
    );

    let refused = |name: &str| {
        let pair = [path("a.safetensors"), path(name)];
        let Err(error) = networks_from_files(&pair, Domain::Primary) else {
            unreachable!("{name} is refused")
        };
        let text = error.to_string();
        assert!(text.contains(name), "{text}");
        text
    };
    let mut other = plan.clone();
    other.spacing_zyx_mm.value[0] = 2.5;
    save_bright(&path("spacing.safetensors"), &other);
    let text = refused("spacing.safetensors");
    assert!(
        text.contains("spacing_zyx_mm.z: trained with 2.5, asked for 2.0"),
        "{text}"
    );

    let whole = fs::read(path("a.safetensors")).unwrap();
    fs::write(path("cut.safetensors"), &whole[..whole.len() / 2]).unwrap();
    assert!(refused("cut.safetensors").contains("cut off"));
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(path("damaged.safetensors"), damaged).unwrap();
    assert!(refused("damaged.safetensors").contains("digest"));
    assert!(refused("absent.safetensors").contains("reading"));

    let none: [&str; 0] = [];
    assert!(networks_from_files(&none, Domain::Primary).is_err());

    // The same of networks in memory.
    let other = tiny_plan(&["background", "kidney"], 2.5, 16, 1);
    let networks = [random_network(&plan, 1), random_network(&other, 1)];
    let grid = Geometry::upright([8; 3], [2.0; 3]).unwrap();
    let error = plan_scan(&grid, &[], &networks, &ScanOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("spacing_zyx_mm.z 2.5"),
        "{error}"
    );
}
