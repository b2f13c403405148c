use serde_json::Value;

use super::super::tests::{bitcoin_limit, blocks, nonzero};
use super::*;
use crate::types::vectors;

/// Dash's chain up to block 123 456, in its own figures.
fn dash(form: &Value, ticks_per_second: u64) -> (Dgw, History, Schedule) {
    let rule = Dgw { window: blocks(24) };
    assert_eq!(form["n"], 24);
    let spacing = nonzero(form["spacing"].as_u64().unwrap() * ticks_per_second);
    let initial = Bits(0x1e0f_ffff);
    let schedule = Schedule { spacing, initial, limit: bitcoin_limit() };
    let mut history = History::default();
    let rows = form["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 24);
    for (height, row) in (123_433..).zip(rows) {
        assert_eq!(rule.required(&history, &schedule), None, "the window is not full");
        let time = row[0].as_u64().unwrap() * ticks_per_second;
        rule.remember(&mut history, Past { height, time, bits: bits(&row[1]) });
    }
    (rule, history, schedule)
}

fn bits(value: &Value) -> Bits {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn the_published_block_of_dash_is_reproduced() {
    let Some(vectors) = vectors::json("difficulty_other.json") else { return };
    let form = &vectors["dark_gravity_wave_v3"];
    for ticks_per_second in [1, 1000] {
        let (rule, history, schedule) = dash(form, ticks_per_second);
        assert_eq!(rule.required(&history, &schedule), Some(bits(&form["next"])));
    }
}

/// What Dash's test networks add, which looks at the time of the block being judged and is therefore no rule here.
#[test]
fn the_exceptions_of_dash_s_test_networks_are_reproduced() {
    let Some(vectors) = vectors::json("difficulty_other.json") else { return };
    let form = &vectors["dark_gravity_wave_v3"];
    let (rule, history, schedule) = dash(form, 1);
    let easiest = Bits(0x207f_ffff).target().unwrap();
    let tip = history.window.last().unwrap();
    let judged_at = |time: u64| match time - tip.time {
        late if late > 7200 => easiest.to_bits(),
        late if late > 4 * schedule.spacing.get() => {
            Target::within(&(tip.bits.target().unwrap().value() * 10u32), &easiest).to_bits()
        }
        _ => rule.required(&history, &schedule).unwrap(),
    };
    let rows = form["devnet_rules"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(judged_at(row[0].as_u64().unwrap()), bits(&row[1]), "{row}");
    }
    assert_eq!(judged_at(tip.time + 150), bits(&form["next"]));
}

#[test]
fn the_tip_counts_twice_and_time_within_a_third_and_three_times() {
    let rule = Dgw { window: blocks(2) };
    let schedule =
        Schedule { spacing: nonzero(100), initial: Bits(0x1c10_0000), limit: Target::max() };
    let after = |interval: u64| {
        let mut history = History::default();
        let past = |height, time, bits| Past { height, time, bits: Bits(bits) };
        rule.remember(&mut history, past(1, 1000, 0x1c40_0000));
        rule.remember(&mut history, past(2, 1000 + interval, 0x1c10_0000));
        rule.required(&history, &schedule).unwrap()
    };
    // (2 × 10 + 40) ÷ 3 = 20, all hexadecimal, against two spacings.
    assert_eq!(after(200), Bits(0x1c20_0000));
    assert_eq!(after(100), Bits(0x1c10_0000));
    assert_eq!(after(600), Bits(0x1c60_0000));
    assert_eq!((after(0), after(9_999)), (after(66), after(600)));
}
