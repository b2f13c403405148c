//! Start, watch, break and stop node processes.
//!
//! A devnet is a [directory](Directory): a frozen chain spec, a data directory per node, and a marker that says so. Its
//! nodes are real processes of this same program. All there is to know about them lies in the directory, so a devnet
//! needs no process of its own: any command finds it, running or not, and two commands at a time are kept apart by a
//! lock. Where a supervisor is wanted, it only watches.
//!
//! - [`process`](Process): a process number with proof that it is still the same process;
//! - [`Site`], [`Plan`]: what is to run, written into a directory;
//! - [`start`], [`end`]: all nodes at once, introduced to each other as they come up, asked before they are killed;
//! - [`links`]: how nodes are connected, and what a partition is; [`pause()`] suspends one;
//! - [`grow()`]: one node more;
//! - [`Watch`]: what happens to nodes, whoever does it;
//! - [`status`]: how they are, asked of all at once.

mod directory;
mod error;
#[cfg(test)]
mod fake;
pub mod find;
mod grow;
mod halt;
mod launch;
pub mod links;
mod logs;
mod pause;
mod payout;
mod plan;
mod process;
mod raise;
mod rpc;
mod status;
mod supervise;

pub use directory::{
    Directory, Ending, Launch, Lock, Mining, NODES_MAX, NodeDirectory, Run, node_name,
};
pub use error::{DevnetError, OtherChain};
pub use grow::{Growth, grow};
pub use halt::{Ended, GRACE, end};
pub use launch::{NodeProgram, Started};
pub use logs::{Tail, last_lines};
pub use pause::{pause, resume};
pub use payout::{Payout, payouts};
pub use plan::{Circumstances, plan};
pub use process::{Process, ProcessState};
pub use raise::{Plan, Site};
pub use rpc::{NodeRpc, Ports, Report};
pub use status::status;
pub use supervise::{Children, Crew, Notice, Outlook, Watch, start};
