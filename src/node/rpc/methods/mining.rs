//! `mining_*`.

use super::{Access, None as NoParams, Table};
use crate::api::PayoutParams;

pub(super) fn register(table: &mut Table) {
    table.now("mining_status", Access::Open, |call, _: NoParams| Ok(call.backend.mining()));
    table.now("mining_start", Access::Token, |call, params: PayoutParams| {
        let payout = call.context.address(&params.address)?;
        call.backend.set_payout(Some(payout));
        Ok(true)
    });
    table.now("mining_stop", Access::Token, |call, _: NoParams| {
        call.backend.set_payout(None);
        Ok(true)
    });
}
