//! A node as it is, beside the fake: what reaches subscribers, and blocks that are made from outside.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use assay::api::files::COOKIE_FILE_NAME;
use assay::api::{NodeFile, RpcCode};
use assay::node::rpc::read_token;
use assay::types::work::{WorkHeader, merkle_root};
use assay::wallet::client::Client;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

/// How long making a few blocks may take at most on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running node; it is killed when this is dropped.
struct Node {
    process: Child,
    client: Client,
    url: String,
    _dir: tempfile::TempDir,
}

impl Node {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command.args(["node", "run", "--chain", "pow-dev", "--port", "0", "--rpc-port", "0"]);
        command.arg("--datadir").arg(dir.path()).kill_on_drop(true).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ASSAY_") {
                command.env_remove(name);
            }
        }
        let process = command.env("ASSAY_HOME", dir.path()).stderr(Stdio::null()).spawn().unwrap();
        let url = address(&dir.path().join(NodeFile::NAME)).await;
        let token = read_token(&dir.path().join(COOKIE_FILE_NAME)).unwrap();
        let client = Client::with_timeout(&url, Some(&token), PATIENCE).unwrap();
        Self { process, client, url, _dir: dir }
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        self.client.call(method, &params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

/// Where a node is, once it has written that down.
async fn address(file: &Path) -> String {
    loop {
        if let Ok(text) = std::fs::read_to_string(file) {
            return serde_json::from_str::<NodeFile>(&text).unwrap().rpc;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A Bitcoin block made of a template of BIP 22 by what is in it alone, as a miner does it.
fn mined(template: &Value) -> String {
    let bytes = |at: &str| hex::decode(template.pointer(at).unwrap().as_str().unwrap()).unwrap();
    let (coinbase, mut previous) = (bytes("/coinbasetxn/data"), bytes("/previousblockhash"));
    previous.reverse();
    let mut header = WorkHeader {
        version: i32::try_from(template["version"].as_i64().unwrap()).unwrap(),
        previous: previous.try_into().unwrap(),
        merkle_root: merkle_root(&coinbase, &[]),
        time: u32::try_from(template["curtime"].as_u64().unwrap()).unwrap(),
        bits: serde_json::from_value(template["bits"].clone()).unwrap(),
        nonce: 0,
    };
    while !header.is_proven().unwrap() {
        header.nonce += 1;
    }
    format!("{}01{}", hex::encode(header.encode()), hex::encode(&coinbase))
}

#[tokio::test]
async fn blocks_made_from_outside_are_blocks_like_any_other() {
    let mut node = Node::start().await;
    let host = node.url.strip_prefix("http://").unwrap().to_owned();
    let stream = TcpStream::connect(&host).await.unwrap();
    let (mut socket, _) = client_async(format!("ws://{host}/ws"), stream).await.unwrap();
    for (id, method) in ["chain_subscribeHeads", "consensus_subscribe"].into_iter().enumerate() {
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        socket.send(Message::text(call.to_string())).await.unwrap();
    }
    let mut begun = 0;
    while begun < 2 {
        begun += usize::from(socket.next().await.unwrap().unwrap().is_text());
    }

    // Any address of the chain: that of the genesis block's producer, say.
    let genesis = node.ask("chain_block", json!([0])).await;
    let address = genesis["producer"].as_str().unwrap().to_owned();
    let made = node.ask("generatetoaddress", json!([3, address])).await;
    assert_eq!(made.as_array().map(Vec::len), Some(3), "{made}");
    assert_eq!(node.ask("getblockcount", json!([])).await, json!(3));
    for (id, height) in made.as_array().unwrap().iter().zip(1..) {
        assert_eq!(node.ask("getblockhash", json!([height])).await, *id);
        let block = node.ask("chain_block", json!([id])).await;
        assert_eq!((&block["producer"], &block["best"]), (&json!(address), &json!(true)));
        assert_eq!(block["claim"]["kind"], json!("work"));
    }

    // The template of BIP 22, by what is in it alone.
    let request = json!([{ "address": address, "rules": ["segwit"] }]);
    let first = node.ask("getblocktemplate", request.clone()).await;
    let block = mined(&first);
    let submit = |block: &str| json!([block, { "workid": first["workid"] }]);
    // One digit of the coinbase altered, and one of the parent.
    for (at, reason) in [(2 * 81 + 100, "bad-txnmrklroot"), (2 * 4, "bad-prevblk")] {
        let other = if &block[at..=at] == "0" { "1" } else { "0" };
        let altered = format!("{}{other}{}", &block[..at], &block[at + 1..]);
        assert_eq!(node.ask("submitblock", submit(&altered)).await, json!(reason));
    }
    assert_eq!(node.ask("submitblock", submit(&block)).await, Value::Null);
    assert_eq!(node.ask("getbestblockhash", json!([])).await, first["template"]);
    assert_eq!(node.ask("submitblock", submit(&block)).await, json!("duplicate"));

    // Two who ask at the same time never try the same, and who is late is told so.
    let template = node.ask("getblocktemplate", request.clone()).await;
    let shared = node.ask("getblocktemplate", request.clone()).await;
    assert_ne!(template["coinbasetxn"], shared["coinbasetxn"]);
    let late = mined(&template);
    let long_poll = json!([{ "address": address, "longpollid": template["longpollid"] }]);
    let (polled, between) = tokio::join!(node.ask("getblocktemplate", long_poll), async {
        tokio::time::sleep(Duration::from_millis(700)).await; // another template by then
        node.ask("generatetoaddress", json!([1, address])).await[0].clone()
    });
    assert_eq!(polled["height"], json!(template["height"].as_u64().unwrap() + 1), "{polled}");
    assert_eq!(node.ask("submitblock", json!([late])).await, json!("stale-prevblk"));
    // A template whose parent is no longer the head.
    let stale = node.ask("mining_template", json!([address])).await;
    let head = node.ask("generatetoaddress", json!([1, address])).await[0].clone();
    let proof = json!({
        "template": stale["template"], "version": stale["version"], "extra_nonce": "0000000000000000",
        "time": stale["time"], "nonce": 0,
    });
    // The same draft may have been shared, in which case it is gone rather than stale: it was mined.
    let refused = node.client.call::<Value>("mining_submit", &proof).await.unwrap_err();
    assert_eq!(refused.code(), Some(RpcCode::StaleTemplate), "{refused}");

    // Subscribers heard of every head, in order.
    let (mut heads, mut statuses) = (Vec::new(), 0);
    while heads.last() != Some(&head) {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
        let item: Value = serde_json::from_str(&text).unwrap();
        match item["method"].as_str().unwrap() {
            "chain_head" => heads.push(item["params"]["result"]["id"].clone()),
            "consensus_changed" => statuses += 1,
            other => panic!("{other}"),
        }
    }
    let mut expected = made.as_array().unwrap().clone();
    expected.extend([first["template"].clone(), between, head]);
    assert_eq!(heads, expected);
    assert!(statuses > 0);

    assert_eq!(node.ask("stop", json!([])).await, json!("Assay stopping"));
    assert!(node.process.wait().await.unwrap().success());
}
