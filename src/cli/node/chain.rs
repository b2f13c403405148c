//! Which chain a node runs, and in which directory.
//!
//! A data directory holds the frozen spec of its chain from the first start on, and from then on says by itself what
//! chain it is. A spec that is named at a later start has to be the same one. A spec that leaves its launch open makes a
//! new chain, which is what the first node of a chain wants; a node that is told of peers wants theirs, and gets it from
//! a frozen spec only.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::api::Exit;
use crate::api::files::{self, CHAIN_FILE_NAME};
use crate::cli::error::CliError;
use crate::cli::specs::{self, Given};
use crate::spec::FrozenSpec;

/// What was said about chain and directory.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    /// A file, or the name of a shipped spec.
    pub(super) chain: Option<&'a str>,
    /// The data directory.
    pub(super) datadir: Option<PathBuf>,
    /// Whether peers were named, whose chain is to be joined.
    pub(super) with_peers: bool,
}

/// The directory of a chain.
#[derive(Debug)]
pub(super) struct Settled<T> {
    /// The data directory, which holds the frozen spec; an absolute path.
    pub(super) datadir: PathBuf,
    /// Whether the chain was made just now.
    pub(super) frozen_now: bool,
    /// What the caller's check gave.
    pub(super) checked: T,
}

/// Settles chain and directory. `check` sees the spec before anything is written, and may refuse.
///
/// # Errors
///
/// Exit code 2 where too little was said, 3 for a bad spec, 4 where the directory holds another chain, 5 where it cannot
/// be written.
pub(super) fn settle<T>(
    request: Request<'_>,
    home: Option<&Path>,
    check: impl FnOnce(&FrozenSpec) -> Result<T, CliError>,
) -> Result<Settled<T>, CliError> {
    let given = request.chain.map(specs::read).transpose()?;
    let datadir = match (request.datadir, &given) {
        (Some(datadir), _) => datadir,
        (None, Some(given)) => usual_place(given, home)?,
        (None, None) => {
            return Err(CliError::usage("it is not said which chain to run: there is neither --chain nor --datadir")
                .help("name a chain, such as --chain pow-dev, or the data directory of a node that ran before"));
        }
    };
    let datadir =
        std::path::absolute(&datadir).map_err(|error| CliError::file("find", &datadir, &error))?;
    let file = datadir.join(CHAIN_FILE_NAME);
    if let Some(spec) = present(&file)? {
        if let Some(given) = &given {
            specs::expect_same(given, &spec, &datadir)?;
        }
        return Ok(Settled { checked: check(&spec)?, datadir, frozen_now: false });
    }
    let Some(Given { name, spec }) = given else {
        let message = format!(
            "{} holds no chain yet, and it is not said which one to run",
            datadir.display()
        );
        return Err(CliError::usage(message).help("name a chain, such as --chain pow-dev"));
    };
    let frozen_now = !spec.is_resolved();
    if frozen_now && request.with_peers {
        let message = format!(
            "the spec {} leaves open when its chain starts: a node that froze it now would be on a chain of its own, \
             not on that of its peers",
            crate::cli::output::plain(&name)
        );
        return Err(CliError::new(Exit::Config, "not_frozen", message)
            .help(format!("give --chain the frozen spec of the chain, {CHAIN_FILE_NAME} in the data directory of a peer")));
    }
    let spec = specs::freeze(spec);
    let checked = check(&spec)?;
    if put(&file, &spec.to_toml())? {
        return Ok(Settled { datadir, frozen_now, checked });
    }
    // Another process was faster: the directory has its chain.
    let theirs = present(&file)?.ok_or_else(|| {
        CliError::failed(format!("{} comes and goes: another process removes it", file.display()))
    })?;
    let given = Given { name, spec: reread(&spec)? };
    specs::expect_same(&given, &theirs, &datadir)?;
    Ok(Settled { datadir, frozen_now: false, checked })
}

/// A frozen spec as a spec.
fn reread(spec: &FrozenSpec) -> Result<crate::spec::Spec, CliError> {
    Ok(crate::spec::Spec::parse(CHAIN_FILE_NAME, &spec.to_toml())?)
}

/// The data directory of a node that was told none.
fn usual_place(given: &Given, home: Option<&Path>) -> Result<PathBuf, CliError> {
    match home {
        Some(home) => Ok(files::nodes(home).join(&given.spec.name)),
        None => Err(CliError::usage(
            "there is no usual place for data: neither ASSAY_HOME nor XDG_DATA_HOME nor HOME is set",
        )
        .help("set one of them, or name a data directory with --datadir")),
    }
}

/// The frozen spec in a data directory, if there is one.
pub(in crate::cli) fn present(file: &Path) -> Result<Option<FrozenSpec>, CliError> {
    match fs::symlink_metadata(file) {
        Ok(_) => {
            let text = specs::read_file(file)?;
            Ok(Some(FrozenSpec::parse(&file.display().to_string(), &text)?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(file, &error)),
    }
}

/// Writes the frozen spec as a whole, unless there is one; says whether it did.
pub(in crate::cli) fn put(file: &Path, text: &str) -> Result<bool, CliError> {
    let directory = file.parent().unwrap_or(Path::new("."));
    let temporary = directory.join(format!("{CHAIN_FILE_NAME}.{}.tmp", std::process::id()));
    let write = || -> io::Result<bool> {
        fs::create_dir_all(directory)?;
        let mut draft = File::create(&temporary)?;
        draft.write_all(text.as_bytes())?;
        draft.sync_all()?;
        // A link, unlike a renamed file, never replaces what another process has put there.
        match fs::hard_link(&temporary, file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            // Some file systems have no links.
            Err(_) if file.exists() => Ok(false),
            Err(_) => fs::rename(&temporary, file).map(|()| true),
        }
    };
    let written = write();
    // Gone already if it was renamed, or never made.
    let _ = fs::remove_file(&temporary);
    written.map_err(|error| unusable(directory, &error))
}

fn unusable(path: &Path, error: &io::Error) -> CliError {
    let message = format!("the data directory cannot be used: {}: {error}", path.display());
    CliError::new(Exit::Database, "datadir_unusable", message)
        .help("choose another one with --datadir, or see that it may be written and has room")
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
