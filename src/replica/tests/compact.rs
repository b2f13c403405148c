//! Compact announcements: bodies rebuilt from the pool, and what happens when they cannot be.

use std::collections::BTreeSet;

use super::super::wire::{Gossip, Request, Response, short_id};
use super::super::*;
use super::lone::*;
use crate::consensus::pow::testkit::{Mine, SPACING};
use crate::types::{Block, Bounded, Span, Transaction};

/// A mine whose next block holds `count` transactions, and those transactions.
fn full_block(count: u64) -> (Mine, Vec<Transaction>, Block) {
    let mut mine = Mine::new();
    let (splitting, parts) = split(&mine, fortune(&mine, 1), count.max(1));
    let time = mine.genesis.header.time.after(Span(SPACING));
    mine.mine(time, vec![splitting]);
    let payments: Vec<Transaction> =
        parts.into_iter().take(count as usize).map(|coin| pay(&mine, coin, 5_000).0).collect();
    let time = time.after(Span(SPACING));
    let block = mine.seal(mine.draft(mine.tree.head(), time, payments.clone()));
    (mine, payments, block)
}

/// A replica that holds the first block of the mine, with some peers.
fn at_first(mine: &Mine) -> Lone {
    let mut lone = Lone::new(mine);
    for peer in 1..=5 {
        lone.connect(peer);
    }
    lone.now = lone.now.after(Span(10 * SPACING));
    let first = &branch(mine)[0];
    let (verdict, outputs) = lone.announce(1, first);
    assert_eq!(verdict, GossipVerdict::Accept);
    let (_, id, _) = requests(&outputs)[0].clone();
    let splitting = first.body.transactions.clone();
    lone.answer(1, id, Response::Transactions(Bounded::truncated(splitting.to_vec())));
    assert_eq!(lone.head(), first.id(&mine.tree.params().chain));
    lone
}

fn chain_id(mine: &Mine) -> crate::types::GenesisId {
    mine.tree.params().chain
}

#[test]
fn with_everything_in_the_pool_nothing_is_asked_for() {
    let (mine, payments, block) = full_block(40);
    let mut lone = at_first(&mine);
    assert!(lone.submit(payments).iter().all(Result::is_ok));
    let (verdict, outputs) = lone.announce(2, &block);
    assert_eq!((verdict, requests(&outputs)), (GossipVerdict::Accept, vec![]));
    let checks = |output: &Output| matches!(output, Output::Verify { .. });
    assert!(!outputs.iter().any(checks), "the pool has verified all signatures");
    assert_eq!(lone.head(), block.id(&chain_id(&mine)));
    assert!(lone.replica.pool().is_empty());
}

#[test]
fn a_few_missing_ones_are_asked_for_by_their_places() {
    let (mine, payments, block) = full_block(40);
    let mut lone = at_first(&mine);
    let known: Vec<Transaction> = payments[2..].to_vec();
    lone.submit(known);
    let (_, outputs) = lone.announce(2, &block);
    let (to, id, request) = requests(&outputs)[0].clone();
    let block_id = block.id(&chain_id(&mine));
    let missing: Vec<u32> = (0..)
        .zip(&block.body.transactions)
        .filter(|(_, t)| payments[..2].contains(t))
        .map(|(n, _)| n)
        .collect();
    assert_eq!(
        request,
        Request::Transactions { block: block_id, places: Bounded::truncated(missing.clone()) }
    );
    assert_eq!(to, 2);
    let answer = missing.iter().map(|n| block.body.transactions[*n as usize].clone()).collect();
    lone.answer(2, id, Response::Transactions(Bounded::truncated(answer)));
    assert_eq!(lone.head(), block_id);
}

#[test]
fn with_many_missing_the_whole_block_is_asked_for() {
    let (mine, payments, block) = full_block(40);
    let mut lone = at_first(&mine);
    lone.submit(payments[5..].to_vec());
    let (_, outputs) = lone.announce(2, &block);
    let block_id = block.id(&chain_id(&mine));
    assert_eq!(requests(&outputs)[0].2, Request::Block(block_id));
    let id = requests(&outputs)[0].1;
    lone.answer(2, id, Response::Block(Some(Box::new(block))));
    assert_eq!(lone.head(), block_id);
}

/// Transactions that are real but not those: the body is not the one that the header names.
#[test]
fn wrong_transactions_cost_one_more_question() {
    let (mine, payments, block) = full_block(40);
    let mut lone = at_first(&mine);
    lone.submit(payments[2..].to_vec());
    let block_id = block.id(&chain_id(&mine));
    let swapped = vec![payments[1].clone(), payments[0].clone()];
    for wrong in [vec![], vec![payments[5].clone()], vec![payments[5].clone(); 2], swapped] {
        let (_, outputs) = lone.announce(2, &block);
        let (_, id, _) = requests(&outputs)[0].clone();
        let outputs = lone.answer(2, id, Response::Transactions(Bounded::truncated(wrong)));
        let (to, id, request) = requests(&outputs)[0].clone();
        assert_eq!((to, request), (2, Request::Block(block_id)));
        // Nobody is blamed for that, and the block can still come.
        assert_eq!((banned(&outputs), refusals(&outputs)), (vec![], vec![]));
        let outputs = lone.answer(2, id, Response::Block(None));
        assert_eq!((banned(&outputs), requests(&outputs)), (vec![], vec![]));
    }
    let (verdict, outputs) = lone.announce(3, &block);
    assert_eq!(verdict, GossipVerdict::Accept);
    let id = requests(&outputs)[0].1;
    let missing = block.body.transactions.iter().filter(|t| payments[..2].contains(t)).cloned();
    lone.answer(3, id, Response::Transactions(Bounded::truncated(missing.collect())));
    assert_eq!(lone.head(), block_id);
}

/// A short id that two pending transactions share, or that stands in the list twice, leads to the wrong body at worst.
#[test]
fn short_ids_that_collide_lead_to_the_whole_block() {
    let (mine, payments, block) = full_block(40);
    let mut lone = at_first(&mine);
    lone.submit(payments);
    let block_id = block.id(&chain_id(&mine));
    let mut announce = announce(&block, &chain_id(&mine));
    let mut short: Vec<u64> = announce.short_ids.to_vec();
    short[3] = short[4];
    announce.short_ids = Bounded::truncated(short);
    let (_, outputs) = lone.gossip(2, Gossip::Announce(Box::new(announce)));
    let (to, id, request) = requests(&outputs)[0].clone();
    assert_eq!((to, request), (2, Request::Block(block_id)));
    lone.answer(2, id, Response::Block(Some(Box::new(block))));
    assert_eq!(lone.head(), block_id);
}

/// Anybody can copy header and seal of an announcement and garble the rest. The block comes all the same, from
/// somebody else who announced it.
#[test]
fn a_garbled_copy_does_not_hold_a_block_up() {
    let (mine, payments, block) = full_block(40);
    let block_id = block.id(&chain_id(&mine));
    let garbled = |lone: &mut Lone, short: Vec<u64>| {
        let mut announce = announce(&block, &chain_id(&mine));
        announce.short_ids = Bounded::truncated(short);
        let (verdict, outputs) = lone.gossip(1, Gossip::Announce(Box::new(announce)));
        assert_eq!(verdict, GossipVerdict::Accept, "its seal is that of the genuine one");
        requests(&outputs)[0].1
    };
    type Answer = fn(&mut Lone, u64, &Block) -> Vec<Output>;
    let lies: [Answer; 4] = [
        |lone, id, _| lone.handle(Input::RequestFailed { from: Peer(1), id }),
        |lone, id, _| lone.answer(1, id, Response::Block(None)),
        |lone, id, block| {
            let mut other = block.clone();
            other.draft.body.transactions = Bounded::default();
            lone.answer(1, id, Response::Block(Some(Box::new(other))))
        },
        |lone, _, _| lone.handle(Input::Disconnected(Peer(1))),
    ];
    for (n, lie) in lies.iter().enumerate() {
        let mut lone = at_first(&mine);
        lone.submit(payments.clone());
        let id = garbled(&mut lone, vec![7; 60]);
        for honest in [2, 3] {
            let (verdict, outputs) = lone.announce(honest, &block);
            assert_eq!((verdict, requests(&outputs)), (GossipVerdict::Ignore, vec![]));
        }
        let outputs = lie(&mut lone, id, &block);
        assert_eq!(banned(&outputs), if n == 2 { vec![1] } else { vec![] }, "lie {n}");
        let asked = requests(&outputs);
        let (to, id, request) =
            asked.iter().find(|(to, ..)| *to != 1).cloned().unwrap_or_else(|| panic!("lie {n}"));
        assert_eq!((to, request), (3, Request::Block(block_id)), "lie {n}");
        // That one fails too; the last one delivers.
        let outputs = lone.handle(Input::RequestFailed { from: Peer(3), id });
        let asked = requests(&outputs);
        let (to, id, _) =
            asked.iter().find(|(_, _, r)| *r == Request::Block(block_id)).cloned().unwrap();
        assert_eq!(to, 2);
        lone.answer(2, id, Response::Block(Some(Box::new(block.clone()))));
        assert_eq!(lone.head(), block_id, "lie {n}");
        assert_eq!(lone.replica.blocks.sizes(), (0, 0, 0, 0));
    }
}

/// Whoever passes an announcement on may still wait for the body itself when it is asked for it.
#[test]
fn a_question_about_a_block_that_is_coming_waits_with_it() {
    let (mine, payments, block) = full_block(40);
    let mut lone = at_first(&mine);
    lone.submit(payments[2..].to_vec());
    let block_id = block.id(&chain_id(&mine));
    let (_, outputs) = lone.announce(2, &block);
    let (_, number, _) = requests(&outputs)[0].clone();
    let places = Bounded::truncated(vec![1, 3]);
    assert_eq!(lone.ask(3, Request::Transactions { block: block_id, places }), None);
    assert_eq!(lone.ask(4, Request::Block(block_id)), None);
    // The one whom we ask ourselves is answered at once: two that wait for each other wait for good.
    assert_eq!(lone.ask(2, Request::Block(block_id)), Some(Response::Block(None)));
    let missing = block.body.transactions.iter().filter(|t| payments[..2].contains(t)).cloned();
    let answer = Response::Transactions(Bounded::truncated(missing.collect()));
    let outputs = lone.answer(2, number, answer);
    let answers: Vec<(u64, Response)> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Respond { to, response, .. } => Some((to.0, response.clone())),
            _ => None,
        })
        .collect();
    let picked = [1, 3].map(|n| block.body.transactions[n].clone()).to_vec();
    let expected = [
        (3, Response::Transactions(Bounded::truncated(picked))),
        (4, Response::Block(Some(Box::new(block.clone())))),
    ];
    assert_eq!(answers, expected);
}

#[test]
fn a_question_waits_no_longer_than_the_block_can_come() {
    let (mine, _, block) = full_block(40);
    let mut lone = at_first(&mine);
    let block_id = block.id(&chain_id(&mine));
    let (_, outputs) = lone.announce(2, &block);
    let (_, number, _) = requests(&outputs)[0].clone();
    assert_eq!(lone.ask(4, Request::Block(block_id)), None);
    let outputs = lone.handle(Input::RequestFailed { from: Peer(2), id: number });
    let answered = |output: &Output| {
        matches!(output, Output::Respond { to: Peer(4), response: Response::Block(None), .. })
    };
    assert!(outputs.iter().any(answered));
}

/// Short ids are keyed by the block: what collides in one does not in the next.
#[test]
fn two_blocks_share_no_short_ids() {
    let (mine, payments, block) = full_block(40);
    let ids: Vec<TransactionId> = payments.iter().map(|t| t.id(&chain_id(&mine))).collect();
    let one: BTreeSet<u64> =
        ids.iter().map(|id| short_id(&block.id(&chain_id(&mine)), id)).collect();
    let other: BTreeSet<u64> = ids.iter().map(|id| short_id(&block.header.parent, id)).collect();
    assert_eq!((one.len(), one.intersection(&other).count()), (40, 0));
}
