//! The U-Net of a plan, shaped as nnU-Net's: strided convolutions down, transposed
//! convolutions up, the upsampled features before the skipped ones.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::{
    Domain, Plan,
    blocks::{Conv, NormParameters, Stage, StageShape, Style, Up},
    taps::Taps,
};
use crate::ops::{Activations, FusedForward, Precision};

/// The way down: one stage a level.
pub(super) struct Encoder {
    levels: Vec<(String, Stage)>,
}

impl Encoder {
    /// Parameters `encoder.{level}.conv{k}.{weight,bias}` and `encoder.{level}.norm{k}...`.
    pub(super) fn new(
        plan: &Plan,
        channels_in: usize,
        style: Style,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let mut levels = Vec::with_capacity(plan.levels.len());
        let mut input = channels_in;
        for (l, level) in plan.levels.iter().enumerate() {
            let vb = vb.pp("encoder").pp(l);
            let shape = StageShape {
                channels: [input, level.features],
                kernel: level.kernel_zyx,
                stride: level.stride_zyx,
                convs: plan.convs_per_level.value,
                style,
            };
            levels.push((vb.prefix(), Stage::new(shape, &vb)?));
            input = level.features;
        }
        Ok(Self { levels })
    }

    /// The output of every level, the finest first. `join` may change what a level hands on.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        domain: Domain,
        taps: &mut Taps,
        join: impl Fn(usize, Tensor) -> Result<Tensor>,
    ) -> Result<Vec<Tensor>> {
        let mut outputs: Vec<Tensor> = Vec::with_capacity(self.levels.len());
        for (l, (name, stage)) in self.levels.iter().enumerate() {
            let y = stage.forward(&[outputs.last().unwrap_or(x)], domain, taps)?;
            let y = join(l, y)?;
            taps.pass(name, &y);
            outputs.push(y);
        }
        Ok(outputs)
    }

    pub(super) fn tap_names(&self) -> Vec<String> {
        names(self.levels.iter().map(|(name, stage)| (name, stage)))
    }
}

/// The activations of stages: each layer's, then the level's.
fn names<'a>(levels: impl Iterator<Item = (&'a String, &'a Stage)>) -> Vec<String> {
    levels
        .flat_map(|(name, stage)| stage.tap_names().chain([name]))
        .cloned()
        .collect()
}

/// One level of the way up.
struct UpLevel {
    name: String,
    up: Up,
    stage: Stage,
}

/// The way up, and the heads that make logits of it.
pub(super) struct Decoder {
    /// The coarsest first.
    levels: Vec<UpLevel>,
    /// By level, the finest first.
    heads: Vec<(String, Conv)>,
}

impl Decoder {
    /// Parameters `decoder.{level}.up...`, `decoder.{level}.conv{k}...` and so on, and
    /// `head.{level}...`, levels as in the encoder.
    pub(super) fn new(plan: &Plan, style: Style, vb: &VarBuilder<'_>) -> Result<Self> {
        let mut levels = Vec::new();
        for (l, pair) in plan.levels.windows(2).enumerate().rev() {
            let (fine, coarse) = (&pair[0], &pair[1]);
            let vb = vb.pp("decoder").pp(l);
            let shape = StageShape {
                channels: [2 * fine.features, fine.features],
                kernel: fine.kernel_zyx,
                stride: [1; 3],
                convs: plan.convs_per_level.value,
                style,
            };
            levels.push(UpLevel {
                name: vb.prefix(),
                up: Up::new(
                    [coarse.features, fine.features],
                    coarse.stride_zyx,
                    style.precision,
                    &vb.pp("up"),
                )?,
                stage: Stage::new(shape, &vb)?,
            });
        }
        let supervised = if plan.deep_supervision.value {
            levels.len().max(1)
        } else {
            1
        };
        let mut heads = Vec::with_capacity(supervised);
        for (l, level) in plan.levels.iter().enumerate().take(supervised) {
            let vb = vb.pp("head").pp(l);
            let channels = [level.features, plan.labels.value.channels()];
            heads.push((
                vb.prefix(),
                Conv::new(channels, [1; 3], [1; 3], style.precision, &vb)?,
            ));
        }
        Ok(Self { levels, heads })
    }

    /// The logits of at most `outputs` heads, the finest first.
    pub(super) fn forward(
        &self,
        skips: &[Tensor],
        domain: Domain,
        taps: &mut Taps,
        outputs: usize,
    ) -> Result<Vec<Tensor>> {
        let Some((deepest, skips)) = skips.split_last() else {
            candle_core::bail!("a network without levels has no output");
        };
        let mut x = deepest.clone();
        let mut logits = Vec::new();
        let mut head = |l: usize, x: &Tensor, taps: &mut Taps| -> Result<()> {
            if l < outputs
                && let Some((name, head)) = self.heads.get(l)
            {
                let y = head.forward(x)?;
                taps.pass(name, &y);
                logits.push(y);
            }
            Ok(())
        };
        if self.levels.is_empty() {
            head(0, &x, taps)?;
        }
        for ((l, skip), level) in skips.iter().enumerate().rev().zip(&self.levels) {
            let up = level.up.forward(&x)?;
            x = level.stage.forward(&[&up, skip], domain, taps)?;
            taps.pass(&level.name, &x);
            head(l, &x, taps)?;
        }
        logits.reverse();
        Ok(logits)
    }

    pub(super) fn tap_names(&self) -> Vec<String> {
        let mut all = names(self.levels.iter().map(|level| (&level.name, &level.stage)));
        all.extend(self.heads.iter().map(|head| head.0.clone()));
        all
    }
}

/// A whole U-Net.
pub struct UNet {
    pub(super) encoder: Encoder,
    pub(super) decoder: Decoder,
}

impl UNet {
    /// The U-Net of a plan, with parameters under the builder's prefix.
    ///
    /// # Errors
    /// Parameters that exist already in another shape.
    pub fn new(plan: &Plan, vb: &VarBuilder<'_>) -> Result<Self> {
        let style = Style {
            norms: NormParameters::Shared,
            precision: Precision::default(),
        };
        Self::with(plan, plan.channels_in, style, vb)
    }

    pub(super) fn with(
        plan: &Plan,
        channels_in: usize,
        style: Style,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        Ok(Self {
            encoder: Encoder::new(plan, channels_in, style, vb)?,
            decoder: Decoder::new(plan, style, vb)?,
        })
    }

    /// Logits, the finest first; more than one where the plan has deep supervision.
    ///
    /// # Shapes
    /// `x` `[N, channels, D, H, W]`, extents divisible by [`Plan::total_stride_zyx`]; logits
    /// `[N, labels, D, H, W]`, coarser ones by the strides of their level.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        self.run(x, Domain::Primary, &mut Taps::default(), usize::MAX)
    }

    pub(super) fn run(
        &self,
        x: &Tensor,
        domain: Domain,
        taps: &mut Taps,
        outputs: usize,
    ) -> Result<Vec<Tensor>> {
        let skips = self.encoder.forward(x, domain, taps, |_, y| Ok(y))?;
        self.decoder.forward(&skips, domain, taps, outputs)
    }

    /// The finest logits, computed by fused blocks: without gradients and taps, on the CPU.
    ///
    /// The values are those of [`UNet::run`] but for rounding: a bias before a norm is left out,
    /// and norms are applied while the next convolution reads.
    pub(super) fn fused(&self, x: &Tensor, domain: Domain) -> Result<Tensor> {
        let mut with = FusedForward::new();
        let input = with.input(x)?;
        let mut skips: Vec<Activations> = Vec::with_capacity(self.encoder.levels.len());
        for (_, stage) in &self.encoder.levels {
            let y = stage.fused(&[skips.last().unwrap_or(&input)], domain, &mut with)?;
            skips.push(y);
        }
        let (Some(mut x), Some((_, head))) = (skips.pop(), self.decoder.heads.first()) else {
            candle_core::bail!("a network without levels has no output");
        };
        for level in &self.decoder.levels {
            let up = level.up.fused(&x, &mut with)?;
            with.give_back(x);
            let Some(skip) = skips.pop() else {
                candle_core::bail!("the network has more levels up than down");
            };
            x = level.stage.fused(&[&up, &skip], domain, &mut with)?;
            with.give_back(up);
            with.give_back(skip);
        }
        head.fused(&x, &mut with)?.into_tensor()
    }

    pub(super) fn tap_names(&self) -> Vec<String> {
        let mut all = self.encoder.tap_names();
        all.extend(self.decoder.tap_names());
        all
    }
}
