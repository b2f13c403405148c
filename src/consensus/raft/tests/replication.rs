//! Raft 5.3 to 5.5: how logs become one, and what is decided.

use super::group::above;
use super::shared::Note;
use super::*;
use crate::consensus::log::DRAFTS_MAX;

/// Raft 7, by block sync here: who has other entries as high as what is decided looks for that all the same.
#[test]
fn entries_that_contradict_what_is_decided_do_not_stand_for_it() {
    let mut group = five();
    lead(&mut group, 1);
    group.parts = parts(&[&[1, 2], &[3, 4, 5]]);
    group.propose(id(1), None);
    group.propose(id(1), None);
    group.deliver_all();
    give_up_on_the_leader(&mut group, &[4, 5]);
    lead(&mut group, 3);
    group.propose(id(3), None);
    group.deliver_all();
    assert_eq!((terms(&group, 1), terms(&group, 3)), (vec![1, 1, 1], vec![1, 2, 2]));
    group.parts.clear();
    group.notes.clear();
    group.step(id(3), Core::beat);
    group.deliver_all();
    assert!(group.notes.contains(&Note::Seeks(id(1), Height(3))), "{:?}", group.notes);
    group.fetch(id(3), id(1));
    assert_eq!(terms(&group, 1), [1, 2, 2]);
}

/// Raft 5.3: a follower that lacks more entries than one message carries gets them one message after the other.
#[test]
fn more_entries_than_a_message_carries_come_in_several() {
    let mut group = three();
    let (leader, far) = (id(1), DRAFTS_MAX as u64 * 2 + 10);
    let node = group.nodes.get_mut(&leader).unwrap();
    let mut below = node.chain[0].entry.clone();
    for term in 1..=far {
        let body = above(&below, term, below.voters.clone());
        below = body.entry.clone();
        node.drafts.insert(below.at.height, (body, ()));
    }
    node.kept = (far, None);
    group.crash(leader);
    group.restart(leader);
    // The others hear of the term by refusing.
    lead(&mut group, 1);
    assert!(group.core(leader).unwrap().leads());
    for of in 1..=3 {
        assert_eq!(group.nodes[&id(of)].chain.len() as u64, far + 2, "{of}");
    }
    let large = group.notes.iter().filter_map(|note| match note {
        Note::Sent(letter) => Some(drafts(letter)),
        _ => None,
    });
    assert_eq!(large.max(), Some(DRAFTS_MAX));
}

/// What a leader of term 2 with this log of a follower's sends and hears.
fn append(prev: Point, drafts: &[Ref], committed: Point) -> Message<Ref> {
    Message::Append { term: 2, round: 0, prev, drafts: drafts.to_vec(), committed }
}

/// A follower in term 2 with drafts of these terms.
fn follower(terms: &[u64]) -> Core {
    fresh(2, (2, None), terms)
}

fn matched(out: &[Effect]) -> Option<Option<Height>> {
    out.iter().find_map(|effect| match effect {
        Effect::Send(_, Message::Appended { matched, .. }) => Some(*matched),
        _ => None,
    })
}

/// 5.3: a follower that lacks what stands before refuses, and its log stays.
#[test]
fn what_stands_on_nothing_is_refused() {
    let mut core = follower(&[1]);
    let before = core.log().clone();
    let unknown = Point { height: Height(1), id: BlockId(Hash([7; 32])) };
    let gap = Point { height: Height(5), id: BlockId(Hash([7; 32])) };
    let sealed = core.log().sealed().at;
    for prev in [unknown, gap] {
        let mut out = Vec::new();
        core.receive(id(1), append(prev, &[], sealed), &mut out);
        assert_eq!(matched(&out), Some(None));
    }
    assert_eq!(*core.log(), before);
}

/// 5.3: only an entry that contradicts cuts a log, once it was looked at; a message whose entries are there already, be it late
/// or doubled, does not, though it ends before the log does.
#[test]
fn only_a_contradiction_cuts_a_log() {
    let mut core = follower(&[1, 1, 1]);
    let log = core.log().clone();
    let (sealed, first) = (log.sealed().at, log.drafts()[0].clone());
    let known = Ref { at: first.at, term: 1 };
    let mut out = Vec::new();
    core.receive(id(1), append(sealed, &[known], sealed), &mut out);
    assert_eq!((core.log(), matched(&out)), (&log, Some(Some(Height(1)))));
    let other = above(&first, 2, first.voters.clone());
    let draft = Ref { at: other.entry.at, term: 2 };
    let mut out = Vec::new();
    core.receive(id(1), append(sealed, &[known, draft], sealed), &mut out);
    assert_eq!(core.log(), &log, "it has not been looked at");
    assert!(out.contains(&Effect::Examine { from: id(1), term: 2, drafts: vec![draft] }));
    out.clear();
    assert!(core.examined(id(1), 2, other.parent, other.entry.clone(), &mut out));
    assert_eq!(out[..2], [Effect::Forget(Height(2), Height(3)), Effect::KeepDraft(Height(2)),]);
    assert_eq!(core.log().drafts(), [first, other.entry]);
}

/// 5.3, figure 2: an entry is durable before its sender hears that it is there.
#[test]
fn an_entry_is_kept_before_it_is_acknowledged() {
    let mut core = follower(&[]);
    let body = above(core.log().sealed(), 2, core.log().sealed().voters.clone());
    let mut out = Vec::new();
    core.receive(id(1), append(body.parent, &[], body.parent), &mut out);
    out.clear();
    assert!(core.examined(id(1), 2, body.parent, body.entry, &mut out));
    assert!(matches!(&out[..], [Effect::KeepDraft(Height(1)), Effect::Send(..)]), "{out:?}");
}

/// What was looked at for a leader that leads no more joins no log.
#[test]
fn what_comes_of_an_earlier_leader_is_not_kept() {
    let mut core = follower(&[]);
    let body = above(core.log().sealed(), 2, core.log().sealed().voters.clone());
    let mut out = Vec::new();
    core.receive(id(1), append(body.parent, &[], body.parent), &mut out);
    let last = crate::consensus::raft::message::Last { term: 2, height: Height(9) };
    core.receive(id(3), Message::Vote { term: 3, last, transfer: true }, &mut out);
    out.clear();
    assert!(!core.examined(id(1), 2, body.parent, body.entry, &mut out));
    assert!(out.is_empty() && core.log().drafts().is_empty());
}

/// Figure 3, leader append-only: a leader cuts nothing of its own, whoever sends it entries of its term.
#[test]
fn a_leader_does_not_cut_its_log() {
    let mut group = three();
    lead(&mut group, 1);
    group.propose(id(1), None);
    let mut core = group.core(id(1)).unwrap().clone();
    let (before, term, sealed) = (core.clone(), core.term(), core.log().sealed().at);
    let mut out = Vec::new();
    let message =
        Message::Append { term, round: 0, prev: sealed, drafts: Vec::new(), committed: sealed };
    core.receive(id(2), message, &mut out);
    assert_eq!(core, before);
    assert_eq!(out, [Effect::Dropped(id(2), DropReason::Malformed)]);
}

/// 5.3: decided is what a majority has, the leader among them, and no less.
#[test]
fn a_majority_decides() {
    for (size, helpers, decided) in [(3, 0, false), (3, 1, true), (5, 1, false), (5, 2, true)] {
        let mut group = group(size);
        lead(&mut group, 1);
        let heard: Vec<u8> = (1..=helpers + 1).collect();
        group.parts = parts(&[&heard]);
        group.propose(id(1), None);
        group.deliver_all();
        assert_eq!(group.nodes[&id(1)].chain.len() == 3, decided, "{helpers} of {size} help");
    }
}

/// 5.4.2, figure 8: an entry of an earlier term is not decided by counting, whoever has it; with one of the own term it is.
#[test]
fn an_entry_of_an_earlier_term_is_decided_with_one_of_the_own() {
    let mut group = three();
    let first = group.nodes[&id(1)].chain[0].entry.clone();
    for of in [1, 2, 3] {
        let node = group.nodes.get_mut(&id(of)).unwrap();
        node.drafts.insert(Height(1), (above(&first, 1, first.voters.clone()), ()));
        node.kept = (1, None);
        group.crash(id(of));
        group.restart(id(of));
    }
    group.step(id(1), Core::elapsed);
    while group.core(id(1)).is_some_and(|core| !core.leads()) {
        group.deliver(0);
    }
    let height_1 = Message::Appended {
        term: 2,
        round: 0,
        matched: Some(Height(1)),
        holds: Height(1),
        sealed: first.at,
    };
    for of in [2, 3] {
        group.step(id(1), |core, out| core.receive(id(of), height_1.clone(), out));
    }
    assert_eq!(group.nodes[&id(1)].chain.len(), 1, "all three have it, and it is not decided");
    group.deliver_all();
    assert_eq!(terms(&group, 1), [1, 2]);
    assert_eq!(group.nodes[&id(1)].chain.len(), 3);
}

/// 5.3: what is lost is sent again, after a heartbeat that it did not precede is answered.
#[test]
fn what_was_lost_is_sent_again() {
    let mut group = three();
    lead(&mut group, 1);
    group.parts = parts(&[&[1]]);
    group.propose(id(1), None);
    group.parts.clear();
    group.step(id(1), Core::beat);
    group.deliver_all();
    for of in 1..=3 {
        assert_eq!(terms(&group, of), [1, 1], "{of}");
        assert_eq!(group.nodes[&id(of)].chain.len(), 3, "{of}");
    }
}

/// 5.5: a follower that is down for a while has everything soon after it is back.
#[test]
fn a_follower_that_was_down_is_brought_up() {
    let mut group = three();
    lead(&mut group, 1);
    group.crash(id(3));
    for _ in 0..5 {
        group.propose(id(1), None);
        group.deliver_all();
    }
    group.restart(id(3));
    group.step(id(1), Core::beat);
    group.deliver_all();
    assert!(group.notes.contains(&Note::Seeks(id(3), Height(6))));
    group.fetch(id(2), id(3));
    // Its answer to a heartbeat says how far it is; from then on it has part in all.
    group.step(id(1), Core::beat);
    group.deliver_all();
    group.propose(id(1), None);
    group.deliver_all();
    assert_eq!(terms(&group, 3), terms(&group, 1));
    assert_eq!(group.nodes[&id(3)].chain.len(), 8);
}

/// Thesis 10.2.1: a leader sends while its disk writes, and decides only when it has written, or others are enough.
#[test]
fn a_leader_counts_itself_when_it_has_it() {
    let mut group = three();
    lead(&mut group, 1);
    group.nodes.get_mut(&id(1)).unwrap().slow = true;
    group.propose(id(1), None);
    assert_eq!(group.flight.len(), 2, "it is under way");
    group.deliver_all();
    assert_eq!(group.nodes[&id(1)].chain.len(), 2, "it is not written");
    group.flush(id(1), 1);
    assert_eq!(group.nodes[&id(1)].chain.len(), 3);
}

/// A leader has few drafts in flight.
#[test]
fn drafts_in_flight_are_bounded() {
    let mut group = three();
    lead(&mut group, 1);
    group.parts = parts(&[&[1]]);
    let made = (0..20).filter(|_| group.propose(id(1), None)).count();
    assert_eq!(made, crate::consensus::raft::core::WINDOW);
}

/// A seal of a later term than a follower's: whoever leads in an earlier one may not have it, and is not listened to.
#[test]
fn a_seal_tells_its_term() {
    let mut core = follower(&[]);
    let body = above(core.log().sealed(), 2, core.log().sealed().voters.clone());
    let mut out = Vec::new();
    core.sealed(body.entry.clone(), 7, &mut out);
    assert_eq!(core.term(), 7);
    assert!(out.contains(&Effect::KeepVote));
    out.clear();
    core.receive(id(1), append(body.entry.at, &[], body.entry.at), &mut out);
    assert!(out.contains(&Effect::Dropped(id(1), DropReason::Stale)));
}
