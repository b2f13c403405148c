//! `assay bench load` and `assay bench confirm`: payments for nodes that run, and what becomes of them.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use super::compare::{Files, alone};
use super::own::{Own, Started, seated};
use super::show::{self, Shown};
use crate::api::{BenchLoad, BenchRun, Exit};
use crate::bench::load::{self, LoadError, Order, Pace, Place};
use crate::bench::schedule::PAYMENTS_MAX;
use crate::cli::error::CliError;
use crate::cli::locate::{self, Here};
use crate::cli::signals::Signals;
use crate::cli::time::time;
use crate::cli::{Globals, devnet, output};

/// Payments per second unless another pace is asked for.
const RATE: f64 = 100.0;

/// Accounts, unless there are fewer payments.
const ACCOUNTS: u64 = 100;

/// Threads that send, listen and read blocks: a block that is being read must not make payments late.
const THREADS: usize = 2;

/// How payments are offered.
#[derive(Debug, clap::Args)]
pub(super) struct Offer {
    /// Offer so many payments per second, at random moments, whatever becomes of earlier ones [default: 100]
    #[arg(long, value_name = "TPS", value_parser = rate, conflicts_with = "in_flight")]
    rate: Option<f64>,
    /// Keep so many payments on their way instead: the next leaves when one is final
    #[arg(long, value_name = "N")]
    in_flight: Option<usize>,
    /// For how long, such as 90s or 10m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    duration: Duration,
    /// Accounts that pay each other [default: 100, or fewer where there are few payments]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=PAYMENTS_MAX))]
    accounts: Option<u64>,
    /// Make payments larger by so many bytes, rounded up to whole outputs
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    payload: usize,
    /// Where arrivals, accounts and amounts come from: a seed gives the same ones again
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long to wait for what was offered, in the end
    #[arg(long, value_name = "TIME", default_value = "3m", value_parser = time)]
    settle: Duration,
}

/// Payments of a measurement that starts its own devnets.
#[derive(Debug, clap::Args)]
pub(super) struct Payments {
    /// Accounts that pay each other
    #[arg(long, value_name = "N", default_value_t = ACCOUNTS, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) accounts: u64,
    /// Make payments larger by so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub(super) payload: usize,
}

impl Payments {
    /// An open loop of these, which is followed. Fewer accounts than payments, whatever chance makes of the rate.
    pub(super) fn order(
        &self,
        rate: f64,
        (duration, patience): (Duration, Duration),
        seed: u64,
    ) -> Order {
        let accounts = self.accounts.min(half(rate, duration)).max(1);
        Order {
            pace: Pace::Open(rate),
            duration,
            accounts: usize::try_from(accounts).unwrap_or(usize::MAX),
            payload: self.payload,
            seed,
            follow: true,
            confirmations: 1,
            patience,
            disk: None,
        }
    }
}

/// Half of the payments that are expected: there are that many but for the shortest runs.
fn half(rate: f64, duration: Duration) -> u64 {
    (rate * duration.as_secs_f64() / 2.0) as u64 // a number of payments fits
}

/// What `assay bench load` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Load {
    #[command(flatten)]
    offer: Offer,
}

/// What `assay bench confirm` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Confirm {
    /// The chain to start for it: a file, or the name of a shipped spec such as pow-dev
    #[arg(required_unless_present = "attach", conflicts_with = "attach")]
    spec: Option<String>,
    /// Measure a devnet that runs, and leave it running
    #[arg(long)]
    attach: bool,
    /// How many nodes to start, 1 to 128, each of them with a part [default: as the spec says]
    #[arg(long, value_parser = devnet::nodes, conflicts_with = "attach")]
    nodes: Option<NonZeroUsize>,
    /// Up to how many confirmations are timed
    #[arg(long, value_name = "K", default_value_t = 6,
          value_parser = clap::value_parser!(u64).range(1..=100))]
    confirmations: u64,
    /// Where the devnet lies while it lasts [default: the directory for temporary files]
    #[arg(long, value_name = "DIR", conflicts_with = "attach")]
    temporary: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    offer: Offer,
}

/// A number of payments per second as people type it.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| *rate > 0.0 && *rate <= load::RATE_MAX);
    rate.ok_or_else(|| {
        format!("a rate is a number of payments per second above 0, {} at most", load::RATE_MAX)
    })
}

impl Offer {
    fn order(&self, follow: bool, confirmations: u64, disk: Option<PathBuf>) -> Order {
        let pace = match self.in_flight {
            Some(flight) => Pace::Closed(flight),
            None => Pace::Open(self.rate.unwrap_or(RATE)),
        };
        let payments = match pace {
            Pace::Open(rate) => half(rate, self.duration),
            Pace::Closed(_) => ACCOUNTS,
        };
        let accounts = self.accounts.unwrap_or(ACCOUNTS.min(payments).max(1));
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Order {
            pace,
            duration: self.duration,
            accounts: count(accounts),
            payload: self.payload,
            seed: self.seed,
            follow,
            confirmations: count(confirmations),
            patience: self.settle,
            disk,
        }
    }
}

/// Runs `assay bench load`.
pub(super) fn load(args: &Load, globals: &Globals) -> Result<Exit, CliError> {
    let order = args.offer.order(false, 1, None);
    order.check()?;
    drive(async |signals| {
        let (places, disk) = running(globals)?;
        let order = Order { disk, ..order.clone() };
        let (run, exit) = measure(&order, &places, signals).await?;
        print(&run.load, Shown::Load, exit, globals)
    })
}

/// Runs `assay bench confirm`.
pub(super) fn confirm(args: &Confirm, globals: &Globals) -> Result<Exit, CliError> {
    let order = args.offer.order(true, args.confirmations, None);
    order.check()?;
    let Some(spec) = &args.spec else {
        return drive(async |signals| {
            let (places, disk) = running(globals)?;
            let order = Order { disk, ..order.clone() };
            let (run, exit) = measure(&order, &places, signals).await?;
            let exit = print(&run.load, Shown::Confirm, exit, globals)?;
            args.files.write(&alone(&run, None))?;
            Ok(exit)
        });
    };
    let given = seated(spec, args.nodes)?;
    globals.expect_no_node("assay bench confirm SPEC").map_err(|error| {
        error.help("say --attach in place of a spec to measure nodes that run already")
    })?;
    let temporary = args.temporary.clone().unwrap_or_else(std::env::temp_dir);
    drive(async |signals| {
        let own = match Own::start(&given, args.nodes, &temporary, signals).await? {
            Started::Up(own) => own,
            Started::Stopped(exit) => return Ok(exit),
        };
        let order = Order { disk: Some(own.disk()), ..order.clone() };
        let measured = match own.places() {
            Ok(places) => measure(&order, &places, signals).await,
            Err(error) => Err(error),
        };
        let ended = own.end(signals).await;
        let (run, exit) = measured?;
        let printed = print(&run.load, Shown::Confirm, exit, globals);
        args.files.write(&alone(&run, Some(&given)))?;
        ended.and(printed)
    })
}

/// The nodes that are meant, and a directory on their disk if they are nodes of this machine.
fn running(globals: &Globals) -> Result<(Vec<Place>, Option<PathBuf>), CliError> {
    let nodes = locate::nodes(globals, &Here)?;
    // The directory of the devnet; a node's own one is not to be touched.
    let cookie = nodes.first().and_then(|(_, node)| node.cookie.clone());
    let disk = cookie.as_deref().and_then(|path| path.parent()?.parent().map(PathBuf::from));
    let places = nodes.into_iter().map(|(name, node)| Place { name, url: node.url }).collect();
    Ok((places, disk))
}

/// Drives a measurement, with signals caught from its beginning on.
pub(super) fn drive(
    work: impl AsyncFnOnce(&mut Signals) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start the event loop: {error}")))?
        .block_on(async {
            let mut signals = Signals::new()?;
            work(&mut signals).await
        })
}

/// Measures until it is done or a signal comes; what there is by then, and the exit code of the signal.
pub(super) async fn measure(
    order: &Order,
    places: &[Place],
    signals: &mut Signals,
) -> Result<(BenchRun, Option<Exit>), CliError> {
    let (stop, stopped) = watch::channel(false);
    let bar = show::Bar::new();
    let tell = |progress| bar.show(progress);
    let mut work = std::pin::pin!(load::run(order, places, stopped, &tell));
    let mut exit = None;
    let report = loop {
        tokio::select! {
            report = &mut work => break report,
            signal = signals.next(), if exit.is_none() => {
                exit = Some(signal);
                stop.send_replace(true);
                bar.note("stopping: what there is will be told");
            }
        }
    };
    bar.clear();
    Ok((report?, exit))
}

/// Prints a result, and says with which code to end.
fn print(
    report: &BenchLoad,
    shown: Shown,
    signal: Option<Exit>,
    globals: &Globals,
) -> Result<Exit, CliError> {
    match globals.json {
        true => output::json(report)?,
        false => show::print(report, shown)?,
    }
    let violated = report.lost > 0 || report.duplicates > 0 || report.conflicts > 0;
    Ok(match signal {
        _ if violated => Exit::Violated,
        Some(exit) => exit,
        None => Exit::Ok,
    })
}

/// Nobody's keys are known.
pub(super) fn no_accounts(message: String) -> CliError {
    CliError::new(Exit::Refused, "no_dev_accounts", message)
        .help("take a chain whose spec says `dev = true` and lists development accounts")
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        let message = error.to_string();
        match error {
            LoadError::Order { help, .. } => Self::usage(message).help(help),
            LoadError::Node { error, .. } => {
                Self::new(error.exit(), error.name(), message).maybe_help(error.help())
            }
            LoadError::OtherChain { .. } => Self::new(Exit::WrongChain, "wrong_chain", message)
                .help("name one devnet with --dir, or one node with --rpc"),
            LoadError::MixedVersions { .. } => Self::new(Exit::Refused, "mixed_versions", message)
                .help("start all nodes with one program: `assay devnet down`, then `assay devnet up`"),
            LoadError::NotDev(_) => no_accounts(message),
            LoadError::Money { .. } => Self::new(Exit::Failed, "too_little_money", message).help(
                "offer fewer payments, or give a development account more in the spec's [genesis]",
            ),
            LoadError::Refused(_) => Self::new(Exit::Refused, "transaction_refused", message)
                .help("another load may have spent the same coin: try again when it has ended"),
            LoadError::Parted(_) => Self::new(Exit::Violated, "finality_conflict", message).help(
                "`assay chain info` shows the conflict; a larger finality_depth or a longer block_time makes it rarer",
            ),
            LoadError::Stuck { .. } => Self::new(Exit::Unreachable, "timeout", message).help(
                "do the nodes make blocks? `assay devnet status` and `assay chain info` tell",
            ),
            LoadError::Disk(_) => Self::failed(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_above_nothing() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for text in ["0", "-1", "nan", "inf", "1e9", "fast", ""] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
