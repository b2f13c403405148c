//! Stale blocks, and the time from block to block.
//!
//! Whoever has not heard of the latest block yet mines beside it: of blocks that come once in T and travel for D, about
//! 1 − exp(−x) with x = (1 − Σ s²) · D ⁄ T end up off the chain, where s are the miners' shares (the finder of a block does
//! not wait for it). That is right for small x only: it counts as stale whatever is found while a block travels, but what
//! is found then may fork a stale branch as well. A chain that grows by one block whenever one has reached everybody loses
//! x ⁄ (1 + x) (Sompolinsky and Zohar, *Secure high-rate transaction processing in Bitcoin*, 2015, on the rate at which the
//! main chain grows at least): [`stale`] and [`stale_at_most`] differ in the second order.
//!
//! Proofs are found independently of how long one has looked for them, so the time from block to block is exponential.

use super::super::{Micros, Moment, Sim};
use super::chain::{chain, miners};

/// Tries that a block takes on average.
const TRIES: u32 = 64;

/// Time between blocks on average, in seconds: what the chain's target is made for.
pub const SPACING: f64 = 1.0;

/// A run that has not ended by then would be an error of the experiment.
const PATIENCE: Moment = Moment(1_000_000_000_000);

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Blocks that were found and are not in the chain.
    pub stale: u64,
    /// Blocks that were found.
    pub all: u64,
}

fn net(count: usize, latency: Micros, seed: u64) -> Sim {
    let rates = vec![f64::from(TRIES) / SPACING / count as f64; count];
    let options = miners(seed, chain("retarget = \"fixed\"", TRIES), &rates, latency);
    Sim::new(options).expect("an empty store opens")
}

/// So many equal miners, all connected, whose blocks travel so long; runs until the chain has so many blocks, at most 4000,
/// and all agree.
///
/// # Panics
///
/// If that does not come to an end.
pub fn run(count: usize, latency: Micros, blocks: u64, seed: u64) -> Found {
    let mut sim = net(count, latency, seed);
    while sim.height(0).is_none_or(|it| it.0 < blocks) || !sim.agree() {
        assert!(sim.step(PATIENCE), "no end of {count} miners at {latency}, seed {seed}");
    }
    let tree = sim.replica(0).expect("nobody crashes").tree();
    let all = tree.len() as u64 - 1; // the first block of the chain was not found
    Found { stale: all - tree.head().height().0, all }
}

/// What of the blocks is stale, for small D ⁄ T.
pub fn stale(count: usize, latency: Micros) -> f64 {
    1.0 - (-beside(count, latency)).exp()
}

/// What is at most, if the chain grows as slowly as it can.
pub fn stale_at_most(count: usize, latency: Micros) -> f64 {
    let x = beside(count, latency);
    x / (1.0 + x)
}

/// Blocks that are found beside one while it travels, on average.
fn beside(count: usize, latency: Micros) -> f64 {
    (1.0 - 1.0 / count as f64) * latency.as_seconds() / SPACING
}

/// The seconds from each of so many finds to the next, of four equal miners on quick lines.
///
/// # Panics
///
/// If that does not come to an end.
pub fn intervals(count: usize, seed: u64) -> Vec<f64> {
    let mut sim = net(4, Micros(100), seed);
    let known = |sim: &Sim| sim.replica(0).map_or(0, |replica| replica.tree().len());
    let (mut blocks, mut last) = (known(&sim), None);
    let mut intervals = Vec::with_capacity(count);
    while intervals.len() < count {
        assert!(sim.step(PATIENCE), "no end of seed {seed}");
        if known(&sim) > blocks {
            blocks = known(&sim);
            let now = sim.now();
            intervals.extend(last.replace(now).map(|last| now.since(last).as_seconds()));
        }
    }
    intervals
}
