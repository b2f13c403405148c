//! Steps of the hash rate: how soon does each retarget algorithm follow?
//!
//! One miner, a block a second. After the chain has settled the hash rate changes at once, by a factor; from then on what
//! counts is how long a block is expected to take, its work ÷ the hash rate, in block times: 1 ⁄ factor right after the step,
//! 1 when the target is right again. It has arrived when it first comes within a tenth of that.
//!
//! There is no published figure for windows of a testbed. What stands in for theory is each algorithm's answer without
//! chance ([`ideal`]): the same algorithm on a chain whose blocks take as long as expected. Chance makes a noisy algorithm
//! arrive sooner at times, by passing through.

use super::super::{Micros, Moment, Sim};
use super::chain::{chain, miners};
use crate::consensus::retarget::{History, Past, Schedule};
use crate::types::target::Bits;
use crate::types::{Claim, Height};

/// Tries that a block takes on average before the step.
const TRIES: u32 = 256;

/// A block time, in milliseconds.
const SPACING: u64 = 1000;

/// A miner that has found nothing for so long makes its draft anew, with a new time.
const RENEWED: u64 = 5000;

/// Blocks before the step, at least.
const SETTLED: u64 = 150;

/// The step comes so many blocks later at most, by the seed: algorithms with periods may be anywhere in theirs.
const LATER: u64 = 50;

/// A run that has not ended by then would be an error of the experiment.
const PATIENCE: Moment = Moment(1_000_000_000_000);

/// How near to right is right.
const NEAR: f64 = 0.1;

/// The algorithms as `docs/retargeting.md` measures them: name, and lines of a chain spec.
pub const ALGORITHMS: [(&str, &str); 6] = [
    ("bitcoin", "retarget = \"bitcoin\"\nretarget_window = 50\nclamp = 4"),
    ("asert", "retarget = \"asert\"\nhalf_life = \"30s\""),
    ("lwma", "retarget = \"lwma\"\nretarget_window = 60"),
    ("digishield", "retarget = \"digishield\""),
    ("ema", "retarget = \"ema\"\nretarget_window = 30"),
    ("dgw", "retarget = \"dgw\"\nretarget_window = 24"),
];

/// After how many blocks the step comes.
fn step_at(seed: u64) -> u64 {
    SETTLED + seed % LATER
}

/// How long a block of this target takes, in block times.
fn expected(bits: Bits, factor: f64) -> f64 {
    bits.work().to_f64() / (f64::from(TRIES) * factor)
}

/// How long each of the next so many blocks after the step is expected to take, in block times, in the simulator.
///
/// # Panics
///
/// If that does not come to an end, or lines are not those of a chain spec.
pub fn response(lines: &str, factor: f64, blocks: u64, seed: u64) -> Vec<f64> {
    let rate = f64::from(TRIES) * 1000.0 / SPACING as f64;
    let options = miners(seed, chain(lines, TRIES), &[rate], Micros(100));
    let mut sim = Sim::new(options).expect("an empty store opens");
    let until = |height: u64, sim: &mut Sim| {
        while sim.height(0).is_none_or(|it| it.0 < height) {
            assert!(sim.step(PATIENCE), "no end of {lines}, seed {seed}");
        }
    };
    let settled = step_at(seed);
    until(settled, &mut sim);
    sim.set_hash_rate(0, rate * factor).expect("there is a node");
    until(settled + blocks, &mut sim);
    let tree = sim.replica(0).expect("nobody crashes").tree();
    let after = tree.branch().range(Height(settled + 1)..=Height(settled + blocks));
    let claims = after.filter_map(|(_, id)| tree.get(id)).map(|node| node.block.header.claim);
    claims
        .filter_map(|claim| match claim {
            Claim::Work { bits } => Some(expected(bits, factor)),
            _ => None,
        })
        .collect()
}

/// The same without chance: every block takes as long as expected.
///
/// # Panics
///
/// If lines are not those of a chain spec.
pub fn ideal(lines: &str, factor: f64, blocks: u64, seed: u64) -> Vec<f64> {
    let spec = chain(lines, TRIES);
    let pow = spec.consensus().pow().expect("the chain is one of work");
    let retarget = pow.retarget.algorithm();
    let limit = pow.limit_bits.target().expect("a spec holds a target");
    let spacing = std::num::NonZeroU64::new(SPACING).expect("it is not nothing");
    let schedule = Schedule { spacing, initial: pow.initial_bits, limit };
    let (mut history, mut found) = (History::default(), 1_700_000_000_000.0);
    let mut expectations = Vec::new();
    let settled = step_at(seed);
    for height in 1..=settled + blocks {
        let bits = retarget.required(&history, &schedule);
        let takes = expected(bits, if height > settled { factor } else { 1.0 });
        if height > settled {
            expectations.push(takes);
        }
        let took = takes * SPACING as f64;
        // A block bears the time at which its draft was made: when the one before it was found, or at a renewal.
        let renewals = (took / RENEWED as f64).floor();
        let time = (found + renewals * RENEWED as f64) as u64; // whole milliseconds
        found += took;
        retarget.remember(&mut history, Past { height, time, bits });
    }
    expectations
}

/// The number of blocks after which it has arrived, if it has.
pub fn arrival(response: &[f64]) -> Option<usize> {
    response.iter().position(|expected| (expected - 1.0).abs() <= NEAR)
}
