//! What is heard of a split.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::watch::{Scene, Watch};
use crate::replica::{Output, Report};
use crate::types::{BlockId, TransactionId};

/// Tickets of reads are above those that the simulation numbers.
pub(super) const FIRST_TICKET: u64 = 1 << 40;

#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Reads by ticket: at which node, and whether it was answered with a height, once it was.
    pub(super) reads: BTreeMap<u64, (usize, Option<bool>)>,
    /// Reads that ever were.
    pub(super) answered: u64,
    /// What is final at each node.
    pub(super) finals: Vec<BTreeSet<TransactionId>>,
    /// Blocks that some node left.
    pub(super) left: BTreeSet<BlockId>,
}

/// Who listens.
#[derive(Debug, Clone, Default)]
pub(super) struct Ear(Arc<Mutex<Heard>>);

impl Ear {
    pub(super) fn new(nodes: usize) -> Self {
        let finals = vec![BTreeSet::new(); nodes];
        Self(Arc::new(Mutex::new(Heard { finals, ..Heard::default() })))
    }

    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        // Nothing panics while it holds the lock, so what is inside is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Ear {
    fn name(&self) -> &'static str {
        "ear"
    }

    fn performs(&mut self, _: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let mut heard = self.heard();
        let heard = &mut *heard;
        match output {
            Output::Answered { ticket, outcome } => {
                if let Some((_, answered)) = heard.reads.get_mut(ticket) {
                    *answered = Some(outcome.is_ok());
                    heard.answered += u64::from(outcome.is_ok());
                }
            }
            Output::Report(Report::Final { receipts, .. }) => {
                heard.finals[node].extend(receipts.iter().map(|receipt| receipt.id));
            }
            Output::Report(Report::Imported { imported, .. }) => {
                let left = imported.moved.iter().flat_map(|moved| moved.left.iter().copied());
                heard.left.extend(left);
            }
            _ => {}
        }
        Ok(())
    }
}
