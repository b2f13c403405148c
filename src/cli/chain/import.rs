//! `assay chain import`: a chain out of a file into a data directory.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde::Serialize;

use super::place::Datadir;
use crate::api::Exit;
use crate::api::files::CHAIN_FILE_NAME;
use crate::cli::error::CliError;
use crate::cli::node::chain::{present, put};
use crate::cli::output::{self, Table};
use crate::cli::{Globals, long};
use crate::node::cold::{DataDirectory, ImportFailed, ImportSummary, import};
use crate::spec::FrozenSpec;
use crate::store::{ArchiveError, ArchiveReader};
use crate::types::{BlockId, GenesisId, Height, StateRoot};

/// What `assay chain import` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// A file that `assay chain export` wrote
    file: PathBuf,
    #[command(flatten)]
    datadir: Datadir,
}

/// What was taken in.
#[derive(Debug, Serialize)]
struct Imported {
    datadir: PathBuf,
    genesis: GenesisId,
    /// Blocks that are new here.
    imported: u64,
    /// Blocks that were here before.
    known: u64,
    transactions: u64,
    /// The head, after all.
    height: Height,
    head: BlockId,
    final_height: Height,
    state_root: StateRoot,
    seconds: f64,
    blocks_per_second: f64,
    transactions_per_second: f64,
}

/// Runs `assay chain import`.
pub(super) fn run(args: Import, globals: &Globals) -> Result<Exit, CliError> {
    let datadir = args.datadir.expect("assay chain import", globals)?;
    let path = args.file.clone();
    let refused = |error: ArchiveError| refused(&args.file, &error);
    let opened = File::open(&path).map_err(|error| {
        CliError::file("read", &path, &error).help("give a file that `assay chain export` wrote")
    })?;
    let size = opened.metadata().map_or(0, |metadata| metadata.len());
    let bar = long::bytes_bar(size);
    let reader = ArchiveReader::begin(bar.wrap_read(BufReader::with_capacity(1 << 20, opened)));
    let mut reader = reader.map_err(refused)?;
    let spec = FrozenSpec::parse(&format!("{} (its chain spec)", path.display()), reader.spec())?;
    let directory = DataDirectory::make(&datadir, || settle(&spec, &path, &datadir))?;
    let mut chain = directory.open()?;
    let started = Instant::now();
    let (done, signal) = long::interruptible(move |going| {
        let tell = |summary: &ImportSummary| {
            bar.set_message(
                summary.reached.map_or_else(String::new, |at| format!("(height {at})")),
            );
        };
        let going = || going.load(Ordering::Relaxed);
        let (summary, outcome) = import(&mut reader, &mut chain, output::now, going, tell);
        bar.finish_and_clear();
        (summary, outcome, chain)
    })?;
    let (summary, outcome, chain) = done;
    let seconds = started.elapsed().as_secs_f64();
    let head = chain.tree().head();
    if let Err(error) = outcome {
        let stands = format!(
            "{}; the chain in {} stands at height {} now",
            kept(&summary),
            datadir.display(),
            head.height()
        );
        return match (error, signal) {
            (ImportFailed::Interrupted, Some(exit)) => {
                output::note(format!("interrupted: {stands}; the same command goes on from there"));
                Ok(exit)
            }
            (error, _) => Err(failed(&path, &error, &stands)),
        };
    }
    // A rate needs no more than a double holds.
    let rate = |count: u64| count as f64 / seconds.max(0.001);
    let imported = Imported {
        genesis: spec.genesis_id(),
        imported: summary.imported,
        known: summary.known,
        transactions: summary.transactions,
        height: head.height(),
        head: head.id,
        final_height: chain.tree().root().height(),
        state_root: head.state.root(),
        seconds,
        blocks_per_second: rate(summary.imported),
        transactions_per_second: rate(summary.transactions),
        datadir,
    };
    if globals.json {
        output::json(&imported)?;
    } else {
        imported.table().print()?;
    }
    Ok(Exit::Ok)
}

impl Imported {
    fn table(&self) -> Table {
        let mut table = Table::pairs();
        table.pair("directory", self.datadir.display());
        table.pair("genesis", self.genesis);
        let known = match self.known {
            0 => String::new(),
            known => format!(", {} were here before", output::count(known)),
        };
        table.pair("imported", format!("{} blocks{known}", output::count(self.imported)));
        table.pair("transactions", output::count(self.transactions));
        table.pair(
            "speed",
            format!(
                "{:.1} s, {:.0} blocks/s, {:.0} transactions/s",
                self.seconds, self.blocks_per_second, self.transactions_per_second
            ),
        );
        table.pair("height", self.height);
        table.pair("head", self.head);
        table.pair("final height", output::depth(self.final_height, self.height));
        table.pair("state root", self.state_root);
        table
    }
}

/// Puts the file's chain into a directory that has none, or finds the same one there.
fn settle(spec: &FrozenSpec, file: &Path, datadir: &Path) -> Result<(), CliError> {
    let place = datadir.join(CHAIN_FILE_NAME);
    let Some(theirs) = present(&place)? else {
        put(&place, &spec.to_toml())?;
        return Ok(());
    };
    if theirs.genesis_id() == spec.genesis_id() {
        return Ok(());
    }
    let message = format!(
        "{} holds the chain {} with genesis id {}, and {} holds {} with genesis id {}",
        file.display(),
        spec.name,
        spec.genesis_id(),
        datadir.display(),
        theirs.name,
        theirs.genesis_id()
    );
    Err(CliError::new(Exit::WrongChain, "wrong_chain", message)
        .help("import it into another directory: one that does not exist is made"))
}

/// What a failed import leaves behind.
fn kept(summary: &ImportSummary) -> String {
    match summary.reached {
        None => "nothing was taken in".into(),
        Some(height) => format!("all up to height {height} is good and kept"),
    }
}

pub(in crate::cli) fn refused(file: &Path, error: &ArchiveError) -> CliError {
    let code = match error {
        ArchiveError::Io(_) => "file",
        ArchiveError::NoArchive => "no_archive",
        ArchiveError::Newer { .. } => "archive_newer",
        _ => "archive_damaged",
    };
    let advice = match error {
        ArchiveError::NoArchive => "give a file that `assay chain export` wrote",
        ArchiveError::Newer { .. } => "use a newer version of assay",
        _ => "copy the file again, or export the chain again",
    };
    CliError::new(Exit::Failed, code, format!("{}: {error}", file.display())).help(advice)
}

pub(in crate::cli) fn failed(file: &Path, error: &ImportFailed, stands: &str) -> CliError {
    let message = format!("{}: {error}; {stands}", file.display());
    let new = |exit, code, help: &str| {
        CliError::new(exit, code, message.clone()).maybe_help((!help.is_empty()).then_some(help))
    };
    match error {
        ImportFailed::File(error) => {
            let told = refused(file, error);
            let code = told.code().to_owned();
            CliError::new(told.exit(), code, message).maybe_help(told.advice())
        }
        ImportFailed::Gap { .. } => {
            new(Exit::Failed, "archive_gap", "import an earlier part of the chain first")
        }
        ImportFailed::Fork { .. } => new(
            Exit::Failed,
            "other_branch",
            "what is final here is never undone: import the file into another directory",
        ),
        ImportFailed::Refused { .. } => new(
            Exit::Violated,
            "invalid_block",
            "the file is whole, and its chain breaks the rules of its own spec: ask for another one",
        ),
        ImportFailed::Early { .. } => {
            new(Exit::Failed, "ahead_of_the_clock", "set the clock of this machine, or wait")
        }
        ImportFailed::Interrupted => new(Exit::Interrupted, "interrupted", ""),
        ImportFailed::Store(error) => {
            let told = CliError::from(error.clone());
            let code = told.code().to_owned();
            CliError::new(told.exit(), code, message)
        }
    }
}
