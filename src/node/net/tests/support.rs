//! A node whose events a test can wait for.

use std::path::Path;
use std::time::Duration;

use libp2p::Multiaddr;
use tokio::sync::mpsc;

use super::super::{Net, NetConfig, NetError, NetEvent, NetHandle};
use crate::replica::input::{Peer, RequestId};
use crate::replica::wire::{Gossip, Request, Response};
use crate::types::{BlockId, Bounded, GenesisId, Hash, Operation, Transaction};

/// No test waits longer for anything. Far above what a loaded machine needs.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The chain of most tests.
pub(super) fn genesis() -> GenesisId {
    GenesisId(Hash([7; 32]))
}

/// A node and what it said that nobody asked for yet.
pub(super) struct Node {
    pub(super) net: Net,
    pub(super) handle: NetHandle,
    events: mpsc::UnboundedReceiver<NetEvent>,
    backlog: Vec<NetEvent>,
}

pub(super) async fn try_start(config: NetConfig) -> Result<Node, NetError> {
    let (sender, events) = mpsc::unbounded_channel();
    let net = Net::start(config, Box::new(move |event| drop(sender.send(event)))).await?;
    let handle = net.handle();
    Ok(Node { net, handle, events, backlog: Vec::new() })
}

/// The settings of a node that keeps its key in a folder.
pub(super) fn config(folder: &Path, bootnodes: &[Multiaddr]) -> NetConfig {
    let mut config = NetConfig::new(genesis(), folder.join("node-key"));
    config.bootnodes = bootnodes.to_vec();
    config
}

/// A node with a new key.
pub(super) async fn start(bootnodes: &[Multiaddr]) -> Node {
    start_with(|config| config.bootnodes = bootnodes.to_vec()).await
}

/// A node with a new key and these changes to the settings.
pub(super) async fn start_with(change: impl FnOnce(&mut NetConfig)) -> Node {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), &[]);
    change(&mut config);
    try_start(config).await.unwrap()
}

impl Node {
    /// Where the node listens.
    pub(super) fn address(&self) -> Multiaddr {
        self.handle.listen_addresses()[0].clone()
    }

    /// Waits for an event that the test picks. What it does not pick stays for later.
    pub(super) async fn wait<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&NetEvent) -> Option<T>,
    ) -> T {
        for n in 0..self.backlog.len() {
            if let Some(picked) = pick(&self.backlog[n]) {
                self.backlog.remove(n);
                return picked;
            }
        }
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the node runs");
                match pick(&event) {
                    Some(picked) => return picked,
                    None => self.backlog.push(event),
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("no {what}; instead {:?}", self.backlog))
    }

    /// What happened so far that was not waited for.
    pub(super) fn unpicked(&mut self) -> &[NetEvent] {
        while let Ok(event) = self.events.try_recv() {
            self.backlog.push(event);
        }
        &self.backlog
    }

    pub(super) async fn connected(&mut self) -> Peer {
        self.wait("Connected", |event| match event {
            NetEvent::Connected(peer) => Some(*peer),
            _ => None,
        })
        .await
    }

    pub(super) async fn disconnected(&mut self) -> Peer {
        self.wait("Disconnected", |event| match event {
            NetEvent::Disconnected(peer) => Some(*peer),
            _ => None,
        })
        .await
    }

    /// Waits until a node is connected and gives its number.
    pub(super) async fn connected_to(&mut self, other: &Node) -> Peer {
        self.connected_to_id(other.handle.local_peer_id()).await
    }

    /// Waits until a peer is connected and gives its number.
    pub(super) async fn connected_to_id(&mut self, peer_id: &str) -> Peer {
        loop {
            let peers = self.handle.peers();
            if let Some(info) = peers.iter().find(|info| info.peer_id == peer_id) {
                return info.peer;
            }
            self.connected().await;
        }
    }

    pub(super) async fn gossip(&mut self) -> (Peer, u64, Gossip) {
        self.wait("Gossip", |event| match event {
            NetEvent::Gossip { from, message, gossip } => Some((*from, *message, gossip.clone())),
            _ => None,
        })
        .await
    }

    pub(super) async fn request(&mut self) -> (Peer, RequestId, Request) {
        self.wait("Request", |event| match event {
            NetEvent::Request { from, id, request } => Some((*from, *id, request.clone())),
            _ => None,
        })
        .await
    }

    /// How our request ended: the answer, or why there is none.
    pub(super) async fn outcome(&mut self, wanted: RequestId) -> Result<Response, String> {
        self.wait("Response", |event| match event {
            NetEvent::Response { id, response, .. } if *id == wanted => Some(Ok(response.clone())),
            NetEvent::RequestFailed { id, reason, .. } if *id == wanted => {
                Some(Err(reason.clone()))
            }
            _ => None,
        })
        .await
    }

    pub(super) async fn banned(&mut self) -> String {
        self.wait("Banned", |event| match event {
            NetEvent::Banned { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .await
    }

    /// Publishes until it is heard: who is just connected has not subscribed yet.
    pub(super) async fn publish_to(&mut self, other: &mut Node, gossip: &Gossip) -> (Peer, u64) {
        let mut again = tokio::time::interval(Duration::from_millis(50));
        let heard = async {
            loop {
                let (from, message, heard) = other.gossip().await;
                if heard == *gossip {
                    return (from, message);
                }
            }
        };
        tokio::pin!(heard);
        loop {
            tokio::select! {
                heard = &mut heard => return heard,
                _ = again.tick() => self.handle.publish(gossip.clone()),
            }
        }
    }
}

/// A transaction of about 100 bytes, different per number.
pub(super) fn transaction(n: u64) -> Transaction {
    Transaction {
        inputs: Bounded::default(),
        outputs: Bounded::default(),
        operation: Some(Operation::Note {
            bytes: Bounded::new([n.to_le_bytes(); 10].concat()).unwrap(),
        }),
        witnesses: Bounded::default(),
    }
}

/// A batch of one transaction.
pub(super) fn batch(n: u64) -> Gossip {
    Gossip::Transactions(Bounded::new(vec![transaction(n)]).unwrap())
}

/// A question, different per number.
pub(super) fn question(n: u8) -> Request {
    Request::Block(BlockId(Hash([n; 32])))
}

/// An honest question and its answer, both ways, to show that the two still talk.
pub(super) async fn still_talk(a: &mut Node, b: &mut Node, id: RequestId) {
    ask(a, b, id).await;
    ask(b, a, id).await;
}

async fn ask(asker: &mut Node, other: &mut Node, id: RequestId) {
    let peer = asker.connected_to(other).await;
    asker.handle.request(peer, id, question(1));
    loop {
        let (from, number, request) = other.request().await;
        if request == question(1) {
            other.handle.respond(from, number, Response::Block(None));
            break;
        }
    }
    assert_eq!(asker.outcome(id).await, Ok(Response::Block(None)));
}
