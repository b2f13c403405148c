//! Durability: what was promised before a crash is there after it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::disk::Disk;
use super::super::watch::{Scene, Watch};
use super::books::Books;
use crate::replica::wire::Gossip;
use crate::replica::{Output, Report};
use crate::store::{Store, Table};
use crate::types::{BlockId, Height, TransactionId};

/// A transaction that was accepted is on the disk until it is final, and so are blocks that a node made and told others
/// about.
#[derive(Debug, Default)]
pub struct Durability {
    nodes: BTreeMap<usize, Promised>,
    /// The parents of all blocks that some node imported.
    parents: Books<BlockId>,
}

impl Durability {
    /// Whether a block stands on another branch than this final block, and has to go.
    fn is_released(&self, id: &BlockId, root: (Height, BlockId)) -> bool {
        let mut at = *id;
        while let (Some(height), Some(parent)) = (self.parents.height(&at), self.parents.get(&at)) {
            if height <= root.0 {
                return at != root.1;
            }
            at = *parent;
        }
        false
    }
}

#[derive(Debug, Default)]
struct Promised {
    transactions: BTreeSet<TransactionId>,
    blocks: BTreeMap<BlockId, Height>,
    /// Those blocks that it made itself.
    own: BTreeSet<BlockId>,
}

fn has(disk: &Disk, table: Table, key: &[u8]) -> bool {
    disk.get(table, key).is_ok_and(|value| value.is_some())
}

fn has_transaction(disk: &Disk, id: &TransactionId) -> bool {
    has(disk, Table::Pending, id.as_bytes()) || has(disk, Table::Transactions, id.as_bytes())
}

impl Watch for Durability {
    fn name(&self) -> &'static str {
        "durability"
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let (Some(disk), Some(replica)) = (scene.disk(node), scene.replica(node)) else {
            return Ok(());
        };
        if let Output::Report(Report::Imported { imported, .. }) = output
            && let Some(there) = replica.tree().get(&imported.id)
        {
            self.parents.insert(imported.id, imported.height, there.block.header.parent);
        }
        if !scene.is_correct(node) {
            return Ok(());
        }
        let promised = self.nodes.entry(node).or_default();
        match output {
            Output::Submitted { results, .. } => {
                let pending = |id: &&TransactionId| replica.pool().get(id).is_some();
                let mut kept_nowhere = results.iter().flatten().filter(pending);
                if let Some(id) = kept_nowhere.find(|id| !has_transaction(disk, id)) {
                    return Err(format!("it accepts transaction {id} and does not keep it"));
                }
                promised.transactions.extend(results.iter().flatten());
            }
            Output::Report(Report::Imported { imported, own: true, .. }) => {
                promised.own.insert(imported.id);
            }
            Output::Gossip(Gossip::Announce(announce)) => {
                let id = announce.header.id(&scene.options().spec.genesis_id());
                let there = replica.tree().get(&id).is_some();
                if there && !has(disk, Table::Blocks, id.as_bytes()) {
                    return Err(format!("it tells of block {id} and does not keep it"));
                }
                promised.blocks.insert(id, announce.header.height);
            }
            Output::Report(Report::Final { height, receipts, .. }) => {
                for receipt in receipts {
                    promised.transactions.remove(&receipt.id);
                }
                promised.blocks.retain(|_, at| *at > *height);
                let Promised { own, blocks, .. } = promised;
                own.retain(|id| blocks.contains_key(id));
            }
            _ => {}
        }
        Ok(())
    }

    fn dies(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        // A pool that is full, or a branch that spent the coin otherwise, releases from a promise; so does finality on
        // another branch.
        if let Some(promised) = self.nodes.get_mut(&node)
            && let Some(disk) = scene.disk(node)
        {
            promised.transactions.retain(|id| has_transaction(disk, id));
            promised.blocks.retain(|id, _| has(disk, Table::Blocks, id.as_bytes()));
        }
        Ok(())
    }

    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        let Some(promised) = self.nodes.get(&node) else { return Ok(()) };
        let (Some(disk), Some(replica)) = (scene.disk(node), scene.replica(node)) else {
            return Ok(());
        };
        if let Some(id) = promised.transactions.iter().find(|id| !has_transaction(disk, id)) {
            return Err(format!("it forgot transaction {id} that it had accepted"));
        }
        // What became final while the stored blocks were read again ends other branches.
        let root = replica.tree().root();
        let root = (root.height(), root.id);
        let above = promised.blocks.iter().filter(|(_, height)| **height > root.0);
        let own = above.filter(|(id, _)| promised.own.contains(*id) && !self.is_released(id, root));
        let mut lost = own.filter(|(id, _)| !has(disk, Table::Blocks, id.as_bytes()));
        match lost.next() {
            Some((id, _)) => Err(format!("it forgot its own block {id} that others were told of")),
            None => Ok(()),
        }
    }
}
