//! A devnet for one measurement, in a temporary directory, gone afterwards.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::api::{DevnetFile, Exit};
use crate::bench::load::Place;
use crate::cli::devnet::{Wishes, end_all, planned, reconnect};
use crate::cli::error::CliError;
use crate::cli::signals::Signals;
use crate::cli::{output, specs};
use crate::devnet::{Directory, NodeProgram, Ports, Site, start};

/// The name of the devnet's directory in the temporary one.
const NAME: &str = "devnet";

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

impl Own {
    /// Starts the nodes of a chain below a directory, and waits until they answer.
    pub(super) async fn start(
        spec: &str,
        nodes: Option<NonZeroUsize>,
        temporary: &Path,
        signals: &mut Signals,
    ) -> Result<Started, CliError> {
        let given = specs::read(spec)?;
        let home = tempfile::Builder::new()
            .prefix("assay-bench-")
            .tempdir_in(temporary)
            .map_err(|error| CliError::file("make a directory in", temporary, &error))?;
        let home_path = home
            .path()
            .canonicalize()
            .map_err(|error| CliError::file("find", home.path(), &error))?;
        let mut site = Site::claim(Directory::at(&home_path.join(NAME))?, false)?;
        let plan = planned(&given, Wishes { nodes, ..Wishes::default() }, &site)?;
        let marker = site.settle(&plan, output::now())?;
        let directory = site.directory().clone();
        reconnect(&directory, &site, &given)?;
        let all = directory.nodes(&marker);
        let program = NodeProgram::own()?;
        let launches = site.launches(&plan)?;
        let own = Self { home, directory, marker };
        let crew = tokio::select! {
            crew = start(&program, &own.directory, &all, &launches, &Ports) => crew?,
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
