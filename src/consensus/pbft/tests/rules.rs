//! What seals a block: exactly a quorum of votes, whoever they are from.

use std::sync::Arc;

use super::*;
use crate::chain::testkit::tree_of;
use crate::chain::{Rules, Verdict};
use crate::consensus::pbft::{PbftParams, PbftRules};
use crate::ledger::testkit::params;
use crate::types::testkit::key;
use crate::types::{Bounded, Claim, Header, Keypair, Seal, Span, Time, Vote};

const LAUNCH: Time = Time(1_700_000_000_000);

fn rules(size: u8) -> Arc<PbftRules> {
    Arc::new(PbftRules::new(PbftParams {
        chain: params().chain,
        authorities: (1..=size).map(|number| key(number).address()).collect(),
        block_time_min: Span(100),
        empty_block_after: None,
        view_timeout: Span(1000),
    }))
}

fn votes(rules: &PbftRules, ballot: &Ballot, by: &[u8]) -> Vec<Vote> {
    let hash = rules.commit_hash(ballot);
    let keys = by.iter().map(|number| key(*number));
    let vote = |key: Keypair| Vote { key: key.public(), signature: key.sign(&hash) };
    let mut votes: Vec<Vote> = keys.map(vote).collect();
    votes.sort_by_key(|vote| vote.key);
    votes
}

#[test]
fn a_seal_is_exactly_a_quorum_of_sorted_votes() {
    for (size, quorum) in [(4, 3), (5, 4), (6, 4), (7, 5)] {
        let rules = rules(size);
        let (tree, _) = tree_of(rules.clone(), &params(), LAUNCH);
        let parent = tree.head().as_ref();
        let header = Header {
            height: Height(1),
            parent: *parent.id,
            time: LAUNCH.after(Span(1)),
            claim: Claim::Round { round: 2 },
            ..*parent.header
        };
        let at = Point { height: header.height, id: header.id(&params().chain) };
        let good = votes(&rules, &ballot(3, at), &(1..=quorum).collect::<Vec<u8>>());
        let judged = |round, votes: &[Vote]| {
            let seal = Seal::Quorum { round, votes: Bounded::truncated(votes.to_vec()) };
            match rules.verify(&header, &seal, parent) {
                Ok(()) => String::new(),
                Err(Verdict::Seal(reason)) => reason,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(judged(3, &good), "");
        let last = good.len() - 1;
        let with = |votes: Vec<Vote>| [&good[..last], &votes[..]].concat();
        let mut unsorted = good.clone();
        unsorted.swap(0, 1);
        let mut stranger = with(votes(&rules, &ballot(3, at), &[size + 1]));
        stranger.sort_by_key(|vote| vote.key);
        let mut forged = good.clone();
        forged[1].signature = forged[0].signature;
        let more = votes(&rules, &ballot(3, at), &(1..=quorum + 1).collect::<Vec<u8>>());
        let early = votes(&rules, &ballot(1, at), &(1..=quorum).collect::<Vec<u8>>());
        let cases = [
            (3, good[..last].to_vec(), "exactly"),
            (3, more, "exactly"),
            (3, unsorted, "not in order"),
            (3, with(vec![good[last - 1]]), "not in order"),
            (3, stranger, "is no authority"),
            (3, forged, "does not verify"),
            // The same votes in another view are votes for nothing.
            (4, good.clone(), "does not verify"),
            (1, early, "before the draft's"),
        ];
        for (round, votes, expected) in cases {
            let said = judged(round, &votes);
            assert!(said.contains(expected), "{size}: {said:?} where {expected:?} is due");
        }
        let leader = Seal::Leader { round: 3, leader: good[0].key, signature: good[0].signature };
        let verdict = rules.verify(&header, &leader, parent);
        assert_eq!(verdict, Err(Verdict::Seal("it is not of a quorum".into())));
    }
}
