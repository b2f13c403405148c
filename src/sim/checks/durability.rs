//! Durability: what was promised before a crash is there after it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::disk::Disk;
use super::super::watch::{Scene, Watch};
use super::books::Books;
use crate::ledger::CoinView;
use crate::mempool::Mempool;
use crate::replica::wire::Gossip;
use crate::replica::{Input, Output, Replica, Report};
use crate::spec::FrozenSpec;
use crate::store::{Store, Table};
use crate::types::{
    BlockId, CoinId, GenesisId, Height, Operation, Time, Transaction, TransactionId,
};

/// A transaction that was accepted is on the disk until it is final, and so are blocks that a node made and told others
/// about. As long as an accepted transaction can be in a block, it is in one of the best branch or pending, unless the pool
/// was full. What others' operations can make void, such as the wish that somebody become an authority who is one by then,
/// is promised to nobody.
#[derive(Debug)]
pub struct Durability {
    chain: GenesisId,
    nodes: BTreeMap<usize, Promised>,
    /// The parents of all blocks that some node imported.
    parents: Books<BlockId>,
}

impl Durability {
    /// For a chain.
    pub fn new(spec: &FrozenSpec) -> Self {
        Self { chain: spec.genesis_id(), nodes: BTreeMap::new(), parents: Books::default() }
    }

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
    /// What was submitted and is not answered, by ticket, with the coins that each spends; without, what may come to be
    /// void.
    submitted: BTreeMap<u64, BTreeMap<TransactionId, Option<Vec<CoinId>>>>,
    /// What was accepted, with the coins by which it is missed when it is in no block and not pending.
    transactions: BTreeMap<TransactionId, Vec<CoinId>>,
    blocks: BTreeMap<BlockId, Height>,
    /// Those blocks that it made itself.
    own: BTreeSet<BlockId>,
}

impl Promised {
    /// Whether everything accepted that can still be in a block is in one, or pending.
    fn nothing_is_missing(&self, replica: &Replica<Disk>) -> Result<(), String> {
        let (pool, state) = (replica.pool(), &replica.tree().head().state);
        if may_shed(pool) {
            return Ok(());
        }
        let included = replica.view().included;
        for (id, spends) in &self.transactions {
            let is_final = || has(replica.store(), Table::Transactions, id.as_bytes());
            if pool.get(id).is_some() || included.contains_key(id) || is_final() {
                continue;
            }
            // Another one spent its coin, or may do so first.
            let free = |coin: &CoinId| {
                let there = state.coin(coin).is_ok_and(|coin| coin.is_some());
                there && pool.spender(coin).is_none()
            };
            if !spends.is_empty() && spends.iter().all(free) {
                return Err(format!("it forgot transaction {id}, though its coins are unspent"));
            }
        }
        Ok(())
    }
}

/// Whether a pool is so full that what comes next may push others out. A single input fills no half.
fn may_shed(pool: &Mempool) -> bool {
    pool.bytes() > pool.bytes_max() / 2
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
            Output::Submitted { ticket, results } => {
                let pending = |id: &&TransactionId| replica.pool().get(id).is_some();
                let mut kept_nowhere = results.iter().flatten().filter(pending);
                if let Some(id) = kept_nowhere.find(|id| !has_transaction(disk, id)) {
                    return Err(format!("it accepts transaction {id} and does not keep it"));
                }
                let mut submitted = promised.submitted.remove(ticket).unwrap_or_default();
                for id in results.iter().flatten() {
                    if let Some(spends) = submitted.remove(id).unwrap_or_else(|| Some(Vec::new())) {
                        promised.transactions.entry(*id).or_insert(spends);
                    }
                }
            }
            Output::Report(Report::Imported { imported, own, .. }) => {
                if *own {
                    promised.own.insert(imported.id);
                }
                if imported.moved.as_ref().is_some_and(|moved| !moved.left.is_empty()) {
                    return promised.nothing_is_missing(replica);
                }
            }
            Output::Gossip(Gossip::Announce(announce)) => {
                let id = announce.header.id(&self.chain);
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
            promised.submitted.clear();
            // What a block of the branch made void, by spending or staking its coin, is on the disk until the next start.
            let here = |id: &TransactionId| {
                scene.replica(node).is_none_or(|replica| {
                    replica.pool().get(id).is_some()
                        || replica.view().included.contains_key(id)
                        || has(disk, Table::Transactions, id.as_bytes())
                })
            };
            promised.transactions.retain(|id, _| has_transaction(disk, id) && here(id));
            promised.blocks.retain(|id, _| has(disk, Table::Blocks, id.as_bytes()));
        }
        Ok(())
    }

    fn handles(
        &mut self,
        scene: &Scene<'_>,
        node: usize,
        _: Time,
        input: &Input,
    ) -> Result<(), String> {
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        if may_shed(replica.pool())
            && let Some(promised) = self.nodes.get_mut(&node)
        {
            promised.transactions.values_mut().for_each(Vec::clear);
        }
        if let Input::Submit { ticket, transactions } = input {
            let lasts =
                |it: &&Transaction| matches!(it.operation, None | Some(Operation::Note { .. }));
            let spends = |it: &Transaction| Some(it).filter(lasts).map(|it| it.inputs.to_vec());
            let submitted = transactions.iter().map(|it| (it.id(&self.chain), spends(it)));
            let promised = self.nodes.entry(node).or_default();
            promised.submitted.insert(*ticket, submitted.collect());
        }
        Ok(())
    }

    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        let Some(promised) = self.nodes.get(&node) else { return Ok(()) };
        let (Some(disk), Some(replica)) = (scene.disk(node), scene.replica(node)) else {
            return Ok(());
        };
        if let Some(id) = promised.transactions.keys().find(|id| !has_transaction(disk, id)) {
            return Err(format!("it forgot transaction {id} that it had accepted"));
        }
        if scene.is_correct(node) {
            promised.nothing_is_missing(replica)?;
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

    fn looks(&mut self, scene: &Scene<'_>) -> Result<(), (usize, String)> {
        for (node, promised) in &self.nodes {
            if let Some(replica) = scene.correct(*node) {
                promised.nothing_is_missing(replica).map_err(|what| (*node, what))?;
            }
        }
        Ok(())
    }
}
