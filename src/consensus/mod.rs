//! Consensus: the contract that every rule fills, and the rules.
//!
//! A rule has two halves. Its [`Rules`](crate::chain::Rules) judge: they are stateless and know headers, seals and the
//! state after the parent. Its [`Engine`] acts: it turns events into actions and holds whatever the protocol holds.
//! Neither knows a clock, a socket or a disk.

mod action;
mod agreed;
pub mod authorities;
pub mod classical;
pub mod dpos;
mod engine;
mod event;
pub mod hybrid;
pub mod implied;
pub mod log;
pub mod paxos;
pub mod pbft;
pub mod poa;
mod point;
pub mod pos;
pub mod pow;
pub mod quorum;
pub mod raft;
mod reads;
pub mod retarget;
pub mod schedule;
#[cfg(test)]
mod seats;

pub use action::{Action, DropReason, Outbox, Report, SearchOrder, SignOrder};
pub use engine::{Context, DraftError, Engine, Seat, Stake};
pub use event::{AuthorityId, Event, MESSAGE_BYTES_MAX, Message, OrderId, Record, Timer};
pub use point::Point;
