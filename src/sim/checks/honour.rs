//! Honour among the correct.

use super::super::watch::{Scene, Watch};
use super::block_at;
use crate::consensus;
use crate::replica::{Output, Report};
use crate::types::{Address, Evidence};

/// No correct node bans a correct one, and no block holds evidence against one. Whoever is late, behind, restarted or cut
/// off is not to blame.
#[derive(Debug, Default)]
pub struct Honour(());

impl Watch for Honour {
    fn name(&self) -> &'static str {
        "honour"
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        if let Output::Report(Report::Engine(consensus::Report::Lied { by, round, height })) =
            output
        {
            return match scene.is_correct(node) && is_honest(scene, *by) {
                true => Err(format!(
                    "it holds votes of {by:?}, who is honest, for two blocks of {height} in {round}"
                )),
                false => Ok(()),
            };
        }
        let Output::Ban { peer, reason } = output else { return accuses(scene, node, output) };
        let peer = usize::try_from(peer.0).unwrap_or(usize::MAX);
        match scene.is_correct(node) && scene.is_correct(peer) {
            true => Err(format!("it bans node {peer}: {reason}")),
            false => Ok(()),
        }
    }
}

/// Whether somebody signs on correct nodes, and on no others.
pub(super) fn is_honest(scene: &Scene<'_>, who: Address) -> bool {
    let signs = |node: &usize| {
        let options = &scene.options().nodes[*node];
        let owners = options.stake.iter().flat_map(|stake| &stake.owners);
        let own = options.key.as_ref().map(|key| key.address());
        owners.copied().chain(own).any(|signer| signer == who)
    };
    let signers: Vec<usize> = (0..scene.options().nodes.len()).filter(signs).collect();
    !signers.is_empty() && signers.iter().all(|signer| scene.is_correct(*signer))
}

/// Whether a block that entered a correct node's tree accuses somebody who signs on correct nodes only.
fn accuses(scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
    let (Output::Report(Report::Imported { imported, .. }), Some(replica)) =
        (output, scene.correct(node))
    else {
        return Ok(());
    };
    let Some(block) = block_at(replica, &imported.id) else { return Ok(()) };
    for evidence in &block.body.evidence {
        let (Evidence::Headers { key, .. } | Evidence::Statements { key, .. }) = evidence;
        let accused = Address::of(key);
        if is_honest(scene, accused) {
            return Err(format!("block {} accuses {accused:?}, who is honest", imported.id));
        }
    }
    Ok(())
}
