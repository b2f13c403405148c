//! Ending nodes, politely first.

use std::future::Future;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::directory::{Ending, NodeDirectory, Run};
use super::error::DevnetError;

/// How long a node may take to end by itself: it writes down what it has.
pub const GRACE: Duration = Duration::from_secs(10);

/// How long the system may take to end a process that cannot refuse. One that hangs in the kernel takes longer.
const KILL_WAIT: Duration = Duration::from_secs(5);

/// How often the nodes are looked at.
const INTERVAL: Duration = Duration::from_millis(5);

/// A node that was running and has been ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its name.
    pub node: String,
    /// It did not end by itself within [`GRACE`], or was not given the time, and was killed.
    pub forced: bool,
}

/// Ends those of the nodes that run: asks them, waits, and kills what is left after [`GRACE`] or when `hurry` is ready.
/// With [`Ending::Kill`] nobody is asked. Returns the nodes that were running, in order.
///
/// # Errors
///
/// A process that cannot be signalled, or that even a kill does not end. The others are ended all the same.
pub async fn end(
    nodes: &[NodeDirectory],
    ending: Ending,
    hurry: impl Future<Output = ()>,
) -> Result<Vec<Ended>, DevnetError> {
    let mut failed = None;
    let mut left: Vec<(&NodeDirectory, Run)> = Vec::new();
    let mut ended = Vec::new();
    for node in nodes {
        match announce(node, ending) {
            Ok(Some(run)) => {
                ended.push(Ended { node: node.name.clone(), forced: ending == Ending::Kill });
                left.push((node, run));
            }
            Ok(None) => (),
            Err(error) => failed = Some(error),
        }
    }
    if ending != Ending::Kill {
        for (node, run) in &left {
            // A paused process gets nothing but a kill until it goes on.
            let asked = run.process.signal(Signal::TERM).and(run.process.signal(Signal::CONT));
            if let Err(error) = asked {
                failed = Some(DevnetError::io("signal", &node.path)(error));
            }
        }
        tokio::select! {
            () = gone(&mut left, GRACE) => (),
            () = hurry => left.retain(|(_, run)| run.process.is_alive()),
        }
        for (node, _) in &left {
            if let Some(entry) = ended.iter_mut().find(|entry| entry.node == node.name) {
                entry.forced = true;
            }
        }
    }
    for (node, run) in &left {
        if let Err(error) = run.process.signal(Signal::KILL) {
            failed = Some(DevnetError::io("kill", &node.path)(error));
        }
    }
    gone(&mut left, KILL_WAIT).await;
    match (left.first(), failed) {
        (_, Some(error)) => Err(error),
        (Some((node, run)), None) => {
            Err(DevnetError::Undying { node: node.name.clone(), pid: run.process.pid })
        }
        (None, None) => Ok(ended),
    }
}

/// Writes down why the node is about to end, if it runs, so that whoever watches it is not alarmed.
fn announce(node: &NodeDirectory, ending: Ending) -> Result<Option<Run>, DevnetError> {
    let Some(mut run) = node.run()? else { return Ok(None) };
    let alive = run.process.is_alive();
    // To stop a devnet means that none of its nodes is expected back, those that ended before included.
    if alive || ending == Ending::Stop {
        run.ending = Some(ending);
        node.write_run(&run)?;
    }
    Ok(alive.then_some(run))
}

/// Waits until the processes are gone, and drops those that are.
async fn gone(left: &mut Vec<(&NodeDirectory, Run)>, within: Duration) {
    let deadline = Instant::now() + within;
    loop {
        left.retain(|(_, run)| run.process.is_alive());
        if left.is_empty() || Instant::now() >= deadline {
            return;
        }
        sleep(INTERVAL).await;
    }
}
