//! The simulator: all nodes, the network between them, and one queue of what will happen.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::disk::{Disk, Library};
use super::network::{Cut, Parcel};
use super::node::{Node, Process};
use super::options::{Options, key_of};
use super::queue::Queue;
use super::random::Dice;
use super::shared::{SharedRules, Signatures};
use super::time::{Clock, Micros, Moment};
use super::trace::Trace;
use super::watch::{Violation, Watch};
use crate::chain::Executions;
use crate::consensus::SignOrder;
use crate::ledger::{Delta, LtHash};
use crate::replica::{Chain, Input, Output, Replica, Report};
use crate::store::{Store, StoreError};
use crate::types::signatures::SignatureCheck;
use crate::types::{Height, Keypair, Seal, Span, Time, Transaction};

/// Inputs that a process handles before it performs what they lead to, as in the node.
const ROUND_MAX: usize = 256;

/// Inputs that wait for a process before gossip is turned away, as in the node.
const INBOX_MAX: usize = 20_000;

/// Nodes begin so long after the genesis block.
pub(super) const BEGIN: Span = Span::seconds(1);

/// Something that happens at a moment.
#[derive(Debug)]
pub enum Event {
    /// A message arrives.
    Arrives {
        /// From whom.
        from: u32,
        /// At whom.
        to: u32,
        /// Over which connection.
        epoch: u64,
        /// What.
        parcel: Parcel,
    },
    /// A process takes an input from its own machine.
    Input {
        /// Which node.
        node: usize,
        /// Which of its processes.
        life: u64,
        /// What.
        input: Box<Input>,
    },
    /// A process wakes because its replica wanted to.
    Wake {
        /// Which node.
        node: usize,
        /// Which of its processes.
        life: u64,
    },
    /// A disk has made everything durable.
    Synced {
        /// Which node.
        node: usize,
        /// Which of its processes.
        life: u64,
    },
    /// A miner has made the tries of a slice.
    Slice {
        /// Which node.
        node: usize,
        /// Which slice.
        slice: u64,
    },
    /// Answers may be late.
    Timeouts {
        /// Which node.
        node: usize,
        /// Which of its processes.
        life: u64,
    },
    /// A node tries to open a connection.
    Dial {
        /// Which node.
        from: usize,
        /// To whom.
        to: usize,
        /// How often it has tried.
        attempt: u32,
    },
}

/// What every node's replica is opened with.
struct Ground {
    chain: Chain,
    /// What executing blocks gave, for all trees.
    executions: Arc<Executions>,
    state: (Delta, LtHash),
}

/// A simulation.
pub struct Sim {
    pub(super) options: Options,
    ground: Ground,
    pub(super) now: Moment,
    pub(super) queue: Queue<Event>,
    pub(super) nodes: Vec<Node>,
    pub(super) cuts: BTreeMap<u64, Cut>,
    pub(super) trace: Trace,
    pub(super) link_dice: Dice,
    pub(super) gossip_dice: Dice,
    pub(super) mining_dice: Dice,
    pub(super) crash_dice: Dice,
    pub(super) watchers: Vec<Box<dyn Watch>>,
    pub(super) violations: Vec<Violation>,
    /// Those that were seen to verify.
    signatures: Signatures,
    numbers: u64,
    /// Messages that nodes sent to each other, and their bytes, where somebody wants to know.
    pub(super) traffic: Option<(u64, u64)>,
}

impl Sim {
    /// Starts all nodes and connects them.
    pub fn new(options: Options) -> Result<Self, StoreError> {
        Self::watched(options, Vec::new())
    }

    /// The same, watched from the beginning.
    pub fn watched(options: Options, watchers: Vec<Box<dyn Watch>>) -> Result<Self, StoreError> {
        let spec = &options.spec;
        let chain = Chain { rules: Arc::new(SharedRules::new(spec.rules())), ..Chain::of(spec) };
        let ground = Ground { chain, executions: Arc::default(), state: spec.genesis_state() };
        let library = Arc::new(Library::default());
        let begin = spec.genesis_time().after(BEGIN);
        let seed = options.seed;
        let mut sim = Self {
            ground,
            now: Moment(0),
            queue: Queue::default(),
            nodes: Vec::with_capacity(options.nodes.len()),
            cuts: BTreeMap::new(),
            trace: Trace::default(),
            link_dice: Dice::new(seed, "links"),
            gossip_dice: Dice::new(seed, "gossip"),
            mining_dice: Dice::new(seed, "mining"),
            crash_dice: Dice::new(seed, "crashes"),
            watchers,
            violations: Vec::new(),
            signatures: Signatures::default(),
            numbers: 0,
            traffic: None,
            options,
        };
        let mut dice = Dice::new(seed, "topology");
        let edges = sim.options.topology.edges(sim.options.nodes.len(), &mut dice);
        for node in sim.options.nodes.clone() {
            sim.nodes.push(Node {
                disk: Arc::new(Disk::new(library.clone())),
                sync: sim.options.costs.sync,
                clock: Clock::new(begin, node.skew),
                hash_rate: node.hash_rate,
                opens: Vec::new(),
                life: 0,
                replica: None,
                process: Process::default(),
                paused: false,
                doom: None,
                authority: node.key.as_ref().map(Keypair::address),
                options: node,
            });
        }
        for (from, to) in &edges {
            sim.nodes[*from].opens.push(*to as u32);
        }
        for node in 0..sim.nodes.len() {
            sim.open(node)?;
        }
        for (from, to) in edges {
            sim.connect(from, to);
        }
        for node in 0..sim.nodes.len() {
            sim.mend_mesh(node);
        }
        Ok(sim)
    }

    /// A number that nobody had before.
    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Starts a node's process on its disk. Connections are another matter.
    pub(super) fn open(&mut self, node: usize) -> Result<(), StoreError> {
        let now = self.now;
        let Ground { chain, state, .. } = &self.ground;
        let machine = &mut self.nodes[node];
        machine.clock.restart(now);
        let mut engine =
            self.options.spec.engine(&machine.options.seat(self.options.seed, node, machine.life));
        if let Some(decorate) = &machine.options.decorate {
            engine = decorate(engine);
        }
        let local = machine.clock.read(now);
        let disk = machine.disk.clone();
        let chain = Chain { checkpoint: machine.options.checkpoint, ..chain.clone() };
        let mut replica = Replica::open(chain, || state.clone(), engine, disk, local)?;
        replica.share(self.ground.executions.clone());
        machine.life += 1;
        machine.process = Process::default();
        machine.process.outputs = VecDeque::from(replica.take_outputs());
        machine.replica = Some(replica);
        self.show(node, |watcher, scene| watcher.started(scene, node));
        self.perform(node);
        Ok(())
    }

    /// Hands an input to a node's process, if there is one.
    pub(super) fn deliver(&mut self, node: usize, input: Input) {
        let machine = &mut self.nodes[node];
        if !machine.is_up() {
            return;
        }
        if !machine.is_free() {
            let inbox = &mut machine.process.inbox;
            if inbox.len() < INBOX_MAX || !matches!(input, Input::Gossip { .. }) {
                inbox.push_back(input);
            }
            return;
        }
        self.handle(node, input);
        self.perform(node);
    }

    fn handle(&mut self, node: usize, input: Input) {
        let local = self.nodes[node].clock.read(self.now);
        self.show(node, |watcher, scene| watcher.handles(scene, node, local, &input));
        let machine = &mut self.nodes[node];
        let Some(replica) = &mut machine.replica else { return };
        replica.handle(local, input);
        machine.process.outputs.extend(replica.take_outputs());
        machine.process.synced = false;
    }

    /// Performs what a process has to do, and then handles what waits for it.
    pub(super) fn perform(&mut self, node: usize) {
        let life = self.nodes[node].life;
        self.nodes[node].process.performing = true;
        loop {
            while let Some(output) = self.nodes[node].process.outputs.pop_front() {
                let machine = &mut self.nodes[node];
                if let Some(left) = &mut machine.doom {
                    match left.checked_sub(1) {
                        Some(fewer) => *left = fewer,
                        None => return self.kill(node),
                    }
                }
                self.show(node, |watcher, scene| watcher.performs(scene, node, &output));
                if output == Output::Sync {
                    if self.syncs(node) {
                        return;
                    }
                    continue;
                }
                self.perform_one(node, output);
                if self.nodes[node].life != life || !self.nodes[node].is_up() {
                    return;
                }
            }
            let machine = &mut self.nodes[node];
            let waiting = machine.process.inbox.len().min(ROUND_MAX);
            if machine.paused || waiting == 0 {
                break;
            }
            let round: Vec<Input> = machine.process.inbox.drain(..waiting).collect();
            round.into_iter().for_each(|input| self.handle(node, input));
        }
        self.nodes[node].process.performing = false;
        self.set_wake(node);
    }

    /// Makes a node's disk durable; says whether that takes a while.
    fn syncs(&mut self, node: usize) -> bool {
        let machine = &mut self.nodes[node];
        if machine.process.synced {
            return false;
        }
        if machine.sync == Micros(0) {
            self.durable(node);
            return false;
        }
        machine.process.syncing = true;
        machine.process.performing = false;
        let (at, life) = (self.now.after(machine.sync), machine.life);
        self.queue.push(at, Event::Synced { node, life });
        true
    }

    fn durable(&mut self, node: usize) {
        let machine = &mut self.nodes[node];
        machine.process.synced = true;
        if let Err(error) = machine.disk.sync() {
            self.violate(node, "store", error.to_string());
        }
    }

    /// A clock shows something else: what was due then may be due now.
    pub(super) fn look_at_the_clock(&mut self, node: usize) {
        let machine = &mut self.nodes[node];
        machine.process.wake = None;
        if machine.is_free() {
            self.set_wake(node);
        }
    }

    fn set_wake(&mut self, node: usize) {
        let machine = &mut self.nodes[node];
        let Some(replica) = &machine.replica else { return };
        let Some(deadline) = replica.next_deadline() else { return };
        let due = deadline <= replica.context().now;
        let at = if due { self.now } else { machine.clock.when(deadline, self.now) };
        if machine.process.wake.is_none_or(|wake| at < wake) {
            machine.process.wake = Some(at);
            let life = machine.life;
            self.queue.push(at, Event::Wake { node, life });
        }
    }

    fn perform_one(&mut self, node: usize, output: Output) {
        match output {
            // Performed by who calls.
            Output::Sync => {}
            Output::Gossip(gossip) => self.publish(node, gossip),
            Output::Verdict { message, verdict } => self.verdict(node, message, verdict),
            Output::Request { to, id, request } => self.ask(node, to, id, request),
            Output::Respond { id, response, .. } => self.answer(node, id, response),
            Output::Verify { order, batch } => self.verify(node, order, &batch),
            Output::Search(order) => self.search(node, &order),
            Output::Sign(order) => self.sign(node, &order),
            Output::StopSearch => self.nodes[node].process.search = None,
            Output::Ban { peer, .. } => self.ban(node, peer),
            Output::Blame { peer, offence } => self.blame(node, peer, offence),
            Output::Report(Report::StoreFailed(reason)) => {
                self.violate(node, "store", reason);
                self.kill(node);
            }
            // Those who want to know watch.
            Output::Report(_) | Output::Submitted { .. } | Output::Answered { .. } => {}
            Output::Send { to, message } => self.send_message(node, Some(to), message),
            Output::Broadcast(message) => self.send_message(node, None, message),
        }
    }

    /// Signs a block with the key of a development account or an operator.
    fn sign(&mut self, node: usize, sign: &SignOrder) {
        let chain = self.options.spec.genesis_id();
        let seal = key_of(&sign.by).map(|key| Seal::signed(&sign.block, &key, &chain));
        let (life, order) = (self.nodes[node].life, sign.order);
        let input = Box::new(Input::Signed { order, seal });
        self.queue.push(self.now, Event::Input { node, life, input });
    }

    /// Checks signatures, for real; the answer comes when the node's processor would have it.
    fn verify(&mut self, node: usize, order: u64, batch: &[SignatureCheck]) {
        let bad = self.signatures.bad(batch);
        let takes = self.options.costs.signature.times(batch.len() as u64);
        let machine = &mut self.nodes[node];
        let done = machine.process.checked.max(self.now).after(takes);
        machine.process.checked = done;
        let (life, input) = (machine.life, Box::new(Input::Verified { order, bad }));
        self.queue.push(done, Event::Input { node, life, input });
    }

    fn happen(&mut self, event: Event) {
        let lives = |sim: &Self, node: usize, life: u64| sim.nodes[node].life == life;
        match event {
            Event::Arrives { from, to, epoch, parcel } => self.arrives(from, to, epoch, parcel),
            Event::Input { node, life, input } if lives(self, node, life) => {
                self.deliver(node, *input);
            }
            Event::Wake { node, life } if lives(self, node, life) => self.wake(node),
            Event::Synced { node, life } if lives(self, node, life) => {
                self.nodes[node].process.syncing = false;
                self.durable(node);
                if !self.nodes[node].paused {
                    self.perform(node);
                }
            }
            Event::Slice { node, slice } => self.slice_ends(node, slice),
            Event::Timeouts { node, life } if lives(self, node, life) => self.timeouts(node),
            Event::Dial { from, to, attempt } => self.dial(from, to, attempt),
            // For a process that is no more.
            Event::Input { .. }
            | Event::Wake { .. }
            | Event::Synced { .. }
            | Event::Timeouts { .. } => {}
        }
    }

    fn wake(&mut self, node: usize) {
        let now = self.now;
        let machine = &mut self.nodes[node];
        if machine.process.wake.take_if(|wake| *wake <= now).is_none() {
            return; // it was woken for something earlier
        }
        // One that syncs or is paused looks at its deadlines afterwards.
        if !machine.is_free() {
            return;
        }
        let Some(replica) = &machine.replica else { return };
        let local = machine.clock.read(now).max(replica.context().now);
        match replica.next_deadline() {
            Some(deadline) if deadline <= local => self.deliver(node, Input::Tick),
            _ => self.set_wake(node),
        }
    }

    /// Lets the next event happen, if there is one up to a moment; says whether there was.
    pub fn step(&mut self, end: Moment) -> bool {
        let Some((at, event)) = self.queue.pop_until(end) else { return false };
        self.now = at;
        self.trace.event(at, &event);
        self.happen(event);
        true
    }

    /// Lets time pass up to a moment, everything that happens at it included.
    pub fn run_until(&mut self, end: Moment) {
        while self.step(end) {}
        self.now = self.now.max(end);
    }

    /// Lets time pass.
    pub fn run(&mut self, length: Micros) {
        self.run_until(self.now.after(length));
    }

    /// Lets time pass until a condition holds, looked at every so often; says whether it did within the limit.
    pub fn run_while(
        &mut self,
        limit: Micros,
        every: Micros,
        goes_on: impl Fn(&Self) -> bool,
    ) -> bool {
        let end = self.now.after(limit);
        while goes_on(self) {
            if self.now >= end {
                return false;
            }
            self.run_until(self.now.after(every.max(Micros(1))).min(end));
        }
        true
    }

    /// The moment.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// What the simulation is made of.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// A node's replica, if its process runs.
    pub fn replica(&self, node: usize) -> Option<&Replica<Disk>> {
        self.nodes.get(node)?.replica.as_ref()
    }

    /// The height of a node's head, if its process runs.
    pub fn height(&self, node: usize) -> Option<Height> {
        Some(self.replica(node)?.tree().head().height())
    }

    /// The time by a node's clock.
    pub fn local_time(&self, node: usize) -> Option<Time> {
        Some(self.nodes.get(node)?.clock.read(self.now))
    }

    /// Whether all nodes run and have one head.
    pub fn agree(&self) -> bool {
        let head = |node: &Node| Some(node.replica.as_ref()?.tree().head().id);
        let Some(first) = self.nodes.first() else { return true };
        let first = head(first);
        first.is_some() && self.nodes.iter().all(|node| head(node) == first)
    }

    /// Events that happened so far.
    pub fn events(&self) -> u64 {
        self.trace.events
    }

    /// A hash over every event so far: equal for equal options and acts, on every machine.
    pub fn digest(&self) -> blake3::Hash {
        self.trace.digest()
    }

    /// From now on what nodes send to each other is counted.
    pub fn count_traffic(&mut self) {
        self.traffic = Some((0, 0));
    }

    /// Messages that nodes sent to each other since then, and their bytes.
    pub fn traffic(&self) -> (u64, u64) {
        self.traffic.unwrap_or_default()
    }

    /// Events that are yet to happen.
    pub fn pending(&self) -> usize {
        self.queue.len()
    }

    /// Submits transactions at a node; gives the number of the ticket under which it says what became of them.
    pub fn submit(&mut self, node: usize, transactions: Vec<Transaction>) -> u64 {
        let ticket = self.number();
        if node < self.nodes.len() {
            let ids = transactions.iter().map(|it| it.id(&self.options.spec.genesis_id()));
            let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
            self.trace.act(self.now, &format!("submit {node} {}", ids.join(" ")));
            self.deliver(node, Input::Submit { ticket, transactions });
        }
        ticket
    }
}
