//! How a load is shown: a bar while it lasts, and a table in the end.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::api::{BenchLoad, BenchTimes};
use crate::bench::load::{IDLE_MIN, LAG_MAX, Progress, STEAL_MAX};
use crate::bench::reason::why_nothing;
use crate::cli::error::CliError;
use crate::cli::output::{self, Table, count, plain};

/// What the table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// What became of payments.
    Load,
    /// That, and how long they took.
    Confirm,
}

/// The bar, and whether it is seen: where stderr is no terminal the library hides it, and the name of each part is
/// written instead.
pub(super) struct Bar(ProgressBar, bool);

impl Bar {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{prefix:9} [{bar:30}] {msg}, {eta} left");
        let bar = match style {
            Ok(style) => bar.with_style(style.progress_chars("=> ")),
            Err(_) => bar,
        };
        Self(bar, std::io::stderr().is_terminal())
    }

    pub(super) fn show(&self, progress: Progress) {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (name, done, of, text) = match progress {
            Progress::Funding(done, of) => ("funding", done, of, format!("{done}/{of} coins")),
            Progress::Signing(done, of) => ("signing", done, of, format!("{done}/{of} payments")),
            Progress::Offering { elapsed, of, sent, acknowledged, settled } => {
                let seconds = elapsed.as_secs_f64().max(1e-3);
                let text = format!(
                    "{sent} sent, {:.0}/s, {acknowledged} accepted, {settled} final",
                    sent as f64 / seconds
                );
                ("offering", ms(elapsed), ms(of), text)
            }
            Progress::Settling(done, of) => ("settling", done, of, format!("{done}/{of} payments")),
            Progress::Reading => ("reading", 0, 1, "the chain".into()),
        };
        if self.0.prefix() != name {
            if cfg!(debug_assertions) && self.0.prefix().is_empty() {
                self.note("this is a debug build: its figures say little");
            }
            self.0.set_prefix(name);
            self.0.reset();
            if !self.1 {
                output::note(name);
            }
        }
        self.0.set_length(of);
        self.0.set_position(done);
        self.0.set_message(text);
    }

    pub(super) fn note(&self, text: &str) {
        self.0.suspend(|| output::note(text));
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Milliseconds with three significant digits, as far as that is more than a microsecond.
fn ms(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0} ms"),
        value if value >= 10.0 => format!("{value:.1} ms"),
        value if value >= 1.0 => format!("{value:.2} ms"),
        value => format!("{value:.3} ms"),
    }
}

fn reasons(table: &mut Table, reasons: &std::collections::BTreeMap<String, u64>) {
    for (reason, times) in reasons {
        table.pair(&format!("  {}", plain(reason)), count(*times));
    }
}

fn counts(report: &BenchLoad) -> Table {
    let mut table = Table::pairs();
    if report.partial {
        table.pair("PARTIAL", "a signal ended it before its time");
    }
    let nodes = if report.nodes == 1 { "node" } else { "nodes" };
    table.pair(
        "chain",
        format!("{} ({}), {} {nodes}", plain(&report.chain), plain(&report.engine), report.nodes),
    );
    let pace = match report.in_flight {
        Some(flight) => format!("{flight} on their way at any time"),
        None => format!("{:.1} per second", report.rate_offered),
    };
    table.pair(
        "offered",
        format!("{pace} for {:.1} s, of {} bytes", report.offered_seconds, report.payment_bytes),
    );
    if let Some(rate) = report.rate_final {
        table.pair("became final", format!("{rate:.1} per second"));
    }
    if let Some(why) = why_nothing(report) {
        table.pair("NOTHING FINAL", plain(&why));
    }
    table.pair("submitted", count(report.submitted));
    table.pair("accepted", count(report.accepted));
    table.pair("refused", count(report.refused));
    reasons(&mut table, &report.refusals);
    table.pair("unanswered", count(report.unanswered));
    reasons(&mut table, &report.failures);
    table.pair("in a block", count(report.included));
    table.pair("  of them final", count(report.settled));
    table.pair("pending", count(report.pending));
    table.pair("lost", count(report.lost));
    table.pair("duplicates", count(report.duplicates));
    if report.reorganised > 0 {
        table.pair("left a branch", count(report.reorganised));
    }
    if report.conflicts > 0 {
        table.pair("CONFLICTS", format!("{} nodes have other final blocks", report.conflicts));
    }
    if !report.unread.is_empty() {
        table.pair(
            "NOT READ",
            format!("{}: what they hold is not known", plain(&report.unread.join(", "))),
        );
    }
    table
}

fn costs(report: &BenchLoad) -> Table {
    let mut table = Table::pairs();
    let per = |value: Option<f64>, unit: &str| value.map(|value| format!("{value:.1} {unit}"));
    for (name, value) in [
        ("bytes per payment", per(report.bytes_per_tx, "B sent by all nodes")),
        ("messages", per(report.messages_per_tx, "sent by all nodes")),
        ("processor", per(report.cpu_us_per_tx, "µs of all nodes")),
        ("signed ahead", per(report.signed_per_second, "per second on one core")),
    ] {
        if let Some(value) = value {
            table.pair(name, value);
        }
    }
    if let Some(bytes) = report.node_memory_bytes {
        table.pair("memory of a node", format!("{} MiB at most", bytes >> 20));
    }
    if let Some(lag) = &report.lag_ms {
        let late = format!("payments left {} late at p99", ms(lag.p99));
        let limit = LAG_MAX.as_millis();
        table.pair("generator", match report.generator_saturated {
            false => format!("kept its schedule: {late}"),
            true => format!(
                "SATURATED: {late}, more than {limit} ms; the load was not the one that was asked for"
            ),
        });
    }
    if let (Some(idle), Some(steal)) = (report.idle_share, report.steal_share) {
        let shares = format!("{} idle, {} taken by other machines", percent(idle), percent(steal));
        table.pair("machine", match report.cpu_starved {
            false => shares,
            true => format!(
                "STARVED: {shares} (wanted: at least {}, at most {}); latencies include waiting for a processor",
                percent(IDLE_MIN),
                percent(STEAL_MAX)
            ),
        });
    }
    if let Some(share) = report.measuring_share {
        table.pair("measuring", format!("{:.1} % of the processors", share * 100.0));
    }
    if let Some(apart) = report.clock_ms.filter(|_| report.clock_trouble) {
        table.pair(
            "clock",
            format!("SET: by {apart:.0} ms while it was measured; blocks bear its times, and nodes judge them by it"),
        );
    }
    table
}

fn latencies(report: &BenchLoad) -> Table {
    let mut table =
        Table::new(&["from when it was due until", "p50", "p95", "p99", "longest", "payments"])
            .right(&[1, 2, 3, 4, 5]);
    let mut row = |name: &str, times: &Option<BenchTimes>| {
        if let Some(times) = times {
            let BenchTimes { p50, p95, p99, max, count: number } = times;
            table.row([name.to_owned(), ms(*p50), ms(*p95), ms(*p99), ms(*max), count(*number)]);
        }
    };
    row("accepted", &report.accepted_ms);
    row("in a block", &report.included_ms);
    for (below, times) in report.confirmations_ms.iter().enumerate().skip(1) {
        row(&format!("{} confirmations", below + 1), times);
    }
    row("final", &report.final_ms);
    row("in a block everywhere", &report.included_everywhere_ms);
    row("final everywhere", &report.final_everywhere_ms);
    for node in &report.per_node {
        row(&format!("in a block at {}", node.name), &node.included_ms);
        row(&format!("final at {}", node.name), &node.final_ms);
    }
    row("(a reading call)", &report.read_ms);
    row("(a sync of this disk)", &report.fsync_ms);
    table
}

/// Prints the table.
pub(super) fn print(report: &BenchLoad, shown: Shown) -> Result<(), CliError> {
    counts(report).print()?;
    output::line("")?;
    match shown {
        Shown::Confirm => latencies(report).print()?,
        Shown::Load => {
            let (confirmations_ms, per_node) = (Vec::new(), Vec::new());
            latencies(&BenchLoad { confirmations_ms, per_node, ..report.clone() }).print()?;
        }
    }
    output::line("")?;
    costs(report).print()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> BenchLoad {
        let times = BenchTimes { p50: 1.0, p95: 12.0, p99: 123.4, max: 1234.0, count: 1200 };
        BenchLoad {
            chain: "pow-dev".into(),
            engine: "pow".into(),
            nodes: 4,
            submitted: 1200,
            accepted: 1199,
            settled: 1198,
            lost: 1,
            final_ms: Some(times),
            lag_ms: Some(times),
            idle_share: Some(0.4),
            steal_share: Some(0.0),
            ..BenchLoad::default()
        }
    }

    #[test]
    fn what_spoils_a_figure_is_said_in_words() {
        let text = |report: &BenchLoad| {
            format!("{}{}{}", counts(report), latencies(report), costs(report))
        };
        let plain = text(&report());
        for words in ["1 200", "kept its schedule", "40 % idle", "123 ms", "lost"] {
            assert!(plain.contains(words), "{words}: {plain}");
        }
        const SPOILT: [&str; 7] =
            ["PARTIAL", "SATURATED", "STARVED", "CONFLICTS", "NOT READ", "NOTHING FINAL", "SET"];
        for words in SPOILT {
            assert!(!plain.contains(words), "{words}: {plain}");
        }
        let spoilt = BenchLoad {
            partial: true,
            generator_saturated: true,
            cpu_starved: true,
            conflicts: 1,
            settled: 0,
            clock_ms: Some(-3_600_000.0),
            clock_trouble: true,
            unread: vec!["node3".into()],
            ..report()
        };
        let spoilt = text(&spoilt);
        for words in SPOILT {
            assert!(spoilt.contains(words), "{words}: {spoilt}");
        }
    }
}
