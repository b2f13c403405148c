//! The port as it opens, fills and closes. Who is turned away is in `security`.

use std::sync::Arc;

use assay::api::files::COOKIE_FILE_NAME;
use assay::api::{Exit, RpcCode};
use assay::node::metrics::Metrics;
use assay::node::rpc::{Config, start};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fake::{self, Fake, HEAD};
use super::{GOOD, call, post, request, send, stage};

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

    assert!(dir.path().join(COOKIE_FILE_NAME).exists());
    server.stop().await;
    assert!(!dir.path().join(COOKIE_FILE_NAME).exists());
    assert!(TcpStream::connect(address).await.is_err());
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
    assert!(
        !dir.path().join(COOKIE_FILE_NAME).exists(),
        "nothing is written before the port is ours"
    );

    let exposed = Config { listen: "0.0.0.0:0".parse().unwrap(), ..Config::default() };
    let error = open(exposed.clone()).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Config);
    assert!(error.to_string().contains("token file"), "{error}");
    let missing = Config { token_file: Some(dir.path().join("none")), ..exposed };
    assert_eq!(open(missing).await.unwrap_err().exit(), Exit::Config);
    let bad = Config { origins: vec!["*".into()], ..Config::default() };
    assert_eq!(open(bad).await.unwrap_err().exit(), Exit::Config);
}
