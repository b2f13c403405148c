//! `assay bench`: measurements of this machine, and of nodes under load.

mod compare;
mod faults;
mod hashrate;
mod import;
mod load;
mod max;
mod nodes;
mod own;
mod quoted;
mod report;
mod show;

use clap::Subcommand;

use super::error::CliError;
use super::{Globals, log};
use crate::api::Exit;

const EXAMPLES: &str = "\
Examples:
  assay bench hashrate                     how fast each kernel searches, on one core and on all
  assay bench hashrate --kernel avx512 --runs 7 --against \"cpuminer -a sha256d --benchmark -t 1\"
  assay bench import                       import 100 000 payments, and check their signatures alone
  assay bench import --json                for a script
  assay bench load --rate 500 --duration 2m         500 payments per second for the only devnet that runs
  assay bench load --in-flight 64 --dir pow-dev     64 payments on their way at any time
  assay bench confirm pow-dev              how long payments take, on a devnet of its own that is gone afterwards
  assay bench confirm pow-dev --rate 200 --duration 1m --json
  assay bench confirm --attach --dir mine  the same on a devnet that runs
  assay bench compare --quick              eight rules side by side, in less than five minutes
  assay bench max raft-dev --p99 500ms     the highest rate at which 99 of 100 payments are final in half a second
  assay bench quoted graphene-like         what people say of 21 delegates, beside what they do
  assay bench report DIR --html report.html         all comparisons that were saved there, from build to build
  assay bench compare --sim --nodes 7 --latency 50ms raft-dev pbft-7

Measure with a release build on a quiet machine.";

/// What `assay bench` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure the nonce search: every kernel on so many threads, beside another miner if you like
    Hashrate(Box<hashrate::Hashrate>),
    /// Import a chain of payments, against checking its signatures and nothing else
    Import(import::Import),
    /// Offer payments to nodes that run, and count what is lost
    Load(load::Load),
    /// Say how long payments take until they are final, by every node
    Confirm(load::Confirm),
    /// Measure several rules under the same load, side by side
    Compare(Box<compare::Compare>),
    /// Find the highest rate of payments that a chain sustains on this machine
    Max(Box<max::Max>),
    /// Run chains with well-known figures in simulated time, beside what people say of them
    Quoted(quoted::Quote),
    /// Merge the reports of comparisons in a directory, and say what changed from build to build
    Report(report::Report),
}

/// Runs `assay bench`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    match args.command {
        Command::Hashrate(args) => {
            globals.expect_no_node("assay bench hashrate")?;
            hashrate::run(&args, globals.json)
        }
        Command::Import(args) => {
            globals.expect_no_node("assay bench import")?;
            import::run(&args, globals.json)
        }
        Command::Load(args) => load::load(&args, globals),
        Command::Confirm(args) => load::confirm(&args, globals),
        Command::Compare(args) => compare::compare(&args, globals),
        Command::Max(args) => max::max(&args, globals),
        Command::Quoted(args) => quoted::quoted(&args, globals),
        Command::Report(args) => report::report(&args, globals),
    }
}
