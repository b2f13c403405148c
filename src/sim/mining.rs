//! The nonce search of simulated miners: real hashes, simulated speed.
//!
//! Whoever searches tries nonces one after the other, and every try is hashed here, for real; a proof counts because
//! `sha2` says so. Only the time that it takes is simulated: tries ÷ hash rate on average.
//!
//! A simulated try stands for very many real ones, of which a miner loses none when its order is replaced. If each took
//! equally long, a miner would lose half a try with each block of somebody else's, and a slow miner more than a fast
//! one: with some twenty tries to a block a tenth of the rate of small miners. So the length of a try is exponential,
//! which has no memory: a try that is begun anew is due as soon as the one that it replaces was, and the time to a block
//! is exponential, too.
//!
//! Hashing is done lazily, [`SLICE`] tries or so at a time when their turn comes, so that an order that is replaced costs little
//! more than what it had come to.

use num_traits::ToPrimitive;

use super::host::{Event, Sim};
use super::random::Dice;
use super::time::{Micros, Moment};
use crate::consensus::{OrderId, SearchOrder};
use crate::miner::{Job, search_slice};
use crate::replica::Input;
use crate::types::target::Bits;
use crate::types::work::WorkProof;
use crate::types::{Claim, Seal};

/// Tries that are hashed in one go, at least: fewer cost more events, more are more often for nothing. A fast miner hashes
/// what it tries in [`SLICE_SECONDS`].
const SLICE: u64 = 8;

/// However fast a miner is, it takes no more events than this allows.
const SLICE_SECONDS: f64 = 0.001;

/// A search starts somewhere among so many tries, or a miner alone would always need the same number of them.
const STARTS: u64 = 1 << 32;

/// How many tries a proof takes on average, exactly: [`Bits::work`] counts whole ones, and where they are few that is too few
/// by half a try on average. Nothing for bits that encode no target.
pub(super) fn tries(bits: Bits) -> f64 {
    let above = bits.target().ok().and_then(|target| (target.value() + 1_u32).to_f64());
    above.map_or(0.0, |above| 2_f64.powi(256) / above)
}

/// A search in progress.
#[derive(Debug)]
pub(super) struct Search {
    /// The slice, among all there ever were.
    slice: u64,
    order: OrderId,
    job: Job,
    /// The first try that was not hashed yet.
    next: u64,
    /// What the miner has yet to do of this slice as of `since`, in tries of average length.
    left: f64,
    since: Moment,
    /// What the last of them proves.
    proof: Option<WorkProof>,
}

impl Search {
    /// Hashes the next slice.
    fn hash(&mut self, now: Moment, hash_rate: f64, dice: &mut Dice) {
        // `as` saturates.
        let tries = SLICE.max((hash_rate * SLICE_SECONDS) as u64);
        let found = search_slice(&self.job, self.next, tries);
        let used = found.as_ref().map_or(tries, |(_, used)| *used);
        self.next += used;
        self.left = (0..used).map(|_| dice.exponential(1.0)).sum();
        self.since = now;
        self.proof = found.map(|(proof, _)| proof);
    }
}

impl Sim {
    /// A miner searches for this order instead of whatever it was searching for.
    pub(super) fn search(&mut self, node: usize, order: &SearchOrder) {
        let header = &order.header;
        // Only an order of work is searched for.
        let Claim::Work { bits } = header.claim else { return };
        let (id, parent) = (order.block.as_bytes(), *header.parent.as_bytes());
        let job = Job::for_block(header.height.0, id, parent, header.time.seconds(), bits);
        let Ok(job) = job else { return };
        let next = self.mining_dice.below(STARTS);
        let since = self.now;
        let order = order.order;
        let mut search = Search { slice: 0, order, job, next, left: 0.0, since, proof: None };
        search.hash(self.now, self.nodes[node].hash_rate, &mut self.mining_dice);
        self.nodes[node].process.search = Some(search);
        self.time_slice(node);
    }

    /// Plans the end of the slice in progress at the miner's present rate.
    fn time_slice(&mut self, node: usize) {
        let slice = self.number();
        let node_index = node;
        let node = &mut self.nodes[node];
        let Some(search) = &mut node.process.search else { return };
        search.slice = slice;
        if node.hash_rate > 0.0 {
            let takes = Micros::from_seconds(search.left / node.hash_rate);
            let end = search.since.after(takes);
            self.queue.push(end, Event::Slice { node: node_index, slice });
        }
    }

    /// A slice is over, if it is still the one in progress.
    pub(super) fn slice_ends(&mut self, node: usize, slice: u64) {
        let now = self.now;
        let search = self.nodes[node].process.search.take_if(|search| search.slice == slice);
        let Some(mut search) = search else { return };
        if let Some(proof) = search.proof {
            let input = Input::Found { order: search.order, seal: Seal::Work(proof) };
            return self.deliver(node, input);
        }
        search.hash(now, self.nodes[node].hash_rate, &mut self.mining_dice);
        self.nodes[node].process.search = Some(search);
        self.time_slice(node);
    }

    /// What a node has tried of its slice so far stays tried; the rest goes at another pace.
    pub(super) fn change_pace(&mut self, node: usize, hash_rate: f64) {
        self.account(node);
        self.nodes[node].hash_rate = hash_rate;
        if !self.nodes[node].paused {
            self.time_slice(node);
        }
    }

    /// Hashes per second of all nodes that run.
    pub fn hash_rate(&self) -> f64 {
        self.nodes.iter().filter(|node| node.is_up()).map(|node| node.hash_rate).sum()
    }

    /// Takes off what the miner has tried since it was last looked at.
    fn account(&mut self, node: usize) {
        let now = self.now;
        let node = &mut self.nodes[node];
        let Some(search) = node.process.search.as_mut().filter(|_| !node.paused) else { return };
        let done = now.since(search.since).as_seconds() * node.hash_rate;
        search.left = (search.left - done).max(0.0);
        search.since = now;
    }

    /// A process is about to be paused: its search stands still with it.
    pub(super) fn stop_the_search(&mut self, node: usize) {
        self.account(node);
        let number = self.number();
        if let Some(search) = &mut self.nodes[node].process.search {
            search.slice = number; // no event has it
        }
    }

    /// A paused process goes on, and its search with it.
    pub(super) fn continue_the_search(&mut self, node: usize) {
        let now = self.now;
        if let Some(search) = &mut self.nodes[node].process.search {
            search.since = now;
            self.time_slice(node);
        }
    }
}
