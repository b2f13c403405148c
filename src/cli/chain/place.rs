//! The data directory that a command works on without a node.

use std::path::{Path, PathBuf};

use crate::cli::error::CliError;
use crate::cli::{Globals, locate, specs};

/// Which data directory.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Datadir {
    /// The data directory of a node that does not run [default: the one that --dir DEVNET:NODE means]
    #[arg(short, long, visible_alias = "base-path", value_name = "DIR")]
    pub datadir: Option<PathBuf>,
}

impl Datadir {
    /// The directory that is meant, by `--datadir` or by `--dir`; nothing if neither was given.
    pub(in crate::cli) fn given(&self, globals: &Globals) -> Result<Option<PathBuf>, CliError> {
        match (&self.datadir, &globals.dir) {
            (Some(_), Some(dir)) => Err(CliError::usage(format!(
                "both --datadir and `--dir {dir}` say which data directory is meant"
            ))
            .help("leave one of them out")),
            (Some(datadir), None) => absolute(datadir).map(Some),
            (None, Some(dir)) => {
                let place = locate::place(dir, specs::home().as_deref())?;
                absolute(&locate::data_directory(&place)?).map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    /// The directory that is meant.
    pub(in crate::cli) fn expect(
        &self,
        command: &str,
        globals: &Globals,
    ) -> Result<PathBuf, CliError> {
        if globals.rpc.is_some() {
            return Err(CliError::usage(format!(
                "`--rpc` has no meaning for `{command}`: it works on a data directory, without a node"
            ))
            .help("say which directory with --datadir DIR"));
        }
        self.given(globals)?.ok_or_else(|| {
            CliError::usage(format!("it is not said on which data directory `{command}` works"))
                .help("name one with --datadir DIR, or the node of a devnet with --dir pow-dev:2")
        })
    }
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path).map_err(|error| CliError::file("find", path, &error))
}
