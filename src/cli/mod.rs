//! The command line: one binary, `assay`, one file per subcommand.
//!
//! Stdout carries results only; logs, progress and errors go to stderr. With `--json` a result is one JSON value in a
//! shape of [`api`](crate::api), and so is an error. The exit code says what kind of failure it was, in both forms; the
//! codes are [`Exit`].
//!
//! A subcommand is a file with `Args` and `run(args, globals)`: it takes what was typed, asks a room below to do the
//! work, and prints. What several of them need is beside them:
//!
//! - `error` turns the errors of all rooms into one kind, `crash` does so for defects;
//! - `locate` finds the node that a command is meant for, `connect` speaks to it;
//! - `specs` reads and freezes chain specs;
//! - `long` shows a bar while work lasts, and ends it when a signal comes;
//! - `output` prints tables, JSON, and quantities as people read them;
//! - `signals` says by which signal a command that stays is to end, `time` reads lengths of time;
//! - `log` starts the log.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::api::Exit;
use crate::node::config::LogFormat;

pub mod bench;
pub mod chain;
pub mod completions;
pub mod connect;
mod crash;
pub mod devnet;
pub mod doctor;
pub mod error;
pub mod locate;
pub mod log;
mod long;
pub mod mine;
pub mod node;
pub mod output;
pub mod rpc;
mod signals;
pub mod sim;
pub mod spec;
pub mod specs;
mod time;
pub mod version;
pub mod wallet;

pub use error::CliError;

const EXAMPLES: &str = "\
Start here:
  assay devnet up pow-dev            four nodes that mine, from a chain spec, until Ctrl-C
  assay chain info                   where the chain stands
  assay wallet new                   a key of your own
  assay wallet faucet                coins of a development account
  assay wallet send ADDRESS 1.5 --wait final

Exit codes:
  0 ok · 1 failed · 2 usage · 3 bad spec or configuration · 4 wrong chain
  5 database locked, corrupt, full or newer · 6 cannot bind · 7 keystore or password
  8 node unreachable or timed out · 9 refused by the node · 10 a checked property was violated
  130, 143 stopped by a signal, cleanly";

/// One chain, one node, and a block-producer rule that is swapped by one line of the chain spec
#[derive(Debug, Parser)]
#[command(
    name = "assay",
    version,
    long_about = "Assay is a mining and staking testbed: one chain, one node, one ledger, and a block-producer rule that \
                  is swapped by one line of the chain spec.",
    after_help = EXAMPLES,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = false,
    max_term_width = 110,
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes, before or after its name.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Globals {
    /// Print the result, or the error, as JSON on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Ask the node at this URL [default: $ASSAY_RPC, else the only running devnet, else port 18544 of this machine]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "dir")]
    pub rpc: Option<String>,
    /// The devnet or data directory that is meant, by name or path, and one of its nodes, such as pow-dev:2
    #[arg(long, global = true, value_name = "DEVNET[:NODE]")]
    pub dir: Option<String>,
    /// How log lines look on stderr [default: human]
    #[arg(long, global = true, value_name = "FORMAT", env = "ASSAY_LOG_FORMAT", hide_env = true)]
    pub log_format: Option<LogFormat>,
    /// Log more; twice or thrice for yet more (RUST_LOG says it in detail)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start, watch, break and stop the nodes of a chain on this machine
    Devnet(devnet::Args),
    /// Run a node
    Node(node::Args),
    /// Look at the chain: head, blocks, transactions, forks, supply
    Chain(chain::Args),
    /// Write, check, compare and freeze chain specs
    Spec(spec::Args),
    /// Keep keys, and send and receive money
    Wallet(wallet::Args),
    /// Mine against a node, on this machine's processors
    Mine(mine::Args),
    /// Call a method of the node
    Rpc(rpc::Args),
    /// Look at machine, data directory and node, and say what is wrong and what to do
    Doctor(doctor::Args),
    /// Print a script that completes commands in a shell
    Completions(completions::CompletionsArgs),
    /// Write a manual page for each command
    Man(completions::ManArgs),
    /// Run scenarios in simulated time: faults, attacks, and what must hold
    Sim(sim::Args),
    /// Measure this machine, and nodes under load
    Bench(bench::Args),
    /// Say what this program is and how it was built
    Version,
}

/// Runs the command that `arguments`, the name of the program first, ask for.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    crash::install();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let json = wants_json(&arguments);
    let exit = crash::catch(|| run(arguments)).unwrap_or_else(|error| {
        error.print(json);
        error.exit()
    });
    ExitCode::from(exit.code())
}

/// Whether `--json` is among the options. The arguments may make no sense as a whole, and the script wants to know that
/// in JSON too.
fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

fn run(arguments: Vec<OsString>) -> Result<Exit, CliError> {
    let Cli { globals, command } = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            output::text(&output::styled(&error.render(), &std::io::stdout()))?;
            return Ok(Exit::Ok);
        }
        Err(error) => return Err(error.into()),
    };
    match command {
        Command::Devnet(args) => devnet::run(args, &globals),
        Command::Node(args) => node::run(args, &globals),
        Command::Chain(args) => chain::run(args, &globals),
        Command::Mine(args) => mine::run(args, &globals),
        Command::Rpc(args) => rpc::run(args, &globals),
        Command::Sim(args) => sim::run(args, &globals),
        Command::Bench(args) => bench::run(args, &globals),
        Command::Spec(args) => spec::run(args, &globals),
        Command::Wallet(args) => wallet::run(args, &globals),
        Command::Doctor(args) => doctor::run(args, &globals),
        Command::Completions(args) => completions::completions(&args, &globals),
        Command::Man(args) => completions::man(&args, &globals),
        Command::Version => version::run(&globals),
    }
}

impl Globals {
    /// Refuses `--rpc` and `--dir` for a command that asks no node: they would be ignored, and their author believes
    /// that they matter.
    pub fn expect_no_node(&self, command: &str) -> Result<(), CliError> {
        let given = match (&self.rpc, &self.dir) {
            (Some(_), _) => "--rpc",
            (_, Some(_)) => "--dir",
            (None, None) => return Ok(()),
        };
        Err(CliError::usage(format!("`{given}` has no meaning for `{command}`: it asks no node"))
            .help(format!("leave `{given}` out")))
    }
}

/// Drives a command that waits for sockets, on this thread.
pub fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start the event loop: {error}")))?
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn json_is_asked_for_before_a_double_dash() {
        let asks =
            |text: &str| wants_json(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(asks("assay --json chain"));
        assert!(asks("assay chain nonsense --json"));
        assert!(!asks("assay chain info"));
        assert!(!asks("assay rpc help -- --json"));
    }

    #[test]
    fn every_command_and_option_says_what_it_does() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path} has no help");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path}: {} has no help", argument.get_id());
            }
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                check(inner, &path);
            }
        }
        check(&Cli::command(), "");
    }
}
