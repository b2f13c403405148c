//! The wallet's client against the node's port, and against what is no node at all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use assay::api::{BlockSelector, Exit, RpcCode, SubmitResult, TransactionStatus};
use assay::node::metrics::Metrics;
use assay::node::rpc::{Config, start};
use assay::types::{Amount, Height, TransactionId};
use assay::wallet::client::{Client, ClientError};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::fake::{self, FINAL, Fake, HEAD, owner, prefix, transaction};
use super::{Stage, stage};

fn client(stage: &Stage) -> Client {
    Client::new(&stage.server.url(), Some(&stage.token)).unwrap()
}

#[tokio::test]
async fn every_method_has_a_typed_call() {
    let stage = stage(Config::default()).await;
    let client = client(&stage);
    let address = owner().address().encode(&prefix());
    let info = client.chain_info().await.unwrap();
    assert_eq!((info.height, info.final_height), (Height(HEAD), Height(FINAL)));
    let block = client.chain_block(BlockSelector::Height(Height(7))).await.unwrap();
    assert_eq!(block.transactions, [transaction(2).id(&fake::chain())]);
    let header = client.chain_header(BlockSelector::Final).await.unwrap();
    assert!(header.is_final);
    assert_eq!(client.chain_forks().await.unwrap()[0].head, info.head);
    let found = client.chain_transaction(transaction(1).id(&fake::chain())).await.unwrap();
    assert_eq!(found.map(|found| found.status), Some(TransactionStatus::Final));
    assert_eq!(client.chain_transaction(TransactionId::default()).await.unwrap(), None);
    assert_eq!(client.chain_supply().await.unwrap().circulating, Amount(1480));
    client.consensus_status().await.unwrap();
    assert_eq!(client.mempool_info(true).await.unwrap().ids.map(|ids| ids.len()), Some(1));
    let page = client.coins_list(&address, None, 2).await.unwrap();
    let rest = client.coins_list(&address, page.next, 1000).await.unwrap();
    assert_eq!((page.coins.len(), rest.coins.len(), rest.next), (2, 2, None));
    assert_eq!(client.address_balance(&address).await.unwrap().spendable, Amount(400));
    let page = client.address_history(&address, None, 2).await.unwrap();
    let rest = client.address_history(&address, page.next, 500).await.unwrap();
    assert_eq!((page.pending.len(), page.entries.len()), (1, 2));
    assert_eq!((rest.pending.len(), rest.entries.len(), rest.next), (0, 2, None));
    let blocks = client.chain_blocks(Height(6)).await.unwrap();
    assert_eq!((blocks.blocks.len(), blocks.height), (3, Height(HEAD)));
    assert_eq!(client.chain_spec().await.unwrap().genesis, fake::chain());
    client.mining_start(&address).await.unwrap();
    assert!(client.mining_status().await.unwrap().mining);
    client.mining_stop().await.unwrap();
    assert!(!client.mining_status().await.unwrap().mining);
    assert_eq!(client.net_peers().await.unwrap().len(), 1);
    client.net_connect("/ip4/127.0.0.1/tcp/1").await.unwrap();
    assert_eq!(client.system_info().await.unwrap().rpc, client.url());
    let status = client.status().await.unwrap();
    assert_eq!((status.chain, status.mempool.transactions, status.peers.len()), (info, 1, 1));
    client.system_stop().await.unwrap();
    assert!(stage.node.stopped.load(Ordering::Relaxed));
}

#[tokio::test]
async fn submissions_are_answered_one_by_one() {
    let stage = stage(Config::default()).await;
    let client = client(&stage);
    let good = transaction(8);
    let results = client.mempool_submit(&[good.clone(), transaction(9)]).await.unwrap();
    assert_eq!(results[0], SubmitResult::Accepted { id: good.id(&fake::chain()) });
    assert!(matches!(&results[1], SubmitResult::Refused { .. }));
    assert_eq!(client.submit(&good).await.unwrap(), good.id(&fake::chain()));
    let error = client.submit(&transaction(9)).await.unwrap_err();
    assert_eq!((error.code(), error.exit()), (Some(RpcCode::TransactionRefused), Exit::Refused));
    assert_eq!(error.to_string(), "coin 09… is already spent");
}

#[tokio::test]
async fn errors_say_whether_nobody_answers_or_the_node_refuses() {
    let stage = stage(Config::default()).await;
    let token = Some(stage.token.as_str());
    let url = stage.server.url();

    let stranger = Client::new(&url, None).unwrap();
    let error = stranger.system_stop().await.unwrap_err();
    assert_eq!((error.code(), error.exit()), (Some(RpcCode::Unauthorized), Exit::Refused));
    let body = serde_json::to_value(error.body()).unwrap();
    assert_eq!((&body["code"], &body["exit"]), (&json!("unauthorized"), &json!(9)));
    assert!(body["help"].as_str().unwrap().contains("rpc.cookie"), "{body}");

    let client = Client::new(url.trim_start_matches("http://"), token).unwrap();
    let unknown = client.chain_block(BlockSelector::Height(Height(99))).await.unwrap_err();
    assert_eq!(unknown.name(), "unknown_block");
    let error = client.call::<Value>("chain_nonsense", &json!([])).await.unwrap_err();
    assert_eq!((error.name(), error.exit()), ("unknown_method", Exit::Refused));
    let error = client.call::<Value>("chain_block", &json!({ "blok": 1 })).await.unwrap_err();
    assert_eq!(error.name(), "bad_parameters");
    let error = client.call::<u64>("chain_info", &json!([])).await.unwrap_err();
    assert_eq!(error.name(), "not_a_node");
    let calls = [("chain_info", json!([])), ("chain_block", json!([99]))];
    let answers = client.batch(&calls).await.unwrap();
    assert_eq!(answers[0].as_ref().unwrap()["height"], json!(HEAD));
    assert_eq!(answers[1].as_ref().unwrap_err().name(), "unknown_block");

    stage.server.stop().await;
    let error = client.chain_info().await.unwrap_err();
    assert_eq!((error.name(), error.exit()), ("unreachable", Exit::Unreachable));
    assert!(error.to_string().contains("refused"), "{error}");

    for (bad, token) in [("https://127.0.0.1:1", None), ("http://", None), ("a b", None)] {
        let error = Client::new(bad, token).unwrap_err();
        assert_eq!((error.name(), error.exit()), ("bad_url", Exit::Usage), "{bad}: {error}");
    }
    assert_eq!(Client::new(&url, Some("a\nb")).unwrap_err(), ClientError::Token);
}

#[tokio::test]
async fn what_is_no_node_and_what_never_answers_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = tokio::spawn(async move {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut some = [0; 4096];
            let _ = stream.read(&mut some).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        // The last one is accepted and never answered.
        let held = listener.accept().await;
        std::future::pending::<()>().await;
        drop(held);
    });
    let client = Client::new(&url, None).unwrap();
    let error = client.submit(&transaction(1)).await.unwrap_err();
    assert_eq!((error.name(), error.exit()), ("not_a_node", Exit::Unreachable), "{error}");
    let error = client.chain_info().await.unwrap_err();
    assert_eq!((error.name(), error.exit()), ("turned_away", Exit::Refused), "{error}");
    let hasty = Client::with_timeout(&url, None, Duration::from_millis(50)).unwrap();
    let error = hasty.chain_info().await.unwrap_err();
    assert_eq!((error.name(), error.exit()), ("timeout", Exit::Unreachable), "{error}");
    answers.abort();
}

#[tokio::test]
async fn a_starting_node_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let server = start(&Config::default(), fake::facts(dir.path()), metrics).await.unwrap();
    let client = Client::new(&server.url(), None).unwrap();
    let impatient = client.system_info_when_ready(Duration::ZERO).await.unwrap_err();
    assert_eq!(impatient.code(), Some(RpcCode::WarmingUp));
    let waiting =
        tokio::spawn(async move { client.system_info_when_ready(Duration::from_secs(60)).await });
    tokio::task::yield_now().await;
    server.ready(Arc::new(Fake::new()));
    assert_eq!(waiting.await.unwrap().unwrap().chain, "pow-<dev>");
}
