//! How long a payment waits on a chain of delegates in slots: for blocks on top of its own, and for finality.
//!
//! Whole nodes play here, one for each delegate: real blocks and signatures, and a network with latencies. Theory is the same
//! count without a network ([`ideal`]): nobody misses a slot, each delegate is due once a round in an order as good as any, and
//! a vote is known when its block is made. What lies between the two is what the network costs.

use std::collections::BTreeSet;

use super::super::stake::chain_of;
use crate::consensus::implied::{FinalityRule, Voted, Votes};
use crate::sim::host::BEGIN;
use crate::sim::options::LAUNCH;
use crate::sim::random::Dice;
use crate::sim::{Latency, Micros, Options, Sim, Topology};
use crate::spec::{Consensus, DposSpec, Spec, find};
use crate::types::{Address, Height, Keypair};

/// What a run came to, in seconds where nothing else is said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Waits {
    /// Between two blocks, on average.
    pub interval: f64,
    /// From a block to the one so many above it, on average, for each number that was asked for.
    pub deep: Vec<f64>,
    /// From a block to its being final at a node, on average,
    pub last: f64,
    /// and in slots.
    pub slots: f64,
    /// Slots without a block.
    pub missed: u64,
}

/// The delegates of a shipped chain.
///
/// # Panics
///
/// If it has none.
pub fn shipped(name: &str) -> (Spec, DposSpec) {
    let spec = Spec::parse(name, find(name).expect("it is shipped")).expect("a test reads it");
    match spec.consensus().clone() {
        Consensus::Dpos(dpos) => (spec, dpos),
        _ => panic!("{name} has no delegates"),
    }
}

/// Runs a shipped chain for so many slots, with a node for each delegate but the last `absent` ones.
///
/// # Panics
///
/// If the chain has no delegates.
pub fn run(name: &str, absent: usize, slots: u64, depths: &[usize], seed: u64) -> Waits {
    let (_, dpos) = shipped(name);
    // The keys are everybody's, so secrets and orders follow from the chain alone: each seed has one of its own.
    let text = find(name).expect("it is shipped");
    let text = text.replace(&format!("name = {name:?}"), &format!("name = \"{name}-{seed}\""));
    let spec = Spec::parse(name, &text).expect("only its name differs");
    let nodes = dpos.founders.iter().len() - absent;
    let slot = dpos.slot_time.0;
    let mut options = Options::seated(seed, spec, nodes, 16);
    options.topology = Topology::Random { outbound: 4 };
    options.link.latency = Latency::LogNormal { median: Micros::millis(80), sigma: 0.5 };
    let mut sim = Sim::new(options).expect("a network of delegates");
    // When each height was final at the first node, to a quarter of a slot.
    let mut finals: Vec<f64> = Vec::new();
    for quarter in 1..=slots * 4 {
        sim.run(Micros::millis(slot / 4));
        let root = sim.replica(0).map_or(0, |replica| replica.tree().root().height().0);
        // There are few blocks.
        finals.resize(finals.len().max(root as usize), seconds(BEGIN.0 + quarter * slot / 4));
    }
    let chain = chain_of(&sim, 0);
    let times: Vec<f64> = chain.iter().map(|it| seconds(it.header.time.0 - LAUNCH.0)).collect();
    let wait = |deep: usize| average(times.iter().skip(deep).zip(&times).map(|(top, it)| top - it));
    // The first round has nobody's votes below it.
    let settled = finals.iter().zip(&times).skip(nodes);
    let last = average(settled.map(|(at, made)| at - made));
    Waits {
        interval: wait(1),
        deep: depths.iter().map(|deep| wait(*deep)).collect(),
        last,
        slots: last / seconds(slot),
        missed: slots.saturating_sub(chain.len() as u64), // a length fits 64 bits
    }
}

fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, number) = values.fold((0.0, 0.0), |(sum, number), value| (sum + value, number + 1.0));
    sum / number
}

/// Slots from a block to its being final where so many delegates miss none, on average over so many rounds.
pub fn ideal(delegates: usize, rule: FinalityRule, rounds: u64, seed: u64) -> f64 {
    let mut dice = Dice::new(seed, "waits");
    let mut order: Vec<Address> = (0..delegates).map(address).collect();
    let set: BTreeSet<Address> = order.iter().copied().collect();
    let mut signed = vec![Height(0); delegates];
    let place = |of: &Address| set.iter().position(|other| other == of).expect("one of them");
    let (mut votes, mut height, mut waited, mut settled) = (Votes::default(), Height(0), 0, 0);
    for _ in 0..rounds {
        dice.shuffle(&mut order);
        for producer in order.clone() {
            height = height.next();
            let before = votes.final_height();
            let prior = std::mem::replace(&mut signed[place(&producer)], height);
            votes.push(&rule, Voted { height, producer, prior }, &set);
            for at in (before.0 + 1..=votes.final_height().0).filter(|at| *at > delegates as u64) {
                waited += height.0 - at;
                settled += 1;
            }
        }
    }
    waited as f64 / settled as f64
}

fn address(number: usize) -> Address {
    let mut secret = [3; 32];
    secret[..8].copy_from_slice(&number.to_le_bytes());
    Keypair::from_secret(&secret).address()
}
