//! Fair shares: do miners earn in proportion to their hash rates, in blocks and in coins?
//!
//! Whoever searches finds a block with the same chance in each hash, however long it has searched before and however fast it
//! is, so a miner with the share s of the hash rate makes the share s of the blocks, and each block is an independent draw.
//! A halving makes later blocks worth less, but for everybody: of the coins the share is s as well. Only its spread is
//! larger, since a few early blocks weigh as much as many late ones.
//!
//! Who withholds blocks gets more than that ([`super::super::selfish`]); on slow lines the largest does, since its own blocks
//! reach it first ([`super::super::stale`]). Here lines are quick.

use super::super::super::options::operator;
use super::super::super::{Micros, Moment, Sim};
use super::super::chain::miners;
use crate::ledger::Supply;
use crate::types::Address;

/// Tries that a block takes on average.
const TRIES: u32 = 64;

/// Blocks until the reward halves.
pub const HALVING: u64 = 200;

/// A run that has not ended by then would be an error of the experiment.
const PATIENCE: Moment = Moment(1_000_000_000_000);

/// What a miner made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Earned {
    /// Blocks of the chain.
    pub blocks: u64,
    /// New coins, by what the ledger issued.
    pub coins: f64,
}

/// What miners with these hash rates earned of the first so many blocks, at most 4000.
///
/// # Panics
///
/// If that does not come to an end.
pub fn run(rates: &[f64], blocks: u64, seed: u64) -> Vec<Earned> {
    let issuance = format!("[issuance]\ninitial_reward = \"50\"\nhalving_interval = {HALVING}\n");
    let asert = "retarget = \"asert\"\nhalf_life = \"100s\"\nfinality_depth = 4096";
    let spec = super::chain(&issuance, asert, TRIES);
    let all: f64 = rates.iter().sum();
    let rates: Vec<f64> = rates.iter().map(|rate| rate / all * f64::from(TRIES)).collect();
    let options = miners(seed, spec, &rates, Micros(100));
    let mut sim = Sim::new(options).expect("an empty store opens");
    while sim.height(0).is_none_or(|it| it.0 < blocks) || !sim.agree() {
        assert!(sim.step(PATIENCE), "no end of {rates:?}, seed {seed}");
    }
    let producers: Vec<Address> = (0..rates.len()).map(|node| operator(node).address()).collect();
    let mut earned = vec![Earned::default(); rates.len()];
    let tree = sim.replica(0).expect("nobody crashes").tree();
    let mut issued = 0;
    for node in tree.branch().values().filter_map(|id| tree.get(id)).take(blocks as usize + 1) {
        let Supply { issued: now, .. } = node.state.supply().expect("it is in memory");
        let miner = producers.iter().position(|it| *it == node.block.header.producer);
        if let Some(miner) = miner {
            earned[miner].blocks += 1;
            earned[miner].coins += (now.0 - issued) as f64 / 1e8;
        }
        issued = now.0;
    }
    earned
}

/// Pearson's chi-square of what was counted against these shares.
pub fn chi_square(counted: &[u64], shares: &[f64]) -> f64 {
    let all = counted.iter().sum::<u64>() as f64;
    let terms = counted.iter().zip(shares).map(|(counted, share)| {
        let expected = share * all;
        (*counted as f64 - expected).powi(2) / expected
    });
    terms.sum()
}
