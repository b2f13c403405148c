use super::super::Retarget;
use super::super::tests::bitcoin_limit;
use super::*;
use crate::types::vectors;

fn two_days() -> NonZeroU64 {
    NonZeroU64::new(172_800).unwrap()
}

/// A published run: the anchor in its header lines, then rows of iteration, tip height, tip time, required bits.
fn reproduce(name: &str, milliseconds: bool) -> usize {
    let Some(file) = vectors::read(&format!("asert/{name}")) else { return 0 };
    let file = String::from_utf8(file).unwrap();
    let field = |name: &str| {
        let line = file.lines().find(|line| line.contains(name)).unwrap();
        line.rsplit_once(": ").unwrap().1.trim()
    };
    let bits = |text: &str| text.strip_prefix("0x").unwrap().parse::<Bits>().unwrap();
    let tick = if milliseconds { 1000 } else { 1 };
    let anchor = Anchor {
        height: field("anchor height").parse().unwrap(),
        target: bits(field("anchor nBits")).target().unwrap(),
        parent_time: field("anchor ancestor time").parse::<u64>().unwrap() * tick,
    };
    let half_life = NonZeroU64::new(two_days().get() * tick).unwrap();
    let mut rows = 0;
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let time = columns[2].parse::<u64>().unwrap() * tick;
        let tip = Past { height: columns[1].parse().unwrap(), time, bits: Bits(0) };
        let next = asert(&anchor, &tip, 600 * tick, half_life, &bitcoin_limit());
        assert_eq!(next, bits(columns[3]), "{name}, row {}", columns[0]);
        rows += 1;
    }
    assert_eq!(rows, field("iterations").parse::<usize>().unwrap(), "{name}");
    rows
}

#[test]
fn every_row_of_the_published_runs_is_reproduced() {
    let runs = ["run01", "run02", "run03", "run04", "run05", "run06"];
    let rows: usize = runs.iter().map(|run| reproduce(run, false)).sum();
    assert!(rows == 0 || rows == 1480, "{rows} rows");
}

#[test]
fn the_tick_does_not_matter() {
    for run in ["run01", "run04", "run05", "run06"] {
        reproduce(run, true);
    }
}

const HALF_LIFE_MS: u64 = 120_000;
const SPACING_MS: u64 = 2_000;

/// A devnet: two-second blocks, the easiest limit that is still a positive word.
fn devnet(initial: u32) -> (Retarget, Schedule) {
    let half_life = NonZeroU64::new(HALF_LIFE_MS).unwrap();
    let schedule = Schedule {
        spacing: NonZeroU64::new(SPACING_MS).unwrap(),
        initial: Bits(initial),
        limit: Bits(0x207f_ffff).target().unwrap(),
    };
    (Retarget::Asert(Asert { half_life }), schedule)
}

/// What is due after a chain of two blocks: block 1, which came on schedule, and a tip.
fn required(initial: u32, height: u64, time: u64) -> Bits {
    let (retarget, schedule) = devnet(initial);
    let mut history = History::default();
    let past = |height, time| Past { height, time, bits: Bits(initial) };
    retarget.remember(&mut history, past(1, 1_000_000 + SPACING_MS));
    retarget.remember(&mut history, past(height, 1_000_000 + time));
    retarget.required(&history, &schedule)
}

#[test]
fn on_schedule_nothing_changes_and_a_half_life_doubles() {
    assert_eq!(required(0x1f00_ffff, 10, 10 * SPACING_MS), Bits(0x1f00_ffff));
    assert_eq!(required(0x1f00_ffff, 10, 10 * SPACING_MS + HALF_LIFE_MS), Bits(0x1f01_fffe));
    let ahead = 1 + HALF_LIFE_MS / SPACING_MS;
    assert_eq!(required(0x1f00_ffff, ahead, SPACING_MS), Bits(0x1e7f_ff80));
}

#[test]
fn negative_exponents_truncate_in_the_division_and_floor_in_the_shift() {
    // Half a unit of the exponent ahead: truncation gives exponent 0, so nothing changes.
    let limit = Target::max();
    let target = Bits(0x1d00_ffff).target().unwrap();
    let half_life = NonZeroU64::new(2 * ONE).unwrap();
    let at = |time: u64| {
        let anchor = Anchor { height: 0, target, parent_time: 10 };
        let tip = Past { height: 0, time, bits: Bits(0) };
        asert(&anchor, &tip, 0, half_life, &limit)
    };
    assert_eq!(at(10), Bits(0x1d00_ffff));
    assert_eq!(at(9), Bits(0x1d00_ffff));
    // A whole unit ahead: −1 floors to the octave below with the greatest fraction, 65535 of 65536 parts of it.
    let expected = (target.value() * two_to_the(65_535)) >> 17u32;
    assert_eq!(at(8), Target::within(&expected, &limit).to_bits());
    assert!(at(8) < at(9));
}

#[test]
fn the_ends_hold_for_any_distance() {
    let limit = Target::max();
    let half_life = NonZeroU64::MIN;
    let anchor = Anchor { height: 0, target: Target::max(), parent_time: 0 };
    let late = Past { height: 0, time: u64::MAX, bits: Bits(0) };
    assert_eq!(asert(&anchor, &late, 0, half_life, &limit), Bits(0x2100_ffff));
    let early = Past { height: u64::MAX, time: 0, bits: Bits(0) };
    assert_eq!(asert(&anchor, &early, u64::MAX, half_life, &limit), Bits(0x0101_0000));
    // An anchor above the tip is no chain, and still no panic.
    let above = Anchor { height: u64::MAX, parent_time: u64::MAX, ..anchor };
    let tip = Past { height: 0, time: 0, bits: Bits(0) };
    assert_eq!(asert(&above, &tip, u64::MAX, half_life, &limit), Bits(0x2100_ffff));
}

#[test]
fn easy_limits_do_not_overflow() {
    // One octave of lag from the limit itself: a product of 274 bits, then the limit again.
    assert_eq!(required(0x207f_ffff, 1, SPACING_MS + HALF_LIFE_MS), Bits(0x207f_ffff));
    assert_eq!(required(0x207f_ffff, 1, SPACING_MS), Bits(0x207f_ffff));
    assert_eq!(required(0x207f_ffff, 1 + HALF_LIFE_MS / SPACING_MS, SPACING_MS), Bits(0x203f_ffff));
}

#[test]
fn the_power_of_two_is_close() {
    for fraction in 0..ONE {
        let exact = 65_536.0 * (fraction as f64 / 65_536.0).exp2();
        let error = (two_to_the(fraction) as f64 - exact).abs() / exact;
        assert!(error < 0.000_13, "{fraction}: {error}");
    }
    assert_eq!(two_to_the(0), ONE);
}
