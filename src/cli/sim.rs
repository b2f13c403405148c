//! `assay sim`: scenarios in simulated time. None of it asks a node.

mod cap;
mod classic;
mod files;
mod replay;
mod report;
mod runs;

use std::path::PathBuf;

use clap::Subcommand;

use super::error::CliError;
use super::output::{self, Table};
use super::{Globals, log};
use crate::api::{Exit, SimScenario};
use crate::sim::cap::{NAME as CAP, cases};
use crate::sim::scenario::{Recording, Scenario, shipped};
use crate::sim::swarm::{NODES, SWARMS};

const EXAMPLES: &str = "\
Examples:
  assay sim list                                 the shipped scenarios
  assay sim run partition                        with the seeds that it names
  assay sim run partition --seed 7               one history, the same each time
  assay sim run my.toml --seeds 1..1000 --json   many, on all cores; a line of JSON each
  assay sim run swarm --seeds 1..10000           random faults, drawn by the seed
  assay sim run cap                              every rule, parted in two: what it gives up
  assay sim run eclipse --seed 1 --svg pictures  the tree of blocks, and how they spread
  assay sim run eclipse --seed 1 --trace run.rec
  assay sim replay run.rec                       the same again, and whether it is
  assay sim replay node.rec                      what a node was fed with `assay node run --record node.rec`
  assay sim replay node.rec --until 17 --trace steps.jsonl
  assay sim classic synod                        single-decree Paxos, told beside the paper
  assay sim classic two-generals --say 'chance 0.3 runs 20000 seed 1'

Exit code 10: a checker found a violation, something expected did not come, or a replay is another history.";

/// What `assay sim` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario with one seed or with many
    Run(Run),
    /// List the shipped scenarios
    List,
    /// Tell the classics: single-decree Paxos, the Byzantine generals, two generals
    Classic(classic::Args),
    /// Run again what was recorded, and compare: a run with --trace, or a node with --record
    Replay(replay::Args),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The name of a shipped scenario, a file, a swarm such as `swarm-raft`, or `cap`, the table of all rules
    scenario: String,
    /// One seed [default: those that the scenario names]
    #[arg(long, value_name = "S", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// All seeds from the first to the last, both included, on all cores
    #[arg(long, value_name = "A..B", value_parser = files::seeds)]
    seeds: Option<(u64, u64)>,
    /// Record the run, for `assay sim replay`; with one seed
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Draw the tree of blocks and how they spread; with one seed
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
}

/// Runs `assay sim`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    globals.expect_no_node("assay sim")?;
    match args.command {
        Command::Run(args) => start(&args, globals.json),
        Command::List => list(globals.json),
        Command::Classic(args) => classic::run(&args, globals.json),
        Command::Replay(args) => replay::run(&args, globals.json),
    }
}

fn start(args: &Run, json: bool) -> Result<Exit, CliError> {
    if args.scenario == CAP {
        if args.trace.is_some() || args.svg.is_some() {
            let message = "`--trace` and `--svg` are for scenarios, and `cap` is many runs";
            return Err(CliError::usage(message).help("leave them out"));
        }
        let seeds = args.seed.map(|seed| (seed, seed)).or(args.seeds);
        return cap::run(seeds.unwrap_or(cap::SEEDS), json);
    }
    let subject = files::subject(&args.scenario)?;
    let named = match &subject {
        runs::Subject::Swarm(_) => (1, 100),
        runs::Subject::Scenario(scenario) => scenario.seeds,
    };
    let seeds = args.seed.map(|seed| (seed, seed)).or(args.seeds).unwrap_or(named);
    for (option, given) in [("--trace", &args.trace), ("--svg", &args.svg)] {
        if given.is_none() {
            continue;
        }
        if seeds.0 != seeds.1 {
            let message = format!("`{option}` is for one run, and there are several seeds");
            return Err(CliError::usage(message).help("choose one with --seed"));
        }
        if matches!(subject, runs::Subject::Swarm(_)) {
            let message =
                format!("`{option}` is for scenarios: a swarm run follows from its seed alone");
            return Err(CliError::usage(message).help(format!("leave `{option}` out")));
        }
    }
    if let runs::Subject::Scenario(scenario) = &subject
        && seeds.0 == seeds.1
    {
        return one(args, scenario, seeds.0, json);
    }
    runs::many(args.scenario.clone(), subject, seeds, json)
}

/// One run of a scenario, told in full.
fn one(args: &Run, scenario: &Scenario, seed: u64, json: bool) -> Result<Exit, CliError> {
    let started = std::time::Instant::now();
    let outcome = crate::sim::scenario::run(scenario, seed)?;
    let took = started.elapsed();
    if let Some(file) = &args.trace {
        let text = Recording::of(scenario, &outcome).write();
        std::fs::write(file, text).map_err(|error| CliError::file("write", file, &error))?;
        output::note(format!("recorded in {0}: assay sim replay {0}", file.display()));
    }
    if let Some(directory) = &args.svg {
        for file in files::draw(directory, scenario, &outcome)? {
            output::note(format!("wrote {}", file.display()));
        }
    }
    let run = report::of(scenario, &outcome, took);
    if json {
        report::line(&run)?;
    } else {
        report::table(&run).print()?;
        report::expectations(&run)?;
    }
    if outcome.is_good() {
        return Ok(Exit::Ok);
    }
    report::failure(&args.scenario, scenario, &outcome);
    Ok(Exit::Violated)
}

fn list(json: bool) -> Result<Exit, CliError> {
    let scenarios = shipped().iter().map(|shipped| {
        let scenario = shipped.scenario();
        SimScenario {
            name: shipped.name.into(),
            virtual_ms: scenario.duration.0 / 1000,
            nodes: scenario.nodes(),
            about: scenario.about,
        }
    });
    let mut scenarios: Vec<SimScenario> = scenarios.collect();
    scenarios.extend(SWARMS.iter().map(|(name, engine)| SimScenario {
        name: (*name).into(),
        about: format!(
            "{engine}: the seed draws links, clocks and faults; safety under them, and liveness after them"
        ),
        nodes: NODES,
        virtual_ms: 0,
    }));
    scenarios.push(SimScenario {
        name: CAP.into(),
        about: "every rule, parted in two and healed: what each side could do, and what was undone"
            .into(),
        nodes: cases().iter().map(|case| case.sides.iter().sum()).max().unwrap_or(0),
        virtual_ms: 0,
    });
    if json {
        output::json(&scenarios)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["scenario", "nodes", "lasts", "about"]).right(&[1, 2]);
    for SimScenario { name, about, nodes, virtual_ms } in scenarios {
        let lasts = match virtual_ms {
            0 => "drawn".to_owned(),
            ms => output::duration(crate::types::Span(ms)),
        };
        table.row([name, nodes.to_string(), lasts, about]);
    }
    table.print()?;
    Ok(Exit::Ok)
}

impl From<crate::sim::scenario::Impossible> for CliError {
    fn from(error: crate::sim::scenario::Impossible) -> Self {
        Self::new(Exit::Config, "impossible_event", error.to_string())
            .help("change the event at that line, or what happens before it")
    }
}
