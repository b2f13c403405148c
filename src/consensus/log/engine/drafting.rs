//! Drafts: one's own, by the pace that the spec sets, and looking at those of others.

use super::super::{Entry, LogCore};
use super::LogEngine;
use crate::consensus::agreed::{self, TRY_AGAIN};
use crate::consensus::{Action, Context, OrderId, Outbox, Point, Report, Timer};
use crate::ledger::{ExecuteError, Executed};
use crate::types::{Draft, Span, TransactionId};
use std::sync::Arc;

/// A draft that carried so many transactions was one of a crowd.
const CROWD: usize = 64;

/// Then the next one waits so long for others: what a block costs by itself is shared by more of them.
const GATHER: Span = Span(20);

impl<C: LogCore> LogEngine<C> {
    /// Looks whether it is time for a draft.
    pub(super) fn consider(&mut self, cx: &Context<'_>, out: &mut Outbox) {
        let Some(core) = self.core.as_ref().filter(|core| core.may_draft()) else { return };
        let waiting = cx.pool.len() > self.bodies.taken_len();
        let params = self.params();
        let mut full =
            waiting.then(|| self.drafted.after(params.block_time_min.max(self.gather())));
        // While something is under way there is news enough.
        let idle = params.empty_block_after.filter(|_| core.log().drafts().is_empty());
        let empty = idle.map(|after| self.drafted.after(after));
        if full.is_some_and(|due| due <= cx.now) {
            if self.draft(true, cx, out) {
                return self.consider(cx, out);
            }
            full = Some(cx.now.after(TRY_AGAIN));
        }
        if empty.is_some_and(|due| due <= cx.now) && self.draft(false, cx, out) {
            return;
        }
        if let Some(at) = full.into_iter().chain(empty).min() {
            out.push(Action::SetTimer { timer: Timer::Draft, at: at.max(cx.now.after(Span(1))) });
        }
    }

    /// How long to wait for more transactions after the last draft: not at all where they come one by one, and up to
    /// [`GATHER`] where they come in crowds.
    fn gather(&self) -> Span {
        let crowd = u64::try_from(self.carried.min(CROWD)).unwrap_or(0);
        Span(GATHER.0 * crowd / CROWD as u64)
    }

    /// A leader's first draft: empty, since its point is its term (thesis 3.6.2).
    pub(super) fn begin(&mut self, cx: &Context<'_>, out: &mut Outbox) {
        self.draft(false, cx, out);
    }

    /// Puts a draft on the log; says whether there is one. Of pending transactions none is made where none of them
    /// executes.
    fn draft(&mut self, full: bool, cx: &Context<'_>, out: &mut Outbox) -> bool {
        let Some(core) = &self.core else { return false };
        let Some(parent) = self.bodies.block(core.log().last().at, cx) else { return false };
        let taken = full.then(|| self.bodies.taken());
        match agreed::draft(cx, parent, (core.term(), self.producer), taken.as_ref()) {
            Ok(Some((draft, executed))) => self.put(draft, executed, cx, out),
            Ok(None) => false,
            Err(error) => {
                out.push(error.into());
                false
            }
        }
    }

    fn put(
        &mut self,
        draft: Draft,
        executed: Executed,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) -> bool {
        let Some(core) = &self.core else { return false };
        let voters = match self.rules.voters(&executed.state) {
            Ok(voters) => voters,
            Err(error) => {
                out.push(Action::Fail(error));
                return false;
            }
        };
        let (at, term) = (Point::of(&draft.header, &self.params().chain), core.term());
        let transactions = draft.body.transactions.len();
        self.bodies.prepare_own(at.id, draft, executed);
        (self.drafted, self.carried) = (cx.now, transactions);
        out.push(Action::Report(Report::Drafted { block: at.id, transactions }));
        let entry = Entry { at, term, voters: Arc::new(voters) };
        self.step(cx, out, |core, effects| core.propose(entry, effects));
        true
    }

    /// The signatures of a draft were looked at.
    pub(super) fn verified(
        &mut self,
        order: OrderId,
        sound: Option<Vec<TransactionId>>,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) {
        self.bodies.verified(order, sound, out);
        while let Some(turn) = self.bodies.next() {
            let Some(core) = &self.core else { return };
            let (from, term, block) = (turn.from, turn.term, turn.what.at.id);
            let below = turn.what.at.height.back(1);
            let parent = Point { height: below, id: turn.draft.header.parent };
            if !core.log().has(&parent) {
                continue;
            }
            let Some(on) = self.bodies.block(parent, cx) else { continue };
            match self.bodies.execute(&self.rules, &turn.draft, Some(turn.ids), on, cx) {
                Ok((entry, held)) => {
                    self.bodies.prepare(held);
                    self.step(cx, out, |core, effects| {
                        core.examined(from, term, parent, entry, effects);
                    });
                }
                Err(ExecuteError::Failed(error)) => return out.push(Action::Fail(error)),
                Err(error) => out.push(Action::refused(block, from, error.to_string())),
            }
        }
    }
}
