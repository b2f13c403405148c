//! The acting half of proof of work: keep a search running on the best branch.

use std::sync::Arc;

use super::PowRules;
use crate::consensus::{
    Action, Context, Engine, Event, OrderId, Outbox, Report, SearchOrder, Timer,
};
use crate::ledger::Executed;
use crate::types::{Address, Draft, Height, Seal, Span, Time};

/// A draft is renewed no more often than this without new transactions, so that its time stays fresh: …
const RENEW_EVERY: Span = Span::seconds(5);

/// … so often in a block time, where that is longer, …
const RENEWALS_PER_BLOCK: u64 = 20;

/// … and so often in the time in which its seal is good.
const RENEWALS_PER_SEAL: u64 = 2;

/// New transactions renew a draft no sooner than this after it was made,
const RENEW_AT_MOST_EVERY: Span = Span(500);

/// and so many microseconds later for each transaction in it: making it again costs some ten of them for each, and
/// should not take more than a twentieth of a core.
const RENEW_LATER_PER_TRANSACTION: u64 = 250;

/// Mines on the best branch while somebody is to be paid for it; silent otherwise.
#[derive(Debug)]
pub struct PowEngine {
    rules: Arc<PowRules>,
    payout: Option<Address>,
    orders: u64,
    mining: Option<Mining>,
}

/// The search in progress.
#[derive(Debug)]
struct Mining {
    order: OrderId,
    draft: Draft,
    executed: Executed,
    since: Time,
}

impl Mining {
    /// How long new transactions wait for a draft that may take them.
    fn patience(&self) -> Span {
        let transactions = self.draft.body.transactions.len() as u64; // a length fits 64 bits
        Span(RENEW_AT_MOST_EVERY.0 + transactions * RENEW_LATER_PER_TRANSACTION / 1000)
    }
}

impl PowEngine {
    /// An engine that pays its blocks to `payout`, or makes none.
    pub fn new(rules: Arc<PowRules>, payout: Option<Address>) -> Self {
        Self { rules, payout, orders: 0, mining: None }
    }

    /// How old a draft gets at most.
    fn renew_every(&self) -> Span {
        let params = self.rules.params();
        let (block, seal) = (params.block_time.0, params.seal_window.0);
        RENEW_EVERY.max(Span((block / RENEWALS_PER_BLOCK).min(seal / RENEWALS_PER_SEAL)))
    }

    /// Replaces the search by one for a fresh draft on the head.
    fn renew(&mut self, cx: &Context<'_>, out: &mut Outbox) {
        let Some(payout) = self.payout else { return self.stop(out) };
        if cx.tree.is_overfull() {
            out.push(Action::Report(Report::TooManyUnfinal { blocks: cx.tree.len() }));
            return self.stop(out);
        }
        out.push(Action::SetTimer { timer: Timer::Draft, at: cx.now.after(self.renew_every()) });
        if cx.behind {
            if self.mining.take().is_some() {
                out.push(Action::StopSearch);
            }
            return;
        }
        let (draft, executed) = match self.rules.draft(cx, payout) {
            Ok(made) => made,
            Err(reason) => {
                self.mining = None;
                out.push(Action::StopSearch);
                return out.push(Action::Report(Report::DraftFailed(reason)));
            }
        };
        let block = draft.id(&cx.tree.params().chain);
        let transactions = draft.body.transactions.len();
        self.orders += 1;
        let order = OrderId(self.orders);
        out.push(Action::Search(Box::new(SearchOrder { order, block, header: draft.header })));
        out.push(Action::Report(Report::Drafted { block, transactions }));
        self.mining = Some(Mining { order, draft, executed, since: cx.now });
    }

    fn stop(&mut self, out: &mut Outbox) {
        if self.mining.take().is_some() {
            out.push(Action::StopSearch);
            out.push(Action::StopTimer(Timer::Draft));
        }
    }

    fn found(&mut self, order: OrderId, seal: Seal, cx: &Context<'_>, out: &mut Outbox) {
        // A stale number: the draft was renewed since.
        let Some(mining) = self.mining.take_if(|mining| mining.order == order) else { return };
        let id = mining.draft.id(&cx.tree.params().chain);
        let (block, executed) = (Box::new(mining.draft.seal(seal)), Box::new(mining.executed));
        out.push(Action::Import { block, executed });
        out.push(Action::Announce(id));
        // The import starts the next search; if it fails, the timer does.
        out.push(Action::SetTimer { timer: Timer::Draft, at: cx.now.after(RENEW_AT_MOST_EVERY) });
    }

    /// The height being searched for.
    pub fn mining_at(&self) -> Option<Height> {
        Some(self.mining.as_ref()?.draft.header.height)
    }
}

impl Engine for PowEngine {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        match event {
            Event::Start { .. } => self.renew(cx, out),
            Event::Imported(imported) if imported.moved.is_some() => self.renew(cx, out),
            Event::Elapsed(Timer::Draft) if self.payout.is_some() => self.renew(cx, out),
            Event::Found { order, seal } => self.found(order, seal, cx, out),
            Event::PoolFilled => {
                if let Some(mining) = &self.mining {
                    let due = mining.since.after(mining.patience()).max(cx.now);
                    out.push(Action::SetTimer { timer: Timer::Draft, at: due });
                }
            }
            Event::Payout(payout) => {
                self.payout = payout;
                self.renew(cx, out);
            }
            Event::Read { ticket } => {
                let outcome = Err("proof of work has no reads that everybody agrees on: \
                                   read here, and wait for what must not change to be final"
                    .into());
                out.push(Action::Answer { ticket, outcome });
            }
            Event::Imported(_)
            | Event::Elapsed(_)
            | Event::Received { .. }
            | Event::Signed { .. }
            | Event::Stake(_)
            | Event::Verified { .. } => {}
        }
    }
}
