//! Nodes that stake, as processes: with the coins of development accounts, and with those of a wallet.

use serde_json::Value;

use super::{Home, all_reach, nodes};

fn json(home: &Home, line: &str) -> Value {
    serde_json::from_str(&home.ok(line)).unwrap()
}

#[test]
fn coins_of_accounts_and_wallets_make_blocks_unattended() {
    let home = Home::new();
    home.ok("devnet up pos-dev --nodes 2 --detach");
    let status = home.status_when("", "staked", all_reach(1));
    let owners: Vec<_> = nodes(&status).iter().map(|node| node["stakes"].clone()).collect();
    assert!(
        owners[0][0].is_string() && owners[1][0].is_string() && owners[0] != owners[1],
        "{status}"
    );
    let block = json(&home, "chain block 1 --json --dir pos-dev");
    assert_eq!(block["claim"]["kind"], "stake", "{block}");
    assert!(owners.iter().any(|owner| owner[0] == block["producer"]), "{block} {status}");

    // A wallet's coins are younger, and wait.
    home.ok("wallet new --no-password");
    let (code, error) = home.fails("wallet stake start --no-password --dir pos-dev:0");
    assert_eq!((code, &error["code"]), (1, &"nothing_to_stake".into()), "{error}");
    home.ok("wallet faucet --dir pos-dev:0");
    let started = json(&home, "wallet stake start --no-password --json --dir pos-dev:0");
    let ours = started["stakers"].clone();
    assert!(started["staking"] == true && ours.as_array().unwrap().len() == 1, "{started}");
    assert!(started["young_until"].is_u64(), "{started}");
    // Nobody else may stake with the same key on this chain.
    let (code, error) = home.fails("wallet stake start --no-password --dir pos-dev:1");
    assert!(code == 9 && error["code"] == "stake_refused", "{error}");
    assert!(error["message"].as_str().unwrap().contains("node0"), "{error}");
    let stopped = json(&home, "wallet stake stop --json --dir pos-dev:0");
    assert!(stopped["stakers"].as_array().unwrap().is_empty(), "{stopped}");
    let moved = json(&home, "wallet stake start --no-password --json --dir pos-dev:1");
    assert_eq!(moved["stakers"], ours);
    home.ok("devnet down --dir pos-dev");
}
