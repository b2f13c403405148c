//! Suspending a node, and letting it go on: a process that stands still with its sockets open, as one does whose machine
//! is overloaded or swaps. Its peers hear nothing and are told nothing.

use std::io;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::directory::NodeDirectory;
use super::error::DevnetError;
use super::process::ProcessState;

/// How long the system may take to suspend a process, or to let it go on.
const WAIT: Duration = Duration::from_secs(5);

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(2);

/// Suspends a node; returns once it stands still.
///
/// # Errors
///
/// It does not run, is paused already, or cannot be signalled.
pub async fn pause(node: &NodeDirectory) -> Result<(), DevnetError> {
    match node.state()? {
        ProcessState::Running => signal(node, Signal::STOP, ProcessState::Paused, "pause").await,
        ProcessState::Paused => Err(DevnetError::Paused(node.name.clone())),
        ProcessState::Stopped => Err(DevnetError::NotRunning(node.name.clone())),
    }
}

/// Lets a paused node go on.
///
/// # Errors
///
/// It is not paused, or cannot be signalled.
pub async fn resume(node: &NodeDirectory) -> Result<(), DevnetError> {
    match node.state()? {
        ProcessState::Paused => signal(node, Signal::CONT, ProcessState::Running, "resume").await,
        ProcessState::Running => Err(DevnetError::NotPaused(node.name.clone())),
        ProcessState::Stopped => Err(DevnetError::NotRunning(node.name.clone())),
    }
}

async fn signal(
    node: &NodeDirectory,
    signal: Signal,
    wanted: ProcessState,
    action: &'static str,
) -> Result<(), DevnetError> {
    let ended = || DevnetError::NotRunning(node.name.clone());
    let run = node.run()?.ok_or_else(ended)?;
    if !run.process.signal(signal).map_err(DevnetError::io("signal", &node.path))? {
        return Err(ended());
    }
    let deadline = Instant::now() + WAIT;
    loop {
        match run.process.state() {
            state if state == wanted => return Ok(()),
            ProcessState::Stopped => return Err(ended()),
            _ if Instant::now() >= deadline => {
                let late = io::Error::from(io::ErrorKind::TimedOut);
                return Err(DevnetError::io(action, &node.path)(late));
            }
            _ => sleep(INTERVAL).await,
        }
    }
}
