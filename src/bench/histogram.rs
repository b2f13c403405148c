//! A histogram of latencies whose memory does not grow with their number.
//!
//! Values fall into buckets that are as wide as 1/128 of what they hold, as in Gil Tene's HdrHistogram: a percentile is
//! exact up to 255 and at most 0.8 % too large above. Nothing is averaged, and the largest value is kept as it is.

use crate::api::BenchTimes;

/// Buckets per doubling: 2 to this power.
const PRECISION_BITS: u32 = 7;

/// Buckets per doubling.
const PER_DOUBLING: u64 = 1 << PRECISION_BITS;

/// Larger values count as this: as microseconds, twelve days. It bounds the buckets to 4500.
const VALUE_MAX: u64 = 1 << 40;

/// How often which values occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

/// The bucket of a value.
fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(PRECISION_BITS + 1);
    // Below 35 × 128, see `VALUE_MAX`.
    (u64::from(shift) * PER_DOUBLING + (value >> shift)) as usize
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64; // an index fits 64 bits
    let shift = (bucket / PER_DOUBLING).saturating_sub(1);
    let mantissa = bucket - shift * PER_DOUBLING;
    ((mantissa + 1) << shift) - 1
}

impl Histogram {
    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        let value = value.min(VALUE_MAX);
        let bucket = bucket(value);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Its percentiles in milliseconds, where it counts microseconds; nothing where it counted none.
    pub fn times(&self) -> Option<BenchTimes> {
        let ms = |micros: u64| micros as f64 / 1000.0; // far below 2^53
        let at = |share| self.percentile(share).map(ms);
        Some(BenchTimes {
            p50: at(0.5)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            max: ms(self.max),
            count: self.total,
        })
    }

    /// For each of fifty equal shares, in milliseconds by when it was reached, and the share: a curve to draw.
    pub fn curve(&self) -> Vec<[f64; 2]> {
        let point = |step: u32| {
            let share = f64::from(step) / 50.0;
            Some([self.percentile(share)? as f64 / 1000.0, share]) // far below 2^53
        };
        (1..=50).filter_map(point).collect()
    }

    /// The largest value; 0 if there is none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The least value below or at which this share of all values lies (nearest rank); `None` if there are no values.
    pub fn percentile(&self, share: f64) -> Option<u64> {
        if self.total == 0 {
            return None;
        }
        // Numbers of values lie far below 2^53, and the product is not negative.
        let rank = ((share * self.total as f64).ceil() as u64).clamp(1, self.total);
        let mut seen = 0;
        let reached = |count: &u64| {
            seen += count;
            seen >= rank
        };
        let bucket = self.counts.iter().position(reached)?;
        Some(upper(bucket).min(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::random::Dice;

    #[test]
    fn percentiles_are_those_of_the_sorted_values_within_the_stated_error() {
        for (seed, mean) in [(1, 90.0), (2, 20_000.0), (3, 5e7)] {
            let mut dice = Dice::new(seed, "histogram");
            let mut histogram = Histogram::default();
            let mut values: Vec<u64> = (0..5001).map(|_| dice.exponential(mean) as u64).collect();
            values.iter().for_each(|value| histogram.record(*value));
            values.sort_unstable();
            for share in [0.0, 0.001, 0.5, 0.95, 0.99, 0.999, 1.0] {
                let rank = ((share * 5001.0_f64).ceil() as usize).max(1);
                let (exact, told) = (values[rank - 1], histogram.percentile(share).unwrap());
                assert!(told >= exact && told <= exact + exact / 128, "{share}: {exact} {told}");
            }
            assert_eq!((histogram.count(), histogram.max()), (5001, values[5000]));
        }
    }

    #[test]
    fn small_values_are_exact_and_no_value_is_outside() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), None);
        (0..256).for_each(|value| histogram.record(value));
        assert_eq!(histogram.percentile(0.5), Some(127));
        histogram.record(u64::MAX);
        assert_eq!(histogram.percentile(1.0), Some(VALUE_MAX));
        assert!(histogram.counts.len() < 4500);
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        for value in (0..70_000).chain((17..40).flat_map(|p| [(1 << p) - 1, 1 << p, (1 << p) + 1]))
        {
            let place = bucket(value);
            assert!(value <= upper(place) && (place == 0 || value > upper(place - 1)), "{value}");
        }
    }
}
