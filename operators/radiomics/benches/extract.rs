//! How long features of a synthetic tumour take, by class and in all.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use renalflow_imaging::{Geometry, Image, LabelMap, LabelNames, Volume};
use renalflow_radiomics::{CLASSES, ClassSelection, Settings, Standard, extract};

/// A lobed ball of noise in Hounsfield units, in a volume twice its width.
fn phantom(radius_voxels: usize) -> (Image, LabelMap) {
    let side = 4 * radius_voxels;
    let geometry = Geometry::upright([side; 3], [2.0, 1.0, 1.0]).unwrap();
    let centre = 2.0 * radius_voxels as f64;
    let mut state = 7u64;
    let mut voxels = Vec::with_capacity(geometry.len());
    let mut labels = Vec::with_capacity(geometry.len());
    for z in 0..side {
        for y in 0..side {
            for x in 0..side {
                let [z, y, x] = [z, y, x].map(|i| i as f64 - centre);
                let lobes = 1.0 + 0.15 * (5.0 * z.atan2(x)).sin() * (4.0 * y.atan2(x)).cos();
                let distance = (z * z + y * y + x * x).sqrt() / (radius_voxels as f64 * lobes);
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let noise = (state >> 33) as f64 / f64::from(1u32 << 31);
                voxels.push((1000.0 * noise - 400.0 - 200.0 * distance) as i16);
                labels.push(u16::from(distance <= 1.0));
            }
        }
    }
    let mask = LabelMap {
        volume: Volume::new(geometry.clone(), labels).unwrap(),
        names: LabelNames::new(),
    };
    (Image::I16(Volume::new(geometry, voxels).unwrap()), mask)
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("extract");
    group.sample_size(10);
    for radius_voxels in [16, 48] {
        let (image, mask) = phantom(radius_voxels);
        let voxels = mask.counts()[&1];
        group.throughput(Throughput::Elements(voxels as u64));
        let mut run = |name: &str, settings: Settings| {
            group.bench_function(BenchmarkId::new(name, voxels), |bencher| {
                bencher.iter(|| extract(black_box(&image), &mask, 1, &settings).unwrap());
            });
        };
        for class in CLASSES.iter().filter(|class| class.is_default()) {
            let classes = vec![ClassSelection::defaults_of(class.name)];
            let is_in_pyradiomics = (class.docs)()
                .iter()
                .any(|doc| doc.is_default(Standard::PyRadiomics));
            run(
                class.name,
                Settings {
                    classes,
                    standard: if is_in_pyradiomics {
                        Standard::PyRadiomics
                    } else {
                        Standard::Ibsi
                    },
                    ..Settings::default()
                },
            );
        }
        run("all", Settings::default());
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
