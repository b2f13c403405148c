//! Blocks: asking for those of the target, and executing them in order.

use std::sync::Arc;

use super::super::blocks::{Checking, Entry, Source};
use super::super::wire::Request;
use super::super::{Output, Peer, Replica, Verifying};
use super::STALL;
use super::peers::{Asked, Question};
use super::skeleton::{Mark, Skeleton};
use super::target::{Fit, Turn, Want};
use crate::chain::HashedBlock;
use crate::store::Store;
use crate::types::{Block, BlockId};

/// Segments that one peer is asked for at once.
const SEGMENTS_PER_PEER: usize = 2;

/// Blocks and transactions that are executed before anything else gets its turn: some tens of milliseconds.
const SLICE_BLOCKS: usize = 64;
const SLICE_TRANSACTIONS: usize = 2000;

impl<S: Store> Replica<S> {
    /// Asks for the blocks of the target.
    pub(super) fn fetch(&mut self) {
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
                let hashed = |block| HashedBlock::new(Arc::new(block), &self.chain);
                let blocks: Vec<HashedBlock> = blocks.into_iter().map(hashed).collect();
                let order = self.number();
                let (checking, batch) = self.checks(blocks.clone(), Source::Synced(from));
                if let Some(target) = &mut self.sync.target {
                    target.arrived(after, from, &blocks, order);
                }
                if batch.is_empty() {
                    self.range_checked(order, &checking, &[]);
                } else {
                    self.verifying.insert(order, Verifying::Range(checking));
                    self.outputs.push(Output::Verify { order, batch });
                }
            }
        }
    }

    /// The signatures of a range of blocks were checked.
    pub(in super::super) fn range_checked(&mut self, order: u64, checking: &Checking, bad: &[u32]) {
        if let Some(target) = &mut self.sync.target {
            target.checked(order, checking, bad);
        }
    }

    /// Executes what is ready, not too much of it at once.
    pub(super) fn execute_slice(&mut self) {
        let Some(mut target) = self.sync.target.take() else { return };
        let (mut blocks, mut transactions) = (0, 0);
        while blocks < SLICE_BLOCKS && transactions < SLICE_TRANSACTIONS && !self.failed {
            let milestone = target.milestone().clone();
            let Some(Turn { from, block, forged }) = target.take() else { break };
            blocks += 1;
            transactions += block.block().body.transactions.len();
            let id = block.id();
            match self.import_checked(block, forged, Source::Synced(from)) {
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
}
