//! 4.2: a draft gets its place.

use super::*;

#[test]
fn four_decide_block_after_block_in_one_view() {
    let mut group = Group::new(4);
    for number in 1..=5 {
        group.decide(0, number);
    }
    assert_eq!(group.heights(), [5; 4]);
    assert!(group.agree() && group.nodes.values().all(|node| node.chain[5].1 == 0));
}

/// n = 3f + 1: f may be silent, and with one more nothing is decided, nor anything wrong.
#[test]
fn as_many_as_may_fail_may_be_silent() {
    for (size, silent, decides) in [(4, 1, true), (4, 2, false), (7, 2, true), (7, 3, false)] {
        let mut group = Group::new(size);
        group.deaf.extend((size - silent..size).map(id));
        group.decide(0, 1);
        assert_eq!(group.heights()[0] == 1, decides, "{silent} of {size}");
    }
}

/// The primary's PRE-PREPARE is its PREPARE: both together are one vote.
#[test]
fn a_primary_has_one_vote() {
    let mut group = Group::new(4);
    group.deaf.extend([id(3)]);
    let at = draft(1, 1);
    group.lie(0, &[1, 2], &pre_prepare(0, at));
    group.lie(0, &[1], &Message::Prepare(ballot(0, at), ()));
    // 1 hears the primary twice, and nobody else.
    deliver_only(&mut group, |letter| letter.from == id(0));
    assert_eq!(group.core(1).kept().prepared, None);
    group.deliver_all();
    assert!(group.core(1).kept().prepared.is_some());
}

/// One signer counts once, and whoever says two things is found out.
#[test]
fn two_votes_of_one_signer_count_once() {
    let mut group = Group::new(4);
    let (at, other) = (draft(1, 1), draft(1, 2));
    group.propose(0, 1);
    deliver_only(&mut group, |letter| letter.from == id(0) && letter.to == id(1));
    group.flight.clear();
    for said in [at, at, other] {
        group.lie(3, &[1], &Message::Prepare(ballot(0, said), ()));
    }
    group.deliver_all();
    // Its own, the primary's, and one of 3's: a quorum.
    assert!(group.core(1).kept().prepared.is_some());
    assert_eq!(group.conflicts, [(id(1), id(3))]);
    for said in [at, at] {
        group.lie(3, &[1], &Message::Commit(ballot(0, said), ()));
    }
    group.deliver_all();
    assert_eq!(group.heights()[1], 0, "two committed, and three have to");
}

/// A backup accepts one draft in a view, whatever the primary says afterwards.
#[test]
fn a_primary_that_says_two_things_decides_nothing_twice() {
    let mut group = Group::new(4);
    group.lie(0, &[1], &pre_prepare(0, draft(1, 1)));
    group.lie(0, &[2, 3], &pre_prepare(0, draft(1, 2)));
    group.lie(0, &[1], &pre_prepare(0, draft(1, 2)));
    group.deliver_all();
    assert_eq!(group.heights(), [0; 4]);
    assert_eq!(group.core(1).kept().accepted, Some(ballot(0, draft(1, 1))));
    assert!(group.conflicts.contains(&(id(1), id(0))));
    // They get over it: two know that the second one was prepared, so the next primary proposes that.
    group.lose_patience(&[1, 2, 3]);
    group.deliver_all();
    group.decide(1, 3);
    assert!(group.agree());
    assert_eq!(group.heights()[1..], [2; 3]);
    assert_eq!(group.nodes[&id(1)].chain[1].0, draft(1, 2));
}

/// Only the primary gives places, and only the next one.
#[test]
fn places_are_given_by_the_primary_and_one_after_the_other() {
    let mut group = Group::new(4);
    group.lie(1, &[0, 2, 3], &pre_prepare(0, draft(1, 1)));
    group.deliver_all();
    assert!([0, 2, 3].iter().all(|of| group.core(*of).kept().accepted.is_none()));
    let mut group = Group::new(4);
    group.lie(0, &[1, 2, 3], &pre_prepare(0, draft(3, 1)));
    group.lie(0, &[1, 2, 3], &pre_prepare(7, draft(1, 1)));
    group.deliver_all();
    assert!([1, 2, 3].iter().all(|of| group.core(*of).kept().accepted.is_none()));
}

/// A draft that is not sound is nobody's vote, and a reason for another primary.
#[test]
fn a_draft_that_does_not_stand_costs_its_primary_the_view() {
    let mut group = Group::new(4);
    (1..4).for_each(|of| group.nodes.get_mut(&id(of)).unwrap().slow = true);
    group.propose(0, 1);
    deliver_only(&mut group, |letter| letter.from == id(0));
    for of in 1..4 {
        group.step(id(of), |core, out| core.examined(draft(1, 1), false, out));
    }
    group.deliver_all();
    assert_eq!(group.heights(), [0; 4]);
    assert!((1..4).all(|of| group.core(of).view() == 1 && group.core(of).is_active()));
}

/// What comes before its time waits, within bounds.
#[test]
fn early_messages_wait_and_are_bounded() {
    let mut group = Group::new(4);
    let at = draft(2, 1);
    group.lie(3, &[1], &Message::Prepare(ballot(0, at), ()));
    group.deliver_all();
    assert_eq!(group.core(1).holds(), [1, 0, 0]);
    for view in 0..100 {
        group.lie(3, &[1], &Message::Prepare(ballot(view, at), ()));
        group.lie(3, &[1], &Message::Commit(ballot(view, draft(1, 9)), ()));
    }
    group.deliver_all();
    assert_eq!(group.core(1).holds()[0], EARLY_MAX);
    assert!(group.core(1).holds()[1] <= 4);
}

/// A commit that arrives before its draft was looked at counts when it was.
#[test]
fn a_slow_backup_seals_when_it_has_looked_at_the_draft() {
    let mut group = Group::new(4);
    group.nodes.get_mut(&id(3)).unwrap().slow = true;
    group.decide(0, 1);
    assert_eq!(group.heights(), [1, 1, 1, 0]);
    group.read(3);
    assert_eq!(group.heights(), [1; 4]);
}

/// An authority that was away says where it stands, and is told the rest.
#[test]
fn whoever_was_away_catches_up_by_sealed_blocks() {
    let mut group = Group::new(4);
    group.crash(id(3));
    for number in 1..=3 {
        group.decide(0, number);
    }
    group.restart(id(3));
    group.deliver_all();
    assert_eq!(group.heights(), [3; 4]);
    group.decide(0, 4);
    assert_eq!(group.heights(), [4; 4]);
}
