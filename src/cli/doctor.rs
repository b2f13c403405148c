//! `assay doctor`: what is well, what is not, and what to do about it.
//!
//! - `machine`: this program, the clock, memory, open files
//! - `data`: a data directory, as it lies there
//! - `node`: a node that runs
//!
//! Every check gives one line. Nothing is changed, and nothing that a check finds keeps the others from being made.

mod data;
mod machine;
mod node;

use serde::Serialize;

use super::chain::place::Datadir;
use super::error::CliError;
use super::output::{self, Table};
use super::{Globals, block_on, log};
use crate::api::Exit;

const EXAMPLES: &str = "\
Examples:
  assay doctor                      this machine, and the node that commands find by themselves
  assay doctor --dir pow-dev:2      a node of a devnet and its data directory
  assay doctor --datadir DIR        a data directory, whether or not a node runs there

Exit codes: 0 nothing is wrong · 1 something is · 10 the chain contradicts itself";

/// What `assay doctor` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    datadir: Datadir,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not well, or could not be looked at.
    Warn,
    /// It does not work.
    Fail,
    /// Something that must hold of a chain does not.
    Violated,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    /// A word that scripts can match.
    name: &'static str,
    status: Verdict,
    /// What was found.
    message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Verdict::Ok, message: message.into(), help: None }
    }

    fn warn(name: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        let help = Some(help.into());
        Self { name, status: Verdict::Warn, message: message.into(), help }
    }

    fn fail(name: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { status: Verdict::Fail, ..Self::warn(name, message, help) }
    }

    fn violated(name: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { status: Verdict::Violated, ..Self::warn(name, message, help) }
    }
}

/// What `assay doctor --json` prints.
#[derive(Debug, Serialize)]
struct Diagnosis {
    /// Whether nothing is wrong; warnings are no wrong.
    ok: bool,
    checks: Vec<Check>,
}

/// Runs `assay doctor`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    let mut checks = machine::checks();
    let given = match args.datadir.given(globals) {
        Ok(given) => given,
        // Without the name of a node, the devnet's first one that runs is meant, and it says where its data lie.
        Err(_) if args.datadir.datadir.is_none() && globals.dir.is_some() => None,
        Err(error) => return Err(error),
    };
    // A data directory alone means no node elsewhere.
    let own = args.datadir.datadir.as_deref();
    let (asked, found) = block_on(async { Ok(node::checks(globals, own).await) })?;
    let datadir = given.or_else(|| found.filter(|path| path.is_dir()));
    if let Some(datadir) = datadir {
        checks.extend(data::checks(&datadir));
    }
    checks.extend(asked);
    let worst = checks.iter().map(|check| check.status).max().unwrap_or(Verdict::Ok);
    let diagnosis = Diagnosis { ok: worst < Verdict::Fail, checks };
    if globals.json {
        output::json(&diagnosis)?;
    } else {
        diagnosis.table().print()?;
    }
    Ok(match worst {
        Verdict::Ok | Verdict::Warn => Exit::Ok,
        Verdict::Fail => Exit::Failed,
        Verdict::Violated => Exit::Violated,
    })
}

impl Diagnosis {
    fn table(&self) -> Table {
        let mut table = Table::pairs();
        for check in &self.checks {
            let word = match check.status {
                Verdict::Ok => "ok",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
                Verdict::Violated => "VIOLATED",
            };
            let help = check.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
            table.row([word, check.name, &format!("{}{help}", check.message)]);
        }
        table
    }
}
