//! What a simulation is made of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::link::LinkModel;
use super::regions::Region;
use super::time::{Micros, Skew};
use super::topology::Topology;
use crate::consensus::{Engine, Seat, Stake};
use crate::spec::{DevAccount, FrozenSpec, Spec, bits_for};
use crate::types::{Address, BlockId, Height, Keypair, Time};

/// When chains begin whose specs leave that to the launch.
pub const LAUNCH: Time = Time(1_700_000_000_000);

/// Puts something around a node's engine: what makes a node an attacker.
pub type Decorate = Arc<dyn Fn(Box<dyn Engine>) -> Box<dyn Engine> + Send + Sync>;

/// A simulation, all of it.
#[derive(Debug, Clone)]
pub struct Options {
    /// What chance makes of it.
    pub seed: u64,
    /// The chain.
    pub spec: FrozenSpec,
    /// The nodes.
    pub nodes: Vec<NodeOptions>,
    /// Who knows whom.
    pub topology: Topology,
    /// How links are.
    pub link: LinkModel,
    /// What the nodes' machines take time for.
    pub costs: Costs,
}

/// A node.
#[derive(Clone)]
pub struct NodeOptions {
    /// Whom its blocks pay; `None` for a node that makes none.
    pub payout: Option<Address>,
    /// The key of the authority that it is, if it is one.
    pub key: Option<Keypair>,
    /// Whose coins it stakes: development accounts and operators ([`operator`]) with numbers below 1024, whose keys are
    /// known. For others nobody signs.
    pub stake: Option<Stake>,
    /// Hashes per second of its nonce search.
    pub hash_rate: f64,
    /// Which block belongs at a height, by its operator's word, from its next start on.
    pub checkpoint: Option<(Height, BlockId)>,
    /// How far its clock is off.
    pub skew: Skew,
    /// Where it stands.
    pub region: Region,
    /// How its own links are, those of others to it among them; `None` for links like everybody's. Their mode is
    /// everybody's in any case.
    pub link: Option<LinkModel>,
    /// Whether it passes on what others say. An attacker that races with a block of its own passes no rival on.
    pub relays: bool,
    /// What is around its engine. A node with something around it does not count as correct.
    pub decorate: Option<Decorate>,
}

impl fmt::Debug for NodeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeOptions")
            .field("hash_rate", &self.hash_rate)
            .field("skew", &self.skew)
            .field("region", &self.region)
            .field("link", &self.link)
            .field("relays", &self.relays)
            .field("decorated", &self.decorate.is_some())
            .finish_non_exhaustive()
    }
}

impl Default for NodeOptions {
    /// Makes no blocks, is in Europe on a line like everybody's, and knows what time it is.
    fn default() -> Self {
        Self {
            payout: None,
            key: None,
            stake: None,
            checkpoint: None,
            hash_rate: 0.0,
            skew: Skew::default(),
            region: Region::Europe,
            link: None,
            relays: true,
            decorate: None,
        }
    }
}

impl NodeOptions {
    /// The seat of this node's engine, as node number `node` of a simulation with this seed; each of its processes draws
    /// chances of its own, as those of the node do.
    pub fn seat(&self, seed: u64, node: usize, life: u64) -> Seat {
        let mut hasher = blake3::Hasher::new_derive_key("assay simulation seat v1");
        hasher.update(&seed.to_le_bytes());
        hasher.update(&(node as u64).to_le_bytes());
        hasher.update(&life.to_le_bytes());
        let seed = hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default();
        let (key, stake) = (self.key.clone(), self.stake.clone());
        Seat { key, payout: self.payout, stake, seed: u64::from_le_bytes(seed) }
    }
}

/// What takes simulated time on a node's machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// Checking a signature.
    pub signature: Micros,
    /// Making everything staged durable.
    pub sync: Micros,
}

impl Default for Costs {
    /// 20 µs a signature, 0.3 ms a sync: about what a batch of signatures and a solid-state disk take.
    fn default() -> Self {
        Self { signature: Micros(20), sync: Micros(300) }
    }
}

/// The key of a node's operator, to whom its blocks pay. It holds no coins at the beginning.
pub fn operator(node: usize) -> Keypair {
    let mut hasher = blake3::Hasher::new_derive_key("assay simulation operator v1");
    hasher.update(&(node as u64).to_le_bytes());
    Keypair::from_secret(hasher.finalize().as_bytes())
}

/// Operators whose keys sign for the coins that they stake: those of nodes with numbers below this, and accounts under no node's
/// number. As many as a chain may have first accounts.
const OPERATORS: usize = 1024;

/// The key of an owner who stakes, if it is known: a development account's, or an operator's.
pub(super) fn key_of(owner: &Address) -> Option<Keypair> {
    static OPERATOR_KEYS: OnceLock<BTreeMap<Address, Keypair>> = OnceLock::new();
    if let Some(account) = DevAccount::of(owner) {
        return Some(account.keypair());
    }
    let keys = OPERATOR_KEYS.get_or_init(|| {
        let keys = (0..OPERATORS).map(operator);
        keys.map(|key| (key.address(), key)).collect()
    });
    keys.get(owner).cloned()
}

/// Freezes a chain spec for a simulation. What it leaves to the launch is chosen: the chain starts at [`LAUNCH`], and the
/// first block takes about `tries` hashes. They are hashed for real, so a few dozen are plenty.
pub fn freeze(spec: Spec, tries: u32) -> FrozenSpec {
    let block_time = spec.consensus().block_time();
    let rate = f64::from(tries) / (block_time.0 as f64 / 1000.0); // a block time is far below 2^53 ms
    spec.freeze(LAUNCH, || bits_for(rate, block_time, 1))
}

/// Whose coins stake where coins do: those of the first account of the spec, of the second, and so on; then nobody's.
pub(super) fn stakes(spec: &FrozenSpec) -> impl Iterator<Item = Option<Stake>> {
    let staked = spec.consensus().pos().is_some();
    let owners = spec.accounts.iter().map(|account| Some(account.owner.address()));
    owners.chain(std::iter::repeat(None)).map(move |owner| {
        staked.then(|| Stake { owners: owner.into_iter().collect(), ..Stake::default() })
    })
}

/// The keys of a chain's first authorities, in the order of the spec; none for those that are no development accounts.
pub(super) fn seats(spec: &FrozenSpec) -> impl Iterator<Item = Option<Keypair>> {
    let authorities = spec.consensus().authorities().into_iter();
    authorities.flat_map(|them| them.iter()).map(|owner| owner.dev().map(DevAccount::keypair))
}

impl Options {
    /// So many equal nodes with a seat each: miners that make `tries` hashes in each block time, or the authorities of the
    /// spec, of whom the first ones are there. The keys of development accounts are known; other authorities have none here.
    pub fn seated(seed: u64, spec: Spec, nodes: usize, tries: u32) -> Self {
        let mut options = Self::miners(seed, spec, nodes, tries);
        for (node, stake) in options.nodes.iter_mut().zip(stakes(&options.spec)) {
            node.stake = stake;
        }
        for (node, key) in options.nodes.iter_mut().zip(seats(&options.spec)) {
            node.key = key;
        }
        options
    }

    /// So many equal miners that all know each other and together make `tries` hashes in each block time, or as many as the
    /// easiest target of the chain takes. The spec is frozen to match ([`freeze`]).
    pub fn miners(seed: u64, spec: Spec, nodes: usize, tries: u32) -> Self {
        let spec = freeze(spec, tries);
        let seconds = spec.consensus().block_time().0 as f64 / 1000.0; // as above
        let limit = spec.consensus().pow().map_or(0.0, |pow| super::mining::tries(pow.limit_bits));
        let hash_rate = f64::from(tries).max(limit) / seconds / nodes.max(1) as f64;
        let node = |node| NodeOptions {
            payout: Some(operator(node).address()),
            hash_rate,
            ..NodeOptions::default()
        };
        Self {
            seed,
            spec,
            nodes: (0..nodes).map(node).collect(),
            topology: Topology::Full,
            link: LinkModel::default(),
            costs: Costs::default(),
        }
    }
}
