//! What the devnet asks of nodes that run.

use std::future::Future;

use super::directory::NodeDirectory;
use crate::api::{ChainInfo, NodeFile};

/// What a node says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where its chain stands.
    pub chain: ChainInfo,
    /// How many peers it is connected to.
    pub peers: u64,
    /// How many transactions are pending.
    pub mempool: u64,
}

/// The way to a node's port. The devnet's own tests put something simpler in its place.
pub trait NodeRpc {
    /// Tells a node to connect to a peer, given as a multiaddr.
    fn connect(
        &self,
        node: &NodeDirectory,
        at: &NodeFile,
        peer: &str,
    ) -> impl Future<Output = Result<(), String>>;

    /// Asks a node how it is.
    fn report(
        &self,
        node: &NodeDirectory,
        at: &NodeFile,
    ) -> impl Future<Output = Result<Report, String>>;
}
