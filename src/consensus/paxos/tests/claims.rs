//! Paxos Made Simple 2.2 to 2.5 and 3; Paxos Made Moderately Complex 2; Paxos Made Live 5.2.

use super::shared::{self, Note};
use super::*;

fn say(core: &mut Core, from: u8, message: Message<Ref>) -> Vec<Effect> {
    let mut out = Vec::new();
    core.receive(id(from), message, &mut out);
    out
}

fn ballot(round: u64, of: u8) -> Ballot {
    Ballot { round, proposer: id(of) }
}

fn prepare(core: &mut Core, round: u64, of: u8) -> Vec<Effect> {
    let sealed = core.log().sealed().at;
    say(core, of, Message::Prepare { ballot: ballot(round, of), sealed })
}

fn promises(out: &[Effect]) -> bool {
    out.iter().any(|effect| matches!(effect, Effect::Send(_, Message::Promise { .. })))
}

/// Ballots are totally ordered: rounds first, proposers second.
#[test]
fn two_proposers_never_share_a_ballot() {
    assert!(ballot(1, 9) < ballot(2, 1) && ballot(1, 1) < ballot(1, 2));
}

/// 2.2, phase 1 (b): a promise is given to higher ballots only, and durable before it is heard of.
#[test]
fn a_promise_is_kept_before_it_is_given() {
    let group = group(3);
    let mut core = group.core(id(3)).unwrap().clone();
    let out = prepare(&mut core, 2, 1);
    let kept = out.iter().position(|effect| *effect == Effect::KeepVote).unwrap();
    let sent = out.iter().position(|it| matches!(it, Effect::Send(..))).unwrap();
    assert!(promises(&out) && kept < sent, "{out:?}");
    let refused = Effect::Send(id(2), Message::Refused { ballot: ballot(2, 1) });
    assert_eq!(prepare(&mut core, 1, 2), [refused]);
    assert!(promises(&prepare(&mut core, 2, 2)), "the second proposer's ballot is higher");
}

/// 2.5: a proposer's ballot is durable before anybody hears of it.
#[test]
fn a_ballot_is_kept_before_it_is_used() {
    let group = group(3);
    let mut core = group.core(id(1)).unwrap().clone();
    let mut out = Vec::new();
    core.elapsed(&mut out);
    let kept = out.iter().position(|effect| *effect == Effect::KeepVote).unwrap();
    let sent = out.iter().position(|it| matches!(it, Effect::Send(..))).unwrap();
    assert!(kept < sent, "{out:?}");
    assert_eq!(core.kept().0, 1);
}

/// Nobody promises in another one's name.
#[test]
fn a_ballot_of_somebody_else_is_malformed() {
    let group = group(3);
    let mut core = group.core(id(3)).unwrap().clone();
    let sealed = core.log().sealed().at;
    let out = say(&mut core, 1, Message::Prepare { ballot: ballot(1, 2), sealed });
    assert_eq!(out, [Effect::Dropped(id(1), DropReason::Malformed)]);
}

/// 2.2, P2c: what was accepted in the highest ballot is proposed again, and not what most had accepted; the same draft, with the
/// round in which it was made.
#[test]
pub(super) fn the_value_of_the_highest_ballot_is_proposed_again() {
    let mut group = group(5);
    // In the first ballot S1 and S2 accept a draft; in a higher one S5 alone accepts another.
    lead(&mut group, 1);
    group.parts = parts(&[&[1, 2], &[3, 4, 5]]);
    assert!(group.propose_value(id(1), 1, None));
    group.deliver_all();
    let low = group.core(id(1)).unwrap().log().last().at;
    give_up_on_the_leader(&mut group, &[3, 4, 5]);
    lead(&mut group, 5);
    group.parts = parts(&[&[5], &[1, 2], &[3], &[4]]);
    assert!(group.propose_value(id(5), 2, None));
    group.deliver_all();
    let high = group.core(id(5)).unwrap().log().last().clone();
    assert_ne!(low, high.at);
    // S4 hears S1, S2 and S5: two accepted the one, one the other, in a higher ballot.
    group.parts = parts(&[&[1, 2, 4, 5]]);
    give_up_on_the_leader(&mut group, &[1, 5, 1, 5, 2, 4]);
    assert!([1, 5].iter().all(|of| !group.core(id(*of)).unwrap().leads()));
    group.flight.clear();
    lead(&mut group, 4);
    group.deliver_all();
    let sealed = &group.nodes[&id(4)].chain[1];
    assert_eq!((sealed.entry.at, sealed.entry.term), (high.at, high.term));
    assert!(sealed.by.round > high.term, "an old draft in a new ballot: {sealed:?}");
    assert_eq!(group.check(), Ok(()));
}

/// 3: phase 1 is done once; drafts follow each other in one ballot, several in flight.
#[test]
fn a_stable_leader_asks_for_promises_once() {
    let mut group = group(3);
    lead(&mut group, 2);
    for number in 0..20 {
        assert!(group.propose_value(id(2), number, None));
        group.deliver_all();
    }
    assert_eq!((group.seen.led.len(), heights(&group)), (1, vec![20, 20, 20]));
    let mut more = 0;
    while group.propose_value(id(2), 100 + more, None) {
        more += 1;
    }
    assert_eq!(more, crate::consensus::paxos::core::WINDOW as u64);
}

/// A draft stands on what was accepted below it in the same ballot.
#[test]
fn nothing_is_accepted_above_a_gap() {
    let group = group(3);
    let mut core = group.core(id(3)).unwrap().clone();
    let sealed = core.log().sealed().clone();
    let one = shared::above(&sealed, (1, 1), sealed.voters.clone()).entry;
    let two = shared::above(&one, (1, 1), sealed.voters.clone()).entry;
    let drafts = vec![Ref { at: two.at, term: 1 }];
    let (ballot, beat, prev, sealed) = (ballot(1, 1), 1, one.at, sealed.at);
    let out = say(&mut core, 1, Message::Accept { ballot, beat, prev, drafts, sealed });
    let upto = out.iter().find_map(|effect| match effect {
        Effect::Send(_, Message::Accepted { upto, .. }) => Some(*upto),
        _ => None,
    });
    assert_eq!(upto, Some(None), "{out:?}");
    assert!(!core.examined(id(1), 1, one.at, two, &mut Vec::new()));
}

/// Paxos Made Live 5.2: while a leader is heard nobody else is promised anything, and whoever comes back deposes nobody.
#[test]
fn whoever_comes_back_deposes_nobody() {
    let mut group = group(3);
    lead(&mut group, 1);
    group.parts = parts(&[&[1, 2], &[3]]);
    for _ in 0..6 {
        group.step(id(3), Core::elapsed);
    }
    assert!(group.core(id(3)).unwrap().round() >= 4);
    group.parts.clear();
    group.step(id(3), Core::elapsed);
    group.deliver_all();
    group.step(id(1), Core::beat);
    group.deliver_all();
    assert!(group.propose_value(id(1), 1, None), "it still leads");
    group.deliver_all();
    assert_eq!((group.seen.led.len(), heights(&group)), (1, vec![1, 1, 1]));
}

/// A leader that no majority answers steps down.
#[test]
fn a_leader_without_a_majority_steps_down() {
    let mut group = group(3);
    lead(&mut group, 1);
    group.deliver_all();
    group.parts = parts(&[&[1], &[2, 3]]);
    group.step(id(1), Core::elapsed);
    group.step(id(1), Core::elapsed);
    assert!(!group.core(id(1)).unwrap().leads());
}

/// A new set decides above the block that brings it, once a majority of it promised.
#[test]
fn acceptors_change_at_a_height() {
    let ids: Vec<AuthorityId> = (1..=4).map(id).collect();
    let mut group = Group::new(&ids, ids[..3].iter().copied().collect());
    lead(&mut group, 1);
    assert!(group.propose_value(id(1), 1, Some(ids.iter().copied().collect())));
    assert!(!group.propose_value(id(1), 2, None), "nothing goes above a change that is not sealed");
    group.deliver_all();
    assert!(group.propose_value(id(1), 3, None));
    group.deliver_all();
    group.fetch(id(1), id(4));
    group.step(id(1), Core::beat);
    group.deliver_all();
    assert!(group.propose_value(id(1), 4, None));
    group.deliver_all();
    assert_eq!(heights(&group), [3, 3, 3, 3]);
    // Two of four are no majority.
    group.parts = parts(&[&[1, 4], &[2, 3]]);
    assert!(group.propose_value(id(1), 5, None));
    group.deliver_all();
    assert_eq!(heights(&group), [3, 3, 3, 3]);
}

/// Reads wait for a round of a majority that began after them.
#[test]
fn a_read_needs_a_majority() {
    let mut group = group(3);
    lead(&mut group, 1);
    group.propose_value(id(1), 1, None);
    group.deliver_all();
    group.step(id(2), |core, out| core.read(7, out));
    group.deliver_all();
    assert!(group.notes.contains(&Note::Read(id(2), 7, Height(1))), "{:?}", group.notes);
    group.parts = parts(&[&[1], &[2, 3]]);
    group.notes.clear();
    group.step(id(1), |core, out| core.read(8, out));
    group.deliver_all();
    assert!(!group.notes.iter().any(|note| matches!(note, Note::Read(..))));
}

/// Whoever leads has all that is chosen: a proposer that lacks sealed blocks fetches them first.
#[test]
fn nobody_leads_without_what_is_sealed() {
    let mut group = group(3);
    lead(&mut group, 1);
    group.parts = parts(&[&[1, 2], &[3]]);
    group.propose_value(id(1), 1, None);
    group.deliver_all();
    group.parts = parts(&[&[2, 3]]);
    group.crash(id(1));
    give_up_on_the_leader(&mut group, &[2, 3]);
    group.step(id(3), Core::elapsed);
    group.deliver_all();
    assert!(!group.core(id(3)).unwrap().leads());
    assert!(group.notes.contains(&Note::Seeks(id(3), Height(1))));
    group.fetch(id(2), id(3));
    assert!(group.core(id(3)).unwrap().leads());
    let carried = |letter: &group::Letter| match &letter.parcel {
        Parcel::Said { message: Message::Accept { ballot, .. }, .. } => Some(*ballot),
        _ => None,
    };
    assert!(group.flight.iter().filter_map(carried).all(|it| it.proposer == id(3)));
}
