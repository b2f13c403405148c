//! From a chain spec to what is to run here.
//!
//! A spec may leave its genesis time and its first target to the launch. The first `up` resolves both and keeps the
//! result; a later one resolves the given spec the same way, so whoever starts the same file again is on the same chain,
//! and whoever changed it is told so.

use std::path::Path;

use super::directory::{Launch, Mining, NODES_MAX};
use super::error::{DevnetError, OtherChain};
use super::payout::Payout;
use super::raise::Plan;
use crate::api::DevnetFile;
use crate::node::hashrate::together;
use crate::spec::{AUTO_EASIER, Consensus, DevAccount, FrozenSpec, Spec, bits_for, diff};
use crate::types::Time;
use crate::types::target::Bits;

/// What a plan depends on beside the spec.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// What lives in the directory already, with its frozen spec and the file that holds it.
    pub existing: Option<(&'a DevnetFile, &'a str, &'a Path)>,
    /// How many nodes are wanted; by default as many as there are, or else as the spec says.
    pub nodes: Option<usize>,
    /// Whether the nodes keep an index of the history of addresses.
    pub index: bool,
    /// Whether the nodes let miners in over Stratum, where blocks are mined.
    pub stratum: bool,
    /// The directory in which the nodes record what they are fed; an absolute path.
    pub record: Option<&'a Path>,
    /// The clock.
    pub now: Time,
    /// How many cores the machine has.
    pub cores: usize,
}

/// What is to run. `hash_rate` tells hashes per second of one thread, and is asked only where the spec leaves the first
/// target open; `payouts` says whom the blocks of so many nodes pay.
///
/// # Errors
///
/// A number of nodes out of bounds, another chain in the directory, a frozen spec there that cannot be read, or what
/// `payouts` says.
pub fn plan(
    spec: Spec,
    circumstances: &Circumstances<'_>,
    hash_rate: impl FnOnce() -> f64,
    payouts: impl FnOnce(&FrozenSpec, usize) -> Result<Vec<Payout>, DevnetError>,
) -> Result<Plan, DevnetError> {
    let nodes = match (circumstances.nodes, circumstances.existing) {
        (Some(wanted), _) => wanted,
        (None, Some((marker, ..))) => marker.nodes.len(),
        // The spec's bound is below any usize.
        (None, None) => usize::try_from(spec.devnet.nodes).unwrap_or(usize::MAX),
    };
    if !(1..=NODES_MAX).contains(&nodes) {
        return Err(DevnetError::NodeCount { given: nodes, max: NODES_MAX });
    }
    let frozen = match circumstances.existing {
        Some((_, text, path)) => {
            let before = FrozenSpec::parse(&path.display().to_string(), text).map_err(|error| {
                DevnetError::Damaged { path: path.to_owned(), reason: error.to_string() }
            })?;
            let bits = first_bits(before.consensus());
            let now = spec.freeze(before.genesis_time(), || bits);
            if now.genesis_id() != before.genesis_id() {
                return Err(other_chain(&before, &now, path));
            }
            now
        }
        None => {
            let threads = nodes as u64 * spec.devnet.miner.threads.max(1); // at most 128 × 256
            let share = spec.devnet.miner.throttle.as_f64();
            let block_time = spec.consensus().block_time();
            spec.freeze(circumstances.now, || {
                let rate = together(hash_rate(), threads, share, circumstances.cores);
                bits_for(rate, block_time, AUTO_EASIER)
            })
        }
    };
    Ok(Plan {
        chain: frozen.name.clone(),
        genesis: frozen.genesis_id(),
        engine: frozen.consensus().engine().to_owned(),
        frozen: frozen.to_toml(),
        launches: launches(
            &frozen,
            payouts(&frozen, nodes)?,
            circumstances.index,
            circumstances.stratum,
            circumstances.record,
        ),
    })
}

/// Why the chain in the file is not the given one.
fn other_chain(theirs: &FrozenSpec, ours: &FrozenSpec, path: &Path) -> DevnetError {
    // What the given spec leaves open has been taken from the other, so only lines that were changed differ.
    let read = |spec: &FrozenSpec| Spec::parse("frozen", &spec.to_toml());
    let differences = match (read(theirs), read(ours)) {
        (Ok(theirs), Ok(ours)) => diff(&theirs, &ours),
        _ => Vec::new(),
    };
    DevnetError::OtherChain(Box::new(OtherChain {
        path: path.parent().unwrap_or(path).to_owned(),
        theirs_name: theirs.name.clone(),
        theirs: theirs.genesis_id(),
        ours_name: ours.name.clone(),
        ours: ours.genesis_id(),
        differences: differences
            .into_iter()
            .filter(|difference| difference.consensus)
            .map(|difference| difference.to_string())
            .collect(),
    }))
}

/// The target of the first block.
fn first_bits(consensus: &Consensus) -> Bits {
    // A rule without targets has nothing to resolve.
    consensus.pow().map_or(Bits(0), |pow| pow.initial_bits)
}

/// The development account for which the node with this index acts: the authority with the same number. Nobody here has
/// the keys of other accounts.
fn authority_of(frozen: &FrozenSpec, index: usize) -> Option<&'static str> {
    let owner = frozen.consensus().authorities()?.iter().nth(index)?;
    owner.dev().map(DevAccount::name)
}

/// The development account whose coins the node with this index stakes: the owner in the genesis block with the same
/// number, where coins make blocks. A spec lists an owner once, so nobody stakes on two nodes.
fn staker_of(frozen: &FrozenSpec, index: usize) -> Option<&'static str> {
    frozen.consensus().pos()?;
    let owner = frozen.accounts.get(index)?.owner;
    owner.dev().map(DevAccount::name)
}

/// The development account for which one more node acts as an authority: the one with the node's number, else the first
/// that is no authority of the spec; nobody acts for it already. Whether it becomes an authority is for the others to
/// decide.
pub(super) fn spare_account(
    frozen: &FrozenSpec,
    index: usize,
    taken: &[String],
) -> Result<&'static str, DevnetError> {
    let engine = || frozen.consensus().engine().to_owned();
    let Some(first) = frozen.consensus().authorities() else {
        return Err(DevnetError::NoAuthorities { engine: engine() });
    };
    let free = |name: &&'static str| !taken.iter().any(|taken| taken == name);
    let spare = |name: &&'static str| {
        let address = DevAccount::named(name).map(DevAccount::address);
        !first.iter().any(|owner| Some(owner.address()) == address)
    };
    let others = DevAccount::names().iter().copied().filter(spare);
    let found = authority_of(frozen, index).into_iter().chain(others).find(free);
    // Their keys are known, so that only a development chain lets them sign.
    found.filter(|_| frozen.dev).ok_or(DevnetError::NoSpareAccount)
}

/// How each node is started.
pub(super) fn launches(
    frozen: &FrozenSpec,
    payouts: Vec<Payout>,
    keeps_index: bool,
    stratum: bool,
    record: Option<&Path>,
) -> Vec<Launch> {
    let miner = frozen.devnet.miner;
    let launch = |(index, payout): (usize, Payout)| {
        let mines = frozen.consensus().pow().is_some() && miner.threads > 0;
        let mining = || Mining {
            payout: payout.address.encode(&frozen.prefix),
            owner: payout.owner.map(str::to_owned),
            threads: miner.threads,
            throttle: miner.throttle.to_string(),
        };
        Launch {
            miner: mines.then(mining),
            authority: authority_of(frozen, index).map(str::to_owned),
            stake: staker_of(frozen, index).map(str::to_owned),
            index: keeps_index,
            stratum: stratum && frozen.consensus().pow().is_some(),
            record: record.map(Path::to_owned),
        }
    };
    payouts.into_iter().enumerate().map(launch).collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
