//! Implied votes beside published cases, a naive model, and what honest producers may rely on.

use serde_json::Value;

use super::*;
use crate::types::testkit::{Dice, key};
use crate::types::vectors;

fn name(number: u64) -> Address {
    key(u8::try_from(number).unwrap()).address()
}

/// The votes that a published case lists for heights.
fn listed(value: &Value) -> Vec<(Height, u16)> {
    let votes = value.as_object().unwrap().iter();
    votes.map(|(h, n)| (Height(h.parse().unwrap()), n.as_u64().unwrap() as u16)).collect()
}

#[test]
fn the_published_cases_of_lisk_come_out() {
    for file in ["4_validators_simple", "4_validators_missed_slots", "7_validators_partial_switch"]
    {
        let Some(case) = vectors::json(&format!("lisk/{file}.json")) else { return };
        let members = case["config"]["activeValidators"].as_u64().unwrap() as usize;
        let blocks = case["testCases"].as_array().unwrap();
        let who = |block: &Value| {
            let name = block["input"]["validatorName"].as_str().unwrap();
            name.trim_start_matches('D').parse::<u64>().unwrap()
        };
        let number =
            |block: &Value, key: &str| Height(block["input"]["blockHeader"][key].as_u64().unwrap());
        // Who joined at which height; whoever makes no block after a switch has left with it.
        let since: BTreeMap<u64, Height> =
            blocks.iter().map(|b| (who(b), number(b, "validatorMinHeightActive"))).collect();
        let switch = since.values().copied().max().unwrap();
        let late: BTreeSet<u64> =
            blocks.iter().filter(|b| number(b, "height") >= switch).map(who).collect();
        let mut votes = Votes::default();
        for block in blocks {
            let height = number(block, "height");
            let there = |who: &u64| match height < switch {
                true => since[who] <= height,
                false => late.contains(who) || since[who] <= Height(1),
            };
            let mut set: BTreeSet<Address> =
                since.keys().filter(|who| there(who)).take(members).map(|who| name(*who)).collect();
            if height >= switch {
                set = late.iter().map(|who| name(*who)).collect();
                let rest = since.keys().map(|who| name(*who)).filter(|who| !set.contains(who));
                let missing = members.saturating_sub(set.len());
                let rest: Vec<Address> = rest.take(missing).collect();
                set.extend(rest);
            }
            let prior = number(block, "maxHeightPreviouslyForged");
            let voted = Voted { height, producer: name(who(block)), prior };
            votes.push(&FinalityRule::TwoThirds, voted, &set);
            let output = &block["output"];
            let due = |key: &str| Height(output[key].as_u64().unwrap());
            let at = &block["description"];
            assert_eq!(votes.final_height(), due("finalizedHeight"), "{file}: {at}");
            assert_eq!(votes.prevoted(), due("preVotedConfirmedHeight"), "{file}: {at}");
            for (height, prevotes) in listed(&output["preVotes"]) {
                let found = votes.of(height).map(|(prevotes, _)| prevotes);
                assert!(found.is_none_or(|found| found == prevotes), "{file}: {at}: {height}");
            }
            for (height, precommits) in listed(&output["preCommits"]) {
                let found = votes.of(height).map(|(_, precommits)| precommits);
                assert!(found.is_none_or(|found| found == precommits), "{file}: {at}: {height}");
            }
        }
    }
}

#[test]
fn the_published_cases_of_aura_come_out() {
    let Some(cases) = vectors::json("aura_finality.json") else { return };
    let mut run = 0;
    for case in cases["scenarios"].as_array().unwrap() {
        let Some(push) = case["push"].as_array() else { continue };
        // A published block may have several signers; ours have one.
        let one = |block: &Value| match block.as_array().map(Vec::as_slice) {
            Some([signer]) => signer.as_u64(),
            _ => None,
        };
        let Some(signers) = push.iter().map(one).collect::<Option<Vec<u64>>>() else { continue };
        let rule = match case["rule"].as_str() {
            Some("1/2") => FinalityRule::Aura,
            _ => FinalityRule::AuraTwoThirds,
        };
        let set = (1..=case["n"].as_u64().unwrap()).map(name).collect();
        let mut votes = Votes::default();
        let (mut before, mut height) = (Height(0), Height(0));
        for signer in signers {
            before = votes.final_height();
            height = height.next();
            let voted = Voted { height, producer: name(signer + 1), prior: Height(0) };
            votes.push(&rule, voted, &set);
        }
        let fresh: Vec<u64> = (before.0..votes.final_height().0).collect();
        let due: Vec<u64> =
            case["finalized"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        assert_eq!(fresh, due, "{case}");
        run += 1;
    }
    assert_eq!(run, 2);
}

/// A branch as a list of blocks, and its votes.
#[derive(Clone, Default)]
struct Branch {
    blocks: Vec<Voted>,
    votes: Votes,
}

/// Producers that extend branches which they have seen, each with the greatest height that it ever signed as its prior,
/// unless it lies.
fn conflicts(seed: u64, rule: FinalityRule, members: u64, liars: u64) -> bool {
    let mut dice = Dice::new(seed);
    let set: BTreeSet<Address> = (1..=members).map(name).collect();
    let mut branches = vec![Branch::default()];
    let mut signed = vec![Height(0); members as usize + 1];
    // What each side of a partition builds on at the moment.
    let mut heads = vec![0usize; members as usize + 1];
    for _ in 0..120 {
        let who = 1 + dice.below(members);
        if dice.percent(30) {
            // It hears of another branch: of two, the longer is followed by an honest one.
            let other = dice.index(branches.len());
            let length = |branch: usize| branches[branch].blocks.len();
            if length(other) > length(heads[who as usize]) || who <= liars {
                heads[who as usize] = other;
            }
        }
        let mut branch = branches[heads[who as usize]].clone();
        if branch.blocks.len() > 1 && dice.percent(15) {
            // It has not heard of the last blocks.
            let keep = branch.blocks.len() - 1 - dice.index(2.min(branch.blocks.len() - 1));
            let blocks: Vec<Voted> = branch.blocks[..keep].to_vec();
            branch = Branch::default();
            for block in blocks {
                branch.votes.push(&rule, block, &set);
                branch.blocks.push(block);
            }
        }
        let height = Height(branch.blocks.len() as u64 + 1);
        let honest = who > liars;
        // An honest one signs no height twice.
        if honest && height <= signed[who as usize] {
            continue;
        }
        let prior = if honest { signed[who as usize] } else { Height(0) };
        let block = Voted { height, producer: name(who), prior };
        branch.votes.push(&rule, block, &set);
        branch.blocks.push(block);
        signed[who as usize] = signed[who as usize].max(height);
        branches.push(branch);
        heads[who as usize] = branches.len() - 1;
    }
    let finals: Vec<&[Voted]> = branches
        .iter()
        .map(|branch| &branch.blocks[..branch.votes.final_height().0 as usize])
        .collect();
    finals.iter().any(|one| {
        finals.iter().any(|other| one.iter().zip(*other).any(|(left, right)| left != right))
    })
}

#[test]
fn honest_producers_never_finalise_two_branches() {
    for seed in 0..60 {
        for members in [4, 5, 7] {
            for rule in [FinalityRule::Majority, FinalityRule::TwoThirds] {
                assert!(!conflicts(seed, rule, members, 0), "{rule:?} of {members}, seed {seed}");
            }
        }
        // A third who lie about what they signed are too few for two thirds.
        assert!(!conflicts(seed, FinalityRule::TwoThirds, 4, 1), "seed {seed}");
        assert!(!conflicts(seed, FinalityRule::TwoThirds, 7, 2), "seed {seed}");
    }
}

/// Two halves of the honest that never hear of each other, and liars who sign on both sides, each time as if there were no
/// other: whether both sides finalise something.
fn parted(rule: FinalityRule, halves: [u64; 2], liars: u64) -> bool {
    let members = halves[0] + halves[1] + liars;
    let set: BTreeSet<Address> = (1..=members).map(name).collect();
    let side = |from: u64, honest: u64| {
        let signers = (from..from + honest).chain(members - liars + 1..=members);
        let (mut votes, mut last) = (Votes::default(), BTreeMap::new());
        let rounds = (0..6).flat_map(|_| signers.clone());
        for (height, who) in (1..).map(Height).zip(rounds) {
            let prior = last.insert(who, height).unwrap_or_default();
            votes.push(&rule, Voted { height, producer: name(who), prior }, &set);
        }
        votes.final_height() > Height(0)
    };
    side(1, halves[0]) && side(1 + halves[0], halves[1])
}

#[test]
fn as_many_liars_as_the_quorum_says_part_the_chain_and_no_fewer() {
    use FinalityRule::{Majority, TwoThirds};
    for (rule, halves, liars, breaks) in [
        (Majority, [2, 2], 1, true),
        (Majority, [3, 2], 0, false),
        (TwoThirds, [2, 1], 1, false),
        (TwoThirds, [1, 1], 2, true),
        (TwoThirds, [3, 2], 2, false),
        (TwoThirds, [2, 2], 3, true),
    ] {
        assert_eq!(parted(rule, halves, liars), breaks, "{rule:?} {halves:?} {liars}");
    }
}

#[test]
fn the_classical_rules_break_among_the_honest() {
    let breaks = |rule, members| (0..400).filter(|seed| conflicts(*seed, rule, members, 0)).count();
    let figures = [
        ("graphene, 4 honest", breaks(FinalityRule::Graphene, 4)),
        ("graphene, 7 honest", breaks(FinalityRule::Graphene, 7)),
        ("aura, 5 honest", breaks(FinalityRule::Aura, 5)),
        ("aura with two thirds, 4 honest", breaks(FinalityRule::AuraTwoThirds, 4)),
        ("aura with two thirds, 7 honest", breaks(FinalityRule::AuraTwoThirds, 7)),
    ];
    for (what, found) in figures {
        println!("{what}: {found} of 400 runs end in two finals");
    }
    assert!(figures[0].1 > 0 && figures[2].1 > 0 && figures[3].1 > 0);
}

#[test]
fn every_name_is_read_back() {
    for name in FinalityRule::NAMES {
        assert_eq!(FinalityRule::named(name).unwrap().name(), name);
    }
    assert_eq!(FinalityRule::named("paxos"), None);
    let quorums = [4, 5, 6, 7, 21].map(|n| FinalityRule::TwoThirds.quorum(n));
    assert_eq!(quorums, [3, 4, 5, 5, 15]);
}
