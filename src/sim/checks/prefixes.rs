//! Consistent prefixes, and finality that never decreases.

use std::collections::BTreeMap;

use super::super::watch::{Scene, Watch};
use super::{block_at, final_at};
use crate::replica::{Output, Report};
use crate::types::{BlockId, Height};

/// What a node took for final it keeps: each final block stands on the one before, the disk names them as they were
/// reported, and a restart does not fall behind what was reported before it.
#[derive(Debug, Default)]
pub struct ConsistentPrefixes {
    /// What each node took for final last.
    last: BTreeMap<usize, (Height, BlockId)>,
}

impl Watch for ConsistentPrefixes {
    fn name(&self) -> &'static str {
        "consistent prefixes"
    }

    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        let root = replica.tree().root();
        let Some((height, id)) = self.last.get(&node).copied() else {
            self.last.insert(node, (root.height(), root.id));
            return Ok(());
        };
        if root.height() < height {
            let found = root.height();
            return Err(format!(
                "it restarted with final height {found} after it reported {height}"
            ));
        }
        // What opening made final beyond that is yet to be reported.
        match final_at(replica.store(), height) {
            Some(there) if there == id => Ok(()),
            there => Err(format!("after a restart {there:?} is final at {height}, not {id}")),
        }
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let Output::Report(Report::Final { height, id, .. }) = output else { return Ok(()) };
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        let Some((last, last_id)) = self.last.insert(node, (*height, *id)) else {
            return Ok(());
        };
        if *height <= last {
            return Err(format!("its final height went from {last} to {height}"));
        }
        let mut at = *id;
        for step in (last.0 + 1..=height.0).rev() {
            if final_at(replica.store(), Height(step)) != Some(at) {
                return Err(format!("its disk does not name {at} as final at {step}"));
            }
            let block = block_at(replica, &at).ok_or_else(|| format!("{at} is not on its disk"))?;
            at = block.header.parent;
        }
        match at == last_id {
            true => Ok(()),
            false => Err(format!("{id} at {height} does not stand on {last_id} at {last}")),
        }
    }
}
