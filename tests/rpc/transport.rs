//! Who is turned away, and when.

use std::sync::Arc;
use std::time::Duration;

use assay::api::{Exit, RpcCode};
use assay::node::metrics::Metrics;
use assay::node::rpc::{COOKIE_FILE, Config, start};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fake::{self, Fake, HEAD};
use super::{GOOD, call, post, request, send, stage};

/// Who asks, the request line, the head, the body; the status and a text of the answer.
type Row<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, String, u16, &'a str);

#[tokio::test]
async fn requests_are_judged_before_they_are_read() {
    let mut config = Config {
        hosts: vec!["node-0".into()],
        origins: vec!["http://localhost:5173".into()],
        ..Config::default()
    };
    config.limits.body_bytes = 4096;
    let stage = stage(config).await;
    let good = call("chain_info", json!([]));
    let own = stage.server.url().replace("127.0.0.1", "localhost");
    let own_host = own.trim_start_matches("http://").to_owned();
    let batch = |calls: usize| format!("[{}]", vec![good.as_str(); calls].join(","));
    let large = call("chain_info", json!(["x".repeat(5000)]));
    let json_type = ("content-type", "application/json");

    let rows: Vec<Row<'_>> = vec![
        ("a good call", "POST /", GOOD.to_vec(), good.clone(), 200, "\"result\""),
        (
            "a host that is an address",
            "POST /",
            vec![("host", "127.0.0.1:1"), json_type],
            good.clone(),
            200,
            "result",
        ),
        (
            "a host that the operator allows",
            "POST /",
            vec![("host", "node-0:8645"), json_type],
            good.clone(),
            200,
            "result",
        ),
        (
            "a page that rebinds its name",
            "POST /",
            vec![("host", "evil.example"), json_type],
            good.clone(),
            403,
            "`evil.example` is not allowed",
        ),
        ("no host", "POST /", vec![json_type], good.clone(), 403, "exactly one Host"),
        (
            "two hosts",
            "POST /",
            vec![("host", "localhost"), ("host", "localhost"), json_type],
            good.clone(),
            403,
            "exactly one Host",
        ),
        (
            "a proxy's request for another host",
            "POST http://evil.example/",
            GOOD.to_vec(),
            good.clone(),
            403,
            "evil.example",
        ),
        (
            "our own page",
            "POST /",
            vec![("host", &own_host), ("origin", &own), json_type],
            good.clone(),
            200,
            "result",
        ),
        (
            "a page of another port",
            "POST /",
            vec![("host", &own_host), ("origin", "http://localhost:1"), json_type],
            good.clone(),
            403,
            "origin",
        ),
        (
            "a foreign page",
            "POST /",
            vec![("host", "localhost"), ("origin", "http://evil.example"), json_type],
            good.clone(),
            403,
            "origin",
        ),
        (
            "a page without an origin of its own",
            "POST /",
            vec![("host", "localhost"), ("origin", "null"), json_type],
            good.clone(),
            403,
            "origin",
        ),
        (
            "an allowed page",
            "POST /",
            vec![("host", "localhost"), ("origin", "http://localhost:5173"), json_type],
            good.clone(),
            200,
            "result",
        ),
        (
            "a foreign page asks first",
            "OPTIONS /",
            vec![("host", "localhost"), ("origin", "http://evil.example")],
            String::new(),
            403,
            "origin",
        ),
        (
            "an allowed page that asks first",
            "OPTIONS /",
            vec![("host", "localhost"), ("origin", "http://localhost:5173")],
            String::new(),
            204,
            "",
        ),
        (
            "a form, which pages may post anywhere",
            "POST /",
            vec![("host", "localhost"), ("content-type", "text/plain")],
            good.clone(),
            415,
            "",
        ),
        ("no JSON", "POST /", GOOD.to_vec(), "{".into(), 200, "-32700"),
        (
            "JSON that is no call",
            "POST /",
            GOOD.to_vec(),
            "{\"jsonrpc\":\"2.0\",\"id\":1}".into(),
            200,
            "-32600",
        ),
        ("a full batch", "POST /", GOOD.to_vec(), batch(12), 200, "\"result\""),
        ("an empty batch", "POST /", GOOD.to_vec(), "[]".into(), 200, "-32600"),
        ("a body over the limit", "POST /", GOOD.to_vec(), large, 413, "-32007"),
        (
            "a page for people",
            "GET /",
            vec![("host", "localhost")],
            String::new(),
            200,
            "<h1>pow-&lt;dev&gt;</h1>",
        ),
        (
            "a page for people, by another name",
            "GET /",
            vec![("host", "evil.example")],
            String::new(),
            403,
            "",
        ),
        (
            "health",
            "GET /health",
            vec![("host", "localhost")],
            String::new(),
            200,
            "\"status\":\"ok\"",
        ),
        (
            "metrics",
            "GET /metrics",
            vec![("host", "localhost")],
            String::new(),
            200,
            "assay_rpc_calls_total{method=\"chain_info\",outcome=\"ok\"}",
        ),
        (
            "metrics for a foreign page",
            "GET /metrics",
            vec![("host", "localhost"), ("origin", "http://evil.example")],
            String::new(),
            403,
            "",
        ),
        (
            "a path that is not there",
            "GET /etc/passwd",
            vec![("host", "localhost")],
            String::new(),
            404,
            "GET /",
        ),
        (
            "a method of HTTP that is not served",
            "DELETE /",
            vec![("host", "localhost")],
            String::new(),
            405,
            "",
        ),
    ];
    for (what, line, headers, body, status, text) in rows {
        let reply = request(stage.server.address(), line, &headers, &body).await;
        assert_eq!(reply.status, status, "{what}: {reply:?}");
        assert!(reply.body.contains(text), "{what}: {reply:?}");
        let readable = reply.head.contains("access-control-allow-origin: http://localhost:5173");
        assert_eq!(readable, what.contains("allowed page"), "{what}: {reply:?}");
    }
}

#[tokio::test]
async fn the_limits_are_those_that_are_documented() {
    let stage = stage(Config::default()).await;
    let good = call("chain_supply", json!([]));
    let batch = |calls: usize| format!("[{}]", vec![good.as_str(); calls].join(","));
    let full = post(&stage, &[], &batch(50)).await.json();
    assert_eq!(full.as_array().map(Vec::len), Some(50));
    let over = post(&stage, &[], &batch(51)).await.json();
    assert_eq!(over.pointer("/error/code"), Some(&json!(-32010)), "{over}");

    let padded = |size: usize| format!("{good}{}", " ".repeat(size - good.len()));
    assert_eq!(post(&stage, &[], &padded(2 << 20)).await.status, 200);
    assert_eq!(post(&stage, &[], &padded((2 << 20) + 1)).await.status, 413);
}

#[tokio::test]
async fn before_the_store_is_open_and_after_the_stop_the_node_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let server = start(&Config::default(), fake::facts(dir.path()), metrics).await.unwrap();
    let address = server.address();
    let ask = || async move {
        let info = request(address, "POST /", &GOOD, &call("chain_info", json!([]))).await;
        let health = request(address, "GET /health", &[("host", "localhost")], "").await;
        let page = request(address, "GET /", &[("host", "localhost")], "").await;
        (info.json(), health, page)
    };
    let (info, health, page) = ask().await;
    assert_eq!(info.pointer("/error/code"), Some(&json!(RpcCode::WarmingUp.code())));
    assert_eq!((health.status, health.json()["status"].clone()), (503, json!("warming_up")));
    assert!(page.body.contains("opening the store"));

    server.ready(Arc::new(Fake::new()));
    let (info, health, _) = ask().await;
    assert_eq!(info.pointer("/result/height"), Some(&json!(HEAD)));
    assert_eq!((health.status, health.json()["height"].clone()), (200, json!(HEAD)));

    server.stopping();
    let (info, health, _) = ask().await;
    assert_eq!(info.pointer("/error/code"), Some(&json!(RpcCode::Stopping.code())));
    assert_eq!((health.status, health.json()["status"].clone()), (503, json!("stopping")));

    assert!(dir.path().join(COOKIE_FILE).exists());
    server.stop().await;
    assert!(!dir.path().join(COOKIE_FILE).exists());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed() {
    let mut config = Config::default();
    config.limits.head_timeout = Duration::from_millis(50);
    let stage = stage(config).await;
    for started in ["", "POST / HTTP/1.1\r\nhost: localhost\r\nx-slow: "] {
        let mut stream = TcpStream::connect(stage.server.address()).await.unwrap();
        stream.write_all(started.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await; // ends because the node closes
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
    let reply = post(&stage, &[], &call("chain_info", json!([]))).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let mut config = Config::default();
    config.limits.request_timeout = Duration::from_millis(50);
    let stage = stage(config).await;
    let text = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        connection: close\r\ncontent-length: 99\r\n\r\n{";
    let reply = send(stage.server.address(), text.as_bytes()).await;
    assert_eq!(reply.status, 408, "{reply:?}");
}

#[tokio::test]
async fn connections_over_the_limit_are_refused_and_the_place_is_free_again() {
    let mut config = Config::default();
    config.limits.connections = 2;
    let stage = stage(config).await;
    let address = stage.server.address();
    let ask = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{}",
        call("chain_supply", json!([])).len(),
        call("chain_supply", json!([]))
    );
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // An answer proves that the connection was accepted.
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut some = [0; 15];
        stream.read_exact(&mut some).await.unwrap();
        assert_eq!(&some, b"HTTP/1.1 200 OK");
        held.push(stream);
    }
    assert_eq!(send(address, b"").await.status, 503);
    held.pop();
    loop {
        let reply = post(&stage, &[], &call("chain_supply", json!([]))).await;
        if reply.status == 200 {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_port_that_cannot_open_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let facts = || fake::facts(dir.path());
    let metrics = || Arc::new(Metrics::new());
    let open = |config: Config| {
        let (facts, metrics) = (facts(), metrics());
        async move { start(&config, facts, metrics).await.map(|server| server.address()) }
    };
    let config = Config { listen: taken.local_addr().unwrap(), ..Config::default() };
    let error = open(config).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Bind, "{error}");
    assert!(!dir.path().join(COOKIE_FILE).exists(), "nothing is written before the port is ours");

    let exposed = Config { listen: "0.0.0.0:0".parse().unwrap(), ..Config::default() };
    let error = open(exposed.clone()).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Config);
    assert!(error.to_string().contains("token file"), "{error}");
    let missing = Config { token_file: Some(dir.path().join("none")), ..exposed };
    assert_eq!(open(missing).await.unwrap_err().exit(), Exit::Config);
    let bad = Config { origins: vec!["*".into()], ..Config::default() };
    assert_eq!(open(bad).await.unwrap_err().exit(), Exit::Config);
}
