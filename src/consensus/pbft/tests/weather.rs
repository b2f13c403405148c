//! Any order of messages, losses, crashes, impatience and a liar: what is sealed agrees, and when the weather clears blocks are
//! made again.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::types::canary::{Bug, plant};

/// Plays a seed; gives the group, and whether its members agreed all the time and took nobody for a liar who is none.
fn play(seed: u64, steps: u32) -> (Group, bool) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let size = [4, 4, 5, 7][seed as usize % 4];
    let mut group = Group::new(size);
    let liar = (!seed.is_multiple_of(3)).then(|| (random.next_u32() % u32::from(size)) as u8);
    if let Some(liar) = liar {
        group.liars.insert(id(liar));
    }
    for _ in 0..steps {
        let of = (random.next_u32() % u32::from(size)) as u8;
        let number = random.next_u32() as u8 % 2;
        match random.next_u32() % 100 {
            0..67 if !group.flight.is_empty() => {
                let index = random.next_u32() as usize % group.flight.len();
                group.deliver(index);
            }
            67..69 if !group.flight.is_empty() => {
                let index = random.next_u32() as usize % group.flight.len();
                group.flight.remove(index);
            }
            69..80 => group.propose(of, number),
            80..82 => group.elapse(of, Wait::Patience),
            82..83 => group.elapse(of, Wait::Change { doublings: 0 }),
            83..89 => group.elapse(of, Wait::Beat),
            89..91 if Some(of) != liar => {
                group.crash(id(of));
                group.restart(id(of));
            }
            91..100 => {
                let Some(liar) = liar else { continue };
                // About what somebody is just deciding, to some of them.
                let node = &group.nodes[&id(of)];
                let Some(core) = &node.core else { continue };
                let view = core.view() + u64::from(random.next_u32() % 4 == 0);
                let at = draft(node.chain.len() as u64, number);
                let sealed = node.chain[node.chain.len() - 1].0;
                let all = [
                    pre_prepare(view, at),
                    Message::Prepare(ballot(view, at), ()),
                    Message::Commit(ballot(view, at), ()),
                    Message::ViewChange(ViewChange { view, sealed, prepared: None }, ()),
                ];
                let to: Vec<u8> = (0..size).filter(|_| random.next_u32() % 2 == 0).collect();
                let silent = random.next_u32() as usize % 4;
                all.iter().skip(silent).for_each(|said| group.lie(liar, &to, said));
            }
            _ => {}
        }
        if group.flight.len() > 400 {
            group.flight.drain(..200);
        }
        let accused = group.conflicts.iter().any(|(_, whose)| !group.liars.contains(whose));
        if accused || !group.agree() {
            return (group, false);
        }
    }
    (group, true)
}

#[test]
fn whatever_happens_what_is_sealed_agrees_and_when_it_is_over_more_is() {
    let mut most = 0;
    for seed in 0..300 {
        let (mut group, agreed) = play(seed, 1000);
        assert!(agreed, "seed {seed}");
        let before = group.heights().into_iter().max().unwrap_or(0);
        most = most.max(before);
        // Everything arrives from now on; the liar says nothing more.
        group.flight.clear();
        let size = group.nodes.len() as u8;
        let liar = group.liars.iter().next().copied();
        let mut number = 10;
        let done = |group: &Group| {
            let mut honest = group.nodes.iter().filter(|(of, _)| Some(**of) != liar);
            honest.all(|(_, node)| node.chain.len() > before + 1)
        };
        for _ in 0..40 {
            if done(&group) {
                break;
            }
            (0..size).for_each(|of| group.elapse(of, Wait::Beat));
            group.deliver_all();
            for of in 0..size {
                number += 1;
                group.propose(of, number);
                group.deliver_all();
            }
            if !done(&group) {
                for wait in [Wait::Patience, Wait::Change { doublings: 0 }] {
                    (0..size).for_each(|of| group.elapse(of, wait));
                    group.deliver_all();
                }
            }
        }
        assert!(group.agree() && done(&group), "seed {seed}: {:?}", group.heights());
    }
    assert!(most >= 5, "blocks are made in bad weather too: {most}");
}

/// Whoever does not keep what it agreed to says something else after a crash, and is taken for a liar.
#[test]
fn an_authority_that_forgets_its_votes_is_taken_for_a_liar() {
    let _planted = plant(Bug::VoteUnkept);
    assert!((0..300).any(|seed| !play(seed, 1000).1));
}
