//! Memories of bounded size: what is oldest is forgotten first.
//!
//! [`Recent`] holds a number of entries that all cost about the same. [`Room`] holds what peers bring, and is bounded in
//! three ways: in number, in bytes, and per owner, so that one peer cannot push out what the others brought.

use std::collections::{BTreeMap, VecDeque};

use super::Peer;
use crate::types::canary::{Bug, planted};

/// A map that forgets its oldest entry when it is full.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: BTreeMap<K, V>,
    order: VecDeque<K>,
    capacity: usize,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: BTreeMap::new(), order: VecDeque::new(), capacity }
    }

    /// Remembers a value; gives back what was forgotten for it.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.entries.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() <= self.capacity {
            return None;
        }
        let oldest = self.order.pop_front()?;
        self.entries.remove(&oldest)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// Forgets a value; its place in the order goes when its turn comes.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }
}

/// How much a replica holds of something that others can make it hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Of what.
    pub what: &'static str,
    /// How much.
    pub held: usize,
    /// How much it may be.
    pub max: usize,
}

impl Held {
    pub(super) fn new(what: &'static str, held: usize, max: usize) -> Self {
        Self { what, held, max }
    }
}

/// How much a [`Room`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity {
    /// Entries.
    pub(super) entries: usize,
    /// Their bytes.
    pub(super) bytes: usize,
    /// One of how many parts of the room a single owner may fill.
    pub(super) parts: usize,
}

/// Who brought an entry: a peer, or this node itself.
type Owner = Option<Peer>;

#[derive(Debug)]
struct Entry<V> {
    owner: Owner,
    bytes: usize,
    number: u64,
    value: V,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Load {
    entries: usize,
    bytes: usize,
}

/// A map of what peers brought. Whoever is over its share loses its own oldest entry; when the room is full, whoever
/// fills most of it does.
#[derive(Debug)]
pub(super) struct Room<K, V> {
    capacity: Capacity,
    entries: BTreeMap<K, Entry<V>>,
    /// The keys of each owner by arrival; none is empty.
    owned: BTreeMap<Owner, (Load, BTreeMap<u64, K>)>,
    bytes: usize,
    numbers: u64,
}

impl<K: Ord + Clone, V> Room<K, V> {
    pub(super) fn new(capacity: Capacity) -> Self {
        let (entries, owned) = (BTreeMap::new(), BTreeMap::new());
        Self { capacity, entries, owned, bytes: 0, numbers: 0 }
    }

    /// Remembers a value of so many bytes; gives back what was forgotten for it, which is the value itself if it is
    /// larger than a share. Another value under the key goes without a word.
    pub(super) fn insert(&mut self, key: K, owner: Owner, bytes: usize, value: V) -> Vec<V> {
        self.remove(&key);
        if bytes > self.capacity.bytes / self.capacity.parts {
            return vec![value];
        }
        self.numbers += 1;
        let (load, keys) = self.owned.entry(owner).or_default();
        load.entries += 1;
        load.bytes += bytes;
        keys.insert(self.numbers, key.clone());
        self.bytes += bytes;
        self.entries.insert(key, Entry { owner, bytes, number: self.numbers, value });
        let mut forgotten = Vec::new();
        while let Some(who) = self.too_much(owner) {
            let Some(oldest) = self.oldest(who) else { break };
            forgotten.extend(self.remove(&oldest));
        }
        forgotten
    }

    /// Who has to lose an entry, if anybody has, after `newest` brought one.
    fn too_much(&self, newest: Owner) -> Option<Owner> {
        if planted(Bug::RoomsUnbounded) {
            return None;
        }
        let Capacity { entries, bytes, parts } = self.capacity;
        let (mine, _) = self.owned.get(&newest)?;
        if mine.entries > entries.div_ceil(parts) || mine.bytes > bytes / parts {
            return Some(newest);
        }
        let loads = self.owned.iter().map(|(owner, (load, _))| (*owner, *load));
        if self.entries.len() > entries {
            return loads.max_by_key(|(_, load)| load.entries).map(|(owner, _)| owner);
        }
        if self.bytes > bytes {
            return loads.max_by_key(|(_, load)| load.bytes).map(|(owner, _)| owner);
        }
        None
    }

    fn oldest(&self, owner: Owner) -> Option<K> {
        self.owned.get(&owner)?.1.first_key_value().map(|(_, key)| key.clone())
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let Entry { owner, bytes, number, value } = self.entries.remove(key)?;
        self.bytes -= bytes;
        if let Some((load, keys)) = self.owned.get_mut(&owner) {
            load.entries -= 1;
            load.bytes -= bytes;
            keys.remove(&number);
            if keys.is_empty() {
                self.owned.remove(&owner);
            }
        }
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of everything in it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let mut recent = Recent::new(2);
        assert_eq!(recent.insert(1, 'a'), None);
        assert_eq!(recent.insert(2, 'b'), None);
        assert_eq!(recent.insert(1, 'c'), None);
        assert_eq!(recent.insert(3, 'd'), Some('c'));
        assert!(!recent.contains(&1));
        assert_eq!(recent.iter().count(), 2);
    }

    const CAPACITY: Capacity = Capacity { entries: 8, bytes: 80, parts: 4 };

    fn room() -> Room<u32, u32> {
        Room::new(CAPACITY)
    }

    fn put(room: &mut Room<u32, u32>, key: u32, owner: u64, bytes: usize) -> Vec<u32> {
        room.insert(key, Some(Peer(owner)), bytes, key)
    }

    #[test]
    fn an_owner_over_its_share_loses_its_own_oldest() {
        let mut room = room();
        put(&mut room, 1, 9, 1);
        put(&mut room, 2, 1, 1);
        put(&mut room, 3, 1, 1);
        assert_eq!(put(&mut room, 4, 1, 1), [2], "in number");
        assert_eq!(put(&mut room, 5, 1, 19), [3], "in number");
        assert_eq!(put(&mut room, 6, 1, 20), [4, 5], "in bytes");
        assert_eq!(room.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [1, 6]);
    }

    #[test]
    fn a_full_room_takes_from_whoever_fills_most() {
        let mut room = room();
        for key in 0..8 {
            assert!(put(&mut room, key, u64::from(key / 2), 1).is_empty());
        }
        let gone = put(&mut room, 8, 7, 1);
        assert_eq!(gone.len(), 1);
        assert_ne!(gone, [8], "not from the one who has least");
        assert_eq!(room.iter().count(), 8);
    }

    #[test]
    fn bytes_are_counted_and_given_back() {
        let mut room = room();
        assert_eq!(put(&mut room, 1, 1, 21), [1], "larger than a share");
        assert!(room.is_empty() && room.owned.is_empty());
        for owner in 0..4 {
            put(&mut room, 10 + owner as u32, owner, 20);
        }
        assert_eq!(room.bytes(), 80);
        assert_eq!(put(&mut room, 20, 5, 10).len(), 1);
        assert_eq!(room.bytes(), 70);
        assert_eq!(put(&mut room, 20, 6, 5), Vec::<u32>::new(), "the key moves to another owner");
        assert_eq!(room.bytes(), 65);
        let keys: Vec<u32> = room.iter().map(|(key, _)| *key).collect();
        for key in keys {
            room.remove(&key);
        }
        assert_eq!((room.bytes(), room.owned.len()), (0, 0));
        assert_eq!(room.remove(&1), None);
    }
}
