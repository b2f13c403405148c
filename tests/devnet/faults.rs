//! Partitions, slow links, pauses and growth of a devnet of real processes.

use std::fs;

use serde_json::Value;

use super::{Home, all_reach, heights, json, nodes, states};

/// Ten times the finality depth of the shipped chain: however long the machine takes for a few blocks on the slower side
/// of a partition, the faster one stays below.
const FINALITY_DEPTH: u64 = 200;

/// A chain of pow-dev's kind that makes a block per second.
fn quick_spec(home: &Home) {
    let spec = include_str!("../../chain-specs/pow-dev.toml");
    let quick = spec
        .replace("block_time = \"2s\"", "block_time = \"1s\"")
        .replace("finality_depth = 20 ", &format!("finality_depth = {FINALITY_DEPTH} "));
    assert!(quick.contains("\"1s\"") && quick.contains("= 200 "));
    fs::write(home.path().join("quick.toml"), quick).unwrap();
}

fn of_one_mind(status: &Value) -> bool {
    heights(status).is_some()
        && nodes(status).iter().all(|node| node["head"] == nodes(status)[0]["head"])
}

fn all_met(peers: usize) -> impl Fn(&Value) -> bool {
    move |status| nodes(status).iter().all(|node| node["peers"] == peers)
}

/// How a transaction stands at a node: `included`, `final`, or nothing yet.
fn stands(home: &Home, id: &str, node: usize) -> Option<String> {
    let output = home.run(&format!("chain tx {id} --json --dir pow-dev:{node}"));
    let info: Value = serde_json::from_slice(&output.stdout).ok()?;
    let status = info["status"].as_str()?;
    (status != "pending").then(|| status.to_owned())
}

/// Lets a development account pay, at the port of a node; the transaction's id.
fn pay(home: &Home, payer: &str, node: usize) -> String {
    let to = json(home, "wallet address")["address"].as_str().unwrap().to_owned();
    let paid =
        json(home, &format!("wallet faucet 1 --from {payer} --to {to} --dir pow-dev:{node}"));
    paid["id"].as_str().unwrap().to_owned()
}

/// Whatever was paid on either side of a partition is on the one chain after it.
#[test]
fn two_halves_part_and_become_one_chain_again() {
    let home = Home::new();
    quick_spec(&home);
    home.ok("devnet up quick.toml --detach");
    home.ok("wallet new --no-password");
    home.status_when("", "met", all_met(3));
    let status = home.status_when("", "mined", all_reach(2));
    let fork = heights(&status).unwrap().into_iter().max().unwrap();

    let parted = home.ok("devnet partition 0,1 node2,3");
    assert!(parted.starts_with("node0, node1 | node2, node3: nothing passes"), "{parted}");
    let two = serde_json::json!([["node0", "node1"], ["node2", "node3"]]);
    assert_eq!(home.status("")["partition"], two);
    assert_eq!(json(&home, "devnet link")["partition"], two);
    let paid = [pay(&home, "erin", 0), pay(&home, "frank", 2)];
    let split = home.status_when("", "went two ways", |status| {
        let included = |id: &str, node| stands(&home, id, node).is_some();
        heights(status).is_some_and(|heights| heights.iter().all(|h| *h >= fork + 4))
            && included(&paid[0], 0)
            && included(&paid[1], 2)
    });
    // Each half knows what was paid there and has not heard of the other payment.
    let silent = |id: &str, node| home.fails(&format!("chain tx {id} --dir pow-dev:{node}"));
    silent(&paid[0], 2);
    silent(&paid[1], 1);
    assert_ne!(nodes(&split)[0]["head"], nodes(&split)[2]["head"]);
    // A node that starts again is still parted, from the first moment on.
    home.ok("devnet restart 3");
    home.status_when("", "came back", |status| heights(status).is_some());
    silent(&paid[0], 3);

    let healed = home.ok("devnet heal");
    assert!(healed.starts_with("healed: node0, node1 | node2, node3"), "{healed}");
    let status = home.status_when("", "of one mind", of_one_mind);
    assert_eq!(status["partition"], Value::Null);
    home.status_when("", "kept both payments", |_| {
        (0..4).all(|node| paid.iter().all(|id| stands(&home, id, node).is_some()))
    });
    // Who was on the losing side remembers its branch.
    let branches: Vec<Value> =
        (0..4).map(|node| json(&home, &format!("chain forks --dir pow-dev:{node}"))).collect();
    let long = |fork: &Value| fork["status"] == "side" && fork["length"].as_u64() >= Some(3);
    let lost = branches.iter().any(|forks| forks.as_array().unwrap().iter().any(long));
    assert!(lost, "{branches:#?}");
    for node in 0..4 {
        let supply = json(&home, &format!("chain supply --dir pow-dev:{node}"));
        let amount = |field: &str| supply[field].as_str().unwrap().parse::<u64>().unwrap();
        let height = supply["height"].as_u64().unwrap();
        assert!(height < 1000, "below the first halving");
        assert_eq!(amount("issued"), height * 5_000_000_000, "{supply}");
        assert_eq!(
            amount("genesis") + amount("issued") - amount("burned"),
            amount("circulating"),
            "{supply}"
        );
    }
    assert!(home.ok("devnet heal").starts_with("there was no partition"));
    home.ok("devnet down");
}

#[test]
fn a_node_stands_still_goes_on_and_another_one_joins() {
    let home = Home::new();
    quick_spec(&home);
    home.ok("devnet up quick.toml --detach --nodes 3");
    home.status_when("", "mined", all_reach(1));
    home.ok("devnet pause node2");
    let status = home.status("");
    assert_eq!(states(&status), ["running", "running", "paused"]);
    assert_eq!(nodes(&status)[2]["height"], Value::Null);
    let height = nodes(&status)[0]["height"].as_u64().unwrap();
    assert_eq!(home.fails("devnet pause 2").1["code"], "already_paused");
    assert_eq!(home.fails("devnet resume 1").1["code"], "not_paused");
    home.status_when("", "went on", |status| {
        nodes(status)[..2].iter().all(|node| node["height"].as_u64() >= Some(height + 2))
    });
    home.ok("devnet resume 2");
    home.status_when("", "caught up", all_reach(height + 2));

    // A paused node may be killed and restarted, and does not hold up the end.
    home.ok("devnet pause 2");
    home.ok("devnet kill 2");
    home.ok("devnet restart 2");
    home.ok("devnet pause 2");
    home.ok("devnet restart 2");
    home.status_when("", "came back", all_reach(height));

    let joined = home.ok("devnet add");
    assert!(joined.starts_with("node3 has joined at http://127.0.0.1:"), "{joined}");
    let status = home.status_when("", "let it in", all_met(3));
    assert_eq!(nodes(&status).len(), 4);
    home.status_when("", "let it catch up", all_reach(height + 2));
    home.status_when("", "agreed", of_one_mind);
    home.ok("devnet pause 1");
    home.ok("devnet stop");
    let (code, error) = home.fails("devnet add");
    assert_eq!((code, &error["code"]), (8, &"not_running".into()), "{error}");
    assert_eq!(home.fails("devnet resume 1").0, 1);
    // It is one of them from now on.
    home.ok("devnet up quick.toml --detach");
    assert_eq!(states(&home.status("")), ["running"; 4]);
    home.ok("devnet pause 0");
    home.ok("devnet down");
}

/// The shape of the link from one node to its first peer.
fn link(home: &Home, node: usize) -> Value {
    json(home, &format!("rpc net_peers --dir pow-dev:{node}"))[0]["link"].clone()
}

#[test]
fn links_are_shaped_and_stay_so() {
    let home = Home::new();
    quick_spec(&home);
    let path = home.path().join("quick.toml");
    let spec = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{spec}links = {{ latency = \"20ms\", loss = 0.01 }}\n")).unwrap();
    home.ok("devnet up quick.toml --detach --nodes 2");
    home.status_when("", "met", all_met(1));
    let shown = home.ok("devnet link");
    assert!(shown.starts_with("every link  latency 20ms, loss 1%, each way\n"), "{shown}");
    let of_spec = serde_json::json!({"latency_ms": 20, "jitter_ms": 0, "loss": 0.01});
    assert_eq!(link(&home, 0), of_spec);

    let line = home.ok("devnet link 1 0 --latency 150ms --jitter 5ms --bandwidth 10mbit");
    assert_eq!(line, "node1 - node0: latency 150ms, jitter 5ms, bandwidth 10mbit, each way\n");
    let slow = serde_json::json!({
        "latency_ms": 150, "jitter_ms": 5, "loss": 0.0, "bandwidth_bits_per_second": 10_000_000
    });
    assert_eq!(link(&home, 0), slow);
    assert_eq!(link(&home, 1), slow);
    // One that starts again is told again, and a round trip takes both ways.
    home.ok("devnet restart 1");
    home.status_when("", "met again", all_met(1));
    assert_eq!(link(&home, 1), slow);
    home.status_when("", "heard an echo", |_| {
        let peers = json(&home, "rpc net_peers --dir pow-dev:1");
        peers[0]["latency_ms"].as_f64().is_some_and(|latency| latency >= 290.0)
    });
    home.ok("devnet link 0 1 --reset");
    assert_eq!(link(&home, 0), of_spec);
    home.ok("devnet link --reset");
    let plain = serde_json::json!({"latency_ms": 0, "jitter_ms": 0, "loss": 0.0});
    assert_eq!(link(&home, 0), plain);
    home.status_when("", "agreed", of_one_mind);

    for (line, part) in [
        ("devnet link 0 --latency 5ms", "2 values required"),
        ("devnet link 0 0 --latency 5ms", "both are to be node0"),
        ("devnet link 0 7 --latency 5ms", "no node `7`"),
        ("devnet link --latency 5", "without a unit"),
        ("devnet link --latency 61s", "too long"),
        ("devnet link --jitter 5ms", "over the latency"),
        ("devnet link --loss 2", "not from nothing"),
        ("devnet link --bandwidth 10mbps", "is no bandwidth"),
        ("devnet link --reset --latency 5ms", "cannot be used with"),
        ("devnet partition", "required"),
        ("devnet partition 0,1", "nothing to part"),
        ("devnet partition 0 0,1", "in two groups"),
        ("devnet partition 0 7", "no node `7`"),
    ] {
        let (code, error) = home.fails(line);
        assert_eq!(code, 2, "{line}: {error}");
        assert!(error.to_string().contains(part), "{line}: {error}");
    }
    home.ok("devnet down");
}
