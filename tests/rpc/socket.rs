//! The WebSocket: calls, subscriptions, and what happens to a client that does not read.

use std::time::Duration;

use assay::api::RpcCode;
use assay::node::feed::Topic;
use assay::node::rpc::Config;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::fake::HEAD;
use super::{Stage, call, post, send, stage};

/// A client.
struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn open(stage: &Stage) -> Self {
        let stream = TcpStream::connect(stage.server.address()).await.unwrap();
        let url = format!("ws://{}/ws", stage.server.address());
        Self(client_async(url, stream).await.unwrap().0)
    }

    async fn send(&mut self, text: String) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message that says something.
    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(call(method, params)).await;
        self.next().await
    }

    /// Why the node closed.
    async fn closed(mut self) -> Option<CloseCode> {
        while let Some(Ok(message)) = self.0.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| frame.code);
            }
        }
        None
    }
}

#[tokio::test]
async fn calls_are_answered_and_subscribers_hear_what_happens() {
    let stage = stage(Config::default()).await;
    let mut socket = Socket::open(&stage).await;
    let heads = socket.ask("chain_subscribeHeads", json!([])).await["result"].clone();
    let finals = socket.ask("chain_subscribeFinalized", json!({})).await["result"].clone();
    assert!(heads.is_u64() && finals.is_u64() && heads != finals);

    let info = socket.ask("chain_info", json!([])).await;
    assert_eq!(info["result"]["height"], json!(HEAD));
    let batch = format!("[{},{}]", call("chain_supply", json!([])), call("nonsense", json!([])));
    socket.send(batch).await;
    let batch = socket.next().await;
    assert_eq!(batch[1]["error"]["code"], json!(-32601), "{batch}");

    stage.node.feed.tell(Topic::Reorgs, &json!("nobody listens"));
    stage.node.feed.tell(Topic::Heads, &json!({ "height": 9 }));
    let item = socket.next().await;
    assert_eq!(
        item,
        json!({ "jsonrpc": "2.0", "method": "chain_head", "params": { "subscription": heads, "result": { "height": 9 } } })
    );
    stage.node.feed.tell(Topic::Final, &json!({ "height": 5 }));
    let item = socket.next().await;
    assert_eq!(
        (&item["method"], &item["params"]["subscription"]),
        (&json!("chain_finalized"), &finals)
    );

    // Only the method of its kind ends it, and only once.
    let mut end =
        async |method: &str, id: &Value| socket.ask(method, json!([id])).await["result"].clone();
    assert_eq!(end("chain_unsubscribeFinalized", &heads).await, json!(false));
    assert_eq!(end("chain_unsubscribeHeads", &heads).await, json!(true));
    assert_eq!(end("chain_unsubscribeHeads", &heads).await, json!(false));
    stage.node.feed.tell(Topic::Heads, &json!({ "height": 10 }));
    stage.node.feed.tell(Topic::Final, &json!({ "height": 6 }));
    assert_eq!(socket.next().await["params"]["result"], json!({ "height": 6 }));
}

#[tokio::test]
async fn the_status_of_the_rule_follows_each_head_once() {
    let stage = stage(Config::default()).await;
    let mut socket = Socket::open(&stage).await;
    let id = socket.ask("consensus_subscribe", json!([])).await["result"].clone();
    stage.node.feed.tell(Topic::Heads, &json!({}));
    stage.node.feed.tell(Topic::Heads, &json!({}));
    let item = socket.next().await;
    assert_eq!(item["method"], json!("consensus_changed"));
    assert_eq!(item["params"]["subscription"], id);
    assert_eq!(item["params"]["result"]["height"], json!(HEAD));
    assert_eq!(item["params"]["result"]["status"]["engine"], json!("pow"));
    // The second one told of the same head: the next message is an answer.
    assert!(socket.ask("chain_supply", json!([])).await["result"].is_object());
}

#[tokio::test]
async fn who_reads_too_slowly_is_told_how_much_was_lost_and_goes_on() {
    /// More than all buffers of the system between two sockets of this machine, in items of ten kilobytes.
    const TOLD: u64 = 4000;
    let stage = stage(Config::default()).await;
    let mut socket = Socket::open(&stage).await;
    socket.ask("chain_subscribeHeads", json!([])).await;
    for number in 0..TOLD {
        let item = json!({ "number": number, "weight": "x".repeat(10_000) });
        stage.node.feed.tell(Topic::Heads, &item);
        // The session gets its turn, and writes until nothing fits any more.
        tokio::task::yield_now().await;
    }
    let (mut heard, mut lost) = (0, 0);
    while heard + lost < TOLD {
        let item = socket.next().await["params"]["result"].clone();
        match item["lagged"].as_u64() {
            Some(missed) => lost += missed,
            None => {
                // Nothing is missing that was not said to be.
                assert_eq!(item["number"], json!(heard + lost));
                heard += 1;
            }
        }
    }
    assert!(lost > 0 && heard > 0, "{heard} heard, {lost} lost");
    stage.node.feed.tell(Topic::Heads, &json!({ "number": "the next" }));
    assert_eq!(socket.next().await["params"]["result"]["number"], json!("the next"));
}

#[tokio::test]
async fn who_never_reads_is_cut_off_and_its_place_is_free_again() {
    let mut config = Config::default();
    config.limits.connections = 1;
    config.limits.stall = Duration::from_millis(50);
    let stage = stage(config).await;
    let mut socket = Socket::open(&stage).await;
    socket.ask("chain_subscribeHeads", json!([])).await;
    assert_eq!(send(stage.server.address(), b"").await.status, 503);
    loop {
        stage.node.feed.tell(Topic::Heads, &json!("x".repeat(100_000)));
        if post(&stage, &[], &call("chain_supply", json!([]))).await.status == 200 {
            break;
        }
    }
    drop(socket);
}

#[tokio::test]
async fn who_is_silent_is_taken_for_dead() {
    let mut config = Config::default();
    config.limits.ping_every = Duration::from_millis(10);
    config.limits.silence = Duration::from_millis(50);
    let stage = stage(config).await;
    let mut stream = TcpStream::connect(stage.server.address()).await.unwrap();
    let upgrade = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap(); // ends because the node closes
    let ping = [0x89, 0];
    assert!(all.windows(2).any(|bytes| bytes == ping));
}

#[tokio::test]
async fn a_connection_has_bounds() {
    let mut config = Config::default();
    config.limits.subscriptions = 2;
    config.limits.body_bytes = 4096;
    config.limits.requests_per_second = 10;
    let stage = stage(config).await;
    let mut socket = Socket::open(&stage).await;
    for _ in 0..2 {
        assert!(socket.ask("mempool_subscribe", json!([])).await["result"].is_u64());
    }
    let over = socket.ask("mempool_subscribe", json!([])).await;
    assert_eq!(over["error"]["code"], json!(-32006), "{over}");
    socket.ask("mempool_unsubscribe", json!([1])).await;
    assert!(socket.ask("mempool_subscribe", json!([])).await["result"].is_u64());
    let refused = socket.ask("mempool_subscribe", json!(["x"])).await;
    assert_eq!(refused["error"]["code"], json!(-32602), "{refused}");

    // By POST, or in a batch, there is nothing to subscribe to.
    let needs = json!(RpcCode::NeedsWebSocket.code());
    let by_post = post(&stage, &[], &call("chain_subscribeHeads", json!([]))).await.json();
    assert_eq!(by_post["error"]["code"], needs);
    socket.send(format!("[{}]", call("chain_subscribeHeads", json!([])))).await;
    assert_eq!(socket.next().await[0]["error"]["code"], needs);

    // Messages count as requests do.
    let refused = loop {
        let answer = socket.ask("chain_supply", json!([])).await;
        if !answer["error"].is_null() {
            break answer;
        }
    };
    assert_eq!(refused["error"]["code"], json!(RpcCode::TooOften.code()), "{refused}");
    assert_eq!(refused["id"], json!(1));

    socket.send(" ".repeat(5000)).await;
    assert_eq!(socket.closed().await, Some(CloseCode::Size));
}

#[tokio::test]
async fn the_token_of_the_upgrade_holds_for_all_calls() {
    let stage = stage(Config::default()).await;
    let mut open = Socket::open(&stage).await;
    let refused = open.ask("mining_stop", json!([])).await;
    assert_eq!(refused["error"]["code"], json!(RpcCode::Unauthorized.code()));

    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let url = format!("ws://{}/ws", stage.server.address());
    let mut request = url.into_client_request().unwrap();
    let token = format!("Bearer {}", stage.token).parse().unwrap();
    request.headers_mut().insert("authorization", token);
    let stream = TcpStream::connect(stage.server.address()).await.unwrap();
    let mut trusted = Socket(client_async(request, stream).await.unwrap().0);
    assert_eq!(trusted.ask("mining_stop", json!([])).await["result"], json!(true));
}

#[tokio::test]
async fn a_node_that_stops_says_goodbye() {
    let stage = stage(Config::default()).await;
    let mut socket = Socket::open(&stage).await;
    socket.ask("chain_subscribeHeads", json!([])).await;
    let (closed, ()) = tokio::join!(socket.closed(), stage.server.stop());
    assert_eq!(closed, Some(CloseCode::Away));
}
