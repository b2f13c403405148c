//! The state while a block executes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::lthash::Term;
use super::state::entry;
use super::{Change, Coin, CoinView, Delta, Key, LtHash, ReadFailed, State, SystemKey};
use crate::types::{Amount, CoinId, encode};

/// What a block has written so far, over the state after its parent.
pub struct Working<'a> {
    parent: &'a State,
    /// Coins that the block created or spent.
    coins: BTreeMap<CoinId, Moved>,
    /// Coins that were looked up before the block began: what its transactions spend.
    expected: BTreeMap<CoinId, Option<Coin>>,
    /// Entries of rules, as they are now.
    system: BTreeMap<SystemKey, Change>,
    /// Entries of rules in the parent's state that were looked up: each is read once.
    read: RefCell<BTreeMap<SystemKey, Change>>,
}

/// What a block did with a coin. Ids are unique, so a coin that it creates was not there before, and one that it spends
/// was there as it spent it: nothing has to be read again to tell what changed.
#[derive(Clone, Copy)]
enum Moved {
    Created(Coin),
    Spent(Coin),
    /// Created and spent again.
    Passing,
}

impl<'a> Working<'a> {
    /// Starts on the state after the parent.
    pub fn new(parent: &'a State) -> Self {
        Self {
            parent,
            coins: BTreeMap::new(),
            expected: BTreeMap::new(),
            system: BTreeMap::new(),
            read: RefCell::default(),
        }
    }

    /// Looks up coins that will be asked for, all at once: that is cheaper than one by one.
    pub(super) fn expect(&mut self, ids: impl Iterator<Item = CoinId>) -> Result<(), ReadFailed> {
        let mut ids: Vec<CoinId> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let coins = self.parent.coins(&ids)?;
        self.expected = ids.into_iter().zip(coins).collect();
        Ok(())
    }

    fn before(&self, key: &SystemKey) -> Result<Change, ReadFailed> {
        if let Some(value) = self.read.borrow().get(key) {
            return Ok(value.clone());
        }
        let value = self.parent.system_entry(key)?;
        self.read.borrow_mut().insert(key.clone(), value.clone());
        Ok(value)
    }

    /// Creates a coin; one that holds nothing is not created.
    pub fn create(&mut self, id: CoinId, coin: &Coin) {
        if coin.amount != Amount::ZERO {
            self.coins.insert(id, Moved::Created(*coin));
        }
    }

    /// Removes a coin that exists.
    pub fn spend(&mut self, id: CoinId, coin: &Coin) {
        let spent = match self.coins.get(&id) {
            Some(Moved::Created(_)) => Moved::Passing,
            _ => Moved::Spent(*coin),
        };
        self.coins.insert(id, spent);
    }

    /// The section that rules keep.
    pub fn system(&mut self) -> System<'_, 'a> {
        System { working: self }
    }

    /// Ends the block: what it really changed, and the commitment to the state after it.
    pub fn finish(self) -> Result<(Delta, LtHash), ReadFailed> {
        let mut terms = Vec::with_capacity(self.coins.len());
        let mut changes = Vec::with_capacity(2 * self.coins.len() + self.system.len());
        for (id, moved) in &self.coins {
            let (coin, created) = match moved {
                Moved::Created(coin) => (coin, true),
                Moved::Spent(coin) => (coin, false),
                Moved::Passing => continue,
            };
            let value: Arc<[u8]> = Arc::from(coin.to_bytes());
            terms.push(Term::new(&Key::Coin(*id), &value, created));
            changes.push((Key::Coin(*id), created.then_some(value)));
            changes.push((Key::Owned(coin.owner, *id), created.then(|| Arc::from([]))));
        }
        for (name, after) in &self.system {
            let before = self.before(name)?;
            if before == *after {
                continue;
            }
            let key = Key::System(name.clone());
            terms.extend(before.map(|value| Term::new(&key, &value, false)));
            terms.extend(after.as_ref().map(|value| Term::new(&key, value, true)));
            changes.push((key, after.clone()));
        }
        let mut commitment = self.parent.commitment().clone();
        commitment.apply_all(&terms);
        Ok((changes.into_iter().collect(), commitment))
    }
}

impl CoinView for Working<'_> {
    fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        match self.coins.get(id) {
            Some(Moved::Created(coin)) => Ok(Some(*coin)),
            Some(Moved::Spent(_) | Moved::Passing) => Ok(None),
            None => match self.expected.get(id) {
                Some(coin) => Ok(*coin),
                None => self.parent.coin(id),
            },
        }
    }
}

/// The section of the state that rules keep: windows, tallies, schedules, counts.
pub struct System<'w, 's> {
    working: &'w mut Working<'s>,
}

impl System<'_, '_> {
    /// An entry.
    pub fn get<T: BorshDeserialize>(&self, key: &SystemKey) -> Result<Option<T>, ReadFailed> {
        let found = match self.working.system.get(key) {
            Some(value) => value.clone(),
            None => self.working.before(key)?,
        };
        found.map(|bytes| entry(key, &bytes)).transpose()
    }

    /// Writes an entry.
    pub fn put<T: BorshSerialize>(&mut self, key: &SystemKey, value: &T) {
        self.working.system.insert(key.clone(), Some(Arc::from(encode(value))));
    }

    /// Removes an entry.
    pub fn remove(&mut self, key: &SystemKey) {
        self.working.system.insert(key.clone(), None);
    }
}
