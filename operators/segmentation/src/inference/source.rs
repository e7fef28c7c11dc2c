//! Where patches are read from.

use std::ops::Range;

use renalflow_imaging::Volume;

use super::error::InferenceError;

/// A volume of one or more channels that is read row by row, so that it can stay in the type
/// in which it is stored.
pub trait PatchSource {
    /// Number of channels.
    fn channels(&self) -> usize;

    /// Voxels of each channel.
    fn shape_zyx(&self) -> [usize; 3];

    /// Read the part `x` of a row.
    ///
    /// # Shapes
    /// `row`: as long as `x`, which lies within the volume.
    fn read_row(&self, channel: usize, z: usize, y: usize, x: Range<usize>, row: &mut [f32]);
}

fn row_of<T>(volume: &Volume<T>, z: usize, y: usize, x: Range<usize>) -> &[T] {
    let [_, rows, columns] = volume.geometry().shape_zyx;
    let first = (z * rows + y) * columns;
    &volume.voxels()[first + x.start..first + x.end]
}

impl PatchSource for Volume<f32> {
    fn channels(&self) -> usize {
        1
    }

    fn shape_zyx(&self) -> [usize; 3] {
        self.geometry().shape_zyx
    }

    fn read_row(&self, _: usize, z: usize, y: usize, x: Range<usize>, row: &mut [f32]) {
        row.copy_from_slice(row_of(self, z, y, x));
    }
}

impl PatchSource for Volume<i16> {
    fn channels(&self) -> usize {
        1
    }

    fn shape_zyx(&self) -> [usize; 3] {
        self.geometry().shape_zyx
    }

    fn read_row(&self, _: usize, z: usize, y: usize, x: Range<usize>, row: &mut [f32]) {
        for (value, &stored) in row.iter_mut().zip(row_of(self, z, y, x)) {
            *value = f32::from(stored);
        }
    }
}

/// Sources of one shape, their channels one after the other.
pub struct Stacked<'a> {
    /// Source and its channel, for each channel.
    channels: Vec<(&'a dyn PatchSource, usize)>,
    shape_zyx: [usize; 3],
}

impl<'a> Stacked<'a> {
    /// Put sources together.
    ///
    /// # Errors
    /// No source, or sources of different shapes.
    pub fn new(sources: &[&'a dyn PatchSource]) -> Result<Self, InferenceError> {
        let shape_zyx = sources
            .first()
            .ok_or(InferenceError::Channels {
                input: 0,
                network: 1,
            })?
            .shape_zyx();
        let mut channels = Vec::new();
        for &source in sources {
            if source.shape_zyx() != shape_zyx {
                return Err(InferenceError::ChannelShape {
                    channel: channels.len(),
                    expected: shape_zyx,
                    found: source.shape_zyx(),
                });
            }
            channels.extend((0..source.channels()).map(|channel| (source, channel)));
        }
        Ok(Self {
            channels,
            shape_zyx,
        })
    }
}

impl PatchSource for Stacked<'_> {
    fn channels(&self) -> usize {
        self.channels.len()
    }

    fn shape_zyx(&self) -> [usize; 3] {
        self.shape_zyx
    }

    fn read_row(&self, channel: usize, z: usize, y: usize, x: Range<usize>, row: &mut [f32]) {
        let (source, channel) = self.channels[channel];
        source.read_row(channel, z, y, x, row);
    }
}
