//! Mining over Stratum, by a miner of our own that knows the protocol and nothing else, on a node as it is.

use std::process::Stdio;
use std::time::Duration;

use assay::api::NodeFile;
use assay::api::files::COOKIE_FILE_NAME;
use assay::node::rpc::read_token;
use assay::types::target::{Bits, Target};
use assay::types::work::{WorkHeader, merkle_root};
use assay::wallet::client::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Command;

/// How long making a few blocks may take at most on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A miner at work.
struct Miner {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    user: String,
    extra_nonce_1: String,
    difficulty: f64,
    job: Value,
    asked: u64,
}

impl Miner {
    async fn connect(url: &str, user: &str) -> Self {
        let address = url.strip_prefix("stratum+tcp://").unwrap();
        let (reader, writer) = TcpStream::connect(address).await.unwrap().into_split();
        let mut miner = Self {
            lines: BufReader::new(reader).lines(),
            writer,
            user: user.to_owned(),
            extra_nonce_1: String::new(),
            difficulty: 0.0,
            job: Value::Null,
            asked: 0,
        };
        let subscribed = miner.ask("mining.subscribe", json!(["tests/1.0"])).await;
        subscribed["result"][1].as_str().unwrap().clone_into(&mut miner.extra_nonce_1);
        assert_eq!(subscribed["result"][2], 4);
        let authorized = miner.ask("mining.authorize", json!([user, "x"])).await;
        assert_eq!(authorized["result"], true, "{authorized}");
        while miner.job.is_null() {
            miner.hear().await;
        }
        miner
    }

    /// Takes a line; notes what it says of work.
    async fn hear(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap();
        let line: Value = serde_json::from_str(&line.expect("the node closed")).unwrap();
        match line["method"].as_str() {
            Some("mining.set_difficulty") => self.difficulty = line["params"][0].as_f64().unwrap(),
            Some("mining.notify") => self.job = line["params"].clone(),
            _ => {}
        }
        line
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let question = json!({ "id": self.asked, "method": method, "params": params });
        self.writer.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        loop {
            let line = self.hear().await;
            if line["id"] == self.asked {
                return line;
            }
        }
    }

    fn header(&self, nonce: u32) -> WorkHeader {
        let text = |at: usize| self.job[at].as_str().unwrap();
        let number = |at: usize| u32::from_str_radix(text(at), 16).unwrap();
        let coinbase = format!("{}{}00000000{}", text(2), self.extra_nonce_1, text(3));
        let mut previous = hex::decode(text(1)).unwrap();
        previous.chunks_mut(4).for_each(<[u8]>::reverse);
        WorkHeader {
            version: number(5).cast_signed(),
            previous: previous.try_into().unwrap(),
            merkle_root: merkle_root(&hex::decode(coinbase).unwrap(), &[]),
            time: number(7),
            bits: Bits(number(6)),
            nonce,
        }
    }

    /// Mines on the current job until a hash is a share; says whether it is a block, too, and sends it.
    async fn share(&mut self, from: u32) -> (u32, bool, Value) {
        let header = self.header(0);
        let block = header.bits.target().unwrap();
        let met = |nonce: u32| Target::from_le_hash(&WorkHeader { nonce, ..header }.hash());
        let nonce = (from..).find(|nonce| met(*nonce).difficulty() >= self.difficulty).unwrap();
        let answer = self.submit(nonce).await;
        (nonce, met(nonce) <= block, answer)
    }

    async fn submit(&mut self, nonce: u32) -> Value {
        let params =
            json!([self.user, self.job[0], "00000000", self.job[7], format!("{nonce:08x}")]);
        self.ask("mining.submit", params).await
    }
}

#[tokio::test]
async fn a_miner_finds_blocks_and_has_the_reward() {
    let dir = tempfile::tempdir().unwrap();
    let spec = std::fs::read_to_string("chain-specs/pow-dev.toml").unwrap();
    // Some 256 hashes a block: a test hashes slowly.
    let spec = spec.replace("initial_bits = \"auto\"", "initial_bits = \"2000ffff\"");
    let file = dir.path().join("easy.toml");
    std::fs::write(&file, spec).unwrap();
    let datadir = dir.path().join("node");
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command.args(["node", "run", "--port", "0", "--rpc-port", "0", "--stratum-port", "0"]);
    command.arg("--chain").arg(&file).arg("--datadir").arg(&datadir);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ASSAY_") {
            command.env_remove(name);
        }
    }
    command.env("ASSAY_HOME", dir.path()).kill_on_drop(true);
    let mut process = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let node = loop {
        if let Ok(text) = std::fs::read_to_string(datadir.join(NodeFile::NAME)) {
            break serde_json::from_str::<NodeFile>(&text).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let token = read_token(&datadir.join(COOKIE_FILE_NAME)).unwrap();
    let client = Client::with_timeout(&node.rpc, Some(&token), PATIENCE).unwrap();
    let ask = async |method: &str, params: Value| -> Value {
        client.call(method, &params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    };
    let address = ask("chain_block", json!([0])).await["producer"].as_str().unwrap().to_owned();

    let user = format!("{address}.test");
    let mut miner = Miner::connect(&node.stratum.unwrap(), &user).await;
    let (mut blocks, mut shares, mut from) = (0_u64, 0_u64, 0);
    while blocks < 3 {
        let job = miner.job.clone();
        let (nonce, is_block, answer) = miner.share(from).await;
        assert_eq!(answer["result"], true, "{answer}");
        shares += 1;
        if !is_block {
            // Twice is once; and what is too easy is refused.
            assert_eq!(miner.submit(nonce).await["error"][0], 22);
            from = nonce + 1;
            continue;
        }
        blocks += 1;
        from = 0;
        // The job on the new head, which makes all others void.
        while miner.job[1] == job[1] {
            miner.hear().await;
        }
        assert_eq!(miner.job[8], true);
        assert_eq!(ask("getblockcount", json!([])).await, json!(blocks));
        let stale = std::mem::replace(&mut miner.job, job);
        assert_eq!(miner.submit(nonce).await["error"][0], 21);
        miner.job = stale;
    }
    let mut head = ask("chain_block", json!([blocks])).await;
    for _ in 0..3 {
        assert_eq!(head["producer"], json!(address));
        head = ask("chain_block", json!([head["parent"]])).await;
    }
    let balance = ask("address_balance", json!([address])).await;
    assert_eq!(balance["immature"], json!((3 * 50 * 100_000_000_u64).to_string()), "{balance}");

    let status = ask("mining_status", json!([])).await;
    assert_eq!(status["stratum"]["connections"], 1, "{status}");
    let worker = &status["stratum"]["workers"][0];
    assert_eq!((&worker["name"], &worker["payout"]), (&json!(user), &json!(address)));
    assert_eq!((&worker["agent"], &worker["stale"]), (&json!("tests/1.0"), &json!(3)));
    assert_eq!(worker["accepted"], json!(shares));
    assert_eq!(worker["blocks"], json!(3));
    assert_eq!(status["mining"], false, "the node itself searches for nothing");

    assert_eq!(ask("stop", json!([])).await, json!("Assay stopping"));
    assert!(process.wait().await.unwrap().success());
}
