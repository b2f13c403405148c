//! What happened to an address, as the blocks tell it.
//!
//! An entry is made of a block, of what the block paid out, and of who owned the coins that its transactions spend.
//! Neither the rule nor the state is asked, so the history of a stored chain can be written at any time later, and the
//! history of a branch that is not final yet can be read without writing it.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use super::StoreError;
use crate::ledger::{Coin, Own};
use crate::types::{
    Address, Amount, Block, Bounded, CoinId, GenesisId, Height, Time, Transaction, TransactionId,
};

/// Other parties that an entry names: a payment has one or two, and a payroll is read in its transaction.
pub const OTHERS_MAX: usize = 4;

/// Why the holdings of an address changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Cause {
    /// It holds coins from the start.
    Genesis,
    /// The block paid it: rewards and fees, and what it staked.
    Reward,
    /// A transaction.
    Transaction(TransactionId),
    /// The block took coins from it for what it did.
    Burned,
}

/// One change of what an address holds.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HistoryEntry {
    /// Why.
    pub cause: Cause,
    /// The time of the block.
    pub time: Time,
    /// What came in, change of its own payment included.
    pub received: Amount,
    /// What the coins held that it spent.
    pub spent: Amount,
    /// The fee of the transaction, if it spent coins in it. Where several owners spend, each entry has the whole fee.
    pub fee: Amount,
    /// Whom it paid, or who paid it: the first [`OTHERS_MAX`] of them.
    pub others: Bounded<Address, OTHERS_MAX>,
    /// How many there are.
    pub others_count: u32,
}

/// Where an entry stands in the history of its address: later blocks are greater, and in a block the order of
/// execution counts, so that what the block itself pays comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The height of the block.
    pub height: Height,
    /// The place of the transaction in it; of what the block pays itself, the number of its transactions.
    pub position: u32,
}

/// What there is to know of a coin here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Owned {
    /// Whose it is.
    pub owner: Address,
    /// What it holds.
    pub amount: Amount,
}

impl From<&Coin> for Owned {
    fn from(coin: &Coin) -> Self {
        Self { owner: coin.owner, amount: coin.amount }
    }
}

/// Why the history cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// No such coin is known: the block stands on others than those that were told before it.
    #[error("the owner of coin {0} is not known")]
    UnknownCoin(CoinId),
    /// Blocks became final, or lost their branch, while they were read: read again, from the head as it is now.
    #[error("the chain moved on while it was read")]
    Moved,
    /// The node keeps no index.
    #[error("there is no index")]
    NoIndex,
    /// The index has not come as far as the chain.
    #[error("the index ends below height {next}, and the chain is further")]
    Behind {
        /// The first height that it lacks.
        next: Height,
    },
    /// The store failed.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

/// The coins as one block after another finds them: what blocks changed, over what was there before the first.
pub(super) struct Coins<F> {
    changed: BTreeMap<CoinId, Option<Owned>>,
    before: F,
}

impl<F: FnMut(&CoinId) -> Result<Option<Owned>, StoreError>> Coins<F> {
    pub(super) fn new(before: F) -> Self {
        Self { changed: BTreeMap::new(), before }
    }

    fn spend(&mut self, id: &CoinId) -> Result<Owned, HistoryError> {
        let owned = match self.changed.get(id) {
            Some(change) => *change,
            None => (self.before)(id)?,
        };
        let owned = owned.ok_or(HistoryError::UnknownCoin(*id))?;
        self.changed.insert(*id, None);
        Ok(owned)
    }

    /// Every coin that was created or spent, the latter as `None`.
    pub(super) fn into_changes(self) -> BTreeMap<CoinId, Option<Owned>> {
        self.changed
    }
}

/// What a block did to whom, in order of execution. `own` is what it did to coins itself.
pub(super) fn tell<F: FnMut(&CoinId) -> Result<Option<Owned>, StoreError>>(
    block: &Block,
    chain: &GenesisId,
    own: &Own,
    coins: &mut Coins<F>,
) -> Result<Vec<(Address, Place, HistoryEntry)>, HistoryError> {
    let (height, time) = (block.header.height, block.header.time);
    let mut entries = Vec::new();
    // A block has far fewer than 2^32 transactions.
    for (position, transaction) in (0..).zip(&block.body.transactions) {
        let id = transaction.id(chain);
        let mut spends = Vec::with_capacity(transaction.inputs.len());
        for coin in &transaction.inputs {
            spends.push(coins.spend(coin)?);
        }
        for (index, output) in transaction.outputs.iter().enumerate() {
            let owned = Owned { owner: output.to, amount: output.amount };
            coins.changed.insert(Transaction::coin_id(&id, index, chain), Some(owned));
        }
        let place = Place { height, position };
        let cause = Cause::Transaction(id);
        let told = tell_transaction(transaction, &spends, cause, time);
        entries.extend(told.into_iter().map(|(owner, entry)| (owner, place, entry)));
    }
    let mut sums: BTreeMap<Address, (Amount, Amount)> = BTreeMap::new();
    let add = |sum: &mut Amount, more| *sum = sum.plus(more).unwrap_or(Amount(u64::MAX));
    for (id, coin) in &own.taken {
        coins.changed.insert(*id, None);
        add(&mut sums.entry(coin.owner).or_default().1, coin.amount);
    }
    for (id, coin) in &own.paid {
        coins.changed.insert(*id, Some(coin.into()));
        add(&mut sums.entry(coin.owner).or_default().0, coin.amount);
    }
    let position = u32::try_from(block.body.transactions.len()).unwrap_or(u32::MAX);
    entries.extend(sums.into_iter().map(|(owner, (received, spent))| {
        let entry = HistoryEntry {
            cause: match height {
                Height(0) => Cause::Genesis,
                _ if received == Amount::ZERO => Cause::Burned,
                _ => Cause::Reward,
            },
            time,
            received,
            spent,
            fee: Amount::ZERO,
            others: Bounded::default(),
            others_count: 0,
        };
        (owner, Place { height, position }, entry)
    }));
    Ok(entries)
}

/// What a transaction does to each of those whose coins it spends or creates. `spends` are the coins of its inputs.
pub fn tell_transaction(
    transaction: &Transaction,
    spends: &[Owned],
    cause: Cause,
    time: Time,
) -> BTreeMap<Address, HistoryEntry> {
    // Amounts of a valid transaction add up below 2^53.
    let sum = |a: Amount, b: Amount| a.plus(b).unwrap_or(Amount(u64::MAX));
    let mut moved: BTreeMap<Address, (Amount, Amount)> = BTreeMap::new();
    let (mut inputs, mut outputs) = (Amount::ZERO, Amount::ZERO);
    for coin in spends {
        inputs = sum(inputs, coin.amount);
        let (_, spent) = moved.entry(coin.owner).or_default();
        *spent = sum(*spent, coin.amount);
    }
    for output in &transaction.outputs {
        outputs = sum(outputs, output.amount);
        let (received, _) = moved.entry(output.to).or_default();
        *received = sum(*received, output.amount);
    }
    let fee = inputs.minus(outputs).unwrap_or(Amount::ZERO);
    let from: BTreeSet<Address> = spends.iter().map(|coin| coin.owner).collect();
    let to: BTreeSet<Address> = transaction.outputs.iter().map(|output| output.to).collect();
    let entry = |(owner, (received, spent)): (Address, (Amount, Amount))| {
        let paying = from.contains(&owner);
        let parties = if paying { &to } else { &from };
        let others_count = parties.len() - usize::from(parties.contains(&owner));
        let others = parties.iter().filter(|party| **party != owner).take(OTHERS_MAX);
        let entry = HistoryEntry {
            cause,
            time,
            received,
            spent,
            fee: if paying { fee } else { Amount::ZERO },
            others: Bounded::truncated(others.copied().collect()),
            // A transaction has at most 256 outputs.
            others_count: u32::try_from(others_count).unwrap_or(u32::MAX),
        };
        (owner, entry)
    };
    moved.into_iter().map(entry).collect()
}
