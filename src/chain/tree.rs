//! The tree of blocks that are not final yet, and the branch that is best.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use borsh::BorshSerialize;
use imbl::OrdMap;

use super::statements::{Saying, Statements};
use super::{BlockRef, Executions, Rank, Rules};
use crate::ledger::{Delta, Executed, Own, Params, ReadFailed, Receipt, State};
use crate::types::canary::{Bug, planted};
use crate::types::{Block, BlockId, Draft, Evidence, Header, Height, TransactionId};

/// Above this many blocks that are not final a node stops producing and says so.
pub const UNFINAL_BLOCKS_MAX: usize = 4096;

/// The same for the bytes of those blocks and of what they changed.
pub const UNFINAL_BYTES_MAX: usize = 512 << 20;

/// Beyond this many blocks off the best branch, the weakest leaf among them goes.
pub const SIDE_BLOCKS_MAX: usize = 1000;

/// The same for their bytes and those of what they changed. Little enough in tests to be reached.
pub const SIDE_BYTES_MAX: usize = if cfg!(test) { 2 << 20 } else { 128 << 20 };

/// A block in the tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id.
    pub id: BlockId,
    /// The block.
    pub block: Arc<Block>,
    /// The ledger after it.
    pub state: State,
    /// What it changed.
    pub delta: Arc<Delta>,
    /// What became of its transactions.
    pub receipts: Arc<[Receipt]>,
    /// What it does to coins itself.
    pub own: Arc<Own>,
    /// The rank of the branch that ends here.
    pub rank: Rank,
    /// The order of arrival: between equal ranks the earlier one wins.
    pub arrival: u64,
    /// Somebody else's block said what this one says and was here first: it is no head until somebody built on it.
    pub held: bool,
    /// Encoded bytes of the block.
    pub block_bytes: usize,
    /// The same with those of what it changed.
    bytes: usize,
    children: Vec<BlockId>,
}

impl Node {
    /// The block as a rule sees it.
    pub fn as_ref(&self) -> BlockRef<'_> {
        BlockRef { id: &self.id, header: &self.block.header, state: &self.state }
    }

    /// Its height.
    pub fn height(&self) -> Height {
        self.block.header.height
    }
}

/// How the head moved.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub struct HeadMove {
    /// The head before.
    pub from: BlockId,
    /// Blocks that left the best branch, highest first.
    pub left: Vec<BlockId>,
    /// Blocks that joined it, lowest first.
    pub joined: Vec<BlockId>,
}

/// Blocks that became final in one step.
#[derive(Debug, Clone, Default)]
pub struct Finalised {
    /// The final blocks, lowest first.
    pub blocks: Vec<Node>,
    /// Blocks of branches that lost for good.
    pub dropped: Vec<BlockId>,
}

/// The non-final blocks above the final one.
pub struct Tree {
    rules: Arc<dyn Rules>,
    params: Params,
    nodes: BTreeMap<BlockId, Node>,
    root: BlockId,
    head: BlockId,
    /// The best branch by height, from the root to the head. Cheap to clone for readers.
    branch: OrdMap<Height, BlockId>,
    arrivals: u64,
    /// Bytes of all blocks above the root and of what they changed.
    bytes: usize,
    checkpoint: Option<(Height, BlockId)>,
    /// What other trees of this process executed.
    executions: Option<Arc<Executions>>,
    statements: Statements,
}

impl Tree {
    /// A tree that holds only the final block. `state` lies in the store as a whole.
    pub fn new(
        rules: Arc<dyn Rules>,
        params: Params,
        block: Arc<Block>,
        state: State,
    ) -> Result<Self, ReadFailed> {
        let id = block.id(&params.chain);
        let rank = rules.rank(BlockRef { id: &id, header: &block.header, state: &state })?;
        let height = block.header.height;
        let root = Node {
            id,
            block,
            state,
            delta: Arc::default(),
            receipts: Arc::from([]),
            own: Arc::default(),
            rank,
            arrival: 0,
            held: false,
            block_bytes: 0,
            bytes: 0,
            children: Vec::new(),
        };
        Ok(Self {
            rules,
            params,
            nodes: BTreeMap::from([(id, root)]),
            root: id,
            head: id,
            branch: OrdMap::unit(height, id),
            arrivals: 0,
            bytes: 0,
            checkpoint: None,
            executions: None,
            statements: Statements::default(),
        })
    }

    /// Takes an operator's word for which block belongs at a height: no other one enters there (weak subjectivity).
    pub fn trust(&mut self, height: Height, id: BlockId) {
        self.checkpoint = Some((height, id));
    }

    /// The block that the operator says belongs at this height, if it is another one.
    pub fn contradicts_checkpoint(&self, height: Height, id: &BlockId) -> Option<BlockId> {
        self.checkpoint.filter(|(at, is)| *at == height && is != id).map(|(_, is)| is)
    }

    /// Numbers arrivals on from here, so that blocks which a store remembers stay the earlier ones.
    pub fn continue_arrivals(&mut self, last: u64) {
        self.arrivals = self.arrivals.max(last);
    }

    /// The rule of this chain.
    pub fn rules(&self) -> &dyn Rules {
        &*self.rules
    }

    /// The parameters of execution.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The final block.
    pub fn root(&self) -> &Node {
        &self.nodes[&self.root]
    }

    /// The block at the end of the best branch.
    pub fn head(&self) -> &Node {
        &self.nodes[&self.head]
    }

    /// A block of the tree.
    pub fn get(&self, id: &BlockId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// All blocks of the tree, the final one among them, in order of id.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// How many blocks are in the tree, the final one included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes of the blocks above the final one and of what they changed.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there are so many blocks above the final one that a node should make no more.
    pub fn is_overfull(&self) -> bool {
        self.nodes.len() > UNFINAL_BLOCKS_MAX || self.bytes > UNFINAL_BYTES_MAX
    }

    /// Never: the final block is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The best branch by height, from the final block to the head.
    pub fn branch(&self) -> &OrdMap<Height, BlockId> {
        &self.branch
    }

    /// Whether a block lies on the best branch.
    pub fn on_branch(&self, node: &Node) -> bool {
        self.branch.get(&node.height()) == Some(&node.id)
    }

    /// The leaves: the ends of all branches, the head among them.
    pub fn leaves(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values().filter(|node| node.children.is_empty())
    }

    /// Executes a draft on the state after its parent, whatever state root its header carries.
    pub fn execute(
        &self,
        draft: &Draft,
        parent: &State,
    ) -> Result<Executed, crate::ledger::ExecuteError> {
        crate::ledger::execute(draft, parent, self.root().height(), &self.params, &*self.rules)
    }

    /// [`Self::execute`] for whoever knows the ids of the draft's transactions already.
    pub fn execute_known(
        &self,
        draft: &Draft,
        ids: impl ExactSizeIterator<Item = TransactionId>,
        parent: &State,
    ) -> Result<Executed, crate::ledger::ExecuteError> {
        let rules = &*self.rules;
        crate::ledger::execute_known(draft, ids, parent, self.root().height(), &self.params, rules)
    }

    /// Shares what executing blocks gives with other trees of this process, from now on.
    pub fn share(&mut self, executions: Arc<Executions>) {
        self.executions = Some(executions);
    }

    /// What executing a block gave some other tree.
    pub(super) fn recall(
        &self,
        id: &BlockId,
        block: &mut Arc<Block>,
        parent: &Node,
    ) -> Option<Executed> {
        let executions = self.executions.as_ref()?;
        executions.recall(id, block, &parent.state, self.root().height())
    }

    /// Tells other trees what executing a block gave.
    pub(super) fn remember(&self, id: BlockId, block: &Arc<Block>, executed: &Executed) {
        if let Some(executions) = &self.executions {
            executions.remember(id, block, executed, self.root().height());
        }
    }

    /// What a block with this header would say beside those that are here: see [`Saying`].
    pub fn would_say(&self, id: &BlockId, header: &Header) -> Saying {
        let statement = self.rules.statement(header);
        statement.map_or(Saying::New, |statement| self.statements.would_say(id, &statement))
    }

    /// Evidence that a child of a block may carry: offences that are neither counted in its state nor too old.
    pub fn evidence_for(&self, parent: BlockRef<'_>) -> Result<Vec<Evidence>, ReadFailed> {
        self.statements.evidence_for(parent, self.params.evidence_window)
    }

    /// How many statements of producers are remembered, and how many offences.
    pub fn statements(&self) -> (usize, usize) {
        self.statements.len()
    }

    /// Adds an executed child of a block of the tree. `None` if it is there already or its parent is not.
    pub fn insert(
        &mut self,
        block: Arc<Block>,
        executed: Executed,
    ) -> Result<Option<Option<HeadMove>>, ReadFailed> {
        let id = block.id(&self.params.chain);
        self.insert_as(id, block, executed)
    }

    /// [`Self::insert`] for whoever knows the block's id already.
    pub(super) fn insert_as(
        &mut self,
        id: BlockId,
        block: Arc<Block>,
        executed: Executed,
    ) -> Result<Option<Option<HeadMove>>, ReadFailed> {
        if self.nodes.contains_key(&id) || !self.nodes.contains_key(&block.header.parent) {
            return Ok(None);
        }
        let reference = BlockRef { id: &id, header: &block.header, state: &executed.state };
        let rank = self.rules.rank(reference)?;
        self.arrivals += 1;
        let mut released = None;
        if let Some(parent) = self.nodes.get_mut(&block.header.parent) {
            parent.children.push(id);
            released = std::mem::take(&mut parent.held).then_some(parent.id);
        }
        let statement = self.rules.statement(&block.header);
        let held = statement.is_some_and(|statement| {
            self.statements.note(id, &block.header, &block.seal, statement)
        });
        let block_bytes = borsh::object_length(&*block).expect("every block encodes");
        let bytes = executed.delta.bytes() + block_bytes;
        self.bytes += bytes;
        let node = Node {
            id,
            block,
            state: executed.state,
            delta: executed.delta,
            receipts: executed.receipts.into(),
            own: Arc::new(executed.own),
            rank,
            arrival: self.arrivals,
            held,
            block_bytes,
            bytes,
            children: Vec::new(),
        };
        self.nodes.insert(id, node);
        // The block counts from now on; or, if it is held itself, what it stands on and nobody had built on.
        let counts = if held { released } else { Some(id) };
        let better = counts.filter(|counts| {
            let (rank, head) = (&self.nodes[counts].rank, &self.head().rank);
            rank > head || planted(Bug::TieToTheLatest) && rank == head
        });
        Ok(Some(better.map(|better| self.move_head(better))))
    }

    fn move_head(&mut self, to: BlockId) -> HeadMove {
        let from = self.head;
        let mut joined = Vec::new();
        let mut at = &self.nodes[&to];
        while !self.on_branch(at) {
            joined.push(at.id);
            at = &self.nodes[&at.block.header.parent];
        }
        let fork = at.height();
        let left: Vec<BlockId> =
            self.branch.range(fork.next()..).rev().map(|(_, id)| *id).collect();
        for height in (fork.0 + 1)..=self.head().height().0 {
            self.branch.remove(&Height(height));
        }
        joined.reverse();
        for id in &joined {
            self.branch.insert(self.nodes[id].height(), *id);
        }
        self.head = to;
        HeadMove { from, left, joined }
    }

    /// What is final by the rule but not yet by the tree, up to a height: the blocks to write, lowest first, and the
    /// blocks that are on no branch through them. Nothing changes until [`Self::advance`].
    pub fn newly_final(&self, at_most: Height) -> Result<Finalised, ReadFailed> {
        let height = self.rules.final_height(self.head().as_ref())?.min(at_most);
        let from = self.root().height().next();
        if height < from {
            return Ok(Finalised::default());
        }
        let ids = self.branch.range(from..=height).map(|(_, id)| id);
        let blocks: Vec<Node> = ids.map(|id| self.nodes[id].clone()).collect();
        if blocks.is_empty() {
            return Ok(Finalised::default());
        }
        // What is on no branch through them: the subtrees beside the way from the root.
        let on_the_way: BTreeSet<BlockId> = blocks.iter().map(|node| node.id).collect();
        let mut beside: Vec<BlockId> = Vec::new();
        let parents = std::iter::once(self.root()).chain(&blocks);
        for parent in parents.take(blocks.len()) {
            beside.extend(parent.children.iter().filter(|child| !on_the_way.contains(*child)));
        }
        let mut dropped = Vec::new();
        while let Some(id) = beside.pop() {
            beside.extend(self.nodes.get(&id).iter().flat_map(|node| &node.children));
            dropped.push(id);
        }
        dropped.sort_unstable();
        Ok(Finalised { blocks, dropped })
    }

    /// Makes blocks final whose changes are in the store by now: the last of them becomes the root.
    pub fn advance(&mut self, finalised: &Finalised) {
        let Some(last) = finalised.blocks.last() else { return };
        let dropped: BTreeSet<BlockId> = finalised.dropped.iter().copied().collect();
        for id in &dropped {
            self.remove(id);
        }
        for node in &finalised.blocks {
            self.branch.remove(&node.height().back(1));
            self.remove(&node.block.header.parent);
        }
        self.root = last.id;
        let oldest = last.height().back(self.params.evidence_window);
        self.statements.forget_below(oldest);
        if let Some(root) = self.nodes.get_mut(&self.root) {
            // It is the store's now.
            self.bytes -= std::mem::take(&mut root.bytes);
        }
    }

    fn remove(&mut self, id: &BlockId) {
        if let Some(node) = self.nodes.remove(id) {
            self.bytes -= node.bytes;
        }
    }

    /// Bytes of the blocks off the best branch and of what they changed.
    fn side_bytes(&self) -> usize {
        let best = self.branch.values().filter_map(|id| self.nodes.get(id));
        self.bytes - best.map(|node| node.bytes).sum::<usize>()
    }

    fn has_too_many_side_blocks(&self) -> bool {
        self.nodes.len() - self.branch.len() > SIDE_BLOCKS_MAX
            // The sum is asked for only where it can be too large.
            || self.bytes > SIDE_BYTES_MAX && self.side_bytes() > SIDE_BYTES_MAX
    }

    /// Removes the weakest leaves off the best branch until at most [`SIDE_BLOCKS_MAX`] side blocks of at most
    /// [`SIDE_BYTES_MAX`] are left; gives the ids that went.
    pub fn trim(&mut self) -> Vec<BlockId> {
        let mut gone = Vec::new();
        while self.has_too_many_side_blocks() {
            let weakest = self
                .leaves()
                .filter(|node| node.id != self.head && node.id != self.root)
                .min_by(|a, b| a.rank.cmp(&b.rank).then(b.arrival.cmp(&a.arrival)))
                .map(|node| (node.id, node.block.header.parent));
            let Some((id, parent)) = weakest else { break };
            self.remove(&id);
            if let Some(parent) = self.nodes.get_mut(&parent) {
                parent.children.retain(|child| *child != id);
            }
            gone.push(id);
        }
        gone
    }
}
