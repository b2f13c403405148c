use std::sync::Arc;

use crate::sim::attackers::{Branches, EveryFork};
use crate::sim::checks::{all, block_at};
use crate::sim::{Latency, Micros, Options, Sim};
use crate::spec::{Spec, find};
use crate::types::{Address, Amount};

/// Miners who stake, on lines so long that blocks of work fork. Node 0 signs on every branch, or stakes like the others.
fn run(seed: u64, every: bool) -> (Vec<Address>, Amount, Address) {
    let spec = Spec::parse("hybrid-dev", find("hybrid-dev").unwrap()).unwrap();
    let mut options = Options::seated(seed, spec, 4, 16);
    options.link.latency = Latency::Constant(Micros::millis(1500));
    let stake = options.nodes[0].stake.clone().unwrap();
    let owner = *stake.owners.first().unwrap();
    if every {
        let spec = &options.spec;
        let rules = spec.consensus().pos().unwrap().rules(spec.genesis_id(), spec);
        options.nodes[0].stake = None;
        options.nodes[0].decorate = Some(Arc::new(move |engine| {
            EveryFork::around(engine, rules.clone(), stake.clone(), Branches::Every(4))
        }));
    }
    let checks = all(&options.spec, true);
    let mut sim = Sim::watched(options, checks).unwrap();
    sim.run(Micros::seconds(400));
    assert!(sim.violations().is_empty(), "{seed}: {:?}", sim.violations());
    let replica = sim.replica(3).unwrap();
    let mut proven = Vec::new();
    let mut at = replica.tree().head().id;
    while let Some(block) = block_at(replica, &at) {
        for evidence in &block.body.evidence {
            if let crate::types::Evidence::Headers { key, .. } = evidence {
                proven.push(Address::of(key));
            }
        }
        at = block.header.parent;
    }
    (proven, replica.tree().head().state.supply().unwrap().burned, owner)
}

/// Branches that parted by blocks of work have one stake modifier: who signs on both is proven to, and pays with its coins.
/// Whoever stakes on the best branch alone is never accused.
#[test]
fn who_signs_on_branches_that_parted_by_work_is_punished() {
    let mut proofs = 0;
    for seed in 0..4 {
        let (proven, burned, owner) = run(seed, true);
        assert!(proven.iter().all(|by| *by == owner), "{seed}: {proven:?}");
        assert_eq!(proven.is_empty(), burned == Amount(0), "{seed}");
        proofs += proven.len();
        let (proven, burned, _) = run(seed, false);
        assert_eq!((proven.len(), burned), (0, Amount(0)), "{seed}");
    }
    println!("{proofs} proofs");
    assert!(proofs > 2, "{proofs}");
}
