//! What holds for every algorithm: no past is too strange, no target leaves its bounds, and later is never harder.

mod steps;

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::types::target::Bits;

pub(super) fn nonzero(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).unwrap()
}

pub(super) fn blocks(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// 2^224 − 1, the limit of Bitcoin and its relatives.
pub(super) fn bitcoin_limit() -> Target {
    Target::from_value(&((num_bigint::BigUint::from(1u32) << 224u32) - 1u32)).unwrap()
}

/// One of each algorithm; `window` and the rest are anything that a spec allows and some that it does not.
fn any_retarget() -> impl Strategy<Value = Retarget> {
    (0usize..7, 1u32..600, 1u64..2000, 1u64..).prop_map(|(which, window, clamp, half_life)| {
        let window = blocks(window);
        match which {
            0 => Retarget::Bitcoin(Bitcoin { window: window.into(), clamp: nonzero(clamp) }),
            1 => Retarget::Asert(Asert { half_life: nonzero(half_life) }),
            2 => Retarget::Lwma(Lwma { window }),
            3 => Retarget::Digishield(Digishield),
            4 => Retarget::Ema(Ema { window }),
            5 => Retarget::Dgw(Dgw { window }),
            _ => Retarget::Fixed,
        }
    })
}

fn any_target() -> impl Strategy<Value = Target> {
    (any::<[u8; 32]>(), 0u32..256).prop_map(|(bytes, shift)| {
        let value = num_bigint::BigUint::from_bytes_be(&bytes) >> shift;
        Target::within(&value, &Target::max())
    })
}

/// A chain of up to `length` blocks that nothing but its bits holds together.
fn any_chain(length: usize) -> impl Strategy<Value = Vec<Past>> {
    let block = (any::<u64>(), any_target()).prop_map(|(time, target)| (time, target.to_bits()));
    (0u64..5000, prop::collection::vec(block, 0..length)).prop_map(|(first, chain)| {
        let past = |(height, (time, bits))| Past { height, time, bits };
        (first..).zip(chain).map(past).collect()
    })
}

fn remembered(retarget: &Retarget, chain: &[Past]) -> History {
    let mut history = History::default();
    chain.iter().for_each(|block| retarget.remember(&mut history, *block));
    history
}

proptest! {
    #[test]
    fn no_past_is_too_strange(
        retarget in any_retarget(),
        chain in any_chain(80),
        spacing in 1u64..,
        limit in any_target(),
    ) {
        let initial = limit.to_bits();
        let limit = initial.target().unwrap();
        let schedule = Schedule { spacing: nonzero(spacing), initial, limit };
        let due = retarget.required(&remembered(&retarget, &chain), &schedule);
        // Where the target only holds on, it is as good as what the chain carried.
        let held = matches!(retarget, Retarget::Bitcoin(_));
        let target = due.target();
        prop_assert!(target.is_ok(), "{due}");
        prop_assert!(held || target.unwrap() <= limit, "{due} under {initial}");
        prop_assert_eq!(target.unwrap().to_bits(), due, "canonical");
    }

    #[test]
    fn a_later_tip_never_makes_the_next_block_harder(
        retarget in any_retarget(),
        chain in any_chain(40),
        spacing in 1u64..1_000_000_000,
        more in any::<u64>(),
    ) {
        let schedule = Schedule {
            spacing: nonzero(spacing),
            initial: Bits(0x1d00_ffff),
            limit: Target::max(),
        };
        let Some((tip, before)) = chain.split_last() else { return Ok(()) };
        let due = |time| {
            let mut history = remembered(&retarget, before);
            retarget.remember(&mut history, Past { time, ..*tip });
            retarget.required(&history, &schedule).target().unwrap()
        };
        // A first block is the anchor itself: it cannot be late.
        if !before.is_empty() {
            prop_assert!(due(tip.time) <= due(tip.time.saturating_add(more)));
        }
    }

    #[test]
    fn no_more_is_remembered_than_is_read(retarget in any_retarget(), chain in any_chain(80)) {
        let history = remembered(&retarget, &chain);
        let needed = match retarget {
            Retarget::Bitcoin(_) | Retarget::Asert(_) => 1,
            Retarget::Digishield(_) | Retarget::Ema(_) => 2,
            Retarget::Lwma(Lwma { window }) => window.get() as usize + 1,
            Retarget::Dgw(Dgw { window }) => window.get() as usize,
            Retarget::Fixed => 0,
        };
        prop_assert_eq!(history.window.len(), needed.min(chain.len()));
        // What the state holds is enough: the latest blocks alone give the same bits.
        let late = &chain[chain.len() - history.window.len()..];
        prop_assert_eq!(&history.window, late);
    }
}

#[test]
fn without_a_past_the_initial_bits_hold() {
    let initial = Bits(0x1f00_ffff);
    let schedule = Schedule { spacing: nonzero(600), initial, limit: Target::max() };
    for retarget in [
        Retarget::Bitcoin(Bitcoin { window: nonzero(2), clamp: nonzero(4) }),
        Retarget::Asert(Asert { half_life: nonzero(1) }),
        Retarget::Lwma(Lwma { window: blocks(60) }),
        Retarget::Digishield(Digishield),
        Retarget::Ema(Ema { window: blocks(30) }),
        Retarget::Dgw(Dgw { window: blocks(24) }),
        Retarget::Fixed,
    ] {
        assert_eq!(retarget.required(&History::default(), &schedule), initial, "{retarget:?}");
        let history = remembered(&retarget, &[Past { height: 1, time: 5000, bits: initial }]);
        let second = retarget.required(&history, &schedule);
        // Bitcoin's rule with the shortest period retargets at height 2 already.
        let early = matches!(retarget, Retarget::Bitcoin(_));
        assert!(early || second == initial, "{retarget:?}: {second}");
    }
}

#[test]
fn bits_that_never_change_stay() {
    let schedule =
        Schedule { spacing: nonzero(1), initial: Bits(0x1f00_ffff), limit: Target::max() };
    let chain = [Past { height: 9, time: 5, bits: Bits(0x1d00_ffff) }];
    let history = remembered(&Retarget::Fixed, &chain);
    assert_eq!(history, History::default());
    assert_eq!(Retarget::Fixed.required(&history, &schedule), Bits(0x1f00_ffff));
    assert_eq!(Retarget::Fixed.changes_in(10), None);
}
