//! Connected components and metrics of agreement.
#![allow(clippy::unwrap_used)]

use renalflow_imaging::{
    Geometry, Volume,
    components::{Connectivity, connected_components},
    metrics::{Overlap, SurfaceDistances},
};

/// `tests/golden/make_operations.py`.
const GOLDEN: &str = include_str!("golden/operations.txt");

fn golden(key: &str) -> Vec<Vec<f64>> {
    let lines: Vec<Vec<f64>> = GOLDEN
        .lines()
        .filter_map(|line| line.strip_prefix(key))
        .map(|rest| {
            rest.split_whitespace()
                .map(|w| w.parse().unwrap())
                .collect()
        })
        .collect();
    assert!(!lines.is_empty(), "no golden line {key}");
    lines
}

fn upright(shape_zyx: [usize; 3], spacing_zyx_mm: [f64; 3]) -> Geometry {
    Geometry::upright(shape_zyx, spacing_zyx_mm).unwrap()
}

/// As `mask` of the script.
fn mask(geometry: &Geometry, seed: u32, threshold: i64) -> Volume<bool> {
    let mut state = seed;
    let noise: Vec<i64> = (0..geometry.len())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i64::from(state >> 24)
        })
        .collect();
    let [depth, rows, columns] = geometry.shape_zyx;
    let voxels: Vec<bool> = (0..geometry.len())
        .map(|i| {
            let (z, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
            let mut sum = 0;
            for nz in z.saturating_sub(1)..depth.min(z + 2) {
                for ny in y.saturating_sub(1)..rows.min(y + 2) {
                    for nx in x.saturating_sub(1)..columns.min(x + 2) {
                        sum += noise[(nz * rows + ny) * columns + nx];
                    }
                }
            }
            sum > threshold
        })
        .collect();
    Volume::new(geometry.clone(), voxels).unwrap()
}

#[test]
fn components_equal_scipy() {
    let geometry = upright([9, 10, 11], [1.0, 2.0, 5.0]);
    for line in golden("components ") {
        let connectivity = [
            Connectivity::Faces,
            Connectivity::Edges,
            Connectivity::Corners,
        ][line[2] as usize - 1];
        let mask = mask(&geometry, line[0] as u32, line[1] as i64);
        let found = connected_components(&mask, connectivity).unwrap();
        let sizes: Vec<f64> = found.voxels.iter().map(|&n| n as f64).collect();
        assert_eq!(found.len() as f64, line[3]);
        assert_eq!(sizes, line[4..]);
        let largest = found.keep_largest();
        let kept = largest.voxels().iter().filter(|&&v| v).count();
        assert_eq!(kept, *found.voxels.iter().max().unwrap());
        // Voxels are 0.01 mL: half a voxel more than one drops the single ones.
        let kept = found.remove_smaller_than_ml(0.015);
        let expected: usize = found.voxels.iter().filter(|&&n| n > 1).sum();
        assert_eq!(kept.voxels().iter().filter(|&&v| v).count(), expected);
    }
    let empty = Volume::new(geometry.clone(), vec![false; geometry.len()]).unwrap();
    let found = connected_components(&empty, Connectivity::Faces).unwrap();
    assert!(found.is_empty());
    assert!(!found.keep_largest().voxels().contains(&true));
}

#[test]
fn metrics_equal_surface_distance() {
    for line in golden("surface ") {
        let geometry = upright([9, 10, 11], [line[2], line[3], line[4]]);
        let (seed, threshold) = (line[0] as u32, line[1] as i64);
        let a = mask(&geometry, seed, threshold);
        let b = mask(&geometry, seed + 10, threshold);
        let surfaces = SurfaceDistances::new(&a, &b).unwrap();
        let got = [
            Overlap::new(&a, &b).unwrap().dice(),
            surfaces.surface_dice(0.5),
            surfaces.surface_dice(1.0),
            surfaces.surface_dice(2.0),
            surfaces.hausdorff_mm(50.0),
            surfaces.hausdorff_mm(95.0),
            surfaces.hausdorff_mm(100.0),
            surfaces.assd_mm(),
        ];
        for (got, expected) in got.iter().zip(&line[5..]) {
            assert!(
                (got - expected).abs() < 1e-12,
                "{got} {expected} of {line:?}"
            );
        }
    }
}

#[test]
fn metrics_of_empty_masks_are_as_stated() {
    let geometry = upright([3, 4, 5], [2.0, 1.0, 1.0]);
    let empty = Volume::new(geometry.clone(), vec![false; 60]).unwrap();
    let one = empty.map(|_| true);
    let surfaces = SurfaceDistances::new(&empty, &empty).unwrap();
    assert_eq!(Overlap::new(&empty, &empty).unwrap().dice(), 1.0);
    assert_eq!(surfaces.surface_dice(1.0), 1.0);
    assert_eq!(
        (surfaces.hausdorff_mm(95.0), surfaces.assd_mm()),
        (0.0, 0.0)
    );
    for (a, b, relative) in [(&one, &empty, Some(-1.0)), (&empty, &one, None)] {
        let surfaces = SurfaceDistances::new(a, b).unwrap();
        let overlap = Overlap::new(a, b).unwrap();
        assert_eq!(overlap.dice(), 0.0);
        assert_eq!(overlap.relative_volume_error(), relative);
        assert_eq!(surfaces.surface_dice(1.0), 0.0);
        assert_eq!(surfaces.hausdorff_mm(95.0), f64::INFINITY);
        assert_eq!(surfaces.assd_mm(), f64::INFINITY);
    }
    let overlap = Overlap::new(&empty, &one).unwrap();
    assert!((overlap.volume_error_ml() - 0.12).abs() < 1e-12);
    let surfaces = SurfaceDistances::new(&one, &one).unwrap();
    assert_eq!((surfaces.surface_dice(0.0), surfaces.assd_mm()), (1.0, 0.0));
}
