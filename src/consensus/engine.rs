//! The acting half of a rule, and what it may look at.

use std::collections::BTreeSet;

use super::{Event, Outbox};
use crate::chain::{Node, Tree};
use crate::ledger::{ExecuteError, Executed, TransactionError};
use crate::mempool::Mempool;
use crate::types::{
    Address, Body, Bounded, Claim, Draft, GenesisId, HEADER_VERSION, Hash, Hashed, Header,
    StateRoot, Time, Transaction, TransactionId, body_root_of, encode,
};

/// Bytes that a draft keeps free for header and list lengths, far more than they take.
const HEADER_ROOM: usize = 1024;

/// Transactions that turn out not to execute are left out one by one, this often at most; then all that follow are.
const REPAIRS_MAX: usize = 16;

/// The acting half of a rule.
pub trait Engine: Send {
    /// Reacts to one event by appending actions; the host performs them strictly in list order. Total and
    /// deterministic: no clock, entropy, socket, disk or thread; never panics on foreign input.
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox);
}

/// What an engine may look at while it handles an event.
pub struct Context<'a> {
    /// The local clock; never goes back.
    pub now: Time,
    /// The non-final blocks.
    pub tree: &'a Tree,
    /// The pending transactions.
    pub pool: &'a Mempool,
    /// A better branch was proved and is on its way here: what is built on this head now is built for nothing.
    pub behind: bool,
}

/// Why no draft could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no draft on {parent}: {error}")]
pub struct DraftError {
    parent: crate::types::BlockId,
    error: ExecuteError,
}

impl Context<'_> {
    /// Makes a draft on `parent` out of pending transactions, and executes it. A transaction that does not execute is
    /// left out.
    pub fn draft(
        &self,
        parent: &Node,
        time: Time,
        producer: Address,
        claim: Claim,
    ) -> Result<(Draft, Executed), DraftError> {
        let params = self.tree.params();
        let room = params.block_bytes_max.saturating_sub(HEADER_ROOM);
        let chosen = self.pool.select(room, params.transactions_max);
        let mut hashes: Vec<Hashed> =
            chosen.iter().map(|(id, pending)| pending.hashed(id)).collect();
        let transactions =
            chosen.iter().map(|(_, pending)| (*pending.transaction).clone()).collect();
        let body =
            Body { transactions: Bounded::truncated(transactions), evidence: Bounded::default() };
        let header = Header {
            version: HEADER_VERSION,
            height: parent.height().next(),
            parent: parent.id,
            time,
            producer,
            claim,
            body_root: Hash::default(),
            state_root: StateRoot(Hash::default()),
        };
        let mut draft = Draft { header, body };
        let mut repairs = 0;
        loop {
            draft.header.body_root = body_root_of(&hashes, &draft.body, &params.chain);
            match self.tree.execute_known(&draft, &ids(&hashes), parent) {
                Ok(executed) => {
                    draft.header.state_root = executed.root();
                    return Ok((draft, executed));
                }
                Err(ExecuteError::Transaction { index, error })
                    if !matches!(error, TransactionError::Failed(_)) && repairs <= REPAIRS_MAX =>
                {
                    let transactions = draft.body.transactions.into_inner();
                    let left = match repairs < REPAIRS_MAX {
                        true => leave_out(transactions, &mut hashes, index, &params.chain),
                        // What stands before the one that failed was just seen to execute.
                        false => {
                            hashes.truncate(index);
                            transactions.into_iter().take(index).collect()
                        }
                    };
                    draft.body.transactions = Bounded::truncated(left);
                    repairs += 1;
                }
                Err(error) => return Err(DraftError { parent: parent.id, error }),
            }
        }
    }

    /// Executes somebody's draft on its parent and compares the state root.
    pub fn check(&self, draft: &Draft, parent: &Node) -> Result<Executed, ExecuteError> {
        let executed = self.tree.execute(draft, parent)?;
        if executed.root() != draft.header.state_root {
            let reason =
                format!("the draft of {} bytes ends in another state", encode(draft).len());
            return Err(ExecuteError::Rule(reason));
        }
        Ok(executed)
    }
}

fn ids(hashes: &[Hashed]) -> Vec<TransactionId> {
    hashes.iter().map(|hashed| hashed.id).collect()
}

/// A list without one transaction and those behind it that spend what it creates; their hashes go as well.
fn leave_out(
    transactions: Vec<Transaction>,
    hashes: &mut Vec<Hashed>,
    index: usize,
    chain: &GenesisId,
) -> Vec<Transaction> {
    let mut missing = BTreeSet::new();
    let mut left = Vec::with_capacity(transactions.len());
    let mut left_hashes = Vec::with_capacity(transactions.len());
    for (position, (transaction, hashed)) in transactions.into_iter().zip(&*hashes).enumerate() {
        if position == index || transaction.inputs.iter().any(|coin| missing.contains(coin)) {
            let outputs = 0..transaction.outputs.len();
            missing.extend(outputs.map(|n| Transaction::coin_id(&hashed.id, n, chain)));
        } else {
            left.push(transaction);
            left_hashes.push(*hashed);
        }
    }
    *hashes = left_hashes;
    left
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
