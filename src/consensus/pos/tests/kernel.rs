use num_bigint::BigUint;
use proptest::prelude::*;

use super::*;
use crate::types::sha256d;

const DAY: u64 = 86_400_000;

fn hash_of(value: &BigUint) -> Hash {
    let mut hash = [0; 32];
    let digits = value.to_bytes_le();
    hash[..digits.len()].copy_from_slice(&digits);
    Hash(hash)
}

fn target_of(value: &BigUint) -> Target {
    Target::from_value(value).unwrap()
}

#[test]
fn the_hash_is_pinned() {
    // Computed apart, from the formula in the module.
    let kernel = Kernel::new(&GenesisId(Hash([1; 32])), &Hash([2; 32]));
    let hash = kernel.hash(Time(1_700_000_000_123), &CoinId(Hash([3; 32])), 1_700_086_400);
    let pinned = "e0523201660fb0d9843fcc524394343bea8d0b112f8772dd8830547a7fca280d";
    assert_eq!(hash.to_string(), pinned);
}

proptest! {
    #[test]
    fn the_hash_is_that_of_one_message(
        chain: [u8; 32], modifier: [u8; 32], created: u64, coin: [u8; 32], second: u64,
    ) {
        let chain = GenesisId(Hash(chain));
        let mut message = tagged("assay/stake-kernel", &chain, &[]).0.to_vec();
        message.extend(modifier);
        message.extend(created.to_le_bytes());
        message.extend(coin);
        message.extend(second.to_le_bytes());
        let kernel = Kernel::new(&chain, &Hash(modifier));
        let hash = kernel.hash(Time(created), &CoinId(Hash(coin)), second);
        prop_assert_eq!(hash, Hash(sha256d(&message)));
    }

    #[test]
    fn the_greatest_hash_that_wins_is_the_quotient_rounded_down(
        target: [u8; 32], amount in 1..=1u64 << 53, age in 1..=40_000 * DAY,
    ) {
        let target = Target::from_le_hash(&target);
        let greatest = target.value() * amount * age / COIN_DAY;
        let (amount, age) = (Amount(amount), Span(age));
        let top = Target::max().value();
        if greatest >= top {
            prop_assert!(hits(&Hash([0xff; 32]), &target, amount, age));
        } else {
            prop_assert!(hits(&hash_of(&greatest), &target, amount, age));
            prop_assert!(!hits(&hash_of(&(greatest + 1u32)), &target, amount, age));
        }
    }
}

#[test]
fn a_hash_at_the_threshold_wins_and_one_above_does_not() {
    let target = BigUint::from(1u32) << 200u32;
    for (amount, age, threshold) in [
        (COIN, DAY, target.clone()),
        (7 * COIN, 3 * DAY, &target * 21u32),
        (COIN / 2, DAY, &target / 2u32),
        // No coin-day is rounded away: half a coin for half a day is a quarter of one.
        (COIN / 2, DAY / 2, &target / 4u32),
        (1, 1, &target / COIN_DAY),
    ] {
        let (target, amount, age) = (target_of(&target), Amount(amount), Span(age));
        assert!(hits(&hash_of(&threshold), &target, amount, age), "{amount} {age}");
        assert!(!hits(&hash_of(&(threshold + 1u32)), &target, amount, age), "{amount} {age}");
    }
}

#[test]
fn products_beyond_256_bits_are_not_cut() {
    // In 256 bits this product is 0, and nothing but the hash 0 would win.
    let target = target_of(&(BigUint::from(1u32) << 255u32));
    assert!(hits(&Hash([0xff; 32]), &target, Amount(2 * COIN), Span(DAY)));
    let (all, end) = (Amount(u64::MAX), Span(u64::MAX));
    assert!(hits(&Hash([0xff; 32]), &Target::max(), all, end));
    assert!(!hits(&Hash([0xff; 32]), &target_of(&BigUint::from(1u32)), all, end));
}

#[test]
fn without_weight_no_hash_but_zero_is_low_enough() {
    let mut one = Hash([0; 32]);
    one.0[0] = 1;
    for (amount, age) in [(0, DAY), (COIN, 0)] {
        assert!(!hits(&one, &Target::max(), Amount(amount), Span(age)));
    }
}

#[test]
fn age_counts_between_minimum_and_maximum() {
    let ages = Ages { min_age: Span(30 * DAY), max_age: Span(90 * DAY) };
    let created = Time(1_000 * DAY + 1);
    for (age, counts) in [
        (0, 0),
        (30 * DAY - 1, 0),
        (30 * DAY, 0),
        (30 * DAY + 1, 1),
        (90 * DAY - 1, 60 * DAY - 1),
        (90 * DAY, 60 * DAY),
        (90 * DAY + 1, 60 * DAY),
        (u64::MAX - created.0, 60 * DAY),
    ] {
        assert_eq!(ages.weighted(created, Time(created.0 + age)), Span(counts), "{age}");
    }
    assert_eq!(ages.weighted(created, Time(created.0 - 1)), Span(0), "created later");
    let at_once = Ages { min_age: Span(0), ..ages };
    assert_eq!(at_once.weighted(created, created), Span(0));
    assert_eq!(at_once.weighted(created, Time(0)), Span(0), "created later");
}
