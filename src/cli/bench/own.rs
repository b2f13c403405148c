//! A devnet for one measurement, in a temporary directory, gone afterwards.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::nodes::{Nodes, heads};
use crate::api::{DevnetFile, Exit};
use crate::bench::load::Place;
use crate::cli::devnet::{Wishes, end_all, planned, reconnect};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::signals::Signals;
use crate::cli::specs::{self, Given};
use crate::devnet::{DevnetError, Directory, NodeProgram, Ports, Site, start};
use crate::spec::Spec;

/// The name of the devnet's directory in the temporary one.
const NAME: &str = "devnet";

/// A chain runs for so long before payments come, at least: nodes find each other, and leaders are found.
const WARM_UP: Duration = Duration::from_secs(3);

/// And so long at most.
const WARM_UP_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether it is in step, and how long a node may take to say so.
const LOOK: Duration = Duration::from_millis(200);
const CALL_WAIT: Duration = Duration::from_secs(10);

/// Where chance decides who makes a block, so many of them …
const BLOCKS: u64 = 12;

/// … have to have taken this share of the time that they should.
const PACE_MIN: f64 = 0.75;

/// The devnet.
#[derive(Debug)]
pub(super) struct Own {
    home: TempDir,
    pub(super) directory: Directory,
    pub(super) marker: DevnetFile,
}

/// A devnet, or the signal that came while it started.
#[derive(Debug)]
pub(super) enum Started {
    Up(Own),
    Stopped(Exit),
}

/// A chain in which each node has a part, if somebody said how many there are.
pub(super) fn seated(name: &str, nodes: Option<NonZeroUsize>) -> Result<Given, CliError> {
    let given = specs::read(name)?;
    let Some(nodes) = nodes else { return Ok(given) };
    let spec = given.spec.for_nodes(nodes.get()).map_err(|error| {
        CliError::usage(error.to_string()).help("name other --nodes, or another chain")
    })?;
    Ok(Given { spec, ..given })
}

impl Own {
    /// Starts the nodes of a chain ([`seated`]) below a directory, and waits until they answer.
    pub(super) async fn start(
        given: &Given,
        nodes: Option<NonZeroUsize>,
        temporary: &Path,
        signals: &mut Signals,
    ) -> Result<Started, CliError> {
        let home = tempfile::Builder::new()
            .prefix("assay-bench-")
            .tempdir_in(temporary)
            .map_err(|error| CliError::file("make a directory in", temporary, &error))?;
        let home_path = home
            .path()
            .canonicalize()
            .map_err(|error| CliError::file("find", home.path(), &error))?;
        let mut site = Site::claim(Directory::at(&home_path.join(NAME))?, false)?;
        let plan = planned(given, Wishes { nodes, ..Wishes::default() }, &site)?;
        let marker = site.settle(&plan, output::now())?;
        let directory = site.directory().clone();
        reconnect(&directory, &site, given)?;
        let all = directory.nodes(&marker);
        let program = NodeProgram::own()?;
        let launches = site.launches(&plan)?;
        let own = Self { home, directory, marker };
        let crew = tokio::select! {
            crew = start(&program, &own.directory, &all, &launches, &Ports) => crew.map_err(gone)?,
            exit = signals.next() => {
                own.end(signals).await?;
                return Ok(Started::Stopped(exit));
            }
        };
        for warning in &crew.warnings {
            output::note(format!("warning: {warning}"));
        }
        Ok(Started::Up(own))
    }

    /// Its nodes.
    pub(super) fn places(&self) -> Result<Vec<Place>, CliError> {
        let mut places = Vec::new();
        for node in self.directory.nodes(&self.marker) {
            if let Some(file) = node.addresses()? {
                places.push(Place { name: node.name, url: file.rpc });
            }
        }
        Ok(places)
    }

    /// The same once it is in step: all nodes have one head and, where chance decides who makes a block, blocks come no more often than
    /// they should, since the first target of work is too easy on purpose. After a minute it says what it sees and goes on.
    pub(super) async fn start_in_step(
        given: &Given,
        nodes: Option<NonZeroUsize>,
        temporary: &Path,
        signals: &mut Signals,
    ) -> Result<Started, CliError> {
        let own = match Self::start(given, nodes, temporary, signals).await? {
            Started::Up(own) => own,
            stopped @ Started::Stopped(_) => return Ok(stopped),
        };
        let ready = tokio::select! {
            exit = signals.next() => Ok(Some(exit)),
            ready = own.in_step(&given.spec) => ready.map(|()| None),
        };
        match ready {
            Ok(None) => Ok(Started::Up(own)),
            Ok(Some(exit)) => {
                own.end(signals).await?;
                Ok(Started::Stopped(exit))
            }
            Err(error) => {
                own.end(signals).await?;
                Err(error)
            }
        }
    }

    async fn in_step(&self, spec: &Spec) -> Result<(), CliError> {
        let nodes = Nodes::of(self, CALL_WAIT)?;
        let block_time = spec.consensus().block_time().0 as f64 / 1e3; // far below 2^53
        let chance = spec.consensus().finality_depth().is_some();
        let begun = Instant::now();
        tokio::time::sleep(WARM_UP).await;
        loop {
            let infos = nodes.stand(&nodes.all()).await;
            let every = match infos.first().filter(|_| chance) {
                Some(info) => nodes.interval(0, info.height, BLOCKS).await.unwrap_or(None),
                None => None,
            };
            let paced = !chance || every.is_some_and(|every| every >= PACE_MIN * block_time);
            if paced && nodes.agree(&infos) {
                return Ok(());
            }
            if begun.elapsed() >= WARM_UP_MAX {
                let every = every.map(|every| format!(", a block every {every:.2} s"));
                output::note(format!(
                    "warning: {} is not in step after {} s: {} of {} nodes answer, with {} heads{}",
                    spec.name,
                    WARM_UP_MAX.as_secs(),
                    infos.len(),
                    nodes.all().len(),
                    heads(&infos),
                    every.unwrap_or_default()
                ));
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A directory on the same disk.
    pub(super) fn disk(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    /// Stops the nodes and removes all that they left.
    pub(super) async fn end(self, signals: &mut Signals) -> Result<(), CliError> {
        let ended = end_all(&self.directory.nodes(&self.marker), signals).await;
        let path = self.home.path().to_owned();
        self.home.close().map_err(|error| CliError::file("remove", &path, &error))?;
        ended.map(|_| ())
    }
}

/// Why nodes did not start, for somebody who cannot look into their logs: these go with the directory.
fn gone(error: DevnetError) -> CliError {
    match &error {
        DevnetError::StartFailed { log, .. } => {
            let advice = (!log.is_empty()).then(|| log.join("\n"));
            CliError::new(error.exit(), error.code(), error.to_string()).maybe_help(advice)
        }
        _ => error.into(),
    }
}
