//! `wallet stake`: who stakes, what is said of coins, and their shape.

use super::*;

const PASS: [&str; 2] = ["--password-file", "pass"];

fn stake(stage: &Stage, node: &FakeNode, words: &[&str]) -> Value {
    stage.json(node, &[&["stake"], words].concat())
}

fn refused(stage: &Stage, node: &FakeNode, words: &[&str]) -> CliError {
    stage.run(node, &[&["stake"], words].concat()).err().unwrap()
}

#[test]
fn a_node_stakes_for_all_accounts_of_a_wallet_until_it_is_told_to_stop() {
    let stage = Stage::new();
    let node = funded().with_stake(8);
    let before = stake(&stage, &node, &["status"]);
    assert_eq!(
        (&before["staking"], &before["old"]["coins"]),
        (&false.into(), &2.into()),
        "{before}"
    );
    assert_eq!((&before["young_until"], &before["resting_until"]), (&103_000.into(), &108.into()));

    let line = [&["start", "--reserve", "1.5"], &PASS[..]].concat();
    let started = stake(&stage, &node, &line);
    let owners = [0, 1].map(|account| shown(&own(account).address()));
    assert_eq!(started["stakers"], serde_json::json!(owners), "{started}");
    assert_eq!((&started["staking"], &started["reserve"]), (&true.into(), &"150000000".into()));
    let text = stage.run(&node, &["stake", "status"]).unwrap().text;
    for part in [
        "yes, on this node",
        "2 coins, 15 PYR",
        "is old enough in 3 s",
        "until height 108",
        "next block",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(stage.notes(), "");
    assert!(stake(&stage, &node, &["stop"])["stakers"].as_array().unwrap().is_empty());
    assert!(node.stakers().is_empty());
}

#[test]
fn where_no_coin_is_old_enough_it_says_when_the_first_will_be() {
    let stage = Stage::new();
    let young = funded().with_stake(1000);
    assert_eq!(stake(&stage, &young, &[&["start"], &PASS[..]].concat())["staking"], true);
    let notes = stage.notes();
    assert!(notes.contains("no coin is old enough: the first will be at 1970-01-01"), "{notes}");
    assert!(notes.contains("begins by itself"), "{notes}");

    let resting = FakeNode::new().with_stake(0);
    resting.fund(own(0).address(), 5, HEAD - 2, CoinKind::Stake);
    stake(&stage, &resting, &["status"]);
    assert!(stage.notes().contains("may stake again at height 108, in 8 blocks"));
}

#[test]
fn what_cannot_be_staked_is_refused() {
    let stage = Stage::new();
    let (node, poor) = (funded().with_stake(8), FakeNode::new().with_stake(8));
    stage.secret("other", "wrong");
    let start = |more: &[&'static str]| [&["start"], more].concat();
    for (node, words, exit, code) in [
        (&funded(), start(&PASS), Exit::Refused, "no_stake"),
        (&funded(), vec!["status"], Exit::Refused, "no_stake"),
        (&funded(), vec!["stop"], Exit::Refused, "no_stake"),
        (&node, start(&["--password-file", "other"]), Exit::Keystore, "wrong_password"),
        (&node, start(&["--wallet", "nobody"]), Exit::Keystore, "unknown_wallet"),
        (&node, start(&["--reserve", "68"]), Exit::Failed, "nothing_to_stake"),
        (&node, start(&["--reserve", "-1"]), Exit::Usage, "bad_amount"),
        (&poor, start(&PASS), Exit::Failed, "nothing_to_stake"),
    ] {
        let error = refused(&stage, node, &words);
        assert_eq!((error.exit(), error.code()), (exit, code), "{words:?}: {}", error.message());
    }
    assert!(node.stakers().is_empty());
}

/// What the coins of the first account hold that may be spent, the least first.
fn amounts(stage: &Stage, node: &FakeNode) -> Vec<u64> {
    let coins = stage.json(node, &["coins"]);
    let spendable = coins["coins"].as_array().unwrap().iter().filter(|it| it["spendable"] == true);
    let mut amounts: Vec<u64> =
        spendable.map(|it| it["amount"].as_str().unwrap().parse().unwrap()).collect();
    amounts.sort_unstable();
    amounts
}

#[test]
fn coins_are_split_and_merged_for_the_fee_alone() {
    let stage = Stage::new();
    let node = funded();
    let split = stake(&stage, &node, &[&["split", "4"], &PASS[..]].concat());
    let (each, fee) = (&split["amount"], &split["fee"]);
    let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let (each, fee) = (number(each), number(fee));
    assert_eq!((&split["coins"], 4 * each + fee), (&4.into(), 1_000_000_000), "{split}");
    assert_eq!(amounts(&stage, &node), [each, each, each, each, 500_000_000]);
    assert!(stage.notes().contains("their age begins"));

    let merged = stake(&stage, &node, &[&["merge", "--below", "3"], &PASS[..]].concat());
    let (whole, fee) = (number(&merged["amount"]), number(&merged["fee"]));
    assert_eq!(whole + fee, 4 * each, "{merged}");
    assert_eq!(amounts(&stage, &node), [500_000_000, whole]);

    // A sum in parts comes from whatever pays it, and the rest returns.
    let parts = stake(&stage, &node, &[&["split", "3", "--amount", "3"], &PASS[..]].concat());
    let fee = number(&parts["fee"]);
    let left = amounts(&stage, &node);
    assert_eq!(left[..3], [100_000_000; 3], "{parts}");
    assert_eq!(left.iter().sum::<u64>(), 500_000_000 + whole - fee);

    let text = stage.run(&node, &[&["stake", "split", "2"], &PASS[..]].concat()).unwrap().text;
    assert!(text.contains("making 2 coins of"), "{text}");
    for (words, exit, code) in [
        (vec!["merge", "--below", "0.1"], Exit::Failed, "nothing_to_shape"),
        (vec!["split", "2", "--coin", "ffff"], Exit::Usage, "unknown_coin"),
        (vec!["split", "2", "--amount", "0"], Exit::Failed, "nothing_to_shape"),
        (vec!["split", "200", "--amount", "0.0001"], Exit::Usage, "dust"),
        (vec!["split", "2", "--amount", "1000"], Exit::Failed, "insufficient_funds"),
        (vec!["split", "1"], Exit::Usage, "usage"),
        (vec!["split", "256"], Exit::Usage, "usage"),
    ] {
        let error = refused(&stage, &node, &words);
        assert_eq!((error.exit(), error.code()), (exit, code), "{words:?}: {}", error.message());
    }
}
