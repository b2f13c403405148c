//! `wallet authority`: what authorities do, and what nobody else can.

use super::*;
use crate::api::{AuthorityInfo, AuthorityList, AuthorityRecord, ProposalInfo};
use crate::types::{Ballot, BlockId, Height, Operation};

fn info(address: Address, leads: bool) -> AuthorityInfo {
    AuthorityInfo {
        address: shown(&address),
        name: leads.then(|| "north\u{1b}[2J".into()),
        organisation: None,
        contact: None,
        connected: leads,
        leads,
        record: None,
    }
}

/// A chain of which the wallet's first account and the stranger are authorities; a proposal of both sides stands.
fn led() -> FakeNode {
    funded().with_authorities(led_by())
}

fn led_by() -> AuthorityList {
    let proposal = |by: Address, whom: Address, ballot: &str| ProposalInfo {
        address: shown(&whom),
        ballot: ballot.into(),
        by: vec![shown(&by)],
        agreed: None,
    };
    AuthorityList {
        head: BlockId::default(),
        height: Height(7),
        changed: Some(Height(3)),
        ours: Some(shown(&stranger())),
        majority: 2,
        authorities: vec![info(own(0).address(), false), info(stranger(), true)],
        proposals: vec![
            proposal(stranger(), own(0).address(), "remove"),
            proposal(own(0).address(), DevAccount::named("dave").unwrap().address(), "add"),
        ],
    }
}

#[test]
fn authorities_are_listed_with_what_they_propose() {
    let stage = Stage::new();
    let text = stage.run(&led(), &["authority", "list"]).unwrap().text;
    assert!(text.contains("changed by the block at height 3"), "{text}");
    assert!(text.contains("leads, this node") && text.contains("not connected"), "{text}");
    assert!(text.contains("1 of 2: ") && !text.contains('\u{1b}'), "{text}");
    let listed = stage.json(&led(), &["authority", "list"]);
    assert_eq!(listed["authorities"][1]["leads"], true);
    assert_eq!(listed["proposals"][0]["ballot"], "remove");
}

/// Where authorities take turns, their records are columns of the same table.
#[test]
fn authorities_in_turn_are_listed_with_their_records() {
    let stage = Stage::new();
    let mut list = led_by();
    assert!(
        !stage
            .run(&funded().with_authorities(list.clone()), &["authority", "list"])
            .unwrap()
            .text
            .contains("missed")
    );
    list.authorities[1].leads = false;
    list.authorities[1].record = Some(AuthorityRecord {
        since: Height(1),
        signed: 250,
        out_of_turn: 17,
        missed: 31,
        equivocated: 2,
        last: Height(998),
    });
    list.proposals[1].agreed = Some(Height(990));
    let node = funded().with_authorities(list);
    let text = stage.run(&node, &["authority", "list"]).unwrap().text;
    let titles = text.lines().find(|line| line.starts_with("address")).unwrap();
    assert!(titles.ends_with("since  signed  out of turn  missed  equivocated  last"), "{text}");
    let row = text.lines().find(|line| line.contains("this node")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().rev().take(6).collect();
    assert_eq!(cells, ["998", "2", "31", "17", "250", "1"], "{text}");
    assert!(text.contains("1 of 2, agreed on at height 990: "), "{text}");
    let listed = stage.json(&node, &["authority", "list"]);
    let record = &listed["authorities"][1]["record"];
    assert_eq!((&record["missed"], &record["out_of_turn"]), (&31.into(), &17.into()), "{listed}");
    assert!(listed["authorities"][0].get("record").is_none(), "{listed}");
    assert_eq!(listed["proposals"][1]["agreed"], 990, "{listed}");
}

#[test]
fn an_operation_costs_its_fee_alone_and_its_actor_pays() {
    let stage = Stage::new();
    let node = led();
    let owner = own(0).address();
    let before = node.owned(&owner);
    let third = own(1).address();
    let mut fees = 0;
    let mut run = |words: &[&str]| {
        let line = [&["authority"], words, &["--password-file", "pass"]].concat();
        let sent = stage.json(&node, &line);
        assert_eq!(sent["status"], "included", "{sent}");
        fees += sent["fee"].as_str().unwrap().parse::<u64>().unwrap();
        sent["operation"]["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        run(&["register", "north", "--organisation", "North Ltd", "--contact", "a@north.example"]),
        "register_authority"
    );
    assert_eq!(run(&["propose", &shown(&third), "add"]), "propose_authority");
    assert_eq!(run(&["propose", &shown(&stranger()), "remove"]), "propose_authority");
    assert_eq!(run(&["withdraw", "dave"]), "withdraw_proposal");
    assert_eq!(node.owned(&owner), before - fees);
    let dave = DevAccount::named("dave").unwrap().address();
    assert_eq!(
        node.operations()[1..],
        [
            Operation::ProposeAuthority { address: third, ballot: Ballot::Add },
            Operation::ProposeAuthority { address: stranger(), ballot: Ballot::Remove },
            Operation::WithdrawProposal { address: dave },
        ]
    );
    assert!(stage.notes().contains("the proposal does not stand any more"));
}

#[test]
fn what_is_refused_is_refused_before_the_password_is_asked_for() {
    let stage = Stage::new();
    let node = led();
    let (own, strange) = (shown(&own(0).address()), shown(&stranger()));
    let long = "x".repeat(65);
    for (line, exit, code) in [
        (vec!["propose", &strange, "add"], Exit::Refused, "already_authority"),
        (vec!["propose", "erin", "remove"], Exit::Refused, "no_authority"),
        (vec!["propose", "erin", "add", "--account", "1"], Exit::Refused, "no_authority"),
        (vec!["withdraw", "erin"], Exit::Refused, "no_proposal"),
        (vec!["withdraw", &own], Exit::Refused, "no_proposal"),
        (vec!["propose", "assay1x", "add"], Exit::Usage, "bad_address"),
        (vec!["register", &long], Exit::Usage, "usage"),
    ] {
        let error = stage.run(&node, &[&["authority"], &line[..]].concat()).err().unwrap();
        assert_eq!((error.exit(), error.code()), (exit, code), "{line:?}: {}", error.message());
    }
    // Where nobody is an authority.
    let error = stage.run(&funded(), &["authority", "propose", "erin", "add"]).err().unwrap();
    assert_eq!((error.exit(), error.code()), (Exit::Refused, "no_authorities"));
    assert!(error.message().contains("nobody is an authority"), "{}", error.message());
    assert_eq!(node.submissions(), 0);
}
