//! Bitcoin's names, as Bitcoin's scripts call them.

use assay::api::RpcCode;
use assay::node::rpc::{Backend, Config};
use assay::types::work::{WORK_HEADER_BYTES, WorkHeader, merkle_root};
use assay::types::{Block, decode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fake::{self, FINAL, HEAD, owner, prefix, transaction};
use super::{Reply, Stage, request, stage};

/// A call as `curl --user` in a thousand scripts sends it.
async fn curl(stage: &Stage, method: &str, params: Value) -> Reply {
    let body = json!({ "jsonrpc": "1.0", "id": "curltest", "method": method, "params": params });
    sent(stage, &body.to_string()).await
}

async fn sent(stage: &Stage, body: &str) -> Reply {
    let basic = STANDARD.encode(format!("__cookie__:{}", stage.token));
    let basic = format!("Basic {basic}");
    let head =
        [("host", "127.0.0.1:8332"), ("content-type", "text/plain;"), ("authorization", &basic)];
    request(stage.server.address(), "POST /", &head, body).await
}

/// A method, its parameters, and what the answer holds at some places.
type Row = (&'static str, Value, Vec<(&'static str, Value)>);

#[tokio::test]
async fn each_name_answers_in_bitcoins_shape() {
    let stage = stage(Config::default()).await;
    let view = stage.node.view();
    let head = view.head.to_string();
    let at = |height| view.branch.get(&assay::types::Height(height)).unwrap().to_string();
    let address = owner().address().encode(&prefix());
    let id_of = |mark| transaction(mark).id(&fake::chain()).to_string();
    let rows: Vec<Row> = vec![
        (
            "getblockchaininfo",
            json!([]),
            vec![
                ("/result/chain", json!("pow-<dev>")),
                ("/result/blocks", json!(HEAD)),
                ("/result/headers", json!(HEAD)),
                ("/result/bestblockhash", json!(head)),
                ("/result/time", json!(1_700_000_016)),
                ("/result/verificationprogress", json!(1.0)),
                ("/result/initialblockdownload", json!(false)),
                ("/result/chainwork", json!("0".repeat(64))),
                ("/result/pruned", json!(false)),
                ("/error", Value::Null),
                ("/id", json!("curltest")),
            ],
        ),
        ("getblockcount", json!([]), vec![("/result", json!(HEAD))]),
        ("getbestblockhash", json!([]), vec![("/result", json!(head))]),
        ("getblockhash", json!([7]), vec![("/result", json!(at(7)))]),
        ("getblockhash", json!({ "height": 7 }), vec![("/result", json!(at(7)))]),
        (
            "getblockhash",
            json!([99]),
            vec![
                ("/error/code", json!(-8)),
                ("/error/message", json!("Block height out of range")),
                ("/result", Value::Null),
            ],
        ),
        (
            "getblock",
            json!([at(7)]),
            vec![
                ("/result/hash", json!(at(7))),
                ("/result/confirmations", json!(2)),
                ("/result/height", json!(7)),
                ("/result/versionHex", json!("20000000")),
                ("/result/bits", json!("2000ffff")),
                ("/result/nonce", json!(2)),
                ("/result/time", json!(1_700_000_014)),
                // The median of seven blocks of work, two seconds apart.
                ("/result/mediantime", json!(1_700_000_008)),
                ("/result/nTx", json!(1)),
                ("/result/tx", json!([id_of(2)])),
                ("/result/previousblockhash", json!(at(6))),
                ("/result/nextblockhash", json!(head)),
            ],
        ),
        ("getblock", json!([at(7), true]), vec![("/result/tx/0", json!(id_of(2)))]),
        (
            "getblock",
            json!([at(7), 2]),
            vec![
                ("/result/tx/0/txid", json!(id_of(2))),
                ("/result/tx/0/vin/0/coin", json!(fake::coin_id(2).to_string())),
                ("/result/tx/0/vout/0/value", json!(0.000_000_02)),
                ("/result/tx/0/vout/0/n", json!(0)),
                ("/result/tx/0/vout/0/scriptPubKey/address", json!(address)),
            ],
        ),
        ("getblock", json!(["ee".repeat(32)]), vec![("/error/code", json!(-5))]),
        ("getblock", json!(["head"]), vec![("/error/code", json!(-8))]),
        ("getblock", json!([]), vec![("/error/code", json!(-8))]),
        (
            "getblockheader",
            json!([head]),
            vec![
                ("/result/confirmations", json!(1)),
                ("/result/nextblockhash", Value::Null),
                ("/result/tx", Value::Null),
            ],
        ),
        (
            "getblockheader",
            json!([stage.node.side.to_string()]),
            vec![("/result/confirmations", json!(-1))],
        ),
        ("getrawmempool", json!([]), vec![("/result", json!([id_of(3)]))]),
        ("getrawmempool", json!([true]), vec![("/error", Value::Null)]),
        (
            "getpeerinfo",
            json!([]),
            vec![
                ("/result/0/id", json!(0)),
                ("/result/0/addr", json!("127.0.0.1:2")),
                ("/result/0/inbound", json!(true)),
                ("/result/0/synced_blocks", json!(HEAD)),
            ],
        ),
        (
            "getmininginfo",
            json!([]),
            vec![("/result/blocks", json!(HEAD)), ("/result/pooledtx", json!(1))],
        ),
        // 256 hashes in two seconds.
        ("getnetworkhashps", json!([]), vec![("/result", json!(128.0))]),
        ("getnetworkhashps", json!([2, FINAL]), vec![("/result", json!(128.0))]),
        (
            "getchaintips",
            json!([]),
            vec![("/result/0/hash", json!(head)), ("/result/0/status", json!("active"))],
        ),
        (
            "help",
            json!(["getblock"]),
            vec![("/result", json!("getblock blockhash [verbosity]\n\na block"))],
        ),
        ("help", json!(["nonsense"]), vec![("/result", json!("help: unknown command: nonsense"))]),
        ("generatetoaddress", json!([3, address]), vec![("/result", json!([head, head, head]))]),
        ("generatetoaddress", json!([3, address, 0]), vec![("/result", json!([]))]),
        ("generatetoaddress", json!([1001, address]), vec![("/error/code", json!(-8))]),
        ("generatetoaddress", json!([1, "nobody"]), vec![("/error/code", json!(-5))]),
        ("getblocktemplate", json!([]), vec![("/error/code", json!(-1))]),
        ("getblocktemplate", json!([{ "mode": "proposal" }]), vec![("/error/code", json!(-8))]),
        ("submitblock", json!(["00"]), vec![("/error/code", json!(-22))]),
        // Our own names are called the same way.
        ("chain_info", json!([]), vec![("/result/height", json!(HEAD))]),
        ("stop", json!([]), vec![("/result", json!("Assay stopping"))]),
    ];
    for (method, params, expected) in rows {
        let reply = curl(&stage, method, params.clone()).await;
        let answer = reply.json();
        let status = if answer["error"].is_null() { 200 } else { 500 };
        assert_eq!(reply.status, status, "{method} {params}: {answer}");
        for (at, value) in expected {
            let found = answer.pointer(at).cloned().unwrap_or(Value::Null);
            assert_eq!(found, value, "{method} {params} at {at}: {answer}");
        }
    }
    let uptime = curl(&stage, "uptime", json!([])).await.json();
    assert!(uptime["result"].is_u64(), "{uptime}");
    let help = curl(&stage, "help", json!([])).await.json();
    let help = help["result"].as_str().unwrap();
    assert!(
        help.contains("== bitcoin ==\n") && help.contains("\nmining_template [address]\n"),
        "{help}"
    );
}

#[tokio::test]
async fn blocks_and_headers_come_as_bytes_too() {
    let stage = stage(Config::default()).await;
    let head = stage.node.view().head;
    let bytes = curl(&stage, "getblock", json!([head, 0])).await.json();
    let bytes = hex::decode(bytes["result"].as_str().unwrap()).unwrap();
    assert_eq!(decode::<Block>(&bytes).unwrap().id(&fake::chain()), head);
    let bytes = curl(&stage, "getblockheader", json!([head, false])).await.json();
    let bytes = hex::decode(bytes["result"].as_str().unwrap()).unwrap();
    assert_eq!(bytes.len(), WORK_HEADER_BYTES);
    let first = curl(&stage, "getblockhash", json!([0])).await.json()["result"].clone();
    let refused = curl(&stage, "getblockheader", json!([first, false])).await.json();
    assert_eq!(refused["error"]["code"], json!(-1), "{refused}");
}

#[tokio::test]
async fn version_one_is_spoken_as_bitcoin_speaks_it() {
    let stage = stage(Config::default()).await;
    // No version, no parameters, any id.
    for (body, answer) in [
        (json!({ "method": "getblockcount" }), json!({ "result": 8, "error": null, "id": null })),
        (
            json!({ "id": [1, { "a": null }], "method": "getblockcount", "params": null }),
            json!({ "result": 8, "error": null, "id": [1, { "a": null }] }),
        ),
        (
            json!([
                { "id": 1.5, "method": "getblockcount", "params": [] },
                { "id": "b", "params": [] },
                { "id": "c", "method": "getblockhash", "params": [99] },
            ]),
            json!([
                { "result": 8, "error": null, "id": 1.5 },
                { "result": null, "error": { "code": -32600, "message": "Invalid request" }, "id": null },
                { "result": null, "error": { "code": -8, "message": "Block height out of range" }, "id": "c" },
            ]),
        ),
    ] {
        let reply = sent(&stage, &body.to_string()).await;
        assert_eq!((reply.status, reply.json()), (200, answer), "{body}");
    }
    let unknown = curl(&stage, "getwalletinfo", json!([])).await;
    assert_eq!((unknown.status, unknown.json()["error"]["code"].clone()), (404, json!(-32601)));
    // The same names as calls of 2.0.
    let reply = sent(&stage, r#"{"jsonrpc":"2.0","id":1,"method":"getblockcount"}"#).await;
    assert_eq!(reply.json(), json!({ "jsonrpc": "2.0", "id": 1, "result": 8 }));
    let reply =
        sent(&stage, r#"{"jsonrpc":"2.0","id":1,"method":"getblockhash","params":[99]}"#).await;
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (200, json!(-8)));
    // What commands the node needs the token here as well.
    let head = [("host", "localhost")];
    let body = r#"{"id":1,"method":"stop","params":[]}"#;
    let reply = request(stage.server.address(), "POST /", &head, body).await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.json()["error"]["code"], json!(RpcCode::Unauthorized.code()));
}

#[tokio::test]
async fn a_template_is_mined_by_whoever_can_hash() {
    let stage = stage(Config::default()).await;
    let address = owner().address().encode(&prefix());
    let template =
        curl(&stage, "getblocktemplate", json!([{ "rules": ["segwit"], "address": address }]))
            .await;
    let template = template.json()["result"].clone();
    assert_eq!(template["height"], json!(HEAD + 1));
    // As a miner of Bitcoin does it: all from the template, nothing of this software but the hash.
    let bytes = |at: &str| hex::decode(template.pointer(at).unwrap().as_str().unwrap()).unwrap();
    let coinbase = bytes("/coinbasetxn/data");
    let mut previous = bytes("/previousblockhash");
    previous.reverse();
    let mut header = WorkHeader {
        version: i32::try_from(template["version"].as_i64().unwrap()).unwrap(),
        previous: previous.try_into().unwrap(),
        merkle_root: merkle_root(&coinbase, &[]),
        time: u32::try_from(template["curtime"].as_u64().unwrap()).unwrap(),
        bits: serde_json::from_value(template["bits"].clone()).unwrap(),
        nonce: 0,
    };
    let block = |header: &WorkHeader| {
        json!([format!("{}01{}", hex::encode(header.encode()), hex::encode(&coinbase))])
    };
    while header.is_proven().unwrap() {
        header.nonce += 1;
    }
    let bad = curl(&stage, "submitblock", block(&header)).await.json();
    assert_eq!(bad["result"], json!("high-hash"), "{bad}");
    while !header.is_proven().unwrap() {
        header.nonce += 1;
    }
    let good = curl(&stage, "submitblock", block(&header)).await.json();
    assert_eq!(good, json!({ "result": null, "error": null, "id": "curltest" }));

    // The same by our own names.
    let template = curl(&stage, "mining_template", json!([address])).await.json()["result"].clone();
    let first = template["extra_nonce_first"].clone();
    let proof = |nonce: u32, template: &Value| {
        let time = u64::from(header.time) * 1000;
        json!({ "template": template, "version": "20000000", "extra_nonce": first, "time": time, "nonce": nonce })
    };
    let good =
        curl(&stage, "mining_submit", proof(header.nonce, &template["template"])).await.json();
    assert_eq!(good["result"], json!({ "id": template["template"], "height": HEAD + 1 }), "{good}");
    let unknown = curl(&stage, "mining_submit", proof(1, &json!("ee".repeat(32)))).await.json();
    assert_eq!(unknown["error"]["code"], json!(RpcCode::StaleTemplate.code()));
    let unpaid = curl(&stage, "mining_template", json!([])).await.json();
    assert_eq!(unpaid["error"]["code"], json!(RpcCode::NoTemplate.code()));
}
