//! Which patches a step sees: of which domain, which case, around which voxel.
//!
//! A case is drawn first and a class within it after, so every patient is heard equally often
//! whatever the size of its tumour.

use super::{
    case::{Domain, TrainingCase},
    error::{TrainingError, check},
};
use crate::random::{Key, Purpose, below, chance, stream};

/// From which domains the steps take their batches. A batch is of one domain, because networks
/// with weights by domain run one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mixture {
    /// Primary cases only.
    #[default]
    PrimaryOnly,
    /// Auxiliary cases only: a network to start from.
    AuxiliaryOnly,
    /// Every case equally often, so the larger set is heard more.
    Pooled,
    /// `primary` steps of primary cases, then `auxiliary` steps of auxiliary ones, and again.
    Alternating {
        /// Steps in a row with primary cases.
        primary: usize,
        /// Steps in a row with auxiliary cases.
        auxiliary: usize,
    },
}

/// How patches are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplerOptions {
    /// Patches of a step.
    pub batch_size: usize,
    /// Shape of a patch. Where a case is smaller, the patch reaches beyond it.
    pub patch_zyx: [usize; 3],
    /// Share of the patches that are centred on a foreground voxel, each class of the case
    /// equally likely (nnU-Net: 0.33).
    pub foreground_fraction: f64,
    /// From which domains.
    pub mixture: Mixture,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        Self {
            batch_size: 2,
            patch_zyx: [64; 3],
            foreground_fraction: 0.33,
            mixture: Mixture::default(),
        }
    }
}

/// One patch of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchChoice {
    /// Index of the case.
    pub case: usize,
    /// First voxel of the patch in the case; negative where the patch starts before it.
    pub start_zyx: [isize; 3],
    /// The class that it was centred on.
    pub class: Option<u8>,
    /// It should have been centred on foreground and the case has none.
    pub without_foreground: bool,
}

/// Draws the patches of each step.
#[derive(Debug, Clone)]
pub struct Sampler<'a> {
    cases: &'a [TrainingCase],
    primary: Vec<usize>,
    auxiliary: Vec<usize>,
    options: SamplerOptions,
    seed: u64,
}

impl<'a> Sampler<'a> {
    /// A sampler of some cases.
    ///
    /// # Errors
    /// An option out of range; cases with different channels or classes; no case of a domain
    /// that the mixture needs.
    pub fn new(
        cases: &'a [TrainingCase],
        options: SamplerOptions,
        seed: u64,
    ) -> Result<Self, TrainingError> {
        check(
            options.batch_size > 0 && u32::try_from(options.batch_size).is_ok(),
            "batch_size",
            options.batch_size,
            "at least 1",
        )?;
        check(
            options
                .patch_zyx
                .iter()
                .all(|e| *e > 0 && *e <= isize::MAX as usize / 4),
            "patch_zyx",
            options.patch_zyx,
            "at least 1 voxel on each axis",
        )?;
        check(
            (0.0..=1.0).contains(&options.foreground_fraction),
            "foreground_fraction",
            options.foreground_fraction,
            "between 0 and 1",
        )?;
        if let Mixture::Alternating { primary, auxiliary } = options.mixture {
            check(
                primary > 0 && auxiliary > 0,
                "mixture",
                options.mixture,
                "at least 1 step of each domain",
            )?;
        }
        if let Some(first) = cases.first() {
            for case in cases {
                for (what, found, expected) in [
                    ("channel(s)", case.channels(), first.channels()),
                    ("class(es)", case.classes(), first.classes()),
                ] {
                    if found != expected {
                        return Err(TrainingError::CasesDiffer {
                            case_id: case.case_id().to_owned(),
                            what,
                            found,
                            expected,
                        });
                    }
                }
            }
        }
        let of = |domain| -> Vec<usize> {
            (0..cases.len())
                .filter(|&i| cases[i].domain() == domain)
                .collect()
        };
        let sampler = Self {
            cases,
            primary: of(Domain::Primary),
            auxiliary: of(Domain::Auxiliary),
            options,
            seed,
        };
        let needs: &[Domain] = match sampler.options.mixture {
            Mixture::PrimaryOnly => &[Domain::Primary],
            Mixture::AuxiliaryOnly => &[Domain::Auxiliary],
            Mixture::Pooled | Mixture::Alternating { .. } => &[Domain::Primary, Domain::Auxiliary],
        };
        for &domain in needs {
            if sampler.of(domain).is_empty() {
                return Err(TrainingError::NoCases {
                    domain: domain.name(),
                    mixture: format!("{:?}", sampler.options.mixture),
                });
            }
        }
        Ok(sampler)
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &SamplerOptions {
        &self.options
    }

    /// The cases.
    #[must_use]
    pub fn cases(&self) -> &'a [TrainingCase] {
        self.cases
    }

    /// The foreground classes that no case that is drawn from has.
    #[must_use]
    pub fn absent_classes(&self) -> Vec<u8> {
        let classes = self.cases.first().map_or(0, TrainingCase::classes);
        let drawn: Vec<usize> = match self.options.mixture {
            Mixture::PrimaryOnly => self.primary.clone(),
            Mixture::AuxiliaryOnly => self.auxiliary.clone(),
            _ => (0..self.cases.len()).collect(),
        };
        (1..classes)
            .filter(|&class| {
                drawn
                    .iter()
                    .all(|&i| self.cases[i].class_voxels(class) == 0)
            })
            .map(|class| class as u8)
            .collect()
    }

    fn of(&self, domain: Domain) -> &[usize] {
        match domain {
            Domain::Primary => &self.primary,
            Domain::Auxiliary => &self.auxiliary,
        }
    }

    /// The domain of a step. `steps_per_epoch` only tells an alternating mixture how far it is.
    #[must_use]
    pub fn domain(&self, epoch: usize, step: usize, steps_per_epoch: usize) -> Domain {
        match self.options.mixture {
            Mixture::PrimaryOnly => Domain::Primary,
            Mixture::AuxiliaryOnly => Domain::Auxiliary,
            Mixture::Pooled => {
                let mut rng = stream(self.key(epoch, step, 0), Purpose::Domain);
                if below(&mut rng, self.cases.len()) < self.primary.len() {
                    Domain::Primary
                } else {
                    Domain::Auxiliary
                }
            }
            Mixture::Alternating { primary, auxiliary } => {
                let done = epoch * steps_per_epoch + step;
                if done % (primary + auxiliary) < primary {
                    Domain::Primary
                } else {
                    Domain::Auxiliary
                }
            }
        }
    }

    /// The patches of a step, each of a case of the domain; empty if it has no case.
    #[must_use]
    pub fn choose(&self, epoch: usize, step: usize, domain: Domain) -> Vec<PatchChoice> {
        let cases = self.of(domain);
        if cases.is_empty() {
            return Vec::new();
        }
        let batch = self.options.batch_size;
        // The whole part of the share in every step, the rest by chance: the share is met on
        // average for any batch size, 1 included.
        let wanted = batch as f64 * self.options.foreground_fraction;
        let mut rng = stream(self.key(epoch, step, 0), Purpose::Foreground);
        let forced = wanted.floor() as usize + usize::from(chance(&mut rng, wanted.fract()));
        (0..batch)
            .map(|sample| {
                let mut rng = stream(self.key(epoch, step, sample), Purpose::Patch);
                let case = cases[below(&mut rng, cases.len())];
                self.place(case, sample + forced >= batch, &mut rng)
            })
            .collect()
    }

    pub(crate) fn key(&self, epoch: usize, step: usize, sample: usize) -> Key {
        Key {
            seed: self.seed,
            epoch: epoch as u64,
            step: step as u64,
            sample: sample as u32,
        }
    }

    fn place(&self, index: usize, forced: bool, rng: &mut rand_chacha::ChaCha8Rng) -> PatchChoice {
        let case = &self.cases[index];
        let classes = case.foreground();
        let centre = (forced && !classes.is_empty())
            .then(|| {
                let class = classes[below(rng, classes.len())];
                let nth = below(rng, case.class_voxels(usize::from(class)));
                Some((class, case.nth_voxel(usize::from(class), nth)?))
            })
            .flatten();
        let mut start_zyx = [0; 3];
        for axis in 0..3 {
            let [first, last] = starts(case.shape_zyx()[axis], self.options.patch_zyx[axis]);
            start_zyx[axis] = match centre {
                Some((_, voxel)) => (voxel[axis] as isize
                    - (self.options.patch_zyx[axis] / 2) as isize)
                    .clamp(first, last),
                None => first + below(rng, (last - first + 1) as usize) as isize,
            };
        }
        PatchChoice {
            case: index,
            start_zyx,
            class: centre.map(|(class, _)| class),
            without_foreground: forced && centre.is_none(),
        }
    }
}

/// The first and the last start of a patch along an axis: within the case, or with the case in
/// the middle where the patch is the longer.
fn starts(extent: usize, patch: usize) -> [isize; 2] {
    let (extent, patch) = (extent as isize, patch as isize);
    if patch <= extent {
        [0, extent - patch]
    } else {
        let before = -((patch - extent) / 2);
        [before, before]
    }
}
