//! Orders beside published ones, and how evenly they come.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::types::vectors;

/// What a seed that is as good as random brings to everybody's order.
fn round(number: u64) -> Round {
    let seed = Hash(Sha256::digest(number.to_le_bytes()).into());
    Round { number, time: Time(1_500_000_000_000 + number * 63_000), seed }
}

/// Cases with their number of delegates and the order that is due.
fn cases(list: &Value) -> Vec<(&Value, usize, Vec<usize>)> {
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let cases = list.as_array().unwrap().iter();
    let due = |case: &Value| case["result"].as_array().unwrap().iter().map(number).collect();
    cases.map(|case| (case, number(&case["n"]), due(case))).collect()
}

#[test]
fn the_derived_orders_come_out() {
    let Some(vectors) = vectors::json("dpos_shuffle_derived.json") else { return };
    let of_graphene = cases(&vectors["graphene_shuffle"]);
    assert_eq!(of_graphene.len(), 6);
    for (case, delegates, due) in of_graphene {
        let time = Time(case["head_block_time"].as_u64().unwrap() * 1000 + 999);
        let round = Round { time, ..round(1) };
        assert_eq!(Shuffle::Graphene.order(delegates, &round), due, "{case}");
    }
    let of_ark = cases(&vectors["ark_lisk1_shuffle"]);
    assert_eq!(of_ark.len(), 7);
    for (case, delegates, due) in of_ark {
        let round = round(case["round"].as_u64().unwrap());
        assert_eq!(Shuffle::Ark.order(delegates, &round), due, "{case}");
    }
}

#[test]
fn each_delegate_has_one_turn() {
    for shuffle in Shuffle::ALL {
        for delegates in 0..=130 {
            let mut order = shuffle.order(delegates, &round(delegates as u64));
            order.sort_unstable();
            assert_eq!(order, (0..delegates).collect::<Vec<_>>(), "{shuffle:?}");
        }
    }
}

/// How far frequencies are from equal ones, in standard deviations of what chance makes: chi-square of what was seen, less
/// its mean and by its deviation.
fn unevenness(seen: &BTreeMap<Vec<usize>, u64>, kinds: u64) -> f64 {
    let total: u64 = seen.values().sum();
    let expected = total as f64 / kinds as f64;
    let missing = (kinds - seen.len() as u64) as f64 * expected;
    let square = |count: &u64| (*count as f64 - expected).powi(2) / expected;
    let chi_square = missing + seen.values().map(square).sum::<f64>();
    let freedom = (kinds - 1) as f64;
    (chi_square - freedom) / (2.0 * freedom).sqrt()
}

fn orders(shuffle: Shuffle, delegates: usize, rounds: u64) -> BTreeMap<Vec<usize>, u64> {
    let mut seen = BTreeMap::new();
    for number in 1..=rounds {
        *seen.entry(shuffle.order(delegates, &round(number))).or_default() += 1;
    }
    seen
}

/// Chi-square over all n! orders. The seeds are always the same ones: it passes by chance or fails by chance once and for all,
/// and what is uneven is off by hundreds of deviations (below).
#[test]
fn every_order_is_as_likely_as_any_other() {
    for (delegates, kinds) in [(2, 2), (3, 6), (4, 24), (5, 120)] {
        let found = unevenness(&orders(Shuffle::Assay, delegates, 200 * kinds), kinds);
        println!("{delegates} delegates: {found:+.2} deviations");
        assert!(found.abs() < 5.0, "{delegates} delegates: {found}");
    }
}

/// The same test sees what is wrong with Ark's.
#[test]
fn the_orders_of_ark_are_not_equally_likely() {
    let found = unevenness(&orders(Shuffle::Ark, 5, 24_000), 120);
    println!("ark, 5 delegates: {found:+.2} deviations");
    assert!(found > 50.0, "{found}");
}

/// Where each of 21 delegates comes, over many rounds.
#[test]
fn every_place_is_as_likely_for_every_delegate() {
    let mut places = BTreeMap::new();
    for number in 1..=4200 {
        for (place, who) in Shuffle::Assay.order(21, &round(number)).into_iter().enumerate() {
            *places.entry(vec![place, who]).or_default() += 1;
        }
    }
    let found = unevenness(&places, 21 * 21);
    assert!(found < 5.0, "{found}");
}

#[test]
fn orders_depend_on_what_they_are_made_of_and_on_nothing_else() {
    let (one, other) = (round(1), round(2));
    for (shuffle, changed) in [
        (Shuffle::Graphene, Round { time: other.time, ..one }),
        (Shuffle::Ark, Round { number: other.number, ..one }),
        (Shuffle::Assay, Round { seed: other.seed, ..one }),
    ] {
        for of in Shuffle::ALL {
            let differs = of.order(21, &one) != of.order(21, &changed);
            assert_eq!(differs, of == shuffle, "{of:?} when what {shuffle:?} reads changes");
        }
    }
    // Pinned: another order would be another chain.
    let pinned = Shuffle::Assay.order(7, &Round { seed: Hash([7; 32]), ..one });
    assert_eq!(pinned, [5, 0, 3, 6, 1, 4, 2]);
}

#[test]
fn every_shuffle_is_found_by_its_name() {
    for (shuffle, name) in Shuffle::ALL.into_iter().zip(Shuffle::NAMES) {
        assert_eq!((shuffle.name(), Shuffle::named(name)), (name, Some(shuffle)));
    }
    assert_eq!(Shuffle::named("none"), None);
}
