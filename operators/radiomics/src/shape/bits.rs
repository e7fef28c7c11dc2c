//! A region as rows of bits, so that 64 voxels are compared at once.

use crate::Region;

/// The mask of a region with a margin of one voxel, a bit a voxel.
///
/// # Shapes
/// `[z, y, word]`; bit `i` of word `w` of a row is the voxel at x = 64 w + i, and the last word
/// of a row is padded with zeros.
pub(super) struct Bits {
    /// Number of voxels along each axis, the margin included.
    pub shape_zyx: [usize; 3],
    /// Number of words of a row.
    pub words: usize,
    bits: Vec<u64>,
}

impl Bits {
    pub fn of(region: &Region) -> Self {
        let shape_zyx = region.bounding_box.shape_zyx.map(|n| n + 2);
        let [nz, ny, nx] = shape_zyx;
        let skip = region.margin_zyx.map(|margin| margin - 1);
        let [_, stride_y, stride_x] = region.padded_shape_zyx();
        let words = nx.div_ceil(64);
        let mut bits = Vec::with_capacity(nz * ny * words);
        for z in 0..nz {
            for y in 0..ny {
                let start = ((z + skip[0]) * stride_y + y + skip[1]) * stride_x + skip[2];
                let row = &region.mask[start..start + nx];
                bits.extend(row.chunks(64).map(word));
            }
        }
        Self {
            shape_zyx,
            words,
            bits,
        }
    }

    pub fn row(&self, z: usize, y: usize) -> &[u64] {
        let start = (z * self.shape_zyx[1] + y) * self.words;
        &self.bits[start..start + self.words]
    }
}

/// Up to 64 voxels, each 0 or 1, as the bits of a word.
fn word(voxels: &[u8]) -> u64 {
    let (eights, rest) = voxels.as_chunks::<8>();
    let mut word = 0;
    for (i, &eight) in eights.iter().enumerate() {
        // The product moves byte k's bit to bit 56 + k.
        let gathered = u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= gathered << (8 * i);
    }
    for (i, &voxel) in rest.iter().enumerate() {
        word |= u64::from(voxel) << (8 * eights.len() + i);
    }
    word
}

/// The bits after those of a word of a row: bit `i` is the voxel at x + 1.
pub(super) fn shifted(row: &[u64], word: usize) -> u64 {
    row[word] >> 1 | row.get(word + 1).map_or(0, |next| next << 63)
}

/// The places of the bits of a word.
pub(super) fn places(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let place = word.trailing_zeros() as usize;
        word &= word - 1;
        Some(place)
    })
}

/// First and last place of the bits of a row given word by word.
pub(super) fn ends(words: impl Iterator<Item = u64>) -> Option<[usize; 2]> {
    let mut ends: Option<[usize; 2]> = None;
    for (i, word) in words.enumerate() {
        if word != 0 {
            let first = 64 * i + word.trailing_zeros() as usize;
            let last = 64 * i + 63 - word.leading_zeros() as usize;
            ends = Some([ends.map_or(first, |[first, _]| first), last]);
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_voxels() {
        let voxels: Vec<u8> = (0..61).map(|i| u8::from(i * i % 7 == 2)).collect();
        let word = word(&voxels);
        for (i, &voxel) in voxels.iter().enumerate() {
            assert_eq!(word >> i & 1, u64::from(voxel), "{i}");
        }
        let found: Vec<usize> = places(word).collect();
        let expected: Vec<usize> = (0..61).filter(|&i| voxels[i] == 1).collect();
        assert_eq!(found, expected);
        let row = [0, 6 << 40, 1, 0];
        assert_eq!(ends(row.into_iter()), Some([64 + 41, 128]));
        assert_eq!(ends([0, 0].into_iter()), None);
        assert_eq!(shifted(&row, 1), 6 << 39 | 1 << 63);
    }
}
