//! Who stakes on this node, and that nobody else of this user does with the same keys.
//!
//! Two nodes that stake one coin make two blocks of one second sooner or later, and then the coin is lost: that is the
//! evidence of the rule. A wallet, though, is easily named to two nodes. So whoever stakes keeps a file locked for each
//! address and chain, in a directory that all nodes of a user share. It is about the key and not about the wallet's file,
//! because the same words may be in several wallets, and a node may be handed keys by a wallet that lies elsewhere
//! ([decision 14](../../docs/adr/0014-locks-of-stakers.md)).
//!
//! Keys that everybody knows are not locked: a development chain is where one may see what two stakers do.
//!
//! What this cannot see: a copy of the words on another machine, or under another user.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;

use super::host::Host;
use crate::spec::{FrozenSpec, is_dev_key};
use crate::types::{Address, Amount, GenesisId, Keypair, Prefix};

/// Addresses that a node stakes for at most: all that the largest wallet has. The engine keeps their coins in memory.
pub const STAKERS_MAX: usize = 1024;

/// Digits of the genesis id in the name of a lock's file.
const GENESIS_DIGITS: usize = 16;

/// Bytes that are read of what a lock says about its holder.
const HOLDER_BYTES_MAX: u64 = 4096;

/// Why nobody stakes.
#[derive(Debug, thiserror::Error)]
pub enum StakeError {
    /// The rule knows no stake.
    #[error("rule {0} has no stake: nobody's coins make blocks under it")]
    NoStake(&'static str),
    /// There are too many addresses.
    #[error("{given} addresses are to stake: a node stakes for at most {STAKERS_MAX}")]
    TooMany {
        /// How many.
        given: usize,
    },
    /// The key is one of those that everybody knows.
    #[error("{address} is a development account: everybody knows its key")]
    Public {
        /// Its address.
        address: String,
    },
    /// Another node stakes with the key.
    #[error("the coins of {address} are staked already, by {holder}")]
    Held {
        /// The address.
        address: String,
        /// What the holder says of itself.
        holder: String,
    },
    /// The lock cannot be taken.
    #[error("cannot lock {file}: {error}")]
    Lock {
        /// The file.
        file: String,
        /// What the system says.
        error: io::Error,
    },
}

impl StakeError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoStake(_) => {
                "stake on a chain whose engine is pos or hybrid; consensus_status says who makes blocks here"
            }
            Self::TooMany { .. } => "name fewer wallets, or run several nodes",
            Self::Public { .. } => "make keys of your own: `assay wallet new`",
            Self::Held { .. } => {
                "end that first, with `assay wallet stake stop` or by stopping the node: two that stake one coin make \
                 two blocks of one second, and the coin is lost"
            }
            Self::Lock { .. } => "the directory must be one that you may write in",
        }
    }
}

/// Whose coins a node stakes from its start.
#[derive(Debug, Clone)]
pub struct StakeConfig {
    /// The keys of their owners.
    pub keys: Vec<Keypair>,
    /// Coins of at least this sum are left alone.
    pub reserve: Amount,
}

/// Who stakes on this node.
pub struct Staking {
    genesis: GenesisId,
    prefix: Prefix,
    dev: bool,
    /// Why nobody can.
    engine_without: Option<&'static str>,
    /// Where the locks are.
    directory: PathBuf,
    /// What a lock says of its holder.
    holder: String,
    locks: Mutex<BTreeMap<Address, StakeLock>>,
}

impl Staking {
    /// Nobody stakes yet. `directory` is where all nodes of this user keep their locks, `datadir` what they say of this one.
    pub fn new(spec: &FrozenSpec, directory: &Path, datadir: &Path) -> Self {
        let consensus = spec.consensus();
        Self {
            genesis: spec.genesis_id(),
            prefix: spec.prefix,
            dev: spec.dev,
            engine_without: consensus.pos().is_none().then(|| consensus.engine()),
            directory: directory.to_owned(),
            holder: format!(
                "process {}, which keeps its data in {}",
                std::process::id(),
                datadir.display()
            ),
            locks: Mutex::default(),
        }
    }

    /// Claims these addresses beside those that are claimed already.
    ///
    /// # Errors
    ///
    /// See [`StakeError`]; what was claimed before stays claimed, and nothing else is.
    pub fn claim(&self, owners: &BTreeSet<Address>) -> Result<(), StakeError> {
        if let Some(engine) = self.engine_without {
            return Err(StakeError::NoStake(engine));
        }
        if owners.len() > STAKERS_MAX {
            return Err(StakeError::TooMany { given: owners.len() });
        }
        let mut locks = self.locks();
        let mut taken = BTreeMap::new();
        for owner in owners {
            if is_dev_key(owner) {
                if !self.dev {
                    return Err(StakeError::Public { address: owner.encode(&self.prefix) });
                }
            } else if !locks.contains_key(owner) {
                taken.insert(*owner, self.lock(owner)?);
            }
        }
        locks.append(&mut taken);
        Ok(())
    }

    /// Stakes the coins of these keys and of no others.
    ///
    /// # Errors
    ///
    /// As [`Self::claim`]; what was staked before goes on.
    pub fn start(&self, host: &Host, config: StakeConfig) -> Result<(), StakeError> {
        let StakeConfig { keys, reserve } = config;
        let owners: BTreeSet<Address> = keys.iter().map(Keypair::address).collect();
        self.claim(&owners)?;
        host.stake(keys, reserve);
        // Nothing is signed with the others any more.
        self.locks().retain(|owner, _| owners.contains(owner));
        Ok(())
    }

    /// Stakes no coins any more.
    pub fn stop(&self, host: &Host) {
        host.stake(Vec::new(), Amount::ZERO);
        self.locks().clear();
    }

    fn lock(&self, owner: &Address) -> Result<StakeLock, StakeError> {
        let address = owner.encode(&self.prefix);
        let genesis: String = self.genesis.to_string().chars().take(GENESIS_DIGITS).collect();
        let path = self.directory.join(format!("{genesis}-{address}.lock"));
        let failed = |error| StakeError::Lock { file: path.display().to_string(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).map_err(failed)?;
        match StakeLock::take(&path, &self.holder).map_err(failed)? {
            Ok(lock) => Ok(lock),
            Err(holder) => Err(StakeError::Held { address, holder }),
        }
    }

    fn locks(&self) -> MutexGuard<'_, BTreeMap<Address, StakeLock>> {
        // It is changed as a whole.
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to stake for an address on a chain. The system releases it when the process ends, however it ends.
struct StakeLock {
    path: PathBuf,
    file: File,
}

impl StakeLock {
    /// Takes the lock; gives what the holder says of itself if there is another one.
    fn take(path: &Path, holder: &str) -> io::Result<Result<Self, String>> {
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(path)?;
            match file.try_lock() {
                // A lock on a file that has been removed meanwhile excludes nobody.
                Ok(()) if !is_at(&file, path) => continue,
                Ok(()) => {
                    file.set_len(0)?;
                    file.write_all(holder.as_bytes())?;
                    return Ok(Ok(Self { path: path.to_owned(), file }));
                }
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {
                    let mut said = String::new();
                    // It only helps to find the process.
                    let _ = file.take(HOLDER_BYTES_MAX).read_to_string(&mut said);
                    let unknown = said.is_empty();
                    return Ok(Err(if unknown { "another process".into() } else { said }));
                }
            }
        }
    }
}

impl Drop for StakeLock {
    fn drop(&mut self) {
        // While it is locked: whoever opened the file before finds that it is gone, and makes a new one.
        if is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the open file is the one that the path names.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
#[path = "staking_tests.rs"]
mod tests;
