//! `assay bench hashrate`: how fast this machine searches, kernel by kernel, and beside another miner.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::own::{Own, Started, seated};
use crate::api::{
    BenchHashrate, Exit, HashrateDevnet, HashrateResult, HashrateRival, HashrateSpread,
};
use crate::bench::hashrate::limit::Processor;
use crate::bench::hashrate::summary::Spread;
use crate::bench::hashrate::{
    HashrateError, Measured, Next, Order, RUNS_MAX, clock, measure, picture, rival,
};
use crate::cli::error::CliError;
use crate::cli::node::settings::throttle;
use crate::cli::output::{self, Table};
use crate::cli::signals::Signals;
use crate::cli::time::time;
use crate::cli::{block_on, devnet, long};
use crate::miner::kernels::{self, Kernel, KernelError};
use crate::miner::{THREADS_MAX, Throttle};

/// All kernels that run here.
const ALL: &str = "all";

/// Numbers of threads that are compared at most.
const COUNTS_MAX: usize = 16;

/// What `assay bench hashrate` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Hashrate {
    /// On how many threads, separated by commas [default: 1 and all cores; with --against, 1]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = threads)]
    threads: Vec<NonZeroUsize>,
    /// Which kernels, separated by commas: all that run on this processor, or some by name
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = ALL)]
    kernel: Vec<String>,
    /// How many rounds; medians are compared
    #[arg(long, value_name = "N", default_value = "5", value_parser = runs)]
    runs: usize,
    /// How long each run lasts, such as 1s or 500ms
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = seconds)]
    seconds: Duration,
    /// The share of a core that each thread takes, such as 20%
    #[arg(long, value_name = "SHARE", default_value = "100%", value_parser = throttle)]
    pace: Throttle,
    /// Run this miner's benchmark in every round as well, and tell the ratio; it has to print rates such as 25.4 MH/s
    #[arg(long, value_name = "COMMAND")]
    against: Option<String>,
    /// Let the nodes of a devnet of this chain work meanwhile: a file, or the name of a shipped spec
    #[arg(long, value_name = "SPEC")]
    with_devnet: Option<String>,
    /// How many nodes [default: as the spec says]
    #[arg(long, value_name = "N", value_parser = devnet::nodes, requires = "with_devnet")]
    nodes: Option<NonZeroUsize>,
    /// Write every run to this file, as comma-separated values
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw the comparison into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads = text.parse::<NonZeroUsize>().ok().filter(|threads| threads.get() <= THREADS_MAX);
    threads
        .ok_or_else(|| format!("expected numbers of threads from 1 to {THREADS_MAX}, such as 1,2"))
}

fn runs(text: &str) -> Result<usize, String> {
    let runs = text.parse().ok().filter(|runs| (1..=RUNS_MAX).contains(runs));
    runs.ok_or_else(|| format!("expected a number of rounds from 1 to {RUNS_MAX}"))
}

/// A length of a run: with its unit, or a plain number of seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let plain = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    let length = match plain {
        Some(seconds) => Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?,
        None => time(text)?,
    };
    let sensible = Duration::from_millis(10)..=Duration::from_secs(3600);
    match sensible.contains(&length) {
        true => Ok(length),
        false => Err("a run lasts from 10ms to 1h".into()),
    }
}

/// Runs `assay bench hashrate`.
pub(super) fn run(args: &Hashrate, json: bool) -> Result<Exit, CliError> {
    let order = order(args)?;
    let (measured, exit, devnet) = block_on(async {
        let mut signals = Signals::new()?;
        let own = match &args.with_devnet {
            None => None,
            Some(spec) => {
                let given = seated(spec, args.nodes)?;
                match Own::start(&given, args.nodes, &std::env::temp_dir(), &mut signals).await? {
                    Started::Up(own) => Some((own, spec)),
                    Started::Stopped(exit) => return Ok((None, Some(exit), None)),
                }
            }
        };
        let measured = interruptible(&order, &mut signals).await;
        let devnet = match own {
            None => None,
            Some((own, spec)) => {
                let nodes = own.places().map(|places| places.len() as u64); // few
                own.end(&mut signals).await?;
                Some(HashrateDevnet { spec: spec.clone(), nodes: nodes? })
            }
        };
        let (measured, exit) = measured?;
        Ok((Some(measured), exit, devnet))
    })?;
    let Some(measured) = measured else { return Ok(exit.unwrap_or(Exit::Ok)) };
    let report = report(args, &order, &measured, devnet);
    if let Some(path) = &args.csv {
        write(path, &measured.csv())?;
    }
    if let Some(path) = &args.svg {
        let rival = order.rival.as_ref().and_then(|words| words.first());
        let rival = rival.and_then(|program| Path::new(program).file_name()?.to_str());
        write(path, &picture::svg(&measured, &report.cpu, rival.unwrap_or("the other miner")))?;
    }
    match json {
        true => output::json(&report)?,
        false => print(&report)?,
    }
    Ok(exit.unwrap_or(Exit::Ok))
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text).map_err(|error| CliError::file("write", path, &error))
}

fn order(args: &Hashrate) -> Result<Order, CliError> {
    let mut wanted: Vec<&'static dyn Kernel> = Vec::new();
    for name in &args.kernel {
        match name.as_str() {
            ALL => wanted.extend(kernels::available()),
            name => wanted.push(kernels::find(name)?),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    wanted.retain(|kernel| seen.insert(kernel.name()));
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut threads = match (args.threads.as_slice(), &args.against) {
        ([], Some(_)) => vec![NonZeroUsize::MIN],
        ([], None) => vec![NonZeroUsize::MIN, cores],
        (given, _) => given.to_vec(),
    };
    threads.sort_unstable();
    threads.dedup();
    if threads.len() > COUNTS_MAX {
        let message = format!("{} numbers of threads: at most {COUNTS_MAX}", threads.len());
        return Err(CliError::usage(message));
    }
    let rival = args.against.as_deref().map(rival::words).transpose();
    Ok(Order {
        kernels: wanted,
        threads,
        runs: args.runs,
        length: args.seconds,
        pace: args.pace,
        rival: rival.map_err(HashrateError::from)?,
    })
}

/// Measures until it is done or a signal comes; what there is by then, and the exit code of the signal.
async fn interruptible(
    order: &Order,
    signals: &mut Signals,
) -> Result<(Measured, Option<Exit>), CliError> {
    let going = Arc::new(AtomicBool::new(true));
    let (look, order) = (going.clone(), order.clone());
    let bar = long::bar(0, "runs");
    let shown = bar.clone();
    let work = move || {
        measure(&order, &look, &|next: Next<'_>| {
            shown.set_length(next.of as u64); // few
            shown.set_position(next.done as u64);
            shown.set_message(next.what.to_owned());
        })
    };
    let mut work = tokio::task::spawn_blocking(work);
    let mut exit = None;
    let measured = loop {
        tokio::select! {
            measured = &mut work => break measured,
            signal = signals.next() => {
                exit = Some(signal);
                going.store(false, Ordering::Relaxed);
            }
        }
    };
    bar.finish_and_clear();
    let measured = match measured {
        Ok(measured) => measured?,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => return Err(CliError::failed(error.to_string())),
        },
    };
    Ok((measured, exit))
}

fn spread(spread: Spread) -> HashrateSpread {
    let Spread { median, min, max } = spread;
    HashrateSpread { median, min, max }
}

fn report(
    args: &Hashrate,
    order: &Order,
    measured: &Measured,
    devnet: Option<HashrateDevnet>,
) -> BenchHashrate {
    let processor = Processor::of_this_machine();
    let clock = measured.clock();
    let units = processor.units();
    let limit = |cycles: Option<f64>| Some(clock?.median / cycles?);
    let nonce = units.map(|units| units.nonce_cycles());
    let rolling = units.map(|units| units.rolling_cycles());
    let optimised = !cfg!(debug_assertions);
    let build = if optimised { "release" } else { "debug" };
    let results = measured.contestants.iter().filter_map(|one| {
        Some(HashrateResult {
            kernel: one.kernel.to_owned(),
            version_rolling: one.rolls,
            threads: one.threads.get() as u64, // 1024 at most
            hashes_per_second: spread(one.rate()?),
            runs: one.runs.len() as u64, // few
            scaling: measured.scaling(one),
            cycles_per_hash: one.cycles_per_hash(order.pace),
            ratio: one.ratio(&measured.rival).map(spread),
        })
    });
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let against = Spread::of(&measured.rival).map(|rate| HashrateRival {
        command: args.against.clone().unwrap_or_default(),
        hashes_per_second: spread(rate),
        runs: measured.rival.len() as u64, // few
    });
    BenchHashrate {
        cpu: processor.shown(),
        cores: cores as u64, // few
        version: format!("{} {build}", env!("CARGO_PKG_VERSION")),
        seconds: order.length.as_secs_f64(),
        pace: order.pace.share(),
        partial: measured.partial,
        results: results.collect(),
        limit_hashes_per_second: limit(nonce),
        limit_cycles_per_hash: nonce,
        limit_rolling_hashes_per_second: limit(rolling),
        limit_rolling_cycles_per_hash: rolling,
        clock_hz: clock.map(spread),
        clock_by: clock.map(|_| clock::HOW.to_owned()),
        load_average: measured.load_before,
        others: measured.others().map(spread),
        steal_share: measured.steal().map(spread),
        warnings: measured.warnings(optimised),
        devnet,
        against,
    }
}

/// A rate with one more digit than people usually see: kernels differ by little.
fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 1e6 => format!("{:.2} MH/s", rate / 1e6),
        rate => format!("{:.1} kH/s", rate / 1e3),
    }
}

fn heading(report: &BenchHashrate) -> Table {
    let mut table = Table::pairs();
    table.pair("processor", &report.cpu);
    let cores = match report.cores {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    };
    let clock = report.clock_hz.map(|clock| format!(", {:.2} GHz", clock.median / 1e9));
    let load = report.load_average.map(|load| format!(", load average {load:.2} before"));
    table.pair(
        "machine",
        format!("{cores}{}{}", clock.unwrap_or_default(), load.unwrap_or_default()),
    );
    let runs = report.results.first().map_or(0, |first| first.runs);
    let rounds = if runs == 1 { "round" } else { "rounds" };
    let pace = match report.pace {
        1.0 => String::new(),
        pace => format!(", at {:.0} % of each core", pace * 100.0),
    };
    table.pair("measured", format!("{runs} {rounds} of {} s each{pace}", report.seconds));
    if let Some(devnet) = &report.devnet {
        let nodes = if devnet.nodes == 1 { "node" } else { "nodes" };
        table.pair("beside", format!("{} {nodes} of {}", devnet.nodes, devnet.spec));
    }
    table
}

fn results(report: &BenchHashrate, rolls: bool) -> Option<Table> {
    let chosen: Vec<&HashrateResult> =
        report.results.iter().filter(|result| result.version_rolling == rolls).collect();
    if chosen.is_empty() {
        return None;
    }
    let title = if rolls { "version rolling" } else { "kernel" };
    let mut titles = vec![title, "threads", "median", "least – most"];
    let mut right = vec![1, 2, 3];
    let any = |has: fn(&HashrateResult) -> bool| chosen.iter().any(|result| has(result));
    let columns = [
        (any(|result| result.scaling.is_some()), "scaling"),
        (any(|result| result.cycles_per_hash.is_some()), "cycles/hash"),
        (any(|result| result.ratio.is_some()), "ratio"),
    ];
    for (_, name) in columns.iter().filter(|(is_known, _)| *is_known) {
        right.push(titles.len());
        titles.push(name);
    }
    let mut table = Table::new(&titles).right(&right);
    for result in chosen {
        let HashrateSpread { median, min, max } = result.hashes_per_second;
        let between = match median {
            median if median >= 1e6 => format!("{:.2} – {:.2}", min / 1e6, max / 1e6),
            _ => format!("{:.1} – {:.1}", min / 1e3, max / 1e3),
        };
        let mut row =
            vec![result.kernel.clone(), result.threads.to_string(), rate(median), between];
        let cells = [
            result.scaling.map(|scaling| format!("{:.1} %", scaling * 100.0)),
            result.cycles_per_hash.map(|cycles| format!("{cycles:.1}")),
            result.ratio.map(|ratio| format!("{:.3}", ratio.median)),
        ];
        for ((is_known, _), cell) in columns.iter().zip(cells) {
            if *is_known {
                row.push(cell.unwrap_or_default());
            }
        }
        table.row(row);
    }
    Some(table)
}

fn notes(report: &BenchHashrate) -> Table {
    let mut table = Table::pairs();
    if let Some(against) = &report.against {
        let HashrateSpread { median, min, max } = against.hashes_per_second;
        table.pair("against", &against.command);
        table.pair("", format!("{}, {} to {}", rate(median), rate(min), rate(max)));
        // Core by core: more threads say nothing of a kernel.
        let fewest = report.results.iter().map(|result| result.threads).min();
        let best = |rolls: bool| {
            let comparable = |result: &&HashrateResult| {
                result.version_rolling == rolls && Some(result.threads) == fewest
            };
            let of = report.results.iter().filter(comparable);
            of.filter_map(|result| Some((result, result.ratio?)))
                .max_by(|(_, a), (_, b)| a.median.total_cmp(&b.median))
        };
        for (result, ratio) in [best(false), best(true)].into_iter().flatten() {
            let (kernel, threads) = (&result.kernel, result.threads);
            table.pair(
                "ratio",
                format!(
                    "{kernel} × {threads}: {:.3} of its medians, {:.3} to {:.3} by rounds",
                    ratio.median, ratio.min, ratio.max
                ),
            );
        }
    }
    for (what, limit, cycles) in [
        ("the nonce", report.limit_hashes_per_second, report.limit_cycles_per_hash),
        (
            "nonce and version",
            report.limit_rolling_hashes_per_second,
            report.limit_rolling_cycles_per_hash,
        ),
    ] {
        if let (Some(limit), Some(cycles)) = (limit, cycles) {
            let limit = rate(limit);
            table.pair(
                "limit",
                format!("{limit} a core by {what}, {cycles:.1} cycles/hash, counted"),
            );
        }
    }
    for warning in &report.warnings {
        table.pair("WARNING", warning);
    }
    table
}

/// Prints it for people.
fn print(report: &BenchHashrate) -> Result<(), CliError> {
    heading(report).print()?;
    for table in [results(report, false), results(report, true)].into_iter().flatten() {
        output::line("")?;
        table.print()?;
    }
    let notes = notes(report).to_string();
    if !notes.is_empty() {
        output::line("")?;
        output::text(&notes)?;
    }
    Ok(())
}

impl From<KernelError> for CliError {
    fn from(error: KernelError) -> Self {
        Self::usage(error.to_string()).help("`assay version` lists the kernels that run here")
    }
}

impl From<HashrateError> for CliError {
    fn from(error: HashrateError) -> Self {
        let message = error.to_string();
        match error {
            HashrateError::Rival(rival::RivalError::Command(_)) => Self::usage(message).help(
                "write it as for a shell: --against \"cpuminer -a sha256d --benchmark -t 1\"",
            ),
            HashrateError::Rival(rival::RivalError::Start { .. }) => Self::failed(message)
                .help("is it installed? name its path if it is not found by its name"),
            HashrateError::Rival(rival::RivalError::Silent { .. }) => Self::failed(message).help(
                "let it benchmark by itself, and print rates: run the command alone and look",
            ),
            HashrateError::TooMany(_) => Self::usage(message),
            HashrateError::Threads(_) => Self::failed(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(kernel: &str, threads: u64, rate: f64, rolls: bool) -> HashrateResult {
        let spread =
            |value: f64| HashrateSpread { median: value, min: value * 0.98, max: value * 1.01 };
        HashrateResult {
            kernel: kernel.into(),
            version_rolling: rolls,
            threads,
            hashes_per_second: spread(rate),
            runs: 7,
            scaling: (threads > 1).then_some(0.987),
            cycles_per_hash: Some(3.7e9 / rate),
            ratio: Some(spread(rate / 25.4e6)),
        }
    }

    fn report() -> BenchHashrate {
        let spread = |value: f64| HashrateSpread { median: value, min: value, max: value };
        BenchHashrate {
            cpu: "AMD EPYC, family 26 model 2".into(),
            cores: 2,
            version: "0.1.0 release".into(),
            seconds: 1.0,
            pace: 1.0,
            partial: false,
            results: vec![
                result("portable", 1, 11.1e6, false),
                result("avx512", 1, 34.2e6, false),
                result("avx512", 2, 68.1e6, false),
                result("avx512-rolling", 1, 38.2e6, true),
            ],
            limit_hashes_per_second: Some(41e6),
            limit_cycles_per_hash: Some(88.9),
            limit_rolling_hashes_per_second: Some(49e6),
            limit_rolling_cycles_per_hash: Some(74.6),
            clock_hz: Some(spread(3.7e9)),
            clock_by: Some(clock::HOW.into()),
            load_average: Some(0.1),
            others: Some(spread(0.0)),
            steal_share: Some(spread(0.0)),
            warnings: vec!["the machine is loaded".into()],
            devnet: Some(HashrateDevnet { spec: "pow-dev".into(), nodes: 4 }),
            against: Some(HashrateRival {
                command: "cpuminer -a sha256d --benchmark -t 1".into(),
                hashes_per_second: spread(25.4e6),
                runs: 7,
            }),
        }
    }

    #[test]
    fn what_people_see_fits_a_terminal() {
        let report = report();
        let tables = [
            heading(&report).to_string(),
            results(&report, false).unwrap().to_string(),
            results(&report, true).unwrap().to_string(),
            notes(&report).to_string(),
        ];
        for line in tables.iter().flat_map(|table| table.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let [heading, nonces, rolling, notes] = &tables;
        assert!(heading.contains("2 cores, 3.70 GHz") && heading.contains("4 nodes of pow-dev"));
        assert!(nonces.contains("68.10 MH/s") && nonces.contains("98.7 %"), "{nonces}");
        assert!(!nonces.contains("rolling") && rolling.contains("38.20 MH/s"), "{rolling}");
        for part in ["1.346", "41.00 MH/s a core", "WARNING", "avx512-rolling × 1"] {
            assert!(notes.contains(part), "{part}: {notes}");
        }
    }

    #[test]
    fn lengths_and_counts_are_read() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "0", "-1", "nan", "2h", "1x", "1e30"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        assert!(threads("0").is_err() && threads("1025").is_err() && threads("2").is_ok());
        assert!(runs("0").is_err() && runs("1001").is_err() && runs("7").is_ok());
    }
}
