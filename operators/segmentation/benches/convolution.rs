//! Convolutions of the sizes of a U-Net: forward, and both gradients.
//! `cargo bench -p renalflow-segmentation --bench convolution`.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use renalflow_segmentation::kernels::conv::{self, ConvShape, PackedConv, Source};

/// Channels in and out, extents of the input, kernel, stride.
const LAYERS: [(usize, usize, [usize; 3], usize, usize); 9] = [
    (16, 16, [64, 96, 96], 3, 1),
    (32, 32, [32, 48, 48], 3, 1),
    (64, 64, [16, 24, 24], 3, 1),
    (128, 128, [8, 12, 12], 3, 1),
    (32, 16, [64, 96, 96], 3, 1),
    (1, 16, [64, 96, 96], 3, 1),
    (16, 32, [64, 96, 96], 3, 2),
    (16, 3, [64, 96, 96], 1, 1),
    (32, 32, [32, 48, 48], 1, 1),
];

fn layers(criterion: &mut Criterion) {
    let noise = |len: usize| -> Vec<f32> {
        (0..len)
            .map(|i| ((i * 7919 % 1013) as f32) / 506.5 - 1.0)
            .collect()
    };
    for (i, o, [d, h, w], k, stride) in LAYERS {
        let Ok(shape) = ConvShape::new([1, i, d, h, w], [o, i, k, k, k], [stride; 3], [k / 2; 3])
        else {
            continue;
        };
        let (x, weight) = (noise(shape.len_in()), noise(shape.len_weight()));
        let mut y = noise(shape.len_out());
        let (gy, mut gx, mut gw) = (y.clone(), x.clone(), weight.clone());
        let mut group = criterion.benchmark_group(format!("{i}to{o}_{d}x{h}x{w}_k{k}s{stride}"));
        group.sample_size(10);
        group.throughput(Throughput::Elements(
            (2 * shape.len_weight() * shape.voxels_out()) as u64,
        ));
        let packed = PackedConv::new(&shape, &weight);
        group.bench_function("forward", |b| {
            b.iter(|| packed.run(&[Source::plain(&x, i)], None, &mut y, false));
        });
        group.bench_function("to_input", |b| {
            b.iter(|| conv::backward_input(&shape, &gy, &weight, None, &mut gx));
        });
        group.bench_function("to_weight", |b| {
            b.iter(|| conv::backward_weight(&shape, &x, &gy, &mut gw));
        });
        group.finish();
    }
}

criterion_group!(benches, layers);
criterion_main!(benches);
