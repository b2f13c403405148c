//! Rules side by side: the same accounts, load and nodes under each, measured on devnets or in the simulator.
//!
//! - `chain`: what blocks say of who made them, how regularly, and at which cost
//! - `faults`: a partition, and the death of a node, in the simulator
//! - [`csv`]: the rows for spreadsheets
//! - [`html`]: the report as a page
//! - [`figures`]: the figures of a run, and how runs become one row
//! - [`quoted`]: what people say of well-known chains, beside what chains with their figures do
//! - `safety`: confirmations that an attacker of a given share makes necessary
//! - [`merge`]: several reports as one
//! - [`simulated`]: a run in the simulator
//! - [`trend`]: what changed from one build to another
//!
//! On a devnet a run is one of [`load`](super::load). Both kinds follow nodes with the same [`Views`](super::views::Views) and
//! judge blocks with the same code here, so that their figures mean the same.

pub(super) mod chain;
pub mod csv;
mod faults;
pub mod figures;
pub mod html;
mod interval;
pub mod merge;
pub mod quoted;
mod safety;
pub mod simulated;
pub mod trend;

/// Parts of a run that are looked at one by one, for the interval of a figure.
pub const PARTS: usize = 5;

/// The specs that are compared unless others are named: one for each rule.
pub const SPECS: [&str; 8] = [
    "compare-pow",
    "compare-pos",
    "compare-hybrid",
    "compare-dpos",
    "compare-poa",
    "compare-pbft",
    "compare-raft",
    "compare-paxos",
];
