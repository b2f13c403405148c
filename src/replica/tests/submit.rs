//! Transactions submitted here: what is accepted stays accepted, across crashes and reorganisations.

use std::sync::{Arc, Mutex};

use super::super::wire::Gossip;
use super::super::*;
use super::lone::*;
use crate::consensus::pow::PowEngine;
use crate::consensus::pow::testkit::{Mine, SPACING};
use crate::consensus::{Action, Context, Engine, Event, Outbox};
use crate::ledger::testkit::accounts;
use crate::ledger::{ReadFailed, genesis_state};
use crate::store::{Batch, Entry, MemStore};
use crate::types::testkit::key;
use crate::types::{Block, Height, Span, Transaction};

fn gossiped(outputs: &[Output]) -> Vec<Transaction> {
    let batch = |output: &Output| match output {
        Output::Gossip(Gossip::Transactions(batch)) => Some(batch.to_vec()),
        _ => None,
    };
    outputs.iter().filter_map(batch).flatten().collect()
}

fn ready() -> (Mine, Lone) {
    let mine = Mine::new();
    let mut lone = Lone::new(&mine);
    lone.now = lone.now.after(Span(50 * SPACING));
    lone.connect(1);
    (mine, lone)
}

/// What a crash leaves of a replica at this moment, opened again.
fn crashed(mine: &Mine, lone: &Lone) -> Lone {
    let store = Arc::new(lone.replica.store().crashed(0));
    let mut again = Lone::on(mine, store);
    again.now = again.now.max(lone.now);
    again.handle(Input::Tick);
    again
}

/// Lets the mine's blocks in as if they had waited here.
fn feed(lone: &mut Lone, mine: &Mine) {
    for block in branch(mine) {
        lone.replica.enter(vec![Arc::new(block)], blocks::Source::Held);
        lone.handle(Input::Tick);
    }
}

#[test]
fn each_gets_its_own_answer() {
    let (mine, mut lone) = ready();
    let (parent, coin) = pay(&mine, fortune(&mine, 1), 5_000);
    let (child, _) = pay(&mine, coin, 5_000);
    let (rival, _) = pay(&mine, fortune(&mine, 1), 7_000);
    let (good, _) = pay(&mine, fortune(&mine, 2), 5_000);
    let mut forged = pay(&mine, fortune(&mine, 3), 5_000).0;
    forged.sign(&crate::types::GenesisId::default(), &[key(3)]);
    let (_, unheard) = pay(&mine, fortune(&mine, 4), 5_000);
    let (orphan, _) = pay(&mine, unheard, 5_000);
    let (cheap, _) = pay(&mine, fortune(&mine, 5), 10);
    let all = vec![
        parent.clone(),
        good.clone(),
        child.clone(),
        rival,
        good.clone(),
        forged,
        orphan,
        cheap,
    ];
    let id = |transaction: &Transaction| Ok(transaction.id(&mine.tree.params().chain));
    let results = lone.submit(all);
    assert_eq!(results[..3], [id(&parent), id(&good), id(&child)]);
    assert_eq!(results[4], id(&good), "the same one twice is one");
    for (place, reason) in
        [(3, "already spent by pending"), (5, "does not verify"), (6, "does not exist"), (7, "fee")]
    {
        assert!(results[place].as_ref().unwrap_err().contains(reason), "{:?}", results[place]);
    }
    assert_eq!(gossiped(&lone.wait(Span(20))), [parent, good, child]);
    let view = lone.replica.view();
    assert_eq!((view.pool_accepted, view.pool_refused), (3, 4), "known ones count as neither");
}

#[test]
fn many_are_submitted_at_once() {
    let (mine, mut lone) = ready();
    let (splitting, parts) = split(&mine, fortune(&mine, 1), 250);
    let mut all = vec![splitting];
    all.extend(parts.into_iter().map(|coin| pay(&mine, coin, 5_000).0));
    let results = lone.submit(all.clone());
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(gossiped(&lone.wait(Span(20))), all, "in the order in which they came");
}

/// Whoever pays alone waits for nobody; where many pay, others are told of them together.
#[test]
fn one_that_comes_alone_is_told_sooner_than_a_crowd() {
    let (mine, mut lone) = ready();
    let (splitting, parts) = split(&mine, fortune(&mine, 1), 8);
    let payments: Vec<_> = parts.into_iter().map(|coin| pay(&mine, coin, 5_000).0).collect();
    let submit = |lone: &mut Lone, transactions: &[Transaction]| {
        assert!(lone.submit(transactions.to_vec()).iter().all(Result::is_ok));
    };
    submit(&mut lone, std::slice::from_ref(&splitting));
    assert_eq!(gossiped(&lone.wait(Span(1))), [splitting]);
    submit(&mut lone, &payments[..1]);
    assert_eq!(gossiped(&lone.wait(Span(1))), payments[..1], "as soon, again and again");
    submit(&mut lone, &payments[1..6]);
    assert_eq!(gossiped(&lone.wait(Span(1))), payments[1..6], "nobody knew that so many come");
    submit(&mut lone, &payments[6..7]);
    assert_eq!(gossiped(&lone.wait(Span(6))), []);
    submit(&mut lone, &payments[7..]);
    assert_eq!(gossiped(&lone.wait(Span(6))), payments[6..], "one message for both");
}

/// An answer is a promise whichever way the transaction first came.
#[test]
fn what_is_known_already_is_promised_as_well() {
    let (mine, mut lone) = ready();
    let (transaction, _) = pay(&mine, fortune(&mine, 1), 5_000);
    let id = transaction.id(&mine.tree.params().chain);
    let batch = Gossip::Transactions(Bounded::truncated(vec![transaction.clone()]));
    lone.gossip(1, batch);
    assert!(crashed(&mine, &lone).replica.pool().is_empty(), "gossip promises nothing");
    assert_eq!(lone.submit(vec![transaction.clone()]), [Ok(id)]);
    assert!(crashed(&mine, &lone).replica.pool().get(&id).is_some());
    // In a block, and then final: yes is still the answer.
    let mut mine = mine;
    let time = mine.genesis.header.time.after(Span(SPACING));
    mine.mine(time, vec![transaction.clone()]);
    feed(&mut lone, &mine);
    assert_eq!(lone.submit(vec![transaction.clone()]), [Ok(id)]);
    for _ in 0..8 {
        mine.next();
    }
    feed(&mut lone, &mine);
    assert!(lone.replica.view().included.is_empty());
    assert_eq!(lone.submit(vec![transaction]), [Ok(id)]);
}

/// Lines of transactions come back whole, whatever the order of their ids, and are told again.
#[test]
fn a_restart_takes_them_in_again_and_tells_them() {
    let (mine, mut lone) = ready();
    let mut all = Vec::new();
    for person in 1..=5 {
        let mut coin = fortune(&mine, person);
        for _ in 0..6 {
            let (transaction, next) = pay(&mine, coin, 5_000);
            all.push(transaction);
            coin = next;
        }
    }
    assert!(lone.submit(all.clone()).iter().all(Result::is_ok));
    // The crash comes before anybody was told.
    let mut again = crashed(&mine, &lone);
    assert_eq!(again.replica.pool().len(), 30);
    assert_eq!(gossiped(&again.wait(Span::seconds(20))), [], "there is nobody to tell");
    again.connect(7);
    let told = gossiped(&again.wait(Span::seconds(6)));
    assert_eq!(told.len(), 30);
    assert!(all.iter().all(|transaction| told.contains(transaction)));
}

/// The block may leave the branch, and its payment with it; so what was promised is forgotten when that cannot be any more.
#[test]
fn what_a_final_block_decided_otherwise_is_forgotten() {
    let (mut mine, mut lone) = ready();
    let (transaction, _) = pay(&mine, fortune(&mine, 1), 5_000);
    let (rival, _) = pay(&mine, fortune(&mine, 1), 9_000);
    lone.submit(vec![transaction]);
    let time = mine.genesis.header.time.after(Span(SPACING));
    mine.mine(time, vec![rival]);
    feed(&mut lone, &mine);
    assert!(lone.replica.pool().is_empty());
    assert_eq!(lone.replica.stored.pending().unwrap().len(), 1);
    lone.wait(Span::seconds(100));
    assert_eq!(lone.replica.stored.pending().unwrap().len(), 1, "the block is not final");
    for number in 2..40 {
        mine.mine(mine.genesis.header.time.after(Span(number * SPACING)), vec![]);
    }
    feed(&mut lone, &mine);
    lone.wait(Span::seconds(100));
    assert!(lone.replica.tree().root().height().0 > 0);
    assert_eq!(lone.replica.stored.pending().unwrap(), [], "not kept for good");
}

/// A branch that loses gives its transactions back, and those of this node are told again soon.
#[test]
fn a_lost_branch_gives_transactions_back() {
    let (mut mine, mut lone) = ready();
    let (transaction, _) = pay(&mine, fortune(&mine, 1), 5_000);
    let id = transaction.id(&mine.tree.params().chain);
    lone.submit(vec![transaction.clone()]);
    lone.wait(Span::seconds(1));
    let time = mine.genesis.header.time.after(Span(SPACING));
    mine.mine(time, vec![transaction.clone()]);
    feed(&mut lone, &mine);
    // Ninety seconds later it is in a block and needs no telling, but it is not forgotten either.
    lone.wait(Span::seconds(100));
    assert!(lone.replica.pool().is_empty());
    let mut other = Mine::new();
    for _ in 0..2 {
        other.next();
    }
    feed(&mut lone, &other);
    assert_eq!(lone.head(), other.tree.head().id);
    assert!(lone.replica.pool().get(&id).is_some());
    assert_eq!(gossiped(&lone.wait(Span::seconds(6))), [transaction]);
}

/// What falls with a transaction that another branch knows nothing of stands again when that branch loses, after a crash as well.
#[test]
fn what_falls_with_a_branch_comes_back_with_it() {
    for crashes in [false, true] {
        let (mut mine, mut lone) = ready();
        let (below, coin) = pay(&mine, fortune(&mine, 1), 5_000);
        let (transaction, _) = pay(&mine, coin, 5_000);
        let id = transaction.id(&mine.tree.params().chain);
        let times = [1, 2, 3].map(|number| mine.genesis.header.time.after(Span(number * SPACING)));
        mine.mine(times[0], vec![below]);
        feed(&mut lone, &mine);
        assert_eq!(lone.submit(vec![transaction]), [Ok(id)]);
        let mut other = Mine::new();
        let (rival, _) = pay(&other, fortune(&other, 1), 9_000);
        other.mine(times[0], vec![rival]);
        other.mine(times[1], vec![]);
        feed(&mut lone, &other);
        assert_eq!(lone.head(), other.tree.head().id);
        assert!(lone.replica.pool().is_empty());
        // Ninety seconds later what is forgotten is forgotten.
        lone.wait(Span::seconds(100));
        if crashes {
            lone = crashed(&mine, &lone);
        }
        times[1..].iter().for_each(|time| _ = mine.mine(*time, vec![]));
        feed(&mut lone, &mine);
        assert_eq!(lone.head(), mine.tree.head().id);
        assert!(lone.replica.pool().get(&id).is_some());
    }
}

/// Of two that spend one coin the one that was here first stays, whatever the branch that lost made of it.
#[test]
fn what_a_lost_branch_displaced_comes_before_what_it_carried() {
    let (mut mine, mut lone) = ready();
    let (transaction, _) = pay(&mine, fortune(&mine, 1), 5_000);
    let (rival, _) = pay(&mine, fortune(&mine, 1), 9_000);
    let id = transaction.id(&mine.tree.params().chain);
    lone.submit(vec![transaction]);
    mine.mine(mine.genesis.header.time.after(Span(SPACING)), vec![rival]);
    feed(&mut lone, &mine);
    assert!(lone.replica.pool().is_empty());
    let mut other = Mine::new();
    for _ in 0..2 {
        other.next();
    }
    feed(&mut lone, &other);
    assert!(lone.replica.pool().get(&id).is_some());
    let again = crashed(&mine, &lone);
    assert!(again.replica.pool().get(&id).is_some());
}

/// More than can be told at once are told in turn.
#[test]
fn all_have_their_turn_to_be_told_again() {
    let (mine, mut lone) = ready();
    let mut expected = 0;
    for person in 1..=5 {
        let (splitting, parts) = split(&mine, fortune(&mine, person), 250);
        let mut all = vec![splitting];
        all.extend(parts.into_iter().map(|coin| pay(&mine, coin, 5_000).0));
        expected += lone.submit(all).iter().filter(|result| result.is_ok()).count();
    }
    assert!(expected > 1000, "{expected}");
    lone.wait(Span::seconds(1));
    let mut told = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let batch = gossiped(&lone.wait(Span::seconds(91)));
        told.extend(batch.iter().map(|t| t.id(&mine.tree.params().chain)));
    }
    assert_eq!(told.len(), expected);
}

/// A store whose disk fails at some write.
struct Failing {
    inner: MemStore,
    left: Mutex<usize>,
}

impl Store for Failing {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner.scan(table, prefix, after, limit)
    }

    fn stage(&self, batch: Batch) -> Result<(), StoreError> {
        let mut left = self.left.lock().unwrap();
        match left.checked_sub(1) {
            Some(fewer) => *left = fewer,
            None => return Err(StoreError::Io("the disk is full".into())),
        }
        self.inner.stage(batch)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.inner.sync()
    }
}

/// An engine that cannot read the state when it is told whom to pay.
struct Blind;

impl Engine for Blind {
    fn handle(&mut self, event: Event, _: &Context<'_>, out: &mut Outbox) {
        if matches!(event, Event::Payout(_)) {
            out.push(Action::StopSearch);
            out.push(Action::Fail(ReadFailed("the disk is gone".into())));
            out.push(Action::Seek(Height(7)));
            out.push(Action::StopSearch);
        }
    }
}

/// What an engine cannot read stops a replica like what it cannot write.
#[test]
fn a_node_whose_engine_cannot_read_stops() {
    let mine = Mine::new();
    let genesis = || genesis_state(&accounts(), mine.tree.params());
    let now = mine.genesis.header.time;
    let store = Arc::new(MemStore::default());
    let replica = Replica::open(chain(&mine), genesis, Box::new(Blind), store, now).unwrap();
    let mut lone = Lone::of(replica, now);
    let gone = Output::Report(Report::StoreFailed("the disk is gone".into()));
    assert_eq!(lone.handle(Input::Payout(None)), [Output::StopSearch, gone]);
    assert_eq!(lone.handle(Input::Payout(None)), [], "it does nothing more");
    assert_eq!(lone.replica.next_deadline(), None);
}

/// Whatever write fails, the last thing that a replica says is that it failed.
#[test]
fn a_node_that_cannot_remember_does_not_speak() {
    let mut mine = Mine::new();
    let (transaction, _) = pay(&mine, fortune(&mine, 1), 5_000);
    for _ in 0..8 {
        mine.next();
    }
    let mut failures = 0;
    for left in 2..30 {
        let store = Arc::new(Failing { inner: MemStore::default(), left: Mutex::new(left) });
        let engine = Box::new(PowEngine::new(mine.rules.clone(), Some(key(1).address())));
        let params = mine.tree.params().clone();
        let genesis = || genesis_state(&accounts(), &params);
        let now = mine.tree.head().block.header.time;
        let mut replica = Replica::open(chain(&mine), genesis, engine, store, now).unwrap();
        let mut inputs = vec![Input::Connected(Peer(1))];
        inputs.push(Input::Submit { ticket: 1, transactions: vec![transaction.clone()] });
        inputs.extend(branch(&mine).into_iter().map(|block: Block| {
            let announce = announce(&block, &mine.tree.params().chain);
            let gossip = Gossip::Announce(Box::new(announce));
            Input::Gossip { from: Peer(1), message: 1, gossip }
        }));
        inputs.push(Input::Payout(Some(key(2).address())));
        let mut said: Vec<Output> = Vec::new();
        let mut search = None;
        loop {
            for output in replica.take_outputs() {
                match output {
                    Output::Search(order) => search = Some(order),
                    Output::Verify { order, .. } => {
                        inputs.insert(0, Input::Verified { order, bad: vec![] });
                    }
                    output => said.push(output),
                }
            }
            if inputs.is_empty() {
                let Some(order) = search.take() else { break };
                let proof = mine.seal_from(&order.header, 0, Mine::blank(&order.header));
                let seal = crate::types::Seal::Work(proof);
                inputs.push(Input::Found { order: order.order, seal });
            }
            replica.handle(now, inputs.remove(0));
        }
        let failed = |output: &Output| matches!(output, Output::Report(Report::StoreFailed(_)));
        let at = said.iter().position(failed);
        let Some(at) = at else { break };
        failures += 1;
        assert_eq!(at, said.len() - 1, "{left} writes: {said:?}");
        assert_eq!(replica.next_deadline(), None);
    }
    assert!(failures > 10, "{failures}");
}
