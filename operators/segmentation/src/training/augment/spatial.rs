//! Rotation, scaling and elastic deformation as one map from a patch to its case.

use rand_chacha::ChaCha8Rng;

use super::{elastic::ElasticField, options::AugmentOptions};
use crate::random::{between, chance};

/// Where in a case each voxel of a patch comes from, in voxels:
/// `centre + A (o - (patch - 1) / 2) + elastic(o)`, for the patch's voxel `o`.
#[derive(Debug, Clone)]
pub struct SpatialMap {
    pub(crate) start_zyx: [isize; 3],
    pub(crate) centre_zyx: [f64; 3],
    pub(crate) half_zyx: [f64; 3],
    /// `None` is the identity: the patch is a copy.
    pub(crate) linear: Option<[[f64; 3]; 3]>,
    pub(crate) elastic: Option<ElasticField>,
    pub(crate) spacing_zyx_mm: [f64; 3],
}

impl SpatialMap {
    /// The map without any change: the patch starts at a voxel of the case.
    #[must_use]
    pub fn identity(
        spacing_zyx_mm: [f64; 3],
        start_zyx: [isize; 3],
        patch_zyx: [usize; 3],
    ) -> Self {
        let half_zyx = patch_zyx.map(|extent| (extent as f64 - 1.0) / 2.0);
        Self {
            start_zyx,
            centre_zyx: [0, 1, 2].map(|axis| start_zyx[axis] as f64 + half_zyx[axis]),
            half_zyx,
            linear: None,
            elastic: None,
            spacing_zyx_mm,
        }
    }

    /// The same about the patch's centre turned (z, y, x axis, degrees) and scaled.
    #[must_use]
    pub fn turned(mut self, degrees_zyx: [f64; 3], scale: f64) -> Self {
        let rotation = rotation_zyx(degrees_zyx);
        let spacing = self.spacing_zyx_mm;
        // Voxels to millimetres, turn and scale, and back.
        self.linear = Some(
            [0, 1, 2].map(|i| [0, 1, 2].map(|j| rotation[i][j] * scale * spacing[j] / spacing[i])),
        );
        self
    }

    /// The same with a deformation on top.
    #[must_use]
    pub fn deformed(mut self, elastic: ElasticField) -> Self {
        self.elastic = Some(elastic);
        self
    }

    /// Draw a map.
    #[must_use]
    pub fn draw(
        spacing_zyx_mm: [f64; 3],
        start_zyx: [isize; 3],
        patch_zyx: [usize; 3],
        options: &AugmentOptions,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let mut map = Self::identity(spacing_zyx_mm, start_zyx, patch_zyx);
        let turn = chance(rng, options.rotation_probability);
        let degrees_zyx = options
            .rotation_degrees_zyx
            .map(|most| between(rng, [-most, most]));
        let resize = chance(rng, options.scaling_probability);
        let scale = between(rng, options.scaling_range);
        if turn || resize {
            map = map.turned(
                if turn { degrees_zyx } else { [0.0; 3] },
                if resize { scale } else { 1.0 },
            );
        }
        if chance(rng, options.elastic_probability) {
            let deviation_mm = between(rng, options.elastic_deviation_mm);
            map = map.deformed(ElasticField::draw(
                patch_zyx,
                spacing_zyx_mm,
                options.elastic_spacing_mm,
                deviation_mm,
                rng,
            ));
        }
        map
    }
}

/// The matrix that turns a `[z, y, x]` vector about the z, then the y, then the x axis.
#[must_use]
pub fn rotation_zyx(degrees_zyx: [f64; 3]) -> [[f64; 3]; 3] {
    let [(sz, cz), (sy, cy), (sx, cx)] = degrees_zyx.map(|d| d.to_radians().sin_cos());
    let about_z = [[1.0, 0.0, 0.0], [0.0, cz, sz], [0.0, -sz, cz]];
    let about_y = [[cy, 0.0, -sy], [0.0, 1.0, 0.0], [sy, 0.0, cy]];
    let about_x = [[cx, sx, 0.0], [-sx, cx, 0.0], [0.0, 0.0, 1.0]];
    product(about_x, product(about_y, about_z))
}

fn product(a: [[f64; 3]; 3], b: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    [0, 1, 2].map(|i| [0, 1, 2].map(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}
