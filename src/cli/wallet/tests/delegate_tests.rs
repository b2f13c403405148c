//! `wallet delegate`, `vote` and `unvote`: who stands for election, and who elects.

use super::*;
use crate::api::{DelegateStatus, DelegatesPage};
use crate::types::{Amount, BlockId, COIN, Height, Operation, Span};

/// When the fake's next slot begins.
const SLOT: Time = Time(HEAD * 1000 + 3_000);

fn delegate(rank: u64, name: &str, address: Address, standing: &str) -> DelegateStatus {
    DelegateStatus {
        rank,
        name: name.into(),
        address: shown(&address),
        weight: Amount((10 - rank) * COIN),
        share: 0.25,
        standing: standing.into(),
        standing_since: (standing != "active").then_some(Height(77)),
        deposit: None,
        deposit_returns: None,
        in_force: rank < 3,
        to_come: rank == 3,
        since: Height(0),
        produced: 7,
        missed: rank,
        missed_in_row: rank - 1,
        next_slot: (rank == 1).then_some(9),
        next_time: (rank == 1).then_some(SLOT),
    }
}

/// A chain with six delegates: two in force, one to come, and one of each that may not be voted for.
fn elected(approved: &[&str]) -> FakeNode {
    let other = |mark: u8| Keypair::from_secret(&[mark; 32]).address();
    elected_by(
        vec![
            delegate(1, "north", other(11), "active"),
            delegate(2, "south", other(12), "active"),
            delegate(3, "west\u{1b}[2J", other(13), "active"),
            delegate(4, "asleep", other(14), "suspended"),
            delegate(5, "gone", other(15), "resigned"),
            delegate(6, "liar", other(16), "banned"),
        ],
        approved,
    )
}

fn elected_by(delegates: Vec<DelegateStatus>, approved: &[&str]) -> FakeNode {
    let page = DelegatesPage {
        head: BlockId::default(),
        height: Height(HEAD),
        round: 2,
        slot: 8,
        round_ends: 14,
        slot_ms: Span(1000),
        seats: 2,
        deposit: Amount(4 * COIN),
        unbonding: 100,
        inactive_after: 3,
        votes_max: 2,
        circulating: Amount(1000 * COIN),
        voting: Amount(250 * COIN),
        turnout: 0.25,
        count: delegates.len() as u64,
        delegates,
        next: None,
    };
    funded().with_delegates(page, approved)
}

#[test]
fn delegates_are_listed_by_votes_over_all_pages() {
    let stage = Stage::new();
    let text = stage.run(&elected(&[]), &["delegate", "list"]).unwrap().text;
    for part in ["turnout  25.00 % of all coins, 250 PYR", "2, 6 s to go", "in 3 s", "next round"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("to come") && text.contains("4 (3 in a row)"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");

    let listed = stage.json(&elected(&[]).with_page(4), &["delegate", "list"]);
    assert_eq!(listed["delegates"].as_array().unwrap().len(), 6, "{listed}");
    assert_eq!((&listed["delegates"][5]["name"], listed.get("next")), (&"liar".into(), None));
    stage.notes();
    let listed = stage.json(&elected(&[]).with_page(2), &["delegate", "list", "-n", "3"]);
    assert_eq!(listed["delegates"].as_array().unwrap().len(), 3, "{listed}");
    assert!(stage.notes().contains("3 more are shown with --limit"));
}

#[test]
fn anybody_can_see_how_a_delegate_stands_and_whom_somebody_approves() {
    let stage = Stage::new();
    let node = elected(&["north", "south"]);
    let text = stage.run(&node, &["delegate", "status", "asleep"]).unwrap().text;
    for part in
        ["suspended since height 77", "4 of 6", "6 PYR, 25.00 % of all coins", "north, south"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let own = stage.json(&node, &["delegate", "status", "--account", "1"]);
    assert!(own.get("delegate").is_none() && own["votes"]["weight"] == "300000000", "{own}");
    let dave = stage.json(&node, &["delegate", "status", "dave"]);
    let address = DevAccount::named("dave").unwrap().address();
    assert_eq!(dave["votes"]["address"], shown(&address), "{dave}");
}

#[test]
fn registering_pays_the_deposit_to_oneself_and_says_what_becomes_of_it() {
    let stage = Stage::new();
    let node = elected(&[]);
    let before = node.owned(&own(0).address());
    let line = ["delegate", "register", "east-1", "--password-file", "pass"];
    let sent = stage.json(&node, &line);
    assert_eq!(
        (&sent["status"], &sent["operation"]["kind"]),
        (&"included".into(), &"register_delegate".into())
    );
    let fee: u64 = sent["fee"].as_str().unwrap().parse().unwrap();
    assert_eq!(node.owned(&own(0).address()), before - fee);
    let coins = stage.json(&node, &["coins"]);
    let deposit = (4 * COIN).to_string();
    let is_deposit = |coin: &Value| coin["amount"] == deposit;
    assert!(coins["coins"].as_array().unwrap().iter().any(is_deposit), "{coins}");
    let notes = stage.notes();
    assert!(notes.contains("deposit of 4 PYR is locked: it returns 100 blocks after"), "{notes}");
    assert!(notes.contains("which locks 4 PYR") && notes.contains("burned"), "{notes}");
}

#[test]
fn a_vote_replaces_the_one_before_and_says_so() {
    let stage = Stage::new();
    let node = elected(&["south"]);
    let by_address = shown(&Keypair::from_secret(&[12; 32]).address());
    let run = |words: &[&str]| {
        stage.notes();
        let sent = stage.json(&node, &[words, &["--password-file", "pass"]].concat());
        assert_eq!(sent["status"], "included", "{sent}");
        stage.notes()
    };
    let notes = run(&["vote", "north", &by_address]);
    assert!(notes.contains("replaces what it approved so far: south"), "{notes}");
    assert!(notes.contains("approving north, south and nobody else"), "{notes}");
    assert!(notes.contains("count for each of them"), "{notes}");
    assert!(run(&["vote", "south"]).contains("approves the same already"));
    assert!(run(&["unvote"]).contains("approving nobody in place of south"));
    let address = |mark: u8| Keypair::from_secret(&[mark; 32]).address();
    let both = vec![address(11), address(12)];
    let vote = |whom| Operation::Vote { delegates: crate::types::Bounded::new(whom).unwrap() };
    assert_eq!(node.operations(), [vote(both), vote(vec![address(12)]), Operation::Unvote]);
}

#[test]
fn a_delegate_resigns_and_returns() {
    let stage = Stage::new();
    for (standing, word, kind) in [
        ("active", "resign", Operation::ResignDelegate),
        ("suspended", "resign", Operation::ResignDelegate),
        ("suspended", "reactivate", Operation::ReactivateDelegate),
    ] {
        let deposit = Some(Amount(4 * COIN));
        let ours = delegate(1, "ours", own(0).address(), standing);
        let node = elected_by(vec![DelegateStatus { deposit, ..ours }], &[]);
        let sent = stage.json(&node, &["delegate", word, "--password-file", "pass"]);
        assert_eq!(sent["status"], "included", "{sent}");
        assert_eq!(node.operations(), [kind]);
        let notes = stage.notes();
        assert_eq!(
            notes.contains("whose deposit of 4 PYR returns after 100 blocks"),
            word == "resign"
        );
    }
}

#[test]
fn what_is_refused_is_refused_before_the_password_is_asked_for() {
    let stage = Stage::new();
    let node = elected(&[]);
    let long = "x".repeat(65);
    let strange = shown(&stranger());
    for (line, exit, code, says) in [
        (vec!["vote", "noth"], Exit::Refused, "no_delegate", "no delegate is called noth"),
        (vec!["vote", &strange], Exit::Refused, "no_delegate", "is no delegate"),
        (vec!["vote", "dave"], Exit::Refused, "no_delegate", "dave is no delegate"),
        (vec!["vote", "assay1x"], Exit::Usage, "bad_address", ""),
        (vec!["vote", "asleep"], Exit::Refused, "delegate_suspended", "suspended since height 77"),
        (vec!["vote", "gone"], Exit::Refused, "delegate_resigned", "resigned at height 77"),
        (vec!["vote", "liar"], Exit::Refused, "delegate_banned", "two blocks in one slot"),
        (vec!["vote", "a", "b", "c"], Exit::Refused, "too_many_votes", "3 delegates are named"),
        (vec!["vote", "north", "north"], Exit::Usage, "usage", "named twice"),
        (vec!["vote"], Exit::Usage, "usage", ""),
        (vec!["unvote"], Exit::Refused, "no_votes", "approves nobody"),
        (vec!["delegate", "register", "north"], Exit::Refused, "name_taken", "is taken by assay1"),
        (vec!["delegate", "register", "North"], Exit::Usage, "bad_name", "`North`"),
        (vec!["delegate", "register", ""], Exit::Usage, "bad_name", ""),
        (vec!["delegate", "register", &long], Exit::Usage, "bad_name", "65 bytes"),
        (
            vec!["delegate", "register", "east", "--account", "1"],
            Exit::Failed,
            "insufficient_funds",
            "a deposit has to be locked: 4",
        ),
        (vec!["delegate", "resign"], Exit::Refused, "no_delegate", "is no delegate"),
        (vec!["delegate", "reactivate"], Exit::Refused, "no_delegate", "is no delegate"),
        (vec!["delegate", "status", "noth"], Exit::Refused, "no_delegate", ""),
        (vec!["delegate", "list", "-n", "0"], Exit::Usage, "usage", ""),
    ] {
        let error = stage.run(&node, &line).err().unwrap();
        let told = (error.exit(), error.code());
        assert_eq!(told, (exit, code), "{line:?}: {}", error.message());
        assert!(error.message().contains(says), "{line:?}: {}", error.message());
        assert!(error.advice().is_some() || code == "usage", "{line:?}: {}", error.message());
    }
    let near = stage.run(&node, &["vote", "noth"]).err().unwrap();
    assert_eq!(near.advice(), Some("did you mean `north`?"));
    assert_eq!(node.submissions(), 0);

    // What depends on how the account's own delegate stands.
    for (standing, returns, line, code) in [
        ("active", None, "register", "already_delegate"),
        ("suspended", None, "register", "already_delegate"),
        ("banned", None, "register", "delegate_banned"),
        ("resigned", Some(Height(177)), "register", "deposit_locked"),
        ("active", None, "reactivate", "not_suspended"),
        ("resigned", Some(Height(177)), "reactivate", "delegate_resigned"),
        ("resigned", Some(Height(177)), "resign", "delegate_resigned"),
        ("banned", None, "resign", "delegate_banned"),
    ] {
        let ours = delegate(1, "ours", own(0).address(), standing);
        let node = elected_by(vec![DelegateStatus { deposit_returns: returns, ..ours }], &[]);
        let line =
            [&["delegate", line][..], if line == "register" { &["next"] } else { &[] }].concat();
        let error = stage.run(&node, &line).err().unwrap();
        let told = (error.exit(), error.code());
        assert_eq!(told, (Exit::Refused, code), "{standing} {line:?}: {}", error.message());
        assert_eq!(node.submissions(), 0);
    }

    // Where nobody is a delegate.
    for line in
        [&["vote", "north"][..], &["unvote"], &["delegate", "list"], &["delegate", "register", "x"]]
    {
        let error = stage.run(&funded(), line).err().unwrap();
        assert_eq!((error.exit(), error.code()), (Exit::Refused, "no_authorities"), "{line:?}");
        assert!(error.message().contains("nobody is a delegate"), "{}", error.message());
    }
}

#[test]
fn a_resigned_delegate_whose_deposit_returned_registers_again() {
    let stage = Stage::new();
    let node = elected_by(vec![delegate(1, "ours", own(0).address(), "resigned")], &[]);
    let sent = stage.json(&node, &["delegate", "register", "ours", "--password-file", "pass"]);
    assert_eq!(sent["operation"]["name"], "ours", "{sent}");
}

#[test]
fn a_bond_shows_as_locked_and_pays_for_nothing() {
    let stage = Stage::new();
    let node = FakeNode::new().mining();
    node.fund(own(0).address(), 5, 1, CoinKind::Transfer);
    node.fund(own(0).address(), 1000, 2, CoinKind::Bond);
    let text = stage.run(&node, &["coins"]).unwrap().text;
    assert!(text.contains("no: locked as a deposit"), "{text}");
    let text = stage.run(&node, &["balance"]).unwrap().text;
    assert!(text.contains("1000 PYR, of it 1000 PYR locked as a deposit"), "{text}");
    let line = ["send", &shown(&stranger()), "6", "--password-file", "pass"];
    let error = stage.run(&node, &line).err().unwrap();
    assert_eq!(error.code(), "insufficient_funds");
    assert!(error.message().contains("1000 more is locked in bonds"), "{}", error.message());
}
