//! Executing a block: a pure function from a draft and the state after its parent to the state after it.

use std::sync::Arc;

use borsh::BorshSerialize;

use super::evidence::punish;
use super::{
    Accepted, Coin, CoinKind, Delta, Movements, Own, Params, ReadFailed, Refused, Rewards, State,
    Supply, TransactionError, Transition, Working, validate,
};
use crate::types::canary::{Bug, planted};
use crate::types::{
    Address, Amount, CoinId, Draft, GenesisId, Header, Height, Output, StateRoot, Time,
    Transaction, TransactionId, tagged,
};

/// What became of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
pub struct Receipt {
    /// Which.
    pub id: TransactionId,
    /// What it paid.
    pub fee: Amount,
}

/// The outcome of a block.
#[derive(Debug, Clone)]
pub struct Executed {
    /// What it changed.
    pub delta: Arc<Delta>,
    /// The ledger after it.
    pub state: State,
    /// One receipt per transaction.
    pub receipts: Vec<Receipt>,
    /// What it does to coins itself.
    pub own: Own,
}

/// Why a block does not execute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteError {
    /// One of its transactions is invalid here.
    #[error("transaction {index} is invalid: {error}")]
    Transaction {
        /// Its place in the block.
        index: usize,
        /// What is wrong.
        error: TransactionError,
    },
    /// A piece of its evidence proves nothing here.
    #[error("{reason}")]
    Evidence {
        /// Its place in the block.
        index: usize,
        /// Why not.
        reason: String,
    },
    /// The rule refuses the block.
    #[error("{0}")]
    Rule(String),
    /// Larger than the spec allows.
    #[error("it has {what} {given} where the chain allows {allowed}")]
    TooLarge {
        /// Bytes or transactions.
        what: &'static str,
        /// How many there are.
        given: usize,
        /// How many there may be.
        allowed: usize,
    },
    /// Money from nowhere.
    #[error("it pays out more than its fees and what it issues")]
    Inflation,
    /// The state could not be read; says nothing about the block.
    #[error(transparent)]
    Failed(#[from] ReadFailed),
}

impl From<Refused> for ExecuteError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Failed(error) => Self::Failed(error),
            other => Self::Rule(other.to_string()),
        }
    }
}

/// Executes `draft` on the state after its parent. The draft's state root is not read: whoever judges a block
/// compares it with the result, whoever makes one takes it from there. What blocks up to `final_height` changed is in
/// the base already.
pub fn execute(
    draft: &Draft,
    parent: &State,
    final_height: Height,
    params: &Params,
    rule: &(impl Transition + ?Sized),
) -> Result<Executed, ExecuteError> {
    let id = |transaction: &Transaction| transaction.id(&params.chain);
    let ids = draft.body.transactions.iter().map(id);
    execute_known(draft, ids, parent, final_height, params, rule)
}

/// [`execute`] for whoever knows the ids of the draft's transactions already; they are taken on trust.
pub fn execute_known(
    draft: &Draft,
    ids: impl ExactSizeIterator<Item = TransactionId>,
    parent: &State,
    final_height: Height,
    params: &Params,
    rule: &(impl Transition + ?Sized),
) -> Result<Executed, ExecuteError> {
    debug_assert_eq!(ids.len(), draft.body.transactions.len());
    fits(draft, params)?;
    let header = &draft.header;
    let mut working = Working::new(parent);
    let transactions = &draft.body.transactions;
    working.expect(transactions.iter().flat_map(|transaction| &transaction.inputs).copied())?;
    let supply_before = parent.supply()?;
    rule.before(draft, &mut working.system())?;
    let mut moved = Movements::default();
    let mut fees = Amount::ZERO;
    let mut receipts = Vec::with_capacity(transactions.len());
    for (index, (transaction, id)) in transactions.iter().zip(ids).enumerate() {
        let size = transaction.size();
        let at = |error| match error {
            TransactionError::Failed(failed) => ExecuteError::Failed(failed),
            error => ExecuteError::Transaction { index, error },
        };
        let accepted = validate(transaction, size, &working, header.height, params).map_err(at)?;
        apply(transaction, &id, &accepted, header, params, &mut working, &mut moved);
        if let Some(operation) = &transaction.operation {
            let (actor, height) = (accepted.actor, header.height);
            let outcome = rule.operation(operation, actor, height, &mut working.system());
            outcome.map_err(|refused| match refused {
                Refused::Failed(failed) => ExecuteError::Failed(failed),
                other => at(TransactionError::Operation(other.to_string())),
            })?;
        }
        fees = fees.plus(accepted.fee).ok_or(ExecuteError::Inflation)?;
        if planted(Bug::FeesTwice) {
            fees = fees.plus(accepted.fee).ok_or(ExecuteError::Inflation)?;
        }
        receipts.push(Receipt { id, fee: accepted.fee });
    }
    for (index, evidence) in draft.body.evidence.iter().enumerate() {
        let punished = punish(evidence, header.height, params, rule, &mut working.system());
        punished.map_err(|refused| match refused {
            Refused::Failed(failed) => ExecuteError::Failed(failed),
            other => ExecuteError::Evidence { index, reason: other.to_string() },
        })?;
    }
    let rewards = rule.after(draft, fees, &moved, &mut working.system())?;
    let taken = working.taken();
    let held = Amount::total(taken.iter().map(|(_, coin)| coin.amount));
    let available = held.and_then(|held| held.plus(fees)).ok_or(ExecuteError::Inflation)?;
    let (supply, paid) = pay(&rewards, available, supply_before, header, params, &mut working)?;
    working.system().put(&Supply::key(), &supply);
    let (delta, commitment) = working.finish()?;
    let delta = Arc::new(delta);
    let state = parent.child(header.height, delta.clone(), commitment, final_height);
    Ok(Executed { delta, state, receipts, own: Own { taken, paid } })
}

impl PartialEq for Executed {
    /// The state is what the parent's and the changes make of it, and its root stands for it.
    fn eq(&self, other: &Self) -> bool {
        let root = self.root() == other.root();
        root && self.delta == other.delta && self.receipts == other.receipts
    }
}

impl Eq for Executed {}

impl Executed {
    /// The same outcome above another copy of the parent's state, which may lie in another store. `same`: what is final
    /// there is final here as well, no more and no less.
    pub(crate) fn above(
        &self,
        parent: &State,
        height: Height,
        same: bool,
        final_height: Height,
    ) -> Self {
        let state = match same {
            true => self.state.beside(parent),
            false => {
                let commitment = self.state.commitment().clone();
                parent.child(height, self.delta.clone(), commitment, final_height)
            }
        };
        let (delta, receipts) = (self.delta.clone(), self.receipts.clone());
        Self { delta, state, receipts, own: self.own.clone() }
    }

    /// The commitment to the state after the block.
    pub fn root(&self) -> StateRoot {
        self.state.root()
    }
}

fn fits(draft: &Draft, params: &Params) -> Result<(), ExecuteError> {
    let transactions = draft.body.transactions.len();
    if transactions > params.transactions_max {
        let allowed = params.transactions_max;
        return Err(ExecuteError::TooLarge { what: "transactions:", given: transactions, allowed });
    }
    let bytes = borsh::object_length(draft).expect("every draft encodes");
    if bytes > params.block_bytes_max {
        let allowed = params.block_bytes_max;
        return Err(ExecuteError::TooLarge { what: "bytes:", given: bytes, allowed });
    }
    Ok(())
}

fn apply(
    transaction: &Transaction,
    id: &TransactionId,
    accepted: &Accepted,
    header: &Header,
    params: &Params,
    working: &mut Working<'_>,
    moved: &mut Movements,
) {
    for (coin_id, coin) in &accepted.spends {
        working.spend(coin_id);
        moved.count(coin.owner, coin.amount, false);
    }
    for output in &transaction.outputs {
        moved.count(output.to, output.amount, true);
    }
    working.offer(outputs_of(transaction, id, (header.height, header.time), &params.chain));
}

/// The coins that a transaction creates in a block at a height and a time.
pub fn outputs_of(
    transaction: &Transaction,
    id: &TransactionId,
    (height, time): (Height, Time),
    chain: &GenesisId,
) -> impl Iterator<Item = (CoinId, Coin)> {
    let kind = CoinKind::Transfer;
    let coin = move |(index, output): (usize, &Output)| {
        let coin = Coin { owner: output.to, amount: output.amount, height, time, kind };
        (Transaction::coin_id(id, index, chain), coin)
    };
    transaction.outputs.iter().enumerate().map(coin)
}

fn new_coin(owner: Address, amount: Amount, kind: CoinKind, header: &Header) -> Coin {
    Coin { owner, amount, height: header.height, time: header.time, kind }
}

/// Creates the coins that the block pays out, last of all, so that another payout address changes two leaves and
/// not the execution. `left` is what the block has to give without issuing any: fees, and what the coins held that it
/// took. Gives the supply figures after the block, and those coins.
fn pay(
    rewards: &Rewards,
    left: Amount,
    supply: Supply,
    header: &Header,
    params: &Params,
    working: &mut Working<'_>,
) -> Result<(Supply, Vec<(CoinId, Coin)>), ExecuteError> {
    let available = left.plus(rewards.issued).ok_or(ExecuteError::Inflation)?;
    let paid = Amount::total(rewards.payments.iter().map(|payment| payment.amount));
    let burned = paid.and_then(|paid| available.minus(paid)).ok_or(ExecuteError::Inflation)?;
    let mut coins = Vec::with_capacity(rewards.payments.len());
    for (index, payment) in rewards.payments.iter().enumerate() {
        let id = reward_coin_id(header, index, &params.chain);
        let coin = new_coin(payment.to, payment.amount, payment.kind, header);
        working.create(id, &coin);
        coins.push((id, coin));
    }
    // A coin that holds nothing was not created.
    coins.retain(|(_, coin)| coin.amount != Amount::ZERO);
    let issued = supply.issued.plus(rewards.issued).ok_or(ExecuteError::Inflation)?;
    let burned = supply.burned.plus(burned).ok_or(ExecuteError::Inflation)?;
    let supply = Supply { issued, burned, ..supply };
    match supply.circulating() {
        Some(circulating) if circulating <= params.supply_max => Ok((supply, coins)),
        _ => Err(ExecuteError::Inflation),
    }
}

/// The id of a coin that a block pays out as its payment number `index`. The block's own id does not exist before its
/// state root does, so the parent's stands for it.
pub fn reward_coin_id(header: &Header, index: usize, chain: &GenesisId) -> CoinId {
    let height = header.height.0.to_le_bytes();
    // A block pays out a handful of coins.
    let index = (index as u32).to_le_bytes();
    CoinId(tagged("assay/reward", chain, &[header.parent.as_bytes(), &height, &index]))
}
