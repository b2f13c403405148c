use super::*;
use crate::types::Span;

#[test]
fn columns_are_aligned_and_lines_have_no_trailing_spaces() {
    let mut table = Table::new(&["name", "height"]).right(&[1]);
    table.row(["a", "7"]);
    table.row(["longer", "123456"]);
    table.row(["ünï", ""]);
    assert_eq!(table.to_string(), "name    height\na            7\nlonger  123456\nünï\n");
    let mut pairs = Table::pairs();
    pairs.pair("chain", "pow-dev");
    pairs.pair("height", 7);
    assert_eq!(pairs.to_string(), "chain   pow-dev\nheight  7\n");
}

#[test]
fn foreign_text_cannot_steer_the_terminal() {
    let mut table = Table::pairs();
    table.pair("chain", "x\u{1b}[2J\r\nfinal");
    assert_eq!(table.to_string(), "chain  x\u{fffd}[2J\u{fffd}\u{fffd}final\n");
    assert!(!amount(Amount(1), "\u{7}").contains('\u{7}'));
    assert!(!short("\u{1b}").contains('\u{1b}'));
}

#[test]
fn rates_have_three_digits_and_a_unit() {
    for (rate, text) in [
        (0.0, "0 H/s"),
        (0.5, "0.5 H/s"),
        (12.0, "12 H/s"),
        (999.4, "999 H/s"),
        (999.6, "1 kH/s"),
        (1234.0, "1.23 kH/s"),
        (5_600_000.0, "5.6 MH/s"),
        (1.5e20, "150 EH/s"),
        (1.5e24, "1500000 EH/s"),
        (f64::NAN, "unknown"),
        (-1.0, "unknown"),
    ] {
        assert_eq!(hash_rate(rate), text);
    }
}

#[test]
fn difficulties_of_easy_and_hard_chains_are_readable() {
    for (value, text) in [
        (0.0, "0"),
        (1.0, "1"),
        (0.00390625, "0.00391"),
        (4.6e-10, "4.60e-10"),
        (123456.7, "123457"),
    ] {
        assert_eq!(difficulty(value), text);
    }
}

#[test]
fn durations_show_two_units_at_most() {
    for (ms, text) in [
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1 s"),
        (1500, "1.5 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (61_000, "1 min 1 s"),
        (3_600_000, "1 h"),
        (3_660_000, "1 h 1 min"),
        (90_000_000, "1 d 1 h"),
        (86_400_000 * 400, "400 d"),
    ] {
        assert_eq!(duration(Span(ms)), text);
    }
    assert_eq!(ago(Time(1000), Time(3000)), "2 s ago");
    assert_eq!(ago(Time(3000), Time(1000)), "in 2 s");
}

#[test]
fn moments_follow_the_calendar() {
    for (seconds, text) in [
        (0, "1970-01-01 00:00:00 UTC"),
        (951_782_399, "2000-02-28 23:59:59 UTC"),
        (951_782_400, "2000-02-29 00:00:00 UTC"),
        (951_868_800, "2000-03-01 00:00:00 UTC"),
        (1_231_006_505, "2009-01-03 18:15:05 UTC"),
        (1_704_067_199, "2023-12-31 23:59:59 UTC"),
        (4_107_542_400, "2100-03-01 00:00:00 UTC"),
    ] {
        assert_eq!(moment(Time(seconds * 1000 + 999)), text);
    }
    assert_eq!(timestamp(Time(1_231_006_505_042)), "2009-01-03T18:15:05.042Z");
    // No time of a node makes it panic.
    assert!(moment(Time(u64::MAX)).ends_with(" UTC"));
}

#[test]
fn numbers_are_grouped_and_ids_shortened() {
    for (number, text) in
        [(0, "0"), (999, "999"), (1000, "1 000"), (u64::MAX, "18 446 744 073 709 551 615")]
    {
        assert_eq!(count(number), text);
    }
    assert_eq!(short("0123456789abcdef"), "0123456789ab…");
    assert_eq!(short("0123"), "0123");
    assert_eq!(depth(Height(3), Height(1003)), "3 (1 000 below the head)");
}
