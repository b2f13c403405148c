//! How the nodes of a devnet are connected: shaped links, and partitions.
//!
//! The directory says how it is to be ([`DevnetLinks`]), by the names of nodes; each node is told its part of that by the
//! ids of its peers, which exist once a node has been started. A node that starts gets its part as a file, so that not
//! even its first byte goes where it may not; nodes that run are told through their ports. A link is cut as soon as one
//! of its ends is: that is why a node whose peer cannot be told, because it is paused or being started, is cut off all
//! the same.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use super::directory::{Directory, NodeDirectory};
use super::error::DevnetError;
use super::process::ProcessState;
use super::rpc::NodeRpc;
use super::supervise::listening;
use crate::api::{DevnetFile, DevnetLinks, LinkShape, NodeLinks, PairLink};

/// How long a node may take to be told: some calls, each of them answered from memory.
const TELL_TIMEOUT: Duration = Duration::from_secs(10);

/// Gives the link between two nodes a shape of its own, or takes that away from it.
///
/// # Errors
///
/// The two are one.
pub fn shape_pair(
    links: &mut DevnetLinks,
    ends: [&NodeDirectory; 2],
    link: Option<LinkShape>,
) -> Result<(), DevnetError> {
    let [mut one, mut other] = ends;
    if one.index == other.index {
        return Err(DevnetError::OneEnd(one.name.clone()));
    }
    if one.index > other.index {
        (one, other) = (other, one);
    }
    let nodes = [one.name.clone(), other.name.clone()];
    links.pairs.retain(|pair| pair.nodes != nodes);
    links.pairs.extend(link.map(|link| PairLink { nodes, link }));
    links.pairs.sort_by(|one, other| one.nodes.cmp(&other.nodes));
    Ok(())
}

/// The groups of a partition, given as lists of nodes with commas between them, each a name or a number. Nodes that are
/// not named are one more group.
///
/// # Errors
///
/// A node that does not exist or is in two groups, or only one group.
pub fn groups(
    directory: &Directory,
    marker: &DevnetFile,
    given: &[String],
) -> Result<Vec<Vec<String>>, DevnetError> {
    let mut named = BTreeSet::new();
    let mut groups = Vec::new();
    for group in given {
        let mut indices = BTreeSet::new();
        for node in group.split(',').map(str::trim) {
            let node = directory.named(marker, node)?;
            if !indices.contains(&node.index) && !named.insert(node.index) {
                return Err(DevnetError::TwoGroups(node.name));
            }
            indices.insert(node.index);
        }
        groups.push(indices);
    }
    let rest: BTreeSet<usize> =
        (0..marker.nodes.len()).filter(|index| !named.contains(index)).collect();
    if !rest.is_empty() {
        groups.push(rest);
    }
    if groups.len() < 2 {
        return Err(DevnetError::OneGroup);
    }
    let names =
        |group: BTreeSet<usize>| group.into_iter().map(|i| directory.node(i).name).collect();
    Ok(groups.into_iter().map(names).collect())
}

/// What a node is to do with its links, as far as the ids of the others are known: a node that was never started has
/// none yet.
pub fn of_node(links: &DevnetLinks, node: &NodeDirectory, all: &[NodeDirectory]) -> NodeLinks {
    let group = |name: &String| links.partition.iter().position(|group| group.contains(name));
    let mut mine = NodeLinks { all: links.all, ..NodeLinks::default() };
    for other in all.iter().filter(|other| other.index != node.index) {
        // A file that cannot be read belongs to a node that nobody reaches.
        let Some(file) = other.addresses().ok().flatten() else { continue };
        let between =
            |pair: &&PairLink| pair.nodes.contains(&node.name) && pair.nodes.contains(&other.name);
        if let Some(pair) = links.pairs.iter().find(between) {
            mine.peers.insert(file.peer_id.clone(), pair.link);
        }
        if !links.partition.is_empty() && group(&node.name) != group(&other.name) {
            mine.blocked.push(file.peer_id);
        }
    }
    mine
}

/// Tells every node that runs what the directory says about its links. Paused nodes are told when they go on, stopped
/// ones when they start.
///
/// # Errors
///
/// Files that cannot be read, or nodes that do not answer; the others are told all the same.
pub async fn apply(
    directory: &Directory,
    marker: &DevnetFile,
    rpc: &impl NodeRpc,
) -> Result<(), DevnetError> {
    let links = directory.links()?;
    let all = directory.nodes(marker);
    let mut tellings = Vec::new();
    for node in &all {
        if node.state()? == ProcessState::Running
            && let Some(at) = listening(node)?
        {
            let mine = of_node(&links, node, &all);
            tellings.push(async move {
                let told = timeout(TELL_TIMEOUT, rpc.links(node, &at, &mine)).await;
                let reason = told.unwrap_or_else(|_| Err("it does not answer".to_owned())).err();
                reason.map(|reason| (node.name.clone(), reason))
            });
        }
    }
    let untold: Vec<_> = join_all(tellings).await.into_iter().flatten().collect();
    match untold.first() {
        None => Ok(()),
        Some((_, reason)) => Err(DevnetError::Untold {
            reason: reason.clone(),
            nodes: untold.iter().map(|(node, _)| node.clone()).collect(),
        }),
    }
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
