//! The disks of simulated nodes: a store in memory, of which a crash forgets what was not synced.
//!
//! A thousand nodes hold the same chain a thousand times. So tables are persistent maps, and a table that comes to hold
//! what some other node's table held lately *is* that table: each knows the sum of the hashes of its entries, whatever the
//! order in which they came, and a [`Library`] keeps the latest ones by that sum. Nothing about it can be seen from
//! outside, but for the memory and the time that it saves.

use std::collections::btree_map::Entry as Slot;
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

/// The last write of each key of a table in a batch; nothing to delete it.
type Writes = BTreeMap<Arc<[u8]>, Option<Arc<[u8]>>>;

/// What a table became, and by which writes.
type Steps = Vec<(Arc<Writes>, Sum)>;

/// A batch, by tables: what disks stage alike they share.
type Staged = Vec<(Table, Arc<Writes>)>;

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

/// The latest versions of one table.
#[derive(Debug, Default)]
struct Versions {
    /// By the sum of each: the table, and what it became by which writes.
    shelves: BTreeMap<Sum, (Entries, Steps)>,
    /// The oldest first.
    order: VecDeque<Sum>,
}

impl Versions {
    fn keep(&mut self, shelf: &Shelf) {
        if let Slot::Vacant(slot) = self.shelves.entry(shelf.sum) {
            slot.insert((shelf.entries.clone(), Vec::new()));
            self.order.push_back(shelf.sum);
        }
        if self.order.len() > VERSIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.shelves.remove(&oldest);
        }
    }

    /// What a table becomes by these writes, if some disk did the same lately. They are compared byte by byte, which is
    /// quicker than hashing them.
    fn known<'a>(
        &self,
        shelf: &Shelf,
        writes: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + Clone,
    ) -> Option<(Shelf, Arc<Writes>)> {
        let (_, steps) = self.shelves.get(&shelf.sum)?;
        let count = writes.clone().count();
        let same = |known: &Writes| {
            let mut pairs = known.iter().zip(writes.clone());
            known.len() == count
                && pairs.all(|((key, value), (k, v))| **key == *k && value.as_deref() == v)
        };
        let (writes, sum) = steps.iter().find(|(known, _)| same(known))?;
        let (entries, _) = self.shelves.get(sum)?;
        Some((Shelf { sum: *sum, entries: entries.clone() }, writes.clone()))
    }

    /// Does these writes.
    fn apply(&mut self, shelf: &mut Shelf, writes: &Arc<Writes>) {
        self.keep(shelf);
        let mut sum = shelf.sum;
        for (key, value) in &**writes {
            if let Some(old) = shelf.entries.get(key) {
                subtract(&mut sum, hash(key, old));
            }
            if let Some(value) = value {
                add(&mut sum, hash(key, value));
            }
        }
        let before = std::mem::replace(&mut shelf.sum, sum);
        match self.shelves.get(&sum) {
            Some((entries, _)) => shelf.entries = entries.clone(),
            None => {
                for (key, value) in &**writes {
                    match value {
                        Some(value) => drop(shelf.entries.insert(key.clone(), value.clone())),
                        None => drop(shelf.entries.remove(key)),
                    }
                }
                self.keep(shelf);
            }
        }
        if let Some((_, steps)) = self.shelves.get_mut(&before) {
            steps.push((writes.clone(), sum));
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
    staged: Vec<Staged>,
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
    /// Applies a batch; gives it back by tables.
    fn apply(&self, shelves: &mut Shelves, batch: &Batch) -> Staged {
        let mut library = lock(&self.0);
        let mut staged = Vec::new();
        for (table, shelf) in Table::ALL.into_iter().zip(shelves.iter_mut()) {
            let writes = batch.writes.iter().filter(|(at, ..)| *at == table);
            let writes = writes.map(|(_, key, value)| (&**key, value.as_deref()));
            if writes.clone().next().is_none() {
                continue;
            }
            let versions = &mut library[table as usize];
            // Most batches write each key once and in order, and then they are their own last writes.
            if let Some((after, writes)) = versions.known(shelf, writes.clone()) {
                *shelf = after;
                staged.push((table, writes));
                continue;
            }
            let writes: Writes =
                writes.map(|(key, value)| (key.into(), value.map(Arc::from))).collect();
            let sorted = writes.iter().map(|(key, value)| (&**key, value.as_deref()));
            let writes = match versions.known(shelf, sorted) {
                Some((after, writes)) => {
                    *shelf = after;
                    writes
                }
                None => {
                    let writes = Arc::new(writes);
                    versions.apply(shelf, &writes);
                    writes
                }
            };
            staged.push((table, writes));
        }
        staged
    }

    /// Applies what was staged.
    fn apply_staged(&self, shelves: &mut Shelves, staged: &Staged) {
        let mut library = lock(&self.0);
        for (table, writes) in staged {
            library[*table as usize].apply(&mut shelves[*table as usize], writes);
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
            self.library.apply_staged(&mut shelves, batch);
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
        let staged = self.library.apply(&mut inner.shelves, &batch);
        inner.staged.push(staged);
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
