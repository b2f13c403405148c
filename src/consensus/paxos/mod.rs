//! Multi-Paxos over a chain (Lamport, *Paxos Made Simple*, 2001; van Renesse and Altinbuken, *Paxos Made Moderately Complex*, 2015;
//! Chandra, Griesemer and Redstone, *Paxos Made Live*, 2007).
//!
//! An instance is a height, a value a draft of a block. Phase 1 is done once for all heights: whoever has the promises of a
//! majority leads, and proposes in its ballot ([`message::Ballot`]) draft after draft. First what the acceptors had accepted already:
//! at each height the value of the highest ballot among the promises, the same draft with its old claim. When a majority has
//! accepted a draft in the leader's ballot, it is chosen: the leader signs its id, and that is the seal. A sealed block is the news
//! for learners and what others catch up by. There is one branch, and it is final at its head.
//!
//! Drafts name their parents, so an acceptor accepts at a height only on top of what it accepted below in the same ballot, or of
//! its sealed head. So a vote stands for all below it too, there are no gaps to fill with no-ops, and up to
//! [`core::WINDOW`] drafts are in flight: each is proposed without waiting for the one below to be chosen.
//!
//! # What it promises
//!
//! With less than half of the authorities down, and messages that arrive within the lease, blocks are made. Whatever fails by
//! stopping, and whatever happens to messages, no two correct nodes have different final blocks at one height. It promises
//! nothing against lies: a leader's signature is taken for the majority's.
//!
//! # Where it differs from the papers
//!
//! - *The longest chain of the highest ballot is built height by height.* A leader may have proposed only a part of what it found
//!   when it fell, so at each height the highest ballot counts, and not the highest of all. The walk ends where nothing that was
//!   accepted stands on what was taken below: whatever else is there cannot have been chosen, since who chose it accepted what
//!   it stands on in the same ballot.
//! - *Promises name drafts, bodies are asked for.* A majority of promises would bring each body several times; a leader asks for
//!   those that it lacks ([`message::Message::Want`]).
//! - *Sealed blocks are the past.* An acceptor forgets votes for what is sealed: its promise tells its sealed head, and nobody leads
//!   who lacks that. Ordinary block sync brings it.
//! - *Drafts are looked at* before they are accepted, so that nothing is chosen that no observer would import.
//! - *Ballots are adopted from seals*: whoever imports a block does not listen to lower ballots than its seal's any more.
//! - *The leader's acceptor promises last.* While a proposer waits for others it goes on following, and a lease keeps those that
//!   hear a leader from promising anybody else (Paxos Made Live, 5.2). So who was cut off and comes back deposes nobody, without
//!   a message for that. Several that were cut off together may have promised each other: they refuse the leader when they
//!   are back, and it asks again in a higher ballot, which nobody else can take from it while a majority hears it.
//! - *Acceptors change when the block that changes them stands below* (Paxos Made Simple, 3, with α = 1 for such blocks): a leader
//!   makes nothing above such a block before it is sealed, one block changes one member at most, and before the first
//!   draft of a new set a majority of that has to have promised, in the same ballot.
//! - *Reads* are confirmed by a round of a majority, as Raft's are (thesis 6.4), and not by a lease of the leader's own.
//! - *A leader begins with nothing of its own*: what it proposes again is chosen in its ballot, and if there is nothing,
//!   nothing can have been chosen.
//!
//! # What was explored
//!
//! A model checker drives three of the real cores (`tests/model.rs`): any order of messages, two of the three proposing, three or
//! four messages in flight, leases over as soon as they begin. No two blocks were sealed at one height, no ballot proposed two
//! drafts there, and what was chosen is what higher ballots proposed. Different states, none of them wrong:
//!
//! | rounds | heights | in flight | besides | states | steps |
//! |---|---|---|---|---|---|
//! | 1, 1 | 1 | 3 | a crash | 17 068 | 22 |
//! | 1, 1 | 1 | 3 | a loss | 13 989 | 24 |
//! | 1, 1 | 1 | 3 | a copy | 9 694 | 22 |
//! | 1, 1 | 2 | 3 | | 55 443 | 28 |
//! | 2, 1 | 1 | 3 | | 40 389 | 29 |
//! | 1, 1 | 1 | 4 | two heartbeats | 350 670 | 33 |
//! | 1, 1 | 1 | 4 | a crash, slow disks of two | 203 666 | 32 |
//! | 2, 2 | 1 | 3 | | 112 141 | 33 |
//! | 2, 2 | 1 | 4 | | 284 892 | 32 |
//! | 1, 1 | 2 | 3 | a crash | 424 786 | 29 |
//! | 2, 2 | 1 | 3 | a crash | 677 848 | 34 |
//! | 2, 2 | 2 | 3 | | 3 195 283 | 43 |
//!
//! Each proposer has a ballot in every round up to its own. The first five are run with every test run, the others on demand.
//! They say nothing of three rounds, more in flight, or acceptors that change; random weather (`tests/weather.rs`) and the swarm
//! of the simulator go there. Planted bugs are found within 15 steps: a majority that is one short, promises or votes that a
//! crash forgets, a ballot that is used twice, and the value of most in place of the highest ballot's.
//!
//! # Parts
//!
//! - [`core`]: the protocol, without bodies, keys, clocks and disks: proposer, acceptor, learner
//! - [`message`]: what is said
//! - [`log`](super::log): everything else, which Raft needs as well

pub mod core;
pub mod message;

/// Multi-Paxos as an authority runs it; without a key it keeps silent.
pub type PaxosEngine = super::log::LogEngine<core::Core>;

/// The rules of Multi-Paxos.
pub type PaxosRules = super::log::LogRules<core::Core>;

/// The parameters of Multi-Paxos, from the chain spec; the patience of others is the lease.
pub type PaxosParams = super::log::LogParams;

#[cfg(test)]
mod tests;
