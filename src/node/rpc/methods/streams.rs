//! The subscriptions.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::unfold;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{Call, Items, Table, blocking};
use crate::api::{ConsensusItem, FinalItem, HeadItem, Item, PoolItem, ReorgItem};
use crate::node::feed::{self, Topic};

pub(super) fn register(table: &mut Table) {
    table.stream::<HeadItem>(
        ["chain_subscribeHeads", "chain_unsubscribeHeads", "chain_head"],
        "each new head of the best branch",
        |call| items(&call, Topic::Heads),
    );
    table.stream::<FinalItem>(
        ["chain_subscribeFinalized", "chain_unsubscribeFinalized", "chain_finalized"],
        "how far the chain is final",
        |call| items(&call, Topic::Final),
    );
    table.stream::<ReorgItem>(
        ["chain_subscribeReorgs", "chain_unsubscribeReorgs", "chain_reorg"],
        "when another branch becomes the best",
        |call| items(&call, Topic::Reorgs),
    );
    table.stream::<PoolItem>(
        ["mempool_subscribe", "mempool_unsubscribe", "mempool_changed"],
        "what becomes pending, and what no longer is",
        |call| items(&call, Topic::Pool),
    );
    table.stream::<ConsensusItem>(
        ["consensus_subscribe", "consensus_unsubscribe", "consensus_changed"],
        "what the rule is doing after each new head",
        consensus,
    );
}

/// What happens from now on. A subscriber that was too slow is told so and goes on.
fn items(call: &Call, topic: Topic) -> Items {
    unfold(call.backend.listen(topic), |mut ring| async {
        match ring.recv().await {
            Ok(item) => Some((item, ring)),
            Err(RecvError::Lagged(missed)) => Some((lagged(missed), ring)),
            Err(RecvError::Closed) => None,
        }
    })
    .boxed()
}

fn lagged(missed: u64) -> feed::Item {
    text(&Item::<()>::Lagged { lagged: missed })
}

fn text(item: &impl serde::Serialize) -> feed::Item {
    serde_json::to_string(item).expect("items are plain data").into()
}

/// The status after each head. It is computed when it is told, so heads in quick succession share one.
fn consensus(call: Call) -> Items {
    let heads = call.backend.listen(Topic::Heads);
    let last = None;
    unfold((Arc::new(call), heads, last), |(call, mut heads, mut last)| async move {
        loop {
            if let Some(item) = next_status(&call, &mut heads, &mut last).await? {
                return Some((item, (call, heads, last)));
            }
        }
    })
    .boxed()
}

/// Waits for a head. Nothing within where the last status is about that head already; nothing at all at the end.
async fn next_status(
    call: &Arc<Call>,
    heads: &mut Receiver<feed::Item>,
    last: &mut Option<crate::types::BlockId>,
) -> Option<Option<feed::Item>> {
    match heads.recv().await {
        Ok(_) => {}
        Err(RecvError::Lagged(missed)) => return Some(Some(lagged(missed))),
        Err(RecvError::Closed) => return None,
    }
    let view = call.backend.view();
    if last.replace(view.head) == Some(view.head) {
        return Some(None);
    }
    let (head, height) = (view.head, view.header.height);
    let asked = call.clone();
    let status = blocking(move || asked.context.consensus(&*asked.backend, &view)).await.ok()?;
    let status = (*status).clone();
    Some(Some(text(&ConsensusItem { height, head, status })))
}
