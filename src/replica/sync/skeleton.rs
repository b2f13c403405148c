//! The bones of a branch that a peer offers: every so many ids of it, and how much it weighs.
//!
//! A skeleton is what is left of a branch's headers once they were judged. It stands on a block that we have, its
//! anchor; every [`STRIDE`]-th id above it is a mark, and between two marks lies a segment whose blocks may come from
//! anybody who has it: they either lead from one mark to the next or they do not. So a branch of a million blocks takes
//! two megabytes, and whoever promised it can be held to it.

use crate::chain::Rank;
use crate::types::{BlockId, Height, Time};

/// Marks stand at heights that are multiples of this, so that skeletons of one branch have the same ones.
pub(super) const STRIDE: u64 = 64;

/// Headers in a skeleton at most: a branch that is longer is followed in several legs.
pub(super) const LENGTH_MAX: u64 = 4 << 20;

/// A block of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) height: Height,
    pub(super) id: BlockId,
    pub(super) time: Time,
    /// The rank of the branch up to here, where headers tell it.
    pub(super) rank: Option<Rank>,
}

/// A branch that a peer offers.
#[derive(Debug, Clone)]
pub(super) struct Skeleton {
    /// The anchor, then marks at multiples of the stride.
    marks: Vec<Mark>,
    tip: Mark,
    /// The block on top of the anchor.
    first: Option<BlockId>,
    /// Whether the peer has no more than this.
    pub(super) complete: bool,
}

impl Skeleton {
    /// Nothing yet, on a block that we have.
    pub(super) fn on(anchor: Mark) -> Self {
        Self { tip: anchor.clone(), marks: vec![anchor], first: None, complete: false }
    }

    pub(super) fn anchor(&self) -> &Mark {
        &self.marks[0]
    }

    pub(super) fn tip(&self) -> &Mark {
        &self.tip
    }

    /// The block on top of the anchor, once there is one.
    pub(super) fn first(&self) -> Option<BlockId> {
        self.first
    }

    /// Headers above the anchor.
    pub(super) fn len(&self) -> u64 {
        self.tip.height.0 - self.anchor().height.0
    }

    /// Adds the child of the tip.
    pub(super) fn push(&mut self, mark: Mark) {
        self.first.get_or_insert(mark.id);
        if mark.height.0.is_multiple_of(STRIDE) {
            self.marks.push(mark.clone());
        }
        self.tip = mark;
    }

    /// The same branch up to one of its marks or to its tip, to be continued otherwise.
    pub(super) fn up_to(&self, id: &BlockId) -> Option<Self> {
        if self.tip.id == *id {
            return Some(Self { complete: false, ..self.clone() });
        }
        let place = self.marks.iter().rposition(|mark| mark.id == *id)?;
        let marks = self.marks[..=place].to_vec();
        let first = self.first.filter(|_| place > 0);
        Some(Self { tip: marks[place].clone(), marks, first, complete: false })
    }

    /// Whether a mark of another skeleton lies on this one.
    pub(super) fn contains(&self, mark: &Mark) -> bool {
        if self.tip.id == mark.id {
            return true;
        }
        let place = self.marks.binary_search_by_key(&mark.height, |own| own.height);
        place.is_ok_and(|place| self.marks[place].id == mark.id)
    }

    /// How many segments it has: from each mark to the next one, and from the last one to the tip.
    pub(super) fn segments(&self) -> usize {
        self.marks.len() - usize::from(self.last_mark().id == self.tip.id)
    }

    /// A segment: the mark below it, and its last block.
    pub(super) fn segment(&self, place: usize) -> Option<(&Mark, &Mark)> {
        let from = self.marks.get(place).filter(|_| place < self.segments())?;
        Some((from, self.marks.get(place + 1).unwrap_or(&self.tip)))
    }

    /// How many marks there are, from the anchor up, that satisfy what is true of every mark up to some point.
    pub(super) fn marks_while(&self, known: impl FnMut(&Mark) -> bool) -> usize {
        self.marks.partition_point(known)
    }

    /// The highest mark; the anchor of a branch that has none.
    pub(super) fn last_mark(&self) -> &Mark {
        &self.marks[self.marks.len() - 1]
    }

    /// A mark.
    pub(super) fn mark(&self, place: usize) -> &Mark {
        &self.marks[place]
    }

    /// Ids by which a peer recognises how much of this branch it shares: the tip, then marks downwards in steps that
    /// double.
    pub(super) fn locator(&self, most: usize) -> Vec<BlockId> {
        let mut ids = vec![self.tip.id];
        let mut step = 1;
        let mut place = self.marks.len();
        while place >= step && ids.len() < most {
            place -= step;
            ids.push(self.marks[place].id);
            if ids.len() > most / 2 {
                step *= 2;
            }
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Hash;

    fn mark(height: u64, branch: u8) -> Mark {
        let mut id = [branch; 32];
        id[..8].copy_from_slice(&height.to_be_bytes());
        let rank = Some(Rank::of_numbers(&[height]));
        Mark { height: Height(height), id: BlockId(Hash(id)), time: Time(height), rank }
    }

    fn skeleton(from: u64, to: u64, branch: u8) -> Skeleton {
        let mut skeleton = Skeleton::on(mark(from, branch));
        (from + 1..=to).for_each(|height| skeleton.push(mark(height, branch)));
        skeleton
    }

    #[test]
    fn segments_lead_from_the_anchor_to_the_tip() {
        for (from, to) in [(0, 1), (0, 63), (0, 64), (0, 65), (5, 64), (64, 128), (100, 1000)] {
            let skeleton = skeleton(from, to, 1);
            assert_eq!(skeleton.len(), to - from);
            let mut at = from;
            for place in 0..skeleton.segments() {
                let (below, last) = skeleton.segment(place).unwrap();
                assert_eq!(below.height.0, at);
                assert!(last.height.0 > at && last.height.0 <= at + STRIDE, "{from} to {to}");
                at = last.height.0;
            }
            assert_eq!(at, to, "{from} to {to}");
            assert_eq!(skeleton.segment(skeleton.segments()), None);
        }
        assert_eq!(Skeleton::on(mark(7, 1)).segments(), 0);
    }

    #[test]
    fn branches_with_other_anchors_share_their_marks() {
        let (long, short) = (skeleton(0, 400, 1), skeleton(130, 300, 1));
        assert!(long.contains(short.mark(1)) && short.contains(long.mark(3)));
        assert!(!short.contains(long.mark(1)) && !long.contains(&mark(192, 2)));
        assert!(!long.contains(short.tip()), "it is no mark there");
        assert_eq!(long.marks_while(|mark| mark.height.0 <= 200), 4);
    }

    #[test]
    fn a_branch_is_cut_where_another_leaves_it() {
        let long = skeleton(0, 400, 1);
        let cut = long.up_to(&mark(128, 1).id).unwrap();
        assert_eq!((cut.tip().height.0, cut.len(), cut.segments()), (128, 128, 2));
        assert_eq!(cut.first(), long.first());
        assert_eq!(long.up_to(&mark(0, 1).id).unwrap().first(), None);
        assert_eq!(long.up_to(&mark(400, 1).id).unwrap().len(), 400);
        assert!(long.up_to(&mark(129, 1).id).is_none());
    }

    #[test]
    fn a_locator_reaches_back_from_the_tip_and_is_short() {
        let locator = skeleton(0, 100_000, 1).locator(16);
        assert!(locator.len() <= 16);
        assert_eq!(locator[..2], [mark(100_000, 1).id, mark(99_968, 1).id]);
        assert_eq!(skeleton(0, 3, 1).locator(16), [mark(3, 1).id, mark(0, 1).id]);
    }
}
