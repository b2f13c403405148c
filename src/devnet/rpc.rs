//! What the devnet asks of nodes that run.

use std::fs;
use std::future::Future;
use std::time::Duration;

use super::directory::NodeDirectory;
use crate::api::files::COOKIE_FILE_NAME;
use crate::api::{ChainInfo, ConsensusStatus, LinkParams, NodeFile, NodeLinks, RoundStatus};
use crate::wallet::client::{Client, ClientError};

/// How long a call may take; who asks usually waits for less.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// What a node says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where its chain stands.
    pub chain: ChainInfo,
    /// How many peers it is connected to.
    pub peers: u64,
    /// How many transactions are pending.
    pub mempool: u64,
    /// What it does in an agreement, where there is one.
    pub round: Option<RoundStatus>,
    /// Whose coins it stakes.
    pub stakes: Vec<String>,
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

    /// Tells a node how to treat its links from now on.
    fn links(
        &self,
        node: &NodeDirectory,
        at: &NodeFile,
        links: &NodeLinks,
    ) -> impl Future<Output = Result<(), String>>;

    /// Asks a node how it is.
    fn report(
        &self,
        node: &NodeDirectory,
        at: &NodeFile,
    ) -> impl Future<Output = Result<Report, String>>;
}

/// A client that may command the node.
fn commander(node: &NodeDirectory, at: &NodeFile) -> Result<Client, String> {
    // The token is new at each start.
    let token = fs::read_to_string(node.path.join(COOKIE_FILE_NAME))
        .map_err(|error| format!("its {COOKIE_FILE_NAME} cannot be read: {error}"))?;
    Client::with_timeout(&at.rpc, Some(token.trim()), CALL_TIMEOUT)
        .map_err(|error| error.to_string())
}

/// The real ports: JSON-RPC over loopback, with the token from the node's data directory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports;

impl NodeRpc for Ports {
    async fn connect(&self, node: &NodeDirectory, at: &NodeFile, peer: &str) -> Result<(), String> {
        let client = commander(node, at)?;
        client.net_connect(peer).await.map_err(|error| error.to_string())
    }

    async fn links(
        &self,
        node: &NodeDirectory,
        at: &NodeFile,
        links: &NodeLinks,
    ) -> Result<(), String> {
        let client = commander(node, at)?;
        let tell = async {
            // The blocked first: nothing that is to be cut off slips through meanwhile.
            client.net_block(&links.blocked).await?;
            // Shaping all links takes away the shapes that single ones had.
            client.net_link(&LinkParams::new(None, links.all)).await?;
            for (peer, shape) in &links.peers {
                client.net_link(&LinkParams::new(Some(peer.clone()), *shape)).await?;
            }
            Ok(())
        };
        tell.await.map_err(|error: ClientError| error.to_string())
    }

    async fn report(&self, _: &NodeDirectory, at: &NodeFile) -> Result<Report, String> {
        let client =
            Client::with_timeout(&at.rpc, None, CALL_TIMEOUT).map_err(|error| error.to_string())?;
        let status = client.status().await.map_err(|error| error.to_string())?;
        let stakes = match &status.consensus {
            ConsensusStatus::Pos(_) | ConsensusStatus::Hybrid(_) => {
                let staking = client.stake_status(None).await;
                staking.map_err(|error| error.to_string())?.stakers
            }
            _ => Vec::new(),
        };
        Ok(Report {
            chain: status.chain,
            peers: status.peers.len() as u64, // a length fits 64 bits
            mempool: status.mempool.transactions,
            round: status.consensus.rounds().cloned(),
            stakes,
        })
    }
}
