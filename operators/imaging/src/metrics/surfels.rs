//! Surface elements of a mask.
//!
//! The surface runs between voxel centres. Around each corner where eight voxels meet, the
//! eight are inside or outside; the surface cuts the edges between unlike neighbours at their
//! midpoints, and its area there belongs to that corner, its surfel. Of the ways in which the
//! cut edges can be joined, the fewer voxels (those inside, where four are) are each cut off
//! by themselves, and a curved polygon is triangulated so that its area on a cube is largest.
//! These two rules give, for all 256 neighbourhoods and any spacing, the areas that the
//! look-up table of Nikolov et al. holds (Clinically applicable segmentation of head and neck
//! anatomy for radiotherapy, J Med Internet Res 2021;23:e26151).

/// Area in mm² of the surfel of each neighbourhood. Bit `4 z + 2 y + x` of the index says
/// whether the voxel at that place of the 2 x 2 x 2 neighbourhood is inside.
pub(super) fn surfel_areas_mm2(spacing_zyx_mm: [f64; 3]) -> [f64; 256] {
    std::array::from_fn(|code| {
        polygons(code)
            .iter()
            .map(|polygon| {
                largest_triangulation(polygon)
                    .iter()
                    .map(|triangle| triangle_area(triangle.map(|i| polygon[i]), spacing_zyx_mm))
                    .sum::<f64>()
            })
            .sum()
    })
}

type Point = [f64; 3];

/// Whether the voxel at a place of the neighbourhood is inside.
fn is_inside(code: usize, [z, y, x]: [usize; 3]) -> bool {
    code >> (4 * z + 2 * y + x) & 1 == 1
}

/// The closed polygons in which the surface cuts the cube between eight voxel centres.
fn polygons(code: usize) -> Vec<Vec<Point>> {
    let mut segments = segments(code);
    let mut polygons = Vec::new();
    while let Some((first, mut last)) = segments.pop() {
        let mut polygon = vec![first];
        while last != first {
            polygon.push(last);
            // Each cut edge belongs to two faces of the cube, so another segment goes on here.
            let Some(next) = segments.iter().position(|&(a, b)| a == last || b == last) else {
                break;
            };
            let (a, b) = segments.swap_remove(next);
            last = if a == last { b } else { a };
        }
        polygons.push(polygon);
    }
    polygons
}

/// The segments in which the surface cuts the six faces of the cube, as pairs of midpoints.
fn segments(code: usize) -> Vec<(Point, Point)> {
    let cut_off_inside = code.count_ones() <= 4;
    let mut segments = Vec::new();
    for axis in 0..3 {
        for side in 0..2 {
            let ring = [[0, 0], [0, 1], [1, 1], [1, 0]].map(|[u, v]| {
                let mut corner = [side; 3];
                corner[(axis + 1) % 3] = u;
                corner[(axis + 2) % 3] = v;
                corner
            });
            let inside = ring.map(|corner| is_inside(code, corner));
            let midpoint = |i: usize| -> Point {
                let (a, b) = (ring[i], ring[(i + 1) % 4]);
                std::array::from_fn(|k| (a[k] + b[k]) as f64 / 2.0)
            };
            let cut: Vec<usize> = (0..4)
                .filter(|&i| inside[i] != inside[(i + 1) % 4])
                .collect();
            match cut[..] {
                [a, b] => segments.push((midpoint(a), midpoint(b))),
                [_, _, _, _] => segments.extend(
                    (0..4)
                        .filter(|&i| inside[i] == cut_off_inside)
                        .map(|i| (midpoint((i + 3) % 4), midpoint(i))),
                ),
                _ => {}
            }
        }
    }
    segments
}

/// The triangulation of a polygon whose area on a cube is largest.
fn largest_triangulation(polygon: &[Point]) -> Vec<[usize; 3]> {
    fn best(polygon: &[Point], first: usize, last: usize) -> (f64, Vec<[usize; 3]>) {
        let mut chosen = (0.0, Vec::new());
        for apex in first + 1..last {
            let (left_area, mut triangles) = best(polygon, first, apex);
            let (right_area, right) = best(polygon, apex, last);
            let triangle = [first, apex, last];
            let area =
                left_area + right_area + triangle_area(triangle.map(|i| polygon[i]), [1.0; 3]);
            if area > chosen.0 {
                triangles.extend(right);
                triangles.push(triangle);
                chosen = (area, triangles);
            }
        }
        chosen
    }
    best(polygon, 0, polygon.len() - 1).1
}

fn triangle_area([a, b, c]: [Point; 3], spacing: [f64; 3]) -> f64 {
    let u: Point = std::array::from_fn(|i| (b[i] - a[i]) * spacing[i]);
    let v: Point = std::array::from_fn(|i| (c[i] - a[i]) * spacing[i]);
    let normal = [
        u[1] * v[2] - u[2] * v[1],
        u[2] * v[0] - u[0] * v[2],
        u[0] * v[1] - u[1] * v[0],
    ];
    0.5 * normal.iter().map(|n| n * n).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn one_corner_is_a_triangle_and_a_half_space_a_rectangle() {
        let areas = surfel_areas_mm2([2.0, 3.0, 5.0]);
        assert_eq!(areas[0], 0.0);
        assert_eq!(areas[255], 0.0);
        // Legs of 1, 1.5 and 2.5 mm from the corner.
        let expected = 0.5 * (1.5f64.powi(2) + 2.5f64.powi(2) + 3.75f64.powi(2)).sqrt();
        for corner in 0..8 {
            assert!((areas[1 << corner] - expected).abs() < 1e-12);
            assert!((areas[255 ^ 1 << corner] - expected).abs() < 1e-12);
        }
        assert!((areas[0b0000_1111] - 15.0).abs() < 1e-12);
        assert!((areas[0b0011_0011] - 10.0).abs() < 1e-12);
        assert!((areas[0b0101_0101] - 6.0).abs() < 1e-12);
    }

    #[test]
    fn every_area_is_that_of_the_published_table() {
        let golden = include_str!("../../tests/golden/operations.txt");
        let line = golden
            .lines()
            .find_map(|line| line.strip_prefix("surfels "))
            .unwrap();
        let expected: Vec<f64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        let areas = surfel_areas_mm2([2.5, 0.8, 1.1]);
        assert_eq!(areas.len(), expected.len());
        for (code, (area, expected)) in areas.iter().zip(expected).enumerate() {
            assert!(
                (area - expected).abs() < 1e-9,
                "{code:08b}: {area} {expected}"
            );
        }
    }

    #[test]
    fn the_complement_has_the_same_surface() {
        let areas = surfel_areas_mm2([2.5, 0.8, 1.1]);
        for code in 0..256usize {
            // With four voxels on either side the inside is cut off, whichever it is.
            if code.count_ones() != 4 {
                assert!((areas[code] - areas[255 - code]).abs() < 1e-12, "{code}");
            }
        }
    }
}
