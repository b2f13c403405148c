//! Mining from the wallet's side: somebody else's node drafts blocks, this machine searches for their proofs.
//!
//! - [`task`] reads a template into a job for the [`miner`](crate::miner) and writes a proof back; templates are foreign
//!   and are checked
//! - [`standby`] decides which of several nodes to ask: the first that answers, and back to it when it does again
//! - [`run()`] mines: it takes a template, has it searched, and replaces it when the head moves, which a subscription
//!   tells at once, or when it gets old
//!
//! The node's own search is not involved. What a block holds is decided by the node; whom it pays, by who mines.

pub mod run;
pub mod standby;
pub mod task;

pub use run::{MineError, Mined, Order, Place, Told, run};
pub use task::{Task, TaskError};
