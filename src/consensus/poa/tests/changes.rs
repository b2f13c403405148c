//! Changes of the authorities, and finality: quorums of neighbours, and worlds whose branches change differently.

use std::collections::BTreeSet;

use super::super::changes::{Changes, Voter};
use super::super::snapshot::{Snapshot, step};
use crate::consensus::implied::{FinalityRule, Voted, Votes};
use crate::types::testkit::Dice;
use crate::types::{Address, Height, PublicKey};

const EPOCH: u64 = 1000;
const STEPS: usize = 60;
const RUNS: u64 = 1500;

fn person(number: usize) -> Address {
    Address::of(&PublicKey([u8::try_from(number).unwrap(); 32]))
}

/// When the last vote needed for a change may be cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// As soon as somebody wants it, as in Clique.
    Never,
    /// When the block that decided the last change is final on the branch.
    ForTheLast,
    /// As in the rules.
    ForItself,
}

struct Block {
    parent: usize,
    height: Height,
    weight: u64,
    snapshot: Snapshot<Address>,
    votes: Votes,
    changes: Changes,
}

/// Everything there is, and who knows what of it.
struct World {
    rule: FinalityRule,
    waits: Waits,
    people: Vec<Address>,
    /// What each wants done, the most urgent first. It wants all of it for good.
    wishes: Vec<Vec<(usize, bool)>>,
    blocks: Vec<Block>,
    known: Vec<Vec<bool>>,
    signed: Vec<Height>,
    /// The highest block that is final for anybody.
    decided: usize,
    conflict: bool,
}

impl World {
    /// The first `members` of the people are authorities.
    fn new(rule: FinalityRule, waits: Waits, people: usize, members: usize) -> Self {
        let set = (0..members).map(person).collect();
        let genesis = Block {
            parent: 0,
            height: Height(0),
            weight: 0,
            snapshot: Snapshot::new(set),
            votes: Votes::default(),
            changes: Changes::default(),
        };
        Self {
            rule,
            waits,
            people: (0..people).map(person).collect(),
            wishes: vec![Vec::new(); people],
            blocks: vec![genesis],
            known: vec![vec![true]; people],
            signed: vec![Height(0); people],
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
    fn head(&self, who: usize) -> usize {
        let known = (0..self.blocks.len()).filter(|block| self.known[who][*block]);
        let rank = |block: &usize| {
            let Block { votes, weight, height, .. } = &self.blocks[*block];
            (votes.prevoted(), *weight, u64::MAX - height.0, usize::MAX - block)
        };
        known.max_by_key(rank).unwrap_or(0)
    }

    fn may_sign(&self, who: usize, parent: usize) -> bool {
        let Block { height, snapshot, .. } = &self.blocks[parent];
        let may = snapshot.may_sign(height.next().0, &self.people[who]).is_ok();
        may && height.next() > self.signed[who]
    }

    /// A block by somebody honest who may sign, on top of another one.
    fn make(&mut self, who: usize, parent: usize) -> usize {
        let below = &self.blocks[parent];
        let (height, signer) = (below.height.next(), self.people[who]);
        let (mut votes, mut changes) = (below.votes.clone(), below.changes);
        let before = &below.snapshot;
        let wanted: Vec<(Address, bool)> = self.wishes[who]
            .iter()
            .map(|(about, add)| (self.people[*about], *add))
            .filter(|(about, add)| {
                let cast = |vote: &super::super::Vote<Address>| {
                    (vote.by, vote.about, vote.add) == (signer, *about, *add)
                };
                before.is_meaningful(about, *add)
                    && (*add || before.signers.len() > 1)
                    && !before.votes.iter().any(cast)
            })
            .collect();
        let after = |vote| step(before, height.0, &signer, vote, EPOCH).unwrap();
        let final_height = votes.final_height();
        let harmless = |vote: &(Address, bool)| after(Some(*vote)).signers == before.signers;
        let vote = match self.waits {
            Waits::Never => wanted.into_iter().next(),
            Waits::ForTheLast if changes.changed <= final_height => wanted.into_iter().next(),
            Waits::ForTheLast => wanted.into_iter().find(harmless),
            Waits::ForItself => {
                let voter = Voter { height, signer: &signer, final_height, epoch: EPOCH };
                changes.vote(wanted, voter, before)
            }
        };
        let snapshot = after(vote);
        if snapshot.signers != before.signers {
            changes.changed = height;
        }
        let in_turn = before.in_turn(height.0) == Some(&signer);
        let weight = below.weight + 1 + u64::from(in_turn);
        let voted = Voted { height, producer: signer, prior: self.signed[who] };
        votes.push(&self.rule, voted, &before.signers);
        let (block, decided) = (self.blocks.len(), votes.final_height());
        self.blocks.push(Block { parent, height, weight, snapshot, votes, changes });
        self.known.iter_mut().for_each(|known| known.push(false));
        self.known[who][block] = true;
        self.signed[who] = height;
        let decided = self.ancestor(block, decided);
        if self.is_above(decided, self.decided) {
            self.decided = decided;
        } else if !self.is_above(self.decided, decided) {
            self.conflict = true;
        }
        block
    }

    /// Blocks by these in this order, from a block on; whoever may not sign is passed over.
    fn grow(&mut self, mut head: usize, signers: &[usize], blocks: usize) -> usize {
        for who in signers.iter().copied().cycle().take(blocks) {
            if self.may_sign(who, head) {
                head = self.make(who, head);
            }
        }
        head
    }

    fn set(&self, block: usize) -> BTreeSet<usize> {
        let signers = &self.blocks[block].snapshot.signers;
        (0..self.people.len()).filter(|who| signers.contains(&self.people[*who])).collect()
    }
}

/// A run of a world: how often its authorities changed on the branch that was decided, how high that is, and whether two
/// conflicting blocks were final.
fn run(seed: u64, rule: FinalityRule, waits: Waits) -> (usize, u64, bool) {
    let mut dice = Dice::new(seed);
    let members = 4;
    let people = members + 2;
    let mut world = World::new(rule, waits, people, members);
    for who in 0..people {
        // Most agree about whom they want; each has an order of its own.
        let mut wishes: Vec<(usize, bool)> = Vec::new();
        for about in 0..people {
            if dice.percent(if about < members { 3 } else { 75 }) {
                let place = dice.index(wishes.len() + 1);
                wishes.insert(place, (about, about >= members));
            }
        }
        world.wishes[who] = wishes;
    }
    let mut group = vec![0; people];
    // Parted early, while the first changes are on their way, and again later.
    let (reach, first) = (70 + dice.below(30), 3 + dice.index(2));
    for turn in 0..STEPS {
        if turn == first {
            // Two authorities on either side, and one who wants to join.
            let alone = 1 + dice.index(members - 1);
            let side = |who: usize| u64::from(who != 0 && who != alone && who != members);
            (0..people).for_each(|who| group[who] = side(who));
        } else if turn > 40 && dice.percent(2) {
            group.iter_mut().for_each(|group| *group = dice.below(2));
        }
        // In whatever order they come to it.
        let ready: Vec<(usize, usize)> = (0..people)
            .map(|who| (who, world.head(who)))
            .filter(|(who, head)| world.may_sign(*who, *head))
            .collect();
        if ready.is_empty() {
            // Nobody can go on as they are parted.
            group.iter_mut().for_each(|group| *group = dice.below(2));
            let heads: Vec<usize> = (0..people).map(|who| world.head(who)).collect();
            for (who, other) in
                (0..people).flat_map(|who| (0..people).map(move |other| (who, other)))
            {
                if group[who] == group[other] {
                    world.hear(who, heads[other]);
                }
            }
            continue;
        }
        let (who, parent) = ready[dice.index(ready.len())];
        let block = world.make(who, parent);
        for other in 0..people {
            if group[other] == group[who] && dice.percent(reach) {
                world.hear(other, block);
            }
        }
    }
    let (mut at, mut changes) = (world.decided, 0);
    while at != 0 {
        let parent = world.blocks[at].parent;
        changes += usize::from(world.set(at) != world.set(parent));
        at = parent;
    }
    (changes, world.blocks[world.decided].height.0, world.conflict)
}

fn conflicts(seeds: u64, rule: FinalityRule, waits: Waits) -> usize {
    let runs: Vec<_> = (0..seeds).map(|seed| run(seed, rule, waits)).collect();
    let conflicts = runs.iter().filter(|(.., conflict)| *conflict).count();
    let changes: usize = runs.iter().map(|(changes, ..)| changes).sum();
    let height: u64 = runs.iter().map(|(_, height, _)| height).sum();
    println!(
        "{rule:?}, a change waits {waits:?}: {conflicts} of {seeds} conflict, {changes} changes, {height} blocks"
    );
    assert!(changes as u64 > seeds / 2, "{changes} changes in {seeds} runs");
    conflicts
}

/// Of 8000 runs 2 conflict where nothing waits and 44 where the last change is waited for, which goes on more evenly on
/// both sides; none does where a change waits for itself.
#[test]
fn sets_that_wait_for_the_last_change_decide_two_branches_and_those_of_the_rules_do_not() {
    assert!(conflicts(RUNS, FinalityRule::Majority, Waits::ForTheLast) > 0);
    for rule in [FinalityRule::Majority, FinalityRule::TwoThirds] {
        assert_eq!(conflicts(RUNS, rule, Waits::ForItself), 0);
    }
}

/// Two votes to add one, and two to add another: the last one needed is cast for the one on this branch, and for the other
/// on that. Both are the first changes of their branches, and both are decided by three of five.
#[test]
fn waiting_for_the_last_change_alone_is_not_enough() {
    use FinalityRule::Majority;
    for (waits, parts) in
        [(Waits::Never, true), (Waits::ForTheLast, true), (Waits::ForItself, false)]
    {
        let mut world = World::new(Majority, waits, 6, 4);
        let (x, y) = ((4, true), (5, true));
        world.wishes[0] = vec![x, y];
        world.wishes[1] = vec![y, x];
        world.wishes[2] = vec![x];
        world.wishes[3] = vec![y];
        let common = world.grow(0, &[0, 1, 2, 0], 4);
        let Block { snapshot, height, .. } = &world.blocks[common];
        assert_eq!((snapshot.votes.len(), *height), (4, Height(4)));
        let one = world.grow(common, &[1, 4, 0], 24);
        let other = world.grow(common, &[3, 5, 2], 24);
        assert_eq!(world.conflict, parts, "{waits:?}");
        if parts {
            assert_eq!(world.set(one), [0, 1, 2, 3, 4].into());
            assert_eq!(world.set(other), [0, 1, 2, 3, 5].into());
        } else {
            assert_eq!((world.set(one).len(), world.set(other).len()), (4, 4));
        }
    }
}

/// Two are to join. The one that is agreed on first joins as soon as that is final, and then the other one.
#[test]
fn a_second_change_waits_and_then_happens() {
    let mut world = World::new(FinalityRule::Majority, Waits::ForItself, 6, 4);
    for who in 0..4 {
        world.wishes[who] = vec![(4, true), (5, true)];
    }
    let mut changed = Vec::new();
    let mut head = 0;
    for who in [0, 1, 2, 3].into_iter().cycle().take(60) {
        if !world.may_sign(who, head) {
            continue;
        }
        let before = &world.blocks[head];
        let (agreed, decided) = (before.changes.agreed, before.votes.final_height());
        let next = world.make(who, head);
        if world.set(next) != world.set(head) {
            // What is done was agreed on, and that is final.
            assert!(agreed.unwrap().at <= decided);
            let Block { changes, height, .. } = &world.blocks[next];
            assert_eq!((changes.agreed, changes.changed), (None, *height));
            changed.push((agreed.unwrap().at, *height));
        }
        head = next;
    }
    assert_eq!(world.set(head).len(), 6);
    let [(first, one), (second, two)] = changed[..] else { panic!("{changed:?}") };
    println!("agreed on at {first}, done at {one}; agreed on at {second}, done at {two}");
    // Three of four votes would have been enough at height 3; the first change is final before the second is agreed on.
    assert!(first == Height(3) && one > first && second > one && two > second);
}

/// Whoever would cast the last vote is gone; the others agree on something else, after a while.
#[test]
fn a_change_that_nobody_decides_gives_way() {
    let mut world = World::new(FinalityRule::Majority, Waits::ForItself, 6, 4);
    (world.wishes[0], world.wishes[1]) = (vec![(4, true)], vec![(4, true)]);
    world.wishes[3] = vec![(4, true)];
    let agreed = world.grow(0, &[0, 1, 3], 3);
    assert_eq!(world.blocks[agreed].changes.agreed.unwrap().about, person(4));
    for who in 0..3 {
        world.wishes[who].push((3, false));
    }
    let mut head = agreed;
    for who in [2, 0, 1].into_iter().cycle() {
        head = world.make(who, head);
        if world.set(head).len() == 3 {
            break;
        }
        assert!(world.blocks[head].height < Height(60));
    }
    let height = world.blocks[head].height;
    println!("gave way at height {height}");
    assert!(height > Height(3 + 4 * 4) && world.set(head) == [0, 1, 2].into());
}

/// Quorums of sets that differ by one meet, and under two thirds they share somebody honest where less than a third of
/// either set lie: they share as many as those of one of the sets do.
#[test]
fn quorums_of_neighbours_share_as_many_as_quorums_of_one_of_them() {
    for rule in [FinalityRule::Majority, FinalityRule::TwoThirds] {
        for few in 1..=101usize {
            let many = few + 1;
            let within = |members: usize| 2 * rule.quorum(members) - members;
            // The smaller set lies within the larger one.
            let shared = rule.quorum(few) + rule.quorum(many) - many;
            assert_eq!(shared, within(few).min(within(many)), "{rule:?} of {few}");
            assert!(shared > 0);
            let liars = many.div_ceil(3) - 1;
            assert!(rule == FinalityRule::Majority || shared > liars, "{few} with {liars} liars");
        }
    }
    // Two changes are one too many: three of five each, and one joined on either side.
    assert_eq!(2 * FinalityRule::Majority.quorum(5), 6);
}
