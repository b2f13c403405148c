//! What must survive a crash, and where.
//!
//! A [`Store`] takes writes in two steps. [`Store::stage`] applies a batch at once and atomically: reads see it, a
//! crash may forget it. [`Store::sync`] makes everything staged so far durable, in order: after a crash the store
//! holds some prefix of the staged batches that reaches at least to the last sync. So a host can run several inputs,
//! sync once, and only then let anything out of the process that depends on them: group commit.

mod archive;
mod audit;
mod cold;
mod histories;
mod history;
mod index;
mod memory;
mod schema;

pub use archive::{
    ARCHIVE_FORMAT, ArchiveError, ArchiveReader, ArchiveWriter, MAGIC as ARCHIVE_MAGIC, Spot,
};
pub use audit::{Audit, AuditError, Audited};
pub use cold::{ColdChain, Entered, StateOnly};
pub use histories::{Histories, HistoryPage};
pub use history::{Cause, HistoryEntry, HistoryError, OTHERS_MAX, Owned, Place, tell_transaction};
pub use index::{Index, Mark, Progress, is_index};
pub use memory::MemStore;
pub use schema::{FORMAT, Final, FinalBase, StoredChain, StoredHeader};

use crate::ledger::ReadFailed;

/// A table of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// A handful of values: format, genesis id, final block, commitment.
    Meta,
    /// Sealed blocks by id, final or not.
    Blocks,
    /// The header and the seal of each of those blocks, and the rank of the branch that ends in it: what peers ask for
    /// by the thousand.
    Headers,
    /// The id of the final block at each height, big-endian.
    Heights,
    /// The number of arrival of each non-final block, by id: what is imported again at start, in that order.
    Arrivals,
    /// The final state: names and values of its entries.
    State,
    /// What engines and guards keep.
    Records,
    /// Transactions accepted here that are not final yet, by id.
    Pending,
    /// Where each final transaction is, by id.
    Transactions,
    /// The coins that each block pays out itself, by the block's id.
    Payouts,
    /// Owner and amount of the coins that exist as far as the index has come, by id.
    Owners,
    /// The history of addresses: address, height and position, the latest first.
    History,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 12] = [
        Self::Meta,
        Self::Blocks,
        Self::Headers,
        Self::Heights,
        Self::Arrivals,
        Self::State,
        Self::Records,
        Self::Pending,
        Self::Transactions,
        Self::Payouts,
        Self::Owners,
        Self::History,
    ];

    /// Its name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Blocks => "blocks",
            Self::Headers => "headers",
            Self::Heights => "heights",
            Self::Arrivals => "arrivals",
            Self::State => "state",
            Self::Records => "records",
            Self::Pending => "pending",
            Self::Transactions => "transactions",
            Self::Payouts => "payouts",
            Self::Owners => "owners",
            Self::History => "history",
        }
    }
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Writes that happen together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// In order: the table, the key, and the value or `None` to delete.
    pub writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// Sets a value.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.push((table, key.into(), Some(value.into())));
    }

    /// Removes a value.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.writes.push((table, key.into(), None));
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// Why the store does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("the database failed: {0}")]
    Io(String),
    /// What was read makes no sense.
    #[error("the database is damaged: {0}; start with --resync to rebuild it from peers")]
    Damaged(String),
    /// It belongs to another chain.
    #[error("the data directory holds chain {found}, not {expected}; choose another directory")]
    OtherChain {
        /// The genesis id inside.
        found: crate::types::GenesisId,
        /// The genesis id of the spec.
        expected: crate::types::GenesisId,
    },
    /// The operator says that another block is final.
    #[error(
        "the checkpoint names block {given} at height {height}, and the final block there is {found}; start with another \
         checkpoint, or with --resync to leave this chain"
    )]
    Checkpoint {
        /// The height.
        height: crate::types::Height,
        /// The block that the operator named.
        given: crate::types::BlockId,
        /// The block in the store.
        found: crate::types::BlockId,
    },
    /// It lacks what an index of histories is made of.
    #[error(
        "the database was begun by a version that did not keep what blocks pay out, as at height {height}, so no index \
         can be made of it; export the chain and import it into a new data directory, or start with --resync"
    )]
    NoPayouts {
        /// The first height that is not known.
        height: crate::types::Height,
    },
    /// It was written by newer software.
    #[error(
        "the database has format {found}, this software knows up to {known}; use a newer version"
    )]
    Newer {
        /// The format inside.
        found: u32,
        /// The newest known one.
        known: u32,
    },
}

impl From<StoreError> for ReadFailed {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<ReadFailed> for StoreError {
    fn from(error: ReadFailed) -> Self {
        Self::Io(error.0)
    }
}

/// An ordered key-value store. Handles are shared between one writer and many readers.
pub trait Store: Send + Sync + 'static {
    /// A value.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The values of these keys, in their order; `keys` are sorted. One by one, unless a store knows better.
    fn get_all(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(table, key)).collect()
    }

    /// Up to `limit` entries whose keys start with `prefix` and are greater than `after`, in order of key.
    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// Applies a batch: atomic, visible at once, durable with the next [`Self::sync`].
    fn stage(&self, batch: Batch) -> Result<(), StoreError>;

    /// Makes everything staged durable.
    fn sync(&self) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests;
