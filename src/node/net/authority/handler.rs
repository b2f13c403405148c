//! The streams of one connection: ours is opened, and opened again when it ends; the peer's is taken.
//!
//! A peer that has no authority's key does not know the protocol, says so, and is not asked again on this connection.
//! Both streams are driven by the connection's own task, so that a message is on its way as soon as it is queued.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound};
use libp2p::swarm::handler::{FullyNegotiatedOutbound, StreamUpgradeError};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, SubstreamProtocol};
use libp2p::{PeerId, StreamProtocol};
use tokio::time::Sleep;

use super::super::rates::{AUTHORITY_HANDSHAKES, Allowance};
use super::handshake::Refused;
use super::hub::{Hub, Identity};
use super::stream::{self, Ended};
use crate::replica::standing::Offence;

/// How long to wait before a stream is opened again, the first time; then twice as long each time.
const RETRY_FIRST: Duration = Duration::from_millis(100);

/// How long at most: authorities find each other soon after a partition.
const RETRY_LAST: Duration = Duration::from_secs(2);

/// A stream that lived so long was a good one: the next waiting time is the first again.
const GOOD: Duration = Duration::from_secs(10);

/// What a peer did wrong on its streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::node::net) enum Wrong {
    /// An offence, and what it was.
    Offence(Offence, String),
    /// It opens streams faster than it may.
    TooOften,
}

/// Our stream.
enum Ours {
    /// To be opened then.
    At(Pin<Box<Sleep>>),
    /// Being opened.
    Opening,
    /// Open since then.
    Open(BoxFuture<'static, Ended>, Instant),
    /// Not to be opened: there is nobody to talk to at the other end.
    Never,
}

/// The streams of one connection.
pub(in crate::node::net) struct Handler {
    protocol: StreamProtocol,
    hub: Arc<Hub>,
    me: Arc<Identity>,
    peer: PeerId,
    ours: Ours,
    retry: Duration,
    theirs: Option<BoxFuture<'static, Ended>>,
    handshakes: Allowance,
    wrongs: VecDeque<Wrong>,
}

impl Handler {
    pub(super) fn new(
        protocol: StreamProtocol,
        hub: Arc<Hub>,
        me: Arc<Identity>,
        peer: PeerId,
    ) -> Self {
        Self {
            protocol,
            hub,
            me,
            peer,
            ours: Ours::At(Box::pin(tokio::time::sleep(Duration::ZERO))),
            retry: RETRY_FIRST,
            theirs: None,
            handshakes: Allowance::new(AUTHORITY_HANDSHAKES, Instant::now()),
            wrongs: VecDeque::new(),
        }
    }

    fn open_later(&mut self) {
        self.ours = Ours::At(Box::pin(tokio::time::sleep(self.retry)));
        self.retry = (2 * self.retry).min(RETRY_LAST);
    }

    /// Notes what a peer did wrong. An offence closes the connection, so few are ever waiting.
    fn ended(&mut self, ended: &Ended) {
        let peer = &self.peer;
        let offence = match ended {
            Ended::Refused(Refused::Forged) => Offence::Lie,
            Ended::Oversized(_) | Ended::Talks => Offence::Malformed,
            Ended::Refused(Refused::Ours) => {
                tracing::warn!(%peer, "a peer signs with the authority key of this node: was it copied?");
                return;
            }
            ended => return tracing::debug!(%peer, "a stream between authorities ended: {ended}"),
        };
        self.wrongs.push_back(Wrong::Offence(offence, ended.to_string()));
    }
}

type Request = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, (), Wrong>;

impl ConnectionHandler for Handler {
    type FromBehaviour = std::convert::Infallible;
    type ToBehaviour = Wrong;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ())
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Request> {
        loop {
            if let Some(wrong) = self.wrongs.pop_front() {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(wrong));
            }
            if let Some(theirs) = &mut self.theirs
                && let Poll::Ready(ended) = theirs.poll_unpin(cx)
            {
                self.theirs = None;
                self.ended(&ended);
                continue;
            }
            match &mut self.ours {
                Ours::At(sleep) => {
                    if sleep.poll_unpin(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.ours = Ours::Opening;
                    let protocol = self.listen_protocol();
                    return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                        protocol,
                    });
                }
                Ours::Open(stream, since) => {
                    let Poll::Ready(ended) = stream.poll_unpin(cx) else { return Poll::Pending };
                    if since.elapsed() >= GOOD {
                        self.retry = RETRY_FIRST;
                    }
                    match ended {
                        Ended::Refused(Refused::Ours) => self.ours = Ours::Never,
                        _ => self.open_later(),
                    }
                    self.ended(&ended);
                }
                Ours::Opening | Ours::Never => return Poll::Pending,
            }
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) => {
                if !self.handshakes.take(1, Instant::now()) {
                    return self.wrongs.push_back(Wrong::TooOften);
                }
                // The newest counts: whoever opens another has lost the one before, or should have.
                let (hub, me) = (self.hub.clone(), self.me.clone());
                self.theirs = Some(stream::receive(protocol, hub, me, self.peer).boxed());
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol, ..
            }) => {
                let (hub, me) = (self.hub.clone(), self.me.clone());
                let stream = stream::send(protocol, hub, me, self.peer).boxed();
                self.ours = Ours::Open(stream, Instant::now());
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => match error {
                StreamUpgradeError::NegotiationFailed => self.ours = Ours::Never,
                StreamUpgradeError::Timeout | StreamUpgradeError::Io(_) => self.open_later(),
                StreamUpgradeError::Apply(never) => match never {},
            },
            _ => {}
        }
    }
}
