//! From a processor to a machine that is a hundred thousand times as fast, and back.
//!
//! One miner, a block a second. After the chain has settled its hash rate is [`FACTOR`] times what it was, from one moment to
//! the next; when the target is right again, and a while later, it is what it was at first. Everything is the chain's own:
//! the rule of work with its median of times and its limit to the future, the retarget algorithms, proofs that are hashed.
//!
//! The target is *right* when a block is expected to take what it should, within [`NEAR`]. On the way up blocks come too
//! fast: what counts is how many more than the schedule has. On the way down nothing comes at all: the first block after the
//! fall was begun at the old target, and is expected after [`FACTOR`] block times, whatever the algorithm. That is the price
//! of any rule that changes the target with blocks only; algorithms differ in what they make of that block.
//!
//! How fast blocks may come is bounded by their times, not by the target: see [`burst`].

use super::super::super::mining::tries;
use super::super::super::{Micros, Moment, Sim};
use super::super::chain::miners;
use crate::types::Claim;

/// Tries that a block takes on average before the jump. After it they are 10⁵ times as many, and hashed for real, so they are
/// few; the easiest target takes one.
pub const TRIES: u32 = 4;

/// How large the jump is.
pub const FACTOR: f64 = 1e5;

/// How near to right is right.
pub const NEAR: f64 = 0.2;

/// A block time, in seconds.
const SPACING: f64 = 1.0;

/// Blocks before the jump, at least.
const SETTLED: usize = 150;

/// The jump comes so many blocks later at most, by the seed: algorithms with periods may be anywhere in theirs.
const LATER: u64 = 50;

/// Blocks that are looked at after the target is right.
pub const AFTERWARDS: usize = 60;

/// Blocks of a leg at most: `asert` makes up for the stall, four blocks in a block time at its easiest target.
const BLOCKS_MAX: usize = 400_000;

/// A run that has not ended by then would be an error of the experiment: three hundred years.
const PATIENCE: Moment = Moment(10_000_000_000_000_000);

/// A block that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// How long it was expected to take, in block times.
    pub expected: f64,
    /// How long it took.
    pub took: f64,
}

/// What a leg came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Blocks until the target was right; `None` if it never was.
    pub blocks: Option<usize>,
    /// Block times until then.
    pub times: f64,
    /// The longest interval, in block times.
    pub longest: f64,
    /// Blocks beyond the schedule, at most.
    pub ahead: f64,
    /// The longest that a block was expected to take once the target had been right, in block times.
    pub overshoot: f64,
    /// The mean interval of the blocks that followed, in block times.
    pub rest: f64,
}

/// Whether a block of this expectation has a target that is right.
fn is_right(found: &Found) -> bool {
    (found.expected - 1.0).abs() <= NEAR
}

impl Summary {
    /// The summary of a leg.
    pub fn of(leg: &[Found]) -> Self {
        let blocks = leg.iter().position(is_right);
        let (way, rest) = leg.split_at(blocks.unwrap_or(leg.len()));
        let (mut elapsed, mut ahead) = (0.0, 0.0_f64);
        for (count, found) in leg.iter().enumerate() {
            elapsed += found.took;
            ahead = ahead.max((count + 1) as f64 - elapsed);
        }
        Self {
            blocks,
            times: way.iter().map(|found| found.took).sum(),
            longest: leg.iter().map(|found| found.took).fold(0.0, f64::max),
            ahead,
            overshoot: rest.iter().map(|found| found.expected).fold(0.0, f64::max),
            rest: rest.iter().map(|found| found.took).sum::<f64>() / rest.len().max(1) as f64,
        }
    }
}

/// A miner, and what it finds.
struct Chain {
    sim: Sim,
    height: u64,
    last: Moment,
    rate: f64,
}

impl Chain {
    fn new(pow: &str, seed: u64) -> Self {
        let rate = f64::from(TRIES) / SPACING;
        let pow = format!("{pow}\nlimit_bits = \"2100ffff\"\nfinality_depth = 100");
        let spec = super::chain("", &pow, TRIES);
        let options = miners(seed, spec, &[rate], Micros(100));
        let sim = Sim::new(options).expect("an empty store opens");
        Self { sim, height: 0, last: Moment(0), rate }
    }

    fn jump(&mut self, times: f64) {
        self.rate *= times;
        self.last = self.sim.now();
        self.sim.set_hash_rate(0, self.rate).expect("there is a node");
    }

    /// The next block.
    fn next(&mut self) -> Found {
        loop {
            assert!(self.sim.step(PATIENCE), "no end");
            let tree = self.sim.replica(0).expect("nobody crashes").tree();
            let header = &tree.head().block.header;
            if header.height.0 == self.height {
                continue;
            }
            self.height = header.height.0;
            let Claim::Work { bits } = header.claim else { unreachable!("a chain of work") };
            let now = self.sim.now();
            let took = now.since(self.last).as_seconds() / SPACING;
            self.last = now;
            return Found { expected: tries(bits) / self.rate / SPACING, took };
        }
    }

    /// Blocks until the target has been right for a while, but no more than so many.
    fn leg(&mut self, most: usize) -> Vec<Found> {
        let (mut leg, mut right) = (Vec::new(), None);
        while leg.len() < most && right.is_none_or(|at| leg.len() < at + AFTERWARDS) {
            let found = self.next();
            if right.is_none() && is_right(&found) {
                right = Some(leg.len());
            }
            leg.push(found);
        }
        leg
    }
}

/// What is found after the hash rate has jumped up by a factor, and what after it has fallen again; `pow` are lines of a
/// chain spec.
///
/// # Panics
///
/// If that does not come to an end, or the lines are not those of a chain spec.
pub fn legs(pow: &str, factor: f64, seed: u64) -> (Vec<Found>, Vec<Found>) {
    let (mut chain, up) = risen(pow, factor, seed);
    chain.jump(1.0 / factor);
    (up, chain.leg(BLOCKS_MAX))
}

/// What is found after the hash rate has jumped up by a factor.
///
/// # Panics
///
/// As [`legs`].
pub fn up(pow: &str, factor: f64, seed: u64) -> Vec<Found> {
    risen(pow, factor, seed).1
}

fn risen(pow: &str, factor: f64, seed: u64) -> (Chain, Vec<Found>) {
    let mut chain = Chain::new(pow, seed);
    let settled = SETTLED + (seed % LATER) as usize;
    (0..settled).for_each(|_| {
        chain.next();
    });
    chain.jump(factor);
    let up = chain.leg(BLOCKS_MAX);
    (chain, up)
}

/// How many blocks come in so many milliseconds where the target never changes and the hash rate is [`FACTOR`] times what it
/// is made for; the times of all of them are checked by the chain's rule.
///
/// # Panics
///
/// If `future_limit_ms` is more than a spec allows.
pub fn burst(future_limit_ms: u64, lasts_ms: u64, seed: u64) -> u64 {
    let pow = format!("retarget = \"fixed\"\nfuture_limit = \"{future_limit_ms}ms\"");
    let mut chain = Chain::new(&pow, seed);
    (0..20).for_each(|_| {
        chain.next();
    });
    let before = chain.height;
    chain.jump(FACTOR);
    chain.sim.run(Micros::millis(lasts_ms));
    chain.sim.height(0).map_or(0, |height| height.0) - before
}

/// More than so many blocks never come in so many milliseconds, whatever the hash rate.
///
/// A block's time is later than the median of the eleven before it. Six blocks that are later than a median make the next one
/// later, by a millisecond at least, and no block is further ahead of the clock than the limit. So once six blocks bear the
/// present, every six take a millisecond off what lies between the median and that limit; the clock adds what passes.
pub fn blocks_at_most(future_limit_ms: u64, lasts_ms: u64) -> u64 {
    6 * (future_limit_ms + lasts_ms + 2)
}
