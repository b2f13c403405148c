//! When what votes decide takes effect.

use super::bench::{Bench, register, vote_for, who};
use super::*;
use crate::types::{Height, Operation};
use std::collections::BTreeSet;

/// The delegates in force in the slot after the head's.
fn members(bench: &Bench) -> BTreeSet<Address> {
    let slot = bench.slot(bench.head()) + 1;
    bench.rules.round(&bench.head().state, slot).unwrap().members()
}

/// Person 5 stands, and more coins are behind it than behind person 4.
fn candidate() -> Bench {
    let mut bench = Bench::new();
    bench.run_to(4);
    bench.perform(5, register("eve"));
    bench.perform(5, vote_for(&[1, 2, 5]));
    let pay = bench.pay(4, &[(who(3), Amount(100_000_000))], None);
    bench.next(vec![pay]);
    bench
}

#[test]
fn a_round_begins_with_the_founders() {
    let bench = Bench::new();
    assert_eq!(members(&bench), (1..=4).map(who).collect());
    let mut turns: Vec<Address> = (1..=4).map(|slot| bench.due(bench.head(), slot)).collect();
    turns.sort_unstable();
    assert_eq!(turns, (1..=4).map(who).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
}

/// Each delegate has one slot in a round of as many slots as there are delegates.
#[test]
fn everybody_has_a_turn_in_each_round() {
    let mut bench = Bench::new();
    for round in 0..20 {
        let mut producers = BTreeSet::new();
        for slot in round * 4 + 1..=round * 4 + 4 {
            bench.block_at(slot, vec![]);
            producers.insert(bench.head().block.header.producer);
        }
        assert_eq!(producers.len(), 4);
    }
}

/// What is decided at a border is in force from the first border on at which the block that decided it is final.
#[test]
fn a_decision_takes_effect_at_the_first_border_after_it_is_final() {
    let mut bench = candidate();
    let old = members(&bench);
    let (mut decided, mut switched) = (None, None);
    while switched.is_none() {
        let slot = bench.slot(bench.head()) + 1;
        assert!(slot < 100, "it never takes effect");
        let is_border = bench.params().round_of(slot) != bench.params().round_of(slot - 1);
        let last_final = bench.final_height();
        let is_due = is_border && decided.is_some_and(|at: Height| at <= last_final);
        let now = members(&bench);
        assert_eq!(now.contains(&who(5)), is_due, "in slot {slot}");
        if is_due {
            switched = Some(slot);
            assert!(!now.contains(&who(4)) && now.len() == 4);
            continue;
        }
        assert_eq!(now, old);
        bench.next(vec![]);
        if is_border && decided.is_none() {
            decided = Some(bench.head().height());
        }
    }
    println!("decided at {decided:?}, in force from slot {switched:?} on");
    let round = bench.params().round_of(switched.unwrap());
    assert_eq!(bench.params().first_slot(round), switched.unwrap());
    bench.run_to(switched.unwrap() + 15);
    assert_eq!(bench.delegate(5).unwrap().produced, 4);
}

/// Two of four make no quorum: nothing is final, and so nobody comes or goes.
#[test]
fn nothing_decided_takes_effect_while_finality_stands_still() {
    let mut bench = candidate();
    let old = members(&bench);
    bench.run_without(120, &[1, 2]);
    assert_eq!(members(&bench), old);
    let stood = bench.final_height();
    bench.run_to(140);
    assert!(bench.final_height() > stood);
    assert!(members(&bench).contains(&who(5)), "and then it does");
}

/// A new delegate gains no vote for what is below it: what it signs counts from its first height on.
#[test]
fn finality_goes_on_across_a_change() {
    let mut bench = candidate();
    let mut last = Height(0);
    for _ in 0..60 {
        bench.next(vec![]);
        let now = bench.final_height();
        assert!(now >= last && now.0 + 12 > bench.head().height().0);
        last = now;
    }
    assert!(members(&bench).contains(&who(5)));
}

#[test]
fn whoever_resigns_leaves_the_schedule_and_a_lighter_one_moves_up() {
    let mut bench = Bench::new();
    bench.perform(5, register("eve"));
    bench.perform(1, Operation::ResignDelegate);
    bench.run_to(24);
    assert_eq!(members(&bench), (2..=5).map(who).collect());
}

/// Equal weights are ranked by address.
#[test]
fn of_equals_the_one_with_the_lower_address_is_in() {
    let mut bench = Bench::with(|params| params.seats = 2);
    let mut all: Vec<Address> = (1..=4).map(who).collect();
    all.sort_unstable();
    all.truncate(2);
    assert_eq!(members(&bench), all.iter().copied().collect());
    // Whoever makes blocks earns, so its lead grows.
    bench.run_to(20);
    assert_eq!(members(&bench), all.into_iter().collect());
}

#[test]
fn every_shuffle_gives_everybody_a_turn() {
    for shuffle in [Shuffle::Graphene, Shuffle::Ark, Shuffle::Assay] {
        let mut bench = Bench::with(|params| params.shuffle = shuffle);
        bench.perform(5, register("eve"));
        bench.perform(5, vote_for(&[5, 1]));
        bench.run_to(60);
        let produced: u64 = (1..=5).map(|person| bench.delegate(person).unwrap().produced).sum();
        assert_eq!(produced, 60, "{shuffle:?}");
        assert!(bench.final_height() > Height(45), "{shuffle:?}");
    }
}
