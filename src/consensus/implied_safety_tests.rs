//! What honest producers may rely on: worlds of producers that hear of each other's blocks late or never.

use super::tests::{producer, producers};
use super::*;
use crate::types::testkit::Dice;

/// Which of the branches it knows an honest producer builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// That with the greatest height prevoted, then the longest: what the votes rely on.
    Prevoted,
    /// The longest one above what is final for it, as without votes.
    Longest,
    /// The heaviest one above what is final for it (EIP-3436), where Clique's limit holds.
    Clique,
}

/// A block of the world.
struct Block {
    parent: usize,
    height: Height,
    maker: Option<usize>,
    /// Weights up to here: 2 for a block in turn, 1 for another one.
    weight: u64,
    votes: Votes,
}

/// Everything there is, and who knows what of it.
struct World {
    rule: FinalityRule,
    set: BTreeSet<Address>,
    addresses: Vec<Address>,
    blocks: Vec<Block>,
    /// Per producer, whether it knows a block; it knows the parent then as well.
    known: Vec<Vec<bool>>,
    /// The heights that each has signed at.
    signed: Vec<BTreeSet<Height>>,
    /// The highest block that is final for anybody.
    decided: usize,
    conflict: bool,
}

impl World {
    fn new(rule: FinalityRule, members: usize) -> Self {
        let votes = Votes::default();
        let genesis = Block { parent: 0, height: Height(0), maker: None, weight: 0, votes };
        Self {
            rule,
            set: producers(members),
            addresses: (0..members).map(producer).collect(),
            blocks: vec![genesis],
            known: vec![vec![true]; members],
            signed: vec![BTreeSet::new(); members],
            decided: 0,
            conflict: false,
        }
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
        while !self.known[who][block] {
            self.known[who][block] = true;
            block = self.blocks[block].parent;
        }
    }

    /// Where an honest one builds.
    fn head(&self, who: usize, choice: Choice) -> usize {
        let known = || (0..self.blocks.len()).filter(|block| self.known[who][*block]);
        let votes = |block: usize| &self.blocks[block].votes;
        let mut heads: Vec<usize> = known().collect();
        if choice != Choice::Prevoted {
            let best = known().max_by_key(|block| votes(*block).final_height()).unwrap_or(0);
            let last = self.ancestor(best, votes(best).final_height());
            heads.retain(|block| self.is_above(*block, last));
        }
        let rank = |block: &usize| {
            let Block { height, weight, .. } = self.blocks[*block];
            let (first, second) = match choice {
                Choice::Prevoted => (votes(*block).prevoted().0, height.0),
                Choice::Longest => (0, height.0),
                Choice::Clique => (weight, u64::MAX - height.0),
            };
            (first, second, usize::MAX - block)
        };
        heads.into_iter().max_by_key(rank).unwrap_or(0)
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

    /// A block by somebody on top of another one.
    fn make(&mut self, who: usize, parent: usize, prior: Height) -> usize {
        let height = self.blocks[parent].height.next();
        let mut votes = self.blocks[parent].votes.clone();
        votes.push(&self.rule, Voted { height, producer: self.addresses[who], prior }, &self.set);
        let block = self.blocks.len();
        let decided = votes.final_height();
        let in_turn = height.0 % self.addresses.len() as u64 == who as u64;
        let weight = self.blocks[parent].weight + 1 + u64::from(in_turn);
        self.blocks.push(Block { parent, height, maker: Some(who), weight, votes });
        self.known.iter_mut().for_each(|known| known.push(false));
        self.known[who][block] = true;
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

/// A run of a world: how high it decided, and whether two conflicting blocks were final.
fn run(seed: u64, rule: FinalityRule, members: usize, liars: usize, choice: Choice) -> (u64, bool) {
    let mut dice = Dice::new(seed);
    let mut world = World::new(rule, members);
    let mut group = vec![0; members];
    let reach = 10 + dice.below(90);
    let parting = 2 + dice.below(20);
    // Whether a height may be signed at a second time, on another branch: with slots it may.
    let slots = dice.percent(50);
    for _ in 0..70 {
        if dice.percent(parting) {
            let groups = 1 + dice.below(3);
            group.iter_mut().for_each(|group| *group = dice.below(groups));
        }
        let who = dice.index(members);
        let block = if who < liars {
            // A liar builds on anything, mostly where somebody honest will, and says that it never signed before.
            let last = world.blocks.len() - 1 - dice.index(world.blocks.len().min(8));
            let honest = liars + dice.index(members - liars);
            let parent = if dice.percent(20) { last } else { world.head(honest, choice) };
            world.make(who, parent, Height(0))
        } else {
            let parent = world.head(who, choice);
            let height = world.blocks[parent].height.next();
            let prior = world.signed[who].last().copied().unwrap_or_default();
            let may = match choice {
                Choice::Clique => height > prior && world.may_sign(who, parent),
                _ => slots || !world.signed[who].contains(&height),
            };
            if !may {
                continue;
            }
            world.make(who, parent, prior)
        };
        for other in 0..members {
            let near = group[other] == group[who] || who < liars;
            if near && dice.percent(reach) {
                world.hear(other, block);
            }
        }
    }
    (world.blocks[world.decided].height.0, world.conflict)
}

/// How many of the first runs end in a conflict, after looking that they decide anything.
fn conflicts(
    seeds: u64,
    rule: FinalityRule,
    members: usize,
    liars: usize,
    choice: Choice,
) -> usize {
    let runs: Vec<(u64, bool)> =
        (0..seeds).map(|seed| run(seed, rule, members, liars, choice)).collect();
    let deciding = runs.iter().filter(|(decided, _)| *decided > 0).count();
    assert!(deciding * 4 > runs.len(), "{rule:?} of {members}: {deciding} of {seeds} decide");
    let conflicts = runs.iter().filter(|(_, conflict)| *conflict).count();
    println!("{rule:?}, {members} with {liars} liars, {choice:?}: {conflicts} of {seeds} conflict");
    conflicts
}

#[test]
fn honest_producers_never_decide_two_branches() {
    for members in [3, 4, 5, 7] {
        for rule in [FinalityRule::Majority, FinalityRule::TwoThirds] {
            assert_eq!(conflicts(400, rule, members, 0, Choice::Prevoted), 0);
        }
    }
}

#[test]
fn less_than_a_third_of_liars_part_nobody_under_two_thirds() {
    for (members, liars) in [(4, 1), (5, 1), (7, 2)] {
        let found = conflicts(400, FinalityRule::TwoThirds, members, liars, Choice::Prevoted);
        assert_eq!(found, 0);
    }
}

/// Two sides of honest producers that never hear of each other, and liars who sign on both, on each as if there were no
/// other: as many liars as the quorums of both sides need make two branches final, and one less does not.
#[test]
fn liars_part_the_honest_when_they_are_as_many_as_quorums_share() {
    use FinalityRule::{Majority, TwoThirds};
    for (rule, sides, liars, parts) in [
        (Majority, [2, 1], 0, false),
        (Majority, [1, 1], 1, true),
        (Majority, [2, 2], 1, true),
        (Majority, [3, 2], 1, false),
        (Majority, [2, 2], 2, true),
        (TwoThirds, [2, 1], 1, false),
        (TwoThirds, [1, 1], 2, true),
        (TwoThirds, [3, 2], 2, false),
        (TwoThirds, [2, 2], 3, true),
        (TwoThirds, [4, 3], 3, false),
        (TwoThirds, [3, 3], 4, true),
    ] {
        let honest: usize = sides.iter().sum();
        let mut world = World::new(rule, honest + liars);
        for side in [0..sides[0], sides[0]..honest] {
            let mut head = 0;
            for _ in 0..6 {
                for who in side.clone().chain(honest..honest + liars) {
                    let last = world.signed[who].last().copied().unwrap_or_default();
                    let prior = if who < honest { last } else { Height(0) };
                    head = world.make(who, head, prior);
                }
            }
        }
        assert_eq!(world.conflict, parts, "{rule:?}, {sides:?} honest, {liars} liars");
    }
}

/// Promise 2 of the module: with true priors alone, and nobody lying, two branches can be final. Of three producers the
/// second makes the first block final, and nobody hears of that. The third has been alone meanwhile, and its branch is
/// longer than what the first one knows of; so that one goes there, and both of them decide.
#[test]
fn honest_producers_that_follow_the_longest_branch_can_decide_two() {
    let mut world = World::new(FinalityRule::Majority, 3);
    let mut extend = |who: usize, parent: usize| {
        let prior = world.signed[who].last().copied().unwrap_or_default();
        let block = world.make(who, parent, prior);
        (block, world.blocks[block].votes.clone(), world.conflict)
    };
    let (one, ..) = extend(0, 0);
    let (two, ..) = extend(1, one);
    let (three, seen, _) = extend(0, two);
    let (_, decided, _) = extend(1, three);
    assert_eq!((seen.final_height(), decided.final_height()), (Height(0), Height(1)));
    let mut other = 0;
    for _ in 0..4 {
        (other, ..) = extend(2, other);
    }
    let (_, alone, conflict) = extend(0, other);
    assert!(!conflict);
    // What was prevoted where it comes from would have kept it there.
    assert_eq!((seen.prevoted(), alone.final_height()), (Height(2), Height(0)));
    assert_eq!(world.blocks[other].votes.prevoted(), Height(0));
    let mut extend = |who: usize, parent: usize| {
        let prior = world.signed[who].last().copied().unwrap_or_default();
        let block = world.make(who, parent, prior);
        (block, world.conflict)
    };
    let (six, conflict) = extend(2, other + 1);
    assert!(!conflict);
    let (seven, conflict) = extend(0, six);
    assert!(conflict);
    assert_eq!(world.blocks[seven].votes.final_height(), Height(4));
}

/// Under Clique promise 2 is not needed for a majority, as the documentation of the module says.
#[test]
fn a_majority_decides_one_branch_whatever_the_choice_under_cliques_limit() {
    for members in [3, 4, 5, 7] {
        assert_eq!(conflicts(400, FinalityRule::Majority, members, 0, Choice::Clique), 0);
    }
}

/// But for liars it is, although they are less than a third and all keep Clique's limit: of seven, two keep a branch going
/// with the two that sit apart, until it is heavier than the one where all others and the liars have decided.
#[test]
fn two_liars_of_seven_part_those_who_follow_weight() {
    let mut world = World::new(FinalityRule::TwoThirds, 7);
    let mut grow = |mut head: usize, signers: &[usize], blocks: usize| {
        for who in signers.iter().copied().cycle().take(blocks) {
            assert!(world.may_sign(who, head));
            let last = world.signed[who].last().copied().unwrap_or_default();
            let height = world.blocks[head].height.next();
            assert!(height > last || who >= 5, "an honest one signs upwards only");
            let prior = if who < 5 { last } else { Height(0) };
            head = world.make(who, head, prior);
        }
        let Block { height, weight, votes, .. } = &world.blocks[head];
        (head, *height, *weight, votes.final_height(), votes.prevoted(), world.conflict)
    };
    // What 0, 1 and 2 know is not final yet; the liars 5 and 6 keep the blocks that make it so.
    let (known, _, weight, decided, prevoted, _) = grow(0, &[0, 1, 2, 5, 6], 8);
    assert_eq!((decided, prevoted), (Height(0), Height(4)));
    let (.., decided, _, _) = grow(known, &[5, 6], 2);
    assert_eq!(decided, Height(1));
    let (other, height, heavier, alone, behind, conflict) = grow(0, &[3, 4, 5, 6], 20);
    assert!(heavier > weight && height > Height(8) && !conflict);
    // By what was prevoted they would have stayed.
    assert_eq!((alone, behind), (Height(0), Height(0)));
    let (.., conflict) = grow(other, &[0, 1, 2, 3, 4], 15);
    assert!(conflict);
}

#[test]
fn the_classical_rules_decide_two_branches_among_the_honest() {
    for (rule, members, choice) in [
        (FinalityRule::Graphene, 7, Choice::Longest),
        (FinalityRule::Aura, 5, Choice::Longest),
        (FinalityRule::AuraTwoThirds, 7, Choice::Longest),
        (FinalityRule::Aura, 5, Choice::Clique),
    ] {
        assert!(conflicts(300, rule, members, 0, choice) > 0);
    }
}
