//! Laws kernels and their energy.

use super::{
    Boundary, Derived, Dimensions, MAX_RADIUS_VOXELS, Name, Pooling, Source, filtered_axes,
    refused,
    rotation::orientations,
    separable::{Chain, Combination, Kernel, convolve, respond},
    slice_axis, window_of,
};
use crate::RadiomicsError;

/// IBSI 2: Laws kernels, and their energy (`JTXT`).
///
/// The response is `h = f * (g_1 ⊗ g_2 ⊗ g_3)`, with one 1D kernel of unit norm an axis: level
/// (`L3`, `L5`), edge (`E3`, `E5`), spot (`S3`, `S5`), wave (`W5`), ripple (`R5`). The energy
/// (`PQSD`) is the mean of `|h|` over the cube (or square) of voxels that are no farther away
/// than a distance in the infinity norm, taken after pooling.
#[derive(Debug, Clone, PartialEq)]
pub struct Laws {
    /// Names of the 1D kernels by axis (x, y, z), such as `L5E5S5`; two for slices.
    pub kernels: String,
    /// Pool the responses to all right-angle rotations: 24, or 4 in slices.
    pub rotation_invariance: Option<Pooling>,
    /// Replace the response by the mean of its magnitude within this distance (`I176`), in
    /// voxels of the infinity norm.
    pub energy_distance_voxels: Option<usize>,
    /// How the image, and the response under the energy, goes on beyond its border.
    pub boundary: Boundary,
}

impl Laws {
    /// Filter an image.
    ///
    /// Memory: about five times the window with kernel and energy distance around it, in `f64`.
    ///
    /// # Shapes
    /// Returns `source.window` in C order.
    ///
    /// # Errors
    /// Kernels that do not exist, or not two or three of them; an energy distance beyond
    /// [`MAX_RADIUS_VOXELS`]; NaN or infinity where the filter reads.
    pub fn derive(&self, source: &Source<'_>) -> Result<Derived, RadiomicsError> {
        let window = window_of(source)?;
        let (dimensions, kernels) = self.parse()?;
        let distance = self.energy_distance_voxels;
        if distance.is_some_and(|voxels| voxels > MAX_RADIUS_VOXELS) {
            return Err(refused(
                "energy_distance_voxels",
                format!("{distance:?}"),
                "it must be at most 1024 voxels",
            ));
        }
        let name = self.name();
        let axes = filtered_axes(dimensions, source);
        let shape = source.image.geometry().shape_zyx;
        let mut filter: [Chain; 3] = Default::default();
        let mut wanted = window.clone();
        for (&axis, kernel) in axes.iter().zip(kernels) {
            filter[axis] = vec![kernel];
            if let Some(distance) = distance {
                wanted[axis] = self.boundary.reach(&window[axis], distance, shape[axis]);
            }
        }
        let in_slices = (dimensions == Dimensions::Two).then(|| slice_axis(source));
        let (filters, combination) = match self.rotation_invariance {
            None => (vec![filter], Combination::Sum),
            Some(Pooling::Average) => (orientations(&filter, in_slices), Combination::Average),
            Some(Pooling::Maximum) => (orientations(&filter, in_slices), Combination::Maximum),
        };
        let mut response = respond(source, wanted, &filters, combination, self.boundary, &name)?;
        if let Some(distance) = distance {
            response.values.iter_mut().for_each(|h| *h = h.abs());
            let mean = Kernel::mean(2 * distance + 1);
            for axis in axes {
                let (range, n) = (&window[axis], shape[axis]);
                response = convolve(&response, axis, &mean, range, n, self.boundary);
            }
        }
        Ok(Derived {
            name,
            values: response.values,
        })
    }

    pub(super) fn name(&self) -> String {
        let name = Name::of("laws")
            .word(&self.kernels)
            .rotations(self.rotation_invariance);
        let name = match self.energy_distance_voxels {
            Some(distance) => name.word("energy").word(distance.to_string()),
            None => name,
        };
        name.boundary(self.boundary).0
    }

    /// The 1D kernels in the order x, y, z.
    pub(super) fn parse(&self) -> Result<(Dimensions, Vec<Kernel>), RadiomicsError> {
        let characters: Vec<char> = self.kernels.chars().collect();
        let kernels: Option<Vec<Kernel>> = characters
            .chunks(2)
            .map(|name| kernel(&name.iter().collect::<String>()))
            .collect();
        match kernels {
            Some(kernels) if kernels.len() == 2 => Ok((Dimensions::Two, kernels)),
            Some(kernels) if kernels.len() == 3 => Ok((Dimensions::Three, kernels)),
            _ => Err(refused(
                "kernels",
                &self.kernels,
                "it must name two kernels (slices) or three (volume) of L3, E3, S3, L5, E5, S5, \
                 W5 and R5, such as L5E5S5",
            )),
        }
    }
}

/// A Laws kernel by its name, scaled to unit norm.
fn kernel(name: &str) -> Option<Kernel> {
    let taps: &[f64] = match name {
        "L5" => &[1.0, 4.0, 6.0, 4.0, 1.0],
        "E5" => &[-1.0, -2.0, 0.0, 2.0, 1.0],
        "S5" => &[-1.0, 0.0, 2.0, 0.0, -1.0],
        "W5" => &[-1.0, 2.0, 0.0, -2.0, 1.0],
        "R5" => &[1.0, -4.0, 6.0, -4.0, 1.0],
        "L3" => &[1.0, 2.0, 1.0],
        "E3" => &[-1.0, 0.0, 1.0],
        "S3" => &[-1.0, 2.0, -1.0],
        _ => return None,
    };
    let norm = taps.iter().map(|tap| tap * tap).sum::<f64>().sqrt();
    Some(Kernel::new(taps.iter().map(|tap| tap / norm).collect()))
}
