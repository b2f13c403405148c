//! Any order of messages, losses, copies, crashes and impatience: no two seal different blocks, no ballot proposes two, and when
//! the weather clears blocks are made again. Planted bugs are found.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::types::canary::plant;

/// Plays a seed; gives the group, and what was wrong, if anything.
fn play(seed: u64, steps: u32) -> (Group, Result<(), String>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let size = [3, 3, 4, 5][seed as usize % 4];
    let mut group = group(size);
    group.drafts_unkept = planted(Bug::DraftUnkept);
    for number in 0..steps {
        let of = id(1 + (random.next_u32() % u32::from(size)) as u8);
        match random.next_u32() % 100 {
            0..62 if !group.flight.is_empty() => {
                let place = random.next_u32() as usize % group.flight.len();
                let to = group.flight[place].to;
                group.deliver(place);
                if random.next_u32() % 32 == 0 {
                    group.blink(to);
                }
            }
            62..66 if !group.flight.is_empty() => {
                let place = random.next_u32() as usize % group.flight.len();
                group.flight.remove(place);
            }
            66..69 if !group.flight.is_empty() => {
                let place = random.next_u32() as usize % group.flight.len();
                let letter = group.flight[place].clone();
                group.hand_over(letter);
            }
            69..83 => drop(group.propose_value(of, number.into(), None)),
            83..89 => group.step(of, Core::elapsed),
            89..95 => group.step(of, Core::beat),
            95..97 => {
                let from = id(1 + (random.next_u32() % u32::from(size)) as u8);
                group.fetch(from, of);
            }
            97..100 => {
                group.blink(of);
            }
            _ => {}
        }
        if group.flight.len() > 200 {
            group.flight.drain(..100);
        }
        if let Err(wrong) = group.check() {
            return (group, Err(wrong));
        }
    }
    (group, Ok(()))
}

#[test]
fn whatever_happens_what_is_sealed_agrees_and_when_it_is_over_more_is() {
    let (mut most, mut ballots) = (0, 0);
    for seed in 0..300 {
        let (mut group, outcome) = play(seed, 1500);
        assert_eq!(outcome, Ok(()), "seed {seed}");
        let before = heights(&group).into_iter().max().unwrap_or(0);
        most = most.max(before);
        ballots = ballots.max(group.seen.led.len());
        // Everything arrives from now on, and whoever lacks blocks fetches them.
        group.flight.clear();
        let ids: Vec<AuthorityId> = group.nodes.keys().copied().collect();
        let mut number = 1_000_000;
        for _ in 0..40 {
            if heights(&group).iter().all(|height| *height > before + 1) {
                break;
            }
            for of in &ids {
                ids.iter().for_each(|from| group.fetch(*from, *of));
            }
            let leads = ids.iter().any(|of| group.core(*of).is_some_and(Core::leads));
            if !leads {
                // Nobody hears a leader; the first one's time is over.
                ids.iter().for_each(|of| give_up(&mut group, *of));
                group.step(ids[0], Core::elapsed);
            }
            group.deliver_all();
            for of in &ids {
                number += 1;
                group.step(*of, Core::beat);
                group.deliver_all();
                group.propose_value(*of, number, None);
                group.deliver_all();
            }
        }
        assert_eq!(group.check(), Ok(()), "seed {seed}");
        let now = heights(&group);
        assert!(now.iter().all(|height| *height > before + 1), "seed {seed}: {now:?}");
    }
    assert!(most >= 10 && ballots >= 10, "{most} blocks, {ballots} ballots in bad weather");
}

fn give_up(group: &mut Group, of: AuthorityId) {
    if group.core(of).is_some_and(Core::lease) {
        group.step(of, Core::elapsed);
    }
}

/// Each of these breaks agreement, or makes a ballot propose two values.
#[test]
fn planted_bugs_are_found() {
    for bug in [Bug::QuorumOneShort, Bug::DraftUnkept] {
        let _planted = plant(bug);
        let found = (0..2000).find_map(|seed| play(seed, 1500).1.err().map(|it| (seed, it)));
        let (seed, wrong) = found.unwrap_or_else(|| panic!("{bug:?} is not found"));
        println!("{bug:?}: seed {seed}: {wrong}");
    }
}

/// 2.2, P2c: whoever takes what most had accepted, in place of the highest ballot's, is found by the claim about that.
#[test]
fn the_majoritys_value_is_not_taken() {
    let _planted = plant(Bug::MajorityValue);
    let claim = super::claims::the_value_of_the_highest_ballot_is_proposed_again;
    assert!(std::panic::catch_unwind(claim).is_err());
}

/// 2.2, phase 2 (b): what is promised may be accepted; where only higher ballots are, nothing is ever chosen.
#[test]
fn accepting_only_above_the_promise_chooses_nothing() {
    let planted = plant(Bug::AcceptedAbovePromised);
    let mut group = group(3);
    lead(&mut group, 1);
    assert!(group.propose_value(id(1), 1, None));
    group.deliver_all();
    group.step(id(1), Core::beat);
    group.deliver_all();
    assert_eq!(heights(&group), [0, 0, 0]);
    drop(planted);
    group.step(id(1), Core::beat);
    group.deliver_all();
    group.step(id(1), Core::beat);
    group.deliver_all();
    assert_eq!(heights(&group), [1, 1, 1]);
}

/// 2.5: a proposer never uses a ballot twice, crash or not: S1 proposes a draft, crashes before that is kept, and stands again.
fn a_ballot_after_a_crash() -> Result<(), String> {
    let mut group = group(3);
    lead(&mut group, 1);
    let first = group.core(id(1)).unwrap().promised();
    // What it proposed left before it was kept, and the crash came in between.
    let kept = group.nodes[&id(1)].clone();
    assert!(group.propose_value(id(1), 1, None));
    group.parts = parts(&[&[1, 2], &[3]]);
    let place = group.flight.iter().position(|it| it.to == id(2)).unwrap();
    group.deliver(place);
    group.nodes.insert(id(1), kept);
    group.crash(id(1));
    group.flight.clear();
    group.restart(id(1));
    group.parts = parts(&[&[1, 3], &[2]]);
    give_up_on_the_leader(&mut group, &[3]);
    lead(&mut group, 1);
    if group.core(id(1)).unwrap().promised() == first {
        return Err("a ballot is used twice".into());
    }
    assert!(group.propose_value(id(1), 2, None));
    group.deliver_all();
    group.check()
}

#[test]
fn a_ballot_is_not_used_twice() {
    assert_eq!(a_ballot_after_a_crash(), Ok(()));
    let _planted = plant(Bug::BallotReused);
    assert!(a_ballot_after_a_crash().is_err());
}
