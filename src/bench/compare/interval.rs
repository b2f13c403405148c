//! How far a figure can be trusted: where it comes out nineteen times of twenty when it is measured once more in the same way.
//!
//! With several runs that follows from how they differ. One run has its own parts to tell, of what can be looked at in parts; and
//! where chance decides when blocks come, they do not tell all: payments of six seconds wait for the same twelve blocks, which were late
//! for all of them or for none. How much that is follows from the number of blocks and from how irregularly they came.

use std::f64::consts::SQRT_2;

use crate::api::BenchChain;
use crate::sim::fidelity::statistics::{NORMAL, mean};

/// By how much the middle of as many other values may differ from that of these, by how these differ (Student's t); nothing of
/// fewer than two.
pub(super) fn again(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    // Two means that are equally sure differ by the root of two of what each may be off.
    let (_, of_mean) = mean(values);
    (of_mean.high - of_mean.low) / SQRT_2
}

/// The same of a figure that is made of waits for blocks, as a share of it, by one run's blocks: the mean of so many waits varies by
/// their own variation over the root of their number.
pub(super) fn by_chance(chain: &BenchChain) -> f64 {
    let blocks = chain.blocks.max(1) as f64; // far below 2^53
    NORMAL * chain.interval_cv.unwrap_or(1.0) * (2.0 / blocks).sqrt()
}

/// Between which values a quantile of as many other ones lies, by the ranks of these (the binomial distribution, in the normal
/// approximation): the 99th percentile of a hundred is the greatest or one of the few below. The curve holds values by their share,
/// in even steps.
pub(super) fn by_rank(curve: &[[f64; 2]], count: u64, share: f64) -> Option<[f64; 2]> {
    let far = NORMAL * (2.0 * share * (1.0 - share) / count.max(1) as f64).sqrt(); // far below 2^53
    let below = curve.iter().rfind(|point| point[1] <= share - far).or(curve.first())?;
    let above = curve.iter().find(|point| point[1] >= share + far).or(curve.last())?;
    Some([below[0], above[0]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_differ_more_or_are_fewer_say_less() {
        assert_eq!((again(&[]), again(&[7.0]), again(&[7.0, 7.0, 7.0])), (0.0, 0.0, 0.0));
        // Student's 4.303 for two degrees of freedom, times the deviation of 1 and the root of two thirds.
        let three = again(&[9.0, 10.0, 11.0]);
        assert!((three - 4.303 * (2.0_f64 / 3.0).sqrt()).abs() < 0.15, "{three}");
        assert!((again(&[90.0, 100.0, 110.0]) - 10.0 * three).abs() < 1e-9);
        assert!(again(&[9.0, 10.0, 11.0, 9.0, 10.0, 11.0]) < three / 2.0);
    }

    #[test]
    fn blocks_by_the_clock_leave_nothing_to_chance() {
        let blocks = |blocks, cv| {
            by_chance(&BenchChain { blocks, interval_cv: cv, ..BenchChain::default() })
        };
        assert_eq!(blocks(18, Some(0.0)), 0.0);
        assert!((blocks(18, Some(1.0)) - 0.653).abs() < 0.001);
        assert!((blocks(1800, None) - 0.0653).abs() < 0.0001);
    }

    #[test]
    fn the_tail_of_a_hundred_payments_rests_on_a_few() {
        let curve: Vec<[f64; 2]> =
            (1..=50).map(|step| [f64::from(step), f64::from(step) / 50.0]).collect();
        assert_eq!(by_rank(&curve, 120, 0.99), Some([48.0, 50.0]));
        assert_eq!(by_rank(&curve, 120, 0.5), Some([18.0, 32.0]));
        assert_eq!(
            by_rank(&curve, 1_000_000, 0.5),
            Some([24.0, 26.0]),
            "steps of two of a hundred"
        );
        assert_eq!(by_rank(&curve, 2, 0.5), Some([1.0, 50.0]));
        assert_eq!(by_rank(&[], 2, 0.5), None);
    }
}
