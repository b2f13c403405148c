//! The store on disk: RocksDB, one column family per table.
//!
//! A staged batch goes to the write-ahead log without waiting; [`Store::sync`] flushes and syncs that log once for
//! everything staged before it. The log is replayed in order after a crash and a torn tail is dropped, so what
//! survives is a prefix of the staged batches that reaches at least to the last sync. Sized so that a hundred nodes fit
//! one machine.

use std::path::Path;
use std::{fs, io};

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompactionStyle,
    DBRecoveryMode, DataBlockIndexType, Direction, ErrorKind, IteratorMode, LogLevel, Options,
    ReadOptions, WriteBatch, WriteOptions,
};

use super::authority::BOND;
use crate::store::{Batch, Entry, Store, StoreError, Table};

/// Bytes that one table gathers in memory before it writes a file. Taken as they are needed, see [`ARENA_BYTES`]: a node
/// that does little holds little, and one that imports a chain does not write the same state again and again.
const WRITE_BUFFER_BYTES: usize = 8 << 20;

/// Bytes that all tables together gather in memory.
const WRITE_BUFFERS_BYTES: usize = 16 << 20;

/// Bytes by which the memory of a table grows.
const ARENA_BYTES: usize = 64 << 10;

/// Bytes of blocks read from files that are kept in memory.
const CACHE_BYTES: usize = 2 << 20;

/// Bytes of write-ahead logs before old tables are written out.
const LOG_BYTES: u64 = 32 << 20;

/// Files that RocksDB keeps open.
const OPEN_FILES: i32 = 64;

/// Entries read at once from what is kept.
const PAGE: usize = 1024;

/// Bits of the filter per key: one lookup in a hundred for what does not exist reads a block.
const FILTER_BITS: f64 = 10.0;

/// A database on disk. Handles are shared.
pub struct RocksStore {
    db: DB,
}

impl std::fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RocksStore({})", self.db.path().display())
    }
}

impl RocksStore {
    /// Opens the database in a directory, which is created if need be.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (options, families) = Self::options(Table::ALL.into_iter());
        let db = DB::open_cf_descriptors(&options, path, families).map_err(failed)?;
        Ok(Self { db })
    }

    /// Opens the database in a directory as it is, and writes nothing. Tables of later versions may be missing, and are
    /// empty then. No other process may have it open for writing.
    pub fn read_only(path: &Path) -> Result<Self, StoreError> {
        let there = DB::list_cf(&Options::default(), path).map_err(failed)?;
        let present = |table: &Table| there.iter().any(|name| name == table.name());
        let (options, families) = Self::options(Table::ALL.into_iter().filter(present));
        let db = DB::open_cf_descriptors_read_only(&options, path, families, false);
        Ok(Self { db: db.map_err(failed)? })
    }

    fn options(tables: impl Iterator<Item = Table>) -> (Options, Vec<ColumnFamilyDescriptor>) {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
        options.set_max_total_wal_size(LOG_BYTES);
        options.set_max_open_files(OPEN_FILES);
        options.set_max_background_jobs(2);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        options.set_skip_stats_update_on_db_open(true);
        options.set_log_level(LogLevel::Error);
        options.set_keep_log_file_num(1);
        options.set_max_log_file_size(1 << 20);
        let cache = Cache::new_lru_cache(CACHE_BYTES);
        let family = |table: Table| {
            let mut blocks = BlockBasedOptions::default();
            blocks.set_block_cache(&cache);
            blocks.set_bloom_filter(FILTER_BITS, false);
            // With millions of entries they are larger than the cache, and a read would fetch them again and again. They
            // take three bytes or so for each entry of the files that are open.
            blocks.set_cache_index_and_filter_blocks(false);
            // Most reads ask for one entry by its name.
            blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
            let mut options = Options::default();
            options.set_write_buffer_size(WRITE_BUFFER_BYTES);
            options.set_arena_block_size(ARENA_BYTES);
            // Keys are hashes: a level would be rewritten as a whole with every file that joins it.
            options.set_compaction_style(DBCompactionStyle::Universal);
            options.set_block_based_table_factory(&blocks);
            ColumnFamilyDescriptor::new(table.name(), options)
        };
        (options, tables.map(family).collect())
    }

    /// Throws away the database in a directory, but for what engines and guards keep and what was promised to those who
    /// submitted it; says how many entries stay. Stopped at any moment it can be done again and has lost none of them.
    pub fn start_over(path: &Path) -> Result<usize, StoreError> {
        let (fresh, old) = (path.with_extension("fresh"), path.with_extension("old"));
        let io = |error: io::Error| StoreError::Io(error.to_string());
        let remove = |path: &Path| match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io(error)),
            _ => Ok(()),
        };
        if !path.exists() && old.exists() {
            // Stopped between the two renames.
            fs::rename(&old, path).map_err(io)?;
        }
        remove(&fresh)?;
        remove(&old)?;
        if !path.exists() {
            return Ok(0);
        }
        let mut batch = Batch::default();
        {
            let store = Self::open(path)?;
            for table in [Table::Records, Table::Pending] {
                let mut after = Vec::new();
                loop {
                    let page = store.scan(table, &[], &after, PAGE)?;
                    let Some((last, _)) = page.last() else { break };
                    after.clone_from(last);
                    page.into_iter().for_each(|(key, value)| batch.put(table, key, value));
                }
            }
            // Whoever signs here keeps what it is known by.
            for (key, value) in store.scan(Table::Meta, BOND, &[], PAGE)? {
                batch.put(Table::Meta, key, value);
            }
        }
        let kept = batch.writes.len();
        {
            let store = Self::open(&fresh)?;
            store.stage(batch)?;
            store.sync()?;
        }
        fs::rename(path, &old).map_err(io)?;
        fs::rename(&fresh, path).map_err(io)?;
        remove(&old)?;
        Ok(kept)
    }

    /// A table, unless it is one that the database lacks and that was opened for reading only.
    fn family(&self, table: Table) -> Option<&ColumnFamily> {
        self.db.cf_handle(table.name())
    }
}

fn failed(error: rocksdb::Error) -> StoreError {
    match error.kind() {
        ErrorKind::Corruption => StoreError::Damaged(error.to_string()),
        _ => StoreError::Io(error.to_string()),
    }
}

impl Store for RocksStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(family) = self.family(table) else { return Ok(None) };
        self.db.get_cf(family, key).map_err(failed)
    }

    fn get_all(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        // Sorted keys share the blocks that they lie in.
        let Some(family) = self.family(table) else { return Ok(vec![None; keys.len()]) };
        let values = self.db.batched_multi_get_cf(family, keys, true);
        values.into_iter().map(|value| Ok(value.map_err(failed)?.map(|v| v.to_vec()))).collect()
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut options = ReadOptions::default();
        options.set_total_order_seek(true);
        let start = after.max(prefix);
        let mode = IteratorMode::From(start, Direction::Forward);
        let mut found = Vec::new();
        let Some(family) = self.family(table) else { return Ok(found) };
        for entry in self.db.iterator_cf_opt(family, options, mode) {
            let (key, value) = entry.map_err(failed)?;
            if found.len() == limit || !key.starts_with(prefix) {
                break;
            }
            if after.is_empty() || *key > *after {
                found.push((key.into_vec(), value.into_vec()));
            }
        }
        Ok(found)
    }

    fn stage(&self, batch: Batch) -> Result<(), StoreError> {
        let mut writes = WriteBatch::default();
        for (table, key, value) in batch.writes {
            let lacks = || StoreError::Io(format!("there is no table {}", table.name()));
            let family = self.family(table).ok_or_else(lacks)?;
            match value {
                Some(value) => writes.put_cf(family, key, value),
                None => writes.delete_cf(family, key),
            }
        }
        self.db.write_opt(writes, &WriteOptions::default()).map_err(failed)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db.flush_wal(true).map_err(failed)
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
