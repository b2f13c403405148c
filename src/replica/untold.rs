//! Blocks of our own making that nobody was told of yet.
//!
//! An engine imports a block of its own and announces it by two actions. An honest one does both at once, so that there
//! is nothing to see in between. One that holds a block back mines on it all the same: the block is in the tree, and
//! this file keeps it from whoever asks. Nobody is told where we stand but for the highest block below, nobody is served
//! what is above that, and no depth makes final what nobody could object to.
//!
//! A block stays untold as long as the process lives. After a restart it is one like all others.

use std::collections::BTreeSet;

use super::{Output, Replica};
use crate::chain::Node;
use crate::store::Store;
use crate::types::BlockId;
use crate::types::canary::{Bug, planted};

/// The ids; at most as many as the tree has blocks.
#[derive(Debug, Default)]
pub(super) struct Untold(BTreeSet<BlockId>);

impl Untold {
    pub(super) fn insert(&mut self, id: BlockId) {
        self.0.insert(id);
    }

    pub(super) fn contains(&self, id: &BlockId) -> bool {
        self.0.contains(id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets blocks that are gone.
    pub(super) fn retain(&mut self, is_there: impl Fn(&BlockId) -> bool) {
        self.0.retain(is_there);
    }
}

impl<S: Store> Replica<S> {
    /// The highest block of the best branch that others may hear of.
    pub fn told_head(&self) -> &Node {
        let mut node = self.tree.head();
        while self.untold.contains(&node.id)
            && let Some(parent) = self.tree.get(&node.block.header.parent)
        {
            node = parent;
        }
        node
    }

    /// Makes a block of the tree durable and announces it, those below it first that nobody was told of.
    pub(super) fn tell_of(&mut self, id: &BlockId) {
        let Some(node) = self.tree.get(id) else { return };
        let mut ids = vec![*id];
        let mut parent = node.block.header.parent;
        while self.untold.contains(&parent)
            && let Some(node) = self.tree.get(&parent)
        {
            ids.push(parent);
            parent = node.block.header.parent;
        }
        if !planted(Bug::AnnouncedUnsynced) {
            self.outputs.push(Output::Sync);
        }
        for id in ids.iter().rev() {
            self.untold.0.remove(id);
            self.announce(id);
        }
        // What waited for being told may be final now.
        self.finality_due = true;
    }
}
