//! Processes that outlive the command that started them.
//!
//! A number alone does not name a process: the system hands a free number out again. Before anything is signalled, the
//! moment it started, and the boot it started in, are compared with what was recorded, so a stale record never hits a
//! stranger. On Linux both the comparison and the signal go through one process file descriptor, so the number cannot
//! change hands between the two. Elsewhere only the number is known.

use std::io;
#[cfg(target_os = "linux")]
use std::{fs, path::Path};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// A process, told apart from a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since the boot; 0 where the system does not say.
    pub started_ticks: u64,
    /// The boot it started in; empty where the system does not say.
    pub boot: String,
}

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessState {
    /// It runs or waits for something.
    Running,
    /// It has been suspended by a signal.
    Paused,
    /// It has ended, or never was.
    Stopped,
}

impl Process {
    /// The process that has this number now; `None` if there is none.
    pub fn with_pid(pid: u32) -> io::Result<Option<Self>> {
        let Some((started_ticks, _)) = look_up(pid)? else { return Ok(None) };
        Ok(Some(Self { pid, started_ticks, boot: boot()? }))
    }

    /// What it is doing. A process that has ended counts as stopped whether or not its parent has taken note.
    pub fn state(&self) -> ProcessState {
        // Unreadable means gone: the process table is either there or the number is not in it.
        let Ok(Some((started_ticks, state))) = look_up(self.pid) else {
            return ProcessState::Stopped;
        };
        let same = started_ticks == self.started_ticks && boot().is_ok_and(|b| b == self.boot);
        if same { state } else { ProcessState::Stopped }
    }

    /// Whether it still exists, paused or not.
    pub fn is_alive(&self) -> bool {
        self.state() != ProcessState::Stopped
    }

    /// Sends a signal; says whether the process was still there to get it.
    ///
    /// # Errors
    ///
    /// What the system says, such as a process that belongs to somebody else.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return Ok(false);
        };
        match self.signal_pid(pid, signal) {
            Ok(sent) => Ok(sent),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(target_os = "linux")]
    fn signal_pid(&self, pid: Pid, signal: Signal) -> rustix::io::Result<bool> {
        use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
        // The descriptor holds on to whatever has the number now; only then is it compared.
        let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
        if !self.is_alive() {
            return Ok(false);
        }
        pidfd_send_signal(descriptor, signal)?;
        Ok(true)
    }

    #[cfg(not(target_os = "linux"))]
    fn signal_pid(&self, pid: Pid, signal: Signal) -> rustix::io::Result<bool> {
        rustix::process::kill_process(pid, signal)?;
        Ok(true)
    }
}

/// The start and state of whatever has this number; `None` if nothing has.
#[cfg(target_os = "linux")]
fn look_up(pid: u32) -> io::Result<Option<(u64, ProcessState)>> {
    match fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")) {
        Ok(stat) => parse_stat(&stat).map(Some).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat is unreadable"))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // The process ended between opening and reading.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn look_up(pid: u32) -> io::Result<Option<(u64, ProcessState)>> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    match rustix::process::test_kill_process(pid) {
        Ok(()) => Ok(Some((0, ProcessState::Running))),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The start (field 22) and state (fields 3 and 20) in a line of proc_pid_stat(5). The name in field 2 may hold anything,
/// spaces and parentheses included, so fields are counted from the last parenthesis.
#[cfg(target_os = "linux")]
fn parse_stat(stat: &str) -> Option<(u64, ProcessState)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    let letter = fields.next()?;
    // Field 3 is taken, so field 20 is 16 further on, and field 22 one after that.
    let threads: u64 = fields.nth(16)?.parse().ok()?;
    let started_ticks = fields.nth(1)?.parse().ok()?;
    let state = match letter {
        // The letter is that of the first thread. While others are still ending, they hold the files and locks of all.
        "Z" | "X" | "x" if threads <= 1 => ProcessState::Stopped,
        "T" | "t" => ProcessState::Paused,
        _ => ProcessState::Running,
    };
    Some((started_ticks, state))
}

/// Tells this boot from all others.
#[cfg(target_os = "linux")]
fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(not(target_os = "linux"))]
fn boot() -> io::Result<String> {
    Ok(String::new())
}

#[cfg(all(test, target_os = "linux"))]
#[path = "process_tests.rs"]
mod tests;
