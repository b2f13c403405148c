//! Going over a stored chain.

use std::sync::Arc;

use super::{DataDirectory, Window};
use crate::node::NodeError;
use crate::node::store::RocksStore;
use crate::store::{Audit, AuditError, Audited, StoreError};
use crate::types::Height;

/// What the directories of the states that are made anew are called: one that a killed process left is removed by the
/// next.
const SCRATCH: &str = "verify-";

/// What was gone over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifySummary {
    /// Blocks, transactions and heights.
    pub audited: Audited,
    /// Signatures that verify.
    pub signatures: u64,
}

/// Why a chain was not found to be right.
#[derive(Debug, thiserror::Error)]
pub enum VerifyFailed {
    /// It is not.
    #[error("at height {height}: {what}")]
    Violated {
        /// The height.
        height: Height,
        /// What does not hold.
        what: String,
    },
    /// It could not be gone over.
    #[error(transparent)]
    Failed(#[from] NodeError),
    /// Somebody wants it to end.
    #[error("interrupted")]
    Interrupted,
}

impl From<AuditError> for VerifyFailed {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Violated { height, what } => Self::Violated { height, what },
            AuditError::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<StoreError> for VerifyFailed {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Goes over the chain in a directory, which has a database, from its first block to its head and compares what is
/// stored. The database is only read; the state is made anew in a directory beside it, which is removed at the end.
/// `going` says whether to go on; `tell` hears how many blocks of how many are done.
///
/// # Errors
///
/// See [`VerifyFailed`].
pub fn verify(
    directory: &DataDirectory,
    going: impl Fn() -> bool,
    mut tell: impl FnMut(u64, u64),
) -> Result<VerifySummary, VerifyFailed> {
    let scratch = scratch(directory)?;
    let spec = directory.spec();
    let store = Arc::new(directory.database()?);
    let again = RocksStore::open(scratch.path())?;
    let (params, rules) = (spec.ledger_params(), spec.rules());
    let chain = params.chain;
    let (genesis, state) = (spec.genesis_block(), spec.genesis_state());
    let mut audit = Audit::begin(store, again, params, rules, genesis, state)?;
    let (mut done, mut signatures) = (0, 0);
    loop {
        if !going() {
            return Err(VerifyFailed::Interrupted);
        }
        let mut window = Window::default();
        let mut found = Ok(());
        while !window.is_full() {
            match audit.next() {
                Ok(Some(block)) => window.add(block, &chain),
                Ok(None) => break,
                Err(error) => {
                    found = Err(error);
                    break;
                }
            }
        }
        let bad = window.first_bad();
        for (index, block) in window.blocks.iter().enumerate() {
            if bad == Some(index) {
                let (height, what) = (block.header.height, "a signature does not verify".into());
                return Err(VerifyFailed::Violated { height, what });
            }
            audit.check(block)?;
        }
        found?;
        if window.blocks.is_empty() {
            break;
        }
        done += window.blocks.len() as u64; // lengths fit 64 bits
        signatures += window.checks.len() as u64;
        tell(done, audit.blocks());
    }
    Ok(VerifySummary { audited: audit.finish()?, signatures })
}

/// A directory for the state, on the disk that has room for the other one.
fn scratch(directory: &DataDirectory) -> Result<tempfile::TempDir, NodeError> {
    let path = directory.path();
    let unusable = |error| NodeError::Directory { directory: path.display().to_string(), error };
    // Nobody else works here while the lock is held.
    for entry in std::fs::read_dir(path).map_err(unusable)?.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) && entry.path().is_dir() {
            std::fs::remove_dir_all(entry.path()).map_err(unusable)?;
        }
    }
    tempfile::Builder::new().prefix(SCRATCH).tempdir_in(path).map_err(unusable)
}
