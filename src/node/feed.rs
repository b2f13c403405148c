//! What happens, told to whoever subscribed: new heads, final blocks, reorganisations, pending transactions.
//!
//! The loop reports, the feed puts items into a ring per topic, and every subscriber reads the ring at its own pace.
//! Nobody is waited for: whoever falls a whole ring behind loses the oldest items and learns how many. An item is made
//! once, as JSON, however many read it, and not at all while nobody does; a ring is all the memory that subscribers can
//! take, because each item exists once.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast;

use super::host::NodeReplica;
use crate::api::{FinalItem, HeadItem, PoolEntry, PoolItem, REORG_IDS_MAX, ReorgItem};
use crate::chain::{HeadMove, Imported};
use crate::replica::Report;
use crate::store::{Store, Table};
use crate::types::{Block, BlockId, Header, Prefix, TransactionId, decode};

/// Small items that a ring holds: a subscriber may be this many blocks behind, minutes on the quickest chain.
const SMALL_RING: usize = 256;

/// Items of lists that a ring holds; each is tens of kilobytes at most.
const LARGE_RING: usize = 64;

/// Transactions in one item about the pool.
const POOL_CHUNK: usize = 256;

/// What one may subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// New heads: [`HeadItem`].
    Heads,
    /// Final blocks: [`FinalItem`].
    Final,
    /// Reorganisations: [`ReorgItem`].
    Reorgs,
    /// Pending transactions: [`PoolItem`].
    Pool,
}

/// An item as JSON, shared by all who read it.
pub type Item = Arc<str>;

/// The rings.
#[derive(Debug)]
pub struct Feed {
    prefix: Prefix,
    heads: broadcast::Sender<Item>,
    finals: broadcast::Sender<Item>,
    reorgs: broadcast::Sender<Item>,
    pool: broadcast::Sender<Item>,
}

impl Feed {
    /// Empty rings. `prefix` is that of the chain's addresses.
    pub fn new(prefix: Prefix) -> Self {
        Self {
            prefix,
            heads: broadcast::Sender::new(SMALL_RING),
            finals: broadcast::Sender::new(SMALL_RING),
            reorgs: broadcast::Sender::new(LARGE_RING),
            pool: broadcast::Sender::new(LARGE_RING),
        }
    }

    /// What happens from now on.
    pub fn listen(&self, topic: Topic) -> broadcast::Receiver<Item> {
        self.ring(topic).subscribe()
    }

    /// Whether anybody listens.
    pub fn is_heard(&self, topic: Topic) -> bool {
        self.ring(topic).receiver_count() > 0
    }

    /// Tells everybody who listens.
    pub fn tell<T: Serialize>(&self, topic: Topic, item: &T) {
        let text = serde_json::to_string(item).expect("items are plain data");
        // An error means that nobody listens any more.
        let _ = self.ring(topic).send(text.into());
    }

    fn ring(&self, topic: Topic) -> &broadcast::Sender<Item> {
        match topic {
            Topic::Heads => &self.heads,
            Topic::Final => &self.finals,
            Topic::Reorgs => &self.reorgs,
            Topic::Pool => &self.pool,
        }
    }

    /// Whether a report makes an item that somebody wants.
    pub(super) fn wants(&self, report: &Report) -> bool {
        match report {
            Report::Imported { imported: Imported { moved: Some(moved), .. }, .. } => {
                self.is_heard(Topic::Heads)
                    || (!moved.left.is_empty() && self.is_heard(Topic::Reorgs))
            }
            Report::Final { .. } => self.is_heard(Topic::Final),
            Report::PoolChanged(_) => self.is_heard(Topic::Pool),
            _ => false,
        }
    }

    /// Tells what a report says. Called once readers can see it.
    pub(super) fn report(&self, report: &Report, replica: &NodeReplica) {
        match report {
            Report::Imported { imported, transactions, .. } => {
                let Some(moved) = &imported.moved else { return };
                if self.is_heard(Topic::Heads)
                    && let Some(header) = header(replica, &imported.id)
                {
                    self.tell(Topic::Heads, &self.head(imported.id, &header, *transactions));
                }
                if self.is_heard(Topic::Reorgs) && !moved.left.is_empty() {
                    self.reorganised(imported, moved, replica);
                }
            }
            Report::Final { height, id, .. } if self.is_heard(Topic::Final) => {
                self.tell(Topic::Final, &FinalItem { height: *height, id: *id });
            }
            Report::PoolChanged(touched) if self.is_heard(Topic::Pool) => {
                for chunk in touched.chunks(POOL_CHUNK) {
                    self.tell(Topic::Pool, &pool_item(chunk, replica));
                }
            }
            _ => {}
        }
    }

    fn head(&self, id: BlockId, header: &Header, transactions: usize) -> HeadItem {
        HeadItem {
            id,
            height: header.height,
            parent: header.parent,
            time: header.time,
            producer: header.producer.encode(&self.prefix),
            transactions: transactions as u64, // a count fits 64 bits
        }
    }

    fn reorganised(&self, imported: &Imported, moved: &HeadMove, replica: &NodeReplica) {
        let lowest = moved.joined.first().and_then(|id| header(replica, id));
        let Some(lowest) = lowest else { return };
        let bounded = |ids: &[BlockId]| ids.iter().take(REORG_IDS_MAX).copied().collect();
        let item = ReorgItem {
            from: moved.from,
            to: imported.id,
            height: imported.height,
            ancestor: lowest.parent,
            left_count: moved.left.len() as u64, // counts fit 64 bits
            left: bounded(&moved.left),
            joined_count: moved.joined.len() as u64,
            joined: bounded(&moved.joined),
        };
        self.tell(Topic::Reorgs, &item);
    }
}

/// The header of a block that entered the tree. It may be final and out of the tree by now; the store has it then.
fn header(replica: &NodeReplica, id: &BlockId) -> Option<Header> {
    if let Some(node) = replica.tree().get(id) {
        return Some(node.block.header);
    }
    let bytes = replica.store().get(Table::Blocks, id.as_bytes()).ok()??;
    Some(decode::<Block>(&bytes).ok()?.draft.header)
}

/// How it stands with transactions that joined the pool or left it.
fn pool_item(touched: &[TransactionId], replica: &NodeReplica) -> PoolItem {
    let mut item = PoolItem::default();
    for id in touched {
        match replica.pool().get(id) {
            Some(pending) => {
                let size = pending.size as u64; // a length fits 64 bits
                item.added.push(PoolEntry { id: *id, fee: pending.fee, size });
            }
            None => item.removed.push(*id),
        }
    }
    item
}
