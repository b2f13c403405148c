//! Who is not let in for a while.
//!
//! Bans are by peer id, never by address: on one machine a hundred honest nodes share an address. A first ban lasts
//! ten minutes and every further one twice as long as the last, up to a day. Nothing is written down: a restart
//! forgives.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;

/// The first ban of a peer.
const FIRST: Duration = Duration::from_secs(10 * 60);

/// No ban is longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Peers remembered, banned now or once.
const PEERS_MAX: usize = 1024;

#[derive(Debug, Clone, Copy)]
struct Ban {
    until: Instant,
    length: Duration,
    lifted: bool,
}

/// All bans.
#[derive(Debug, Default)]
pub(super) struct Bans(BTreeMap<PeerId, Ban>);

impl Bans {
    /// Bans a peer. Says for how long, and who was forgotten to make room for it.
    pub(super) fn ban(&mut self, peer: PeerId, now: Instant) -> (Duration, Option<PeerId>) {
        let before = self.0.get(&peer).map(|ban| ban.length);
        let length = before.map_or(FIRST, |length| (length * 2).min(LONGEST));
        self.0.insert(peer, Ban { until: now + length, length, lifted: false });
        let forgotten = (self.0.len() > PEERS_MAX).then(|| self.forget(peer)).flatten();
        (length, forgotten)
    }

    /// Forgets the ban that ends, or ended, first.
    fn forget(&mut self, except: PeerId) -> Option<PeerId> {
        let others = self.0.iter().filter(|(peer, _)| **peer != except);
        let first = others.min_by_key(|(_, ban)| ban.until).map(|(peer, _)| *peer)?;
        self.0.remove(&first);
        Some(first)
    }

    /// Whether a peer is banned now.
    pub(super) fn is_banned(&self, peer: &PeerId) -> bool {
        self.0.get(peer).is_some_and(|ban| !ban.lifted)
    }

    /// Lifts the bans that are over and says whose. Their length is remembered.
    pub(super) fn lift(&mut self, now: Instant) -> Vec<PeerId> {
        let over = self.0.iter_mut().filter(|(_, ban)| !ban.lifted && ban.until <= now);
        over.map(|(peer, ban)| {
            ban.lifted = true;
            *peer
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_ends_and_the_next_is_twice_as_long() {
        let (mut bans, peer, start) = (Bans::default(), PeerId::random(), Instant::now());
        assert_eq!(bans.ban(peer, start), (FIRST, None));
        assert!(bans.is_banned(&peer));
        assert!(bans.lift(start + FIRST / 2).is_empty());
        assert_eq!(bans.lift(start + FIRST), [peer]);
        assert!(!bans.is_banned(&peer));
        assert!(bans.lift(start + FIRST * 2).is_empty());
        assert_eq!(bans.ban(peer, start).0, FIRST * 2);
        for _ in 0..20 {
            bans.ban(peer, start);
        }
        assert_eq!(bans.ban(peer, start).0, LONGEST);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let (mut bans, start) = (Bans::default(), Instant::now());
        let first = PeerId::random();
        bans.ban(first, start);
        for n in 1..PEERS_MAX as u64 {
            assert_eq!(bans.ban(PeerId::random(), start + Duration::from_secs(n)).1, None);
        }
        let last = PeerId::random();
        assert_eq!(bans.ban(last, start).1, Some(first));
        assert!(bans.is_banned(&last) && !bans.is_banned(&first));
        assert_eq!(bans.0.len(), PEERS_MAX);
    }
}
