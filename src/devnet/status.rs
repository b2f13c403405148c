//! How the nodes are, asked of all at once.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use super::directory::{Directory, NodeDirectory};
use super::error::DevnetError;
use super::process::ProcessState;
use super::rpc::NodeRpc;
use super::supervise::{listening, peer_address};
use crate::api::{DevnetFile, DevnetNode, DevnetStatus, NodeState};

/// Asks all nodes at once how they are; who has not answered after `wait` is left blank.
///
/// # Errors
///
/// The files of a node cannot be read.
pub async fn status(
    directory: &Directory,
    marker: &DevnetFile,
    rpc: &impl NodeRpc,
    wait: Duration,
) -> Result<DevnetStatus, DevnetError> {
    let nodes = directory.nodes(marker);
    let asked = nodes.iter().map(|node| ask(node, rpc, wait));
    let nodes = join_all(asked).await.into_iter().collect::<Result<_, _>>()?;
    Ok(DevnetStatus {
        dir: directory.path().display().to_string(),
        chain: marker.chain.clone(),
        genesis: marker.genesis,
        engine: marker.engine.clone(),
        nodes,
        partition: directory.links()?.partition,
    })
}

async fn ask(
    node: &NodeDirectory,
    rpc: &impl NodeRpc,
    wait: Duration,
) -> Result<DevnetNode, DevnetError> {
    let run = node.run()?;
    let state = run.as_ref().map_or(ProcessState::Stopped, |run| run.process.state());
    let file = listening(node)?;
    let report = match &file {
        // A paused process would only be waited for in vain.
        Some(file) if state == ProcessState::Running => {
            timeout(wait, rpc.report(node, file)).await.ok().and_then(Result::ok)
        }
        _ => None,
    };
    let chain = report.as_ref().map(|report| &report.chain);
    let round = report.as_ref().and_then(|report| report.round.as_ref());
    Ok(DevnetNode {
        name: node.name.clone(),
        pid: run.filter(|_| state != ProcessState::Stopped).map(|run| run.process.pid),
        state: match state {
            ProcessState::Running => NodeState::Running,
            ProcessState::Paused => NodeState::Paused,
            ProcessState::Stopped => NodeState::Stopped,
        },
        rpc: file.as_ref().map(|file| file.rpc.clone()),
        p2p: file.as_ref().and_then(peer_address),
        stratum: file.as_ref().and_then(|file| file.stratum.clone()),
        height: chain.map(|chain| chain.height),
        head: chain.map(|chain| chain.head),
        final_height: chain.map(|chain| chain.final_height),
        final_id: chain.map(|chain| chain.final_id),
        state_root: chain.map(|chain| chain.state_root),
        peers: report.as_ref().map(|report| report.peers),
        mempool: report.as_ref().map(|report| report.mempool),
        role: round.map(|round| round.role),
        authority: round.and_then(|round| round.authority.clone()),
        round: round.and_then(|round| round.round),
        stakes: report.as_ref().map(|report| report.stakes.clone()).unwrap_or_default(),
    })
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
