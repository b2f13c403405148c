//! The only way into the tree.

use std::sync::{Arc, OnceLock};

use borsh::BorshSerialize;

use super::{HeadMove, Tree, Verdict};
use crate::ledger::{ExecuteError, Executed, ReadFailed};
use crate::types::canary::{Bug, planted};
use crate::types::{
    Block, BlockId, GenesisId, HEADER_VERSION, Hashed, Header, Height, StateRoot, Time,
    Transaction, body_root_of,
};

/// A block that entered the tree.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub struct Imported {
    /// Its id.
    pub id: BlockId,
    /// Its height.
    pub height: Height,
    /// How the head moved, if it did.
    pub moved: Option<HeadMove>,
}

/// Why a block did not enter the tree. *Later*, *this copy*, *this block* and *our own fault* are different answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is there already.
    #[error("the block is known")]
    Known,
    /// Its parent is not in the tree.
    #[error("the parent {parent} is unknown")]
    Orphan {
        /// The parent.
        parent: BlockId,
    },
    /// It stands at or below the final height, on another branch.
    #[error("it stands at height {height}, where height {final_height} is final")]
    BelowFinal {
        /// Its height.
        height: Height,
        /// The final height.
        final_height: Height,
    },
    /// The operator says that another block belongs there.
    #[error("the checkpoint at height {height} is {checkpoint}, not {given}")]
    Checkpoint {
        /// The height of both.
        height: Height,
        /// This block.
        given: BlockId,
        /// The one that belongs there.
        checkpoint: BlockId,
    },
    /// It is ahead of the local clock: try later.
    #[error("it is ahead of the clock until {until}")]
    Early {
        /// When to try again.
        until: Time,
    },
    /// This copy is not what the header promises; another copy may be.
    #[error("this copy is invalid: {0}")]
    Copy(String),
    /// No copy of this block can be valid.
    #[error("the block is invalid: {0}")]
    Invalid(String),
    /// The node itself failed; says nothing about the block.
    #[error(transparent)]
    Failed(#[from] ReadFailed),
}

impl From<Verdict> for ImportError {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Failed(failed) => Self::Failed(failed),
            Verdict::Seal(_) => Self::Copy(verdict.to_string()),
            Verdict::Header(_) => Self::Invalid(verdict.to_string()),
        }
    }
}

/// A block with its hashes, each made once: whoever looks up its transactions, checks their signatures and executes it
/// needs the same ones.
#[derive(Debug, Clone)]
pub struct HashedBlock {
    block: Arc<Block>,
    id: BlockId,
    hashes: Arc<[Hashed]>,
    /// Whether the body is the one that the header names, once somebody has asked.
    whole: OnceLock<bool>,
}

impl HashedBlock {
    /// Hashes a block and its transactions.
    pub fn new(block: Arc<Block>, chain: &GenesisId) -> Self {
        let (id, hashes) = (block.id(chain), block.body.hashes(chain).into());
        Self { block, id, hashes, whole: OnceLock::new() }
    }

    /// The block.
    pub fn block(&self) -> &Arc<Block> {
        &self.block
    }

    /// Its id.
    pub fn id(&self) -> BlockId {
        self.id
    }

    /// Its transactions with their hashes.
    pub fn transactions(&self) -> impl Iterator<Item = (&Hashed, &Transaction)> {
        self.hashes.iter().zip(&self.block.body.transactions)
    }

    /// Whether the body is the one that the header names; `chain` is that of [`Self::new`].
    pub fn is_whole(&self, chain: &GenesisId) -> bool {
        let root = || body_root_of(&self.hashes, &self.block.body, chain);
        *self.whole.get_or_init(|| root() == self.block.header.body_root)
    }
}

/// Judges, executes and adds a block whose transaction signatures are known to verify.
///
/// The checks run from the cheapest to the dearest: a liar pays for its seal before we pay for execution.
pub fn import(tree: &mut Tree, block: Arc<Block>, now: Time) -> Result<Imported, ImportError> {
    let hashed = HashedBlock::new(block, &tree.params().chain);
    import_hashed(tree, hashed, now)
}

/// [`import`] for whoever has its hashes already.
pub fn import_hashed(
    tree: &mut Tree,
    hashed: HashedBlock,
    now: Time,
) -> Result<Imported, ImportError> {
    let chain = tree.params().chain;
    let (id, block) = (hashed.id, &hashed.block);
    let header = block.header;
    has_room(tree, id, &header)?;
    // Whoever keeps an orphan or an early block for later relies on this bound.
    let bytes = borsh::object_length(&block.draft).expect("every draft encodes");
    let allowed = tree.params().block_bytes_max;
    if bytes > allowed {
        return Err(ImportError::Copy(format!("it has {bytes} bytes where {allowed} are allowed")));
    }
    let Some(parent) = tree.get(&header.parent) else {
        return Err(ImportError::Orphan { parent: header.parent });
    };
    follows(&header, parent.height()).map_err(ImportError::Invalid)?;
    // Before the clock is asked: a place among the blocks that wait for it costs a proof.
    tree.rules().verify(&header, &block.seal, parent.as_ref())?;
    let until = tree.rules().not_before(&header);
    if now < until {
        return Err(ImportError::Early { until });
    }
    if !hashed.is_whole(&chain) {
        return Err(ImportError::Copy("its body is not the one that the header names".into()));
    }
    let mut block = hashed.block;
    let executed = match tree.recall(&id, &mut block, parent) {
        Some(executed) => executed,
        None => {
            let ids = hashed.hashes.iter().map(|hashed| hashed.id);
            let executed = tree.execute_known(&block.draft, ids, &parent.state);
            let executed = executed.map_err(|error| match error {
                ExecuteError::Failed(failed) => ImportError::Failed(failed),
                error => ImportError::Invalid(error.to_string()),
            })?;
            same_root(header.state_root, executed.root())?;
            tree.remember(id, &block, &executed);
            executed
        }
    };
    let height = header.height;
    let inserted = tree.insert_as(id, block, executed)?;
    let moved = inserted.ok_or(ImportError::Known)?;
    Ok(Imported { id, height, moved })
}

/// Whether a header is one of this version and stands right above its parent.
pub fn follows(header: &Header, parent: Height) -> Result<(), String> {
    if header.version != HEADER_VERSION {
        return Err(format!("header version {}, not {HEADER_VERSION}", header.version));
    }
    if header.height != parent.next() {
        let (given, expected) = (header.height, parent.next());
        return Err(format!("height {given} on a parent that needs {expected}"));
    }
    Ok(())
}

/// Whether the tree has room for a block, whoever made it: it is new, above the final block, and what the operator's
/// checkpoint names.
fn has_room(tree: &Tree, id: BlockId, header: &Header) -> Result<(), ImportError> {
    if tree.get(&id).is_some() {
        return Err(ImportError::Known);
    }
    let (height, final_height) = (header.height, tree.root().height());
    if height <= final_height {
        return Err(ImportError::BelowFinal { height, final_height });
    }
    match tree.contradicts_checkpoint(height, &id) {
        Some(checkpoint) => Err(ImportError::Checkpoint { height, given: id, checkpoint }),
        None => Ok(()),
    }
}

/// Adds a block of our own making, whose execution its maker kept. Its seal is judged, in case the maker is mistaken;
/// its transactions came from our pool.
pub fn import_own(
    tree: &mut Tree,
    block: Arc<Block>,
    executed: Executed,
) -> Result<Imported, ImportError> {
    let (header, id) = (block.header, block.id(&tree.params().chain));
    has_room(tree, id, &header)?;
    let Some(parent) = tree.get(&header.parent) else {
        return Err(ImportError::Orphan { parent: header.parent });
    };
    tree.rules().verify(&header, &block.seal, parent.as_ref())?;
    same_root(header.state_root, executed.root())?;
    tree.remember(id, &block, &executed);
    let moved = tree.insert_as(id, block, executed)?.ok_or(ImportError::Known)?;
    Ok(Imported { id, height: header.height, moved })
}

fn same_root(claimed: StateRoot, computed: StateRoot) -> Result<(), ImportError> {
    if claimed == computed || planted(Bug::StateRootUnchecked) {
        return Ok(());
    }
    Err(ImportError::Invalid(format!(
        "it claims state root {claimed}; executing it gives {computed}"
    )))
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
