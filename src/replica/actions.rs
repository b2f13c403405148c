//! Performing what the engine wants.

use std::sync::Arc;

use super::{Output, Replica, Report, Verifying};
use crate::chain::{ImportError, import, import_own};
use crate::consensus::{Action, Event, OrderId};
use crate::ledger::Executed;
use crate::store::{Batch, Store, Table};
use crate::types::signatures::SignatureCheck;
use crate::types::{Block, BlockId, Draft, body_root_of, encode};

impl<S: Store> Replica<S> {
    pub(super) fn perform(&mut self, action: Action) {
        if self.failed {
            return;
        }
        match action {
            Action::Persist { record, bytes } => {
                let mut batch = Batch::default();
                let value = (!bytes.is_empty()).then_some(bytes);
                let kept = value.is_some();
                batch.writes.push((Table::Records, encode(&record.0), value));
                let staged = self.store().stage(batch);
                self.stored(staged);
                if kept {
                    self.outputs.push(Output::Sync);
                }
            }
            Action::Send { to, message } => self.outputs.push(Output::Send { to, message }),
            Action::Broadcast(message) => self.outputs.push(Output::Broadcast(message)),
            Action::Import { block, executed } => {
                if let Some(id) = self.import_ours(Arc::new(*block), Some(*executed), true) {
                    self.untold.insert(id);
                }
            }
            Action::Adopt { block, executed } => {
                let seal = block.seal.hash(&self.chain);
                if let Some(id) = self.import_ours(Arc::new(*block), Some(*executed), false) {
                    self.unheard.insert(id, seal);
                }
            }
            Action::Verify { order, draft } => self.verify_draft(order, &draft),
            Action::Seek(height) => self.seek(height),
            Action::Answer { ticket, outcome } => {
                self.outputs.push(Output::Answered { ticket, outcome });
            }
            Action::Announce(id) => self.tell_of(&id),
            Action::Search(order) => self.outputs.push(Output::Search(order)),
            Action::Sign(order) => self.outputs.push(Output::Sign(order)),
            Action::StopSearch => self.outputs.push(Output::StopSearch),
            Action::SetTimer { timer, at } => {
                self.timers.insert(timer, at);
            }
            Action::StopTimer(timer) => {
                self.timers.remove(&timer);
            }
            Action::Fail(error) => self.fail(error.0),
            Action::Report(report) => self.report(Report::Engine(report)),
        }
    }

    pub(super) fn due_timers(&mut self) {
        let due = |(timer, at): (&_, &_)| (*at <= self.now).then_some(*timer);
        let due: Vec<_> = self.timers.iter().filter_map(due).collect();
        for timer in due {
            self.timers.remove(&timer);
            self.events.push_back(Event::Elapsed(timer));
        }
    }

    /// A draft of ours was sealed beside the engine: its block enters and is announced.
    pub(super) fn sealed(&mut self, block: Arc<Block>) {
        let id = block.id(&self.chain);
        let known = self.tree.get(&id).is_some();
        if let Some(id) = self.import_ours(block, None, true) {
            self.untold.insert(id);
        }
        if !known {
            self.tell_of(&id);
        }
    }

    /// Looks at the body of a draft for the engine. What the pool verified is not verified again.
    fn verify_draft(&mut self, order: OrderId, draft: &Draft) {
        let hashes = draft.body.hashes(&self.chain);
        if body_root_of(&hashes, &draft.body, &self.chain) != draft.header.body_root {
            return self.events.push_back(Event::Verified { order, sound: None });
        }
        let transactions = hashes.iter().zip(&draft.body.transactions);
        let batch: Vec<SignatureCheck> =
            transactions.flat_map(|(hashed, it)| self.unverified(hashed, it)).collect();
        let ids: Vec<_> = hashes.iter().map(|hashed| hashed.id).collect();
        if batch.is_empty() {
            return self.events.push_back(Event::Verified { order, sound: Some(ids) });
        }
        let number = self.number();
        self.verifying.insert(number, Verifying::Draft { order, ids });
        self.outputs.push(Output::Verify { order: number, batch });
    }

    /// Imports a block whose transactions were verified here, when they joined the pool or when the engine asked for it.
    /// `own`: this node sealed it. Gives its id if it is in the tree now and was not before.
    fn import_ours(
        &mut self,
        block: Arc<Block>,
        executed: Option<Executed>,
        own: bool,
    ) -> Option<BlockId> {
        let outcome = match executed {
            Some(executed) => import_own(&mut self.tree, block.clone(), executed),
            None => import(&mut self.tree, block.clone(), self.now),
        };
        match outcome {
            Ok(imported) => {
                let id = imported.id;
                self.entered(imported, own);
                return Some(id);
            }
            Err(ImportError::Failed(error)) => self.fail(error.0),
            // The branch moved on while the block was being sealed.
            Err(
                ImportError::Known | ImportError::Orphan { .. } | ImportError::BelowFinal { .. },
            ) => {}
            Err(error) => {
                let id = block.id(&self.chain);
                let height = block.header.height;
                self.report(Report::Refused { block: id, height, reason: error.to_string() });
            }
        }
        None
    }
}
