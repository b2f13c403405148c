//! An in-memory host for several replicas: a queue ordered by time, links with latency and partitions, signatures
//! checked inline, work hashed for real, crashes at any output. Everything follows from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::standing::{Offence, Sentence, Standing};
use super::super::wire::{Gossip, Request, Response};
use super::super::*;
use super::lone::{bad_ones, open};
use crate::consensus::pow::testkit::{LAUNCH, Mine};
use crate::consensus::{OrderId, SearchOrder};
use crate::miner::{Job, search_slice};
use crate::store::{MemStore, Table};
use crate::types::testkit::{Dice, key};
use crate::types::{
    BlockId, Bounded, Claim, Hash, Height, Seal, Span, StateRoot, Time, Transaction, encode,
    sha256d,
};

/// No answer after so long is none.
const TIMEOUT: Span = Span::seconds(10);

/// A peer that was banned may come back after so long.
const BANNED_FOR: Span = Span::seconds(60);

/// A replica in its process, or what its process left behind.
struct Slot {
    replica: Option<Replica<MemStore>>,
    store: Arc<MemStore>,
    payout: Option<u8>,
    /// Counts starts: what was meant for an earlier process does not reach a later one.
    life: u64,
    /// Hashes per second of the nonce search.
    hash_rate: u64,
    search: Option<OrderId>,
    wake: Option<Time>,
    /// Gossip messages seen, by their hash, and those whose verdict is awaited.
    seen: BTreeSet<Hash>,
    judged: BTreeMap<u64, (usize, Gossip)>,
    /// Questions asked here by others: who, and under which number.
    questions: BTreeMap<u64, (usize, u64)>,
    /// Our questions that have no answer yet.
    waiting: BTreeSet<u64>,
    /// Outputs until the process is killed.
    doom: Option<usize>,
    /// Blocks of its own that it told others about.
    published: Vec<BlockId>,
    vice: Option<Vice>,
}

/// What is wrong with a node's answers to questions about headers and blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vice {
    /// Its headers are right, and its blocks have other states than they claim.
    LiesAboutBlocks,
    /// Its headers carry no proof.
    LiesAboutHeaders,
    /// It never answers.
    Stalls,
    /// Its headers are right, and it never sends a block.
    Withholds,
}

impl Vice {
    /// What becomes of an answer.
    fn spoil(self, response: Response) -> Option<Response> {
        match (self, response) {
            (Self::LiesAboutBlocks, Response::Blocks(blocks)) => {
                let mut blocks = blocks.into_inner();
                let root = StateRoot(Hash([0xbb; 32]));
                blocks.iter_mut().for_each(|block| block.draft.header.state_root = root);
                Some(Response::Blocks(Bounded::truncated(blocks)))
            }
            (Self::LiesAboutHeaders, Response::Headers(headers)) => {
                let mut headers = headers.into_inner();
                headers.iter_mut().for_each(|header| header.seal = Seal::Genesis);
                Some(Response::Headers(Bounded::truncated(headers)))
            }
            (Self::Stalls, _) | (Self::Withholds, Response::Blocks(_)) => None,
            (_, response) => Some(response),
        }
    }
}

/// Something that happens at a moment.
enum Happening {
    /// An input for a process.
    Input { to: usize, life: u64, input: Input },
    /// The deadline of a process.
    Wake { to: usize, life: u64 },
    /// A message arrives over the link that was up when it was sent.
    Arrives { from: usize, to: usize, link: u64, parcel: Parcel },
    /// A question may have gone without an answer.
    Timeout { of: usize, life: u64, from: usize, id: u64 },
    /// A process starts again.
    Restart(usize),
    /// Two nodes connect.
    Connect(usize, usize),
}

/// What travels between hosts.
#[derive(Clone)]
enum Parcel {
    Gossip(Gossip),
    Question { id: u64, request: Request },
    Answer { id: u64, response: Response },
}

/// All nodes, the network between them, and the clock.
pub(super) struct World {
    pub(super) mine: Mine,
    pub(super) dice: Dice,
    pub(super) now: Time,
    slots: Vec<Slot>,
    queue: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
    /// Which links are up, and how often they have been: what was sent over an older one is lost.
    links: BTreeMap<(usize, usize), u64>,
    cut: BTreeSet<(usize, usize)>,
    latency: Span,
    digest: Hash,
    numbers: u64,
    /// What was promised to whoever submitted it, by id.
    pub(super) promised: BTreeMap<TransactionId, usize>,
    pub(super) refused: Vec<String>,
    pub(super) bans: Vec<String>,
    /// How nodes stand with each other.
    standings: BTreeMap<(usize, usize), Standing>,
    pub(super) crashes: usize,
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

impl World {
    /// Nodes that all know each other; the first `miners` of them mine, each paid to a person of its own.
    pub(super) fn new(seed: u64, nodes: usize, miners: usize, finality_depth: u64) -> Self {
        println!("seed {seed}: {nodes} nodes, {miners} miners, final after {finality_depth}");
        let mine = Mine::with(|params| params.finality_depth = finality_depth);
        let mut world = Self {
            mine,
            dice: Dice::new(seed),
            now: Time(LAUNCH + 1000),
            slots: Vec::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            links: BTreeMap::new(),
            cut: BTreeSet::new(),
            latency: Span(50),
            digest: Hash::default(),
            numbers: 0,
            promised: BTreeMap::new(),
            refused: Vec::new(),
            bans: Vec::new(),
            standings: BTreeMap::new(),
            crashes: 0,
        };
        for node in 0..nodes {
            let payout = (node < miners).then_some(50 + node as u8);
            world.add(payout);
        }
        world
    }

    /// A node more, connected to all others; gives its number.
    pub(super) fn add(&mut self, payout: Option<u8>) -> usize {
        let node = self.slots.len();
        self.slots.push(Slot {
            replica: None,
            store: Arc::default(),
            payout,
            life: 0,
            hash_rate: 2 + self.dice.below(6),
            search: None,
            wake: None,
            seen: BTreeSet::new(),
            judged: BTreeMap::new(),
            questions: BTreeMap::new(),
            waiting: BTreeSet::new(),
            doom: None,
            published: Vec::new(),
            vice: None,
        });
        self.start(node);
        node
    }

    fn at(&mut self, time: Time, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((time, self.sequence), happening);
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn start(&mut self, node: usize) {
        let slot = &mut self.slots[node];
        slot.life += 1;
        slot.replica = Some(open(&self.mine, slot.store.clone(), slot.payout, self.now));
        slot.wake = None;
        slot.search = None;
        slot.judged.clear();
        slot.questions.clear();
        slot.waiting.clear();
        self.perform(node);
        for other in 0..self.slots.len() {
            if other != node && self.slots[other].replica.is_some() {
                let soon = self.now.after(self.latency);
                self.at(soon, Happening::Connect(node, other));
            }
        }
    }

    pub(super) fn replica(&self, node: usize) -> &Replica<MemStore> {
        self.slots[node].replica.as_ref().expect("the node is up")
    }

    /// The process of a node dies after it performed so many more outputs.
    pub(super) fn doom(&mut self, node: usize, outputs: usize) {
        self.slots[node].doom = Some(outputs);
    }

    pub(super) fn is_doomed(&self, node: usize) -> bool {
        self.slots[node].doom.is_some() || self.slots[node].replica.is_none()
    }

    fn crash(&mut self, node: usize) {
        self.crashes += 1;
        let slot = &mut self.slots[node];
        slot.replica = None;
        slot.doom = None;
        let survivors = self.dice.index(slot.store.staged() + 1);
        slot.store = Arc::new(slot.store.crashed(survivors));
        slot.life += 1;
        for other in 0..self.slots.len() {
            if other != node && self.links.contains_key(&pair(node, other)) {
                self.disconnect(node, other);
            }
        }
        let later = self.now.after(Span(1000 + self.dice.below(30_000)));
        self.at(later, Happening::Restart(node));
        self.check_remembered(node);
    }

    /// After a crash the store must hold what was promised: own blocks that others were told of, and transactions.
    fn check_remembered(&self, node: usize) {
        let slot = &self.slots[node];
        let replica = open(&self.mine, slot.store.clone(), None, self.now);
        for id in &slot.published {
            let stored = slot.store.get(Table::Blocks, id.as_bytes()).unwrap().is_some();
            let lost = replica.tree().root().height() > Height(0);
            assert!(stored || lost, "node {node} forgot its own block {id}");
        }
        for (id, owner) in &self.promised {
            let here = replica.pool().get(id).is_some()
                || replica.included.contains_key(id)
                || replica.stored.block_of(id).unwrap().is_some();
            assert!(*owner != node || here, "node {node} forgot transaction {id}");
        }
        let head = replica.tree().head();
        assert_eq!(head.state.root(), head.block.header.state_root);
    }

    fn disconnect(&mut self, a: usize, b: usize) {
        self.links.remove(&pair(a, b));
        for (node, peer) in [(a, b), (b, a)] {
            let life = self.slots[node].life;
            let input = Input::Disconnected(Peer(peer as u64));
            self.at(self.now, Happening::Input { to: node, life, input });
        }
    }

    fn connect(&mut self, a: usize, b: usize) {
        let up = |node: usize| self.slots[node].replica.is_some();
        if !up(a) || !up(b) || self.links.contains_key(&pair(a, b)) {
            return;
        }
        let number = self.number();
        self.links.insert(pair(a, b), number);
        for (node, peer) in [(a, b), (b, a)] {
            let life = self.slots[node].life;
            let input = Input::Connected(Peer(peer as u64));
            self.at(self.now, Happening::Input { to: node, life, input });
        }
    }

    /// Nothing gets from one group to another any more; nobody is told.
    pub(super) fn partition(&mut self, groups: &[&[usize]]) {
        self.cut.clear();
        for (n, group) in groups.iter().enumerate() {
            for other in &groups[n + 1..] {
                for a in *group {
                    self.cut.extend(other.iter().map(|b| pair(*a, *b)));
                }
            }
        }
    }

    pub(super) fn heal(&mut self) {
        self.cut.clear();
    }

    /// From now on a node's answers are bad ones.
    pub(super) fn corrupt(&mut self, node: usize, vice: Vice) {
        self.slots[node].vice = Some(vice);
    }

    /// Sets who mines, and at how many hashes per second.
    pub(super) fn mining(&mut self, node: usize, payout: Option<u8>, hash_rate: u64) {
        self.slots[node].payout = payout;
        self.slots[node].hash_rate = hash_rate;
        let payout = payout.map(|person| key(person).address());
        self.input(node, Input::Payout(payout));
    }

    pub(super) fn submit(&mut self, node: usize, transactions: Vec<Transaction>) {
        let ticket = self.number();
        self.input(node, Input::Submit { ticket, transactions });
    }

    /// Lets a process handle an input now, if there is one.
    pub(super) fn input(&mut self, node: usize, input: Input) {
        let Some(replica) = &mut self.slots[node].replica else { return };
        let mut trace = self.digest.0.to_vec();
        trace.extend(encode(&(self.now, node as u64)));
        trace.extend(encode(&input));
        self.digest = Hash(sha256d(&trace));
        replica.handle(self.now, input);
        self.perform(node);
    }

    fn send(&mut self, from: usize, to: usize, parcel: Parcel) {
        let Some(link) = self.links.get(&pair(from, to)).copied() else { return };
        let late = self.now.after(Span(1 + self.dice.below(2 * self.latency.0)));
        self.at(late, Happening::Arrives { from, to, link, parcel });
    }

    fn spread(&mut self, from: usize, except: Option<usize>, gossip: &Gossip) {
        for to in 0..self.slots.len() {
            if to != from && Some(to) != except {
                self.send(from, to, Parcel::Gossip(gossip.clone()));
            }
        }
    }

    fn perform(&mut self, node: usize) {
        let Some(replica) = &mut self.slots[node].replica else { return };
        let outputs = replica.take_outputs();
        for output in outputs {
            if let Some(left) = &mut self.slots[node].doom {
                match left.checked_sub(1) {
                    Some(fewer) => *left = fewer,
                    None => return self.crash(node),
                }
            }
            self.perform_one(node, output);
        }
        let slot = &mut self.slots[node];
        let life = slot.life;
        let next = slot.replica.as_ref().and_then(Replica::next_deadline);
        if let Some(next) = next
            && slot.wake.is_none_or(|wake| next < wake)
        {
            slot.wake = Some(next.max(self.now));
            self.at(next.max(self.now), Happening::Wake { to: node, life });
        }
    }

    fn perform_one(&mut self, node: usize, output: Output) {
        let life = self.slots[node].life;
        match output {
            Output::Sync => self.slots[node].store.sync().unwrap(),
            Output::Gossip(gossip) => {
                self.slots[node].seen.insert(Hash(sha256d(&encode(&gossip))));
                if let Gossip::Announce(announce) = &gossip {
                    let id = announce.header.id(&self.mine.tree.params().chain);
                    self.slots[node].published.push(id);
                }
                self.spread(node, None, &gossip);
            }
            Output::Verdict { message, verdict } => {
                let judged = self.slots[node].judged.remove(&message);
                if let Some((from, gossip)) = judged.filter(|_| verdict == GossipVerdict::Accept) {
                    self.spread(node, Some(from), &gossip);
                }
            }
            Output::Request { to, id, request } => {
                self.slots[node].waiting.insert(id);
                let to = to.0 as usize;
                self.send(node, to, Parcel::Question { id, request });
                let late = self.now.after(TIMEOUT);
                self.at(late, Happening::Timeout { of: node, life, from: to, id });
            }
            Output::Respond { to, id, response } => {
                let vice = self.slots[node].vice;
                let response = match vice {
                    Some(vice) => vice.spoil(response),
                    None => Some(response),
                };
                if let Some((asker, id)) = self.slots[node].questions.remove(&id)
                    && let Some(response) = response
                {
                    assert_eq!(asker as u64, to.0);
                    self.send(node, asker, Parcel::Answer { id, response });
                }
            }
            Output::Verify { order, batch } => {
                let input = Input::Verified { order, bad: bad_ones(&batch) };
                let done = self.now.after(Span(batch.len() as u64 / 50));
                self.at(done, Happening::Input { to: node, life, input });
            }
            Output::Search(order) => self.search(node, &order),
            Output::StopSearch => self.slots[node].search = None,
            Output::Sign(_) => unreachable!("proof of work is not signed"),
            Output::Submitted { results, .. } => {
                for result in results {
                    match result {
                        Ok(id) => drop(self.promised.insert(id, node)),
                        Err(reason) => self.refused.push(reason),
                    }
                }
            }
            Output::Ban { peer, reason } => {
                let peer = peer.0 as usize;
                self.bans.push(format!("{node} bans {peer}: {reason}"));
                self.disconnect(node, peer);
                let later = self.now.after(BANNED_FOR);
                self.at(later, Happening::Connect(node, peer));
            }
            Output::Blame { peer, offence } => self.blame(node, peer.0 as usize, offence),
            Output::Report(Report::StoreFailed(reason)) => panic!("node {node}: {reason}"),
            Output::Report(_)
            | Output::Answered { .. }
            | Output::Send { .. }
            | Output::Broadcast(_) => {}
        }
    }

    /// Takes points from a peer. Nodes here are honest but for the liars, so the first sentence counts as a ban.
    fn blame(&mut self, node: usize, peer: usize, offence: Offence) {
        let standing =
            self.standings.entry((node, peer)).or_insert_with(|| Standing::new(self.now));
        if standing.offend(offence, self.now) != Sentence::Stay {
            self.bans.push(format!("{node} parts with {peer}: {}", offence.name()));
        }
    }

    /// Hashes until a proof is found, and delivers it when this node's rate would have.
    fn search(&mut self, node: usize, order: &SearchOrder) {
        let Claim::Work { bits } = order.header.claim else { panic!("a claim of work") };
        let (height, parent) = (order.header.height.0, *order.header.parent.as_bytes());
        let time = order.header.time.seconds();
        let job = Job::for_block(height, order.block.as_bytes(), parent, time, bits).unwrap();
        // Somewhere else each time, or a miner alone would always need the same number of tries.
        let from = self.dice.below(1 << 20);
        let (proof, tries) = search_slice(&job, from, 1 << 22).expect("the target is easy");
        let slot = &mut self.slots[node];
        slot.search = Some(order.order);
        let input = Input::Found { order: order.order, seal: Seal::Work(proof) };
        let found = self.now.after(Span(1 + tries * 1000 / slot.hash_rate.max(1)));
        let life = slot.life;
        self.at(found, Happening::Input { to: node, life, input });
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Input { to, life, input } => {
                if self.slots[to].life != life {
                    return;
                }
                if let Input::Found { order, .. } = &input {
                    // A search that was replaced is stopped most of the time, but its result may be on its way.
                    let current = self.slots[to].search == Some(*order);
                    if !current && self.dice.percent(70) {
                        return;
                    }
                }
                self.input(to, input);
            }
            Happening::Wake { to, life } => {
                if self.slots[to].life != life {
                    return;
                }
                self.slots[to].wake = None;
                let replica = self.replica(to);
                if replica.next_deadline().is_some_and(|next| next <= self.now) {
                    self.input(to, Input::Tick);
                } else {
                    self.perform(to);
                }
            }
            Happening::Arrives { from, to, link, parcel } => {
                let up = self.links.get(&pair(from, to)) == Some(&link);
                if up && !self.cut.contains(&pair(from, to)) {
                    self.arrive(from, to, parcel);
                }
            }
            Happening::Timeout { of, life, from, id } => {
                if self.slots[of].life == life && self.slots[of].waiting.remove(&id) {
                    self.input(of, Input::RequestFailed { from: Peer(from as u64), id });
                }
            }
            Happening::Restart(node) => {
                if self.slots[node].replica.is_none() {
                    self.start(node);
                }
            }
            Happening::Connect(a, b) => self.connect(a, b),
        }
    }

    fn arrive(&mut self, from: usize, to: usize, parcel: Parcel) {
        let peer = Peer(from as u64);
        match parcel {
            Parcel::Gossip(gossip) => {
                if self.slots[to].seen.insert(Hash(sha256d(&encode(&gossip)))) {
                    let message = self.number();
                    self.slots[to].judged.insert(message, (from, gossip.clone()));
                    self.input(to, Input::Gossip { from: peer, message, gossip });
                }
            }
            Parcel::Question { id, request } => {
                let number = self.number();
                self.slots[to].questions.insert(number, (from, id));
                self.input(to, Input::Request { from: peer, id: number, request });
            }
            Parcel::Answer { id, response } => {
                if self.slots[to].waiting.remove(&id) {
                    self.input(to, Input::Response { from: peer, id, response });
                }
            }
        }
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, span: Span) {
        let end = self.now.after(span);
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((time, _), happening) = entry.remove_entry();
            self.now = self.now.max(time);
            self.happen(happening);
        }
        self.now = end;
    }

    /// Lets time pass until a condition holds; gives up, and fails, after an hour.
    pub(super) fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..3600 {
            if condition(self) {
                return;
            }
            self.run(Span::seconds(1));
        }
        let heads: Vec<_> = (0..self.slots.len()).map(|node| self.height(node)).collect();
        panic!("an hour later still not: {what}; heights {heads:?}, bans {:?}", self.bans);
    }

    pub(super) fn nodes(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn height(&self, node: usize) -> Option<u64> {
        let replica = self.slots[node].replica.as_ref()?;
        Some(replica.tree().head().height().0)
    }

    pub(super) fn all_up(&self) -> bool {
        self.slots.iter().all(|slot| slot.replica.is_some())
    }

    /// Whether all nodes are up and on one head.
    pub(super) fn agree(&self) -> bool {
        let head = |slot: &Slot| Some(slot.replica.as_ref()?.tree().head().id);
        let first = head(&self.slots[0]);
        first.is_some() && self.slots.iter().all(|slot| head(slot) == first)
    }

    /// Whether a transaction is in a block of a node's best branch.
    pub(super) fn confirmed(&self, node: usize, id: &TransactionId) -> bool {
        let Some(replica) = &self.slots[node].replica else { return false };
        replica.included.contains_key(id) || replica.stored.block_of(id).unwrap().is_some()
    }

    /// Waits until everybody is on one head, and stops all mining there: two heads of equal weight need a block more.
    pub(super) fn settle(&mut self) {
        self.until("all nodes are up", Self::all_up);
        for slot in &mut self.slots {
            slot.doom = None;
        }
        self.until("all nodes agree", Self::agree);
        for node in 0..self.slots.len() {
            self.slots[node].payout = None;
            self.input(node, Input::Payout(None));
        }
        self.until("all nodes agree without mining", Self::agree);
        self.check();
    }

    /// What must hold of nodes that agree: equal states, equal final blocks, and nothing left over.
    pub(super) fn check(&self) {
        let first = self.replica(0);
        for node in 1..self.slots.len() {
            let replica = self.replica(node);
            assert_eq!(replica.tree().head().state.root(), first.tree().head().state.root());
            let height = replica.tree().root().height().min(first.tree().root().height());
            for height in 0..=height.0 {
                let id = |replica: &Replica<MemStore>| replica.stored.final_id(Height(height));
                assert_eq!(id(replica), id(first), "final block at {height}");
            }
        }
    }

    /// A fingerprint of everything that happened.
    pub(super) fn digest(&self) -> Hash {
        self.digest
    }
}
