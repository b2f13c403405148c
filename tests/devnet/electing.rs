//! Delegates, as processes: one more is voted in and makes blocks, one that dies is suspended and comes back.

use std::time::Instant;

use serde_json::Value;

use super::{Home, all_reach, heights, json};

/// How a delegate stands, once it is as wanted.
fn delegate_when(home: &Home, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + super::PATIENCE;
    loop {
        let found = json(home, &format!("wallet delegate status {name}"))["delegate"].take();
        if wanted(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "{name} never {what}: {found:#}\n{}", home.logs());
        std::thread::sleep(super::INTERVAL);
    }
}

#[test]
fn a_delegate_is_voted_in_and_another_is_suspended_and_returns() {
    let home = Home::new();
    home.restore_dev(10);
    home.ok("devnet up dpos-dev --detach");
    home.status_when("", "sealed a block", all_reach(1));
    let act = |account: usize, what: &str| {
        home.ok(&format!("wallet {what} -w dev --no-password -a {account}"))
    };
    let refused = |account: usize, what: &str| {
        let (exit, error) = home.fails(&format!("wallet {what} -w dev --no-password -a {account}"));
        (exit, error["code"].as_str().unwrap().to_owned())
    };

    // Heidi locks her deposit, of which she can spend nothing.
    act(7, "delegate register heidi");
    assert_eq!(refused(8, "delegate register heidi"), (9, "name_taken".into()));
    let coins = json(&home, "wallet coins -w dev -a 7");
    let coins = coins["coins"].as_array().unwrap();
    let bond = coins.iter().find(|coin| coin["kind"] == "bond").unwrap();
    assert_eq!((&bond["amount"], &bond["spendable"]), (&"100000000000".into(), &false.into()));
    assert_eq!(json(&home, "wallet balance -w dev -a 7")["bonded"], bond["amount"]);

    // More coins approve her than most others, and more approve Bob, who dies.
    act(7, "vote heidi");
    act(0, "vote heidi alice");
    act(9, "vote bob");
    let added = home.ok("devnet add --authority");
    assert!(added.contains("signs for heidi once that is a delegate with votes"), "{added}");
    home.ok("devnet kill node1");
    let heidi = delegate_when(&home, "heidi", "had a seat", |it| {
        it["to_come"] == true || it["in_force"] == true
    });
    assert_eq!((&heidi["rank"], &heidi["standing"]), (&1.into(), &"active".into()), "{heidi}");
    delegate_when(&home, "heidi", "made a block", |it| it["produced"].as_u64() > Some(0));

    let bob = delegate_when(&home, "bob", "was suspended", |it| it["standing"] == "suspended");
    assert!(bob["missed_in_row"].as_u64() >= Some(3), "{bob}");
    assert_eq!(refused(8, "vote bob"), (9, "delegate_suspended".into()));
    assert_eq!(refused(7, "delegate reactivate"), (9, "not_suspended".into()));
    home.ok("devnet restart node1");
    act(1, "delegate reactivate");
    let made = |it: &Value| it["produced"].as_u64() > bob["produced"].as_u64();
    let bob = delegate_when(&home, "bob", "made blocks again", made);
    assert_eq!((&bob["standing"], &bob["missed_in_row"]), (&"active".into(), &0.into()), "{bob}");

    // All eight nodes know of it.
    let status = home.status_when("", "answered", |status| heights(status).is_some());
    let height = heights(&status).unwrap().into_iter().max().unwrap();
    home.status_when("", "follow", all_reach(height));
    home.ok("devnet down");
}
