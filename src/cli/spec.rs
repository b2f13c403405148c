//! `assay spec`: chain specs, written, checked, shown, compared and frozen. None of it asks a node.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use super::error::CliError;
use super::output::{self, Table};
use super::{Globals, log, specs};
use crate::api::Exit;
use crate::spec::{self, Difference, FrozenSpec, Spec};
use crate::types::target::Bits;
use crate::types::{GenesisId, Time};

const EXAMPLES: &str = "\
Examples:
  assay spec new pow -o my.toml            a commented spec to start from
  assay spec check my.toml                 is it right? errors name line, column, reason and fix
  assay spec show pow-dev                  every default written out
  assay spec diff pow-dev my.toml          which keys make two genesis ids differ
  assay spec freeze my.toml -o chain.toml  fix time and target, for nodes that are started one by one";

/// What `assay spec` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented spec for a rule, a working chain as it stands
    New {
        /// The rule that makes blocks, such as pow
        engine: String,
        /// Where to write it; a file that is there stays [default: stdout]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Say whether a spec is right, and if not, every problem with its place
    Check {
        /// A file, or the name of a shipped spec
        spec: String,
    },
    /// Print a spec with every default written out
    Show {
        /// A file, or the name of a shipped spec
        spec: String,
    },
    /// Name the keys that two specs give different values
    Diff {
        /// A file, or the name of a shipped spec
        a: String,
        /// Another
        b: String,
    },
    /// Resolve the genesis time and the first target: only a frozen spec names one chain
    Freeze {
        /// A file, or the name of a shipped spec
        spec: String,
        /// Where to write it; a file that is there stays [default: stdout]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// What there is to say about a spec in a few words.
#[derive(Debug, Serialize)]
struct Summary {
    spec: String,
    chain: String,
    engine: &'static str,
    /// Whether nothing is left open, so that it names one chain.
    frozen: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    genesis: Option<GenesisId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    accounts: usize,
    dev: bool,
}

impl Summary {
    fn of(name: &str, spec: &Spec) -> Self {
        let frozen = resolved(spec);
        Self {
            spec: name.to_owned(),
            chain: spec.name.clone(),
            engine: spec.consensus().engine(),
            frozen: frozen.is_some(),
            genesis: frozen.as_ref().map(|frozen| frozen.genesis_id()),
            time: frozen.as_ref().map(|frozen| frozen.genesis_time()),
            accounts: spec.accounts.len(),
            dev: spec.dev,
        }
    }
}

/// The frozen spec that a spec is already, if it leaves nothing open.
fn resolved(spec: &Spec) -> Option<FrozenSpec> {
    // Nothing is open, so neither the time nor the bits are used.
    spec.is_resolved().then(|| spec.clone().freeze(Time(0), || Bits(0)))
}

/// Runs `assay spec`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    globals.expect_no_node("assay spec")?;
    match args.command {
        Command::New { engine, output } => new(&engine, output.as_deref(), globals.json),
        Command::Check { spec } => check(&spec, globals.json),
        Command::Show { spec } => show(&spec, globals.json),
        Command::Diff { a, b } => diff(&a, &b, globals.json),
        Command::Freeze { spec, output } => freeze(&spec, output.as_deref(), globals.json),
    }?;
    Ok(Exit::Ok)
}

/// A spec that was written: where, or the text itself.
#[derive(Debug, Serialize)]
struct Written<'a> {
    file: Option<&'a Path>,
    #[serde(flatten)]
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    toml: Option<&'a str>,
}

fn new(engine: &str, file: Option<&Path>, json: bool) -> Result<(), CliError> {
    let text = spec::template(engine)?;
    let name = file.map_or_else(|| "template".to_owned(), |file| file.display().to_string());
    let summary = Summary::of(&name, &Spec::parse(&name, &text)?);
    write(&text, file, summary, json)?;
    if let (Some(file), false) = (file, json) {
        output::line(format!("wrote {}", file.display()))?;
        output::note(format!(
            " next: assay spec check {0}, then assay devnet up {0}",
            file.display()
        ));
    }
    Ok(())
}

fn freeze(given: &str, file: Option<&Path>, json: bool) -> Result<(), CliError> {
    let frozen = specs::freeze(specs::read(given)?.spec);
    let name = file.map_or_else(|| given.to_owned(), |file| file.display().to_string());
    let summary = Summary {
        spec: name,
        chain: frozen.name.clone(),
        engine: frozen.consensus().engine(),
        frozen: true,
        genesis: Some(frozen.genesis_id()),
        time: Some(frozen.genesis_time()),
        accounts: frozen.accounts.len(),
        dev: frozen.dev,
    };
    write(&frozen.to_toml(), file, summary, json)?;
    if let (Some(file), false) = (file, json) {
        output::line(format!(
            "wrote {}, the chain with genesis id {}",
            file.display(),
            frozen.genesis_id()
        ))?;
        output::note(format!(
            " next: assay node run --chain {} --datadir DIR on each machine",
            file.display()
        ));
    }
    Ok(())
}

/// Writes a spec to a new file, or to stdout; with `json` says what was written.
fn write(text: &str, file: Option<&Path>, summary: Summary, json: bool) -> Result<(), CliError> {
    if let Some(path) = file {
        let written =
            OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
                file.write_all(text.as_bytes()).and_then(|()| file.sync_all())
            });
        written.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => CliError::new(
                Exit::Failed,
                "file_exists",
                format!(
                    "{} is there already, and a spec is never overwritten: it may be a chain",
                    path.display()
                ),
            )
            .help("choose another name, or remove the file"),
            _ => CliError::file("write", path, &error),
        })?;
    }
    match (json, file) {
        (true, _) => output::json(&Written { file, summary, toml: file.is_none().then_some(text) }),
        (false, None) => output::text(text),
        (false, Some(_)) => Ok(()),
    }
}

fn check(given: &str, json: bool) -> Result<(), CliError> {
    let given = specs::read(given)?;
    let summary = Summary::of(&given.name, &given.spec);
    if json {
        return output::json(&summary);
    }
    let mut table = Table::pairs();
    table.pair("ok", &given.name);
    table.pair("chain", &summary.chain);
    table.pair("engine", summary.engine);
    match (summary.genesis, summary.time) {
        (Some(genesis), Some(time)) => {
            table.pair("genesis id", genesis);
            table.pair("starts", output::moment(time));
        }
        _ => table.pair("genesis id", "open until it is launched or frozen"),
    }
    table.pair("accounts", summary.accounts);
    if summary.dev {
        table.pair("warning", spec::DEV_WARNING);
    }
    table.print()
}

/// A spec with all its keys.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    summary: Summary,
    entries: Vec<Key>,
}

#[derive(Debug, Serialize)]
struct Key {
    key: String,
    /// The value as TOML writes it.
    value: String,
    about: &'static str,
    /// Whether the genesis id covers it.
    consensus: bool,
}

fn show(given: &str, json: bool) -> Result<(), CliError> {
    let given = specs::read(given)?;
    if !json {
        return output::text(&given.spec.to_toml());
    }
    let key = |entry: spec::Entry| Key {
        key: entry.path(),
        value: entry.value,
        about: entry.about,
        consensus: entry.consensus,
    };
    output::json(&Shown {
        summary: Summary::of(&given.name, &given.spec),
        entries: given.spec.entries().into_iter().map(key).collect(),
    })
}

/// What tells two specs apart.
#[derive(Debug, Serialize)]
struct Compared {
    a: Summary,
    b: Summary,
    /// Whether nodes that run them are on one chain; absent while one of them is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_chain: Option<bool>,
    differences: Vec<Different>,
}

#[derive(Debug, Serialize)]
struct Different {
    key: String,
    a: Option<String>,
    b: Option<String>,
    /// Whether it makes the genesis ids differ.
    consensus: bool,
}

impl From<Difference> for Different {
    fn from(difference: Difference) -> Self {
        let Difference { field, a, b, consensus } = difference;
        Self { key: field, a, b, consensus }
    }
}

fn diff(a: &str, b: &str, json: bool) -> Result<(), CliError> {
    let (a, b) = (specs::read(a)?, specs::read(b)?);
    let differences: Vec<Different> =
        spec::diff(&a.spec, &b.spec).into_iter().map(Different::from).collect();
    let (summary_a, summary_b) = (Summary::of(&a.name, &a.spec), Summary::of(&b.name, &b.spec));
    let same_chain = match (summary_a.genesis, summary_b.genesis) {
        (Some(a), Some(b)) => Some(a == b),
        // A key that is open in both, and nothing else, can still come out either way.
        _ if differences.iter().any(|difference| difference.consensus) => Some(false),
        _ => None,
    };
    if json {
        return output::json(&Compared { a: summary_a, b: summary_b, same_chain, differences });
    }
    if !differences.is_empty() {
        let mut table = Table::new(&["key", &a.name, &b.name, ""]);
        for difference in &differences {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".into());
            let note = if difference.consensus { "" } else { "(local)" };
            table.row([&difference.key, &shown(&difference.a), &shown(&difference.b), note]);
        }
        table.print()?;
        output::line("")?;
    }
    output::line(match same_chain {
        Some(true) => "one chain: the genesis ids are equal",
        Some(false) => "two chains: the genesis ids differ",
        None => "open until they are frozen: a launch time or a first target is not decided yet",
    })
}
