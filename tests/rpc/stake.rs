//! Who stakes, and with what chances.

use assay::api::RpcCode;
use assay::node::rpc::{Backend, Config};
use serde_json::{Value, json};

use super::fake::{self, HELD, owner, prefix};
use super::{Stage, call, post, stage, staged};

/// What the token's owner is answered.
async fn ask(stage: &Stage, method: &str, params: Value) -> Value {
    let bearer = format!("Bearer {}", stage.token);
    post(stage, &[("authorization", &bearer)], &call(method, params)).await.json()
}

#[tokio::test]
async fn coins_are_staked_from_a_start_to_a_stop() {
    let stage = staged(Config::default(), fake::staking_facts).await;
    let (secret, address) = ("07".repeat(32), owner().address().encode(&prefix()));
    let idle = ask(&stage, "stake_status", json!({})).await;
    let result = |at: &str, answer: &Value| answer.pointer(&format!("/result/{at}")).cloned();
    assert_eq!(result("staking", &idle), Some(json!(false)), "{idle}");
    assert_eq!(
        (result("stakers", &idle), result("chance_per_second", &idle)),
        (Some(json!([])), Some(json!(0.0)))
    );

    // 1000, 400 and a bond of 30 are old; the reward rests for the 10 blocks of the rule.
    let others = ask(&stage, "stake_status", json!([[address]])).await;
    assert_eq!(result("old", &others), Some(json!({ "coins": 2, "amount": "1400" })), "{others}");
    assert_eq!(result("resting", &others), Some(json!({ "coins": 1, "amount": "50" })));
    assert_eq!(result("resting_until", &others), Some(json!(12)));
    let chance = result("chance_per_second", &others).unwrap().as_f64().unwrap();
    // 1400 base units that are as old as counts, ten minutes less twenty seconds, at 2^-12 for a coin-day.
    let coin_days = 1400e-8 * 580.0 / 86_400.0;
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6 * b;
    assert!(near(result("coin_days", &others).unwrap().as_f64().unwrap(), coin_days), "{others}");
    assert!(near(chance, coin_days / 4096.0), "{others}");
    assert!(near(result("expected_ms", &others).unwrap().as_f64().unwrap(), 1000.0 / chance));

    let started = ask(&stage, "stake_start", json!({ "keys": [secret], "reserve": "300" })).await;
    assert_eq!(result("stakers", &started), Some(json!([address])), "{started}");
    assert_eq!(result("staking", &started), Some(json!(true)));
    assert_eq!(result("reserve", &started), Some(json!("300")));
    let kept = result("reserved/coins", &started).unwrap();
    assert_eq!(kept, json!(1), "one coin holds as much: {started}");
    assert_eq!(
        ask(&stage, "stake_status", json!([])).await.pointer("/result/staking"),
        Some(&json!(true))
    );
    let coins = ask(&stage, "coins_list", json!([address])).await;
    let hour = coins.pointer("/result/coins/0/stake/chance_per_hour").and_then(Value::as_f64);
    assert!(hour.is_some_and(|chance| chance > 0.0 && chance < 1.0), "{coins}");

    let stopped = ask(&stage, "stake_stop", json!([])).await;
    assert_eq!(result("staking", &stopped), Some(json!(false)), "{stopped}");
    assert!(stage.node.staking().is_none());
}

#[tokio::test]
async fn what_cannot_be_staked_is_refused_without_a_word_of_the_key() {
    let staking = staged(Config::default(), fake::staking_facts).await;
    let working = stage(Config::default()).await;
    let (secret, bad) = ("07".repeat(32), "c0ffee".repeat(11));
    let held = HELD.0.to_string();
    for (stage, method, params, code, what) in [
        (&working, "stake_status", json!([]), RpcCode::NoStake.code(), "rule pow has no stake"),
        (&working, "stake_stop", json!([]), RpcCode::NoStake.code(), "rule pow has no stake"),
        (&staking, "stake_start", json!([[]]), -32602, "there is no key"),
        (&staking, "stake_start", json!([[bad]]), -32602, "64 hexadecimal digits"),
        (
            &staking,
            "stake_start",
            json!([[secret], held]),
            RpcCode::StakeRefused.code(),
            "process 7",
        ),
        (&staking, "stake_start", json!([[secret], "-1"]), -32602, "bad parameters"),
        (&staking, "stake_status", json!([["nobody"]]), RpcCode::BadAddress.code(), ""),
        (&staking, "stake_status", json!([vec!["x"; 1025]]), -32602, "1025 addresses"),
    ] {
        let answer = ask(stage, method, params).await;
        assert_eq!(answer.pointer("/error/code"), Some(&json!(code)), "{method}: {answer}");
        let text = answer.to_string();
        assert!(
            text.contains(what) && !text.contains(&secret) && !text.contains("c0ffee"),
            "{text}"
        );
    }
    assert!(staking.node.staking().is_none());
    let coins = ask(&working, "coins_list", json!([owner().address().encode(&prefix())])).await;
    assert_eq!(coins.pointer("/result/coins/0/stake"), None, "{coins}");
}
