//! Slots without blocks, and what they cost.

use super::bench::{Bench, vote_for, who};
use super::*;
use crate::types::{Height, Operation};

fn missed(bench: &Bench) -> u64 {
    (1..=4).map(|person| bench.delegate(person).unwrap().missed).sum()
}

#[test]
fn a_slot_without_a_block_counts_against_whose_it_was() {
    let mut bench = Bench::new();
    bench.run_to(6);
    assert_eq!(missed(&bench), 0);
    let absent = bench.due(bench.head(), 7);
    bench.block_at(8, vec![]);
    let found = delegate(&bench.head().state, &absent, bench.params()).unwrap().unwrap();
    assert_eq!((found.missed, found.missed_in_row, missed(&bench)), (1, 1, 1));
    assert_eq!(found.standing, Standing::Active);
    // Its next block clears what it missed in a row.
    while bench.head().block.header.producer != absent {
        bench.next(vec![]);
    }
    let found = delegate(&bench.head().state, &absent, bench.params()).unwrap().unwrap();
    assert_eq!((found.missed, found.missed_in_row), (1, 0));
}

#[test]
fn nothing_is_missed_before_the_first_block() {
    let mut bench = Bench::new();
    bench.block_at(3, vec![]);
    assert_eq!(missed(&bench), 0);
}

/// Slots across a border count by the turns of both rounds.
#[test]
fn slots_are_counted_across_a_border() {
    let mut bench = Bench::new();
    bench.run_to(6);
    let before: Vec<Address> = (7..=8).map(|slot| bench.due(bench.head(), slot)).collect();
    let after = bench.due(bench.head(), 9);
    bench.block_at(10, vec![]);
    for person in 1..=4 {
        let of = who(person);
        let due = before.iter().filter(|it| **it == of).count() + usize::from(after == of);
        // Whoever made the block at the end has missed none in a row any more.
        assert_eq!(bench.delegate(person).unwrap().missed, due as u64);
    }
    assert_eq!(missed(&bench), 3);
}

#[test]
fn a_gap_as_long_as_a_round_is_held_against_nobody() {
    let mut bench = Bench::new();
    bench.run_to(6);
    bench.block_at(6 + 4 + 1, vec![]);
    assert_eq!(missed(&bench), 0);
    bench.block_at(11 + 100, vec![]);
    assert_eq!(missed(&bench), 0);
    bench.block_at(111 + 4, vec![]);
    assert_eq!(missed(&bench), 3, "one slot less than a round counts");
}

#[test]
fn whoever_misses_too_many_slots_in_a_row_is_suspended_until_it_says_that_it_is_back() {
    let mut bench = Bench::new();
    bench.run_to(8);
    bench.run_without(16, &[2]);
    bench.next(vec![]);
    let two = bench.delegate(2).unwrap();
    let Standing::Suspended(at) = two.standing else { panic!("{two:?}") };
    assert!(two.missed >= 2 && at <= bench.head().height());
    // It is out at the first border after the decision is final, and stays out.
    bench.run_without(40, &[2]);
    for slot in 41..=44 {
        assert_ne!(bench.due(bench.head(), slot), who(2));
    }
    bench.run_to(44);
    let before = bench.delegate(2).unwrap().missed;
    bench.run_to(52);
    assert_eq!(bench.delegate(2).unwrap().missed, before, "who has no slots misses none");
    bench.perform(2, Operation::ReactivateDelegate);
    let two = bench.delegate(2).unwrap();
    assert_eq!((two.standing, two.missed_in_row), (Standing::Active, 0));
    assert_eq!(two.missed, before);
    bench.run_to(80);
    assert!(bench.delegate(2).unwrap().produced > 3);
    assert!(bench.rules.round(&bench.head().state, 81).unwrap().members().contains(&who(2)));
}

/// A block while suspended ends the row, not the suspension.
#[test]
fn a_block_does_not_end_a_suspension() {
    let mut bench = Bench::new();
    bench.run_to(8);
    bench.run_without(16, &[2]);
    let produced = bench.delegate(2).unwrap().produced;
    bench.run_to(20);
    let two = bench.delegate(2).unwrap();
    assert_eq!((two.produced, two.missed_in_row), (produced + 1, 0), "it is in force yet");
    assert!(matches!(two.standing, Standing::Suspended(_)));
}

/// Suspended ones stand in where there would be too few, those with more votes first.
#[test]
fn so_many_stay_in_force_whoever_is_suspended() {
    let mut bench = Bench::with(|params| {
        params.seats_min = 3;
        params.finality = FinalityRule::Majority;
    });
    bench.perform(5, vote_for(&[3]));
    bench.run_to(8);
    for _ in 0..20 {
        let slot = bench.slot(bench.head()) + 4;
        bench.run_without(slot, &[3, 4]);
    }
    let standing = |person| bench.delegate(person).unwrap().standing;
    assert!(matches!(standing(3), Standing::Suspended(_)), "{:?}", bench.delegate(3));
    assert!(matches!(standing(4), Standing::Suspended(_)), "{:?}", bench.delegate(4));
    bench.run_to(bench.slot(bench.head()) + 40);
    let slot = bench.slot(bench.head()) + 1;
    let members = bench.rules.round(&bench.head().state, slot).unwrap().members();
    assert_eq!(members, [1, 2, 3].map(who).into_iter().collect());
}

/// Where there are too few even so, those who are in force stay.
#[test]
fn nobody_leaves_where_too_few_would_stay() {
    let mut bench = Bench::with(|params| params.seats_min = 4);
    bench.perform(1, Operation::ResignDelegate);
    bench.run_to(40);
    let members = bench.rules.round(&bench.head().state, 41).unwrap().members();
    assert_eq!(members, (1..=4).map(who).collect());
    assert_eq!(bench.delegate(1).unwrap().standing, Standing::Resigned(Height(1)));
}
