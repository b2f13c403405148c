//! A memory of bounded size: what is oldest is forgotten first.

use std::collections::{BTreeMap, VecDeque};

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
        while self.entries.len() > self.capacity {
            let oldest = self.order.pop_front()?;
            if let Some(value) = self.entries.remove(&oldest) {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.entries.remove(key)?;
        self.order.retain(|other| other != key);
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
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
        assert_eq!(recent.remove(&2), Some('b'));
        assert_eq!(recent.insert(4, 'e'), None);
        assert_eq!(recent.iter().count(), 2);
    }
}
