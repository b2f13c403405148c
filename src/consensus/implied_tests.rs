//! Implied votes beside the published cases, and beside a naive model that counts anew from the whole branch.

use serde_json::Value;

use super::*;
use crate::types::testkit::Dice;
use crate::types::{PublicKey, decode, encode, vectors};

/// The producer with this number.
pub(super) fn producer(number: usize) -> Address {
    Address::of(&PublicKey([u8::try_from(number).unwrap(); 32]))
}

/// The producers with numbers below this one.
pub(super) fn producers(number: usize) -> BTreeSet<Address> {
    (0..number).map(producer).collect()
}

/// A branch of blocks by these producers, who sign in this order on no other branch.
fn honest(rule: FinalityRule, signers: &[usize], set: &BTreeSet<Address>) -> Votes {
    let mut votes = Votes::default();
    for (height, signer) in (1..).map(Height).zip(signers) {
        let producer = producer(*signer);
        let prior = votes.signed(&producer);
        votes.push(&rule, Voted { height, producer, prior }, set);
    }
    votes
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("{key} of {value}"))
}

fn listed(votes: &Value) -> BTreeMap<u64, u64> {
    let votes = votes.as_object().unwrap().iter();
    votes.map(|(height, count)| (height.parse().unwrap(), count.as_u64().unwrap())).collect()
}

/// One published history (lisk-sdk, protocol-specs/generator_outputs/bft_processing). Each block says from when on its
/// producer is in force, not always the same, so that is set as it says.
fn published(name: &str) {
    let Some(history) = vectors::json(&format!("lisk/{name}.json")) else { return };
    let Some(members) = history["config"]["activeValidators"].as_u64() else { return };
    let members = members as usize;
    let blocks = history["testCases"].as_array().unwrap();
    let named: BTreeSet<&str> =
        blocks.iter().map(|block| block["input"]["validatorName"].as_str().unwrap()).collect();
    let who: BTreeMap<&str, Address> =
        named.into_iter().enumerate().map(|(at, name)| (name, producer(at))).collect();
    let everybody: BTreeSet<Address> = who.values().copied().collect();
    let quorum = FinalityRule::TwoThirds.quorum(members);
    let mut votes = Votes::default();
    for block in blocks {
        let (header, output) = (&block["input"]["blockHeader"], &block["output"]);
        let at = format!("{name}, height {}", header["height"]);
        assert_eq!(votes.prevoted().0, number(header, "maxHeightPrevoted"), "before {at}");
        let voted = Voted {
            height: Height(number(header, "height")),
            producer: who[block["input"]["validatorName"].as_str().unwrap()],
            prior: Height(number(header, "maxHeightPreviouslyForged")),
        };
        votes.note(&voted, &everybody, quorum);
        while votes.lines.len() > WINDOW_ROUNDS * members {
            votes.lines.pop_front();
        }
        let since = Height(number(header, "validatorMinHeightActive"));
        votes.members.get_mut(&voted.producer).unwrap().since = since;
        votes.vote();
        assert_eq!(votes.prevoted().0, number(output, "preVotedConfirmedHeight"), "{at}");
        assert_eq!(votes.final_height().0, number(output, "finalizedHeight"), "{at}");
        let (prevotes, precommits) = (listed(&output["preVotes"]), listed(&output["preCommits"]));
        for height in 0..=voted.height.0 {
            let Some((prevoted, precommitted)) = votes.of(Height(height)) else { continue };
            // What has no votes is not listed.
            let due = |votes: &BTreeMap<u64, u64>| votes.get(&height).copied().unwrap_or(0);
            assert_eq!(u64::from(prevoted), due(&prevotes), "prevotes for {height}: {at}");
            assert_eq!(u64::from(precommitted), due(&precommits), "precommits for {height}: {at}");
        }
    }
}

#[test]
fn the_published_histories_of_lisk_come_out() {
    let names = vectors::names("lisk");
    let here = |name: &str| names.iter().any(|file| file.strip_suffix(".json") == Some(name));
    let least = ["4_validators_missed_slots", "4_validators_simple", "7_validators_partial_switch"];
    assert!(names.is_empty() || least.into_iter().all(here), "{names:?}");
    for name in &names {
        published(name.strip_suffix(".json").unwrap());
    }
}

#[test]
fn without_forks_a_block_is_final_after_two_quorums() {
    let set = producers(7);
    let turns: Vec<usize> = (0..40).map(|turn| turn % 7).collect();
    for (rule, quorum) in [(FinalityRule::Majority, 4), (FinalityRule::TwoThirds, 5)] {
        let votes = honest(rule, &turns, &set);
        assert_eq!(votes.prevoted(), Height(40 - quorum + 1), "{rule:?}");
        // Whoever makes the quorum of prevotes complete precommits with its next block at the earliest.
        assert_eq!(votes.final_height(), Height(40 - 2 * quorum + 1), "{rule:?}");
    }
}

#[test]
fn signing_often_is_no_more_than_signing_once() {
    let set = producers(4);
    for rule in [FinalityRule::Majority, FinalityRule::TwoThirds] {
        let mut votes = Votes::default();
        for height in (1..=40).map(Height) {
            // Two of four, who say each time that they have signed nothing so far.
            let producer = producer((height.0 % 2) as usize);
            votes.push(&rule, Voted { height, producer, prior: Height(0) }, &set);
            assert!(votes.lines.iter().all(|line| line.prevotes <= 2 && line.precommits <= 2));
        }
        assert_eq!((votes.prevoted(), votes.final_height()), (Height(0), Height(0)), "{rule:?}");
        assert_eq!(votes.signed(&producer(1)), Height(39));
    }
}

#[test]
fn who_signed_as_high_elsewhere_votes_for_nothing() {
    let set = producers(4);
    let mut votes = honest(FinalityRule::Majority, &[0, 1], &set);
    let before = (votes.of(Height(1)), votes.of(Height(2)));
    let height = Height(3);
    let voted = Voted { height, producer: producer(2), prior: height };
    votes.push(&FinalityRule::Majority, voted, &set);
    assert_eq!((votes.of(Height(1)), votes.of(Height(2))), before);
    assert_eq!(votes.of(height), Some((0, 0)));
}

#[test]
fn votes_are_a_value_with_one_encoding_and_a_bound() {
    let mut votes = Votes::default();
    let mut most = 0;
    for height in 1..=400u64 {
        let size = [21, 4, 11][(height / 100 % 3) as usize];
        let set = producers(size);
        let producer = producer((height % size as u64) as usize);
        let voted = Voted { height: Height(height), producer, prior: Height(height * 7 % 50) };
        votes.push(&FinalityRule::TwoThirds, voted, &set);
        assert!(votes.lines.len() <= 3 * size && votes.members.len() == size);
        most = most.max(encode(&votes).len());
    }
    let line = 21 + 8 + 3 * 2;
    let member = 21 + 3 * 8;
    assert!(most <= 4 + 63 * line + 8 + 4 + 21 * member + 16, "{most}");
    assert_eq!(decode::<Votes>(&encode(&votes)).unwrap(), votes);
}

#[test]
fn a_gap_starts_the_count_anew_and_keeps_what_is_final() {
    let set = producers(4);
    let turns: Vec<usize> = (0..20).map(|turn| turn % 4).collect();
    let mut votes = honest(FinalityRule::TwoThirds, &turns, &set);
    let decided = votes.final_height();
    assert!(decided > Height(0));
    let voted = Voted { height: Height(1000), producer: producer(0), prior: Height(20) };
    votes.push(&FinalityRule::TwoThirds, voted, &set);
    assert_eq!(votes.final_height(), decided);
    assert_eq!(votes.of(Height(20)), None);
    assert_eq!(votes.of(Height(1000)), Some((1, 0)));
}

/// A branch as it is: its blocks, each with the producers in force.
type History = Vec<(Voted, BTreeSet<Address>)>;

/// What votes should be, by the definitions, from the whole branch.
struct Model {
    prevotes: BTreeMap<Height, BTreeSet<Address>>,
    precommits: BTreeMap<Height, BTreeSet<Address>>,
    prevoted: Height,
    final_height: Height,
}

impl Model {
    fn of(rule: FinalityRule, history: &History) -> Self {
        let mut model = Self {
            prevotes: BTreeMap::new(),
            precommits: BTreeMap::new(),
            prevoted: Height(0),
            final_height: Height(0),
        };
        for length in 1..=history.len() {
            model.count(rule, &history[..length]);
        }
        model
    }

    /// The votes of the last block of a branch.
    fn count(&mut self, rule: FinalityRule, branch: &[(Voted, BTreeSet<Address>)]) {
        let (Voted { height, producer, .. }, _) = branch.last().unwrap();
        let set_at = |height: Height| &branch[height.0 as usize - 1].1;
        let reached = |votes: &BTreeMap<Height, BTreeSet<Address>>, height: Height| {
            let quorum = rule.quorum(set_at(height).len());
            votes.get(&height).is_some_and(|voters| voters.len() >= quorum)
        };
        // The heights in whose sets the producer is without a break, as far back as votes have ever reached.
        let reach = |(voted, set): &(Voted, BTreeSet<Address>)| {
            voted.height.0.saturating_sub(3 * set.len() as u64)
        };
        let bottom = branch.iter().map(reach).max().unwrap();
        let mut may: Vec<Height> = (bottom + 1..=height.0).rev().map(Height).collect();
        let broken = may.iter().position(|height| !set_at(*height).contains(producer));
        may.truncate(broken.unwrap_or(may.len()));
        // Ranges that it prevoted here, block by block through the priors, and the part of them that is this block's.
        let said = |branch: &[(Voted, BTreeSet<Address>)]| {
            let (last, rest) = branch.split_last().unwrap();
            let own = rest.iter().rev().find(|(voted, _)| voted.producer == *producer);
            last.0.prior.max(own.map(|(voted, _)| voted.height).unwrap_or_default())
        };
        let prior = said(branch);
        if prior >= *height {
            return;
        }
        let mut clear = prior;
        while let Some(at) = (clear.0 as usize).checked_sub(1)
            && branch[at].0.producer == *producer
            && said(&branch[..=at]) < clear
        {
            clear = said(&branch[..=at]);
        }
        let already = |votes: &BTreeMap<Height, BTreeSet<Address>>, least: Height| {
            votes.range(least..).any(|(_, voters)| voters.contains(producer))
        };
        let precommits: Vec<Height> = may
            .iter()
            .copied()
            .filter(|at| at < height && *at > clear && reached(&self.prevotes, *at))
            .filter(|at| !already(&self.precommits, *at))
            .collect();
        for at in precommits {
            self.precommits.entry(at).or_default().insert(*producer);
        }
        for at in may.iter().filter(|at| **at > prior) {
            assert!(self.prevotes.entry(*at).or_default().insert(*producer), "a vote given twice");
        }
        for at in may.iter().copied().chain((bottom + 1..=height.0).map(Height)) {
            if reached(&self.prevotes, at) {
                self.prevoted = self.prevoted.max(at);
            }
            if reached(&self.precommits, at) {
                self.final_height = self.final_height.max(at);
            }
        }
    }

    fn compare(&self, votes: &Votes, what: &str) {
        assert_eq!(votes.prevoted(), self.prevoted, "{what}");
        assert_eq!(votes.final_height(), self.final_height, "{what}");
        for height in (0..=votes.top.0).map(Height) {
            let Some((prevotes, precommits)) = votes.of(height) else { continue };
            let count = |votes: &BTreeMap<Height, BTreeSet<Address>>| {
                votes.get(&height).map_or(0, BTreeSet::len)
            };
            assert_eq!(usize::from(prevotes), count(&self.prevotes), "{what}: at {height}");
            assert_eq!(usize::from(precommits), count(&self.precommits), "{what}: at {height}");
        }
    }
}

/// Random trees of blocks, with sets that change along a branch, producers that come and go, and priors that are true,
/// too small or too great.
#[test]
fn the_counts_are_those_of_a_naive_model() {
    let (mut finals, mut returned) = (0, 0);
    for seed in 0..400 {
        let mut dice = Dice::new(seed);
        let rule = [FinalityRule::Majority, FinalityRule::TwoThirds][dice.index(2)];
        let all = 3 + dice.index(6);
        let truthful = dice.below(101);
        let changing = dice.below(12);
        let mut tree: Vec<(History, Votes)> = vec![(Vec::new(), Votes::default())];
        let mut signed = vec![Height(0); all];
        for _ in 0..60 {
            let fork = dice.percent(15);
            let at = if fork { dice.index(tree.len()) } else { tree.len() - 1 };
            let (mut history, mut votes) = tree[at].clone();
            let mut set =
                history.last().map_or_else(|| producers(all.div_ceil(2)), |last| last.1.clone());
            if dice.percent(changing) {
                let who = producer(dice.index(all));
                if !set.remove(&who) || set.is_empty() {
                    returned += usize::from(history.iter().any(|(_, set)| set.contains(&who)));
                    set.insert(who);
                }
            }
            let height = Height(history.len() as u64 + 1);
            let mut who = dice.index(all);
            while !set.contains(&producer(who)) {
                who = (who + 1) % all;
            }
            let prior = match dice.percent(truthful) {
                true => signed[who],
                false => Height(dice.below(height.0 + 3)),
            };
            signed[who] = signed[who].max(height);
            let voted = Voted { height, producer: producer(who), prior };
            let before = votes.final_height();
            votes.push(&rule, voted, &set);
            assert!(votes.final_height() >= before);
            history.push((voted, set));
            tree.push((history, votes));
        }
        for (at, (history, votes)) in tree.iter().enumerate().skip(1) {
            Model::of(rule, history).compare(votes, &format!("seed {seed}, block {at}"));
            finals += usize::from(votes.final_height() > Height(0));
        }
    }
    // The comparison was about something.
    assert!(finals > 2000 && returned > 50, "{finals} branches with finals, {returned} returned");
}

#[test]
fn every_rule_is_found_by_its_name() {
    for (rule, name) in FinalityRule::ALL.into_iter().zip(FinalityRule::NAMES) {
        assert_eq!((rule.name(), FinalityRule::named(name)), (name, Some(rule)));
    }
    assert_eq!(FinalityRule::named("depth"), None);
    let quorums = |rule: FinalityRule| [1, 3, 4, 5, 6, 7, 10, 21, 101].map(|n| rule.quorum(n));
    assert_eq!(quorums(FinalityRule::Majority), [1, 2, 3, 3, 4, 4, 6, 11, 51]);
    assert_eq!(quorums(FinalityRule::TwoThirds), [1, 3, 3, 4, 5, 5, 7, 15, 68]);
    assert_eq!(quorums(FinalityRule::Graphene), [1, 3, 3, 4, 5, 5, 7, 15, 71]);
}
