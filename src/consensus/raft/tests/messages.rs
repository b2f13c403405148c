//! What is said.

use super::*;
use crate::consensus::log::LogMessage as _;
use crate::consensus::raft::message::{Last, Wire};
use crate::types::Draft;

fn append(heights: std::ops::Range<u64>) -> Message<Ref> {
    let point =
        |height: u64| Point { height: Height(height), id: BlockId(Hash([height as u8; 32])) };
    let drafts = heights.clone().map(|height| Ref { at: point(height), term: 3 }).collect();
    let (prev, committed) = (point(heights.start - 1), point(0));
    Message::Append { term: 3, round: 7, prev, drafts, committed }
}

/// What is too large for a stream goes in parts that stand on each other.
#[test]
fn a_message_in_halves_says_the_same() {
    let (first, rest) = append(5..10).halves().unwrap();
    assert_eq!((first, rest), (append(5..7), append(7..10)));
    let (first, rest) = append(5..7).halves().unwrap();
    assert_eq!((first, rest), (append(5..6), append(6..7)));
    assert_eq!(append(5..6).halves(), None);
    assert_eq!(append(5..5).halves(), None);
    assert_eq!(Message::<Ref>::TimeoutNow { term: 1 }.halves(), None);
}

/// Nothing that comes in panics, and what reads is written alike.
#[test]
fn noise_is_nothing_or_a_message() {
    let mut dice = crate::types::testkit::Dice::new(5);
    let message: Message<Draft> = Message::PreVote { term: 4, last: last() };
    let good = Wire::Said(message).encode().unwrap();
    for _ in 0..2_000 {
        let mut bytes = good.0.clone().into_inner();
        for _ in 0..=dice.below(3) {
            let place = dice.index(bytes.len());
            bytes[place] = dice.next() as u8;
        }
        let noise = crate::consensus::Message(crate::types::Bounded::truncated(bytes));
        if let Some(wire) = Wire::<Draft>::decode(&noise) {
            assert_eq!(wire.encode().as_ref(), Some(&noise));
        }
    }
}

fn last() -> Last {
    Last { term: 2, height: Height(9) }
}
