//! Brightness, contrast and gamma: a new value from each old one.

/// Multiply every value. At 1 nothing changes.
///
/// # Shapes
/// Any.
pub fn brightness(values: &mut [f32], factor: f64) {
    let factor = factor as f32;
    for value in values {
        *value *= factor;
    }
}

/// Multiply the distance of every value from the mean, and cut at the smallest and largest old
/// value. At 1 nothing changes.
///
/// # Shapes
/// Any.
pub fn contrast(values: &mut [f32], factor: f64) {
    if factor == 1.0 {
        return;
    }
    let Some(Statistics {
        mean, low, high, ..
    }) = Statistics::of(values)
    else {
        return;
    };
    let (mean, factor) = (mean as f32, factor as f32);
    for value in values {
        *value = (mean + factor * (*value - mean)).clamp(low, high);
    }
}

/// Put every value's place in the range of values to a power, from the dark end or (`inverted`)
/// from the bright one, and bring mean and deviation back to what they were. An exponent of 1
/// changes nothing, nor does any exponent where all values are the same.
///
/// # Shapes
/// Any.
pub fn gamma(values: &mut [f32], exponent: f64, inverted: bool) {
    if exponent == 1.0 {
        return;
    }
    let Some(old) = Statistics::of(values) else {
        return;
    };
    let range = old.high - old.low;
    if range <= 0.0 || !range.is_finite() {
        return;
    }
    let exponent = exponent as f32;
    for value in values.iter_mut() {
        *value = if inverted {
            old.high - range * ((old.high - *value) / range).powf(exponent)
        } else {
            old.low + range * ((*value - old.low) / range).powf(exponent)
        };
    }
    let Some(new) = Statistics::of(values) else {
        return;
    };
    if new.deviation > 0.0 {
        let scale = old.deviation / new.deviation;
        for value in values {
            *value = ((f64::from(*value) - new.mean) * scale + old.mean) as f32;
        }
    }
}

struct Statistics {
    mean: f64,
    deviation: f64,
    low: f32,
    high: f32,
}

impl Statistics {
    /// `None` of no values. Summed in the order of the array.
    fn of(values: &[f32]) -> Option<Self> {
        let first = *values.first()?;
        let n = values.len() as f64;
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let variance = values
            .iter()
            .map(|v| (f64::from(*v) - mean).powi(2))
            .sum::<f64>()
            / n;
        // `contrast` clamps between these two, and an empty interval would be a panic: NaN never
        // gets in, because both comparisons with it are false.
        let (mut low, mut high) = (first, first);
        for &value in values {
            if value < low {
                low = value;
            }
            if value > high {
                high = value;
            }
        }
        (!low.is_nan()).then_some(Self {
            mean,
            deviation: variance.sqrt(),
            low,
            high,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Vec<f32> {
        (0..1000)
            .map(|v| (v as f32 * 0.01).sin() * 2.0 - 0.3)
            .collect()
    }

    #[test]
    fn a_strength_of_one_changes_no_bit() {
        let mut values = ramp();
        brightness(&mut values, 1.0);
        contrast(&mut values, 1.0);
        gamma(&mut values, 1.0, false);
        gamma(&mut values, 1.0, true);
        assert_eq!(values, ramp());
    }

    #[test]
    fn contrast_scales_the_deviation_and_keeps_the_range() {
        let old = Statistics::of(&ramp()).unwrap();
        let mut less = ramp();
        contrast(&mut less, 0.8);
        let new = Statistics::of(&less).unwrap();
        assert!((new.mean - old.mean).abs() < 1e-6);
        assert!((new.deviation / old.deviation - 0.8).abs() < 1e-6);
        let mut more = ramp();
        contrast(&mut more, 1.25);
        let new = Statistics::of(&more).unwrap();
        assert_eq!((new.low, new.high), (old.low, old.high));
        assert!(new.deviation > old.deviation);
    }

    #[test]
    fn gamma_keeps_mean_deviation_and_order_and_inverts() {
        let old = Statistics::of(&ramp()).unwrap();
        for inverted in [false, true] {
            let mut values = ramp();
            gamma(&mut values, 1.5, inverted);
            let new = Statistics::of(&values).unwrap();
            assert!((new.mean - old.mean).abs() < 1e-6);
            assert!((new.deviation - old.deviation).abs() < 1e-6);
            let before = ramp();
            for i in 1..values.len() {
                if before[i] > before[i - 1] {
                    assert!(values[i] >= values[i - 1]);
                }
            }
        }
        // The curve of the inverted values, from the other end.
        let mut inverted = ramp();
        gamma(&mut inverted, 1.5, true);
        let mut by_hand: Vec<f32> = ramp().iter().map(|v| -v).collect();
        gamma(&mut by_hand, 1.5, false);
        for (a, b) in inverted.iter().zip(&by_hand) {
            assert!((a + b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn constants_and_nothing_stay_what_they_are() {
        for old in [vec![2.0f32; 10], vec![]] {
            let mut values = old.clone();
            gamma(&mut values, 0.7, false);
            contrast(&mut values, 0.7);
            assert_eq!(values, old);
        }
        let mut nan = vec![f32::NAN, 1.0];
        contrast(&mut nan, 0.7);
        gamma(&mut nan, 0.7, true);
    }
}
