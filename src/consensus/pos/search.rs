//! Trying many coins in a second.
//!
//! A try costs two compressions of SHA-256; everything else must be small beside them. So coins lie in columns, which a search
//! reads from front to back, and the exact comparison, with numbers of 384 bits, is made only for hashes whose most
//! significant 64 bits do not rule it out.

use std::collections::BTreeMap;

use super::kernel::{COIN_DAY, last_of};
use super::{Ages, Kernel, hits};
use crate::types::target::Target;
use crate::types::{Amount, CoinId, Hash, Span, Time, sha256};

/// Coins to try.
#[derive(Debug, Clone, Default)]
pub struct Stakes {
    ids: Vec<CoinId>,
    created: Vec<Time>,
    amounts: Vec<Amount>,
    /// Where in the columns a coin is.
    places: BTreeMap<CoinId, usize>,
}

impl Stakes {
    /// Adds a coin, or says anew what it is. Takes O(log n).
    pub fn insert(&mut self, id: CoinId, amount: Amount, created: Time) {
        if let Some(&place) = self.places.get(&id) {
            (self.created[place], self.amounts[place]) = (created, amount);
            return;
        }
        self.places.insert(id, self.ids.len());
        self.ids.push(id);
        self.created.push(created);
        self.amounts.push(amount);
    }

    /// Removes a coin; says whether it was there. Takes O(log n).
    pub fn remove(&mut self, id: &CoinId) -> bool {
        let Some(place) = self.places.remove(id) else { return false };
        self.ids.swap_remove(place);
        self.created.swap_remove(place);
        self.amounts.swap_remove(place);
        if let Some(moved) = self.ids.get(place) {
            self.places.insert(*moved, place);
        }
        true
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The coins, each with its amount and when it was created, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&CoinId, Amount, Time)> {
        self.places.iter().map(|(id, &place)| (id, self.amounts[place], self.created[place]))
    }

    /// The coins in the order in which they lie.
    fn columns(&self) -> impl Iterator<Item = (&CoinId, Amount, Time)> {
        let quantities = self.amounts.iter().zip(&self.created);
        self.ids.iter().zip(quantities).map(|(id, (amount, created))| (id, *amount, *created))
    }
}

/// Tries every coin that is old enough once, for one second since the epoch. Gives those that win, ordered by id: whatever
/// was inserted and removed before, equal coins give an equal answer.
pub fn search(
    kernel: &Kernel,
    target: &Target,
    ages: &Ages,
    stakes: &Stakes,
    second: u64,
) -> Vec<CoinId> {
    let at = Time(second.saturating_mul(1000));
    let filter = Filter::new(target);
    let mut winners = Vec::new();
    for (id, amount, created) in stakes.columns() {
        let age = ages.weighted(created, at);
        if age == Span(0) {
            continue;
        }
        let words = kernel.words(&last_of(created, id, second));
        if filter.admits(words, amount, age)
            && hits(&Hash(sha256::bytes_of(words)), target, amount, age)
        {
            winners.push(*id);
        }
    }
    winners.sort_unstable();
    winners
}

/// A target, prepared for ruling out hashes by their most significant 64 bits.
#[derive(Debug, Clone, Copy)]
struct Filter {
    /// 2^52 × (target's most significant 64 bits + 1) ÷ coin-day, rounded up. A coin-day is over 2^52, so it fits.
    scaled: u64,
}

impl Filter {
    /// Binary digits of [`Self::scaled`] behind the point.
    const DIGITS: u32 = 52;

    fn new(target: &Target) -> Self {
        let top = *target.to_be_bytes().first_chunk().expect("32 bytes hold 8");
        let above = u128::from(u64::from_be_bytes(top)) + 1;
        let scaled = (above << Self::DIGITS).div_ceil(u128::from(COIN_DAY));
        Self { scaled: u64::try_from(scaled).expect("2^64 × 2^52 ÷ coin-day is below 2^64") }
    }

    /// Whether a coin may win by the hash with these words.
    #[inline]
    fn admits(&self, words: sha256::State, amount: Amount, age: Span) -> bool {
        // The hash is little-endian, so its last words, byte-swapped, are the most significant.
        let top = u64::from(words[7].swap_bytes()) << 32 | u64::from(words[6].swap_bytes());
        u128::from(top) <= self.bound(amount, age)
    }

    /// At least the most significant 64 bits of every hash by which the coin wins.
    ///
    /// A hash wins if hash ≤ target × weight ÷ coin-day. With top() for the number that the most significant 64 bits are,
    /// hash ≥ top(hash) × 2^192 and target < (top(target) + 1) × 2^192, so top(hash) < (top(target) + 1) × weight ÷ coin-day,
    /// and that is at most scaled × weight ÷ 2^52.
    #[inline]
    fn bound(&self, amount: Amount, age: Span) -> u128 {
        let weight = u128::from(amount.0) * u128::from(age.0);
        let scaled = u128::from(self.scaled);
        let (high, low) = (weight >> 64, weight & u128::from(u64::MAX));
        let (high, low) = (high * scaled, low * scaled);
        // Beyond 128 bits, where every hash may win, the sum stops.
        high.saturating_mul(1 << (64 - Self::DIGITS)).saturating_add(low >> Self::DIGITS)
    }
}

#[cfg(test)]
#[path = "tests/search.rs"]
mod tests;
