//! # Assay
//!
//! A mining and staking testbed: one chain, one node, one ledger, and a block-producer rule that is swapped by one
//! line of the chain spec.
//!
//! > A rule turns drafts into sealed blocks, judges other people's seals, ranks branches, and says how far a branch
//! > is final.
//!
//! ## Layers
//!
//! Imports point upward in this list only; a test reads the sources and holds it.
//!
//! | room | what it knows |
//! |---|---|
//! | [`types`] | hashes, amounts, headers, blocks, transactions, their one encoding, keys |
//! | [`ledger`] | coins, overlays, executing a block, the state commitment |
//! | [`chain`] | the tree of non-final blocks, fork choice, the only way in |
//! | [`mempool`] | pending transactions, bounded |
//! | [`consensus`] | the contract every rule fills, and the rules |
//! | [`spec`] | the chain spec: genesis and parameters |
//! | [`store`] | what must survive a crash |
//! | [`miner`] | the nonce search |
//! | [`api`] | request and response types shared by node, wallet, devnet and bench |
//! | [`replica`] | a whole peer as a state machine: I/O is data |
//! | [`sim`] | the replica's host in simulated time |
//! | `node` | the replica's host on tokio, libp2p and RocksDB |
//! | `wallet` | keys, coin selection, the client |
//! | `devnet` | start, watch, break and stop node processes |
//! | [`bench`](mod@bench) | workloads and what the machine makes of them |
//! | `cli` | one file per subcommand |
//!
//! Below `node` nothing reads the clock, asks for entropy, starts a thread or iterates in an unordered way: time is an
//! argument and randomness a seed, so the same replica runs on sockets and in a simulator.
//!
//! Start reading at [`types::Block`], then [`ledger::execute`], [`chain::Tree`], [`consensus::Engine`] and
//! [`replica::Replica`].

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod types;

pub mod ledger;

pub mod chain;
pub mod mempool;

pub mod consensus;

pub mod api;
pub mod miner;
pub mod spec;
pub mod store;

pub mod replica;

pub mod sim;

#[cfg(feature = "node")]
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the host owns the clock, the threads and the sockets"
)]
pub mod node;

#[cfg(feature = "node")]
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "people and their keys need entropy and files"
)]
pub mod wallet;

#[cfg(feature = "node")]
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it supervises processes")]
pub mod devnet;

#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures time")]
pub mod bench;

#[cfg(feature = "node")]
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the outermost edge")]
pub mod cli;
