//! Delegates in slots in the simulator.

use std::sync::Arc;

use super::super::attackers::Equivocate;
use super::super::checks::{all, block_at};
use super::super::swarm::{draw, run, swarm};
use super::super::{Micros, Options, Sim};
use crate::consensus::Seat;
use crate::spec::{Spec, find};
use crate::types::{Address, Evidence};

fn options(seed: u64, nodes: usize) -> Options {
    let spec = Spec::parse("dpos-dev", find("dpos-dev").unwrap()).unwrap();
    Options::seated(seed, spec, nodes, 16)
}

#[test]
fn seven_delegates_make_a_block_in_each_slot_and_finalise_it() {
    let mut sim = Sim::new(options(1, 7)).unwrap();
    sim.run(Micros::millis(120_400));
    for node in 0..7 {
        let replica = sim.replica(node).unwrap();
        let (head, root) = (replica.tree().head().height(), replica.tree().root().height());
        assert!((118..=121).contains(&head.0), "{head}");
        assert!(root.0 + 16 > head.0, "{root} of {head} are final");
    }
    assert!(sim.agree());
}

/// A delegate that seals two blocks in its slots is told of, and nobody else is; the others agree and go on.
#[test]
fn a_delegate_that_seals_two_blocks_in_one_slot_loses_its_seat() {
    for seed in 0..4 {
        let mut options = options(seed, 7);
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
        let (mut at, mut by, mut last) = (replica.tree().head().id, Vec::new(), None);
        while let Some(block) = block_at(replica, &at) {
            for evidence in &block.body.evidence {
                let Evidence::Headers { key, .. } = evidence else { continue };
                by.push(Address::of(key));
            }
            if block.header.producer == author {
                last = last.max(Some(block.header.height));
            }
            at = block.header.parent;
        }
        assert!(!by.is_empty() && by.iter().all(|by| *by == author), "{seed}: {by:?}");
        assert!(replica.tree().head().height().0 > 90, "{seed}");
        assert!(last.is_some_and(|last| last.0 < 60), "{seed}: it still acts at {last:?}");
    }
}

#[test]
fn swarms_find_nothing() {
    for seed in 0..40 {
        let outcome = swarm("dpos", seed).unwrap_or_else(|failure| panic!("{failure}"));
        println!("{seed}: {} events, height {}", outcome.events, outcome.height);
    }
}

#[test]
fn a_seed_is_one_history() {
    let (first, second) = (draw("dpos", 3), draw("dpos", 3));
    assert_eq!(run(&first).digest, run(&second).digest);
}
