//! Order statistics without sorting.

use crate::{
    simd::{Kernel, run_widest},
    statistics::extrema,
};

/// Number of buckets that values are sorted into.
const BUCKETS: usize = 4096;

/// Fewer values than this are sorted in less time than counted.
const SORTED_BELOW: usize = 512;

/// The values that would have the given ranks, from 0, among the values sorted.
///
/// Values are counted in buckets of equal width; only those in the buckets that hold the ranks
/// are looked at again.
///
/// # Shapes
/// `values`: finite, more of them than the largest rank. `ranks`: at most 65,535. Returns one
/// value a rank.
pub(crate) fn order_statistics(values: &[f64], ranks: &[usize]) -> Vec<f64> {
    if values.len() < SORTED_BELOW {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        return ranks.iter().map(|&rank| sorted[rank]).collect();
    }
    let bucket_of = buckets(values);
    let counts = counts(&bucket_of);

    // The bucket of each rank, and the rank within it.
    let mut order: Vec<usize> = (0..ranks.len()).collect();
    order.sort_by_key(|&i| ranks[i]);
    let mut located = vec![[0, 0]; ranks.len()];
    let (mut bucket, mut before) = (0, 0);
    for i in order {
        while before + counts[bucket] <= ranks[i] {
            before += counts[bucket];
            bucket += 1;
        }
        located[i] = [bucket, ranks[i] - before];
    }

    let mut buckets: Vec<usize> = located.iter().map(|&[bucket, _]| bucket).collect();
    buckets.sort_unstable();
    buckets.dedup();
    let mut wanted = vec![0u16; BUCKETS];
    let mut members: Vec<Vec<f64>> = Vec::with_capacity(buckets.len());
    for (i, &bucket) in buckets.iter().enumerate() {
        wanted[bucket] = i as u16 + 1;
        members.push(Vec::with_capacity(counts[bucket]));
    }
    for (&x, &bucket) in values.iter().zip(&bucket_of) {
        let place = wanted[usize::from(bucket)];
        if place > 0 {
            members[usize::from(place) - 1].push(x);
        }
    }
    located
        .into_iter()
        .map(|[bucket, rank]| {
            let members = &mut members[usize::from(wanted[bucket]) - 1];
            *members.select_nth_unstable_by(rank, f64::total_cmp).1
        })
        .collect()
}

/// The bucket of each value: the larger the value, the larger the bucket, or the same.
fn buckets(values: &[f64]) -> Vec<u16> {
    let [minimum, maximum] = extrema(values);
    let per_unit = BUCKETS as f64 / (maximum - minimum);
    let mut buckets = vec![0; values.len()];
    // Values too close together or too far apart for this are all in one bucket.
    if per_unit.is_finite() && per_unit > 0.0 {
        run_widest(Scale {
            values,
            minimum,
            per_unit,
            buckets: &mut buckets,
        });
    }
    buckets
}

struct Scale<'a> {
    values: &'a [f64],
    minimum: f64,
    per_unit: f64,
    buckets: &'a mut [u16],
}

impl Kernel for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (bucket, &x) in self.buckets.iter_mut().zip(self.values) {
            let scaled = (x - self.minimum) * self.per_unit;
            *bucket = (scaled as i32).min(BUCKETS as i32 - 1) as u16;
        }
    }
}

fn counts(buckets: &[u16]) -> Vec<usize> {
    // Two tables, since neighbours are alike: a count is not read again before it is written.
    let mut tables = vec![[0u32; 2]; BUCKETS];
    let (pairs, rest) = buckets.as_chunks::<2>();
    for &[a, b] in pairs {
        tables[usize::from(a)][0] += 1;
        tables[usize::from(b)][1] += 1;
    }
    for &a in rest {
        tables[usize::from(a)][0] += 1;
    }
    tables
        .into_iter()
        .map(|[a, b]| a as usize + b as usize)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_sorted(values: &[f64]) {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = values.len() - 1;
        let ranks = [last, 0, last / 3, last / 2, last / 2, last.min(1)];
        let expected = ranks.map(|rank| sorted[rank]);
        assert_eq!(order_statistics(values, &ranks), expected);
    }

    #[test]
    fn ranks_are_those_of_the_sorted_values() {
        let mut state = 1u64;
        let mut noise = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as f64 / (1u64 << 31) as f64
        };
        assert_sorted(&[3.0]);
        assert_sorted(&[-1.0, -1.0, -1.0]);
        let values: Vec<f64> = (0..5001).map(|_| 1e3 * noise() - 500.0).collect();
        assert_sorted(&values);
        let whole: Vec<f64> = values.iter().map(|x| x.round()).collect();
        assert_sorted(&whole);
        // Nearly all in one bucket, and differences that overflow or vanish.
        for outlier in [1e9, f64::MAX] {
            let mut with_outliers = values.clone();
            with_outliers.extend([outlier, -outlier]);
            assert_sorted(&with_outliers);
        }
        assert_sorted(&[5e-324, 0.0, 1e-323, -5e-324]);
    }
}
