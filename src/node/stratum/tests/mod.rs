//! The port over sockets, with drafts that cost nothing behind it.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};

use super::drafts::Maker;
use super::*;
use crate::miner::stratum::{CONNECTIONS_PER_ADDRESS_MAX, LINE_BYTES_MAX, Template};
use crate::node::host::Stopped;
use crate::node::work::SealError;
use crate::types::target::Bits;
use crate::types::work::WorkProof;
use crate::types::{BlockId, Body, Claim, Draft, Hash, Header, Height, StateRoot, Time};

/// Half of all hashes prove a block.
const EASY: Bits = Bits(0x207f_ffff);

const HEAD: [u8; 32] = [1; 32];

/// Makes empty drafts, and takes every proof.
#[derive(Default)]
struct Fake {
    drafts: AtomicUsize,
    sealed: Mutex<Vec<(BlockId, WorkProof)>>,
}

impl Maker for Arc<Fake> {
    async fn draft(&self, payout: Address) -> Result<Result<(Template, Draft), String>, Stopped> {
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        let mut id = [2; 32];
        id[..8].copy_from_slice(&number.to_le_bytes());
        let time = wall_clock();
        let header = Header {
            version: 1,
            height: Height(7),
            parent: BlockId(Hash(HEAD)),
            time,
            producer: payout,
            claim: Claim::Work { bits: EASY },
            body_root: Hash::default(),
            state_root: StateRoot::default(),
        };
        let template = Template {
            id,
            height: 7,
            parent: HEAD,
            bits: EASY,
            time: time.seconds(),
            time_max: time.seconds() + 60,
        };
        Ok(Ok((template, Draft { header, body: Body::default() })))
    }

    async fn seal(
        &self,
        id: BlockId,
        draft: Draft,
        proof: WorkProof,
    ) -> Result<Result<(), SealError>, Stopped> {
        let header = proof.header(draft.header.height.0, id.as_bytes(), HEAD, EASY);
        assert_eq!(header.is_proven(), Ok(true));
        self.sealed.lock().unwrap().push((id, proof));
        Ok(Ok(()))
    }
}

/// An open port.
struct Stage {
    stratum: Stratum,
    address: SocketAddr,
    fake: Arc<Fake>,
    metrics: Arc<Metrics>,
}

impl Stage {
    async fn open() -> Self {
        let door = Door::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, fake, metrics) =
            (door.address, Arc::new(Fake::default()), Arc::new(Metrics::new()));
        let names = BTreeMap::from([("alice".to_owned(), Address::default())]);
        let prefix = Prefix::new("assay").unwrap();
        let stratum = door.open(fake.clone(), prefix, names, metrics.clone());
        stratum.hub().head(wall_clock(), HEAD);
        Self { stratum, address, fake, metrics }
    }

    async fn connect(&self) -> Client {
        Client::over(TcpStream::connect(self.address).await.unwrap())
    }

    /// One with a job.
    async fn miner(&self) -> (Client, Value) {
        let mut client = self.connect().await;
        client.ask(json!({ "id": 1, "method": "mining.subscribe", "params": ["test"] })).await;
        client
            .ask(json!({ "id": 2, "method": "mining.authorize", "params": ["alice.a", "x"] }))
            .await;
        loop {
            let heard = client.hear().await.unwrap();
            if heard["method"] == "mining.notify" {
                return (client, heard["params"].clone());
            }
        }
    }

    async fn until(&self, connections: u64) {
        while self.stratum.hub().status(Time(0)).connections != connections {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Client {
    lines: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Client {
    fn over(stream: TcpStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self { lines: BufReader::new(reader).lines(), writer }
    }

    async fn say(&mut self, bytes: &[u8]) {
        // A server that has enough may close before it has read it all.
        let _ = self.writer.write_all(bytes).await;
    }

    async fn hear(&mut self) -> Option<Value> {
        let line = self.lines.next_line().await.ok().flatten()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    async fn ask(&mut self, question: Value) -> Value {
        self.say(format!("{question}\n").as_bytes()).await;
        loop {
            let heard = self.hear().await.unwrap();
            if heard["id"] == question["id"] {
                return heard;
            }
        }
    }
}

#[tokio::test]
async fn a_block_is_mined_through_the_socket_and_counted() {
    let stage = Stage::open().await;
    let (mut client, job) = stage.miner().await;
    let mut nonce = 0;
    while stage.fake.sealed.lock().unwrap().is_empty() {
        let params = json!(["alice.a", job[0], "00000000", job[7], format!("{nonce:x}")]);
        let heard =
            client.ask(json!({ "id": 3, "method": "mining.submit", "params": params })).await;
        assert_eq!(heard["result"], true, "{heard}");
        nonce += 1;
    }
    // The first of them goes with the count, which comes a moment later.
    while stage.stratum.hub().status(wall_clock()).blocks == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let status = stage.stratum.hub().status(wall_clock());
    assert_eq!((status.workers.len(), status.accepted), (1, nonce));
    let worker = &status.workers[0];
    assert_eq!(
        (worker.name.as_str(), worker.agent.as_str(), worker.blocks),
        ("alice.a", "test", 1)
    );
    let text = stage.metrics.encode();
    for line in ["assay_stratum_connections 1\n", "assay_stratum_blocks_total 1\n"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(
        text.contains(&format!("assay_stratum_shares_total{{outcome=\"accepted\"}} {nonce}\n"))
    );
}

#[tokio::test]
async fn lines_come_in_pieces_several_at_once_and_with_any_end() {
    let stage = Stage::open().await;
    let mut client = stage.connect().await;
    client.say(b"{\"id\":1,\"method\":\"mining.ping\"}\r\n\n{\"id\":2,\"method\":\"min").await;
    assert_eq!(client.hear().await.unwrap()["id"], 1);
    client.say(b"ing.ping\"}\n{\"id\":3,\"method\":\"mining.ping\"}\n").await;
    assert_eq!(client.hear().await.unwrap()["id"], 2);
    assert_eq!(client.hear().await.unwrap()["id"], 3);
    // A line of just the greatest length is one.
    let mut line = br#"{"id":4,"method":"mining.ping","params":[""]}"#.to_vec();
    line.splice(42..42, vec![b'x'; LINE_BYTES_MAX - 1 - line.len()]);
    line.push(b'\n');
    assert_eq!(line.len(), LINE_BYTES_MAX);
    client.say(&line).await;
    assert_eq!(client.hear().await.unwrap()["id"], 4);
}

#[tokio::test]
async fn a_line_that_is_too_long_is_told_so_and_ends_it() {
    let stage = Stage::open().await;
    let mut client = stage.connect().await;
    client.say(&vec![b'x'; 1 << 20]).await;
    let heard = client.hear().await.unwrap();
    assert!(heard["error"][1].as_str().unwrap().contains("at most 4096 bytes"), "{heard}");
    assert_eq!(client.hear().await, None);
    stage.until(0).await;
}

#[tokio::test]
async fn a_line_that_does_not_end_ends_the_connection_and_an_idle_one_stays() {
    let stage = Stage::open().await;
    let (mut idle, _) = stage.miner().await;
    let mut slow = stage.connect().await;
    slow.say(b"{\"id\":1,").await;
    assert_eq!(slow.hear().await, None);
    stage.until(1).await;
    let heard = idle.ask(json!({ "id": 9, "method": "mining.ping" })).await;
    assert_eq!(heard["result"], "pong");
}

#[tokio::test]
async fn nonsense_ends_a_connection_after_ten_answers() {
    let stage = Stage::open().await;
    let mut client = stage.connect().await;
    client.say(&b"nonsense\n".repeat(50)).await;
    for _ in 0..10 {
        assert_eq!(client.hear().await.unwrap()["error"][0], 20);
    }
    assert_eq!(client.hear().await, None);
    stage.until(0).await;
    assert!(stage.metrics.encode().contains("assay_stratum_nonsense_lines_total 10\n"));
}

#[tokio::test]
async fn who_asks_too_fast_is_slowed_and_nobody_else_is() {
    let stage = Stage::open().await;
    let (mut other, _) = stage.miner().await;
    let mut flood = stage.connect().await;
    let began = std::time::Instant::now();
    let lines = 400;
    flood.say(&b"{\"id\":1,\"method\":\"mining.ping\"}\n".repeat(lines)).await;
    assert_eq!(other.ask(json!({ "id": 9, "method": "mining.ping" })).await["result"], "pong");
    for _ in 0..lines {
        assert_eq!(flood.hear().await.unwrap()["result"], "pong");
    }
    // Two seconds' worth come at once, and then a hundred a second.
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_nobody_waits_for_him() {
    let stage = Stage::open().await;
    let (mut good, _) = stage.miner().await;
    // A small window, so that little fits into the socket.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    let mut deaf = Client::over(socket.connect(stage.address).await.unwrap());
    for line in [
        json!({ "id": 1, "method": "mining.subscribe", "params": [] }),
        json!({ "id": 2, "method": "mining.authorize", "params": ["alice.deaf", "x"] }),
    ] {
        deaf.say(format!("{line}\n").as_bytes()).await;
    }
    stage.until(2).await;
    let hub = stage.stratum.hub().clone();
    let mut heads = 0_u8;
    while hub.status(Time(0)).connections == 2 {
        // Each head brings a job of half a kilobyte, once the draft is made.
        heads = heads.wrapping_add(1);
        hub.head(wall_clock(), [heads; 32]);
        hub.head(wall_clock(), HEAD);
        tokio::time::sleep(Duration::from_millis(1)).await;
        while let Ok(Some(_)) =
            tokio::time::timeout(Duration::from_millis(1), good.lines.next_line())
                .await
                .unwrap_or(Ok(None))
        {}
    }
    assert_eq!(
        hub.status(Time(0))
            .workers
            .iter()
            .find(|worker| worker.name == "alice.deaf")
            .unwrap()
            .connections,
        0
    );
    assert_eq!(good.ask(json!({ "id": 9, "method": "mining.ping" })).await["result"], "pong");
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_and_the_place_is_free_again() {
    let stage = Stage::open().await;
    let from = |address: [u8; 4]| {
        let to = stage.address;
        async move {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(IpAddr::from(address), 0)).unwrap();
            socket.connect(to).await.unwrap()
        }
    };
    let mut open = Vec::new();
    while open.len() < CONNECTIONS_PER_ADDRESS_MAX {
        open.push(from([127, 0, 0, 2]).await);
        // More than a hundred in a second are too many as well.
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
    stage.until(CONNECTIONS_PER_ADDRESS_MAX as u64).await;
    let mut refused = from([127, 0, 0, 2]).await;
    assert_eq!(refused.read(&mut [0; 16]).await.unwrap_or(0), 0);
    let mut other = Client::over(from([127, 0, 0, 3]).await);
    assert_eq!(other.ask(json!({ "id": 9, "method": "mining.ping" })).await["result"], "pong");
    assert_eq!(stage.stratum.hub().status(Time(0)).turned_away, 1);
    drop(open);
    stage.until(1).await;
    let mut again = Client::over(from([127, 0, 0, 2]).await);
    assert_eq!(again.ask(json!({ "id": 9, "method": "mining.ping" })).await["result"], "pong");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = Door::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let Err(error) = Door::bind(taken.address).await else { panic!("bound twice") };
    assert_eq!(error.exit(), Exit::Bind);
    assert!(error.to_string().contains("choose another --stratum-port"), "{error}");
    assert!(taken.url().starts_with("stratum+tcp://127.0.0.1:"));
}
