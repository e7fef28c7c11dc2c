//! Laplacian of Gaussian with a sampled kernel.

use super::{
    Boundary, Derived, Dimensions, Name, Source, check_positive, checked_radius, filtered_axes,
    riesz::Riesz,
    separable::{Chain, Combination, Kernel, respond},
    transfer::{Transfer, filter_spectrum},
    window_of,
};
use crate::RadiomicsError;

/// IBSI 2: Laplacian of Gaussian with a sampled, truncated kernel (`L6PA`).
///
/// `g(k) = -1/σ² (1 / √(2π) σ)^D (D - ‖k‖²/σ²) exp(-‖k‖² / 2σ²)`, `k` and `σ` in voxels, on the
/// cube of voxels that are no farther than `⌊τ σ + ½⌋` along each axis.
///
/// The standard defines it on isotropic voxels. On others the Gaussian is isotropic in mm, and
/// the second derivatives are taken per square of the smallest voxel spacing among the filtered
/// axes.
#[derive(Debug, Clone, PartialEq)]
pub struct SampledLog {
    /// Standard deviation of the Gaussian (`41LN`).
    pub sigma_mm: f64,
    /// Standard deviations `τ` after which the kernel ends (`WGPM`).
    pub truncate: f64,
    /// In slices or in the volume.
    pub dimensions: Dimensions,
    /// Riesz transform of the kernel (`AYRS`): orders along x, y, z; in slices the last is 0.
    pub riesz_order_xyz: Option<[u32; 3]>,
    /// How the image goes on beyond its border.
    pub boundary: Boundary,
}

impl SampledLog {
    pub(super) fn name(&self) -> String {
        Name::of("sampled-log")
            .number("sigma", self.sigma_mm)
            .word("mm")
            .dimensions(self.dimensions)
            .riesz(self.riesz_order_xyz)
            .boundary(self.boundary)
            .0
    }

    /// Filter an image.
    ///
    /// The kernel is a sum of products of 1D kernels, one an axis: with `G` the 1D Gaussian and
    /// `B(k) = -1/σ² (1 - k²/σ²) G(k)`, `g = B G G + G B G + G G B`.
    ///
    /// Memory: about five times the window with the kernel's reach around it, in `f64`; with a
    /// Riesz order, as [`NonseparableWavelet`](super::NonseparableWavelet).
    ///
    /// # Shapes
    /// Returns `source.window` in C order.
    ///
    /// # Errors
    /// A width or truncation that is not positive, or a kernel that reaches farther than
    /// [`MAX_RADIUS_VOXELS`](super::MAX_RADIUS_VOXELS); a Riesz order that cannot be used; NaN
    /// or infinity where the filter reads.
    pub fn derive(&self, source: &Source<'_>) -> Result<Derived, RadiomicsError> {
        let window = window_of(source)?;
        let axes = filtered_axes(self.dimensions, source);
        let kernels = self.kernels(source, &axes)?;
        let name = self.name();
        let values = match self.riesz_order_xyz {
            None => {
                let filters: Vec<[Chain; 3]> = axes
                    .iter()
                    .map(|&second| terms_with(&axes, second, &kernels))
                    .collect();
                respond(
                    source,
                    window,
                    &filters,
                    Combination::Sum,
                    self.boundary,
                    &name,
                )?
                .values
            }
            Some(order_xyz) => {
                let riesz = Riesz::new(order_xyz, &axes)?;
                let padding = kernels.each_ref().map(|[gaussian, _]| gaussian.radius());
                let transfer = LogTransfer { kernels, axes };
                filter_spectrum(
                    source,
                    self.dimensions,
                    padding,
                    &transfer,
                    Some(riesz),
                    self.boundary,
                    &name,
                )?
            }
        };
        Ok(Derived { name, values })
    }

    /// The Gaussian and its second derivative along each array axis; a single 1 along axes that
    /// are not filtered.
    fn kernels(
        &self,
        source: &Source<'_>,
        axes: &[usize],
    ) -> Result<[[Kernel; 2]; 3], RadiomicsError> {
        check_positive("sigma_mm", self.sigma_mm)?;
        check_positive("truncate", self.truncate)?;
        let spacing = source.image.geometry().spacing_zyx_mm;
        let smallest = axes
            .iter()
            .map(|&axis| spacing[axis])
            .fold(f64::INFINITY, f64::min);
        let scale = -(smallest / self.sigma_mm).powi(2);
        let mut kernels: [[Kernel; 2]; 3] =
            std::array::from_fn(|_| [Kernel::new(vec![1.0]), Kernel::new(vec![0.0])]);
        for &axis in axes {
            let sigma = self.sigma_mm / spacing[axis];
            let radius = checked_radius("sigma_mm", (self.truncate * sigma + 0.5).floor())? as i64;
            let squared = |k: i64| (k as f64 / sigma).powi(2);
            let gaussian = |k| (-0.5 * squared(k)).exp() / (std::f64::consts::TAU.sqrt() * sigma);
            let second = |k| scale * (1.0 - squared(k)) * gaussian(k);
            kernels[axis] = [
                Kernel::new((-radius..=radius).map(gaussian).collect()),
                Kernel::new((-radius..=radius).map(second).collect()),
            ];
        }
        Ok(kernels)
    }
}

/// The Gaussian along every axis but one, its second derivative along that one.
fn terms_with(axes: &[usize], second: usize, kernels: &[[Kernel; 2]; 3]) -> [Chain; 3] {
    let mut filter: [Chain; 3] = Default::default();
    for &axis in axes {
        filter[axis] = vec![kernels[axis][usize::from(axis == second)].clone()];
    }
    filter
}

/// The kernel's discrete Fourier transform, which is real because the kernel is even.
struct LogTransfer {
    kernels: [[Kernel; 2]; 3],
    axes: Vec<usize>,
}

impl Transfer for LogTransfer {
    fn tables(&self, shape_zyx: [usize; 3]) -> [Vec<[f64; 2]>; 3] {
        std::array::from_fn(|axis| {
            let [gaussian, second] = &self.kernels[axis];
            let n = shape_zyx[axis];
            (0..n)
                .map(|k| [gaussian.spectrum(k, n), second.spectrum(k, n)])
                .collect()
        })
    }

    fn gain(&self, parts_zyx: [[f64; 2]; 3]) -> f64 {
        let product = |second: usize| {
            (0..3)
                .map(|axis| parts_zyx[axis][usize::from(axis == second)])
                .product::<f64>()
        };
        self.axes.iter().map(|&second| product(second)).sum()
    }
}
