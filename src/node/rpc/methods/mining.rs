//! `mining_*`: the node's own search. What others search for is in `work`.

use std::num::NonZeroUsize;

use super::{Access, None as NoParams, Table};
use crate::api::{MiningParams, PayoutParams, Share};
use crate::miner::{THREADS_MAX, Throttle};
use crate::node::rpc::fault::Fault;

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
    table.now(
        "mining_set",
        Access::Token,
        "change how many threads search, and how fast, while they do",
        |call, params: MiningParams| {
            call.context.facts.rule.work()?;
            if params == MiningParams::default() {
                return Err(Fault::params("say threads, throttle, or both"));
            }
            let threads = params.threads.map(threads).transpose()?;
            let throttle = params.throttle.as_ref().map(throttle).transpose()?;
            call.backend.set_search(threads, throttle);
            Ok(call.backend.mining())
        },
    );
    table.now("mining_stop", Access::Token, "make no more blocks", |call, _: NoParams| {
        call.backend.set_payout(None);
        Ok(true)
    });
}

fn threads(given: u32) -> Result<NonZeroUsize, Fault> {
    let threads = usize::try_from(given).ok().filter(|threads| *threads <= THREADS_MAX);
    threads.and_then(NonZeroUsize::new).ok_or_else(|| {
        let reason = format!("{given} threads: from 1 to {THREADS_MAX} can search");
        Fault::params(reason).help("mining_stop makes no more blocks")
    })
}

fn throttle(given: &Share) -> Result<Throttle, Fault> {
    match given {
        Share::Part(share) => Throttle::new(*share),
        Share::Percent(text) => text.parse(),
    }
    .map_err(Fault::params)
}
