//! Kernel, weight, interest and search, each beside a plain model.

use num_bigint::BigUint;

use super::super::interest::interest;
use super::super::search::{Stakes, search};
use super::*;
use crate::types::target::{Bits, Target};
use crate::types::testkit::Dice;
use crate::types::{Amount, CoinId, GenesisId, Hash, Span, Time, sha256d, tagged};

const AGES: Ages = Ages { min_age: Span(1000), max_age: Span(5000) };

fn draw(dice: &mut Dice) -> Hash {
    let mut hash = [0; 32];
    hash.iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
    Hash(hash)
}

#[test]
fn the_hash_is_one_of_all_its_parts_in_order() {
    let mut dice = Dice::new(1);
    for _ in 0..50 {
        let (chain, modifier, coin) =
            (GenesisId(draw(&mut dice)), draw(&mut dice), CoinId(draw(&mut dice)));
        let (created, second) = (Time(dice.next()), dice.next());
        let mut bytes = tagged("assay/stake-kernel", &chain, &[]).0.to_vec();
        bytes.extend(modifier.0);
        bytes.extend(created.0.to_le_bytes());
        bytes.extend(coin.as_bytes());
        bytes.extend(second.to_le_bytes());
        let hash = Kernel::new(&chain, &modifier).hash(created, &coin, second);
        assert_eq!(hash, Hash(sha256d(&bytes)));
    }
}

#[test]
fn age_counts_between_the_two_limits() {
    let created = Time(10_000);
    for (at, counts) in [
        (0, 0),
        (10_000, 0),
        (11_000, 0),
        (11_001, 1),
        (12_500, 1500),
        (15_000, 4000),
        (15_001, 4000),
        (u64::MAX, 4000),
    ] {
        assert_eq!(AGES.weighted(created, Time(at)), Span(counts), "{at}");
    }
}

/// One coin for one day at a target: the hash at the target wins, the next one does not; with half the day, half of it.
#[test]
fn a_hash_wins_up_to_the_target_times_the_coin_days() {
    let target = Bits(0x1d00_ffff).target().unwrap();
    let day = 86_400_000;
    let hash = |value: &BigUint| {
        let mut bytes = value.to_bytes_le();
        bytes.resize(32, 0);
        Hash(*bytes.first_chunk().unwrap())
    };
    let one = BigUint::from(1u32);
    for (amount, age, threshold) in [
        (100_000_000, day, target.value()),
        (100_000_000, day / 2, target.value() / 2u32),
        (50_000_000, day, target.value() / 2u32),
        (300_000_000, day, target.value() * 3u32),
        (1, 1, target.value() / 100_000_000u64 / day),
    ] {
        let wins = |value: &BigUint| hits(&hash(value), &target, Amount(amount), Span(age));
        assert!(wins(&threshold), "{amount} {age}");
        assert!(!wins(&(threshold + &one)), "{amount} {age}");
    }
    // A product far over 256 bits.
    let (most, years) = (Amount((1 << 53) - 1), Span(u64::MAX / 2));
    assert!(hits(&Hash([0xff; 32]), &target, most, years));
    assert!(!hits(&Hash([0xff; 32]), &Target::max(), Amount(1), Span(1)));
}

#[test]
fn the_search_finds_whoever_wins() {
    let mut dice = Dice::new(7);
    let chain = GenesisId::default();
    let mut found = 0;
    for round in 0..40 {
        let kernel = Kernel::new(&chain, &draw(&mut dice));
        let target = Target::from_le_hash(&draw(&mut dice).0);
        let mut coins: Vec<(CoinId, Amount, Time)> = Vec::new();
        let mut stakes = Stakes::default();
        for _ in 0..dice.below(60) {
            let size = 10 + dice.below(30);
            let amount = Amount(1 + dice.below(1 << size));
            let coin = (CoinId(draw(&mut dice)), amount, Time(dice.below(1_000_000)));
            stakes.insert(coin.0, coin.1, coin.2);
            coins.push(coin);
        }
        let second = dice.below(2000);
        let ages = Ages { min_age: Span(dice.below(100_000)), max_age: Span(86_400_000) };
        let plain = coins.iter().filter(|(id, amount, created)| {
            let age = ages.weighted(*created, Time(second * 1000));
            let hash = kernel.hash(*created, id, second);
            age > Span(0) && hits(&hash, &target, *amount, age)
        });
        let plain: Vec<CoinId> = plain.map(|(id, ..)| *id).collect();
        assert_eq!(search(&kernel, &target, &ages, &stakes, second), plain, "round {round}");
        found += plain.len();
    }
    assert!(found > 20, "{found}");
}

#[test]
fn interest_is_exact_and_parts_earn_no_more_than_the_whole() {
    let year = Rate { parts_per_million: 10_000, period: Span::seconds(365 * 86_400) };
    // 100 coins, a hundredth a year.
    let (coins, years) = (Amount(100 * 100_000_000), |n: u64| Span::seconds(n * 365 * 86_400));
    assert_eq!(interest(coins, years(1), &year), Amount(100_000_000));
    assert_eq!(interest(coins, years(3), &year), Amount(300_000_000));
    assert_eq!(interest(coins, Span(0), &year), Amount(0));
    let dear = Rate { parts_per_million: u32::MAX, period: Span(1) };
    assert_eq!(interest(Amount(u64::MAX), Span(u64::MAX), &dear), Amount(u64::MAX));
    let mut dice = Dice::new(3);
    for _ in 0..2000 {
        let rate = Rate {
            parts_per_million: dice.below(20_000_000) as u32,
            period: Span(1 + dice.below(1 << 40)),
        };
        let (amount, age) = (1 + dice.below(1 << 50), Span(dice.below(1 << 40)));
        let exact = BigUint::from(amount) * age.0 * rate.parts_per_million
            / (BigUint::from(rate.period.0) * 1_000_000u32);
        let whole = interest(Amount(amount), age, &rate);
        if exact.bits() < 64 {
            assert!(exact >= whole.0.into() && exact <= (whole.0 + 1).into(), "{exact} {whole:?}");
        }
        let part = dice.below(amount);
        let parts = [part, amount - part].map(|part| interest(Amount(part), age, &rate).0);
        assert!(parts[0].saturating_add(parts[1]) <= whole.0, "{parts:?} of {whole:?}");
    }
}
