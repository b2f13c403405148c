//! `mining_*`: the node's own search. What others search for is in `work`.

use super::{Access, None as NoParams, Table};
use crate::api::PayoutParams;

pub(super) fn register(table: &mut Table) {
    table.now(
        "mining_status",
        Access::Open,
        "what this node's search for blocks does",
        |call, _: NoParams| Ok(call.backend.mining()),
    );
    table.now(
        "mining_start",
        Access::Token,
        "let blocks pay an address",
        |call, params: PayoutParams| {
            call.context.facts.rule.work()?;
            let payout = call.context.address(&params.address)?;
            call.backend.set_payout(Some(payout));
            Ok(true)
        },
    );
    table.now("mining_stop", Access::Token, "make no more blocks", |call, _: NoParams| {
        call.backend.set_payout(None);
        Ok(true)
    });
}
