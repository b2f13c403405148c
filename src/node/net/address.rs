//! Addresses: an IP, a TCP port, maybe the id of who should be there. Nothing else is dialled, listened on or passed on.

use std::net::{IpAddr, SocketAddr};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

/// An address apart: where, and who should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Where.
    pub(super) socket: SocketAddr,
    /// Who, if the address says.
    pub(super) peer: Option<PeerId>,
}

impl Place {
    /// Takes an address apart, if it is of the one form there is.
    pub(super) fn parse(address: &Multiaddr) -> Option<Self> {
        let mut parts = address.iter();
        let ip: IpAddr = match parts.next()? {
            Protocol::Ip4(ip) => ip.into(),
            Protocol::Ip6(ip) => ip.into(),
            _ => return None,
        };
        let Protocol::Tcp(port) = parts.next()? else { return None };
        let peer = match parts.next() {
            Some(Protocol::P2p(peer)) => Some(peer),
            Some(_) => return None,
            None => None,
        };
        parts.next().is_none().then_some(Self { socket: SocketAddr::new(ip, port), peer })
    }

    /// Takes apart an address that somebody could be reached at: not port 0, not "any".
    pub(super) fn dialable(address: &Multiaddr) -> Option<Self> {
        Self::parse(address)
            .filter(|place| place.socket.port() != 0 && !place.socket.ip().is_unspecified())
    }
}

/// The address of a socket.
pub(super) fn multiaddr(socket: SocketAddr) -> Multiaddr {
    Multiaddr::empty().with(socket.ip().into()).with(Protocol::Tcp(socket.port()))
}

/// The address of a peer at a socket.
pub(super) fn with_peer(socket: SocketAddr, peer: PeerId) -> Multiaddr {
    multiaddr(socket).with(Protocol::P2p(peer))
}

/// Whether an address names this machine as this machine sees itself.
pub(super) fn is_loopback(address: &Multiaddr) -> bool {
    Place::parse(address).is_some_and(|place| place.socket.ip().is_loopback())
}

/// Foreign text for a log: short, without control characters.
pub(super) fn harmless(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_form_is_an_address() {
        let peer = PeerId::random();
        let place = Place::parse(&format!("/ip4/127.0.0.1/tcp/7/p2p/{peer}").parse().unwrap());
        assert_eq!(place, Some(Place { socket: "127.0.0.1:7".parse().unwrap(), peer: Some(peer) }));
        let place = place.unwrap();
        assert_eq!(Place::parse(&with_peer(place.socket, peer)), Some(place));
        for bad in [
            "/dns4/host/tcp/7",
            "/ip4/127.0.0.1/udp/7",
            "/ip4/127.0.0.1",
            "/ip6/::1/tcp/7/ws",
            "/tcp/7",
        ] {
            assert_eq!(Place::parse(&bad.parse().unwrap()), None, "{bad}");
        }
        for nowhere in ["/ip4/127.0.0.1/tcp/0", "/ip4/0.0.0.0/tcp/7", "/ip6/::/tcp/7"] {
            assert_eq!(Place::dialable(&nowhere.parse().unwrap()), None, "{nowhere}");
        }
    }
}
