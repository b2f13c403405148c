//! Drafts: one's own, by the pace that the spec sets, and looking at those of others.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::PbftEngine;
use super::bodies::Examined;
use crate::consensus::agreed::{self, TRY_AGAIN, UNSOUND};
use crate::consensus::{Action, Context, OrderId, Outbox, Point, Report, Timer};
use crate::ledger::{ExecuteError, Executed};
use crate::types::{Draft, Span, TransactionId};

/// A primary's clock may be so far ahead of another authority's. Judged of proposals only: a block that a quorum sealed is
/// one, whatever a clock says.
pub(super) const AHEAD_MAX: Span = Span::seconds(15);

impl PbftEngine {
    /// Looks whether it is time for a draft.
    pub(super) fn consider(&mut self, cx: &Context<'_>, out: &mut Outbox) {
        let Some(core) = self.core.as_ref().filter(|core| core.may_propose()) else { return };
        let head = cx.tree.head();
        if head.id != core.sealed().at.id {
            return;
        }
        let params = self.rules.params();
        let before = self.drafted.max(head.block.header.time.min(cx.now));
        let waiting = !cx.pool.is_empty();
        let mut full = waiting.then(|| before.after(params.block_time_min));
        let empty = params.empty_block_after.map(|after| before.after(after));
        if full.is_some_and(|due| due <= cx.now) {
            if self.draft(true, cx, out) {
                return;
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

    /// Proposes a draft; says whether there is one. Of pending transactions none is made where none of them executes.
    fn draft(&mut self, full: bool, cx: &Context<'_>, out: &mut Outbox) -> bool {
        let Some(core) = &self.core else { return false };
        let parent = cx.tree.head().as_ref();
        let taken = full.then(BTreeSet::new);
        match agreed::draft(cx, parent, (core.view(), self.producer), taken.as_ref()) {
            Ok(Some((draft, executed))) => {
                self.put(draft, executed, cx, out);
                true
            }
            Ok(None) => false,
            Err(error) => {
                out.push(error.into());
                false
            }
        }
    }

    fn put(&mut self, draft: Draft, executed: Executed, cx: &Context<'_>, out: &mut Outbox) {
        let at = Point::of(&draft.header, &self.rules.params().chain);
        let transactions = draft.body.transactions.len();
        out.push(Action::Report(Report::Drafted { block: at.id, transactions }));
        self.drafted = cx.now;
        self.hold(at, Arc::new(draft), executed);
        self.step(cx, out, |core, effects| core.propose(at, effects));
    }

    pub(super) fn hold(&mut self, at: Point, draft: Arc<Draft>, executed: Executed) {
        let Some(core) = &mut self.core else { return };
        let gone = self.bodies.insert(at, (draft, executed), core.kept());
        gone.iter().for_each(|gone| core.lost(gone));
    }

    /// The signatures of a draft were looked at: now it is executed.
    pub(super) fn verified(
        &mut self,
        order: OrderId,
        sound: Option<Vec<TransactionId>>,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) {
        let Some(examined) = self.bodies.verified(order) else { return };
        let Examined { from, at, draft, lacking, .. } = examined;
        let judged = match sound {
            Some(ids) => self.judge(&draft, at, &ids, cx),
            None => Err(ExecuteError::Rule(UNSOUND.into())),
        };
        match judged {
            Ok(executed) => {
                self.hold(at, draft, executed);
                self.step(cx, out, |core, effects| core.examined(at, true, effects));
            }
            Err(ExecuteError::Failed(error)) => out.push(Action::Fail(error)),
            Err(error) => {
                out.push(Action::refused(at.id, from, error.to_string()));
                // Whoever sends another body than was asked for says nothing about the draft.
                if !lacking {
                    self.step(cx, out, |core, effects| core.examined(at, false, effects));
                }
            }
        }
    }

    /// Whether a draft may stand on the head (4.2: a replica accepts a request that it would have accepted itself).
    pub(super) fn judge(
        &self,
        draft: &Draft,
        at: Point,
        ids: &[TransactionId],
        cx: &Context<'_>,
    ) -> Result<Executed, ExecuteError> {
        let parent = cx.tree.head().as_ref();
        let made = self.rules.judge_header(&draft.header, parent).map_err(ExecuteError::Rule)?;
        let (view, due) = self.core.as_ref().map_or((0, None), |core| (core.view(), core.due()));
        // What was prepared before keeps the view in which it was made.
        if made != view && (due != Some(at) || made > view) && !self.has_agreed(at) {
            let reason = format!("it was made in view {made}, and this is {view}");
            return Err(ExecuteError::Rule(reason));
        }
        let (time, below) = (draft.header.time, parent.header.time);
        if time > cx.now.after(AHEAD_MAX).max(below.after(Span(1))) {
            let reason = format!(
                "its time, {time}, is more than {AHEAD_MAX} ahead of the clock here, which is {}",
                cx.now
            );
            return Err(ExecuteError::Rule(reason));
        }
        cx.check(draft, ids, parent)
    }

    /// Whether it agreed to a draft before.
    fn has_agreed(&self, at: Point) -> bool {
        let kept = self.core.as_ref().map(|core| core.kept());
        kept.is_some_and(|kept| super::bodies::agreed(kept).any(|agreed| agreed == at))
    }
}
