//! Raft itself (Ongaro and Ousterhout 2014; Ongaro's thesis): who leads, what is in the log, what is decided.
//!
//! The core knows entries by height, id and term, and no bodies, keys, clocks or disks. Something happens, it changes and
//! appends [`Effect`]s, which are to be carried out in order: what stands behind a `Keep…` must not leave the process before
//! that is durable. Its own vote and its own match it counts at once, since whatever follows from them stands behind.
//!
//! The log is what lies above the sealed head, so there are no snapshots: whoever lacks sealed blocks fetches them like
//! everybody else. Time-outs are events, the length of a wait is the shell's to choose; that a leader was heard lately is a
//! wait of its own ([`Wait::Lease`]), so that the core can be explored by a model checker, state by state.

mod append;
mod election;
mod reads;
mod shell;

use std::collections::BTreeMap;

pub use crate::consensus::Point;
pub use crate::consensus::log::{Entry, Followers, Log, READS_MAX, Ref, Wait};

use super::message::Message;
use crate::consensus::authorities::Authorities;
use crate::consensus::{AuthorityId, DropReason};
use crate::types::Height;

/// Drafts above the sealed head that a leader puts there by itself: what is in flight.
pub const WINDOW: usize = 4;

/// What is to be done, in order.
pub type Effect = crate::consensus::log::Effect<Message<Ref>>;

/// The part that this one plays.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Role {
    /// Votes and keeps what a leader sends.
    Follower {
        /// A leader was heard within the shortest election timeout.
        lease: bool,
    },
    /// Asks whether others would vote for it (thesis, 9.6).
    PreCandidate {
        /// What they said.
        answers: BTreeMap<AuthorityId, bool>,
    },
    /// Asks for votes.
    Candidate {
        /// What the others said.
        answers: BTreeMap<AuthorityId, bool>,
    },
    /// Leads.
    Leader(Lead),
}

/// What a leader knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lead {
    /// How far the others are, and the reads that wait for their word.
    pub followers: Followers,
    /// The height of the first draft of its term.
    pub begun: Height,
    /// Who is to lead instead.
    pub transfer: Option<AuthorityId>,
}

/// One authority's Raft.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Core {
    me: AuthorityId,
    term: u64,
    vote: Option<AuthorityId>,
    log: Log,
    role: Role,
    leader: Option<AuthorityId>,
    /// Everything up to here is decided, as far as this one knows.
    committed: Height,
    /// Heartbeats sent so far, all terms together.
    round: u64,
}

impl Core {
    /// As it is after a start: with what it kept, a follower of nobody. The first thing to do is to wait.
    pub fn new(me: AuthorityId, kept: (u64, Option<AuthorityId>), log: Log) -> (Self, Effect) {
        let (term, vote) = kept;
        let committed = log.sealed().at.height;
        let role = Role::Follower { lease: false };
        let core = Self { me, term, vote, log, role, leader: None, committed, round: 0 };
        (core, Effect::Wait(Wait::Campaign))
    }

    /// The term of a seal that is here already from before the start.
    pub fn heard_of(&mut self, term: u64, out: &mut Vec<Effect>) {
        if term > self.term {
            self.follow(term, None, out);
        }
    }

    /// Whose it is.
    pub fn me(&self) -> AuthorityId {
        self.me
    }

    /// The term.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Term and vote, which have to survive.
    pub fn kept(&self) -> (u64, Option<AuthorityId>) {
        (self.term, self.vote)
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The part that it plays.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Whom it follows; itself if it leads.
    pub fn leader(&self) -> Option<AuthorityId> {
        self.leader
    }

    /// Up to where everything is decided, as far as it knows.
    pub fn committed(&self) -> Height {
        self.committed
    }

    /// How many heartbeats it sent since its start.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// Whether it leads.
    pub fn leads(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Whether it votes, by the last set in its log (thesis, 4.1: whichever is latest, decided or not).
    pub fn is_voter(&self) -> bool {
        self.log.last().voters.contains(&self.me)
    }

    /// Whether it may lead: by the sealed set. Whom a change makes a voter that is not sealed yet could not seal what an
    /// earlier leader drafted below it; whom it removes may be the only one who has it (thesis 4.2.2).
    pub fn may_lead(&self) -> bool {
        self.log.sealed().voters.contains(&self.me)
    }

    /// Whether it may put a draft with transactions on the log: it leads and is to go on leading, a draft of its term is
    /// sealed (Ongaro 2015: before a set of voters changes), the last change of voters is sealed, and there is room.
    pub fn may_draft(&self) -> bool {
        let Role::Leader(lead) = &self.role else { return false };
        lead.transfer.is_none()
            && self.log.sealed().at.height >= lead.begun
            && self.log.drafts().len() < WINDOW
            && self.log.last().voters == self.log.sealed().voters
    }

    /// Everybody whose vote may count: by the sealed set and by those of drafts.
    pub fn everybody(&self) -> Authorities {
        self.log.everybody()
    }

    /// Everybody else of them.
    pub fn others(&self) -> impl Iterator<Item = AuthorityId> + use<> {
        self.log.others(self.me)
    }

    /// A message came from somebody whose key proves who it is.
    pub fn receive(&mut self, from: AuthorityId, message: Message<Ref>, out: &mut Vec<Effect>) {
        // A leader that decided its own removal hands over after that, and whom it tells may have heard of that already.
        let hands_over = matches!(message, Message::TimeoutNow { .. }) && self.leader == Some(from);
        if from == self.me || !(self.knows(from) || hands_over) {
            return out.push(Effect::Dropped(from, DropReason::Stranger));
        }
        match message {
            Message::PreVote { term, last } => self.asked_before(from, term, last, out),
            Message::Vote { term, last, transfer } => self.asked(from, term, last, transfer, out),
            Message::Voted { term, before, granted } => {
                self.voted(from, term, before, granted, out);
            }
            Message::Append { term, round, prev, drafts, committed } => {
                self.append(from, term, round, prev, drafts, committed, out);
            }
            Message::Appended { term, round, matched, holds, sealed } => {
                self.appended(from, term, round, (matched, holds, sealed), out);
            }
            Message::TimeoutNow { term } => self.take_over(from, term, out),
            Message::ReadIndex { number } => self.read_for(Some(from), number, out),
            Message::ReadReady { number, height } => out.push(Effect::Read(number, height)),
        }
    }

    /// Whether somebody is one of [`Self::everybody`].
    pub fn knows(&self, id: AuthorityId) -> bool {
        self.log.knows(id)
    }

    /// The latest term is another one's, or nobody leads in this one (Raft 5.1: if a term is greater, convert).
    fn follow(&mut self, term: u64, leader: Option<AuthorityId>, out: &mut Vec<Effect>) {
        if term > self.term {
            self.term = term;
            self.vote = None;
            out.push(Effect::KeepVote);
            out.push(Effect::Round);
        } else if self.leader != leader {
            out.push(Effect::Round);
        }
        if self.leads() {
            out.push(Effect::Rest);
        }
        self.leader = leader;
        self.role = Role::Follower { lease: leader.is_some() };
        out.push(Effect::Wait(if leader.is_some() { Wait::Lease } else { Wait::Campaign }));
    }

    /// The wait of the first clock is over.
    pub fn elapsed(&mut self, out: &mut Vec<Effect>) {
        match &mut self.role {
            Role::Follower { lease: lease @ true } => {
                *lease = false;
                out.push(Effect::Wait(Wait::Chance));
            }
            Role::Leader(_) => self.look_at_quorum(out),
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => {
                self.ask_before(out);
            }
        }
    }

    /// A block of the tree was sealed, by this one or another, in the term `by`: the log begins above it. Whoever leads in
    /// an earlier term may not have it, and is not listened to any more.
    pub fn sealed(&mut self, entry: Entry, by: u64, out: &mut Vec<Effect>) {
        let height = entry.at.height;
        if height <= self.log.sealed().at.height {
            return;
        }
        if by > self.term {
            self.follow(by, None, out);
        }
        self.committed = self.committed.max(height);
        let known = self.log.has(&entry.at);
        let (first, last) = (self.log.sealed().at.height.next(), self.log.last().at.height);
        self.log.seal(entry);
        let gone = if known { height } else { last };
        if first <= gone {
            out.push(Effect::Forget(first, gone));
        }
        if !self.leads() {
            return;
        }
        if !known {
            // Another one leads, in a later term.
            return self.follow(self.term, None, out);
        }
        if !self.may_lead() {
            return self.retire(out);
        }
        self.know_peers(self.log.last().at.height.next());
        self.start_reads(out);
    }
}
