//! Whole authorities in the simulator.

use super::super::swarm::{draw, run, swarm};
use super::super::{Micros, Options, Sim};
use crate::spec::{Spec, find};

pub(super) fn options(seed: u64, name: &str, nodes: usize) -> Options {
    let spec = Spec::parse(name, find(name).unwrap()).unwrap();
    Options::seated(seed, spec, nodes, 16)
}

#[test]
fn five_authorities_make_blocks_and_agree() {
    let mut sim = Sim::new(options(1, "raft-dev", 5)).unwrap();
    sim.run(Micros::seconds(60));
    let heights: Vec<_> = (0..5).map(|node| sim.height(node).unwrap().0).collect();
    assert!(heights.iter().all(|height| *height >= 10), "{heights:?}");
    assert!(sim.agree(), "{heights:?}");
}

#[test]
fn swarms_find_nothing() {
    for seed in 0..40 {
        let outcome = swarm("raft", seed).unwrap_or_else(|failure| panic!("{failure}"));
        println!("{seed}: {} events, height {}", outcome.events, outcome.height);
    }
}

#[test]
fn a_seed_is_one_history() {
    let (first, second) = (draw("raft", 3), draw("raft", 3));
    assert_eq!(run(&first).digest, run(&second).digest);
}

/// A node that catches up reports blocks when it is further already: what they pay is known only then.
#[test]
fn a_seed_that_failed_once_does_not_fail_again() {
    swarm("raft", 163).unwrap_or_else(|failure| panic!("{failure}"));
}
