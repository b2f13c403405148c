//! `assay sim run cap`: what each rule gives up when the network parts.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::report;
use crate::api::Exit;
use crate::cli::error::CliError;
use crate::cli::long;
use crate::cli::output::Table;
use crate::sim::cap::{COLUMNS, Case, Run, Sums, cases};

/// The seeds of the table in docs/cap.md.
pub(super) const SEEDS: (u64, u64) = (1, 20);

/// Seeds at most: all runs are kept until the table is made.
const SEEDS_MAX: u64 = 10_000;

/// A line of `--json`.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    case: Case,
    seeds: (u64, u64),
    runs: &'a [Run],
}

/// Runs all seeds from the first to the last under every rule, on all cores, and prints a row for each.
pub(super) fn run((first, last): (u64, u64), json: bool) -> Result<Exit, CliError> {
    if last.saturating_sub(first) >= SEEDS_MAX {
        let message = format!("`cap` keeps its runs, and {first}..{last} are too many seeds");
        return Err(CliError::usage(message).help(format!("give {SEEDS_MAX} at most")));
    }
    let cases = cases();
    let work = move |going: &AtomicBool| {
        let bar = long::bar(cases.len() as u64, "rules");
        let mut rows = Vec::new();
        for case in cases {
            let seeds = (first..=last).into_par_iter();
            let run = |seed| going.load(Ordering::Relaxed).then(|| case.run(seed));
            // A row that was interrupted is none.
            let Some(runs) = seeds.map(run).collect::<Option<Vec<Run>>>() else { break };
            let mut sums = Sums::default();
            runs.iter().for_each(|run| sums.add(run));
            rows.push((case, sums));
            bar.inc(1);
        }
        bar.finish_and_clear();
        rows
    };
    let (rows, signal) = long::interruptible(work)?;
    let mut table = Table::new(&COLUMNS);
    for (case, sums) in &rows {
        match json {
            true => {
                report::line(&Row { case: *case, seeds: (first, last), runs: sums.runs() })?;
            }
            false => table.row(sums.cells(case)),
        }
    }
    if !json {
        table.print()?;
    }
    Ok(signal.unwrap_or(Exit::Ok))
}
