//! A crash at any moment forgets nothing that was acknowledged, and contradicts nothing that was signed.
//!
//! The list of outputs is cut before and behind every sync, and right behind everything that left the process; what was
//! staged since the last sync is lost in one run and there in the other. The node comes back from its store, is held to
//! what it said before, and the run goes on. What it said is compared over all its lives ([`super::watch`]).

use std::collections::BTreeSet;

use assay::replica::{Output, Report};

use super::progress::{confirmed, payment};
use super::subject::Subject;
use super::world::{Doom, Survives, World};

const SEATED: usize = 3;

/// The run that is cut: blocks of everybody, payments at the node that will die.
fn begin(world: &mut World<'_>, node: usize) {
    world.submit(node, vec![payment(world.subject, 4)]);
    world.until("four blocks", |world| (0..SEATED).any(|other| world.height(other).0 >= 4));
    world.submit(node, vec![payment(world.subject, 5)]);
    world.until("some are final", |world| world.nodes[node].watch.highest_final().0 >= 2);
}

/// Where to cut: before each output with one of these numbers.
fn cuts(outputs: &[Output]) -> BTreeSet<usize> {
    let leaves = |output: &Output| {
        matches!(
            output,
            Output::Sync
                | Output::Gossip(_)
                | Output::Send { .. }
                | Output::Broadcast(_)
                | Output::Submitted { .. }
                | Output::Answered { .. }
                | Output::Report(Report::Final { .. })
        )
    };
    let places = outputs.iter().enumerate().filter(|(_, output)| leaves(output));
    places.flat_map(|(place, _)| [place, place + 1]).collect()
}

/// The node among the seated ones that says most, of those that tell others of blocks.
fn talkative(world: &World<'_>) -> usize {
    let said = |node: &usize| {
        let node = &world.nodes[*node];
        (!node.watch.told.is_empty(), cuts(&node.outputs).len())
    };
    (0..SEATED).max_by_key(said).expect("somebody is seated")
}

pub fn check(subject: &Subject) {
    let mut whole = World::new(subject, 5, SEATED, 0);
    begin(&mut whole, 0);
    let node = talkative(&whole);
    let mut whole = World::new(subject, 5, SEATED, 0);
    begin(&mut whole, node);
    let cuts = cuts(&whole.nodes[node].outputs);
    assert!(cuts.len() > 20, "{} places to cut at", cuts.len());
    assert!(!whole.nodes[node].watch.told.is_empty(), "node {node} makes blocks");
    for at in cuts {
        for survives in [Survives::Nothing, Survives::Everything] {
            println!(
                "node {node} dies before output {at}; {survives:?} survives of what was staged"
            );
            let doom = Doom { at, survives };
            let mut world = World::doomed(subject, 5, SEATED, node, doom);
            begin(&mut world, node);
            world.until("the node is back", |world| world.nodes[node].life > 2 && world.all_up());
            world.go_on(2);
            let accepted = world.nodes[node].watch.accepted.clone();
            world.until("what was accepted is confirmed", |world| {
                accepted.iter().all(|id| confirmed(world, id))
            });
            for node in &world.nodes {
                let replica = node.replica.as_ref().expect("all are up");
                node.watch.contradicts_nothing(subject, node.seat, replica);
            }
        }
    }
}
