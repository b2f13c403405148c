//! The tree against a model that keeps a list of blocks and answers every question by walking it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::testkit::{child, claim, saying, tree};
use super::*;
use crate::ledger::testkit::{MemBase, params};
use crate::types::testkit::{Dice, key};
use crate::types::{BlockId, Height, Time};

const LATER: Time = Time(u64::MAX);

#[derive(Debug, Clone)]
struct Known {
    parent: BlockId,
    height: Height,
    rank: u64,
    final_height: Height,
    /// Since which arrival it can be the head; none while it says what another block said before it and has no child.
    since: Option<usize>,
}

/// Blocks in a map, and little derived from them.
struct Model {
    blocks: BTreeMap<BlockId, Known>,
    root: BlockId,
    arrivals: usize,
    /// Who said something first, at which height.
    said: BTreeMap<u64, (Height, BlockId)>,
}

impl Model {
    fn head(&self) -> BlockId {
        let counting = self.blocks.iter().filter_map(|(id, known)| Some((id, known, known.since?)));
        // A block that counts since its child came stands below that one.
        let best = |(_, known, since): &(&BlockId, &Known, usize)| {
            (known.rank, usize::MAX - since, known.height)
        };
        *counting.max_by_key(best).unwrap().0
    }

    /// A block arrives; says whether one that was held counts from now on because of it, though itself it does not.
    fn arrive(&mut self, id: BlockId, mut known: Known, statement: Option<u64>) -> bool {
        self.arrivals += 1;
        let parent = self.blocks.get_mut(&known.parent).unwrap();
        let released = parent.since.is_none();
        parent.since.get_or_insert(self.arrivals);
        let first = statement.map(|it| *self.said.entry(it).or_insert((known.height, id)));
        known.since = first.is_none_or(|(_, first)| first == id).then_some(self.arrivals);
        let held = known.since.is_none();
        self.blocks.insert(id, known);
        released && held
    }

    /// A block and what it stands on, down to the root, highest first.
    fn line(&self, from: &BlockId) -> Vec<BlockId> {
        let mut line = vec![*from];
        while line.last() != Some(&self.root) {
            line.push(self.blocks[line.last().unwrap()].parent);
        }
        line
    }

    fn moved(&self, from: BlockId, to: BlockId) -> Option<HeadMove> {
        let (old, new) = (self.line(&from), self.line(&to));
        let left = old.iter().filter(|id| !new.contains(id)).copied().collect();
        let joined = new.iter().rev().filter(|id| !old.contains(id)).copied().collect();
        (from != to).then_some(HeadMove { from, left, joined })
    }

    /// The blocks that become final, lowest first, and those that lose.
    fn newly_final(&self) -> (Vec<BlockId>, BTreeSet<BlockId>) {
        let head = self.head();
        let up_to = self.blocks[&head].final_height;
        let line = self.line(&head);
        let mut won: Vec<BlockId> =
            line.into_iter().filter(|id| self.blocks[id].height <= up_to).collect();
        won.retain(|id| *id != self.root);
        won.reverse();
        let Some(last) = won.last() else { return (Vec::new(), BTreeSet::new()) };
        let loses = |id: &&BlockId| !self.line(id).contains(last) && !won.contains(id);
        let lost = self.blocks.keys().filter(loses).filter(|id| **id != self.root);
        (won.clone(), lost.copied().collect())
    }
}

fn check(tree: &Tree, model: &Model, seed: u64) {
    let head = model.head();
    assert_eq!(tree.head().id, head, "head, seed {seed}");
    assert_eq!(tree.root().id, model.root, "root, seed {seed}");
    for node in tree.nodes() {
        assert_eq!(node.held, model.blocks[&node.id].since.is_none(), "held, seed {seed}");
    }
    let ids: BTreeSet<BlockId> = tree.nodes().map(|node| node.id).collect();
    assert_eq!(ids, model.blocks.keys().copied().collect(), "blocks, seed {seed}");
    let branch: Vec<_> = tree.branch().iter().map(|(height, id)| (*height, *id)).collect();
    let mut line = model.line(&head);
    line.reverse();
    let line: Vec<_> = line.into_iter().map(|id| (model.blocks[&id].height, id)).collect();
    assert_eq!(branch, line, "branch, seed {seed}");
    let leaves: BTreeSet<BlockId> = tree.leaves().map(|node| node.id).collect();
    let parents: BTreeSet<BlockId> = model.blocks.values().map(|known| known.parent).collect();
    let childless = ids.iter().filter(|id| !parents.contains(id)).copied().collect();
    assert_eq!(leaves, childless, "leaves, seed {seed}");
}

/// Moves finality on in tree and model; the base gets what became final, as a store would.
fn advance(tree: &mut Tree, base: &MemBase, model: &mut Model, seed: u64) {
    let finalised = tree.newly_final(Height(u64::MAX)).unwrap();
    let (won, lost) = model.newly_final();
    let ids: Vec<BlockId> = finalised.blocks.iter().map(|node| node.id).collect();
    assert_eq!(ids, won, "final blocks, seed {seed}");
    let dropped: BTreeSet<BlockId> = finalised.dropped.iter().copied().collect();
    assert_eq!(dropped, lost, "dropped blocks, seed {seed}");
    assert_eq!(dropped.len(), finalised.dropped.len());
    finalised.blocks.iter().for_each(|node| base.write(&node.delta));
    tree.advance(&finalised);
    for id in &lost {
        model.blocks.remove(id);
    }
    if let Some((last, before)) = won.split_last() {
        model.blocks.remove(&model.root);
        model.blocks.retain(|id, _| !before.contains(id));
        model.root = *last;
        let root = model.blocks[last].height;
        model.said.retain(|_, (height, _)| *height >= root);
    }
}

/// A tree to grow: which block stands on which, how strong and how final each is, and what it says that may be said once.
struct Plan {
    parents: Vec<usize>,
    claims: Vec<(u64, Height)>,
    statements: Vec<Option<u64>>,
}

impl Plan {
    fn new(dice: &mut Dice) -> Self {
        let (parents, claims) = (vec![0], vec![(0, Height(0))]);
        let mut plan = Self { parents, claims, statements: vec![None] };
        let mut heights = vec![0u64];
        let depth = 1 + dice.below(8);
        // Deep trees, bushy trees, and all between.
        let bushy = dice.below(100);
        // Trees in which nobody contradicts himself, and trees in which many do.
        let talk = dice.below(2) * dice.below(80);
        for index in 1..=4 + dice.index(28) {
            let parent = if dice.percent(bushy) { dice.index(index) } else { index - 1 };
            let height = heights[parent] + 1;
            let (rank, final_height) = plan.claims[parent];
            let by_depth = height.saturating_sub(depth + dice.below(2));
            plan.parents.push(parent);
            plan.claims.push((rank + dice.below(3), Height(final_height.0.max(by_depth))));
            plan.statements.push(dice.percent(talk).then(|| 1 + dice.below(6)));
            heights.push(height);
        }
        plan
    }
}

/// What one random tree showed.
#[derive(Default)]
struct Shown {
    reorganised: usize,
    finals: usize,
    orphans: usize,
    /// Blocks that were held when they came.
    held: usize,
    /// Heads that counted at last because of a child that was held itself.
    released: usize,
}

fn one_tree(seed: u64, shown: &mut Shown) {
    let mut dice = Dice::new(seed);
    let params = params();
    let (mut tree, base) = tree(&params);
    let genesis = tree.root().id;
    let known = Known {
        parent: BlockId::default(),
        height: Height(0),
        rank: 0,
        final_height: Height(0),
        since: Some(0),
    };
    let mut model = Model {
        blocks: BTreeMap::from([(genesis, known)]),
        root: genesis,
        arrivals: 0,
        said: BTreeMap::new(),
    };
    let plan = Plan::new(&mut dice);
    let mut ids: Vec<Option<BlockId>> = vec![None; plan.parents.len()];
    ids[0] = Some(genesis);
    let mut lost: BTreeSet<usize> = BTreeSet::new();
    let mut waiting: Vec<usize> = (1..plan.parents.len()).collect();
    while !waiting.is_empty() {
        // Half of the time in order, else at random among those whose parent is there.
        let at = if dice.percent(50) { 0 } else { dice.index(waiting.len()) };
        let index = waiting[at];
        let Some(parent) = ids[plan.parents[index]] else {
            // Its parent comes later, or never.
            if lost.contains(&plan.parents[index]) {
                lost.insert(index);
                waiting.remove(at);
            }
            continue;
        };
        waiting.remove(at);
        let (rank, final_height) = plan.claims[index];
        if tree.get(&parent).is_none() {
            // Its branch lost, or its parent is final by now: it can no longer enter.
            shown.orphans += 1;
            lost.insert(index);
            continue;
        }
        let statement = plan.statements[index];
        let claim = match statement {
            Some(statement) => saying(rank, final_height, statement),
            None => claim(rank, final_height),
        };
        let block = Arc::new(child(&tree, &parent, claim, 1 + index as u8, vec![]));
        let id = block.id(&params.chain);
        let height = block.header.height;
        let before = model.head();
        let imported = import(&mut tree, block.clone(), LATER).unwrap();
        let released =
            model.arrive(id, Known { parent, height, rank, final_height, since: None }, statement);
        let moved = model.moved(before, model.head());
        shown.released += usize::from(released && moved.is_some());
        shown.held += usize::from(model.blocks[&id].since.is_none());
        assert_eq!(imported, Imported { id, height, moved }, "seed {seed}");
        shown.reorganised +=
            usize::from(imported.moved.is_some_and(|moved| !moved.left.is_empty()));
        assert_eq!(import(&mut tree, block, LATER), Err(ImportError::Known), "seed {seed}");
        ids[index] = Some(id);
        check(&tree, &model, seed);
        if dice.percent(60) {
            let root = model.root;
            advance(&mut tree, &base, &mut model, seed);
            shown.finals += usize::from(root != model.root);
            check(&tree, &model, seed);
        }
        assert_eq!(tree.trim(), [], "far fewer than the bound");
    }
}

#[test]
fn random_trees_agree_with_a_list_of_blocks() {
    let mut shown = Shown::default();
    (0..1000).for_each(|seed| one_tree(seed, &mut shown));
    let Shown { reorganised, finals, orphans, held, released } = shown;
    println!("{reorganised} {finals} {orphans} {held} {released}");
    // The dice must have shown what this is about.
    assert!(reorganised > 500 && finals > 1000 && orphans > 500);
    assert!(held > 500 && released > 20);
}

/// Off the best branch the weakest leaf goes first, among equals the latest; the head and what it stands on never.
#[test]
fn beyond_the_bound_the_weakest_side_leaves_go() {
    let params = params();
    let (mut tree, _) = tree(&params);
    let genesis = tree.root().id;
    let enter = |tree: &mut Tree, parent: BlockId, rank: u64, producer: u8| {
        let claim = claim(rank, Height(0));
        let block = child(tree, &parent, claim, producer, vec![]);
        import(tree, Arc::new(block), LATER).unwrap().id
    };
    // The best branch, then a side branch of two, then a crowd of single blocks.
    let a = enter(&mut tree, genesis, 50, 1);
    let b = enter(&mut tree, a, 5000, 1);
    let side = enter(&mut tree, genesis, 40, 2);
    let side_leaf = enter(&mut tree, side, 60, 2);
    let mut crowd = Vec::new();
    for rank in 0..SIDE_BLOCKS_MAX as u64 - 2 {
        crowd.push(enter(&mut tree, genesis, 100 + rank / 2, 3 + (rank % 2) as u8));
    }
    assert_eq!(tree.trim(), [], "exactly the bound");
    let worst = enter(&mut tree, genesis, 1, 5);
    assert_eq!(tree.trim(), [worst], "what came last may be what goes");
    enter(&mut tree, genesis, 4000, 5);
    assert_eq!(tree.trim(), [side_leaf], "the weakest leaf, although what it stands on is weaker");
    enter(&mut tree, genesis, 4001, 5);
    assert_eq!(tree.trim(), [side], "which is a leaf now");
    enter(&mut tree, genesis, 4002, 5);
    assert_eq!(tree.trim(), [crowd[1]], "of two equals the later one");
    assert_eq!((tree.head().id, tree.len()), (b, SIDE_BLOCKS_MAX + 3));
    assert!(tree.get(&a).is_some());
}

/// Large side blocks go before there are many of them, and what lies on the best branch does not count.
#[test]
fn beyond_the_bound_in_bytes_the_weakest_side_leaves_go() {
    let params = params();
    let (mut tree, _) = tree(&params);
    let genesis = tree.root().id;
    let wide = |tree: &Tree, person: u8| {
        let coin = tree.root().state.coins_of(&key(person).address(), None, 1).unwrap()[0];
        let share = crate::types::Amount((coin.1.amount.0 - 50_000) / 256);
        let outputs = vec![(coin.1.owner, share); 256];
        crate::ledger::testkit::transaction(&[coin], &outputs, None, tree.params())
    };
    let enter = |tree: &mut Tree, parent: BlockId, rank: u64, person: u8| {
        let transactions = vec![wide(tree, person)];
        let block = child(tree, &parent, claim(rank, Height(0)), 1, transactions);
        import(tree, Arc::new(block), LATER).unwrap().id
    };
    // Two blocks of the best branch, as large as the others.
    let best = enter(&mut tree, genesis, 1_000_000, 1);
    enter(&mut tree, best, 2_000_000, 2);
    let before = tree.bytes();
    let first = enter(&mut tree, genesis, 1, 1);
    let each = tree.bytes() - before;
    let fit = SIDE_BYTES_MAX / each;
    assert!((10..SIDE_BLOCKS_MAX / 2).contains(&fit), "{each} bytes each");
    for rank in 2..=fit as u64 {
        enter(&mut tree, genesis, rank, 1);
        assert_eq!(tree.trim(), []);
    }
    let next = enter(&mut tree, genesis, 1000, 1);
    assert_eq!(tree.trim(), [first]);
    assert!(tree.get(&next).is_some() && tree.get(&best).is_some());
}
