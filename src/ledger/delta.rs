//! What a block changed, or a run of blocks taken together.
//!
//! Changes lie in the order of their names, so that two of them merge in one pass, and coins are found through an index
//! of their first bits: ids are hashes, so they spread evenly and a lookup touches one place of it and one of the coins,
//! however many there are.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::{Coin, Key, SystemKey};
use crate::types::{Address, CoinId};

/// The new value of an entry; `None` means it is gone.
pub type Change = Option<Arc<[u8]>>;

/// Coins to one place of the index, on average.
const COINS_PER_PLACE: usize = 2;

/// Below this many coins there is no index: they lie in a few lines of cache.
const INDEX_FROM: usize = 16;

/// What became of a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoinChange {
    /// It is there now.
    Created(Coin),
    /// It is gone; whose it was.
    Spent(Address),
}

impl CoinChange {
    /// The coin, if it is there.
    pub fn coin(&self) -> Option<Coin> {
        match self {
            Self::Created(coin) => Some(*coin),
            Self::Spent(_) => None,
        }
    }

    /// Whose it is or was.
    pub fn owner(&self) -> Address {
        match self {
            Self::Created(coin) => coin.owner,
            Self::Spent(owner) => *owner,
        }
    }
}

/// Everything that was changed.
#[derive(Debug, Clone, Default)]
pub struct Delta {
    /// In the order of ids, each once.
    coins: Vec<(CoinId, CoinChange)>,
    /// In the order of names, each once.
    system: Vec<(SystemKey, Change)>,
    /// Where the coins begin whose ids begin with the bits of this place, and in the end how many there are.
    index: Vec<u32>,
    /// The places of coins in the order of owner and id, once somebody asks.
    by_owner: OnceLock<Vec<u32>>,
}

impl PartialEq for Delta {
    fn eq(&self, other: &Self) -> bool {
        self.coins == other.coins && self.system == other.system
    }
}

impl Eq for Delta {}

impl Delta {
    /// Takes changes that lie in order, each once.
    pub(super) fn new(coins: Vec<(CoinId, CoinChange)>, system: Vec<(SystemKey, Change)>) -> Self {
        debug_assert!(coins.is_sorted_by(|(a, _), (b, _)| a < b));
        debug_assert!(system.is_sorted_by(|(a, _), (b, _)| a < b));
        let index = index_of(&coins);
        Self { coins, system, index, by_owner: OnceLock::new() }
    }

    /// These changes and then the later ones: of one entry the later change counts. A coin that came and went stays
    /// noted as spent, for what lies below may have heard of the first change only.
    pub(super) fn then(&self, later: &Self) -> Self {
        let coins = merged(&self.coins, &later.coins);
        Self::new(coins, merged(&self.system, &later.system))
    }

    /// How many coins and entries of rules were changed.
    pub fn len(&self) -> usize {
        self.coins.len() + self.system.len()
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        let values = self.system.iter().map(|(key, change)| {
            key.len() + change.as_ref().map_or(0, |value| value.len()) + size_of::<Change>()
        });
        size_of_val(&self.coins[..]) + size_of_val(&self.index[..]) + values.sum::<usize>()
    }

    /// What became of coins, in the order of their ids.
    pub fn coins(&self) -> &[(CoinId, CoinChange)] {
        &self.coins
    }

    /// What became of a coin, if it was changed.
    pub fn coin(&self, id: &CoinId) -> Option<&CoinChange> {
        let near = &self.coins[self.near(id)];
        let found = near.binary_search_by(|(at, _)| at.cmp(id)).ok()?;
        Some(&near[found].1)
    }

    /// The new value of an entry of a rule, if it was changed.
    pub fn system(&self, key: &SystemKey) -> Option<&Change> {
        let found = self.system.binary_search_by(|(at, _)| at.cmp(key)).ok()?;
        Some(&self.system[found].1)
    }

    /// What became of the coins of an owner, in the order of their ids, from one on.
    pub(super) fn coins_of(
        &self,
        owner: &Address,
        from: &CoinId,
    ) -> impl Iterator<Item = &(CoinId, CoinChange)> {
        let name = |place: &u32| {
            let (id, change) = &self.coins[*place as usize];
            (change.owner(), *id)
        };
        let places = self.by_owner.get_or_init(|| {
            let mut places: Vec<u32> = (0..place(self.coins.len())).collect();
            places.sort_unstable_by_key(name);
            places
        });
        let start = places.partition_point(|place| name(place) < (*owner, *from));
        let coins = places[start..].iter().map(|place| &self.coins[*place as usize]);
        coins.take_while(move |(_, change)| change.owner() == *owner)
    }

    /// The changes as a base holds entries: names, and new values or `None` for what is gone. Each coin comes with the
    /// mark of its owner.
    pub fn entries(&self) -> impl Iterator<Item = (Key, Option<Vec<u8>>)> {
        let coins = self.coins.iter().flat_map(|(id, change)| {
            let coin = change.coin();
            let value = coin.map(|coin| coin.to_bytes().to_vec());
            let mark = Key::Owned(change.owner(), *id);
            [(Key::Coin(*id), value), (mark, coin.map(|_| Vec::new()))]
        });
        let system = self.system.iter();
        let value = |change: &Change| change.as_ref().map(|value| value.to_vec());
        coins.chain(system.map(move |(key, change)| (Key::System(key.clone()), value(change))))
    }

    /// Where a coin lies if it is there.
    fn near(&self, id: &CoinId) -> Range<usize> {
        if self.index.is_empty() {
            return 0..self.coins.len();
        }
        let at = place_of(id, self.index.len() - 1);
        self.index[at] as usize..self.index[at + 1] as usize
    }
}

/// A place among coins; there are far fewer than 2^32.
fn place(number: usize) -> u32 {
    u32::try_from(number)
        .expect("a block has at most a few bytes per coin, and a run of blocks a bound")
}

/// The place of an id in an index of so many places, a power of two.
fn place_of(id: &CoinId, places: usize) -> usize {
    let (first, _) = id.as_bytes().split_first_chunk().expect("an id has 32 bytes");
    let bits = places.trailing_zeros();
    // Of 32 bits at most `bits` are left.
    u32::from_be_bytes(*first).checked_shr(32 - bits).unwrap_or(0) as usize
}

fn index_of(coins: &[(CoinId, CoinChange)]) -> Vec<u32> {
    if coins.len() < INDEX_FROM {
        return Vec::new();
    }
    let places = (coins.len() / COINS_PER_PLACE).next_power_of_two();
    let mut index = Vec::with_capacity(places + 1);
    for (at, (id, _)) in coins.iter().enumerate() {
        // Places without coins begin where the next one does.
        while index.len() <= place_of(id, places) {
            index.push(place(at));
        }
    }
    index.resize(places + 1, place(coins.len()));
    index
}

/// Two ordered lists in one; of one name the later value counts.
fn merged<K: Ord + Clone, V: Clone>(earlier: &[(K, V)], later: &[(K, V)]) -> Vec<(K, V)> {
    let mut all = Vec::with_capacity(earlier.len() + later.len());
    let (mut old, mut new) = (earlier, later);
    while let (Some(((a, _), more_old)), Some(((b, _), more_new))) =
        (old.split_first(), new.split_first())
    {
        match a.cmp(b) {
            Ordering::Less => {
                all.push(old[0].clone());
                old = more_old;
            }
            order => {
                all.push(new[0].clone());
                new = more_new;
                if order == Ordering::Equal {
                    old = more_old;
                }
            }
        }
    }
    all.extend_from_slice(old);
    all.extend_from_slice(new);
    all
}

#[cfg(test)]
#[path = "delta_tests.rs"]
mod tests;
