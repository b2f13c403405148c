//! What a leader knows of those that follow it, and the reads that wait until it knows that they still do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Log, Ref};
use crate::consensus::authorities::Authorities;
use crate::consensus::quorum::{Tally, committed, joint_tally, majority};
use crate::consensus::{AuthorityId, Point};
use crate::types::Height;
use crate::types::canary::{Bug, planted};

/// Drafts in one message. A leader has few in flight; after elections in a row there may be more.
pub const DRAFTS_MAX: usize = 64;

/// Reads that wait at a leader.
pub const READS_MAX: usize = 1024;

/// How far a follower is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Progress {
    /// Its log is the leader's up to here.
    pub matched: Height,
    /// What to send next.
    next: Height,
    /// What it has sealed, by its own word.
    pub sealed: Height,
    /// It lacks sealed blocks, which are not the leader's to send.
    behind: bool,
    /// The latest heartbeat that it answered.
    pub round: u64,
    /// The heartbeat before which drafts were last sent.
    sent: u64,
}

/// What a follower says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Answer {
    /// The heartbeat that it answers; 0 if it answers none.
    pub round: u64,
    /// Where its log is the leader's; nothing if it lacks what it was told to stand before.
    pub matched: Option<Height>,
    /// What it has been sent, and may still be looking at.
    pub holds: Height,
    /// Its sealed head.
    pub sealed: Point,
}

impl Progress {
    /// Nothing is known; drafts are sent from `next` on, after this heartbeat.
    fn new(next: Height, sent: u64) -> Self {
        let (matched, sealed) = (Height(0), Height(0));
        Self { matched, next, sealed, behind: false, round: 0, sent }
    }

    /// It answers a leader with this log. What it has sealed was decided in this round or before, so that a leader has it or
    /// will: what is of another branch tells nothing.
    fn answered(&mut self, answer: Answer, log: &Log) {
        let (sealed, last) = (log.sealed().at.height, log.last().at.height);
        let Answer { round, matched, holds, sealed: theirs } = answer;
        let shared = match theirs.height < sealed || log.has(&theirs) {
            true => theirs.height,
            false => Height(0),
        };
        self.round = self.round.max(round);
        self.sealed = self.sealed.max(shared);
        let known = matched.unwrap_or_default().max(shared).min(last);
        self.matched = self.matched.max(known);
        let has = self.matched.max(if matched.is_some() { holds.min(last) } else { shared });
        self.behind = matched.is_none() && shared < sealed;
        // An answer to what was sent after the last drafts: if they are not there, they are lost.
        if matched.is_none() || (round > self.sent && has.next() < self.next) {
            self.next = has.max(sealed).next().min(last.next());
        }
    }
}

/// A read that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Read {
    /// Who wants to read; nobody else than the leader where it is empty.
    pub from: Option<AuthorityId>,
    /// The reader's number for it.
    pub number: u64,
    /// What it has to see, and the heartbeat that has to be answered; unknown while the leader does not know all that is
    /// decided.
    since: Option<(Height, u64)>,
}

/// What becomes of somebody's wish to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// It waits.
    New,
    /// It waits already: it was asked for again.
    Already,
    /// There is no room.
    Full,
}

/// What a leader knows of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Followers {
    /// How far they are.
    peers: BTreeMap<AuthorityId, Progress>,
    /// Who answered since the quorum was last looked at.
    heard: BTreeSet<AuthorityId>,
    /// Reads that wait for a majority to confirm that this one leads.
    reads: VecDeque<Read>,
}

impl Followers {
    /// How far they are.
    pub fn peers(&self) -> &BTreeMap<AuthorityId, Progress> {
        &self.peers
    }

    /// A leader knows everybody whose word may count; whoever is new is sent drafts from `next` on, after this heartbeat.
    pub fn know(&mut self, others: impl IntoIterator<Item = AuthorityId>, next: Height, beat: u64) {
        let others: BTreeSet<AuthorityId> = others.into_iter().collect();
        self.peers.retain(|id, _| others.contains(id));
        for other in others {
            self.peers.entry(other).or_insert(Progress::new(next, beat));
        }
    }

    /// One of them says how far it is; says whether it is one.
    pub fn answered(&mut self, from: AuthorityId, answer: Answer, log: &Log) -> bool {
        let Some(progress) = self.peers.get_mut(&from) else { return false };
        self.heard.insert(from);
        progress.answered(answer, log);
        true
    }

    /// What one has not been sent of the log up to a height, and what that stands on: as much as goes into one message, the
    /// rest when it answers. It counts as sent.
    pub fn due(
        &mut self,
        to: AuthorityId,
        log: &Log,
        upto: Height,
        beat: u64,
    ) -> Option<(Point, Vec<Ref>)> {
        let progress = self.peers.get_mut(&to)?;
        // What was sealed meanwhile is not the leader's to send.
        progress.next = progress.next.max(log.sealed().at.height.next());
        let prev = log.at(progress.next.back(1))?.at;
        let drafts = log.from(progress.next).iter().filter(|entry| entry.at.height <= upto);
        let drafts = drafts.take(DRAFTS_MAX);
        let drafts: Vec<Ref> = drafts.map(|entry| Ref { at: entry.at, term: entry.term }).collect();
        let last = drafts.last().filter(|_| !progress.behind)?;
        progress.next = last.at.height.next();
        progress.sent = beat;
        Some((prev, drafts))
    }

    /// What a heartbeat tells each to stand before: what it is known to have. Bodies may still be looked at there, and
    /// nothing has to come twice.
    pub fn stands(&self, log: &Log) -> impl Iterator<Item = (AuthorityId, Point)> {
        self.peers.iter().map(|(to, progress)| {
            let entry = log.at(progress.matched).unwrap_or(log.sealed());
            (*to, entry.at)
        })
    }

    /// Whether a majority of these voters has what is at a height, the leader itself among them.
    pub fn have(&self, me: AuthorityId, voters: &Authorities, height: Height) -> bool {
        let reached = |id: &AuthorityId| match *id == me {
            true => u64::MAX,
            false => self.peers.get(id).map_or(0, |progress| progress.matched.0),
        };
        let short = planted(Bug::QuorumOneShort)
            && voters.iter().filter(|id| reached(id) >= height.0).count() + 1
                >= majority(voters.len());
        short || committed(voters, reached).is_some_and(|number| number >= height.0)
    }

    /// Whether a majority answered since this was asked last, of those who decide now and of those who will.
    pub fn answer_still(&mut self, me: AuthorityId, log: &Log) -> bool {
        let heard = std::mem::take(&mut self.heard);
        let there = |id: &AuthorityId| (*id == me || heard.contains(id)).then_some(true);
        joint_tally([&*log.sealed().voters, &*log.last().voters], there) == Tally::Won
    }

    /// How many reads wait.
    pub fn reads(&self) -> usize {
        self.reads.len()
    }

    /// Somebody wants to read.
    pub fn read(&mut self, from: Option<AuthorityId>, number: u64) -> Queued {
        if self.reads.iter().any(|read| read.from == from && read.number == number) {
            return Queued::Already;
        }
        if self.reads.len() >= READS_MAX {
            return Queued::Full;
        }
        self.reads.push_back(Read { from, number, since: None });
        Queued::New
    }

    /// All that is decided is known: reads that did not know yet have to see up to this height, and a heartbeat that goes out
    /// now has to be answered. Says whether there are such.
    pub fn begin_reads(&mut self, decided: Height, beat: u64) -> bool {
        let mut fresh = false;
        for read in self.reads.iter_mut().filter(|read| read.since.is_none()) {
            read.since = Some((decided, beat));
            fresh = true;
        }
        fresh
    }

    /// The reads for which a majority answered a heartbeat that went out after they came in, and what each has to see.
    pub fn confirmed(&mut self, me: AuthorityId, log: &Log) -> Vec<(Read, Height)> {
        let voters = [&*log.sealed().voters, &*log.last().voters];
        let mut confirmed = Vec::new();
        while let Some(read) = self.reads.front().copied()
            && let Some((height, beat)) = read.since
        {
            let answered = |id: &AuthorityId| {
                let there = *id == me || self.peers.get(id).is_some_and(|it| it.round >= beat);
                there.then_some(true)
            };
            if joint_tally(voters, answered) != Tally::Won && !planted(Bug::ReadUnconfirmed) {
                break;
            }
            self.reads.pop_front();
            confirmed.push((read, height));
        }
        confirmed
    }
}
