//! Drafts out of a pool whose transactions stand each for itself, but not all together.

use std::sync::Arc;

use super::*;
use crate::chain::testkit::{GOOD, Said, child, claim, saying, tree_of};
use crate::chain::{Tree, import};
use crate::ledger::testkit::{Plain, params, transaction};
use crate::ledger::{Coin, CoinKind, Params};
use crate::mempool::Place;
use crate::types::testkit::key;
use crate::types::{Amount, CoinId, EVIDENCE_MAX, Height, Operation, Seal};

/// A tree whose rule allows so many notes in one block, and a pool.
fn world(notes_max: u64) -> (Tree, Mempool) {
    let params = Params { transactions_max: 1000, evidence_window: 5, ..params() };
    let rules = Arc::new(Said(Plain { notes_max, ..Plain::new(1000, 100) }));
    let (tree, _) = tree_of(rules, &params, Time(0));
    (tree, Mempool::new(params, 1 << 20))
}

/// Lets a transaction join that spends one coin for many and pays a fee.
fn join(
    tree: &Tree,
    pool: &mut Mempool,
    input: (CoinId, Coin),
    outputs: usize,
    fee: u64,
    note: bool,
) -> Vec<(CoinId, Coin)> {
    let owner = input.1.owner;
    let share = Amount((input.1.amount.0 - fee) / outputs as u64);
    let note = note.then(|| Operation::Note { bytes: Bounded::default() });
    let made = transaction(&[input], &vec![(owner, share); outputs], note, tree.params());
    let chain = &tree.params().chain;
    let id = made.id(chain);
    let head = tree.head();
    let place = Place { state: &head.state, height: head.height().next(), rule: tree.rules() };
    let coins = (0..outputs).map(|n| {
        let (height, time, kind) = (Height(0), Time(0), CoinKind::Transfer);
        let coin = Coin { owner, amount: share, height, time, kind };
        (Transaction::coin_id(&id, n, chain), coin)
    });
    let coins = coins.collect();
    pool.admit(id, Arc::new(made), place, Time(0)).unwrap();
    coins
}

fn fortune(tree: &Tree, person: u8) -> (CoinId, Coin) {
    tree.head().state.coins_of(&key(person).address(), None, 1).unwrap()[0]
}

fn draft(tree: &Tree, pool: &Mempool) -> Draft {
    let cx = Context { now: Time(0), tree, pool, behind: false };
    let claim = claim(1, Height(0));
    let (draft, executed) =
        cx.draft(tree.head().as_ref(), Time(5), key(1).address(), claim, &BTreeSet::new()).unwrap();
    assert_eq!(draft.header.state_root, executed.root());
    let ids: Vec<_> = executed.receipts.iter().map(|receipt| receipt.id).collect();
    assert!(cx.check(&draft, &ids, tree.head().as_ref()).is_ok());
    draft
}

#[test]
fn a_draft_of_a_sound_pool_takes_all_of_it_and_can_be_imported() {
    let (mut tree, mut pool) = world(u64::MAX);
    for coin in join(&tree, &mut pool, fortune(&tree, 1), 10, 5_000, false) {
        join(&tree, &mut pool, coin, 1, 6_000, true);
    }
    let draft = draft(&tree, &pool);
    assert_eq!(draft.body.transactions.len(), 11);
    assert!(import(&mut tree, Arc::new(draft.seal(GOOD)), Time(5)).is_ok());
}

/// What the rule refuses is left out with all that stands on it; the rest stays in.
#[test]
fn what_does_not_execute_is_left_out_with_its_children() {
    let (tree, mut pool) = world(1);
    for person in 1..=3 {
        let coins = join(&tree, &mut pool, fortune(&tree, person), 1, 9_000, true);
        join(&tree, &mut pool, coins[0], 1, 9_000, false);
    }
    join(&tree, &mut pool, fortune(&tree, 4), 1, 1_000, false);
    let draft = draft(&tree, &pool);
    let notes = draft.body.transactions.iter().filter(|t| t.operation.is_some()).count();
    assert_eq!((notes, draft.body.transactions.len()), (1, 3), "a note, its child, a payment");
}

/// However many transactions stand in each other's way, a block is made of what stands before them.
#[test]
fn a_crowd_of_rivals_does_not_empty_the_block() {
    let (tree, mut pool) = world(1);
    for coin in join(&tree, &mut pool, fortune(&tree, 1), 100, 5_000_000, false) {
        join(&tree, &mut pool, coin, 1, 6_000, true);
    }
    join(&tree, &mut pool, fortune(&tree, 2), 1, 900_000, false);
    let draft = draft(&tree, &pool);
    assert!(draft.body.transactions.len() >= 3, "{}", draft.body.transactions.len());
}

#[test]
fn a_draft_of_another_state_is_noticed() {
    let (tree, pool) = world(1);
    let mut draft = draft(&tree, &pool);
    draft.header.producer = key(2).address();
    let cx = Context { now: Time(0), tree: &tree, pool: &pool, behind: false };
    let ids: Vec<_> = draft.body.transactions.iter().map(|t| t.id(&tree.params().chain)).collect();
    let error = cx.check(&draft, &ids, tree.head().as_ref()).unwrap_err().to_string();
    assert!(error.contains("ends in another state"), "{error}");
}

/// Somebody seals two blocks of one statement, on the genesis block: with his key, or with one that proves nothing.
fn contradict(tree: &mut Tree, statement: u64, person: u8, signs: bool) {
    let (root, chain) = (tree.root().id, tree.params().chain);
    for rank in 1..=2 {
        let claim = saying(rank, Height(0), statement);
        let draft = child(tree, &root, claim, person, vec![]).draft;
        let seal = if signs { Seal::signed(&draft.id(&chain), &key(person), &chain) } else { GOOD };
        import(tree, Arc::new(draft.seal(seal)), Time(1000)).unwrap();
    }
}

fn accused(draft: &Draft) -> Vec<Address> {
    let by = |evidence: &Evidence| match evidence {
        Evidence::Headers { key, .. } | Evidence::Statements { key, .. } => Address::of(key),
    };
    draft.body.evidence.iter().map(by).collect()
}

/// Offences are told of once; what proves none is left out, and the rest stays in.
#[test]
fn evidence_that_does_not_execute_is_left_out_alone() {
    let (mut tree, mut pool) = world(u64::MAX);
    for (statement, person, signs) in [(1, 1, false), (2, 2, true), (3, 3, false), (4, 4, true)] {
        contradict(&mut tree, statement, person, signs);
    }
    join(&tree, &mut pool, fortune(&tree, 1), 1, 5_000, false);
    assert_eq!(tree.evidence_for(tree.head().as_ref()).unwrap().len(), 4);
    let first = draft(&tree, &pool);
    assert_eq!(accused(&first), [2, 4].map(|person| key(person).address()));
    assert_eq!(first.body.transactions.len(), 1);
    import(&mut tree, Arc::new(first.seal(GOOD)), Time(1000)).unwrap();
}

/// A block holds so many pieces, the oldest first, and tells of none a second time.
#[test]
fn offences_beyond_the_bound_wait_for_the_next_block() {
    let (mut tree, pool) = world(u64::MAX);
    for statement in 1..=EVIDENCE_MAX as u64 + 3 {
        contradict(&mut tree, statement, 2, true);
    }
    let mut counts = Vec::new();
    for rank in 10..13 {
        let cx = Context { now: Time(0), tree: &tree, pool: &pool, behind: false };
        let (head, claim) = (tree.head().as_ref(), claim(rank, Height(0)));
        let time = Time(1000 * rank);
        let (draft, _) = cx.draft(head, time, key(1).address(), claim, &BTreeSet::new()).unwrap();
        counts.push(draft.body.evidence.len());
        import(&mut tree, Arc::new(draft.seal(GOOD)), time).unwrap();
    }
    assert_eq!(counts, [EVIDENCE_MAX, 3, 0]);
}
