//! Honour among the correct.

use super::super::watch::{Scene, Watch};
use crate::replica::Output;

/// No correct node bans a correct one. Whoever is late, behind, restarted or cut off is not to blame.
#[derive(Debug, Default)]
pub struct Honour(());

impl Watch for Honour {
    fn name(&self) -> &'static str {
        "honour"
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let Output::Ban { peer, reason } = output else { return Ok(()) };
        let peer = usize::try_from(peer.0).unwrap_or(usize::MAX);
        match scene.is_correct(node) && scene.is_correct(peer) {
            true => Err(format!("it bans node {peer}: {reason}")),
            false => Ok(()),
        }
    }
}
