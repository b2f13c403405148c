//! Stakers in the simulator, with and without miners beside them.

use std::sync::Arc;

use super::super::attackers::Censor;
use super::super::checks::{all, block_at};
use super::super::load::Load;
use super::super::swarm::{draw, run, swarm};
use super::super::{Micros, Moment, Options, Sim};
use crate::spec::{DevAccount, Spec, find};
use crate::types::{Address, Amount, Evidence, Height, Kind};

pub(super) fn options(seed: u64, name: &str, nodes: usize) -> Options {
    let spec = Spec::parse(name, find(name).unwrap()).unwrap();
    Options::seated(seed, spec, nodes, 16)
}

/// Two nodes stake the same coins, each without the other's knowledge: one with the pool, one without. The others are
/// honest.
fn twins(seed: u64, name: &str) -> Options {
    let mut options = options(seed, name, 7);
    options.nodes[1].stake = options.nodes[0].stake.clone();
    let everybody: Vec<Address> = DevAccount::all().map(DevAccount::address).collect();
    options.nodes[0].decorate = Some(Arc::new(|engine| engine));
    options.nodes[1].decorate =
        Some(Arc::new(move |engine| Censor::around(engine, everybody.clone())));
    options
}

/// Evidence on a node's whole branch, with the heights of the offence and of the block that proves it.
fn proven(sim: &Sim, node: usize) -> Vec<(Address, Height, Height)> {
    let replica = sim.replica(node).unwrap();
    let mut proven = Vec::new();
    let mut at = replica.tree().head().id;
    while let Some(block) = block_at(replica, &at) {
        for evidence in &block.body.evidence {
            let Evidence::Headers { key, first, second } = evidence else { continue };
            let of = first.0.height.max(second.0.height);
            proven.push((Address::of(key), of, block.header.height));
        }
        at = block.header.parent;
    }
    proven
}

/// Whoever seals two blocks with one coin in one second loses the coin within five blocks, and the network stays one.
#[test]
fn two_seals_of_one_coin_and_second_are_proven_and_burn_the_coin() {
    let mut proofs = 0;
    for (name, seeds) in [("pos-dev", 0..6), ("hybrid-dev", 6..8)] {
        for seed in seeds {
            let options = twins(seed, name);
            let checks = all(&options.spec, false);
            let mut sim = Sim::watched(options, checks).unwrap();
            let mut load = Load::new(seed, 1.0, Moment(0));
            load.pay_until(&mut sim, Moment(0).after(Micros::seconds(300)));
            sim.run(Micros::seconds(30));
            let violations = sim.violations();
            assert!(violations.is_empty(), "{name} {seed}: {violations:?}");
            // A block may be on its way at any moment, and two of one rank wait for the next.
            let agrees =
                sim.run_while(Micros::seconds(60), Micros::millis(100), |sim| !sim.agree());
            assert!(agrees, "{name} {seed}");
            let owner = *sim.options().nodes[0].stake.as_ref().unwrap().owners.first().unwrap();
            let proven = proven(&sim, 3);
            for (by, of, at) in &proven {
                assert_eq!(*by, owner, "{name} {seed}");
                assert!(at.0 <= of.0 + 5, "{name} {seed}: an offence of {of} is proven at {at}");
            }
            let burned = sim.replica(3).unwrap().tree().head().state.supply().unwrap().burned;
            assert_eq!(burned == Amount(0), proven.is_empty(), "{name} {seed}");
            proofs += proven.len();
        }
    }
    assert!(proofs > 3, "{proofs}");
}

/// Blocks of a kind on a node's branch.
fn blocks(sim: &Sim, node: usize, kind: Kind) -> usize {
    let tree = sim.replica(node).unwrap().tree();
    let branch = tree.branch().values().filter_map(|id| tree.get(id));
    branch.filter(|node| node.block.header.claim.kind() == kind).count()
}

#[test]
fn four_stakers_make_blocks_and_agree() {
    let mut sim = Sim::new(options(1, "pos-dev", 4)).unwrap();
    sim.run(Micros::seconds(600));
    let heights: Vec<_> = (0..4).map(|node| sim.height(node).unwrap().0).collect();
    // Two minutes of 5 s and a little less than that: 120 blocks in ten.
    assert!(heights.iter().all(|height| (80..=170).contains(height)), "{heights:?}");
    assert!(sim.agree(), "{heights:?}");
}

#[test]
fn work_and_stake_take_turns() {
    let mut sim = Sim::new(options(2, "hybrid-dev", 4)).unwrap();
    sim.run(Micros::seconds(280));
    let (work, stake) = (blocks(&sim, 0, Kind::Work), blocks(&sim, 0, Kind::Stake));
    assert!(work >= 5 && stake >= 5, "{work} by work, {stake} by stake");
    assert!(sim.agree());
}

#[test]
fn swarms_find_nothing() {
    for engine in ["pos", "hybrid"] {
        for seed in 0..20 {
            let outcome = swarm(engine, seed).unwrap_or_else(|failure| panic!("{failure}"));
            println!("{engine} {seed}: {} events, height {}", outcome.events, outcome.height);
        }
    }
}

#[test]
fn a_seed_is_one_history() {
    for engine in ["pos", "hybrid"] {
        let (first, second) = (draw(engine, 3), draw(engine, 3));
        assert_eq!(run(&first).digest, run(&second).digest);
    }
}
