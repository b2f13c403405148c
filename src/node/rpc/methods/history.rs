//! `address_history`.
//!
//! The pool is asked first and the blocks after it: what a block takes out of the pool in between is found among the
//! blocks then, and is not told twice.

use std::sync::Arc;

use super::{Access, Call, Table, blocking};
use crate::api::{
    HISTORY_PAGE_DEFAULT, HISTORY_PAGE_MAX, HistoryCursor, HistoryInfo, HistoryKind, HistoryPage,
    HistoryParams, RpcCode, TransactionStatus,
};
use crate::node::rpc::fault::Fault;
use crate::replica::View;
use crate::store::{Cause, HistoryEntry, HistoryError, Place};
use crate::types::{Address, Amount, Height};

pub(super) fn register(table: &mut Table) {
    const ABOUT: &str = "what happened to an address, the latest first, on a node with an index";
    table.ask("address_history", Access::Open, ABOUT, |call, params: HistoryParams| async move {
        let owner = call.context.address(&params.address)?;
        let limit = params.limit.unwrap_or(HISTORY_PAGE_DEFAULT);
        if !(1..=HISTORY_PAGE_MAX).contains(&limit) {
            let range = format!("limit {limit} is not in 1 to {HISTORY_PAGE_MAX}");
            return Err(Fault::params(range));
        }
        // A page has at most HISTORY_PAGE_MAX entries.
        let limit = limit as usize;
        let pending = match params.before {
            Some(_) => Vec::new(),
            None => call.backend.pool_history(owner, limit).await?,
        };
        let before =
            params.before.map(|HistoryCursor { height, position }| Place { height, position });
        blocking(move || page(&call, owner, before, limit, pending)).await
    });
}

fn page(
    call: &Call,
    owner: Address,
    before: Option<Place>,
    limit: usize,
    pending: Vec<HistoryEntry>,
) -> Result<HistoryPage, Fault> {
    let (found, view) = call.backend.history(&owner, before, limit)?;
    let mut entries = Vec::with_capacity(found.entries.len());
    for (place, entry) in &found.entries {
        entries.push(in_block(call, &view, found.unfinal_from, *place, entry)?);
    }
    let is_pending = |entry: &&HistoryEntry| match entry.cause {
        Cause::Transaction(id) => !view.included.contains_key(&id),
        Cause::Reward | Cause::Burned | Cause::Genesis => true,
    };
    let pending = pending.iter().filter(is_pending).map(|entry| info(call, entry)).collect();
    let last = found.entries.last().filter(|_| found.more);
    let cursor = |Place { height, position }| HistoryCursor { height, position };
    Ok(HistoryPage {
        address: owner.encode(&call.context.facts.prefix),
        head: view.head,
        height: view.header.height,
        pending,
        entries,
        next: last.map(|(place, _)| cursor(*place)),
    })
}

/// An entry that is pending, as far as this says.
fn info(call: &Call, entry: &HistoryEntry) -> HistoryInfo {
    let HistoryEntry { cause, time, received, spent, fee, others, others_count } = entry;
    let (kind, id) = match cause {
        Cause::Genesis => (HistoryKind::Genesis, None),
        Cause::Reward => (HistoryKind::Reward, None),
        Cause::Burned => (HistoryKind::Burned, None),
        Cause::Transaction(id) => (HistoryKind::Transaction, Some(*id)),
    };
    let prefix = &call.context.facts.prefix;
    HistoryInfo {
        kind,
        status: TransactionStatus::Pending,
        id,
        block: None,
        height: None,
        time: *time,
        confirmations: 0,
        received: *received,
        spent: *spent,
        net: HistoryInfo::net(*received, *spent),
        fee: (*spent > Amount::ZERO).then_some(*fee),
        others: others.iter().map(|other| other.encode(prefix)).collect(),
        others_count: *others_count,
    }
}

fn in_block(
    call: &Call,
    view: &Arc<View>,
    unfinal_from: Height,
    place: Place,
    entry: &HistoryEntry,
) -> Result<HistoryInfo, Fault> {
    let height = place.height;
    let is_final = height < unfinal_from;
    let block = match view.branch.get(&height) {
        Some(id) if !is_final => Some(*id),
        _ => call.backend.block_at(height)?,
    };
    Ok(HistoryInfo {
        status: if is_final { TransactionStatus::Final } else { TransactionStatus::Included },
        block,
        height: Some(height),
        // The store may be a block ahead of the view; a block confirms itself all the same.
        confirmations: view.header.height.next().0.saturating_sub(height.0).max(1),
        ..info(call, entry)
    })
}

impl From<HistoryError> for Fault {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::NoIndex => {
                Self::new(RpcCode::NoIndex, "this node keeps no index of the history of addresses")
                    .help(
                        "start it with --index (`assay node run --index`, `assay devnet up SPEC --index`): it then makes \
                         the index of the blocks that it has",
                    )
            }
            error => Self::new(RpcCode::Failed, error.to_string()),
        }
    }
}
