//! The exchange of addresses: how a node that knows one peer finds the others.
//!
//! The question is empty. The answer lists at most 32 places of peers that the answerer is connected to. An address on
//! loopback is told only over loopback and believed only over loopback: elsewhere it means another machine.

use libp2p::{Multiaddr, PeerId};

use super::address::{Place, multiaddr, with_peer};
use crate::types::{Bounded, decode, encode};

/// Places in an answer.
pub(super) const PLACES_MAX: usize = 32;

/// Bytes of a place.
const PLACE_BYTES_MAX: usize = 128;

/// Bytes in an answer: a length, then each place with its length.
pub(super) const ANSWER_BYTES_MAX: usize = 4 + PLACES_MAX * (4 + PLACE_BYTES_MAX);

type Answer = Bounded<Bounded<u8, PLACE_BYTES_MAX>, PLACES_MAX>;

/// The answer that lists these places to an asker who is near (on this machine) or not.
pub(super) fn write(places: impl Iterator<Item = Place>, asker: PeerId, near: bool) -> Vec<u8> {
    let places = places.filter(|place| near || !place.socket.ip().is_loopback());
    let others = places.filter(|place| place.peer != Some(asker));
    let addresses = others.map(|place| match place.peer {
        Some(peer) => with_peer(place.socket, peer),
        None => multiaddr(place.socket),
    });
    let short = addresses.filter_map(|address| Bounded::new(address.to_vec()).ok());
    encode(&Answer::truncated(short.take(PLACES_MAX).collect()))
}

/// The places in an answer of a peer who is near or not; fails if the bytes are no answer.
pub(super) fn read(bytes: &[u8], near: bool) -> Result<Vec<Place>, String> {
    let answer: Answer = decode(bytes).map_err(|error| error.to_string())?;
    let mut places = Vec::new();
    for address in &answer {
        let address = Multiaddr::try_from(address.to_vec()).map_err(|error| error.to_string())?;
        let place = Place::dialable(&address);
        places.extend(place.filter(|place| near || !place.socket.ip().is_loopback()));
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str) -> Place {
        Place { socket: address.parse().unwrap(), peer: Some(PeerId::random()) }
    }

    #[test]
    fn loopback_is_told_and_believed_on_loopback_only() {
        let (near, far) = (place("127.0.0.1:7"), place("192.0.2.1:7"));
        let asker = PeerId::random();
        let answer = |is_near| write([near, far].into_iter(), asker, is_near);
        assert_eq!(read(&answer(true), true).unwrap(), [near, far]);
        assert_eq!(read(&answer(true), false).unwrap(), [far]);
        assert_eq!(read(&answer(false), true).unwrap(), [far]);
        let without_asker = write([near, far].into_iter(), far.peer.unwrap(), true);
        assert_eq!(read(&without_asker, true).unwrap(), [near]);
    }

    #[test]
    fn an_answer_is_bounded_and_bad_bytes_are_refused() {
        let many = (1..200).map(|port| place(&format!("127.0.0.1:{port}")));
        let answer = write(many, PeerId::random(), true);
        assert!(answer.len() <= ANSWER_BYTES_MAX);
        assert_eq!(read(&answer, true).unwrap().len(), PLACES_MAX);
        assert!(read(&answer[..answer.len() - 1], true).is_err());
        assert!(read(&[33, 0, 0, 0], true).is_err());
        assert!(read(&[1, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff], true).is_err());
        assert_eq!(read(&[0; 4], true).unwrap(), []);
    }
}
