//! The bodies of drafts: those of the log, those that are being looked at, and the seals that others may have missed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::super::{Brought, Entry, LogCore, LogRules, Ref, SealOf};
use crate::chain::BlockRef;
use crate::consensus::agreed::UNSOUND;
use crate::consensus::{Action, AuthorityId, Context, DropReason, OrderId, Outbox, Point};
use crate::ledger::{ExecuteError, Executed};
use crate::types::{Block, BlockId, Draft, Height, Seal, TransactionId};

/// Drafts that are being looked at. A leader has fewer in flight; what does not fit comes again.
const EXAMINED_MAX: usize = 64;

/// The memory that they take: eight of the largest that a spec allows.
const EXAMINED_BYTES_MAX: usize = 32 << 20;

/// Seals that are remembered for those who missed them. Whoever missed more fetches blocks.
const SEALS_REMEMBERED: usize = 128;

/// A draft of the log.
#[derive(Debug, Clone)]
pub(super) struct Held {
    id: BlockId,
    draft: Arc<Draft>,
    executed: Executed,
}

/// A draft that is being looked at.
#[derive(Debug)]
struct Examined {
    order: OrderId,
    from: AuthorityId,
    term: u64,
    what: Ref,
    draft: Arc<Draft>,
    bytes: usize,
    /// The ids of its transactions, once they are known to verify.
    sound: Option<Vec<TransactionId>>,
}

/// A draft whose turn it is.
pub(super) struct Turn {
    pub(super) from: AuthorityId,
    pub(super) term: u64,
    pub(super) what: Ref,
    pub(super) draft: Arc<Draft>,
    pub(super) ids: Vec<TransactionId>,
}

#[derive(Debug, Default)]
pub(super) struct Bodies {
    log: BTreeMap<Height, Held>,
    /// What is about to join the log.
    fresh: Option<Held>,
    /// What the message that is being handled brought.
    arrived: BTreeMap<BlockId, Arc<Draft>>,
    examined: VecDeque<Examined>,
    orders: u64,
    seals: VecDeque<SealOf>,
}

impl Bodies {
    /// Executes a draft on its parent; `ids` are those of its transactions, where they are known. What failed to be read
    /// says nothing about the draft.
    pub(super) fn execute<C: LogCore>(
        &self,
        rules: &LogRules<C>,
        draft: &Arc<Draft>,
        ids: Option<Vec<TransactionId>>,
        parent: BlockRef<'_>,
        cx: &Context<'_>,
    ) -> Result<(Entry, Held), ExecuteError> {
        let chain = &rules.params().chain;
        let term = rules.judge_header(&draft.header, parent).map_err(ExecuteError::Rule)?;
        let hashed = || draft.body.transactions.iter().map(|it| it.id(chain)).collect();
        let ids = ids.unwrap_or_else(hashed);
        let executed = cx.check(draft, &ids, parent)?;
        let voters = rules.voters(&executed.state)?;
        let at = Point::of(&draft.header, chain);
        let held = Held { id: at.id, draft: draft.clone(), executed };
        Ok((Entry { at, term, voters: Arc::new(voters) }, held))
    }

    pub(super) fn insert(&mut self, height: Height, held: Held) {
        self.log.insert(height, held);
    }

    /// Has a draft ready that is about to join the log.
    pub(super) fn prepare(&mut self, held: Held) {
        self.fresh = Some(held);
    }

    /// As [`Self::prepare`], of a draft that was made here.
    pub(super) fn prepare_own(&mut self, id: BlockId, draft: Draft, executed: Executed) {
        self.fresh = Some(Held { id, draft: Arc::new(draft), executed });
    }

    /// The draft that was made ready joins the log, if it is this one.
    pub(super) fn join(&mut self, at: Point) {
        if let Some(held) = self.fresh.take_if(|held| held.id == at.id) {
            self.log.insert(at.height, held);
        }
    }

    /// Removes the drafts from one height to another; gives the heights at which there were some.
    pub(super) fn forget(&mut self, first: Height, last: Height) -> impl Iterator<Item = Height> {
        let gone: Vec<Height> = self.log.range(first..=last).map(|(height, _)| *height).collect();
        gone.iter().for_each(|height| drop(self.log.remove(height)));
        gone.into_iter()
    }

    /// The draft of the log at a height.
    pub(super) fn draft(&self, height: Height) -> Option<&Draft> {
        self.log.get(&height).map(|held| &*held.draft)
    }

    /// A draft of the log, or the one that is about to join it.
    pub(super) fn find(&self, at: Point) -> Option<&Draft> {
        let held = self.fresh.iter().chain(self.log.get(&at.height));
        held.into_iter().find(|held| held.id == at.id).map(|held| &*held.draft)
    }

    /// A block of the tree, or a draft of the log, as what another one may stand on.
    pub(super) fn block<'a>(&'a self, at: Point, cx: &Context<'a>) -> Option<BlockRef<'a>> {
        if let Some(node) = cx.tree.get(&at.id) {
            return Some(node.as_ref());
        }
        let held = self.log.get(&at.height).filter(|held| held.id == at.id)?;
        let Held { id, draft, executed } = held;
        Some(BlockRef { id, header: &draft.header, state: &executed.state })
    }

    /// The transactions in drafts.
    pub(super) fn taken(&self) -> BTreeSet<TransactionId> {
        let receipts = self.log.values().flat_map(|held| &held.executed.receipts);
        receipts.map(|receipt| receipt.id).collect()
    }

    /// How many they are.
    pub(super) fn taken_len(&self) -> usize {
        self.log.values().map(|held| held.executed.receipts.len()).sum()
    }

    /// The draft at a height as a block.
    pub(super) fn seal(&self, height: Height, seal: Seal) -> Option<(Box<Block>, Box<Executed>)> {
        let held = self.log.get(&height)?;
        let block = Box::new((*held.draft).clone().seal(seal));
        Some((block, Box::new(held.executed.clone())))
    }

    /// Remembers a seal; a later one of the same block is as good.
    pub(super) fn remember(&mut self, seal: SealOf) {
        if self.seals.back().is_none_or(|(last, _)| last.height < seal.0.height) {
            self.seals.push_back(seal);
            if self.seals.len() > SEALS_REMEMBERED {
                self.seals.pop_front();
            }
        }
    }

    /// The seals above a height, if the first of them is remembered.
    pub(super) fn seals_above(&self, height: Height) -> impl Iterator<Item = &SealOf> {
        let first = self.seals.iter().position(|(at, _)| at.height == height.next());
        self.seals.range(first.unwrap_or(self.seals.len())..)
    }

    /// A message brought drafts.
    pub(super) fn arrived(&mut self, drafts: Brought) {
        self.arrived = drafts.into_iter().map(|(id, draft)| (id, Arc::new(draft))).collect();
    }

    /// The message was handled.
    pub(super) fn nothing_arrived(&mut self) {
        self.arrived.clear();
    }

    /// Has drafts looked at that a message brought, each once.
    pub(super) fn examine(
        &mut self,
        from: AuthorityId,
        term: u64,
        drafts: Vec<Ref>,
        out: &mut Outbox,
    ) {
        for what in drafts {
            if let Some(known) = self.examined.iter_mut().find(|it| it.what == what) {
                (known.from, known.term) = (from, term);
                continue;
            }
            let Some(draft) = self.arrived.get(&what.at.id).cloned() else { continue };
            let bytes = borsh::object_length(&*draft).expect("every draft encodes");
            let held: usize = self.examined.iter().map(|it| it.bytes).sum();
            if self.examined.len() >= EXAMINED_MAX || held + bytes > EXAMINED_BYTES_MAX {
                return out.push(Action::dropped(from, DropReason::Full));
            }
            self.orders += 1;
            let order = OrderId(self.orders);
            out.push(Action::Verify { order, draft: draft.clone() });
            self.examined.push_back(Examined {
                order,
                from,
                term,
                what,
                draft,
                bytes,
                sound: None,
            });
        }
    }

    /// The signatures of a draft were looked at. One that is not sound goes, and those that wait behind it come to nothing
    /// by themselves.
    pub(super) fn verified(
        &mut self,
        order: OrderId,
        sound: Option<Vec<TransactionId>>,
        out: &mut Outbox,
    ) {
        let Some(place) = self.examined.iter().position(|it| it.order == order) else { return };
        match sound {
            Some(ids) => self.examined[place].sound = Some(ids),
            None => {
                let Some(Examined { from, what, .. }) = self.examined.remove(place) else { return };
                out.push(Action::refused(what.at.id, from, UNSOUND));
            }
        }
    }

    /// The next draft, if what is known of it suffices: one after the other, since each stands on the one before.
    pub(super) fn next(&mut self) -> Option<Turn> {
        self.examined.front().filter(|it| it.sound.is_some())?;
        let Examined { from, term, what, draft, sound, .. } = self.examined.pop_front()?;
        Some(Turn { from, term, what, draft, ids: sound? })
    }
}
