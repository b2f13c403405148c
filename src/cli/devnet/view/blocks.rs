//! The blocks that the view has heard of, from whichever node, and what they say about time and forks.
//!
//! Nodes answer for their own best branch only. Put together by parents, their headers make one tree, in which it shows
//! where nodes disagree, also while they cannot talk to each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{ForkInfo, ForkStatus, HeaderInfo};
use crate::types::{BlockId, Height, Span, Time};

/// Blocks that are kept, the highest ones: more than any screen shows, and few enough to walk at every frame.
const BLOCKS_MAX: usize = 1024;

/// A block, as far as the view shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) id: BlockId,
    pub(super) parent: BlockId,
    pub(super) height: Height,
    /// When it was drafted.
    pub(super) time: Time,
    /// The address that it pays.
    pub(super) producer: String,
    pub(super) transactions: u64,
}

impl From<HeaderInfo> for Block {
    fn from(header: HeaderInfo) -> Self {
        Self {
            id: header.id,
            parent: header.parent,
            height: header.height,
            time: header.time,
            producer: header.producer,
            transactions: header.transaction_count,
        }
    }
}

/// Blocks by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Blocks {
    by_id: BTreeMap<BlockId, Block>,
    by_height: BTreeSet<(Height, BlockId)>,
}

/// A branch that is not the main one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fork {
    /// Its last block.
    pub(super) head: BlockId,
    pub(super) height: Height,
    /// The last block that it has in common with the main branch, where that is known.
    pub(super) from: Option<Height>,
    /// The nodes that stand on it, by index.
    pub(super) nodes: Vec<usize>,
}

/// Where the nodes stand: on the main branch or beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree {
    /// The end of the longest branch; between equals, of the one with more nodes.
    pub(super) head: Option<(BlockId, Height)>,
    /// The nodes that stand at that end.
    pub(super) nodes: Vec<usize>,
    /// The other branches, longest first.
    pub(super) forks: Vec<Fork>,
}

impl Blocks {
    /// Adds a block. When there are too many the lowest goes.
    pub(super) fn insert(&mut self, block: Block) {
        self.by_height.insert((block.height, block.id));
        self.by_id.insert(block.id, block);
        while self.by_id.len() > BLOCKS_MAX {
            let Some((_, lowest)) = self.by_height.pop_first() else { return };
            self.by_id.remove(&lowest);
        }
    }

    pub(super) fn get(&self, id: &BlockId) -> Option<&Block> {
        self.by_id.get(id)
    }

    /// The blocks from one down to the lowest that is known.
    pub(super) fn branch(&self, head: &BlockId) -> impl Iterator<Item = &Block> {
        // A parent that is not lower would make a circle of what a node invents.
        let parent = |block: &&Block| self.get(&block.parent).filter(|p| p.height < block.height);
        std::iter::successors(self.get(head), parent)
    }

    /// The times between the last blocks up to `head`, the latest first; at most `count`.
    pub(super) fn intervals(&self, head: &BlockId, count: usize) -> Vec<Span> {
        let blocks: Vec<&Block> = self.branch(head).take(count + 1).collect();
        // Block 0 was not made when it says.
        let pairs = blocks.windows(2).filter(|pair| pair[1].height > Height(0));
        pairs.map(|pair| pair[0].time.since(pair[1].time)).collect()
    }

    /// Puts together where nodes stand and which branches they have heard of.
    pub(super) fn tree(
        &self,
        heads: &[(usize, BlockId, Height)],
        reported: &BTreeMap<BlockId, ForkInfo>,
    ) -> Tree {
        let mut nodes: BTreeMap<BlockId, (Height, Vec<usize>)> = BTreeMap::new();
        for (node, head, height) in heads {
            nodes.entry(*head).or_insert((*height, Vec::new())).1.push(*node);
        }
        let main = nodes.iter().max_by_key(|(id, (height, on))| (*height, on.len(), **id));
        let Some((&main, &(main_height, _))) = main else { return Tree::default() };
        let main_branch: BTreeSet<BlockId> = self.branch(&main).map(|block| block.id).collect();
        let side = reported.values().filter(|fork| fork.status == ForkStatus::Side);
        for fork in side {
            nodes.entry(fork.head).or_insert((fork.height, Vec::new()));
        }
        let on_main = nodes.remove(&main).map_or_else(Vec::new, |(_, on)| on);
        let mut covered = BTreeSet::new();
        let mut forks = Vec::new();
        let mut ends: Vec<_> =
            nodes.into_iter().filter(|(id, _)| !main_branch.contains(id)).collect();
        ends.sort_by_key(|(id, (height, on))| std::cmp::Reverse((*height, on.len(), *id)));
        for (head, (height, on)) in ends {
            let off = |block: &&Block| !main_branch.contains(&block.id);
            let branch: Vec<&Block> = self.branch(&head).take_while(off).collect();
            // A node that is merely behind on a branch is shown with it.
            if on.is_empty() && covered.contains(&head) {
                continue;
            }
            covered.extend(branch.iter().map(|block| block.id));
            let parent = branch.last().map(|last| last.parent);
            let known = parent.filter(|parent| main_branch.contains(parent));
            let from = known.and_then(|parent| self.get(&parent)).map(|block| block.height);
            let told = reported.get(&head).filter(|fork| fork.status == ForkStatus::Side);
            let from = from.or(told.map(|fork| fork.fork_height));
            forks.push(Fork { head, height, from, nodes: on });
        }
        Tree { head: Some((main, main_height)), nodes: on_main, forks }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testkit::{block, id};
    use super::*;

    fn chain(blocks: &mut Blocks, heights: std::ops::RangeInclusive<u64>, branch: u8, below: u8) {
        let first = *heights.start();
        for height in heights {
            let parent = id(height - 1, if height == first { below } else { branch });
            blocks.insert(Block { parent, ..block(height, branch) });
        }
    }

    fn side(height: u64, branch: u8, from: u64) -> (BlockId, ForkInfo) {
        let head = id(height, branch);
        let fork = ForkInfo {
            head,
            height: Height(height),
            length: height - from,
            fork_height: Height(from),
            rank: String::new(),
            status: ForkStatus::Side,
        };
        (head, fork)
    }

    #[test]
    fn nodes_on_two_branches_and_a_dead_one_make_a_tree() {
        let mut blocks = Blocks::default();
        chain(&mut blocks, 1..=9, 0, 0);
        chain(&mut blocks, 7..=8, 1, 0);
        // Nodes 0 and 3 lead, 1 is a block behind, 2 is elsewhere, and somebody remembers a third branch.
        let at = |node, height, branch| (node, id(height, branch), Height(height));
        let heads = [at(0, 9, 0), at(1, 8, 0), at(2, 8, 1), at(3, 9, 0)];
        let reported = BTreeMap::from([side(5, 2, 4), side(7, 1, 6), side(8, 0, 6)]);
        let tree = blocks.tree(&heads, &reported);
        assert_eq!(tree.head, Some((id(9, 0), Height(9))));
        assert_eq!(tree.nodes, [0, 3]);
        let fork = |height, branch, from, nodes: &[usize]| Fork {
            head: id(height, branch),
            height: Height(height),
            from: Some(Height(from)),
            nodes: nodes.to_vec(),
        };
        assert_eq!(tree.forks, [fork(8, 1, 6, &[2]), fork(5, 2, 4, &[])]);
    }

    #[test]
    fn branches_that_part_below_what_is_known_say_so() {
        let mut blocks = Blocks::default();
        chain(&mut blocks, 100..=109, 0, 0);
        chain(&mut blocks, 100..=104, 1, 1);
        let heads = [(0, id(109, 0), Height(109)), (1, id(104, 1), Height(104))];
        let tree = blocks.tree(&heads, &BTreeMap::new());
        assert_eq!(tree.forks.len(), 1);
        assert_eq!(tree.forks[0].from, None);
        assert_eq!(blocks.tree(&[], &BTreeMap::new()), Tree::default());
    }

    #[test]
    fn intervals_are_those_of_the_branch_and_leave_block_0_out() {
        let mut blocks = Blocks::default();
        chain(&mut blocks, 1..=4, 0, 0);
        chain(&mut blocks, 3..=3, 1, 0);
        blocks.insert(Block { time: Time(1), ..block(0, 0) });
        let second = Span::seconds(1);
        assert_eq!(blocks.intervals(&id(4, 0), 10), [second; 3]);
        assert_eq!(blocks.intervals(&id(4, 0), 2), [second; 2]);
        assert_eq!(blocks.intervals(&id(7, 7), 2), []);
    }

    #[test]
    fn the_lowest_blocks_are_forgotten() {
        let mut blocks = Blocks::default();
        chain(&mut blocks, 1..=BLOCKS_MAX as u64 + 5, 0, 0);
        assert_eq!(blocks.by_id.len(), BLOCKS_MAX);
        assert_eq!(blocks.by_height.len(), BLOCKS_MAX);
        assert!(blocks.get(&id(5, 0)).is_none() && blocks.get(&id(6, 0)).is_some());
    }
}
