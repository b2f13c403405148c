//! Measuring: workloads, and what the machine makes of them.
//!
//! A measurement brings its own yardstick and takes both in one run, so that a figure means something on any machine and
//! beside any other load.
//!
//! - `archive`: how fast a chain out of a file is taken in
//! - `import`: how fast a node takes in a chain, against checking its signatures and nothing else
//! - [`hashrate`]: how fast it searches, kernel by kernel, and beside another miner
//! - `workload`: chains of payments, the same every time
//! - `load`: payments offered to nodes that run, and how long they take to become final
//! - [`compare`]: rules side by side
//! - [`max`]: the highest rate that a chain sustains
//! - [`schedule`], [`payments`]: when such payments are due, and what they are
//! - [`reason`]: why a load came to nothing
//! - `account`: from the books of a run to what is told of it
//! - [`views`], [`tally`], [`histogram`]: what nodes said of them, what the chain holds of them, how long they took

mod account;
pub mod compare;
pub mod hashrate;
pub mod histogram;
pub mod max;
pub mod payments;
pub mod reason;
pub mod schedule;
pub mod tally;
pub mod views;

#[cfg(feature = "node")]
pub mod archive;
#[cfg(feature = "node")]
pub mod import;
#[cfg(feature = "node")]
pub mod load;
#[cfg(feature = "node")]
mod timed;
#[cfg(feature = "node")]
mod workload;

use crate::ledger::{ExecuteError, ReadFailed};
use crate::store::StoreError;

/// How many processors a measurement may use.
#[cfg(feature = "node")]
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Why an import was not measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The temporary directory, a thread.
    #[error("the measurement cannot be set up: {0}")]
    SetUp(#[from] std::io::Error),
    /// The database of the measurement.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block of the workload does not execute.
    #[error("the workload cannot be made: {0}")]
    Workload(#[from] ExecuteError),
    /// What was measured did not come to its end.
    #[error("the import stopped at height {height} of {of}: {reason}")]
    Stopped {
        /// How far it came.
        height: u64,
        /// How far it should have come.
        of: u64,
        /// Why.
        reason: String,
    },
}

impl From<ReadFailed> for BenchError {
    fn from(error: ReadFailed) -> Self {
        Self::Store(error.into())
    }
}
