//! The acceptor: it promises and it accepts (Paxos Made Simple 2.2; Paxos Made Moderately Complex 2.2, A1 to A3).

use super::{Core, Effect, Entry, Message, Point, Ref, Stage, Wait};
use crate::consensus::paxos::message::{Accepts, Ballot, VOTES_MAX};
use crate::consensus::{AuthorityId, DropReason};
use crate::types::Height;
use crate::types::canary::{Bug, planted};

impl Core {
    /// Nothing is accepted in lower ballots from now on (A1: ballots only grow).
    pub(super) fn adopt(&mut self, ballot: Ballot, out: &mut Vec<Effect>) {
        if ballot > self.promised {
            self.promised = ballot;
            if !planted(Bug::VoteUnkept) {
                out.push(Effect::KeepVote);
            }
        }
    }

    /// 2.2, phase 1 (b): a ballot that is not below the promised one is promised, and what was accepted is told. The same one
    /// may be asked for again, by a leader whose acceptors change. While a leader is heard others are refused (Paxos Made
    /// Live, 5.2), so that whoever comes back from the cold deposes nobody.
    pub(super) fn prepare(
        &mut self,
        from: AuthorityId,
        ballot: Ballot,
        sealed: Point,
        out: &mut Vec<Effect>,
    ) {
        if ballot.proposer != from {
            return out.push(Effect::Dropped(from, DropReason::Malformed));
        }
        let leased = (self.lease && self.leader != Some(from)) || self.leads();
        if ballot < self.promised || leased {
            let ballot = self.promised;
            return out.push(Effect::Send(from, Message::Refused { ballot }));
        }
        if ballot > self.promised {
            self.adopt(ballot, out);
            // A higher ballot of one's own goes on asking: roles are apart.
            let higher =
                matches!(&self.stage, Stage::Preparing { ballot: own, .. } if *own > ballot);
            if !higher {
                self.rest(Wait::Campaign, out);
            }
        }
        let own = self.log.sealed().at;
        if sealed.height < own.height {
            out.push(Effect::Remind(from, sealed.height));
        } else if sealed.height > own.height && !self.log.has(&sealed) {
            out.push(Effect::Seek(sealed.height));
        }
        let Accepts { sealed, votes } = self.accepts();
        out.push(Effect::Send(from, Message::Promise { ballot, sealed, votes }));
    }

    /// What this one accepted in this ballot, or knows to be chosen, reaches to here.
    pub(super) fn stands_in(&self, at: &Point, ballot: Ballot) -> bool {
        let sealed = self.log.sealed().at;
        at.height < sealed.height
            || *at == sealed
            || (self.log.has(at) && self.vote(at.height) == Some(ballot))
    }

    /// 2.2, phase 2 (b): accepted, unless a higher ballot is promised (A2); at a height only on top of what was accepted
    /// below it in the same ballot, or of the sealed head.
    #[expect(clippy::too_many_arguments, reason = "these are the fields of the message")]
    pub(super) fn accept(
        &mut self,
        from: AuthorityId,
        ballot: Ballot,
        beat: u64,
        prev: Point,
        mut drafts: Vec<Ref>,
        theirs: Point,
        out: &mut Vec<Effect>,
    ) {
        if ballot.proposer != from {
            return out.push(Effect::Dropped(from, DropReason::Malformed));
        }
        let strict = planted(Bug::AcceptedAbovePromised) && ballot == self.promised;
        if ballot < self.promised || strict {
            out.push(Effect::Dropped(from, DropReason::Stale));
            let ballot = self.promised;
            return out.push(Effect::Send(from, Message::Refused { ballot }));
        }
        self.follow(ballot, out);
        let point = self.log.sealed().at;
        if theirs.height > point.height && !self.log.has(&theirs) {
            out.push(Effect::Seek(theirs.height));
        }
        // What its leader has sealed was chosen, so in this ballot nothing else is proposed there: it is as good as accepted.
        if self.log.has(&theirs) {
            for height in (point.height.0 + 1)..=theirs.height.0 {
                self.cast(Height(height), ballot, out);
            }
        }
        // Of what is sealed here the same holds: this ballot is not below its seal's.
        let mut upto = self.stands_in(&prev, ballot).then_some(prev.height);
        let mut holds = point.height;
        if upto.is_some() {
            drafts.retain(|draft| draft.at.height > point.height);
            holds = drafts.last().map_or(prev.height, |last| last.at.height);
            let known = drafts.iter().take_while(|draft| self.log.has(&draft.at)).count();
            for draft in drafts.drain(..known) {
                // The same draft in a higher ballot needs no second look, but the vote is another one.
                self.cast(draft.at.height, ballot, out);
                upto = upto.max(Some(draft.at.height));
            }
            if !drafts.is_empty() {
                out.push(Effect::Examine { from, term: ballot.round, drafts });
            }
        }
        let sealed = point;
        out.push(Effect::Send(from, Message::Accepted { ballot, beat, upto, holds, sealed }));
    }

    /// A leader is heard.
    fn follow(&mut self, ballot: Ballot, out: &mut Vec<Effect>) {
        self.adopt(ballot, out);
        // One's own ballot is the promised one while one leads.
        self.stage = Stage::Idle;
        if self.leader != Some(ballot.proposer) {
            self.leader = Some(ballot.proposer);
            out.push(Effect::Round);
        }
        self.lease = true;
        out.push(Effect::Wait(Wait::Lease));
    }

    /// A vote for the draft at a height (A3: what was accepted is not forgotten, only its ballot grows).
    pub(super) fn cast(&mut self, height: Height, ballot: Ballot, out: &mut Vec<Effect>) {
        if self.votes.insert(height, ballot) != Some(ballot) {
            out.push(Effect::KeepDraft(height));
        }
    }

    /// A draft joins what is accepted, in place of what contradicts it: nothing that this ballot does not propose was or will
    /// be chosen in a lower one.
    pub(super) fn join(&mut self, entry: Entry, ballot: Ballot, out: &mut Vec<Effect>) {
        let height = entry.at.height;
        if !self.log.has(&entry.at) {
            if self.log.at(height).is_some() {
                out.push(Effect::Forget(height, self.log.last().at.height));
                self.log.cut(height);
                self.votes.split_off(&height);
            }
            self.log.push(entry);
        }
        self.cast(height, ballot, out);
    }

    /// A draft that came in a ballot of this round is sound and stands on this parent: it is accepted, and when it is durable
    /// its sender hears so. A leader takes back what it wanted. Says whether it joined.
    pub fn examined(
        &mut self,
        from: AuthorityId,
        round: u64,
        parent: Point,
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> bool {
        let height = entry.at.height;
        if height != parent.height.next() {
            return false;
        }
        if self.leads() {
            return self.recovered(round, parent, entry, out);
        }
        let ballot = Ballot { round, proposer: from };
        let expected = ballot == self.promised && self.leader == Some(from);
        let stands = self.log.has(&parent) && self.stands_in(&parent, ballot);
        if !expected || !stands || self.log.drafts().len() >= VOTES_MAX {
            return false;
        }
        self.join(entry, ballot, out);
        let sealed = self.log.sealed().at;
        let (beat, upto, holds) = (0, Some(height), height);
        out.push(Effect::Send(from, Message::Accepted { ballot, beat, upto, holds, sealed }));
        true
    }

    /// Whoever leads in a ballot that is promised here lacks drafts that this one accepted.
    pub(super) fn wanted(
        &mut self,
        from: AuthorityId,
        ballot: Ballot,
        mut drafts: Vec<Ref>,
        out: &mut Vec<Effect>,
    ) {
        if ballot < self.promised || ballot.proposer != from {
            return out.push(Effect::Dropped(from, DropReason::Stale));
        }
        drafts.retain(|draft| self.log.has(&draft.at));
        drafts.retain(|draft| draft.at.height > self.log.sealed().at.height);
        if !drafts.is_empty() {
            out.push(Effect::Send(from, Message::Bring { ballot, drafts }));
        }
    }
}
