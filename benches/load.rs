//! A steady load on a real devnet of work: is anything lost that was acknowledged, how long do calls and blocks take, and
//! how much memory do nodes grow to?
//!
//!     cargo bench --bench load -- [--rate 2000] [--seconds 300] [--nodes 4] [--block-time 1s] [--payload BYTES]
//!
//! The devnet is started by the built program in a directory of its own. The load is open-loop: transactions leave when
//! their time has come, whether or not earlier ones were answered. Each spends one coin and makes two, on one of many
//! lanes: a lane's next transaction spends the coin of the last one, at the same node. In the end every acknowledged
//! transaction is looked up in the blocks of another node.
//!
//! How long a block took from the search that found it to the last node that imported it is read from the nodes' logs,
//! whose clock is the same.

#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use assay::api::{BlockSelector, NodeFile, SubmitResult};
use assay::ledger::CoinKind;
use assay::spec::dev_account;
use assay::types::{
    Address, Amount, Bounded, CoinId, GenesisId, Keypair, Output, Prefix, Transaction,
    TransactionId,
};
use assay::wallet::client::Client;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Transactions leave in batches this often: a client that serves many users does so too.
const TICK: Duration = Duration::from_millis(20);

/// Coins that one transaction makes at most.
const PARTS_MAX: usize = 200;

/// What a transaction pays; enough at the least fee of one base unit per byte.
const FEE: u64 = 1_000;

/// Digits of a block's id in a line of the log.
const SHORT_ID: usize = 12;

/// How much is asked of the devnet.
struct Load {
    rate: usize,
    seconds: usize,
    nodes: usize,
    block_time: String,
}

impl Load {
    fn from_arguments() -> Outcome<Self> {
        let mut load = Self { rate: 2000, seconds: 300, nodes: 4, block_time: "1s".into() };
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--rate" => load.rate = value.parse()?,
                "--seconds" => load.seconds = value.parse()?,
                "--nodes" => load.nodes = value.parse()?,
                "--block-time" => load.block_time = value,
                _ => return Err(format!("there is no option {name}").into()),
            }
        }
        Ok(load)
    }

    fn spec(&self) -> String {
        let accounts = "{ dev = \"bob\", amount = \"1_000_000\" }";
        format!(
            "name = \"load\"\ndev = true\n[genesis]\naccounts = [ {accounts} ]\n[limits]\nblock_bytes = \"2MiB\"\n\
             pool_bytes = \"32MiB\"\n[consensus]\nengine = \"pow\"\n[pow]\nblock_time = \"{}\"\nfinality_depth = 20\n\
             [devnet]\nnodes = {}\nminer = {{ threads = 1, throttle = \"5%\" }}\n",
            self.block_time, self.nodes
        )
    }
}

/// The devnet's processes; they end with it.
struct Devnet {
    directory: PathBuf,
    clients: Vec<Client>,
    pids: Vec<u32>,
    genesis: GenesisId,
}

fn assay(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command.args(arguments).stdin(Stdio::null());
    command.env("ASSAY_HOME", directory);
    command.env("RUST_LOG", "warn,assay=info,assay::node::search=debug");
    command
}

impl Devnet {
    fn start(directory: &Path, load: &Load) -> Outcome<Self> {
        let spec = directory.join("load.toml");
        std::fs::write(&spec, load.spec())?;
        let up = ["devnet", "up", &spec.display().to_string(), "--detach"].map(str::to_owned);
        let up: Vec<&str> = up.iter().map(String::as_str).collect();
        let output = assay(directory, &up).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let directory = directory.join("devnets/load");
        let (mut clients, mut pids, mut genesis) = (Vec::new(), Vec::new(), GenesisId::default());
        for node in 0..load.nodes {
            let file = directory.join(format!("node{node}")).join(NodeFile::NAME);
            let file: NodeFile = serde_json::from_str(&std::fs::read_to_string(file)?)?;
            clients.push(Client::new(&file.rpc, None)?);
            pids.push(file.pid);
            genesis = file.genesis;
        }
        Ok(Self { directory, clients, pids, genesis })
    }

    /// Resident memory of each node in MiB.
    fn memory(&self) -> Vec<u64> {
        let resident = |pid: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        };
        self.pids.iter().map(|pid| resident(pid).unwrap_or(0) / 1024).collect()
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        let home = self.directory.ancestors().nth(2).unwrap_or(&self.directory);
        // What is left of it lies in a temporary directory.
        let _ = assay(home, &["devnet", "stop"]).output();
    }
}

/// One coin at a time, spent again and again.
struct Lane {
    coin: CoinId,
    amount: u64,
}

/// Whoever pays, and to whom.
struct Payer {
    key: Keypair,
    owner: Address,
    genesis: GenesisId,
}

impl Payer {
    fn pay(&self, coin: CoinId, outputs: Vec<u64>) -> (Transaction, TransactionId) {
        let output = |amount| Output { to: self.owner, amount: Amount(amount) };
        let mut transaction = Transaction {
            inputs: Bounded::truncated(vec![coin]),
            outputs: Bounded::truncated(outputs.into_iter().map(output).collect()),
            operation: None,
            witnesses: Bounded::default(),
        };
        transaction.sign(&self.genesis, std::slice::from_ref(&self.key));
        let id = transaction.id(&self.genesis);
        (transaction, id)
    }

    /// The lane's next payment: one base unit to somebody, the rest to its next one.
    fn next(&self, lane: &mut Lane) -> (Transaction, TransactionId) {
        lane.amount -= FEE + 1;
        let (transaction, id) = self.pay(lane.coin, vec![lane.amount, 1]);
        lane.coin = Transaction::coin_id(&id, 0, &self.genesis);
        (transaction, id)
    }

    fn split(&self, lane: &Lane, parts: usize) -> (Transaction, Vec<Lane>) {
        let fee = 60 * parts as u64 + FEE;
        let amount = (lane.amount - fee) / parts as u64;
        let (transaction, id) = self.pay(lane.coin, vec![amount; parts]);
        let coin = |place| Transaction::coin_id(&id, place, &self.genesis);
        let lanes = (0..parts).map(|place| Lane { coin: coin(place), amount }).collect();
        (transaction, lanes)
    }
}

async fn submit(client: &Client, transactions: &[Transaction]) -> Outcome<()> {
    for result in client.mempool_submit(transactions).await? {
        if let SubmitResult::Refused { error } = result {
            return Err(error.message.into());
        }
    }
    Ok(())
}

/// Waits until nothing is pending anywhere.
async fn settle(devnet: &Devnet, most: Duration) -> Outcome<bool> {
    let start = Instant::now();
    while start.elapsed() < most {
        let mut pending = 0;
        for client in &devnet.clients {
            pending += client.mempool_info(false).await?.transactions;
        }
        if pending == 0 {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(false)
}

/// Splits one coin into so many lanes.
async fn lanes(devnet: &Devnet, payer: &Payer, count: usize) -> Outcome<Vec<Lane>> {
    let prefix = Prefix::new(&devnet.clients[0].system_info().await?.address_prefix)?;
    let page = devnet.clients[0].coins_list(&payer.owner.encode(&prefix), None, 100).await?;
    // Bob mines, too, and what he mines is not ripe.
    let coin = page.coins.iter().find(|coin| coin.kind == CoinKind::Transfer);
    let coin = coin.ok_or("bob has no coin of the genesis block")?;
    let first = Lane { coin: coin.id, amount: coin.amount.0 };
    let (transaction, mut lanes) = payer.split(&first, count.div_ceil(PARTS_MAX).max(1));
    submit(&devnet.clients[0], &[transaction]).await?;
    settle(devnet, Duration::from_secs(120)).await?;
    let mut all = Vec::new();
    for lane in lanes.drain(..) {
        let (transaction, parts) = payer.split(&lane, PARTS_MAX);
        submit(&devnet.clients[0], &[transaction]).await?;
        all.extend(parts);
    }
    settle(devnet, Duration::from_secs(120)).await?;
    all.truncate(count);
    Ok(all)
}

#[derive(Default)]
struct Tally {
    acknowledged: Vec<TransactionId>,
    refused: BTreeMap<String, usize>,
    /// What got no answer, by what became of the call.
    failed: BTreeMap<String, usize>,
    submit_ms: Vec<f64>,
    read_ms: Vec<f64>,
    memory: Vec<u64>,
}

fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = ((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1));
    values.get(place).copied().unwrap_or(f64::NAN)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// Offers the load; calls of readers are timed beside it.
async fn offer(devnet: &Devnet, load: &Load, payer: &Payer, lanes: Vec<Lane>) -> Tally {
    let tally: Arc<Mutex<Tally>> = Arc::default();
    let with = |tally: &Arc<Mutex<Tally>>, change: &mut dyn FnMut(&mut Tally)| {
        change(&mut tally.lock().expect("nobody panics with it"));
    };
    let nodes = load.nodes;
    let mut queues: Vec<VecDeque<Lane>> = (0..nodes).map(|_| VecDeque::new()).collect();
    for (place, lane) in lanes.into_iter().enumerate() {
        queues[place % nodes].push_back(lane);
    }
    let start = Instant::now();
    let end = start + Duration::from_secs(load.seconds as u64);
    let mut tasks = tokio::task::JoinSet::new();
    let (mut sent, mut ticks) = (0usize, 0u32);
    while Instant::now() < end {
        let due = (start.elapsed().as_secs_f64() * load.rate as f64) as usize;
        let node = ticks as usize % nodes;
        let batch: Vec<_> = (sent..due)
            .map_while(|_| {
                let mut lane = queues[node].pop_front()?;
                let made = payer.next(&mut lane);
                queues[node].push_back(lane);
                Some(made)
            })
            .collect();
        sent = due;
        if batch.is_empty() {
            // The first tick, before anything is due.
            ticks += 1;
            tokio::time::sleep_until((start + TICK * ticks).into()).await;
            continue;
        }
        let (client, shared) = (devnet.clients[node].clone(), tally.clone());
        let due_at = Instant::now();
        tasks.spawn(async move {
            let (transactions, ids): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let answer = client.mempool_submit(&transactions).await;
            let took = milliseconds(due_at);
            with(&shared, &mut |tally| {
                tally.submit_ms.push(took);
                match &answer {
                    Ok(results) => {
                        for (result, id) in results.iter().zip(&ids) {
                            match result {
                                SubmitResult::Accepted { .. } => tally.acknowledged.push(*id),
                                SubmitResult::Refused { error } => {
                                    // One line for each kind, whichever coins it names.
                                    let kind = error.message.split(" coin ").next();
                                    let text = kind.unwrap_or_default().to_owned();
                                    *tally.refused.entry(text).or_default() += 1;
                                }
                            }
                        }
                    }
                    Err(error) => {
                        let name = error.name().to_owned();
                        *tally.failed.entry(name).or_default() += ids.len();
                    }
                }
            });
        });
        if ticks.is_multiple_of(5) {
            let (client, shared) =
                (devnet.clients[ticks as usize / 5 % nodes].clone(), tally.clone());
            tasks.spawn(async move {
                let asked = Instant::now();
                if client.chain_info().await.is_ok() {
                    let took = milliseconds(asked);
                    with(&shared, &mut |tally| tally.read_ms.push(took));
                }
            });
        }
        if ticks.is_multiple_of(50) {
            let memory = devnet.memory();
            with(&tally, &mut |tally| {
                tally.memory = match tally.memory.is_empty() {
                    true => memory.clone(),
                    false => tally.memory.iter().zip(&memory).map(|(a, b)| *a.max(b)).collect(),
                };
            });
            while tasks.try_join_next().is_some() {}
        }
        ticks += 1;
        tokio::time::sleep_until((start + TICK * ticks).into()).await;
    }
    while tasks.join_next().await.is_some() {}
    std::mem::take(&mut *tally.lock().expect("nobody panics with it"))
}

/// The ids of all transactions in a node's best branch, and how many blocks it has.
async fn confirmed(client: &Client) -> Outcome<(BTreeSet<TransactionId>, u64)> {
    let head = client.chain_info().await?.height;
    let mut ids = BTreeSet::new();
    for height in 1..=head.0 {
        let block = client.chain_block(BlockSelector::Height(assay::types::Height(height))).await?;
        ids.extend(block.transactions);
    }
    Ok((ids, head.0))
}

/// From the moment of a proof to the last node's import of its block, in milliseconds, by transactions in the block.
fn journeys(devnet: &Devnet) -> Outcome<Vec<(u64, f64)>> {
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    let mut imported: BTreeMap<String, (usize, f64, u64)> = BTreeMap::new();
    for node in 0..devnet.clients.len() {
        let log = devnet.directory.join(format!("node{node}")).join("node.log");
        for line in std::fs::read_to_string(log)?.lines() {
            let Some(at) = line.split_once(' ').and_then(|(stamp, _)| moment(stamp)) else {
                continue;
            };
            if let Some((_, id)) = line.split_once("assay::node::search: found block=") {
                found.insert(id.chars().take(SHORT_ID).collect(), at);
            } else if let Some((id, transactions)) = arrival(line) {
                let known = imported.entry(id.into()).or_default();
                *known = (known.0 + 1, known.1.max(at), transactions);
            }
        }
    }
    let everywhere = imported.iter().filter(|(_, (nodes, ..))| *nodes == devnet.clients.len());
    let journey = |(block, (_, last, transactions)): (&String, &(usize, f64, u64))| {
        Some((*transactions, last - found.get(block)?))
    };
    Ok(everywhere.filter_map(journey).collect())
}

/// The block and the number of transactions of a line such as
/// `… assay::import: imported 49 · 86e3cbdad5ce · by carol · 1 transaction, 1.99 MB · …`.
fn arrival(line: &str) -> Option<(&str, u64)> {
    let mut parts = line.split_once("assay::import: ")?.1.split(" · ");
    let word = parts.next()?;
    let arrived = ["imported", "mined", "side block"].iter().any(|it| word.starts_with(it));
    let id = parts.next().filter(|_| arrived)?;
    let counted = parts.nth(1)?.split_once(' ')?.0;
    Some((id, counted.parse().ok()?))
}

/// A time stamp such as `2026-01-31T12:34:56.123456Z`, in milliseconds since midnight.
fn moment(stamp: &str) -> Option<f64> {
    let clock = stamp.split_once('T')?.1.trim_end_matches('Z');
    let mut parts = clock.split(':').map(str::parse::<f64>);
    let (hours, minutes, seconds) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    Some(((hours * 60.0 + minutes) * 60.0 + seconds) * 1000.0)
}

async fn run(load: &Load) -> Outcome<bool> {
    let home = tempfile::tempdir()?;
    let devnet = Devnet::start(home.path(), load)?;
    let key = dev_account("bob").ok_or("there is no bob")?;
    let payer = Payer { owner: key.address(), key, genesis: devnet.genesis };
    let lanes = lanes(&devnet, &payer, load.rate * 8).await?;
    let at_rest = devnet.memory();
    println!("{} lanes; offering {} tx/s for {} s", lanes.len(), load.rate, load.seconds);
    let mut tally = offer(&devnet, load, &payer, lanes).await;
    let settled = settle(&devnet, Duration::from_secs(120)).await?;
    let (ids, blocks) = confirmed(devnet.clients.last().ok_or("no nodes")?).await?;
    let lost = tally.acknowledged.iter().filter(|id| !ids.contains(id)).count();
    println!("offered        {}", load.rate * load.seconds);
    println!("acknowledged   {}", tally.acknowledged.len());
    println!("refused        {:?}, failed {:?}", tally.refused, tally.failed);
    println!("lost           {lost} (pool empty in the end: {settled})");
    println!("blocks         {blocks}, transactions in them {}", ids.len());
    for (name, values) in [("submit", &mut tally.submit_ms), ("read", &mut tally.read_ms)] {
        let at = |values: &mut Vec<f64>, share| percentile(values, share);
        let (p50, p95, p99) = (at(values, 0.5), at(values, 0.95), at(values, 0.99));
        println!(
            "{name:<14} p50 {p50:.1} ms, p95 {p95:.1} ms, p99 {p99:.1} ms ({} calls)",
            values.len()
        );
    }
    println!("memory         at rest {at_rest:?} MiB, at most {:?} MiB", tally.memory);
    let journeys = journeys(&devnet)?;
    for (name, from, to) in
        [("below 500", 0, 500), ("to 2999", 500, 3000), ("3000 and up", 3000, u64::MAX)]
    {
        let some = journeys.iter().filter(|(size, _)| (from..to).contains(size));
        let mut times: Vec<f64> = some.map(|(_, took)| *took).collect();
        if !times.is_empty() {
            let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
            println!(
                "found to last  {name} transactions: p50 {p50:.0} ms, p99 {p99:.0} ms ({} blocks)",
                times.len()
            );
        }
    }
    Ok(lost == 0)
}

fn main() -> Outcome<()> {
    let load = Load::from_arguments()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(run(&load))? {
        true => Ok(()),
        false => Err("acknowledged transactions were lost".into()),
    }
}
