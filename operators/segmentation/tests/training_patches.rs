//! Which patches are drawn, and what augmentation does to them.
#![allow(clippy::unwrap_used)]

use renalflow_segmentation::training::{
    augment::{AugmentOptions, Interpolation, Patch, SpatialMap, cut, patches},
    case::{CaseParts, Domain, TrainingCase},
    sampling::{Mixture, Sampler, SamplerOptions},
};

const CLASSES: usize = 3;

/// A smooth image; a box of class 1 with a smaller box of class 2 in it.
fn case(id: &str, domain: Domain, shape_zyx: [usize; 3], spacing_zyx_mm: [f64; 3]) -> TrainingCase {
    let [d, h, w] = shape_zyx;
    let mut image = Vec::new();
    let mut labels = Vec::new();
    for z in 0..d {
        for y in 0..h {
            for x in 0..w {
                image.push(value([z as f64, y as f64, x as f64]));
                let inside = |margin: usize| {
                    z >= margin
                        && y >= margin
                        && x >= margin
                        && z + margin < d
                        && y + margin < h
                        && x + margin < w
                };
                labels.push(u8::from(inside(3)) + u8::from(inside(6)));
            }
        }
    }
    TrainingCase::new(
        CaseParts {
            case_id: id.to_owned(),
            patient_id: id.to_owned(),
            domain,
            image,
            channels: 1,
            labels,
            shape_zyx,
            spacing_zyx_mm,
        },
        CLASSES,
    )
    .unwrap()
}

fn value([z, y, x]: [f64; 3]) -> f32 {
    (0.3 * z + 0.2 * y - 0.1 * x + (0.2 * x).sin() + (0.15 * y).cos() * (0.1 * z).sin()) as f32
}

fn cohort() -> Vec<TrainingCase> {
    let mut cases = vec![
        case("p0", Domain::Primary, [20, 24, 28], [1.0; 3]),
        case("p1", Domain::Primary, [30, 22, 26], [2.0, 1.0, 1.0]),
    ];
    cases.extend((0..6).map(|i| {
        case(
            &format!("a{i}"),
            Domain::Auxiliary,
            [18 + i, 20, 20],
            [1.0; 3],
        )
    }));
    // Without any foreground.
    cases.push(case("a6", Domain::Auxiliary, [5, 5, 5], [1.0; 3]));
    cases
}

fn sampler(cases: &[TrainingCase], options: SamplerOptions) -> Sampler<'_> {
    Sampler::new(cases, options, 11).unwrap()
}

/// Everything at full strength, to see what is random.
fn strong() -> AugmentOptions {
    AugmentOptions {
        rotation_probability: 0.7,
        scaling_probability: 0.7,
        elastic_probability: 0.7,
        noise_probability: 0.7,
        blur_probability: 0.7,
        brightness_probability: 0.7,
        contrast_probability: 0.7,
        low_resolution_probability: 0.7,
        inverted_gamma_probability: 0.7,
        gamma_probability: 0.7,
        ..AugmentOptions::default()
    }
}

fn bits(patches: &[Patch]) -> Vec<u32> {
    patches
        .iter()
        .flat_map(|p| {
            let labels = p.labels.iter().map(|l| u32::from(*l));
            p.image.iter().map(|v| v.to_bits()).chain(labels)
        })
        .collect()
}

#[test]
fn the_foreground_share_is_met_for_any_batch_size_and_classes_are_even() {
    let cases = cohort();
    for batch_size in [1, 2, 3] {
        let sampler = sampler(
            &cases,
            SamplerOptions {
                batch_size,
                patch_zyx: [8; 3],
                foreground_fraction: 0.33,
                mixture: Mixture::PrimaryOnly,
            },
        );
        let (mut all, mut of_class) = (0usize, [0usize; CLASSES]);
        for step in 0..6000 {
            for choice in sampler.choose(0, step, Domain::Primary) {
                all += 1;
                assert!(!choice.without_foreground);
                if let Some(class) = choice.class {
                    of_class[usize::from(class)] += 1;
                    // The patch holds a voxel of the class that it was put on.
                    let patch = cut(
                        &cases[choice.case],
                        &SpatialMap::identity([1.0; 3], choice.start_zyx, [8; 3]),
                        [8; 3],
                        Interpolation::Linear,
                        0.0,
                    );
                    assert!(patch.labels.contains(&class));
                }
            }
        }
        let share = (of_class[1] + of_class[2]) as f64 / all as f64;
        assert!(
            (share - 0.33).abs() < 0.025,
            "batch size {batch_size}: {share}"
        );
        let even = of_class[1] as f64 / (of_class[1] + of_class[2]) as f64;
        assert!((even - 0.5).abs() < 0.04, "batch size {batch_size}: {even}");
    }
}

#[test]
fn mixtures_take_their_domains() {
    let cases = cohort();
    let count = |mixture| {
        let sampler = sampler(
            &cases,
            SamplerOptions {
                mixture,
                ..SamplerOptions::default()
            },
        );
        (0..90 * 10)
            .map(|at| sampler.domain(at / 10, at % 10, 10))
            .inspect(|&domain| {
                for choice in sampler.choose(0, 0, domain) {
                    assert_eq!(cases[choice.case].domain(), domain);
                }
            })
            .collect::<Vec<_>>()
    };
    let primary = |domains: &[Domain]| domains.iter().filter(|d| **d == Domain::Primary).count();
    assert_eq!(primary(&count(Mixture::PrimaryOnly)), 900);
    assert_eq!(primary(&count(Mixture::AuxiliaryOnly)), 0);
    let pooled = primary(&count(Mixture::Pooled));
    assert!(
        pooled.abs_diff(200) < 50,
        "2 of 9 cases are primary: {pooled} of 900"
    );
    let alternating = count(Mixture::Alternating {
        primary: 2,
        auxiliary: 1,
    });
    assert_eq!(primary(&alternating), 600);
    use Domain::{Auxiliary as A, Primary as P};
    // Goes on over the end of the first epoch of ten steps.
    assert_eq!(alternating[..12], [P, P, A, P, P, A, P, P, A, P, P, A]);
}

#[test]
fn draws_do_not_depend_on_what_was_drawn_before() {
    let cases = cohort();
    let sampler = sampler(&cases, SamplerOptions::default());
    let forward: Vec<_> = (0..10)
        .map(|s| sampler.choose(4, s, Domain::Primary))
        .collect();
    let backward: Vec<_> = (0..10)
        .rev()
        .map(|s| sampler.choose(4, s, Domain::Primary))
        .collect();
    assert!(forward.iter().eq(backward.iter().rev()));
    assert_ne!(forward[0], sampler.choose(5, 0, Domain::Primary));
    let other = Sampler::new(&cases, SamplerOptions::default(), 12).unwrap();
    assert_ne!(forward[0], other.choose(4, 0, Domain::Primary));
}

#[test]
fn a_case_without_foreground_is_said_and_a_small_one_is_padded() {
    let cases = [case("empty", Domain::Primary, [5, 5, 5], [1.0; 3])];
    let options = SamplerOptions {
        patch_zyx: [9, 4, 8],
        foreground_fraction: 1.0,
        ..SamplerOptions::default()
    };
    let sampler = sampler(&cases, options);
    assert_eq!(sampler.absent_classes(), [1, 2]);
    let choices = sampler.choose(0, 0, Domain::Primary);
    assert!(
        choices
            .iter()
            .all(|c| c.without_foreground && c.class.is_none())
    );
    let none = AugmentOptions {
        outside_value: -7.0,
        ..AugmentOptions::none()
    };
    let patches = patches(&sampler, &choices, 0, 0, &none);
    for (patch, choice) in patches.iter().zip(&choices) {
        assert_eq!((choice.start_zyx[0], choice.start_zyx[2]), (-2, -1));
        for z in 0..9 {
            for y in 0..4 {
                for x in 0..8 {
                    let found = patch.image[(z * 4 + y) * 8 + x];
                    let [cz, cy, cx] =
                        [0, 1, 2].map(|a| choice.start_zyx[a] + [z, y, x][a] as isize);
                    let inside = [cz, cy, cx].iter().all(|c| (0..5).contains(c));
                    let expected = if inside {
                        value([cz as f64, cy as f64, cx as f64])
                    } else {
                        -7.0
                    };
                    assert_eq!(found.to_bits(), expected.to_bits());
                }
            }
        }
    }
}

#[test]
fn zero_strength_changes_no_bit() {
    let cases = cohort();
    let options = SamplerOptions {
        patch_zyx: [10, 12, 14],
        ..SamplerOptions::default()
    };
    let sampler = sampler(&cases, options);
    let zero = AugmentOptions {
        rotation_degrees_zyx: [0.0; 3],
        scaling_range: [1.0, 1.0],
        elastic_deviation_mm: [0.0, 0.0],
        noise_deviation: [0.0, 0.0],
        blur_sigma_voxels: [0.0, 0.0],
        brightness_factor: [1.0, 1.0],
        contrast_factor: [1.0, 1.0],
        low_resolution_scale: [1.0, 1.0],
        gamma_range: [1.0, 1.0],
        mirror_zyx: [false; 3],
        ..strong()
    };
    for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
        for step in 0..20 {
            let choices = sampler.choose(0, step, Domain::Primary);
            let zero = AugmentOptions {
                interpolation,
                ..zero.clone()
            };
            let copied = patches(&sampler, &choices, 0, step, &AugmentOptions::none());
            let through = patches(&sampler, &choices, 0, step, &zero);
            assert_eq!(bits(&copied), bits(&through), "step {step}");
        }
    }
}

#[test]
fn the_same_bits_on_one_and_on_more_threads() {
    let cases = cohort();
    let options = SamplerOptions {
        batch_size: 5,
        patch_zyx: [16, 15, 14],
        ..SamplerOptions::default()
    };
    let sampler = sampler(&cases, options);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            (0..8)
                .flat_map(|step| {
                    let choices = sampler.choose(1, step, Domain::Auxiliary);
                    bits(&patches(&sampler, &choices, 1, step, &strong()))
                })
                .collect::<Vec<_>>()
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
    assert!(one.iter().all(|b| f32::from_bits(*b).is_finite()));
}

#[test]
fn turns_by_90_degrees_are_index_swaps() {
    let cases = [case("cube", Domain::Primary, [15; 3], [1.0; 3])];
    for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
        // About z: x goes to y, y to -x; and so on around.
        for (degrees, source) in [
            (
                [90.0, 0.0, 0.0],
                (|[z, y, x]| [z, x, 14 - y]) as fn([usize; 3]) -> [usize; 3],
            ),
            ([0.0, 90.0, 0.0], |[z, y, x]| [14 - x, y, z]),
            ([0.0, 0.0, 90.0], |[z, y, x]| [y, 14 - z, x]),
        ] {
            let map = SpatialMap::identity([1.0; 3], [0; 3], [15; 3]).turned(degrees, 1.0);
            let patch = cut(&cases[0], &map, [15; 3], interpolation, 0.0);
            let mut worst = 0.0f32;
            // A voxel inside, where cubic interpolation has all its neighbours.
            for z in 2..13 {
                for y in 2..13 {
                    for x in 2..13 {
                        let at = (z * 15 + y) * 15 + x;
                        let [sz, sy, sx] = source([z, y, x]);
                        let from = (sz * 15 + sy) * 15 + sx;
                        worst = worst.max((patch.image[at] - cases[0].channel(0)[from]).abs());
                        assert_eq!(patch.labels[at], cases[0].labels()[from]);
                    }
                }
            }
            assert!(worst < 1e-5, "{degrees:?} {interpolation:?}: {worst}");
        }
    }
}

#[test]
fn a_turn_is_one_in_millimetres_on_an_anisotropic_grid() {
    // 3 mm slices: a quarter turn about x takes one step along z to three along y.
    let cases = [case("slabs", Domain::Primary, [21, 41, 9], [3.0, 1.0, 1.0])];
    let map =
        SpatialMap::identity([3.0, 1.0, 1.0], [0; 3], [21, 41, 9]).turned([0.0, 0.0, 90.0], 1.0);
    let patch = cut(&cases[0], &map, [21, 41, 9], Interpolation::Linear, 0.0);
    for dz in -4isize..=4 {
        for dy in [-9isize, -3, 0, 3, 9] {
            let at = (((10 + dz) * 41 + 20 + dy) * 9 + 4) as usize;
            let (sz, sy) = (10 + dy / 3, 20 - 3 * dz);
            let from = ((sz * 41 + sy) * 9 + 4) as usize;
            let (found, expected) = (patch.image[at], cases[0].channel(0)[from]);
            assert!(
                (found - expected).abs() < 1e-4,
                "{dz} {dy}: {found} {expected}"
            );
        }
    }
}

#[test]
fn scaling_shows_more_and_cubic_is_closer_than_linear() {
    let cases = [case("smooth", Domain::Primary, [40; 3], [1.0; 3])];
    let errors = [Interpolation::Linear, Interpolation::Cubic].map(|interpolation| {
        let map = SpatialMap::identity([1.0; 3], [12; 3], [16; 3]).turned([0.0; 3], 1.3);
        let patch = cut(&cases[0], &map, [16; 3], interpolation, 0.0);
        let mut worst = 0.0f32;
        for z in 0..16 {
            for y in 0..16 {
                for x in 0..16 {
                    let source = [z, y, x].map(|o| 19.5 + 1.3 * (o as f64 - 7.5));
                    let found = patch.image[(z * 16 + y) * 16 + x];
                    worst = worst.max((found - value(source)).abs());
                }
            }
        }
        worst
    });
    assert!(errors[0] < 0.02, "{errors:?}");
    assert!(errors[1] < errors[0] / 4.0, "{errors:?}");
}

#[test]
fn labels_stay_labels_and_image_and_labels_move_together() {
    let cases = cohort();
    let options = SamplerOptions {
        patch_zyx: [16; 3],
        ..SamplerOptions::default()
    };
    // An image that is its labels, moved with nearest's rounding: where linear interpolation
    // gives a whole number, the label is that number.
    let twin: Vec<TrainingCase> = cases
        .iter()
        .map(|c| {
            TrainingCase::new(
                CaseParts {
                    case_id: c.case_id().to_owned(),
                    patient_id: c.patient_id().to_owned(),
                    domain: c.domain(),
                    image: c.labels().iter().map(|l| f32::from(*l)).collect(),
                    channels: 1,
                    labels: c.labels().to_vec(),
                    shape_zyx: c.shape_zyx(),
                    spacing_zyx_mm: c.spacing_zyx_mm(),
                },
                CLASSES,
            )
            .unwrap()
        })
        .collect();
    let sampler = sampler(&twin, options);
    let spatial = AugmentOptions {
        rotation_probability: 1.0,
        scaling_probability: 1.0,
        elastic_probability: 1.0,
        elastic_spacing_mm: 10.0,
        mirror_zyx: [true; 3],
        ..AugmentOptions::none()
    };
    let (mut whole, mut moved) = (0, 0);
    for step in 0..30 {
        let choices = sampler.choose(0, step, Domain::Primary);
        let plain = patches(&sampler, &choices, 0, step, &AugmentOptions::none());
        let turned = patches(&sampler, &choices, 0, step, &spatial);
        for (patch, plain) in turned.iter().zip(&plain) {
            for (value, label) in patch.image.iter().zip(&patch.labels) {
                assert!(*label < 3);
                if value.fract() == 0.0 {
                    whole += 1;
                    assert_eq!(*value as u8, *label);
                } else {
                    assert!((value - f32::from(*label)).abs() < 1.9);
                }
            }
            moved += usize::from(patch.labels != plain.labels);
        }
    }
    assert!(whole > 100_000, "{whole}");
    assert!(moved > 50, "{moved} of 60");
}

#[test]
fn noise_has_its_deviation_and_other_channels_are_left_alone() {
    let n = 32 * 32 * 32;
    let cases = [TrainingCase::new(
        CaseParts {
            case_id: "two".to_owned(),
            patient_id: "two".to_owned(),
            domain: Domain::Primary,
            image: vec![0.5; 2 * n],
            channels: 2,
            labels: vec![1; n],
            shape_zyx: [32; 3],
            spacing_zyx_mm: [1.0; 3],
        },
        2,
    )
    .unwrap()];
    let sampler = sampler(
        &cases,
        SamplerOptions {
            patch_zyx: [32; 3],
            ..SamplerOptions::default()
        },
    );
    let options = AugmentOptions {
        noise_probability: 1.0,
        noise_deviation: [0.1, 0.1],
        ..AugmentOptions::none()
    };
    let choices = sampler.choose(0, 0, Domain::Primary);
    let patches = patches(&sampler, &choices, 0, 0, &options);
    for patch in &patches {
        let (noisy, map) = patch.image.split_at(n);
        assert!(map.iter().all(|v| *v == 0.5));
        let mean = noisy.iter().map(|v| f64::from(*v)).sum::<f64>() / n as f64;
        let variance = noisy
            .iter()
            .map(|v| (f64::from(*v) - mean).powi(2))
            .sum::<f64>()
            / n as f64;
        assert!((mean - 0.5).abs() < 0.003, "{mean}");
        assert!((variance.sqrt() - 0.1).abs() < 0.002, "{}", variance.sqrt());
    }
    assert_ne!(patches[0].image, patches[1].image);
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    assert!(AugmentOptions::default().validate().is_ok());
    assert!(AugmentOptions::none().validate().is_ok());
    for (name, options) in [
        (
            "rotation_probability",
            AugmentOptions {
                rotation_probability: 1.5,
                ..AugmentOptions::default()
            },
        ),
        (
            "scaling_range",
            AugmentOptions {
                scaling_range: [1.4, 0.7],
                ..AugmentOptions::default()
            },
        ),
        (
            "noise_deviation",
            AugmentOptions {
                noise_deviation: [f64::NAN, 0.1],
                ..AugmentOptions::default()
            },
        ),
        (
            "low_resolution_scale",
            AugmentOptions {
                low_resolution_scale: [0.0, 1.0],
                ..AugmentOptions::default()
            },
        ),
    ] {
        let message = options.validate().unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
    }
    let cases = cohort();
    for (name, options) in [
        (
            "batch_size",
            SamplerOptions {
                batch_size: 0,
                ..SamplerOptions::default()
            },
        ),
        (
            "patch_zyx",
            SamplerOptions {
                patch_zyx: [0, 8, 8],
                ..SamplerOptions::default()
            },
        ),
        (
            "foreground_fraction",
            SamplerOptions {
                foreground_fraction: f64::NAN,
                ..SamplerOptions::default()
            },
        ),
    ] {
        let message = Sampler::new(&cases, options, 0).unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
    }
    let message = Sampler::new(
        &cases[..2],
        SamplerOptions {
            mixture: Mixture::Pooled,
            ..SamplerOptions::default()
        },
        0,
    )
    .unwrap_err()
    .to_string();
    assert!(message.contains("no auxiliary case"), "{message}");
}
