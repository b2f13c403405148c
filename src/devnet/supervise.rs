//! Starting nodes so that they know each other, and watching them.
//!
//! All processes are started at once. A node binds port 0, so nobody knows its address before it has written it down; as
//! soon as two have, they are introduced through their ports. At a second start nodes reuse their addresses and get them
//! as bootnodes as well.

use std::collections::BTreeMap;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep, timeout};

use super::directory::{Directory, Ending, Launch, NodeDirectory};
use super::error::DevnetError;
use super::halt;
use super::launch::{self, NodeProgram, Started};
use super::links;
use super::logs;
use super::process::Process;
use super::rpc::NodeRpc;
use crate::api::NodeFile;

/// How long a node may take to say where it listens: a long chain is read again before that.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long after that nodes may take to be introduced to each other.
const INTRODUCE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one introduction may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the nodes are looked at while they start.
const INTERVAL: Duration = Duration::from_millis(5);

/// How long to wait before an introduction that failed is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Up to so many nodes all know each other; beyond, each knows a few at growing distances.
const FULL_MESH_MAX: usize = 8;

/// Lines of a log that are quoted when a node ends unexpectedly.
const QUOTED_LINES: usize = 8;

/// Nodes that have been started.
#[derive(Debug)]
pub struct Crew {
    /// The processes, in order of the nodes.
    pub started: Vec<Started>,
    /// What went wrong and is no reason to give up.
    pub warnings: Vec<String>,
}

/// Starts nodes, waits until all have said where they listen, and introduces them to each other and to those that run
/// already.
///
/// # Errors
///
/// A node that cannot be started, ends, or stays silent; the others started here are ended again.
pub async fn start(
    program: &NodeProgram,
    directory: &Directory,
    all: &[NodeDirectory],
    launches: &[(NodeDirectory, Launch)],
    rpc: &impl NodeRpc,
) -> Result<Crew, DevnetError> {
    let mut started = Vec::new();
    let result = match start_all(program, directory, all, launches, &mut started) {
        Ok(()) => meet(all, &mut started, rpc).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(warnings) => Ok(Crew { started, warnings }),
        Err(error) => {
            let nodes: Vec<_> = started.iter().map(|node| node.node.clone()).collect();
            // The first error says more than one met while cleaning up.
            let _ = halt::end(&nodes, Ending::Stop, std::future::pending()).await;
            Err(error)
        }
    }
}

fn start_all(
    program: &NodeProgram,
    directory: &Directory,
    all: &[NodeDirectory],
    launches: &[(NodeDirectory, Launch)],
    started: &mut Vec<Started>,
) -> Result<(), DevnetError> {
    let mut addresses = Vec::new();
    for node in all {
        // A file that cannot be read only costs an introduction.
        let file = node.addresses().ok().flatten();
        addresses.push((node.index, file.as_ref().and_then(peer_address)));
    }
    let shapes = directory.links()?;
    for (node, launch) in launches {
        let links = links::of_node(&shapes, node, all);
        let bootnodes: Vec<String> = addresses
            .iter()
            .filter(|(index, _)| acquainted(node.index, *index, all.len()))
            .filter_map(|(_, address)| address.clone())
            .collect();
        started.push(launch::start(program, directory, node, launch, &bootnodes, &links)?);
    }
    Ok(())
}

/// Waits until all have said where they listen, and introduces each to those that did before.
async fn meet(
    all: &[NodeDirectory],
    started: &mut [Started],
    rpc: &impl NodeRpc,
) -> Result<Vec<String>, DevnetError> {
    let mut ready: Vec<(NodeDirectory, NodeFile)> = Vec::new();
    for node in all {
        if started.iter().all(|one| one.node != *node)
            && let Some(file) = listening(node)?
        {
            ready.push((node.clone(), file));
        }
    }
    let mut introductions = FuturesUnordered::new();
    let mut warnings = Vec::new();
    let mut waiting: Vec<usize> = (0..started.len()).collect();
    let deadline = Instant::now() + START_TIMEOUT;
    while !waiting.is_empty() {
        let mut still = Vec::new();
        for index in waiting {
            let one = &mut started[index];
            // The order matters: a node that has ended may have said where it listened.
            let ended = one.child.try_wait().map_err(DevnetError::io("watch", &one.node.path))?;
            if let Some(status) = ended {
                return Err(DevnetError::StartFailed {
                    node: one.node.name.clone(),
                    status: Some(status),
                    log: logs::quote(&one.node.log(), QUOTED_LINES),
                    log_path: one.node.log(),
                });
            }
            let Some(file) = listening(&one.node)? else {
                still.push(index);
                continue;
            };
            for (other, at) in &ready {
                if acquainted(one.node.index, other.index, all.len())
                    && let Some(address) = peer_address(at)
                {
                    let name = other.name.clone();
                    introductions.push(introduce(
                        rpc,
                        one.node.clone(),
                        file.clone(),
                        name,
                        address,
                    ));
                }
            }
            ready.push((one.node.clone(), file));
        }
        waiting = still;
        if let Some(index) = waiting.first()
            && Instant::now() >= deadline
        {
            let node = &started[*index].node;
            return Err(DevnetError::StartTimeout {
                node: node.name.clone(),
                waited: START_TIMEOUT,
                log_path: node.log(),
            });
        }
        if !waiting.is_empty() {
            // What is under way goes on while the others come up.
            tokio::select! {
                () = sleep(INTERVAL) => (),
                Some(result) = introductions.next() => warnings.extend(result.err()),
            }
        }
    }
    let rest = async {
        while let Some(result) = introductions.next().await {
            warnings.extend(result.err());
        }
    };
    if timeout(INTRODUCE_TIMEOUT, rest).await.is_err() {
        warnings.push("some nodes have not been introduced to each other in time".to_owned());
    }
    Ok(warnings)
}

/// Tells `node` to connect to `other`, again and again until it does or the time is up. Both have just started, so a
/// refusal at first is no surprise.
async fn introduce(
    rpc: &impl NodeRpc,
    node: NodeDirectory,
    at: NodeFile,
    other: String,
    address: String,
) -> Result<(), String> {
    let deadline = Instant::now() + INTRODUCE_TIMEOUT;
    loop {
        let reason = match timeout(CONNECT_TIMEOUT, rpc.connect(&node, &at, &address)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => reason,
            Err(_) => "it does not answer".to_owned(),
        };
        if Instant::now() + RETRY_INTERVAL >= deadline {
            return Err(format!("{} could not be introduced to {other}: {reason}", node.name));
        }
        sleep(RETRY_INTERVAL).await;
    }
}

/// Whether two of `count` nodes are to know each other from the start. Up to [`FULL_MESH_MAX`] all do. Beyond that a node
/// knows those at distances 1, 2, 4, 8, … around the circle: few connections, and few steps from anyone to anyone.
fn acquainted(one: usize, other: usize, count: usize) -> bool {
    if one == other || count <= FULL_MESH_MAX {
        return one != other;
    }
    let distance = one.abs_diff(other);
    distance.is_power_of_two() || count.saturating_sub(distance).is_power_of_two()
}

/// Where the process that runs as this node now listens; `None` while it has not said so. The file of an earlier process
/// says nothing.
pub(super) fn listening(node: &NodeDirectory) -> Result<Option<NodeFile>, DevnetError> {
    let Some(run) = node.run()? else { return Ok(None) };
    let Some(file) = node.addresses()? else { return Ok(None) };
    Ok((file.pid == run.process.pid && run.process.is_alive()).then_some(file))
}

/// The address at which neighbours reach a node: the loopback one if there is one.
pub(super) fn peer_address(file: &NodeFile) -> Option<String> {
    let local = file.p2p.iter().find(|address| address.starts_with("/ip4/127."));
    local.or(file.p2p.first()).cloned()
}

/// Something that happened to a node while it was watched.
#[derive(Debug)]
pub enum Notice {
    /// Its process is gone.
    Ended {
        /// Which node.
        node: String,
        /// Why, if somebody asked for it.
        ending: Option<Ending>,
        /// How, in words.
        how: String,
        /// The end of its log, if nobody asked for it.
        log: Vec<String>,
    },
    /// It runs, and did not at the last look, or not in this process.
    Started {
        /// Which node.
        node: String,
        /// Its process.
        pid: u32,
    },
}

/// Whether there is anything left to watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Nodes run, or somebody means to start one again.
    Going,
    /// All nodes have ended because somebody stopped the devnet.
    Stopped,
    /// All nodes have ended by themselves.
    Lost,
}

/// Watches the nodes of a devnet, whoever starts and ends them.
#[derive(Debug)]
pub struct Watch {
    nodes: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    node: NodeDirectory,
    /// The process that ran at the last look.
    process: Option<Process>,
    ending: Option<Ending>,
}

/// Processes that this program started, by number. Each is waited for once it has ended, which is also the only way to
/// learn how it did.
#[derive(Debug, Default)]
pub struct Children(BTreeMap<u32, Child>);

impl Children {
    /// Takes care of processes that were started.
    pub fn adopt(&mut self, started: Vec<Started>) {
        self.0.extend(started.into_iter().map(|one| (one.process.pid, one.child)));
    }

    /// How a process ended, if it was ours and has.
    fn take_ended(&mut self, pid: u32) -> Option<ExitStatus> {
        let status = self.0.get_mut(&pid)?.try_wait().ok().flatten()?;
        self.0.remove(&pid);
        Some(status)
    }
}

impl Watch {
    /// Watches nodes from now on. That those which were just started run is no news; that one has ended since is.
    pub fn new(nodes: Vec<NodeDirectory>, started: &[Started]) -> Self {
        let watched = |node: NodeDirectory| {
            let process =
                started.iter().find(|one| one.node == node).map(|one| one.process.clone());
            Watched { node, process, ending: None }
        };
        Self { nodes: nodes.into_iter().map(watched).collect() }
    }

    /// Watches these nodes as well. That one of them runs is no news.
    pub fn extend(&mut self, nodes: impl IntoIterator<Item = NodeDirectory>) {
        let watched = |node: NodeDirectory| {
            let run = node.run().ok().flatten().filter(|run| run.process.is_alive());
            Watched { node, process: run.map(|run| run.process), ending: None }
        };
        self.nodes.extend(nodes.into_iter().map(watched));
    }

    /// What has happened since the last look. A node whose files cannot be read counts as ended.
    pub fn look(&mut self, children: &mut Children) -> Vec<Notice> {
        let mut notices = Vec::new();
        for watched in &mut self.nodes {
            let run = watched.node.run().ok().flatten();
            let alive = run.as_ref().filter(|run| run.process.is_alive());
            let now = alive.map(|run| run.process.clone());
            if now == watched.process {
                // Somebody may stop a devnet of which this node had ended before.
                if let (None, Some(run)) = (&now, &run) {
                    watched.ending = run.ending;
                }
                continue;
            }
            if let Some(before) = watched.process.take() {
                let status = children.take_ended(before.pid);
                let same = run.as_ref().filter(|run| run.process == before);
                // A record that has gone or names another process: somebody removed the devnet or started the node anew.
                watched.ending = match (same, &run) {
                    (Some(run), _) => run.ending,
                    (None, Some(_)) => Some(Ending::Restart),
                    (None, None) => Some(Ending::Stop),
                };
                notices.push(Notice::Ended {
                    node: watched.node.name.clone(),
                    ending: watched.ending,
                    how: super::error::describe(status.as_ref()),
                    log: match watched.ending {
                        None => logs::quote(&watched.node.log(), QUOTED_LINES),
                        Some(_) => Vec::new(),
                    },
                });
            }
            if let Some(process) = now {
                let (node, pid) = (watched.node.name.clone(), process.pid);
                notices.push(Notice::Started { node, pid });
                watched.process = Some(process);
            }
        }
        notices
    }

    /// Whether there is anything left to watch, as of the last look.
    pub fn outlook(&self) -> Outlook {
        let awaited = |one: &Watched| matches!(one.ending, Some(Ending::Kill | Ending::Restart));
        if self.nodes.iter().any(|one| one.process.is_some() || awaited(one)) {
            return Outlook::Going;
        }
        if self.nodes.iter().any(|one| one.ending == Some(Ending::Stop)) {
            return Outlook::Stopped;
        }
        Outlook::Lost
    }
}

#[cfg(test)]
#[path = "supervise_tests.rs"]
mod tests;
