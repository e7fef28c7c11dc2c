//! Length and enclosed area of the outline of a planar region.

use crate::Region;

/// The outline by marching squares: the plane counterpart of marching cubes (Lorensen & Cline,
/// *SIGGRAPH* 1987;21:163), with vertices half-way between pixel centres inside and outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outline {
    /// Length of all lines, in mm.
    pub perimeter_mm: f64,
    /// Area they enclose, in mm².
    pub area_mm2: f64,
}

impl Outline {
    /// Measure a region that lies in a plane across an axis.
    ///
    /// A square joins 2x2 neighbouring pixel centres. What it holds of the outline and of the
    /// area inside depends on which of its corners are inside, so counting is enough:
    ///
    /// | corners inside | line | area, in pixels |
    /// |---|---|---|
    /// | one | cuts it off | 1/8 |
    /// | two side by side | parallel to their side | 1/2 |
    /// | two opposite | cuts off each | 2/8 |
    /// | three | cuts off the fourth | 7/8 |
    /// | four | none | 1 |
    #[must_use]
    pub fn of(region: &Region, axis: usize) -> Self {
        let [u, v] = [[1, 2], [0, 2], [0, 1]][axis];
        let [nu, nv] = [u, v].map(|axis| region.bounding_box.shape_zyx[axis]);
        let [du_mm, dv_mm] = [u, v].map(|axis| region.spacing_zyx_mm[axis]);
        // Indices from 0, which is the margin.
        let inside = |iu: usize, iv: usize| {
            let mut index = region.margin_zyx;
            index[u] += iu;
            index[v] += iv;
            let [z, y, x] = index;
            let [_, ny, nx] = region.padded_shape_zyx();
            let mut at = (z * ny + y) * nx + x;
            // One step back along both axes of the plane.
            at -= [ny * nx, nx, 1][u] + [ny * nx, nx, 1][v];
            region.mask[at] != 0
        };
        let (mut eighths, mut diagonals, mut along_u, mut along_v) = (0u64, 0u64, 0u64, 0u64);
        for iu in 0..=nu {
            for iv in 0..=nv {
                let corners = [
                    inside(iu, iv),
                    inside(iu, iv + 1),
                    inside(iu + 1, iv),
                    inside(iu + 1, iv + 1),
                ];
                match corners.iter().filter(|&&inside| inside).count() {
                    0 => {}
                    1 => (eighths, diagonals) = (eighths + 1, diagonals + 1),
                    2 if corners[0] == corners[3] => {
                        (eighths, diagonals) = (eighths + 2, diagonals + 2);
                    }
                    2 if corners[0] == corners[1] => {
                        (eighths, along_v) = (eighths + 4, along_v + 1)
                    }
                    2 => (eighths, along_u) = (eighths + 4, along_u + 1),
                    3 => (eighths, diagonals) = (eighths + 7, diagonals + 1),
                    _ => eighths += 8,
                }
            }
        }
        let diagonal_mm = (0.5 * du_mm).hypot(0.5 * dv_mm);
        Self {
            perimeter_mm: diagonals as f64 * diagonal_mm
                + along_u as f64 * du_mm
                + along_v as f64 * dv_mm,
            area_mm2: eighths as f64 / 8.0 * du_mm * dv_mm,
        }
    }
}
