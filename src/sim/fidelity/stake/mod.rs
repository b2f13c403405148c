//! Coin-age stake beside theory.
//!
//! Stakers are nodes like all others; whoever stakes here owns the first accounts of its chain that the experiment says.
//! Their keys are those of operators ([`operator`]), which the simulator signs for. All kernels, blocks and signatures are
//! real; what differs between the experiments is the chain spec, who holds what, and what is counted.
//!
//! - [`renewal`]: the theory of coin age
//! - [`share`]: whose blocks and whose interest; splitting and merging; inflation
//! - [`hoard`]: waiting for the greatest weight
//! - [`forks`]: nothing at stake
//! - [`old_keys`]: long-range rewrites
//! - [`grinding`]: choosing among own wins
//! - [`majority`]: stake against hashes, on a chain of both
//! - [`wealth`]: who owns the chain after many rounds
//! - [`season`]: Peercoin's figures over months

pub mod forks;
pub mod grinding;
pub mod hoard;
pub mod majority;
pub mod old_keys;
pub mod renewal;
pub mod season;
pub mod share;
pub mod wealth;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::checks::block_at;
use super::super::options::{Costs, NodeOptions, Options, operator};
use super::super::{Disk, Micros, Sim, Topology};
use super::chain::line;
use crate::consensus::Stake;
use crate::replica::Replica;
use crate::spec::{FrozenSpec, Spec};
use crate::types::{Address, Block, BlockId, Height, Prefix};

/// An account of the first block: whole coins, and their age in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// How many coins.
    pub amount: u64,
    /// How old they are when the chain begins.
    pub age: u64,
}

/// Equal accounts.
fn equal(count: usize, amount: u64, age: u64) -> Vec<Account> {
    vec![Account { amount, age }; count]
}

/// A chain with these accounts, account `n` being operator `n`'s, and everything else as in `rest`.
///
/// # Panics
///
/// If that is no chain spec.
fn spec(accounts: &[Account], rest: &str) -> Spec {
    let prefix = Prefix::new("assay").expect("it is that of chain specs by default");
    let account = |(index, account): (usize, &Account)| {
        let address = operator(index).address().encode(&prefix);
        let Account { amount, age } = account;
        format!("    {{ address = \"{address}\", amount = \"{amount}\", age = \"{age}s\" }},\n")
    };
    let accounts: String = accounts.iter().enumerate().map(account).collect();
    let text =
        format!("name = \"fidelity\"\ndev = true\n[genesis]\naccounts = [\n{accounts}]\n{rest}\n");
    Spec::parse("fidelity", &text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whoever stakes the accounts with these numbers.
fn stake_of(accounts: impl IntoIterator<Item = usize>) -> Stake {
    let owners = accounts.into_iter().map(|account| operator(account).address()).collect();
    Stake { owners, ..Stake::default() }
}

/// A node for each staker, all connected by quick lines, on machines that take no time.
fn stakers(seed: u64, spec: FrozenSpec, stakes: Vec<Stake>) -> Options {
    let node = |stake| NodeOptions { stake: Some(stake), ..NodeOptions::default() };
    Options {
        seed,
        spec,
        nodes: stakes.into_iter().map(node).collect(),
        topology: Topology::Full,
        link: line(Micros(100)),
        costs: Costs { signature: Micros(0), sync: Micros(0) },
    }
}

/// A simulation of these.
///
/// # Panics
///
/// Never: an empty store in memory opens.
fn begin(options: Options) -> Sim {
    Sim::new(options).expect("an empty store opens")
}

/// The best chain of a node from its first block on, final blocks too, without the block that the spec gives.
///
/// # Panics
///
/// If the node does not run.
pub(super) fn chain_of(sim: &Sim, node: usize) -> Vec<Arc<Block>> {
    let replica = sim.replica(node).expect("nobody crashes in these experiments");
    let mut blocks = Vec::new();
    let mut at = replica.tree().head().id;
    while let Some(block) = block_at(replica, &at) {
        if block.header.height.0 == 0 {
            break;
        }
        at = block.header.parent;
        blocks.push(block);
    }
    blocks.reverse();
    blocks
}

/// The block at a height of a node's best chain, final or not.
fn id_at(replica: &Replica<Disk>, height: Height) -> Option<BlockId> {
    let mut at = replica.tree().head().id;
    loop {
        let block = block_at(replica, &at)?;
        match block.header.height > height {
            true => at = block.header.parent,
            false => return Some(at),
        }
    }
}

/// The number of the account that an address is, among so many.
fn account_of(accounts: usize) -> impl Fn(&Address) -> Option<usize> {
    let known: BTreeMap<Address, usize> =
        (0..accounts).map(|account| (operator(account).address(), account)).collect();
    move |address| known.get(address).copied()
}

#[cfg(test)]
mod tests;
