//! Catching up with peers.
//!
//! Peers tell each other where they stand when they meet and every two seconds while their heads differ; gossip is
//! only the fast path. Whoever says that it has a better branch is held to it in three steps:
//!
//! 1. **Headers.** Its headers are judged as far as they can be without a state: under proof of work that is the work
//!    itself, so the branch is known to weigh what it says before one block of it is fetched. What is kept is its
//!    [skeleton](skeleton). Rules whose seals need the parent's state take the rank on its word until blocks come.
//! 2. **Aim.** When everybody who promises something better was heard, or has had a moment, the heaviest skeleton is the
//!    [target]. Only it is executed. A short branch is not worth waiting for.
//! 3. **Blocks.** Segments between the marks of the skeleton are asked of everybody who has them, checked as they come
//!    and executed in order, a slice at a time so that nothing else has to wait.
//!
//! # What a bad peer costs
//!
//! One that *lies* about headers or blocks is banned at once; a branch that turns out invalid takes everybody along who
//! offered it. One that *stalls* is passed over after two seconds, one that *vanishes* at once. One that promised more
//! than it brought is left alone for a while, longer each time. None of them keeps us from the others.
//!
//! # Finality
//!
//! A better branch that leaves the chain below the final block is not followed. It is kept and reported as a
//! [`FinalityConflict`].

mod peers;
mod serve;
mod skeleton;
mod target;

use std::collections::BTreeSet;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

pub(super) use self::peers::Peers;
use self::peers::{Asked, Question};
use self::skeleton::{LENGTH_MAX, Mark, STRIDE, Skeleton};
use self::target::{Fit, Target, Turn, Want};
use super::blocks::{Checking, Entry, Source};
use super::wire::{LOCATOR_MAX, Request, SealedHeader};
use super::{Peer, Replica, Report, Verifying};
use crate::chain::{Finality, Rank, UNFINAL_BLOCKS_MAX, Verdict};
use crate::store::{Store, StoreError};
use crate::types::{Block, BlockId, Bounded, HEADER_VERSION, Header, Height, Span, Time, encode};

/// After so long without an answer somebody else is asked too.
const STALL: Span = Span::seconds(2);

/// For so long at most others may show a better branch than the first one that was shown.
const GATHER: Span = Span::seconds(2);

/// Peers that are asked for headers at once.
const HEADERS_AT_ONCE: usize = 4;

/// Segments that one peer is asked for at once.
const SEGMENTS_PER_PEER: usize = 2;

/// Ids of the best branch that a locator names one by one before its steps widen.
const LOCATOR_DENSE: usize = 10;

/// Ids that it names of another branch.
const LOCATOR_OTHER: usize = 16;

/// Blocks and transactions that are executed before anything else gets its turn: some tens of milliseconds.
const SLICE_BLOCKS: usize = 64;
const SLICE_TRANSACTIONS: usize = 2000;

/// What there is of catching up.
#[derive(Debug, Default)]
pub(super) struct Sync {
    target: Option<Target>,
    /// The time of the target's end, where headers prove it.
    leads_to: Option<Time>,
    /// Since when a better branch is known without being followed.
    gathering: Option<Time>,
    conflict: Option<FinalityConflict>,
}

/// How far catching up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Our height.
    pub height: Height,
    /// The height of the branch that we are catching up with, as far as its headers were seen.
    pub target: Height,
    /// Whether its blocks are being fetched and executed; its headers are still being looked at otherwise.
    pub blocks: bool,
    /// Peers that have it, or look as if.
    pub peers: usize,
}

/// A better branch that contradicts what is final here.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FinalityConflict {
    /// The height at which the two part.
    pub height: Height,
    /// The final block there.
    pub ours: BlockId,
    /// The other branch's.
    pub theirs: BlockId,
    /// The end of the other branch, as far as it was seen.
    pub tip: BlockId,
    /// Its height.
    pub tip_height: Height,
    /// When it was seen first.
    pub since: Time,
}

impl Sync {
    pub(super) fn behind(&self) -> bool {
        self.target.as_ref().is_some_and(|target| target.proven)
    }

    /// Blocks that arrived and were not executed.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.target.as_ref().map_or(0, Target::waiting)
    }

    pub(super) fn conflict(&self) -> Option<&FinalityConflict> {
        self.conflict.as_ref()
    }
}

impl<S: Store> Replica<S> {
    /// How far catching up is, while there is something to catch up with.
    pub fn sync_progress(&self) -> Option<Progress> {
        let height = self.tree.head().height();
        if let Some(target) = &self.sync.target {
            let peers = self.offering(&target.skeleton);
            return Some(Progress { height, target: target.height(), blocks: true, peers });
        }
        let skeletons = self.peers.peers.values().filter(|peer| peer.ahead);
        let skeletons: Vec<_> = skeletons.filter_map(|peer| peer.skeleton.as_ref()).collect();
        let target = skeletons.iter().map(|skeleton| skeleton.tip().height).max()?;
        let long = target.0 > height.0 + STRIDE;
        long.then_some(Progress { height, target, blocks: false, peers: skeletons.len() })
    }

    fn offering(&self, branch: &Skeleton) -> usize {
        let tip = branch.tip();
        let skeletons = self.peers.peers.values().filter_map(|peer| peer.skeleton.as_ref());
        skeletons.filter(|skeleton| skeleton.contains(tip)).count()
    }

    /// When something of this is due without anything happening.
    pub(super) fn sync_due(&self) -> Option<Time> {
        if self.sync.target.as_ref().is_some_and(Target::is_ready) {
            return Some(self.now);
        }
        let stalls =
            self.peers.open(|asked| matches!(asked, Asked::Headers | Asked::Blocks { .. }));
        let stalls = stalls.map(|question| question.since.after(STALL));
        let pauses = self.peers.peers.values().filter(|peer| peer.ahead);
        let pauses = pauses.map(|peer| peer.pause_until);
        let gathering = self.sync.gathering.map(|since| since.after(GATHER));
        stalls.chain(pauses).chain(gathering).filter(|due| *due > self.now).min()
    }

    /// Does what can be done to catch up.
    pub(super) fn catch_up(&mut self) {
        self.execute_slice();
        self.ask_for_headers();
        self.aim();
        self.fetch();
        let proven = self.sync.target.as_ref().filter(|target| target.proven);
        self.sync.leads_to = proven.map(|target| target.skeleton.tip().time);
    }

    /// Asks those for headers that promise a better branch: one at a time while nothing is known of any, more when
    /// nobody answers or when a branch is known that they only have to confirm.
    fn ask_for_headers(&mut self) {
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

    /// The block at a height of the best branch, final or not.
    pub(super) fn id_at(&self, height: Height) -> Result<Option<BlockId>, StoreError> {
        match self.tree.branch().get(&height) {
            Some(id) => Ok(Some(*id)),
            None => self.stored.final_id(height),
        }
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
    fn shown(&self, id: &BlockId) -> Option<Skeleton> {
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
        seal: &crate::types::Seal,
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
                Some(None) => {}
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
    fn offered(&self, peer: Peer, skeleton: &Skeleton) -> Option<Rank> {
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

    /// Keeps and reports a better branch that leaves the chain below the final block. Only what headers prove counts.
    fn contradicted(&mut self, skeleton: &Skeleton) {
        let height = skeleton.anchor().height.next();
        let ours = self.id_at(height);
        let Some(Some(ours)) = self.stored(ours) else { return };
        let (tip, Some(theirs)) = (skeleton.tip(), skeleton.first()) else { return };
        if tip.rank.is_none() || self.sync.conflict.as_ref().is_some_and(|it| it.theirs == theirs) {
            return;
        }
        let (tip_height, tip, since) = (tip.height, tip.id, self.now);
        let conflict = FinalityConflict { height, ours, theirs, tip, tip_height, since };
        let staged = self.stored.keep_conflict(encode(&conflict));
        self.stored(staged);
        self.report(Report::FinalityConflict(conflict.clone()));
        self.sync.conflict = Some(conflict);
    }

    /// What was kept of a conflict before the last stop.
    pub(super) fn recall_conflict(&mut self) -> Result<(), StoreError> {
        let kept = self.stored.conflict()?;
        self.sync.conflict = kept.and_then(|bytes| crate::types::decode(&bytes).ok());
        if let Some(conflict) = self.sync.conflict.clone() {
            self.report(Report::FinalityConflict(conflict));
        }
        Ok(())
    }

    /// The last mark of a branch that we have a state for; none if the branch leaves ours below the final block.
    fn first_unknown(&self, skeleton: &Skeleton) -> Option<usize> {
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

    /// The heaviest branch that is better than ours and known to its end: whose, which, and its rank.
    fn best_skeleton(&self) -> Option<(Peer, &Arc<Skeleton>, Rank)> {
        let head = &self.tree.head().rank;
        let mut best: Option<(Peer, &Arc<Skeleton>, Rank)> = None;
        for (peer, state) in &self.peers.peers {
            let Some(skeleton) = state.skeleton.as_ref().filter(|known| known.complete) else {
                continue;
            };
            let Some(rank) = self.offered(*peer, skeleton).filter(|rank| rank > head) else {
                continue;
            };
            if best.as_ref().is_none_or(|(_, _, greatest)| rank > *greatest) {
                best = Some((*peer, skeleton, rank));
            }
        }
        best
    }

    /// Chooses the branch to follow.
    fn aim(&mut self) {
        self.prune();
        let best = self.best_skeleton().map(|(peer, branch, rank)| (peer, branch.clone(), rank));
        let Some((peer, skeleton, rank)) = best else {
            self.sync.gathering = None;
            return;
        };
        if let Some(target) = &self.sync.target {
            // What lies beyond its end has its turn when the end is reached.
            if rank <= target.rank || skeleton.contains(target.skeleton.last_mark()) {
                return;
            }
        } else {
            let since = *self.sync.gathering.get_or_insert(self.now);
            let promising = self.peers.peers.values().any(|state| state.is_promising(self.now));
            if promising && skeleton.len() > STRIDE && self.now < since.after(GATHER) {
                return;
            }
        }
        let proven = skeleton.tip().rank.is_some();
        self.sync.gathering = None;
        match self.first_unknown(&skeleton) {
            Some(from) => {
                self.sync.target = Some(Target::new(skeleton, from, rank, proven));
                self.report_progress();
            }
            // Finality went on while its headers came: they are looked at again from there.
            None => drop(self.peers.peers.entry(peer).and_modify(|state| state.skeleton = None)),
        }
    }

    fn report_progress(&mut self) {
        if let Some(progress) = self.sync_progress()
            && progress.target.0 > progress.height.0 + 1
        {
            self.report(Report::Syncing(progress));
        }
    }

    /// Forgets branches that are no longer better than ours.
    fn prune(&mut self) {
        let head = self.tree.head().rank.clone();
        for (peer, state) in &mut self.peers.peers {
            let Some(skeleton) = &state.skeleton else { continue };
            let claimed = state.status.as_ref().map(|status| &status.rank);
            let rank = skeleton.tip().rank.as_ref().or(claimed);
            let here = self.tree.get(&skeleton.tip().id).is_some();
            if skeleton.complete && (here || rank.is_none_or(|rank| *rank <= head)) {
                tracing::trace!(peer = peer.0, "its branch is ours, or no better");
                state.skeleton = None;
                state.ahead = claimed.is_some_and(|claimed| *claimed > head);
            }
        }
    }

    /// Asks for the blocks of the target.
    fn fetch(&mut self) {
        let Some(mut target) = self.sync.target.take() else { return };
        let wants = target.wants();
        self.sync.target = Some(target);
        for want in wants {
            let has = |skeleton: &Skeleton| skeleton.contains(&want.to);
            let peers = self.peers.peers.iter();
            let sources = peers.filter(|(_, state)| state.skeleton.as_deref().is_some_and(has));
            let sources: Vec<Peer> = sources.map(|(peer, _)| *peer).collect();
            if sources.is_empty() && want.urgent {
                // Nobody has it, unless somebody is about to say so.
                if !self.peers.peers.values().any(|state| state.is_promising(self.now)) {
                    self.sync.target = None;
                }
                return;
            }
            if let Some(peer) = self.source(&want, &sources) {
                self.ask(peer, Request::Blocks { after: want.after, count: want.count });
            }
        }
    }

    /// Who is to be asked for a part of the target, if anybody is: the one with the least to do. What execution waits
    /// for is asked for a second time when the first answer takes long.
    fn source(&self, want: &Want, sources: &[Peer]) -> Option<Peer> {
        let stalled = |question: &Question| self.now >= question.since.after(STALL);
        let open = self.peers.open(|asked| matches!(asked, Asked::Blocks { .. }));
        let open: Vec<&Question> = open.filter(|it| sources.contains(&it.of)).collect();
        let same = |it: &&&Question| matches!(it.asked, Asked::Blocks { after, .. } if after == want.after);
        let asked: Vec<&&Question> = open.iter().filter(same).collect();
        if asked.len() > 1 || asked.iter().any(|question| !want.urgent || !stalled(question)) {
            return None;
        }
        let load = |peer: &Peer| open.iter().filter(|question| question.of == *peer).count();
        let stalls = |peer: &Peer| open.iter().any(|it| it.of == *peer && stalled(it));
        let free = |peer: &&Peer| load(peer) < SEGMENTS_PER_PEER && !stalls(peer);
        sources.iter().filter(free).min_by_key(|peer| load(peer)).copied()
    }

    /// Blocks came that we asked for.
    pub(super) fn range(&mut self, from: Peer, after: &BlockId, count: u32, blocks: Vec<Block>) {
        let Some(target) = &mut self.sync.target else { return };
        if blocks.is_empty() {
            // It is on another branch by now.
            return self.heard_out(from);
        }
        let ids: Vec<BlockId> = blocks.iter().map(|block| block.id(&self.chain)).collect();
        let parents = std::iter::once(after).chain(&ids);
        let linked =
            blocks.iter().zip(parents).all(|(block, parent)| block.header.parent == *parent);
        if !linked || blocks.len() as u64 > u64::from(count) {
            return self
                .ban(from, format!("asked for {count} blocks after {after}, it sent others"));
        }
        match target.fit(after, &ids) {
            Fit::Stale => {}
            Fit::Elsewhere => {
                target.restart(after);
                self.heard_out(from);
            }
            Fit::Fits => {
                let blocks: Vec<Arc<Block>> = blocks.into_iter().map(Arc::new).collect();
                let order = self.number();
                let (checking, batch) = self.checks(blocks.clone(), Source::Synced(from));
                if let Some(target) = &mut self.sync.target {
                    target.arrived(after, &ids, from, &blocks, order);
                }
                if batch.is_empty() {
                    self.range_checked(order, &checking, &[]);
                } else {
                    self.verifying.insert(order, Verifying::Range(checking));
                    self.outputs.push(super::Output::Verify { order, batch });
                }
            }
        }
    }

    /// The signatures of a range of blocks were checked.
    pub(super) fn range_checked(&mut self, order: u64, checking: &Checking, bad: &[u32]) {
        if let Some(target) = &mut self.sync.target {
            target.checked(order, checking, bad);
        }
    }

    /// Executes what is ready, not too much of it at once.
    fn execute_slice(&mut self) {
        let Some(mut target) = self.sync.target.take() else { return };
        let (mut blocks, mut transactions) = (0, 0);
        while blocks < SLICE_BLOCKS && transactions < SLICE_TRANSACTIONS && !self.failed {
            let milestone = target.milestone().clone();
            let Some(Turn { from, block, forged }) = target.take() else { break };
            blocks += 1;
            transactions += block.body.transactions.len();
            let id = block.id(&self.chain);
            match self.import_checked(id, block, forged, Source::Synced(from)) {
                Entry::New | Entry::Known => {}
                // Its time will come, and then its peer is asked again.
                Entry::Early => return self.abandon(&milestone),
                Entry::Refused if self.is_invalid(&id) => {
                    return self.ban_followers(&milestone, &id);
                }
                // It was not the block that it should have been, and its bearer is gone: another one may have it.
                Entry::Refused if !self.peers.peers.contains_key(&from) => target.start_over(),
                Entry::Refused => return self.abandon(&milestone),
            }
            self.kept_its_word(from);
        }
        if target.is_done() {
            return;
        }
        self.sync.target = Some(target);
        if blocks > 0 {
            self.report_progress();
        }
    }

    /// The target cannot be followed further: whoever offered it is heard again later.
    fn abandon(&mut self, milestone: &Mark) {
        for peer in self.followers(milestone) {
            self.heard_out(peer);
        }
    }

    /// Those whose branch leads through this block.
    fn followers(&self, milestone: &Mark) -> Vec<Peer> {
        let peers = self.peers.peers.iter();
        let has = |skeleton: &Skeleton| skeleton.contains(milestone);
        let followers = peers.filter(|(_, state)| state.skeleton.as_deref().is_some_and(has));
        followers.map(|(peer, _)| *peer).collect()
    }

    fn ban_followers(&mut self, milestone: &Mark, id: &BlockId) {
        for peer in self.followers(milestone) {
            self.ban(peer, format!("it offers a branch through block {id}, which is invalid"));
        }
    }

    /// Up to which height depth may make blocks final. Depth says something only near the present: when the head is of
    /// now, or leads to a branch of now whose headers prove it. Otherwise finality waits as long as there is room.
    pub(super) fn final_at_most(&self) -> Height {
        if self.tree.rules().finality() == Finality::Proof {
            return Height(u64::MAX);
        }
        let present = self.now.before(self.present);
        let (head, root) = (self.tree.head(), self.tree.root());
        if self.sync.leads_to.max(Some(head.block.header.time)) >= Some(present) {
            return Height(u64::MAX);
        }
        let unfinal = head.height().0 - root.height().0;
        match self.tree.is_overfull() {
            true => head.height().back((unfinal / 2).min(UNFINAL_BLOCKS_MAX as u64)),
            false => root.height(),
        }
    }
}
