//! Raft 5.1, 5.2 and 5.4.1; thesis 4.2.3, 6.2 and 9.6: who leads.

use super::shared::Note;
use super::*;
use crate::consensus::raft::core::{Role, Wait};
use crate::consensus::raft::message::Last;

/// What a fresh machine answers to a message of another one, and itself afterwards.
fn hear(core: &Core, from: u8, message: Message<Ref>) -> (Core, Vec<Effect>) {
    let (mut core, mut out) = (core.clone(), Vec::new());
    core.receive(id(from), message, &mut out);
    (core, out)
}

fn vote(term: u64, last: (u64, u64)) -> Message<Ref> {
    Message::Vote { term, last: Last { term: last.0, height: Height(last.1) }, transfer: false }
}

/// Whether a vote was given, refused, or not answered.
fn answer(out: &[Effect]) -> Option<bool> {
    out.iter().find_map(|effect| match effect {
        Effect::Send(_, Message::Voted { granted, .. }) => Some(*granted),
        _ => None,
    })
}

/// 5.1: terms only grow, and every message of a later one is followed, but a pre-vote.
#[test]
fn a_later_term_is_taken_over_and_an_earlier_one_is_refused() {
    let core = fresh(2, (5, Some(id(2))), &[]);
    let (after, _) = hear(&core, 1, vote(6, (0, 0)));
    assert_eq!(after.kept(), (6, Some(id(1))));
    let (after, out) = hear(&core, 1, vote(4, (0, 0)));
    assert_eq!((after.kept(), answer(&out)), ((5, Some(id(2))), Some(false)));
    let last = Last { term: 0, height: Height(0) };
    let (after, _) = hear(&core, 1, Message::PreVote { term: 9, last });
    assert_eq!(after.kept(), core.kept());
}

/// 5.1: a leader that hears of a later term is a follower.
#[test]
fn a_leader_steps_down_before_a_later_term() {
    let mut group = three();
    lead(&mut group, 1);
    let core = group.core(id(1)).unwrap();
    let refused = Message::Voted { term: 7, before: false, granted: false };
    let (after, out) = hear(core, 2, refused);
    assert!(!after.leads() && after.term() == 7);
    assert!(out.contains(&Effect::Rest) && out.contains(&Effect::KeepVote));
}

/// 5.2: one vote a term, first come first served; the same one again to the same candidate.
#[test]
fn nobody_votes_twice_in_a_term() {
    let core = fresh(3, (0, None), &[]);
    let (core, out) = hear(&core, 1, vote(1, (0, 0)));
    assert_eq!(answer(&out), Some(true));
    let (core, out) = hear(&core, 2, vote(1, (0, 0)));
    assert_eq!(answer(&out), Some(false));
    let (_, out) = hear(&core, 1, vote(1, (0, 0)));
    assert_eq!(answer(&out), Some(true));
}

/// 5.2, figure 2: the vote is durable before the answer leaves, and survives a crash.
#[test]
fn a_vote_is_kept_before_it_is_given() {
    let core = fresh(3, (0, None), &[]);
    let (after, out) = hear(&core, 1, vote(1, (0, 0)));
    let place = |found: &dyn Fn(&Effect) -> bool| out.iter().position(found);
    let kept = place(&|effect| *effect == Effect::KeepVote).unwrap();
    let sent = place(&|effect| matches!(effect, Effect::Send(..))).unwrap();
    assert!(kept < sent, "{out:?}");
    let again = fresh(3, after.kept(), &[]);
    let (_, out) = hear(&again, 2, vote(1, (0, 0)));
    assert_eq!(answer(&out), Some(false));
}

/// 5.4.1: nobody votes for a log that is behind its own; the later term at the end decides, and then the length.
#[test]
fn a_vote_is_for_a_log_that_is_up_to_date() {
    let core = fresh(3, (3, None), &[1, 2, 2]);
    for (last, expected) in
        [((1, 9), false), ((2, 2), false), ((2, 3), true), ((2, 4), true), ((3, 1), true)]
    {
        assert_eq!(answer(&hear(&core, 1, vote(4, last)).1), Some(expected), "{last:?}");
        let last = Last { term: last.0, height: Height(last.1) };
        let out = hear(&core, 1, Message::PreVote { term: 4, last }).1;
        assert_eq!(answer(&out), Some(expected), "{last:?}");
    }
}

/// 5.2: more than half of all votes, and refusals are no votes.
#[test]
fn a_majority_elects_and_half_does_not() {
    for (size, votes, leads) in
        [(3, 1, true), (4, 1, false), (4, 2, true), (5, 1, false), (5, 2, true)]
    {
        let mut group = group(size);
        group.step(id(1), Core::elapsed);
        let term = 1;
        for of in 2..=size {
            let granted = Message::Voted { term, before: true, granted: true };
            group.step(id(1), |core, out| core.receive(id(of), granted, out));
        }
        for of in 2..=size {
            let answer = Message::Voted { term, before: false, granted: of < 2 + votes };
            group.step(id(1), |core, out| core.receive(id(of), answer, out));
        }
        assert_eq!(group.core(id(1)).unwrap().leads(), leads, "{votes} of {size}");
    }
}

/// 5.2: one alone is its majority.
#[test]
fn one_alone_leads_and_decides() {
    let mut group = group(1);
    group.step(id(1), Core::elapsed);
    assert!(group.core(id(1)).unwrap().leads());
    assert!(group.propose(id(1), None));
    assert_eq!(group.nodes[&id(1)].chain.len(), 3);
}

/// 5.2: a candidate that hears the leader of its term follows.
#[test]
fn a_candidate_follows_who_was_elected() {
    let mut core = fresh(1, (0, None), &[]);
    let mut out = Vec::new();
    core.elapsed(&mut out);
    let granted = Message::Voted { term: 1, before: true, granted: true };
    let (core, _) = hear(&core, 2, granted);
    assert!(matches!(core.role(), Role::Candidate { .. }) && core.term() == 1);
    let prev = core.log().sealed().at;
    let heartbeat =
        Message::Append { term: 1, round: 1, prev, drafts: Vec::new(), committed: prev };
    let (core, out) = hear(&core, 3, heartbeat);
    assert_eq!(core.leader(), Some(id(3)));
    assert!(matches!(core.role(), Role::Follower { lease: true }));
    assert!(out.contains(&Effect::Wait(Wait::Lease)));
}

/// Thesis 9.6: who was cut off does not raise its term, and deposes nobody when it is back.
#[test]
fn who_was_cut_off_deposes_nobody() {
    let mut group = three();
    lead(&mut group, 1);
    group.parts = parts(&[&[1, 2], &[3]]);
    for _ in 0..10 {
        group.step(id(3), Core::elapsed);
    }
    assert_eq!(group.core(id(3)).unwrap().term(), 1);
    group.parts.clear();
    group.step(id(3), Core::elapsed);
    group.deliver_all();
    assert!(group.core(id(1)).unwrap().leads());
    assert_eq!(group.core(id(1)).unwrap().term(), 1);
}

/// Thesis 9.6: a pre-vote promises nothing: two may have it, and nothing is kept.
#[test]
fn a_pre_vote_binds_nobody() {
    let core = fresh(3, (0, None), &[]);
    let last = Last { term: 0, height: Height(0) };
    let (after, out) = hear(&core, 1, Message::PreVote { term: 1, last });
    assert_eq!((after, answer(&out)), (core.clone(), Some(true)));
    assert!(!out.contains(&Effect::KeepVote));
    assert_eq!(answer(&hear(&core, 2, Message::PreVote { term: 1, last }).1), Some(true));
}

/// Thesis 9.6: a pre-candidate that is refused for its old term takes the later one over, or it would ask in vain for ever.
#[test]
fn a_refused_pre_candidate_learns_the_term() {
    let mut group = three();
    for of in [2, 3] {
        group.nodes.get_mut(&id(of)).unwrap().kept = (8, None);
        group.crash(id(of));
        group.restart(id(of));
    }
    lead(&mut group, 1);
    assert_eq!(group.core(id(1)).unwrap().term(), 9);
}

/// Thesis 4.2.3: within the lease not even the term of a candidate is taken over; after it, it is.
#[test]
fn who_hears_a_leader_does_not_listen_to_candidates() {
    let mut group = three();
    lead(&mut group, 1);
    let leased = group.core(id(2)).unwrap();
    let (after, out) = hear(leased, 3, vote(5, (9, 9)));
    assert_eq!((&after, answer(&out)), (leased, None));
    let mut later = leased.clone();
    later.elapsed(&mut Vec::new());
    let (after, out) = hear(&later, 3, vote(5, (9, 9)));
    assert_eq!((after.term(), answer(&out)), (5, Some(true)));
}

/// Thesis 6.2: a leader goes on while a majority answers it, and steps down when it does not.
#[test]
fn a_leader_without_a_majority_steps_down() {
    let mut group = five();
    lead(&mut group, 1);
    for (heard, leads) in [(&[1, 2, 3][..], true), (&[1, 2], false)] {
        group.parts = parts(&[heard]);
        // What was heard before.
        group.step(id(1), Core::elapsed);
        group.step(id(1), Core::beat);
        group.deliver_all();
        group.step(id(1), Core::elapsed);
        assert_eq!(group.core(id(1)).unwrap().leads(), leads, "{heard:?}");
    }
}

/// 5.2: a new leader says so at once, with an entry of its own term (thesis 6.4).
#[test]
fn a_new_leader_begins_with_an_entry_of_its_term() {
    let mut group = three();
    lead(&mut group, 1);
    let first = group.notes.iter().find_map(|note| match note {
        Note::Sent(letter) if letter.from == id(1) => match &letter.parcel {
            Parcel::Said { message: Message::Append { term, drafts, .. }, .. } => {
                Some((*term, drafts.iter().map(|draft| draft.term).collect::<Vec<u64>>()))
            }
            _ => None,
        },
        _ => None,
    });
    assert_eq!(first, Some((1, vec![1])));
}

/// Strangers have no say: neither their votes nor their terms.
#[test]
fn strangers_are_not_listened_to() {
    let core = fresh(1, (0, None), &[]);
    let (after, out) = hear(&core, 9, vote(5, (9, 9)));
    assert_eq!((after, out), (core, vec![Effect::Dropped(id(9), DropReason::Stranger)]));
}

/// Answers that are late, or to a question that was not asked, elect nobody.
#[test]
fn late_answers_elect_nobody() {
    let mut core = fresh(1, (0, None), &[]);
    core.elapsed(&mut Vec::new());
    let (candidate, _) = hear(&core, 2, Message::Voted { term: 1, before: true, granted: true });
    for (term, before) in [(0, false), (1, true)] {
        let late = Message::Voted { term, before, granted: true };
        let (after, out) = hear(&candidate, 3, late);
        assert_eq!(after, candidate);
        assert_eq!(out, [Effect::Dropped(id(3), DropReason::Stale)]);
    }
    // A vote is no pre-vote: it does not even begin the election.
    let (after, _) = hear(&core, 2, Message::Voted { term: 0, before: false, granted: true });
    assert_eq!(after, core);
}
