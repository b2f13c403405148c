//! The acting half of the hybrid: both kinds of blocks on one outbox.

use std::sync::Arc;

use super::HybridRules;
use crate::consensus::pos::PosEngine;
use crate::consensus::pow::PowEngine;
use crate::consensus::{Action, Context, Engine, Event, Outbox, Stake};
use crate::types::Address;

/// Mines while somebody is to be paid for it, and stakes the coins of whoever is named to it.
#[derive(Debug)]
pub struct HybridEngine {
    work: PowEngine,
    stake: PosEngine,
}

impl HybridEngine {
    /// An engine that pays its blocks of work to `payout` and stakes for `stake`; without either it keeps silent.
    pub fn new(rules: Arc<HybridRules>, payout: Option<Address>, stake: Option<Stake>) -> Self {
        Self {
            work: PowEngine::new(rules.work().clone(), payout),
            stake: PosEngine::new(rules.stake().clone(), stake),
        }
    }
}

impl Engine for HybridEngine {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        if let Event::Read { ticket } = event {
            let outcome = Err("work and stake have no reads that everybody agrees on: read here, \
                               and wait for what must not change to be final"
                .into());
            return out.push(Action::Answer { ticket, outcome });
        }
        self.work.handle(event.clone(), cx, out);
        self.stake.handle(event, cx, out);
    }
}
