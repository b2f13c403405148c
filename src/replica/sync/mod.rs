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
//! [`FinalityConflict`]; so is a single header below it whose seal proves finality by itself.

mod blocks;
mod headers;
mod peers;
mod serve;
mod skeleton;
mod target;

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

pub(super) use self::peers::Peers;
use self::peers::{Asked, Glance};
use self::skeleton::{STRIDE, Skeleton};
use self::target::Target;
use super::wire::Status;
use super::{Peer, Replica, Report};
use crate::chain::{Finality, Rank, Tree, UNFINAL_BLOCKS_MAX};
use crate::store::{Store, StoreError};
use crate::types::canary::{Bug, planted};
use crate::types::{BlockId, Height, Span, Time};

/// After so long without an answer somebody else is asked too.
const STALL: Span = Span::seconds(2);

/// For so long at most others may show a better branch than the first one that was shown.
const GATHER: Span = Span::seconds(2);

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
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

/// A better branch that contradicts what is final here, or a block that is proven to be final in place of ours.
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

/// Whether somebody stands on a block that is held here, and says of it what is true: no lie, and nothing to fetch.
fn is_held(tree: &Tree, status: &Status) -> bool {
    tree.get(&status.head).is_some_and(|node| node.held && node.rank == status.rank)
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
        let stalls =
            self.peers.open(|asked| matches!(asked, Asked::Headers | Asked::Blocks { .. }));
        let stalls = stalls.map(|question| question.since.after(STALL));
        if self.quiet.is_some() {
            return stalls.filter(|due| *due > self.now).min();
        }
        if self.sync.target.as_ref().is_some_and(Target::is_ready) {
            return Some(self.now);
        }
        let pauses = self.peers.peers.values().filter(|peer| peer.ahead);
        let pauses = pauses.map(|peer| peer.pause_until);
        let gathering = self.sync.gathering.map(|since| since.after(GATHER));
        stalls.chain(pauses).chain(gathering).filter(|due| *due > self.now).min()
    }

    /// Asks peers where they stand, and does what can be done to catch up. Nearly always nothing is due and nobody has
    /// anything better, which one look at the peers tells.
    pub(super) fn look_at_peers(&mut self) {
        let Glance { due, lively } = self.peers.glance();
        let quiet = !lively && self.sync.target.is_none();
        let none_due = due.is_none_or(|due| due > self.now);
        self.quiet = (quiet && none_due).then_some(due);
        if !none_due {
            self.due_statuses();
        }
        if quiet || planted(Bug::NeverCatchesUp) {
            (self.sync.gathering, self.sync.leads_to) = (None, None);
        } else {
            self.catch_up();
        }
    }

    /// Does what can be done to catch up.
    fn catch_up(&mut self) {
        self.execute_slice();
        self.ask_for_headers();
        self.aim();
        self.fetch();
        let proven = self.sync.target.as_ref().filter(|target| target.proven);
        self.sync.leads_to = proven.map(|target| target.skeleton.tip().time);
    }

    /// The block at a height of the best branch, final or not.
    pub(super) fn id_at(&self, height: Height) -> Result<Option<BlockId>, StoreError> {
        match self.tree.branch().get(&height) {
            Some(id) => Ok(Some(*id)),
            None => self.stored.final_id(height),
        }
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
        let head = &self.tree.head().rank;
        for state in self.peers.peers.values_mut() {
            let Some(skeleton) = &state.skeleton else { continue };
            let claimed = state.status.as_ref().map(|status| &status.rank);
            let rank = skeleton.tip().rank.as_ref().or(claimed);
            let here = self.tree.get(&skeleton.tip().id).is_some();
            if skeleton.complete && (here || rank.is_none_or(|rank| rank <= head)) {
                state.skeleton = None;
                let held = state.status.as_ref().is_some_and(|status| is_held(&self.tree, status));
                state.ahead = !held && claimed.is_some_and(|claimed| claimed > head);
            }
        }
    }

    /// Up to which height depth may make blocks final. Depth says something only near the present: when the head is of
    /// now, or leads to a branch of now whose headers prove it. Otherwise finality waits as long as there is room.
    pub(super) fn final_at_most(&self) -> Height {
        let at_most = self.final_by_depth_at_most();
        match self.untold.is_empty() {
            true => at_most,
            false => at_most.min(self.told_head().height()),
        }
    }

    fn final_by_depth_at_most(&self) -> Height {
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
