//! What each node says of the chain, moment by moment, and how long payments took by that.
//!
//! A node's view is its best branch and its final height, as its subscriptions tell them. Heads that were missed are found
//! by going from a head to its parents, so a view has no holes; what was not told in time is counted when it is. A payment
//! is *included* at a node when a block with it is first on that node's best branch, has *k confirmations* when the branch
//! first is k blocks long from there, and is *final* when the node first says so. What a reorganisation takes back is not
//! taken back here, but counted. A head further down the same branch takes nothing back: news may overtake each other where
//! a subscription begins, and a node that was started again may be behind.
//!
//! Every payment has a *home*, the node that it was handed to: what happens there is what its sender sees.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use super::schedule::Micros;
use crate::types::{BlockId, Height, TransactionId};

/// Nodes at most: a payment has a bit for each.
pub const NODES_MAX: usize = 128;

/// The number of a payment, in the order in which they became known.
pub type Number = usize;

/// All views, and what they say about the payments.
#[derive(Debug, Default)]
pub struct Views {
    blocks: BTreeMap<BlockId, Known>,
    nodes: Vec<View>,
    payments: Vec<Journey>,
    ids: BTreeMap<TransactionId, Number>,
    /// From when each was due until it had k confirmations at home, by k − 1.
    confirmed: Vec<Histogram>,
    home: Stages,
    everywhere: Stages,
    returned: u64,
    /// What happened at home to the payments of each part.
    parts: Parts,
    /// How many blocks a node left behind, each time.
    reorganisations: Vec<u64>,
}

/// Reorganisations that are remembered.
const REORGANISATIONS_MAX: usize = 1 << 16;

/// When the first payment was due, how long a part is, and the latencies of each.
type Parts = (Micros, Micros, Vec<Stages>);

/// The part in which a payment was due.
fn part_of((begun, length, parts): &mut Parts, due: Micros) -> Option<&mut Stages> {
    let part = due.checked_sub(*begun)?.checked_div(*length)?;
    // The last moment of all belongs to the last part.
    let last = parts.len().checked_sub(1)?;
    parts.get_mut(usize::try_from(part).unwrap_or(usize::MAX).min(last))
}

/// Latencies up to two stages, in microseconds from when a payment was due.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    /// Until it was on the best branch.
    pub included: Histogram,
    /// Until it was final.
    pub settled: Histogram,
}

/// What one node says.
#[derive(Debug, Default)]
struct View {
    branch: BTreeMap<Height, BlockId>,
    /// Below is nothing of ours.
    base: Height,
    settled: Height,
    stages: Stages,
}

/// A block that has been read.
#[derive(Debug)]
struct Known {
    parent: BlockId,
    payments: Vec<Number>,
}

/// How far a payment has come.
#[derive(Debug)]
struct Journey {
    due: Micros,
    home: usize,
    /// Confirmations at home that have been counted.
    confirmations: usize,
    /// The nodes where it is included, and where it is final, as bits.
    included: u128,
    settled: u128,
    returned: bool,
}

impl Views {
    /// Views of so many nodes, 128 at most, with confirmations up to so many.
    pub fn new(nodes: usize, confirmations: usize) -> Self {
        Self {
            nodes: (0..nodes.min(NODES_MAX)).map(|_| View::default()).collect(),
            confirmed: vec![Histogram::default(); confirmations.max(1)],
            ..Self::default()
        }
    }

    /// Payments are due from a moment on for so long, in so many parts of equal length that are told apart.
    pub fn divide(&mut self, begun: Micros, length: Micros, parts: usize) {
        let parts = parts.max(1);
        self.parts = (begun, (length / parts as u64).max(1), vec![Stages::default(); parts]); // few
    }

    /// A payment will be sent. Numbers are given in order, from 0.
    pub fn expect(&mut self, id: TransactionId, due: Micros) -> Number {
        let number = self.payments.len();
        let journey =
            Journey { due, home: 0, confirmations: 0, included: 0, settled: 0, returned: false };
        self.payments.push(journey);
        self.ids.insert(id, number);
        number
    }

    /// The payment is handed to this node, and was due then.
    pub fn send(&mut self, number: Number, home: usize, due: Micros) {
        let journey = &mut self.payments[number];
        (journey.home, journey.due) = (home, due);
    }

    /// When a payment was due.
    pub fn due(&self, number: Number) -> Micros {
        self.payments[number].due
    }

    /// Whether a payment is final at the node that it was handed to.
    pub fn is_settled(&self, number: Number) -> bool {
        let journey = &self.payments[number];
        journey.settled >> journey.home & 1 == 1
    }

    /// The node is at this head, where nothing is of interest yet.
    pub fn begin(&mut self, node: usize, head: (Height, BlockId)) {
        let view = &mut self.nodes[node];
        view.branch = BTreeMap::from([head]);
        (view.base, view.settled) = (head.0, head.0);
    }

    /// A block that has to be read before a node's head can be understood; `None` if there is none.
    pub fn missing(&self, node: usize, head: (Height, BlockId)) -> Option<BlockId> {
        let view = &self.nodes[node];
        let (mut height, mut id) = head;
        while height > view.base && view.branch.get(&height) != Some(&id) {
            match self.blocks.get(&id) {
                Some(known) => (height, id) = (height.back(1), known.parent),
                None => return Some(id),
            }
        }
        None
    }

    /// A block has been read.
    pub fn learn(&mut self, id: BlockId, parent: BlockId, transactions: &[TransactionId]) {
        let payments = transactions.iter().filter_map(|id| self.ids.get(id)).copied().collect();
        self.blocks.insert(id, Known { parent, payments });
    }

    /// A node has this head. Its blocks have been read, see [`Self::missing`].
    pub fn head(&mut self, node: usize, head: (Height, BlockId), at: Micros) {
        let Some(tip) = self.extend(node, head, at) else { return };
        let deepest = Height(tip.0.saturating_sub(self.confirmed.len() as u64)); // few
        let rows = self.nodes[node].branch.range(deepest..=head.0);
        let rows: Vec<(usize, BlockId)> = rows
            .map(|(height, id)| ((head.0.0 - height.0 + 1) as usize, *id)) // few
            .collect();
        for (depth, id) in rows {
            let Some(known) = self.blocks.get(&id) else { continue };
            for number in &known.payments {
                let journey = &mut self.payments[*number];
                if journey.home != node {
                    continue;
                }
                let latency = at.saturating_sub(journey.due);
                let reached = depth.min(self.confirmed.len());
                for histogram in self.confirmed.iter_mut().take(reached).skip(journey.confirmations)
                {
                    histogram.record(latency);
                }
                journey.confirmations = journey.confirmations.max(reached);
            }
        }
    }

    /// A node says that the chain is final up to this block, which has been read. Gives the payments that are final now
    /// at home.
    pub fn settled(&mut self, node: usize, block: (Height, BlockId), at: Micros) -> Vec<Number> {
        let mut done = Vec::new();
        if self.extend(node, block, at).is_none() {
            return done;
        }
        let view = &self.nodes[node];
        if block.0 <= view.settled {
            return done;
        }
        let rows: Vec<BlockId> =
            view.branch.range(view.settled.next()..=block.0).map(|(_, id)| *id).collect();
        self.nodes[node].settled = block.0;
        let everybody = self.everybody();
        for id in rows {
            let Some(known) = self.blocks.get(&id) else { continue };
            for number in &known.payments {
                let journey = &mut self.payments[*number];
                let bit = 1 << node;
                if journey.settled & bit != 0 {
                    continue;
                }
                journey.settled |= bit;
                let latency = at.saturating_sub(journey.due);
                self.nodes[node].stages.settled.record(latency);
                if journey.settled == everybody {
                    self.everywhere.settled.record(latency);
                }
                if journey.home == node {
                    self.home.settled.record(latency);
                    if let Some(part) = part_of(&mut self.parts, journey.due) {
                        part.settled.record(latency);
                    }
                    done.push(*number);
                }
            }
        }
        done
    }

    fn everybody(&self) -> u128 {
        match self.nodes.len() {
            NODES_MAX => u128::MAX,
            nodes => (1 << nodes) - 1,
        }
    }

    /// Takes a block and what lies below it into a node's branch. Gives the lowest height that changed, or the block's
    /// own; nothing where the block cannot be understood.
    fn extend(&mut self, node: usize, block: (Height, BlockId), at: Micros) -> Option<Height> {
        if self.missing(node, block).is_some() {
            return None;
        }
        let (mut height, mut id) = block;
        let mut joined = Vec::new();
        let view = &self.nodes[node];
        while height > view.base && view.branch.get(&height) != Some(&id) {
            joined.push((height, id));
            (height, id) = (height.back(1), self.blocks.get(&id)?.parent);
        }
        let Some((lowest, _)) = joined.last().copied() else { return Some(block.0) };
        self.cut(node, lowest.back(1));
        let everybody = self.everybody();
        for (height, id) in joined.into_iter().rev() {
            self.nodes[node].branch.insert(height, id);
            let Some(known) = self.blocks.get(&id) else { continue };
            for number in &known.payments {
                let journey = &mut self.payments[*number];
                let bit = 1 << node;
                if journey.included & bit != 0 {
                    continue;
                }
                journey.included |= bit;
                let latency = at.saturating_sub(journey.due);
                self.nodes[node].stages.included.record(latency);
                let (home, due) = (journey.home == node, journey.due);
                if journey.included == everybody {
                    self.everywhere.included.record(latency);
                }
                if home {
                    self.home.included.record(latency);
                    if let Some(part) = part_of(&mut self.parts, due) {
                        part.included.record(latency);
                    }
                }
            }
        }
        Some(lowest)
    }

    /// What lies above a height leaves a node's branch.
    fn cut(&mut self, node: usize, height: Height) {
        let left = self.nodes[node].branch.split_off(&height.next());
        if !left.is_empty() && self.reorganisations.len() < REORGANISATIONS_MAX {
            self.reorganisations.push(left.len() as u64); // a length fits
        }
        for id in left.values() {
            let Some(known) = self.blocks.get(id) else { continue };
            for number in &known.payments {
                let journey = &mut self.payments[*number];
                if journey.home == node && !journey.returned {
                    journey.returned = true;
                    self.returned += 1;
                }
            }
        }
    }

    /// Latencies of all payments by what one node says.
    pub fn of_node(&self, node: usize) -> &Stages {
        &self.nodes[node].stages
    }

    /// Latencies of all payments, each by what its home says.
    pub fn at_home(&self) -> &Stages {
        &self.home
    }

    /// Latencies until the last node said so.
    pub fn everywhere(&self) -> &Stages {
        &self.everywhere
    }

    /// Latencies until there were 1, 2, … confirmations at home.
    pub fn confirmations(&self) -> &[Histogram] {
        &self.confirmed
    }

    /// The same as at home, for payments that were due in each part.
    pub fn parts(&self) -> &[Stages] {
        &self.parts.2
    }

    /// How many blocks a node left behind, each time that one did.
    pub fn reorganisations(&self) -> &[u64] {
        &self.reorganisations
    }

    /// All blocks that some node had on its best branch.
    pub fn seen(&self) -> impl Iterator<Item = &BlockId> {
        self.blocks.keys()
    }

    /// Payments whose block left the best branch of the node that they were handed to.
    pub fn returned(&self) -> u64 {
        self.returned
    }
}

#[cfg(test)]
#[path = "views_tests.rs"]
mod tests;
