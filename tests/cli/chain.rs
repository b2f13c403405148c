//! `assay chain` and `assay rpc` against a node that answers what the test says.

use serde_json::{Value, json};

use super::fake_node::FakeNode;
use super::{Ended, Stage};

fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn info() -> Value {
    json!({"chain": "pow-dev", "engine": "pow", "genesis": id('1'), "height": 42, "head": id('2'), "time": 1_000,
           "final_height": 22, "final_id": id('3'), "state_root": id('4'), "supply": "700000150000000",
           "difficulty": 0.5, "hash_rate": 1_234_567.0})
}

fn block() -> Value {
    json!({"id": id('2'), "height": 42, "parent": id('5'), "time": 1_000, "producer": "assay1qq\u{1b}[2J",
           "claim": {"kind": "work", "bits": "207fffff", "difficulty": 0.5},
           "seal": {"kind": "work", "version": "20000000", "extra_nonce": "0000000000000001", "time": 1_000, "nonce": 7},
           "state_root": id('4'), "body_root": id('6'), "final": false, "best": true, "size": 1234,
           "transaction_count": 2, "work_hash": id('7'), "transactions": [id('8'), id('9')]})
}

fn transaction() -> Value {
    json!({"id": id('8'), "status": "included", "block": id('2'), "height": 42, "time": 1_000, "confirmations": 1,
           "size": 200, "fee": "200", "inputs": [id('a')],
           "outputs": [{"coin": id('b'), "to": "assay1zz", "amount": "150000000"}],
           "operation": {"kind": "note", "bytes": "6869"}})
}

fn forks() -> Value {
    json!([{"head": id('2'), "height": 42, "length": 0, "fork_height": 42, "rank": "2", "status": "best"},
           {"head": id('c'), "height": 41, "length": 1, "fork_height": 40, "rank": "1", "status": "side"}])
}

fn supply() -> Value {
    json!({"height": 42, "head": id('2'), "genesis": "700000000000000", "issued": "150000000", "burned": "0",
           "circulating": "700000150000000"})
}

fn system() -> Value {
    json!({"name": "assay", "version": "0.1.0", "pid": 1, "started": 0, "datadir": "d", "rpc": "http://127.0.0.1:1",
           "peer_id": "12D3", "p2p": [], "chain": "pow-dev", "genesis": id('1'), "engine": "pow",
           "address_prefix": "assay", "symbol": "PYR", "dev": true, "fee_per_byte_min": 1,
           "transaction_bytes_max": 100_000, "maturity": 10, "finality_depth": 20})
}

/// As much of an OpenRPC document as a list needs.
fn methods() -> Value {
    let param = |name, required| json!({ "name": name, "required": required });
    json!({"methods": [
        {"name": "chain_block", "summary": "a block", "params": [param("block", false)], "x-token": false},
        {"name": "chain_info", "summary": "where the chain stands", "params": [], "x-token": false},
        {"name": "net_connect", "summary": "dial\u{1b}[2J a peer", "params": [param("address", true)], "x-token": true},
    ]})
}

fn node() -> FakeNode {
    let refused = json!({"error": {"code": -32040, "message": "no block at height 99", "data": {"help": "the head is at 42"}}});
    let unauthorised = json!({"error": {"code": -32022, "message": "system_stop needs the token"}});
    FakeNode::start(&[
        ("chain_info", info()),
        ("chain_block", block()),
        ("chain_transaction", transaction()),
        ("chain_forks", forks()),
        ("chain_supply", supply()),
        ("system_info", system()),
        ("rpc_discover", methods()),
        ("chain_header", refused),
        ("system_stop", unauthorised),
        ("getbestblockhash", json!(id('2'))),
    ])
}

fn ask(stage: &Stage, node: &FakeNode, line: &str) -> Ended {
    stage.line(&format!("{line} --rpc {}", node.url))
}

#[test]
fn json_is_what_the_node_said() {
    let (stage, node) = (Stage::new(), node());
    for (line, said) in [
        ("chain info", info()),
        ("chain block 42", block()),
        (&format!("chain tx {}", id('8')), transaction()),
        ("chain forks", forks()),
        ("chain supply", supply()),
        ("rpc getbestblockhash", json!(id('2'))),
    ] {
        let ended = ask(&stage, &node, &format!("{line} --json")).ok();
        assert_eq!(ended.json(), said, "{line}");
        assert_eq!(ended.stdout.lines().count(), 1, "one value, one line: {ended:#?}");
    }
}

#[test]
fn people_read_units_and_names() {
    let (stage, node) = (Stage::new(), node());
    for (line, parts) in [
        (
            "chain info",
            vec!["22 (20 below the head)", "7000001.5 PYR", "1.23 MH/s", "1970-01-01 00:00:01 UTC"],
        ),
        ("chain block", vec!["work: nonce 7", "on the best branch", "1 234 bytes", &id('9')]),
        (
            &format!("chain tx {}", id('8')),
            vec!["included, 1 confirmations", "1.5 PYR to assay1zz", "notes: hi"],
        ),
        ("chain forks", vec!["best      42", "side      41"]),
        ("chain supply", vec!["= circulating  7000001.5 PYR", "+ issued       1.5 PYR"]),
        (
            "rpc --list",
            vec!["chain_block [block]  a block\n", "net_connect address  dial", "a peer (token)\n"],
        ),
    ] {
        let ended = ask(&stage, &node, line).ok();
        for part in parts {
            assert!(ended.stdout.contains(part), "{line} does not say {part:?}: {ended:#?}");
        }
        assert!(!ended.stdout.contains('\u{1b}'), "{line}: foreign text steers the terminal");
    }
}

#[test]
fn blocks_are_named_as_the_node_takes_them() {
    let (stage, node) = (Stage::new(), node());
    let by_id = id('2');
    for (given, sent) in
        [("", json!("head")), ("final", json!("final")), ("42", json!(42)), (&by_id, json!(by_id))]
    {
        ask(&stage, &node, &format!("chain block {given}")).ok();
        let (method, parameters, token) = node.asked.lock().unwrap().pop().unwrap();
        assert_eq!((method.as_str(), &parameters["block"], token), ("chain_block", &sent, None));
    }
}

#[test]
fn parameters_travel_as_they_are() {
    let (stage, node) = (Stage::new(), node());
    for (given, sent) in [
        ("5", json!([5])),
        ("[1,2]", json!([1, 2])),
        ("{\"block\":\"final\"}", json!({"block": "final"})),
        ("-5", json!([-5])),
    ] {
        ask(&stage, &node, &format!("rpc chain_block {given}")).ok();
        assert_eq!(node.asked.lock().unwrap().pop().unwrap().1, sent);
    }
    // A text is printed without its quotes for people, and with them for scripts.
    assert_eq!(ask(&stage, &node, "rpc getbestblockhash").ok().stdout, id('2') + "\n");
}

#[test]
fn refusals_of_the_node_are_told_with_its_reasons() {
    let (stage, node) = (Stage::new(), node());
    for (line, code, exit, message, help) in [
        ("rpc chain_header 99", "unknown_block", 9, "no block at height 99", "the head is at 42"),
        ("rpc chain_inof", "unknown_method", 9, "Method not found", "did you mean `chain_info`?"),
        ("rpc system_stop", "unauthorized", 9, "needs the token", "--dir DEVNET[:NODE]"),
    ] {
        let ended = ask(&stage, &node, &format!("{line} --json"));
        let error = &ended.json()["error"];
        assert_eq!(
            (ended.exit, &error["code"], &error["exit"]),
            (exit, &json!(code), &json!(exit)),
            "{ended:#?}"
        );
        assert!(error["message"].as_str().unwrap().contains(message), "{ended:#?}");
        assert!(error["help"].as_str().unwrap().contains(help), "{ended:#?}");
    }
    let none = FakeNode::start(&[(
        "chain_transaction",
        json!({"error": {"code": -32041, "message": "unknown"}}),
    )]);
    let ended = ask(&stage, &none, &format!("chain tx {} --json", id('8')));
    assert_eq!((ended.exit, &ended.json()["error"]["code"]), (9, &json!("unknown_transaction")));
}

#[test]
fn what_is_no_node_is_said_to_be_none() {
    let stage = Stage::new();
    let odd = FakeNode::start(&[("chain_info", json!({"weather": "fine"}))]);
    let ended = ask(&stage, &odd, "chain info --json");
    assert_eq!(
        (ended.exit, &ended.json()["error"]["code"]),
        (8, &json!("not_a_node")),
        "{ended:#?}"
    );
}

#[test]
fn a_running_devnet_is_found_with_its_token_and_two_are_listed() {
    let (stage, one, two) = (Stage::new(), node(), node());
    let devnet = |name: &str, node: &FakeNode| {
        let directory = format!("assay/devnets/{name}");
        let genesis = id('1');
        stage.write(
            &format!("{directory}/devnet.json"),
            &json!({"format": 1, "chain": "pow-dev", "genesis": genesis, "engine": "pow", "created": 0, "nodes": ["node0"]})
                .to_string(),
        );
        // This process runs for as long as the fake node does.
        stage.write(
            &format!("{directory}/node0/node.json"),
            &json!({"pid": std::process::id(), "started": 0, "chain": "pow-dev", "genesis": genesis, "rpc": node.url,
                    "p2p": [], "peer_id": "12D3"})
            .to_string(),
        );
        stage.write(&format!("{directory}/node0/rpc.cookie"), &format!("token-of-{name}\n"));
    };
    devnet("one", &one);
    assert_eq!(stage.line("chain info --json").ok().json(), info());
    let (_, _, token) = one.asked.lock().unwrap().pop().unwrap();
    assert_eq!(token.as_deref(), Some("token-of-one"));

    devnet("two", &two);
    let ended = stage.line("chain info --json");
    let error = &ended.json()["error"];
    assert_eq!((ended.exit, &error["code"]), (8, &json!("several_devnets")), "{ended:#?}");
    let help = error["help"].as_str().unwrap();
    assert!(help.contains("--dir one") && help.contains("--dir two"), "{help}");
    stage.line("chain info --dir two:0").ok();
    assert!(!two.asked.lock().unwrap().is_empty());
}
