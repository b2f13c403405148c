//! Gossip that waits for the replica's verdict.
//!
//! The room is bounded twice: in all, per topic, so that transactions cannot crowd out blocks; and per peer, so that
//! one peer cannot crowd out the others. What does not fit is not handed to the replica at all: whatever the replica
//! has not judged is what it still has to hold, so this is also the bound on its queue. What waits too long is given
//! up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::gossipsub::MessageId;

use super::names::Topic;

/// Messages of one topic that may wait.
const MESSAGES_MAX: usize = 1024;

/// Their bytes.
const BYTES_MAX: usize = 32 << 20;

/// One of how many parts of a topic's room a single peer may fill.
const PEER_SHARE: usize = 4;

/// How long a message may wait.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A message that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    /// Gossipsub's name for it.
    pub(super) id: MessageId,
    /// Who passed it on.
    pub(super) source: PeerId,
    topic: Topic,
    bytes: usize,
    since: Instant,
}

#[derive(Debug, Clone, Copy, Default)]
struct Load {
    messages: usize,
    bytes: usize,
}

impl Load {
    fn fits(self, bytes: usize, part: usize) -> bool {
        self.messages < MESSAGES_MAX / part && self.bytes + bytes <= BYTES_MAX / part
    }
}

/// All messages that wait, by the number the replica knows them by.
#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    messages: BTreeMap<u64, Waiting>,
    in_all: BTreeMap<Topic, Load>,
    per_peer: BTreeMap<(Topic, PeerId), Load>,
    next: u64,
}

impl WaitingRoom {
    /// Lets a message in and numbers it, if there is room.
    pub(super) fn enter(
        &mut self,
        id: MessageId,
        source: PeerId,
        topic: Topic,
        bytes: usize,
        now: Instant,
    ) -> Option<u64> {
        let in_all = self.in_all.entry(topic).or_default();
        let mine = self.per_peer.get(&(topic, source)).copied().unwrap_or_default();
        if !in_all.fits(bytes, 1) || !mine.fits(bytes, PEER_SHARE) {
            return None;
        }
        for load in [in_all, self.per_peer.entry((topic, source)).or_default()] {
            load.messages += 1;
            load.bytes += bytes;
        }
        self.next += 1;
        self.messages.insert(self.next, Waiting { id, source, topic, bytes, since: now });
        Some(self.next)
    }

    /// Lets a message out.
    pub(super) fn leave(&mut self, number: u64) -> Option<Waiting> {
        let message = self.messages.remove(&number)?;
        let key = (message.topic, message.source);
        for load in [self.in_all.get_mut(&message.topic), self.per_peer.get_mut(&key)] {
            let load = load.expect("every message in the room is on both lists");
            load.messages -= 1;
            load.bytes -= message.bytes;
        }
        if self.per_peer.get(&key).is_some_and(|load| load.messages == 0) {
            self.per_peer.remove(&key);
        }
        Some(message)
    }

    /// Lets out one message that waited too long, if there is one.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Waiting> {
        let (&number, oldest) = self.messages.first_key_value()?;
        (now.duration_since(oldest.since) > WAIT_MAX).then(|| self.leave(number))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> MessageId {
        MessageId::new(&n.to_le_bytes())
    }

    #[test]
    fn one_peer_fills_its_share_and_all_together_the_room() {
        let mut room = WaitingRoom::default();
        let now = Instant::now();
        let peers: Vec<PeerId> = (0..5).map(|_| PeerId::random()).collect();
        let mut numbers = Vec::new();
        for peer in &peers[..4] {
            for n in 0.. {
                match room.enter(id(n), *peer, Topic::Transactions, 10, now) {
                    Some(number) => numbers.push(number),
                    None => break,
                }
            }
        }
        assert_eq!(numbers.len(), MESSAGES_MAX);
        assert_eq!(room.enter(id(0), peers[4], Topic::Transactions, 10, now), None);
        assert!(room.enter(id(0), peers[0], Topic::Blocks, 10, now).is_some());
        assert_eq!(room.leave(numbers[0]).unwrap().source, peers[0]);
        assert!(room.leave(numbers[0]).is_none());
        assert!(room.enter(id(0), peers[4], Topic::Transactions, 10, now).is_some());
    }

    #[test]
    fn bytes_count_too_and_are_given_back() {
        let mut room = WaitingRoom::default();
        let (now, peer) = (Instant::now(), PeerId::random());
        let share = BYTES_MAX / PEER_SHARE;
        assert_eq!(room.enter(id(0), peer, Topic::Blocks, share + 1, now), None);
        let number = room.enter(id(0), peer, Topic::Blocks, share, now).unwrap();
        assert_eq!(room.enter(id(1), peer, Topic::Blocks, 1, now), None);
        room.leave(number).unwrap();
        assert!(room.enter(id(1), peer, Topic::Blocks, share, now).is_some());
        assert_eq!(room.per_peer.len(), 1);
    }

    #[test]
    fn what_waits_too_long_is_given_up_oldest_first() {
        let mut room = WaitingRoom::default();
        let (start, peer) = (Instant::now(), PeerId::random());
        let later = start + Duration::from_secs(1);
        room.enter(id(0), peer, Topic::Blocks, 1, start).unwrap();
        let second = room.enter(id(1), peer, Topic::Blocks, 1, later).unwrap();
        assert!(room.expire(start + WAIT_MAX).is_none());
        assert_eq!(room.expire(later + WAIT_MAX).unwrap().id, id(0));
        assert!(room.expire(later + WAIT_MAX).is_none());
        assert!(room.leave(second).is_some());
    }
}
