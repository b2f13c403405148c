//! The signals by which a command that stays is told to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::CliError;
use crate::api::Exit;

/// SIGINT, SIGTERM and SIGHUP, caught from now on.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Catches the signals; before, they ended the process.
    pub(super) fn new() -> Result<Self, CliError> {
        let catch = |kind| {
            signal(kind).map_err(|error| CliError::failed(format!("cannot catch signals: {error}")))
        };
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            hang_up: catch(SignalKind::hangup())?,
        })
    }

    /// Waits for the next of them, and says with which exit code the command is to end.
    pub(super) async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
            // The terminal is gone.
            _ = self.hang_up.recv() => Exit::Terminated,
        }
    }
}
