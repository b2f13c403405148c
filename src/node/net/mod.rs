//! The network: libp2p behind channels, for a replica whose I/O is data.
//!
//! [`Net::start`] spawns one task on the current tokio runtime; it owns the swarm and everything about peers. The host
//! gives it orders through a [`NetHandle`] and hears of [`NetEvent`]s through a callback. Neither side ever waits for
//! the other: orders go through a queue that drops (and counts) what does not fit, and the callback must not block.
//!
//! **Who may talk.** Topics, protocols and the greeting (identify) carry the genesis id. A peer is *connected* once its
//! greeting, or a message under such a name, shows that it is of this chain; until then the replica does not hear of
//! it. A peer of another chain hears which chain this is and is turned away. The replica knows peers by numbers that
//! last as long as the node runs.
//!
//! **Who is thrown out.** Every peer has a score; see [`standing`](crate::replica::standing) for what costs how much, and
//! `scores`. Bytes that no honest peer sends (over a cap, not the encoding of a message, gossip under the wrong topic)
//! cost ten minutes' ban at once; messages that end early, questions that go unanswered and sending more than the
//! `rates` allow cost points. What only the ledger or the rule can judge is judged by the replica, which bans through
//! [`NetHandle::ban`] and takes points through [`NetHandle::blame`]. Bans are by peer id; see `bans`.
//!
//! **Authorities** talk straight to each other, proved by their own keys; see `authority`.
//!
//! **What is bounded.** What a peer may send and have sent to it in a second (`rates`; gossip is counted at the `gate`),
//! connections that are opened here (`door`), gossip waiting for a verdict (`waiting`), requests open in each direction,
//! bytes of answers in transit, connections, numbers, scores, addresses, bans, orders waiting. The replica's input queue
//! is bounded by the gossip and the requests that wait, so the callback may feed an unbounded channel. All bounds are in
//! `docs/bounds.md`.
//!
//! **What links do.** `shape` delays, narrows, loses and silences what goes to a peer, as the operator wants it. A blocked
//! peer is not called, and that it does not answer is not held against it.
//!
//! **How peers are found.** Bootnodes, and an exchange of addresses with every peer while there are fewer outbound
//! connections than wished for; see `book` and `exchange`.
//!
//! Larger systems would add: a Kademlia table to find peers in a big net, bans by address range, QUIC, hole punching.

mod address;
mod authority;
mod bans;
mod behaviour;
mod book;
mod codec;
mod config;
mod counters;
mod door;
mod event;
mod exchange;
mod gate;
mod gossip;
mod key;
mod names;
mod on_event;
mod peers;
mod rates;
mod scores;
mod shape;
mod task;
mod transport;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::authority::Hub;
use self::event::Command;
use self::shape::Links;
use self::task::Task;
use crate::consensus::{AuthorityId, Message};
use crate::replica::standing::Offence;
use crate::replica::wire::{Gossip, Request, Response};
use crate::replica::{GossipVerdict, Peer, RequestId};
use crate::spec::LinkShape;

pub use authority::Room;
pub use config::{NetConfig, NetError, OUTBOUND_TARGET, PEERS_MAX};
pub use counters::{Counters, Flow};
pub use event::{NetEvent, PeerInfo};
pub use shape::{Settings as LinkSettings, TooManyPeers, Treatment};

/// Orders that wait for the network task.
const COMMANDS_MAX: usize = 8192;

/// Who hears of events. Called on the network task, and on the caller's thread for a request that cannot even be
/// queued; it must not block.
pub type Events = Box<dyn Fn(NetEvent) + Send + Sync>;

/// What the task and the handles share.
struct Shared {
    peer_id: String,
    listens: ArcSwap<Vec<Multiaddr>>,
    peers: ArcSwap<Vec<PeerInfo>>,
    counters: Arc<Counters>,
    links: Arc<Links>,
    hub: Arc<Hub>,
    events: Arc<Events>,
}

/// The running network. Dropping it stops it too, without waiting for the port to be free.
pub struct Net {
    handle: NetHandle,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Net {
    /// Listens, starts connecting, and returns once the listen address is known.
    ///
    /// Fails if the key file is unusable, an address is none, or nobody can listen there. Must be called within a
    /// tokio runtime; a current-thread one will do.
    pub async fn start(config: NetConfig, events: Events) -> Result<Self, NetError> {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (stop, stopped) = oneshot::channel();
        let (task, shared) = Task::new(config, events).await?;
        let handle = NetHandle { commands, shared };
        Ok(Self { handle, stop, task: tokio::spawn(task.run(inbox, stopped)) })
    }

    /// A handle to give orders with.
    pub fn handle(&self) -> NetHandle {
        self.handle.clone()
    }

    /// Closes all connections and frees the port. Handles live on and do nothing.
    pub async fn stop(self) {
        let _ = self.stop.send(()); // a task that is gone has stopped
        if let Err(error) = self.task.await {
            tracing::error!("the network task ended badly: {error}");
        }
    }
}

/// Gives orders to the network; may be cloned and used from any thread. No method blocks.
#[derive(Clone)]
pub struct NetHandle {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

impl NetHandle {
    /// Tells everybody. Having no peers is no error.
    pub fn publish(&self, gossip: Gossip) {
        self.order(Command::Publish(gossip));
    }

    /// Asks a peer. Exactly one [`NetEvent::Response`] or [`NetEvent::RequestFailed`] follows, within ten seconds or so,
    /// while the network runs.
    pub fn request(&self, to: Peer, id: RequestId, request: Request) {
        if !self.order(Command::Request { to, id, request }) {
            let reason = "the network is stopped or far behind".into();
            (self.shared.events)(NetEvent::RequestFailed { from: to, id, reason });
        }
    }

    /// Answers a peer's request. An answer that comes too late, or to somebody gone, is dropped.
    pub fn respond(&self, to: Peer, id: RequestId, response: Response) {
        self.order(Command::Respond { to, id, response });
    }

    /// Says what becomes of a gossip message.
    pub fn verdict(&self, message: u64, verdict: GossipVerdict) {
        self.order(Command::Verdict { message, verdict });
    }

    /// Throws a peer out and does not let it back for a while.
    pub fn ban(&self, peer: Peer, reason: impl Into<String>) {
        self.order(Command::Ban { peer, reason: reason.into() });
    }

    /// Takes points from a peer for an offence, and disconnects or bans it if that makes too many.
    pub fn blame(&self, peer: Peer, offence: Offence) {
        self.order(Command::Blame { peer, offence });
    }

    /// Sends a message to one authority. Without a stream to it the message is dropped.
    pub fn send(&self, to: &AuthorityId, message: &Message) {
        self.shared.hub.send(to, message);
    }

    /// Sends a message to all other authorities that there are streams to.
    pub fn broadcast(&self, message: &Message) {
        self.shared.hub.broadcast(message);
    }

    /// From now on these are the authorities. Until this is said everybody is one who proves a key.
    pub fn set_authorities(&self, authorities: BTreeSet<AuthorityId>) {
        self.shared.hub.set_members(authorities);
    }

    /// The authorities that there are streams to.
    pub fn authorities(&self) -> Vec<AuthorityId> {
        self.shared.hub.connected()
    }

    /// Connects to an address and keeps connecting, whatever else there is. Fails if it is none.
    pub fn connect(&self, address: Multiaddr) -> Result<(), NetError> {
        if address::Place::dialable(&address).is_none() {
            return Err(NetError::Address { address });
        }
        self.order(Command::Connect(address));
        Ok(())
    }

    /// Shapes the link to a peer from now on, or all links, those that had a shape of their own included. The first
    /// byte that is written after this is shaped.
    pub fn shape(&self, peer: Option<PeerId>, shape: LinkShape) -> Result<(), TooManyPeers> {
        let changed = self.shared.links.change(|settings| match peer {
            Some(peer) => drop(settings.peers.insert(peer, shape)),
            None => (settings.all, settings.peers) = (shape, BTreeMap::new()),
        });
        changed.map(drop)
    }

    /// Blocks these peers from now on, and no others.
    pub fn block(&self, peers: BTreeSet<PeerId>) -> Result<(), TooManyPeers> {
        let unblocked = self.shared.links.change(|settings| settings.blocked = peers)?;
        if !unblocked.is_empty() {
            // An order that does not fit is no loss: they are called again a little later.
            self.order(Command::Unblocked(unblocked));
        }
        Ok(())
    }

    /// How links are treated.
    pub fn links(&self) -> LinkSettings {
        self.shared.links.settings()
    }

    /// The connected peers of this chain, by number.
    pub fn peers(&self) -> Arc<Vec<PeerInfo>> {
        self.shared.peers.load_full()
    }

    /// This node's peer id.
    pub fn local_peer_id(&self) -> &str {
        &self.shared.peer_id
    }

    /// Where this node can be reached, each with `/p2p/PEER-ID`.
    pub fn listen_addresses(&self) -> Arc<Vec<Multiaddr>> {
        self.shared.listens.load_full()
    }

    /// What went over the wire so far.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    /// Queues an order. Says whether it is queued.
    fn order(&self, command: Command) -> bool {
        let queued = self.commands.try_send(command);
        if matches!(queued, Err(mpsc::error::TrySendError::Full(_))) {
            let dropped = counters::bump(&self.shared.counters.commands_dropped);
            // Ever more rarely: a log must not drown with the queue.
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "the network is {COMMANDS_MAX} orders behind");
            }
        }
        queued.is_ok()
    }
}

#[cfg(test)]
mod tests;
