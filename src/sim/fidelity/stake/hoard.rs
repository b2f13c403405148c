//! Hoarding of coin age: who waits until its coins weigh most and then stakes them all at once makes a burst of blocks.
//!
//! A hoarder with a share of the coins sleeps for the maximum age and wakes; the others stake all the time. Theory is the
//! same chain *without chance* ([`ideal`]): of each holder's coins the expected number of each age, second by second, and a
//! target that follows the expected interval by Peercoin's average.

use super::renewal::{Ages, coin_day};
use super::share::{Holding, Plan};
use crate::sim::Micros;
use crate::types::target::Bits;

/// Coins of the hoarder, of a hundred.
pub const HOARDED: usize = 30;

/// Seconds between blocks.
pub const SPACING: u64 = 20;

/// When coins have weight.
pub const AGES: Ages = Ages { min: 60, max: 6000 };

/// Seconds of a part of the run.
pub const PART: u64 = 200;

/// Parts of the run before the hoarder wakes, and all of them.
pub const PARTS: (usize, usize) = (30, 60);

/// What happened in each part of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Blocks of the hoarder.
    pub hoarded: Vec<f64>,
    /// Blocks of all.
    pub all: Vec<f64>,
    /// How hard a block was at the end of the part, over the difficulty at the beginning of the run.
    pub difficulty: Vec<f64>,
}

/// A hundred coins, of which the hoarder holds [`HOARDED`]; all of them have gone on for ever.
fn plan() -> Plan {
    let holder = |coins| Holding { coins, each: 100, awake: true };
    let holders = vec![holder(HOARDED), holder(100 - HOARDED)];
    Plan { holders, ages: AGES, spacing: SPACING, interest: 0, rest: 0, window: 30 }
}

fn harder(bits: Bits, first: Bits) -> f64 {
    coin_day(first) / coin_day(bits)
}

/// A run in the simulator.
///
/// # Panics
///
/// If the simulator refuses what is done to it, which cannot happen.
pub fn run(seed: u64) -> Course {
    let plan = plan();
    let mut running = plan.begin(seed);
    let stake = running.stake(0);
    let possible = "there is such a node";
    running.sim().set_stake(0, None).expect(possible);
    running.sim().run(Micros::seconds(PARTS.0 as u64 * PART));
    running.sim().set_stake(0, Some(stake)).expect(possible);
    running.sim().run(Micros::seconds((PARTS.1 - PARTS.0) as u64 * PART));
    let zeros = vec![0.0; PARTS.1];
    let mut course = Course { hoarded: zeros.clone(), all: zeros.clone(), difficulty: zeros };
    let (first, mut last) = (plan.bits(), (0, 1.0));
    for (second, owner, bits) in running.blocks() {
        let part = usize::try_from(second / PART).expect("a run is short").min(PARTS.1 - 1);
        course.all[part] += 1.0;
        course.hoarded[part] += f64::from(u8::from(owner == 0));
        course.difficulty[last.0..part].fill(last.1);
        last = (part, harder(bits, first));
    }
    course.difficulty[last.0..].fill(last.1);
    course
}

/// The same without chance.
pub fn ideal() -> Course {
    let plan = plan();
    let (first, window) = (coin_day(plan.bits()), f64::from(plan.window));
    let ages = usize::try_from(AGES.max).expect("a list of that length fits");
    // How many coins of each age there are; those of the maximum age and beyond together.
    let mut coins: Vec<Vec<f64>> = [HOARDED, 100 - HOARDED]
        .iter()
        .map(|count| {
            let cycle = plan.cycle(0);
            (0..=ages).map(|age| *count as f64 * cycle.share_of_age(age)).collect()
        })
        .collect();
    let mut chance = first;
    let mut course = Course { hoarded: vec![], all: vec![], difficulty: vec![] };
    for part in 0..PARTS.1 {
        let (mut hoarded, mut all) = (0.0, 0.0);
        for _ in 0..PART {
            let mut blocks = 0.0;
            for (holder, coins) in coins.iter_mut().enumerate() {
                let oldest = coins[ages] + coins[ages - 1];
                coins.rotate_right(1);
                (coins[0], coins[ages]) = (0.0, oldest);
                if holder == 0 && part < PARTS.0 {
                    continue;
                }
                let mut won = 0.0;
                for (age, coins) in coins.iter_mut().enumerate() {
                    let weighted = (age as u64).saturating_sub(AGES.min) as f64;
                    let wins = *coins * (chance * 100.0 * weighted / 86_400.0).min(1.0);
                    *coins -= wins;
                    won += wins;
                }
                coins[0] += won;
                blocks += won;
                hoarded += if holder == 0 { won } else { 0.0 };
            }
            all += blocks;
            // Each block takes 1 ⁄ blocks seconds and moves the target by Peercoin's step.
            let spacing = SPACING as f64;
            let step = ((window - 1.0) * spacing + 2.0 / blocks) / ((window + 1.0) * spacing);
            chance *= step.powf(blocks);
        }
        course.hoarded.push(hoarded);
        course.all.push(all);
        course.difficulty.push(first / chance);
    }
    course
}
