//! The digest of a run: a hash over everything that happened, in order.

use arrayvec::ArrayVec;

use super::host::Event;
use super::network::Parcel;
use super::time::Moment;
use crate::replica::wire::{Request, Response, Status};
use crate::types::encode;

/// What was hashed so far.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    hasher: blake3::Hasher,
    pub(super) events: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self { hasher: blake3::Hasher::new_derive_key("assay simulation trace v1"), events: 0 }
    }
}

impl Trace {
    /// The hash.
    pub(super) fn digest(&self) -> blake3::Hash {
        self.hasher.finalize()
    }

    /// Adds a tag and numbers, in one piece: small pieces cost more than their bytes.
    fn numbers<const N: usize>(&mut self, tag: u8, numbers: [u64; N]) {
        let mut bytes: ArrayVec<u8, 64> = ArrayVec::new();
        bytes.push(tag);
        for number in numbers {
            bytes.extend(number.to_le_bytes());
        }
        self.hasher.update(&bytes);
    }

    fn status(&mut self, status: &Status) {
        self.hasher.update(status.head.as_bytes()).update(status.final_id.as_bytes());
        self.hasher.update(status.rank.as_bytes());
    }

    /// Adds an event.
    pub(super) fn event(&mut self, at: Moment, event: &Event) {
        self.events += 1;
        let at = at.0;
        match event {
            Event::Arrives { from, to, epoch, parcel } => {
                self.numbers(1, [at, u64::from(*from), u64::from(*to), *epoch]);
                self.parcel(parcel);
            }
            Event::Input { node, life, input } => {
                self.numbers(2, [at, *node as u64, *life]);
                self.hasher.update(&encode(&**input));
            }
            Event::Wake { node, life } => self.numbers(3, [at, *node as u64, *life]),
            Event::Synced { node, life } => self.numbers(4, [at, *node as u64, *life]),
            Event::Slice { node, slice } => self.numbers(5, [at, *node as u64, *slice]),
            Event::Timeouts { node, life } => self.numbers(6, [at, *node as u64, *life]),
            Event::Dial { from, to, attempt } => {
                self.numbers(7, [at, *from as u64, *to as u64, u64::from(*attempt)]);
            }
        }
    }

    fn parcel(&mut self, parcel: &Parcel) {
        match parcel {
            Parcel::Gossip(packet) => {
                self.numbers(1, [packet.bytes]);
                self.hasher.update(&packet.id.to_le_bytes());
            }
            Parcel::Question { id, request } => {
                self.numbers(2, [*id]);
                match &**request {
                    Request::Status(status) => self.status(status),
                    request => drop(self.hasher.update(&encode(request))),
                }
            }
            Parcel::Answer { id, response } => {
                self.numbers(3, [*id]);
                match &**response {
                    Response::Status(status) => self.status(status),
                    response => drop(self.hasher.update(&encode(response))),
                }
            }
            Parcel::Message { from, message } => {
                self.numbers(5, []);
                self.hasher.update(from.as_bytes());
                self.hasher.update(&message.0);
            }
            Parcel::Close => self.numbers(4, []),
        }
    }

    /// Adds what an operator does.
    pub(super) fn act(&mut self, at: Moment, what: &str) {
        self.events += 1;
        self.numbers(9, [at.0, what.len() as u64]);
        self.hasher.update(what.as_bytes());
    }
}
