//! Principal axes of a region.

use nalgebra::Matrix3;

use crate::Region;

/// Variances of the voxel centres along the region's principal axes, in mm², ascending: the
/// eigenvalues of the covariance (divided by the number of voxels) of their positions.
///
/// Sums over voxel indices are whole numbers, so the covariance is exact up to one rounding.
/// Eigenvalues below 1e-12 of the largest are rounding errors and become 0.
#[must_use]
pub fn principal_variances_mm2(region: &Region) -> [f64; 3] {
    let mut sum = [0i128; 3];
    let mut products = [[0i128; 3]; 3];
    for run in &region.runs {
        // Sums over a run of x, x + 1, ..., x + len - 1 in closed form.
        let [z, y, x] = run.start_zyx.map(|i| i as i128);
        let n = run.len as i128;
        let sum_x = n * x + n * (n - 1) / 2;
        let sum_xx = n * x * x + x * n * (n - 1) + (n - 1) * n * (2 * n - 1) / 6;
        for (axis, added) in [n * z, n * y, sum_x].into_iter().enumerate() {
            sum[axis] += added;
        }
        products[0][0] += n * z * z;
        products[0][1] += n * z * y;
        products[0][2] += z * sum_x;
        products[1][1] += n * y * y;
        products[1][2] += y * sum_x;
        products[2][2] += sum_xx;
    }
    let n = region.voxel_count as i128;
    let covariance_mm2 = Matrix3::from_fn(|row, column| {
        let (i, j) = (row.min(column), row.max(column));
        let scaled = n * products[i][j] - sum[i] * sum[j];
        scaled as f64 / (n as f64 * n as f64) * region.spacing_zyx_mm[i] * region.spacing_zyx_mm[j]
    });
    let mut variances: [f64; 3] = covariance_mm2.symmetric_eigenvalues().into();
    variances.sort_by(f64::total_cmp);
    let negligible = variances[2] * 1e-12;
    variances.map(|variance| {
        if variance.abs() <= negligible {
            0.0
        } else {
            variance
        }
    })
}

/// As [`principal_variances_mm2`], but of a sample: divided by one less than the number of
/// voxels, as the reference values of IBSI are. 0 for one voxel.
#[must_use]
pub fn principal_sample_variances_mm2(region: &Region) -> [f64; 3] {
    let n = region.voxel_count as f64;
    principal_variances_mm2(region).map(|mm2| mm2 * (n / (n - 1.0).max(1.0)))
}
