//! Who leads, and what that comes to: the part of a [record](super::metrics::Record) that only rules with authorities fill.

use std::collections::{BTreeMap, BTreeSet};

use super::time::{Micros, Moment};
use super::watch::Scene;
use crate::consensus::{AuthorityId, Report};
use crate::types::{Address, BlockId};

/// Drafts whose blocks are waited for, at most.
const DRAFTS_MAX: usize = 1 << 16;

/// What correct nodes said of terms and their leaders.
#[derive(Debug, Clone, Default)]
pub struct Leading {
    /// The latest term that one of them was in; PBFT's first view is 0.
    term: Option<u64>,
    /// The latest term in which somebody led, and who; under Paxos two may in one round, the higher one later.
    elected: Option<(u64, AuthorityId)>,
    /// Who leads in the latest term.
    leader: Option<usize>,
    /// Since when that is so, or nobody does.
    since: Moment,
    /// The longest time that nobody led, as far as it is over.
    leaderless: Micros,
    /// Terms in which somebody led.
    pub elections: u64,
    /// By their own word they led.
    own: BTreeSet<usize>,
    /// How often one that led said that it does no more.
    pub step_downs: u64,
    /// When a leader's process died, and when a new block was final afterwards.
    pub crashes: Vec<(Moment, Option<Moment>)>,
    /// Messages from authorities to authorities.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    drafts: BTreeMap<BlockId, Moment>,
    /// Authorities of whom a correct one has a proof that they said two things.
    pub liars: BTreeSet<AuthorityId>,
    members: BTreeSet<Address>,
    /// How often the set of authorities changed.
    pub changes: u64,
    /// Final blocks that had a leader of an earlier term than the latest in which somebody led.
    pub deposed: u64,
}

impl Leading {
    /// Who leads in the latest term, as far as that is known.
    pub fn leader(&self) -> Option<usize> {
        self.leader
    }

    /// Since when that is so, or nobody leads.
    pub fn since(&self) -> Moment {
        self.since
    }

    /// The latest term; nothing where the rule has none.
    pub fn term(&self) -> Option<u64> {
        self.term
    }

    /// The longest time without a leader, in a run that ended then.
    pub fn leaderless(&self, end: Moment) -> Micros {
        match self.leader {
            Some(_) => self.leaderless,
            None => self.leaderless.max(end.since(self.since)),
        }
    }

    /// A correct node's engine says something.
    pub(super) fn said(&mut self, scene: &Scene<'_>, node: usize, report: &Report) {
        match report {
            Report::Round { round, leader } => {
                let leader = leader.and_then(|id| Some((id, seat_of(scene, id)?)));
                let leader = leader.filter(|(_, seat)| scene.replica(*seat).is_some());
                self.heard(scene.now(), node, *round, leader);
            }
            Report::Lied { by, .. } => {
                self.liars.insert(*by);
            }
            // Under proof of work a block's drafts are many.
            Report::Drafted { block, .. }
                if self.term.is_some() && self.drafts.len() < DRAFTS_MAX =>
            {
                self.drafts.insert(*block, scene.now());
            }
            _ => {}
        }
    }

    /// A correct node that runs says who leads in a term.
    fn heard(&mut self, now: Moment, node: usize, term: u64, leader: Option<(AuthorityId, usize)>) {
        if leader.is_some_and(|(_, seat)| seat == node) {
            self.own.insert(node);
        } else if self.own.remove(&node) {
            self.step_downs += 1;
        }
        let latest = Some(term);
        if latest > self.term {
            self.term = latest;
            self.lose(now);
        }
        match leader {
            // Nobody leads again in a term in which it gave up; who says so has not heard of it.
            Some((id, seat)) if latest == self.term && self.elected < Some((term, id)) => {
                self.elected = Some((term, id));
                self.elections += 1;
                if self.leader.is_none() {
                    self.leaderless = self.leaderless.max(now.since(self.since));
                }
                (self.leader, self.since) = (Some(seat), now);
            }
            None if latest == self.term && self.leader == Some(node) => self.lose(now),
            _ => {}
        }
    }

    fn lose(&mut self, now: Moment) {
        if self.leader.take().is_some() {
            self.since = now;
        }
    }

    /// A node's process dies.
    pub(super) fn died(&mut self, now: Moment, node: usize) {
        self.own.remove(&node);
        if self.leader == Some(node) {
            self.crashes.push((now, None));
            self.lose(now);
        }
    }

    /// So many messages of so many bytes go from an authority to others.
    pub(super) fn sent(&mut self, messages: u64, bytes: usize) {
        self.messages += messages;
        self.bytes += messages * bytes as u64;
    }

    /// A block is made: when its draft was.
    pub(super) fn drafted(&mut self, block: &BlockId) -> Option<Moment> {
        self.drafts.remove(block)
    }

    /// A block was final nowhere and is now, sealed by a leader of this term.
    pub(super) fn finalised(&mut self, now: Moment, term: u64) {
        self.deposed += u64::from(self.elected.is_some_and(|(latest, _)| term < latest));
        for (_, recovered) in self.crashes.iter_mut().rev().take_while(|it| it.1.is_none()) {
            *recovered = Some(now);
        }
    }

    /// These are the authorities from now on.
    pub(super) fn governed(&mut self, members: BTreeSet<Address>) {
        if self.members != members {
            self.changes += u64::from(!self.members.is_empty());
            self.members = members;
        }
    }

    /// The longest time from a leader's death until a new block was final, in a run that ended then.
    pub fn recovery(&self, end: Moment) -> Option<Micros> {
        self.crashes.iter().map(|(at, recovered)| recovered.unwrap_or(end).since(*at)).max()
    }
}

/// The node with an authority's key.
fn seat_of(scene: &Scene<'_>, id: AuthorityId) -> Option<usize> {
    scene.nodes.iter().position(|node| node.authority == Some(id))
}
