//! A model checker drives the real core through everything that can happen to three machines within bounds: messages
//! that come in any order, twice or never, time-outs at any moment, crashes that forget what was not kept.
//!
//! What has to hold are the safety properties of the paper's figure 3. Elections and decisions have to be possible, or the
//! bounds would be too small to say anything; and bugs that are planted have to be found.
//!
//! What makes it small enough:
//!
//! - A crash is a restart at once: a machine that is down differs from one that hears nothing only in what it forgets.
//! - Of messages in flight it does not matter in which order they were sent, nor how often the same; those that can do
//!   nothing any more, because a term or a decision is past, are as lost.
//! - Pre-votes are taken for granted. They promise nothing, and who stands for election where it would not have been let
//!   can only do more harm.
//! - Two of the three machines stand for election; the third votes. None differs from another at the beginning.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::group::{Group, Letter, Node, above};
use super::*;
use crate::consensus::raft::core::Role;
use crate::types::canary::{Bug, plant};

/// How far it goes.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    term: u64,
    height: u64,
    flight: usize,
    heartbeats: u64,
    crashes: u8,
    doubles: u8,
    losses: u8,
    /// Whose disks write only when they are told, one thing at a time.
    slow: &'static [u8],
}

#[derive(Debug, Clone)]
struct Raft {
    bounds: Bounds,
    bug: Option<Bug>,
    first: Group,
}

/// A state: the machines, and what is left of the bounds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    group: Group,
    crashes: u8,
    doubles: u8,
    losses: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Act {
    Deliver(Letter),
    Double(Letter),
    Lose(Letter),
    Stand(u8),
    Elapse(u8),
    Beat(u8),
    Propose(u8),
    Flush(u8),
    Crash(u8),
}

/// Whether a message can do nothing any more: terms and decisions do not go back, not even by a crash.
fn past(letter: &Letter, node: &Node) -> bool {
    let term = node.kept.0.min(node.core.as_ref().map_or(0, Core::term));
    match &letter.parcel {
        Parcel::Said {
            message: Message::Voted { term: of, before: true, granted: true }, ..
        } => *of <= term,
        Parcel::Said {
            message: Message::Voted { term: of, .. } | Message::Appended { term: of, .. },
            ..
        } => *of < term,
        Parcel::Said { .. } => false,
        Parcel::Sealed(blocks) => {
            blocks.iter().all(|block| block.entry.at.height.0 < node.chain.len() as u64)
        }
    }
}

impl World {
    /// One of the states that differ in nothing that matters.
    fn settle(mut self) -> Self {
        self.group.notes.clear();
        let number = |letter: &Letter| {
            let mut hasher = DefaultHasher::new();
            letter.hash(&mut hasher);
            hasher.finish()
        };
        self.group.flight.retain(|letter| !past(letter, &self.group.nodes[&letter.to]));
        self.group.flight.sort_by_cached_key(number);
        self.group.flight.dedup();
        self
    }

    /// Its time is over, and the others would vote for it.
    fn stand(&mut self, of: AuthorityId) {
        let flight = self.group.flight.clone();
        self.group.step(of, Core::elapsed);
        self.group.flight = flight;
        let other = self.group.nodes.keys().copied().find(|other| *other != of);
        let term = self.group.core(of).map_or(0, Core::term) + 1;
        let granted = Message::Voted { term, before: true, granted: true };
        self.group.step(of, |core, out| core.receive(other.unwrap_or(of), granted, out));
    }

    fn take(&mut self, letter: &Letter) -> Option<Letter> {
        let place = self.group.flight.iter().position(|it| it == letter)?;
        Some(self.group.flight.remove(place))
    }

    fn act(&mut self, act: Act) -> Option<()> {
        match act {
            Act::Deliver(letter) => {
                let letter = self.take(&letter)?;
                self.group.hand_over(letter);
            }
            Act::Double(letter) => {
                self.doubles -= 1;
                self.group.hand_over(letter);
            }
            Act::Lose(letter) => {
                self.losses -= 1;
                self.take(&letter)?;
            }
            Act::Stand(of) => self.stand(id(of)),
            Act::Elapse(of) => self.group.step(id(of), Core::elapsed),
            Act::Beat(of) => self.group.step(id(of), Core::beat),
            Act::Propose(of) => drop(self.group.propose(id(of), None)),
            Act::Flush(of) => self.group.flush(id(of), 1),
            Act::Crash(of) => {
                self.crashes -= 1;
                self.group.blink(id(of));
            }
        }
        Some(())
    }
}

impl Model for Raft {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        let Bounds { crashes, doubles, losses, slow, .. } = self.bounds;
        let mut group = self.first.clone();
        for of in slow {
            group.nodes.get_mut(&id(*of)).expect("one of three").slow = true;
        }
        vec![World { group, crashes, doubles, losses }.settle()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Act>) {
        for letter in &world.group.flight {
            actions.push(Act::Deliver(letter.clone()));
            if world.doubles > 0 {
                actions.push(Act::Double(letter.clone()));
            }
            if world.losses > 0 {
                actions.push(Act::Lose(letter.clone()));
            }
        }
        for of in 1..=3 {
            let node = &world.group.nodes[&id(of)];
            let Some(core) = &node.core else { continue };
            match core.role() {
                Role::Leader(_) => {
                    actions.push(Act::Elapse(of));
                    if core.round() < self.bounds.heartbeats {
                        actions.push(Act::Beat(of));
                    }
                    if core.log().last().at.height.0 < self.bounds.height {
                        actions.push(Act::Propose(of));
                    }
                }
                Role::Follower { lease: true } => actions.push(Act::Elapse(of)),
                _ if of <= CANDIDATES && core.term() < self.bounds.term => {
                    actions.push(Act::Stand(of));
                }
                _ => {}
            }
            if !node.tasks.is_empty() {
                actions.push(Act::Flush(of));
            }
            if world.crashes > 0 {
                actions.push(Act::Crash(of));
            }
        }
    }

    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        // In the thread in which the checker asks.
        let _planted = self.bug.map(plant);
        let mut world = last.clone();
        world.act(act)?;
        let world = world.settle();
        (world != *last).then_some(world)
    }

    fn within_boundary(&self, world: &World) -> bool {
        let bounds = &self.bounds;
        world.group.flight.len() <= bounds.flight
            && world.group.nodes.values().all(|node| {
                let core = node.core.as_ref().expect("a crash is a restart");
                core.term() <= bounds.term
                    && core.log().last().at.height.0 <= bounds.height
                    && core.round() <= bounds.heartbeats
            })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("election safety", |_, world: &World| world.group.elections().is_ok()),
            Property::always("log matching", |_, world: &World| world.group.matching().is_ok()),
            Property::always("leader completeness", |_, world: &World| {
                world.group.complete().is_ok()
            }),
            Property::always("state machine safety", |_, world: &World| {
                world.group.chains().is_ok()
            }),
            Property::sometimes("somebody leads", |_, world: &World| {
                !world.group.seen.led.is_empty()
            }),
            Property::sometimes("an entry is decided everywhere", |_, world: &World| {
                world.group.nodes.values().all(|node| node.chain.len() > 1)
            }),
        ]
    }
}

/// Explores everything within the bounds, or until something is wrong; says how much that was.
fn explore(bounds: Bounds, bug: Option<Bug>, first: Group) -> impl Checker<Raft> {
    let raft = Raft { bounds, bug, first };
    let checker =
        raft.checker().threads(1).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (all, different) = (checker.state_count(), checker.unique_state_count());
    let depth = checker.max_depth();
    println!(
        "{different} states ({all} with those seen again), {depth} steps deep, within {bounds:?}"
    );
    checker
}

/// How many of the machines stand for election.
const CANDIDATES: u8 = 2;

/// What all have in common.
const SMALL: Bounds = Bounds {
    term: 2,
    height: 1,
    flight: 3,
    heartbeats: 0,
    crashes: 0,
    doubles: 0,
    losses: 0,
    slow: &[],
};

/// Two terms, each with an entry of its own, where all goes well but the order; and with a crash, a loss or a copy.
#[test]
fn nothing_is_wrong_within_small_bounds() {
    for bounds in [
        Bounds { height: 2, ..SMALL },
        Bounds { crashes: 1, ..SMALL },
        Bounds { losses: 1, ..SMALL },
        Bounds { doubles: 1, ..SMALL },
    ] {
        explore(bounds, None, three()).assert_properties();
    }
}

/// What takes minutes; the counts are in the documentation of Raft.
#[test]
#[ignore = "it takes minutes: cargo test --release --no-default-features --lib raft::tests::model -- --ignored --nocapture"]
fn nothing_is_wrong_within_larger_bounds() {
    let bounds = Bounds { height: 2, crashes: 1, losses: 1, ..SMALL };
    explore(bounds, None, three()).assert_properties();
}

/// A second one that is elected in a term was elected by too few, or by somebody who voted twice.
#[test]
fn planted_bugs_are_found() {
    let property = "election safety";
    let bounds = Bounds { flight: 8, crashes: 1, ..SMALL };
    for bug in [Bug::QuorumOneShort, Bug::VoteUnkept] {
        let checker = explore(bounds, Some(bug), three());
        let found = checker.discovery(property).unwrap_or_else(|| panic!("{bug:?} is not found"));
        println!("{bug:?}: {property} fails after {} steps", found.into_actions().len());
    }
}

/// Figure 8 (c): S1 leads again, in term 3, and its entry of term 1 is about to get to a majority; S2 was leader in term 2 and
/// has another entry there.
fn figure_8() -> Group {
    let mut group = three();
    let first = group.nodes[&id(1)].chain[0].entry.clone();
    for (of, term) in [(1, 1), (2, 2)] {
        let node = group.nodes.get_mut(&id(of)).unwrap();
        node.drafts.insert(Height(1), (above(&first, term, first.voters.clone()), ()));
        node.kept = (2, None);
        group.crash(id(of));
        group.restart(id(of));
    }
    group.parts = parts(&[&[1, 3], &[2]]);
    elect(&mut group, 1);
    group.parts.clear();
    group
}

const FIGURE_8: Bounds = Bounds { term: 4, height: 3, crashes: 1, slow: &[3], ..SMALL };

#[test]
fn figure_8_is_found_where_entries_of_old_terms_are_counted() {
    let property = "leader completeness";
    let checker = explore(FIGURE_8, Some(Bug::OldTermCounted), figure_8());
    let found =
        checker.discovery(property).expect("a majority had it, and still it is overwritten");
    println!("{property} fails after {} steps", found.into_actions().len());
}
