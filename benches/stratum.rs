//! What miners over Stratum cost a node, and how soon all of them hear of a new block.
//!
//! A node runs as a process of its own, without a search. A thousand connections subscribe and authorize one address from
//! several addresses of this machine, and then are silent; some of them send shares, 200 a second in all, each of which
//! the node judges by hashing it. They send whatever nonce comes next, so that nearly all are refused for their difficulty:
//! that costs the node the same but for a line in a table, and the machine no search. The node's processor time is read
//! from the system, before and after.
//!
//! Then a miner finds a block, again and again, and each connection notes when it hears of the job on it: from the moment
//! at which the share was sent (judging, importing, syncing and drafting are in that), and from the first to the last.
//!
//! ```text
//! cargo bench --bench stratum                     1000 miners, 200 shares a second, 20 s, 15 blocks
//! cargo bench --bench stratum -- --miners 100 --shares 50 --seconds 5 --blocks 5
//! ```
//!
//! Nothing is asserted here: `src/node/stratum/tests` say what must happen, this says how much.

#![allow(clippy::disallowed_methods, reason = "processes are watched by the clock")]

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay::types::target::Bits;
use assay::types::work::{WorkHeader, merkle_root};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpSocket;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How long to wait for anything before giving up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connections from one address: fewer than the node allows.
const PER_ADDRESS: usize = 200;

/// The target of the first block: two million hashes, so that random nonces find none.
const BITS: &str = "1e07ffff";

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
    fn start(home: &Path) -> Self {
        let spec = include_str!("../chain-specs/pow-dev.toml");
        let spec = spec.replace("initial_bits = \"auto\"", &format!("initial_bits = \"{BITS}\""));
        fs::write(home.join("chain.toml"), spec).expect("to write a spec");
        let directory = home.join("node");
        let log = fs::File::create(home.join("log")).expect("to write a log");
        let process = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(["node", "run", "--port", "0", "--rpc-port", "0", "--stratum-port", "0"])
            .arg("--chain")
            .arg(home.join("chain.toml"))
            .arg("--datadir")
            .arg(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("to start a node");
        Self { process, directory }
    }

    async fn stratum(&self) -> SocketAddr {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < PATIENCE, "the node does not start");
            if let Ok(text) = fs::read_to_string(self.directory.join("node.json")) {
                let file: Value = serde_json::from_str(&text).expect("a node file");
                let url = file["stratum"].as_str().expect("a port for miners").to_owned();
                return url
                    .strip_prefix("stratum+tcp://")
                    .expect("a URL")
                    .parse()
                    .expect("an address");
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Seconds of processor time so far, all threads.
    fn processor(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()));
        let stat = stat.expect("the node runs");
        let fields: Vec<&str> =
            stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / rustix::param::clock_ticks_per_second() as f64
    }

    /// Resident memory in MiB.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the node runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        let number = line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
        number.expect("a number") / 1024.0
    }
}

/// What a connection heard: a job, and when.
type Heard = (Instant, Value);

/// A connection: its reader passes jobs on.
struct Miner {
    writer: Mutex<OwnedWriteHalf>,
    extra_nonce_1: String,
    /// The job that it has.
    job: Arc<Mutex<Value>>,
}

async fn connect(address: SocketAddr, number: usize, jobs: UnboundedSender<Heard>) -> Miner {
    let socket = TcpSocket::new_v4().expect("a socket");
    let of = u8::try_from(2 + number / PER_ADDRESS).expect("fewer than 50 000 miners");
    socket.bind(SocketAddr::new(IpAddr::from([127, 0, 0, of]), 0)).expect("an address");
    let stream = socket.connect(address).await.expect("to connect");
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    for question in [
        json!({ "id": 1, "method": "mining.subscribe", "params": ["bench/1"] }),
        json!({ "id": 2, "method": "mining.authorize", "params": [format!("alice.{number}"), "x"] }),
    ] {
        writer.write_all(format!("{question}\n").as_bytes()).await.expect("to write");
    }
    let subscribed = next(&mut lines).await.expect("an answer");
    let extra_nonce_1 = subscribed["result"][1].as_str().expect("a text").to_owned();
    let job = Arc::new(Mutex::new(Value::Null));
    let kept = job.clone();
    tokio::spawn(async move {
        while let Some(line) = next(&mut lines).await {
            if line["method"] == "mining.notify" {
                let heard = (Instant::now(), line["params"].clone());
                *kept.lock().await = heard.1.clone();
                // Nobody may listen at the moment.
                let _ = jobs.send(heard);
            }
        }
    });
    Miner { writer: Mutex::new(writer), extra_nonce_1, job }
}

async fn next(lines: &mut Lines<BufReader<OwnedReadHalf>>) -> Option<Value> {
    let line = lines.next_line().await.ok()??;
    serde_json::from_str(&line).ok()
}

impl Miner {
    async fn submit(&self, number: usize, nonce: u32) {
        let job = self.job.lock().await.clone();
        let params =
            json!([format!("alice.{number}"), job[0], "00000000", job[7], format!("{nonce:08x}")]);
        let line = json!({ "id": 4, "method": "mining.submit", "params": params });
        let line = format!("{line}\n");
        self.writer.lock().await.write_all(line.as_bytes()).await.expect("to write");
    }

    /// A nonce that makes a block of the job.
    async fn search(&self) -> u32 {
        let job = self.job.lock().await.clone();
        let text = |at: usize| job[at].as_str().expect("a text");
        let number = |at: usize| u32::from_str_radix(text(at), 16).expect("a number");
        let coinbase = format!("{}{}00000000{}", text(2), self.extra_nonce_1, text(3));
        let mut previous = hex::decode(text(1)).expect("hexadecimal");
        previous.chunks_mut(4).for_each(<[u8]>::reverse);
        let header = WorkHeader {
            version: number(5).cast_signed(),
            previous: previous.try_into().expect("32 bytes"),
            merkle_root: merkle_root(&hex::decode(coinbase).expect("hexadecimal"), &[]),
            time: number(7),
            bits: Bits(number(6)),
            nonce: 0,
        };
        let found = tokio::task::spawn_blocking(move || {
            (0..=u32::MAX).find(|nonce| {
                WorkHeader { nonce: *nonce, ..header }.is_proven().expect("bits that are a target")
            })
        });
        found.await.expect("a search").expect("a nonce")
    }
}

struct Options {
    miners: usize,
    shares: usize,
    seconds: u64,
    blocks: usize,
}

fn options() -> Options {
    let mut options = Options { miners: 1000, shares: 200, seconds: 20, blocks: 15 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a number");
        match word.as_str() {
            "--miners" => options.miners = number(),
            "--shares" => options.shares = number(),
            "--seconds" => options.seconds = number() as u64, // a few
            "--blocks" => options.blocks = number(),
            _ => {}
        }
    }
    options
}

/// Waits until so many jobs on another block than `previous` were heard; when the first and the last came.
async fn all_hear(
    jobs: &mut UnboundedReceiver<Heard>,
    previous: &Value,
    miners: usize,
) -> (Instant, Instant) {
    let mut heard = Vec::with_capacity(miners);
    while heard.len() < miners {
        let (at, job) =
            timeout(PATIENCE, jobs.recv()).await.expect("a job in time").expect("a job");
        if job[1] != *previous {
            heard.push(at);
        }
    }
    (*heard.iter().min().expect("one"), *heard.iter().max().expect("one"))
}

fn median(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

fn main() {
    // Under `cargo test` benches are only to be compiled.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(bench(options()));
}

async fn bench(options: Options) {
    let Options { miners: count, shares, seconds, blocks } = options;
    let home = tempfile::tempdir().expect("a directory");
    let node = Node::start(home.path());
    let address = node.stratum().await;
    println!("{count} miners, {shares} shares/s, node at {address}");
    let before = node.memory();
    let (heard, mut jobs) = unbounded_channel();
    let mut miners = Vec::with_capacity(count);
    for number in 0..count {
        miners.push(connect(address, number, heard.clone()).await);
        // Fewer than a hundred a second of each address.
        sleep(Duration::from_millis(11)).await;
    }
    all_hear(&mut jobs, &Value::Null, count).await;
    let grown = node.memory() - before;
    println!(
        "{count} connections take {grown:.1} MiB, {:.1} KiB each",
        grown * 1024.0 / count as f64
    );

    for rate in [0, shares] {
        let mut nonce = 0_u32;
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate.max(1) as f64));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (began, used) = (Instant::now(), node.processor());
        let mut sent = 0;
        while began.elapsed() < Duration::from_secs(seconds) {
            ticks.tick().await;
            if rate > 0 {
                let number = nonce as usize % 100 * count / 100;
                miners[number].submit(number, nonce).await;
                nonce += 1;
                sent += 1;
            }
        }
        let (time, used) = (began.elapsed().as_secs_f64(), node.processor() - used);
        println!(
            "{:.0} shares/s for {time:.0} s: {:.2} % of a core",
            f64::from(sent) / time,
            100.0 * used / time
        );
    }

    let (mut whole, mut spread) = (Vec::new(), Vec::new());
    for _ in 0..blocks {
        let previous = miners[0].job.lock().await[1].clone();
        let nonce = miners[0].search().await;
        let sent = Instant::now();
        miners[0].submit(0, nonce).await;
        let (first, last) = all_hear(&mut jobs, &previous, count).await;
        whole.push(last.duration_since(sent).as_secs_f64() * 1000.0);
        spread.push(last.duration_since(first).as_secs_f64() * 1000.0);
    }
    for (what, values) in
        [("from the share to the last miner", whole), ("from the first miner to the last", spread)]
    {
        let (median, least, most) = median(values);
        println!(
            "a block, {what}: median {median:.1} ms, {least:.1} to {most:.1} ms, {blocks} blocks"
        );
    }
}
