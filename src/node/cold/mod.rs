//! Work on a data directory that no node uses: taking chains in from files, and going over them.
//!
//! Whoever works on a directory holds its lock, as a node would, so the two never meet. Blocks pass the same
//! [`import`](crate::chain::import) as those of peers, and their signatures are checked in batches on all cores.

mod import;
mod verify;

pub use import::{ImportFailed, ImportSummary, import, signatures};
pub use verify::{VerifyFailed, VerifySummary, verify};

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::DirectoryLock;
use super::store::RocksStore;
use super::{DATABASE, NodeError, frozen};
use crate::ledger::signature_checks;
use crate::spec::FrozenSpec;
use crate::store::{ColdChain, FORMAT, StoredChain};
use crate::types::signatures::SignatureCheck;
use crate::types::{Block, GenesisId};

/// Blocks whose signatures are checked together at most.
const WINDOW_BLOCKS: usize = 256;

/// Signatures after which a window ends: more in one go gain nothing, and the blocks are in memory meanwhile.
const WINDOW_SIGNATURES: usize = 4096;

/// A data directory that this process has to itself.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    spec: FrozenSpec,
    _lock: DirectoryLock,
}

impl DataDirectory {
    /// Takes a directory that holds a chain.
    ///
    /// # Errors
    ///
    /// Another process uses it, it cannot be written, or it holds no chain.
    pub fn take(path: &Path) -> Result<Self, NodeError> {
        if !path.is_dir() {
            let error = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(NodeError::Directory { directory: path.display().to_string(), error });
        }
        let lock = DirectoryLock::take(path)?;
        let spec = frozen(path)?;
        Ok(Self { path: path.to_owned(), spec, _lock: lock })
    }

    /// Makes a directory if need be and takes it; `settle` puts a chain there, or finds that the right one is there.
    ///
    /// # Errors
    ///
    /// As [`Self::take`], and those of `settle`.
    pub fn make<E: From<NodeError>>(
        path: &Path,
        settle: impl FnOnce() -> Result<(), E>,
    ) -> Result<Self, E> {
        let unusable =
            |error| NodeError::Directory { directory: path.display().to_string(), error };
        fs::create_dir_all(path).map_err(unusable)?;
        let lock = DirectoryLock::take(path).map_err(NodeError::from)?;
        settle()?;
        let spec = frozen(path)?;
        Ok(Self { path: path.to_owned(), spec, _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The chain.
    pub fn spec(&self) -> &FrozenSpec {
        &self.spec
    }

    /// Whether there is a database.
    pub fn has_database(&self) -> bool {
        self.path.join(DATABASE).is_dir()
    }

    /// Opens the chain, which starts at its first block if there is no database.
    pub fn open(&self) -> Result<ColdChain<RocksStore>, NodeError> {
        self.chain(RocksStore::open(&self.path.join(DATABASE))?)
    }

    /// Opens the chain without writing anything.
    pub fn read(&self) -> Result<ColdChain<RocksStore>, NodeError> {
        self.chain(self.database()?)
    }

    /// The database, opened for reading only. One of an earlier format is brought up to date before.
    fn database(&self) -> Result<RocksStore, NodeError> {
        let path = self.path.join(DATABASE);
        let store = RocksStore::read_only(&path)?;
        match StoredChain::format(&store)? {
            Some(format) if format < FORMAT => {
                drop(store);
                drop(self.open()?);
                Ok(RocksStore::read_only(&path)?)
            }
            _ => Ok(store),
        }
    }

    fn chain(&self, store: RocksStore) -> Result<ColdChain<RocksStore>, NodeError> {
        let spec = &self.spec;
        let (params, rules) = (spec.ledger_params(), spec.rules());
        let state = || spec.genesis_state();
        Ok(ColdChain::open(Arc::new(store), params, rules, &spec.genesis_block(), state)?)
    }
}

/// Blocks that go through the signature check together, lowest first.
#[derive(Default)]
struct Window {
    blocks: Vec<Arc<Block>>,
    checks: Vec<SignatureCheck>,
    /// For each check, the block it belongs to.
    owners: Vec<usize>,
}

impl Window {
    fn is_full(&self) -> bool {
        self.blocks.len() >= WINDOW_BLOCKS || self.checks.len() >= WINDOW_SIGNATURES
    }

    fn add(&mut self, block: Arc<Block>, chain: &GenesisId) {
        for transaction in &block.body.transactions {
            let checks = signature_checks(&transaction.id(chain), transaction, chain);
            self.owners.extend(checks.iter().map(|_| self.blocks.len()));
            self.checks.extend(checks);
        }
        self.blocks.push(block);
    }

    /// The first block with a signature that does not verify.
    fn first_bad(&self) -> Option<usize> {
        let bad = super::verify::check(&self.checks);
        bad.into_iter().filter_map(|place| self.owners.get(place).copied()).min()
    }
}
