//! The authorities' protocol among the others of a node.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, StreamProtocol};

use super::handler::{Handler, Wrong};
use super::hub::{Hub, Identity};

/// What a peer did wrong.
#[derive(Debug)]
pub(in crate::node::net) struct Event {
    /// Who.
    pub(in crate::node::net) peer: PeerId,
    /// What.
    pub(in crate::node::net) wrong: Wrong,
}

/// Gives every connection its [`Handler`]; all that happens, happens there.
pub(in crate::node::net) struct Behaviour {
    protocol: StreamProtocol,
    hub: Arc<Hub>,
    me: Arc<Identity>,
    events: VecDeque<Event>,
}

impl Behaviour {
    /// The protocol of a node that acts for an authority.
    pub(in crate::node::net) fn new(protocol: StreamProtocol, hub: Arc<Hub>, me: Identity) -> Self {
        Self { protocol, hub, me: Arc::new(me), events: VecDeque::new() }
    }

    fn handler(&self, peer: PeerId) -> Handler {
        Handler::new(self.protocol.clone(), self.hub.clone(), self.me.clone(), peer)
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        _: ConnectionId,
        wrong: THandlerOutEvent<Self>,
    ) {
        self.events.push_back(Event { peer, wrong });
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        // The swarm polls its behaviours after each event of a connection, so nobody has to be woken.
        match self.events.pop_front() {
            Some(event) => Poll::Ready(ToSwarm::GenerateEvent(event)),
            None => Poll::Pending,
        }
    }
}
