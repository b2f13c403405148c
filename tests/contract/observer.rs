//! Who has no seat follows the chain and keeps silent.

use assay::replica::wire::Gossip;
use assay::replica::{Output, Report};
use assay::store::{Store, Table};

use super::progress::payment;
use super::subject::Subject;
use super::world::World;

/// Whether only somebody with a seat would do this.
pub fn speaks(output: &Output) -> bool {
    match output {
        Output::Gossip(Gossip::Announce(_))
        | Output::Search(_)
        | Output::Sign(_)
        | Output::Send { .. }
        | Output::Broadcast(_)
        | Output::Report(Report::Imported { own: true, .. }) => true,
        Output::Gossip(Gossip::Transactions(_))
        | Output::Sync
        | Output::Verdict { .. }
        | Output::Request { .. }
        | Output::Respond { .. }
        | Output::Verify { .. }
        | Output::StopSearch
        | Output::Submitted { .. }
        | Output::Answered { .. }
        | Output::Ban { .. }
        | Output::Blame { .. }
        | Output::Report(_) => false,
    }
}

pub fn check(subject: &Subject) {
    let mut world = World::new(subject, 9, 3, 2);
    world.until("three blocks", |world| world.height(4).0 >= 3);
    world.submit(3, vec![payment(subject, 4)]);
    world.go_on(6);
    for number in [3, 4] {
        let node = &world.nodes[number];
        let said: Vec<_> = node.outputs.iter().filter(|output| speaks(output)).collect();
        assert!(said.is_empty(), "observer {number} speaks: {said:?}");
        let records = node.store.scan(Table::Records, &[], &[], 1).unwrap();
        assert!(records.is_empty(), "observer {number} keeps records: {records:?}");
    }
    let seated = &world.nodes[..3];
    assert!(seated.iter().any(|node| node.outputs.iter().any(speaks)), "the others do speak");
}
