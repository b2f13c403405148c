//! What executing blocks gave, for trees that share one process.
//!
//! Executing is a pure function of a block and the state after its parent, and a block's id covers its parent's, so
//! whoever executed a block has done so for everybody. A simulator of a thousand peers executes each block once. What is
//! shared is the outcome and never the verdict: each tree has judged header, seal and body itself before it asks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ledger::{Executed, State};
use crate::types::{Block, BlockId, Height};

/// Outcomes that are remembered: a peer that lags behind by more executes by itself.
pub const EXECUTIONS_MAX: usize = 512;

/// Outcomes of executing blocks whose state roots are right.
#[derive(Debug, Default)]
pub struct Executions(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    outcomes: BTreeMap<BlockId, Outcome>,
    /// The oldest first.
    order: VecDeque<BlockId>,
}

#[derive(Debug)]
struct Outcome {
    block: Arc<Block>,
    executed: Executed,
    /// What was final where it was executed.
    final_height: Height,
}

impl Executions {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing panics while it holds the lock, so what is inside is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What executing this block on `parent` gives, if somebody has done it. The block itself is shared too, where the
    /// copy is the same.
    pub(super) fn recall(
        &self,
        id: &BlockId,
        block: &mut Arc<Block>,
        parent: &State,
        final_height: Height,
    ) -> Option<Executed> {
        let known = self.known();
        let outcome = known.outcomes.get(id)?;
        if **block == *outcome.block {
            *block = outcome.block.clone();
        }
        let same = outcome.final_height == final_height;
        Some(outcome.executed.above(parent, block.header.height, same, final_height))
    }

    /// Remembers what executing a block gave.
    pub(super) fn remember(
        &self,
        id: BlockId,
        block: &Arc<Block>,
        executed: &Executed,
        final_height: Height,
    ) {
        let mut known = self.known();
        let (block, executed) = (block.clone(), executed.clone());
        if known.outcomes.insert(id, Outcome { block, executed, final_height }).is_none() {
            known.order.push_back(id);
        }
        if known.order.len() > EXECUTIONS_MAX
            && let Some(oldest) = known.order.pop_front()
        {
            known.outcomes.remove(&oldest);
        }
    }
}

#[cfg(test)]
#[path = "executions_tests.rs"]
mod tests;
