//! Who stands for election, and whom an address approves.

use assay::api::RpcCode;
use assay::node::rpc::Config;
use assay::spec::DevAccount;
use serde_json::{Value, json};

use super::fake::{self, owner, prefix};
use super::{Stage, call, post, stage, staged};

async fn ask(stage: &Stage, method: &str, params: Value) -> Value {
    post(stage, &[], &call(method, params)).await.json()
}

fn address(name: &str) -> String {
    DevAccount::named(name).unwrap().address().encode(&prefix())
}

#[tokio::test]
async fn delegates_come_by_votes_and_by_pages() {
    let stage = staged(Config::default(), fake::electing_facts).await;
    let first = ask(&stage, "delegate_list", json!({ "limit": 5 })).await["result"].take();
    let facts = ["count", "next", "seats", "votes_max", "deposit", "round", "slot", "slot_ms"];
    let facts: Vec<&Value> = facts.iter().map(|fact| &first[fact]).collect();
    assert_eq!(json!(facts), json!([7, 5, 7, 7, "100000000000", 1, 0, 1000]), "{first}");
    assert_eq!(
        (&first["voting"], &first["circulating"]),
        (&json!("700000000000000"), &json!("1480"))
    );
    let second = ask(&stage, "delegate_list", json!([5])).await["result"].take();
    assert_eq!((second.get("next"), &second["head"]), (None, &first["head"]), "{second}");
    let of = |page: &Value| page["delegates"].as_array().unwrap().clone();
    let all = [of(&first), of(&second)].concat();
    let ranks: Vec<u64> = all.iter().map(|it| it["rank"].as_u64().unwrap()).collect();
    assert_eq!(ranks, [1, 2, 3, 4, 5, 6, 7]);
    let mut slots = Vec::new();
    for it in &all {
        assert_eq!(it["address"], address(it["name"].as_str().unwrap()), "{it}");
        assert_eq!((&it["in_force"], &it["standing"]), (&json!(true), &json!("active")), "{it}");
        let slot = it["next_slot"].as_u64().unwrap();
        assert_eq!(it["next_time"], json!(1_700_000_000_000 + slot * 1000), "{it}");
        slots.push(slot);
    }
    slots.sort_unstable();
    assert_eq!(slots, [1, 2, 3, 4, 5, 6, 7], "each has one slot of the first round");
}

#[tokio::test]
async fn founders_approve_themselves_and_others_nobody() {
    let stage = staged(Config::default(), fake::electing_facts).await;
    let alice = ask(&stage, "delegate_votes", json!([address("alice")])).await["result"].take();
    assert_eq!(alice["weight"], "100000000000000", "{alice}");
    assert_eq!(
        (&alice["delegates"][0]["name"], alice["delegates"].get(1)),
        (&json!("alice"), None)
    );
    let heidi = ask(&stage, "delegate_votes", json!([address("heidi")])).await["result"].take();
    assert_eq!((&heidi["weight"], &heidi["delegates"]), (&json!("150000000000000"), &json!([])));
    let bonded = ask(&stage, "address_balance", json!([owner().address().encode(&prefix())])).await;
    assert_eq!(bonded.pointer("/result/bonded"), Some(&json!("30")), "{bonded}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let electing = staged(Config::default(), fake::electing_facts).await;
    let working = stage(Config::default()).await;
    for (stage, method, params, code, what) in [
        (&electing, "delegate_list", json!({ "limit": 0 }), -32602, "limit 0 is not in 1 to 1000"),
        (&electing, "delegate_list", json!({ "limit": 1001 }), -32602, "limit 1001"),
        (&electing, "delegate_list", json!({ "page": 1 }), -32602, "page"),
        (&electing, "delegate_votes", json!({}), -32602, "missing field `address`"),
        (&electing, "delegate_votes", json!(["alice"]), RpcCode::BadAddress.code(), ""),
        (
            &working,
            "delegate_list",
            json!([]),
            RpcCode::NoAuthorities.code(),
            "under the rule pow nobody is a delegate",
        ),
        (
            &working,
            "delegate_votes",
            json!([address("alice")]),
            RpcCode::NoAuthorities.code(),
            "pow",
        ),
    ] {
        let answer = ask(stage, method, params).await;
        assert_eq!(answer.pointer("/error/code"), Some(&json!(code)), "{method}: {answer}");
        assert!(answer.to_string().contains(what), "{method}: {answer}");
    }
}
