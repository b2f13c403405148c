//! Authorities under Multi-Paxos in the simulator.

use super::super::swarm::swarm;
use super::super::{Micros, Sim};
use super::raft::options;

#[test]
fn five_authorities_make_blocks_and_agree() {
    let mut sim = Sim::new(options(1, "paxos-dev", 5)).unwrap();
    sim.run(Micros::seconds(60));
    let heights: Vec<_> = (0..5).map(|node| sim.height(node).unwrap().0).collect();
    assert!(heights.iter().all(|height| *height >= 10), "{heights:?}");
    assert!(sim.agree(), "{heights:?}");
}

#[test]
fn swarms_find_nothing() {
    for seed in 0..40 {
        let outcome = swarm("paxos", seed).unwrap_or_else(|failure| panic!("{failure}"));
        println!("{seed}: {} events, height {}", outcome.events, outcome.height);
    }
}
