//! Raft: a leader orders, a majority keeps (Ongaro and Ousterhout, *In Search of an Understandable Consensus Algorithm*,
//! 2014; Ongaro's thesis, 2014).
//!
//! The log is the chain: an entry is a draft of a block, its index the height, and drafts name their parents by id. The term
//! in which a draft was made is its header's claim. A leader makes drafts on the last one, sends them, and when a majority
//! has one of its own term, it and all below are decided: the leader signs their ids, and that is the seal. A sealed block is
//! the commit notice and what others catch up by. There is one branch, and it is final at its head.
//!
//! Whoever leads next may seal what an earlier leader drafted, so one block may have two seals, and the seal's term is the
//! claim's or a later one.
//!
//! # What it promises
//!
//! With less than half of the authorities down, and messages that arrive within an election timeout, blocks are made. Whatever
//! fails by stopping, and whatever happens to messages, no two correct nodes have different final blocks at one height. It
//! promises nothing against lies: a leader's signature is taken for the majority's, and a lying leader can seal two blocks of
//! one height. Observers would follow the one that they hear of first, and report a finality conflict at the other.
//!
//! # Where it differs from the paper
//!
//! - *Sealed blocks are the log's past.* There are no snapshots and no InstallSnapshot (Raft 7): ordinary block sync brings what a
//!   follower lacks, and a leader sends drafts only.
//! - *Entries are looked at.* A follower verifies and executes a draft before it keeps it, so that nothing is decided that no
//!   observer would import.
//! - *Logs are matched by height and id*, where the paper takes index and term: an id covers everything below it.
//! - *Voters change when the block that changes them stands below*: that block itself is decided by the set before it. The paper
//!   takes the newest set in the log for both. A leader makes nothing above such a block before it is sealed, and one block
//!   changes one member at most, so that majorities of neighbouring sets meet (thesis 4.1); and nothing but the empty draft of
//!   its own before something of its term is sealed (Ongaro 2015). Whoever such a block makes a voter leads only once it is
//!   sealed: the seals of what lies below would be a stranger's.
//! - *A block's seal tells its term*: whoever imports one does not listen to leaders of earlier terms any more.
//!
//! Pre-vote (thesis 9.6), check-quorum (6.2), leases of votes (4.2.3), leadership transfer (3.10), reads without the log (6.4)
//! and writing while sending (10.2.1) are as there. Up to [`core::WINDOW`] drafts are in flight.
//!
//! # What was explored
//!
//! A model checker drives three of the real cores (`tests/model.rs`): any order of messages, two terms, three messages in
//! flight, two of the three standing for election, pre-votes taken for granted. Different states, none of them wrong:
//!
//! | entries | crashes | losses | copies | states | steps |
//! |---|---|---|---|---|---|
//! | 2 | 0 | 0 | 0 | 119 815 | 38 |
//! | 1 | 1 | 0 | 0 | 26 348 | 27 |
//! | 1 | 0 | 1 | 0 | 50 003 | 30 |
//! | 1 | 0 | 0 | 1 | 20 311 | 26 |
//! | 2 | 1 | 1 | 0 | 2 333 564 | 41 |
//!
//! The last one is run on demand, the others with every test run. They say nothing of three terms or of more in flight; the
//! swarm of the simulator goes there at random. Figure 8 is found from its state (c) on, 16 steps later.
//!
//! # Parts
//!
//! - [`core`]: the protocol, without bodies, keys, clocks and disks
//! - [`message`]: what is said
//! - [`log`](super::log): everything else, which Multi-Paxos needs as well: bodies, signatures, timers, pacing, records,
//!   reads, and what is judged

pub mod core;
pub mod message;

/// Raft as an authority runs it; without a key it keeps silent.
pub type RaftEngine = super::log::LogEngine<core::Core>;

/// The rules of Raft.
pub type RaftRules = super::log::LogRules<core::Core>;

/// The parameters of Raft, from the chain spec.
pub type RaftParams = super::log::LogParams;

#[cfg(test)]
mod tests;
