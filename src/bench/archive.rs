//! How fast a chain out of a file is taken in, against checking its signatures and nothing else.
//!
//! It is the import that `assay chain import` does, into an empty directory: every block is judged, executed and stored, signatures are
//! checked in batches on all cores, and what was taken in is on the disk in the end. The yardstick is taken right afterwards, while the
//! file is in memory: the same signatures in the same batches, and nothing else.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::cores;
use crate::api::files::CHAIN_FILE_NAME;
use crate::node::NodeError;
use crate::node::cold::{DataDirectory, ImportFailed, ImportSummary, import, signatures};
use crate::spec::{FrozenSpec, SpecError};
use crate::store::{ArchiveError, ArchiveReader};
use crate::types::{GenesisId, Height, Time};

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct ArchiveRun {
    /// The file.
    pub file: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// The chain's name.
    pub chain: String,
    /// Names the chain.
    pub genesis: GenesisId,
    /// The rule that made its blocks.
    pub engine: String,
    /// Cores that both sides of the comparison could use.
    pub cores: usize,
    /// Whether a signal ended it before the last block.
    pub partial: bool,
    /// Blocks that were taken in.
    pub blocks: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// Signatures of those.
    pub signatures: u64,
    /// How long it took.
    pub seconds: f64,
    /// Blocks in a second.
    pub blocks_per_second: f64,
    /// Transactions in a second.
    pub transactions_per_second: f64,
    /// Bytes of the file in a second.
    pub bytes_per_second: f64,
    /// Signatures in a second, as part of the import …
    pub signatures_per_second: f64,
    /// … and with nothing beside; nothing where there are none.
    pub verify_rate: Option<f64>,
    /// The first of these over the second.
    pub ratio: Option<f64>,
    /// The final height afterwards.
    pub final_height: Height,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveFailed {
    /// The file or the temporary directory.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
    /// The beginning of the file.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The spec in it.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The temporary data directory.
    #[error(transparent)]
    Directory(#[from] NodeError),
    /// A block, or the store.
    #[error(transparent)]
    Import(#[from] ImportFailed),
}

/// Imports a file into a temporary directory below `temporary`, and checks its signatures alone afterwards. `now` is the clock that
/// blocks are judged by, `going` says whether to go on, and `tell` hears how far it is.
///
/// # Errors
///
/// The file is no whole archive of a valid chain, or a disk fails.
pub fn run(
    file: &Path,
    temporary: &Path,
    now: impl Fn() -> Time,
    going: impl Fn() -> bool,
    tell: impl FnMut(&ImportSummary),
) -> Result<ArchiveRun, ArchiveFailed> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| ArchiveFailed::File { path, error }
    };
    let bytes = std::fs::metadata(file).map_err(failed(file))?.len();
    let open = || -> Result<_, ArchiveFailed> {
        let input = File::open(file).map_err(failed(file))?;
        Ok(ArchiveReader::begin(BufReader::with_capacity(1 << 20, input))?)
    };
    let mut reader = open()?;
    let spec = FrozenSpec::parse(&format!("{} (its chain spec)", file.display()), reader.spec())?;
    let home = tempfile::Builder::new()
        .prefix("assay-bench-")
        .tempdir_in(temporary)
        .map_err(failed(temporary))?;
    let place = home.path().join("imported");
    let directory = DataDirectory::make(&place, || {
        std::fs::write(place.join(CHAIN_FILE_NAME), spec.to_toml()).map_err(failed(&place))
    })?;
    let mut chain = directory.open()?;

    let started = Instant::now();
    let (summary, outcome) = import(&mut reader, &mut chain, now, &going, tell);
    let took = started.elapsed();
    let partial = match outcome {
        Ok(()) => false,
        Err(ImportFailed::Interrupted) => true,
        Err(error) => return Err(error.into()),
    };
    let alone = signatures(&mut open()?, &spec.genesis_id(), summary.imported)?;

    // A rate needs no more than a double holds.
    let rate = |count: u64, time: Duration| count as f64 / time.as_secs_f64().max(1e-6);
    let signatures_per_second = rate(alone.0, took);
    let verify_rate = (alone.0 > 0).then(|| rate(alone.0, alone.1));
    Ok(ArchiveRun {
        file: file.to_owned(),
        bytes,
        chain: spec.name.clone(),
        genesis: spec.genesis_id(),
        engine: spec.consensus().engine().into(),
        cores: cores(),
        partial,
        blocks: summary.imported,
        transactions: summary.transactions,
        signatures: alone.0,
        seconds: took.as_secs_f64(),
        blocks_per_second: rate(summary.imported, took),
        transactions_per_second: rate(summary.transactions, took),
        bytes_per_second: rate(bytes, took),
        signatures_per_second,
        verify_rate,
        ratio: verify_rate.map(|alone| signatures_per_second / alone),
        final_height: chain.tree().root().height(),
    })
}
