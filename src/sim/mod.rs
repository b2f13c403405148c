//! The deterministic simulator: the second host for the same [`Replica`](crate::replica::Replica).
//!
//! Any number of replicas run in one simulated time, on simulated clocks, disks, processors and links. Everything follows
//! from [`Options`] and from what is done to the running [`Sim`]; the same again is the same history, down to one
//! [digest](Sim::digest) over every event, in debug and release builds and on every machine.
//!
//! Proofs of work are real: nonces are hashed, and only the time that takes is simulated. Signatures are real. A disk
//! forgets in a crash what was not synced, and a process dies between any two outputs.
//!
//! - [`time`], [`random`]: moments, clocks, dice
//! - [`options`]: what a simulation is made of
//! - `host`: the queue, and each process's loop as the node runs it
//! - `network`, `gossip`, [`link`], [`topology`], [`regions`]: what lies between nodes
//! - `mining`: the nonce search
//! - `disk`, `shared`: what all nodes have in common is held and computed once
//! - `acts`: faults, and changes of the world
//! - [`attackers`]: engines that misbehave
//! - [`faults`], `load`: scripts of them, and payments
//! - [`market`]: what mining pays and costs, and miners who leave and come back
//! - [`watch`], [`checks`]: whoever looks on from outside, and what must hold
//! - [`metrics`]: what happened in a run, and the figures made of it
//! - [`scenario`]: a run and what is expected of it, in a file
//! - [`picture`]: the tree of blocks, and how they spread
//! - [`replay`]: what a node recorded, run again
//! - [`swarm`]: runs of which the seed draws everything, made smaller when they fail
//! - [`cap`]: what each rule gives up when the network parts
//! - [`fidelity`]: the simulator measured against theory
//! - [`classics`]: small models of the papers, which share nothing with the rest
//! - `trace`: the digest
//! - `svg`: drawing
//!
//! ```
//! use assay::sim::{Micros, Options, Sim};
//! use assay::spec::{Spec, find};
//!
//! let spec = Spec::parse("pow-dev", find("pow-dev")?)?;
//! let mut sim = Sim::new(Options::miners(7, spec, 4, 32))?;
//! sim.run(Micros::seconds(60));
//! assert!(sim.height(0).is_some_and(|height| height.0 > 10));
//! println!("{} events, digest {}", sim.events(), sim.digest().to_hex());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod acts;
mod disk;
mod gossip;
mod host;
mod mining;
mod network;
mod node;
mod queue;
mod shared;
pub(crate) mod svg;
mod trace;

pub mod attackers;
pub mod cap;
pub mod checks;
pub mod classics;
pub mod faults;
pub mod fidelity;
pub mod leading;
pub mod link;
mod load;
pub mod market;
pub mod metrics;
pub mod options;
pub mod picture;
pub mod random;
pub mod regions;
pub mod replay;
pub mod scenario;
pub mod swarm;
pub mod time;
pub mod topology;
pub mod watch;

pub use acts::{CutId, Refused};
pub use disk::{Disk, Library};
pub use faults::{Driver, Fault, Script, Timed};
pub use host::{Event, Sim};
pub use link::{Latency, LinkModel, Mode};
pub use load::Load;
pub use network::{Packet, Parcel};
pub use options::{Costs, NodeOptions, Options, freeze, operator};
pub use regions::Region;
pub use time::{Micros, Moment, Skew};
pub use topology::Topology;
pub use watch::{Scene, Violation, Watch};

#[cfg(test)]
mod tests;
