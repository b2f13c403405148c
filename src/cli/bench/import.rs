//! `assay bench import`: how fast a chain is taken in, one out of a file or one of payments that is made for it.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use crate::api::Exit;
use crate::bench::archive::{self, ArchiveFailed, ArchiveRun};
use crate::bench::import;
use crate::cli::chain::{import_failed, no_archive};
use crate::cli::error::CliError;
use crate::cli::long;
use crate::cli::output::{self, Table, count};
use crate::node::cold::ImportSummary;

/// The most blocks: a replica holds them above the final one while the chain is made.
const BLOCKS_MAX: u64 = 2000;

/// The most payments in a block: it has at most 4 MiB.
const TRANSACTIONS_MAX: u64 = 10_000;

/// The most coins: what they hold together stays below 2^53 base units.
const COINS_MAX: u64 = 5_000_000;

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// A chain that `assay chain export` wrote [default: one of payments is made]
    #[arg(conflicts_with_all = ["blocks", "transactions", "coins"])]
    file: Option<PathBuf>,
    /// Blocks in the chain that is made
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..=BLOCKS_MAX))]
    blocks: u64,
    /// Payments in each block, of one input and two outputs
    #[arg(long, value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u64).range(1..=TRANSACTIONS_MAX))]
    transactions: u64,
    /// Coins in the state beforehand; with several, the costs of a block are compared
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [10_000, 1_000_000],
          value_parser = clap::value_parser!(u64).range(1..=COINS_MAX))]
    coins: Vec<u64>,
    /// Where its temporary databases lie [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    temporary: Option<PathBuf>,
}

/// Runs it.
pub(super) fn run(args: &Import, json: bool) -> Result<Exit, CliError> {
    let directory = args.temporary.clone().unwrap_or_else(std::env::temp_dir);
    if let Some(file) = &args.file {
        std::fs::File::open(file).map_err(|error| {
            CliError::file("read", file, &error).help("give a file that `assay chain export` wrote")
        })?;
    }
    if cfg!(debug_assertions) {
        output::note("this is a debug build: its figures say little");
    }
    if let Some(file) = &args.file {
        return from_file(file, &directory, json);
    }
    // All of them are small, see above.
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let order = import::Order {
        blocks: count(args.blocks),
        transactions: count(args.transactions),
        coins: args.coins.iter().copied().map(count).collect(),
    };
    let report = import::run(&order, &directory, output::note)
        .map_err(|error| CliError::failed(error.to_string()))?;
    if json {
        output::json(&report)?;
        return Ok(Exit::Ok);
    }
    for run in &report.runs {
        let parts = &run.us_per_transaction;
        let mut table = Table::pairs();
        table.pair("coins beforehand", run.coins);
        table.pair("payments", format!("{} in {} blocks", run.transactions, run.blocks));
        table.pair("signatures alone", format!("{:.0} per second", run.verify_rate));
        table.pair("import", format!("{:.0} per second", run.import_rate));
        table.pair("ratio", format!("{:.2}", run.ratio));
        table.pair("a payment takes", format!("{:.1} µs", parts.whole));
        for (name, part) in [
            ("  signatures, beside", parts.verification),
            ("  the loop", parts.r#loop),
            ("    execution", parts.execution),
            ("      commitment", parts.commitment),
            ("    store, reading", parts.store_read),
            ("    store, writing", parts.store_write),
            ("    store, syncing", parts.store_sync),
            ("    rest", parts.rest),
        ] {
            table.pair(name, format!("{part:.1} µs"));
        }
        table.print()?;
        output::line("")?;
    }
    if report.runs.len() > 1 {
        output::line(format!(
            "a block costs {:.2} times as much with the last set of coins as with the first",
            report.cost_ratio
        ))?;
    }
    Ok(Exit::Ok)
}

/// Imports a chain out of a file.
fn from_file(file: &Path, temporary: &Path, json: bool) -> Result<Exit, CliError> {
    let (path, directory) = (file.to_owned(), temporary.to_owned());
    let (run, signal) = long::interruptible(move |going| {
        let bar = long::bar(0, "blocks");
        let tell = |summary: &ImportSummary| bar.set_position(summary.imported);
        let going = || going.load(Ordering::Relaxed);
        let run = archive::run(&path, &directory, output::now, going, tell);
        bar.finish_and_clear();
        run
    })?;
    let run = run.map_err(|error| match error {
        ArchiveFailed::File { path, error } => CliError::file("use", &path, &error),
        ArchiveFailed::Archive(error) => no_archive(file, &error),
        ArchiveFailed::Spec(error) => error.into(),
        ArchiveFailed::Directory(error) => error.into(),
        ArchiveFailed::Import(error) => import_failed(file, &error, "nothing of it was kept"),
    })?;
    match json {
        true => output::json(&run)?,
        false => table(&run).print()?,
    }
    Ok(signal.unwrap_or(Exit::Ok))
}

fn table(run: &ArchiveRun) -> Table {
    let mut table = Table::pairs();
    if run.partial {
        table.pair("PARTIAL", "a signal ended it before the last block");
    }
    table.pair("file", format!("{}, {} bytes", run.file.display(), count(run.bytes)));
    table.pair("chain", format!("{} ({})", output::plain(&run.chain), run.engine));
    table.pair(
        "imported",
        format!(
            "{} blocks, {} transactions, {} signatures in {:.2} s",
            count(run.blocks),
            count(run.transactions),
            count(run.signatures),
            run.seconds
        ),
    );
    table.pair(
        "speed",
        format!(
            "{:.0} blocks/s, {:.0} transactions/s, {:.1} MB/s",
            run.blocks_per_second,
            run.transactions_per_second,
            run.bytes_per_second / 1e6
        ),
    );
    if let (Some(alone), Some(ratio)) = (run.verify_rate, run.ratio) {
        table.pair("signatures alone", format!("{alone:.0} per second on {} cores", run.cores));
        table.pair("ratio", format!("{ratio:.2}"));
    }
    table.pair("final height", run.final_height);
    table
}
