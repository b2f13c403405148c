//! The index and the blocks above it, against a walk over all blocks with a list of coins.

use super::*;
use crate::types::TransactionId;

/// Place, transaction if it is one, received, spent, fee.
type Line = (Place, Option<TransactionId>, u64, u64, u64);

/// The histories that a walk from the first block finds, the latest entry last.
fn walk(yard: &Yard, cold: &ColdChain<MemStore>) -> BTreeMap<Address, Vec<Line>> {
    let chain = yard.params.chain;
    let mut histories: BTreeMap<Address, Vec<Line>> = BTreeMap::new();
    let mut coins: BTreeMap<CoinId, (Address, u64)> = BTreeMap::new();
    for height in 0..=cold.tree().head().height().0 {
        let id = cold.at(Height(height)).unwrap().unwrap();
        let block = &yard.blocks[&id];
        let mut fees = 0;
        for (position, payment) in (0..).zip(&block.body.transactions) {
            let place = Place { height: Height(height), position };
            let payment_id = payment.id(&chain);
            let spent: Vec<(Address, u64)> =
                payment.inputs.iter().map(|coin| coins.remove(coin).unwrap()).collect();
            let mut received = Vec::new();
            for (index, output) in payment.outputs.iter().enumerate() {
                let coin = Transaction::coin_id(&payment_id, index, &chain);
                coins.insert(coin, (output.to, output.amount.0));
                received.push((output.to, output.amount.0));
            }
            let sum = |list: &[(Address, u64)]| list.iter().map(|(_, amount)| amount).sum::<u64>();
            let of = |owner: Address, list: &[(Address, u64)]| {
                list.iter().filter(|(by, _)| *by == owner).map(|(_, amount)| amount).sum::<u64>()
            };
            let fee = sum(&spent) - sum(&received);
            fees += fee;
            for owner in (1..=PEOPLE).map(|person| key(person).address()) {
                let (came, went) = (of(owner, &received), of(owner, &spent));
                if came + went > 0 {
                    let line =
                        (place, Some(payment_id), came, went, if went > 0 { fee } else { 0 });
                    histories.entry(owner).or_default().push(line);
                }
            }
        }
        let position = block.body.transactions.len() as u32;
        let place = Place { height: Height(height), position };
        let own = cold.stored().own(&id).unwrap().unwrap();
        for (coin, found) in &own.paid {
            let amount = if height == 0 { found.amount.0 } else { ISSUED + fees };
            let owner = if height == 0 { found.owner } else { block.header.producer };
            coins.insert(*coin, (owner, amount));
            histories.entry(owner).or_default().push((place, None, amount, 0, 0));
        }
    }
    histories
}

fn check(yard: &Yard, cold: &ColdChain<MemStore>, histories: &Histories<MemStore>, size: usize) {
    let expected = walk(yard, cold);
    for owner in (1..=PEOPLE).map(|person| key(person).address()) {
        let mut found: Vec<Line> = Vec::new();
        let mut before = None;
        loop {
            let page = histories.page(cold.tree().branch(), &owner, before, size).unwrap();
            assert!(page.entries.len() <= size);
            assert_eq!(page.more, page.entries.len() == size && page.more);
            for (place, entry) in &page.entries {
                assert!(before.is_none_or(|before| *place < before));
                before = Some(*place);
                let transaction = match entry.cause {
                    Cause::Transaction(id) => Some(id),
                    Cause::Reward | Cause::Burned | Cause::Genesis => None,
                };
                let (received, spent) = (entry.received.0, entry.spent.0);
                found.push((*place, transaction, received, spent, entry.fee.0));
                assert!(entry.others.len() as u32 <= entry.others_count);
                assert!(!entry.others.contains(&owner));
            }
            if !page.more {
                break;
            }
        }
        found.reverse();
        assert_eq!(found, expected.get(&owner).cloned().unwrap_or_default(), "{owner:?}");
    }
}

fn catch_up(store: &Arc<MemStore>, yard: &Yard, cold: &ColdChain<MemStore>) {
    let index = Index::of(store.clone());
    let final_height = cold.tree().root().height();
    while !index.catch_up(&yard.params.chain, final_height).unwrap().is_done() {}
}

#[test]
fn histories_of_random_chains_agree_with_a_walk_over_all_blocks() {
    let (mut sides, mut holes, mut finals) = (0, 0, 0);
    for seed in 0..60 {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let mut yard = Yard::new(1 + dice.below(8));
        let store = Arc::new(MemStore::default());
        let mut cold = open(store.clone());
        let index = Index::of(store.clone());
        let histories = Histories::of(store.clone(), yard.params.chain);
        let mut on = dice.percent(60);
        index.turn(on).unwrap();
        catch_up(&store, &yard, &cold);
        for _ in 0..40 {
            match dice.below(20) {
                0 => {
                    // A stop and a start.
                    cold = open(store.clone());
                }
                1 => {
                    on = !on;
                    index.turn(on).unwrap();
                    if on {
                        let behind = index.mark().unwrap().next <= cold.tree().root().height();
                        holes += usize::from(behind);
                        catch_up(&store, &yard, &cold);
                    }
                }
                choice => {
                    let ids: Vec<BlockId> = cold.tree().nodes().map(|node| node.id).collect();
                    let head = cold.tree().head().id;
                    let parent = if choice < 6 { *dice.pick(&ids).unwrap() } else { head };
                    let block = yard.make(&mut dice, cold.tree(), parent);
                    if cold.add(Arc::new(block), Time(u64::MAX)).is_ok() {
                        sides += usize::from(parent != head);
                    }
                }
            }
            if on {
                check(&yard, &cold, &histories, 1 + dice.index(9));
            } else {
                let owner = key(1).address();
                let page = histories.page(cold.tree().branch(), &owner, None, 9);
                assert_eq!(page, Err(HistoryError::NoIndex));
            }
        }
        finals += cold.tree().root().height().0;
    }
    assert!(sides > 100 && holes > 20 && finals > 500, "{sides} {holes} {finals}");
}

/// Whoever holds an old branch is asked to come again; nothing is counted twice or left out.
#[test]
fn a_reader_with_an_old_branch_reads_the_same_or_is_sent_back() {
    for seed in 0..40 {
        let mut dice = Dice::new(seed);
        let mut yard = Yard::new(3);
        let store = Arc::new(MemStore::default());
        let mut cold = open(store.clone());
        let index = Index::of(store.clone());
        index.turn(true).unwrap();
        catch_up(&store, &yard, &cold);
        let histories = Histories::of(store.clone(), yard.params.chain);
        yard.extend(&mut dice, &mut cold, 8);
        let (old, expected) = (cold.tree().branch().clone(), walk(&yard, &cold));
        let more = 1 + dice.index(6);
        yard.extend(&mut dice, &mut cold, more);
        let owner = key(1).address();
        match histories.page(&old, &owner, None, 1000) {
            Ok(page) => {
                let found: Vec<Place> =
                    page.entries.iter().rev().map(|(place, _)| *place).collect();
                let theirs: Vec<Place> =
                    expected.get(&owner).into_iter().flatten().map(|(place, ..)| *place).collect();
                // The index may know more than the branch does, never less.
                assert_eq!(found[..theirs.len()], theirs[..]);
                assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            }
            Err(error) => assert_eq!(error, HistoryError::Moved),
        }
    }
}

#[test]
fn a_step_of_catching_up_that_a_crash_forgets_is_done_again() {
    let mut dice = Dice::new(7);
    let mut yard = Yard::new(2);
    let store = Arc::new(MemStore::default());
    let mut cold = open(store.clone());
    yard.extend(&mut dice, &mut cold, 30);
    store.sync().unwrap();
    let index = Index::of(store.clone());
    index.turn(true).unwrap();
    catch_up(&store, &yard, &cold);
    for survivors in 0..=store.staged() {
        let after = Arc::new(store.crashed(survivors));
        let cold = open(after.clone());
        catch_up(&after, &yard, &cold);
        check(&yard, &cold, &Histories::of(after, yard.params.chain), 50);
    }
}

#[test]
fn a_store_without_payouts_is_refused_with_the_height() {
    let mut dice = Dice::new(3);
    let mut yard = Yard::new(2);
    let store = Arc::new(MemStore::default());
    let mut cold = open(store.clone());
    yard.extend(&mut dice, &mut cold, 9);
    let mut batch = Batch::default();
    batch.delete(Table::Payouts, *cold.at(Height(4)).unwrap().unwrap().as_bytes());
    store.stage(batch).unwrap();
    let index = Index::of(store);
    let found = index.catch_up(&yard.params.chain, Height(5));
    assert_eq!(found, Err(StoreError::NoPayouts { height: Height(4) }));
    assert_eq!(index.mark().unwrap().next, Height(0));
}
