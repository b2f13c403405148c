//! Trying many coins at once.

use super::kernel::{Bound, coin_block};
use super::{Ages, Kernel, hits};
use crate::types::target::Target;
use crate::types::{Amount, CoinId, Hash, Span, Time};

/// Coins to try, each with its part of the hash prepared.
#[derive(Debug, Clone, Default)]
pub struct Stakes {
    coins: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    block: [u8; 64],
    amount: Amount,
    created: Time,
    id: CoinId,
}

impl Stakes {
    /// Adds a coin.
    pub fn insert(&mut self, id: CoinId, amount: Amount, created: Time) {
        self.coins.push(Entry { block: coin_block(created, &id), amount, created, id });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.coins.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.coins.is_empty()
    }

    /// The coins.
    pub fn iter(&self) -> impl Iterator<Item = (&CoinId, Amount, Time)> {
        self.coins.iter().map(|entry| (&entry.id, entry.amount, entry.created))
    }
}

/// Tries every coin that is old enough once, for one second since the epoch; gives those that win, in the order in which
/// they were added.
pub fn search(
    kernel: &Kernel,
    target: &Target,
    ages: &Ages,
    stakes: &Stakes,
    second: u64,
) -> Vec<CoinId> {
    let at = Time(second.saturating_mul(1000));
    let bound = Bound::new(target);
    let mut winners = Vec::new();
    for entry in &stakes.coins {
        let age = ages.weighted(entry.created, at);
        if age == Span(0) {
            continue;
        }
        let mut block = entry.block;
        let state = kernel.try_block(&mut block, second);
        let top = u64::from(state[7].swap_bytes()) << 32 | u64::from(state[6].swap_bytes());
        if top > bound.of(entry.amount, age) {
            continue;
        }
        let mut hash = [0; 32];
        for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        if hits(&Hash(hash), target, entry.amount, age) {
            winners.push(entry.id);
        }
    }
    winners
}
