//! Paired differences by resampling patients: against scipy, against theory, and under the
//! null hypothesis.
#![allow(clippy::unwrap_used)]

use renalflow_learning::{Difference, Replicates, auc};

/// `tests/golden/make_paired.py`.
const GOLDEN: &str = include_str!("golden/paired.txt");

fn golden(key: &str) -> [f64; 4] {
    let line = GOLDEN
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    let numbers: Vec<f64> = line
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    numbers.try_into().unwrap()
}

/// As in the script.
fn numbers(count: usize, seed: u32) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1u32 << 24)
        })
        .collect()
}

fn patients(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n:04}")).collect()
}

fn replicates(patients: &[String], labels: &[bool], replicates: usize) -> Replicates {
    let names: Vec<&str> = patients.iter().map(String::as_str).collect();
    Replicates::of_patients(&names, labels, replicates, 0.95, 7)
}

fn close(found: Difference, [value, low, high, p]: [f64; 4], tolerance: f64) {
    assert!((found.value - value).abs() < 1e-12, "{found:?} {value}");
    let interval = found.interval.unwrap();
    assert!((interval.low - low).abs() < tolerance, "{found:?} {low}");
    assert!((interval.high - high).abs() < tolerance, "{found:?} {high}");
    assert!((found.p.unwrap() - p).abs() < 0.01, "{found:?} {p}");
}

#[test]
fn differences_of_means_and_of_aucs_are_those_of_scipy() {
    let names = patients(60);
    let (a, b) = (numbers(60, 1), numbers(60, 2));
    let b: Vec<f64> = b.iter().map(|value| value - 0.1).collect();
    let draws = replicates(&names, &[false; 60], 100_000);
    close(
        draws.mean_difference(&a, &b).unwrap(),
        golden("mean"),
        0.0025,
    );

    let labels: Vec<bool> = (0..60).map(|row| row < 20).collect();
    let stepped = |seed, shift: f64| -> Vec<f64> {
        numbers(60, seed)
            .iter()
            .zip(&labels)
            .map(|(value, &label)| {
                (10.0 * (value + if label { shift } else { 0.0 })).floor() / 10.0
            })
            .collect()
    };
    let (x, y) = (stepped(3, 0.4), stepped(4, 0.1));
    let draws = replicates(&names, &labels, 100_000);
    let found = draws
        .mean_auc_difference(&[x.clone()], &[y.clone()], &labels)
        .unwrap();
    close(found, golden("auc"), 0.0025);
    // Over seeds: the mean of the AUCs, on the same draws.
    let seeds = draws
        .mean_auc_difference(&[x.clone(), y.clone()], &[y.clone()], &labels)
        .unwrap();
    assert!((seeds.value - found.value / 2.0).abs() < 1e-12);
    let value = auc(&x, &labels).unwrap() - auc(&y, &labels).unwrap();
    assert!((found.value - value).abs() < 1e-12);
}

#[test]
fn with_many_cases_the_interval_is_that_of_the_normal_distribution() {
    let count = 4000;
    let (a, b) = (numbers(count, 5), numbers(count, 6));
    let b: Vec<f64> = b.iter().map(|value| value - 0.015).collect();
    let difference: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    let mean = difference.iter().sum::<f64>() / count as f64;
    let variance = difference.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count as f64;
    let error = (variance / count as f64).sqrt();
    let found = replicates(&patients(count), &vec![false; count], 8000)
        .mean_difference(&a, &b)
        .unwrap();
    let interval = found.interval.unwrap();
    for (bound, expected) in [
        (interval.low, mean - 1.959_964 * error),
        (interval.high, mean + 1.959_964 * error),
    ] {
        assert!((bound - expected).abs() < 0.1 * error, "{bound} {expected}");
    }
    // Two-sided tail of the normal distribution beyond mean / error.
    let p = libm::erfc(mean.abs() / error / std::f64::consts::SQRT_2);
    assert!((found.p.unwrap() - p).abs() < 0.01, "{found:?} {p}");
    assert!(
        p > 0.001 && p < 0.5,
        "{p}: the test would not see a wrong p"
    );
}

#[test]
fn under_the_null_hypothesis_p_is_even() {
    // 500 studies of 40 patients without any difference. Of an even p, 5 % lie below 0.05 and
    // half below 0.5; the percentile bootstrap of 40 is known to be a little too sure.
    let (studies, cases) = (500u32, 40);
    let names = patients(cases);
    let draws = replicates(&names, &vec![false; cases], 1000);
    let p: Vec<f64> = (0..studies)
        .map(|study| {
            let (a, b) = (
                numbers(cases, 1000 + 7919 * study),
                numbers(cases, 500_009 + 104_729 * study),
            );
            draws.mean_difference(&a, &b).unwrap().p.unwrap()
        })
        .collect();
    let below = |limit: f64| p.iter().filter(|&&p| p < limit).count() as f64 / f64::from(studies);
    assert!((0.025..0.095).contains(&below(0.05)), "{}", below(0.05));
    assert!((0.43..0.57).contains(&below(0.5)), "{}", below(0.5));
    assert!((0.72..0.86).contains(&below(0.8)), "{}", below(0.8));
    // And where there is a difference it is seen.
    let (a, b) = (numbers(cases, 1), numbers(cases, 2));
    let b: Vec<f64> = b.iter().map(|value| value + 0.4).collect();
    let found = draws.mean_difference(&a, &b).unwrap();
    assert!(
        found.p.unwrap() < 0.01 && found.interval.unwrap().high < 0.0,
        "{found:?}"
    );
}

#[test]
fn rows_of_a_patient_come_and_go_together() {
    // Each patient twice says nothing new: the interval is as wide as with each once.
    let (a, b) = (numbers(50, 8), numbers(50, 9));
    let twice = |values: &[f64]| [values, values].concat();
    let names = patients(50);
    let once = replicates(&names, &[false; 50], 4000)
        .mean_difference(&a, &b)
        .unwrap();
    let together = replicates(&[names.clone(), names].concat(), &[false; 100], 4000)
        .mean_difference(&twice(&a), &twice(&b))
        .unwrap();
    let apart = replicates(&patients(100), &[false; 100], 4000)
        .mean_difference(&twice(&a), &twice(&b))
        .unwrap();
    let width = |d: Difference| d.interval.unwrap().high - d.interval.unwrap().low;
    assert!((width(together) / width(once) - 1.0).abs() < 1e-9);
    assert!(width(apart) / width(once) < 0.8);
}

#[test]
fn what_is_not_defined_takes_no_part_and_no_draw_gives_no_interval() {
    let names = patients(4);
    let draws = replicates(&names, &[false; 4], 200);
    let found = draws
        .mean_difference(&[1.0, f64::NAN, 3.0, 5.0], &[0.0, 0.0, f64::INFINITY, 2.0])
        .unwrap();
    assert_eq!(found.value, 2.0);
    assert_eq!(draws.mean_difference(&[f64::NAN; 4], &[0.0; 4]), None);
    // No difference at all is no evidence of one.
    let equal = draws.mean_difference(&[1.0; 4], &[1.0; 4]).unwrap();
    assert_eq!((equal.value, equal.p), (0.0, Some(1.0)));
    let none = replicates(&names, &[false; 4], 0)
        .mean_difference(&[1.0; 4], &[0.0; 4])
        .unwrap();
    assert_eq!((none.value, none.interval, none.p), (1.0, None, None));
    // The same draws whatever the number of threads.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let (a, b) = (numbers(4, 1), numbers(4, 2));
    let alone = pool.install(|| replicates(&names, &[false; 4], 200).mean_difference(&a, &b));
    assert_eq!(alone, draws.mean_difference(&a, &b));
}
