//! Planted bugs: each is found by a checker in a range of the swarm's seeds, which finds nothing without it.

use std::ops::Range;

use super::swarm::{draw, run};
use crate::types::canary::{Bug, plant};

/// The bug, the checker that finds it, and the seeds in which it does.
const CANARIES: [(Bug, &str, Range<u64>); 6] = [
    (Bug::FeesTwice, "supply identity", 22..26),
    (Bug::MedianOneBelow, "validity", 4..8),
    (Bug::FinalUnsynced, "consistent prefixes", 4..8),
    (Bug::AcceptedUnsynced, "durability", 14..18),
    (Bug::AnnouncedUnsynced, "durability", 4..8),
    (Bug::NeverCatchesUp, "agreement", 0..4),
];

#[test]
fn every_planted_bug_is_found() {
    for (bug, checker, seeds) in CANARIES {
        let planted = plant(bug);
        let mut found = seeds.clone().flat_map(|seed| run(&draw(seed)).violations);
        assert!(found.any(|violation| violation.watcher == checker), "{bug:?} in {seeds:?}");
        drop(planted);
        for seed in seeds {
            let violations = run(&draw(seed)).violations;
            assert!(violations.is_empty(), "seed {seed} without {bug:?}: {violations:?}");
        }
    }
}
