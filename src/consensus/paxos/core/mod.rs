//! Multi-Paxos itself (Lamport, *Paxos Made Simple*, 2001; van Renesse and Altinbuken, *Paxos Made Moderately Complex*, 2015): who
//! promised what, what is accepted, what is chosen.
//!
//! Every authority plays all three roles, and each has a file: the [`proposer`], the acceptor and the learner. The
//! core knows drafts by height, id and round, and no bodies, keys, clocks or disks. Something happens, it changes and appends
//! [`Effect`]s, which are to be carried out in order: what stands behind a `Keep…` must not leave the process before that is
//! durable. Its own promise and its own votes it counts at once, since whatever follows from them stands behind.
//!
//! What an acceptor accepted lies in a line above the sealed head ([`Log`]), each draft with the highest ballot in which it was
//! accepted. Time-outs are events, the length of a wait is the shell's to choose.

mod acceptor;
mod learner;
pub mod proposer;
mod reads;
mod shell;

use std::collections::BTreeMap;

pub use self::proposer::{Lead, Stage};
pub use crate::consensus::Point;
pub use crate::consensus::log::{Entry, Followers, Log, Ref, Wait};

use super::message::{Accepts, Ballot, Message, Vote};
use crate::consensus::{AuthorityId, DropReason};
use crate::types::Height;

/// Drafts above the sealed head that a leader puts there by itself: what is in flight.
pub const WINDOW: usize = 4;

/// What is to be done, in order.
pub type Effect = crate::consensus::log::Effect<Message<Ref>>;

/// What has to survive besides drafts and their ballots: the highest round in which this one ever asked for promises, and the
/// ballot that it promised.
pub type Kept = (u64, Ballot);

/// One authority's Multi-Paxos.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Core {
    me: AuthorityId,
    /// The acceptor's: it accepts nothing in lower ballots.
    promised: Ballot,
    /// The learner's sealed head, and what the acceptor accepted above it.
    log: Log,
    /// In which ballot it accepted the draft at a height.
    votes: BTreeMap<Height, Ballot>,
    /// A leader was heard within the lease, and other proposers are refused.
    lease: bool,
    leader: Option<AuthorityId>,
    /// The proposer's: the last round of its own.
    round: u64,
    /// The highest round that others named.
    seen: u64,
    stage: Stage,
    /// The learner's: everything up to here is chosen, as far as this one knows.
    committed: Height,
    /// Heartbeats sent so far, all ballots together.
    beat: u64,
}

impl Core {
    /// As it is after a start: with what it kept, a follower of nobody. `votes` are the ballots of the log's drafts, lowest
    /// first. The first thing to do is to wait.
    pub fn new(me: AuthorityId, kept: Kept, log: Log, votes: Vec<Ballot>) -> (Self, Effect) {
        let (round, promised) = kept;
        let heights = log.drafts().iter().map(|entry| entry.at.height);
        let votes = heights.zip(votes).collect();
        let committed = log.sealed().at.height;
        let core = Self {
            me,
            promised,
            log,
            votes,
            lease: false,
            leader: None,
            round,
            seen: 0,
            stage: Stage::Idle,
            committed,
            beat: 0,
        };
        (core, Effect::Wait(Wait::Campaign))
    }

    /// The ballot of a seal that is here already from before the start.
    pub fn heard_of(&mut self, by: Ballot) {
        self.promised = self.promised.max(by);
    }

    /// Whose it is.
    pub fn me(&self) -> AuthorityId {
        self.me
    }

    /// What it promised: nothing is accepted in lower ballots.
    pub fn promised(&self) -> Ballot {
        self.promised
    }

    /// The last round of its own.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// What has to survive besides drafts and their ballots.
    pub fn kept(&self) -> Kept {
        (self.round, self.promised)
    }

    /// The sealed head, and what is accepted above it.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// In which ballot it accepted the draft at a height.
    pub fn vote(&self, height: Height) -> Option<Ballot> {
        self.votes.get(&height).copied()
    }

    /// What it has accepted.
    pub fn accepts(&self) -> Accepts {
        let vote = |entry: &Entry| {
            let draft = Ref { at: entry.at, term: entry.term };
            Vote { draft, ballot: self.vote(entry.at.height).unwrap_or_default() }
        };
        let votes = self.log.drafts().iter().map(vote).collect();
        Accepts { sealed: self.log.sealed().at, votes }
    }

    /// What it does as a proposer.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Whether a leader was heard within the lease.
    pub fn lease(&self) -> bool {
        self.lease
    }

    /// Whom it follows; itself if it leads.
    pub fn leader(&self) -> Option<AuthorityId> {
        self.leader
    }

    /// Up to where everything is chosen, as far as it knows.
    pub fn committed(&self) -> Height {
        self.committed
    }

    /// How many heartbeats it sent since its start.
    pub fn beats(&self) -> u64 {
        self.beat
    }

    /// Whether it leads.
    pub fn leads(&self) -> bool {
        matches!(self.stage, Stage::Leading(_))
    }

    /// Whether it may ask for promises: by the sealed set. Whom a change adds could not seal what stands below that; whom it
    /// removes may be the only one who has it.
    pub fn may_stand(&self) -> bool {
        self.log.sealed().voters.contains(&self.me)
    }

    /// A message came from somebody whose key proves who it is.
    pub fn receive(&mut self, from: AuthorityId, message: Message<Ref>, out: &mut Vec<Effect>) {
        if from == self.me || !self.log.knows(from) {
            return out.push(Effect::Dropped(from, DropReason::Stranger));
        }
        match message {
            Message::Prepare { ballot, sealed } => self.prepare(from, ballot, sealed, out),
            Message::Promise { ballot, sealed, votes } => {
                self.promise(from, ballot, Accepts { sealed, votes }, out);
            }
            Message::Refused { ballot } => self.refused(from, ballot, out),
            Message::Want { ballot, drafts } => self.wanted(from, ballot, drafts, out),
            Message::Bring { ballot, drafts } => self.brought(from, ballot, drafts, out),
            Message::Accept { ballot, beat, prev, drafts, sealed } => {
                self.accept(from, ballot, beat, prev, drafts, sealed, out);
            }
            Message::Accepted { ballot, beat, upto, holds, sealed } => {
                self.accepted(from, ballot, beat, (upto, holds, sealed), out);
            }
            Message::ReadIndex { number } => self.read_for(Some(from), number, out),
            Message::ReadReady { number, height } => out.push(Effect::Read(number, height)),
        }
    }

    /// The wait of the first clock is over.
    pub fn elapsed(&mut self, out: &mut Vec<Effect>) {
        match self.stage {
            Stage::Leading(_) => self.look_at_quorum(out),
            Stage::Idle if self.lease => {
                self.lease = false;
                out.push(Effect::Wait(Wait::Chance));
            }
            Stage::Idle | Stage::Preparing { .. } => self.stand(out),
        }
    }

    /// It follows nobody, and asks for no promises until a wait is over.
    fn rest(&mut self, wait: Wait, out: &mut Vec<Effect>) {
        if self.leads() {
            out.push(Effect::Rest);
        }
        if self.leader.take().is_some() {
            out.push(Effect::Round);
        }
        self.lease = false;
        self.stage = Stage::Idle;
        out.push(Effect::Wait(wait));
    }
}
