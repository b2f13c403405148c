//! The bodies of drafts for the next height: those that are sound, those that are being looked at, and the one that is lacking.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::super::core::Kept;
use super::super::records::{forget_draft, keep_draft};
use crate::consensus::{Action, AuthorityId, OrderId, Outbox, Point};
use crate::ledger::Executed;
use crate::types::{Block, BlockId, Draft, Seal, Vote};

/// Drafts of one height that are held: each view may bring another one. What was agreed to stays, and of the others the
/// latest.
const SOUND_MAX: usize = 16;

/// Drafts that are being looked at: one for each view, and views do not pass that fast.
const EXAMINED_MAX: usize = 4;

/// A draft that was executed.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) draft: Arc<Draft>,
    pub(super) executed: Executed,
    /// The order in which they came.
    number: u64,
}

/// A draft that is being looked at.
#[derive(Debug)]
pub(super) struct Examined {
    order: OrderId,
    pub(super) from: AuthorityId,
    pub(super) at: Point,
    pub(super) draft: Arc<Draft>,
    /// Whether it was asked for: then it says nothing of whoever sent it that a body is bad.
    pub(super) lacking: bool,
}

/// A draft that has to be proposed again, and who agreed to it.
#[derive(Debug)]
struct Lacking {
    at: Point,
    holders: Vec<AuthorityId>,
    asked: usize,
}

#[derive(Debug, Default)]
pub(super) struct Bodies {
    sound: BTreeMap<BlockId, Held>,
    /// Those whose bodies are durable.
    kept: BTreeSet<BlockId>,
    /// What a message brought last.
    arrived: Option<(BlockId, Arc<Draft>)>,
    examined: VecDeque<Examined>,
    lacking: Option<Lacking>,
    orders: u64,
}

impl Bodies {
    pub(super) fn get(&self, id: &BlockId) -> Option<&Held> {
        self.sound.get(id)
    }

    /// Holds a draft that is sound; gives what had to go for it.
    pub(super) fn insert(
        &mut self,
        at: Point,
        (draft, executed): (Arc<Draft>, Executed),
        kept: &Kept<Vote>,
    ) -> Option<Point> {
        self.orders += 1;
        let number = self.orders;
        self.sound.insert(at.id, Held { draft, executed, number });
        if self.lacking.as_ref().is_some_and(|lacking| lacking.at == at) {
            self.lacking = None;
        }
        if self.sound.len() <= SOUND_MAX {
            return None;
        }
        let agreed: BTreeSet<BlockId> = agreed(kept).map(|at| at.id).collect();
        let free = self.sound.iter().filter(|(id, _)| !agreed.contains(*id));
        let (id, _) = free.min_by_key(|(_, held)| held.number)?;
        let gone = Point { height: at.height, id: *id };
        self.sound.remove(&gone.id);
        Some(gone)
    }

    /// That a draft of an earlier process is durable.
    pub(super) fn was_kept(&mut self, id: BlockId) {
        self.kept.insert(id);
    }

    /// Makes the drafts durable that were agreed to.
    pub(super) fn keep(&mut self, kept: &Kept<Vote>, out: &mut Outbox) {
        for at in agreed(kept) {
            if let Some(held) = self.sound.get(&at.id).filter(|_| self.kept.insert(at.id)) {
                out.push(keep_draft(&at.id, &held.draft));
            }
        }
    }

    /// The next height is another one: nothing of this one is needed any more.
    pub(super) fn clear(&mut self, out: &mut Outbox) {
        std::mem::take(&mut self.kept).iter().for_each(|id| out.push(forget_draft(id)));
        self.sound.clear();
        self.examined.clear();
        self.lacking = None;
    }

    /// A draft as a block.
    pub(super) fn seal(&self, id: &BlockId, seal: Seal) -> Option<(Box<Block>, Box<Executed>)> {
        let held = self.sound.get(id)?;
        let block = Box::new((*held.draft).clone().seal(seal));
        Some((block, Box::new(held.executed.clone())))
    }

    /// A message brought a draft.
    pub(super) fn arrived(&mut self, (id, draft): (BlockId, Draft)) {
        self.arrived = Some((id, Arc::new(draft)));
    }

    /// Has the draft looked at that a message brought.
    pub(super) fn examine(&mut self, from: AuthorityId, at: Point, out: &mut Outbox) {
        let arrived = self.arrived.take().filter(|(id, _)| *id == at.id);
        if let Some((_, draft)) = arrived {
            self.look_at(from, at, draft, false, out);
        }
    }

    fn look_at(
        &mut self,
        from: AuthorityId,
        at: Point,
        draft: Arc<Draft>,
        lacking: bool,
        out: &mut Outbox,
    ) {
        if self.examined.iter().any(|it| it.at == at && it.lacking == lacking) {
            return;
        }
        self.orders += 1;
        let order = OrderId(self.orders);
        out.push(Action::Verify { order, draft: draft.clone() });
        self.examined.push_back(Examined { order, from, at, draft, lacking });
        if self.examined.len() > EXAMINED_MAX {
            self.examined.pop_front();
        }
    }

    /// What was looked at under this number.
    pub(super) fn verified(&mut self, order: OrderId) -> Option<Examined> {
        let place = self.examined.iter().position(|it| it.order == order)?;
        self.examined.remove(place)
    }

    /// A draft has to be proposed again, and is not here.
    pub(super) fn lack(&mut self, at: Point, holders: Vec<AuthorityId>) {
        if self.lacking.as_ref().is_none_or(|lacking| lacking.at != at) {
            self.lacking = Some(Lacking { at, holders, asked: 0 });
        }
    }

    /// Whom to ask next for what is lacking: everybody who agreed to it in turn.
    pub(super) fn ask(&mut self) -> Option<(AuthorityId, Point)> {
        let lacking = self.lacking.as_mut()?;
        let next = lacking.asked.checked_rem(lacking.holders.len())?;
        lacking.asked += 1;
        Some((*lacking.holders.get(next)?, lacking.at))
    }

    /// Somebody sent a body: it is looked at if it is the one that is lacking.
    pub(super) fn brought(&mut self, from: AuthorityId, at: Point, draft: Draft, out: &mut Outbox) {
        if self.lacking.as_ref().is_some_and(|lacking| lacking.at == at) {
            self.look_at(from, at, Arc::new(draft), true, out);
        }
    }

    /// The view is another one: it may have to begin with something else.
    pub(super) fn lack_nothing(&mut self) {
        self.lacking = None;
    }
}

/// The drafts that it agreed to.
pub(super) fn agreed(kept: &Kept<Vote>) -> impl Iterator<Item = Point> {
    let prepared = kept.prepared.as_ref().map(|prepared| prepared.ballot);
    kept.accepted.into_iter().chain(prepared).map(|ballot| ballot.at)
}
