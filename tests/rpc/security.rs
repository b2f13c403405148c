//! Who is turned away: one English sentence per row, what is sent, and what comes back.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use assay::api::files::COOKIE_FILE_NAME;
use assay::node::metrics::Metrics;
use assay::node::rpc::{Config, read_token, start};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fake::{self, Fake};
use super::{Stage, call};

/// The operator's own token, where one is set.
const OWN_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Two mebibytes: the greatest body.
const BODY_MAX: usize = 2 << 20;

/// What a row is about: a port as the row wants it.
struct Port {
    stage: Stage,
    /// The token of the start before.
    old_token: String,
}

impl Port {
    async fn open(edit: fn(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            hosts: vec!["node-0".into()],
            origins: vec!["http://localhost:5173".into()],
            ..Config::default()
        };
        edit(&mut config);
        if config.token_file.is_some() {
            let file = dir.path().join("token");
            std::fs::write(&file, OWN_TOKEN).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            config.token_file = Some(file);
        }
        let token = || read_token(&dir.path().join(COOKIE_FILE_NAME)).unwrap();
        let metrics = || Arc::new(Metrics::new());
        let before = start(&config, fake::facts(dir.path()), metrics()).await.unwrap();
        let old_token = token();
        before.stop().await;
        let server = start(&config, fake::facts(dir.path()), metrics()).await.unwrap();
        let node = Arc::new(Fake::new());
        server.ready(node.clone());
        let token = token();
        Self { stage: Stage { server, node, token, _dir: dir }, old_token }
    }

    fn port(&self) -> u16 {
        self.stage.server.address().port()
    }

    fn bearer(&self) -> String {
        format!("authorization: Bearer {}", self.stage.token)
    }

    fn basic(&self, user: &str) -> String {
        let pair = STANDARD.encode(format!("{user}:{}", self.stage.token));
        format!("authorization: Basic {pair}")
    }

    /// Sends bytes; what comes back until the node closes, or until the connection is upgraded.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let address = ([127, 0, 0, 1], self.port());
        let mut stream = TcpStream::connect(SocketAddr::from(address)).await.unwrap();
        // A node that refuses a large body closes before it has read it all.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let mut some = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut some).await {
            answer.extend_from_slice(&some[..count]);
            if answer.starts_with(b"HTTP/1.1 101") && answer.ends_with(b"\r\n\r\n") {
                break;
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A request. Lines of its head that begin with a name given twice are sent twice.
fn request(line: &str, head: &[&str], body: &str) -> Vec<u8> {
    let head: String = head.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    format!("{line} HTTP/1.1\r\n{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

const LOCAL: &str = "host: localhost";
const JSON: &str = "content-type: application/json";
const CLOSE: &str = "connection: close";

/// A call with these lines in its head beside the usual ones.
fn calls(body: &str, head: &[&str]) -> Vec<u8> {
    request("POST /", &[&[LOCAL, JSON, CLOSE], head].concat(), body)
}

/// A call of an open method that comes from this host, by these origins.
fn from(head: &[&str]) -> Vec<u8> {
    request("POST /", &[&[JSON, CLOSE], head].concat(), &open())
}

fn open() -> String {
    call("chain_supply", json!([]))
}

fn guarded() -> String {
    call("mining_stop", json!([]))
}

fn upgrade(head: &[&str]) -> Vec<u8> {
    let usual = [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    request("GET /ws", &[&usual[..], head].concat(), "")
}

fn batch(call: &str, count: usize) -> String {
    format!("[{}]", vec![call; count].join(","))
}

fn padded(size: usize) -> String {
    let call = open();
    format!("{call}{}", " ".repeat(size - call.len()))
}

fn usual(_: &mut Config) {}

fn exposed(config: &mut Config) {
    config.listen = "0.0.0.0:0".parse().unwrap();
    config.token_file = Some("token".into());
}

fn hasty(config: &mut Config) {
    config.limits.head_timeout = Duration::from_millis(50);
    config.limits.request_timeout = Duration::from_millis(50);
}

fn rare(config: &mut Config) {
    config.limits.requests_per_second = 1;
}

/// A sentence, the port it is about, what is sent, the status of the answer, and what the answer holds.
type Row = (&'static str, fn(&mut Config), fn(&Port) -> Vec<u8>, &'static str, &'static str);

const REFUSED: &str = "-32022";
const OK: &str = "HTTP/1.1 200";
const FORBIDDEN: &str = "HTTP/1.1 403";
const UPGRADED: &str = "HTTP/1.1 101";

#[rustfmt::skip] // a row is a line
const ROWS: &[Row] = &[
    // the token
    ("An open method needs no token.", usual, |_| calls(&open(), &[]), OK, "\"result\""),
    ("An unsafe method without the token is refused.", usual, |_| calls(&guarded(), &[]), OK, REFUSED),
    ("It is refused with a wrong token.", usual, |_| calls(&guarded(), &["authorization: Bearer x"]), OK, REFUSED),
    ("It is refused with the token of the start before.", usual, |p| calls(&guarded(), &[&format!("authorization: Bearer {}", p.old_token)]), OK, REFUSED),
    ("It is granted with the token.", usual, |p| calls(&guarded(), &[&p.bearer()]), OK, "true"),
    ("It is granted with the token as bitcoin's tools send it.", usual, |p| calls(&guarded(), &[&p.basic("__cookie__")]), OK, "true"),
    ("It is refused with the token under another user's name.", usual, |p| calls(&guarded(), &[&p.basic("root")]), OK, REFUSED),
    ("Each call of a batch is judged for itself.", usual, |_| calls(&format!("[{},{}]", open(), guarded()), &[]), OK, REFUSED),
    ("A wrong token does not keep anybody from open methods.", usual, |_| calls(&open(), &["authorization: Bearer x"]), OK, "\"result\""),
    ("The operator's own token is as good as the cookie.", exposed, |_| calls(&guarded(), &[&format!("authorization: Bearer {OWN_TOKEN}")]), OK, "true"),
    ("A port that other machines reach asks everybody for the token.", exposed, |_| calls(&open(), &[]), "HTTP/1.1 401", "www-authenticate: basic"),
    ("It opens with the token.", exposed, |p| calls(&open(), &[&p.bearer()]), OK, "\"result\""),
    ("It shows its page to nobody without the token.", exposed, |_| request("GET /", &[LOCAL, CLOSE], ""), "HTTP/1.1 401", "token"),
    ("It says to anybody whether it lives.", exposed, |_| request("GET /health", &[LOCAL, CLOSE], ""), OK, "\"status\":\"ok\""),
    // the host, and pages that rebind their names
    ("The host may be this machine's address.", usual, |p| from(&[&format!("host: 127.0.0.1:{}", p.port())]), OK, "result"),
    ("The host may be this machine's address of IPv6.", usual, |_| from(&["host: [::1]:8645"]), OK, "result"),
    ("The host may be a name that the operator allows.", usual, |_| from(&["host: node-0:1"]), OK, "result"),
    ("A page that rebinds its name to loopback is turned away.", usual, |p| from(&[&format!("host: evil.example:{}", p.port())]), FORBIDDEN, "`evil.example"),
    ("So is one whose name begins like ours.", usual, |_| from(&["host: localhost.evil.example"]), FORBIDDEN, "not allowed"),
    ("So is one whose name begins like an address.", usual, |_| from(&["host: 127.0.0.1.evil.example"]), FORBIDDEN, "not allowed"),
    ("A host with a user in front is no host.", usual, |_| from(&["host: localhost@evil.example"]), FORBIDDEN, "not allowed"),
    ("A request without a host is turned away.", usual, |_| from(&[]), FORBIDDEN, "exactly one Host"),
    ("A request with two hosts is turned away.", usual, |_| from(&[LOCAL, LOCAL]), FORBIDDEN, "exactly one Host"),
    ("A proxy's request for another host is turned away.", usual, |_| request("POST http://evil.example/", &[LOCAL, JSON, CLOSE], &open()), FORBIDDEN, "evil.example"),
    ("Rebinding does not help with pages either.", usual, |_| request("GET /metrics", &["host: evil.example", CLOSE], ""), FORBIDDEN, "not allowed"),
    // the origin
    ("A page of our own may call.", usual, |p| from(&[&format!("host: localhost:{}", p.port()), &format!("origin: http://localhost:{}", p.port())]), OK, "result"),
    ("A page from another port of this machine may not.", usual, |_| from(&["host: localhost:8645", "origin: http://localhost:1"]), FORBIDDEN, "origin"),
    ("A foreign page may not.", usual, |_| from(&[LOCAL, "origin: http://evil.example"]), FORBIDDEN, "origin"),
    ("A page without an origin of its own may not.", usual, |_| from(&[LOCAL, "origin: null"]), FORBIDDEN, "origin"),
    ("A page that the operator allows may, and its browser is told so.", usual, |_| from(&[LOCAL, "origin: http://localhost:5173"]), OK, "access-control-allow-origin: http://localhost:5173"),
    ("Two origins are none.", usual, |_| from(&[LOCAL, "origin: http://localhost:5173", "origin: http://evil.example"]), FORBIDDEN, "origin"),
    ("A form that hides its origin still comes from another site.", usual, |_| from(&[LOCAL, "sec-fetch-site: cross-site"]), FORBIDDEN, "another site"),
    ("A foreign page may not even read metrics.", usual, |_| request("GET /metrics", &[LOCAL, CLOSE, "origin: http://evil.example"], ""), FORBIDDEN, "origin"),
    ("A foreign page that asks first hears no.", usual, |_| request("OPTIONS /", &[LOCAL, CLOSE, "origin: http://evil.example"], ""), FORBIDDEN, "origin"),
    ("An allowed page that asks first hears yes.", usual, |_| request("OPTIONS /", &[LOCAL, CLOSE, "origin: http://localhost:5173"], ""), "HTTP/1.1 204", "access-control-allow-methods"),
    ("Who is no page has nothing to ask first.", usual, |_| request("OPTIONS /", &[LOCAL, CLOSE], ""), "HTTP/1.1 405", ""),
    // the WebSocket
    ("A program may open a WebSocket.", usual, |_| upgrade(&[LOCAL]), UPGRADED, "s3pplmbitxaq9kygzzhzrbk+xoo="),
    ("A page of our own may.", usual, |p| upgrade(&[&format!("host: localhost:{}", p.port()), &format!("origin: http://localhost:{}", p.port())]), UPGRADED, ""),
    ("A page that the operator allows may.", usual, |_| upgrade(&[LOCAL, "origin: http://localhost:5173"]), UPGRADED, ""),
    ("A foreign page may not, though browsers ask nobody first.", usual, |_| upgrade(&[LOCAL, CLOSE, "origin: http://evil.example"]), FORBIDDEN, "origin"),
    ("A page that rebinds its name may not.", usual, |_| upgrade(&["host: evil.example", CLOSE, "origin: http://evil.example"]), FORBIDDEN, "not allowed"),
    ("On a port that other machines reach nobody may without the token.", exposed, |_| upgrade(&[LOCAL, CLOSE]), "HTTP/1.1 401", ""),
    ("What asks for the WebSocket's place without upgrading is told so.", usual, |_| request("GET /ws", &[LOCAL, CLOSE], ""), "HTTP/1.1 400", "upgrade"),
    // bodies
    ("A body may have two mebibytes.", usual, |_| calls(&padded(BODY_MAX), &[]), OK, "\"result\""),
    ("A body may not have a byte more.", usual, |_| calls(&padded(BODY_MAX + 1), &[]), "HTTP/1.1 413", "-32007"),
    ("A body that is announced too large is refused before it comes.", usual, |_| format!("POST / HTTP/1.1\r\n{LOCAL}\r\n{CLOSE}\r\ncontent-length: 9999999999\r\n\r\n").into_bytes(), "HTTP/1.1 413", "-32007"),
    ("A body in pieces is counted as it comes.", usual, |_| format!("POST / HTTP/1.1\r\n{LOCAL}\r\n{CLOSE}\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n", BODY_MAX + 1, padded(BODY_MAX + 1)).into_bytes(), "HTTP/1.1 413", "-32007"),
    ("A body that is no JSON is answered so.", usual, |_| calls("{", &[]), OK, "-32700"),
    ("JSON that is no call is answered so.", usual, |_| calls("{\"jsonrpc\":\"2.0\",\"id\":1}", &[]), OK, "-32600"),
    ("Nesting a million deep takes no stack.", usual, |_| calls(&format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"chain_block\",\"params\":{}}}", "[".repeat(1_000_000)), &[]), OK, "\"error\""),
    ("Nor does it when it is well formed.", usual, |_| calls(&format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"chain_block\",\"params\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000)), &[]), OK, "\"error\""),
    ("Bytes that are no text are answered so.", usual, |_| [&b"POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n"[..], &[0xff, 0xfe]].concat(), "HTTP/1.1 400", "-32700"),
    ("A body on a page's address is ignored.", usual, |_| request("GET /health", &[LOCAL, CLOSE], "body"), OK, "\"status\""),
    // batches
    ("A batch may have fifty calls.", usual, |_| calls(&batch(&open(), 50), &[]), OK, "\"result\""),
    ("A batch may not have fifty-one.", usual, |_| calls(&batch(&open(), 51), &[]), OK, "-32010"),
    ("Nor may one of JSON-RPC 1.0.", usual, |_| calls(&batch("{\"id\":1,\"method\":\"getblockcount\"}", 51), &[]), OK, "-32010"),
    ("An empty batch is no call.", usual, |_| calls("[]", &[]), OK, "-32600"),
    ("A batch within a batch is no call.", usual, |_| calls(&format!("[{}]", batch(&open(), 2)), &[]), OK, "-32600"),
    // HTTP itself
    ("A path that is not there is not found.", usual, |_| request("GET /../../etc/passwd", &[LOCAL, CLOSE], ""), "HTTP/1.1 404", "nothing is here"),
    ("A method of HTTP that is not served is refused.", usual, |_| request("DELETE /", &[LOCAL, CLOSE], ""), "HTTP/1.1 405", ""),
    ("Requests in a row are answered in a row.", usual, |_| [request("POST /", &[LOCAL, JSON], &open()), calls(&call("chain_info", json!([])), &[])].concat(), OK, "\"height\":8,\"head\""),
    ("What is no HTTP is refused.", usual, |_| b"\x16\x03\x01\x02\x00\x01\r\n\r\n".to_vec(), "HTTP/1.1 400", ""),
    ("A head of a mebibyte is refused.", usual, |_| request("GET /", &[LOCAL, CLOSE, &format!("x: {}", "x".repeat(1 << 20))], ""), "HTTP/1.1 431", ""),
    // time
    ("A head that does not end is given up.", hasty, |_| b"POST / HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_vec(), "", ""),
    ("A connection that says nothing is given up.", hasty, |_| Vec::new(), "", ""),
    ("A body that does not end is given up.", hasty, |_| format!("POST / HTTP/1.1\r\n{LOCAL}\r\n{CLOSE}\r\ncontent-length: 99\r\n\r\n{{").into_bytes(), "HTTP/1.1 408", "too long"),
    // rate
    ("Whoever asks too often is told to wait.", rare, |_| [request("POST /", &[LOCAL], &open()), request("POST /", &[LOCAL], &open()), calls(&open(), &[])].concat(), OK, "http/1.1 429"),
];

#[tokio::test]
async fn requests_are_judged_as_the_table_says() {
    for (sentence, edit, ask, status, text) in ROWS {
        let port = Port::open(*edit).await;
        let answer = port.exchange(&ask(&port)).await;
        let shown: String = answer.chars().take(600).collect();
        let refused = status.is_empty() && !answer.contains(OK);
        assert!(
            refused || (!status.is_empty() && answer.starts_with(status)),
            "{sentence} {shown}"
        );
        assert!(answer.to_lowercase().contains(&text.to_lowercase()), "{sentence} {shown}");
        assert!(!port.stage.node.stopped.load(Ordering::Relaxed), "{sentence}");
        // Whatever came, whoever comes next finds the node at work.
        let next = port.exchange(&request("GET /health", &[LOCAL, CLOSE], "")).await;
        assert!(
            next.starts_with(OK) || next.starts_with("HTTP/1.1 429"),
            "after: {sentence} {next}"
        );
    }
}

#[test]
fn the_table_says_something_about_everything() {
    assert!(ROWS.len() >= 60);
    let mut sentences: Vec<_> = ROWS.iter().map(|row| row.0).collect();
    sentences.sort_unstable();
    sentences.dedup();
    assert_eq!(sentences.len(), ROWS.len());
}
