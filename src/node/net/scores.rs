//! The scores of peers. What an offence costs is in [`standing`](crate::replica::standing).
//!
//! A score outlasts the connection, so that being disconnected is no way to be forgiven.

use std::collections::BTreeMap;
use std::time::Instant;

use libp2p::PeerId;

use crate::replica::standing::{Offence, Sentence, Standing};
use crate::types::Time;

/// Peers whose score is remembered. Those with the best one are forgotten first.
const SCORES_MAX: usize = 1024;

/// The scores of all peers that have one below zero.
#[derive(Debug)]
pub(super) struct Scores {
    standings: BTreeMap<PeerId, Standing>,
    started: Instant,
}

impl Scores {
    pub(super) fn new(now: Instant) -> Self {
        Self { standings: BTreeMap::new(), started: now }
    }

    fn time(&self, now: Instant) -> Time {
        let since = now.duration_since(self.started).as_millis();
        Time(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// Takes the points of an offence from a peer; says what is to be done with it.
    pub(super) fn offend(&mut self, peer: PeerId, offence: Offence, now: Instant) -> Sentence {
        let time = self.time(now);
        if !self.standings.contains_key(&peer) && self.standings.len() >= SCORES_MAX {
            let best = self.standings.iter().max_by_key(|(_, standing)| standing.score(time));
            if let Some(best) = best.map(|(peer, _)| *peer) {
                self.standings.remove(&best);
            }
        }
        self.standings.entry(peer).or_insert_with(|| Standing::new(time)).offend(offence, time)
    }

    /// The score of a peer.
    pub(super) fn score(&self, peer: &PeerId, now: Instant) -> i32 {
        self.standings.get(peer).map_or(0, |standing| standing.score(self.time(now)))
    }

    /// Forgets those whose offences are all forgiven. Says whether any are left.
    pub(super) fn forgive(&mut self, now: Instant) -> bool {
        let time = self.time(now);
        self.standings.retain(|_, standing| !standing.is_spotless(time));
        !self.standings.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_score_is_remembered_until_it_is_forgiven() {
        let (start, peer) = (Instant::now(), PeerId::random());
        let mut scores = Scores::new(start);
        assert_eq!(scores.score(&peer, start), 0);
        assert_eq!(scores.offend(peer, Offence::OverRate, start), Sentence::Stay);
        assert_eq!(scores.offend(peer, Offence::CutOff, start), Sentence::Disconnect);
        assert_eq!(scores.score(&peer, start), -55);
        assert!(scores.forgive(start + Duration::from_secs(54)));
        assert_eq!(scores.score(&peer, start + Duration::from_secs(54)), -1);
        assert!(!scores.forgive(start + Duration::from_secs(55)));
        assert_eq!(scores.offend(peer, Offence::Lie, start), Sentence::Ban);
    }

    #[test]
    fn only_so_many_are_remembered_the_worst_among_them() {
        let start = Instant::now();
        let mut scores = Scores::new(start);
        let bad = PeerId::random();
        scores.offend(bad, Offence::CutOff, start);
        for _ in 0..2 * SCORES_MAX {
            scores.offend(PeerId::random(), Offence::Stale, start);
        }
        assert_eq!(scores.standings.len(), SCORES_MAX);
        assert_eq!(scores.score(&bad, start), -35);
    }
}
