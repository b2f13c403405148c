//! Nodes whose authorities agree, as processes: streams, keys, records and reads.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::{Home, all_reach, nodes};

fn json(home: &Home, line: &str) -> Value {
    serde_json::from_str(&home.ok(line)).unwrap()
}

/// What a node says of the agreement once somebody leads in it.
fn led(home: &Home, chain: &str, node: &str) -> Value {
    let deadline = std::time::Instant::now() + super::PATIENCE;
    loop {
        let status = json(home, &format!("rpc consensus_status --dir {chain}:{node}"));
        if status["leader"].is_string() {
            return status;
        }
        assert!(std::time::Instant::now() < deadline, "nobody leads: {status}\n{}", home.logs());
        std::thread::sleep(super::INTERVAL);
    }
}

/// Whose node leads.
fn leader(home: &Home, chain: &str, asked: &str) -> String {
    let leads = led(home, chain, asked)["leader"].clone();
    let node = ["node0", "node1", "node2", "node3"].into_iter().find(|node| {
        let line = format!("rpc consensus_status --dir {chain}:{node}");
        let output = home.run(&line);
        output.status.success()
            && serde_json::from_slice::<Value>(&output.stdout).unwrap()["authority"] == leads
    });
    node.expect("the leader runs").to_owned()
}

#[test]
fn three_authorities_agree_and_survive_the_loss_of_their_leader() {
    agree(&Home::new(), "raft-3", "raft-3", "raft");
}

/// Another rule on the same chain: two words of its spec are others.
#[test]
fn acceptors_do_the_same() {
    let home = Home::new();
    let text = include_str!("../../chain-specs/raft-3.toml");
    let text = text.replacen("name = \"raft-3\"", "name = \"paxos-3\"", 1);
    let text = text.replacen("engine = \"raft\"", "engine = \"paxos\"", 1);
    fs::write(home.path().join("paxos.toml"), text).unwrap();
    agree(&home, "paxos.toml", "paxos-3", "paxos");
}

fn agree(home: &Home, spec: &str, chain: &str, engine: &str) {
    home.ok(&format!("devnet up {spec} --detach"));
    home.status_when("", "sealed a block", all_reach(1));
    let status = led(home, chain, "node0");
    assert_eq!(status["authorities"].as_array().unwrap().len(), 3, "{status}");
    let info = json(home, &format!("chain info --json --dir {chain}"));
    assert_eq!((&info["engine"], &info["difficulty"]), (&engine.into(), &Value::Null), "{info}");
    assert_eq!(info["height"], info["final_height"], "{info}");

    // Nobody searches, and says so.
    for line in ["rpc mining_template", "rpc mining_start [\"x\"]", "rpc getblocktemplate"] {
        let (code, error) = home.fails(&format!("{line} --dir {chain}:node0"));
        let message = error["message"].as_str().unwrap();
        assert!(code == 9 && message.contains("authorities make them"), "{line}: {error}");
    }

    // Without its leader the rest goes on; the leader comes back with its records and its key.
    let first = leader(home, chain, "node0");
    home.ok(&format!("devnet kill {first}"));
    let other = if first == "node0" { "node1" } else { "node0" };
    let address = &status["authorities"][0]["address"];
    let balance = format!("wallet balance {}", address.as_str().unwrap());
    let read = json(home, &format!("{balance} --json --read linearizable --dir {chain}:{other}"));
    assert_eq!(read["spendable"], "100000000000000", "{read}");
    home.ok(&format!("devnet restart {first}"));
    let height = read["height"].as_u64().unwrap();
    home.status_when("", "came back", all_reach(height));

    // One of three cannot say what is final, and does not pretend to.
    let (lone, gone): (Vec<_>, Vec<_>) =
        ["node0", "node1", "node2"].into_iter().partition(|node| *node == other);
    gone.iter().for_each(|node| drop(home.ok(&format!("devnet kill {node}"))));
    let (code, error) =
        home.fails(&format!("{balance} --read linearizable --dir {chain}:{}", lone[0]));
    assert_eq!((code, &error["code"]), (9, &"not_current".into()), "{error}");
    home.ok(&format!("{balance} --dir {chain}:{}", lone[0]));
    gone.iter().for_each(|node| drop(home.ok(&format!("devnet restart {node}"))));
    home.status_when("", "agreed again", |status| {
        nodes(status).iter().all(|node| node["height"].as_u64() > Some(height))
    });
    home.ok("devnet down");
}

#[test]
fn a_key_signs_in_one_place() {
    let home = Home::new();
    home.ok("devnet up raft-3 --detach");
    home.status_when("", "sealed a block", all_reach(1));
    let devnet = home.devnet("raft-3");
    let key = devnet.join("node0/authority.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let elsewhere = format!(
        "node run --chain {} --datadir elsewhere --port 0 --rpc-port 0 --authority {}",
        devnet.join("chain.toml").display(),
        key.display()
    );
    let (code, error) = home.fails(&elsewhere);
    assert_eq!((code, &error["code"]), (7, &"authority_locked".into()), "{error}");
    assert!(error["message"].as_str().unwrap().contains("node0"), "{error}");
    home.ok("devnet stop");
    let (code, error) = home.fails(&elsewhere);
    assert_eq!((code, &error["code"]), (7, &"authority_elsewhere".into()), "{error}");
    assert!(error["help"].as_str().unwrap().contains("--authority-moved"), "{error}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, error) = home.fails(&elsewhere);
    assert!(code == 7 && error["message"].as_str().unwrap().contains("chmod 600"), "{error}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let pow = format!(
        "node run --chain pow-dev --datadir pow --port 0 --rpc-port 0 --authority {}",
        key.display()
    );
    let (code, error) = home.fails(&pow);
    assert_eq!((code, &error["code"]), (3, &"no_authorities".into()), "{error}");
    // Where it always signed it goes on, and after a resync too.
    home.ok("devnet up raft-3 --detach");
    home.status_when("", "went on", all_reach(2));
    home.ok("devnet down");
}

#[test]
fn authorities_join_and_leave_while_the_others_go_on_and_all_of_it_is_replayed() {
    let home = Home::new();
    home.restore_dev(4);
    home.ok("devnet up raft-3 --detach --record films");
    home.status_when("", "sealed a block", all_reach(1));
    home.ok("devnet add --authority");
    // By whom, about whom, and through which node.
    let propose = |by: usize, what: &str, node: usize| {
        let line = format!("wallet authority propose {what} -w dev --no-password -a {by}");
        home.ok(&format!("{line} --wait final --dir raft-3:node{node}"));
    };
    let of = |status: &Value, node: usize, key: &str| status["nodes"][node][key].clone();
    let observes = |node: usize| move |status: &Value| of(status, node, "role") == "observer";
    home.status_when("", "has joined to look on", observes(3));
    propose(0, "dave add", 0);
    propose(1, "dave add", 3);
    let four = |status: &Value| (0..4).all(|node| of(status, node, "role") != "observer");
    home.status_when("", "agree by four", four);

    // Three of four are a majority only if the new one votes.
    let first = leader(&home, "raft-3", "node3");
    home.ok(&format!("devnet kill {first}"));
    let leads = |status: &Value| {
        nodes(status).iter().any(|node| node["role"] == "leader" && node["name"] != first.as_str())
    };
    home.status_when("", "have a new leader", leads);
    propose(3, "alice remove", if first == "node3" { 0 } else { 3 });
    home.ok(&format!("devnet restart {first}"));
    propose(1, "alice remove", 1);
    propose(2, "alice remove", 2);
    home.status_when("", "go on without the first", observes(0));
    let list = json(&home, "wallet authority list --json --dir raft-3:node3");
    assert_eq!(list["authorities"].as_array().unwrap().len(), 3, "{list}");

    // Started anew they are who they were, and what they were fed makes the same of them, without any key.
    home.ok("devnet stop");
    for node in 0..4 {
        let report = json(&home, &format!("sim replay films/node{node}.rec --json"));
        assert_eq!(report["same"], true, "{report:#}");
        assert!(report["blocks"].as_u64() > Some(0), "{report:#}");
    }
    home.ok("devnet up raft-3 --detach");
    let roles =
        |status: &Value| of(status, 0, "role") == "observer" && of(status, 3, "role") != "observer";
    home.status_when("", "are back", |status| four_are_there(status) && roles(status));
    home.ok("devnet down");
}

fn four_are_there(status: &Value) -> bool {
    nodes(status).len() == 4 && nodes(status).iter().all(|node| node["role"].is_string())
}
