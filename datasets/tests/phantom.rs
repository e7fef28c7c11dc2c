//! The phantom: the same bytes everywhere, in the right place, looking like CT.
#![allow(clippy::unwrap_used, clippy::panic)]

use renalflow_datasets::phantom::{Domain, Phantom, PhantomSpec, Phase, Pole, Side};
use renalflow_imaging::{Geometry, LabelMap, LabelNames, Volume, nifti};

fn spec(domain: Domain, index: u32) -> PhantomSpec {
    PhantomSpec {
        domain,
        index,
        seed: 20_220_901,
        malignant: index.is_multiple_of(2),
        shape_zyx: None,
        spacing_zyx_mm: None,
        phase: None,
        anatomy: None,
    }
}

/// Coarse, but whole.
fn small(domain: Domain, index: u32) -> PhantomSpec {
    PhantomSpec {
        shape_zyx: Some([24, 72, 96]),
        spacing_zyx_mm: Some([8.0, 4.0, 4.0]),
        ..spec(domain, index)
    }
}

fn digest(phantom: &Phantom) -> String {
    let mut hasher = blake3::Hasher::new();
    for voxel in phantom.image.voxels() {
        hasher.update(&voxel.to_le_bytes());
    }
    for label in phantom.labels.voxels() {
        hasher.update(&label.to_le_bytes());
    }
    hasher.finalize().to_string()
}

/// Mean and standard deviation of the voxels of a label.
fn statistics(phantom: &Phantom, label: u16) -> (f64, f64) {
    let values: Vec<f64> = phantom
        .image
        .voxels()
        .iter()
        .zip(phantom.labels.voxels())
        .filter(|(_, l)| **l == label)
        .map(|(v, _)| f64::from(*v))
        .collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt())
}

fn count(phantom: &Phantom, label: u16) -> usize {
    phantom
        .labels
        .voxels()
        .iter()
        .filter(|l| **l == label)
        .count()
}

#[test]
fn the_bytes_are_pinned_and_do_not_depend_on_threads() {
    let spec = small(Domain::Primary, 3);
    let with_threads = |n: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap()
            .install(|| spec.generate().unwrap())
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(3));
    assert_eq!(
        digest(&one),
        "a58673696e28867bda38b238b861de4aad4673907e73227e7c8963ef30a60a5d",
        "raise GENERATOR_VERSION with every change of the bytes"
    );
}

#[test]
fn patients_and_seeds_differ() {
    let a = small(Domain::Primary, 0).generate().unwrap();
    let b = small(Domain::Primary, 1).generate().unwrap();
    let other_seed = PhantomSpec {
        seed: 1,
        ..small(Domain::Primary, 0)
    };
    assert_ne!(digest(&a), digest(&b));
    assert_ne!(digest(&a), digest(&other_seed.generate().unwrap()));
}

#[test]
fn the_scan_is_on_its_stated_grid_with_air_around() {
    for domain in [Domain::Auxiliary, Domain::Primary] {
        let phantom = spec(domain, 2).generate().unwrap();
        let geometry = phantom.image.geometry();
        assert_eq!(geometry, phantom.labels.geometry());
        let [nz, ny, nx] = geometry.shape_zyx;
        assert!(nz >= 60 && ny >= 170 && nx >= 230);
        // The field of view holds the patient: the corners are air.
        let voxels = phantom.image.view();
        for z in [0, nz / 2, nz - 1] {
            for (y, x) in [(0, 0), (0, nx - 1), (ny - 1, 0), (ny - 1, nx - 1)] {
                assert!(voxels[[z, y, x]] < -850, "{domain:?} {z} {y} {x}");
            }
        }
    }
}

#[test]
fn there_are_two_kidneys_and_one_tumour_where_it_is_said_to_be() {
    for index in 0..6 {
        let phantom = spec(Domain::Auxiliary, index).generate().unwrap();
        let truth = &phantom.truth;
        let geometry = phantom.labels.geometry();
        let ml = |label| count(&phantom, label) as f64 * geometry.voxel_volume_mm3() / 1000.0;
        assert!(
            (170.0..560.0).contains(&ml(1)),
            "kidneys of {index}: {} mL",
            ml(1)
        );
        let tumour = ml(2);
        let apart = (tumour - truth.tumour_volume_ml).abs();
        assert!(
            apart < 0.05 * tumour + 0.3,
            "{tumour} {}",
            truth.tumour_volume_ml
        );

        let mut sum = [0.0f64; 3];
        let mut kidney_z = (f64::INFINITY, f64::NEG_INFINITY);
        let middle = geometry.world_from_voxel(geometry.shape_zyx.map(|n| (n - 1) as f64 / 2.0));
        for ((z, y, x), label) in phantom.labels.view().indexed_iter() {
            let world = geometry.world_from_voxel([z as f64, y as f64, x as f64]);
            if *label == 2 {
                for i in 0..3 {
                    sum[i] += world[i];
                }
            }
            let left = world[0] > middle[0];
            if *label == 1 && left == (truth.side == Side::Left) {
                kidney_z = (kidney_z.0.min(world[2]), kidney_z.1.max(world[2]));
            }
        }
        let center = sum.map(|s| s / count(&phantom, 2) as f64);
        assert_eq!(
            center[0] > middle[0],
            truth.side == Side::Left,
            "side of {index}"
        );
        let height = (center[2] - kidney_z.0) / (kidney_z.1 - kidney_z.0);
        match truth.pole {
            Pole::Upper => assert!(height > 0.5, "{index}: {height}"),
            Pole::Middle => assert!((0.2..0.8).contains(&height), "{index}: {height}"),
            Pole::Lower => assert!(height < 0.5, "{index}: {height}"),
        }
        let outside = truth.exophytic_fraction.unwrap();
        assert!((0.05..0.97).contains(&outside), "{index}: {outside}");
    }
}

#[test]
fn phases_differ_as_contrast_medium_does() {
    let mean = |phase| {
        let spec = PhantomSpec {
            phase: Some(phase),
            ..spec(Domain::Auxiliary, 4)
        };
        statistics(&spec.generate().unwrap(), 1).0
    };
    let plain = mean(Phase::NonContrast);
    let arterial = mean(Phase::Corticomedullary);
    let nephrographic = mean(Phase::Nephrographic);
    assert!((20.0..45.0).contains(&plain), "{plain}");
    assert!(arterial > plain + 80.0, "{arterial}");
    assert!(nephrographic > arterial, "{nephrographic}");
}

#[test]
fn domains_differ_in_grid_and_noise() {
    let a = spec(Domain::Auxiliary, 1).generate().unwrap();
    let p = spec(Domain::Primary, 1).generate().unwrap();
    assert_ne!(a.image.geometry().shape_zyx, p.image.geometry().shape_zyx);
    assert_ne!(a.truth.phase, p.truth.phase);
    // Noise in the air, where there is nothing else; the first rows are air.
    let noise = |phantom: &Phantom| {
        let air: Vec<f64> = phantom
            .image
            .view()
            .indexed_iter()
            .filter(|((_, y, x), _)| *y < 3 && *x < 40)
            // Rounding at the lower end of the scale cuts the noise: take the upper half.
            .map(|(_, v)| (f64::from(*v) + 1000.0).max(0.0))
            .collect();
        (2.0 * air.iter().map(|v| v * v).sum::<f64>() / air.len() as f64).sqrt()
    };
    let (quiet, loud) = (noise(&a), noise(&p));
    assert!((12.0..16.5).contains(&quiet), "{quiet}");
    assert!((17.5..22.5).contains(&loud), "{loud}");
}

#[test]
fn a_scan_of_one_voxel_is_a_scan() {
    let single = PhantomSpec {
        shape_zyx: Some([1, 1, 1]),
        ..spec(Domain::Primary, 0)
    };
    assert_eq!(single.generate().unwrap().image.voxels().len(), 1);
    let bad = PhantomSpec {
        spacing_zyx_mm: Some([1.0, f64::NAN, 1.0]),
        ..single
    };
    assert!(bad.generate().unwrap_err().to_string().contains("spacing"));
    for (shape, spacing) in [([4096; 3], [1.0; 3]), ([1; 3], [1.0, 1e-6, 1.0])] {
        let huge = PhantomSpec {
            shape_zyx: Some(shape),
            spacing_zyx_mm: Some(spacing),
            ..spec(Domain::Primary, 0)
        };
        assert!(huge.generate().unwrap_err().to_string().contains("at most"));
    }
}

/// Two kidneys, with a tumour on the left one that bulges to the back, as a mask of 3 mm.
fn mask_of_two_kidneys() -> LabelMap {
    let shape_zyx = [60, 60, 80];
    let mut geometry = Geometry::upright(shape_zyx, [3.0; 3]).unwrap();
    geometry.origin_xyz_mm = [-118.5, -88.5, -88.5];
    let mut labels = Vec::new();
    for z in 0..shape_zyx[0] {
        for y in 0..shape_zyx[1] {
            for x in 0..shape_zyx[2] {
                let [px, py, pz] = geometry.world_from_voxel([z as f64, y as f64, x as f64]);
                let within = |center: [f64; 3], radii: [f64; 3]| {
                    let [dx, dy, dz] = [px - center[0], py - center[1], pz - center[2]];
                    (dx / radii[0]).powi(2) + (dy / radii[1]).powi(2) + (dz / radii[2]).powi(2)
                        < 1.0
                };
                let kidney = [-62.0, 62.0]
                    .iter()
                    .any(|&side| within([side, 0.0, 0.0], [26.0, 24.0, 54.0]));
                let tumour = within([62.0, 26.0, 10.0], [15.0; 3]);
                labels.push(match (tumour, kidney) {
                    (true, _) => 2,
                    (false, true) => 1,
                    (false, false) => 0u16,
                });
            }
        }
    }
    LabelMap {
        volume: Volume::new(geometry, labels).unwrap(),
        names: LabelNames::new(),
    }
}

#[test]
fn kidneys_of_a_mask_lie_in_fat_and_their_bytes_are_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("mask.nii.gz");
    nifti::write_label_map(&mask, &mask_of_two_kidneys()).unwrap();
    let phantom = PhantomSpec {
        anatomy: Some(mask),
        ..small(Domain::Primary, 3)
    }
    .generate()
    .unwrap();

    // Of the voxels beside kidney and tumour, what lies one voxel (4 mm) further out in the plane.
    let labels = phantom.labels.view();
    let image = phantom.image.view();
    let [nz, ny, nx] = phantom.labels.geometry().shape_zyx;
    let mut around = Vec::new();
    for z in 0..nz {
        for y in 2..ny - 2 {
            for x in 2..nx - 2 {
                let ring = |reach: usize| {
                    (y - reach..=y + reach)
                        .any(|v| (x - reach..=x + reach).any(|u| labels[[z, v, u]] > 0))
                };
                if !ring(1) && ring(2) {
                    around.push(image[[z, y, x]]);
                }
            }
        }
    }
    assert!(around.len() > 500, "{}", around.len());
    let fat = around.iter().filter(|hu| (-160..-30).contains(*hu)).count();
    let share = fat as f64 / around.len() as f64;
    assert!(share > 0.9, "{share} of what is around is fat");

    assert_eq!(
        digest(&phantom),
        "307a1197f2fdc429f1fd6ac4574472806a2456c95fe46661acb9be65ff9398fc",
        "raise ANATOMY_VERSION with every change of the bytes"
    );
}
