//! `assay bench report`: reports that were saved, merged into one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::compare::{print, write};
use crate::api::{BenchChange, BenchCompare, BenchMax, BenchReport, Exit};
use crate::bench::compare::figures::{Unit, digits, figure, shown};
use crate::bench::compare::html;
use crate::bench::compare::merge::{Mixed, Named, line_up, merge};
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
    /// The directory with what `assay bench compare --json` and `assay bench max --json` printed, a file for each: names end in
    /// .json
    directory: PathBuf,
    /// Write the report as one page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Runs `assay bench report`.
pub(super) fn report(args: &Report, globals: &Globals) -> Result<Exit, CliError> {
    globals.expect_no_node("assay bench report")?;
    let Saved { reports, found, left_out } = read(&args.directory)?;
    if reports.is_empty() && found.is_empty() {
        let mut message = format!("{} holds no report", args.directory.display());
        if let Some((file, why)) = left_out.first_key_value() {
            message += &format!(": {} files are something else, {file}: {why}", left_out.len());
        }
        return Err(CliError::new(Exit::Failed, "no_reports", message)
            .help("save some there: `assay bench compare --json > DIR/today.json`"));
    }
    let names = reports.iter().map(|named| &named.file);
    let mut files: Vec<String> =
        names.chain(found.iter().map(|named| &named.file)).cloned().collect();
    files.sort();
    let mixed = |error: Mixed| {
        CliError::new(Exit::Failed, "mixed_reports", error.to_string())
            .help("keep reports of one load, machine and set of specs in a directory of their own")
    };
    let builds = merge(reports).map_err(mixed)?;
    let rates = line_up(found).map_err(mixed)?;
    let report = BenchReport { changes: changes(&builds), files, left_out, builds, rates };
    match globals.json {
        true => output::json(&report)?,
        false => table(&report)?,
    }
    if let Some(file) = &args.html {
        write(file, &html::page(&report.builds, &report.rates))?;
    }
    Ok(Exit::Ok)
}

/// What a directory holds.
#[derive(Debug, Default)]
struct Saved {
    reports: Vec<Named>,
    found: Vec<Named<BenchMax>>,
    /// What is something else, and why.
    left_out: BTreeMap<String, String>,
}

/// What a directory holds, by the names of the files.
fn read(directory: &Path) -> Result<Saved, CliError> {
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
    let mut saved = Saved::default();
    for path in files {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        bar.inc(1);
        match one(&path)? {
            Ok(Kind::Compared(report)) => saved.reports.push(Named { file, report }),
            Ok(Kind::Found(report)) => saved.found.push(Named { file, report }),
            Err(why) => {
                saved.left_out.insert(file, why);
            }
        }
    }
    bar.finish_and_clear();
    Ok(saved)
}

/// What a file holds.
enum Kind {
    Compared(BenchCompare),
    Found(BenchMax),
}

/// What tells a search for the highest rate from a comparison.
#[derive(serde::Deserialize)]
struct Probes {
    probes: Option<serde::de::IgnoredAny>,
}

/// A report, or why a file is none.
fn one(path: &Path) -> Result<Result<Kind, String>, CliError> {
    let failed = |error| CliError::file("read", path, &error);
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > BYTES_MAX {
        return Ok(Err(format!("it has {} bytes, more than {}", count(bytes), count(BYTES_MAX))));
    }
    let text = std::fs::read(path).map_err(failed)?;
    let search = serde_json::from_slice::<Probes>(&text).is_ok_and(|it| it.probes.is_some());
    let kind = match search {
        true => serde_json::from_slice(&text).map(Kind::Found),
        false => serde_json::from_slice(&text).map(Kind::Compared),
    };
    Ok(kind.map_err(|error| match text.is_empty() {
        true => "it is empty".to_owned(),
        false => error.to_string(),
    }))
}

fn table(report: &BenchReport) -> Result<(), CliError> {
    for (file, why) in &report.left_out {
        output::note(format!("{} is left out: {}", plain(file), plain(why)));
    }
    if !report.builds.is_empty() {
        compared(report)?;
    }
    if !report.builds.is_empty() && !report.rates.is_empty() {
        output::line("")?;
    }
    if report.rates.is_empty() { Ok(()) } else { rates(&report.rates) }
}

/// The highest rates.
fn rates(rates: &[BenchMax]) -> Result<(), CliError> {
    let mut table = Table::new(&[
        "highest rate of",
        "build",
        "taken",
        "payments per second",
        "did not hold",
        "p99 within",
    ])
    .right(&[3, 4, 5]);
    for max in rates {
        let rate = |rate: Option<f64>| rate.map_or("–".into(), digits);
        let partial = if max.partial { ", PARTIAL" } else { "" };
        table.row([
            format!("{} ({}, {} nodes)", plain(&max.spec), plain(&max.engine), max.nodes),
            name(&max.version, max.commit.as_deref()),
            output::moment(max.taken),
            format!("{}{partial}", rate(max.rate)),
            rate(max.above),
            max.bound_ms.map_or("–".into(), |ms| shown(ms, Unit::Ms)),
        ]);
    }
    table.print()
}

/// The comparisons.
fn compared(report: &BenchReport) -> Result<(), CliError> {
    let Some(last) = report.builds.last() else { return Ok(()) };
    let mut builds = Table::new(&["build", "taken", "rules", "runs"]).right(&[2, 3]);
    for build in &report.builds {
        let runs: usize = build.rules.iter().map(|rule| rule.runs.len()).sum();
        let partial = if build.partial { ", PARTIAL" } else { "" };
        builds.row([
            name(&build.version, build.commit.as_deref()),
            build.taken.map_or("simulated".into(), output::moment),
            build.rules.len().to_string(),
            format!("{runs}{partial}"),
        ]);
    }
    builds.print()?;
    output::line("")?;
    print(last)?;
    if report.builds.len() < 2 {
        return Ok(());
    }
    let apart: Vec<&BenchChange> = report.changes.iter().filter(|change| change.apart).collect();
    output::line("")?;
    if apart.is_empty() {
        return output::line(
            "No figure of the first build and the last lie outside each other's intervals.",
        );
    }
    let first = report.builds.first().map(|it| name(&it.version, it.commit.as_deref()));
    let title = format!("Since {}", first.unwrap_or_default());
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
fn name(version: &str, commit: Option<&str>) -> String {
    match commit {
        Some(commit) => plain(&format!("{version} {commit}")),
        None => plain(version),
    }
}
