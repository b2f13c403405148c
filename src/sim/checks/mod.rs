//! Checkers: what must hold of every run, seen from outside.
//!
//! Each is a [`Watch`], named as in the literature. None of them asks a replica whether it is
//! right: they read what went in and out, its tree and its disk, and keep books of their own.
//!
//! | checker | holds that |
//! |---|---|
//! | [`Agreement`] | no two correct nodes take different blocks of one height for final |
//! | [`Validity`] | every block in a correct node's tree follows the rules, computed anew and naively |
//! | [`ForkChoice`] | the heaviest branch is followed, the first among equals, and only what is deep enough is final |
//! | [`SupplyIdentity`] | genesis + issued − burned = the sum of all coins, and issued is what the schedule says |
//! | [`StateRoots`] | equal blocks have equal states |
//! | [`ConsistentPrefixes`] | what a node took for final it keeps: finality grows along one branch, across restarts too |
//! | [`Durability`] | what was promised before a crash is there after it, and nothing accepted is forgotten |
//! | [`BoundedMemory`] | nothing grows beyond its bound |
//! | [`Honour`] | no correct node bans a correct one, and no block accuses one |
//! | [`Equivocation`] | correct producers tell of everybody who seals two blocks where one is allowed |
//! | [`ElectionSafety`] | one leads at most in each term (Raft, figure 3) |
//! | [`OneSeal`] | nobody signs two statements for one place: no key seals two blocks of one height in one round |
//!
//! What readers saw is judged by its own history: [`linearizability`].
//!
//! Liveness is not a property of a moment: a [swarm](super::swarm) demands it after everything was healed.

mod agreement;
mod books;
mod difficulty;
mod durability;
mod election;
mod equivocation;
mod fork;
mod honour;
mod law;
pub mod linearizability;
mod memory;
mod prefixes;
mod roots;
mod slot;
mod stake;
mod supply;
mod turn;
mod validity;

use std::sync::Arc;

pub use agreement::Agreement;
pub use durability::Durability;
pub use election::{ElectionSafety, OneSeal};
pub use equivocation::Equivocation;
pub use fork::ForkChoice;
pub use honour::Honour;
pub use memory::BoundedMemory;
pub use prefixes::ConsistentPrefixes;
pub use roots::StateRoots;
pub use supply::SupplyIdentity;
pub use validity::Validity;

use self::books::Books;
use super::disk::Disk;
use super::watch::Watch;
use crate::ledger::Own;
use crate::replica::{Output, Replica, Report};
use crate::spec::{Consensus, FrozenSpec};
use crate::store::{Store, Table};
use crate::types::signatures::verify_single;
use crate::types::{Address, Block, BlockId, GenesisId, Height, Seal, decode, tagged};

/// All checkers but agreement, which depends on what the network does ([`Agreement`]).
pub fn always(spec: &FrozenSpec) -> Vec<Box<dyn Watch>> {
    let mut all: Vec<Box<dyn Watch>> = vec![
        Box::new(Validity::new(spec)),
        Box::new(SupplyIdentity::new(spec)),
        Box::<StateRoots>::default(),
        Box::<ConsistentPrefixes>::default(),
        Box::new(Durability::new(spec)),
        Box::<BoundedMemory>::default(),
        Box::<Honour>::default(),
        Box::new(Equivocation::new(spec)),
        Box::<OneSeal>::default(),
    ];
    // Under PBFT nobody is elected: who leads in a view follows from the voters at a height. Under Paxos it is ballots that
    // are one proposer's each, and two of one round may lead one after the other.
    if !matches!(spec.consensus(), Consensus::Pbft(_) | Consensus::Paxos(_)) {
        all.push(Box::<ElectionSafety>::default());
    }
    all.extend(ForkChoice::of(spec).map(|fork_choice| Box::new(fork_choice) as Box<dyn Watch>));
    all
}

/// All checkers; a run that is `outside` the model says nothing about agreement ([`Agreement`]).
pub fn all(spec: &FrozenSpec, outside: bool) -> Vec<Box<dyn Watch>> {
    let mut all = always(spec);
    if !outside {
        all.push(Box::<Agreement>::default());
    }
    all
}

/// What checkers call themselves; `store` is the simulator, where a disk fails.
pub const NAMES: [&str; 13] = [
    "agreement",
    "validity",
    "fork choice",
    "supply identity",
    "equal states",
    "consistent prefixes",
    "durability",
    "bounded memory",
    "honour",
    "equivocation",
    "election safety",
    "one seal",
    "store",
];

/// Whether the seal of a block is the signature of whoever should have made it.
fn signed_by(who: &Address, chain: &GenesisId, id: &BlockId, seal: &Seal) -> Result<(), String> {
    let Seal::Signature { key, signature } = seal else {
        return Err("its producer did not sign it".into());
    };
    let message = tagged("assay/seal-signature", chain, &[id.as_bytes()]);
    match verify_single(&key.0, &message.0, &signature.0) && Address::of(key) == *who {
        true => Ok(()),
        false => Err(format!("its signature by {key} proves nothing")),
    }
}

/// A block of a node's tree, or one that is final by now.
pub(super) fn block_at(replica: &Replica<Disk>, id: &BlockId) -> Option<Arc<Block>> {
    if let Some(node) = replica.tree().get(id) {
        return Some(node.block.clone());
    }
    let bytes = replica.store().get(Table::Blocks, id.as_bytes()).ok()??;
    decode(&bytes).ok().map(Arc::new)
}

/// What a block did to coins itself, by its maker's own account.
fn own_of(replica: &Replica<Disk>, id: &BlockId) -> Own {
    if let Some(node) = replica.tree().get(id) {
        return (*node.own).clone();
    }
    let bytes = replica.store().get(Table::Payouts, id.as_bytes()).ok().flatten();
    bytes.and_then(|bytes| decode(&bytes).ok()).unwrap_or_default()
}

/// The blocks that books lack of a node's branch up to a block, lowest first: a process may die before it says what it made
/// final, and is found further when it starts again.
fn unseen<T>(books: &Books<T>, replica: &Replica<Disk>, id: &BlockId) -> Vec<BlockId> {
    let (mut unseen, mut next) = (Vec::new(), *id);
    while !books.has(&next)
        && let Some(block) = block_at(replica, &next)
    {
        unseen.push(next);
        next = block.header.parent;
    }
    unseen.reverse();
    unseen
}

/// The block that a node's disk calls final at a height.
fn final_at(disk: &Disk, height: Height) -> Option<BlockId> {
    let bytes = disk.get(Table::Heights, &height.0.to_be_bytes()).ok()??;
    decode(&bytes).ok()
}

/// The block that entered a tree, if that is what an output says.
fn imported(output: &Output) -> Option<&BlockId> {
    match output {
        Output::Report(Report::Imported { imported, .. }) => Some(&imported.id),
        _ => None,
    }
}

/// The blocks that a replica found on its disk and holds, in the order of their arrival.
fn found(replica: &Replica<Disk>) -> Vec<BlockId> {
    let mut blocks: Vec<_> = replica.tree().nodes().map(|node| (node.arrival, node.id)).collect();
    blocks.sort_unstable();
    blocks.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests;
