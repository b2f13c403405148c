//! Finality of rules with producers: by votes that blocks imply, and by the classical rules beside it.
//!
//! "More than two thirds have built on it" is not final, not even among honest producers: whoever built on a block may have
//! built on another branch before, and nothing says that it will not leave this one. So every claim says up to which height
//! its producer has signed on *any* branch ([`Voted::prior`]). A block then votes for its ancestors above that height, and
//! for nothing below, in two steps: it *prevotes* for them, and *precommits* for those that a quorum has prevoted. A quorum
//! of precommits is final. An honest producer never prevotes for two blocks of one height, so two quorums of prevotes at one
//! height share a liar; and whoever precommitted a block has seen its quorum, and prevotes for nothing beside it later
//! without a later prior. Votes for a height count by the producers in force there.
//!
//! This is Lisk-BFT (Hackfeld 2020) with one vote for each producer.
//!
//! The classical rules ([`FinalityRule::Graphene`], [`FinalityRule::Aura`]) count who built on a block and ask no more. They
//! are here by name, to be compared, and to be seen to fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::types::{Address, Height};

/// Heights that votes reach back, for each producer in force.
const WINDOW: usize = 3;

/// What makes a block final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FinalityRule {
    /// Implied votes of more than half: safe against crashes and delay, not against lies.
    #[default]
    Majority,
    /// Implied votes of more than two thirds: safe against a third who lie.
    TwoThirds,
    /// Graphene's: what more than seven tenths of the producers have signed on top of.
    Graphene,
    /// Aura's: what more than half of the producers have signed on top of.
    Aura,
    /// The same with more than two thirds.
    AuraTwoThirds,
}

impl FinalityRule {
    /// Their names in chain specs.
    pub const NAMES: [&str; 5] = ["majority", "two_thirds", "graphene", "aura", "aura_two_thirds"];
    const ALL: [Self; 5] =
        [Self::Majority, Self::TwoThirds, Self::Graphene, Self::Aura, Self::AuraTwoThirds];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().zip(Self::NAMES).find(|(rule, _)| *rule == self).map_or("", |it| it.1)
    }

    /// The rule of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// So many of these many decide.
    pub fn quorum(self, members: usize) -> usize {
        match self {
            Self::Majority | Self::Aura => members / 2 + 1,
            Self::TwoThirds | Self::AuraTwoThirds => members * 2 / 3 + 1,
            Self::Graphene => members - members * 3 / 10,
        }
    }
}

/// A block, as far as votes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voted {
    /// Its height.
    pub height: Height,
    /// Who signed it.
    pub producer: Address,
    /// The greatest height that its producer had signed on any branch before.
    pub prior: Height,
}

/// One block of the window, and the votes for it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Line {
    height: Height,
    producer: Address,
    prior: Height,
    prevotes: u16,
    precommits: u16,
    quorum: u16,
}

/// The votes along a branch, as its blocks imply them.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Votes {
    window: VecDeque<Line>,
    /// Since when each producer in force is.
    since: BTreeMap<Address, Height>,
    /// The greatest height that each of them precommitted, or signed at under a classical rule.
    last: BTreeMap<Address, Height>,
    prevoted: Height,
    final_height: Height,
}

impl Votes {
    /// A block was added to the branch; `set` are the producers in force at its height.
    pub fn push(&mut self, rule: &FinalityRule, block: Voted, set: &BTreeSet<Address>) {
        self.since.retain(|member, _| set.contains(member));
        self.last.retain(|member, _| set.contains(member));
        for member in set {
            self.since.entry(*member).or_insert(block.height);
        }
        // There are at most some hundred producers.
        let quorum = u16::try_from(rule.quorum(set.len())).unwrap_or(u16::MAX);
        let Voted { height, producer, prior } = block;
        let line = Line { height, producer, prior, prevotes: 0, precommits: 0, quorum };
        self.window.push_back(line);
        while self.window.len() > (WINDOW * set.len()).max(1) {
            self.window.pop_front();
        }
        let decided = match rule {
            FinalityRule::Majority | FinalityRule::TwoThirds => self.vote(&block),
            FinalityRule::Graphene => self.graphene(&block, set.len()),
            FinalityRule::Aura | FinalityRule::AuraTwoThirds => self.aura(quorum),
        };
        self.final_height = self.final_height.max(decided);
    }

    /// The greatest height that a quorum prevoted; none above genesis under a classical rule.
    pub fn prevoted(&self) -> Height {
        self.prevoted
    }

    /// The greatest height that is final. Never decreases along a branch.
    pub fn final_height(&self) -> Height {
        self.final_height
    }

    /// The prevotes and precommits for a height of the window.
    pub fn of(&self, height: Height) -> Option<(u16, u16)> {
        let line = self.window.iter().find(|line| line.height == height)?;
        Some((line.prevotes, line.precommits))
    }

    fn vote(&mut self, block: &Voted) -> Height {
        let Voted { height, producer, prior } = *block;
        let Some(since) = self.since.get(&producer).copied() else { return Height(0) };
        if prior < height {
            self.precommit(producer, height, since);
            let from = since.max(prior.next());
            for line in self.window.iter_mut().filter(|line| line.height >= from) {
                line.prevotes += 1;
            }
        }
        let top = |enough: fn(&Line) -> bool, lines: &VecDeque<Line>| {
            lines.iter().rev().find(|line| enough(line)).map_or(Height(0), |line| line.height)
        };
        self.prevoted = self.prevoted.max(top(|line| line.prevotes >= line.quorum, &self.window));
        top(|line| line.precommits >= line.quorum, &self.window)
    }

    /// Precommits what a quorum prevoted before this block, and nothing that may have been prevoted beside it: from where
    /// the producer's own blocks on this branch, each the one before the next by its prior, go back to.
    fn precommit(&mut self, producer: Address, height: Height, since: Height) {
        let mut clear = self.window.back().map_or(height, |line| line.prior);
        while let Some(own) = self.window.iter().find(|line| line.height == clear)
            && own.producer == producer
            && own.prior < clear
        {
            clear = own.prior;
        }
        let last = self.last.get(&producer).copied().unwrap_or_default();
        let from = since.max(clear.next()).max(last.next());
        let mut highest = None;
        let quorate = |line: &&mut Line| {
            line.height >= from && line.height < height && line.prevotes >= line.quorum
        };
        for line in self.window.iter_mut().filter(quorate) {
            line.precommits += 1;
            highest = Some(line.height);
        }
        if let Some(highest) = highest {
            self.last.insert(producer, highest);
        }
    }

    /// The height below which three tenths of the producers have signed last.
    fn graphene(&mut self, block: &Voted, members: usize) -> Height {
        self.last.insert(block.producer, block.height);
        let mut last: Vec<Height> = self.last.values().copied().collect();
        last.resize(members, Height(0));
        last.sort_unstable();
        last.get(members * 3 / 10).copied().unwrap_or_default()
    }

    /// The blocks at the front are final while enough have signed from there on.
    fn aura(&mut self, quorum: u16) -> Height {
        let mut height = self.final_height;
        loop {
            let pending = self.window.iter().filter(|line| line.height > height);
            let signers: BTreeSet<Address> = pending.clone().map(|line| line.producer).collect();
            match pending.map(|line| line.height).next() {
                Some(next) if signers.len() >= usize::from(quorum) => height = next,
                _ => return height,
            }
        }
    }
}

#[cfg(test)]
#[path = "implied_tests.rs"]
mod tests;
