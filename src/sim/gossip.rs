//! Gossip as the node's gossipsub does it.
//!
//! A publication goes to all peers. A message that the replica accepts goes on to the *mesh*: four peers or so of each
//! node, chosen mutually. Whatever a node had already is dropped before the replica sees it.
//!
//! Deviations: there is no heartbeat; a mesh is mended at the moment at which a peer comes or goes. Peers do not tell each
//! other what they have ("I have", "I want"): a stream loses nothing, and what a cut line or a datagram lost is found by
//! the replicas' statuses.

use std::collections::{BTreeSet, VecDeque};

use super::host::Sim;
use super::time::{Micros, Moment};

/// Peers in a mesh that is filled.
const MESH: usize = 4;

/// A mesh with fewer is filled.
const MESH_LOW: usize = 2;

/// A mesh with as many takes nobody else.
const MESH_HIGH: usize = 6;

/// How long a message is remembered: the time of gossipsub's duplicate cache.
const REMEMBERED: Micros = Micros::seconds(60);

/// The name of a message: a hash of its bytes.
pub(super) type MessageId = u128;

/// Messages that a node had in the last minute.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: BTreeSet<MessageId>,
    order: VecDeque<(Moment, MessageId)>,
}

impl Seen {
    /// Remembers a message; says whether it is new.
    pub(super) fn insert(&mut self, id: MessageId, now: Moment) -> bool {
        while let Some((at, old)) = self.order.front().copied()
            && now.since(at) > REMEMBERED
        {
            self.order.pop_front();
            self.ids.remove(&old);
        }
        let new = self.ids.insert(id);
        if new {
            self.order.push_back((now, id));
        }
        new
    }
}

impl Sim {
    fn mesh_of(&self, node: usize) -> usize {
        self.nodes[node].process.peers.values().filter(|peer| peer.mesh).count()
    }

    /// Fills a node's mesh if it is too small, as far as its peers have room.
    pub(super) fn mend_mesh(&mut self, node: usize) {
        let mut size = self.mesh_of(node);
        if size >= MESH_LOW {
            return;
        }
        let peers = &self.nodes[node].process.peers;
        let outside = peers.iter().filter(|(_, peer)| !peer.mesh).map(|(peer, _)| *peer as usize);
        let mut outside: Vec<usize> = outside.collect();
        self.gossip_dice.shuffle(&mut outside);
        for peer in outside {
            if size >= MESH {
                break;
            }
            if self.mesh_of(peer) < MESH_HIGH {
                self.set_mesh(node, peer);
                self.set_mesh(peer, node);
                size += 1;
            }
        }
    }

    fn set_mesh(&mut self, node: usize, peer: usize) {
        if let Some(link) = self.nodes[node].process.peers.get_mut(&(peer as u32)) {
            link.mesh = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_new_once_a_minute() {
        let mut seen = Seen::default();
        assert!(seen.insert(1, Moment(0)) && seen.insert(2, Moment(1)));
        assert!(!seen.insert(1, Moment(60_000_000)));
        assert!(seen.insert(1, Moment(60_000_001)));
        assert_eq!((seen.ids.len(), seen.order.len()), (2, 2));
    }
}
