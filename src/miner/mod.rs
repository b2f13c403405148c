//! The nonce search: from a job to a proof of work, as fast as the machine allows and no faster than it is told.
//!
//! A [`Job`] is everything about a block that a search needs: the fixed fields of its work header and its coinbase
//! around the hole for the extra nonce. Its tries are numbered: try `t` is nonce `t mod 2^32` under the extra nonce
//! number `t ÷ 2^32`. All searching is walking these numbers.
//!
//! - [`search_slice`] walks a range of tries on the caller's thread and reads no clock: the same job and range give the
//!   same answer on every machine and kernel. A simulator searches with it, for real.
//! - [`Miner`] walks all tries on a pool of threads until a proof is found or it is told to stop. Threads take small
//!   batches from one counter, so no two ever try the same; between batches they look at the stop flag, and, under a
//!   [`Throttle`], rest.
//!
//! Hashing itself is the job of a [`Kernel`](kernels::Kernel), which names *candidates*. A candidate becomes a proof only
//! if `sha2`, hashing the whole 80 bytes anew, says so: a wrong kernel can waste time and never mine an invalid block.
//!
//! [`stratum`] is how other people's miners are given work: the protocol as a state machine, without sockets.
//!
//! # What this room may do
//!
//! It reads no socket, file or entropy, and the result of a search never depends on time. Alone below the node it owns
//! threads, and its pacing reads the monotonic clock and sleeps (`pace.rs`, the only place). Priority and affinity are
//! the host's: it passes a hook that every thread runs first, in which the thread lowers its own priority.

pub mod kernels;
pub mod stratum;

mod crew;
mod job;
mod pace;
mod search;

pub use crew::{Miner, MinerError, Outcome, THREADS_MAX};
pub use job::{ExtraNonces, Job};
pub use pace::{Throttle, ThrottleError};
pub use search::search_slice;
