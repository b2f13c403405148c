//! A primary that leaves a transaction out: who has one that waited long enough to be known everywhere, and sees the primary make
//! a block that had room for it, or took less of a fee, gives it one more time-out, and then asks for another primary.
//!
//! A backlog alone is no reason: full blocks of what pays more are as they should be.

use super::{CENSORED, PbftEngine};
use crate::chain::Node;
use crate::consensus::{Action, Context, Outbox};
use crate::mempool::rate;
use crate::types::{Claim, Seal, Span, Time, TransactionId};

/// A block has room for a transaction if so many bytes would be left beside it: evidence and lengths take some.
const ROOM: usize = 1024;

/// What the primary of a view is suspected of.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The transaction that it has to take.
    passed_over: Option<TransactionId>,
    /// When the view began.
    since: Time,
    looked: Time,
}

impl Watch {
    /// Another primary: what the one before did is over.
    pub(super) fn begin(&mut self, now: Time) {
        *self = Self { passed_over: None, since: now, looked: now };
    }
}

impl PbftEngine {
    /// Looks whether a block of the primary passed a transaction over.
    pub(super) fn watch(&mut self, node: &Node, cx: &Context<'_>, out: &mut Outbox) {
        let Some(core) = self.core.as_ref().filter(|core| core.is_voter() && !core.leads()) else {
            return;
        };
        let header = &node.block.header;
        let own = matches!((&header.claim, &node.block.seal), (Claim::Round { round }, Seal::Quorum { round: sealed, .. })
            if round == sealed && *sealed == core.view());
        if let Some(id) = &self.watch.passed_over {
            if cx.pool.get(id).is_none() {
                self.watch.passed_over = None;
                out.push(Action::StopTimer(CENSORED));
            }
            return;
        }
        let patience = self.rules.params().view_timeout;
        let soon = self.watch.looked.after(Span(patience.0 / 4)) > cx.now;
        if !own || soon || cx.pool.is_empty() {
            return;
        }
        self.watch.looked = cx.now;
        if let Some(id) = self.passed_over(node, cx) {
            self.watch.passed_over = Some(id);
            out.push(Action::SetTimer { timer: CENSORED, at: cx.now.after(patience) });
        }
    }

    /// The oldest of the transactions that waited a time-out under this primary, if the block should have taken it.
    fn passed_over(&self, node: &Node, cx: &Context<'_>) -> Option<TransactionId> {
        let params = cx.tree.params();
        let body = &node.block.body;
        let patience = self.rules.params().view_timeout;
        let waited = cx.pool.iter().filter(|(_, pending)| {
            pending.stands_alone() && pending.since.max(self.watch.since).after(patience) <= cx.now
        });
        let (id, pending) = waited.min_by_key(|(_, pending)| pending.arrival)?;
        let bytes = node.block_bytes.saturating_add(ROOM + pending.size);
        let room =
            bytes <= params.block_bytes_max && body.transactions.len() < params.transactions_max;
        let taken = node.receipts.iter().zip(&body.transactions);
        let rates = taken.map(|(receipt, transaction)| rate(receipt.fee, transaction.size()));
        let cheaper = rates.min().is_some_and(|least| least < pending.rate);
        (room || cheaper).then_some(*id)
    }

    /// The time is over in which the primary could have taken what it passed over.
    pub(super) fn lost_patience(&mut self, cx: &Context<'_>, out: &mut Outbox) {
        let passed_over = self.watch.passed_over.take();
        if passed_over.is_some_and(|id| cx.pool.get(&id).is_some()) {
            self.step(cx, out, |core, effects| core.suspect(effects));
        }
    }
}
