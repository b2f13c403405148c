//! Headers: what peers show of the branches that they promise, and what it is worth.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::wire::{LOCATOR_MAX, Request, SealedHeader};
use super::super::{Peer, Replica, Report};
use super::peers::Asked;
use super::skeleton::{LENGTH_MAX, Mark, Skeleton};
use super::{FinalityConflict, STALL};
use crate::chain::{Rank, Verdict};
use crate::store::{Store, StoreError};
use crate::types::{BlockId, Bounded, HEADER_VERSION, Header, Height, Seal, decode, encode};

/// Peers that are asked for headers at once.
const HEADERS_AT_ONCE: usize = 4;

/// Ids of the best branch that a locator names one by one before its steps widen.
const LOCATOR_DENSE: usize = 10;

/// Ids that it names of another branch.
const LOCATOR_OTHER: usize = 16;

impl<S: Store> Replica<S> {
    /// Asks those for headers that promise a better branch: one at a time while nothing is known of any, more when
    /// nobody answers or when a branch is known that they only have to confirm.
    pub(super) fn ask_for_headers(&mut self) {
        let now = self.now;
        let open: Vec<_> = self.peers.open(|asked| *asked == Asked::Headers).copied().collect();
        // Whoever drips its headers is as slow as one that does not answer.
        let since = |of: &Peer| self.peers.peers.get(of).and_then(|state| state.heard_since);
        let quick = |of: &Peer| since(of).is_some_and(|since| now < since.after(STALL));
        let fresh = open.iter().filter(|question| quick(&question.of)).count();
        let known = self.best_skeleton().is_some();
        let most = if known { HEADERS_AT_ONCE } else { 1 };
        let room = most.saturating_sub(fresh).min(HEADERS_AT_ONCE.saturating_sub(open.len()));
        if room == 0 {
            return;
        }
        let busy: BTreeSet<Peer> = open.iter().map(|question| question.of).collect();
        let mut promising: Vec<_> = self
            .peers
            .peers
            .iter()
            .filter(|(peer, state)| state.is_promising(now) && !busy.contains(peer))
            .map(|(peer, state)| (state.status.as_ref().map(|status| status.rank.clone()), *peer))
            .collect();
        // The greatest promise first; among equals the one that came first.
        promising.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, peer) in promising.into_iter().take(room) {
            let locator = self.locator(peer);
            let Some(locator) = self.stored(locator) else { return };
            if let Some(state) = self.peers.peers.get_mut(&peer) {
                state.heard_since.get_or_insert(now);
            }
            self.ask(peer, Request::Headers { locator: Bounded::truncated(locator) });
        }
    }

    /// Ids by which a peer recognises what we have: of the branch that it was telling us about, or of the best one that
    /// others told us about, then of our own.
    fn locator(&self, peer: Peer) -> Result<Vec<BlockId>, StoreError> {
        let own = self.peers.peers.get(&peer).and_then(|state| state.skeleton.as_ref());
        let other = own.or_else(|| self.best_skeleton().map(|(_, skeleton, _)| skeleton));
        let mut ids = other.map(|branch| branch.locator(LOCATOR_OTHER)).unwrap_or_default();
        let mut height = self.tree.head().height();
        let (mut step, mut dense) = (1, LOCATOR_DENSE);
        // One place is left for the genesis block.
        while ids.len() + 1 < LOCATOR_MAX {
            ids.extend(self.id_at(height)?);
            if height.0 == 0 {
                return Ok(ids);
            }
            dense = dense.saturating_sub(1);
            if dense == 0 {
                step *= 2;
            }
            height = height.back(step);
        }
        ids.extend(self.id_at(Height(0))?);
        Ok(ids)
    }

    /// Headers came that we asked for.
    pub(super) fn headers(&mut self, peer: Peer, headers: Vec<SealedHeader>) {
        if !self.peers.peers.contains_key(&peer) {
            return;
        }
        let Some(first) = headers.first() else { return self.no_more_headers(peer) };
        let base = self.base(peer, &first.header.parent);
        let Some(Some(mut skeleton)) = self.stored(base) else {
            // Whose branch it goes on from may have gone with the peer that showed it.
            return self.heard_out(peer);
        };
        for SealedHeader { header, seal } in headers {
            match self.judge_header(&header, &seal, &mut skeleton) {
                Ok(true) => {}
                Ok(false) => {
                    skeleton.complete = true;
                    break;
                }
                Err(reason) => {
                    self.peers.peers.entry(peer).and_modify(|state| state.skeleton = None);
                    return match reason {
                        Some(reason) => self.ban(peer, format!("its headers: {reason}")),
                        None => self.heard_out(peer),
                    };
                }
            }
        }
        let Some(state) = self.peers.peers.get_mut(&peer) else { return };
        let head = state.status.as_ref().map(|status| status.head);
        skeleton.complete |= head == Some(skeleton.tip().id);
        let complete = skeleton.complete;
        if complete {
            state.heard_since = None;
        }
        state.skeleton = Some(Arc::new(skeleton));
        if complete {
            self.weigh(peer);
        }
    }

    /// What a peer's headers go on from: a branch that we have the headers of, or a block that we have.
    fn base(&mut self, peer: Peer, parent: &BlockId) -> Result<Option<Skeleton>, StoreError> {
        if let Some(state) = self.peers.peers.get_mut(&peer) {
            // The usual case, in which nothing needs to be copied.
            let own = state.skeleton.take_if(|own| own.tip().id == *parent);
            if let Some(own) = own {
                return Ok(Some(Arc::unwrap_or_clone(own)));
            }
        }
        if let Some(branch) = self.shown(parent) {
            return Ok(Some(branch));
        }
        let Some(height) = self.header(parent)?.map(|known| known.header.height) else {
            return Ok(None);
        };
        Ok(self.known(parent, height)?.map(Skeleton::on))
    }

    /// A branch that peers showed, up to one of its marks or its end.
    pub(super) fn shown(&self, id: &BlockId) -> Option<Skeleton> {
        let branches = self.peers.peers.values().filter_map(|state| state.skeleton.as_ref());
        let target = self.sync.target.iter().map(|target| &target.skeleton);
        branches.chain(target).find_map(|known| known.up_to(id))
    }

    /// A block that we have: in the tree, or final.
    fn known(&self, id: &BlockId, height: Height) -> Result<Option<Mark>, StoreError> {
        if let Some(node) = self.tree.get(id) {
            let (time, rank) = (node.block.header.time, Some(node.rank.clone()));
            return Ok(Some(Mark { height: node.height(), id: *id, time, rank }));
        }
        if height > self.tree.root().height() || self.stored.final_id(height)? != Some(*id) {
            return Ok(None);
        }
        let known = self.stored.header(id)?;
        Ok(known.map(|it| Mark { height, id: *id, time: it.header.time, rank: it.rank }))
    }

    /// Adds a header to a skeleton if it is good. Says whether there can be more; fails with what is wrong, or with
    /// nothing where nobody is to blame.
    fn judge_header(
        &mut self,
        header: &Header,
        seal: &Seal,
        skeleton: &mut Skeleton,
    ) -> Result<bool, Option<String>> {
        let (id, tip) = (header.id(&self.chain), skeleton.tip());
        if header.parent != tip.id || header.height != tip.height.next() {
            return Err(Some(format!("{id} does not follow {}", tip.id)));
        }
        if header.version != HEADER_VERSION {
            return Err(Some(format!("{id} has version {}", header.version)));
        }
        if self.is_invalid(&id) {
            return Err(Some(format!("{id} is invalid")));
        }
        if let Some(checkpoint) = self.tree.contradicts_checkpoint(header.height, &id) {
            let (block, height) = (id, header.height);
            let reason = format!("the checkpoint at height {height} is {checkpoint}, not {block}");
            self.report(Report::Refused { block, height, reason });
            return Err(None);
        }
        if skeleton.len() == 0 {
            let known = self.known(&id, header.height);
            match self.stored(known) {
                Some(Some(known)) => {
                    *skeleton = Skeleton::on(known);
                    return Ok(true);
                }
                Some(None) => self.look_for_another_end(header, seal, id),
                None => return Err(None),
            }
        }
        if self.now < self.tree.rules().not_before(header) || skeleton.len() >= LENGTH_MAX {
            return Ok(false);
        }
        let rank = match &tip.rank {
            Some(parent) => self.tree.rules().rank_by_header(header, seal, parent),
            None => Ok(None),
        };
        match rank {
            Ok(rank) => {
                skeleton.push(Mark { height: header.height, id, time: header.time, rank });
                Ok(true)
            }
            Err(Verdict::Failed(error)) => {
                self.fail(error.0);
                Err(None)
            }
            Err(verdict) => Err(Some(format!("{id}: {verdict}"))),
        }
    }

    /// A peer has nothing after what we told it that we have.
    fn no_more_headers(&mut self, peer: Peer) {
        let head = self.peers.peers.get(&peer).and_then(|state| state.status.as_ref());
        let head = head.map(|status| status.head);
        // It may be at the end of a branch that another one showed.
        let shown = head.and_then(|head| {
            let mut branches =
                self.peers.peers.values().filter_map(|state| state.skeleton.as_ref());
            branches.find_map(|known| known.up_to(&head))
        });
        let Some(state) = self.peers.peers.get_mut(&peer) else { return };
        if state.skeleton.is_none() {
            state.skeleton = shown.map(Arc::new);
        }
        match &mut state.skeleton {
            Some(skeleton) => {
                state.heard_since = None;
                Arc::make_mut(skeleton).complete = true;
                self.weigh(peer);
            }
            None => self.heard_out(peer),
        }
    }

    /// The rank of a branch that a peer offers: what headers prove, or else what the peer says.
    pub(super) fn offered(&self, peer: Peer, skeleton: &Skeleton) -> Option<Rank> {
        let claimed = || Some(self.peers.peers.get(&peer)?.status.as_ref()?.rank.clone());
        skeleton.tip().rank.clone().or_else(claimed)
    }

    /// All headers of a peer's branch are known: is it what it promised?
    fn weigh(&mut self, peer: Peer) {
        let Some(skeleton) = self.peers.peers.get(&peer).and_then(|state| state.skeleton.clone())
        else {
            return;
        };
        let better = skeleton.len() > 0
            && self.offered(peer, &skeleton).is_some_and(|rank| rank > self.tree.head().rank);
        let anchor = skeleton.anchor().height;
        let below = anchor < self.tree.root().height() && self.first_unknown(&skeleton).is_none();
        if better && below {
            self.contradicted(&skeleton);
        }
        if !better || below {
            self.heard_out(peer);
        }
    }

    /// Reports a better branch that leaves the chain below the final block. Only what headers prove counts.
    fn contradicted(&mut self, skeleton: &Skeleton) {
        let (tip, Some(theirs)) = (skeleton.tip(), skeleton.first()) else { return };
        if tip.rank.is_some() {
            self.conflict((skeleton.anchor().height.next(), theirs), (tip.height, tip.id));
        }
    }

    /// Where seals prove finality by themselves, one that leaves the chain below the final block proves that more lie than the
    /// rule bears. The authorities of today are asked: those of that height are forgotten.
    pub(in super::super) fn look_for_another_end(
        &mut self,
        header: &Header,
        seal: &Seal,
        id: BlockId,
    ) {
        let ours = self.id_at(header.height);
        let Some(ours) = self.stored(ours) else { return };
        if header.height > self.tree.root().height() || ours == Some(id) {
            return;
        }
        let state = self.tree.root().state.clone();
        match self.tree.rules().proves_final(header, seal, &state) {
            Ok(true) => self.conflict((header.height, id), (header.height, id)),
            Ok(false) => {}
            Err(error) => self.fail(error.0),
        }
    }

    /// Keeps and reports that something else is proven at a height that is final here, on a branch that ends in a tip.
    fn conflict(
        &mut self,
        (height, theirs): (Height, BlockId),
        (tip_height, tip): (Height, BlockId),
    ) {
        let ours = self.id_at(height);
        let Some(Some(ours)) = self.stored(ours) else { return };
        if self.sync.conflict.as_ref().is_some_and(|it| it.theirs == theirs) {
            return;
        }
        let since = self.now;
        let conflict = FinalityConflict { height, ours, theirs, tip, tip_height, since };
        let staged = self.stored.keep_conflict(encode(&conflict));
        self.stored(staged);
        self.report(Report::FinalityConflict(conflict.clone()));
        self.sync.conflict = Some(conflict);
    }

    /// What was kept of a conflict before the last stop.
    pub(in super::super) fn recall_conflict(&mut self) -> Result<(), StoreError> {
        let kept = self.stored.conflict()?;
        self.sync.conflict = kept.and_then(|bytes| decode(&bytes).ok());
        if let Some(conflict) = self.sync.conflict.clone() {
            self.report(Report::FinalityConflict(conflict));
        }
        Ok(())
    }

    /// The last mark of a branch that we have a state for; none if the branch leaves ours below the final block.
    pub(super) fn first_unknown(&self, skeleton: &Skeleton) -> Option<usize> {
        let root = self.tree.root().height();
        let is_final =
            |mark: &Mark| self.stored.final_id(mark.height).ok().flatten() == Some(mark.id);
        let known = skeleton.marks_while(|mark| match mark.height < root {
            true => is_final(mark),
            false => self.tree.get(&mark.id).is_some(),
        });
        let last = known.checked_sub(1)?;
        if skeleton.mark(last).height >= root {
            return Some(last);
        }
        // The final block lies somewhere in the next segment, or another one does in its place.
        let through = self.sync.target.as_ref();
        through.is_some_and(|target| target.skeleton.contains(skeleton.tip())).then_some(last)
    }
}
