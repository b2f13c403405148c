//! The changes above the base: those of single blocks on top, and below them those of ever longer runs of blocks.
//!
//! A block that comes on top is merged with what lies below it as long as that is less than twice as much, like a binary
//! counter: a change is copied once for each doubling, and reading looks into about as many layers as the number of blocks
//! has binary digits. Layers are shared with the states before and beside this one. What is final is forgotten by whole
//! layers, so up to twice as much as is not final may stay longer than it must.

use std::sync::Arc;

use super::{Change, CoinChange, Delta, SystemKey};
use crate::types::{CoinId, Height};

/// No layer grows beyond this many changes by merging: copying it takes some milliseconds, and somebody waits for it.
const LAYER_MAX: usize = 1 << 17;

/// Changes of some blocks on top of each other.
#[derive(Debug, Clone)]
struct Layer {
    /// The last of the blocks.
    newest: Height,
    changes: Arc<Delta>,
}

/// All changes above the base, the oldest first.
#[derive(Debug, Clone)]
pub(super) struct Layers(Arc<[Layer]>);

impl Default for Layers {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl Layers {
    /// With the changes of one more block on top, and without those of blocks up to `final_height`.
    pub(super) fn with(&self, height: Height, changes: Arc<Delta>, final_height: Height) -> Self {
        let kept = self.0.iter().filter(|layer| layer.newest > final_height);
        let mut layers: Vec<Layer> = kept.cloned().collect();
        let mut top = Layer { newest: height, changes };
        while let Some(below) = layers.pop_if(|below| joins(&below.changes, &top.changes)) {
            top.changes = Arc::new(below.changes.then(&top.changes));
        }
        layers.push(top);
        Self(layers.into())
    }

    /// What became of a coin, if it was changed.
    pub(super) fn coin(&self, id: &CoinId) -> Option<&CoinChange> {
        self.0.iter().rev().find_map(|layer| layer.changes.coin(id))
    }

    /// The new value of an entry of a rule, if it was changed.
    pub(super) fn system(&self, key: &SystemKey) -> Option<&Change> {
        self.0.iter().rev().find_map(|layer| layer.changes.system(key))
    }

    /// The changes, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Delta> {
        self.0.iter().map(|layer| &*layer.changes)
    }

    /// How many changes are held.
    pub(super) fn len(&self) -> usize {
        self.iter().map(Delta::len).sum()
    }
}

fn joins(below: &Delta, top: &Delta) -> bool {
    // Blocks that change nothing must not pile up.
    below.len() < 2 * top.len().max(1) && below.len() + top.len() <= LAYER_MAX
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
