//! The learner: what is chosen (Paxos Made Simple 2.3). The leader counts, seals and tells; the others believe its seal.

use super::{Core, Effect, Entry, Point, Stage, Wait};
use crate::consensus::log::Answer;
use crate::consensus::paxos::message::Ballot;
use crate::consensus::{AuthorityId, DropReason};
use crate::types::Height;

impl Core {
    /// An acceptor says how far it accepted; `what` is up to where, what it has been sent, and what it has sealed.
    pub(super) fn accepted(
        &mut self,
        from: AuthorityId,
        ballot: Ballot,
        beat: u64,
        what: (Option<Height>, Height, Point),
        out: &mut Vec<Effect>,
    ) {
        let (matched, holds, sealed) = what;
        let Stage::Leading(lead) = &mut self.stage else { return };
        if ballot != lead.ballot {
            return out.push(Effect::Dropped(from, DropReason::Stale));
        }
        // What it has sealed was chosen in this ballot or before, so it is what this one proposes or has sealed, too.
        let answer = Answer { round: beat, matched, holds, sealed };
        if !lead.followers.answered(from, answer, &self.log) {
            return;
        }
        if sealed.height > self.log.sealed().at.height {
            out.push(Effect::Seek(sealed.height));
        }
        self.send_drafts(from, out);
        self.decide(out);
        self.confirm_reads(out);
    }

    /// 2.3: a draft is chosen when a majority accepted it in one ballot, which is the leader's own: what was accepted in lower
    /// ones says nothing here. Each height is counted by the set that stood below it.
    pub(super) fn decide(&mut self, out: &mut Vec<Effect>) {
        let Stage::Leading(lead) = &self.stage else { return };
        let ballot = lead.ballot;
        let own = self.log.drafts().iter().take_while(|it| self.vote(it.at.height) == Some(ballot));
        let chosen = own.take_while(|entry| {
            let height = entry.at.height;
            let Some(voters) = self.log.voters_on(height) else { return false };
            lead.followers.have(self.me, voters, height)
        });
        let Some(height) = chosen.last().map(|entry| entry.at.height) else { return };
        if height > self.committed {
            self.committed = height;
            out.push(Effect::Commit(height));
        }
    }

    /// A block of the tree was sealed, by this one or another, in the ballot `by`: the log begins above it. In lower ballots
    /// something else may be proposed there, so they are as good as promised away; the seal is there after a crash, too.
    pub fn sealed(&mut self, entry: Entry, by: Ballot, out: &mut Vec<Effect>) {
        let height = entry.at.height;
        if height <= self.log.sealed().at.height {
            return;
        }
        self.committed = self.committed.max(height);
        let known = self.log.has(&entry.at);
        let (first, last) = (self.log.sealed().at.height.next(), self.log.last().at.height);
        self.log.seal(entry);
        match known {
            true => self.votes = self.votes.split_off(&height.next()),
            false => self.votes.clear(),
        }
        let gone = if known { height } else { last };
        if first <= gone {
            out.push(Effect::Forget(first, gone));
        }
        self.promised = self.promised.max(by);
        let Stage::Leading(lead) = &self.stage else { return self.count(out) };
        // Whoever still looks for what is chosen may find it here; whoever does not would have proposed it.
        let surprised = !known && lead.begun.is_some();
        match by > lead.ballot || surprised || !self.may_stand() {
            true => self.rest(Wait::Campaign, out),
            false => self.went_on(out),
        }
    }

    /// A leader's drafts are sealed. Where that changed who decides, those who do have to have promised.
    fn went_on(&mut self, out: &mut Vec<Effect>) {
        self.know_peers();
        let voters = self.log.sealed().voters.clone();
        let Stage::Leading(lead) = &self.stage else { return };
        if !self.covers(&voters, &lead.promises)
            && let Stage::Leading(lead) = &mut self.stage
        {
            lead.begun = None;
        }
        self.repropose(out);
    }
}
