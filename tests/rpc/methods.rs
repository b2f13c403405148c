//! What each method answers.

use std::sync::atomic::Ordering;

use assay::api::files::COOKIE_FILE_NAME;
use assay::api::{COINS_PAGE_MAX, RpcCode};
use assay::node::rpc::{Backend, Config};
use assay::types::{Height, Prefix, encode};
use base64::Engine;
use serde_json::{Value, json};

use super::fake::{self, FINAL, HEAD, owner, prefix, transaction};
use super::{call, post, stage};

/// A method, its parameters, and what the answer holds at some places.
type Row = (&'static str, Value, Vec<(&'static str, Value)>);

#[tokio::test]
async fn each_method_answers_what_it_is_asked() {
    let stage = stage(Config::default()).await;
    let address = owner().address().encode(&prefix());
    let other = owner().address().encode(&Prefix::new("other").unwrap());
    let chain = fake::chain();
    let hex_of = |mark| hex::encode(encode(&transaction(mark)));
    let id_of = |mark| transaction(mark).id(&chain).to_string();
    let head = stage.node.view().head.to_string();
    let side = stage.node.side.to_string();
    let unknown = "ee".repeat(32);
    let page = json!({ "address": address, "limit": 2 });
    let second = json!({ "address": address, "limit": 2, "after": fake::coin_id(4).to_string() });

    let seventh = stage.node.view().branch[&Height(7)];
    let block_7 = hex::encode(encode(&stage.node.block(&seventh).unwrap().unwrap()));

    let rows: Vec<Row> = vec![
        (
            "chain_info",
            json!([]),
            vec![
                ("/result/chain", json!("pow-<dev>")),
                ("/result/engine", json!("pow")),
                ("/result/height", json!(HEAD)),
                ("/result/head", json!(head)),
                ("/result/final_height", json!(FINAL)),
                ("/result/supply", json!("1480")),
                ("/result/genesis", json!("ab".repeat(32))),
            ],
        ),
        ("chain_info", json!({}), vec![("/result/height", json!(HEAD))]),
        ("chain_info", json!([1]), vec![("/error/code", json!(-32602))]),
        (
            "chain_block",
            json!([]),
            vec![("/result/id", json!(head)), ("/result/final", json!(false))],
        ),
        (
            "chain_block",
            json!([3]),
            vec![
                ("/result/final", json!(true)),
                ("/result/best", json!(true)),
                ("/result/transactions/0", json!(id_of(1))),
                ("/result/claim/kind", json!("work")),
                ("/result/seal/kind", json!("work")),
            ],
        ),
        ("chain_block", json!({ "block": "7" }), vec![("/result/transactions/0", json!(id_of(2)))]),
        ("chain_block", json!({ "block": 0 }), vec![("/result/claim/kind", json!("genesis"))]),
        (
            "chain_block",
            json!([side]),
            vec![
                ("/result/height", json!(HEAD)),
                ("/result/best", json!(false)),
                ("/result/final", json!(false)),
            ],
        ),
        ("chain_block", json!([99]), vec![("/error/code", json!(RpcCode::UnknownBlock.code()))]),
        (
            "chain_block",
            json!([unknown]),
            vec![("/error/code", json!(RpcCode::UnknownBlock.code()))],
        ),
        ("chain_block", json!(["zz"]), vec![("/error/code", json!(-32602))]),
        ("chain_block", json!({ "height": 1 }), vec![("/error/code", json!(-32602))]),
        (
            "address_history",
            json!({ "address": address, "limit": 3 }),
            vec![
                ("/result/height", json!(HEAD)),
                ("/result/pending/0/id", json!(id_of(3))),
                ("/result/pending/0/status", json!("pending")),
                ("/result/pending/0/net", json!("-997")),
                ("/result/pending/1", Value::Null),
                ("/result/entries/0/kind", json!("reward")),
                ("/result/entries/0/status", json!("included")),
                ("/result/entries/0/confirmations", json!(2)),
                ("/result/entries/1/fee", json!("7")),
                ("/result/entries/1/net", json!("-998")),
                ("/result/entries/2/status", json!("final")),
                ("/result/entries/2/net", json!("1")),
                ("/result/entries/2/fee", Value::Null),
                ("/result/entries/3", Value::Null),
                ("/result/next", json!({ "height": 3, "position": 0 })),
            ],
        ),
        (
            "address_history",
            json!({ "address": address, "before": { "height": 3, "position": 0 } }),
            vec![
                ("/result/pending", Value::Null),
                ("/result/entries/0/kind", json!("genesis")),
                ("/result/entries/0/block", json!(stage.node.block_at(Height(0)).unwrap())),
                ("/result/next", Value::Null),
            ],
        ),
        (
            "address_history",
            json!({ "address": address, "limit": 501 }),
            vec![("/error/code", json!(-32602))],
        ),
        (
            "address_history",
            json!({ "address": other }),
            vec![("/error/code", json!(RpcCode::BadAddress.code()))],
        ),
        (
            "chain_blocks",
            json!({ "from": 7, "limit": 1 }),
            vec![
                ("/result/final_height", json!(FINAL)),
                ("/result/blocks/0", json!(block_7)),
                ("/result/blocks/1", Value::Null),
            ],
        ),
        ("chain_blocks", json!([99]), vec![("/result/blocks", json!([]))]),
        ("chain_blocks", json!([1, 0]), vec![("/error/code", json!(-32602))]),
        ("chain_spec", json!([]), vec![("/result/toml", json!("name = \"pow-dev\"\n"))]),
        (
            "chain_header",
            json!(["final"]),
            vec![
                ("/result/height", json!(FINAL)),
                ("/result/final", json!(true)),
                ("/result/transaction_count", json!(0)),
            ],
        ),
        ("chain_forks", json!([]), vec![("/result/0/status", json!("best"))]),
        (
            "chain_transaction",
            json!([id_of(1)]),
            vec![
                ("/result/status", json!("final")),
                ("/result/height", json!(3)),
                ("/result/confirmations", json!(HEAD - 3 + 1)),
            ],
        ),
        (
            "chain_transaction",
            json!([id_of(2)]),
            vec![
                ("/result/status", json!("included")),
                ("/result/outputs/0/to", json!(address)),
                ("/result/outputs/0/amount", json!("2")),
            ],
        ),
        (
            "chain_transaction",
            json!({ "id": id_of(3) }),
            vec![
                ("/result/status", json!("pending")),
                ("/result/confirmations", json!(0)),
                ("/result/fee", json!("997")),
            ],
        ),
        (
            "chain_transaction",
            json!([unknown]),
            vec![("/error/code", json!(RpcCode::UnknownTransaction.code()))],
        ),
        (
            "chain_supply",
            json!([]),
            vec![("/result/issued", json!("90")), ("/result/circulating", json!("1480"))],
        ),
        (
            "mempool_info",
            json!([]),
            vec![("/result/transactions", json!(1)), ("/result/fee_per_byte_min", json!(2))],
        ),
        ("mempool_info", json!({ "ids": true }), vec![("/result/ids/0", json!(id_of(3)))]),
        (
            "mempool_submit",
            json!([[hex_of(8), "zz", "00", hex_of(9)]]),
            vec![
                ("/result/0/id", json!(id_of(8))),
                ("/result/1/error/code", json!(RpcCode::BadTransaction.code())),
                ("/result/2/error/code", json!(RpcCode::BadTransaction.code())),
                ("/result/3/error/code", json!(RpcCode::TransactionRefused.code())),
                ("/result/3/error/message", json!("coin 09… is already spent")),
            ],
        ),
        ("mempool_submit", json!([hex_of(8)]), vec![("/result/0/id", json!(id_of(8)))]),
        (
            "mempool_submit",
            json!({ "transactions": [hex_of(8)] }),
            vec![("/result/0/id", json!(id_of(8)))],
        ),
        ("mempool_submit", json!([]), vec![("/error/code", json!(-32602))]),
        (
            "coins_list",
            page,
            vec![
                ("/result/coins/0/amount", json!("1000")),
                ("/result/coins/0/spendable", json!(false)),
                ("/result/coins/0/spent_by", json!(id_of(3))),
                ("/result/coins/1/spendable", json!(true)),
                ("/result/pending/0/amount", json!("3")),
                ("/result/pending/0/created_by", json!(id_of(3))),
                ("/result/pending/1", Value::Null),
                ("/result/next", json!(fake::coin_id(4).to_string())),
            ],
        ),
        (
            "coins_list",
            second,
            vec![
                ("/result/coins/0/kind", json!("reward")),
                ("/result/coins/0/spendable_from", json!(22)),
                ("/result/coins/1/kind", json!("bond")),
                ("/result/pending", Value::Null),
            ],
        ),
        (
            "coins_list",
            json!({ "address": address, "limit": 0 }),
            vec![("/error/code", json!(-32602))],
        ),
        (
            "coins_list",
            json!({ "address": address, "limit": COINS_PAGE_MAX + 1 }),
            vec![("/error/code", json!(-32602))],
        ),
        ("coins_list", json!([address]), vec![("/result/coins/3/amount", json!("30"))]),
        (
            "address_balance",
            json!([address]),
            vec![
                ("/result/spendable", json!("400")),
                ("/result/immature", json!("50")),
                ("/result/staking", json!("30")),
                ("/result/pending", json!("3")),
                ("/result/coins", json!(4)),
            ],
        ),
        (
            "address_balance",
            json!({ "address": address, "read": "local" }),
            vec![("/result/spendable", json!("400"))],
        ),
        (
            "address_balance",
            json!({ "address": address, "read": "linearizable" }),
            vec![
                ("/error/code", json!(RpcCode::NotCurrent.code())),
                ("/error/message", json!("nobody leads")),
            ],
        ),
        (
            "coins_list",
            json!({ "address": address, "read": "linearizable" }),
            vec![("/error/code", json!(RpcCode::NotCurrent.code()))],
        ),
        ("consensus_read", json!([]), vec![("/error/code", json!(RpcCode::NotCurrent.code()))]),
        (
            "address_balance",
            json!([other]),
            vec![("/error/code", json!(RpcCode::BadAddress.code()))],
        ),
        (
            "consensus_status",
            json!([]),
            vec![
                ("/result/engine", json!("pow")),
                ("/result/intervals", json!(HEAD - 1)),
                ("/result/block_time_mean_ms", json!(2000.0)),
                ("/result/retarget", json!("asert")),
            ],
        ),
        ("mining_status", json!([]), vec![("/result/mining", json!(false))]),
        ("net_peers", json!([]), vec![("/result/0/direction", json!("inbound"))]),
        (
            "system_info",
            json!([]),
            vec![
                ("/result/name", json!("assay")),
                ("/result/address_prefix", json!("assay")),
                ("/result/finality_depth", json!(HEAD - FINAL)),
                ("/result/maturity", json!(20)),
                ("/result/rpc", json!(stage.server.url())),
                ("/result/p2p/0", json!("/ip4/127.0.0.1/tcp/1/p2p/12D3")),
            ],
        ),
        ("chain_nonsense", json!([]), vec![("/error/code", json!(-32601))]),
    ];
    for (method, params, expected) in rows {
        let reply = post(&stage, &[], &call(method, params.clone())).await;
        assert_eq!(reply.status, 200, "{method} {params}: {reply:?}");
        let answer = reply.json();
        for (at, value) in expected {
            let found = answer.pointer(at).cloned().unwrap_or(Value::Null);
            assert_eq!(found, value, "{method} {params} at {at}: {answer}");
        }
    }
}

#[tokio::test]
async fn unsafe_methods_need_the_token_and_others_do_not_mind_it() {
    let stage = stage(Config::default()).await;
    let bearer = format!("Bearer {}", stage.token);
    let pair = format!("__cookie__:{}", stage.token);
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let refused = RpcCode::Unauthorized.code();
    let address = owner().address().encode(&prefix());

    for (method, params) in [
        ("system_stop", json!([])),
        ("net_connect", json!(["/ip4/127.0.0.1/tcp/1"])),
        ("net_link", json!([null, 80])),
        ("net_block", json!([["12D4"]])),
        ("mining_start", json!([address])),
        ("mining_set", json!([2])),
        ("mining_stop", json!([])),
        ("stake_start", json!([["5a".repeat(32)]])),
        ("stake_stop", json!([])),
    ] {
        for (headers, what) in [
            (vec![], "needs the node's token"),
            (vec![("authorization", "Bearer x")], "is not the one"),
        ] {
            let reply = post(&stage, &headers, &call(method, params.clone())).await;
            assert_eq!(reply.status, 200);
            let answer = reply.json();
            assert_eq!(answer.pointer("/error/code"), Some(&json!(refused)), "{method}: {answer}");
            let message = answer.pointer("/error/message").and_then(Value::as_str).unwrap();
            assert!(message.contains(what), "{message}");
            let help = answer.pointer("/error/data/help").and_then(Value::as_str).unwrap();
            assert!(help.contains(COOKIE_FILE_NAME), "{help}");
        }
    }
    assert!(!stage.node.stopped.load(Ordering::Relaxed));
    assert_eq!(*stage.node.payout.lock().unwrap(), None);
    assert!(stage.node.staking().is_none());

    let start = call("mining_start", json!([address]));
    let answer = post(&stage, &[("authorization", &bearer)], &start).await.json();
    assert_eq!(answer.pointer("/result"), Some(&json!(true)), "{answer}");
    assert_eq!(*stage.node.payout.lock().unwrap(), Some(owner().address()));
    for (params, threads, throttle) in [
        (json!({ "threads": 3 }), 3, 0.1),
        (json!({ "throttle": "25%" }), 3, 0.25),
        (json!([1, 0.5]), 1, 0.5),
    ] {
        let set = call("mining_set", params);
        let answer = post(&stage, &[("authorization", &bearer)], &set).await.json();
        assert_eq!(answer.pointer("/result/threads"), Some(&json!(threads)), "{answer}");
        assert_eq!(answer.pointer("/result/throttle"), Some(&json!(throttle)), "{answer}");
    }
    for (params, what) in [
        (json!([]), "say threads"),
        (json!([0]), "0 threads: from 1 to 1024"),
        (json!([1025]), "1025 threads"),
        (json!({ "throttle": "0%" }), "`0%` is not a throttle"),
        (json!({ "throttle": 1.5 }), "`150%` is not a throttle"),
        (json!({ "throttle": [] }), "a share of a core such as"),
        (json!({ "speed": 1 }), "unknown field `speed`"),
    ] {
        let set = call("mining_set", params.clone());
        let answer = post(&stage, &[("authorization", &bearer)], &set).await.json();
        assert_eq!(answer.pointer("/error/code"), Some(&json!(-32602)), "{params}: {answer}");
        let message = answer.pointer("/error/message").unwrap().as_str().unwrap();
        assert!(message.contains(what), "{params}: {message}");
    }
    assert_eq!(*stage.node.search.lock().unwrap(), (1, 0.5));
    let dial = |to| call("net_connect", json!([to]));
    let headers = [("authorization", basic.as_str())];
    let answer = post(&stage, &headers, &dial("/ip4/127.0.0.1/tcp/1")).await.json();
    assert_eq!(answer.pointer("/result"), Some(&json!(true)), "{answer}");
    let answer = post(&stage, &headers, &dial("nowhere")).await.json();
    assert_eq!(answer.pointer("/error/code"), Some(&json!(RpcCode::BadPeer.code())));
    // In a batch each call is judged.
    let batch = format!("[{},{}]", call("chain_info", json!([])), call("system_stop", json!([])));
    let answer = post(&stage, &[], &batch).await.json();
    assert_eq!(answer.pointer("/0/result/height"), Some(&json!(HEAD)));
    assert_eq!(answer.pointer("/1/error/code"), Some(&json!(refused)));
    let wrong = [("authorization", "Bearer x")];
    let answer = post(&stage, &wrong, &call("chain_info", json!([]))).await.json();
    assert_eq!(answer.pointer("/result/height"), Some(&json!(HEAD)));
    let answer = post(&stage, &headers, &call("system_stop", json!([]))).await.json();
    assert_eq!(answer.pointer("/result"), Some(&json!(true)));
    assert!(stage.node.stopped.load(Ordering::Relaxed));
}

#[tokio::test]
async fn links_are_shaped_and_blocked_as_a_whole() {
    let stage = stage(Config::default()).await;
    let bearer = format!("Bearer {}", stage.token);
    let headers = [("authorization", bearer.as_str())];
    let ask = async |method: &str, params: Value| {
        post(&stage, &headers, &call(method, params)).await.json()
    };
    let plain = json!({"latency_ms": 0, "jitter_ms": 0, "loss": 0.0});
    let slow = json!({"latency_ms": 80, "jitter_ms": 10, "loss": 0.02, "bandwidth_bits_per_second": 10_000_000});
    let answer = ask("net_link", slow.clone()).await;
    assert_eq!(answer["result"], json!({"all": slow}));
    let answer = ask("net_link", json!({"peer": "12D4"})).await;
    assert_eq!(answer["result"], json!({"all": slow, "peers": {"12D4": plain}}));
    let answer = ask("net_block", json!({"peers": ["12D4"]})).await;
    assert_eq!(answer.pointer("/result/blocked"), Some(&json!(["12D4"])), "{answer}");
    let answer = ask("net_link", json!({})).await;
    assert_eq!(answer["result"], json!({"all": plain}));

    for (params, reason, help) in [
        (json!({"latency_ms": 60_001}), "latency 60001ms is too long", "1m or less"),
        (json!({"latency_ms": 5, "jitter_ms": 6}), "jitter 6ms is over the latency of 5ms", "5ms"),
        (json!({"loss": 1}), "loss 1 is not from nothing to just under everything", "2%"),
        (json!({"bandwidth_bits_per_second": 999}), "bandwidth 999 is too little", "1kbit"),
        (json!({"latency": 80}), "unknown field `latency`", ""),
    ] {
        let answer = ask("net_link", params).await;
        assert_eq!(answer.pointer("/error/code"), Some(&json!(-32602)), "{answer}");
        let error = answer["error"].to_string();
        assert!(error.contains(reason) && error.contains(help), "{error}");
    }
    let answer = ask("net_link", json!({"peer": "nobody"})).await;
    assert_eq!(answer.pointer("/error/code"), Some(&json!(RpcCode::BadPeer.code())));
    let answer = ask("net_peers", json!([])).await;
    assert_eq!(answer.pointer("/result/0/link"), Some(&plain), "{answer}");
    assert_eq!(answer.pointer("/result/0/blocked"), Some(&json!(false)), "{answer}");
}

#[tokio::test]
async fn recent_headers_are_read_once() {
    let stage = stage(Config::default()).await;
    for _ in 0..3 {
        post(&stage, &[], &call("chain_info", json!([]))).await;
        post(&stage, &[], &call("consensus_status", json!([]))).await;
    }
    // Everything below the head, whose header is published.
    assert_eq!(stage.node.blocks_read.load(Ordering::Relaxed), HEAD as usize);
}
