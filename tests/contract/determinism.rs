//! The same inputs have the same outputs, byte for byte: nothing asks a clock, entropy, a thread, or a map without an
//! order.

use std::sync::Arc;

use assay::replica::{Input, Output, Replica};
use assay::store::{MemStore, Store, Table};
use assay::types::Time;

use super::progress::payment;
use super::subject::Subject;
use super::world::World;

/// A world in which something of everything happens.
fn eventful(subject: &Subject, seed: u64) -> World<'_> {
    let mut world = World::new(subject, seed, 3, 1);
    world.until("two blocks", |world| world.height(0).0 >= 2);
    world.submit(3, vec![payment(subject, 4)]);
    world.submit(1, vec![payment(subject, 5), payment(subject, 5)]);
    world.partition(&[&[0, 1, 3], &[2]]);
    let height = world.height(0).0;
    world.until("a block meanwhile", |world| {
        world.height(0).0 > height || world.now.since(subject.spec.genesis_time()).0 > 60_000
    });
    world.heal();
    world.go_on(3);
    world
}

pub fn check_worlds(subject: &Subject) {
    let digest = |seed| eventful(subject, seed).digest();
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2), "the digest covers what happened");
}

/// All that a store holds.
pub fn content(store: &MemStore) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let rows = |table| {
        let rows = store.scan(table, &[], &[], usize::MAX).unwrap();
        rows.into_iter().map(move |(key, value)| (table, key, value))
    };
    Table::ALL.into_iter().flat_map(rows).collect()
}

/// Tells a fresh replica what another was told: what it puts out, and what is in its store afterwards.
pub fn replay(
    subject: &Subject,
    seat: Option<usize>,
    trace: &(Time, Vec<(Time, Input)>),
) -> (Vec<Output>, Arc<MemStore>) {
    let store = Arc::new(MemStore::default());
    let mut replica = subject.open(seat, store.clone(), trace.0).unwrap();
    let mut outputs = replica.take_outputs();
    sync(&replica, &outputs);
    for (now, input) in &trace.1 {
        replica.handle(*now, input.clone());
        let more = replica.take_outputs();
        sync(&replica, &more);
        outputs.extend(more);
    }
    (outputs, store)
}

fn sync(replica: &Replica<MemStore>, outputs: &[Output]) {
    if outputs.contains(&Output::Sync) {
        replica.store().sync().unwrap();
    }
}

pub fn check_replicas(subject: &Subject) {
    let world = eventful(subject, 3);
    for (number, node) in world.nodes.iter().enumerate() {
        let (outputs, store) = replay(subject, node.seat, &node.trace);
        let enough = if node.seat.is_some() { 30 } else { 10 };
        assert!(outputs.len() > enough, "node {number} did {} things", outputs.len());
        for (place, (one, other)) in node.outputs.iter().zip(&outputs).enumerate() {
            let (one, other) = (format!("{one:?}"), format!("{other:?}"));
            assert_eq!(one, other, "output {place} of node {number}");
        }
        assert_eq!(node.outputs.len(), outputs.len(), "node {number}");
        assert_eq!(node.outputs, outputs, "node {number}");
        assert_eq!(content(&node.store), content(&store), "the store of node {number}");
    }
}
