//! The normal case (4.2): a draft gets its place, a quorum agrees, a quorum knows that it did.

use std::collections::BTreeMap;

use super::{
    Ballot, COMMITS_MAX, Core, Effect, Message, Prepared, Said, Signer, Step, Votes, Wait,
};
use crate::consensus::{AuthorityId, DropReason, Point};
use crate::types::canary::{Bug, planted};

impl<K: Signer> Core<K> {
    /// The primary gives a draft that was looked at, or that it made, the next place.
    pub fn propose(&mut self, at: Point, out: &mut Vec<Effect<K::Signature>>) {
        let fits = self.leads() && self.offered.is_none() && at.height == self.height();
        if !fits || self.due.is_some_and(|due| due != at) {
            return;
        }
        let view = self.kept.view;
        self.sound.insert(at.id);
        self.offered = Some(at);
        // From now on it is about this draft: while it was idle its clock ran on.
        out.push(Effect::Wait(Wait::Patience));
        // Whoever promises a place twice in one view is a liar, so this one goes nowhere before it is kept.
        let signature = self.accept(Ballot { view, at }, out);
        out.push(Effect::Tell(Message::PrePrepare { view, draft: at, signature }));
        self.count(view, out);
    }

    /// PRE-PREPARE: in the own view, of its primary, right above the sealed head, and the first one there.
    pub(super) fn pre_prepare(
        &mut self,
        from: AuthorityId,
        vote: (Ballot, K::Signature),
        out: &mut Vec<Effect<K::Signature>>,
    ) {
        let (ballot, signature) = vote.clone();
        let Ballot { view, at } = ballot;
        let message = Message::PrePrepare { view, draft: at, signature };
        if !self.is_timely(from, ballot, message, out) {
            return;
        }
        if self.primary(view) != Some(from) {
            return out.push(Effect::Dropped(from, DropReason::Malformed));
        }
        // It counts as the primary's PREPARE.
        if !note(&mut self.prepares, from, (Step::Prepare, vote), out) {
            return;
        }
        if self.due.is_some_and(|due| due != at) {
            // What a quorum may have committed to stands in this place.
            out.push(Effect::Dropped(from, DropReason::Malformed));
            return self.suspect(out);
        }
        match self.offered {
            Some(offered) if offered == at => self.count(view, out),
            Some(_) => {}
            None => {
                self.offered = Some(at);
                // From now on it is about this draft.
                out.push(Effect::Wait(Wait::Patience));
                match self.sound.contains(&at.id) {
                    true => self.agree(ballot, out),
                    false => out.push(Effect::Examine(from, at)),
                }
            }
        }
    }

    /// A draft was looked at. One of the primary that is not sound is a reason for another primary.
    pub fn examined(&mut self, at: Point, sound: bool, out: &mut Vec<Effect<K::Signature>>) {
        if at.height != self.height() {
            return;
        }
        let view = self.kept.view;
        let offered = self.offered == Some(at) && self.kept.active;
        if !sound {
            if offered && !self.leads() {
                self.suspect(out);
            }
            return;
        }
        self.sound.insert(at.id);
        if offered && !self.leads() {
            self.agree(Ballot { view, at }, out);
        } else {
            self.lead(out);
        }
        let views: Vec<u64> = self.commits.keys().copied().collect();
        views.into_iter().for_each(|view| self.decide(view, out));
    }

    /// A backup agrees to what the primary offered.
    fn agree(&mut self, ballot: Ballot, out: &mut Vec<Effect<K::Signature>>) {
        if !self.is_voter() {
            return;
        }
        let own = self.accept(ballot, out);
        out.push(Effect::Tell(Message::Prepare(ballot, own)));
        self.count(ballot.view, out);
    }

    /// Agrees to a draft, and to no other one in this view; gives its vote.
    fn accept(&mut self, ballot: Ballot, out: &mut Vec<Effect<K::Signature>>) -> K::Signature {
        self.kept.accepted = Some(ballot);
        if !planted(Bug::VoteUnkept) {
            out.push(Effect::Keep);
        }
        let own = self.me.prepare(&ballot);
        self.prepares.insert(self.me(), (ballot, own.clone()));
        own
    }

    /// PREPARE: of a backup, for what the primary offered or will.
    pub(super) fn prepare(
        &mut self,
        from: AuthorityId,
        vote: (Ballot, K::Signature),
        out: &mut Vec<Effect<K::Signature>>,
    ) {
        let ballot = vote.0;
        if !self.is_timely(from, ballot, Message::Prepare(ballot, vote.1.clone()), out) {
            return;
        }
        if self.primary(ballot.view) == Some(from) {
            // Its PRE-PREPARE is its vote; counted twice, one less would do.
            return out.push(Effect::Dropped(from, DropReason::Malformed));
        }
        if note(&mut self.prepares, from, (Step::Prepare, vote), out) {
            self.count(ballot.view, out);
        }
    }

    /// Whether this view's draft is prepared by now (4.2): then this one commits to it.
    fn count(&mut self, view: u64, out: &mut Vec<Effect<K::Signature>>) {
        let Some(ballot) = self.kept.accepted.filter(|it| it.view == view) else { return };
        let here = view == self.kept.view && self.kept.active && self.is_voter();
        let known = self.kept.prepared.as_ref().is_some_and(|it| it.ballot == ballot);
        // Most votes neither make a quorum nor come when one is wanted: none of them is to cost a look at all others.
        if !here || known || self.prepares.len() < self.quorum() {
            return;
        }
        let by = self.prepares.iter().filter(|(_, (vote, _))| *vote == ballot);
        let by: BTreeMap<_, _> = by.map(|(id, (_, by))| (*id, by.clone())).collect();
        let primary = self.primary(view).is_some_and(|id| by.contains_key(&id));
        if !primary || by.len() < self.quorum() {
            return;
        }
        self.kept.prepared = Some(Prepared { ballot, by });
        if !planted(Bug::CertificateUnkept) {
            out.push(Effect::Keep);
        }
        let own = self.me.commit(&ballot);
        out.push(Effect::Tell(Message::Commit(ballot, own.clone())));
        self.commits.entry(view).or_default().insert(self.me.id(), (ballot, own));
        if self.commits.len() > COMMITS_MAX {
            self.commits.pop_first();
        }
        self.decide(view, out);
    }

    /// COMMIT: whatever its view, a quorum of one view decides.
    pub(super) fn commit(
        &mut self,
        from: AuthorityId,
        vote: (Ballot, K::Signature),
        out: &mut Vec<Effect<K::Signature>>,
    ) {
        let ballot = vote.0;
        if ballot.view >= self.kept.view {
            if !self.is_timely(from, ballot, Message::Commit(ballot, vote.1.clone()), out) {
                return;
            }
        } else if ballot.at.height != self.height() || !self.commits.contains_key(&ballot.view) {
            return out.push(Effect::Dropped(from, DropReason::Stale));
        }
        let votes = self.commits.entry(ballot.view).or_default();
        if note(votes, from, (Step::Commit, vote), out) {
            self.decide(ballot.view, out);
        }
    }

    /// Whether a quorum committed to one draft in a view (4.2, "committed-local"). Their votes prove it to everybody, whether
    /// or not this one saw it prepared.
    fn decide(&mut self, view: u64, out: &mut Vec<Effect<K::Signature>>) {
        let quorum = self.quorum();
        let Some(votes) = self.commits.get(&view).filter(|_| !self.committed) else { return };
        if votes.len() < quorum {
            return;
        }
        let mut by: BTreeMap<Point, BTreeMap<AuthorityId, K::Signature>> = BTreeMap::new();
        for (id, (vote, signature)) in votes {
            by.entry(vote.at).or_default().insert(*id, signature.clone());
        }
        let decided = by.into_iter().find(|(_, voters)| voters.len() >= quorum);
        let Some((at, voters)) = decided else { return };
        if self.sound.contains(&at.id) {
            self.committed = true;
            let voters = voters.into_iter().take(quorum).collect();
            out.push(Effect::Commit(Ballot { view, at }, voters));
        }
    }

    /// Whether a vote is about the height that is being decided here, in this view; keeps what is early.
    fn is_timely(
        &mut self,
        from: AuthorityId,
        ballot: Ballot,
        message: Said<K::Signature>,
        out: &mut Vec<Effect<K::Signature>>,
    ) -> bool {
        let (height, due) = (ballot.at.height, self.height());
        if height < due {
            // Decided without this vote; whoever has missed it says so with its next beat.
            return false;
        }
        let waits = ballot.view == self.kept.view && !self.kept.active;
        if height > due.next() {
            // Too far ahead to be worth keeping: the blocks below it are sealed somewhere.
            out.push(Effect::Seek(height.back(1)));
            return false;
        }
        if height > due || ballot.view > self.kept.view || waits {
            self.early.keep(from, message);
            return false;
        }
        if ballot.view < self.kept.view {
            out.push(Effect::Dropped(from, DropReason::Stale));
            return false;
        }
        true
    }
}

/// Writes a vote of a step down; says whether it does not contradict an earlier one of the same voter.
fn note<S: Clone>(
    votes: &mut Votes<S>,
    from: AuthorityId,
    (step, vote): (Step, (Ballot, S)),
    out: &mut Vec<Effect<S>>,
) -> bool {
    let first = votes.entry(from).or_insert_with(|| vote.clone());
    let same = first.0 == vote.0;
    if !same {
        out.push(Effect::Conflict(from, step, [first.clone(), vote]));
    }
    same
}
