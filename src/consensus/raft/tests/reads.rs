//! Thesis 6.4: reads that need no entry in the log; thesis 3.10: who hands over.

use super::*;
use crate::consensus::raft::core::READS_MAX;

fn read(group: &mut Group, of: u8, number: u64) {
    group.step(id(of), |core, out| core.read(number, out));
}

fn answers(group: &Group, of: u8) -> Vec<(u64, Height)> {
    let answer = |note: &shared::Note<Core>| match note {
        shared::Note::Read(by, number, height) if *by == id(of) => Some((*number, *height)),
        _ => None,
    };
    group.notes.iter().filter_map(answer).collect()
}

/// 6.4, step 3: a read is answered when a majority has answered a heartbeat that is younger than the read.
#[test]
fn a_read_waits_for_a_heartbeat_of_its_own() {
    let mut group = three();
    lead(&mut group, 1);
    group.step(id(1), Core::beat);
    read(&mut group, 1, 5);
    // The answer to the heartbeat before it says nothing about the read.
    let older = |letter: &Letter| match &letter.parcel {
        Parcel::Said { message: Message::Append { round, .. }, .. } => *round == 1,
        _ => false,
    };
    while let Some(place) = group.flight.iter().position(older) {
        group.deliver(place);
    }
    while let Some(place) = group.flight.iter().position(|it| it.to == id(1)) {
        group.deliver(place);
    }
    assert_eq!(answers(&group, 1), []);
    group.deliver_all();
    assert_eq!(answers(&group, 1), [(5, Height(1))]);
}

/// 6.4, step 1: a new leader does not know what is decided before an entry of its term is.
#[test]
fn a_new_leaders_reads_wait_for_its_first_entry() {
    let mut group = three();
    elect(&mut group, 1);
    read(&mut group, 1, 5);
    let asked = group.flight.iter().any(|letter| match &letter.parcel {
        Parcel::Said { message: Message::Append { round, .. }, .. } => *round > 0,
        _ => false,
    });
    assert!(!asked, "it does not even ask");
    group.deliver_all();
    assert_eq!(answers(&group, 1), [(5, Height(1))]);
}

/// 6.4: a leader that a majority does not hear answers nothing, however often it is asked.
#[test]
fn the_old_leader_answers_no_read() {
    let mut group = five();
    lead(&mut group, 1);
    group.parts = parts(&[&[1, 2], &[3, 4, 5]]);
    give_up_on_the_leader(&mut group, &[4, 5]);
    lead(&mut group, 3);
    group.propose(id(3), None);
    group.deliver_all();
    assert!(group.core(id(1)).unwrap().leads(), "it does not know");
    read(&mut group, 1, 5);
    read(&mut group, 2, 6);
    group.deliver_all();
    assert_eq!((answers(&group, 1), answers(&group, 2)), (vec![], vec![]));
    read(&mut group, 4, 7);
    group.deliver_all();
    assert_eq!(answers(&group, 4), [(7, Height(3))]);
}

/// 6.4: a follower's read sees what was decided when the leader was asked.
#[test]
fn a_follower_asks_the_leader() {
    let mut group = three();
    lead(&mut group, 1);
    group.propose(id(1), None);
    group.deliver_all();
    read(&mut group, 3, 9);
    group.deliver_all();
    assert_eq!(answers(&group, 3), [(9, Height(2))]);
}

/// Reads that wait are bounded, and the same one is one.
#[test]
fn reads_that_wait_are_bounded() {
    let mut group = three();
    lead(&mut group, 1);
    group.parts = parts(&[&[1]]);
    for number in 0..READS_MAX as u64 + 10 {
        read(&mut group, 1, number);
        read(&mut group, 1, number);
    }
    let full = shared::Note::Dropped(id(1), id(1), DropReason::Full);
    assert_eq!(group.notes.iter().filter(|note| **note == full).count(), 20);
    let Some(crate::consensus::raft::core::Role::Leader(lead)) = group.core(id(1)).map(Core::role)
    else {
        panic!("it leads")
    };
    assert_eq!(lead.followers.reads(), READS_MAX);
}

/// 3.10: the leader brings the other up to date first, and it is elected in spite of all leases.
#[test]
fn leadership_is_handed_over() {
    let mut group = three();
    lead(&mut group, 1);
    group.propose(id(1), None);
    let mut possible = false;
    group.step(id(1), |core, out| possible = core.transfer(id(2), out));
    assert!(possible && !group.core(id(1)).unwrap().may_draft());
    group.deliver_all();
    assert!(group.core(id(2)).unwrap().leads());
    assert_eq!(group.core(id(2)).unwrap().term(), 2);
    assert_eq!(terms(&group, 1), [1, 1, 2]);
}

/// 3.10: if it does not happen within an election timeout, it does not happen.
#[test]
fn a_transfer_that_fails_is_given_up() {
    let mut group = three();
    lead(&mut group, 1);
    group.crash(id(2));
    let mut possible = false;
    group.step(id(1), |core, out| possible = core.transfer(id(2), out));
    assert!(possible && !group.core(id(1)).unwrap().may_draft());
    group.step(id(1), Core::elapsed);
    assert!(group.core(id(1)).unwrap().leads() && group.core(id(1)).unwrap().may_draft());
}

/// 3.10: to nobody, to oneself, to a stranger, and by a follower: not possible.
#[test]
fn leadership_is_handed_to_voters_only() {
    let mut group = three();
    lead(&mut group, 1);
    for (of, to) in [(1, 1), (1, 9), (2, 3)] {
        let mut possible = true;
        group.step(id(of), |core, out| possible = core.transfer(id(to), out));
        assert!(!possible, "{of} to {to}");
    }
}

/// 3.10: only the leader of the term can send somebody into an election.
#[test]
fn nobody_else_starts_an_election() {
    let mut group = three();
    lead(&mut group, 1);
    let core = group.core(id(2)).unwrap();
    for (from, term) in [(3, 1), (1, 0)] {
        let (mut after, mut out) = (core.clone(), Vec::new());
        after.receive(id(from), Message::TimeoutNow { term }, &mut out);
        assert_eq!((after.term(), after.kept()), (core.term(), core.kept()));
    }
}
