//! The target follows the hash rate, on the chain's own state.

use super::*;
use crate::consensus::retarget::{Anchor, Past, asert};
use crate::types::testkit::Dice;

/// Adds a block without a proof: these tests ask only which proof would be due.
fn add(mine: &mut Mine, time: Time) -> Bits {
    let head = mine.tree.head();
    let draft = mine.draft(head, time, vec![]);
    let Claim::Work { bits } = draft.header.claim else { panic!("a claim of work") };
    let executed = mine.tree.execute(&draft, &head.state).unwrap();
    let unproven = draft.header;
    let seal = Seal::Work(Mine::blank(&unproven));
    mine.tree.insert(Arc::new(draft.seal(seal)), executed).unwrap().unwrap().unwrap();
    mine.finalise();
    bits
}

/// The bits of each block follow from block 1 and the block before, by the published formula.
#[test]
fn every_target_is_the_one_that_the_formula_gives() {
    let mut dice = Dice::new(1);
    let mut mine = Mine::with(|params| params.initial_bits = Bits(0x1f01_0000));
    let half_life = NonZeroU64::new(100_000).unwrap();
    let first = LAUNCH + 3_600_000;
    assert_eq!(add(&mut mine, Time(first)), Bits(0x1f01_0000), "block 1 has no past");
    let mut tip = Past { height: 1, time: first, bits: Bits(0x1f01_0000) };
    for _ in 0..300 {
        let pace = match dice.below(10) {
            0 => 200_000,
            1..=4 => dice.below(3_000),
            _ => dice.below(2 * SPACING),
        };
        let earliest = mine.rules.earliest_time(mine.tree.head().as_ref()).unwrap();
        let time = Time(tip.time + pace).max(earliest);
        let bits = add(&mut mine, time);
        let anchor = Anchor {
            height: 1,
            target: Bits(0x1f01_0000).target().unwrap(),
            parent_time: first - SPACING,
        };
        assert_eq!(bits, asert(&anchor, &tip, SPACING, half_life, &limit()), "at {}", tip.height);
        assert!(bits.target().unwrap() <= limit());
        tip = Past { height: tip.height + 1, time: time.0, bits };
    }
}

/// Blocks come at random, as hashes do: the time to the next one at a hash rate per millisecond.
fn wait(dice: &mut Dice, bits: Bits, hashes_per_ms: f64) -> u64 {
    let uniform = (dice.next() >> 11) as f64 / (1u64 << 53) as f64;
    (-(1.0 - uniform).ln() * bits.work().to_f64() / hashes_per_ms) as u64
}

#[test]
fn the_block_time_recovers_from_any_jump_of_the_hash_rate() {
    let mut mine = Mine::with(|params| params.initial_bits = Bits(0x1f00_ffff));
    let mut dice = Dice::new(7);
    let mut time = LAUNCH;
    // An ordinary processor, then a machine a hundred thousand times as fast, then a hundredth of that.
    for (hashes_per_ms, blocks) in [(7.0, 150), (700_000.0, 400), (7_000.0, 200)] {
        let mut times = Vec::new();
        for _ in 0..blocks {
            let head = mine.tree.head();
            let bits = mine.rules.next_bits(&head.state, head.height()).unwrap();
            let earliest = mine.rules.earliest_time(mine.tree.head().as_ref()).unwrap();
            time = (time + wait(&mut dice, bits, hashes_per_ms)).max(earliest.0);
            add(&mut mine, Time(time));
            times.push(time);
        }
        let late = &times[times.len() - 101..];
        let mean = (late[100] - late[0]) / 100;
        println!("at {hashes_per_ms} hashes per ms: {mean} ms per block");
        assert!((SPACING / 2..=2 * SPACING).contains(&mean), "{mean} ms at {hashes_per_ms}");
    }
}

#[test]
fn fixed_bits_stay() {
    let mut mine = Mine::with(|params| {
        params.retarget = Retarget::Fixed;
    });
    for step in 1..50 {
        assert_eq!(add(&mut mine, Time(LAUNCH + step)), EASY);
    }
}
