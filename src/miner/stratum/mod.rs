//! Stratum V1, the server's side: lines in, lines out, and no socket in between.
//!
//! Stratum is how miners of Bitcoin speak to those who give them work: one JSON object per line, in both directions.
//!
//! ```text
//! miner                                              server
//! mining.configure ["version-rolling"], {mask}    →  {"version-rolling": true, "version-rolling.mask": "1fffe000"}
//! mining.subscribe [agent]                        →  [[[subscription, id] …], extra nonce 1, bytes of extra nonce 2]
//! mining.authorize [user, password]               →  true
//!                                                 ←  mining.set_difficulty [difficulty]
//!                                                 ←  mining.notify [job, previous, coinbase 1, coinbase 2, branch,
//!                                                                   version, bits, time, clean]
//! mining.submit [user, job, extra nonce 2, time, nonce, version bits]  →  true, or [code, reason, null]
//! ```
//!
//! A miner that works for itself needs no accounts, so the user name is the address that its blocks pay, with a name for
//! the worker behind a dot if it has one. The work of a block is a Bitcoin work header ([`crate::types::work`]); a job
//! shows it as any pool would: the coinbase in two parts around eight bytes of extra nonce, of which the server fills the
//! first four, differently for each connection, and the miner the others. Nobody can tell this server from Bitcoin's.
//!
//! # Shares
//!
//! A *share* is a hash that meets a target easier than the block's; shares show that a miner works and how fast. Whoever
//! finds one that meets the block's own target has found a block. Each connection has a share difficulty of its own, a
//! power of two that follows the rate at which its shares come (`vardiff`). It takes effect with the next job, and each
//! job is judged by the one that was in force when it was sent. It is never above the difficulty of the block: miners
//! throw away what does not meet it.
//!
//! Hashes are judged here by `sha2` over the whole 80 bytes; what the miner claims counts for nothing.
//!
//! # What clients demand
//!
//! - The answer to `mining.subscribe` comes before any notification: NerdMiner and cpuminer read one line and no more.
//! - Every answer has `"error"`, null if there is none, and the `id` of the question: ESP-Miner counts on both.
//! - Job ids are hexadecimal, at most 16 digits, and never used twice: cpuminer compares them as numbers.
//! - ESP-Miner reads the difficulty as an integer: whoever negotiates version rolling is an ASIC and gets at least 1,
//!   unless it asked for less. This goes before the block's difficulty: such a miner finds a share in less than a second.
//! - cpuminer sends its suggested difficulty as a string, and NerdMiner nonces without leading zeros.
//! - Version bits 13–28 are zero in jobs: then those who send the rolled bits and those who send the difference to the
//!   job's agree. BIP 310 demands `version-rolling.min-bit-count`; ESP-Miner and cgminer leave it out, and so may anybody.
//!
//! # Deviations
//!
//! - A session cannot be resumed: whoever comes back gets a new extra nonce 1 and new jobs.
//! - The password is not looked at. All users of a connection are paid at one address.
//! - `mining.get_transactions` and whatever else no miner needs is an unknown method.
//!
//! # What it is not
//!
//! It makes no blocks and knows none: [`Output::Draft`] asks the host for a [`Template`], and [`Output::Block`] brings the
//! proof of one. It keeps no clock: time is an argument of every call, and [`Server::next_deadline`] says when the next one
//! is due. What others can make grow is bounded here; how fast lines arrive is the host's to bound.
//!
//! # Source
//!
//! The code of cpuminer-opt, cgminer, ESP-Miner and NerdMiner_v2; BIP 310 (extensions), BIP 320 (version bits).

mod difficulty;
mod job;
mod line;
mod server;
mod session;
mod share;
mod vardiff;
mod workers;

pub use difficulty::{share_target, tolerant};
pub use job::{Template, previous_hex};
pub use line::LINE_BYTES_MAX;
pub use server::{
    CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, Closed, ConnectionId, JOBS_MAX, Output,
    PAYOUTS_MAX, Refused, Server, Totals,
};
pub use share::ShareError;
pub use workers::{WORKERS_MAX, Worker};

#[cfg(test)]
mod tests;
