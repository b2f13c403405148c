//! A model checker drives the real core through everything that can happen to three acceptors within bounds, two of which
//! propose: messages that come in any order, twice or never, time-outs at any moment, crashes that forget what was not kept.
//!
//! What has to hold: no two blocks are sealed at one height (consistency), a ballot proposes one draft at a height
//! (Paxos Made Moderately Complex, A4), and what is chosen in a ballot is what all higher ones propose (Paxos Made Simple, P2b).
//! Leading, choosing and proposing again have to be possible, or the bounds would be too small to say anything; and bugs
//! that are planted have to be found.
//!
//! What makes it small enough:
//!
//! - A crash is a restart at once: a machine that is down differs from one that hears nothing only in what it forgets.
//! - Of messages in flight it does not matter in which order they were sent, nor how often the same; those that can do
//!   nothing any more, because a ballot is past, are as lost.
//! - Leases are over as soon as they begin: they may be at any moment, and who promises where it would have been kept from
//!   that can only do more harm.
//! - Refusals are as lost: whoever is refused gives its ballot up, which it may do by itself at any moment. So are the heartbeats
//!   without drafts, which a leader begins with; those that it sends later are there where the bounds allow any.
//! - Sealed blocks come by block sync, at any moment; what tells of them does nothing more.
//! - None differs from another at the beginning but in its place among ballots of one round.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::group::{Group, Letter};
use super::*;
use crate::consensus::log::Progress;
use crate::consensus::paxos::core::Stage;
use crate::types::canary::plant;

/// How far it goes.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Up to which round each of the two proposers asks for promises.
    rounds: [u64; 2],
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
struct Paxos {
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
    Fetch(u8, u8),
    Flush(u8),
    Crash(u8),
}

/// What has to hold.
const ALWAYS: [&str; 3] = ["consistency", "one value per ballot", "what is chosen is proposed"];

/// Whether a message can do nothing any more: promises and rounds do not go back, not even by a crash, unless a bug makes
/// them.
fn past(letter: &Letter, node: &shared::Node<Core>, heartbeats: bool) -> bool {
    let Some(core) = &node.core else { return false };
    let promised = node.kept.1.min(core.promised());
    // Its own ballots up to here are over, but the one that it leads in or asks for.
    let over = node.kept.0.min(core.round());
    let Parcel::Said { message, .. } = &letter.parcel else { return true };
    match (message, core.stage()) {
        (Message::Prepare { ballot, .. } | Message::Want { ballot, .. }, _) => *ballot < promised,
        (Message::Accept { ballot, drafts, .. }, _) => {
            *ballot < promised || (drafts.is_empty() && !heartbeats)
        }
        (Message::Refused { .. }, _) => true,
        (Message::Promise { ballot, .. }, Stage::Preparing { ballot: own, .. }) => {
            ballot != own && ballot.round <= over
        }
        (Message::Promise { ballot, .. } | Message::Bring { ballot, .. }, Stage::Leading(lead)) => {
            (*ballot != lead.ballot && ballot.round <= over) || lead.begun.is_some()
        }
        (Message::Accepted { ballot, beat, upto, .. }, Stage::Leading(lead)) => {
            let news =
                |of: &Progress| upto.is_none_or(|upto| upto > of.matched) || *beat > of.round;
            let known = lead.followers.peers().get(&letter.from);
            (*ballot != lead.ballot && ballot.round <= over) || !known.is_some_and(news)
        }
        (
            Message::Promise { ballot, .. }
            | Message::Bring { ballot, .. }
            | Message::Accepted { ballot, .. },
            _,
        ) => ballot.round <= over,
        _ => false,
    }
}

impl World {
    /// One of the states that differ in nothing that matters.
    fn settle(mut self, bounds: &Bounds) -> Self {
        for of in (1..=3).map(id) {
            if self.group.core(of).is_some_and(Core::lease) {
                self.group.step(of, Core::elapsed);
            }
        }
        self.group.notes.clear();
        self.group.seen.led.clear();
        let number = |letter: &Letter| {
            let mut hasher = DefaultHasher::new();
            letter.hash(&mut hasher);
            hasher.finish()
        };
        let heartbeats = bounds.heartbeats > 0;
        let nodes = &self.group.nodes;
        self.group.flight.retain(|letter| !past(letter, &nodes[&letter.to], heartbeats));
        self.group.flight.sort_by_cached_key(number);
        self.group.flight.dedup();
        self
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
            Act::Stand(of) | Act::Elapse(of) => self.group.step(id(of), Core::elapsed),
            Act::Beat(of) => self.group.step(id(of), Core::beat),
            Act::Propose(of) => {
                // Another draft than before a crash, even in the same ballot.
                let number = u64::from(of) << 8 | u64::from(self.crashes);
                self.group.propose_value(id(of), number, None);
            }
            Act::Fetch(from, to) => self.group.fetch(id(from), id(to)),
            Act::Flush(of) => self.group.flush(id(of), 1),
            Act::Crash(of) => {
                self.crashes -= 1;
                self.group.blink(id(of));
            }
        }
        Some(())
    }

    /// What is chosen in a ballot, higher ones propose: what a majority has accepted in one, or somebody has sealed.
    fn chosen_is_proposed(&self) -> bool {
        let nodes = || self.group.nodes.values();
        let accepted = |(ballot, height): &(Ballot, Height), at: &Point| {
            let votes = nodes().filter(|node| {
                let kept = node.drafts.get(height);
                kept.is_some_and(|(body, by)| body.entry.at == *at && by == ballot)
            });
            let sealed =
                |block: &shared::Block| block.entry.at == *at && Ballot::from(block.by) == *ballot;
            votes.count() >= 2 || nodes().any(|node| node.chain.iter().any(sealed))
        };
        let proposed = &self.group.seen.proposed;
        proposed.iter().filter(|(place, at)| accepted(place, at)).all(|((ballot, height), at)| {
            proposed
                .iter()
                .all(|((other, where_), value)| other <= ballot || where_ != height || value == at)
        })
    }

    /// A draft of one ballot is proposed in a higher one.
    fn proposed_again(&self) -> bool {
        let proposed = &self.group.seen.proposed;
        let twice = |at: &Point| proposed.values().filter(|other| *other == at).count() > 1;
        proposed.values().any(twice)
    }
}

impl Paxos {
    /// Whether the next round of one is within the bounds; the third never proposes.
    fn may_stand(&self, of: u8, core: &Core) -> bool {
        let rounds = self.bounds.rounds.get(usize::from(of) - 1);
        rounds.is_some_and(|most| core.round().max(core.promised().round) < *most)
    }
}

impl Model for Paxos {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        let Bounds { crashes, doubles, losses, slow, .. } = self.bounds;
        let mut group = self.first.clone();
        for of in slow {
            group.nodes.get_mut(&id(*of)).expect("one of three").slow = true;
        }
        vec![World { group, crashes, doubles, losses }.settle(&self.bounds)]
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
        let chain = |of: u8| world.group.nodes[&id(of)].chain.len();
        for of in 1..=3 {
            let node = &world.group.nodes[&id(of)];
            let Some(core) = &node.core else { continue };
            match core.stage() {
                Stage::Leading(_) => {
                    actions.push(Act::Elapse(of));
                    if core.beats() < self.bounds.heartbeats {
                        actions.push(Act::Beat(of));
                    }
                    if core.log().last().at.height.0 < self.bounds.height {
                        actions.push(Act::Propose(of));
                    }
                }
                _ if self.may_stand(of, core) => {
                    actions.push(Act::Stand(of));
                }
                _ => {}
            }
            let longer = (1..=3).find(|from| chain(*from) > chain(of));
            actions.extend(longer.map(|from| Act::Fetch(from, of)));
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
        let world = world.settle(&self.bounds);
        (world != *last).then_some(world)
    }

    fn within_boundary(&self, world: &World) -> bool {
        let bounds = &self.bounds;
        world.group.flight.len() <= bounds.flight
            && world.group.nodes.values().all(|node| {
                let core = node.core.as_ref().expect("a crash is a restart");
                core.log().last().at.height.0 <= bounds.height
            })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ALWAYS[0], |_, world: &World| world.group.chains().is_ok()),
            Property::always(ALWAYS[1], |_, world: &World| world.group.ballots().is_ok()),
            Property::always(ALWAYS[2], |_, world: &World| world.chosen_is_proposed()),
            Property::sometimes("somebody leads", |_, world: &World| {
                world.group.nodes.values().any(|node| node.core.as_ref().is_some_and(Core::leads))
            }),
            Property::sometimes("a value is chosen everywhere", |_, world: &World| {
                world.group.nodes.values().all(|node| node.chain.len() > 1)
            }),
            Property::sometimes("a value is proposed again", |_, world: &World| {
                world.proposed_again()
            }),
        ]
    }
}

/// Explores everything within the bounds, or until something is wrong; says how much that was.
fn explore(bounds: Bounds, bug: Option<Bug>, first: Group) -> impl Checker<Paxos> {
    let paxos = Paxos { bounds, bug, first };
    let checker =
        paxos.checker().threads(1).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (all, different) = (checker.state_count(), checker.unique_state_count());
    let depth = checker.max_depth();
    println!(
        "{different} states ({all} with those seen again), {depth} steps deep, within {bounds:?}"
    );
    checker
}

/// What all have in common.
const SMALL: Bounds = Bounds {
    rounds: [1, 1],
    height: 1,
    flight: 3,
    heartbeats: 0,
    crashes: 0,
    doubles: 0,
    losses: 0,
    slow: &[],
};

/// One ballot of each proposer, with a crash, a loss, a copy, or a second height; and two of the first
/// one, where all goes well but the order.
#[test]
fn nothing_is_wrong_within_small_bounds() {
    for bounds in [
        Bounds { crashes: 1, ..SMALL },
        Bounds { losses: 1, ..SMALL },
        Bounds { doubles: 1, ..SMALL },
        Bounds { height: 2, ..SMALL },
        Bounds { rounds: [2, 1], ..SMALL },
    ] {
        explore(bounds, None, group(3)).assert_properties();
    }
}

/// What takes minutes, and several gigabytes; the counts are in the documentation of Paxos.
#[test]
#[ignore = "it takes minutes: cargo test --release --no-default-features --lib paxos::tests::model -- --ignored --nocapture"]
fn nothing_is_wrong_within_larger_bounds() {
    for bounds in [
        Bounds { flight: 4, heartbeats: 2, ..SMALL },
        Bounds { flight: 4, crashes: 1, slow: &[1, 3], ..SMALL },
        Bounds { rounds: [2, 2], ..SMALL },
        Bounds { flight: 4, rounds: [2, 2], ..SMALL },
        Bounds { height: 2, crashes: 1, ..SMALL },
        Bounds { rounds: [2, 2], crashes: 1, ..SMALL },
        Bounds { rounds: [2, 2], height: 2, ..SMALL },
    ] {
        explore(bounds, None, group(3)).assert_properties();
    }
}

/// Each makes a higher ballot propose something else than what is chosen, or two blocks be sealed.
#[test]
fn planted_bugs_are_found() {
    let crash = Bounds { flight: 4, crashes: 1, ..SMALL };
    for (bug, bounds) in [
        (Bug::QuorumOneShort, SMALL),
        (Bug::VoteUnkept, crash),
        (Bug::DraftUnkept, crash),
        (Bug::BallotReused, crash),
        (Bug::MajorityValue, Bounds { rounds: [2, 1], ..SMALL }),
    ] {
        let mut first = group(3);
        first.drafts_unkept = bug == Bug::DraftUnkept;
        let found = explore(bounds, Some(bug), first).discoveries();
        let broken = ALWAYS.iter().find_map(|name| Some((name, found.get(name)?)));
        let (property, path) = broken.unwrap_or_else(|| panic!("{bug:?} is not found"));
        println!("{bug:?}: {property} fails after {} steps", path.clone().into_actions().len());
    }
}
