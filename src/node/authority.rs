//! The key of the authority that a node acts for.
//!
//! The file is one line of 64 hexadecimal digits, mode 0600, as `assay wallet export --key-file` writes it. Whoever signs
//! with a key must remember what was signed: an authority that forgets its vote may vote twice, and that breaks what the
//! others rely on. What is remembered lies in the node's store, so a key belongs to *one* data directory.
//!
//! - While a process uses the key, the file is locked.
//! - Beside the key lies `KEYFILE.guard`: it names the data directory, and a number that the store there holds as well.
//!   With another store, or one that was thrown away and begun anew, the node does not start, since the records are
//!   elsewhere or lost. A data directory may be moved, and `--resync` keeps number and records.
//! - `--authority-moved` binds the key anew: for whoever knows that what was signed before is over, such as when the
//!   key signed for another chain.
//!
//! What this cannot see: a copy of the key on another machine. The node says when it meets one among its peers.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::secret;
use super::store::RocksStore;
use crate::store::{Batch, Store, StoreError, Table};
use crate::types::{GenesisId, Keypair};

/// A guard is a few lines; more was written by somebody else.
const GUARD_LENGTH: u64 = 64 << 10;

/// The number that binds a store to a key, in the table of single values, followed by the key's address.
pub(super) const BOND: &[u8] = b"signer/";

/// A key that this process alone uses. The lock ends with the process, however it ends.
#[derive(Debug)]
pub(super) struct AuthorityKey {
    path: PathBuf,
    keypair: Keypair,
    /// Held, never read.
    _lock: File,
}

/// Why a key is not used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The rule has no authorities.
    #[error("--authority: under the rule {0} nobody is an authority")]
    NoAuthorities(&'static str),
    /// The file cannot be used.
    #[error("the authority key {file} cannot be used: {reason}")]
    File {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
    },
    /// The key is one of those that everybody knows.
    #[error("the authority key {file} is the one of a development account: everybody knows it")]
    Public {
        /// The file.
        file: String,
    },
    /// Another process uses it.
    #[error("the authority key {file} is in use by another process{place}")]
    Held {
        /// The file.
        file: String,
        /// Where that process keeps its data, as far as the guard says.
        place: String,
    },
    /// What it signed is remembered elsewhere.
    #[error(
        "the authority key {file} signed in {theirs}, and what it signed is not remembered in {ours}"
    )]
    Elsewhere {
        /// The file.
        file: String,
        /// The data directory that the guard names.
        theirs: String,
        /// The one of this node.
        ours: String,
    },
    /// The guard cannot be read or written.
    #[error("the guard {file} cannot be used: {reason}")]
    Guard {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthorityError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoAuthorities(_) => {
                "leave --authority out; --mine makes blocks where anybody may"
            }
            Self::File { .. } => {
                "name a file (0600) with the 64 hexadecimal digits of a secret, as `assay wallet export --key-file` writes it"
            }
            Self::Public { .. } => "make a key of your own: `assay wallet new`",
            Self::Held { .. } => "stop that process first: two that sign with one key vote twice",
            Self::Elsewhere { .. } => {
                "run it with that data directory, which may have been moved; if its records are lost, or were about \
                 another chain, and nothing that it signed matters any more, say --authority-moved"
            }
            Self::Guard { .. } => {
                "it lies beside the key, which has to be in a directory that you may write to"
            }
            Self::Store(_) => "check the free space and the permissions of the data directory",
        }
    }
}

/// What lies beside a key.
#[derive(Debug, Serialize, Deserialize)]
struct Guard {
    /// The data directory where it signed last.
    datadir: PathBuf,
    /// The chain.
    genesis: GenesisId,
    /// The number that the store there holds.
    bond: String,
}

impl AuthorityKey {
    /// Reads a key and locks it.
    pub(super) fn take(path: &Path) -> Result<Self, AuthorityError> {
        let shown = || path.display().to_string();
        let refuse = |reason: String| AuthorityError::File { file: shown(), reason };
        let mut file = File::open(path).map_err(|error| refuse(error.to_string()))?;
        let secret = secret::read(&mut file, path).map_err(refuse)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let guard = read_guard(&guard_of(path)).ok().flatten();
                let place = guard.map_or_else(String::new, |guard| {
                    format!(", which keeps its data in {}", guard.datadir.display())
                });
                return Err(AuthorityError::Held { file: shown(), place });
            }
            Err(error) => return Err(refuse(error.to_string())),
        }
        Ok(Self { path: path.to_owned(), keypair: Keypair::from_secret(&secret), _lock: file })
    }

    /// The key.
    pub(super) fn keypair(&self) -> &Keypair {
        &self.keypair
    }

    /// Makes sure that what the key signed is remembered in this store: binds the two if the key is new, or was `moved`.
    pub(super) fn bind(
        &self,
        datadir: &Path,
        genesis: GenesisId,
        store: &RocksStore,
        moved: bool,
    ) -> Result<(), AuthorityError> {
        let beside = guard_of(&self.path);
        let broken =
            |reason: String| AuthorityError::Guard { file: beside.display().to_string(), reason };
        let guard = read_guard(&beside).map_err(|error| broken(error.to_string()))?;
        let name = [BOND, self.keypair.address().as_bytes()].concat();
        let here = store.get(Table::Meta, &name)?.map(hex::encode);
        if let Some(guard) = &guard
            && here.as_ref() != Some(&guard.bond)
            && !moved
        {
            return Err(AuthorityError::Elsewhere {
                file: self.path.display().to_string(),
                theirs: guard.datadir.display().to_string(),
                ours: datadir.display().to_string(),
            });
        }
        let bond = match here {
            Some(bond) => bond,
            None => {
                let mut bond = [0; 16];
                getrandom::fill(&mut bond).map_err(|error| broken(error.to_string()))?;
                let mut batch = Batch::default();
                batch.put(Table::Meta, name, bond.to_vec());
                store.stage(batch)?;
                store.sync()?;
                hex::encode(bond)
            }
        };
        // The store first: a guard without its store would lock the key out, a store without its guard binds again.
        let guard = Guard { datadir: datadir.to_owned(), genesis, bond };
        write_guard(&beside, &guard).map_err(|error| broken(error.to_string()))
    }
}

fn guard_of(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".guard");
    name.into()
}

fn read_guard(path: &Path) -> io::Result<Option<Guard>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(metadata) if metadata.len() > GUARD_LENGTH => {
            return Err(io::Error::other("it is far too long"));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(path)?;
    serde_json::from_str(&text).map(Some).map_err(io::Error::other)
}

/// Written beside and renamed: nobody reads half of it, and it outlives a crash.
fn write_guard(path: &Path, guard: &Guard) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let text = serde_json::to_string_pretty(guard).map_err(io::Error::other)?;
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
#[path = "authority_tests.rs"]
mod tests;
