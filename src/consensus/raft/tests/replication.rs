//! Raft 5.3 to 5.5: how logs become one, and what is decided.

use super::group::{Note, above};
use super::*;
use crate::consensus::raft::message::DRAFTS_MAX;

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
        node.drafts.insert(below.at.height, body);
    }
    node.vote = (far, None);
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
