//! Which coins pay: coin selection, pure and deterministic.
//!
//! A coin's age is worth something on chains where coins stake, so **young coins go first and old ones are kept**. Coins
//! are ranked from the youngest to the oldest and taken until they cover the payment and the fee; then those that turn
//! out not to be needed are put back, the oldest first. Coins in blocks come before unconfirmed change of one's own
//! pending transactions, which is touched only if the former do not suffice; coins that strangers promise are never
//! spent, for a stranger can take them back.
//!
//! The fee is exact: it is counted on the size of the encoded transaction, which is known before it is signed because
//! there is one witness of fixed size per distinct owner. What is left over returns as change, unless the change coin
//! would hold less than it costs to make and to spend it (dust): then it is left to the fee. Coins that
//! hold less than it costs to spend them are left alone.
//!
//! One transaction spends at most [`INPUTS_MAX`](crate::types::INPUTS_MAX) coins. Where the young ones are too many and too small, the largest
//! among them are taken, reaching back in age only as far as is needed.
//!
//! The amounts are what a node says. A node that lies about them can make its own wallet pay too high a fee, but never
//! redirect a payment: the signature covers which coins are spent and who gets how much.

mod cost;
mod error;
mod fee;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

pub use error::{SelectError, Shortfall};
pub use fee::{FeeFactor, FeeFactorError, FeeRate};
pub use shape::{merged, parts_of};

use self::cost::{Cost, Pile};
use crate::types::{Address, Amount, CoinId, Height, Operation, Output, Time, TransactionId};

/// A coin of one's own, and what may be done with it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnCoin {
    /// Its id.
    pub id: CoinId,
    /// Which of one's addresses owns it.
    pub owner: Address,
    /// How much it holds.
    pub amount: Amount,
    /// From when its age counts.
    pub time: Time,
    /// What may be done with it.
    pub state: CoinState,
}

/// What may be done with a coin in the next block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoinState {
    /// It is in a block and may be spent.
    Spendable,
    /// A pending transaction creates it that nobody but its owner signed: it may be spent if need be.
    Change {
        /// That transaction.
        by: TransactionId,
    },
    /// A pending transaction of somebody else creates it.
    Arriving {
        /// That transaction.
        by: TransactionId,
    },
    /// It may be spent later.
    Immature {
        /// The first height at which it may.
        from: Height,
    },
    /// It is a deposit, which no height alone frees.
    Bonded,
    /// A pending transaction spends it already.
    Spending {
        /// That transaction.
        by: TransactionId,
    },
}

impl CoinState {
    /// Whether a payment may use it.
    fn usable(self) -> bool {
        matches!(self, Self::Spendable | Self::Change { .. })
    }
}

/// What a transaction is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// Somebody is paid.
    Pay(Output),
    /// So many equal coins are made for the owner.
    Split {
        /// Whose they are.
        to: Address,
        /// What each holds.
        each: Amount,
        /// How many; at most [`OUTPUTS_MAX`](crate::types::OUTPUTS_MAX) less one for the change.
        parts: usize,
    },
    /// Something is done by the owner of the coins, which costs the fee and moves nothing else.
    Operate(&'a Operation),
    /// Something is done that locks a deposit: a coin of the owner's own with exactly that amount, made for it.
    Lock {
        /// What is done.
        operation: &'a Operation,
        /// The coin that it locks.
        deposit: Output,
    },
}

impl<'a> Purpose<'a> {
    /// The coin that it creates, and how many of it.
    fn output(self) -> Option<(Output, usize)> {
        match self {
            Self::Pay(output) | Self::Lock { deposit: output, .. } => Some((output, 1)),
            Self::Split { to, each, parts } => Some((Output { to, amount: each }, parts)),
            Self::Operate(_) => None,
        }
    }

    /// What it does beside moving coins.
    pub fn operation(self) -> Option<&'a Operation> {
        match self {
            Self::Pay(_) | Self::Split { .. } => None,
            Self::Operate(operation) | Self::Lock { operation, .. } => Some(operation),
        }
    }
}

/// What is to be paid, and from what.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The coins to choose from.
    pub coins: &'a [OwnCoin],
    /// Coins picked by hand: all of them are spent and no others. Empty to let the selection choose.
    pub picked: &'a [CoinId],
    /// What the transaction is for.
    pub purpose: Purpose<'a>,
    /// Where the change goes.
    pub change_to: Address,
    /// What the transaction pays.
    pub fee: FeeRate,
    /// Encoded bytes that one transaction may have.
    pub bytes_max: usize,
}

/// The coins that pay, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The coins to spend, in the order of the transaction's inputs.
    pub inputs: Vec<OwnCoin>,
    /// The payment if there is one, or the parts of a split, and then the change if there is any.
    pub outputs: Vec<Output>,
    /// What the transaction does beside.
    pub operation: Option<Operation>,
    /// What returns.
    pub change: Option<Amount>,
    /// What the producer of the block gets.
    pub fee: Amount,
    /// The size of the encoded transaction in bytes.
    pub size: usize,
}

impl Selection {
    /// The owners of the inputs in the order of first use: who has to sign.
    pub fn owners(&self) -> Vec<Address> {
        let mut seen = BTreeSet::new();
        self.inputs.iter().map(|coin| coin.owner).filter(|owner| seen.insert(*owner)).collect()
    }

    /// How many inputs are unconfirmed change.
    pub fn unconfirmed(&self) -> usize {
        self.inputs.iter().filter(|coin| coin.state != CoinState::Spendable).count()
    }
}

/// Selects the coins for a payment. The result depends on nothing but the request, and not on the order of its coins.
///
/// # Errors
///
/// See [`SelectError`]; nothing is selected then.
pub fn select(request: &Request<'_>) -> Result<Selection, SelectError> {
    let cost = Cost::of(request);
    cost.check_payment()?;
    if !request.picked.is_empty() {
        return by_hand(request, &cost);
    }
    let confirmed = cost.ranked(request.coins, |state| state == CoinState::Spendable);
    if let Some(inputs) = cost.cover(&confirmed) {
        return Ok(cost.finish(inputs, request.change_to));
    }
    let usable = cost.ranked(request.coins, CoinState::usable);
    match cost.cover(&usable) {
        Some(inputs) => Ok(cost.finish(inputs, request.change_to)),
        None => Err(cost.explain(request, &usable)),
    }
}

fn by_hand(request: &Request<'_>, cost: &Cost<'_>) -> Result<Selection, SelectError> {
    let picked = request.picked.len();
    if picked > cost.inputs_max {
        return Err(SelectError::PickedTooMany { picked, inputs_max: cost.inputs_max });
    }
    let coins: BTreeMap<&CoinId, &OwnCoin> = request.coins.iter().map(|c| (&c.id, c)).collect();
    let mut seen = BTreeSet::new();
    let mut inputs = Vec::with_capacity(picked);
    for id in request.picked {
        if !seen.insert(id) {
            return Err(SelectError::PickedTwice(*id));
        }
        let coin = **coins.get(id).ok_or(SelectError::PickedUnknown(*id))?;
        if !coin.state.usable() {
            return Err(SelectError::PickedUnusable { coin: *id, state: coin.state });
        }
        inputs.push(coin);
    }
    let pile = Pile::of(&inputs);
    if cost.covered(&pile) {
        return Ok(cost.finish(inputs, request.change_to));
    }
    Err(SelectError::Insufficient(Box::new(Shortfall {
        amount: cost.amount(),
        fee: cost.least(&pile),
        spendable: pile.sum(),
        most: cost.most(&pile),
        picked: true,
        ..Shortfall::default()
    })))
}

#[cfg(test)]
mod tests;
