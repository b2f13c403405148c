//! The state while a block executes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::lthash::Entry;
use super::state::entry;
use super::{Change, Coin, CoinView, Delta, Key, LtHash, ReadFailed, State, SystemKey};
use crate::types::{Amount, CoinId, encode};

/// What a block has written so far, over the state after its parent.
pub struct Working<'a> {
    parent: &'a State,
    writes: Delta,
    /// Values of the parent's state that were looked up: each is read once.
    read: RefCell<BTreeMap<Key, Change>>,
}

impl<'a> Working<'a> {
    /// Starts on the state after the parent.
    pub fn new(parent: &'a State) -> Self {
        Self { parent, writes: Delta::new(), read: RefCell::default() }
    }

    fn before(&self, key: &Key) -> Result<Change, ReadFailed> {
        if let Some(value) = self.read.borrow().get(key) {
            return Ok(value.clone());
        }
        let value = self.parent.get(key)?;
        self.read.borrow_mut().insert(key.clone(), value.clone());
        Ok(value)
    }

    fn get(&self, key: &Key) -> Result<Change, ReadFailed> {
        match self.writes.get(key) {
            Some(change) => Ok(change.clone()),
            None => self.before(key),
        }
    }

    fn put<T: BorshSerialize>(&mut self, key: Key, value: &T) {
        self.writes.insert(key, Some(Arc::from(encode(value))));
    }

    /// Creates a coin; one that holds nothing is not created.
    pub fn create(&mut self, id: CoinId, coin: &Coin) {
        if coin.amount == Amount::ZERO {
            return;
        }
        self.writes.insert(Key::Owned(coin.owner, id), Some(Arc::from([])));
        self.put(Key::Coin(id), coin);
    }

    /// Removes a coin that exists.
    pub fn spend(&mut self, id: CoinId, coin: &Coin) {
        self.writes.insert(Key::Owned(coin.owner, id), None);
        self.writes.insert(Key::Coin(id), None);
    }

    /// The section that rules keep.
    pub fn system(&mut self) -> System<'_, 'a> {
        System { working: self }
    }

    /// Ends the block: what it really changed, and the commitment to the state after it.
    pub fn finish(self) -> Result<(Delta, LtHash), ReadFailed> {
        let mut changes = Vec::with_capacity(self.writes.len());
        for (key, after) in &self.writes {
            let before = self.before(key)?;
            if before != *after {
                changes.push((key.clone(), key.to_bytes(), before, after.clone()));
            }
        }
        let mut entries = Vec::with_capacity(changes.len() * 2);
        for (key, name, before, after) in &changes {
            let sides = [(before, false), (after, true)];
            for (value, add) in sides.iter().filter_map(|(v, add)| Some((v.as_ref()?, *add))) {
                if key.is_committed() {
                    entries.push(Entry { key: name, value, add });
                }
            }
        }
        let mut commitment = self.parent.commitment().clone();
        commitment.apply_all(&entries);
        drop(entries);
        let delta = changes.into_iter().map(|(key, _, _, after)| (key, after)).collect();
        Ok((delta, commitment))
    }
}

impl CoinView for Working<'_> {
    fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        self.get(&Key::Coin(*id))?.map(|bytes| entry(id, &bytes)).transpose()
    }
}

/// The section of the state that rules keep: windows, tallies, schedules, counts.
pub struct System<'w, 's> {
    working: &'w mut Working<'s>,
}

impl System<'_, '_> {
    /// An entry.
    pub fn get<T: BorshDeserialize>(&self, key: &SystemKey) -> Result<Option<T>, ReadFailed> {
        let found = self.working.get(&Key::System(key.clone()))?;
        found.map(|bytes| entry(key, &bytes)).transpose()
    }

    /// Writes an entry.
    pub fn put<T: BorshSerialize>(&mut self, key: &SystemKey, value: &T) {
        self.working.put(Key::System(key.clone()), value);
    }

    /// Removes an entry.
    pub fn remove(&mut self, key: &SystemKey) {
        self.working.writes.insert(Key::System(key.clone()), None);
    }
}
