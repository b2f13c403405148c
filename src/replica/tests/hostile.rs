//! Peers that lie: they are banned or ignored, the node goes on, and nothing grows beyond its bound.

use super::super::blocks::Source;
use super::super::wire::{Gossip, Request, Response};
use super::super::*;
use super::lone::*;
use crate::consensus::pow::testkit::{Mine, SPACING};
use crate::types::testkit::key;
use crate::types::{
    Block, BlockId, Bounded, Hash, Height, Seal, Span, StateRoot, Time, Transaction,
};

fn gossip(batch: Vec<Transaction>) -> Gossip {
    Gossip::Transactions(Bounded::truncated(batch))
}

/// The same transaction under a signature of somebody who does not own its coins.
fn forged(transaction: &Transaction, mine: &Mine) -> Transaction {
    let mut forged = transaction.clone();
    let mut witnesses = forged.witnesses.to_vec();
    witnesses[0].signature.0[3] ^= 1;
    forged.witnesses = Bounded::truncated(witnesses);
    assert_eq!(forged.id(&mine.tree.params().chain), transaction.id(&mine.tree.params().chain));
    forged
}

fn ready() -> (Mine, Lone) {
    let mine = Mine::new();
    let mut lone = Lone::new(&mine);
    lone.now = lone.now.after(Span(10 * SPACING));
    for peer in 1..=5 {
        lone.connect(peer);
    }
    (mine, lone)
}

/// The next block on the mine's head with these transactions, and one edit before it is sealed.
fn block(mine: &Mine, transactions: Vec<Transaction>, edit: impl FnOnce(&mut Block)) -> Block {
    let head = mine.tree.head();
    let time = head.block.header.time.after(Span(SPACING));
    let mut block = mine.draft(head, time, transactions).seal(Seal::Genesis);
    edit(&mut block);
    mine.seal(block.draft)
}

#[test]
fn a_forged_seal_is_rejected_and_its_bearer_banned() {
    let (mine, mut lone) = ready();
    let mut block = block(&mine, vec![], |_| {});
    block.seal = Seal::Genesis;
    let (verdict, outputs) = lone.announce(1, &block);
    assert_eq!((verdict, banned(&outputs)), (GossipVerdict::Reject, vec![1]));
    assert_eq!(lone.height(), 0);
}

/// A maker that proves a block which does not execute pays for the proof; those who passed it on are not to blame.
#[test]
fn a_proven_block_that_does_not_execute_condemns_itself_only() {
    let (mine, mut lone) = ready();
    let bad = block(&mine, vec![], |block| block.draft.header.state_root = StateRoot::default());
    let (verdict, outputs) = lone.announce(1, &bad);
    assert_eq!((verdict, banned(&outputs)), (GossipVerdict::Accept, vec![]));
    assert!(refusals(&outputs)[0].contains("executing it gives"));
    for peer in 1..=3 {
        let (verdict, outputs) = lone.announce(peer, &bad);
        assert_eq!((verdict, banned(&outputs)), (GossipVerdict::Ignore, vec![]));
        assert_eq!(refusals(&outputs), Vec::<String>::new(), "executed once");
    }
    // Whoever serves it when asked for blocks vouches for it.
    assert_eq!(banned(&lone.offer(&mine, 4, &[bad])), [4]);
    let good = block(&mine, vec![], |_| {});
    lone.announce(5, &good);
    assert_eq!(lone.height(), 1);
}

/// A body with a forged signature under the header of a good block: the copy is bad, the block is not.
#[test]
fn forged_witnesses_do_not_condemn_the_block_they_are_put_into() {
    for served_by in ["body", "sync"] {
        let (mine, mut lone) = ready();
        let payments: Vec<Transaction> =
            (1..=5).map(|person| pay(&mine, fortune(&mine, person), 5_000).0).collect();
        let good = block(&mine, payments.clone(), |_| {});
        let mut bad = good.clone();
        let mut transactions = payments.clone();
        transactions[2] = forged(&transactions[2], &mine);
        bad.draft.body.transactions = Bounded::truncated(transactions);
        let id = good.id(&mine.tree.params().chain);
        assert_eq!(bad.id(&mine.tree.params().chain), id);
        let outputs = if served_by == "body" {
            let (_, outputs) = lone.announce(1, &good);
            let (_, number, request) = requests(&outputs)[0].clone();
            assert_eq!(request, Request::Block(id));
            lone.answer(1, number, Response::Block(Some(Box::new(bad))))
        } else {
            let outputs = lone.offer(&mine, 1, std::slice::from_ref(&good));
            let (_, number, _, _) = blocks_requests(&outputs)[0];
            lone.blocks(1, number, &[bad])
        };
        assert_eq!(banned(&outputs), [1], "{served_by}");
        let (verdict, outputs) = lone.announce(2, &good);
        assert_eq!(verdict, GossipVerdict::Accept, "{served_by}");
        let (_, number, _) = requests(&outputs)[0].clone();
        lone.answer(2, number, Response::Block(Some(Box::new(good))));
        assert_eq!(lone.head(), id, "{served_by}");
    }
}

/// A block whose header names a forged signature is invalid in every copy.
#[test]
fn a_block_with_a_forged_signature_in_it_is_invalid() {
    let (mine, mut lone) = ready();
    let payment = forged(&pay(&mine, fortune(&mine, 1), 5_000).0, &mine);
    let bad = block(&mine, vec![payment.clone()], |_| {});
    let (_, outputs) = lone.announce(1, &bad);
    let (_, number, _) = requests(&outputs)[0].clone();
    let answer = Response::Transactions(Bounded::truncated(vec![payment]));
    let outputs = lone.answer(1, number, answer);
    assert_eq!(refusals(&outputs), ["the block is invalid: a signature in it does not verify"]);
    assert!(banned(&outputs).is_empty(), "it vouched for header and seal");
    let (verdict, outputs) = lone.announce(2, &bad);
    assert_eq!((verdict, requests(&outputs)), (GossipVerdict::Ignore, vec![]));
    assert_eq!(lone.height(), 0);
}

#[test]
fn another_block_than_the_one_asked_for_is_a_lie() {
    let (mine, mut lone) = ready();
    let payments: Vec<Transaction> =
        (1..=5).map(|person| pay(&mine, fortune(&mine, person), 5_000).0).collect();
    let good = block(&mine, payments, |_| {});
    let other = block(&mine, vec![], |_| {});
    let (_, outputs) = lone.announce(1, &good);
    lone.announce(2, &good);
    let (_, number, _) = requests(&outputs)[0].clone();
    let outputs = lone.answer(1, number, Response::Block(Some(Box::new(other))));
    assert_eq!(banned(&outputs), [1]);
    let asked = requests(&outputs);
    let id = good.id(&mine.tree.params().chain);
    let (to, number, _) = asked.iter().find(|(_, _, r)| *r == Request::Block(id)).unwrap().clone();
    assert_eq!(to, 2);
    lone.answer(2, number, Response::Block(Some(Box::new(good))));
    assert_eq!(lone.head(), id);
}

#[test]
fn an_answer_that_does_not_fit_the_question_is_a_lie() {
    let (mine, mut lone) = ready();
    let outputs = lone.status(1, boast(&mine));
    let (_, number, _) = headers_request(&outputs);
    assert_eq!(banned(&lone.answer(1, number, Response::Block(None))), [1]);
    let outputs = lone.status(2, boast(&mine));
    let (_, number, _) = headers_request(&outputs);
    let outputs = lone.answer(2, number, Response::Status(status_of(&mine)));
    assert_eq!(banned(&outputs), [2]);
}

/// Numbers of requests are easy to guess; an answer counts only from the one who was asked.
#[test]
fn nobody_can_answer_for_another() {
    let (mine, mut lone) = ready();
    let good = block(&mine, vec![], |_| {});
    let outputs = lone.offer(&mine, 1, std::slice::from_ref(&good));
    let (to, number, _, _) = blocks_requests(&outputs)[0];
    assert_eq!(to, 1);
    for guess in 0..100 {
        assert_eq!(lone.blocks(9, guess, std::slice::from_ref(&good)), []);
        assert_eq!(lone.handle(Input::RequestFailed { from: Peer(9), id: guess }), []);
    }
    assert_eq!(lone.height(), 0);
    lone.blocks(1, number, std::slice::from_ref(&good));
    assert_eq!(lone.height(), 1, "the one who was asked still can");
    lone.blocks(1, number, &[good]);
    assert_eq!(lone.height(), 1, "once");
}

#[test]
fn a_place_is_asked_for_once() {
    let (mine, mut lone) = ready();
    let payments: Vec<Transaction> =
        (1..=2).map(|person| pay(&mine, fortune(&mine, person), 5_000).0).collect();
    lone.submit(payments.clone());
    let good = block(&mine, payments, |_| {});
    lone.announce(1, &good);
    let id = good.id(&mine.tree.params().chain);
    let mut ask = |places: Vec<u32>| {
        let places = Bounded::truncated(places);
        match lone.ask(1, Request::Transactions { block: id, places }) {
            Some(Response::Transactions(transactions)) => transactions.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(vec![0, 1]), 2);
    assert_eq!(ask(vec![1]), 1);
    for nothing in [vec![0, 0], vec![1, 0], vec![0; 60_000], vec![0, 1, 2], vec![u32::MAX]] {
        assert_eq!(ask(nothing), 0);
    }
}

#[test]
fn a_forged_signature_in_gossip_is_rejected_and_its_bearer_banned() {
    let (mine, mut lone) = ready();
    let genuine = pay(&mine, fortune(&mine, 1), 5_000).0;
    let other = pay(&mine, fortune(&mine, 2), 5_000).0;
    let batch = vec![other.clone(), forged(&genuine, &mine)];
    let (verdict, outputs) = lone.gossip(1, gossip(batch));
    assert_eq!((verdict, banned(&outputs)), (GossipVerdict::Reject, vec![1]));
    assert_eq!(lone.replica.pool().len(), 1, "what was good in it stays");
    let (verdict, _) = lone.gossip(2, gossip(vec![genuine]));
    assert_eq!(verdict, GossipVerdict::Accept);
    assert_eq!(lone.replica.pool().len(), 2);
}

/// Anybody can send another's transaction under forged witnesses first; the genuine one is not kept out by that.
#[test]
fn a_forged_copy_that_is_being_checked_does_not_shadow_the_genuine_one() {
    let (mine, mut lone) = ready();
    let genuine = pay(&mine, fortune(&mine, 1), 5_000).0;
    let send = |lone: &mut Lone, from, message, transaction: &Transaction| {
        let gossip = gossip(vec![transaction.clone()]);
        let outputs = lone.raw(Input::Gossip { from: Peer(from), message, gossip });
        outputs.into_iter().find_map(|output| match output {
            Output::Verify { order, batch } => Some((order, bad_ones(&batch))),
            _ => None,
        })
    };
    let (first, bad) = send(&mut lone, 1, 901, &forged(&genuine, &mine)).unwrap();
    let (second, good) = send(&mut lone, 2, 902, &genuine).expect("it is checked as well");
    assert_eq!((bad.len(), good.len()), (1, 0));
    assert_eq!(send(&mut lone, 3, 903, &genuine), None, "the same copy is checked once");
    let outputs = lone.raw(Input::Verified { order: second, bad: good });
    let accepted = Output::Verdict { message: 902, verdict: GossipVerdict::Accept };
    assert!(outputs.contains(&accepted));
    let outputs = lone.raw(Input::Verified { order: first, bad });
    assert_eq!(banned(&outputs), [1]);
    assert_eq!(lone.replica.pool().len(), 1);
}

/// What this node does not check must not travel under its name: the next one would check it and ban us.
#[test]
fn a_message_is_passed_on_only_if_all_of_it_was_checked() {
    let (mine, mut lone) = ready();
    let known = pay(&mine, fortune(&mine, 1), 5_000).0;
    let rival = pay(&mine, fortune(&mine, 1), 9_000).0;
    lone.submit(vec![known.clone()]);
    lone.wait(Span::seconds(1));
    let orphan = {
        let (_, coin) = pay(&mine, fortune(&mine, 5), 5_000);
        pay(&mine, coin, 5_000).0
    };
    for (n, (hidden, person)) in
        [(forged(&known, &mine), 2), (forged(&rival, &mine), 3), (forged(&orphan, &mine), 4)]
            .into_iter()
            .enumerate()
    {
        let fresh = pay(&mine, fortune(&mine, person), 5_000).0;
        let (verdict, mut outputs) = lone.gossip(1, gossip(vec![hidden, fresh.clone()]));
        assert_eq!((verdict, banned(&outputs)), (GossipVerdict::Ignore, vec![]), "case {n}");
        // What is good in it goes out in a message of our own.
        outputs.extend(lone.wait(Span(20)));
        assert!(outputs.contains(&Output::Gossip(gossip(vec![fresh]))), "case {n}");
    }
    // The genuine known one does no harm.
    let fresh = pay(&mine, fortune(&mine, 5), 5_000).0;
    let (verdict, _) = lone.gossip(2, gossip(vec![known, fresh]));
    assert_eq!(verdict, GossipVerdict::Accept);
}

#[test]
fn what_spends_an_unheard_of_coin_waits_for_it_within_bounds() {
    let (mine, mut lone) = ready();
    let (parent, coin) = pay(&mine, fortune(&mine, 1), 5_000);
    let (child, coin) = pay(&mine, coin, 5_000);
    let (grandchild, _) = pay(&mine, coin, 5_000);
    for late in [&grandchild, &child] {
        let (verdict, _) = lone.gossip(1, gossip(vec![late.clone()]));
        assert_eq!(verdict, GossipVerdict::Ignore);
    }
    let (verdict, _) = lone.gossip(2, gossip(vec![parent]));
    assert_eq!(verdict, GossipVerdict::Accept);
    assert_eq!(lone.replica.pool().len(), 3, "one brings the next");
    // They are told to others now, who did not get them from us before.
    let outputs = lone.wait(Span(20));
    assert!(outputs.contains(&Output::Gossip(gossip(vec![child, grandchild]))));
    let (_, unheard) = pay(&mine, fortune(&mine, 2), 5_000);
    for (peer, held) in [(1, 250), (2, 500), (3, 750), (4, 1000), (5, 1000)] {
        for n in 0..400u64 {
            let (flood, _) = pay(&mine, unheard, 5_000 + 1000 * peer + n);
            lone.gossip(peer, gossip(vec![flood]));
        }
        assert_eq!(lone.replica.transactions.sizes(), (held, 0, 0), "a quarter for one peer");
    }
}

/// Parent and child in one message need no waiting, and the message is passed on.
#[test]
fn a_line_of_transactions_travels_in_one_message() {
    let (mine, mut lone) = ready();
    let (parent, coin) = pay(&mine, fortune(&mine, 1), 5_000);
    let (child, coin) = pay(&mine, coin, 5_000);
    let (grandchild, _) = pay(&mine, coin, 5_000);
    let (verdict, _) = lone.gossip(1, gossip(vec![parent, child, grandchild]));
    assert_eq!((verdict, lone.replica.pool().len()), (GossipVerdict::Accept, 3));
}

/// The coin that a transaction waits for may come with a block, and not through the pool.
#[test]
fn a_block_brings_the_coin_that_a_transaction_waits_for() {
    let (mine, mut lone) = ready();
    let (parent, coin) = pay(&mine, fortune(&mine, 1), 5_000);
    let (child, _) = pay(&mine, coin, 5_000);
    lone.gossip(1, gossip(vec![child]));
    let good = block(&mine, vec![parent.clone()], |_| {});
    let (_, outputs) = lone.announce(1, &good);
    let (_, number, _) = requests(&outputs)[0].clone();
    lone.answer(1, number, Response::Transactions(Bounded::truncated(vec![parent])));
    assert_eq!((lone.height(), lone.replica.pool().len()), (1, 1));
}

/// Orphans, which cost nothing, and blocks ahead of the clock, which cost a proof each, are bounded, and one peer's do not
/// push out another's.
#[test]
fn orphans_and_early_blocks_are_bounded() {
    let mine = Mine::with(|params| params.finality_depth = 1000);
    let mut lone = Lone::new(&mine);
    let genesis = mine.tree.head();
    let late = |n: u64| Time(genesis.block.header.time.0 + 1_000_000_000 + n);
    let early = |n: u64| mine.seal(mine.draft(genesis, late(n), vec![]));
    let orphan = |n: u64| {
        let mut draft = mine.draft(genesis, late(n), vec![]);
        draft.header.parent = BlockId(Hash([9; 32]));
        draft.seal(Seal::Genesis)
    };
    for peer in 1..=4u64 {
        lone.connect(peer);
        let enter = |lone: &mut Lone, block: Block| {
            lone.replica.enter(vec![std::sync::Arc::new(block)], Source::Served(Peer(peer)));
            lone.wait(Span::seconds(600));
        };
        for n in 0..40 {
            enter(&mut lone, orphan(1000 * peer + n));
        }
        for n in 0..15 {
            enter(&mut lone, early(1000 * peer + n));
        }
        let (orphans, _, early, _) = lone.replica.blocks.sizes();
        let all = peer as usize;
        assert_eq!((orphans, early), (64.min(22 * all), 32.min(11 * all)), "a third for one peer");
    }
    assert_eq!(lone.height(), 0);
    // Whoever asks for a header alone learns that it is early before it has the block.
    let mut lone = Lone::new(&mine);
    lone.connect(1);
    assert_eq!(blocks_requests(&lone.offer(&mine, 1, &[early(0)])), []);
}

/// Announcements of unknown parents cost one question at a time and leave nothing behind.
#[test]
fn announcements_out_of_nowhere_leave_nothing_behind() {
    let (mine, mut lone) = ready();
    let mut asked = 0;
    for n in 0..500u64 {
        let mut block = block(&mine, vec![], |_| {});
        block.draft.header.height = Height(1000 + n);
        block.draft.header.parent = BlockId(Hash([7; 32]));
        let (verdict, outputs) = lone.announce(1 + n % 5, &block);
        assert_eq!(verdict, GossipVerdict::Ignore);
        asked += requests(&outputs).len();
    }
    assert_eq!(asked, 1);
    assert_eq!(lone.replica.blocks.sizes(), (0, 0, 0, 0));
    assert!(lone.replica.peers.asked_len() <= 6, "a status each, and the one question");
}

/// Proven blocks whose bodies never come are forgotten, the oldest first, and one peer's do not push out another's.
#[test]
fn blocks_that_never_come_are_bounded() {
    let (mine, mut lone) = ready();
    let payment = pay(&mine, fortune(&mine, 1), 5_000).0;
    let announce = |lone: &mut Lone, peer, person| {
        let block = block(&mine, vec![payment.clone()], |block| {
            block.draft.header.producer = key(person).address();
        });
        let (verdict, _) = lone.announce(peer, &block);
        assert_eq!(verdict, GossipVerdict::Accept);
    };
    announce(&mut lone, 2, 200);
    for person in 0..100u8 {
        announce(&mut lone, 1, person);
    }
    assert_eq!(lone.replica.blocks.sizes().1, 17, "half for one peer");
    let outputs = lone.handle(Input::Disconnected(Peer(1)));
    assert!(banned(&outputs).is_empty());
    assert_eq!(lone.replica.blocks.sizes().1, 1, "the other peer's is left");
    assert_eq!(lone.replica.peers.asked_len(), 5, "a status each, and the other's body");
}

/// Many peers may announce one block, and many may ask for it while it is on its way: only some are remembered, and
/// the others are answered at once.
#[test]
fn those_interested_in_a_block_are_bounded() {
    let (mine, mut lone) = ready();
    let payment = pay(&mine, fortune(&mine, 1), 5_000).0;
    let block = block(&mine, vec![payment], |_| {});
    for peer in 1..=40 {
        lone.connect(peer);
        lone.announce(peer, &block);
    }
    let question = Request::Block(block.id(&mine.tree.params().chain));
    let answered = (101..=140).filter(|peer| {
        lone.connect(*peer);
        lone.ask(*peer, question.clone()) == Some(Response::Block(None))
    });
    assert_eq!(answered.count(), 40 - 16);
    // The one who is asked for the body is gone; of those who announced it too sixteen are asked in turn.
    let mut asked = 0;
    let mut outputs = lone.handle(Input::Disconnected(Peer(1)));
    while let Some((to, id, _)) =
        requests(&outputs).into_iter().find(|(.., request)| *request == question)
    {
        asked += 1;
        outputs = lone.answer(to, id, Response::Block(None));
    }
    assert_eq!(asked, 16);
}

/// While more signatures wait than may, gossip is ignored and submissions are told to come again.
#[test]
fn signatures_that_wait_are_bounded() {
    let (mine, mut lone) = ready();
    let coin = fortune(&mine, 1);
    let wide = |fee: u64| {
        let params = mine.tree.params();
        let share = crate::types::Amount((coin.1.amount.0 - fee) / 256);
        let outputs = vec![(coin.1.owner, share); 256];
        crate::ledger::testkit::transaction(&[coin], &outputs, None, params)
    };
    let size = wide(50_000).size();
    let mut orders = 0;
    let mut send = |lone: &mut Lone, from: u64, number: u64| {
        for n in 0..100 {
            let transaction = wide(50_000 + 256 * (100 * number + n));
            let (message, gossip) = (1000 * number + n, gossip(vec![transaction]));
            let outputs = lone.raw(Input::Gossip { from: Peer(from), message, gossip });
            orders += outputs.iter().filter(|o| matches!(o, Output::Verify { .. })).count();
        }
        orders
    };
    use super::super::transactions::{CHECKING_BYTES_MAX, CHECKING_PARTS};
    let share = (CHECKING_BYTES_MAX / CHECKING_PARTS).div_ceil(size);
    assert_eq!(send(&mut lone, 1, 1), share, "one peer fills its share");
    assert_eq!(send(&mut lone, 1, 2), share);
    let all = (2..=10).map(|peer| send(&mut lone, peer, 1 + peer)).last();
    assert_eq!(all, Some(CHECKING_BYTES_MAX.div_ceil(size)), "all together the rest");
    let results = lone.raw(Input::Submit { ticket: 1, transactions: vec![wide(7_000_000)] });
    let [Output::Submitted { results, .. }] = &results[..] else { panic!("{results:?}") };
    assert!(results[0].as_ref().unwrap_err().contains("busy"));
}
