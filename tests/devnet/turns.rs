//! Nodes whose authorities sign in turn, as processes: they are voted in and out, and a minority waits.

use std::time::Instant;

use serde_json::Value;

use super::{Home, INTERVAL, PATIENCE, heights, json, nodes};

const DEVNET: &str = "--dir poa-dev";

/// The authorities after the head of a node.
fn list(home: &Home, node: usize) -> Value {
    json(home, &format!("wallet authority list {DEVNET}:node{node}"))
}

/// What is known of the authority that a node acts for, if it is one.
fn own<'a>(list: &'a Value, address: &Value) -> Option<&'a Value> {
    list["authorities"].as_array().unwrap().iter().find(|it| it["address"] == *address)
}

/// Waits until the list of a node is as wanted.
fn list_when(home: &Home, node: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let list = list(home, node);
        if wanted(&list) {
            return list;
        }
        assert!(Instant::now() < deadline, "never {what}: {list:#}\n{}", home.logs());
        std::thread::sleep(INTERVAL);
    }
}

fn highest(home: &Home) -> u64 {
    let status = home.status(DEVNET);
    nodes(&status).iter().filter_map(|node| node["height"].as_u64()).max().unwrap()
}

/// A fifth authority is voted in by three of four and signs, the first one is voted out and does not any more, and nobody
/// is started again for it.
#[test]
fn authorities_are_voted_in_and_out_while_they_sign() {
    let home = Home::new();
    home.restore_dev(4);
    home.ok("devnet up poa-dev --detach");
    let address = |node: usize| list(&home, node)["ours"].clone();
    let pids =
        |status: &Value| nodes(status).iter().map(|it| it["pid"].clone()).collect::<Vec<_>>();
    let first = home.status_when(DEVNET, "signed", super::all_reach(2));
    home.ok(&format!("devnet add --authority {DEVNET}"));
    home.status_when(DEVNET, "was joined by a fifth", |status| {
        heights(status).is_some_and(|heights| heights.len() == 5)
    });
    let (alice, erin) = (address(0), address(4));
    assert!(own(&list(&home, 4), &alice).is_some() && own(&list(&home, 4), &erin).is_none());
    let propose = |by: usize, what: &str| {
        let line = format!("wallet authority propose {what} -w dev --no-password -a {by}");
        home.ok(&format!("{line} {DEVNET}:node{by}"));
    };
    for by in 0..3 {
        propose(by, "erin add");
    }
    let joined = list_when(&home, 4, "was voted in", |list| own(list, &erin).is_some());
    let since = own(&joined, &erin).unwrap()["record"]["since"].as_u64().unwrap();
    assert_eq!(joined["changed"], since - 1, "{joined}");
    list_when(&home, 0, "signed as the fifth", |list| {
        own(list, &erin).is_some_and(|it| it["record"]["signed"].as_u64() > Some(2))
    });
    for by in 1..4 {
        propose(by, "alice remove");
    }
    let left = list_when(&home, 1, "was voted out", |list| own(list, &alice).is_none());
    let gone = left["changed"].as_u64().unwrap();
    assert!(gone > since, "{left}");
    let goal = gone + 5;
    home.status_when(DEVNET, "went on", super::all_reach(goal));
    // Whoever is out of it goes on as an observer: none of the blocks since then is its own.
    for height in gone + 1..=goal {
        let block = json(&home, &format!("chain block {height} {DEVNET}:node0"));
        let header = block.get("header").unwrap_or(&block);
        assert!(header["producer"].is_string() && header["producer"] != alice, "{block}");
    }
    let status = home.status(DEVNET);
    assert_eq!(pids(&status)[..4], pids(&first)[..], "somebody was started again");
    home.ok(&format!("devnet down {DEVNET}"));
}

/// Each of four authorities signs one of three blocks in a row: two make two blocks at most, and wait. With a third one they
/// go on.
#[test]
fn two_of_four_authorities_halt_and_three_go_on() {
    let home = Home::new();
    home.ok("devnet up poa-dev --detach");
    home.status_when(DEVNET, "signed", super::all_reach(4));
    home.ok(&format!("devnet kill node2 {DEVNET}"));
    let height = highest(&home);
    let three = |status: &Value| {
        nodes(status).iter().filter(|it| it["height"].as_u64() > Some(height + 4)).count() == 3
    };
    home.status_when(DEVNET, "went on without one", three);
    home.ok(&format!("devnet kill node3 {DEVNET}"));
    let halted = highest(&home);
    // Ten periods are enough to see that it halts.
    std::thread::sleep(std::time::Duration::from_secs(10));
    let after = highest(&home);
    assert!(after <= halted + 2, "from {halted} to {after} with two of four");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(highest(&home), after);
    home.ok(&format!("devnet restart node3 {DEVNET}"));
    home.status_when(DEVNET, "went on by three", |status| {
        let ahead = nodes(status).iter().filter(|it| it["height"].as_u64() > Some(after + 3));
        ahead.count() == 3
    });
    home.ok(&format!("devnet down {DEVNET}"));
}
