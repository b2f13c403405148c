//! Some replicas, and a world around them in which everything follows from a seed: links with latency, signatures
//! checked inline, work hashed for real, and processes that die at any output.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay::consensus::{AuthorityId, Message, OrderId, SearchOrder};
use assay::miner::{Job, search_slice};
use assay::replica::wire::{Gossip, Request, Response};
use assay::replica::{GossipVerdict, Input, Output, Peer, Replica, Report};
use assay::store::{MemStore, Store, Table};
use assay::types::signatures::verify_batch;
use assay::types::{Block, Claim, Height, Seal, Span, Time, Transaction, decode, encode};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::subject::{Subject, person};
use super::watch::Watch;

/// No answer after so long is none.
const TIMEOUT: Span = Span::seconds(10);

/// A message takes so long at most.
const LATENCY_MS_MAX: u64 = 100;

/// A process that died is back after so long.
const AWAY: Span = Span::seconds(3);

/// What has not happened after so many blocks' time does not happen.
const PATIENCE: u64 = 400;

/// Random numbers out of a seed.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end.max(1)
    }

    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.below(256) as u8)
    }
}

/// What a crash leaves of what was staged after the last sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    Nothing,
    Everything,
}

/// When a process dies: before it performs the output with this number.
#[derive(Debug, Clone, Copy)]
pub struct Doom {
    pub at: usize,
    pub survives: Survives,
}

/// A process, or what it left behind.
pub struct Node {
    pub seat: Option<usize>,
    pub replica: Option<Replica<MemStore>>,
    pub store: Arc<MemStore>,
    pub watch: Watch,
    /// Counts starts: what was meant for an earlier process does not reach a later one.
    pub life: u64,
    /// What it was opened at, and was told since.
    pub trace: (Time, Vec<(Time, Input)>),
    /// What it put out.
    pub outputs: Vec<Output>,
    pub doom: Option<Doom>,
    search: Option<OrderId>,
    wake: Option<Time>,
    seen: BTreeSet<Vec<u8>>,
    judged: BTreeMap<u64, (usize, Gossip)>,
    questions: BTreeMap<u64, (usize, u64)>,
    waiting: BTreeSet<u64>,
}

enum Happening {
    Input { to: usize, life: u64, input: Input },
    Wake { to: usize, life: u64 },
    Arrives { from: usize, to: usize, lives: (u64, u64), parcel: Parcel },
    Timeout { of: usize, life: u64, from: usize, id: u64 },
    Restart(usize),
}

#[derive(Clone)]
enum Parcel {
    Gossip(Gossip),
    Question { id: u64, request: Request },
    Answer { id: u64, response: Response },
    Message(AuthorityId, Message),
}

pub struct World<'s> {
    pub subject: &'s Subject,
    pub dice: Dice,
    pub now: Time,
    pub nodes: Vec<Node>,
    pub bans: Vec<String>,
    queue: BTreeMap<(Time, u64), Happening>,
    /// When the last message over a link arrives: later ones come after it.
    busy: BTreeMap<(usize, usize), Time>,
    cut: BTreeSet<(usize, usize)>,
    numbers: u64,
    digest: blake3::Hasher,
}

impl<'s> World<'s> {
    /// Nodes that all know each other: `seated` that may make blocks, and observers.
    pub fn new(subject: &'s Subject, seed: u64, seated: usize, observers: usize) -> Self {
        let now = subject.spec.genesis_time().after(Span::seconds(1));
        let mut world = Self {
            subject,
            dice: Dice::new(seed),
            now,
            nodes: Vec::new(),
            bans: Vec::new(),
            queue: BTreeMap::new(),
            busy: BTreeMap::new(),
            cut: BTreeSet::new(),
            numbers: 0,
            digest: blake3::Hasher::new(),
        };
        for number in 0..seated + observers {
            world.nodes.push(Node {
                seat: (number < seated).then_some(number),
                replica: None,
                store: Arc::default(),
                watch: Watch::default(),
                life: 0,
                trace: (now, Vec::new()),
                outputs: Vec::new(),
                doom: None,
                search: None,
                wake: None,
                seen: BTreeSet::new(),
                judged: BTreeMap::new(),
                questions: BTreeMap::new(),
                waiting: BTreeSet::new(),
            });
        }
        for number in 0..world.nodes.len() {
            world.start(number);
        }
        world
    }

    /// Kills a process of a fresh world at an output.
    pub fn doomed(subject: &'s Subject, seed: u64, seated: usize, node: usize, doom: Doom) -> Self {
        let mut world = Self::new(subject, seed, seated, 0);
        world.nodes[node].doom = Some(doom);
        world
    }

    pub fn replica(&self, node: usize) -> &Replica<MemStore> {
        self.nodes[node].replica.as_ref().expect("the process is up")
    }

    pub fn height(&self, node: usize) -> Height {
        self.nodes[node].replica.as_ref().map_or(Height(0), |it| it.tree().head().height())
    }

    /// The blocks of a node's best branch, lowest first, without the first one of all.
    pub fn branch(&self, node: usize) -> Vec<Arc<Block>> {
        let replica = self.replica(node);
        let mut blocks = vec![replica.tree().head().block.clone()];
        while let Some(block) = blocks.last()
            && block.header.height.0 > 1
        {
            let parent = block.header.parent;
            let block = match replica.tree().get(&parent) {
                Some(node) => node.block.clone(),
                None => {
                    let stored = replica.store().get(Table::Blocks, parent.as_bytes()).unwrap();
                    Arc::new(decode(&stored.expect("what is final is stored")).unwrap())
                }
            };
            blocks.push(block);
        }
        blocks.reverse();
        blocks
    }

    /// A fingerprint of everything that went in and came out.
    pub fn digest(&self) -> blake3::Hash {
        self.digest.finalize()
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn at(&mut self, time: Time, happening: Happening) {
        let number = self.number();
        self.queue.insert((time.max(self.now), number), happening);
    }

    fn start(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        let replica = self.subject.open(node.seat, node.store.clone(), self.now).unwrap();
        node.watch.reopened(self.subject, node.seat, &replica);
        node.life += 1;
        (node.search, node.wake) = (None, None);
        node.trace = (self.now, Vec::new());
        node.outputs.clear();
        node.judged.clear();
        node.questions.clear();
        node.waiting.clear();
        node.seen.clear();
        node.replica = Some(replica);
        self.perform(number);
        for other in 0..self.nodes.len() {
            if other != number && self.nodes[other].replica.is_some() {
                self.tell(number, Input::Connected(Peer(other as u64)));
                self.tell(other, Input::Connected(Peer(number as u64)));
            }
        }
    }

    pub fn crash(&mut self, number: usize, survives: Survives) {
        let node = &mut self.nodes[number];
        node.replica = None;
        let survivors = match survives {
            Survives::Nothing => 0,
            Survives::Everything => node.store.staged(),
        };
        node.store = Arc::new(node.store.crashed(survivors));
        node.life += 1;
        for other in 0..self.nodes.len() {
            if other != number && self.nodes[other].replica.is_some() {
                self.tell(other, Input::Disconnected(Peer(number as u64)));
            }
        }
        self.at(self.now.after(AWAY), Happening::Restart(number));
    }

    /// Nothing gets from one group to another any more; nobody is told.
    pub fn partition(&mut self, groups: &[&[usize]]) {
        for (n, group) in groups.iter().enumerate() {
            for other in groups.iter().enumerate().filter(|(m, _)| *m != n).map(|(_, it)| it) {
                self.cut.extend(group.iter().flat_map(|a| other.iter().map(|b| (*a, *b))));
            }
        }
    }

    pub fn heal(&mut self) {
        self.cut.clear();
    }

    pub fn submit(&mut self, node: usize, transactions: Vec<Transaction>) {
        let ticket = self.number();
        self.tell(node, Input::Submit { ticket, transactions });
    }

    fn tell(&mut self, to: usize, input: Input) {
        let life = self.nodes[to].life;
        self.at(self.now, Happening::Input { to, life, input });
    }

    fn input(&mut self, number: usize, input: Input) {
        let node = &mut self.nodes[number];
        let Some(replica) = &mut node.replica else { return };
        self.digest.update(&encode(&(self.now, number as u64, &input)));
        node.trace.1.push((self.now, input.clone()));
        replica.handle(self.now, input);
        self.perform(number);
    }

    fn perform(&mut self, number: usize) {
        let Some(replica) = &mut self.nodes[number].replica else { return };
        for output in replica.take_outputs() {
            self.digest.update(format!("{output:?}").as_bytes());
            let node = &mut self.nodes[number];
            if let Some(doom) = node.doom.filter(|doom| doom.at <= node.outputs.len()) {
                node.doom = None;
                return self.crash(number, doom.survives);
            }
            node.outputs.push(output.clone());
            node.watch.saw(self.subject, &output);
            self.perform_one(number, output);
        }
        let node = &mut self.nodes[number];
        let (life, Some(replica)) = (node.life, &node.replica) else { return };
        node.watch.look(replica);
        if let Some(next) = replica.next_deadline()
            && node.wake.is_none_or(|wake| next < wake)
        {
            node.wake = Some(next.max(self.now));
            self.at(next, Happening::Wake { to: number, life });
        }
    }

    fn perform_one(&mut self, number: usize, output: Output) {
        let life = self.nodes[number].life;
        match output {
            Output::Sync => self.nodes[number].store.sync().unwrap(),
            Output::Gossip(gossip) => {
                self.nodes[number].seen.insert(encode(&gossip));
                self.spread(number, None, &gossip);
            }
            Output::Verdict { message, verdict } => {
                let judged = self.nodes[number].judged.remove(&message);
                if let Some((from, gossip)) = judged.filter(|_| verdict == GossipVerdict::Accept) {
                    self.spread(number, Some(from), &gossip);
                }
            }
            Output::Request { to, id, request } => {
                self.nodes[number].waiting.insert(id);
                let from = to.0 as usize;
                self.send(number, from, Parcel::Question { id, request });
                let late = self.now.after(TIMEOUT);
                self.at(late, Happening::Timeout { of: number, life, from, id });
            }
            Output::Respond { id, response, .. } => {
                if let Some((asker, id)) = self.nodes[number].questions.remove(&id) {
                    self.send(number, asker, Parcel::Answer { id, response });
                }
            }
            Output::Verify { order, batch } => {
                let bad = verify_batch(&batch).into_iter().map(|place| place as u32).collect();
                self.tell(number, Input::Verified { order, bad });
            }
            Output::Search(order) => self.search(number, &order),
            Output::StopSearch => self.nodes[number].search = None,
            Output::Sign(sign) => {
                let key = self.nodes[number].seat.map(person);
                let key = key.filter(|key| key.address() == sign.by);
                let chain = self.subject.spec.genesis_id();
                let seal = key.map(|key| Seal::signed(&sign.block, &key, &chain));
                self.tell(number, Input::Signed { order: sign.order, seal });
            }
            Output::Send { to, message } => {
                let seat = |node: &Node| node.seat.map(|seat| person(seat).address());
                let to = self.nodes.iter().position(|node| seat(node) == Some(to));
                self.message(number, to, &message);
            }
            Output::Broadcast(message) => {
                for to in 0..self.nodes.len() {
                    let to = (to != number && self.nodes[to].seat.is_some()).then_some(to);
                    self.message(number, to, &message);
                }
            }
            Output::Ban { peer, reason } => {
                self.bans.push(format!("{number} bans {}: {reason}", peer.0));
            }
            Output::Report(Report::StoreFailed(reason)) => panic!("node {number}: {reason}"),
            Output::Blame { .. }
            | Output::Submitted { .. }
            | Output::Answered { .. }
            | Output::Report(_) => {}
        }
    }

    fn message(&mut self, from: usize, to: Option<usize>, message: &Message) {
        if let (Some(to), Some(seat)) = (to, self.nodes[from].seat) {
            self.send(from, to, Parcel::Message(person(seat).address(), message.clone()));
        }
    }

    fn spread(&mut self, from: usize, except: Option<usize>, gossip: &Gossip) {
        for to in (0..self.nodes.len()).filter(|to| *to != from && Some(*to) != except) {
            self.send(from, to, Parcel::Gossip(gossip.clone()));
        }
    }

    fn send(&mut self, from: usize, to: usize, parcel: Parcel) {
        let soon = self.now.after(Span(1 + self.dice.below(LATENCY_MS_MAX)));
        let arrival = self.busy.get(&(from, to)).map_or(soon, |busy| soon.max(*busy));
        self.busy.insert((from, to), arrival);
        let lives = (self.nodes[from].life, self.nodes[to].life);
        self.at(arrival, Happening::Arrives { from, to, lives, parcel });
    }

    /// Hashes until a proof is found, and delivers it when as many hashes take so long that all seats together make a
    /// block in its time.
    fn search(&mut self, number: usize, order: &SearchOrder) {
        let Claim::Work { bits } = order.header.claim else { panic!("a search for work") };
        let (height, parent) = (order.header.height.0, *order.header.parent.as_bytes());
        let time = order.header.time.seconds();
        let job = Job::for_block(height, order.block.as_bytes(), parent, time, bits).unwrap();
        let from = self.dice.below(1 << 30);
        let (proof, tries) = search_slice(&job, from, 1 << 22).expect("the target is easy");
        let seats = self.nodes.iter().filter(|node| node.seat.is_some()).count() as u64;
        let each = self.subject.block_time().0 * seats;
        let found = self.now.after(Span(1 + tries * each / u64::from(self.subject.tries)));
        self.nodes[number].search = Some(order.order);
        let life = self.nodes[number].life;
        let input = Input::Found { order: order.order, seal: Seal::Work(proof) };
        self.at(found, Happening::Input { to: number, life, input });
    }

    fn step(&mut self) {
        let ((time, _), happening) = self.queue.pop_first().expect("something is due");
        self.now = time;
        match happening {
            Happening::Input { to, life, input } => {
                let node = &self.nodes[to];
                // The result of a search that was stopped may be on its way, but seldom is.
                let stopped =
                    matches!(&input, Input::Found { order, .. } if node.search != Some(*order));
                if node.life == life && (!stopped || self.dice.percent(20)) {
                    self.input(to, input);
                }
            }
            Happening::Wake { to, life } => {
                if self.nodes[to].life == life {
                    self.nodes[to].wake = None;
                    match self.replica(to).next_deadline().is_some_and(|due| due <= self.now) {
                        true => self.input(to, Input::Tick),
                        false => self.perform(to),
                    }
                }
            }
            Happening::Arrives { from, to, lives, parcel } => {
                let up = lives == (self.nodes[from].life, self.nodes[to].life);
                if up && !self.cut.contains(&(from, to)) {
                    self.arrive(from, to, parcel);
                }
            }
            Happening::Timeout { of, life, from, id } => {
                if self.nodes[of].life == life && self.nodes[of].waiting.remove(&id) {
                    self.input(of, Input::RequestFailed { from: Peer(from as u64), id });
                }
            }
            Happening::Restart(node) => self.start(node),
        }
    }

    fn arrive(&mut self, peer: usize, to: usize, parcel: Parcel) {
        let from = Peer(peer as u64);
        match parcel {
            Parcel::Gossip(gossip) => {
                if self.nodes[to].seen.insert(encode(&gossip)) {
                    let message = self.number();
                    self.nodes[to].judged.insert(message, (peer, gossip.clone()));
                    self.input(to, Input::Gossip { from, message, gossip });
                }
            }
            Parcel::Question { id, request } => {
                let ours = self.number();
                self.nodes[to].questions.insert(ours, (peer, id));
                self.input(to, Input::Request { from, id: ours, request });
            }
            Parcel::Answer { id, response } => {
                if self.nodes[to].waiting.remove(&id) {
                    self.input(to, Input::Response { from, id, response });
                }
            }
            Parcel::Message(from, message) => self.input(to, Input::Received { from, message }),
        }
    }

    /// Lets the world go on until something is so.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let end = self.now.after(Span(self.subject.block_time().0 * PATIENCE));
        while !is_so(self) {
            assert!(self.now < end, "in vain: {what}; {}", self.picture());
            self.step();
        }
    }

    /// Where everybody stands.
    fn picture(&self) -> String {
        let stands = |node: &Node| match &node.replica {
            Some(replica) => format!(
                "at {} ({} final)",
                replica.tree().head().height(),
                replica.tree().root().height()
            ),
            None => "down".to_owned(),
        };
        let stands: Vec<String> = self.nodes.iter().map(stands).collect();
        format!("the nodes are {}; bans: {:?}", stands.join(", "), self.bans)
    }

    pub fn all_up(&self) -> bool {
        self.nodes.iter().all(|node| node.replica.is_some())
    }

    /// Whether everybody is up and on one head.
    pub fn agree(&self) -> bool {
        let head = |node: &Node| Some(node.replica.as_ref()?.tree().head().id);
        let first = head(&self.nodes[0]);
        first.is_some() && self.nodes.iter().all(|node| head(node) == first)
    }

    /// Goes on until everybody is up, has `blocks` more than anybody has now, and agrees; nobody misbehaved meanwhile.
    pub fn go_on(&mut self, blocks: u64) {
        let highest = (0..self.nodes.len()).map(|node| self.height(node).0).max().unwrap_or(0);
        let goal = Height(highest + blocks);
        self.until("everybody goes on", |world| {
            world.agree() && (0..world.nodes.len()).all(|node| world.height(node) >= goal)
        });
        assert_eq!(self.bans, Vec::<String>::new());
        let root = |node: &Node| node.replica.as_ref().map(|it| it.tree().head().state.root());
        assert!(
            self.nodes.iter().all(|node| root(node) == root(&self.nodes[0])),
            "one head, one state"
        );
    }
}
