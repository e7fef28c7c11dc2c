//! A box of an image, in double precision.

use std::ops::Range;

use renalflow_imaging::{Image, with_image};

use crate::RadiomicsError;

/// A box of an image or of a response to it.
///
/// # Shapes
/// `values`: the ranges of voxels along z, y, x, in C order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    pub ranges: [Range<usize>; 3],
    pub values: Vec<f64>,
}

impl Block {
    /// Read a box of an image for a filter.
    ///
    /// # Errors
    /// NaN or infinity in it, which the filter would spread.
    pub fn read(
        image: &Image,
        ranges: [Range<usize>; 3],
        filter: &str,
    ) -> Result<Self, RadiomicsError> {
        let shape_zyx = image.geometry().shape_zyx;
        let values = with_image!(image, volume => values(volume.voxels(), shape_zyx, &ranges));
        let block = Self { ranges, values };
        block.refuse_non_finite(filter)?;
        Ok(block)
    }

    pub fn shape(&self) -> [usize; 3] {
        self.ranges.each_ref().map(Range::len)
    }

    fn refuse_non_finite(&self, filter: &str) -> Result<(), RadiomicsError> {
        let Some(first) = self.values.iter().position(|v| !v.is_finite()) else {
            return Ok(());
        };
        let [_, ny, nx] = self.shape();
        let place = [first / (ny * nx), first / nx % ny, first % nx];
        Err(RadiomicsError::NonFiniteUnderFilter {
            filter: filter.to_owned(),
            count: self.values.iter().filter(|v| !v.is_finite()).count(),
            first_zyx: std::array::from_fn(|axis| self.ranges[axis].start + place[axis]),
            first_value: self.values[first],
        })
    }
}

/// The values of a box of an array in C order.
fn values<T: Copy + Into<f64>>(
    voxels: &[T],
    [_, ny, nx]: [usize; 3],
    [z, y, x]: &[Range<usize>; 3],
) -> Vec<f64> {
    let mut values = Vec::with_capacity(z.len() * y.len() * x.len());
    for row in z.clone().flat_map(|z| y.clone().map(move |y| z * ny + y)) {
        let row = &voxels[row * nx + x.start..row * nx + x.end];
        values.extend(row.iter().map(|&voxel| voxel.into()));
    }
    values
}
