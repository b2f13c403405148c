//! The share difficulty of a connection, which follows the rate of its shares.
//!
//! Difficulties are powers of two: every client computes their targets alike, and there is a natural distance between
//! two of them. What is measured is work, shares weighed by their difficulty, so that shares of old jobs count rightly.

use super::difficulty::{floor_log2, power_of_two};
use crate::types::{Span, Time};

/// The time between two shares that is aimed at: a thousand miners send a hundred shares a second.
const SHARE_EVERY: Span = Span::seconds(10);

/// How long shares are counted before anything changes …
const MEASURE: Span = Span::seconds(20);

/// … unless there are so many of them sooner.
const ENOUGH: u32 = 32;

/// Without any share for so long the difficulty falls to a quarter.
const SILENCE: Span = Span::seconds(60);

/// The easiest: 2^-16, some 65 000 hashes, a second of the smallest microcontroller.
const EXPONENT_MIN: i32 = -16;

/// The hardest: 2^50 is a share every ten seconds of all of Bitcoin.
const EXPONENT_MAX: i32 = 50;

/// A difficulty to begin with: 4 million hashes, a moment of a processor and ten seconds of a microcontroller.
const START: i32 = -10;

/// The same for whoever rolls versions, which is a chip made for it: two seconds of half a TH/s.
const START_ROLLING: i32 = 8;

/// The difficulty of a connection.
#[derive(Debug)]
pub(super) struct Vardiff {
    exponent: i32,
    since: Time,
    /// Work since then, in units of difficulty 1.
    work: f64,
    shares: u32,
}

impl Vardiff {
    pub(super) fn new(now: Time) -> Self {
        Self { exponent: START, since: now, work: 0.0, shares: 0 }
    }

    /// The miner said that it rolls versions, and nothing was measured yet.
    pub(super) fn begin_rolling(&mut self) {
        self.exponent = self.exponent.max(START_ROLLING);
    }

    /// The miner said what it would like.
    pub(super) fn begin_at(&mut self, now: Time, difficulty: f64) {
        let exponent = floor_log2(difficulty).clamp(EXPONENT_MIN, EXPONENT_MAX);
        *self = Self { exponent, ..Self::new(now) };
    }

    /// Counts a share that was asked for at this difficulty.
    pub(super) fn share(&mut self, difficulty: f64) {
        self.work += difficulty;
        self.shares = self.shares.saturating_add(1);
    }

    /// The exponent of the difficulty of a job that is sent now and whose block has this difficulty. `floor` goes before
    /// both.
    pub(super) fn exponent(&mut self, now: Time, block: f64, floor: Option<i32>) -> i32 {
        self.adjust(now);
        let exponent = self.exponent.min(floor_log2(block));
        exponent.max(floor.unwrap_or(i32::MIN))
    }

    fn adjust(&mut self, now: Time) {
        let elapsed = now.since(self.since);
        if elapsed < MEASURE && self.shares < ENOUGH {
            return;
        }
        if self.shares == 0 {
            if elapsed < SILENCE {
                return;
            }
            self.exponent = (self.exponent - 2).max(EXPONENT_MIN);
        } else {
            // Milliseconds of less than centuries are exact as a double.
            let ideal = self.work * SHARE_EVERY.0 as f64 / elapsed.0.max(1) as f64;
            let up = floor_log2(ideal);
            // Where it lies between two powers it keeps the one that it has.
            let down = floor_log2(ideal * 1.4);
            if up > self.exponent {
                self.exponent = up.min(EXPONENT_MAX);
            } else if down < self.exponent {
                self.exponent = down.max(EXPONENT_MIN);
            }
        }
        (self.since, self.work, self.shares) = (now, 0.0, 0);
    }
}

/// The difficulty with this exponent.
pub(super) fn difficulty(exponent: i32) -> f64 {
    power_of_two(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exponents of jobs every 30 s for a miner of `rate` units of difficulty 1 per second, shares coming evenly.
    fn follow(vardiff: &mut Vardiff, from: u64, rate: f64, jobs: u64) -> Vec<i32> {
        let mut told = Vec::new();
        for job in from..from + jobs {
            let exponent = vardiff.exponent(Time(job * 30_000), 1e30, None);
            let shares = rate * 30.0 / difficulty(exponent);
            for _ in 0..(shares as u64).min(10_000) {
                vardiff.share(difficulty(exponent));
            }
            told.push(exponent);
        }
        told
    }

    #[test]
    fn it_finds_the_rate_of_an_esp32_a_processor_and_an_asic_and_stays_there() {
        // Hashes per second; a share every 10 to 20 s.
        for (rate, expected) in [(5e4, -14), (3e5, -11), (2.5e7, -5), (5e11, 10), (1e14, 17)] {
            let mut vardiff = Vardiff::new(Time(0));
            let told = follow(&mut vardiff, 0, rate / power_of_two(32), 20);
            assert_eq!(told[10..], [expected; 10], "{rate}: {told:?}");
        }
    }

    #[test]
    fn it_comes_down_when_a_miner_slows_or_falls_silent() {
        let mut vardiff = Vardiff::new(Time(0));
        follow(&mut vardiff, 0, 1000.0, 10);
        assert_eq!(vardiff.exponent, 13);
        follow(&mut vardiff, 10, 10.0, 10);
        assert_eq!(vardiff.exponent, 6);
        follow(&mut vardiff, 20, 0.0, 200);
        assert_eq!(vardiff.exponent, EXPONENT_MIN);
    }

    #[test]
    fn the_block_bounds_it_and_the_floor_goes_before_both() {
        let mut vardiff = Vardiff::new(Time(0));
        vardiff.begin_at(Time(0), 1000.0);
        assert_eq!(vardiff.exponent(Time(0), 1e9, None), 9);
        assert_eq!(vardiff.exponent(Time(0), 0.7, None), -1);
        assert_eq!(vardiff.exponent(Time(0), 0.7, Some(0)), 0);
        vardiff.begin_at(Time(0), f64::MIN_POSITIVE);
        assert_eq!(vardiff.exponent(Time(0), 1e9, None), EXPONENT_MIN);
        vardiff.begin_at(Time(0), f64::MAX);
        assert_eq!(vardiff.exponent(Time(0), f64::MAX, None), EXPONENT_MAX);
    }
}
