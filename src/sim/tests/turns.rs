//! Authorities in turn in the simulator.

use super::super::swarm::{draw, run, swarm};
use super::super::{Micros, Options, Sim};
use crate::spec::{Spec, find};

fn options(seed: u64, name: &str, nodes: usize) -> Options {
    let spec = Spec::parse(name, find(name).unwrap()).unwrap();
    Options::seated(seed, spec, nodes, 16)
}

#[test]
fn four_authorities_sign_a_block_a_second_and_finalise_it() {
    let mut sim = Sim::new(options(1, "poa-dev", 4)).unwrap();
    sim.run(Micros::millis(120_400));
    for node in 0..4 {
        let replica = sim.replica(node).unwrap();
        let (head, root) = (replica.tree().head().height(), replica.tree().root().height());
        assert!((100..=121).contains(&head.0), "{head}");
        assert!(root.0 + 8 > head.0, "{root} of {head} are final");
    }
    assert!(sim.agree());
}

#[test]
fn swarms_find_nothing() {
    for seed in 0..40 {
        let outcome = swarm("poa", seed).unwrap_or_else(|failure| panic!("{failure}"));
        println!("{seed}: {} events, height {}", outcome.events, outcome.height);
    }
}

#[test]
fn a_seed_is_one_history() {
    let (first, second) = (draw("poa", 3), draw("poa", 3));
    assert_eq!(run(&first).digest, run(&second).digest);
}
