//! The node's port over real sockets, with a fake node behind it: what it answers, and whom it turns away.

#![cfg(feature = "node")]

mod bitcoin;
mod client;
mod delegates;
mod discover;
mod fake;
mod methods;
mod node;
mod security;
mod socket;
mod stake;
mod stratum;
mod transport;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use assay::api::files::COOKIE_FILE_NAME;
use assay::node::metrics::Metrics;
use assay::node::rpc::{Config, Facts, Server, read_token, start};
use fake::Fake;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A port with a fake node behind it.
struct Stage {
    server: Server,
    node: Arc<Fake>,
    token: String,
    _dir: tempfile::TempDir,
}

async fn stage(config: Config) -> Stage {
    staged(config, fake::facts).await
}

async fn staged(config: Config, facts: fn(&Path) -> Facts) -> Stage {
    let dir = tempfile::tempdir().unwrap();
    let server = start(&config, facts(dir.path()), Arc::new(Metrics::new())).await.unwrap();
    let node = Arc::new(Fake::new());
    server.ready(node.clone());
    let token = read_token(&dir.path().join(COOKIE_FILE_NAME)).unwrap();
    Stage { server, node, token, _dir: dir }
}

/// What came back over the wire.
#[derive(Debug)]
struct Reply {
    status: u16,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends bytes and reads until the node closes.
async fn send(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A node that refuses a large body closes before it has read it all.
    let _ = stream.write_all(bytes).await;
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Reply { status, body: body.to_owned() }
}

/// The head lines that every good request has.
const GOOD: [(&str, &str); 2] = [("host", "localhost"), ("content-type", "application/json")];

async fn request(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut text = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    send(address, text.as_bytes()).await
}

async fn post(stage: &Stage, extra: &[(&str, &str)], body: &str) -> Reply {
    let headers: Vec<_> = GOOD.iter().chain(extra).copied().collect();
    request(stage.server.address(), "POST /", &headers, body).await
}

fn call(method: &str, params: Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}
