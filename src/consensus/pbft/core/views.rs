//! View changes (4.4, 4.5): the next primary, and what it has to propose first.

use std::collections::BTreeMap;

use super::{
    Core, DOUBLINGS_MAX, Effect, Head, Message, NewView, Prepared, Signer, ViewChange, Wait,
};
use crate::consensus::{AuthorityId, DropReason, Point};
use crate::types::Height;
use crate::types::canary::{Bug, planted};

impl<K: Signer> Core<K> {
    /// Leaves its view for a later one: from now on it votes in none below.
    pub(super) fn ask_for(&mut self, view: u64, out: &mut Vec<Effect<K::Signature>>) {
        if view <= self.kept.view {
            return;
        }
        self.kept.view = view;
        self.kept.active = false;
        self.due = None;
        self.offered = None;
        self.wanted = false;
        self.prepares.clear();
        out.push(Effect::Keep);
        out.push(Effect::Round);
        out.push(Effect::Rest(Wait::Patience));
        let (change, by) = self.own_change();
        self.changes.insert(self.me(), (change.clone(), by.clone()));
        out.push(Effect::Tell(Message::ViewChange(change, by)));
        self.look_at_changes(out);
    }

    /// What it says of itself in its view.
    pub(super) fn own_change(&self) -> (ViewChange<K::Signature>, K::Signature) {
        let prepared = self.kept.prepared.clone();
        let prepared = prepared.filter(|_| !planted(Bug::CertificateForgotten));
        let change = ViewChange { view: self.kept.view, sealed: self.sealed.at, prepared };
        let by = self.me.change(&change);
        (change, by)
    }

    /// VIEW-CHANGE: the latest of each counts.
    pub(super) fn view_change(
        &mut self,
        from: AuthorityId,
        (change, by): (ViewChange<K::Signature>, K::Signature),
        out: &mut Vec<Effect<K::Signature>>,
    ) {
        if let Some(begun) = self.begun.as_ref().filter(|it| it.view >= change.view) {
            // It missed how this view began.
            let begun = Message::NewView(begun.clone());
            return out.push(Effect::Send(from, begun));
        }
        if change.view < self.kept.view {
            return out.push(Effect::Dropped(from, DropReason::Stale));
        }
        if change.sealed.height > self.sealed.at.height {
            // What it prepared can only be judged from there.
            out.push(Effect::Seek(change.sealed.height));
        } else if !self.is_sound(&change) {
            return out.push(Effect::Dropped(from, DropReason::Malformed));
        }
        let known = self.changes.get(&from).map_or(0, |(it, _)| it.view);
        if change.view < known {
            return out.push(Effect::Dropped(from, DropReason::Stale));
        }
        self.changes.insert(from, (change, by));
        // 4.5.2: so many want to leave that one of them is honest. The smallest view that they want, lest one be passed over
        // in which the others might meet.
        let wanted = self.changes.iter().filter(|(id, _)| self.knows(id));
        let wanted = wanted.map(|(_, (it, _))| it.view).filter(|view| *view > self.kept.view);
        let wanted: Vec<u64> = wanted.collect();
        if self.is_voter() && wanted.len() >= self.some_honest() {
            let view = wanted.into_iter().min().unwrap_or_default();
            return self.ask_for(view, out);
        }
        self.look_at_changes(out);
    }

    /// Whether what somebody says of itself can be: its certificate is of a quorum with the primary in it, about the height
    /// above its sealed head, of an earlier view. One about a height that is decided here says nothing any more.
    fn is_sound(&self, change: &ViewChange<K::Signature>) -> bool {
        let Some(Prepared { ballot, by }) = &change.prepared else { return true };
        let voters = by.keys().all(|id| self.knows(id));
        let primary = self.primary(ballot.view).is_some_and(|id| by.contains_key(&id));
        ballot.at.height == change.sealed.height.next()
            && ballot.view < change.view
            && (change.sealed != self.sealed.at || (voters && primary && by.len() >= self.quorum()))
    }

    /// With a quorum of VIEW-CHANGEs the clock of the view runs, and its primary begins it.
    pub(super) fn look_at_changes(&mut self, out: &mut Vec<Effect<K::Signature>>) {
        let view = self.kept.view;
        if self.kept.active {
            return;
        }
        let voters = self.changes.iter().filter(|(id, _)| self.knows(id));
        // Whoever wants a later view has wanted this one.
        if voters.clone().filter(|(_, (it, _))| it.view >= view).count() < self.quorum() {
            return;
        }
        // What stands on other blocks than those that are sealed here says nothing of what may be committed above.
        let counts =
            |it: &ViewChange<K::Signature>| it.view == view && self.stands(it) && self.is_sound(it);
        let changes = voters.filter(|(_, (it, _))| counts(it));
        let changes: BTreeMap<_, _> = changes.map(|(id, it)| (*id, it.clone())).collect();
        let enough = changes.len() >= self.quorum();
        if !self.wanted {
            self.wanted = true;
            let doublings = self.vain.min(DOUBLINGS_MAX);
            out.push(Effect::Wait(Wait::Change { doublings }));
        }
        if enough && self.primary(view) == Some(self.me()) {
            let begun = NewView { view, above: self.sealed.at, changes };
            out.push(Effect::KeepNewView(begun.clone()));
            out.push(Effect::Tell(Message::NewView(begun.clone())));
            self.begin(begun, out);
        }
    }

    /// Whether a VIEW-CHANGE says what is above this one's sealed head: its sender's is the same, or below.
    fn stands(&self, change: &ViewChange<K::Signature>) -> bool {
        change.sealed == self.sealed.at || change.sealed.height < self.sealed.at.height
    }

    /// NEW-VIEW: nobody is believed what follows from the VIEW-CHANGEs in it; it is worked out again (4.4).
    pub(super) fn new_view(
        &mut self,
        from: AuthorityId,
        begun: NewView<K::Signature>,
        out: &mut Vec<Effect<K::Signature>>,
    ) {
        if !self.is_news(begun.view) {
            return;
        }
        if begun.above.height > self.sealed.at.height {
            out.push(Effect::Seek(begun.above.height));
            return self.early.keep(from, Message::NewView(begun));
        }
        if !self.proves(&begun) {
            return out.push(Effect::Dropped(from, DropReason::Malformed));
        }
        out.push(Effect::KeepNewView(begun.clone()));
        self.begin(begun, out);
    }

    /// Whether the beginning of a view is one that this has not taken part in yet.
    pub(super) fn is_news(&self, view: u64) -> bool {
        view > self.kept.view || (view == self.kept.view && !self.kept.active)
    }

    /// Whether a quorum wants the view, each with a certificate that can be, and none of them above what it says.
    fn proves(&self, begun: &NewView<K::Signature>) -> bool {
        let fits = |(id, (change, _)): (&AuthorityId, &(ViewChange<K::Signature>, _))| {
            let below = change.sealed.height <= begun.above.height;
            let same = change.sealed == begun.above || change.sealed.height < begun.above.height;
            self.knows(id) && change.view == begun.view && below && same && self.is_sound(change)
        };
        let here = begun.above.height < self.sealed.at.height || begun.above == self.sealed.at;
        here && begun.changes.len() >= self.quorum() && begun.changes.iter().all(fits)
    }

    /// A view begins: what has to be proposed first follows from its beginning.
    fn begin(&mut self, begun: NewView<K::Signature>, out: &mut Vec<Effect<K::Signature>>) {
        let (view, due) = (begun.view, self.chosen(&begun));
        self.begun = Some(begun);
        self.enter(view, out);
        self.due = due;
        self.lead(out);
        self.hear_early(out);
    }

    /// Takes part in a view from now on.
    pub(super) fn enter(&mut self, view: u64, out: &mut Vec<Effect<K::Signature>>) {
        self.kept.view = view;
        self.kept.active = true;
        self.offered = None;
        self.due = None;
        self.wanted = false;
        self.prepares.clear();
        self.changes.retain(|_, (change, _)| change.view > view);
        if self.begun.as_ref().is_some_and(|it| it.view < view) {
            self.begun = None;
        }
        out.push(Effect::Keep);
        out.push(Effect::Round);
        out.push(Effect::Rest(Wait::Change { doublings: 0 }));
        out.push(Effect::Wait(Wait::Patience));
    }

    /// What a view has to begin with: what was prepared in the highest view, since a quorum may have committed to it. Nothing
    /// if that place is decided here.
    pub(super) fn chosen(&self, begun: &NewView<K::Signature>) -> Option<Point> {
        if planted(Bug::NewViewBelieved) || begun.above != self.sealed.at {
            return None;
        }
        Self::highest(begun, self.sealed.at.height.next()).map(|it| it.ballot.at)
    }

    /// The certificate of the highest view about a height.
    pub(super) fn highest(
        begun: &NewView<K::Signature>,
        height: Height,
    ) -> Option<&Prepared<K::Signature>> {
        let prepared = begun.changes.values().filter_map(|(change, _)| change.prepared.as_ref());
        let here = prepared.filter(|it| it.ballot.at.height == height);
        here.max_by_key(|it| it.ballot.view)
    }
}

impl Head {
    /// The first block of a chain, or any that is sealed.
    pub fn new(at: Point, voters: crate::consensus::authorities::Authorities) -> Self {
        Self { at, voters: std::sync::Arc::new(voters) }
    }
}
