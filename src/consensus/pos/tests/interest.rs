use num_bigint::BigUint;
use proptest::prelude::*;

use super::*;
use crate::types::COIN;

const DAY: u64 = 86_400_000;

/// One percent a year.
const PERCENT: Rate = Rate { parts_per_million: 10_000, period: Span(365 * DAY) };

#[test]
fn a_percent_a_year_is_a_percent_a_year() {
    for (amount, days, earned) in [
        (100 * COIN, 365, COIN),
        (100 * COIN, 730, 2 * COIN),
        (100 * COIN, 73, COIN / 5),
        (99, 365, 0), // 0.99, rounded down
        (100, 365, 1),
        (100 * COIN, 0, 0),
        (0, 365, 0),
    ] {
        assert_eq!(interest(Amount(amount), Span(days * DAY), &PERCENT), Amount(earned));
    }
    let none = Rate { parts_per_million: 0, ..PERCENT };
    assert_eq!(interest(Amount(u64::MAX), Span(u64::MAX), &none), Amount(0));
}

#[test]
#[should_panic(expected = "a period of nothing")]
fn a_rate_per_nothing_is_refused() {
    interest(Amount(1), Span(1), &Rate { parts_per_million: 1, period: Span(0) });
}

/// Numbers of all magnitudes: uniform ones would hardly ever be small.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(number, shift)| number >> shift)
}

proptest! {
    #[test]
    fn it_is_the_quotient_rounded_down(
        amount in number(), age in number(), parts: u32, period in number(),
    ) {
        let period = period.max(1);
        let rate = Rate { parts_per_million: parts, period: Span(period) };
        let exact = BigUint::from(amount) * age * parts / (BigUint::from(period) * 1_000_000u32);
        let exact = u64::try_from(exact).unwrap_or(u64::MAX);
        prop_assert_eq!(interest(Amount(amount), Span(age), &rate), Amount(exact));
    }

    #[test]
    fn parts_never_earn_more_than_the_whole_and_hardly_less(
        parts in prop::collection::vec(0..1u64 << 40, 1..50),
        age in 0..100 * 365 * DAY,
        parts_per_million in 0..10_000_000u32,
        period in 1..100 * 365 * DAY,
    ) {
        let rate = Rate { parts_per_million, period: Span(period) };
        let earned = |amount: u64| u128::from(interest(Amount(amount), Span(age), &rate).0);
        let whole = earned(parts.iter().sum());
        prop_assume!(whole < u128::from(u64::MAX));
        let split: u128 = parts.iter().map(|part| earned(*part)).sum();
        prop_assert!(split <= whole);
        prop_assert!(whole - split < parts.len() as u128, "{split} instead of {whole}");
    }

    #[test]
    fn staking_often_never_earns_more_than_simple_interest_on_what_is_there(
        amount in 0..1u64 << 53, ages in prop::collection::vec(0..365 * DAY, 1..20),
    ) {
        // Without compounding: the same amount for spans that add up.
        let whole = interest(Amount(amount), Span(ages.iter().sum()), &PERCENT);
        let split = ages.iter().map(|age| interest(Amount(amount), Span(*age), &PERCENT));
        prop_assert!(Amount::total(split).unwrap() <= whole);
    }
}
