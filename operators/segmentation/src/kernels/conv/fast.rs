//! Which kernel runs a convolution in `f32`.

use super::{
    ConvShape, direct,
    source::{Moments, Source},
    winograd,
};
use crate::kernels::simd::Isa;

/// A convolution with its weights in the order that its kernel reads: pack once, run often.
pub struct PackedConv {
    shape: ConvShape,
    isa: Isa,
    kind: Kind,
}

enum Kind {
    Direct(Box<direct::Packed>),
    Winograd(winograd::Packed),
}

impl PackedConv {
    /// Packs the weights of a convolution for this machine.
    ///
    /// # Shapes
    /// `weight` `[O, I, kD, kH, kW]`.
    #[must_use]
    pub fn new(shape: &ConvShape, weight: &[f32]) -> Self {
        Self::with_isa(Isa::detect(), shape, weight)
    }

    /// As [`PackedConv::new`] for instructions that the machine must have.
    #[must_use]
    pub(crate) fn with_isa(isa: Isa, shape: &ConvShape, weight: &[f32]) -> Self {
        let [_, kh, kw] = shape.kernel;
        let kind = if winograd::applies(shape) {
            Kind::Winograd(winograd::Packed::new(shape, |o, i, [d, h, w]| {
                weight[(((o * shape.channels_in + i) * 3 + d) * kh + h) * kw + w]
            }))
        } else {
            Kind::Direct(Box::new(direct::Packed::forward(shape, weight)))
        };
        Self {
            shape: *shape,
            isa,
            kind,
        }
    }

    /// Convolves `sources`, laid side by side in the channels, into `y`, and returns the moments
    /// of each sample and channel of `y`, `[N, O]`, where they are wanted.
    ///
    /// # Shapes
    /// `sources` `[N, I_s, D, H, W]` with `I` channels in all, `bias` `[O]`, `y` `[N, O, D', H', W']`.
    ///
    /// # Panics
    /// On slices of other lengths, since the kernels write through pointers.
    pub fn run(
        &self,
        sources: &[Source<'_>],
        bias: Option<&[f32]>,
        y: &mut [f32],
        with_moments: bool,
    ) -> Vec<Moments> {
        let shape = &self.shape;
        check_sources(sources, shape.channels_in, shape.batch * shape.voxels_in());
        check_len(
            "bias",
            bias.map_or(shape.channels_out, <[f32]>::len),
            shape.channels_out,
        );
        check_len("y", y.len(), shape.len_out());
        match &self.kind {
            Kind::Direct(packed) => {
                direct::forward(self.isa, packed, sources, bias, y, with_moments)
            }
            Kind::Winograd(packed) => winograd::forward(
                self.isa,
                &self.shape,
                sources,
                packed,
                bias,
                y,
                with_moments,
            ),
        }
    }
}

/// The convolution of `x` with `weight`, written to `y`.
///
/// # Shapes
/// `x` `[N, I, D, H, W]`, `weight` `[O, I, kD, kH, kW]`, `bias` `[O]`, `y` `[N, O, D', H', W']`.
///
/// # Panics
/// On slices of other lengths.
pub fn forward(shape: &ConvShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    if has_work(shape, x.len(), weight.len(), y.len()) {
        let sources = [Source::plain(x, shape.channels_in)];
        PackedConv::new(shape, weight).run(&sources, bias, y, false);
    }
}

/// The gradient of the convolution to its input, written to `gx`, plus `bias` a channel: so it is
/// the transposed convolution of `gy`.
///
/// # Shapes
/// `gy` `[N, O, D', H', W']`, `weight` `[O, I, kD, kH, kW]`, `bias` `[I]`, `gx` `[N, I, D, H, W]`.
///
/// # Panics
/// On slices of other lengths.
pub fn backward_input(
    shape: &ConvShape,
    gy: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    gx: &mut [f32],
) {
    if has_work(shape, gx.len(), weight.len(), gy.len()) {
        backward_input_with(Isa::detect(), shape, gy, weight, bias, gx);
    }
}

/// The transposed convolution of `sources`, with the convolution's `shape` of
/// [`ConvShape::of_transpose`].
///
/// # Shapes
/// `sources` `[N, I_s, D, H, W]`, `weight` `[I, O, kD, kH, kW]`, `bias` `[O]`,
/// `y` `[N, O, D * kD, H * kH, W * kW]`.
///
/// # Panics
/// On slices of other lengths.
pub fn transpose(
    shape: &ConvShape,
    sources: &[Source<'_>],
    weight: &[f32],
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    check_sources(
        sources,
        shape.channels_out,
        shape.batch * shape.voxels_out(),
    );
    check_len(
        "bias",
        bias.map_or(shape.channels_in, <[f32]>::len),
        shape.channels_in,
    );
    if has_work(shape, y.len(), weight.len(), shape.len_out()) {
        let packed = direct::Packed::backward(shape, weight);
        direct::forward(Isa::detect(), &packed, sources, bias, y, false);
    }
}

pub(crate) fn backward_input_with(
    isa: Isa,
    shape: &ConvShape,
    gy: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    gx: &mut [f32],
) {
    let sources = [Source::plain(gy, shape.channels_out)];
    let turned = ConvShape {
        channels_in: shape.channels_out,
        channels_out: shape.channels_in,
        size_in: shape.size_out,
        size_out: shape.size_in,
        padding: [0, 1, 2].map(|a| shape.kernel[a].saturating_sub(1 + shape.padding[a])),
        ..*shape
    };
    let turns = (0..3).all(|a| shape.padding[a] < shape.kernel[a]);
    if turns && winograd::applies(&turned) {
        let kw = shape.kernel[2];
        let packed = winograd::Packed::new(&turned, |i, o, [d, h, w]| {
            let tap = ((2 - d) * 3 + 2 - h) * kw + kw - 1 - w;
            weight[(o * shape.channels_in + i) * shape.taps() + tap]
        });
        winograd::forward(isa, &turned, &sources, &packed, bias, gx, false);
    } else {
        let packed = direct::Packed::backward(shape, weight);
        direct::forward(isa, &packed, &sources, bias, gx, false);
    }
}

/// The gradient of the convolution of `x` to its weights, written to `gw`.
///
/// # Shapes
/// `x` `[N, I, D, H, W]`, `gy` `[N, O, D', H', W']`, `gw` `[O, I, kD, kH, kW]`.
///
/// # Panics
/// On slices of other lengths.
pub fn backward_weight(shape: &ConvShape, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    backward_weight_of(shape, &[Source::plain(x, shape.channels_in)], gy, gw);
}

/// [`backward_weight`] of the convolution of `sources`, laid side by side in the channels.
///
/// # Shapes
/// `sources` `[N, I_s, D, H, W]` with `I` channels in all, `gy` and `gw` likewise.
///
/// # Panics
/// On slices of other lengths.
pub fn backward_weight_of(shape: &ConvShape, sources: &[Source<'_>], gy: &[f32], gw: &mut [f32]) {
    check_sources(sources, shape.channels_in, shape.batch * shape.voxels_in());
    if has_work(shape, shape.len_in(), gw.len(), gy.len()) {
        backward_weight_with(Isa::detect(), shape, sources, gy, gw);
    }
}

pub(crate) fn backward_weight_with(
    isa: Isa,
    shape: &ConvShape,
    sources: &[Source<'_>],
    gy: &[f32],
    gw: &mut [f32],
) {
    if winograd::applies(shape) {
        winograd::backward_weight(isa, shape, sources, gy, gw);
    } else {
        direct::backward_weight(isa, shape, sources, gy, gw);
    }
}

/// Checks that slices have the lengths of the shape, and says whether there is any work at all.
fn has_work(shape: &ConvShape, x: usize, weight: usize, y: usize) -> bool {
    check_len("x", x, shape.len_in());
    check_len("weight", weight, shape.len_weight());
    check_len("y", y, shape.len_out());
    x > 0 && weight > 0 && y > 0
}

/// Checks that sources have `channels` in all, and their values.
fn check_sources(sources: &[Source<'_>], channels: usize, voxels: usize) {
    let total: usize = sources.iter().map(|source| source.channels).sum();
    check_len("channels of the sources", total, channels);
    for source in sources {
        check_len("a source", source.data.len(), source.channels * voxels);
    }
}

/// The kernels write through pointers, so a wrong length must end here.
#[track_caller]
fn check_len(what: &str, found: usize, expected: usize) {
    assert_eq!(found, expected, "length of {what}");
}

#[cfg(test)]
#[path = "fast_tests.rs"]
mod tests;
