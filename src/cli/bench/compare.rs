//! `assay bench compare`: rules side by side.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::faults;
use super::load::{Payments, drive, measure, no_accounts, rate};
use super::own::{Own, Started, seated};
use crate::api::{BenchCompare, BenchMachine, BenchRule, BenchRun, BenchWorkload, Exit};
use crate::bench::compare::figures::{
    Figure, TABLES, Unit, digits, ends, figure, shown, summarise,
};
use crate::bench::compare::simulated::{Trial, TrialError, run};
use crate::bench::compare::{SPECS, csv, html};
use crate::bench::hashrate::limit::Processor;
use crate::bench::load::{Order, Pace};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table, plain};
use crate::cli::signals::Signals;
use crate::cli::specs::Given;
use crate::cli::time::time;
use crate::cli::{Globals, devnet, long};
use crate::node::net::OUTBOUND_TARGET;
use crate::sim::{Micros, Topology};
use crate::spec::Spec;

/// Payments per second.
const RATE: f64 = 50.0;

/// For how long they come: so that eight rules three times take less than twenty minutes, and once less than five.
const DURATION: Duration = Duration::from_secs(15);
const DURATION_QUICK: Duration = Duration::from_secs(6);

/// Runs of each rule.
const REPEAT: u64 = 3;

/// The most of them.
const REPEAT_MAX: u64 = 100;

/// Specs that can be compared at once.
const SPECS_MAX: usize = 32;

/// The most nodes of a simulation.
const NODES_SIM: u64 = 100;

/// In a simulation of many each opens as many connections as a node does.
const _: () = assert!(Topology::OUTBOUND == OUTBOUND_TARGET);

/// Confirmations that are timed.
const CONFIRMATIONS: usize = 6;

/// How long to wait until all is final.
const SETTLE: Duration = Duration::from_secs(120);

/// What `assay bench compare` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Compare {
    /// The chains: files, or names of shipped specs [default: the eight that are called compare-…]
    specs: Vec<String>,
    /// Once each, and a shorter load
    #[arg(long)]
    quick: bool,
    /// In the simulator in place of a devnet: the same to the digit for a seed, on every machine
    #[arg(long)]
    sim: bool,
    /// From node to node, one way, in the simulator [default: 20ms]
    #[arg(long, value_name = "TIME", value_parser = time, requires = "sim")]
    latency: Option<Duration>,
    /// How many nodes, each of them with a part [default: as each spec says]
    #[arg(long, value_parser = devnet::nodes)]
    nodes: Option<NonZeroUsize>,
    /// So many payments per second, at random moments [default: 50]
    #[arg(long, value_name = "TPS", value_parser = rate)]
    rate: Option<f64>,
    /// For how long, such as 30s [default: 15s, or 6s if it is to be quick]
    #[arg(long, value_name = "TIME", value_parser = time)]
    duration: Option<Duration>,
    #[command(flatten)]
    payments: Payments,
    /// Where arrivals, accounts and amounts come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Runs of each rule [default: 3, or 1 if it is to be quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=REPEAT_MAX))]
    repeat: Option<u64>,
    #[command(flatten)]
    files: Files,
    /// Where devnets lie while they last [default: the directory for temporary files]
    #[arg(long, value_name = "DIR", conflicts_with = "sim")]
    temporary: Option<PathBuf>,
}

impl Compare {
    fn workload(&self) -> BenchWorkload {
        let seconds = self.duration.unwrap_or(if self.quick { DURATION_QUICK } else { DURATION });
        let latency = self.latency.unwrap_or(Duration::from_millis(20));
        BenchWorkload {
            rate: self.rate.unwrap_or(RATE),
            seconds: seconds.as_secs_f64(),
            accounts: self.payments.accounts,
            payload: self.payments.payload as u64, // it fits
            latency_ms: self.sim.then_some(latency.as_secs_f64() * 1e3),
        }
    }

    /// What one run of a rule offers.
    fn order(&self, workload: &BenchWorkload, seed: u64) -> Order {
        let duration = Duration::from_secs_f64(workload.seconds);
        let order = self.payments.order(workload.rate, (duration, SETTLE), seed);
        Order { confirmations: CONFIRMATIONS, ..order }
    }
}

/// Refuses a chain whose keys nobody knows.
pub(super) fn expect_dev(name: &str, spec: &Spec) -> Result<(), CliError> {
    let message = || {
        format!("{name} has no development accounts, so there is nobody whose money could be spent")
    };
    if spec.dev { Ok(()) } else { Err(no_accounts(message())) }
}

/// The commit that this was built from, where the build was told.
pub(super) fn commit() -> Option<String> {
    option_env!("ASSAY_COMMIT").map(str::to_owned)
}

/// The machine that this runs on.
pub(super) fn machine() -> BenchMachine {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    BenchMachine {
        processor: Processor::of_this_machine().shown(),
        processors: processors as u64, // a count fits
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

/// Runs `assay bench compare`.
pub(super) fn compare(args: &Compare, globals: &Globals) -> Result<Exit, CliError> {
    globals.expect_no_node("assay bench compare")?;
    let names: Vec<String> = match args.specs.is_empty() {
        true => SPECS.iter().map(|name| (*name).to_owned()).collect(),
        false => args.specs.clone(),
    };
    if names.len() > SPECS_MAX {
        return Err(CliError::usage(format!("{} chains are too many to compare", names.len()))
            .help(format!("name at most {SPECS_MAX}")));
    }
    let many = args.nodes.map(|nodes| nodes.get() as u64).filter(|nodes| *nodes > NODES_SIM); // a count fits
    if let Some(nodes) = many.filter(|_| args.sim) {
        return Err(CliError::usage(format!("{nodes} nodes are too many to simulate at once"))
            .help(format!("take at most {NODES_SIM}")));
    }
    // What is wrong with one is said before any is measured.
    let given: Vec<Given> =
        names.iter().map(|name| seated(name, args.nodes)).collect::<Result<_, CliError>>()?;
    for (name, given) in names.iter().zip(&given) {
        expect_dev(name, &given.spec)?;
    }
    let workload = args.workload();
    args.order(&workload, args.seed).check()?;
    let repeat = args.repeat.unwrap_or(if args.quick { 1 } else { REPEAT });
    let mut compared = BenchCompare {
        place: if args.sim { "sim" } else { "devnet" }.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: commit(),
        taken: (!args.sim).then(output::now),
        machine: (!args.sim).then(machine),
        workload,
        seed: args.seed,
        repeat,
        partial: false,
        rules: given.iter().map(|given| row(&given.spec, args.nodes)).collect(),
    };
    if cfg!(debug_assertions) && !args.sim {
        output::note("this is a debug build: its figures say little");
    }
    let begun = Instant::now();
    let exit = drive(async |signals| {
        let mut ended = None;
        for round in 0..repeat {
            for (place, name) in names.iter().enumerate() {
                let seed = args.seed.wrapping_add(round);
                let about =
                    (round * names.len() as u64 + place as u64 + 1, repeat * names.len() as u64);
                output::note(format!(
                    "{}/{}: {name}, seed {seed}{}",
                    about.0,
                    about.1,
                    left(begun, about)
                ));
                let order = args.order(&compared.workload, seed);
                let outcome = match args.sim {
                    true => simulated(args, &given[place], &order, signals).await?,
                    false => {
                        let temporary = args.temporary.clone().unwrap_or_else(std::env::temp_dir);
                        let given = &given[place];
                        on_devnet(given, args.nodes, &temporary, &order, signals).await?
                    }
                };
                let rule = &mut compared.rules[place];
                match outcome {
                    Outcome::Run(run, exit) => {
                        rule.runs.push(*run);
                        ended = exit;
                    }
                    Outcome::Stopped(exit) => ended = Some(exit),
                    Outcome::Failed(reason) => {
                        output::note(format!("{name}: {reason}"));
                        rule.failure.get_or_insert(reason);
                    }
                }
                if ended.is_some() {
                    compared.partial = true;
                    return Ok(ended.unwrap_or(Exit::Ok));
                }
            }
        }
        Ok(Exit::Ok)
    })?;
    compared.rules.iter_mut().for_each(summarise);
    match globals.json {
        true => output::json(&compared)?,
        false => print(&compared)?,
    }
    // What was measured is seen before a full disk can hide it.
    args.files.write(&compared)?;
    let bad = |run: &BenchRun| {
        let load = &run.load;
        load.lost > 0 || load.duplicates > 0 || load.conflicts > 0
    };
    Ok(match compared.rules.iter().flat_map(|rule| &rule.runs).any(bad) {
        true => Exit::Violated,
        // What the others show is there, but it is not what was asked for.
        false if compared.rules.iter().any(|rule| rule.runs.is_empty()) && exit == Exit::Ok => {
            Exit::Failed
        }
        false => exit,
    })
}

/// How long the runs that are left take, by those that are done.
fn left(begun: Instant, (number, of): (u64, u64)) -> String {
    let done = number - 1;
    if done == 0 {
        return String::new();
    }
    // A few hundred at most.
    let seconds = begun.elapsed().as_secs_f64() / done as f64 * (of - done) as f64;
    match seconds {
        seconds if seconds < 1.0 => String::new(),
        seconds if seconds < 90.0 => format!(", about {seconds:.0} s left"),
        seconds => format!(", about {:.0} min left", seconds / 60.0),
    }
}

/// Where figures go beside the terminal.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// Write the figures to a file for spreadsheets
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the report as one page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Draw until when payments were final
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl Files {
    /// Writes what was asked for.
    pub(super) fn write(&self, compared: &BenchCompare) -> Result<(), CliError> {
        if let Some(file) = &self.csv {
            write(file, &csv::csv(compared))?;
        }
        if let Some(file) = &self.html {
            write(file, &html::html(compared))?;
        }
        if let Some(file) = &self.svg {
            match html::picture(compared) {
                Some(picture) => write(file, &picture)?,
                None => {
                    output::note(format!("nothing became final: {} is not drawn", file.display()))
                }
            }
        }
        Ok(())
    }
}

/// One run as a comparison with nothing.
pub(super) fn alone(run: &BenchRun, given: Option<&Given>) -> BenchCompare {
    let load = &run.load;
    let mut rule = BenchRule {
        spec: load.chain.clone(),
        engine: load.engine.clone(),
        nodes: load.nodes,
        runs: vec![run.clone()],
        ..given.map(|given| row(&given.spec, None)).unwrap_or_default()
    };
    summarise(&mut rule);
    BenchCompare {
        place: "devnet".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: commit(),
        taken: Some(output::now()),
        machine: Some(machine()),
        workload: BenchWorkload {
            rate: load.rate_offered,
            seconds: load.offered_seconds,
            accounts: load.accounts,
            payload: 0,
            latency_ms: None,
        },
        seed: load.seed,
        repeat: 1,
        partial: load.partial,
        rules: vec![rule],
    }
}

pub(super) fn write(file: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(file, text).map_err(|error| CliError::file("write", file, &error))
}

/// The share of the producers that may lie.
fn liars(spec: &Spec) -> Option<f64> {
    let (liars, of) = spec.consensus().liars_max()?;
    Some(liars as f64 / of.max(1) as f64) // a few
}

/// How many nodes there will be.
pub(super) fn count_of(spec: &Spec, nodes: Option<NonZeroUsize>) -> u64 {
    nodes.map_or(spec.devnet.nodes, |nodes| nodes.get() as u64) // a count fits
}

/// The row of a rule before anything was measured.
fn row(spec: &Spec, nodes: Option<NonZeroUsize>) -> BenchRule {
    BenchRule {
        spec: spec.name.clone(),
        toml: spec.to_toml(),
        engine: spec.consensus().engine().into(),
        nodes: count_of(spec, nodes),
        finality_depth: spec.consensus().finality_depth(),
        liars: liars(spec),
        ..BenchRule::default()
    }
}

/// What came of a run.
enum Outcome {
    /// A result, and the signal that ended it, if one did.
    Run(Box<BenchRun>, Option<Exit>),
    /// A signal came before there was anything.
    Stopped(Exit),
    /// Why there is no result.
    Failed(String),
}

/// A reason in one line, with what helps.
fn whole(error: &CliError) -> String {
    let advice = error.advice().unwrap_or_default().lines();
    let parts = std::iter::once(error.message()).chain(advice).map(str::trim);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

async fn simulated(
    args: &Compare,
    given: &Given,
    order: &Order,
    signals: &mut Signals,
) -> Result<Outcome, CliError> {
    let micros = |time: Duration| Micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    let nodes = count_of(&given.spec, args.nodes);
    let Pace::Open(rate) = order.pace else {
        return Ok(Outcome::Failed("it has no rate".into()));
    };
    let trial = Trial {
        spec: given.spec.clone(),
        nodes: usize::try_from(nodes).unwrap_or(usize::MAX),
        latency: micros(args.latency.unwrap_or(Duration::from_millis(20))),
        rate,
        duration: micros(order.duration),
        accounts: order.accounts,
        payload: order.payload,
        seed: order.seed,
        work: 1.0,
        confirmations: order.confirmations,
        patience: micros(order.patience),
    };
    let bar = long::shares("payments");
    let shown = bar.clone();
    let (done, signal) = long::until(signals, move |going| {
        run(&trial, &mut |share| long::step(&shown, share, going))
    })
    .await?;
    bar.finish_and_clear();
    Ok(match (done, signal) {
        (Err(TrialError::Stopped), Some(exit)) => Outcome::Stopped(exit),
        (Err(error), _) => Outcome::Failed(error.to_string()),
        (Ok(run), signal) => Outcome::Run(Box::new(run), signal),
    })
}

/// Parts the nodes and kills one.
async fn disturbed(own: &Own, run: &mut BenchRun) -> Result<(), CliError> {
    run.partition = faults::part(own).await?;
    run.crash = faults::crash(own).await?;
    Ok(())
}

/// A run on a devnet of its own, which is disturbed afterwards. That one cannot be measured does not keep the others from it.
async fn on_devnet(
    given: &Given,
    nodes: Option<NonZeroUsize>,
    temporary: &Path,
    order: &Order,
    signals: &mut Signals,
) -> Result<Outcome, CliError> {
    let own = match Own::start_in_step(given, nodes, temporary, signals).await {
        Ok(Started::Up(own)) => own,
        Ok(Started::Stopped(exit)) => return Ok(Outcome::Stopped(exit)),
        Err(error) => return Ok(Outcome::Failed(whole(&error))),
    };
    let order = Order { disk: Some(own.disk()), ..order.clone() };
    let measured = match own.places() {
        Ok(places) => measure(&order, &places, signals).await,
        Err(error) => Err(error),
    };
    let measured = match measured {
        Ok((mut run, None)) => {
            let stopped = tokio::select! {
                exit = signals.next() => Some(exit),
                disturbed = disturbed(&own, &mut run) => {
                    if let Err(error) = disturbed {
                        output::note(format!("{}: {}", given.name, error.message()));
                    }
                    None
                }
            };
            Ok((run, stopped))
        }
        measured => measured,
    };
    own.end(signals).await?;
    Ok(match measured {
        Ok((run, exit)) => Outcome::Run(Box::new(run), exit),
        Err(error) => Outcome::Failed(whole(&error)),
    })
}

fn cell(rule: &BenchRule, figure: &Figure) -> String {
    let Some(it) = rule.figures.get(figure.name) else { return "–".into() };
    let value = shown(it.value, figure.unit);
    match ends(it, figure.unit) {
        None => value,
        Some([low, high]) => format!("{value} ({low} to {high})"),
    }
}

pub(super) fn print(compared: &BenchCompare) -> Result<(), CliError> {
    let workload = &compared.workload;
    let place = match workload.latency_ms {
        Some(ms) => format!("simulated, {} from node to node", shown(ms, Unit::Ms)),
        None => "on devnets of this machine".to_owned(),
    };
    output::line(format!(
        "{} payments per second for {} s, {place}; seed {}, {} {} of each",
        digits(workload.rate),
        digits(workload.seconds),
        compared.seed,
        compared.repeat,
        if compared.repeat == 1 { "run" } else { "runs" }
    ))?;
    if compared.partial {
        output::line("PARTIAL: a signal ended it before its time")?;
    }
    for (title, names) in TABLES {
        let figures: Vec<&Figure> = names.iter().filter_map(|name| figure(name)).collect();
        let has = |figure: &&&Figure| {
            compared.rules.iter().any(|rule| rule.figures.contains_key(figure.name))
        };
        let figures: Vec<&Figure> = figures.iter().filter(has).copied().collect();
        if figures.is_empty() {
            continue;
        }
        let titles: Vec<&str> =
            std::iter::once(title).chain(figures.iter().map(|figure| figure.title)).collect();
        let mut table = Table::new(&titles);
        for rule in &compared.rules {
            let name = match rule.finality_depth.filter(|_| title == "Finality") {
                Some(depth) => format!("{} ({depth} on top)", rule.engine),
                None => rule.engine.clone(),
            };
            let cells = figures.iter().map(|figure| cell(rule, figure));
            table.row(std::iter::once(name).chain(cells));
        }
        output::line("")?;
        table.print()?;
    }
    print_safety(compared)?;
    for rule in &compared.rules {
        if let Some(reason) = &rule.failure {
            output::line(format!("FAILED {}: {}", plain(&rule.spec), plain(reason)))?;
        }
        for warning in &rule.warnings {
            output::line(format!("WARNING {}: {warning}", plain(&rule.spec)))?;
        }
    }
    Ok(())
}

/// How long to wait where depth makes a block final.
fn print_safety(compared: &BenchCompare) -> Result<(), CliError> {
    let rules = || compared.rules.iter().filter(|rule| !rule.safety.is_empty());
    let Some(first) = rules().next() else { return Ok(()) };
    let against: Vec<String> =
        first.safety.iter().map(|row| format!("{:.0} % attack", row.share * 100.0)).collect();
    let titles: Vec<&str> =
        std::iter::once("Safe after").chain(against.iter().map(String::as_str)).collect();
    let mut table = Table::new(&titles);
    for rule in rules() {
        let cells = rule.safety.iter().map(|row| match (row.confirmations, row.seconds) {
            (Some(needed), Some(seconds)) => {
                format!("{needed} confirmations, {}", shown(seconds, Unit::Seconds))
            }
            (None, Some(seconds)) => format!("final, {}", shown(seconds, Unit::Seconds)),
            _ => "never".to_owned(),
        });
        table.row(std::iter::once(rule.engine.clone()).chain(cells));
    }
    output::line("")?;
    table.print()
}
