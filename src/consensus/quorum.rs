//! Majorities: of one set of voters, and of two at once; and quorums among liars.
//!
//! Any two majorities of one set share a member, and so do majorities of two sets that differ by one member. Two sets at
//! once are a *joint* one (Raft thesis, 4.3): a decision needs a majority of each. An empty set agrees to everything, so
//! that a joint set with an empty half is the other half.

use std::collections::BTreeSet;

use crate::types::canary::{Bug, planted};

/// How many of `members` are a majority; none of nobody.
pub fn majority(members: usize) -> usize {
    if members == 0 { 0 } else { members / 2 + 1 }
}

/// How many of `members` may lie so that the others still agree: less than a third of them (Castro and Liskov 1999, 2).
pub fn faults(members: usize) -> usize {
    members.saturating_sub(1) / 3
}

/// How many of `members` two decisions share an honest one of, whoever the [`faults`] are: ⌈(n + f + 1) ÷ 2⌉. For n = 3 f + 1
/// it is the 2 f + 1 of the paper, and for other sizes 2 f + 1 would be too few: two threes of five may share a liar alone.
pub fn byzantine(members: usize) -> usize {
    let short = usize::from(planted(Bug::QuorumOneShort));
    if members == 0 { 0 } else { (members + faults(members) + 2) / 2 - short }
}

/// How a vote stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tally {
    /// So many refused that the others are no majority.
    Lost,
    /// It depends on those who have not answered.
    Pending,
    /// A majority agreed.
    Won,
}

/// How a vote of one set stands; `answer` is what a voter said, if anything.
pub fn tally<V>(voters: &BTreeSet<V>, answer: impl Fn(&V) -> Option<bool>) -> Tally {
    let needed = majority(voters.len());
    let (mut yes, mut no) = (0, 0);
    for voter in voters {
        match answer(voter) {
            Some(true) => yes += 1,
            Some(false) => no += 1,
            None => {}
        }
    }
    match (yes >= needed, voters.len() - no >= needed) {
        (true, _) => Tally::Won,
        (false, true) => Tally::Pending,
        (false, false) => Tally::Lost,
    }
}

/// How a vote of two sets stands: as badly as in the worse of them.
pub fn joint_tally<V>(sets: [&BTreeSet<V>; 2], answer: impl Fn(&V) -> Option<bool>) -> Tally {
    let [first, second] = sets.map(|set| tally(set, &answer));
    first.min(second)
}

/// The greatest number that a majority has reached; `reached` is how far a voter is, nothing being zero. `None` where
/// there is nobody to wait for.
pub fn committed<V>(voters: &BTreeSet<V>, reached: impl Fn(&V) -> u64) -> Option<u64> {
    let mut numbers: Vec<u64> = voters.iter().map(reached).collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.get(majority(numbers.len()).checked_sub(1)?).copied()
}

/// The greatest number that majorities of both sets have reached.
pub fn joint_committed<V>(sets: [&BTreeSet<V>; 2], reached: impl Fn(&V) -> u64) -> Option<u64> {
    let [first, second] = sets.map(|set| committed(set, &reached));
    match (first, second) {
        (Some(first), Some(second)) => Some(first.min(second)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::types::vectors;

    #[test]
    fn a_majority_is_more_than_half() {
        let expected = [0, 1, 2, 2, 3, 3, 4, 4];
        assert_eq!(std::array::from_fn::<_, 8, _>(majority), expected);
    }

    /// The smallest that meets another of its size in more than the faulty, and can be reached without them.
    #[test]
    fn a_byzantine_quorum_meets_another_in_an_honest_member() {
        for members in 1..=128usize {
            let (faults, quorum) = (faults(members), byzantine(members));
            let shared = |quorum: usize| (2 * quorum).saturating_sub(members);
            assert!(3 * faults < members && members <= 3 * (faults + 1));
            assert!(shared(quorum) > faults && shared(quorum - 1) <= faults, "{members}");
            assert!(quorum <= members - faults, "{members}: the faulty may be silent");
        }
        assert_eq!([4, 5, 6, 7, 8, 10].map(byzantine), [3, 4, 4, 5, 6, 7]);
    }

    /// Adjacent sets: whatever majority the one has, it meets every majority of the other.
    #[test]
    fn majorities_of_sets_that_differ_by_one_meet() {
        for small in 1..=6usize {
            let large = small + 1;
            let (a, b) = (majority(small), majority(large));
            // The smaller set lies within the larger one, so two majorities that miss each other need a + b places there.
            assert!(a + b > large, "{small} and {large}");
        }
    }

    fn set(of: &serde_json::Value) -> BTreeSet<u64> {
        of.as_array().into_iter().flatten().map(|id| id.as_u64().unwrap()).collect()
    }

    /// What the cases say of each voter: ids count in the order in which they first appear in both sets.
    fn said<'a>(case: &'a serde_json::Value, key: &str) -> BTreeMap<u64, &'a serde_json::Value> {
        let ids = ["cfg", "cfgj"].into_iter().filter_map(|set| case[set].as_array()).flatten();
        let mut order = Vec::new();
        for id in ids.map(|id| id.as_u64().unwrap()) {
            if !order.contains(&id) {
                order.push(id);
            }
        }
        order.into_iter().zip(case[key].as_array().unwrap()).collect()
    }

    /// etcd-io/raft, quorum/testdata.
    #[test]
    fn quorums_are_those_of_etcd() {
        let Some(vectors) = vectors::json("raft/quorum.json") else { return };
        let cases = vectors["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 127);
        for case in cases {
            let sets = [set(&case["cfg"]), set(&case["cfgj"])];
            let sets = [&sets[0], &sets[1]];
            if case["op"] == "committed" {
                let said = said(case, "idx");
                let reached = |id: &u64| said.get(id).and_then(|it| it.as_u64()).unwrap_or(0);
                let found = joint_committed(sets, reached);
                assert_eq!(found, case["result"].as_u64(), "{case}");
                if case["cfgj"].is_null() {
                    assert_eq!(committed(sets[0], reached), found, "{case}");
                }
            } else {
                let said = said(case, "votes");
                let answer = |id: &u64| said.get(id).and_then(|it| it.as_bool());
                let found = format!("Vote{:?}", joint_tally(sets, answer));
                assert_eq!(found, case["result"].as_str().unwrap(), "{case}");
            }
        }
    }
}
