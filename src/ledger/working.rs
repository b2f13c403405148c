//! The state while a block executes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::lthash::Term;
use super::state::entry;
use super::{
    Change, Coin, CoinChange, CoinKind, CoinView, Delta, LtHash, ReadFailed, State, SystemKey,
};
use crate::types::canary::{Bug, planted};
use crate::types::{Address, Amount, CoinId, encode};

/// What a block has written so far, over the state after its parent.
pub struct Working<'a> {
    parent: &'a State,
    /// What the block's transactions spend, in order of id.
    expected: Vec<(CoinId, Expected)>,
    /// Coins that the block created and does not spend.
    created: Vec<(CoinId, Coin)>,
    /// Entries of rules, as they are now.
    system: BTreeMap<SystemKey, Change>,
    /// Coins that the rule took, as they were.
    taken: Vec<(CoinId, Coin)>,
    /// What the transaction creates whose operation is performed.
    offered: Vec<CoinId>,
    /// Entries of rules in the parent's state that were looked up: each is read once.
    read: RefCell<BTreeMap<SystemKey, Change>>,
}

/// A coin that was looked up before the block began, as it was then and as it is now.
#[derive(Clone, Copy, Default)]
struct Expected {
    before: Option<Coin>,
    now: Option<Coin>,
}

impl<'a> Working<'a> {
    /// Starts on the state after the parent.
    pub fn new(parent: &'a State) -> Self {
        let (expected, created, taken, offered) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (system, read) = (BTreeMap::new(), RefCell::default());
        Self { parent, expected, created, system, taken, offered, read }
    }

    /// Looks up what the block will spend, all at once: that is cheaper than one by one.
    pub(super) fn expect(&mut self, ids: impl Iterator<Item = CoinId>) -> Result<(), ReadFailed> {
        let mut ids: Vec<CoinId> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let coins = self.parent.coins(&ids)?;
        let expected = |coin| Expected { before: coin, now: coin };
        self.expected = ids.into_iter().zip(coins.into_iter().map(expected)).collect();
        Ok(())
    }

    fn place(&self, id: &CoinId) -> Result<usize, usize> {
        self.expected.binary_search_by(|(at, _)| at.cmp(id))
    }

    fn before(&self, key: &SystemKey) -> Result<Change, ReadFailed> {
        if let Some(value) = self.read.borrow().get(key) {
            return Ok(value.clone());
        }
        let value = self.parent.system_entry(key)?;
        self.read.borrow_mut().insert(key.clone(), value.clone());
        Ok(value)
    }

    /// Creates a coin; one that holds nothing is not created. Ids are unique: there was none before.
    pub fn create(&mut self, id: CoinId, coin: &Coin) {
        if coin.amount == Amount::ZERO {
            return;
        }
        match self.place(&id) {
            Ok(place) => self.expected[place].1.now = Some(*coin),
            Err(_) => self.created.push((id, *coin)),
        }
    }

    /// Removes a coin that exists.
    ///
    /// # Panics
    ///
    /// Unless it was expected.
    pub(super) fn spend(&mut self, id: &CoinId) {
        let place = self.place(id).expect("whatever a block spends was expected");
        self.expected[place].1.now = None;
    }

    /// Creates the coins of a transaction whose operation comes next, so that it can lock one of them.
    pub fn offer(&mut self, coins: impl IntoIterator<Item = (CoinId, Coin)>) {
        self.offered.clear();
        for (id, coin) in coins {
            self.create(id, &coin);
            self.offered.push(id);
        }
    }

    /// A coin as it is now, to be changed.
    fn now(&mut self, id: &CoinId) -> Option<&mut Coin> {
        match self.place(id) {
            Ok(place) => self.expected[place].1.now.as_mut(),
            Err(_) => self.created.iter_mut().find(|(at, _)| at == id).map(|(_, coin)| coin),
        }
    }

    /// Coins that the rule took out of the state so far.
    pub(super) fn taken(&mut self) -> Vec<(CoinId, Coin)> {
        std::mem::take(&mut self.taken)
    }

    /// The section that rules keep.
    pub fn system(&mut self) -> System<'_, 'a> {
        System { working: self }
    }

    /// Ends the block: what it really changed, and the commitment to the state after it.
    pub fn finish(self) -> Result<(Delta, LtHash), ReadFailed> {
        let mut coins = Vec::with_capacity(self.expected.len() + self.created.len());
        let mut terms = Vec::with_capacity(coins.capacity() + 2 * self.system.len());
        let expected = self.expected.iter().map(|(id, coin)| (*id, coin.before, coin.now));
        let created = self.created.iter().map(|(id, coin)| (*id, None, Some(*coin)));
        for (id, before, now) in expected.chain(created) {
            let (coin, add, change) = match (before, now) {
                (None, Some(coin)) => (coin, true, CoinChange::Created(coin)),
                (Some(coin), None) => (coin, false, CoinChange::Spent(coin.owner)),
                // Spent by nobody, or created and spent again.
                _ => continue,
            };
            coins.push((id, change));
            terms.push(Term::Coin { id, coin, add });
        }
        coins.sort_unstable_by_key(|(id, _)| *id);
        let mut system = Vec::with_capacity(self.system.len());
        for (name, after) in &self.system {
            let before = self.before(name)?;
            if before == *after {
                continue;
            }
            let term = |value, add| Term::Entry { key: name.clone(), value, add };
            terms.extend(before.map(|value| term(value, false)));
            terms.extend(after.clone().map(|value| term(value, true)));
            system.push((name.clone(), after.clone()));
        }
        let mut commitment = self.parent.commitment().clone();
        commitment.apply_all(&terms);
        Ok((Delta::new(coins, system), commitment))
    }
}

/// The section that rules keep, as a block finds it or as it leaves it.
pub trait SystemView {
    /// An entry.
    fn entry<T: BorshDeserialize>(&self, key: &SystemKey) -> Result<Option<T>, ReadFailed>;
}

impl SystemView for State {
    fn entry<T: BorshDeserialize>(&self, key: &SystemKey) -> Result<Option<T>, ReadFailed> {
        self.system(key)
    }
}

impl SystemView for System<'_, '_> {
    fn entry<T: BorshDeserialize>(&self, key: &SystemKey) -> Result<Option<T>, ReadFailed> {
        self.get(key)
    }
}

impl CoinView for Working<'_> {
    /// A coin as it is now, if it was expected.
    fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        match self.place(id) {
            Ok(place) if planted(Bug::SpentTwice) => {
                let Expected { before, now } = self.expected[place].1;
                Ok(now.or(before))
            }
            Ok(place) => Ok(self.expected[place].1.now),
            Err(_) => match self.created.iter().find(|(at, _)| at == id) {
                Some((_, coin)) => Ok(Some(*coin)),
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

    /// A coin as it is now.
    pub fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        self.working.coin(id)
    }

    /// Makes a bond of the first coin that the transaction of this operation pays to `owner` with exactly this amount.
    /// `None` if it pays no such coin. Only [`Self::take`] frees a bond.
    pub fn lock(&mut self, owner: &Address, amount: Amount) -> Option<CoinId> {
        let offered = self.working.offered.clone();
        offered.into_iter().find(|id| {
            let coin = self.working.now(id);
            let fits = |coin: &&mut Coin| {
                (coin.owner, coin.amount, coin.kind) == (*owner, amount, CoinKind::Transfer)
            };
            coin.filter(fits).map(|coin| coin.kind = CoinKind::Bond).is_some()
        })
    }

    /// The coins that were taken so far.
    pub fn taken(&self) -> impl Iterator<Item = &(CoinId, Coin)> {
        self.working.taken.iter()
    }

    /// Takes a coin out of the state, if it is there, mature or not. What it held is the block's to pay out again; what
    /// is not paid out is burned.
    pub fn take(&mut self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        let Some(coin) = self.working.coin(id)? else { return Ok(None) };
        let working = &mut *self.working;
        match working.place(id) {
            Ok(place) => working.expected[place].1.now = None,
            Err(place) => {
                // Few coins are taken, so moving what lies behind costs little.
                let before = working.created.iter().position(|(at, _)| at == id);
                let before = match before {
                    Some(at) => {
                        working.created.swap_remove(at);
                        None
                    }
                    None => Some(coin),
                };
                working.expected.insert(place, (*id, Expected { before, now: None }));
            }
        }
        working.taken.push((*id, coin));
        Ok(Some(coin))
    }

    /// Removes an entry.
    pub fn remove(&mut self, key: &SystemKey) {
        self.working.system.insert(key.clone(), None);
    }
}
