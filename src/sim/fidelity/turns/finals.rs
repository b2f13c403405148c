//! Finality that honest producers break, and finality that they do not.
//!
//! Producers who never lie make blocks on the best branch that they know of, while the network parts and meets again by
//! chance, and some blocks are never heard of. A run ends in conflict when two blocks were final for anybody, neither of them above the
//! other. The classical rules ([`classical`](crate::consensus::classical)) take a block for final that enough have built on:
//! whoever did may leave it for a longer branch and count there too. Implied votes ([`implied`](crate::consensus::implied))
//! say up to where one has signed elsewhere, and under the branch choice that they need, or under Clique's limit with a
//! majority, theory has *no* conflict.

use std::collections::BTreeSet;

use crate::consensus::implied::{FinalityRule, Voted, Votes};
use crate::sim::random::Dice;
use crate::types::{Address, Height, PublicKey};

/// Which of the branches that it knows a producer builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// That with the greatest height prevoted, then the longest: what implied votes rely on.
    Prevoted,
    /// The longest one that keeps what is final for it.
    Longest,
    /// The heaviest one that keeps what is final for it, under Clique's limit.
    Clique,
}

/// A world of producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parted {
    /// How blocks become final.
    pub rule: FinalityRule,
    /// How many producers there are; at most 255.
    pub producers: u8,
    /// Where they build.
    pub choice: Choice,
    /// How many times somebody is about to make a block.
    pub turns: usize,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The greatest height that was final for anybody.
    pub decided: u64,
    /// Whether two conflicting blocks were.
    pub conflict: bool,
}

struct Block {
    parent: usize,
    height: Height,
    maker: Option<usize>,
    /// Weights up to here: 2 for a block in turn, 1 for another one.
    weight: u64,
    votes: Votes,
}

struct World {
    parted: Parted,
    addresses: Vec<Address>,
    set: BTreeSet<Address>,
    blocks: Vec<Block>,
    /// Of each producer.
    known: Vec<BTreeSet<usize>>,
    /// The heights that each has signed at.
    signed: Vec<BTreeSet<Height>>,
    decided: usize,
    conflict: bool,
}

impl Parted {
    /// A run with this seed, which draws how often the network parts and how much gets lost, too.
    pub fn run(&self, seed: u64) -> Ending {
        let mut dice = Dice::new(seed, "parted");
        let members = usize::from(self.producers);
        let mut world = World::new(*self);
        let mut group = vec![0; members];
        let reach = dice.unit();
        let parting = 0.02 + 0.2 * dice.unit();
        // Whether a height may be signed at a second time, on another branch: where turns are slots it may.
        let slots = dice.chance(0.5);
        for _ in 0..self.turns {
            if dice.chance(parting) {
                let groups = dice.between(1, 3);
                group.iter_mut().for_each(|group| *group = dice.below(groups));
            }
            let who = dice.index(members);
            let parent = world.head(who);
            let height = world.blocks[parent].height.next();
            let may = match self.choice {
                Choice::Clique => height > world.prior(who) && world.may_sign(who, parent),
                _ => slots || !world.signed[who].contains(&height),
            };
            if !may {
                continue;
            }
            let block = world.make(who, parent);
            for other in (0..members).filter(|other| group[*other] == group[who]) {
                if dice.chance(reach) {
                    world.hear(other, block);
                }
            }
        }
        Ending { decided: world.blocks[world.decided].height.0, conflict: world.conflict }
    }
}

impl World {
    fn new(parted: Parted) -> Self {
        let votes = Votes::default();
        let genesis = Block { parent: 0, height: Height(0), maker: None, weight: 0, votes };
        let addresses: Vec<Address> =
            (0..parted.producers).map(|number| Address::of(&PublicKey([number; 32]))).collect();
        Self {
            set: addresses.iter().copied().collect(),
            known: vec![BTreeSet::from([0]); addresses.len()],
            signed: vec![BTreeSet::new(); addresses.len()],
            parted,
            addresses,
            blocks: vec![genesis],
            decided: 0,
            conflict: false,
        }
    }

    fn prior(&self, who: usize) -> Height {
        self.signed[who].last().copied().unwrap_or_default()
    }

    fn ancestor(&self, mut block: usize, height: Height) -> usize {
        while self.blocks[block].height > height {
            block = self.blocks[block].parent;
        }
        block
    }

    fn is_above(&self, block: usize, below: usize) -> bool {
        self.ancestor(block, self.blocks[below].height) == below
    }

    fn hear(&mut self, who: usize, mut block: usize) {
        while self.known[who].insert(block) {
            block = self.blocks[block].parent;
        }
    }

    /// Where somebody builds.
    fn head(&self, who: usize) -> usize {
        let known = || self.known[who].iter().copied();
        let votes = |block: usize| &self.blocks[block].votes;
        let choice = self.parted.choice;
        let best = known().max_by_key(|block| votes(*block).final_height()).unwrap_or(0);
        let last = self.ancestor(best, votes(best).final_height());
        // Votes that are counted as they should be need no such rule.
        let keeps = |block: &usize| choice == Choice::Prevoted || self.is_above(*block, last);
        let rank = |block: &usize| {
            let Block { height, weight, .. } = self.blocks[*block];
            let (first, second) = match choice {
                Choice::Prevoted => (votes(*block).prevoted().0, height.0),
                Choice::Longest => (0, height.0),
                Choice::Clique => (weight, u64::MAX - height.0),
            };
            (first, second, usize::MAX - block)
        };
        known().filter(keeps).max_by_key(rank).unwrap_or(0)
    }

    /// Whether one may sign on a block under Clique: one of so many blocks in a row, half of the producers and one.
    fn may_sign(&self, who: usize, mut parent: usize) -> bool {
        for _ in 0..self.addresses.len() / 2 {
            if self.blocks[parent].maker == Some(who) {
                return false;
            }
            parent = self.blocks[parent].parent;
        }
        true
    }

    fn make(&mut self, who: usize, parent: usize) -> usize {
        let height = self.blocks[parent].height.next();
        let mut votes = self.blocks[parent].votes.clone();
        let voted = Voted { height, producer: self.addresses[who], prior: self.prior(who) };
        votes.push(&self.parted.rule, voted, &self.set);
        let (block, decided) = (self.blocks.len(), votes.final_height());
        let in_turn = height.0 % self.addresses.len() as u64 == who as u64; // both are small
        let weight = self.blocks[parent].weight + 1 + u64::from(in_turn);
        self.blocks.push(Block { parent, height, maker: Some(who), weight, votes });
        self.known[who].insert(block);
        self.signed[who].insert(height);
        let decided = self.ancestor(block, decided);
        if self.is_above(decided, self.decided) {
            self.decided = decided;
        } else if !self.is_above(self.decided, decided) {
            self.conflict = true;
        }
        block
    }
}
