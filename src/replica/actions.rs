//! Performing what the engine wants.

use std::sync::Arc;

use super::{Output, Replica, Report};
use crate::chain::{ImportError, import, import_own};
use crate::consensus::{Action, Event};
use crate::ledger::Executed;
use crate::store::{Batch, Store, Table};
use crate::types::{Block, encode};

impl<S: Store> Replica<S> {
    pub(super) fn perform(&mut self, action: Action) {
        if self.failed {
            return;
        }
        match action {
            Action::Persist { record, bytes } => {
                let mut batch = Batch::default();
                let value = (!bytes.is_empty()).then_some(bytes);
                batch.writes.push((Table::Records, encode(&record.0), value));
                let staged = self.store().stage(batch);
                self.stored(staged);
                self.outputs.push(Output::Sync);
            }
            Action::Send { to, message } => self.outputs.push(Output::Send { to, message }),
            Action::Broadcast(message) => self.outputs.push(Output::Broadcast(message)),
            Action::Import { block, executed } => {
                self.import_ours(Arc::new(*block), Some(*executed));
            }
            Action::Announce(id) => self.tell_of(&id),
            Action::Search(order) => self.outputs.push(Output::Search(order)),
            Action::StopSearch => self.outputs.push(Output::StopSearch),
            Action::SetTimer { timer, at } => {
                self.timers.insert(timer, at);
            }
            Action::StopTimer(timer) => {
                self.timers.remove(&timer);
            }
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
        self.import_ours(block, None);
        if !known {
            self.tell_of(&id);
        }
    }

    /// Imports our own block. Its transactions were verified when they joined the pool.
    fn import_ours(&mut self, block: Arc<Block>, executed: Option<Executed>) {
        let outcome = match executed {
            Some(executed) => import_own(&mut self.tree, block.clone(), executed),
            None => import(&mut self.tree, block.clone(), self.now),
        };
        match outcome {
            Ok(imported) => {
                self.untold.insert(imported.id);
                self.entered(imported, true);
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
    }
}
