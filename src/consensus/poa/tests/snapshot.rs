//! The published cases of EIP-225.

use serde_json::Value;

use super::super::snapshot::{Snapshot, SnapshotFault, step};
use crate::types::vectors;

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[test]
fn the_published_cases_end_as_they_should() {
    let Some(cases) = vectors::json("eip225_first12.json") else { return };
    let cases = cases["scenarios"].as_array().unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let names = |key: &str| case[key].as_array().unwrap().iter().filter_map(text).collect();
        let mut snapshot = Snapshot::<String>::new(names("signers"));
        let epoch = case["epoch"].as_u64().unwrap();
        for (number, block) in (1..).zip(case["blocks"].as_array().unwrap()) {
            let vote = text(&block["vote"]).map(|about| (about, block["auth"] == true));
            let signer = text(&block["signer"]).unwrap();
            assert_eq!(snapshot.may_sign(number, &signer), Ok(()));
            snapshot = step(&snapshot, number, &signer, vote, epoch).unwrap();
        }
        assert_eq!(snapshot.signers, names("results"), "{}", case["comment"]);
    }
}

fn of(names: &[&'static str]) -> Snapshot<&'static str> {
    Snapshot::new(names.iter().copied().collect())
}

/// Runs blocks; a vote is about somebody, for or against.
fn run(
    mut snapshot: Snapshot<&'static str>,
    epoch: u64,
    blocks: &[(&'static str, Option<(&'static str, bool)>)],
) -> Result<Snapshot<&'static str>, SnapshotFault> {
    for (number, (signer, vote)) in (1..).zip(blocks) {
        // Whoever is asked beforehand says the same.
        let may = snapshot.may_sign(number, signer);
        let after = step(&snapshot, number, signer, *vote, epoch);
        assert_eq!(may.is_ok(), after.is_ok(), "{number}");
        snapshot = after?;
    }
    Ok(snapshot)
}

#[test]
fn strangers_and_whoever_signed_lately_may_not_sign() {
    assert_eq!(run(of(&["A"]), 100, &[("B", None)]), Err(SnapshotFault::Unauthorised));
    let again = run(of(&["A", "B"]), 100, &[("A", None), ("A", None)]);
    assert_eq!(again, Err(SnapshotFault::SignedRecently { limit: 2 }));
    assert!(run(of(&["A", "B"]), 100, &[("A", None), ("B", None), ("A", None)]).is_ok());
    assert!(run(of(&["A"]), 100, &[("A", None), ("A", None), ("A", None)]).is_ok());
}

/// The border of an epoch forgets votes, and nothing else: whoever signed before it waits.
#[test]
fn an_epoch_forgets_votes_and_not_who_signed() {
    let votes = [("A", Some(("C", true))), ("B", None), ("A", None), ("B", Some(("C", true)))];
    let three = run(of(&["A", "B"]), 100, &votes).unwrap();
    assert_eq!(three.signers, ["A", "B", "C"].into());
    let two = run(of(&["A", "B"]), 3, &votes).unwrap();
    assert_eq!(two.signers, ["A", "B"].into());
    let again = run(of(&["A", "B", "C"]), 3, &[("A", None), ("B", None), ("A", None)]);
    assert!(again.is_ok());
    let early = run(of(&["A", "B", "C"]), 2, &[("A", None), ("A", None)]);
    assert_eq!(early, Err(SnapshotFault::SignedRecently { limit: 2 }));
}

/// When somebody goes, votes of others may be enough by now; they are not counted before somebody votes again.
#[test]
fn nobody_else_changes_by_a_change() {
    let four = of(&["A", "B", "C", "D"]);
    let blocks = [
        ("A", Some(("C", false))),
        ("B", None),
        ("C", None),
        ("A", Some(("D", false))),
        ("B", Some(("C", false))),
        ("C", None),
        ("A", None),
        ("B", Some(("D", false))),
        ("C", Some(("D", false))),
    ];
    let after = run(four, 100, &blocks).unwrap();
    assert_eq!(after.signers, ["A", "B", "C"].into());
    // Two of three want C to go now, and it stays until one of them says so again.
    assert_eq!(after.votes.iter().filter(|vote| vote.about == "C").count(), 2);
    let gone = step(&after, 10, &"A", Some(("C", false)), 100).unwrap();
    assert_eq!(gone.signers, ["A", "B"].into());
}
