//! Clique that stalls, and what keeps it from stalling.
//!
//! Blocks of authorities who are out of turn weigh 1, so that branches of equal weight are common. Under Clique as it was
//! (EIP-225 leaves it open) one stays on the branch that one heard of first. Then three of four authorities can be on three
//! branches of equal weight, each of which only those may go on with who are on another one: nobody signs any more, with
//! everybody up and all blocks with everybody. EIP-3436 makes all prefer the same one of equal branches, so that who may
//! sign there does.
//!
//! Here authorities sign by [`step`] and as the engine of the rule does: in turn a period after the parent, out of turn a
//! drawn wait later, on the best branch that they know. A run has stalled when nothing is on its way, nobody waits, and the
//! height that was asked for is not there.

use std::collections::{BTreeMap, BTreeSet};

use crate::consensus::poa::{Snapshot, step};
use crate::sim::link::Latency;
use crate::sim::random::Dice;
use crate::sim::{Micros, Options, Sim};
use crate::spec::{Spec, find};

/// Which of two branches of one weight is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// The one heard of first.
    Arrival,
    /// That with the lower height, then whose signer's turn was last, then the lower id (EIP-3436).
    Ruled,
}

/// A network of authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Race {
    /// How many.
    pub authorities: usize,
    /// What they do about equal weights.
    pub ties: Ties,
    /// Whether an authority signs no height twice, on whatever branch. Clique's may, and so may ours.
    pub once: bool,
    /// A period, in milliseconds.
    pub period: u64,
    /// A wait out of turn is at most this times ⌊n ⁄ 2⌋ + 1.
    pub wiggle: u64,
    /// Each block takes up to this to each other authority, evenly.
    pub delay: u64,
    /// The height at which a run ends.
    pub height: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The height of the best branch.
    pub height: u64,
    /// Whether nobody will ever sign again.
    pub stalled: bool,
    /// How many different heads the authorities are on.
    pub heads: usize,
}

/// Weight up to here, then what decides between equal ones: the greater the better.
type Rank = (u64, u64, u64, u64);

struct Block {
    parent: usize,
    number: u64,
    time: u64,
    rank: Rank,
    after: Snapshot<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Hears { who: usize, block: usize },
    Signs { who: usize, on: usize },
}

struct World {
    race: Race,
    dice: Dice,
    blocks: Vec<Block>,
    /// Of each authority.
    known: Vec<BTreeSet<usize>>,
    heads: Vec<usize>,
    signed: Vec<u64>,
    /// What is to happen, by time and in order.
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
}

impl Race {
    /// A run with this seed.
    pub fn run(&self, seed: u64) -> Ending {
        let after = Snapshot::new((0..self.authorities).collect());
        let genesis = Block { parent: 0, number: 0, time: 0, rank: (0, 0, 0, 0), after };
        let mut world = World {
            race: *self,
            dice: Dice::new(seed, "authorities"),
            blocks: vec![genesis],
            known: vec![BTreeSet::from([0]); self.authorities],
            heads: vec![0; self.authorities],
            signed: vec![0; self.authorities],
            queue: BTreeMap::new(),
            queued: 0,
        };
        (0..self.authorities).for_each(|who| world.plan(who, 0));
        let mut height = 0;
        while height < self.height
            && let Some(((now, _), event)) = world.queue.pop_first()
        {
            match event {
                Event::Hears { who, block } => world.hear(who, block, now),
                Event::Signs { who, on } => world.sign(who, on, now),
            }
            height = world.heads.iter().map(|head| world.blocks[*head].number).max().unwrap_or(0);
        }
        let heads = world.heads.iter().collect::<BTreeSet<_>>().len();
        Ending { height, stalled: height < self.height, heads }
    }
}

impl World {
    fn at(&mut self, time: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((time, self.queued), event);
    }

    fn may_sign(&self, who: usize, on: usize) -> bool {
        let number = self.blocks[on].number + 1;
        let fresh = !self.race.once || number > self.signed[who];
        fresh && self.blocks[on].after.may_sign(number, &who).is_ok()
    }

    /// Says when to sign on one's head, if one may.
    fn plan(&mut self, who: usize, now: u64) {
        let on = self.heads[who];
        if !self.may_sign(who, on) {
            return;
        }
        let Block { number, time, after, .. } = &self.blocks[on];
        let (in_turn, most) = (after.in_turn(number + 1) == Some(&who), after.limit());
        let earliest = time + self.race.period;
        let wait = if in_turn { 0 } else { self.dice.between(1, self.race.wiggle * most) };
        self.at((earliest + wait).max(now), Event::Signs { who, on });
    }

    fn sign(&mut self, who: usize, on: usize, now: u64) {
        // The wait was for a head that is left by now, or it is signed already.
        if self.heads[who] != on || !self.may_sign(who, on) {
            return;
        }
        let (before, number) = (&self.blocks[on].after, self.blocks[on].number + 1);
        let after = step(before, number, &who, None, u64::MAX).expect("it may sign");
        let n = self.race.authorities as u64; // a length fits 64 bits
        // As above.
        let ago = (number % n + n - who as u64) % n;
        let weight = self.blocks[on].rank.0 + if ago == 0 { 2 } else { 1 };
        let rank = match self.race.ties {
            Ties::Arrival => (weight, 0, 0, 0),
            Ties::Ruled => (weight, u64::MAX - number, u64::MAX - ago, self.dice.number()),
        };
        let block = self.blocks.len();
        self.blocks.push(Block { parent: on, number, time: now, rank, after });
        self.signed[who] = self.signed[who].max(number);
        self.hear(who, block, now);
        for other in (0..self.race.authorities).filter(|other| *other != who) {
            let delay = self.dice.between(0, self.race.delay);
            self.at(now + delay, Event::Hears { who: other, block });
        }
    }

    /// A block arrives, and whatever it stands on with it.
    fn hear(&mut self, who: usize, block: usize, now: u64) {
        let (mut next, mut fresh) = (block, Vec::new());
        while self.known[who].insert(next) {
            fresh.push(next);
            next = self.blocks[next].parent;
        }
        let before = self.heads[who];
        for block in fresh.into_iter().rev() {
            // A better one only: of equal ones the first stays.
            if self.blocks[block].rank > self.blocks[self.heads[who]].rank {
                self.heads[who] = block;
            }
        }
        if self.heads[who] != before {
            self.plan(who, now);
        }
    }
}

/// The same with whole nodes on the chain `poa-dev`: how high the best head is after so long, and whether nobody signed in the
/// last third of it. At most seven authorities, whose keys are known.
///
/// # Panics
///
/// If there are more than seven, or none.
pub fn nodes(authorities: usize, delay: Micros, lasts: Micros, seed: u64) -> (u64, bool) {
    let names = ["alice", "bob", "carol", "dave", "erin", "frank", "grace"];
    let names: Vec<String> = names[..authorities].iter().map(|it| format!("{it:?}")).collect();
    let text = find("poa-dev").expect("it is shipped");
    let begins = text.find("authorities = [").expect("it names its authorities");
    let ends = begins + text[begins..].find(']').expect("the list ends") + 1;
    let list = format!("authorities = [{}]", names.join(", "));
    let text = format!("{}{list}{}", &text[..begins], &text[ends..]);
    let spec = Spec::parse("poa-dev", &text).expect("only the authorities differ");
    let mut options = Options::seated(seed, spec, authorities, 16);
    options.link.latency = Latency::Uniform { from: Micros(0), to: delay };
    let mut sim = Sim::new(options).expect("a store that is empty and in memory opens");
    let height = |sim: &Sim| {
        let heads = (0..authorities).filter_map(|node| sim.replica(node));
        heads.map(|replica| replica.tree().head().height().0).max().unwrap_or(0)
    };
    sim.run(Micros(lasts.0 / 3 * 2));
    let before = height(&sim);
    sim.run(Micros(lasts.0 / 3));
    (height(&sim), height(&sim) == before)
}
