//! Equal state roots at equal blocks.

use super::super::watch::{Scene, Watch};
use super::books::Books;
use super::{found, imported};
use crate::replica::Output;
use crate::types::{BlockId, StateRoot};

/// Wherever a block is, the state after it has the root that its header claims, and so everywhere the same.
#[derive(Debug, Default)]
pub struct StateRoots {
    pub(super) roots: Books<StateRoot>,
}

impl StateRoots {
    fn compare(&mut self, scene: &Scene<'_>, node: usize, id: &BlockId) -> Result<(), String> {
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        // It may be final and folded away by now, its state with it.
        let Some(block) = replica.tree().get(id) else { return Ok(()) };
        let (root, claimed) = (block.state.root(), block.block.header.state_root);
        if root != claimed {
            return Err(format!(
                "block {id} claims state root {claimed}, and the state has {root}"
            ));
        }
        match self.roots.get(id) {
            Some(first) if *first != root => {
                return Err(format!("block {id} ends in {root} here and in {first} elsewhere"));
            }
            Some(_) => {}
            None => self.roots.insert(*id, block.height(), root),
        }
        Ok(())
    }
}

impl Watch for StateRoots {
    fn name(&self) -> &'static str {
        "equal states"
    }

    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        let blocks = scene.replica(node).map(found).unwrap_or_default();
        blocks.iter().try_for_each(|id| self.compare(scene, node, id))
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        imported(output).map_or(Ok(()), |id| self.compare(scene, node, id))
    }
}
