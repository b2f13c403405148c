//! How the nodes are: one answer for people and one for scripts.

use std::fmt::Write as _;
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
        height: chain.map(|chain| chain.height),
        head: chain.map(|chain| chain.head),
        final_height: chain.map(|chain| chain.final_height),
        final_id: chain.map(|chain| chain.final_id),
        state_root: chain.map(|chain| chain.state_root),
        peers: report.as_ref().map(|report| report.peers),
        mempool: report.as_ref().map(|report| report.mempool),
    })
}

/// The word for a node's state; a process that runs and does not answer is busy starting, or hangs.
fn word(node: &DevnetNode) -> &'static str {
    match node.state {
        NodeState::Running if node.height.is_none() => "silent",
        NodeState::Running => "running",
        NodeState::Paused => "paused",
        NodeState::Stopped => "stopped",
    }
}

/// The status as people read it.
pub fn table(status: &DevnetStatus) -> String {
    let mut rows: Vec<[String; 9]> = vec![
        ["node", "state", "pid", "height", "head", "final", "peers", "pool", "rpc"]
            .map(str::to_owned),
    ];
    for node in &status.nodes {
        rows.push([
            node.name.clone(),
            word(node).to_owned(),
            or_dash(node.pid),
            or_dash(node.height),
            or_dash(node.head.map(|head| short(&head.to_string()))),
            or_dash(node.final_height),
            or_dash(node.peers),
            or_dash(node.mempool),
            or_dash(node.rpc.as_ref()),
        ]);
    }
    let mut text = format!(
        "{}, rule {}, genesis {}\n{}\n\n",
        status.chain, status.engine, status.genesis, status.dir
    );
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// One line on how the nodes are, for a devnet that is watched.
pub fn line(status: &DevnetStatus) -> String {
    let each = |value: &dyn Fn(&DevnetNode) -> String| {
        status.nodes.iter().map(value).collect::<Vec<_>>().join(" ")
    };
    let heights = each(&|node| match node.height {
        Some(height) => height.to_string(),
        None => word(node).to_owned(),
    });
    let highest = status.nodes.iter().filter(|node| node.height.is_some()).max_by_key(|n| n.height);
    let Some(highest) = highest else { return format!("height {heights}") };
    let heads: std::collections::BTreeSet<_> =
        status.nodes.iter().filter_map(|node| node.head).collect();
    let head = or_dash(highest.head.map(|head| short(&head.to_string())));
    let also = match heads.len() {
        0 | 1 => String::new(),
        more => format!(" ({more} heads)"),
    };
    let last_final = status.nodes.iter().filter_map(|node| node.final_height).max();
    let pool = status.nodes.iter().filter_map(|node| node.mempool).max();
    format!(
        "height {heights} · head {head}{also} · final {} · peers {} · pool {}",
        or_dash(last_final),
        each(&|node| or_dash(node.peers)),
        or_dash(pool),
    )
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The beginning of an id: enough to tell heads apart by eye.
fn short(id: &str) -> String {
    format!("{}…", id.chars().take(10).collect::<String>())
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
