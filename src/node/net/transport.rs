//! The transport: TCP, then noise for secrecy and for knowing who is there, then yamux for many streams in one.
//!
//! Between noise and yamux the peer is known and its bytes are in the clear: this is the place for whatever watches or
//! shapes a link. A count of bytes sits there, and on top of it what shapes them: only what really goes is counted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::{
    InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo, Version,
};
use libp2p::identity::Keypair;
use libp2p::{PeerId, Transport as _, noise, tcp, yamux};

use super::config::NetError;
use super::counters::Counters;
use super::shape::{Control, Links, Shaped};

/// Streams in one connection, both directions together: a peer's requests, ours, gossip, pings. Each may hold 256 KiB
/// that nobody has read yet, and more only once that much was read from it.
const STREAMS_MAX: usize = 128;

/// How long connecting may take before it counts as failed.
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// The transport of a node with this key.
pub(super) fn build(
    key: &Keypair,
    counters: Arc<Counters>,
    links: Arc<Links>,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetError> {
    let noise = noise::Config::new(key).map_err(|error| NetError::Setup(error.to_string()))?;
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(STREAMS_MAX);
    Ok(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex_ext(move |peer, _point| {
            let (control, seed) = links.open(peer);
            Watched { yamux, counters, control, seed }
        })
        .timeout(CONNECT_TIMEOUT)
        .boxed())
}

/// Yamux over a watched and shaped byte stream.
#[derive(Clone)]
struct Watched {
    yamux: yamux::Config,
    counters: Arc<Counters>,
    control: Arc<Control>,
    seed: [u8; 32],
}

impl Watched {
    fn watch<C>(&self, stream: C) -> Watch<C> {
        let counted = Counted { stream, counters: self.counters.clone() };
        Shaped::new(counted, self.control.clone(), self.seed)
    }
}

/// What becomes of a byte stream.
type Watch<C> = Shaped<Counted<C>>;

impl UpgradeInfo for Watched {
    type Info = <yamux::Config as UpgradeInfo>::Info;
    type InfoIter = <yamux::Config as UpgradeInfo>::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.yamux.protocol_info()
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for Watched {
    type Output = yamux::Muxer<Watch<C>>;
    type Error = io::Error;
    type Future = <yamux::Config as InboundConnectionUpgrade<Watch<C>>>::Future;

    fn upgrade_inbound(self, stream: C, info: Self::Info) -> Self::Future {
        let stream = self.watch(stream);
        self.yamux.upgrade_inbound(stream, info)
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for Watched {
    type Output = yamux::Muxer<Watch<C>>;
    type Error = io::Error;
    type Future = <yamux::Config as OutboundConnectionUpgrade<Watch<C>>>::Future;

    fn upgrade_outbound(self, stream: C, info: Self::Info) -> Self::Future {
        let stream = self.watch(stream);
        self.yamux.upgrade_outbound(stream, info)
    }
}

/// A byte stream that counts.
struct Counted<S> {
    stream: S,
    counters: Arc<Counters>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.counters.wire_in.count(bytes);
        Poll::Ready(Ok(bytes))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.stream).poll_write(cx, buffer))?;
        self.counters.wire_out.count(bytes);
        Poll::Ready(Ok(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
