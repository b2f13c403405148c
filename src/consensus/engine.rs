//! The acting half of a rule, and what it may look at.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Action, AuthorityId, Event, Outbox, Report};
use crate::chain::{BlockRef, Tree, follows};
use crate::ledger::{ExecuteError, Executed, TransactionError};
use crate::mempool::{Mempool, Pending};
use crate::types::canary::{Bug, planted};
use crate::types::{
    Address, Amount, Body, Bounded, Claim, Draft, Evidence, GenesisId, HEADER_VERSION, Hash,
    Hashed, Header, Keypair, StateRoot, Time, Transaction, TransactionId, body_root_of, encode,
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

/// Who an engine acts for. Nobody's engine judges and keeps silent.
#[derive(Debug, Clone, Default)]
pub struct Seat {
    /// The key that signs for it, where the rule has authorities.
    pub key: Option<Keypair>,
    /// Whom its blocks pay, where the rule lets anybody make some; `None` makes none.
    pub payout: Option<Address>,
    /// Whose coins it stakes, where the rule stakes coins; `None` stakes none.
    pub stake: Option<Stake>,
    /// What it draws its chances from; no two seats share one.
    pub seed: u64,
}

/// Whose coins a node stakes. Their keys stay with the host, which signs on request ([`super::Action::Sign`]).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Stake {
    /// The owners.
    pub owners: BTreeSet<Address>,
    /// Coins of at least this sum are left alone, so that there is something to spend.
    pub reserve: Amount,
}

impl Seat {
    /// The authority that signs here.
    pub fn authority(&self) -> Option<AuthorityId> {
        self.key.as_ref().map(Keypair::address)
    }
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

impl From<DraftError> for Action {
    /// A state that cannot be read is no matter of the draft.
    fn from(error: DraftError) -> Self {
        match error.error {
            ExecuteError::Failed(error) => Self::Fail(error),
            _ => Self::Report(Report::DraftFailed(error.to_string())),
        }
    }
}

impl Context<'_> {
    /// Makes a draft on `parent` out of pending transactions and of evidence that waits, and executes it. What does not
    /// execute is left out. `parent` may be a draft itself: `taken` are the transactions of drafts above the head.
    pub fn draft(
        &self,
        parent: BlockRef<'_>,
        time: Time,
        producer: Address,
        claim: Claim,
        taken: &BTreeSet<TransactionId>,
    ) -> Result<(Draft, Executed), DraftError> {
        let params = self.tree.params();
        let error = |error| DraftError { parent: *parent.id, error };
        let mut evidence = self.tree.evidence_for(parent).map_err(|failed| error(failed.into()))?;
        if planted(Bug::EvidenceForgotten) {
            evidence.clear();
        }
        let room = params.block_bytes_max.saturating_sub(HEADER_ROOM + encode(&evidence).len());
        let mut chosen = self.pool.select(room, params.transactions_max, taken);
        let mut repairs = 0;
        loop {
            match self.execute(parent, time, producer, claim, &chosen, &evidence) {
                // Nobody's offence keeps anybody from making blocks, nor from telling of others.
                Err(ExecuteError::Evidence { index, .. }) if index < evidence.len() => {
                    evidence.remove(index);
                }
                Err(ExecuteError::Rule(_)) if !evidence.is_empty() => evidence.clear(),
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
                outcome => return outcome.map_err(error),
            }
        }
    }

    /// Makes a draft without transactions on `parent`, and executes it.
    pub fn empty_draft(
        &self,
        parent: BlockRef<'_>,
        time: Time,
        producer: Address,
        claim: Claim,
    ) -> Result<(Draft, Executed), DraftError> {
        let outcome = self.execute(parent, time, producer, claim, &[], &[]);
        outcome.map_err(|error| DraftError { parent: *parent.id, error })
    }

    fn execute(
        &self,
        parent: BlockRef<'_>,
        time: Time,
        producer: Address,
        claim: Claim,
        chosen: &[(TransactionId, &Pending)],
        evidence: &[Evidence],
    ) -> Result<(Draft, Executed), ExecuteError> {
        let transactions = chosen.iter().map(|(_, pending)| (*pending.transaction).clone());
        let body = Body {
            transactions: Bounded::truncated(transactions.collect()),
            evidence: Bounded::truncated(evidence.to_vec()),
        };
        let hashes: Vec<Hashed> = chosen.iter().map(|(id, pending)| pending.hashed(id)).collect();
        let header = Header {
            version: HEADER_VERSION,
            height: parent.header.height.next(),
            parent: *parent.id,
            time,
            producer,
            claim,
            body_root: body_root_of(&hashes, &body, &self.tree.params().chain),
            state_root: StateRoot(Hash::default()),
        };
        let mut draft = Draft { header, body };
        let ids = chosen.iter().map(|(id, _)| *id);
        let executed = self.tree.execute_known(&draft, ids, parent.state)?;
        draft.header.state_root = executed.root();
        Ok((draft, executed))
    }

    /// Looks whether somebody's draft follows on its parent, which may be a draft itself, executes it there, and compares
    /// the state root. `ids` are those of its transactions.
    pub fn check(
        &self,
        draft: &Draft,
        ids: &[TransactionId],
        parent: BlockRef<'_>,
    ) -> Result<Executed, ExecuteError> {
        follows(&draft.header, parent.header.height).map_err(ExecuteError::Rule)?;
        if draft.header.parent != *parent.id {
            let (given, due) = (draft.header.parent, parent.id);
            return Err(ExecuteError::Rule(format!("its parent is {given}, not {due}")));
        }
        let executed = self.tree.execute_known(draft, ids.iter().copied(), parent.state)?;
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
