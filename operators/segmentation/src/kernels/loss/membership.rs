//! To which channels a label belongs.

use thiserror::Error;

/// A label that no channel knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the target holds label {label}, which is in none of the network's {channels} channels: \
     correct the label map, add the label to the plan, or pass it as the label to ignore"
)]
pub struct UnknownLabel {
    /// The label.
    pub label: u32,
    /// Channels of the logits.
    pub channels: usize,
}

/// To which channels each label belongs, and which label is left out of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Bit `c` of entry `l`: label `l` is in channel `c`.
    table: Vec<u64>,
    channels: usize,
    ignore: Option<u32>,
}

impl Membership {
    /// Most channels there can be.
    pub const MAX_CHANNELS: usize = 62;
    /// Largest label a table reaches.
    pub const MAX_LABEL: u32 = 65_535;
    pub(super) const IGNORED: u64 = 1 << 63;

    /// Label `l` is in channel `l`, or `None` for more channels than [`Self::MAX_CHANNELS`].
    #[must_use]
    pub fn classes(channels: usize, ignore: Option<u32>) -> Option<Self> {
        (channels <= Self::MAX_CHANNELS).then(|| Self {
            table: (0..channels).map(|c| 1 << c).collect(),
            channels,
            ignore,
        })
    }

    /// Label `l` is in every channel whose region names it; label 0 may be in none. `None` for
    /// more regions than [`Self::MAX_CHANNELS`] or labels above [`Self::MAX_LABEL`].
    #[must_use]
    pub fn regions(regions: &[Vec<u32>], ignore: Option<u32>) -> Option<Self> {
        let largest = regions.iter().flatten().copied().max().unwrap_or(0);
        if regions.len() > Self::MAX_CHANNELS || largest > Self::MAX_LABEL {
            return None;
        }
        let unknown = Self::unknown();
        let mut table = vec![unknown; largest as usize + 1];
        table[0] = 0;
        for (channel, labels) in regions.iter().enumerate() {
            for &label in labels {
                let entry = &mut table[label as usize];
                *entry = (*entry & !unknown) | 1 << channel;
            }
        }
        Some(Self {
            table,
            channels: regions.len(),
            ignore,
        })
    }

    /// Bit `c` of entry `l`: label `l` is in channel `c`; bit 62 alone: in none there is.
    #[cfg(feature = "cuda")]
    pub(crate) fn table(&self) -> &[u64] {
        &self.table
    }

    /// The label that is left out of everything.
    #[cfg(feature = "cuda")]
    pub(crate) fn ignore(&self) -> Option<u32> {
        self.ignore
    }

    const fn unknown() -> u64 {
        1 << 62
    }

    /// The channels of a label as bits, or [`Self::IGNORED`].
    #[inline(always)]
    pub(super) fn of(&self, label: u32) -> Result<u64, UnknownLabel> {
        if self.ignore == Some(label) {
            return Ok(Self::IGNORED);
        }
        match self.table.get(label as usize) {
            Some(&bits) if bits != Self::unknown() => Ok(bits),
            _ => Err(UnknownLabel {
                label,
                channels: self.channels,
            }),
        }
    }
}
