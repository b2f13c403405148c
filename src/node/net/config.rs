//! What the network room is told, and why it may refuse to start.

use std::path::PathBuf;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::shape::Settings;
use crate::types::{GenesisId, Keypair};

/// Peers of this chain at once, unless configured: more than the neighbours a net of a hundred nodes needs.
pub const PEERS_MAX: usize = 64;

/// Connections this node opens by itself, unless configured: enough that a net of a hundred stays connected when a
/// third of it is gone.
pub const OUTBOUND_TARGET: usize = 8;

/// How the network room is set up.
#[derive(Debug, Clone)]
pub struct NetConfig {
    /// The chain: peers of another are refused.
    pub genesis: GenesisId,
    /// Where to listen; port 0 lets the system choose.
    pub listen: Multiaddr,
    /// Where to find the first peers, with or without `/p2p/PEER-ID`.
    pub bootnodes: Vec<Multiaddr>,
    /// The file of the key that names this node; made with mode 0600 if missing.
    pub key_file: PathBuf,
    /// Peers at once, both directions together.
    pub peers_max: usize,
    /// Connections to open by itself.
    pub outbound_target: usize,
    /// The key of the authority that this node acts for, if it does.
    pub authority: Option<Keypair>,
    /// How links are treated from the start.
    pub links: Settings,
}

impl NetConfig {
    /// Loopback, a free port, no bootnodes.
    pub fn new(genesis: GenesisId, key_file: impl Into<PathBuf>) -> Self {
        let loopback = Multiaddr::empty()
            .with(Protocol::Ip4(std::net::Ipv4Addr::LOCALHOST))
            .with(Protocol::Tcp(0));
        Self {
            genesis,
            listen: loopback,
            bootnodes: Vec::new(),
            key_file: key_file.into(),
            peers_max: PEERS_MAX,
            outbound_target: OUTBOUND_TARGET,
            authority: None,
            links: Settings::default(),
        }
    }
}

/// Why the network room does not start.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// Nobody can listen there.
    #[error("cannot listen on {address}: {reason}; choose another port with --port, or 0 for any")]
    Bind {
        /// The address.
        address: Multiaddr,
        /// What the system says.
        reason: String,
    },
    /// The node key cannot be used.
    #[error("the node key {} cannot be used: {reason}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// Nobody can be reached there.
    #[error(
        "`{address}` is not a peer's address: expected /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT, then \
         /p2p/PEER-ID or nothing"
    )]
    Address {
        /// The address.
        address: Multiaddr,
    },
    /// The parts do not fit together.
    #[error("cannot set the network up: {0}")]
    Setup(String),
}
