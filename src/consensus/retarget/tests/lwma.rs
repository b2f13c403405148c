use super::super::Retarget;
use super::super::tests::{blocks, nonzero};
use super::*;
use crate::types::vectors;

/// Tari's form of the rule: the next difficulty after blocks of these times and difficulties.
fn tari(pushes: &[(u64, u64)], intervals: usize, spacing: u64) -> Option<u64> {
    let start = pushes.len().saturating_sub(intervals + 1);
    let [first, rest @ ..] = &pushes[start..] else { return None };
    if rest.is_empty() {
        return None;
    }
    let known = rest.len() as u64;
    let mean = rest.iter().map(|(_, difficulty)| difficulty).sum::<u64>() / known;
    let times = rest.iter().map(|(time, _)| *time);
    let next = triangle(known) * spacing * mean / weighted_sum(first.0, times, 1, spacing);
    Some(u64::try_from(next).unwrap())
}

fn number(value: &serde_json::Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn every_row_of_tari_is_reproduced() {
    let Some(vectors) = vectors::json("difficulty_other.json") else { return };
    let form = &vectors["lwma1_difficulty_form"];
    let (intervals, spacing) = (number(&form["n"]) as usize, number(&form["T"]));
    let rows = form["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 15);
    let mut pushes = Vec::new();
    for row in rows {
        pushes.push((number(&row[0]), number(&row[1])));
        assert_eq!(tari(&pushes, intervals, spacing), row[2].as_u64(), "{row}");
    }
    let extra = form["extra"].as_array().unwrap();
    assert_eq!(extra.len(), 2);
    for case in extra {
        let push = |push: &serde_json::Value| (number(&push[0]), number(&push[1]));
        let pushes: Vec<_> = case["pushes"].as_array().unwrap().iter().map(push).collect();
        let (intervals, spacing) = (number(&case["n"]) as usize, number(&case["T"]));
        assert_eq!(tari(&pushes, intervals, spacing), case["expect"].as_u64(), "{case}");
    }
}

const SPACING: u64 = 60;

fn required(window: u32, chain: &[(u64, Bits)]) -> Bits {
    let schedule =
        Schedule { spacing: nonzero(SPACING), initial: Bits(0x1e00_ffff), limit: Target::max() };
    let retarget = Retarget::Lwma(Lwma { window: blocks(window) });
    let mut history = History::default();
    for (height, (time, bits)) in (1..).zip(chain) {
        retarget.remember(&mut history, Past { height, time: *time, bits: *bits });
    }
    retarget.required(&history, &schedule)
}

/// The target form is one over the difficulty form: both give the same answer to the same times.
#[test]
fn targets_and_difficulties_agree() {
    let Some(vectors) = vectors::json("difficulty_other.json") else { return };
    let rows = vectors["lwma1_difficulty_form"]["rows"].as_array().unwrap();
    let bits = Bits(0x1d00_ffff);
    let times: Vec<(u64, Bits)> = rows.iter().map(|row| (number(&row[0]), bits)).collect();
    let pushes: Vec<(u64, u64)> = times.iter().map(|(time, _)| (*time, 1_000_000)).collect();
    for end in 6..=rows.len() {
        let ours = required(5, &times[..end]).target().unwrap().difficulty() * 1e6;
        let theirs = tari(&pushes[..end], 5, SPACING).unwrap() as f64;
        assert!((ours / theirs - 1.0).abs() < 1e-4, "{end}: {ours} {theirs}");
    }
}

#[test]
fn on_schedule_nothing_changes_whatever_the_age_of_the_chain() {
    let bits = Bits(0x1d00_ffff);
    for length in 1..20 {
        let chain: Vec<_> = (0..length).map(|n| (1000 + n * SPACING, bits)).collect();
        assert_eq!(required(9, &chain), bits, "{length} blocks");
    }
}

#[test]
fn one_long_night_counts_as_six_spacings() {
    let bits = Bits(0x1d00_ffff);
    let chain = |last| [(0, bits), (60, bits), (120, bits), (120 + last, bits)];
    assert_eq!(required(3, &chain(6 * SPACING)), required(3, &chain(1_000_000)));
    // Intervals of 60, 60 and 360 with weights 1, 2 and 3 against 6 intervals of 60.
    let expected = bits.target().unwrap().value() * 1260u32 / 360u32;
    assert_eq!(required(3, &chain(7777)), Target::within(&expected, &Target::max()).to_bits());
}

#[test]
fn going_back_in_time_gains_nothing() {
    let bits = Bits(0x1d00_ffff);
    let honest = [(0, bits), (60, bits), (61, bits), (180, bits)];
    let lying = [(0, bits), (60, bits), (5, bits), (180, bits)];
    assert_eq!(required(3, &lying), required(3, &honest));
}
