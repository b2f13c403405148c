//! Consistency or availability: what each rule gives up when the network parts.
//!
//! Gilbert and Lynch (2002) proved what Brewer had said: while a network is parted, whoever answers on both sides cannot be
//! consistent, and whoever is consistent does not answer on both. Each rule of this program chooses. Here authorities,
//! stakers or miners part into a majority and a minority, with people who pay on both sides, and come together again; one
//! row a rule says what each side could still do, and what of it was undone. All rules have the same lines, the same people
//! and the same seeds.
//!
//! ```
//! use assay::sim::cap::{Case, Sums};
//!
//! let raft = Case { rule: "raft", sides: [3, 2] };
//! let mut sums = Sums::default();
//! sums.add(&raft.run(1));
//! assert_eq!(sums.share(|run| run.sides[1].included).0, 0.0);
//! ```

mod heard;
mod sums;

use std::collections::BTreeSet;

use serde::Serialize;

pub use sums::{COLUMNS, Sums};

use self::heard::{Ear, FIRST_TICKET};
use super::link::{Latency, LinkModel};
use super::load::Load;
use super::random::Dice;
use super::{Micros, Moment, Options, Sim, Watch};
use crate::replica::Input;
use crate::spec::{DevAccount, ENGINES, Spec, find};
use crate::types::{BlockId, Height, TransactionId};

/// The name under which the command line knows the table.
pub const NAME: &str = "cap";

/// How long there is before the cut: people have coins enough by then, and stakers are in step.
const BEFORE: Micros = Micros::seconds(120);

/// How long the network is parted. Few sides make as many blocks meanwhile as finality by depth wants.
pub const PARTED: Micros = Micros::seconds(45);

/// How long it may take until all are on one head again.
const HEALING_MAX: Micros = Micros::seconds(120);

/// How long payments that were undone have after that to come back.
const AFTER: Micros = Micros::seconds(60);

/// Payments per second, on both sides together.
const PAYMENTS: f64 = 1.0;

/// How often everybody reads.
const READ_EVERY: Micros = Micros::seconds(1);

/// How often it is looked whether all are on one head.
const LOOK_EVERY: Micros = Micros::millis(20);

/// Hashes for a block at the beginning: real ones.
const TRIES: u32 = 16;

/// A rule and a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The rule, one of [`ENGINES`].
    pub rule: &'static str,
    /// How many nodes are on the greater and on the smaller side.
    pub sides: [usize; 2],
}

/// All rules, each with a majority that it takes for one: three of five, and five of seven where some may lie. That rule is there
/// twice: three of its five decide nothing.
pub fn cases() -> Vec<Case> {
    let case = |rule: &'static str| match rule {
        "pbft" => vec![Case { rule, sides: [5, 2] }, Case { rule, sides: [3, 2] }],
        _ => vec![Case { rule, sides: [3, 2] }],
    };
    ENGINES.into_iter().flat_map(case).collect()
}

/// Some of some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Count {
    /// So many …
    pub some: u64,
    /// … of so many.
    pub all: u64,
}

impl Count {
    fn of(some: usize, all: usize) -> Self {
        // Counts fit 64 bits.
        Self { some: some as u64, all: all as u64 }
    }
}

/// What a side could do while the network was parted.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Side {
    /// How much higher the best branch of its nodes became.
    pub blocks: u64,
    /// Blocks that its nodes had on their branches when the cut healed, and that nodes left when all met.
    pub undone: u64,
    /// Payments made in the first half of that time which the nodes where they were made saw in a block before it ended.
    /// Those of the second half may not have had time enough.
    pub included: Count,
    /// The same, that were final there.
    pub finals: Count,
    /// Linearizable reads that were answered meanwhile.
    pub reads: Count,
    /// How old what anybody reads from its own node was at the end, in seconds, at most: the age of its head. A local read is
    /// always answered.
    pub stale: f64,
}

/// What came of a split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Run {
    /// The greater side, and the smaller one.
    pub sides: [Side; 2],
    /// Whether the rule answers linearizable reads at all: one was, before the cut.
    pub linearizable: bool,
    /// Payments that a side saw in a block when the cut healed, and how many of them were in none of some node when all met.
    pub taken_back: Count,
    /// Those of them that some node has in no block a minute later either.
    pub gone: u64,
    /// Payments that were final on a side, and how many of them some node has in no block at the end.
    pub finals_gone: Count,
    /// Seconds from the healing until all were on one head; `None` if that took longer than two minutes.
    pub healed: Option<f64>,
    /// Seconds from the healing until all were on one head that is above whatever either side had, so that it goes on.
    pub goes_on: Option<f64>,
}

struct Split {
    sim: Sim,
    ear: Ear,
    load: Load,
    dice: Dice,
    /// Who is on which side.
    side_of: Vec<usize>,
    /// Payments of the cut: what, at which node, when.
    paid: Vec<(TransactionId, usize, Moment)>,
    /// The highest head of each side when it was cut off.
    cut_above: [Height; 2],
    next_read: Moment,
    ticket: u64,
}

impl Case {
    /// The chain spec for development of this rule, with as many authorities as nodes.
    fn spec(&self) -> Spec {
        let name = format!("{}-dev", self.rule);
        let nodes = self.sides.iter().sum::<usize>();
        let names: Vec<String> =
            DevAccount::names().iter().take(nodes).map(|it| format!("{it:?}")).collect();
        let line = |line: &str| {
            let key = line.split_once('=').map_or("", |(key, _)| key.trim());
            match key {
                "authorities" | "founders" => format!("{key} = [{}]\n", names.join(", ")),
                "delegates" => format!("{key} = {nodes}\n"),
                _ => format!("{line}\n"),
            }
        };
        let text = find(&name).expect("every rule has a shipped chain for development");
        let text: String = text.lines().map(line).collect();
        Spec::parse(&name, &text).expect("it is the shipped one with other authorities")
    }

    /// Parts the nodes of a seed, and brings them together again.
    ///
    /// # Panics
    ///
    /// If this version has no such rule, or there are more nodes than named development accounts.
    pub fn run(&self, seed: u64) -> Run {
        let nodes = self.sides.iter().sum();
        let mut options = Options::seated(seed, self.spec(), nodes, TRIES);
        let (from, to) = (Micros::millis(20), Micros::millis(60));
        options.link = LinkModel { latency: Latency::Uniform { from, to }, ..options.link };
        let ear = Ear::new(nodes);
        let watchers: Vec<Box<dyn Watch>> = vec![Box::new(ear.clone())];
        let sim = Sim::watched(options, watchers).expect("an empty store in memory opens");
        // Who is on the smaller side is drawn: the leader may be.
        let mut dice = Dice::new(seed, "cap");
        let mut side_of = vec![0; self.sides[0]];
        side_of.resize(nodes, 1);
        dice.shuffle(&mut side_of);
        let load = Load::new(seed, PAYMENTS, Moment(0));
        Split {
            sim,
            ear,
            load,
            dice,
            side_of,
            paid: Vec::new(),
            cut_above: [Height(0); 2],
            next_read: Moment(0).after(READ_EVERY),
            ticket: FIRST_TICKET,
        }
        .run()
    }
}

impl Split {
    fn run(mut self) -> Run {
        let cut_at = Moment(0).after(BEFORE);
        let heals_at = cut_at.after(PARTED);
        self.live_until(cut_at);
        let linearizable = self.ear.heard().answered > 0;
        self.paid.clear();
        self.ear.heard().reads.clear();
        self.cut_above = [0, 1].map(|side| self.highest(side));
        let [greater, smaller] = [self.nodes_of(0), self.nodes_of(1)];
        let cut = self.sim.cut(&greater, &smaller, false).expect("both sides are there");
        self.live_until(heals_at);
        let mut sides = [0, 1].map(|side| self.side(side, cut_at));
        let (seen, finals) = (self.seen(), self.finals());
        let standing = [0, 1].map(|side| self.standing(side));
        let highest = self.highest(0).max(self.highest(1));
        self.ear.heard().left.clear();
        self.sim.heal(cut).expect("it is cut");
        let meets = |split: &Self| split.heads().len() == 1;
        let healed = self.live_while_not(heals_at, meets);
        for (side, standing) in sides.iter_mut().zip(&standing) {
            side.undone = self.ear.heard().left.intersection(standing).count() as u64; // a few
        }
        let back = self.missing(&seen);
        let goes_on = |split: &Self| meets(split) && split.highest(0) > highest;
        let goes_on = self.live_while_not(heals_at, goes_on);
        let later = self.sim.now().after(AFTER);
        self.live_until(later);
        let (gone, finals_gone) = (self.missing(&back), self.missing(&finals));
        Run {
            sides,
            linearizable,
            taken_back: Count::of(back.len(), seen.len()),
            gone: gone.len() as u64,
            finals_gone: Count::of(finals_gone.len(), finals.len()),
            healed,
            goes_on,
        }
    }

    fn nodes_of(&self, side: usize) -> Vec<usize> {
        (0..self.side_of.len()).filter(|node| self.side_of[*node] == side).collect()
    }

    /// Lets people pay and read until a moment.
    fn live_until(&mut self, end: Moment) {
        loop {
            let next = self.load.next().min(self.next_read);
            if next >= end {
                break;
            }
            self.sim.run_until(next);
            if next == self.next_read {
                self.read();
            } else {
                self.pay();
            }
        }
        self.sim.run_until(end);
    }

    fn pay(&mut self) {
        self.load.wait();
        let node = self.dice.index(self.side_of.len());
        if let Some(payment) = self.load.payment(&self.sim, node) {
            let id = payment.id(&self.sim.options().spec.genesis_id());
            self.paid.push((id, node, self.sim.now()));
            self.sim.submit(node, vec![payment]);
        }
    }

    fn read(&mut self) {
        for node in 0..self.side_of.len() {
            self.ticket += 1;
            self.ear.heard().reads.insert(self.ticket, (node, None));
            self.sim.deliver(node, Input::Read { ticket: self.ticket });
        }
        self.next_read = self.next_read.after(READ_EVERY);
    }

    /// Whether a payment is in a block of a node's branch, or in one that is final there.
    fn has_included(&self, node: usize, id: &TransactionId) -> bool {
        let view = self.sim.replica(node).map(|replica| replica.view());
        let included = view.is_some_and(|view| view.included.contains_key(id));
        included || self.ear.heard().finals[node].contains(id)
    }

    /// Those payments that some node has in no block.
    fn missing(&self, ids: &BTreeSet<TransactionId>) -> BTreeSet<TransactionId> {
        let lacks =
            |id: &&TransactionId| (0..self.side_of.len()).any(|node| !self.has_included(node, id));
        ids.iter().filter(lacks).copied().collect()
    }

    /// What a side could do since the cut.
    fn side(&self, side: usize, cut_at: Moment) -> Side {
        let nodes = self.nodes_of(side);
        let half = cut_at.after(Micros(PARTED.0 / 2));
        let early = self.paid.iter().filter(|(_, at, when)| nodes.contains(at) && *when < half);
        let early: Vec<_> = early.map(|(id, node, _)| (id, *node)).collect();
        let included = early.iter().filter(|(id, node)| self.has_included(*node, id)).count();
        let heard = self.ear.heard();
        let finals = early.iter().filter(|(id, node)| heard.finals[*node].contains(*id)).count();
        let asked = heard.reads.values().filter(|(node, _)| nodes.contains(node));
        let outcomes: Vec<_> = asked.map(|(_, outcome)| *outcome == Some(true)).collect();
        let answered = outcomes.iter().filter(|answered| **answered).count();
        let age = |node: &usize| {
            let replica = self.sim.replica(*node);
            let head = replica.map(|replica| replica.tree().head().block.header.time);
            let now = self.sim.local_time(*node);
            let age = now.zip(head).map_or(0, |(now, head)| now.0.saturating_sub(head.0));
            age as f64 / 1e3 // far below 2^53 ms
        };
        Side {
            blocks: self.highest(side).0.saturating_sub(self.cut_above[side].0),
            undone: 0,
            included: Count::of(included, early.len()),
            finals: Count::of(finals, early.len()),
            reads: Count::of(answered, outcomes.len()),
            stale: nodes.iter().map(age).fold(0.0, f64::max),
        }
    }

    /// Payments of the cut that are in a block where they were made, or final there.
    fn seen(&self) -> BTreeSet<TransactionId> {
        let seen = self.paid.iter().filter(|(id, node, _)| self.has_included(*node, id));
        seen.map(|(id, ..)| *id).collect()
    }

    fn finals(&self) -> BTreeSet<TransactionId> {
        let heard = self.ear.heard();
        let finals = self.paid.iter().filter(|(id, node, _)| heard.finals[*node].contains(id));
        finals.map(|(id, ..)| *id).collect()
    }

    /// Blocks on the branches of a side's nodes that are not final.
    fn standing(&self, side: usize) -> BTreeSet<BlockId> {
        let replicas = self.nodes_of(side).into_iter().filter_map(|node| self.sim.replica(node));
        let branches = replicas.map(|replica| replica.view().branch);
        branches.flat_map(|branch| branch.values().copied().collect::<Vec<_>>()).collect()
    }

    /// The heads of all nodes.
    fn heads(&self) -> BTreeSet<BlockId> {
        let heads = (0..self.side_of.len()).filter_map(|node| self.sim.replica(node));
        heads.map(|replica| replica.tree().head().id).collect()
    }

    /// The highest head of a side.
    fn highest(&self, side: usize) -> Height {
        let replicas = self.nodes_of(side).into_iter().filter_map(|node| self.sim.replica(node));
        replicas.map(|replica| replica.tree().head().height()).max().unwrap_or_default()
    }

    /// Lets people pay and read until something is so, and says how many seconds after the healing that was.
    fn live_while_not(&mut self, heals_at: Moment, is: impl Fn(&Self) -> bool) -> Option<f64> {
        let deadline = heals_at.after(HEALING_MAX);
        while !is(self) {
            if self.sim.now() >= deadline {
                return None;
            }
            let look = self.sim.now().after(LOOK_EVERY);
            self.live_until(look);
        }
        Some(self.sim.now().since(heals_at).as_seconds())
    }
}

#[cfg(test)]
mod tests;
