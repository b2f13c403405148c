//! What the engine signs, and what it never does.

use super::super::engine::signed_record;
use super::bench::{Bench, LAUNCH, who};
use super::*;
use crate::consensus::{Action, Context, Engine, Event, Outbox, Record, Report, Seat, Timer};
use crate::mempool::Mempool;
use crate::types::testkit::key;
use crate::types::{Block, Claim, Height};

/// An engine on a bench, with what it keeps.
struct Desk {
    bench: Bench,
    engine: DposEngine,
    saved: Vec<(Record, Vec<u8>)>,
    now: Time,
    behind: bool,
}

impl Desk {
    fn of(bench: Bench, person: Option<u8>) -> Self {
        let seat = Seat { key: person.map(key), ..Seat::default() };
        let engine = DposEngine::new(bench.rules.clone(), &seat);
        Self { bench, engine, saved: Vec::new(), now: Time(LAUNCH), behind: false }
    }

    fn tell(&mut self, event: Event) -> Vec<Action> {
        let pool = Mempool::new(self.bench.tree.params().clone(), 100_000);
        let cx =
            Context { now: self.now, tree: &self.bench.tree, pool: &pool, behind: self.behind };
        let mut out = Outbox::default();
        self.engine.handle(event, &cx, &mut out);
        let actions = out.take();
        for action in &actions {
            if let Action::Persist { record, bytes } = action {
                self.saved = vec![(record.clone(), bytes.clone())];
            }
        }
        actions
    }

    fn start(&mut self) -> Vec<Action> {
        let saved = self.saved.clone();
        self.tell(Event::Start { saved })
    }

    /// A new process of the same delegate.
    fn restart(&mut self, person: u8) -> Vec<Action> {
        let seat = Seat { key: Some(key(person)), ..Seat::default() };
        self.engine = DposEngine::new(self.bench.rules.clone(), &seat);
        self.start()
    }

    /// The beginning of a slot.
    fn at(&mut self, slot: u64) -> Vec<Action> {
        self.now = self.bench.params().start_of(slot);
        self.tell(Event::Elapsed(Timer::Own(0)))
    }
}

fn made(actions: &[Action]) -> Option<&Block> {
    actions.iter().find_map(|action| match action {
        Action::Import { block, .. } => Some(&**block),
        _ => None,
    })
}

fn wake(actions: &[Action]) -> Option<Time> {
    actions.iter().find_map(|action| match action {
        Action::SetTimer { at, .. } => Some(*at),
        _ => None,
    })
}

/// Whom the first slot belongs to.
fn first() -> u8 {
    let bench = Bench::new();
    (1..=4).find(|person| who(*person) == bench.due(bench.head(), 1)).unwrap()
}

#[test]
fn it_signs_at_the_start_of_its_slot_and_keeps_it_before_it_speaks() {
    let mut desk = Desk::of(Bench::new(), Some(first()));
    let slot = desk.bench.params().start_of(1);
    assert_eq!(wake(&desk.start()), Some(slot));
    let actions = desk.at(1);
    let [
        Action::Persist { .. },
        Action::Report(Report::Drafted { block, transactions: 0 }),
        Action::Import { .. },
        Action::Announce(announced),
    ] = &actions[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!(block, announced);
    let block = made(&actions).unwrap().clone();
    assert_eq!((block.header.time, block.header.producer), (slot, who(first())));
    assert_eq!(desk.bench.verdict(&block), "nothing");
    desk.bench.import(block).unwrap();
}

#[test]
fn it_signs_no_slot_twice_not_even_after_a_restart() {
    let mut desk = Desk::of(Bench::new(), Some(first()));
    desk.start();
    assert!(made(&desk.at(1)).is_some());
    // Its block is lost: the tree is as before.
    for _ in 0..3 {
        assert!(made(&desk.at(1)).is_none());
        let again = desk.restart(first());
        assert!(made(&again).is_none());
        assert!(wake(&again).unwrap() > desk.now);
    }
    assert_eq!(desk.saved[0].0, signed_record());
}

#[test]
fn it_signs_no_earlier_slot_when_its_clock_goes_back() {
    let mut desk = Desk::of(Bench::new(), Some(first()));
    desk.start();
    // Far later, in a slot of its own.
    let slot =
        (41..=44).find(|slot| desk.bench.due(desk.bench.head(), *slot) == who(first())).unwrap();
    assert!(made(&desk.at(slot)).is_some());
    for slot in 1..slot {
        assert!(made(&desk.at(slot)).is_none(), "slot {slot}");
    }
}

/// The greatest height that it ever signed at is in each claim, whichever branch it is on.
#[test]
fn its_prior_is_true_on_every_branch() {
    let me = first();
    let mut bench = Bench::new();
    bench.run_to(12);
    let mut desk = Desk::of(bench, Some(me));
    desk.start();
    let mine = (13..=16).find(|slot| desk.bench.due(desk.bench.head(), *slot) == who(me)).unwrap();
    let block = made(&desk.at(mine)).unwrap().clone();
    let height = block.header.height;
    assert_eq!(height, Height(13));
    // Another process on a shorter branch: the one of a chain that has only come to slot 5.
    let mut other = Desk::of(Bench::new(), Some(me));
    other.bench.run_to(5);
    other.saved = desk.saved.clone();
    other.start();
    let head = other.bench.head();
    let later =
        (mine + 1..=mine + 8).find(|slot| other.bench.due(head, *slot) == who(me) && slot > &mine);
    let later = later.unwrap();
    let actions = other.at(later);
    let block = made(&actions).unwrap();
    let Claim::Slot { prior, .. } = block.header.claim else { unreachable!() };
    assert_eq!((block.header.height, prior), (Height(6), height));
    assert_eq!(other.bench.verdict(block), "nothing");
}

#[test]
fn it_keeps_silent_when_what_it_promised_cannot_be_read() {
    let mut desk = Desk::of(Bench::new(), Some(first()));
    desk.saved = vec![(signed_record(), b"?".to_vec())];
    let actions = desk.start();
    assert!(
        matches!(&actions[..], [Action::Report(Report::Unreadable { record })] if record == "dpos/signed")
    );
    for slot in 1..=40 {
        assert!(desk.at(slot).is_empty());
    }
}

#[test]
fn without_a_key_or_a_seat_it_is_silent() {
    for person in [None, Some(5)] {
        let mut desk = Desk::of(Bench::new(), person);
        desk.start();
        for slot in 1..=40 {
            assert!(made(&desk.at(slot)).is_none());
        }
    }
}

/// Whoever knows that a better branch is on its way waits for it, but not beyond its slot.
#[test]
fn it_waits_while_it_is_behind() {
    let mut desk = Desk::of(Bench::new(), Some(first()));
    desk.behind = true;
    desk.start();
    let actions = desk.at(1);
    assert!(made(&actions).is_none());
    let again = wake(&actions).unwrap();
    assert!(again > desk.now && again < desk.bench.params().start_of(2));
    desk.behind = false;
    desk.now = again;
    assert!(made(&desk.tell(Event::Elapsed(Timer::Own(0)))).is_some());
}

/// A whole chain by engines alone.
#[test]
fn engines_make_a_block_in_each_slot_and_finalise_them() {
    let mut bench = Bench::new();
    let mut desks: Vec<(DposEngine, u8)> = (1..=4)
        .map(|person| {
            let seat = Seat { key: Some(key(person)), ..Seat::default() };
            (DposEngine::new(bench.rules.clone(), &seat), person)
        })
        .collect();
    let pool = Mempool::new(bench.tree.params().clone(), 100_000);
    for slot in 1..=40 {
        let mut blocks = Vec::new();
        for (engine, _) in &mut desks {
            let now = bench.params().start_of(slot);
            let cx = Context { now, tree: &bench.tree, pool: &pool, behind: false };
            let mut out = Outbox::default();
            let event = if slot == 1 {
                Event::Start { saved: vec![] }
            } else {
                Event::Elapsed(Timer::Own(0))
            };
            engine.handle(event, &cx, &mut out);
            blocks.extend(made(&out.take()).cloned());
        }
        assert_eq!(blocks.len(), 1, "slot {slot}");
        bench.import(blocks.remove(0)).unwrap();
    }
    assert!(bench.final_height() > Height(28), "{}", bench.final_height());
}
