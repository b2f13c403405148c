//! How fast the processor's clock runs, by counting.
//!
//! The time stamp counter of today's processors ticks at a rate of its own. What tells the clock is a chain of additions
//! and rotations, each of which needs the result of the one before: on every x86 processor of the last fifteen years both
//! take one cycle, and nothing can do two of them at once. So many of them over the time that they took is the clock. A
//! slice that was interrupted only looks slower, so the fastest of several slices counts.

use std::hint::black_box;
use std::time::Instant;

/// Steps in a slice, two cycles each: about 0.1 ms, much less than a processor is left to one thread.
const STEPS: u64 = 1 << 18;

/// Slices of a measurement.
const SLICES: usize = 12;

/// How the clock is measured, for reports.
pub const HOW: &str =
    "a chain of dependent additions and rotations, one cycle each; fastest of 12 slices of 0.1 ms";

/// Cycles per second of the processor that this thread runs on; nothing on processors whose additions may take another time, and in
/// builds that are not optimised.
pub fn clock_hz() -> Option<f64> {
    if cfg!(debug_assertions) || !cfg!(target_arch = "x86_64") {
        return None;
    }
    let slice = || {
        let began = Instant::now();
        black_box(chain(black_box(1), black_box(0x9e37_79b9_7f4a_7c15), STEPS));
        2.0 * STEPS as f64 / began.elapsed().as_secs_f64()
    };
    (0..SLICES).map(|_| slice()).max_by(f64::total_cmp)
}

/// So many additions and rotations, one after the other.
#[inline(never)]
fn chain(mut value: u64, addend: u64, steps: u64) -> u64 {
    // Eight at a time, so that what counts the steps is hidden behind them.
    for _ in 0..steps / 8 {
        for _ in 0..8 {
            value = value.wrapping_add(addend).rotate_left(7);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_one_that_a_processor_may_have() {
        let is_measured = cfg!(target_arch = "x86_64") && !cfg!(debug_assertions);
        let clock = clock_hz();
        assert_eq!(clock.is_some(), is_measured);
        assert!(clock.is_none_or(|hz| (2e8..8e9).contains(&hz)), "{clock:?}");
        assert_eq!(chain(1, 1, 8), (0..8).fold(1u64, |value, _| (value + 1).rotate_left(7)));
    }
}
