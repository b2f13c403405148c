//! Each checker can fail.

use super::super::faults::{Driver, Fault, Timed};
use super::super::load::Load;
use super::super::time::{Micros, Moment};
use super::super::{Options, Sim, operator};
use super::*;
use crate::replica::Peer;
use crate::spec::{Spec, find};
use crate::types::{Hash, StateRoot, TransactionId};

fn options(seed: u64, text: &str) -> Options {
    println!("seed {seed}");
    Options::miners(seed, Spec::parse("test", text).unwrap(), 3, 24)
}

fn text() -> &'static str {
    find("pow-dev").unwrap()
}

/// A run with payments and a crash, watched by these; gives who objected.
fn objections(options: Options, watchers: Vec<Box<dyn Watch>>, cut: u64) -> Vec<&'static str> {
    let load = Load::new(options.seed, 2.0, Moment(0));
    let mut sim = Sim::watched(options, watchers).unwrap();
    let crash = Fault::Crash { node: 2, outputs: None };
    let cut_off = Fault::Cut { nodes: vec![0], one_way: false };
    let script = vec![
        Timed { at: Moment(10_000_000), lasts: Micros::seconds(5), fault: crash },
        Timed { at: Moment(20_000_000), lasts: Micros::seconds(cut), fault: cut_off },
    ];
    Driver::new(&mut sim, script, Some(load)).run_until(Moment(200_000_000));
    sim.look();
    sim.violations().iter().map(|violation| violation.watcher).collect()
}

#[test]
fn nobody_objects_to_a_good_run() {
    let options = options(1, text());
    let watchers = all(&options.spec, false);
    assert_eq!(objections(options, watchers, 6), Vec::<&str>::new());
}

#[test]
fn agreement_is_violated_where_a_side_is_cut_off_for_too_long() {
    let options = options(2, text());
    let watchers = all(&options.spec, false);
    let objections = objections(options, watchers, 170);
    assert!(!objections.is_empty() && objections.iter().all(|it| *it == "agreement"));
}

/// Books of a chain whose rules are stricter object to what this chain allows.
#[test]
fn validity_is_judged_by_books_of_its_own() {
    let options = options(3, text());
    let mut validity = Validity::new(&options.spec);
    validity.fee_per_byte += 1000;
    assert!(objections(options, vec![Box::new(validity)], 5).contains(&"validity"));
}

#[test]
fn the_supply_is_counted() {
    let options = options(4, text());
    let mut supply = SupplyIdentity::new(&options.spec);
    supply.genesis += 1;
    assert!(objections(options, vec![Box::new(supply)], 5).contains(&"supply identity"));
}

/// What a node would have to say to be objected to, said for it.
#[test]
fn words_that_no_correct_node_says_are_objected_to() {
    let mut sim = Sim::new(options(5, text())).unwrap();
    sim.run(Micros::seconds(100));
    let scene = sim.scene();
    let replica = scene.replica(0).unwrap();
    let (head, root) = (replica.tree().head(), replica.tree().root());

    let ban = Output::Ban { peer: Peer(1), reason: "why not".into() };
    assert!(Honour::default().performs(&scene, 0, &ban).is_err());
    let stranger = Output::Ban { peer: Peer(99), reason: "who is that".into() };
    assert!(Honour::default().performs(&scene, 0, &stranger).is_ok());

    let last = |height, id| Output::Report(Report::Final { height, id, receipts: Vec::new() });
    let mut prefixes = ConsistentPrefixes::default();
    let below = final_at(replica.store(), root.height().back(1)).unwrap();
    assert!(prefixes.performs(&scene, 0, &last(root.height().back(1), below)).is_ok());
    assert!(prefixes.performs(&scene, 0, &last(root.height(), root.id)).is_ok());
    assert!(prefixes.performs(&scene, 0, &last(root.height(), root.id)).is_err(), "no step");
    assert!(prefixes.performs(&scene, 0, &last(head.height(), head.id)).is_err(), "not on disk");
    assert!(prefixes.started(&scene, 0).is_err(), "behind what was said");

    let mut durability = Durability::new(&scene.options().spec);
    let promise = TransactionId(Hash([7; 32]));
    let submitted = Output::Submitted { ticket: 1, results: vec![Ok(promise)] };
    assert!(durability.performs(&scene, 0, &submitted).is_ok());
    assert!(durability.started(&scene, 0).is_err(), "a promise that is nowhere on the disk");

    let mut supply = SupplyIdentity::new(&scene.options().spec);
    let counts = last(root.height(), root.id);
    assert_eq!(supply.performs(&scene, 0, &counts), Ok(()), "its head is not known yet");
    supply.issued.insert(head.id, head.height(), 0);
    assert!(supply.performs(&scene, 0, &counts).is_err(), "rewards that nobody is known to own");
    supply.owners.extend((0..3).map(|node| operator(node).address()));
    supply.counted = Height(0);
    assert_eq!(supply.performs(&scene, 0, &counts), Ok(()));

    let mut roots = StateRoots::default();
    assert!(roots.started(&scene, 0).is_ok() && roots.started(&scene, 1).is_ok());
    roots.roots.insert(head.id, head.height(), StateRoot(Hash([7; 32])));
    assert!(roots.started(&scene, 0).is_err());
}
