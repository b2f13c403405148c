//! The branch that is being fetched and executed: its segments, whoever brings them, and what has arrived.
//!
//! Segments are asked for in order and a few ahead, from several peers at once. What arrives has its signatures checked
//! at once and waits for its turn to be executed, so that checking one piece overlaps executing the one before it. The
//! window bounds both: at most [`WINDOW`] segments are asked for, checked or waiting.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::super::Peer;
use super::super::blocks::Checking;
use super::skeleton::{Mark, Skeleton};
use crate::chain::{HashedBlock, Rank};
use crate::types::{BlockId, Height};

/// Segments in progress: with answers of 4 MiB, 32 MiB and whatever the last blocks of each are over it.
pub(super) const WINDOW: usize = 8;

/// The branch that is being followed.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) skeleton: Arc<Skeleton>,
    /// Its rank: proved by headers, or as its peer claims it.
    pub(super) rank: Rank,
    /// Whether headers proved it.
    pub(super) proven: bool,
    /// The first segment that is not executed yet.
    next: usize,
    segments: BTreeMap<usize, Segment>,
}

/// The blocks between two marks.
#[derive(Debug)]
struct Segment {
    /// The last block that arrived, or the mark below.
    at: BlockId,
    /// Blocks that have not arrived.
    left: u64,
    pieces: VecDeque<Piece>,
}

/// Blocks that arrived together.
#[derive(Debug)]
struct Piece {
    order: u64,
    from: Peer,
    blocks: VecDeque<HashedBlock>,
    /// How many of them do not have a bad signature and stand before the first that has; unknown while they are being
    /// checked.
    good: Option<usize>,
}

/// A part of a segment that somebody has to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) after: BlockId,
    pub(super) count: u32,
    /// The end of its segment: whoever has this has the segment.
    pub(super) to: Mark,
    /// Whether execution waits for it.
    pub(super) urgent: bool,
}

/// A block whose turn it is.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) from: Peer,
    pub(super) block: HashedBlock,
    /// Whether one of its signatures does not verify.
    pub(super) forged: bool,
}

/// What a range of blocks turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It goes on where the segment ended.
    Fits,
    /// It goes on there, but not to the mark above: its sender is on another branch by now.
    Elsewhere,
    /// Nobody waits for it any more.
    Stale,
}

impl Target {
    /// A branch to follow from one of its marks on.
    pub(super) fn new(skeleton: Arc<Skeleton>, from: usize, rank: Rank, proven: bool) -> Self {
        Self { skeleton, rank, proven, next: from, segments: BTreeMap::new() }
    }

    pub(super) fn height(&self) -> Height {
        self.skeleton.tip().height
    }

    /// Whether all of it was executed.
    pub(super) fn is_done(&self) -> bool {
        self.next >= self.skeleton.segments()
    }

    /// The parts that have not arrived, lowest first; opens segments as far as the window goes.
    pub(super) fn wants(&mut self) -> Vec<Want> {
        let mut wants = Vec::new();
        for place in self.next..self.next + WINDOW {
            let Some((from, to)) = self.skeleton.segment(place) else { break };
            let segment = self.segments.entry(place).or_insert_with(|| Segment {
                at: from.id,
                left: to.height.0 - from.height.0,
                pieces: VecDeque::new(),
            });
            if segment.left > 0 {
                wants.push(Want {
                    after: segment.at,
                    // A segment is no longer than the stride.
                    count: u32::try_from(segment.left).unwrap_or(u32::MAX),
                    to: to.clone(),
                    urgent: place == self.next,
                });
            }
        }
        wants
    }

    /// Whether these blocks, linked to each other, continue a segment after this block. `ids` are theirs.
    pub(super) fn fit(&self, after: &BlockId, ids: &[BlockId]) -> Fit {
        let open = |(_, segment): &(&usize, &Segment)| segment.at == *after && segment.left > 0;
        let Some((place, segment)) = self.segments.iter().find(open) else { return Fit::Stale };
        let Some((_, to)) = self.skeleton.segment(*place) else { return Fit::Stale };
        if ids.len() as u64 == segment.left && ids.last() != Some(&to.id) {
            return Fit::Elsewhere;
        }
        Fit::Fits
    }

    /// Blocks that fit arrived; `order` is the number of the check of their signatures.
    pub(super) fn arrived(
        &mut self,
        after: &BlockId,
        from: Peer,
        blocks: &[HashedBlock],
        order: u64,
    ) {
        let open = |segment: &&mut Segment| segment.at == *after && segment.left > 0;
        let Some(segment) = self.segments.values_mut().find(open) else { return };
        let Some(last) = blocks.last() else { return };
        segment.at = last.id();
        segment.left = segment.left.saturating_sub(blocks.len() as u64);
        let blocks = blocks.iter().cloned().collect();
        segment.pieces.push_back(Piece { order, from, blocks, good: None });
    }

    /// A segment's blocks led elsewhere: it starts over.
    pub(super) fn restart(&mut self, after: &BlockId) {
        let open = |(_, segment): &(&usize, &Segment)| segment.at == *after && segment.left > 0;
        let place = self.segments.iter().find(open).map(|(place, _)| *place);
        if let Some(place) = place {
            self.segments.remove(&place);
        }
    }

    /// The segment that is being executed has to come again.
    pub(super) fn start_over(&mut self) {
        self.segments.remove(&self.next);
    }

    /// Signatures were checked.
    pub(super) fn checked(&mut self, order: u64, checking: &Checking, bad: &[u32]) {
        let good = checking.first_bad(bad).unwrap_or(usize::MAX);
        let pieces = self.segments.values_mut().flat_map(|segment| &mut segment.pieces);
        for piece in pieces.filter(|piece| piece.order == order) {
            piece.good = Some(good);
        }
    }

    /// Whether a block can be executed now.
    pub(super) fn is_ready(&self) -> bool {
        let piece = self.segments.get(&self.next).and_then(|segment| segment.pieces.front());
        piece.is_some_and(|piece| piece.good.is_some())
    }

    /// The next block to execute, if its signatures are checked.
    pub(super) fn take(&mut self) -> Option<Turn> {
        let segment = self.segments.get_mut(&self.next)?;
        let piece = segment.pieces.front_mut()?;
        let good = piece.good.as_mut()?;
        let forged = *good == 0;
        *good = good.saturating_sub(1);
        let (from, block) = (piece.from, piece.blocks.pop_front());
        if piece.blocks.is_empty() {
            segment.pieces.pop_front();
            if segment.pieces.is_empty() && segment.left == 0 {
                self.segments.remove(&self.next);
                self.next += 1;
            }
        }
        block.map(|block| Turn { from, block, forged })
    }

    /// The mark at the end of the segment that is being executed.
    pub(super) fn milestone(&self) -> &Mark {
        let segment = self.skeleton.segment(self.next);
        segment.map_or(self.skeleton.tip(), |(_, to)| to)
    }

    /// Blocks that arrived and were not executed.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        let pieces = self.segments.values().flat_map(|segment| &segment.pieces);
        pieces.map(|piece| piece.blocks.len()).sum()
    }
}
