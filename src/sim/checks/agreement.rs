//! Agreement.

use std::collections::BTreeMap;

use super::super::watch::{Scene, Watch};
use super::final_at;
use crate::replica::{Output, Report};
use crate::types::{BlockId, Height};

/// No two correct nodes take different blocks of one height for final.
///
/// Under a rule whose finality is depth, that is a matter of how long the network is parted: a side that is cut off for as
/// long as it needs to make that many blocks finalises what it has. Judge such a rule only where every cut is shorter than
/// a quarter of the depth (in block times), and clocks that are ahead make no block wait for longer than that; other runs
/// are outside the model, and say nothing about agreement.
#[derive(Debug, Default)]
pub struct Agreement {
    /// By height: the final block, and who said so first.
    blocks: BTreeMap<Height, (BlockId, usize)>,
    /// Up to where each node was heard.
    heard: BTreeMap<usize, Height>,
}

impl Agreement {
    fn hear(&mut self, scene: &Scene<'_>, node: usize, up_to: Height) -> Result<(), String> {
        let Some(disk) = scene.disk(node).filter(|_| scene.is_correct(node)) else { return Ok(()) };
        let heard = self.heard.entry(node).or_default();
        let from = heard.next();
        *heard = up_to.max(*heard);
        for height in from.0..=up_to.0 {
            let height = Height(height);
            let id = final_at(disk, height);
            let id = id.ok_or_else(|| format!("its disk names no final block at {height}"))?;
            let (first, who) = self.blocks.entry(height).or_insert((id, node));
            if *first != id {
                return Err(format!(
                    "at height {height} it takes {id} for final, and node {who} {first}"
                ));
            }
        }
        Ok(())
    }
}

impl Watch for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        let root = scene.replica(node).map(|replica| replica.tree().root().height());
        root.map_or(Ok(()), |root| self.hear(scene, node, root))
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        match output {
            Output::Report(Report::Final { height, .. }) => self.hear(scene, node, *height),
            _ => Ok(()),
        }
    }
}
