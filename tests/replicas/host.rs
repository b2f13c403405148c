//! A host in memory: several replicas on one queue, with latency, partitions, crashes and real hashes.
//!
//! Time is virtual and everything is ordered by (time, number), so a seed fixes a run: [`World::digest`] covers every
//! output of every replica in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay::consensus::SearchOrder;
use assay::ledger::CoinView;
use assay::miner::{Job, search_slice};
use assay::replica::wire::Gossip;
use assay::replica::{Chain, GossipVerdict, Input, Output, Peer, Replica};
use assay::spec::{FrozenSpec, dev_account};
use assay::store::{MemStore, Store};
use assay::types::signatures::verify_batch;
use assay::types::{
    Address, Amount, BlockId, Bounded, Claim, CoinId, Keypair, Output as CoinOutput, Seal, Time,
    Transaction, TransactionId, encode,
};

/// When the chain starts, in ms.
pub const LAUNCH: u64 = 1_700_000_000_000;

/// How long a message travels.
const LATENCY: u64 = 30;

/// Between two tries of one miner: four miners find a block of 64 expected tries every two seconds.
const TRY_EVERY: u64 = 125;

/// A chain with blocks of 64 expected tries, final below 20.
pub fn spec() -> FrozenSpec {
    let text = r#"
name = "in-memory"
symbol = "PYR"
address_prefix = "assay"
dev = true

[genesis]
time = 1700000000000
accounts = [
    { dev = "alice", amount = "1000" },
    { dev = "bob", amount = "1000" },
]

[consensus]
engine = "pow"

[pow]
block_time = "2s"
retarget = "fixed"
initial_bits = "2003ffff"
finality_depth = 20
"#;
    FrozenSpec::parse("in-memory.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

/// The person who mines at a node.
pub fn miner(node: usize) -> Address {
    dev_account(["carol", "dave", "erin", "frank", "grace", "heidi"][node]).unwrap().address()
}

/// One node of the world.
pub struct Node {
    pub replica: Option<Replica<MemStore>>,
    pub store: Arc<MemStore>,
    search: Option<(SearchOrder, u64)>,
    seen: BTreeSet<Vec<u8>>,
    messages: BTreeMap<u64, Gossip>,
    /// Wakes in a row that left a deadline due.
    woken: u32,
    /// Peers it threw out, and why.
    pub banned: Vec<(Peer, String)>,
    /// What it told a wallet that it accepted.
    pub acknowledged: Vec<TransactionId>,
    /// Blocks of its own that it announced.
    pub announced: Vec<BlockId>,
    /// What it refused to a wallet.
    pub refusals: Vec<String>,
}

enum Event {
    Input(Input),
    Try,
    Wake,
}

/// All nodes and what is on its way between them.
pub struct World {
    pub spec: FrozenSpec,
    pub now: u64,
    pub nodes: Vec<Node>,
    queue: BTreeMap<(u64, u64), (usize, Event)>,
    number: u64,
    cut: BTreeSet<(usize, usize)>,
    digest: blake3::Hasher,
    /// The node that crashes after so many more outputs, and how many staged batches survive.
    pub crash: Option<(usize, usize, usize)>,
}

impl World {
    pub fn new(nodes: usize) -> Self {
        let mut world = Self {
            spec: spec(),
            now: LAUNCH,
            nodes: Vec::new(),
            queue: BTreeMap::new(),
            number: 0,
            cut: BTreeSet::new(),
            digest: blake3::Hasher::new(),
            crash: None,
        };
        (0..nodes).for_each(|_| world.join());
        world
    }

    /// A new node that everybody connects to.
    pub fn join(&mut self) {
        let node = self.nodes.len();
        self.nodes.push(Node {
            replica: None,
            store: Arc::default(),
            search: None,
            seen: BTreeSet::new(),
            messages: BTreeMap::new(),
            woken: 0,
            banned: Vec::new(),
            acknowledged: Vec::new(),
            announced: Vec::new(),
            refusals: Vec::new(),
        });
        self.start(node);
    }

    /// Opens a node's store and connects it.
    pub fn start(&mut self, node: usize) {
        let chain = Chain {
            params: self.spec.ledger_params(),
            rules: self.spec.rules(),
            genesis: self.spec.genesis_block(),
            pool_bytes_max: self.spec.pool_bytes(),
        };
        let store = self.nodes[node].store.clone();
        let engine = self.spec.engine(Some(miner(node)));
        let genesis = || self.spec.genesis_state();
        let replica = Replica::open(chain, genesis, engine, store, Time(self.now)).unwrap();
        self.nodes[node].replica = Some(replica);
        for other in 0..self.nodes.len() {
            if other != node && self.nodes[other].replica.is_some() {
                self.push(self.now, node, Event::Input(Input::Connected(Peer(other as u64))));
                self.push(self.now, other, Event::Input(Input::Connected(Peer(node as u64))));
            }
        }
        self.perform(node);
    }

    fn push(&mut self, at: u64, node: usize, event: Event) {
        self.number += 1;
        self.queue.insert((at, self.number), (node, event));
    }

    /// Hands an input to a node, now.
    pub fn input(&mut self, node: usize, input: Input) {
        let Some(replica) = &mut self.nodes[node].replica else { return };
        replica.handle(Time(self.now), input);
        self.perform(node);
    }

    /// Nothing passes between these two any more, or everything does again.
    pub fn link(&mut self, a: usize, b: usize, up: bool) {
        for pair in [(a, b), (b, a)] {
            if up {
                self.cut.remove(&pair)
            } else {
                self.cut.insert(pair)
            };
        }
    }

    /// Lets the world run for so many ms.
    pub fn run(&mut self, span: u64) {
        let end = self.now + span;
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, _), (node, event)) = entry.remove_entry();
            self.now = self.now.max(at);
            match event {
                Event::Input(input) => self.input(node, input),
                Event::Wake => self.input(node, Input::Tick),
                Event::Try => self.try_once(node),
            }
        }
        self.now = end;
    }

    /// Nobody mines from now on.
    pub fn rest(&mut self) {
        for node in 0..self.nodes.len() {
            self.input(node, Input::Payout(None));
        }
    }

    fn try_once(&mut self, node: usize) {
        let Some((order, from)) = &mut self.nodes[node].search else { return };
        let header = &order.header;
        let Claim::Work { bits } = header.claim else { return };
        let (id, parent) = (*order.block.as_bytes(), *header.parent.as_bytes());
        let job =
            Job::for_block(header.height.0, &id, parent, header.time.seconds(), bits).unwrap();
        let found = search_slice(&job, *from, 1);
        *from += 1;
        let order = order.order;
        match found {
            Some((proof, _)) => {
                self.nodes[node].search = None;
                self.input(node, Input::Found { order, seal: Seal::Work(proof) });
            }
            None => self.push(self.now + TRY_EVERY, node, Event::Try),
        }
    }

    /// Performs what a replica wants, in order; a crash may cut the list anywhere.
    fn perform(&mut self, node: usize) {
        let Some(replica) = &mut self.nodes[node].replica else { return };
        let outputs = replica.take_outputs();
        let deadline = replica.next_deadline();
        for output in outputs {
            if let Some((victim, left, survivors)) = &mut self.crash
                && *victim == node
            {
                if *left == 0 {
                    let survivors = *survivors;
                    self.crash = None;
                    return self.die(node, survivors);
                }
                *left -= 1;
            }
            self.digest.update(format!("{} {node} {output:?}", self.now).as_bytes());
            self.output(node, output);
        }
        if let Some(at) = deadline {
            let at = at.0.max(self.now);
            // A deadline that is due is handled by the next wake: one that stays due would spin.
            let waiting = &mut self.nodes[node].woken;
            *waiting = if at == self.now { *waiting + 1 } else { 0 };
            assert!(*waiting < 10, "node {node} is woken again and again and does not move on");
            self.push(at, node, Event::Wake);
        }
    }

    fn die(&mut self, node: usize, survivors: usize) {
        let dead = &mut self.nodes[node];
        dead.replica = None;
        dead.search = None;
        dead.messages.clear();
        dead.store = Arc::new(dead.store.crashed(survivors));
        for other in 0..self.nodes.len() {
            self.push(self.now, other, Event::Input(Input::Disconnected(Peer(node as u64))));
        }
    }

    fn send(&mut self, from: usize, to: usize, input: Input) {
        if !self.cut.contains(&(from, to)) {
            self.push(self.now + LATENCY, to, Event::Input(input));
        }
    }

    fn gossip(&mut self, from: usize, gossip: Gossip) {
        let bytes = encode(&gossip);
        self.nodes[from].seen.insert(bytes.clone());
        for to in 0..self.nodes.len() {
            if to != from
                && !self.cut.contains(&(from, to))
                && self.nodes[to].seen.insert(bytes.clone())
            {
                self.number += 1;
                let message = self.number;
                self.nodes[to].messages.insert(message, gossip.clone());
                let input =
                    Input::Gossip { from: Peer(from as u64), message, gossip: gossip.clone() };
                self.send(from, to, input);
            }
        }
    }

    fn output(&mut self, node: usize, output: Output) {
        let me = Peer(node as u64);
        match output {
            Output::Sync => self.nodes[node].store.sync().unwrap(),
            Output::Gossip(gossip) => {
                if let Gossip::Announce(announce) = &gossip {
                    let id = announce.header.id(&self.spec.genesis_id());
                    self.nodes[node].announced.push(id);
                }
                self.gossip(node, gossip);
            }
            Output::Verdict { message, verdict } => {
                let message = self.nodes[node].messages.remove(&message);
                if let (Some(gossip), GossipVerdict::Accept) = (message, verdict) {
                    self.gossip(node, gossip);
                }
            }
            Output::Request { to, id, request } => {
                let (from, to) = (node, to.0 as usize);
                let up = self.nodes.get(to).is_some_and(|node| node.replica.is_some());
                if self.cut.contains(&(from, to)) || !up {
                    let input = Input::RequestFailed { from: Peer(to as u64), id };
                    self.push(self.now + 2000, node, Event::Input(input));
                } else {
                    self.send(from, to, Input::Request { from: me, id, request });
                }
            }
            Output::Respond { to, id, response } => {
                self.send(node, to.0 as usize, Input::Response { from: me, id, response });
            }
            Output::Verify { order, batch } => {
                let bad = verify_batch(&batch).into_iter().map(|place| place as u32).collect();
                self.push(self.now + 1, node, Event::Input(Input::Verified { order, bad }));
            }
            Output::Search(order) => {
                let idle = self.nodes[node].search.replace((*order, 0)).is_none();
                if idle {
                    self.push(self.now + TRY_EVERY, node, Event::Try);
                }
            }
            Output::StopSearch => self.nodes[node].search = None,
            Output::Submitted { results, .. } => {
                for result in results {
                    match result {
                        Ok(id) => self.nodes[node].acknowledged.push(id),
                        Err(reason) => self.nodes[node].refusals.push(reason),
                    }
                }
            }
            Output::Ban { peer, reason } => self.nodes[node].banned.push((peer, reason)),
            Output::Report(_) | Output::Send { .. } | Output::Broadcast(_) => {}
        }
    }

    pub fn replica(&self, node: usize) -> &Replica<MemStore> {
        self.nodes[node].replica.as_ref().expect("the node is up")
    }

    /// The head of every node that is up.
    pub fn heads(&self) -> BTreeSet<BlockId> {
        self.nodes.iter().filter_map(|node| Some(node.replica.as_ref()?.tree().head().id)).collect()
    }

    pub fn height(&self, node: usize) -> u64 {
        self.replica(node).tree().head().height().0
    }

    /// Whether a transaction is in a block of a node's best branch.
    pub fn has(&self, node: usize, id: &TransactionId) -> bool {
        let place = |coin: &CoinId| self.replica(node).tree().head().state.coin(coin).unwrap();
        let coin = Transaction::coin_id(id, 0, &self.spec.genesis_id());
        place(&coin).is_some()
    }

    /// Everything that the replicas put out so far.
    pub fn digest(&self) -> blake3::Hash {
        self.digest.finalize()
    }
}

/// A payment out of one coin; the rest goes back.
pub fn payment(
    world: &World,
    from: &Keypair,
    coin: (CoinId, Amount),
    to: Address,
    units: u64,
) -> Transaction {
    let rest = Amount(coin.1.0 - units - 10_000);
    let outputs = vec![
        CoinOutput { to, amount: Amount(units) },
        CoinOutput { to: from.address(), amount: rest },
    ];
    let mut transaction = Transaction {
        inputs: Bounded::new(vec![coin.0]).unwrap(),
        outputs: Bounded::new(outputs).unwrap(),
        operation: None,
        witnesses: Bounded::default(),
    };
    transaction.sign(&world.spec.genesis_id(), std::slice::from_ref(from));
    transaction
}

/// The coin of a genesis account, by its place.
pub fn fortune(world: &World, place: usize) -> (CoinId, Amount) {
    let params = world.spec.ledger_params();
    (assay::ledger::genesis_coin_id(place, &params), Amount(1000 * assay::types::COIN))
}
