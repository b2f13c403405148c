//! A run in the simulator: real replicas, blocks, signatures and proofs, on a network and in a time of its own. What a seed
//! gives is the same to the digit on every machine.
//!
//! Payments are those that a devnet would be offered, at the same moments, funded in the same way.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::chain::{Made, run_of};
use super::{PARTS, faults};
use crate::api::{BenchLoad, BenchRun};
use crate::bench::account::{Settled, account};
use crate::bench::histogram::Histogram;
use crate::bench::payments::{Coin, FanOut, Payer, SPLIT_MAX, outputs_for};
use crate::bench::schedule::{Deals, arrivals};
use crate::bench::tally::Tally;
use crate::bench::views::{Number, Views};
use crate::consensus::{self, AuthorityId};
use crate::ledger::CoinKind;
use crate::replica::{Output, Replica, Report};
use crate::sim::{Disk, Latency, LinkModel, Micros, Moment, Options, Scene, Sim, Topology, Watch};
use crate::spec::{DevAccount, NotShipped, SeatsError, Spec, SpecError};
use crate::store::{Store, StoreError, Table};
use crate::types::{
    Address, Block, BlockId, CoinId, Height, Keypair, Span, Time, Transaction, decode,
};

/// Hashes that a block by work takes: they are made for real.
const TRIES: u32 = 32;

/// Until nodes know each other and those that lead are found.
const WARM_UP: Micros = Micros::seconds(5);

/// How long coins for the load may take to be in a block of every node, at least, …
const FUNDING: Micros = Micros::seconds(600);

/// … and in blocks, where these take longer.
const FUNDING_BLOCKS: u64 = 60;

/// How often that is looked at, and whether all is final; a tenth of a block time where that is longer.
const LOOK: Micros = Micros::millis(100);

/// Rounds of turns until a block is final at the latest, where nobody is away: votes that blocks imply reach back so far.
const ROUNDS: u64 = 3;

/// Up to how many nodes everybody is connected to everybody. Among more each opens as many connections as a node on sockets does,
/// and is told by others what those know; but authorities that talk beside blocks all stay connected.
const EVERYBODY: usize = 2 * Topology::OUTBOUND;

/// Coins of an account that are looked through for the largest.
const COINS_MAX: usize = 64;

/// What to run.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The chain.
    pub spec: Spec,
    /// How many nodes.
    pub nodes: usize,
    /// From node to node, one way.
    pub latency: Micros,
    /// Payments per second.
    pub rate: f64,
    /// For how long they come.
    pub duration: Micros,
    /// How many accounts pay each other.
    pub accounts: usize,
    /// Bytes by which payments are larger than ordinary ones.
    pub payload: usize,
    /// What chance makes of it.
    pub seed: u64,
    /// Hashes of all miners together, as a share of those that the first target by work is for.
    pub work: f64,
    /// Up to how many confirmations are timed.
    pub confirmations: usize,
    /// How long to wait until all is final; three rounds at least where authorities take turns.
    pub patience: Micros,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Nobody whose keys are known has enough.
    #[error(
        "the load needs a coin of {needed} base units, and the largest that a development account can spend holds {found}"
    )]
    Money {
        /// What it takes.
        needed: u64,
        /// What there is.
        found: u64,
    },
    /// A node refuses a split.
    #[error("coins for the load cannot be made: {0}")]
    Refused(String),
    /// Splits do not get into blocks.
    #[error("coins for the load are not in a block of every node after {seconds} s")]
    Stuck {
        /// How long that was waited for.
        seconds: f64,
    },
    /// No payment falls into the time.
    #[error("no payment falls into {seconds} s at {rate} per second with seed {seed}")]
    Nothing {
        /// The time.
        seconds: f64,
        /// The rate.
        rate: f64,
        /// The seed.
        seed: u64,
    },
    /// Whoever was told of it said so.
    #[error("it was stopped before its end")]
    Stopped,
    /// No shipped spec has this name.
    #[error(transparent)]
    NotShipped(#[from] NotShipped),
    /// A spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Not every node could take part.
    #[error(transparent)]
    Seats(#[from] SeatsError),
    /// A simulated disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is written down.
#[derive(Debug, Default)]
struct Books {
    views: Views,
    tally: Tally,
    accepted: Histogram,
    /// Submissions that are not answered yet, and whose payment they carry, if it is one of the load.
    tickets: BTreeMap<u64, Option<Number>>,
    refused: Option<String>,
    /// Who led last, where somebody does.
    leader: Option<AuthorityId>,
    settled: u64,
    settled_last: u64,
}

/// Listens to all nodes.
#[derive(Debug, Clone, Default)]
struct Ears(Arc<Mutex<Books>>);

impl Ears {
    fn books(&self) -> MutexGuard<'_, Books> {
        // Nothing panics while it holds the lock, so what is inside is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A block of a node's tree, or a final one.
fn block_at(replica: &Replica<Disk>, id: &BlockId) -> Option<Arc<Block>> {
    if let Some(node) = replica.tree().get(id) {
        return Some(node.block.clone());
    }
    let bytes = replica.store().get(Table::Blocks, id.as_bytes()).ok()??;
    decode(&bytes).ok().map(Arc::new)
}

impl Books {
    /// Reads what is not known below a block of a node.
    fn understand(
        &mut self,
        scene: &Scene<'_>,
        replica: &Replica<Disk>,
        (node, head): (usize, (Height, BlockId)),
    ) {
        let chain = scene.options().spec.genesis_id();
        while let Some(id) = self.views.missing(node, head) {
            let Some(block) = block_at(replica, &id) else { return };
            let ids: Vec<_> = block.body.transactions.iter().map(|it| it.id(&chain)).collect();
            self.views.learn(id, block.header.parent, &ids);
        }
    }
}

impl Watch for Ears {
    fn name(&self) -> &'static str {
        "measurement"
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let mut books = self.books();
        let at = scene.now().0;
        match output {
            Output::Submitted { ticket, results } => {
                let Some(number) = books.tickets.remove(ticket) else { return Ok(()) };
                let refused = results.iter().find_map(|result| result.as_ref().err());
                match (refused, number) {
                    (None, None) => {}
                    (None, Some(number)) => {
                        books.tally.acknowledged(number);
                        let due = books.views.due(number);
                        books.accepted.record(at.saturating_sub(due));
                    }
                    (Some(reason), None) => books.refused = Some(reason.clone()),
                    (Some(reason), Some(number)) => books.tally.refused(number, reason),
                }
            }
            Output::Report(Report::Imported { imported, .. }) if imported.moved.is_some() => {
                let Some(replica) = scene.replica(node) else { return Ok(()) };
                let head = replica.tree().head();
                let head = (head.height(), head.id);
                books.understand(scene, replica, (node, head));
                books.views.head(node, head, at);
            }
            Output::Report(Report::Final { height, id, .. }) => {
                let Some(replica) = scene.replica(node) else { return Ok(()) };
                books.understand(scene, replica, (node, (*height, *id)));
                let settled = books.views.settled(node, (*height, *id), at).len();
                if settled > 0 {
                    books.settled += settled as u64; // a length fits
                    books.settled_last = at;
                }
            }
            Output::Report(Report::Engine(consensus::Report::Round { leader, .. })) => {
                books.leader = leader.or(books.leader);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Who is told which share of the payments is on its way, time and again as long as a run lasts, and says whether it is to go on.
pub type Told<'a> = dyn FnMut(f64) -> ControlFlow<()> + 'a;

/// Runs it, with a seat for each node ([`Spec::for_nodes`]).
///
/// # Errors
///
/// The rule has no room for so many nodes, the load cannot be funded, a simulated disk fails, or it was to stop.
pub fn run(trial: &Trial, told: &mut Told<'_>) -> Result<BenchRun, TrialError> {
    let (mut run, mut sim, leads) = undisturbed(trial, told)?;
    run.partition = faults::part(&mut sim);
    run.crash = faults::crash(&mut sim, leads);
    Ok(run)
}

/// Asks whether to go on.
fn tell(told: &mut Told<'_>, share: f64) -> Result<(), TrialError> {
    if told(share).is_break() { Err(TrialError::Stopped) } else { Ok(()) }
}

/// Runs it without a fault; gives the simulation in which everything is over, and the node that leads, if one does.
pub(super) fn undisturbed(
    trial: &Trial,
    told: &mut Told<'_>,
) -> Result<(BenchRun, Sim, Option<usize>), TrialError> {
    let ears = Ears::default();
    ears.books().views = Views::new(trial.nodes, trial.confirmations);
    let spec = trial.spec.for_nodes(trial.nodes)?;
    let mut options = Options::seated(trial.seed, spec, trial.nodes, TRIES);
    for node in &mut options.nodes {
        // As on a devnet, work pays whoever stakes: a node that does both is one producer.
        if let Some(owner) = node.stake.as_ref().and_then(|stake| stake.owners.first()) {
            node.payout = Some(*owner);
        }
        node.hash_rate *= trial.work;
    }
    if trial.nodes > EVERYBODY && !options.spec.consensus().talks() {
        options.topology = Topology::Random { outbound: Topology::OUTBOUND };
    }
    options.link = LinkModel { latency: Latency::Constant(trial.latency), ..options.link };
    let mut sim = Sim::watched(options, vec![Box::new(ears.clone())])?;
    let genesis =
        (Height(0), sim.options().spec.genesis_block().id(&sim.options().spec.genesis_id()));
    (0..trial.nodes).for_each(|node| ears.books().views.begin(node, genesis));
    sim.run(WARM_UP);

    let chain = sim.options().spec.genesis_id();
    let per_byte = sim.options().spec.limits.fee_per_byte.0;
    let beyond = || TrialError::Money { needed: u64::MAX, found: 0 };
    let extra = outputs_for(trial.payload);
    let payer =
        Payer::new(trial.accounts, trial.seed, chain, per_byte, extra).ok_or_else(beyond)?;
    let cost = payer.cost().ok_or_else(beyond)?;
    let due: Vec<u64> = arrivals(trial.rate, trial.duration.0, trial.seed).collect();
    if due.is_empty() {
        let (seconds, rate, seed) = (trial.duration.as_seconds(), trial.rate, trial.seed);
        return Err(TrialError::Nothing { seconds, rate, seed });
    }
    let coins = fund(&mut sim, &ears, &payer, (due.len(), cost + 1), told)?;
    let mut deals = Deals::new(trial.accounts, trial.seed);
    let payments = coins.iter().map(|coin| payer.pay(coin, &deals.draw()).0);
    let payments: Vec<_> = payments.collect();

    // As on a devnet: from here on it counts.
    let begun = sim.now();
    let from = sim.local_time(0).unwrap_or_default();
    {
        let books = &mut *ears.books();
        books.views = Views::new(trial.nodes, trial.confirmations);
        books.views.divide(begun.0, trial.duration.0, PARTS);
        for node in 0..trial.nodes {
            if let Some(replica) = sim.replica(node) {
                let head = replica.tree().head();
                books.views.begin(node, (head.height(), head.id));
            }
        }
        for (payment, due) in payments.iter().zip(&due) {
            books.tally.expect(payment.id);
            books.views.expect(payment.id, begun.0 + due);
        }
        books.tickets.clear();
        books.settled = 0;
    }
    let first = sim.height(0).unwrap_or(Height(0)).next();
    sim.count_traffic();
    for (number, (payment, due)) in payments.iter().zip(&due).enumerate() {
        let due = begun.after(Micros(*due));
        sim.run_until(due);
        let node = number % trial.nodes;
        let Ok(transaction) = decode::<Transaction>(&payment.bytes) else { continue };
        {
            let books = &mut *ears.books();
            books.views.send(number, node, due.0);
            books.tally.sent(number);
        }
        let ticket = sim.submit(node, vec![transaction]);
        ears.books().tickets.insert(ticket, Some(number));
        tell(told, (number + 1) as f64 / payments.len() as f64)?; // far below 2^53
    }
    sim.run_until(begun.after(trial.duration));
    let end = sim.now().after(trial.patience.max(rounds(&sim)));
    let all_settled = || {
        let books = ears.books();
        let (_, acknowledged) = books.tally.so_far();
        books.settled >= acknowledged && books.views.everywhere().settled.count() >= books.settled
    };
    while sim.now() < end && !all_settled() {
        tell(told, 1.0)?;
        sim.run(look(&sim));
    }
    let settled_last = Moment(ears.books().settled_last);
    let traffic = sim.traffic();
    let run =
        written(trial, &sim, &mut ears.books(), (begun, settled_last), (first, from), traffic);
    let leads = ears.books().leader;
    let seats = &sim.options().nodes;
    let leads = leads.and_then(|leads| {
        seats.iter().position(|node| node.key.as_ref().map(Keypair::address) == Some(leads))
    });
    Ok((run, sim, leads))
}

fn block_time(sim: &Sim) -> Micros {
    Micros::millis(sim.options().spec.consensus().block_time().0)
}

/// How often is looked whether something has come about.
fn look(sim: &Sim) -> Micros {
    LOOK.max(Micros(block_time(sim).0 / 10))
}

/// How long it takes until each authority has had so many turns.
fn rounds(sim: &Sim) -> Micros {
    let authorities = sim.options().spec.consensus().authorities();
    let seats = authorities.map_or(0, |them| them.iter().len() as u64); // at most 128
    block_time(sim).times(seats * ROUNDS)
}

/// Makes coins for the load out of one of a development account's, level by level.
fn fund(
    sim: &mut Sim,
    ears: &Ears,
    payer: &Payer,
    (count, amount): (usize, u64),
    told: &mut Told<'_>,
) -> Result<Vec<Coin>, TrialError> {
    let (chain, per_byte) =
        (sim.options().spec.genesis_id(), sim.options().spec.limits.fee_per_byte.0);
    let beyond = TrialError::Money { needed: u64::MAX, found: 0 };
    let plan = FanOut::plan(count, amount, SPLIT_MAX, per_byte).ok_or(beyond)?;
    let (key, coin, found) =
        source(sim).ok_or(TrialError::Money { needed: plan.cost, found: 0 })?;
    if found < plan.cost {
        return Err(TrialError::Money { needed: plan.cost, found });
    }
    let (mut above, mut splits) = (vec![(coin, found)], 0);
    for (number, level) in plan.levels.iter().enumerate() {
        let leaf = number + 1 == plan.levels.len();
        let owner = |place| if leaf { payer.address(place) } else { key.address() };
        let owners: Vec<Address> = (0..level.coins).map(owner).collect();
        let mut made = Vec::with_capacity(level.coins);
        for (owners, coin) in owners.chunks(level.width).zip(&above) {
            let split = level.split(*coin, owners, &key, &chain);
            let Ok(transaction) = decode::<Transaction>(&split.signed.bytes) else { continue };
            let ticket = sim.submit(0, vec![transaction]);
            let books = &mut *ears.books();
            books.tickets.insert(ticket, None);
            books.views.expect(split.signed.id, sim.now().0);
            splits += 1;
            made.extend(split.coins.into_iter().map(|id| (id, level.amount)));
        }
        let patience = FUNDING.max(block_time(sim).times(FUNDING_BLOCKS));
        let end = sim.now().after(patience);
        while ears.books().views.everywhere().included.count() < splits {
            if let Some(reason) = ears.books().refused.take() {
                return Err(TrialError::Refused(reason));
            }
            tell(told, 0.0)?;
            if sim.now() >= end {
                return Err(TrialError::Stuck { seconds: patience.as_seconds() });
            }
            sim.run(look(sim));
        }
        above = made;
    }
    let coin = |(owner, (id, amount)): (usize, (CoinId, u64))| Coin { id, owner, amount };
    Ok(above.into_iter().enumerate().map(coin).collect())
}

/// The largest coin that a development account can spend; of those who stake as late as possible.
fn source(sim: &Sim) -> Option<(Keypair, CoinId, u64)> {
    let state = &sim.replica(0)?.tree().head().state;
    let mut best: Option<(Keypair, CoinId, u64)> = None;
    let mut accounts: Vec<DevAccount> = DevAccount::all().collect();
    accounts.reverse();
    for account in accounts {
        let coins = state.coins_of(&account.address(), None, COINS_MAX).ok()?;
        for (id, coin) in coins.into_iter().filter(|(_, coin)| coin.kind == CoinKind::Transfer) {
            if best.as_ref().is_none_or(|(_, _, most)| coin.amount.0 > *most) {
                best = Some((account.keypair(), id, coin.amount.0));
            }
        }
    }
    best
}

/// The branch of a node from a height on, lowest block first.
pub(super) fn branch(replica: &Replica<Disk>, from: Height) -> Vec<Arc<Block>> {
    let mut blocks = Vec::new();
    let mut next = replica.tree().head().id;
    while let Some(block) = block_at(replica, &next).filter(|block| block.header.height >= from) {
        next = block.header.parent;
        blocks.push(block);
    }
    blocks.reverse();
    blocks
}

/// From the books to a result.
fn written(
    trial: &Trial,
    sim: &Sim,
    books: &mut Books,
    (begun, settled_last): (Moment, Moment),
    (first, from): (Height, Time),
    traffic: (u64, u64),
) -> BenchRun {
    let chain = sim.options().spec.genesis_id();
    let spec = &sim.options().spec;
    let mut nodes: Vec<&Replica<Disk>> =
        (0..sim.nodes()).filter_map(|node| sim.replica(node)).collect();
    let stands =
        |replica: &&Replica<Disk>| (replica.tree().root().height(), replica.tree().head().height());
    nodes.sort_by_key(|replica| std::cmp::Reverse(stands(replica)));
    let mut made: Vec<Made> = Vec::new();
    let (mut final_height, mut conflicts) = (Height(0), 0);
    for (place, replica) in nodes.iter().enumerate() {
        let blocks = branch(replica, first);
        let ids = |block: &Arc<Block>| {
            let ids = block.body.transactions.iter().map(|it| it.id(&chain));
            ids.collect::<Vec<_>>()
        };
        if place == 0 {
            final_height = replica.tree().root().height();
            for block in &blocks {
                books.tally.read(block.header.height, ids(block));
            }
            made = blocks.iter().map(|block| Made::of(block, &chain)).collect();
            continue;
        }
        let same = |(ours, theirs): &(&Made, &Arc<Block>)| ours.id == theirs.header.id(&chain);
        let common = made.iter().zip(&blocks).take_while(same).count();
        let fork = Height(first.back(1).0 + common as u64); // a length fits
        conflicts += u64::from(fork < replica.tree().root().height().min(final_height));
        books.tally.read_branch(fork, blocks.iter().skip(common).flat_map(ids));
    }
    for id in books.tally.missing() {
        if nodes.iter().any(|replica| replica.pool().get(&id).is_some()) {
            books.tally.found(&id);
        }
    }
    let sum = books.tally.sum(final_height);
    let views = &books.views;
    let settled = Settled { count: books.settled, seconds: settled_last.since(begun).as_seconds() };
    let each = |cost: u64| (sum.included > 0).then(|| cost as f64 / sum.included as f64); // far below 2^53
    let seconds = trial.duration.as_seconds();
    let load = BenchLoad {
        chain: spec.name.clone(),
        genesis: chain,
        engine: spec.consensus().engine().into(),
        nodes: trial.nodes as u64, // a count fits
        seed: trial.seed,
        accounts: trial.accounts as u64, // the same
        payment_bytes: crate::bench::payments::size(2 + outputs_for(trial.payload)) as u64,
        conflicts,
        messages_per_tx: each(traffic.0),
        bytes_per_tx: each(traffic.1),
        ..account((views, &books.tally, &books.accepted), &sum, settled, seconds)
    };
    run_of(load, views, &made, (from, Span(trial.duration.0 / 1000)))
}

#[cfg(test)]
#[path = "simulated_tests.rs"]
mod tests;
