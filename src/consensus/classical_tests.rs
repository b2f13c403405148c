//! The classical rules beside what is published of them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::types::vectors;

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

/// The final height of Aura after each of these blocks; a block may have several signers, who signed the empty steps
/// before it.
fn aura(case: &Value, blocks: &Value) -> Vec<u64> {
    let producers = case["n"].as_u64().unwrap() as usize;
    let quorum = match case["rule"].as_str().unwrap() {
        "1/2" => producers / 2 + 1,
        "2/3" => producers * 2 / 3 + 1,
        other => panic!("{other}"),
    };
    let mut last = BTreeMap::new();
    let blocks = (1..).map(Height).zip(blocks.as_array().unwrap());
    let after = |(height, signers): (Height, &Value)| {
        last.extend(numbers(signers).into_iter().map(|signer| (signer, height)));
        built_on(last.values().copied().collect(), quorum).0
    };
    blocks.map(after).collect()
}

#[test]
fn the_published_cases_of_aura_come_out() {
    let Some(vectors) = vectors::json("aura_finality.json") else { return };
    let cases = vectors["scenarios"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        if let Some(left) = case["unfinalized_after_build"].as_u64() {
            let finals = aura(case, &case["ancestry"]);
            assert_eq!(finals.len() as u64 - finals.last().unwrap(), left, "{case}");
            continue;
        }
        // The last block makes those final that are listed, counted from 0; no block before it makes any.
        let finals = aura(case, &case["push"]);
        let (last, before) = finals.split_last().unwrap();
        assert!(before.iter().all(|height| *height == 0), "{case}");
        assert_eq!(numbers(&case["finalized"]), (0..*last).collect::<Vec<_>>(), "{case}");
    }
}

#[test]
fn the_published_examples_of_graphene_come_out() {
    let Some(vectors) = vectors::json("dpos_shuffle_derived.json") else { return };
    let examples = vectors["graphene_irreversible_examples"].as_array().unwrap();
    assert_eq!(examples.len(), 4);
    for example in examples {
        let signed: Vec<Height> =
            numbers(&example["last_confirmed"]).into_iter().map(Height).collect();
        let quorum = graphene_quorum(signed.len());
        assert_eq!(Some(built_on(signed, quorum).0), example["lib"].as_u64(), "{example}");
    }
}

/// Graphene sorts upwards and takes the index n · 30 %, rounded down.
#[test]
fn the_quorum_of_graphene_is_its_index() {
    for producers in 1..=101usize {
        let signed: Vec<Height> = (0..producers as u64).map(Height).collect();
        let index = (producers as f64 * 0.3 + 1e-9) as usize;
        assert_eq!(
            built_on(signed.clone(), graphene_quorum(producers)),
            signed[index],
            "{producers}"
        );
    }
}

#[test]
fn nothing_is_built_on_without_a_quorum() {
    assert_eq!(built_on(Vec::new(), 1), Height(0));
    assert_eq!(built_on(vec![Height(7)], 0), Height(0));
    assert_eq!(built_on(vec![Height(7); 2], 3), Height(0));
}
