use num_bigint::BigUint;

use super::super::tests::{bitcoin_limit, nonzero};
use super::super::{Retarget, Schedule};
use super::*;
use crate::types::vectors;

/// Bitcoin itself, in seconds.
const MAINNET: (u64, u64, u64) = (2016, 4, 600);

fn mainnet(limit: Target) -> (Bitcoin, Schedule) {
    let (window, clamp, spacing) = MAINNET;
    let rule = Bitcoin { window: nonzero(window), clamp: nonzero(clamp) };
    let schedule = Schedule { spacing: nonzero(spacing), initial: limit.to_bits(), limit };
    (rule, schedule)
}

fn bits(value: &serde_json::Value) -> Bits {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn every_boundary_of_the_real_chain_is_reproduced() {
    let Some(vectors) = vectors::json("bitcoin/retarget_boundaries.json") else { return };
    let (rule, schedule) = mainnet(bitcoin_limit());
    let rows = vectors["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 22);
    let mut on_the_chain = 0;
    for row in rows {
        let [first, last] = ["first_time", "last_time"].map(|key| row[key].as_u64().unwrap());
        let (old, new) = (bits(&row["old_bits"]), bits(&row["new_bits"]));
        let actual = BigInt::from(last) - first;
        assert_eq!(actual, row["actual_timespan"].as_u64().unwrap().into());
        assert_eq!(rule.retarget(&old.target().unwrap(), actual, &schedule), new, "{row}");
        // Where the row is a whole period, the rule finds its boundary in a chain by itself.
        let last_height = row["last_height"].as_u64().unwrap();
        if row["first_height"].as_u64().is_some_and(|height| height + 2015 == last_height) {
            let mut history = History::default();
            let past = |height, time| Past { height, time, bits: old };
            rule.remember(&mut history, past(last_height - 2015, first));
            rule.remember(&mut history, past(last_height - 1, last));
            assert_eq!(rule.required(&history, &schedule), Some(old), "not before its time");
            rule.remember(&mut history, past(last_height, last));
            assert_eq!(rule.required(&history, &schedule), Some(new), "{row}");
            rule.remember(&mut history, Past { bits: new, ..past(last_height + 1, last) });
            assert_eq!(rule.required(&history, &schedule), Some(new), "and it holds");
            on_the_chain += 1;
        }
    }
    assert_eq!(on_the_chain, 20);
}

#[test]
fn the_tick_does_not_matter() {
    let Some(vectors) = vectors::json("bitcoin/retarget_boundaries.json") else { return };
    let (rule, schedule) = mainnet(bitcoin_limit());
    let schedule = Schedule { spacing: nonzero(600_000), ..schedule };
    for row in vectors["rows"].as_array().unwrap() {
        let actual = BigInt::from(row["actual_timespan"].as_u64().unwrap()) * 1000u32;
        let old = bits(&row["old_bits"]).target().unwrap();
        assert_eq!(rule.retarget(&old, actual, &schedule), bits(&row["new_bits"]), "{row}");
    }
}

#[test]
fn the_first_periods_of_signet_are_reproduced() {
    let Some(vectors) = vectors::json("bitcoin/compact_vectors.json") else { return };
    let rows = vectors["signet_retarget"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let limit = bits(&rows[0]["powlimit_bits"]).target().unwrap();
    let (rule, schedule) = mainnet(limit);
    for row in rows {
        let actual = BigInt::from(row["t1"].as_u64().unwrap()) - row["t0"].as_u64().unwrap();
        let old = bits(&row["old"]).target().unwrap();
        assert_eq!(rule.retarget(&old, actual, &schedule), bits(&row["new"]), "{row}");
    }
}

/// The two rules are one function of another base, which is why a chain without testnet's easy blocks needs no switch.
#[test]
fn bip_94_starts_from_the_first_bits_and_bitcoin_from_the_last() {
    let Some(vectors) = vectors::json("bitcoin/compact_vectors.json") else { return };
    let row = &vectors["bip94"];
    let (rule, schedule) = mainnet(bitcoin_limit());
    let after = |base: &str| {
        let actual = BigInt::from(row["timespan"].as_u64().unwrap());
        rule.retarget(&bits(&row[base]).target().unwrap(), actual, &schedule)
    };
    assert_eq!(after("last_bits"), bits(&row["mainnet_new"]));
    assert_eq!(after("first_bits"), bits(&row["testnet4_new"]));
}

/// No period of the real chain changed its target by more than the clamp allows, compact rounding aside.
#[test]
fn no_period_of_the_real_chain_left_the_clamp() {
    let Some(vectors) = vectors::json("bitcoin/epoch_bits.json") else { return };
    let (rule, schedule) = mainnet(bitcoin_limit());
    let epochs: Vec<Bits> = vectors["bits"].as_array().unwrap().iter().map(bits).collect();
    assert_eq!(epochs.len(), 474);
    for pair in epochs.windows(2) {
        let old = pair[0].target().unwrap();
        let least = rule.retarget(&old, BigInt::from(0), &schedule).target().unwrap();
        let most = rule.retarget(&old, BigInt::from(u64::MAX), &schedule).target().unwrap();
        assert!((least..=most).contains(&pair[1].target().unwrap()), "{pair:?}");
    }
}

#[test]
fn a_period_that_began_before_the_chain_counts_as_on_schedule() {
    let rule = Bitcoin { window: nonzero(10), clamp: nonzero(4) };
    let initial = Bits(0x1e00_ffff);
    let schedule = Schedule { spacing: nonzero(100), initial, limit: Target::max() };
    let mut history = History::default();
    // Blocks 1 to 9 exactly on schedule, the genesis block unseen: 9 intervals where 10 are ideal.
    for height in 1..=9 {
        let bits = rule.required(&history, &schedule).unwrap_or(initial);
        assert_eq!(bits, initial);
        rule.remember(&mut history, Past { height, time: 5000 + height * 100, bits });
    }
    let expected = initial.target().unwrap().value() * 9u32 / 10u32;
    let due = rule.required(&history, &schedule).unwrap();
    assert_eq!(due, Target::within(&expected, &Target::max()).to_bits());
}

#[test]
fn the_next_retarget_is_counted_down() {
    let retarget = Retarget::Bitcoin(Bitcoin { window: nonzero(10), clamp: nonzero(4) });
    let counted: Vec<u64> = (1..=12).map(|next| retarget.changes_in(next).unwrap()).collect();
    assert_eq!(counted, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 10, 9]);
}

#[test]
fn easy_limits_do_not_overflow() {
    let rule = Bitcoin { window: nonzero(100_000), clamp: nonzero(1000) };
    let limit = Bits(0x207f_ffff).target().unwrap();
    let spacing = nonzero(86_400_000);
    let schedule = Schedule { spacing, initial: limit.to_bits(), limit };
    let late = BigInt::from(BigUint::from(u64::MAX));
    assert_eq!(rule.retarget(&limit, late, &schedule), limit.to_bits());
    assert_eq!(rule.retarget(&Target::max(), BigInt::from(-1), &schedule), Bits(0x1f41_8937));
}
