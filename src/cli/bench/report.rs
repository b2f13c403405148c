//! `assay bench report`: reports that were saved, merged into one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::compare::{print, write};
use crate::api::{BenchChange, BenchCompare, BenchReport, Exit};
use crate::bench::compare::figures::{figure, shown};
use crate::bench::compare::html;
use crate::bench::compare::merge::{Named, merge};
use crate::bench::compare::trend::changes;
use crate::cli::error::CliError;
use crate::cli::output::{self, Table, count, plain};
use crate::cli::{Globals, long};

/// The most files that are read, and the most bytes of one.
const FILES_MAX: usize = 1000;
const BYTES_MAX: u64 = 64 << 20;

/// What `assay bench report` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Report {
    /// The directory with what `assay bench compare --json` printed, a file for each: names end in .json
    directory: PathBuf,
    /// Write the report as one page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Runs `assay bench report`.
pub(super) fn report(args: &Report, globals: &Globals) -> Result<Exit, CliError> {
    globals.expect_no_node("assay bench report")?;
    let (reports, left_out) = read(&args.directory)?;
    if reports.is_empty() {
        let mut message = format!("{} holds no report of a comparison", args.directory.display());
        if let Some((file, why)) = left_out.first_key_value() {
            message += &format!(": {} files are something else, {file}: {why}", left_out.len());
        }
        return Err(CliError::new(Exit::Failed, "no_reports", message)
            .help("save some there: `assay bench compare --json > DIR/today.json`"));
    }
    let files: Vec<String> = reports.iter().map(|named| named.file.clone()).collect();
    let builds = merge(reports).map_err(|error| {
        CliError::new(Exit::Failed, "mixed_reports", error.to_string())
            .help("keep reports of one load, machine and set of specs in a directory of their own")
    })?;
    let report = BenchReport { changes: changes(&builds), files, left_out, builds };
    match globals.json {
        true => output::json(&report)?,
        false => table(&report)?,
    }
    if let Some(file) = &args.html {
        write(file, &html::page(&report.builds))?;
    }
    Ok(Exit::Ok)
}

/// The comparisons below a directory, by the names of their files, and what else is there.
fn read(directory: &Path) -> Result<(Vec<Named>, BTreeMap<String, String>), CliError> {
    let failed = |error| {
        CliError::file("read", directory, &error)
            .help("name a directory with what `assay bench compare --json` printed")
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|it| it == "json") {
            files.push(path);
        }
    }
    files.sort();
    if files.len() > FILES_MAX {
        return Err(CliError::usage(format!(
            "{} holds {} reports, more than {FILES_MAX}",
            directory.display(),
            count(files.len() as u64) // a length fits
        ))
        .help("move some of them into directories of their own"));
    }
    let bar = long::bar(files.len() as u64, "files");
    let (mut reports, mut left_out) = (Vec::new(), BTreeMap::new());
    for path in files {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        bar.inc(1);
        match one(&path)? {
            Ok(report) => reports.push(Named { file, report }),
            Err(why) => {
                left_out.insert(file, why);
            }
        }
    }
    bar.finish_and_clear();
    Ok((reports, left_out))
}

/// A report, or why a file is none.
fn one(path: &Path) -> Result<Result<BenchCompare, String>, CliError> {
    let failed = |error| CliError::file("read", path, &error);
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > BYTES_MAX {
        return Ok(Err(format!("it has {} bytes, more than {}", count(bytes), count(BYTES_MAX))));
    }
    let text = std::fs::read(path).map_err(failed)?;
    Ok(serde_json::from_slice(&text).map_err(|error| match text.is_empty() {
        true => "it is empty".to_owned(),
        false => error.to_string(),
    }))
}

fn table(report: &BenchReport) -> Result<(), CliError> {
    let Some(last) = report.builds.last() else { return Ok(()) };
    let mut builds = Table::new(&["build", "taken", "rules", "runs"]).right(&[2, 3]);
    for build in &report.builds {
        let runs: usize = build.rules.iter().map(|rule| rule.runs.len()).sum();
        let partial = if build.partial { ", PARTIAL" } else { "" };
        builds.row([
            name(build),
            build.taken.map_or("simulated".into(), output::moment),
            build.rules.len().to_string(),
            format!("{runs}{partial}"),
        ]);
    }
    builds.print()?;
    for (file, why) in &report.left_out {
        output::note(format!("{} is left out: {}", plain(file), plain(why)));
    }
    output::line("")?;
    print(last)?;
    if report.builds.len() < 2 {
        return Ok(());
    }
    let apart: Vec<&BenchChange> = report.changes.iter().filter(|change| change.apart).collect();
    output::line("")?;
    if apart.is_empty() {
        return output::line(
            "No figure of the last build lies outside the interval of the first one's.",
        );
    }
    let title = format!("Since {}", report.builds.first().map(name).unwrap_or_default());
    let mut table = Table::new(&[&title, "was", "is", "times"]).right(&[3]);
    for change in apart {
        let Some(figure) = figure(&change.figure) else { continue };
        table.row([
            format!("{} {}", change.engine, figure.title),
            shown(change.from.value, figure.unit),
            shown(change.to.value, figure.unit),
            change.ratio.map_or("–".into(), |ratio| format!("{ratio:.2}")),
        ]);
    }
    table.print()
}

/// How a build is called.
fn name(build: &BenchCompare) -> String {
    match &build.commit {
        Some(commit) => plain(&format!("{} {commit}", build.version)),
        None => plain(&build.version),
    }
}
