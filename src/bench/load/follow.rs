//! Following the nodes: what each says of its heads and final blocks, stamped when it is read.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::LoadError;
use super::run::{Shared, Target};
use crate::api::BlockSelector;
use crate::bench::schedule::Micros;
use crate::bench::views::Number;
use crate::types::{BlockId, Height};
use crate::wallet::subscription::{News, Subscription};

/// How long before a subscription that broke is opened again.
const RETRY: Duration = Duration::from_millis(100);

/// How long another task may take to read a block before this one asks as well.
const TURN: Duration = Duration::from_millis(250);

/// How often it looks whether that has come.
const LOOK: Duration = Duration::from_millis(5);

/// What a node said, and when.
enum Told {
    Head((Height, BlockId), Micros),
    Final((Height, BlockId), Micros),
}

/// Begins to follow all nodes, from their final blocks on. What is final at the node that it was handed to is told to
/// `done`. The tasks end with the set.
///
/// # Errors
///
/// A node does not answer.
pub(super) async fn begin(
    shared: &Shared,
    targets: &[Target],
    done: &UnboundedSender<Vec<Number>>,
) -> Result<JoinSet<()>, LoadError> {
    let mut tasks = JoinSet::new();
    for (node, target) in targets.iter().enumerate() {
        let info = target.client.chain_info().await.map_err(|error| target.failed(error))?;
        shared.with(|books| books.views.begin(node, (info.final_height, info.final_id)));
        let (told, news) = unbounded_channel();
        // Whoever stamps does nothing else: a block takes a while to be read.
        tasks.spawn(listen(node, target.clone(), shared.clone(), told));
        tasks.spawn(understand(node, target.clone(), shared.clone(), news, done.clone()));
    }
    Ok(tasks)
}

/// Listens to one node for ever, whatever becomes of it.
async fn listen(node: usize, target: Target, shared: Shared, told: UnboundedSender<Told>) {
    let mut first = true;
    loop {
        let opened = Subscription::open(target.client.url(), None).await;
        if !std::mem::take(&mut first) {
            shared.with(|books| books.gaps[node].reconnects += 1);
        }
        if let Ok(mut subscription) = opened {
            // Where it stands: news tell what happens from now on.
            if let Ok(info) = target.client.chain_info().await {
                let now = shared.now();
                let _ = told.send(Told::Head((info.height, info.head), now));
                let _ = told.send(Told::Final((info.final_height, info.final_id), now));
            }
            while let Ok(news) = subscription.next().await {
                let now = shared.now();
                let said = match news {
                    News::Head(head) => {
                        if head.transactions == 0 {
                            // There is nothing in it to read.
                            shared.with(|books| books.views.learn(head.id, head.parent, &[]));
                        }
                        Told::Head((head.height, head.id), now)
                    }
                    News::Final(block) => Told::Final((block.height, block.id), now),
                    News::Lagged(missed) => {
                        // The next head leads to what was missed.
                        shared.with(|books| books.gaps[node].lagged += missed);
                        continue;
                    }
                };
                if told.send(said).is_err() {
                    return;
                }
            }
        }
        sleep(RETRY).await;
    }
}

/// Reads the blocks that a node speaks of, and changes its view.
async fn understand(
    node: usize,
    target: Target,
    shared: Shared,
    mut news: UnboundedReceiver<Told>,
    done: UnboundedSender<Vec<Number>>,
) {
    while let Some(told) = news.recv().await {
        let (Told::Head(block, at) | Told::Final(block, at)) = told;
        while let Some(missing) = shared.with(|books| books.views.missing(node, block)) {
            if !read(node, &target, &shared, block, missing).await {
                break;
            }
        }
        match told {
            Told::Head(..) => shared.with(|books| books.views.head(node, block, at)),
            Told::Final(..) => {
                let settled = shared.with(|books| books.settle(node, block, at));
                if !settled.is_empty() {
                    // Nobody listens where the loop is open.
                    let _ = done.send(settled);
                }
            }
        }
    }
}

/// Reads a block, unless another task is about to. Says whether it makes sense to look again.
async fn read(
    node: usize,
    target: &Target,
    shared: &Shared,
    block: (Height, BlockId),
    missing: BlockId,
) -> bool {
    let mine = shared.with(|books| books.reading.insert(missing));
    if !mine {
        let come = async {
            while shared.with(|books| books.reading.contains(&missing)) {
                sleep(LOOK).await;
            }
        };
        if timeout(TURN, come).await.is_ok() {
            // It has been read, or could not be and is asked for again.
            return true;
        }
        if shared.with(|books| books.views.missing(node, block)) != Some(missing) {
            return true;
        }
    }
    let answer = target.client.chain_block(BlockSelector::Id(missing)).await;
    shared.with(|books| {
        books.reading.remove(&missing);
        match answer {
            Ok(info) => {
                books.views.learn(info.header.id, info.header.parent, &info.transactions);
                info.header.id == missing
            }
            // The node is gone, or has left the block and forgotten it: a later head leads further.
            Err(_) => false,
        }
    })
}
