//! A season of a chain with Peercoin's figures: work and stake, blocks of ten minutes each, coins that stake from thirty
//! days on and weigh most at ninety, a maturity of 500 blocks, one per cent a year.
//!
//! Every second of every coin is tried, months of them, so this is also what shows whether the simulator is quick enough
//! for chains of patience.

use super::super::super::options::{NodeOptions, freeze, operator};
use super::{begin, chain_of, equal, spec, stake_of, stakers};
use crate::sim::{Micros, Topology};
use crate::types::Kind;

/// Tries that a block of work takes on average at the beginning.
const TRIES: u32 = 16;

/// Seconds of an hour.
const HOUR: u64 = 3600;

/// Seconds between blocks of work at the beginning.
const SPACING: f64 = 600.0;

/// Peercoin's figures, as in the shipped `peercoin-like`.
const RULE: &str = "\
[issuance]
initial_reward = \"50\"
maturity = 500
[consensus]
engine = \"hybrid\"
[pow]
block_time = \"10m\"
future_limit = \"15s\"
seal_window = \"2h\"
[pos]
block_time = \"10m\"
retarget_window = 1008
min_age = \"30d\"
max_age = \"90d\"
interest = \"1%\"
interest_period = \"365d\"
genesis_coins = 32
[hybrid]
trust = \"peercoin\"
work_window = 1008
work_spacing_max = \"2h\"
finality_depth = 500";

/// What a season came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Season {
    /// The hour of each block by stake.
    pub stake: Vec<u64>,
    /// The hour of each block of work.
    pub work: Vec<u64>,
    /// Whether all nodes are on one head at the end.
    pub agree: bool,
    /// Events of the simulation.
    pub events: u64,
}

/// So many hours with so many stakers of equal stake, each with 32 coins of sixty days, and one miner.
pub fn run(count: usize, hours: u64, seed: u64) -> Season {
    let accounts = equal(count, 1_000_000, 60 * 24 * HOUR);
    let spec = freeze(spec(&accounts, RULE), TRIES);
    let begins = spec.genesis_time();
    let mut options = stakers(seed, spec, (0..count).map(|it| stake_of([it])).collect());
    options.topology = Topology::Random { outbound: 1 };
    options.nodes.push(NodeOptions {
        payout: Some(operator(count).address()),
        hash_rate: f64::from(TRIES) / SPACING,
        ..NodeOptions::default()
    });
    let mut sim = begin(options);
    sim.run(Micros::seconds(hours * HOUR));
    let mut season = Season { agree: sim.agree(), events: sim.events(), ..Season::default() };
    for block in chain_of(&sim, 0) {
        let hour = (block.header.time.0 - begins.0) / 1000 / HOUR;
        match block.header.claim.kind() {
            Kind::Work => season.work.push(hour),
            _ => season.stake.push(hour),
        }
    }
    season
}
