//! Bounded memory.

use super::super::watch::{Scene, Watch};
use super::imported;
use crate::replica::Output;

/// Nothing that others can make a replica hold grows beyond its bound.
#[derive(Debug, Default)]
pub struct BoundedMemory(());

fn within(scene: &Scene<'_>, node: usize) -> Result<(), String> {
    let held = scene.replica(node).map(|replica| replica.holdings()).unwrap_or_default();
    match held.iter().find(|it| it.held > it.max) {
        Some(it) => Err(format!("it holds {} {}, where {} are allowed", it.held, it.what, it.max)),
        None => Ok(()),
    }
}

impl Watch for BoundedMemory {
    fn name(&self) -> &'static str {
        "bounded memory"
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        imported(output).map_or(Ok(()), |_| within(scene, node))
    }

    fn looks(&mut self, scene: &Scene<'_>) -> Result<(), (usize, String)> {
        (0..scene.nodes()).try_for_each(|node| within(scene, node).map_err(|what| (node, what)))
    }
}
