//! Nakamoto's rule: which branch is followed, and how much of it is final.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use super::super::disk::Disk;
use super::super::watch::{Scene, Watch};
use super::books::Books;
use super::difficulty::target;
use super::{block_at, found};
use crate::consensus::hybrid::Trust;
use crate::replica::{Output, Replica, Report};
use crate::spec::{Consensus, FrozenSpec};
use crate::types::target::Bits;
use crate::types::{BlockId, Claim, Height};

/// A correct node follows the branch with the most work, of equal ones the one that it had first; and it takes nothing for
/// final that has fewer blocks on top of it than the chain's depth.
///
/// The checker sums the work that the headers claim, and keeps the order in which blocks entered each tree.
#[derive(Debug)]
pub struct ForkChoice {
    depth: u64,
    /// What the first blocks count, and how hard they are: of work, and by stake.
    work: Option<Scale>,
    stake: Option<Scale>,
    /// The summed work of the branch that ends in a block.
    works: Books<BigUint>,
    /// Where each node's head should be.
    heads: BTreeMap<usize, BlockId>,
}

impl ForkChoice {
    /// For a chain of work or stake; there is nothing to check of others.
    pub fn of(spec: &FrozenSpec) -> Option<Self> {
        let (work, stake) = match spec.consensus() {
            Consensus::Pow(_) => (Some(Scale::Plain), None),
            Consensus::Pos(_) => (None, Some(Scale::Plain)),
            Consensus::Hybrid(hybrid) => match hybrid.trust {
                Trust::Peercoin => (Some(Scale::One), Some(Scale::Plain)),
                Trust::Relative { work, stake } => (
                    Some(Scale::Parts(work, hybrid.pow.initial_bits)),
                    Some(Scale::Parts(stake, hybrid.pos.first_bits(spec))),
                ),
            },
            Consensus::Dpos(_)
            | Consensus::Poa(_)
            | Consensus::Pbft(_)
            | Consensus::Raft(_)
            | Consensus::Paxos(_) => return None,
        };
        let genesis = spec.genesis_block().id(&spec.genesis_id());
        Some(Self {
            depth: spec.consensus().finality_depth()?,
            work,
            stake,
            works: Books::from(genesis, BigUint::ZERO),
            heads: BTreeMap::new(),
        })
    }

    /// Adds up the work of a block's branch.
    fn weigh(&mut self, replica: &Replica<Disk>, id: &BlockId) -> Result<(), String> {
        if self.works.has(id) {
            return Ok(());
        }
        let Some(block) = block_at(replica, id) else { return Ok(()) };
        let header = &block.header;
        let Some(below) = self.works.get(&header.parent) else {
            return Err(format!("block {id} entered before its parent"));
        };
        let work = match (header.claim, self.work, self.stake) {
            (Claim::Work { bits }, Some(scale), _) => below + scale.weigh(bits),
            (Claim::Stake { bits, .. }, _, Some(scale)) => below + scale.weigh(bits),
            _ => return Ok(()),
        };
        self.works.insert(*id, header.height, work);
        Ok(())
    }

    /// Whether a block outweighs another.
    fn outweighs(&self, block: &BlockId, other: &BlockId) -> bool {
        self.works.get(block) > self.works.get(other)
    }

    /// What counts since a block entered: the block, or what it stands on if it is held. Where that counted before, it
    /// outweighs no head.
    fn counts(replica: &Replica<Disk>, id: &BlockId, held: bool) -> BlockId {
        let parent = || Some(replica.tree().get(id)?.block.header.parent);
        if held { parent().unwrap_or(*id) } else { *id }
    }

    fn final_up_to(&self, node: usize, height: Height) -> Result<(), String> {
        let head = self.heads.get(&node).and_then(|head| self.works.height(head));
        let on_top = head.map_or(0, |head| head.0.saturating_sub(height.0));
        match on_top >= self.depth {
            true => Ok(()),
            false => Err(format!(
                "it takes height {height} for final with {on_top} blocks on top of it, where {} are due",
                self.depth
            )),
        }
    }
}

/// What a block counts.
#[derive(Debug, Clone, Copy)]
enum Scale {
    /// Its difficulty.
    Plain,
    /// One.
    One,
    /// So many times 2^32 of its difficulty over the first one's.
    Parts(u64, Bits),
}

impl Scale {
    fn weigh(self, bits: Bits) -> BigUint {
        match self {
            Self::Plain => work(bits),
            Self::One => BigUint::from(1u32),
            Self::Parts(factor, first) => {
                (BigUint::from(factor) << 32u32) * work(bits) / work(first).max(BigUint::from(1u32))
            }
        }
    }
}

/// The tries that a proof for these bits takes on average, 2^256 ÷ (target + 1).
fn work(bits: Bits) -> BigUint {
    (BigUint::from(1u32) << 256u32) / (target(bits) + 1u32)
}

impl Watch for ForkChoice {
    fn name(&self) -> &'static str {
        "fork choice"
    }

    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        let mut head = replica.tree().root().id;
        let mut said = BTreeSet::new();
        for id in found(replica) {
            self.weigh(replica, &id)?;
            // A process that starts knows what the blocks above the final one say, and nothing from before.
            let block = block_at(replica, &id).filter(|_| id != replica.tree().root().id);
            let statement = block.and_then(|block| replica.tree().rules().statement(&block.header));
            let held = statement.is_some_and(|statement| !said.insert(statement));
            let counts = Self::counts(replica, &id, held);
            if self.outweighs(&counts, &head) {
                head = counts;
            }
        }
        self.heads.insert(node, head);
        match replica.tree().head().id {
            there if there == head => Ok(()),
            there => Err(format!("it starts on {there}, and {head} was heavier or earlier")),
        }
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        match output {
            Output::Report(Report::Imported { imported, .. }) => {
                self.weigh(replica, &imported.id)?;
                let Some(head) = self.heads.get(&node).copied() else { return Ok(()) };
                // What another block said before it counts only when somebody built on it.
                let held = replica.tree().get(&imported.id).is_some_and(|node| node.held);
                let counts = Self::counts(replica, &imported.id, held);
                let due = if self.outweighs(&counts, &head) { counts } else { head };
                self.heads.insert(node, due);
                let moved = imported.moved.as_ref();
                let taken = moved.and_then(|moved| moved.joined.last()).unwrap_or(&head);
                match *taken == due {
                    true => Ok(()),
                    false => Err(format!("it follows {taken}, and {due} was heavier or earlier")),
                }
            }
            Output::Report(Report::Final { height, .. }) => self.final_up_to(node, *height),
            _ => Ok(()),
        }
    }
}
