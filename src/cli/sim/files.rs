//! Scenarios as people name them, and the files that runs leave.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::runs::Subject;
use crate::api::Exit;
use crate::cli::error::CliError;
use crate::cli::specs;
use crate::sim::picture::{tree, waterfall};
use crate::sim::scenario::{
    NotShipped, Outcome, SCENARIO_BYTES_MAX, Scenario, find, parse_seeds, shipped,
};
use crate::sim::swarm::SWARMS;
use crate::spec;

/// What a person calls a scenario.
pub(super) fn subject(given: &str) -> Result<Subject, CliError> {
    if let Some((_, engine)) = SWARMS.iter().find(|(name, _)| *name == given) {
        return Ok(Subject::Swarm(engine));
    }
    if let Some(found) = shipped().iter().find(|shipped| shipped.name == given) {
        return Ok(Subject::Scenario(Box::new(found.scenario())));
    }
    let path = Path::new(given);
    if !given.contains('/') && !given.ends_with(".toml") && !path.is_file() {
        return match find(given) {
            Ok(found) => Ok(Subject::Scenario(Box::new(found.scenario()))),
            Err(error) => Err(error.into()),
        };
    }
    let text = read(path, SCENARIO_BYTES_MAX)?;
    let beside = path.parent().unwrap_or(Path::new("")).to_owned();
    let chain = |name: &str| match name.contains('/') || name.ends_with(".toml") {
        true => specs::read_file(&beside.join(name)).map_err(|error| error.message().to_owned()),
        false => spec::find(name).map(str::to_owned).map_err(|error| error.to_string()),
    };
    Ok(Subject::Scenario(Box::new(Scenario::parse(given, &text, &chain)?)))
}

/// The text of a file.
pub(super) fn read(path: &Path, bytes_max: usize) -> Result<String, CliError> {
    let refused = |reason: String| {
        let message = format!("cannot read {}: {reason}", path.display());
        CliError::new(Exit::Config, "bad_file", message)
    };
    let mut text = String::new();
    let limit = bytes_max as u64 + 1; // a length fits 64 bits
    let read = File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text));
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refused("there is no such file".into()).help(
            "give the path of a file, or the name of a shipped scenario: see `assay sim list`",
        ),
        _ => refused(error.to_string()),
    })?;
    if text.len() > bytes_max {
        return Err(refused(format!("it is larger than {bytes_max} bytes")));
    }
    Ok(text)
}

/// Draws a run; gives the files.
pub(super) fn draw(
    directory: &Path,
    scenario: &Scenario,
    outcome: &Outcome,
) -> Result<Vec<PathBuf>, CliError> {
    fs::create_dir_all(directory).map_err(|error| CliError::file("make", directory, &error))?;
    let title = format!("{}, seed {}", scenario.name, outcome.seed);
    let (record, head) = (&outcome.record, &outcome.head);
    let mut files = Vec::new();
    for (kind, svg) in
        [("tree", tree(&title, record, head)), ("waterfall", waterfall(&title, record, head))]
    {
        let file = directory.join(format!("{}-{}-{kind}.svg", scenario.name, outcome.seed));
        fs::write(&file, svg).map_err(|error| CliError::file("write", &file, &error))?;
        files.push(file);
    }
    Ok(files)
}

/// A range of seeds on the command line.
pub(super) fn seeds(text: &str) -> Result<(u64, u64), String> {
    parse_seeds(text)
}

impl From<NotShipped> for CliError {
    fn from(error: NotShipped) -> Self {
        Self::new(Exit::Config, "unknown_scenario", error.to_string()).help(
            "`assay sim list` shows the shipped ones; docs/scenarios.md says how to write another",
        )
    }
}
