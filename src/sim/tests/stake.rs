//! Stakers in the simulator, with and without miners beside them.

use super::super::swarm::{draw, run, swarm};
use super::super::{Micros, Options, Sim};
use crate::spec::{Spec, find};
use crate::types::Kind;

pub(super) fn options(seed: u64, name: &str, nodes: usize) -> Options {
    let spec = Spec::parse(name, find(name).unwrap()).unwrap();
    Options::seated(seed, spec, nodes, 16)
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
