//! Those who stand for election, read from a node.

use std::collections::BTreeSet;

use super::client::ClientError;
use super::node::{NodeApi, garbled};
use crate::api::{DELEGATES_PAGE_MAX, DelegatesPage};
use crate::consensus::dpos::DELEGATES_MAX;

/// Reads the `limit` first delegates by rank, page by page, as one page. Where votes move between two pages, a delegate
/// may be missed or come twice; the latter is left out.
///
/// # Errors
///
/// The node does not answer, nobody is a delegate on its chain, or its answers make no sense.
pub async fn list(node: &impl NodeApi, limit: usize) -> Result<DelegatesPage, ClientError> {
    let limit = limit.min(DELEGATES_MAX);
    let page = async |after: Option<u64>, left: usize| {
        // Never more than a page holds.
        let ask = u32::try_from(left).unwrap_or(DELEGATES_PAGE_MAX).min(DELEGATES_PAGE_MAX);
        node.delegate_list(after, ask).await
    };
    let mut all = page(None, limit.max(1)).await?;
    let mut seen: BTreeSet<String> = all.delegates.iter().map(|it| it.address.clone()).collect();
    while let Some(after) = all.next
        && all.delegates.len() < limit
    {
        let more = page(Some(after), limit - all.delegates.len()).await?;
        let before = all.delegates.len();
        let fresh = more.delegates.into_iter().filter(|it| seen.insert(it.address.clone()));
        all.delegates.extend(fresh);
        let stands = all.delegates.len() == before || more.next.is_some_and(|next| next <= after);
        if stands && more.next.is_some() {
            return Err(garbled(node, "its list of delegates does not end"));
        }
        all.next = more.next;
    }
    all.delegates.truncate(limit);
    Ok(all)
}

/// Reads all of them.
///
/// # Errors
///
/// As [`list`].
pub async fn all(node: &impl NodeApi) -> Result<DelegatesPage, ClientError> {
    list(node, DELEGATES_MAX).await
}
