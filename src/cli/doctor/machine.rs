//! This program and this machine.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::Check;
use crate::cli::output;
use crate::types::Time;

/// Open files that a node with all its connections takes, and room.
const FILES_MIN: u64 = 1024;

/// Bytes of memory that a node takes at least; about 20 MiB, and as much again for blocks on their way.
const MEMORY_MIN: u64 = 64 << 20;

/// Below so many bytes a devnet of several nodes and a build beside it get slow.
const MEMORY_COMFORT: u64 = 512 << 20;

/// No block of any chain of this software is older: 2025-01-01.
const EPOCH: Time = Time(1_735_689_600_000);

pub(super) fn checks() -> Vec<Check> {
    let mut checks = vec![version(), clock(output::now()), files()];
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    checks.extend(available(&meminfo).map(memory));
    checks
}

fn version() -> Check {
    let version = env!("CARGO_PKG_VERSION");
    if cfg!(debug_assertions) {
        let message = format!("assay {version}, a debug build");
        return Check::warn("version", message, "it is several times slower: build with --release");
    }
    Check::ok("version", format!("assay {version}"))
}

fn clock(now: Time) -> Check {
    if now < EPOCH {
        let message = format!("this machine's clock says {}", output::moment(now));
        return Check::fail(
            "clock",
            message,
            "set it: blocks of others would all lie in the future",
        );
    }
    Check::ok("clock", output::moment(now))
}

fn files() -> Check {
    let limit = getrlimit(Resource::Nofile).current;
    match limit {
        Some(limit) if limit < FILES_MIN => Check::warn(
            "open files",
            format!("a process may open {limit} files"),
            format!("allow at least {FILES_MIN}: ulimit -n 4096"),
        ),
        Some(limit) => Check::ok("open files", format!("a process may open {limit}")),
        None => Check::ok("open files", "without a limit"),
    }
}

/// Bytes of memory that are to be had.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn memory(bytes: u64) -> Check {
    let message = format!("{} MiB are available", output::count(bytes >> 20));
    match bytes {
        0..MEMORY_MIN => Check::fail("memory", message, "end other programs: a node needs 64 MiB"),
        MEMORY_MIN..MEMORY_COMFORT => {
            Check::warn("memory", message, "start few nodes, or end other programs")
        }
        _ => Check::ok("memory", message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    #[test]
    fn memory_is_read_as_the_system_writes_it() {
        let text = "MemTotal:       16000000 kB\nMemAvailable:     300000 kB\n";
        assert_eq!(available(text), Some(300_000 * 1024));
        assert_eq!(available("MemTotal: 1 kB"), None);
        assert_eq!(available("MemAvailable: many kB"), None);
        for (mib, status) in [(10, Verdict::Fail), (300, Verdict::Warn), (4000, Verdict::Ok)] {
            assert_eq!(memory(mib << 20).status, status);
        }
    }

    #[test]
    fn a_clock_that_was_never_set_is_told() {
        assert_eq!(clock(Time(0)).status, Verdict::Fail);
        assert_eq!(clock(output::now()).status, Verdict::Ok);
    }
}
