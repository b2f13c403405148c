//! What the machine and the nodes' processes did meanwhile: yardsticks and costs.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::bench::histogram::Histogram;
use crate::types::Time;

/// Bytes that are written before each sync.
const SYNC_BYTES: usize = 4096;

/// How long a node may take to tell its metrics.
const METRICS_WAIT: Duration = Duration::from_secs(5);

/// The most bytes of that.
const METRICS_BYTES_MAX: u64 = 1 << 20;

/// Time of all processors since the machine started, in clock ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Processors {
    idle: u64,
    steal: u64,
    total: u64,
}

impl Processors {
    /// The figures of now; `None` where the system does not tell.
    pub(super) fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// The first line of proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal. Guests count as users
    /// already.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> =
            line.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        let [_, _, _, idle, waiting, _, _, steal] = ticks[..] else { return None };
        Some(Self { idle: idle + waiting, steal, total: ticks.iter().sum() })
    }

    /// The shares since then that were idle and that another machine took.
    pub(super) fn shares_since(&self, before: &Self) -> Option<(f64, f64)> {
        let total = self.total.checked_sub(before.total).filter(|ticks| *ticks > 0)? as f64;
        let share = |now: u64, then: u64| now.saturating_sub(then) as f64 / total;
        Some((share(self.idle, before.idle), share(self.steal, before.steal)))
    }
}

/// Processor time that a process on this machine has had; `None` where there is none with this number.
pub(super) fn processor_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64(ticks(&stat)? as f64 / ticks_per_second as f64))
}

/// Memory of a process on this machine that is in use now, in bytes; `None` where there is none with this number.
pub(super) fn memory(pid: u32) -> Option<u64> {
    resident(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// The line `VmRSS` of proc_pid_status(5), which counts in units of 1024 bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Fields 14 and 15 of proc_pid_stat(5). The name in field 2 may hold anything, so they are counted from its end.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// How long syncs of a small write take in this directory, in microseconds. It blocks.
pub(super) fn syncs(directory: &Path, times: usize, into: &mut Histogram) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(directory)?;
    for _ in 0..times {
        file.write_all(&[0x5e; SYNC_BYTES])?;
        let started = Instant::now();
        file.sync_data()?;
        into.record(started.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
    }
    Ok(())
}

/// Both clocks of the machine at one moment: that of the day, which somebody may set, and one that only runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    day: SystemTime,
    steady: Instant,
}

impl Clocks {
    pub(super) fn now() -> Self {
        Self { day: SystemTime::now(), steady: Instant::now() }
    }

    /// Milliseconds by which the clock of the day went further since then.
    pub(super) fn apart(&self) -> f64 {
        let steady = self.steady.elapsed().as_secs_f64();
        let day = match self.day.elapsed() {
            Ok(went) => went.as_secs_f64(),
            Err(back) => -back.duration().as_secs_f64(),
        };
        (day - steady) * 1e3
    }
}

/// The time of day.
pub(super) fn wall() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Bytes of all files below a directory. What cannot be read counts as nothing: files come and go.
pub(super) fn held(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let size = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let about = entry.metadata().ok()?;
        Some(if about.is_dir() { held(&entry.path()) } else { about.len() })
    };
    entries.filter_map(size).sum()
}

/// What a node has sent to its peers since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) bytes: u64,
    pub(super) messages: u64,
}

impl Traffic {
    /// Asks a node, given by the URL of its port.
    pub(super) async fn of(url: &str) -> Option<Self> {
        let text = timeout(METRICS_WAIT, metrics(url)).await.ok()?.ok()?;
        Some(Self::parse(&text))
    }

    /// Sums the samples of the two counters in the direction `out`, whatever else tells them apart.
    fn parse(text: &str) -> Self {
        let sum = |name: &str| -> u64 {
            let sample = |line: &str| {
                let rest = line.strip_prefix(name)?.strip_prefix('{')?;
                let (labels, value) = rest.split_once('}')?;
                let sent = labels.split(',').any(|label| label == r#"way="out""#);
                sent.then(|| value.trim().parse::<u64>().ok()).flatten()
            };
            text.lines().filter_map(sample).sum()
        };
        Self { bytes: sum("assay_net_wire_bytes_total"), messages: sum("assay_net_messages_total") }
    }

    /// What the same process has sent since then.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(before.bytes),
            messages: self.messages.saturating_sub(before.messages),
        }
    }
}

/// The text of a node's metrics. In the old version of HTTP an answer comes in one piece, and ends with the connection.
async fn metrics(url: &str) -> io::Result<String> {
    let authority = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!("GET /metrics HTTP/1.0\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.take(METRICS_BYTES_MAX).read_to_string(&mut text).await?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_processors_are_read_from_the_table_of_the_system() {
        let line = |numbers: &str| Processors::parse(&format!("cpu  {numbers}\ncpu0 1 2\n"));
        let before = line("100 0 50 800 20 0 5 25 7 0").unwrap();
        let after = line("150 10 60 820 30 5 10 35 9 0").unwrap();
        // 120 ticks: 30 of them idle or waiting for a disk, 10 stolen.
        assert_eq!(after.shares_since(&before), Some((0.25, 10.0 / 120.0)));
        assert_eq!(before.shares_since(&before), None);
        assert_eq!(line("1 2 3"), None);
    }

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let stat = "77 (a) b (c) S 1 77 77 0 -1 4194560 9 0 0 0 120 34 0 0 20 0 9 0 5 6 7";
        assert_eq!(ticks(stat), Some(154));
        assert!(processor_time(std::process::id()).is_some());
        assert_eq!(resident("Name: VmRSS\nVmRSS:\t    12 kB\n"), Some(12 << 10));
        assert!(memory(std::process::id()).is_some_and(|bytes| bytes > 1 << 20));
    }

    #[test]
    fn traffic_is_what_left() {
        let text = "assay_net_wire_bytes_total{way=\"in\"} 5\nassay_net_wire_bytes_total{way=\"out\"} 7\n\
            assay_net_messages_total{kind=\"announce\",way=\"out\"} 2\n\
            assay_net_messages_total{way=\"out\",kind=\"request\"} 3\n\
            assay_net_messages_bytes_total{way=\"out\",kind=\"request\"} 300\n";
        let traffic = Traffic::parse(text);
        assert_eq!(traffic, Traffic { bytes: 7, messages: 5 });
        assert_eq!(
            traffic.since(&Traffic { bytes: 6, messages: 1 }),
            Traffic { bytes: 1, messages: 4 }
        );
    }

    #[test]
    fn files_are_added_up() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("below")).unwrap();
        std::fs::write(directory.path().join("a"), [0; 100]).unwrap();
        std::fs::write(directory.path().join("below/b"), [0; 23]).unwrap();
        assert_eq!(held(directory.path()), 123);
        assert_eq!(held(&directory.path().join("nowhere")), 0);
        assert!(wall() > Time(1_700_000_000_000));
    }

    #[test]
    fn syncs_take_time() {
        let mut histogram = Histogram::default();
        syncs(&std::env::temp_dir(), 3, &mut histogram).unwrap();
        assert_eq!(histogram.count(), 3);
    }
}
