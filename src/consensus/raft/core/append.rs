//! Replication and what is decided (Raft 5.3, 5.4.2).

use super::{Core, Effect, Entry, Point, Ref, Role, Wait};
use crate::consensus::log::Answer;
use crate::consensus::raft::message::Message;
use crate::consensus::{AuthorityId, DropReason};
use crate::types::Height;
use crate::types::canary::{Bug, planted};

impl Core {
    /// The leader adds a draft of its own to the end of the log. It goes out before it is kept: this disk and those of
    /// others work at the same time (thesis, 10.2.1).
    ///
    /// # Panics
    ///
    /// Unless it stands right above the end.
    pub fn propose(&mut self, entry: Entry, out: &mut Vec<Effect>) {
        if !self.leads() {
            return;
        }
        let height = entry.at.height;
        self.log.push(entry);
        self.know_peers(height);
        for to in self.others() {
            self.send_drafts(to, out);
        }
        out.push(Effect::KeepDraft(height));
        self.decide(out);
    }

    /// Sends what a follower has not been sent.
    fn send_drafts(&mut self, to: AuthorityId, out: &mut Vec<Effect>) {
        let (term, round, committed) = (self.term, self.round, self.log.sealed().at);
        let last = self.log.last().at.height;
        let Role::Leader(lead) = &mut self.role else { return };
        if let Some((prev, drafts)) = lead.followers.due(to, &self.log, last, round) {
            out.push(Effect::Send(to, Message::Append { term, round, prev, drafts, committed }));
        }
    }

    /// It is time for a heartbeat.
    pub fn beat(&mut self, out: &mut Vec<Effect>) {
        if !self.leads() {
            return;
        }
        self.send_heartbeats(out);
        out.push(Effect::Wait(Wait::Heartbeat));
        let sealed = self.log.sealed().at.height;
        let Role::Leader(lead) = &self.role else { return };
        for (to, progress) in lead.followers.peers() {
            if progress.sealed < sealed && progress.matched > Height(0) {
                out.push(Effect::Remind(*to, progress.sealed));
            }
        }
    }

    /// Tells everybody who leads.
    pub(super) fn send_heartbeats(&mut self, out: &mut Vec<Effect>) {
        self.round = self.round.saturating_add(1);
        let (term, round, committed) = (self.term, self.round, self.log.sealed().at);
        let Role::Leader(lead) = &self.role else { return };
        for (to, prev) in lead.followers.stands(&self.log) {
            let drafts = Vec::new();
            out.push(Effect::Send(to, Message::Append { term, round, prev, drafts, committed }));
        }
    }

    /// Raft 5.3, AppendEntries. Entries are identified by height and id, and an id covers all that is below it.
    #[expect(clippy::too_many_arguments, reason = "these are the fields of the message")]
    pub(super) fn append(
        &mut self,
        from: AuthorityId,
        term: u64,
        round: u64,
        prev: Point,
        mut drafts: Vec<Ref>,
        committed: Point,
        out: &mut Vec<Effect>,
    ) {
        if term < self.term {
            // It learns from the term that it leads no more.
            out.push(Effect::Dropped(from, DropReason::Stale));
            let sealed = self.log.sealed().at;
            let (term, matched, holds) = (self.term, None, sealed.height);
            let message = Message::Appended { term, round, matched, holds, sealed };
            return out.push(Effect::Send(from, message));
        }
        if term == self.term && self.leads() {
            // Two leaders of one term: nobody who keeps what it has to keep gets there.
            return out.push(Effect::Dropped(from, DropReason::Malformed));
        }
        self.follow(term, Some(from), out);
        let point = self.log.sealed().at;
        let sealed = point.height;
        // Drafts that contradict what is decided do not stand for it: they go when the blocks are here.
        if committed.height > sealed && !self.log.has(&committed) {
            out.push(Effect::Seek(committed.height));
        }
        // What is sealed here was decided, so the leader has it (Raft 5.4.3): below, nothing has to be compared.
        let fits = prev.height < sealed || self.log.has(&prev);
        let mut matched = fits.then_some(prev.height);
        let mut holds = prev.height;
        if fits {
            // What is there already is not written again. Only a real conflict cuts the log, and not before the other
            // draft was looked at: a message that came late or twice is a prefix of what is there.
            drafts.retain(|draft| draft.at.height > sealed);
            let known = drafts.iter().take_while(|draft| self.log.has(&draft.at)).count();
            if let Some(last) = drafts.last() {
                holds = last.at.height;
            }
            if let Some(last) = known.checked_sub(1).and_then(|last| drafts.get(last)) {
                matched = matched.max(Some(last.at.height));
            }
            drafts.drain(..known);
            if !drafts.is_empty() {
                out.push(Effect::Examine { from, term, drafts });
            }
        } else {
            holds = sealed;
        }
        let (term, sealed) = (self.term, point);
        out.push(Effect::Send(from, Message::Appended { term, round, matched, holds, sealed }));
    }

    /// A draft that came in this term is sound and stands on this parent: it joins the log, in place of what contradicts
    /// it, and when it is durable its sender hears so. Says whether it joined.
    pub fn examined(
        &mut self,
        from: AuthorityId,
        term: u64,
        parent: Point,
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> bool {
        let height = entry.at.height;
        let expected = term == self.term && self.leader == Some(from) && !self.leads();
        if !expected || !self.log.has(&parent) || height != parent.height.next() {
            return false;
        }
        if !self.log.has(&entry.at) {
            if self.log.at(height).is_some() {
                out.push(Effect::Forget(height, self.log.last().at.height));
                self.log.cut(height);
            }
            self.log.push(entry);
            out.push(Effect::KeepDraft(height));
        }
        let sealed = self.log.sealed().at;
        let (matched, holds) = (Some(height), height);
        let message = Message::Appended { term, round: 0, matched, holds, sealed };
        out.push(Effect::Send(from, message));
        true
    }

    /// A follower says how far it is; `what` is where its log is the leader's (nowhere, if it lacks what it was told to
    /// stand before), what it has been sent, and what it has sealed.
    pub(super) fn appended(
        &mut self,
        from: AuthorityId,
        term: u64,
        round: u64,
        what: (Option<Height>, Height, Point),
        out: &mut Vec<Effect>,
    ) {
        if term > self.term {
            return self.follow(term, None, out);
        }
        let (matched, holds, sealed) = what;
        let Role::Leader(lead) = &mut self.role else { return };
        if term < self.term {
            return out.push(Effect::Dropped(from, DropReason::Stale));
        }
        // What it has sealed was decided in this term or before, and a leader has all that was (Raft 5.4.3).
        let answer = Answer { round, matched, holds, sealed };
        if !lead.followers.answered(from, answer, &self.log) {
            return;
        }
        self.send_drafts(from, out);
        self.decide(out);
        self.hand_over(out);
        self.confirm_reads(out);
    }

    /// Raft 5.4.2 and figure 8: counting says something about an entry of the own term only; everything below is decided
    /// with it. Each entry is counted by the set that stood below it.
    fn decide(&mut self, out: &mut Vec<Effect>) {
        let Role::Leader(lead) = &self.role else { return };
        let decided = self.log.drafts().iter().rev().find(|entry| {
            let height = entry.at.height;
            let Some(voters) = self.log.voters_on(height) else { return false };
            let own = entry.term == self.term || planted(Bug::OldTermCounted);
            own && lead.followers.have(self.me, voters, height)
        });
        let Some(height) = decided.map(|entry| entry.at.height) else { return };
        if height > self.committed {
            self.committed = height;
            out.push(Effect::Commit(height));
        }
    }
}
