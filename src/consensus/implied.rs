//! Finality by the votes that blocks imply, for rules whose producers take turns.
//!
//! "More than two thirds have built on it" is not final, not even among honest producers: whoever built on a block may have
//! built on another branch before, and nothing says that it stays ([`super::classical`] has those rules, to be compared).
//! So every claim says the greatest height that its producer has signed at on *any* branch, its `prior`, and a block votes
//! for its own branch in two steps:
//!
//! - It *prevotes* for all heights above `prior` up to its own, and for none where `prior` is no less than its own height.
//!   So nobody honest prevotes for two blocks of one height.
//! - It *precommits* those below it that a quorum has prevoted so far, as far down as its producer has prevoted for
//!   nothing else: as long as the block at `prior` is its own one on this branch, that goes on at that block's `prior`.
//!
//! A block with a quorum of precommits is final, and its ancestors with it. This is Lisk-BFT (Hackfeld 2019, LIP 0014 and
//! 0058) with one vote for each producer.
//!
//! Votes for a height count by the set of producers in force there, in number and in quorum: a producer has no vote for
//! heights below the one at which it joined last. Votes reach back over three times as many blocks as there are producers.
//!
//! # Properties
//!
//! Two conflicting blocks are never both final while the quorum is more than half and everybody keeps two promises, or
//! more than two thirds and less than a third break them:
//!
//! 1. `prior` is true. A producer's guard keeps it, and it is durable before the signature leaves.
//! 2. **Nobody builds on a branch whose [`Votes::prevoted`] is below that of a branch it has built on.** The rule's branch
//!    choice has to put `prevoted` first, before length or weight. Who precommitted a block has seen its quorum of
//!    prevotes; if it may leave that branch for a merely longer one, it takes its vote along, and two branches can be
//!    final with nobody having lied (a test here shows it).
//!
//! Under Clique's limit, where one signs at most one of ⌊n ÷ 2⌋ + 1 blocks in a row and no height twice, promise 2 is not
//! needed for a quorum q of more than half, if nobody lies. For let a block at height h be final on one branch. Those who
//! did not precommit it are n − q at most, so above h another branch has one by somebody who did at height h + n − q at the
//! latest. It was not signed before that precommit, which would not have reached down to h then. After it, its height is
//! above that of the precommit, which is h + q at least, as q blocks prevoted before: more than h + n − q. With liars
//! this fails, since they sign on both branches and help the other one past the limit: `two_thirds` is what it promises only
//! with promise 2 (a test shows two liars of seven).
//!
//! Both hold for one set of producers. A rule that changes the set does so above a block that is final.
//!
//! # Deviations
//!
//! - Lisk refuses a block whose `prior` is less than a height that its producer signed at on the same branch. Here the rule
//!   may do so ([`Votes::signed`]); the count takes the greater of the two, so that such a block votes for nothing twice.
//! - Headers do not carry `prevoted`: the state has it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use borsh::{BorshDeserialize, BorshSerialize};

use super::classical;
use crate::types::{Address, Height};

/// Heights that votes reach back, for each producer in force (LIP 0014: three rounds).
const WINDOW_ROUNDS: usize = 3;

/// What makes a block final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FinalityRule {
    /// Implied votes of more than half: safe against crashes and delay, not against lies.
    #[default]
    Majority,
    /// Implied votes of more than two thirds: safe against less than a third who lie.
    TwoThirds,
    /// Graphene's: what more than 70 % of the producers have signed on top of. Not safe.
    Graphene,
    /// Aura's: what more than half of the producers have signed on top of. Not safe.
    Aura,
    /// The same with more than two thirds. Not safe either.
    AuraTwoThirds,
}

impl FinalityRule {
    /// Their names in chain specs.
    pub const NAMES: [&str; 5] = ["majority", "two_thirds", "graphene", "aura", "aura_two_thirds"];
    const ALL: [Self; 5] =
        [Self::Majority, Self::TwoThirds, Self::Graphene, Self::Aura, Self::AuraTwoThirds];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Majority => "majority",
            Self::TwoThirds => "two_thirds",
            Self::Graphene => "graphene",
            Self::Aura => "aura",
            Self::AuraTwoThirds => "aura_two_thirds",
        }
    }

    /// The rule of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// How many of these many producers decide.
    pub fn quorum(self, producers: usize) -> usize {
        match self {
            Self::Majority | Self::Aura => producers / 2 + 1,
            Self::TwoThirds | Self::AuraTwoThirds => producers * 2 / 3 + 1,
            Self::Graphene => classical::graphene_quorum(producers),
        }
    }

    /// How many of these many producers may lie without two final blocks contradicting each other. Where the answer is none, only
    /// crashes and delay are borne.
    pub fn liars(self, producers: usize) -> usize {
        match self {
            Self::TwoThirds => producers.saturating_sub(1) / 3,
            Self::Majority | Self::Graphene | Self::Aura | Self::AuraTwoThirds => 0,
        }
    }

    /// Whether it counts votes of two steps, and not only who built on what.
    pub fn is_implied(self) -> bool {
        matches!(self, Self::Majority | Self::TwoThirds)
    }
}

/// A block, as far as votes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voted {
    /// Its height.
    pub height: Height,
    /// Who signed it.
    pub producer: Address,
    /// The greatest height that its producer had signed at before, on any branch, by its own word.
    pub prior: Height,
}

/// A block of the window, and the votes for it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Line {
    producer: Address,
    /// As claimed, but no less than what this branch knows of.
    prior: Height,
    /// Votes of either step that decide here: of the set in force at this height.
    quorum: u16,
    prevotes: u16,
    precommits: u16,
}

/// What a branch knows of a producer in force.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Member {
    /// The height from which on it has been in force without a break.
    since: Height,
    /// The greatest height that it signed at on this branch since then.
    signed: Height,
    /// The greatest height that it precommitted.
    precommitted: Height,
}

/// The votes along a branch. A value that lives in the state: what it says depends on the branch's blocks alone.
///
/// Its size is bounded by three blocks and one entry for each producer, however the blocks claim.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Votes {
    /// The latest blocks without a gap, oldest first.
    lines: VecDeque<Line>,
    /// The height of the last line.
    top: Height,
    members: BTreeMap<Address, Member>,
    prevoted: Height,
    final_height: Height,
}

impl Votes {
    /// Counts a block that was added to the branch; `set` are the producers in force at its height.
    ///
    /// A block that does not follow the last one (as when another rule was in force in between) starts the count anew; what
    /// is final stays.
    pub fn push(&mut self, rule: &FinalityRule, block: Voted, set: &BTreeSet<Address>) {
        self.note(&block, set, rule.quorum(set.len()));
        if rule.is_implied() {
            self.vote();
        } else {
            let signed: Vec<Height> = self.members.values().map(|member| member.signed).collect();
            let built_on = classical::built_on(signed, rule.quorum(set.len()));
            self.final_height = self.final_height.max(built_on);
        }
    }

    /// The greatest height that a quorum prevoted, which branches have to be compared by first; 0 under a classical rule.
    pub fn prevoted(&self) -> Height {
        self.prevoted
    }

    /// The greatest height that is final; never decreases along a branch.
    pub fn final_height(&self) -> Height {
        self.final_height
    }

    /// The greatest height at which a producer in force signed on this branch: an honest block's `prior` is no less.
    pub fn signed(&self, producer: &Address) -> Height {
        self.members.get(producer).map(|member| member.signed).unwrap_or_default()
    }

    /// The prevotes and precommits for a height, while votes reach back to it.
    pub fn of(&self, height: Height) -> Option<(u16, u16)> {
        let line = self.lines.get(self.place(height)?)?;
        Some((line.prevotes, line.precommits))
    }

    /// The index of a height's line; `None` outside of the window.
    fn place(&self, height: Height) -> Option<usize> {
        let below_top = usize::try_from(self.top.0.checked_sub(height.0)?).ok()?;
        self.lines.len().checked_sub(1)?.checked_sub(below_top)
    }

    /// The index of the first line at or above a height; beyond the last one if there is none.
    fn from(&self, height: Height) -> usize {
        match height > self.top {
            true => self.lines.len(),
            false => self.place(height).unwrap_or(0),
        }
    }

    /// The height of a line.
    fn height(&self, index: usize) -> Height {
        self.top.back((self.lines.len() - 1 - index) as u64) // a length fits 64 bits
    }

    /// Takes the block in, without its votes.
    fn note(&mut self, block: &Voted, set: &BTreeSet<Address>, quorum: usize) {
        if block.height != self.top.next() {
            self.lines.clear();
            self.members.clear();
        }
        self.top = block.height;
        self.members.retain(|address, _| set.contains(address));
        for address in set {
            let fresh =
                || Member { since: block.height, signed: Height(0), precommitted: Height(0) };
            self.members.entry(*address).or_insert_with(fresh);
        }
        let prior = block.prior.max(self.signed(&block.producer));
        if let Some(member) = self.members.get_mut(&block.producer) {
            member.signed = block.height;
        }
        // A quorum beyond what votes can count to is never reached; there are at most some hundred producers.
        let quorum = u16::try_from(quorum).unwrap_or(u16::MAX);
        let producer = block.producer;
        self.lines.push_back(Line { producer, prior, quorum, prevotes: 0, precommits: 0 });
        while self.lines.len() > (WINDOW_ROUNDS * set.len()).max(1) {
            self.lines.pop_front();
        }
    }

    /// Counts the votes of the last block, and what they decide.
    fn vote(&mut self) {
        let Some(&Line { producer, prior, .. }) = self.lines.back() else { return };
        let Some(member) = self.members.get(&producer) else { return };
        if prior >= self.top {
            return;
        }
        let (since, precommitted) = (member.since, member.precommitted);
        let last = self.lines.len() - 1;
        // Precommits come first: they are for what was prevoted before this block.
        let clear = self.clear_above(&producer, prior).max(precommitted).next();
        for index in self.from(since.max(clear))..last {
            let line = &mut self.lines[index];
            if line.prevotes >= line.quorum {
                line.precommits += 1;
                let height = self.height(index);
                self.members.entry(producer).and_modify(|member| member.precommitted = height);
            }
        }
        for index in self.from(since.max(prior.next()))..=last {
            self.lines[index].prevotes += 1;
        }
        let highest = |enough: fn(&Line) -> bool| self.lines.iter().rposition(enough);
        let prevoted = highest(|line| line.prevotes >= line.quorum).map(|at| self.height(at));
        let decided = highest(|line| line.precommits >= line.quorum).map(|at| self.height(at));
        self.prevoted = self.prevoted.max(prevoted.unwrap_or_default());
        self.final_height = self.final_height.max(decided.unwrap_or_default());
    }

    /// The height above which a producer has prevoted for nothing but this branch, if it tells the truth: its prior, or
    /// further down while the block there is its own.
    fn clear_above(&self, producer: &Address, prior: Height) -> Height {
        let mut clear = prior;
        while let Some(own) = self.place(clear).map(|index| &self.lines[index])
            && own.producer == *producer
            && own.prior < clear
        {
            clear = own.prior;
        }
        clear
    }
}

#[cfg(test)]
#[path = "implied_safety_tests.rs"]
mod safety_tests;
#[cfg(test)]
#[path = "implied_tests.rs"]
mod tests;
