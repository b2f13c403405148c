//! The disks of simulated nodes: a store in memory, of which a crash forgets what was not synced.
//!
//! A thousand nodes hold the same chain a thousand times. So tables are persistent maps, and a table that comes to hold
//! what some other node's table held lately *is* that table: each knows the sum of the hashes of its entries, whatever the
//! order in which they came, and a [`Library`] keeps the latest ones by that sum. Nothing about it can be seen from
//! outside, but for the memory and the time that it saves.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imbl::OrdMap;

use crate::store::{Batch, Entry, Store, StoreError, Table};

/// Versions of each table that the library keeps.
const VERSIONS_MAX: usize = 64;

/// The sum of 256-bit hashes of entries, in two halves of 128 bits that overflow apart.
type Sum = [u128; 2];

type Entries = OrdMap<Arc<[u8]>, Arc<[u8]>>;

/// A table.
#[derive(Debug, Clone, Default)]
struct Shelf {
    sum: Sum,
    entries: Entries,
}

/// All tables, in the order of [`Table::ALL`].
type Shelves = [Shelf; Table::ALL.len()];

/// Tables that some disk held lately.
#[derive(Debug, Default)]
pub struct Library(Mutex<[Versions; Table::ALL.len()]>);

#[derive(Debug, Default)]
struct Versions {
    entries: BTreeMap<Sum, Entries>,
    /// The oldest first.
    order: VecDeque<Sum>,
}

impl Versions {
    fn keep(&mut self, sum: Sum, entries: &Entries) {
        if self.entries.insert(sum, entries.clone()).is_none() {
            self.order.push_back(sum);
        }
        if self.order.len() > VERSIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

/// A disk.
#[derive(Debug, Default)]
pub struct Disk {
    inner: Mutex<Inner>,
    library: Arc<Library>,
}

#[derive(Debug, Clone, Default)]
struct Inner {
    shelves: Shelves,
    durable: Shelves,
    /// Staged since the last sync, in order.
    staged: Vec<Batch>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds the lock, so what is inside is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash(key: &[u8], value: &[u8]) -> Sum {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(value);
    let bytes = *hasher.finalize().as_bytes();
    let half = |from: usize| {
        let half = bytes[from..].first_chunk().expect("a hash has 32 bytes");
        u128::from_le_bytes(*half)
    };
    [half(0), half(16)]
}

fn add(sum: &mut Sum, entry: Sum) {
    *sum = [sum[0].wrapping_add(entry[0]), sum[1].wrapping_add(entry[1])];
}

fn subtract(sum: &mut Sum, entry: Sum) {
    *sum = [sum[0].wrapping_sub(entry[0]), sum[1].wrapping_sub(entry[1])];
}

impl Library {
    fn apply(&self, shelves: &mut Shelves, batch: &Batch) {
        let mut library = lock(&self.0);
        for (table, shelf) in Table::ALL.into_iter().zip(shelves.iter_mut()) {
            let writes = batch.writes.iter().filter(|(at, ..)| *at == table);
            // The last write of a key is the one that counts.
            let writes: BTreeMap<&[u8], Option<&[u8]>> =
                writes.map(|(_, key, value)| (&**key, value.as_deref())).collect();
            if writes.is_empty() {
                continue;
            }
            let mut sum = shelf.sum;
            for (key, value) in &writes {
                if let Some(old) = shelf.entries.get(*key) {
                    subtract(&mut sum, hash(key, old));
                }
                if let Some(value) = value {
                    add(&mut sum, hash(key, value));
                }
            }
            let versions = &mut library[table as usize];
            shelf.sum = sum;
            if let Some(entries) = versions.entries.get(&sum) {
                shelf.entries = entries.clone();
                continue;
            }
            for (key, value) in writes {
                match value {
                    Some(value) => drop(shelf.entries.insert(key.into(), value.into())),
                    None => drop(shelf.entries.remove(key)),
                }
            }
            versions.keep(sum, &shelf.entries);
        }
    }
}

impl Disk {
    /// An empty disk, which shares tables with others of this library.
    pub fn new(library: Arc<Library>) -> Self {
        Self { inner: Mutex::default(), library }
    }

    /// The disk as a crash leaves it: synced batches, and the first `survivors` of the staged ones.
    pub fn crashed(&self, survivors: usize) -> Self {
        let inner = lock(&self.inner);
        let mut shelves = inner.durable.clone();
        for batch in inner.staged.iter().take(survivors) {
            self.library.apply(&mut shelves, batch);
        }
        let inner = Inner { durable: shelves.clone(), shelves, staged: Vec::new() };
        Self { inner: Mutex::new(inner), library: self.library.clone() }
    }

    /// Batches that are not durable yet.
    pub fn staged(&self) -> usize {
        lock(&self.inner).staged.len()
    }
}

impl Store for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let inner = lock(&self.inner);
        Ok(inner.shelves[table as usize].entries.get(key).map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let inner = lock(&self.inner);
        let start = match after.is_empty() || after < prefix {
            true => Bound::Included(prefix),
            false => Bound::Excluded(after),
        };
        let range = (start, Bound::Unbounded::<&[u8]>);
        let found = inner.shelves[table as usize].entries.range::<_, [u8]>(range);
        let found = found.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(found.map(|(key, value)| (key.to_vec(), value.to_vec())).collect())
    }

    fn stage(&self, batch: Batch) -> Result<(), StoreError> {
        let mut inner = lock(&self.inner);
        self.library.apply(&mut inner.shelves, &batch);
        inner.staged.push(batch);
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut inner = lock(&self.inner);
        if !inner.staged.is_empty() {
            inner.durable = inner.shelves.clone();
            inner.staged.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "tests/disk.rs"]
mod tests;
