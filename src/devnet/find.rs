//! Finding devnets that nobody named.
//!
//! Devnets live side by side in one place, a directory each. One that was put elsewhere leaves a link there, so that it
//! is found as well; the link goes when the devnet does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::directory::Directory;
use super::error::DevnetError;
use crate::api::DevnetFile;

/// The most entries of the usual place that are looked at.
const ENTRIES_MAX: usize = 1000;

/// Names that are tried for the link of a devnet elsewhere.
const LINK_NAMES_MAX: usize = 100;

/// A devnet in the usual place, or one with a link there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name there.
    pub name: String,
    /// Where it really lies.
    pub directory: Directory,
    /// What it is.
    pub marker: DevnetFile,
    /// Whether any of its nodes has a process.
    pub running: bool,
}

/// All devnets in the usual place, in order of name. What is damaged or no devnet at all is left out: whoever names it is
/// told what is wrong.
pub fn all(devnets: &Path) -> Result<Vec<Found>, DevnetError> {
    let entries = match fs::read_dir(devnets) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DevnetError::io("read", devnets)(error)),
    };
    let mut found: Vec<Found> =
        entries.take(ENTRIES_MAX).filter_map(Result::ok).filter_map(|e| look(&e.path())).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn look(path: &Path) -> Option<Found> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let directory = Directory::at(&fs::canonicalize(path).ok()?).ok()?;
    let marker = directory.marker().ok().flatten()?;
    let running = !directory.running(&marker).ok()?.is_empty();
    Some(Found { name, directory, marker, running })
}

/// The devnet that is meant if none is named: the only one that runs, or else the only one there is.
///
/// # Errors
///
/// There is none, or there are several.
pub fn the_only(devnets: &Path) -> Result<Directory, DevnetError> {
    let all = all(devnets)?;
    let any_runs = all.iter().any(|one| one.running);
    let mut candidates: Vec<Found> =
        all.into_iter().filter(|one| one.running == any_runs).collect();
    match candidates.len() {
        0 => Err(DevnetError::NoneFound(devnets.to_owned())),
        1 => Ok(candidates.remove(0).directory),
        _ => Err(DevnetError::Several {
            running: any_runs,
            found: candidates
                .into_iter()
                .map(|one| (one.name, one.directory.path().to_owned()))
                .collect(),
        }),
    }
}

/// Leaves a link to a devnet in the usual place, unless it lies there itself. Returns the name by which it is found.
///
/// # Errors
///
/// The link cannot be made. The devnet works all the same; it only has to be named by its path.
pub fn register(devnets: &Path, directory: &Directory) -> io::Result<String> {
    fs::create_dir_all(devnets)?;
    let real = fs::canonicalize(directory.path())?;
    if let Some(name) = named(devnets, &real)? {
        return Ok(name);
    }
    let base = real.file_name().map_or_else(|| "devnet".into(), |name| name.to_string_lossy());
    for number in 1..=LINK_NAMES_MAX {
        let name = if number == 1 { base.to_string() } else { format!("{base}-{number}") };
        let link = devnets.join(&name);
        // A link whose devnet was removed by hand is in nobody's way.
        if link.is_symlink() && !link.exists() {
            fs::remove_file(&link)?;
        }
        match std::os::unix::fs::symlink(&real, &link) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{LINK_NAMES_MAX} devnets are called {base} already")))
}

/// Removes the links to a devnet that is about to be removed.
pub fn unregister(devnets: &Path, directory: &Directory) -> io::Result<()> {
    let real = fs::canonicalize(directory.path())?;
    let entries = match fs::read_dir(devnets) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries.take(ENTRIES_MAX).filter_map(Result::ok) {
        let path = entry.path();
        if path.is_symlink() && fs::canonicalize(&path).is_ok_and(|target| target == real) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The name under which a directory is found in the usual place.
fn named(devnets: &Path, real: &Path) -> io::Result<Option<String>> {
    let at = |path: &PathBuf| fs::canonicalize(path).is_ok_and(|target| target == real);
    let paths = fs::read_dir(devnets)?.take(ENTRIES_MAX).filter_map(Result::ok).map(|e| e.path());
    let found = paths.filter(at).min();
    Ok(found.and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned())))
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
