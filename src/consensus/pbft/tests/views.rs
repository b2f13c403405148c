//! 4.4 and 4.5: another primary, and what it is bound by.

use super::*;
use crate::types::canary::{Bug, plant};

/// VIEW-CHANGEs, and whose.
type Changes = Vec<(u8, ViewChange<()>)>;

/// A silent primary is replaced, and the next one goes on.
#[test]
fn a_silent_primary_is_replaced() {
    let mut group = Group::new(4);
    group.decide(0, 1);
    group.crash(id(0));
    group.lose_patience(&[1, 2, 3]);
    group.deliver_all();
    assert!((1..4).all(|of| group.core(of).view() == 1 && group.core(of).is_active()));
    group.decide(1, 2);
    assert_eq!(group.heights(), [1, 2, 2, 2]);
    // Back again it hears of view 1 and votes there.
    group.restart(id(0));
    group.deliver_all();
    group.elapse(1, Wait::Beat);
    group.deliver_all();
    assert_eq!((group.core(0).view(), group.core(0).is_active()), (1, true));
    group.crash(id(3));
    group.decide(1, 3);
    assert_eq!(group.heights()[..3], [3; 3]);
}

/// Runs until exactly `of` has committed a draft of view 0 that the others only prepared.
fn committed_by_one(of: u8) -> Group {
    let mut group = Group::new(4);
    group.propose(0, 1);
    let is_commit = |letter: &group::Letter| matches!(letter.said, Message::Commit(..));
    deliver_only(&mut group, |letter| !is_commit(letter));
    deliver_only(&mut group, |letter| is_commit(letter) && letter.to == id(of));
    group.flight.clear();
    assert_eq!(group.nodes[&id(of)].chain.len(), 2);
    group
}

/// What may be committed somewhere is proposed again, whoever knows of it.
#[test]
fn what_was_prepared_goes_over_into_the_next_view() {
    let mut group = committed_by_one(0);
    group.deaf.insert(id(0));
    group.lose_patience(&[1, 2, 3]);
    group.deliver_all();
    assert!(group.agree());
    assert_eq!(group.heights(), [1; 4]);
    assert_eq!(group.nodes[&id(1)].chain[1], (draft(1, 1), 1), "the same draft, in view 1");
}

/// The certificates go through several views, though none of those comes to anything.
#[test]
fn a_certificate_survives_several_views() {
    let mut group = committed_by_one(0);
    group.deaf.insert(id(0));
    for _ in 0..2 {
        group.lose_patience(&[1, 2, 3]);
        // Nobody hears that the view begins.
        deliver_only(&mut group, |letter| matches!(letter.said, Message::ViewChange(..)));
        group.flight.clear();
        (1..4).for_each(|of| group.elapse(of, Wait::Change { doublings: 0 }));
        deliver_only(&mut group, |letter| matches!(letter.said, Message::ViewChange(..)));
        group.flight.clear();
    }
    (1..4).for_each(|of| group.elapse(of, Wait::Beat));
    group.deliver_all();
    for of in [2, 3] {
        group.elapse(of, Wait::Patience);
    }
    group.deliver_all();
    assert!(group.agree());
    assert!(
        group.nodes.values().all(|node| node.chain.get(1).is_none_or(|it| it.0 == draft(1, 1)))
    );
}

/// Without them, or without durable ones, two drafts would be decided at one height.
#[test]
fn forgotten_certificates_are_the_end_of_agreement() {
    let mutant = |bug: Option<Bug>| {
        let _planted = bug.map(plant);
        let mut group = committed_by_one(0);
        group.deaf.insert(id(0));
        for of in 1..4 {
            group.crash(id(of));
            group.restart(id(of));
        }
        group.flight.clear();
        group.lose_patience(&[1, 2, 3]);
        group.deliver_all();
        group.decide(1, 2);
        group.agree()
    };
    assert!(mutant(None));
    for bug in [Bug::CertificateForgotten, Bug::CertificateUnkept, Bug::NewViewBelieved] {
        assert!(!mutant(Some(bug)), "{bug:?}");
    }
}

/// f + 1 others that want to leave: one of them is honest. The smallest view that they want.
#[test]
fn so_many_that_one_is_honest_are_followed_at_the_smallest() {
    let mut group = Group::new(4);
    let change = |view| {
        let change = ViewChange { view, sealed: draft(0, 0), prepared: None };
        Message::ViewChange(change, ())
    };
    group.lie(3, &[1], &change(9));
    group.deliver_all();
    assert_eq!(group.core(1).view(), 0, "one may be lying");
    group.lie(2, &[1], &change(5));
    deliver_only(&mut group, |letter| letter.to == id(1));
    assert_eq!((group.core(1).view(), group.core(1).is_active()), (5, false));
}

/// NEW-VIEW is worked out again: one without a quorum, or with certificates that are none, begins nothing.
#[test]
fn a_new_view_proves_itself() {
    let change =
        |prepared: Option<Prepared<()>>| ViewChange { view: 1, sealed: draft(0, 0), prepared };
    let certificate = |by: &[u8]| {
        let by = by.iter().map(|of| (id(*of), ())).collect();
        Some(Prepared { ballot: ballot(0, draft(1, 7)), by })
    };
    let begun = |changes: Changes| {
        let changes = changes.into_iter().map(|(of, it)| (id(of), (it, ()))).collect();
        Message::NewView(NewView { view: 1, above: draft(0, 0), changes })
    };
    let good = vec![(0, change(None)), (1, change(None)), (3, change(certificate(&[0, 1, 3])))];
    let heard = |changes: Changes| {
        let mut group = Group::new(4);
        group.lie(1, &[2], &begun(changes));
        deliver_only(&mut group, |letter| letter.to == id(2));
        let core = group.core(2);
        core.is_active().then(|| (core.view(), core.due()))
    };
    assert_eq!(heard(good.clone()), Some((1, Some(draft(1, 7)))));
    let bad: [(&str, Changes); 5] = [
        ("two are no quorum", good[..2].to_vec()),
        ("a stranger is nobody", vec![good[0].clone(), good[1].clone(), (9, change(None))]),
        (
            "two did not prepare",
            vec![good[0].clone(), good[1].clone(), (3, change(certificate(&[0, 3])))],
        ),
        (
            "without its primary",
            vec![good[0].clone(), good[1].clone(), (3, change(certificate(&[1, 2, 3])))],
        ),
        (
            "for another view",
            vec![good[0].clone(), good[1].clone(), (3, ViewChange { view: 2, ..change(None) })],
        ),
    ];
    for (what, changes) in bad {
        assert_eq!(heard(changes), Some((0, None)), "{what}");
    }
}

/// Two certificates: the one of the higher view counts, since what was committed is in it.
#[test]
fn of_two_certificates_the_one_of_the_higher_view_counts() {
    let prepared = |view, number| {
        let by = (0..3).map(|of| (id(of), ())).collect();
        Some(Prepared { ballot: ballot(view, draft(1, number)), by })
    };
    let change = |prepared| (ViewChange { view: 2, sealed: draft(0, 0), prepared }, ());
    let changes =
        [(id(0), change(prepared(0, 1))), (id(2), change(prepared(1, 2))), (id(3), change(None))];
    let begun = NewView { view: 2, above: draft(0, 0), changes: changes.into() };
    let mut group = Group::new(4);
    group.lie(2, &[1, 3], &Message::NewView(begun));
    deliver_only(&mut group, |letter| letter.from == id(2));
    assert_eq!(group.core(1).due(), Some(draft(1, 2)));
    // A primary that proposes something else is out at once.
    group.lie(2, &[1, 3], &pre_prepare(2, draft(1, 1)));
    deliver_only(&mut group, |letter| letter.from == id(2));
    assert_eq!((group.core(1).view(), group.core(1).is_active()), (3, false));
}

/// 4.5.2: a view that does not begin has twice the time of the one before, up to a cap.
#[test]
fn time_outs_double_up_to_a_cap() {
    let mut group = Group::new(4);
    group.deaf.insert(id(0));
    let mut seen = Vec::new();
    group.lose_patience(&[1, 2, 3]);
    for _ in 0..12 {
        // Nobody hears that the view begins.
        deliver_only(&mut group, |letter| matches!(letter.said, Message::ViewChange(..)));
        group.flight.clear();
        seen.extend(group.nodes[&id(3)].waits.iter().filter_map(|wait| match wait {
            Wait::Change { doublings } => Some(*doublings),
            _ => None,
        }));
        (1..4).for_each(|of| group.elapse(of, Wait::Change { doublings: 0 }));
    }
    assert!(seen.windows(2).all(|two| two[0] <= two[1]), "{seen:?}");
    assert_eq!(seen.last(), Some(&crate::consensus::pbft::core::DOUBLINGS_MAX));
}

/// Who sealed more than the others makes them catch up before a view begins without it.
#[test]
fn a_view_begins_above_the_highest_sealed_block_of_its_quorum() {
    let mut group = committed_by_one(2);
    group.deaf.insert(id(3));
    group.lose_patience(&[0, 1, 2]);
    group.deliver_all();
    assert_eq!(group.heights()[..3], [1; 3]);
    assert!((0..3).all(|of| group.core(of).is_active() && group.core(of).view() == 1));
    group.decide(1, 2);
    assert_eq!(group.heights()[..3], [2; 3]);
}

/// A primary's clock runs while it is idle. What it begins then has a time-out of its own all the same.
#[test]
fn what_a_primary_begins_late_has_its_whole_time() {
    let mut group = Group::new(4);
    group.deliver_all();
    group.nodes.get_mut(&id(0)).unwrap().waits.clear();
    group.propose(0, 1);
    assert!(group.nodes[&id(0)].waits.contains(&Wait::Patience), "from now on");
}

/// Who has nothing to order is not taken for faulty, by itself as little as by others.
#[test]
fn an_idle_primary_keeps_its_view() {
    let mut group = Group::new(4);
    group.deliver_all();
    for _ in 0..5 {
        (0..4).for_each(|of| group.elapse(of, Wait::Beat));
        group.deliver_all();
        group.elapse(0, Wait::Patience);
        group.deliver_all();
    }
    assert!((0..4).all(|of| group.core(of).view() == 0));
    let waits = |of: u8| group.nodes[&id(of)].waits.contains(&Wait::Patience);
    assert!((0..4).all(waits), "and is watched all the same");
}
