use num_bigint::BigUint;
use proptest::prelude::*;

use super::*;
use crate::types::{COIN, GenesisId, sha256d};

const DAY: u64 = 86_400_000;

/// Seconds and ages of the tests are around here.
const NOW: u64 = 1_700_000_000;

fn coin(number: u32) -> CoinId {
    CoinId(Hash(sha256d(&number.to_le_bytes())))
}

fn kernel() -> Kernel {
    Kernel::new(&GenesisId(Hash([1; 32])), &Hash([2; 32]))
}

/// The words of a hash.
fn words(hash: &[u8; 32]) -> sha256::State {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(hash.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

/// The most significant 64 bits of a number of 256.
fn top(value: &BigUint) -> BigUint {
    value >> 192u32
}

/// What a test does to a set.
#[derive(Debug, Clone)]
enum Step {
    Insert(u32, u64, u64),
    Remove(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let insert = (0..40u32, 1..1000 * COIN, 0..200 * DAY);
    prop_oneof![
        3 => insert.prop_map(|(number, amount, age)| Step::Insert(number, amount, age)),
        1 => (0..40u32).prop_map(Step::Remove),
    ]
}

proptest! {
    #[test]
    fn a_search_finds_what_a_naive_one_finds(
        steps in prop::collection::vec(step(), 0..120),
        shift in 0..24u32,
        seconds in prop::collection::vec(NOW..NOW + 200 * 86_400, 1..4),
    ) {
        let (mut stakes, mut model) = (Stakes::default(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Insert(number, amount, age) => {
                    let (amount, created) = (Amount(amount), Time(NOW * 1000 - age));
                    stakes.insert(coin(number), amount, created);
                    model.insert(coin(number), (amount, created));
                }
                Step::Remove(number) => {
                    let there = model.remove(&coin(number)).is_some();
                    prop_assert_eq!(stakes.remove(&coin(number)), there);
                }
            }
            prop_assert_eq!(stakes.len(), model.len());
            prop_assert_eq!(stakes.is_empty(), model.is_empty());
        }
        let expected: Vec<_> = model.iter().map(|(id, (a, c))| (id, *a, *c)).collect();
        prop_assert_eq!(stakes.iter().collect::<Vec<_>>(), expected);

        // From "nearly every coin" to "hardly any": thousands of coin-days are about 2^12.
        let target = Target::from_value(&(Target::max().value() >> shift)).unwrap();
        let ages = Ages { min_age: Span(30 * DAY), max_age: Span(90 * DAY) };
        for second in seconds {
            let wins = |(id, (amount, created)): (&CoinId, &(Amount, Time))| {
                let age = (second * 1000 - created.0).min(90 * DAY);
                let hash = kernel().hash(*created, id, second);
                let left = BigUint::from_bytes_le(&hash.0) * COIN * DAY;
                let weight = age.saturating_sub(30 * DAY);
                (weight > 0 && left <= target.value() * amount.0 * weight).then_some(*id)
            };
            let expected: Vec<_> = model.iter().filter_map(wins).collect();
            prop_assert_eq!(search(&kernel(), &target, &ages, &stakes, second), expected);
        }
    }

    #[test]
    fn the_filter_rules_out_no_hash_that_wins_and_few_others(
        target: [u8; 32], zeros in 0..30usize,
        amount in 1..=1u64 << 53, age in 1..=40_000 * DAY, shift in 0..40u32,
    ) {
        let mut target = target;
        target[32 - zeros..].fill(0);
        let (target, amount) = (Target::from_le_hash(&target), amount >> shift);
        let filter = Filter::new(&target);
        let greatest = target.value() * amount * age / COIN_DAY;
        let bound = filter.bound(Amount(amount), Span(age));
        prop_assert!(top(&greatest) <= bound.into(), "{bound} is too low for {greatest}");
        if top(&target.value()) > BigUint::from(1u64 << 40) {
            let over = (top(&greatest) >> 30u32) + 2u32;
            prop_assert!(top(&greatest) + over >= bound.into(), "{bound} is loose at {greatest}");
        }
        let mut hash = [0xff; 32];
        if greatest < Target::max().value() {
            hash.fill(0);
            let digits = greatest.to_bytes_le();
            hash[..digits.len()].copy_from_slice(&digits);
        }
        prop_assert!(filter.admits(words(&hash), Amount(amount), Span(age)));
    }
}

#[test]
fn the_filter_compares_the_end_of_the_hash() {
    // Threshold 2^255: half of all hashes. The greatest of them has one bit less than all.
    let filter = Filter::new(&Target::from_value(&(BigUint::from(1u32) << 255u32)).unwrap());
    let mut hash = [0xff; 32];
    hash[31] = 0x7f;
    assert!(filter.admits(words(&hash), Amount(COIN), Span(DAY)));
    hash[31] = 0x81;
    assert!(!filter.admits(words(&hash), Amount(COIN), Span(DAY)));
}

#[test]
fn what_the_filter_lets_through_is_compared_exactly() {
    // A target below 2^192 has nothing in its most significant 64 bits, so the filter hardly knows it; only weights beyond all
    // bounds reach it, and here every hash passes the filter and about a quarter wins.
    let target = Target::from_value(&(BigUint::from(1u32) << 190u32)).unwrap();
    let ages = Ages { min_age: Span(0), max_age: Span(u64::MAX) };
    let (amount, second) = (Amount(1 << 53), u64::MAX / 1000);
    let mut stakes = Stakes::default();
    (0..200).for_each(|number| stakes.insert(coin(number), amount, Time(0)));
    let found = search(&kernel(), &target, &ages, &stakes, second);
    assert!((20..100).contains(&found.len()), "{}", found.len());
    for (id, amount, created) in stakes.iter() {
        let hash = kernel().hash(created, id, second);
        let wins = hits(&hash, &target, amount, Span(second * 1000));
        assert_eq!(found.contains(id), wins);
    }
}

#[test]
fn amounts_and_ages_beyond_all_bounds_do_no_harm() {
    let filter = Filter::new(&Target::max());
    assert!(filter.bound(Amount(u64::MAX), Span(u64::MAX)) >= u64::MAX.into());
    let mut stakes = Stakes::default();
    stakes.insert(coin(1), Amount(u64::MAX), Time(0));
    let ages = Ages { min_age: Span(0), max_age: Span(u64::MAX) };
    assert_eq!(search(&kernel(), &Target::max(), &ages, &stakes, u64::MAX), [coin(1)]);
}

#[test]
fn a_coin_is_tried_from_the_millisecond_after_its_minimum_age_on() {
    let ages = Ages { min_age: Span(30 * DAY), max_age: Span(90 * DAY) };
    // So much money that a single millisecond is a coin-day, which hits the easiest target by every hash.
    let amount = Amount(COIN_DAY);
    for (older, tried) in [(-1, false), (0, false), (1, true)] {
        let created = Time((NOW * 1000 - 30 * DAY).checked_add_signed(-older).unwrap());
        let mut stakes = Stakes::default();
        stakes.insert(coin(1), amount, created);
        let found = search(&kernel(), &Target::max(), &ages, &stakes, NOW);
        assert_eq!(found == [coin(1)], tried, "{older}");
    }
    let mut later = Stakes::default();
    later.insert(coin(1), amount, Time(NOW * 1000 + 1));
    let at_once = Ages { min_age: Span(0), ..ages };
    assert_eq!(search(&kernel(), &Target::max(), &at_once, &later, NOW), []);
}

#[test]
fn what_is_found_does_not_depend_on_how_the_set_came_about() {
    let ages = Ages { min_age: Span(0), max_age: Span(90 * DAY) };
    let insert = |stakes: &mut Stakes, number| {
        stakes.insert(coin(number), Amount(COIN), Time(NOW * 1000 - 50 * DAY));
    };
    let (mut straight, mut winding) = (Stakes::default(), Stakes::default());
    (0..100).for_each(|number| insert(&mut straight, number));
    (0..200).rev().for_each(|number| insert(&mut winding, number));
    (100..200).for_each(|number| assert!(winding.remove(&coin(number))));
    let target = Target::from_value(&(Target::max().value() >> 7u32)).unwrap();
    let found = search(&kernel(), &target, &ages, &straight, NOW);
    assert!((10..90).contains(&found.len()), "{}", found.len());
    assert!(found.is_sorted());
    assert_eq!(search(&kernel(), &target, &ages, &winding, NOW), found);
}

#[test]
fn a_coin_wins_in_proportion_to_its_weight() {
    // 2 000 coins of one coin-day and 2 000 of three, at a target of 2^256 ÷ 12: a twelfth and a quarter of them win.
    let ages = Ages { min_age: Span(0), max_age: Span(90 * DAY) };
    let mut stakes = Stakes::default();
    for number in 0..4000 {
        let days = if number < 2000 { 1 } else { 3 };
        stakes.insert(coin(number), Amount(COIN), Time(NOW * 1000 - days * DAY));
    }
    let target = Target::from_value(&(Target::max().value() / 12u32)).unwrap();
    let found = search(&kernel(), &target, &ages, &stakes, NOW);
    let light = (0..2000).filter(|number| found.contains(&coin(*number))).count();
    let heavy = found.len() - light;
    // The standard deviations are 12 and 19; what one kernel gives is always the same.
    assert!(light.abs_diff(167) < 50 && heavy.abs_diff(500) < 80, "{light} {heavy}");
}
