//! Authorities under PBFT in the simulator.

use super::super::checks::all;
use super::super::load::Load;
use super::super::swarm::swarm;
use super::super::{Micros, Moment, Options, Sim};
use super::canaries::{Objections, objections};
use crate::spec::{Spec, find};
use crate::types::{Claim, Seal};

#[test]
fn swarms_find_nothing() {
    for seed in 0..40 {
        let outcome = swarm("pbft", seed).unwrap_or_else(|failure| panic!("{failure}"));
        println!("{seed}: {} events, height {}", outcome.events, outcome.height);
    }
}

/// More is paid than blocks have room for, so payments wait many time-outs. A primary whose blocks are full of what pays as much
/// passes nobody over.
#[test]
fn a_backlog_alone_blames_no_primary() {
    let text = format!("{}\n[limits]\ntransactions_per_block = 1\n", find("pbft-dev").unwrap());
    let spec = Spec::parse("backlog", &text).unwrap();
    assert_eq!(spec.limits.transactions_per_block, 1);
    for seed in 1..3 {
        let options = Options::seated(seed, spec.clone(), 4, 16);
        let watchers = all(&options.spec, false);
        let mut sim = Sim::watched(options, watchers).unwrap();
        let until = Moment(0).after(Micros::seconds(40));
        Load::new(seed, 20.0, Moment(0).after(Micros::seconds(2))).pay_until(&mut sim, until);
        sim.run_until(until);
        let replica = sim.replica(0).unwrap();
        let head = replica.tree().head();
        let waiting = replica.pool().len();
        let view = match (&head.block.header.claim, &head.block.seal) {
            (Claim::Round { round: made }, Seal::Quorum { round, .. }) => (*made, *round),
            other => panic!("{other:?}"),
        };
        println!("seed {seed}: height {}, {waiting} are waiting", head.height());
        // Some six a second get through.
        assert!(head.height().0 >= 150, "{}", head.height());
        assert!(waiting >= 7 * 10, "{waiting} is no backlog of ten time-outs and more");
        assert_eq!(view, (0, 0), "the first view is the last");
        assert_eq!(objections(&mut sim), Objections::new());
    }
}
