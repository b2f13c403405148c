//! Streams between authorities: messages of one rule's engines, straight from one to another.
//!
//! Gossip waits for heartbeats and goes everywhere; what authorities tell each other must arrive now, at one place, and
//! from somebody who is known by its *authority* key. The peer id will not do: it names a machine, not whom the chain
//! trusts. So a node that has an authority's key opens a stream to every connected peer, and where the peer has such a
//! key too ([`handler`] finds out), both prove theirs ([`handshake`]). From then on whatever comes over the stream is
//! `from` that authority. A stream carries messages one way only, and each node opens its own: nobody waits for
//! another's turn.
//!
//! A message goes from the host's thread into the peer's queue ([`queue`]) and is written by the task that drives the
//! peer's connection; nothing waits in between, neither a heartbeat nor the network task, and TCP does not gather small
//! segments. What comes in goes from that task to the host.
//!
//! **What is bounded.** A queue drops its oldest messages when it is full, and the stream stays: rules repeat what
//! matters. A peer that takes nothing for [`stream::STALL_MAX`] loses its stream and may get another. What the host has
//! not handled yet holds room ([`Room`]); without room a stream is not read, until its sender's queue is full in turn.
//! So a slow or dead authority costs the others nothing but its queue. Each stream is read at a rate. Frames of whoever
//! is no authority are skipped and counted, and only a few such streams are kept.
//!
//! **Who is blamed.** A proof that does not verify is a lie; a frame over the cap is no message. A stranger's frames are no
//! offence: a node that lags behind takes new authorities for strangers, and must not throw them out.
//!
//! One key at two peers is a restart, or a key that was copied: the stream that was proved last is the one that is sent
//! to, the others are kept for when it ends, and the log says so.

mod behaviour;
mod handler;
mod handshake;
mod hub;
mod queue;
mod stream;

pub(super) use behaviour::{Behaviour, Event};
pub(super) use handler::Wrong;
pub(super) use hub::{Hub, Identity};
pub use stream::Room;
#[cfg(test)]
pub(super) use stream::STALL_MAX;
