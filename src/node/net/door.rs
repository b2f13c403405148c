//! The door: connections that others open are let in at a bounded rate.
//!
//! A connection costs a handshake, a place, lines in the log, and a fresh allowance of everything that is counted per
//! peer. Peer ids are free, so whoever is thrown out can knock again at once under another; here it waits like everybody
//! else. Refusing costs nothing: it happens before a byte is exchanged. Honest nodes knock again.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};

use super::rates::{Allowance, CONNECTIONS};

/// Lets connections in while there is an allowance left.
#[derive(Debug)]
pub(super) struct Door(Allowance);

/// Why a connection is not let in.
#[derive(Debug, thiserror::Error)]
#[error("more than {} connections a second", CONNECTIONS.per_second)]
struct Crowded;

impl Door {
    pub(super) fn new(now: Instant) -> Self {
        Self(Allowance::new(CONNECTIONS, now))
    }
}

impl NetworkBehaviour for Door {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        match self.0.take(1, Instant::now()) {
            true => Ok(()),
            false => Err(ConnectionDenied::new(Crowded)),
        }
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
