//! What the network room says, and what it is told.

use std::collections::BTreeSet;

use libp2p::{Multiaddr, PeerId};

use super::authority::Room;
use crate::consensus::{AuthorityId, Message};
use crate::replica::standing::Offence;
use crate::replica::wire::{Gossip, Request, Response};
use crate::replica::{GossipVerdict, Input, Peer, RequestId};
use crate::types::{GenesisId, Time};

/// Something happened on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetEvent {
    /// A peer of this chain is connected.
    Connected(Peer),
    /// Its last connection closed.
    Disconnected(Peer),
    /// A peer passed a gossip message on, to be answered by [`super::NetHandle::verdict`].
    Gossip {
        /// Who passed it on.
        from: Peer,
        /// Its number.
        message: u64,
        /// What it says.
        gossip: Gossip,
    },
    /// A peer asks, to be answered by [`super::NetHandle::respond`] within ten seconds.
    Request {
        /// Who.
        from: Peer,
        /// The number that the answer must carry.
        id: RequestId,
        /// What.
        request: Request,
    },
    /// A peer answers.
    Response {
        /// Who.
        from: Peer,
        /// The number of our request.
        id: RequestId,
        /// The answer.
        response: Response,
    },
    /// No answer will come.
    RequestFailed {
        /// Who did not answer.
        from: Peer,
        /// The number of our request.
        id: RequestId,
        /// Why, for the log.
        reason: String,
    },
    /// An authority sent a message.
    Received {
        /// Who.
        from: AuthorityId,
        /// What.
        message: Message,
        /// Held until the message is handled: its sender waits meanwhile.
        room: Room,
    },
    /// A node of another chain was turned away. The host puts it in the log; of a storm of them only some are told.
    WrongChain {
        /// Who.
        peer_id: String,
        /// Where it is.
        address: Multiaddr,
        /// Our chain.
        ours: GenesisId,
        /// What it calls its chain, which need not be an id.
        theirs: String,
    },
    /// A peer was thrown out and is not let in for a while. The host puts it in the log.
    Banned {
        /// Its number, if it was of this chain.
        peer: Option<Peer>,
        /// Who.
        peer_id: String,
        /// Why.
        reason: String,
        /// For how long, in seconds.
        seconds: u64,
    },
}

impl NetEvent {
    /// The event as the replica takes it; gives back what is none of the replica's business,
    /// and what has to hold its room until the replica has handled it.
    pub fn into_input(self) -> Result<Input, Box<Self>> {
        Ok(match self {
            Self::Connected(peer) => Input::Connected(peer),
            Self::Disconnected(peer) => Input::Disconnected(peer),
            Self::Gossip { from, message, gossip } => Input::Gossip { from, message, gossip },
            Self::Request { from, id, request } => Input::Request { from, id, request },
            Self::Response { from, id, response } => Input::Response { from, id, response },
            Self::RequestFailed { from, id, reason: _ } => Input::RequestFailed { from, id },
            other @ (Self::Received { .. } | Self::WrongChain { .. } | Self::Banned { .. }) => {
                return Err(other.into());
            }
        })
    }
}

/// A connected peer of this chain.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerInfo {
    /// Its number.
    pub peer: Peer,
    /// Its peer id.
    pub peer_id: String,
    /// Where it is.
    pub address: Multiaddr,
    /// Whether this node opened the connection.
    pub outbound: bool,
    /// What software it says it runs.
    pub agent: String,
    /// When it connected.
    pub connected_at: Time,
    /// The last round trip, if there was one, in milliseconds.
    pub round_trip_ms: Option<f64>,
    /// Its score: zero, or below for offences that are not forgiven yet.
    pub score: i32,
}

/// An order of the host.
#[derive(Debug)]
pub(super) enum Command {
    Publish(Gossip),
    Request {
        to: Peer,
        id: RequestId,
        request: Request,
    },
    Respond {
        to: Peer,
        id: RequestId,
        response: Response,
    },
    Verdict {
        message: u64,
        verdict: GossipVerdict,
    },
    Ban {
        peer: Peer,
        reason: String,
    },
    Blame {
        peer: Peer,
        offence: Offence,
    },
    Connect(Multiaddr),
    /// These peers are blocked no longer.
    Unblocked(BTreeSet<PeerId>),
}
