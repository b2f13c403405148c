//! Floods a real node and measures what it costs it.
//!
//! Two nodes run as processes of their own: one mines, the other is flooded, one kind of flood after the other, for some
//! seconds each, by peers that come back under another id whenever they are thrown out. For every flood a row says how
//! long the first flooder lasted, by how much the node's memory grew, and how long blocks of the miner took until the
//! flooded node had them, before the flood and during it.
//!
//! ```text
//! cargo bench --bench flood                       ten seconds each
//! cargo bench --bench flood -- --seconds 3 questions
//! ```
//!
//! Nothing is asserted here: the tests in `src/node/net/tests/flood.rs` say what must happen, this says how much.

#![allow(clippy::disallowed_methods, reason = "processes are watched by the clock")]

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use assay::chain::Rank;
use assay::replica::wire::{Announce, BATCH_MAX, Gossip, Request, Status};
use assay::spec::FrozenSpec;
use assay::types::{
    Address, Amount, BlockId, Body, Bounded, Claim, CoinId, GenesisId, HEADER_VERSION, Hash,
    Header, Height, Output, Seal, StateRoot, Time, Transaction, encode,
};
use libp2p::Multiaddr;

#[path = "../src/node/net/tests/attacker.rs"]
#[allow(dead_code, reason = "the tests do more with it")]
mod attacker;

use attacker::{Attacker, Plan, frame, rpc};

/// How long to wait for anything before giving up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Blocks that say how long they take without a flood.
const IDLE_BLOCKS: usize = 20;

/// A node's process, which ends with this.
struct Node {
    process: Child,
    directory: PathBuf,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Node {
    fn start(home: &Path, name: &str, options: &[&str]) -> Self {
        let directory = home.join(name);
        let log = fs::File::create(home.join(format!("{name}.log"))).expect("to write a log");
        let process = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(["node", "run", "--log-format", "json", "--port", "0", "--rpc-port", "0"])
            .arg("--chain")
            .arg(home.join("chain.toml"))
            .arg("--datadir")
            .arg(&directory)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("to start a node");
        let node = Self { process, directory };
        wait_for("the node to listen", || node.file().is_some());
        node
    }

    fn file(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&fs::read_to_string(self.directory.join("node.json")).ok()?).ok()
    }

    fn address(&self) -> Multiaddr {
        let file = self.file().expect("the node has started");
        file["p2p"][0].as_str().expect("a text").parse().expect("a multiaddr")
    }

    /// Resident memory in KiB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the node runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }

    /// When which block entered here, by the milliseconds of the day.
    fn blocks(&self) -> Vec<(String, u64)> {
        let log = self.directory.with_extension("log");
        let log = fs::read_to_string(log).expect("the node has a log");
        let entered = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let what = line["message"].as_str()?;
            (what == "mined" || what == "imported").then_some(())?;
            let time = line["timestamp"].as_str()?;
            let part = |from: usize, to: usize| time.get(from..to)?.parse::<u64>().ok();
            let seconds = (part(11, 13)? * 60 + part(14, 16)?) * 60 + part(17, 19)?;
            Some((line["block"].as_str()?.to_owned(), seconds * 1000 + part(20, 23)?))
        };
        log.lines().filter_map(entered).collect()
    }
}

fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How long each block took from the miner to the other node, in milliseconds, from the `from`th of the latter's on.
fn delays(miner: &Node, other: &Node, from: usize) -> Vec<u64> {
    let mined = miner.blocks();
    let took = |(block, arrived): &(String, u64)| {
        let (_, began) = mined.iter().find(|(other, _)| other == block)?;
        Some(arrived.saturating_sub(*began))
    };
    let mut delays: Vec<u64> = other.blocks().iter().skip(from).filter_map(took).collect();
    delays.sort_unstable();
    delays
}

/// The median and the greatest of numbers in order.
fn spread(numbers: &[u64]) -> String {
    match (numbers.get(numbers.len() / 2), numbers.last()) {
        (Some(median), Some(greatest)) => format!("{median} / {greatest} ms of {}", numbers.len()),
        _ => "no block".into(),
    }
}

/// A kind of flood: what it is called, what it may make the node hold in MiB (see `docs/bounds.md`), how often it is
/// begun at once, and what it does.
type Flood = (&'static str, u64, usize, Box<dyn Fn(&mut Attacker)>);

fn header(chain: &GenesisId, number: u64) -> Header {
    let body = Body::default();
    Header {
        version: HEADER_VERSION,
        height: Height(1_000_000),
        parent: BlockId(Hash([9; 32])),
        time: Time(number),
        producer: Address::default(),
        claim: Claim::Genesis,
        body_root: assay::types::body_root(&body, chain),
        state_root: StateRoot::default(),
    }
}

fn payment(number: u64) -> Transaction {
    let mut coin = [7; 32];
    coin[..8].copy_from_slice(&number.to_le_bytes());
    Transaction {
        inputs: Bounded::truncated(vec![CoinId(Hash(coin))]),
        outputs: Bounded::truncated(vec![Output { to: Address::default(), amount: Amount(1) }]),
        operation: None,
        witnesses: Bounded::default(),
    }
}

fn floods(chain: GenesisId, first: BlockId) -> Vec<Flood> {
    let topic = |name: &str| format!("assay/{chain}/{name}");
    let (blocks, transactions) = (topic("blocks"), topic("transactions"));
    let gossip = |make: Box<dyn Fn(u64) -> Vec<u8> + Send + Sync>| -> Box<dyn Fn(&mut Attacker)> {
        let make = std::sync::Arc::new(make);
        Box::new(move |attacker| {
            let make = make.clone();
            attacker.gossip(move |number| make(number));
        })
    };
    let once = Gossip::Transactions(Bounded::truncated(vec![payment(0)]));
    let repeated = rpc::publish(&transactions, &encode(&once)).repeat(100);
    let announce = {
        let blocks = blocks.clone();
        move |number| {
            let announce = Announce {
                header: header(&chain, number),
                seal: Seal::Genesis,
                short_ids: Bounded::default(),
                evidence: Bounded::default(),
            };
            rpc::publish(&blocks, &encode(&Gossip::Announce(Box::new(announce))))
        }
    };
    let batch = {
        let transactions = transactions.clone();
        move |number: u64| {
            let first = number * BATCH_MAX as u64;
            let batch = (first..).take(BATCH_MAX).map(payment).collect();
            rpc::publish(&transactions, &encode(&Gossip::Transactions(Bounded::truncated(batch))))
        }
    };
    let names = |number: u64, count: u64, bytes: usize| -> Vec<Vec<u8>> {
        let name = |n: u64| [(count * number + n).to_le_bytes().to_vec(), vec![0; bytes]].concat();
        (0..count).map(name).collect()
    };
    let status = Status {
        genesis: chain,
        head: BlockId(Hash([8; 32])),
        height: Height(1_000_000),
        final_id: BlockId(Hash([8; 32])),
        final_height: Height(0),
        rank: Rank::of_numbers(&[u64::MAX; 4]),
    };
    let ask = |request: Request| -> Box<dyn Fn(&mut Attacker)> {
        let bytes = frame(&encode(&request));
        Box::new(move |attacker| attacker.ask(bytes.clone()))
    };
    vec![
        ("repeated_gossip", 8, 1, gossip(Box::new(move |_| repeated.clone()))),
        ("announcements", 8, 1, gossip(Box::new(announce))),
        ("transactions", 8 + 8, 1, gossip(Box::new(batch))),
        ("unwanted_messages", 8, 1, {
            gossip(Box::new(move |n| rpc::do_not_want(&names(n, 20, 10_000))))
        }),
        ("offers_of_messages", 8, 1, {
            gossip(Box::new(move |n| rpc::have(&blocks, &names(n, 5000, 12))))
        }),
        ("statuses", 8, 64, ask(Request::Status(status))),
        ("questions", 64, 64, ask(Request::Headers { locator: Bounded::truncated(vec![first]) })),
        ("blocks", 64, 64, ask(Request::Blocks { after: first, count: 64 })),
        ("addresses", 8, 4, Box::new(|attacker| attacker.ask_for_places(frame(&[])))),
        ("greetings", 8, 1, Box::new(Attacker::greet)),
        ("cut_off", 8, 64, Box::new(|attacker| attacker.ask(vec![1, 0]))),
        ("oversized", 8, 64, Box::new(|attacker| attacker.ask(vec![0xff; 4]))),
    ]
}

/// Floods a node under ever new ids; says when the first of them was shut out.
async fn flood(node: &Node, chain: &str, flood: &Flood, time: Duration) -> Option<Duration> {
    let (_, _, times, harm) = flood;
    let began = Instant::now();
    let mut first = None;
    while began.elapsed() < time {
        let one = async {
            let mut attacker = Attacker::connect(node.address(), chain, Plan::default()).await;
            attacker.flood(*times, |attacker| harm(attacker)).await;
        };
        // One that is still at it when the time is over has not been shut out.
        if tokio::time::timeout(2 * time, one).await.is_ok() {
            first.get_or_insert(began.elapsed());
        }
    }
    first
}

/// Opens connections that say nothing, and closes them again.
fn knock(node: &Node, time: Duration) {
    let address = node.address();
    let mut parts = address.iter();
    let (Some(_), Some(libp2p::multiaddr::Protocol::Tcp(port))) = (parts.next(), parts.next())
    else {
        panic!("no TCP in {address}")
    };
    let began = Instant::now();
    while began.elapsed() < time {
        let streams = (0..200).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok());
        drop(streams.collect::<Vec<_>>());
    }
}

/// One row: what a flood did.
fn measure(miner: &Node, node: &Node, name: &str, bound: u64, harm: impl FnOnce() -> String) {
    let before = node.memory();
    let from = node.blocks().len();
    let done = std::sync::atomic::AtomicBool::new(false);
    let (lasted, peak) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = before;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                peak = peak.max(node.memory());
                std::thread::sleep(Duration::from_millis(20));
            }
            peak
        });
        let lasted = harm();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (lasted, watch.join().expect("watching does not panic"))
    });
    let grown = (peak - before).div_ceil(1024);
    let flooded = spread(&delays(miner, node, from));
    let before = before / 1024;
    println!("| {name} | {lasted} | {before} MiB | +{grown} MiB | {bound} MiB | {flooded} |");
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut seconds, mut wanted) = (10, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                let given = arguments.next().and_then(|given| given.parse().ok());
                seconds = given.expect("--seconds needs a number");
            }
            _ => wanted.push(argument),
        }
    }
    let time = Duration::from_secs(seconds);
    let home = tempfile::tempdir().expect("a directory");
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("chain-specs/pow-dev.toml");
    let spec = fs::read_to_string(spec).expect("the spec is there");
    let spec = spec.replace("block_time = \"2s\"", "block_time = \"500ms\"");
    fs::write(home.path().join("spec.toml"), spec).expect("to write a spec");
    let frozen = Command::new(env!("CARGO_BIN_EXE_assay"))
        .args(["spec", "freeze"])
        .arg(home.path().join("spec.toml"))
        .arg("-o")
        .arg(home.path().join("chain.toml"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(frozen.expect("to run assay").success(), "the spec does not freeze");
    let node = Node::start(home.path(), "flooded", &[]);
    let bootnode = node.address().to_string();
    let options = ["--mine", "--throttle", "10%", "--bootnodes", &bootnode];
    let miner = Node::start(home.path(), "miner", &options);
    let frozen = fs::read_to_string(home.path().join("chain.toml")).expect("it was just written");
    let frozen = FrozenSpec::parse("chain.toml", &frozen).expect("assay wrote it");
    let chain = frozen.genesis_id();
    let first = frozen.genesis_block().id(&chain);
    wait_for("blocks", || delays(&miner, &node, 1).len() >= IDLE_BLOCKS);
    println!(
        "idle: a block arrives after {} (median / greatest)",
        spread(&delays(&miner, &node, 1))
    );
    println!(
        "| flood | first flooder shut out after | memory before | grown | bound | blocks arrive after |"
    );
    println!("|---|---|---|---|---|---|");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    for each in floods(chain, first).into_iter().filter(|(name, ..)| is_wanted(name)) {
        let (name, bound, ..) = each;
        measure(&miner, &node, name, bound, || {
            let first = runtime.block_on(flood(&node, &chain.to_string(), &each, time));
            first.map_or("not at all".into(), |first| format!("{:.1} s", first.as_secs_f64()))
        });
    }
    if is_wanted("connections") {
        measure(&miner, &node, "connections", 8, || {
            knock(&node, time);
            "refused at the door".into()
        });
    }
}
