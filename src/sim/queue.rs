//! The queue of everything that will happen, in the order of moments, and of arrival within one.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::time::Moment;

#[derive(Debug)]
struct Entry<T> {
    at: Moment,
    sequence: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    /// The earliest is the greatest: the heap gives that first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// What will happen, and when.
#[derive(Debug)]
pub(super) struct Queue<T> {
    heap: BinaryHeap<Entry<T>>,
    sequence: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<T> Queue<T> {
    pub(super) fn push(&mut self, at: Moment, what: T) {
        self.sequence += 1;
        self.heap.push(Entry { at, sequence: self.sequence, what });
    }

    /// The next thing to happen, if it happens by `end`.
    pub(super) fn pop_until(&mut self, end: Moment) -> Option<(Moment, T)> {
        self.heap.peek().filter(|entry| entry.at <= end)?;
        self.heap.pop().map(|entry| (entry.at, entry.what))
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_first_and_then_the_order_of_arrival() {
        let mut queue = Queue::default();
        for (at, what) in [(5, 'd'), (1, 'a'), (5, 'e'), (1, 'b'), (3, 'c')] {
            queue.push(Moment(at), what);
        }
        let order: Vec<char> =
            std::iter::from_fn(|| queue.pop_until(Moment(4))).map(|(_, what)| what).collect();
        assert_eq!(order, ['a', 'b', 'c']);
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.pop_until(Moment(5)), Some((Moment(5), 'd')));
    }
}
