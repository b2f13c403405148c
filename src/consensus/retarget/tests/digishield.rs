use super::super::tests::{bitcoin_limit, nonzero};
use super::*;
use crate::types::vectors;

fn required(spacing: u64, before: u64, tip: u64, bits: Bits, limit: Target) -> Bits {
    let schedule = Schedule { spacing: nonzero(spacing), initial: bits, limit };
    let mut history = History::default();
    Digishield.remember(&mut history, Past { height: 1, time: before, bits: Bits(0x0101_0000) });
    Digishield.remember(&mut history, Past { height: 2, time: tip, bits });
    Digishield.required(&history, &schedule).unwrap()
}

#[test]
fn every_row_of_dogecoin_is_reproduced() {
    let Some(vectors) = vectors::json("difficulty_other.json") else { return };
    let form = &vectors["digishield"];
    let spacing = form["target_timespan"].as_u64().unwrap();
    // Dogecoin's limit is 2^236 − 1, easier than any row.
    let limit = Bits(0x1e0f_ffff).target().unwrap();
    let rows = form["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let [before, tip] = ["first_time", "last_time"].map(|key| row[key].as_u64().unwrap());
        let [old, new] = ["bits", "next"].map(|key| row[key].as_str().unwrap().parse().unwrap());
        assert_eq!(required(spacing, before, tip, old, limit), new, "{row}");
        let milliseconds = required(spacing * 1000, before * 1000, tip * 1000, old, limit);
        let [ours, theirs] = [milliseconds, new].map(|bits| bits.target().unwrap().difficulty());
        // A finer tick rounds later: seconds lose up to an eighth of a spacing's sixtieth.
        assert!((ours / theirs - 1.0).abs() < 0.02, "{ours} {theirs}");
    }
}

#[test]
fn an_interval_counts_an_eighth_and_within_its_clamp() {
    let bits = Bits(0x1c10_0000);
    let times = |part: u32, whole: u32| {
        let value = bits.target().unwrap().value() * part / whole;
        Target::within(&value, &bitcoin_limit()).to_bits()
    };
    for (interval, factor) in [
        (800i64, 800),
        (1600, 900),
        (0, 700),
        (808, 801),
        (807, 800),
        (793, 800),
        (792, 799),
        (-799, 601),
        (-100_000, 600),
        (4_000, 1200),
        (100_000, 1200),
    ] {
        let tip = 1_000_000u64.checked_add_signed(interval).unwrap();
        let due = required(800, 1_000_000, tip, bits, bitcoin_limit());
        assert_eq!(due, times(factor, 800), "after {interval}");
    }
}
