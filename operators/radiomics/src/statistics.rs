//! Sums and order statistics.

/// Sum of `f` over values, in one fixed order: eight interleaved sums a block, blocks in turn.
/// Short blocks keep the rounding error near that of pairwise summation, eight sums let the
/// processor add several at once.
pub(crate) fn sum_of(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    const LANES: usize = 8;
    const BLOCK: usize = 1024;
    let mut total = 0.0;
    for block in values.chunks(BLOCK) {
        let mut lanes = [0.0; LANES];
        let chunks = block.chunks_exact(LANES);
        let rest: f64 = chunks.remainder().iter().map(|&x| f(x)).sum();
        for chunk in chunks {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane += f(x);
            }
        }
        total += lanes.iter().sum::<f64>() + rest;
    }
    total
}

/// Quantiles by linear interpolation between the two nearest order statistics, as numpy's
/// default and definition 7 of Hyndman & Fan, *Am Stat* 1996;50:361.
///
/// # Shapes
/// `fractions`: ascending, each between 0 and 1. `values` is reordered. Returns one quantile a
/// fraction; NaN if there is no value.
pub(crate) fn quantiles<const N: usize>(values: &mut [f64], fractions: [f64; N]) -> [f64; N] {
    let Some(last) = values.len().checked_sub(1) else {
        return [f64::NAN; N];
    };
    let mut sorted_to = 0;
    let mut order_statistic = |rank: usize| {
        // Everything before `sorted_to` is in place, so each search is among the rest.
        if rank >= sorted_to {
            values[sorted_to..].select_nth_unstable_by(rank - sorted_to, f64::total_cmp);
            sorted_to = rank + 1;
        }
        values[rank]
    };
    fractions.map(|fraction| {
        let position = fraction * last as f64;
        let below = position.floor() as usize;
        let low = order_statistic(below);
        let high = order_statistic((below + 1).min(last));
        let t = position - below as f64;
        // numpy interpolates from the nearer end.
        if t < 0.5 {
            low + (high - low) * t
        } else {
            high - (high - low) * (1.0 - t)
        }
    })
}

/// `-Σ p log2(p + ε)` with PyRadiomics' `ε` of 2.2e-16.
pub(crate) fn entropy_bits(probabilities: &[f64]) -> f64 {
    -sum_of(probabilities, |p| p * (p + f64::EPSILON).log2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_order_statistics() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(
            quantiles(&mut values, [0.0, 0.25, 0.5, 0.75, 1.0]),
            [1.0, 1.75, 2.5, 3.25, 4.0]
        );
        assert_eq!(quantiles(&mut [7.0], [0.1, 0.9]), [7.0, 7.0]);
        assert!(quantiles(&mut [], [0.5])[0].is_nan());
    }

    #[test]
    fn blocks_sum_to_the_whole() {
        let values: Vec<f64> = (0..5003).map(f64::from).collect();
        assert_eq!(sum_of(&values, |x| x), 5002.0 * 5003.0 / 2.0);
    }
}
