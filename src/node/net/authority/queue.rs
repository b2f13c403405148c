//! What waits to be written to one authority.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::consensus::MESSAGE_BYTES_MAX;

/// Messages that wait for one authority. A rule says a few dozen a second; this is what gathers while a peer pauses for
/// some seconds.
pub(super) const QUEUE_MESSAGES_MAX: usize = 1024;

/// Their bytes: a message of the largest kind, and the next behind it.
pub(super) const QUEUE_BYTES_MAX: usize = 2 * (PREFIX + MESSAGE_BYTES_MAX);

/// Bytes of the length in front of a message.
pub(super) const PREFIX: usize = 4;

/// Small messages are written together, up to so many bytes.
const TOGETHER: usize = 64 << 10;

/// A message as it goes over the wire. Shared by all that it goes to.
pub(super) type Frame = Arc<[u8]>;

/// Frames in the order in which they are to be written. When there are too many the oldest go: what a rule says last
/// says most.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Waiting {
    fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }
}

impl Queue {
    /// Adds a frame; says how many had to go for it.
    pub(super) fn push(&self, frame: Frame) -> usize {
        let mut waiting = self.waiting();
        let before = waiting.frames.len();
        while !waiting.frames.is_empty()
            && (waiting.frames.len() >= QUEUE_MESSAGES_MAX
                || waiting.bytes + frame.len() > QUEUE_BYTES_MAX)
        {
            waiting.pop();
        }
        let gone = before - waiting.frames.len();
        waiting.bytes += frame.len();
        waiting.frames.push_back(frame);
        drop(waiting);
        self.filled.notify_one();
        gone
    }

    /// Waits for frames; gives the first, or some small ones together, and how many those are. For one reader.
    pub(super) async fn next(&self) -> (Frame, usize) {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.filled.notified().await;
        }
    }

    fn take(&self) -> Option<(Frame, usize)> {
        let mut waiting = self.waiting();
        let first = waiting.pop()?;
        let fits = |waiting: &Waiting, taken: usize| {
            waiting.frames.front().is_some_and(|next| taken + next.len() <= TOGETHER)
        };
        if !fits(&waiting, first.len()) {
            return Some((first, 1));
        }
        let (mut together, mut count) = (first.to_vec(), 1);
        while fits(&waiting, together.len())
            && let Some(next) = waiting.pop()
        {
            together.extend_from_slice(&next);
            count += 1;
        }
        Some((together.into(), count))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here is left half done by a thread that panicked.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(byte: u8, length: usize) -> Frame {
        vec![byte; length].into()
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_they_are_too_long() {
        let queue = Queue::default();
        for n in 0..QUEUE_MESSAGES_MAX {
            assert_eq!(queue.push(frame((n % 251) as u8, 1)), 0);
        }
        assert_eq!(queue.push(frame(1, 1)), 1);
        let longest = PREFIX + MESSAGE_BYTES_MAX;
        assert_eq!(queue.push(frame(2, longest)), 1, "there is room for its bytes");
        assert_eq!(queue.push(frame(3, longest)), QUEUE_MESSAGES_MAX - 1);
        assert_eq!(queue.push(frame(4, 1)), 1);
        let left: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
        let left: Vec<_> = left.iter().map(|(frame, count)| (frame[0], *count)).collect();
        assert_eq!(left, [(3, 1), (4, 1)]);
        assert_eq!(queue.waiting().bytes, 0);
    }

    #[test]
    fn small_ones_go_together_in_their_order() {
        let queue = Queue::default();
        for (byte, length) in [(1, 10), (2, TOGETHER - 10), (3, 1), (4, TOGETHER)] {
            queue.push(frame(byte, length));
        }
        let (first, count) = queue.take().unwrap();
        assert_eq!((first.len(), first[9], first[10], count), (TOGETHER, 1, 2, 2));
        assert_eq!(queue.take().unwrap().0[..], [3]);
        assert_eq!(queue.take().unwrap().1, 1);
        assert_eq!(queue.take(), None);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let queue = Arc::new(Queue::default());
        let waits = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        tokio::task::yield_now().await;
        queue.push(frame(7, 1));
        assert_eq!(waits.await.unwrap().0[..], [7]);
    }
}
