//! How many delegates change at once, and why not more.

use std::collections::BTreeSet;

use super::super::round::step;
use super::bench::{Bench, register, who};
use super::*;
use crate::types::canary::{Bug, plant};
use crate::types::testkit::Dice;
use crate::types::{BlockId, Height, Operation};

fn people(numbers: std::ops::RangeInclusive<u8>) -> Vec<Address> {
    numbers.map(who).collect()
}

fn params(seats: u64, finality: FinalityRule) -> DposParams {
    DposParams { seats, finality, ..Bench::new().params().clone() }
}

#[test]
fn as_many_change_at_once_as_leave_quorums_that_meet() {
    let mut params = params(7, FinalityRule::TwoThirds);
    // 5 of 7 and 5 of 7 have one in common as long as there are nine of them in all.
    let next = step(&people(1..=7), &people(11..=17), &params).unwrap();
    assert_eq!(next, [11, 12, 1, 2, 3, 4, 5].map(who));
    assert_eq!(step(&people(1..=7), &people(2..=8), &params).unwrap(), people(2..=8));
    assert_eq!(step(&people(1..=7), &people(1..=7), &params), None);
    let other_order: Vec<Address> = people(1..=7).into_iter().rev().collect();
    assert_eq!(step(&people(1..=7), &other_order, &params), None, "the same ones");
    // Where there is room, whoever comes waits for nobody to go.
    assert_eq!(step(&people(1..=4), &people(3..=5), &params).unwrap(), [3, 4, 5].map(who));
    // 4 of 7 and 4 of 7 do not meet among eight: one goes first.
    params.finality = FinalityRule::Majority;
    assert_eq!(step(&people(1..=7), &people(2..=8), &params).unwrap(), people(2..=7));
    assert_eq!(step(&people(2..=7), &people(2..=8), &params).unwrap(), people(2..=8));
    // Who is alone hands over.
    params.seats = 1;
    assert_eq!(step(&people(1..=1), &people(2..=2), &params).unwrap(), people(2..=2));
}

/// Whatever was before and whoever was elected: quorums meet, and in the end those are in force who were elected.
#[test]
fn quorums_of_a_step_meet_and_steps_arrive() {
    let mut dice = Dice::new(7);
    for round in 0..3000 {
        let finality = [FinalityRule::TwoThirds, FinalityRule::Majority][dice.index(2)];
        let params = params(2 + dice.below(20), finality);
        let mut draw = || {
            let mut all = people(1..=60);
            let number = 1 + dice.index(params.seats as usize);
            while all.len() > number {
                all.remove(dice.index(all.len()));
            }
            all
        };
        let (mut set, elected) = (draw(), draw());
        let mut steps = 0;
        while let Some(next) = step(&set, &elected, &params) {
            let members = |set: &[Address]| set.iter().copied().collect::<BTreeSet<_>>();
            let (before, after) = (members(&set), members(&next));
            assert_eq!(after.len(), next.len());
            assert!(!next.is_empty() && next.len() as u64 <= params.seats, "round {round}");
            let quorums = finality.quorum(before.len()) + finality.quorum(after.len());
            assert!(quorums > before.union(&after).count(), "{round}: {before:?} {after:?}");
            set = next;
            steps += 1;
            assert!(steps < 100, "round {round} never arrives");
        }
        let sorted = |set: &[Address]| set.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(sorted(&set), sorted(&elected));
    }
}

/// Extends a branch from a slot on, with blocks of these only; gives what is final on it then.
fn extend(bench: &mut Bench, from: BlockId, begin: u64, by: &[u8]) -> Height {
    let mut at = from;
    for slot in begin..begin + 80 {
        let on = bench.tree.get(&at).unwrap();
        let due = bench.due(on, slot);
        if by.iter().any(|person| who(*person) == due) {
            let block = bench.seal(bench.complete(bench.bare(on, slot, vec![]), on).unwrap());
            at = bench.import(block).unwrap().id;
        }
    }
    bench.rules.votes(&bench.tree.get(&at).unwrap().state).unwrap().final_height()
}

/// Three of four give up their seats and a fifth one comes. The last block before a border makes that final, and the network
/// parts there: whoever made that block and the new one know of it, the three others do not. Gives the height above which
/// they are apart, and what is final on both sides.
fn part_at_a_change() -> (Height, [Height; 2]) {
    let mut bench = Bench::with(|params| {
        params.seats = 16;
        params.inactive_after = 1000;
    });
    // Past the border at which the first round begins.
    bench.next(vec![]);
    bench.perform(5, register("eve"));
    for person in 2..=4 {
        bench.perform(person, Operation::ResignDelegate);
    }
    bench.run_to(17);
    let decided = bench.head().height();
    for slot in 18..=32 {
        let head = bench.head();
        let draft = bench.complete(bench.bare(head, slot, vec![]), head).unwrap();
        let state = bench.tree.execute(&draft, &head.state).unwrap().state;
        let is_final = bench.rules.votes(&state).unwrap().final_height() >= decided;
        // That is for 1 to do, in its last slot.
        let is_one = draft.header.producer == who(1);
        if if is_one { slot > 28 } else { !is_final } {
            let block = bench.seal(draft);
            bench.import(block).unwrap();
        }
    }
    let (knows, parent) = (bench.head().id, bench.head().block.header.parent);
    assert!(bench.final_height() >= decided && bench.head().block.header.producer == who(1));
    let parting = bench.tree.get(&parent).unwrap();
    assert!(bench.rules.votes(&parting.state).unwrap().final_height() < decided);
    let parting = parting.height();
    (parting, [extend(&mut bench, knows, 33, &[1, 5]), extend(&mut bench, parent, 33, &[2, 3, 4])])
}

/// What both sides hold final above the parting contradicts each other, and nobody lied.
#[test]
fn two_sides_of_a_change_are_never_both_final() {
    let (parting, [here, there]) = part_at_a_change();
    println!("apart above {parting}, final at {here} and {there}");
    assert!(here <= parting || there <= parting, "{parting}: {here}, {there}");
    // If all who were elected came at once, they would be.
    let planted = plant(Bug::QuorumsApart);
    let (parting, [here, there]) = part_at_a_change();
    drop(planted);
    assert!(here > parting && there > parting, "{parting}: {here}, {there}");
}
