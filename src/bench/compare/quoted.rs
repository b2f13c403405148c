//! What people say of well-known chains, beside what chains with their figures do: the interval between blocks, and how long
//! until a payment is trusted.
//!
//! Each claim belongs to a shipped chain spec with the figures of that chain. The spec runs in simulated time, with real
//! replicas, blocks and signatures, a seat for each node, and lines of a tenth of a second. Payments come at random, three in
//! the time of a block on average, so that hardly a block is empty and none is full: what is measured is waiting for blocks
//! and for what stands on them. `docs/benchmarks.md` explains what comes of it.

use super::simulated::{Told, Trial, TrialError, undisturbed};
use crate::api::{BenchBeside, BenchQuoted, BenchTimes};
use crate::sim::Micros;
use crate::spec::{Spec, find};

/// From node to node, one way: half around the world.
const LATENCY: Micros = Micros::millis(100);

/// Payments that come in the time of a block, on average.
const PAYMENTS: f64 = 3.0;

/// Accounts that pay each other.
const ACCOUNTS: usize = 20;

/// How long to wait until what depth makes final is so, in block times for each block of the depth: blocks by chance are late
/// at times.
const PATIENCE: u64 = 3;

/// What people say of a chain, and how to look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quoted {
    /// The shipped spec with its figures.
    pub spec: &'static str,
    /// What people say.
    pub claim: &'static str,
    /// Seconds between blocks, as they say.
    pub interval_s: f64,
    /// Confirmations after which they trust a payment; its own block is the first.
    pub confirmations: usize,
    /// Seconds until then, as they say.
    pub trusted_s: f64,
    /// How many nodes make blocks.
    pub nodes: usize,
    /// Hashes of all miners, as a share of those that the first target is for.
    pub work: f64,
    /// For how many intervals payments come.
    pub blocks: u64,
}

/// What people say.
pub const QUOTED: [Quoted; 5] = [
    // Nakamoto 2008, 7: "suppose blocks are generated every 10 minutes"; six since the first client showed payments as
    // unconfirmed below that (Bitcoin Wiki, "Confirmation").
    Quoted {
        spec: "bitcoin-like",
        claim: "a block in 10 minutes, trusted after six: an hour",
        interval_s: 600.0,
        confirmations: 6,
        trusted_s: 3600.0,
        nodes: 10,
        work: 1.0,
        blocks: 200,
    },
    // Buterin, "Toward a 12-second Block Time" (2014); twelve blocks until a wallet called a payment confirmed.
    Quoted {
        spec: "ethereum-pow-like",
        claim: "a block in 12 seconds, trusted after twelve: two and a half minutes",
        interval_s: 12.0,
        confirmations: 12,
        trusted_s: 144.0,
        nodes: 10,
        work: 1.0,
        blocks: 200,
    },
    // Peercoin aims at ten minutes by stake (its client's STAKE_TARGET_SPACING), and people count six blocks as of Bitcoin. Work
    // makes way for stake, within weeks, until it has a block in two hours: there the chain is looked at. Its seven owners all
    // stake.
    Quoted {
        spec: "peercoin-like",
        claim: "a block in 10 minutes, by stake, trusted after six: an hour",
        interval_s: 600.0,
        confirmations: 6,
        trusted_s: 3600.0,
        nodes: 7,
        work: 1.0 / 12.0,
        blocks: 200,
    },
    // Lisk: 101 delegates and slots of ten seconds, by its documentation a round of 101 blocks in 16.8 minutes.
    Quoted {
        spec: "dpos-101",
        claim: "a block in 10 seconds, trusted after a round of 101: seventeen minutes",
        interval_s: 10.0,
        confirmations: 101,
        trusted_s: 1010.0,
        nodes: 101,
        work: 1.0,
        blocks: 303,
    },
    // BitShares and Steem: 21 producers in a round, slots of 3 seconds, irreversible when two thirds and one have built on it
    // (Larimer 2017, "DPOS Consensus Algorithm: The Missing White Paper").
    Quoted {
        spec: "graphene-like",
        claim: "a block in 3 seconds, irreversible after 15 of 21 delegates: 45 seconds",
        interval_s: 3.0,
        confirmations: 15,
        trusted_s: 45.0,
        nodes: 21,
        work: 1.0,
        blocks: 210,
    },
];

/// Runs the chain of a claim.
///
/// # Errors
///
/// There is no such spec, or no result ([`TrialError`]).
pub fn measure(quoted: &Quoted, seed: u64, told: &mut Told<'_>) -> Result<BenchQuoted, TrialError> {
    let spec = Spec::parse(quoted.spec, find(quoted.spec)?)?;
    let block_time = Micros::millis(spec.consensus().block_time().0);
    let depth = spec.consensus().finality_depth().unwrap_or_default();
    let duration = Micros::from_seconds(quoted.interval_s).times(quoted.blocks);
    let trial = Trial {
        nodes: quoted.nodes,
        latency: LATENCY,
        rate: PAYMENTS / quoted.interval_s,
        duration,
        accounts: ACCOUNTS,
        payload: 0,
        seed,
        work: quoted.work,
        confirmations: quoted.confirmations,
        patience: block_time.times(PATIENCE * depth.max(quoted.confirmations as u64)), // a count fits
        spec,
    };
    let (run, _, _) = undisturbed(&trial, told)?;
    let (load, chain) = (run.load, run.chain);
    let trusted = load.confirmations_ms.get(quoted.confirmations - 1).copied().flatten();
    let seconds = |times: Option<BenchTimes>, pick: fn(BenchTimes) -> f64| {
        times.map(|times| pick(times) / 1000.0)
    };
    Ok(BenchQuoted {
        spec: quoted.spec.into(),
        engine: load.engine,
        claim: quoted.claim.into(),
        nodes: load.nodes,
        latency_ms: LATENCY.as_seconds() * 1000.0,
        seed,
        blocks: chain.blocks,
        payments: load.submitted,
        settled: load.settled,
        interval_s: beside(quoted.interval_s, chain.interval_s),
        interval_cv: chain.interval_cv,
        confirmations: quoted.confirmations as u64, // a count fits
        trusted_s: beside(quoted.trusted_s, seconds(trusted, |times| times.p50)),
        trusted_p95_s: seconds(trusted, |times| times.p95),
        first_ms: load.included_ms,
        final_ms: load.final_ms,
        stale_rate: chain.stale_rate(),
    })
}

fn beside(quoted: f64, measured: Option<f64>) -> BenchBeside {
    BenchBeside { quoted, measured, ratio: measured.map(|measured| measured / quoted) }
}

#[cfg(test)]
#[path = "quoted_tests.rs"]
mod tests;
