//! Authorities in turn in the simulator.

use std::sync::Arc;

use super::super::attackers::Equivocate;
use super::super::checks::{all, block_at};
use super::super::swarm::{draw, run, swarm};
use super::super::{Micros, Options, Sim};
use crate::consensus::Seat;
use crate::spec::{Spec, find};
use crate::types::{Address, Evidence};

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

/// An authority that seals two blocks whenever it signs is told of, and nobody else is; the others agree and go on.
#[test]
fn an_authority_that_seals_two_blocks_of_one_height_is_told_of() {
    let mut told = 0;
    for seed in 0..4 {
        let mut options = options(seed, "poa-dev", 4);
        let (spec, key) = (options.spec.clone(), options.nodes[0].key.clone());
        let author = key.as_ref().unwrap().address();
        let twin = move || spec.engine(&Seat { key: key.clone(), ..Seat::default() });
        options.nodes[0].decorate =
            Some(Arc::new(move |engine| Equivocate::around(engine, twin(), [])));
        let checks = all(&options.spec, false);
        let mut sim = Sim::watched(options, checks).unwrap();
        sim.run(Micros::seconds(120));
        assert!(sim.run_while(Micros::seconds(30), Micros::millis(50), |sim| !sim.agree()));
        assert!(sim.violations().is_empty(), "{seed}: {:?}", sim.violations());
        let replica = sim.replica(1).unwrap();
        let (mut at, mut by) = (replica.tree().head().id, Vec::new());
        while let Some(block) = block_at(replica, &at) {
            for evidence in &block.body.evidence {
                let Evidence::Headers { key, .. } = evidence else { continue };
                by.push(Address::of(key));
            }
            at = block.header.parent;
        }
        assert!(by.iter().all(|by| *by == author), "{seed}: {by:?}");
        assert!(replica.tree().head().height().0 > 90, "{seed}");
        told += by.len();
    }
    println!("{told} times");
    assert!(told > 20, "{told}");
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

/// Whoever's clock was three seconds behind another's took in every block too late to be on the head that others had.
#[test]
fn seeds_that_failed_once_do_not_fail_again() {
    for seed in [54, 1680, 1689, 2942, 3323, 4362, 5544] {
        swarm("poa", seed).unwrap_or_else(|failure| panic!("{failure}"));
    }
}
