//! Thesis 4.1 to 4.2.3: voters change one at a time.

use super::*;

/// Thesis 4.2.2: a leader that is removed decides that and hands over; whom it tells has heard of the removal before, and
/// listens all the same.
#[test]
fn a_removed_leader_hands_over_without_a_time_out() {
    let mut group = three();
    lead(&mut group, 1);
    assert!(group.propose(id(1), Some([id(2), id(3)].into())));
    group.deliver_all();
    assert!(!group.core(id(1)).unwrap().leads());
    let leads = |of: u8| group.core(id(of)).unwrap().leads();
    assert!(leads(2) || leads(3));
    group.check().unwrap();
}

/// Thesis 4.2.1: whoever is added is sent the log at once, not with the next heartbeat.
#[test]
fn who_is_added_is_sent_the_entry_that_adds_it() {
    let mut group = with_a_learner();
    lead(&mut group, 1);
    group.fetch(id(1), id(4));
    assert!(group.propose(id(1), Some(all_four())));
    group.deliver_all();
    assert_eq!(terms(&group, 4), terms(&group, 1));
    assert!(group.core(id(4)).unwrap().is_voter());
}

fn with_a_learner() -> Group {
    let ids: Vec<AuthorityId> = (1..=4).map(id).collect();
    Group::new(&ids, ids[..3].iter().copied().collect())
}

fn all_four() -> Authorities {
    (1..=4).map(id).collect()
}

/// Ongaro 2015: before something of its own term is decided, a leader changes nobody.
#[test]
fn no_change_before_an_entry_of_the_own_term_is_decided() {
    let mut group = three();
    group.parts = parts(&[&[1, 2, 3]]);
    elect(&mut group, 1);
    assert!(!group.propose(id(1), Some([id(2), id(3)].into())));
    group.deliver_all();
    assert!(group.propose(id(1), Some([id(2), id(3)].into())));
}

/// Thesis 4.1: one change after the other: nothing is put above one that is not decided.
#[test]
fn one_change_at_a_time() {
    let mut group = with_a_learner();
    lead(&mut group, 1);
    assert!(group.propose(id(1), Some(all_four())));
    assert!(!group.propose(id(1), Some([id(1), id(2)].into())));
    assert!(!group.propose(id(1), None));
    group.deliver_all();
    assert!(group.propose(id(1), None));
}

/// The set below decides on an entry: what adds a fourth needs two of the three before it, and what stands above needs three
/// of four (see the documentation of Raft).
#[test]
fn the_set_below_decides() {
    let mut group = with_a_learner();
    lead(&mut group, 1);
    group.parts = parts(&[&[1, 2]]);
    assert!(group.propose(id(1), Some(all_four())));
    group.deliver_all();
    assert_eq!(group.nodes[&id(1)].chain.len(), 3);
    assert!(group.propose(id(1), None));
    group.deliver_all();
    assert_eq!(group.nodes[&id(1)].chain.len(), 3, "two of four are no majority");
    group.parts = parts(&[&[1, 2, 3]]);
    group.step(id(1), Core::beat);
    group.deliver_all();
    group.fetch(id(1), id(3));
    group.step(id(1), Core::beat);
    group.deliver_all();
    assert_eq!(group.nodes[&id(1)].chain.len(), 4);
    group.check().unwrap();
}

/// Thesis 4.2.1: a machine that does not vote keeps what the chain has, and stands for nothing.
#[test]
fn a_learner_asks_for_no_votes() {
    let mut group = with_a_learner();
    lead(&mut group, 1);
    group.fetch(id(1), id(4));
    group.notes.clear();
    for _ in 0..3 {
        group.step(id(4), Core::elapsed);
    }
    assert!(group.notes.is_empty() && group.flight.is_empty(), "{:?}", group.notes);
    assert_eq!(terms(&group, 4), [1]);
}

/// Thesis 4.2.2: who is no voter by its own log answers a candidate that knows more.
#[test]
fn a_machine_votes_that_does_not_know_that_it_may() {
    let mut group = with_a_learner();
    lead(&mut group, 1);
    group.fetch(id(1), id(4));
    group.parts = parts(&[&[1, 2, 3]]);
    assert!(group.propose(id(1), Some(all_four())));
    for _ in 0..2 {
        group.deliver(0);
    }
    group.parts.clear();
    group.crash(id(1));
    assert!(!group.core(id(4)).unwrap().is_voter());
    give_up_on_the_leader(&mut group, &[2]);
    lead(&mut group, 3);
    assert!(group.core(id(3)).unwrap().leads(), "three of four, with the fourth's vote");
}

/// Thesis 4.2.3: who was removed and does not know it disturbs nobody who hears the leader.
#[test]
fn a_removed_machine_disturbs_nobody() {
    let mut group = three();
    lead(&mut group, 1);
    group.parts = parts(&[&[1, 2]]);
    assert!(group.propose(id(1), Some([id(1), id(2)].into())));
    group.deliver_all();
    group.parts.clear();
    let term = group.core(id(1)).unwrap().term();
    for _ in 0..6 {
        group.step(id(3), Core::elapsed);
        group.deliver_all();
    }
    let leader = group.core(id(1)).unwrap();
    assert!(leader.leads() && leader.term() == term);
}

/// Thesis 4.1: whatever changes come after each other, with crashes of leaders between, no two machines decide differently.
#[test]
fn changes_and_crashes_keep_one_history() {
    let mut changes = 0;
    for seed in 0..300 {
        let mut dice = crate::types::testkit::Dice::new(seed);
        let ids: Vec<AuthorityId> = (1..=5).map(id).collect();
        let mut group = Group::new(&ids, ids[..3].iter().copied().collect());
        for _ in 0..150 {
            let of = id(1 + dice.index(5) as u8);
            match dice.below(12) {
                0 => group.step(of, Core::elapsed),
                1 => group.step(of, Core::beat),
                2 => drop(group.propose(of, None)),
                3 => {
                    let Some(core) = group.core(of) else { continue };
                    let mut voters = (*core.log().last().voters).clone();
                    let whom = id(1 + dice.index(5) as u8);
                    if !voters.remove(&whom) {
                        voters.insert(whom);
                    }
                    if !voters.is_empty() {
                        group.propose(of, Some(voters));
                    }
                }
                4 if dice.percent(20) => {
                    group.crash(of);
                    group.restart(of);
                }
                5 => group.fetch(of, id(1 + dice.index(5) as u8)),
                _ if !group.flight.is_empty() => {
                    let place = dice.index(group.flight.len());
                    match dice.below(10) {
                        0 => drop(group.flight.remove(place)),
                        1 => group.hand_over(group.flight[place].clone()),
                        _ => group.deliver(place),
                    }
                }
                _ => {}
            }
            group.check().unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        }
        let chain = &group.nodes[&id(1)].chain;
        let changed = |pair: &&[shared::Block]| pair[0].entry.voters != pair[1].entry.voters;
        changes += chain.windows(2).filter(changed).count();
    }
    println!("{changes} changes were decided");
    assert!(changes > 100, "{changes}");
}
