//! The acting half of a rule, and what it may look at.

use std::collections::BTreeSet;

use super::{Event, Outbox};
use crate::chain::{Node, Tree};
use crate::ledger::{ExecuteError, Executed, TransactionError};
use crate::mempool::{Mempool, Pending};
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
        let mut chosen = self.pool.select(room, params.transactions_max);
        let mut repairs = 0;
        loop {
            match self.execute(parent, time, producer, claim, &chosen) {
                Err(ExecuteError::Transaction { index, error })
                    if !matches!(error, TransactionError::Failed(_)) && repairs <= REPAIRS_MAX =>
                {
                    match repairs < REPAIRS_MAX {
                        true => leave_out(&mut chosen, index, &params.chain),
                        // What stands before the one that failed was just seen to execute.
                        false => chosen.truncate(index),
                    }
                    repairs += 1;
                }
                outcome => {
                    return outcome.map_err(|error| DraftError { parent: parent.id, error });
                }
            }
        }
    }

    fn execute(
        &self,
        parent: &Node,
        time: Time,
        producer: Address,
        claim: Claim,
        chosen: &[(TransactionId, &Pending)],
    ) -> Result<(Draft, Executed), ExecuteError> {
        let transactions = chosen.iter().map(|(_, pending)| (*pending.transaction).clone());
        let body = Body {
            transactions: Bounded::truncated(transactions.collect()),
            evidence: Bounded::default(),
        };
        let hashes: Vec<Hashed> = chosen.iter().map(|(id, pending)| pending.hashed(id)).collect();
        let header = Header {
            version: HEADER_VERSION,
            height: parent.height().next(),
            parent: parent.id,
            time,
            producer,
            claim,
            body_root: body_root_of(&hashes, &body, &self.tree.params().chain),
            state_root: StateRoot(Hash::default()),
        };
        let mut draft = Draft { header, body };
        let ids = chosen.iter().map(|(id, _)| *id);
        let executed = self.tree.execute_known(&draft, ids, parent)?;
        draft.header.state_root = executed.root();
        Ok((draft, executed))
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

/// Takes a transaction out of a list, and those behind it that spend what it creates.
fn leave_out(chosen: &mut Vec<(TransactionId, &Pending)>, index: usize, chain: &GenesisId) {
    let mut missing = BTreeSet::new();
    let mut position = 0;
    chosen.retain(|(id, Pending { transaction, .. })| {
        let fails = position == index || transaction.inputs.iter().any(|c| missing.contains(c));
        position += 1;
        if fails {
            let outputs = 0..transaction.outputs.len();
            missing.extend(outputs.map(|output| Transaction::coin_id(id, output, chain)));
        }
        !fails
    });
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
