//! Judging a transaction: against a block's coins when it executes, against the pool's when it is admitted.

use std::collections::BTreeSet;

use super::{Coin, Params, ReadFailed};
use crate::types::canary::{Bug, planted};
use crate::types::signatures::SignatureCheck;
use crate::types::{
    Address, Amount, CoinId, GenesisId, Height, MONEY_LIMIT, Transaction, TransactionId,
};

/// Where coins are looked up.
pub trait CoinView {
    /// The coin, if it exists and is unspent.
    fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed>;
}

/// Why a transaction cannot stand at this place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Nothing would keep it from being replayed.
    #[error("it spends no coin; a transaction spends at least one")]
    NoInputs,
    /// It moves nothing and does nothing.
    #[error("it creates no coin and performs no operation")]
    NoEffect,
    /// One coin is named twice.
    #[error("it spends coin {0} twice")]
    SpentTwice(CoinId),
    /// The coin never existed, or is spent.
    #[error("coin {0} does not exist or is already spent")]
    NoSuchCoin(CoinId),
    /// The coin may not be spent yet.
    #[error("coin {coin} may not be spent before height {from} (this is height {at})")]
    Immature {
        /// The coin.
        coin: CoinId,
        /// The first height at which it may.
        from: Height,
        /// The height asked for.
        at: Height,
    },
    /// A deposit.
    #[error(
        "coin {0} is a bond: it unlocks after its owner resigns and the unbonding period passes"
    )]
    Bonded(CoinId),
    /// An output without money.
    #[error("output {0} holds nothing")]
    EmptyOutput(usize),
    /// Sums beyond all money.
    #[error("its amounts add up to more than any chain can hold")]
    Overflow,
    /// More out than in.
    #[error("its outputs hold {outputs}, its inputs only {inputs}")]
    Overspent {
        /// What the inputs hold.
        inputs: Amount,
        /// What the outputs hold.
        outputs: Amount,
    },
    /// Below the floor.
    #[error("its fee is {fee}; {size} bytes cost at least {floor}")]
    FeeTooLow {
        /// What it pays.
        fee: Amount,
        /// What it must pay.
        floor: Amount,
        /// Its encoded size.
        size: usize,
    },
    /// Witnesses missing, spare, or in another order.
    #[error(
        "it has {given} witnesses for {owners} owners; each owner signs once, in order of first use"
    )]
    WitnessCount {
        /// Witnesses given.
        given: usize,
        /// Distinct owners of its inputs.
        owners: usize,
    },
    /// A witness of somebody else.
    #[error("witness {0} is by a key that does not own the coin")]
    WitnessKey(usize),
    /// A signature that does not verify.
    #[error("a signature does not verify")]
    Signature,
    /// The rule has no such operation.
    #[error("{0}")]
    Operation(String),
    /// The state could not be read; says nothing about the transaction.
    #[error(transparent)]
    Failed(#[from] ReadFailed),
}

/// A transaction that may stand at the place it was judged for, signatures aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The coins it spends, in order.
    pub spends: Vec<(CoinId, Coin)>,
    /// What it leaves to the producer.
    pub fee: Amount,
    /// Who performs its operation: the owner of input 0.
    pub actor: Address,
}

/// Judges everything about a transaction in a block at `height` but its operation and its signatures, which
/// [`signature_checks`] hands out so that they can be verified in batches.
pub fn validate(
    transaction: &Transaction,
    size: usize,
    coins: &impl CoinView,
    height: Height,
    params: &Params,
) -> Result<Accepted, TransactionError> {
    let spends = inputs(transaction, coins, height, params)?;
    let inputs = sum(spends.iter().map(|(_, coin)| coin.amount))?;
    let outputs = sum(transaction.outputs.iter().map(|output| output.amount))?;
    if let Some(at) = transaction.outputs.iter().position(|output| output.amount == Amount::ZERO) {
        return Err(TransactionError::EmptyOutput(at));
    }
    let fee = inputs.minus(outputs).ok_or(TransactionError::Overspent { inputs, outputs })?;
    // A size fits 64 bits, and the floor per byte is capped by the spec.
    let floor = Amount((size as u64).saturating_mul(params.fee_per_byte_min));
    if fee < floor {
        return Err(TransactionError::FeeTooLow { fee, floor, size });
    }
    let actor = witnesses(transaction, &spends)?;
    Ok(Accepted { spends, fee, actor })
}

fn inputs(
    transaction: &Transaction,
    coins: &impl CoinView,
    height: Height,
    params: &Params,
) -> Result<Vec<(CoinId, Coin)>, TransactionError> {
    if transaction.inputs.is_empty() {
        return Err(TransactionError::NoInputs);
    }
    if transaction.outputs.is_empty() && transaction.operation.is_none() {
        return Err(TransactionError::NoEffect);
    }
    let mut seen = BTreeSet::new();
    let mut spends = Vec::with_capacity(transaction.inputs.len());
    for id in &transaction.inputs {
        if !seen.insert(id) {
            return Err(TransactionError::SpentTwice(*id));
        }
        let coin = coins.coin(id)?.ok_or(TransactionError::NoSuchCoin(*id))?;
        match coin.spendable_from(params.maturity) {
            None => return Err(TransactionError::Bonded(*id)),
            Some(from) if planted(Bug::MaturityOneShort) && from == height.next() => {
                spends.push((*id, coin));
            }
            Some(from) if from > height => {
                return Err(TransactionError::Immature { coin: *id, from, at: height });
            }
            Some(_) => spends.push((*id, coin)),
        }
    }
    Ok(spends)
}

/// Checks that the witnesses are those of the owners, in order of first use; gives the first owner.
fn witnesses(
    transaction: &Transaction,
    spends: &[(CoinId, Coin)],
) -> Result<Address, TransactionError> {
    let mut seen = BTreeSet::new();
    let owners: Vec<Address> =
        spends.iter().map(|(_, coin)| coin.owner).filter(|owner| seen.insert(*owner)).collect();
    let given = transaction.witnesses.len();
    if given != owners.len() {
        return Err(TransactionError::WitnessCount { given, owners: owners.len() });
    }
    let wrong =
        |(owner, witness): (&Address, &crate::types::Witness)| Address::of(&witness.key) != *owner;
    if let Some(at) = owners.iter().zip(&transaction.witnesses).position(wrong) {
        return Err(TransactionError::WitnessKey(at));
    }
    Ok(owners[0])
}

fn sum(amounts: impl Iterator<Item = Amount>) -> Result<Amount, TransactionError> {
    Amount::total(amounts).filter(|sum| sum.0 < MONEY_LIMIT).ok_or(TransactionError::Overflow)
}

/// The signatures that the witnesses of the transaction with this id claim.
pub fn signature_checks(
    id: &TransactionId,
    transaction: &Transaction,
    chain: &GenesisId,
) -> Vec<SignatureCheck> {
    let message = Transaction::signing_hash(id, chain);
    let check = |witness: &crate::types::Witness| SignatureCheck {
        key: witness.key.0,
        message: message.0,
        signature: witness.signature.0,
    };
    transaction.witnesses.iter().map(check).collect()
}
