//! What may wait while something more urgent is there.
//!
//! Answering a question may mean reading megabytes of blocks from disk, and a batch of transactions takes a hundred times
//! as long as an announcement. Both come from peers, who may send as many as their rates allow. They are put aside as
//! they arrive and taken one peer after the other, so that nobody waits longer because another peer asks more.
//!
//! Nothing is bounded here: the network room hands over no more questions than may be open, and no more gossip than may
//! wait for a verdict.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use crate::replica::wire::{Gossip, Request};
use crate::replica::{Input, Peer};

/// Inputs put aside, by peer; no queue is empty.
#[derive(Debug, Default)]
pub(super) struct Aside {
    queues: BTreeMap<Peer, VecDeque<Input>>,
    /// Whose turn it was last.
    last: Option<Peer>,
}

impl Aside {
    /// Puts an input aside, or gives it back if it must not wait.
    pub(super) fn put(&mut self, input: Input) -> Option<Input> {
        let from = match &input {
            Input::Gossip { from, gossip: Gossip::Transactions(_), .. } => *from,
            // Where we stand costs nothing to say.
            Input::Request { request: Request::Status(_), .. } => return Some(input),
            Input::Request { from, .. } => *from,
            _ => return Some(input),
        };
        self.queues.entry(from).or_default().push_back(input);
        None
    }

    /// The oldest input of the peer whose turn it is.
    pub(super) fn take(&mut self) -> Option<Input> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.queues.range((after, Bound::Unbounded)).next();
        let peer = next.or_else(|| self.queues.first_key_value()).map(|(peer, _)| *peer)?;
        self.last = Some(peer);
        let queue = self.queues.get_mut(&peer)?;
        let input = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&peer);
        }
        input
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BlockId, Bounded, Hash};

    fn question(from: u64, id: u64) -> Input {
        let request = Request::Block(BlockId(Hash([0; 32])));
        Input::Request { from: Peer(from), id, request }
    }

    #[test]
    fn peers_take_turns_and_each_keeps_its_order() {
        let mut aside = Aside::default();
        for id in 0..3 {
            assert_eq!(aside.put(question(1, id)), None);
        }
        let gossip = Gossip::Transactions(Bounded::default());
        let batch = Input::Gossip { from: Peer(2), message: 9, gossip };
        assert_eq!(aside.put(batch.clone()), None);
        assert_eq!(aside.put(question(3, 5)), None);
        let taken: Vec<Input> = std::iter::from_fn(|| aside.take()).collect();
        let expected = [question(1, 0), batch, question(3, 5), question(1, 1), question(1, 2)];
        assert_eq!(taken, expected);
        assert!(aside.is_empty() && aside.queues.is_empty());
    }

    #[test]
    fn what_is_urgent_is_given_back() {
        let mut aside = Aside::default();
        for urgent in [
            Input::Tick,
            Input::Connected(Peer(1)),
            Input::Found { order: crate::consensus::OrderId(1), seal: crate::types::Seal::Genesis },
        ] {
            assert_eq!(aside.put(urgent.clone()), Some(urgent));
        }
        assert!(aside.is_empty());
    }
}
