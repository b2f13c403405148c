//! Chain specs as commands take them: a file, or the name of a shipped one; as it stands, or frozen.

use std::fs::File;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::output;
use crate::api::{Exit, files};
use crate::node::hashrate;
use crate::spec::{
    AUTO_EASIER, ENGINES, EngineError, FrozenSpec, NotShipped, SPEC_BYTES_MAX, Spec, SpecError,
    bits_for, diff, find, shipped,
};
use crate::types::target::Bits;

/// Differences that a message names at most.
const DIFFERENCES_MAX: usize = 5;

/// A spec that has been read.
#[derive(Debug, Clone)]
pub struct Given {
    /// How messages call it: the file, or the name of the shipped spec.
    pub name: String,
    /// What it says.
    pub spec: Spec,
}

/// Reads what a person calls a chain: the name of a shipped spec, or else a file. A file with the name of a shipped spec
/// is meant by a path with a slash.
///
/// # Errors
///
/// Exit code 3: no such file or name, or it is no valid spec.
pub fn read(given: &str) -> Result<Given, CliError> {
    let (name, text) = text(given)?;
    let spec = Spec::parse(&name, &text)?;
    Ok(Given { name, spec })
}

/// The name and the text of what a person calls a chain.
fn text(given: &str) -> Result<(String, String), CliError> {
    if let Some((name, text)) = shipped().iter().find(|(name, _)| *name == given) {
        return Ok(((*name).to_owned(), (*text).to_owned()));
    }
    let path = Path::new(given);
    let looks_like_a_path = given.contains('/') || given.ends_with(".toml");
    if looks_like_a_path || path.is_file() {
        return Ok((given.to_owned(), read_file(path)?));
    }
    match find(given) {
        Ok(text) => Ok((given.to_owned(), text.to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// The text of a spec's file.
///
/// # Errors
///
/// Exit code 3: it cannot be read, is too large, or is no text.
pub fn read_file(path: &Path) -> Result<String, CliError> {
    let refused = |reason: String| {
        CliError::new(
            Exit::Config,
            "bad_spec",
            format!("cannot read the chain spec {}: {reason}", path.display()),
        )
    };
    let mut text = String::new();
    let limit = SPEC_BYTES_MAX as u64; // a length fits 64 bits
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_string(&mut text));
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refused("there is no such file".into()).help(format!(
            "give the path of a spec, or the name of a shipped one: {}",
            shipped().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        )),
        _ => refused(error.to_string()),
    })?;
    if text.len() > SPEC_BYTES_MAX {
        return Err(refused(format!("it is larger than {SPEC_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// A spec as a node takes it: what it leaves open is decided now, for the miners that its `[devnet]` describes, on this
/// machine.
pub fn freeze(spec: Spec) -> FrozenSpec {
    let (block_time, miners) = (spec.consensus().block_time(), spec.devnet);
    spec.freeze(output::now(), || {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let cache = hashrate::cache_file(|name| std::env::var_os(name));
        let one = hashrate::hashes_per_second(cache.as_deref());
        let threads = miners.nodes.saturating_mul(miners.miner.threads);
        let all = hashrate::together(one, threads, miners.miner.throttle.as_f64(), cores);
        bits_for(all, block_time, AUTO_EASIER)
    })
}

/// Makes sure that a frozen spec in a directory comes from the spec that was given; `place` is the directory.
///
/// # Errors
///
/// Exit code 4: it is another chain, and by what they differ.
pub fn expect_same(given: &Given, frozen: &FrozenSpec, place: &Path) -> Result<(), CliError> {
    let Given { name, spec } = given;
    // A rule without targets has nothing to resolve.
    let auto = || frozen.consensus().pow().map_or(Bits(0), |pow| pow.initial_bits);
    let ours = spec.clone().freeze(frozen.genesis_time(), auto);
    if ours.genesis_id() == frozen.genesis_id() {
        return Ok(());
    }
    let mut message = format!(
        "{} holds the chain {} with genesis id {}, and {} is another one",
        place.display(),
        frozen.name,
        frozen.genesis_id(),
        output::plain(name),
    );
    // What was left open has been taken over from the directory, so these are the lines that were changed.
    let theirs = Spec::parse("frozen", &frozen.to_toml());
    let ours = Spec::parse("given", &ours.to_toml());
    if let (Ok(theirs), Ok(ours)) = (theirs, ours) {
        let differences: Vec<_> =
            diff(&theirs, &ours).into_iter().filter(|d| d.consensus).collect();
        let shown: Vec<String> =
            differences.iter().take(DIFFERENCES_MAX).map(ToString::to_string).collect();
        let more = differences.len().saturating_sub(DIFFERENCES_MAX);
        message.push_str(&format!(" ({}", shown.join("; ")));
        message.push_str(&if more > 0 { format!("; and {more} more)") } else { ")".into() });
    }
    Err(CliError::new(Exit::WrongChain, "wrong_chain", message)
        .help("choose another directory for the new chain, or go on with the old one by leaving the spec out"))
}

/// Where devnets and nodes live unless they are told another place.
pub fn home() -> Option<PathBuf> {
    files::home(|name| std::env::var_os(name))
}

impl From<SpecError> for CliError {
    fn from(error: SpecError) -> Self {
        let shown = error.render(output::coloured(&std::io::stderr()));
        let count = error.problems().len() + error.unreported();
        let problems = if count == 1 { "a problem".into() } else { format!("{count} problems") };
        let fixes = error.problems().first().map(|problem| problem.fix.clone());
        let form = error.form();
        let code = if form == "scenario" { "bad_scenario" } else { "bad_spec" };
        Self::new(Exit::Config, code, error.to_string())
            .maybe_help(fixes)
            .shown_as(format!("error: the {form} has {problems}\n\n{shown}"))
    }
}

impl From<NotShipped> for CliError {
    fn from(error: NotShipped) -> Self {
        Self::new(Exit::Config, "unknown_spec", error.to_string())
            .help("give the name of a shipped spec, or the path of a file; `assay spec new pow` writes one")
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        Self::usage(error.to_string()).help(format!("the rules are {}", ENGINES.join(", ")))
    }
}
