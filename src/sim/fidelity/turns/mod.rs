//! Delegates and authorities in turn beside theory.
//!
//! What these experiments ask is about orders, elections, votes and who may sign. So they play the pure parts of the rules
//! themselves ([`dpos::shuffle`](crate::consensus::dpos::shuffle), [`poa::step`](crate::consensus::poa::step),
//! [`implied::Votes`](crate::consensus::implied::Votes)) and no network but what they say; whole nodes play in `scenarios/`.
//!
//! - [`shuffle`]: whether every delegate comes at every place as often
//! - [`seed`]: who can bias the order of the next round, and by how much
//! - [`apathy`]: how many delegates a minority elects where others do not vote
//! - [`stall`]: Clique that stalls, and what keeps it from that
//! - [`takeover`]: how many authorities it takes to drop all others
//! - [`finals`]: finality that honest producers break, and finality that they do not
//! - [`waits`]: how long a payment waits on chains of delegates; whole nodes

pub mod apathy;
pub mod finals;
pub mod seed;
pub mod shuffle;
pub mod stall;
pub mod takeover;
pub mod waits;

#[cfg(test)]
mod tests;
