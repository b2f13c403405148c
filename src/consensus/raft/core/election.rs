//! Elections (Raft 5.2, 5.4.1; thesis 3.10, 4.2.3, 6.4.1, 9.6).

use std::collections::BTreeMap;

use super::{Core, Effect, Followers, Lead, Role, Wait};
use crate::consensus::quorum::{Tally, tally};
use crate::consensus::raft::message::{Last, Message};
use crate::consensus::{AuthorityId, DropReason};
use crate::types::Height;
use crate::types::canary::{Bug, planted};

impl Core {
    fn last(&self) -> Last {
        let last = self.log.last();
        Last { term: last.term, height: last.at.height }
    }

    /// Thesis 9.6: nobody raises its term before a majority would vote for it, so that one who was cut off and comes back
    /// does not depose a leader that everybody else hears.
    pub(super) fn ask_before(&mut self, out: &mut Vec<Effect>) {
        if self.leader.take().is_some() {
            out.push(Effect::Round);
        }
        out.push(Effect::Wait(Wait::Campaign));
        if !self.may_lead() {
            self.role = Role::Follower { lease: false };
            return;
        }
        let (term, last) = (self.term.saturating_add(1), self.last());
        self.role = Role::PreCandidate { answers: BTreeMap::from([(self.me, true)]) };
        let voters = self.log.last().voters.clone();
        for to in voters.iter().filter(|to| **to != self.me) {
            out.push(Effect::Send(*to, Message::PreVote { term, last }));
        }
        self.count(out);
    }

    /// Raft 5.2: increments its term, votes for itself, asks the others.
    fn campaign(&mut self, transfer: bool, out: &mut Vec<Effect>) {
        self.term = self.term.saturating_add(1);
        self.vote = Some(self.me);
        self.leader = None;
        self.role = Role::Candidate { answers: BTreeMap::from([(self.me, true)]) };
        out.push(Effect::KeepVote);
        out.push(Effect::Round);
        out.push(Effect::Wait(Wait::Campaign));
        let (term, last) = (self.term, self.last());
        let voters = self.log.last().voters.clone();
        for to in voters.iter().filter(|to| **to != self.me) {
            out.push(Effect::Send(*to, Message::Vote { term, last, transfer }));
        }
        self.count(out);
    }

    fn count(&mut self, out: &mut Vec<Effect>) {
        let voters = self.log.last().voters.clone();
        let (before, answers) = match &self.role {
            Role::PreCandidate { answers } => (true, answers),
            Role::Candidate { answers } => (false, answers),
            Role::Follower { .. } | Role::Leader(_) => return,
        };
        let votes = answers.values().filter(|granted| **granted).count();
        let early = planted(Bug::QuorumOneShort) && votes >= voters.len() / 2 && votes > 0;
        match tally(&voters, |voter| answers.get(voter).copied()) {
            Tally::Won if before => self.campaign(false, out),
            Tally::Won => self.lead(out),
            Tally::Pending if early && !before => self.lead(out),
            // The wait that is on ends in another try.
            Tally::Lost | Tally::Pending => {}
        }
    }

    /// Raft 5.2: it leads, and says so at once; thesis 3.6.2 and 6.4: with an entry of its own term.
    fn lead(&mut self, out: &mut Vec<Effect>) {
        self.leader = Some(self.me);
        self.role = Role::Leader(Lead {
            followers: Followers::default(),
            begun: self.log.last().at.height.next(),
            transfer: None,
        });
        self.know_peers(self.log.last().at.height.next());
        out.push(Effect::Round);
        out.push(Effect::Wait(Wait::Quorum));
        out.push(Effect::Wait(Wait::Heartbeat));
        out.push(Effect::Begin);
    }

    /// A leader knows everybody whose match may count; whoever is new is sent drafts from `next` on.
    pub(super) fn know_peers(&mut self, next: Height) {
        let (others, round) = (self.others(), self.round);
        if let Role::Leader(lead) = &mut self.role {
            lead.followers.know(others, next, round);
        }
    }

    /// Whether a log that ends so may lead this one (Raft 5.4.1).
    fn is_up_to_date(&self, last: Last) -> bool {
        (last.term, last.height) >= (self.last().term, self.last().height)
    }

    /// A leader that a majority hears, or this one itself, is not deposed (thesis 4.2.3 and 6.2).
    fn has_leader(&self) -> bool {
        matches!(self.role, Role::Follower { lease: true } | Role::Leader(_))
    }

    /// Whether it would vote for somebody (thesis 9.6). Nothing changes.
    pub(super) fn asked_before(
        &mut self,
        from: AuthorityId,
        term: u64,
        last: Last,
        out: &mut Vec<Effect>,
    ) {
        let granted = term > self.term && !self.has_leader() && self.is_up_to_date(last);
        // A refusal carries the own term, so that whoever lags behind learns of it.
        let term = if granted { term } else { self.term };
        out.push(Effect::Send(from, Message::Voted { term, before: true, granted }));
    }

    /// Raft 5.2 and 5.4.1: one vote a term, first come first served, for nobody whose log lacks something that may be
    /// decided. Voters that are none by their own log answer too: the candidate knows more (thesis 4.2.2).
    pub(super) fn asked(
        &mut self,
        from: AuthorityId,
        term: u64,
        last: Last,
        transfer: bool,
        out: &mut Vec<Effect>,
    ) {
        if term < self.term {
            let (term, before, granted) = (self.term, false, false);
            return out.push(Effect::Send(from, Message::Voted { term, before, granted }));
        }
        // Thesis 4.2.3: not even the term is taken over, unless the leader wants it so (3.10).
        if self.has_leader() && !transfer && term > self.term {
            return;
        }
        if term > self.term {
            self.follow(term, None, out);
        }
        let free = self.vote.is_none() || self.vote == Some(from);
        let granted = free && self.is_up_to_date(last);
        if granted {
            if self.vote.is_none() {
                self.vote = Some(from);
                // A new term is kept together with the vote.
                if planted(Bug::VoteUnkept) {
                    out.retain(|effect| *effect != Effect::KeepVote);
                } else if !out.contains(&Effect::KeepVote) {
                    out.push(Effect::KeepVote);
                }
            }
            out.push(Effect::Wait(Wait::Campaign));
        }
        let term = self.term;
        out.push(Effect::Send(from, Message::Voted { term, before: false, granted }));
    }

    pub(super) fn voted(
        &mut self,
        from: AuthorityId,
        term: u64,
        before: bool,
        granted: bool,
        out: &mut Vec<Effect>,
    ) {
        let asked_for = if before && granted { self.term.saturating_add(1) } else { self.term };
        if term > asked_for {
            return self.follow(term, None, out);
        }
        if term < asked_for {
            return out.push(Effect::Dropped(from, DropReason::Stale));
        }
        match &mut self.role {
            Role::PreCandidate { answers } if before => drop(answers.insert(from, granted)),
            Role::Candidate { answers } if !before => drop(answers.insert(from, granted)),
            _ => return,
        }
        self.count(out);
    }

    /// Thesis 6.2: a leader that a majority does not answer steps down, so that its clients look for another one.
    pub(super) fn look_at_quorum(&mut self, out: &mut Vec<Effect>) {
        let Role::Leader(lead) = &mut self.role else { return };
        // Thesis 3.10: a transfer that did not happen within an election timeout does not happen.
        lead.transfer = None;
        match lead.followers.answer_still(self.me, &self.log) {
            true => out.push(Effect::Wait(Wait::Quorum)),
            false => self.follow(self.term, None, out),
        }
    }

    /// Hands leadership to somebody (thesis 3.10): no more drafts, and when its log is complete, it is told to start an
    /// election. Says whether that is possible.
    pub fn transfer(&mut self, to: AuthorityId, out: &mut Vec<Effect>) -> bool {
        let voter = self.log.sealed().voters.contains(&to) && to != self.me;
        let Role::Leader(lead) = &mut self.role else { return false };
        if !voter || !lead.followers.peers().contains_key(&to) {
            return false;
        }
        lead.transfer = Some(to);
        self.hand_over(out);
        true
    }

    /// Tells whoever is to lead, if its log is complete.
    pub(super) fn hand_over(&mut self, out: &mut Vec<Effect>) {
        let (term, last) = (self.term, self.log.last().at.height);
        let Role::Leader(lead) = &self.role else { return };
        let Some(to) = lead.transfer else { return };
        let progress = lead.followers.peers().get(&to);
        if progress.is_some_and(|progress| progress.matched >= last) {
            out.push(Effect::Send(to, Message::TimeoutNow { term }));
        }
    }

    /// A leader that is no voter any more makes room (thesis 4.2.2), for whoever is furthest.
    pub(super) fn retire(&mut self, out: &mut Vec<Effect>) {
        let voters = self.log.sealed().voters.clone();
        if let Role::Leader(lead) = &self.role {
            let peers = lead.followers.peers().iter().filter(|(id, _)| voters.contains(*id));
            if let Some((to, _)) = peers.max_by_key(|(_, progress)| progress.matched) {
                let term = self.term;
                out.push(Effect::Send(*to, Message::TimeoutNow { term }));
            }
        }
        self.follow(self.term, None, out);
    }

    /// The leader wants this one to lead: neither the lease nor a pre-vote stands in the way.
    pub(super) fn take_over(&mut self, from: AuthorityId, term: u64, out: &mut Vec<Effect>) {
        if term < self.term {
            return out.push(Effect::Dropped(from, DropReason::Stale));
        }
        if term == self.term && self.leader == Some(from) && self.may_lead() {
            self.campaign(true, out);
        }
    }
}
