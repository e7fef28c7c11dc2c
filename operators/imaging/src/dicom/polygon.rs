//! Which voxels of a slice lie inside a set of closed polygons.

/// Flip every pixel whose centre lies inside the polygon.
///
/// The inside is the even-odd rule's, evaluated at pixel centres, which are whole numbers;
/// an edge holds its end of smaller row and not the other, and a centre that lies exactly on
/// a boundary belongs to the polygon on its right or below it, so that two polygons that
/// share an edge share no pixel. Flipping once for every polygon of a plane gives holes where
/// an inner contour lies within an outer one, as C.8.8.6.3 describes.
///
/// # Shapes
/// `mask` holds `[rows, columns]` pixels; `vertices` are `[row, column]`, and the last joins
/// the first.
pub(super) fn flip_inside(mask: &mut [bool], shape: [usize; 2], vertices: &[[f64; 2]]) {
    let [rows, columns] = shape;
    let (first, last) = vertices
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v[0]), high.max(v[0]))
        });
    let first_row = first.ceil().max(0.0) as usize;
    let end_row = ((last.floor() + 1.0).max(0.0) as usize).min(rows);
    let mut crossings = Vec::new();
    for row in first_row..end_row {
        let y = row as f64;
        crossings.clear();
        let mut from = vertices[vertices.len() - 1];
        for &to in vertices {
            if (from[0] <= y) != (to[0] <= y) {
                let along = (y - from[0]) / (to[0] - from[0]);
                crossings.push(from[1] + along * (to[1] - from[1]));
            }
            from = to;
        }
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.chunks_exact(2) {
            let start = pair[0].ceil().max(0.0) as usize;
            let end = (pair[1].ceil().max(0.0) as usize).min(columns);
            for pixel in mask[row * columns..].iter_mut().take(end).skip(start) {
                *pixel = !*pixel;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(shape: [usize; 2], polygons: &[&[[f64; 2]]]) -> Vec<usize> {
        let mut mask = vec![false; shape[0] * shape[1]];
        for polygon in polygons {
            flip_inside(&mut mask, shape, polygon);
        }
        (0..mask.len()).filter(|&i| mask[i]).collect()
    }

    #[test]
    fn a_square_on_pixel_centres_holds_its_first_row_and_column_only() {
        let square = [[1.0, 1.0], [1.0, 3.0], [3.0, 3.0], [3.0, 1.0]];
        assert_eq!(filled([5, 5], &[&square]), [6, 7, 11, 12]);
    }

    #[test]
    fn neighbours_share_no_pixel_and_leave_none_out() {
        let left = [[0.0, 0.0], [0.0, 2.0], [4.0, 2.0], [4.0, 0.0]];
        let right = [[0.0, 2.0], [0.0, 4.0], [4.0, 4.0], [4.0, 2.0]];
        assert_eq!(
            filled([4, 4], &[&left, &right]),
            (0..16).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_inner_contour_is_a_hole() {
        let outer = [[-0.5, -0.5], [-0.5, 4.5], [4.5, 4.5], [4.5, -0.5]];
        let inner = [[0.5, 0.5], [0.5, 3.5], [3.5, 3.5], [3.5, 0.5]];
        let ring = filled([5, 5], &[&outer, &inner]);
        assert_eq!(ring.len(), 16);
        assert!(!ring.contains(&12));
    }

    #[test]
    fn what_lies_outside_the_grid_is_clipped() {
        let wide = [[-10.0, -10.0], [-10.0, 20.0], [20.0, 20.0], [20.0, -10.0]];
        assert_eq!(filled([3, 3], &[&wide]).len(), 9);
        let away = [[-10.0, -10.0], [-10.0, -5.0], [-5.0, -5.0], [-5.0, -10.0]];
        assert!(filled([3, 3], &[&away]).is_empty());
    }
}
