//! The proposer: it asks for promises once, and then proposes height after height (Paxos Made Simple 2.2, 2.4 and 3; Paxos Made
//! Moderately Complex 2.3, scouts and commanders, and 2.4, leaders).

use std::collections::BTreeMap;

use super::{Core, Effect, Entry, Followers, Message, Point, Ref, WINDOW, Wait};
use crate::consensus::authorities::Authorities;
use crate::consensus::paxos::message::{Accepts, Ballot, Vote};
use crate::consensus::quorum::{Tally, tally};
use crate::consensus::{AuthorityId, DropReason};
use crate::types::Height;
use crate::types::canary::{Bug, planted};

/// What a proposer does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nothing.
    Idle,
    /// It asks for promises: phase 1.
    Preparing {
        /// In this ballot.
        ballot: Ballot,
        /// What the others promised and had accepted.
        promises: BTreeMap<AuthorityId, Accepts>,
    },
    /// It proposes: phase 2.
    Leading(Lead),
}

/// What a leader knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lead {
    /// Its ballot.
    pub ballot: Ballot,
    /// What others promised and had accepted.
    pub promises: BTreeMap<AuthorityId, Accepts>,
    /// What was accepted in lower ballots is proposed again up to here, and nothing above can have been chosen: from here on
    /// its own drafts follow. Nothing while that is still being done.
    pub begun: Option<Height>,
    /// How far the others are, and the reads that wait for their word.
    pub followers: Followers,
}

impl Core {
    /// 2.2, phase 1 (a), and 2.5: a ballot that it never used, which is durable before anybody hears of it.
    ///
    /// Its own acceptor promises last, when the others that it takes have: until then it goes on accepting what a leader
    /// sends, so that a proposer that nobody follows disturbs nobody.
    pub(super) fn stand(&mut self, out: &mut Vec<Effect>) {
        self.rest(Wait::Campaign, out);
        if !self.may_stand() {
            return;
        }
        self.round = self.round.max(self.seen).max(self.promised.round).saturating_add(1);
        let ballot = Ballot { round: self.round, proposer: self.me };
        if !planted(Bug::BallotReused) {
            out.push(Effect::KeepVote);
        }
        self.stage = Stage::Preparing { ballot, promises: BTreeMap::new() };
        let sealed = self.log.sealed().at;
        for to in self.log.others(self.me) {
            out.push(Effect::Send(to, Message::Prepare { ballot, sealed }));
        }
        self.count(out);
    }

    /// Whether a majority of a set promised this leader, itself among them.
    pub(super) fn covers(
        &self,
        voters: &Authorities,
        promises: &BTreeMap<AuthorityId, Accepts>,
    ) -> bool {
        let promised = |id: &AuthorityId| *id == self.me || promises.contains_key(id);
        let votes = voters.iter().filter(|id| promised(id)).count();
        let early = planted(Bug::QuorumOneShort) && votes >= voters.len() / 2;
        early || tally(voters, |id| promised(id).then_some(true)) == Tally::Won
    }

    /// 2.2, phase 2 (a): it may propose once a majority of the acceptors promised, each height's own. All that they know to be
    /// chosen has to be here.
    pub(super) fn count(&mut self, out: &mut Vec<Effect>) {
        let Stage::Preparing { ballot, promises } = &self.stage else { return };
        let ballot = *ballot;
        if self.promised > ballot || !self.covers(&self.log.sealed().voters, promises) {
            return;
        }
        let known = promises.values().map(|accepts| accepts.sealed.height).max();
        if let Some(height) = known.filter(|height| *height > self.log.sealed().at.height) {
            return out.push(Effect::Seek(height));
        }
        self.lead(ballot, out);
    }

    fn lead(&mut self, ballot: Ballot, out: &mut Vec<Effect>) {
        let stage = std::mem::replace(&mut self.stage, Stage::Idle);
        let Stage::Preparing { promises, .. } = stage else { return };
        let before = out.len();
        self.adopt(ballot, out);
        if planted(Bug::BallotReused) {
            out.truncate(before);
        }
        self.leader = Some(self.me);
        self.stage =
            Stage::Leading(Lead { ballot, promises, begun: None, followers: Followers::default() });
        self.know_peers();
        out.push(Effect::Round);
        out.push(Effect::Wait(Wait::Quorum));
        out.push(Effect::Wait(Wait::Heartbeat));
        self.send_heartbeats(out);
        self.repropose(out);
    }

    /// Somebody promised.
    pub(super) fn promise(
        &mut self,
        from: AuthorityId,
        ballot: Ballot,
        accepts: Accepts,
        out: &mut Vec<Effect>,
    ) {
        if !accepts.stand() {
            return out.push(Effect::Dropped(from, DropReason::Malformed));
        }
        match &mut self.stage {
            Stage::Preparing { ballot: own, promises } if *own == ballot => {
                promises.insert(from, accepts);
                self.count(out);
            }
            Stage::Leading(lead) if lead.ballot == ballot => {
                lead.promises.insert(from, accepts);
                self.repropose(out);
            }
            _ => out.push(Effect::Dropped(from, DropReason::Stale)),
        }
    }

    /// 2.4, preemption: somebody promised a higher ballot. Whoever led asks again after a short random wait, others after a
    /// longer one, so that two of them do not take turns for ever.
    pub(super) fn refused(&mut self, from: AuthorityId, ballot: Ballot, out: &mut Vec<Effect>) {
        self.seen = self.seen.max(ballot.round);
        match &self.stage {
            Stage::Preparing { ballot: own, .. } if ballot > *own => {
                self.rest(Wait::Campaign, out);
            }
            Stage::Leading(lead) if ballot > lead.ballot => self.rest(Wait::Chance, out),
            _ => out.push(Effect::Dropped(from, DropReason::Stale)),
        }
    }

    /// Where what this leader proposed ends.
    fn proposed(&self, ballot: Ballot) -> &Entry {
        let own = |entry: &&Entry| self.vote(entry.at.height) == Some(ballot);
        self.log.drafts().iter().take_while(own).last().unwrap_or(self.log.sealed())
    }

    /// What has to be proposed on top of a block or draft: the value of the highest ballot among what the acceptors had accepted
    /// (2.2, P2c), if it stands there. One that does not cannot have been chosen: whoever chose it accepted what it stands
    /// on in the same ballot, and all higher ballots would propose that.
    fn highest(&self, lead: &Lead, below: &Point) -> Option<(Vote, Vec<AuthorityId>)> {
        let own = (self.me, &self.accepts());
        let others = lead.promises.iter().map(|(id, accepts)| (*id, accepts));
        let votes: Vec<(AuthorityId, Vote)> = others
            .chain([own])
            .filter_map(|(id, accepts)| Some((id, *accepts.above(below)?)))
            .filter(|(_, vote)| vote.ballot < lead.ballot)
            .collect();
        let of = |at: &Point| votes.iter().filter(|(_, vote)| vote.draft.at == *at).count();
        let best = match planted(Bug::MajorityValue) {
            false => votes.iter().max_by_key(|(_, vote)| vote.ballot),
            true => votes.iter().max_by_key(|(_, vote)| of(&vote.draft.at)),
        };
        let (_, vote) = *best?;
        let holders = votes.iter().filter(|(_, it)| it.draft.at == vote.draft.at);
        Some((vote, holders.map(|(id, _)| *id).collect()))
    }

    /// 3, and Paxos Made Moderately Complex 2.3 (pmax): what may have been chosen in lower ballots is proposed again in this
    /// one, the same drafts from the sealed head upwards. Nothing goes on top of a change of acceptors that is not sealed,
    /// and each height's acceptors have to have promised.
    pub(super) fn repropose(&mut self, out: &mut Vec<Effect>) {
        loop {
            let Stage::Leading(lead) = &self.stage else { return };
            let ballot = lead.ballot;
            let below = self.proposed(ballot);
            let (at, voters) = (below.at, below.voters.clone());
            if lead.begun.is_some() || voters != self.log.sealed().voters {
                break;
            }
            // What an acceptor has sealed it tells no votes for: it has to be here first.
            let known = lead.promises.values().map(|accepts| accepts.sealed.height).max();
            if let Some(height) = known.filter(|height| *height > at.height) {
                out.push(Effect::Seek(height));
                break;
            }
            if !self.covers(&voters, &lead.promises) {
                let sealed = self.log.sealed().at;
                let asked = self.log.others(self.me).filter(|id| !lead.promises.contains_key(id));
                let ask = |to| Effect::Send(to, Message::Prepare { ballot, sealed });
                out.extend(asked.map(ask));
                break;
            }
            match self.highest(lead, &at) {
                None => {
                    let Stage::Leading(lead) = &mut self.stage else { return };
                    lead.begun = Some(at.height);
                }
                Some((vote, _)) if self.log.has(&vote.draft.at) => {
                    self.cast(vote.draft.at.height, ballot, out);
                }
                Some((vote, holders)) => {
                    // Whoever holds it may be gone: another one is asked at the next heartbeat.
                    let turn = usize::try_from(self.beat).unwrap_or(0) % holders.len().max(1);
                    if let Some(to) = holders.get(turn) {
                        let drafts = vec![vote.draft];
                        out.push(Effect::Send(*to, Message::Want { ballot, drafts }));
                    }
                    break;
                }
            }
        }
        for to in self.log.others(self.me) {
            self.send_drafts(to, out);
        }
        self.decide(out);
        self.start_reads(out);
    }

    /// Drafts that this leader wanted: to be looked at like all others.
    pub(super) fn brought(
        &mut self,
        from: AuthorityId,
        ballot: Ballot,
        drafts: Vec<Ref>,
        out: &mut Vec<Effect>,
    ) {
        match &self.stage {
            Stage::Leading(lead) if lead.ballot == ballot && lead.begun.is_none() => {
                out.push(Effect::Examine { from, term: ballot.round, drafts });
            }
            _ => out.push(Effect::Dropped(from, DropReason::Stale)),
        }
    }

    /// What this leader wanted is here, and sound.
    pub(super) fn recovered(
        &mut self,
        round: u64,
        parent: Point,
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> bool {
        let Stage::Leading(lead) = &self.stage else { return false };
        let ballot = lead.ballot;
        let due = lead.begun.is_none()
            && round == ballot.round
            && self.proposed(ballot).at == parent
            && self.highest(lead, &parent).is_some_and(|(vote, _)| vote.draft.at == entry.at);
        if due {
            self.join(entry, ballot, out);
            self.repropose(out);
        }
        due
    }

    /// Whether it may put a draft of its own on the log: it leads, has proposed again whatever may have been chosen, a
    /// majority of those who decide promised, the last change of them is sealed, and there is room.
    pub fn may_draft(&self) -> bool {
        let Stage::Leading(lead) = &self.stage else { return false };
        let sealed = self.log.sealed();
        lead.begun.is_some()
            && self.log.drafts().len() < WINDOW
            && self.log.last().voters == sealed.voters
            && self.covers(&sealed.voters, &lead.promises)
    }

    /// 2.2, phase 2 (a): the leader proposes a draft of its own at the end of the log. It goes out before it is kept: this disk
    /// and those of others work at the same time, and after a crash this ballot is never used again.
    ///
    /// # Panics
    ///
    /// Unless it stands right above the end.
    pub fn propose(&mut self, entry: Entry, out: &mut Vec<Effect>) {
        let Stage::Leading(Lead { ballot, begun: Some(_), .. }) = self.stage else { return };
        let height = entry.at.height;
        self.log.push(entry);
        self.votes.insert(height, ballot);
        self.know_peers();
        for to in self.log.others(self.me) {
            self.send_drafts(to, out);
        }
        out.push(Effect::KeepDraft(height));
        self.decide(out);
    }

    /// A leader knows everybody whose vote may count; whoever is new is sent drafts from above the sealed head.
    pub(super) fn know_peers(&mut self) {
        let others = self.log.others(self.me);
        let (next, beat) = (self.log.sealed().at.height.next(), self.beat);
        if let Stage::Leading(lead) = &mut self.stage {
            lead.followers.know(others, next, beat);
        }
    }

    /// Sends what an acceptor has not been sent of what is proposed in this ballot.
    pub(super) fn send_drafts(&mut self, to: AuthorityId, out: &mut Vec<Effect>) {
        let (beat, sealed) = (self.beat, self.log.sealed().at);
        let Stage::Leading(lead) = &self.stage else { return };
        let ballot = lead.ballot;
        let end = self.proposed(ballot).at.height;
        let Stage::Leading(lead) = &mut self.stage else { return };
        if let Some((prev, drafts)) = lead.followers.due(to, &self.log, end, beat) {
            out.push(Effect::Send(to, Message::Accept { ballot, beat, prev, drafts, sealed }));
        }
    }

    /// It is time for a heartbeat: whoever leads says so, and does again what may have been lost.
    pub fn beat(&mut self, out: &mut Vec<Effect>) {
        if !self.leads() {
            return;
        }
        self.send_heartbeats(out);
        out.push(Effect::Wait(Wait::Heartbeat));
        let sealed = self.log.sealed().at.height;
        let Stage::Leading(lead) = &self.stage else { return };
        for (to, progress) in lead.followers.peers() {
            if progress.sealed < sealed && progress.round > 0 {
                out.push(Effect::Remind(*to, progress.sealed));
            }
        }
        if lead.begun.is_none() {
            self.repropose(out);
        }
    }

    /// Tells everybody who leads.
    pub(super) fn send_heartbeats(&mut self, out: &mut Vec<Effect>) {
        self.beat = self.beat.saturating_add(1);
        let (beat, sealed) = (self.beat, self.log.sealed().at);
        let Stage::Leading(lead) = &self.stage else { return };
        let ballot = lead.ballot;
        for (to, prev) in lead.followers.stands(&self.log) {
            let drafts = Vec::new();
            out.push(Effect::Send(to, Message::Accept { ballot, beat, prev, drafts, sealed }));
        }
    }

    /// A leader that a majority does not answer steps down, so that its clients look for another one.
    pub(super) fn look_at_quorum(&mut self, out: &mut Vec<Effect>) {
        let Stage::Leading(lead) = &mut self.stage else { return };
        match lead.followers.answer_still(self.me, &self.log) {
            true => out.push(Effect::Wait(Wait::Quorum)),
            false => self.rest(Wait::Campaign, out),
        }
    }

    /// The height up to which this leader has to see its proposals sealed before it knows all that is chosen.
    pub(super) fn begun(&self) -> Option<Height> {
        match &self.stage {
            Stage::Leading(lead) => lead.begun,
            Stage::Idle | Stage::Preparing { .. } => None,
        }
    }
}
