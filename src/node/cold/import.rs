//! Taking a chain in from a file.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Window;
use crate::chain::ImportError;
use crate::node::store::RocksStore;
use crate::store::{ArchiveError, ArchiveReader, ColdChain, Entered, Store, StoreError};
use crate::types::{Block, BlockId, GenesisId, Height, Time};

/// What an import has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportSummary {
    /// Blocks that are new here.
    pub imported: u64,
    /// Blocks that were here before.
    pub known: u64,
    /// Transactions in the new ones.
    pub transactions: u64,
    /// Up to which height the file was taken in; what was taken in is kept.
    pub reached: Option<Height>,
}

/// Why an import ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportFailed {
    /// The file is cut, altered, or cannot be read.
    #[error(transparent)]
    File(#[from] ArchiveError),
    /// The file begins above the end of the chain.
    #[error("it begins at height {first}, and the block below that, {parent}, is not here")]
    Gap {
        /// The first height of the file.
        first: Height,
        /// The parent of its first block.
        parent: BlockId,
    },
    /// The chain here has another final block at a height of the file.
    #[error("at height {height} it has block {theirs}, where {ours} is final here")]
    Fork {
        /// The height.
        height: Height,
        /// The file's block.
        theirs: BlockId,
        /// The block here.
        ours: BlockId,
    },
    /// A block breaks the rules.
    #[error("the block at height {height} is refused: {reason}")]
    Refused {
        /// Its height.
        height: Height,
        /// Why.
        reason: String,
    },
    /// A block is ahead of the clock.
    #[error("the block at height {height} is ahead of the clock of this machine until {until}")]
    Early {
        /// Its height.
        height: Height,
        /// When it may enter, in milliseconds since the epoch.
        until: Time,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody wants it to end.
    #[error("interrupted")]
    Interrupted,
}

/// Takes all blocks of a file into a chain. `now` is the clock, `going` says whether to go on, and `tell` hears how far it
/// is. What was taken in is durable when this returns, however it ends.
///
/// # Errors
///
/// See [`ImportFailed`]; the summary says what was taken in before.
pub fn import<R: Read>(
    file: &mut ArchiveReader<R>,
    chain: &mut ColdChain<RocksStore>,
    now: impl Fn() -> Time,
    going: impl Fn() -> bool,
    mut tell: impl FnMut(&ImportSummary),
) -> (ImportSummary, Result<(), ImportFailed>) {
    let mut summary = ImportSummary::default();
    let outcome = loop {
        if !going() {
            break Err(ImportFailed::Interrupted);
        }
        let (window, end) = read(file, chain, &mut summary);
        let added = add(&window, chain, &now, &mut summary);
        // In steps, so that whatever happens next costs the last step at most.
        let synced = chain.stored().store().sync().map_err(ImportFailed::from);
        tell(&summary);
        match (added.and(synced), end) {
            (Err(error), _) | (Ok(()), Some(Err(error))) => break Err(error),
            (Ok(()), Some(Ok(()))) => break Ok(()),
            (Ok(()), None) => {}
        }
    };
    (summary, outcome)
}

/// Checks the signatures of the first blocks of a file, in the batches of an import, and does nothing else: how many they are, and how
/// long that took, without reading.
///
/// # Errors
///
/// The file is cut, altered, or cannot be read; or a signature is bad.
pub fn signatures<R: Read>(
    file: &mut ArchiveReader<R>,
    chain: &GenesisId,
    blocks: u64,
) -> Result<(u64, Duration), ImportFailed> {
    let (mut checked, mut took, mut left) = (0, Duration::ZERO, blocks);
    while left > 0 {
        let mut window = Window::default();
        while left > 0 && !window.is_full() {
            let Some(block) = file.next()? else {
                left = 0;
                break;
            };
            window.add(Arc::new(block), chain);
            left -= 1;
        }
        let started = Instant::now();
        let bad = window.first_bad();
        took += started.elapsed();
        checked += window.checks.len() as u64; // a length fits
        if let Some(index) = bad {
            return Err(bad_signature(window.blocks[index].header.height));
        }
    }
    Ok((checked, took))
}

/// The next blocks that are not here, and how the file ended if it did.
fn read<R: Read>(
    file: &mut ArchiveReader<R>,
    chain: &ColdChain<RocksStore>,
    summary: &mut ImportSummary,
) -> (Window, Option<Result<(), ImportFailed>>) {
    let mut window = Window::default();
    while !window.is_full() {
        let block = match file.next() {
            Ok(Some(block)) => block,
            Ok(None) => return (window, Some(Ok(()))),
            Err(error) => return (window, Some(Err(error.into()))),
        };
        match is_here(chain, &block) {
            Ok(true) => {
                summary.known += 1;
                summary.reached = Some(block.header.height);
            }
            Ok(false) => window.add(Arc::new(block), &chain.tree().params().chain),
            Err(error) => return (window, Some(Err(error))),
        }
    }
    (window, None)
}

/// Whether a block needs no import: its signatures were checked when it came the first time.
fn is_here(chain: &ColdChain<RocksStore>, block: &Block) -> Result<bool, ImportFailed> {
    let (height, theirs) = (block.header.height, block.id(&chain.tree().params().chain));
    if chain.tree().get(&theirs).is_some() {
        return Ok(true);
    }
    match chain.stored().final_id(height)? {
        Some(ours) if ours == theirs => Ok(true),
        Some(ours) => Err(ImportFailed::Fork { height, theirs, ours }),
        None => Ok(false),
    }
}

fn bad_signature(height: Height) -> ImportFailed {
    ImportFailed::Refused { height, reason: "a signature in it does not verify".into() }
}

fn add(
    window: &Window,
    chain: &mut ColdChain<RocksStore>,
    now: impl Fn() -> Time,
    summary: &mut ImportSummary,
) -> Result<(), ImportFailed> {
    let bad = window.first_bad();
    for (index, block) in window.blocks.iter().enumerate() {
        let height = block.header.height;
        if bad == Some(index) {
            return Err(bad_signature(height));
        }
        match chain.add(block.clone(), now()) {
            Ok(Entered::New) => {
                summary.imported += 1;
                summary.transactions += block.body.transactions.len() as u64; // a length fits 64 bits
            }
            Ok(Entered::Known) => summary.known += 1,
            Err(ImportError::Failed(error)) => return Err(StoreError::from(error).into()),
            Err(ImportError::Early { until }) => return Err(ImportFailed::Early { height, until }),
            Err(ImportError::Orphan { parent }) if summary.reached.is_none() => {
                return Err(ImportFailed::Gap { first: height, parent });
            }
            Err(error) => {
                return Err(ImportFailed::Refused { height, reason: error.to_string() });
            }
        }
        summary.reached = Some(height);
    }
    Ok(())
}
