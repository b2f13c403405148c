use serde_json::Value;

use super::super::tests::{bitcoin_limit, blocks, nonzero};
use super::*;
use crate::types::vectors;

/// Peercoin's averaging time, a week in seconds.
const WEEK: u64 = 604_800;

/// From here on the spacing of work is an hour.
const VERSION_0_9: u64 = 1_591_617_600;

/// One of Peercoin's cases: the required bits of the next block of one kind after a chain of both.
fn peercoin(chain: &[Value], for_stake: bool) -> Bits {
    let number = |block: &Value, at: usize| block[at].as_u64().unwrap();
    let past = |block: &Value| Past {
        height: number(block, 0),
        time: number(block, 1),
        bits: block[2].as_str().unwrap().parse().unwrap(),
    };
    // The search for a block of a kind ends at the chain's first block, whatever that one's kind is.
    let kind = u64::from(for_stake);
    let of_kind =
        |end: usize| (1..end).rev().find(|at| number(&chain[*at], 3) == kind).unwrap_or_default();
    let last = of_kind(chain.len());
    let before = if last == 0 { 0 } else { of_kind(last) };
    let tip = chain.last().unwrap();
    let spacing = match (for_stake, number(tip, 1) >= VERSION_0_9) {
        (true, _) => 600,
        (false, true) => 3600,
        (false, false) => 7200.min(600 * (1 + number(tip, 0) - number(&chain[last], 0))),
    };
    let rule = Ema { window: blocks(u32::try_from(WEEK / spacing).unwrap()) };
    let schedule =
        Schedule { spacing: nonzero(spacing), initial: Bits(0x1d00_ffff), limit: bitcoin_limit() };
    let mut history = History::default();
    rule.remember(&mut history, past(&chain[before]));
    rule.remember(&mut history, past(&chain[last]));
    rule.required(&history, &schedule).unwrap()
}

#[test]
fn every_row_of_peercoin_is_reproduced() {
    let Some(vectors) = vectors::json("peercoin.json") else { return };
    let rows = vectors["retarget"].as_array().unwrap();
    assert_eq!(rows.len(), 19);
    for row in rows {
        let chain = row["chain"].as_array().unwrap();
        let expected: Bits = row["expect"].as_str().unwrap().parse().unwrap();
        assert_eq!(peercoin(chain, row["for_pos"].as_bool().unwrap()), expected, "{row}");
    }
}

fn required(window: u32, interval: i64, limit: Target) -> Bits {
    let bits = Bits(0x1c10_0000);
    let schedule = Schedule { spacing: nonzero(100), initial: bits, limit };
    let rule = Ema { window: blocks(window) };
    let mut history = History::default();
    for time in [10_000, 10_000u64.checked_add_signed(interval).unwrap()] {
        rule.remember(&mut history, Past { height: 1, time, bits });
    }
    rule.required(&history, &schedule).unwrap()
}

#[test]
fn the_last_interval_counts_as_two_of_one_more_than_the_window() {
    let old = Bits(0x1c10_0000).target().unwrap().value();
    for (window, interval, part, whole) in [
        (9, 100, 1000u32, 1000u32),
        (9, 600, 2000, 1000),
        (9, 0, 800, 1000),
        (9, -100, 600, 1000),
        (2, 1_000_000, 2_000_100, 300),
    ] {
        let expected = Target::within(&(&old * part / whole), &Target::max()).to_bits();
        assert_eq!(required(window, interval, Target::max()), expected, "{window} {interval}");
    }
}

#[test]
fn nothing_lowers_the_target_by_more_than_a_quarter_remains() {
    let old = Bits(0x1c10_0000).target().unwrap().value();
    let quarter = Target::within(&(old / 4u32), &Target::max()).to_bits();
    for (window, interval) in [(1, 0), (1, -10_000), (2, 0), (9, -10_000)] {
        let due = required(window, interval, Target::max()).target().unwrap();
        assert!(due >= quarter.target().unwrap(), "{window} {interval}");
    }
    assert_eq!(required(1, -1, Target::max()), quarter);
}
