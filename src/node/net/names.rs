//! What the chain is called on the wire. Every name carries the genesis id, so two chains cannot talk by accident.

use libp2p::StreamProtocol;
use libp2p::gossipsub::{IdentTopic, TopicHash};

use super::config::NetError;
use crate::replica::wire::Gossip;
use crate::types::GenesisId;

/// What goes over a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// Announcements.
    Blocks,
    /// Transactions.
    Transactions,
}

impl Topic {
    /// Where a message belongs.
    pub(super) fn of(gossip: &Gossip) -> Self {
        match gossip {
            Gossip::Announce(_) => Self::Blocks,
            Gossip::Transactions(_) => Self::Transactions,
        }
    }
}

/// The names of one chain.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// `assay/GENESIS/blocks`.
    pub(super) blocks: IdentTopic,
    /// `assay/GENESIS/transactions`.
    pub(super) transactions: IdentTopic,
    /// `/assay/GENESIS/sync/1`: the replica's requests.
    pub(super) sync: StreamProtocol,
    /// `/assay/GENESIS/peers/1`: the exchange of addresses.
    pub(super) peers: StreamProtocol,
    /// `/assay/GENESIS/authority/1`: messages between authorities.
    pub(super) authority: StreamProtocol,
    /// `assay/GENESIS`: what nodes tell each other first.
    pub(super) version: String,
}

impl Names {
    /// The names of a chain.
    pub(super) fn new(genesis: &GenesisId) -> Result<Self, NetError> {
        let protocol = |name: &str| {
            StreamProtocol::try_from_owned(format!("/assay/{genesis}/{name}/1"))
                .map_err(|error| NetError::Setup(error.to_string()))
        };
        Ok(Self {
            blocks: IdentTopic::new(format!("assay/{genesis}/blocks")),
            transactions: IdentTopic::new(format!("assay/{genesis}/transactions")),
            sync: protocol("sync")?,
            peers: protocol("peers")?,
            authority: protocol("authority")?,
            version: format!("assay/{genesis}"),
        })
    }

    /// The topic of this hash, if it is one of ours.
    pub(super) fn topic(&self, hash: &TopicHash) -> Option<Topic> {
        if *hash == self.blocks.hash() {
            Some(Topic::Blocks)
        } else if *hash == self.transactions.hash() {
            Some(Topic::Transactions)
        } else {
            None
        }
    }

    /// The hash of a topic.
    pub(super) fn hash(&self, topic: Topic) -> TopicHash {
        match topic {
            Topic::Blocks => self.blocks.hash(),
            Topic::Transactions => self.transactions.hash(),
        }
    }
}

/// The chain that a peer's version string names: its genesis id if it is one of ours by kind.
pub(super) fn chain_of(version: &str) -> &str {
    version.strip_prefix("assay/").unwrap_or(version)
}
