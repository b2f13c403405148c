//! The state after a block: what changed since the final block, over what is on disk.
//!
//! A [`State`] is cheap to clone and shares everything unchanged with its parent's. Reading looks into the changes
//! first and falls through to the final state ([`Base`]). When blocks become final, their changes are written to the
//! base *before* any state forgets them; states forget lazily, when a child is made. A reader that holds an old state
//! therefore finds values that are newer than its block at worst, never older.

use std::collections::BTreeSet;
use std::sync::Arc;

use borsh::BorshDeserialize;

use super::layers::Layers;
use super::{Change, Coin, CoinChange, CoinView, Delta, Key, LtHash, Supply, SystemKey};
use crate::types::{Address, CoinId, Height, StateRoot, decode};

/// The final state could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the state could not be read: {0}")]
pub struct ReadFailed(pub String);

/// The final state, on disk or in memory.
pub trait Base: Send + Sync {
    /// The value of the entry with this name ([`Key::to_bytes`]).
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadFailed>;

    /// The values of entries, in the order of their names, which are sorted. One by one, unless a base knows better.
    fn read_all(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, ReadFailed> {
        keys.iter().map(|key| self.read(key)).collect()
    }

    /// Up to `limit` names that start with `prefix` and are greater than `after`, in order.
    fn names(&self, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, ReadFailed>;
}

/// The state before the genesis block.
#[derive(Debug)]
pub struct EmptyBase;

impl Base for EmptyBase {
    fn read(&self, _: &[u8]) -> Result<Option<Vec<u8>>, ReadFailed> {
        Ok(None)
    }

    fn names(&self, _: &[u8], _: &[u8], _: usize) -> Result<Vec<Vec<u8>>, ReadFailed> {
        Ok(Vec::new())
    }
}

/// The ledger after a block.
#[derive(Clone)]
pub struct State {
    base: Arc<dyn Base>,
    /// Changes since some final block.
    changes: Layers,
    commitment: LtHash,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({:?}, {} changes)", self.root(), self.changes.len())
    }
}

impl State {
    /// The state that lies in `base` as a whole.
    pub fn at_rest(base: Arc<dyn Base>, commitment: LtHash) -> Self {
        Self { base, changes: Layers::default(), commitment }
    }

    /// The commitment to all entries.
    pub fn root(&self) -> StateRoot {
        self.commitment.root()
    }

    /// The sum behind [`Self::root`], to be stored beside a final state.
    pub fn commitment(&self) -> &LtHash {
        &self.commitment
    }

    /// The value of an entry.
    pub fn get(&self, key: &Key) -> Result<Change, ReadFailed> {
        let changed = match key {
            Key::Coin(id) => self.changes.coin(id).map(|change| {
                let coin = change.coin();
                coin.map(|coin| Arc::from(coin.to_bytes()))
            }),
            Key::Owned(owner, id) => {
                let change = self.changes.coin(id).filter(|change| change.owner() == *owner);
                change.map(|change| change.coin().map(|_| Arc::from([])))
            }
            Key::System(name) => return self.system_entry(name),
        };
        changed.map_or_else(|| self.on_base(key), Ok)
    }

    fn on_base(&self, key: &Key) -> Result<Change, ReadFailed> {
        Ok(self.base.read(&key.to_bytes())?.map(Arc::from))
    }

    /// The value of an entry that a rule keeps, encoded.
    pub(super) fn system_entry(&self, key: &SystemKey) -> Result<Change, ReadFailed> {
        match self.changes.system(key) {
            Some(change) => Ok(change.clone()),
            None => self.on_base(&Key::System(key.clone())),
        }
    }

    /// Coins by id, `None` where there is none; `ids` are sorted.
    pub(super) fn coins(&self, ids: &[CoinId]) -> Result<Vec<Option<Coin>>, ReadFailed> {
        let mut coins = Vec::with_capacity(ids.len());
        let mut places = Vec::new();
        let mut names = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            let changed = self.changes.coin(id);
            if changed.is_none() {
                places.push(place);
                names.push(Key::Coin(*id).to_bytes());
            }
            coins.push(changed.and_then(CoinChange::coin));
        }
        for (place, found) in places.into_iter().zip(self.base.read_all(&names)?) {
            coins[place] = found.map(|bytes| entry(&ids[place], &bytes)).transpose()?;
        }
        Ok(coins)
    }

    /// An entry of the system section.
    pub fn system<T: BorshDeserialize>(&self, key: &SystemKey) -> Result<Option<T>, ReadFailed> {
        self.system_entry(key)?.map(|bytes| entry(key, &bytes)).transpose()
    }

    /// The figures of the supply identity.
    pub fn supply(&self) -> Result<Supply, ReadFailed> {
        Ok(self.system(&Supply::key())?.unwrap_or_default())
    }

    /// Up to `limit` coins of `owner` with ids greater than `after`, in order of id.
    pub fn coins_of(
        &self,
        owner: &Address,
        after: Option<CoinId>,
        limit: usize,
    ) -> Result<Vec<(CoinId, Coin)>, ReadFailed> {
        let mut cursor = after;
        let mut coins = Vec::new();
        loop {
            let page = self.owned_on_base(owner, cursor, limit)?;
            // What lies beyond a full page of the base is not known yet: changes must not overtake it.
            let end = if page.len() < limit { None } else { page.last().copied() };
            let mut ids: BTreeSet<CoinId> = page.into_iter().collect();
            let from = cursor.unwrap_or_default();
            for layer in self.changes.iter() {
                for (id, change) in layer.coins_of(owner, &from) {
                    if end.is_some_and(|end| *id > end) {
                        break;
                    }
                    // A change may be in the base already, so the cursor's own must not count again.
                    if Some(*id) == cursor {
                        continue;
                    }
                    match change {
                        CoinChange::Created(_) => ids.insert(*id),
                        CoinChange::Spent(_) => ids.remove(id),
                    };
                }
            }
            for id in ids {
                if coins.len() == limit {
                    return Ok(coins);
                }
                if let Some(coin) = self.coin(&id)? {
                    coins.push((id, coin));
                }
            }
            match end {
                Some(end) if coins.len() < limit => cursor = Some(end),
                _ => return Ok(coins),
            }
        }
    }

    fn owned_on_base(
        &self,
        owner: &Address,
        after: Option<CoinId>,
        limit: usize,
    ) -> Result<Vec<CoinId>, ReadFailed> {
        let prefix = Key::owned_prefix(owner);
        let from = after.map_or(prefix.clone(), |after| Key::Owned(*owner, after).to_bytes());
        let names = self.base.names(&prefix, &from, limit)?;
        Ok(names.iter().filter_map(|name| Key::coin_of_owned(name)).collect())
    }

    /// The state after a child at `height` that made these changes. What blocks up to `final_height` changed is in the
    /// base by now and may be forgotten.
    pub(crate) fn child(
        &self,
        height: Height,
        delta: Arc<Delta>,
        commitment: LtHash,
        final_height: Height,
    ) -> Self {
        let changes = self.changes.with(height, delta, final_height);
        Self { base: self.base.clone(), changes, commitment }
    }

    /// This state, its base being that of `other`. Both bases hold what is final at the same height, at least.
    pub(crate) fn beside(&self, other: &Self) -> Self {
        let (changes, commitment) = (self.changes.clone(), self.commitment.clone());
        Self { base: other.base.clone(), changes, commitment }
    }

    /// Changes held in memory.
    pub fn held(&self) -> usize {
        self.changes.len()
    }
}

impl CoinView for State {
    fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        match self.changes.coin(id) {
            Some(change) => Ok(change.coin()),
            None => self.on_base(&Key::Coin(*id))?.map(|bytes| entry(id, &bytes)).transpose(),
        }
    }
}

/// Decodes an entry that this software wrote.
pub(crate) fn entry<T: BorshDeserialize>(
    name: &dyn std::fmt::Debug,
    bytes: &[u8],
) -> Result<T, ReadFailed> {
    decode(bytes).map_err(|error| ReadFailed(format!("entry {name:?} is damaged: {error}")))
}
