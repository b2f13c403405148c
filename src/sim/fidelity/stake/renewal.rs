//! The theory of coin age: each coin is a renewal process.
//!
//! A coin that won is new: it has no weight until it is older than the minimum age, then one that grows with its age up to
//! the maximum age, and it wins in a second with a chance in proportion to that. Where the target stays, its *cycle*, from
//! one block to the next, is a draw from one distribution ([`Cycle`]), independent of all others. From that follows:
//!
//! - A coin makes a block in each mean cycle (renewal theorem). Many coins, which mostly wait at full weight, make blocks in
//!   proportion to what they hold; few large ones, which win as soon as they have weight, one a cycle however much they
//!   hold; and in between, where weight grows with age, a coin of k times the amount makes about √k times the blocks.
//! - Whatever the cycles, all age is consumed sooner or later, so interest is amount × time × rate (renewal reward theorem).

use num_bigint::BigUint;

use crate::sim::random::Dice;
use crate::types::target::{Bits, Target};

/// Seconds of a day: a coin held for one beyond the minimum age has a coin-day.
const DAY: f64 = 86_400.0;

/// Cycles that have survived with less chance than this are over.
const NEVER: f64 = 1e-12;

/// From when to when the weight of a coin grows, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// A coin has weight when it is older.
    pub min: u64,
    /// From here on it has no more.
    pub max: u64,
}

/// The ages at which coins of one size win under one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// The chance to win per second at full weight.
    full: f64,
    /// The chance not to have won by an age, in seconds, up to the maximum age.
    alive: Vec<f64>,
}

impl Cycle {
    /// The cycle of a coin of so many coins, where a coin-day wins in a second with this chance.
    pub fn new(amount: f64, coin_day: f64, ages: Ages) -> Self {
        let chance = |age: u64| {
            let weighted = age.min(ages.max).saturating_sub(ages.min) as f64;
            (coin_day * amount * weighted / DAY).min(1.0)
        };
        let mut alive = vec![1.0];
        let mut left = 1.0;
        for age in 1..=ages.max {
            left *= 1.0 - chance(age);
            alive.push(left);
            if left < NEVER {
                break;
            }
        }
        Self { full: chance(ages.max), alive }
    }

    /// What survives the last age of the table.
    fn rest(&self) -> f64 {
        self.alive.last().copied().filter(|rest| *rest >= NEVER).unwrap_or(0.0)
    }

    /// Its mean, in seconds: the sum of the chances to be older.
    pub fn mean(&self) -> f64 {
        // Beyond the table it is geometric: of the last one on, each second keeps 1 − full.
        let tail = self.rest() * (1.0 - self.full) / self.full;
        self.alive.iter().sum::<f64>() + tail
    }

    /// The mean age of a coin at a moment long after the beginning: what interest is yet to be paid on.
    pub fn pending(&self) -> f64 {
        let weighted = self.alive.iter().enumerate().map(|(age, alive)| age as f64 * alive);
        let (keep, last) = (1.0 - self.full, self.alive.len() as f64);
        let tail = self.rest() * (last * keep / self.full + (keep / self.full).powi(2));
        (weighted.sum::<f64>() + tail) / self.mean()
    }

    /// The chance that such a coin has just this age; at the end of the table, that or more.
    pub fn share_of_age(&self, age: usize) -> f64 {
        let alive = self.alive.get(age).copied().unwrap_or(0.0);
        match age + 1 == self.alive.len() {
            true => (alive + self.rest() * (1.0 - self.full) / self.full) / self.mean(),
            false => alive / self.mean(),
        }
    }

    /// How quickly a coin grows that earns this part of itself in a second of age, when each interest is staked along: the
    /// mean logarithm of what a cycle makes of it, per second.
    pub fn growth(&self, interest: f64) -> f64 {
        let ages = self.alive.windows(2).enumerate();
        let ends =
            ages.map(|(age, alive)| (alive[0] - alive[1]) * (interest * (age + 1) as f64).ln_1p());
        let last = self.alive.len() as f64 - 1.0 + 1.0 / self.full;
        let tail = self.rest() * (interest * last).ln_1p();
        (ends.sum::<f64>() + tail) / self.mean()
    }

    /// The age of such a coin, drawn: with it, a chain begins as if it had gone on for ever.
    pub fn draw_age(&self, dice: &mut Dice) -> u64 {
        let mut left = dice.unit() * self.mean();
        for (age, alive) in self.alive.iter().enumerate() {
            left -= alive;
            if left < 0.0 {
                return age as u64;
            }
        }
        self.alive.len() as u64 + dice.exponential(1.0 / self.full) as u64 // whole seconds of it
    }
}

/// Blocks in a second that coins of these amounts make together.
pub fn rate(amounts: &[f64], coin_day: f64, ages: Ages) -> f64 {
    let mut known: Vec<(f64, f64)> = Vec::new();
    let each = amounts.iter().map(|amount| match known.iter().find(|(at, _)| at == amount) {
        Some((_, rate)) => *rate,
        None => {
            let rate = 1.0 / Cycle::new(*amount, coin_day, ages).mean();
            known.push((*amount, rate));
            rate
        }
    });
    each.collect::<Vec<f64>>().iter().sum()
}

/// The target at which these coins together make a block every so many seconds on average, as well as bits can say it.
///
/// # Panics
///
/// If no target does: there are fewer coins than would have to rest.
pub fn bits_for(amounts: &[f64], spacing: f64, ages: Ages) -> Bits {
    let (mut low, mut high) = (1e-18, 1.0);
    assert!(rate(amounts, high, ages) > 1.0 / spacing, "too few coins for a block in {spacing} s");
    for _ in 0..80 {
        let middle = (low * high).sqrt();
        match rate(amounts, middle, ages) > 1.0 / spacing {
            true => high = middle,
            false => low = middle,
        }
    }
    // Of 2^256, in parts of 2^64: so small a share keeps 52 binary digits at least down to 2^−12.
    let (mut share, mut shift) = (high, 256u32);
    while share < (1u64 << 52) as f64 && shift > 0 {
        share *= 2.0;
        shift -= 1;
    }
    let value = BigUint::from(share as u64) << shift; // below 2^53
    Target::within(&value, &Target::max()).to_bits()
}

/// The chance that a coin-day wins in a second under a target.
///
/// # Panics
///
/// If the bits encode no target.
pub fn coin_day(bits: Bits) -> f64 {
    let target = bits.target().expect("bits of a chain encode a target").to_be_bytes();
    target.iter().rev().fold(0.0, |below, byte| (below + f64::from(*byte)) / 256.0)
}
