//! Going over stored chains, whole ones and others.

use super::*;
use crate::ledger::{Key, Supply};
use crate::types::encode;

/// Goes over a store to the end.
fn audit(store: &Arc<MemStore>) -> Result<Audited, AuditError> {
    let params = params();
    let rules = Arc::new(Said(Plain::new(ISSUED, 100)));
    let state = genesis_state(&accounts(), &params);
    let genesis = genesis(&params);
    let scratch = MemStore::default();
    let mut audit = Audit::begin(store.clone(), scratch, params, rules, genesis, state)?;
    let mut blocks = 0;
    while let Some(block) = audit.next()? {
        audit.check(&block)?;
        blocks += 1;
    }
    assert_eq!(audit.blocks(), blocks);
    audit.finish()
}

/// A chain with side branches and an index, and how many blocks it has.
fn stored(seed: u64) -> (Arc<MemStore>, ColdChain<MemStore>) {
    let mut dice = Dice::new(seed);
    let mut yard = Yard::new(4);
    let store = Arc::new(MemStore::default());
    let mut cold = open(store.clone());
    let index = Index::of(store.clone());
    index.turn(true).unwrap();
    index.catch_up(&yard.params.chain, Height(0)).unwrap();
    while cold.tree().root().height() < Height(12) {
        let ids: Vec<BlockId> = cold.tree().nodes().map(|node| node.id).collect();
        let parent =
            if dice.percent(25) { *dice.pick(&ids).unwrap() } else { cold.tree().head().id };
        let block = yard.make(&mut dice, cold.tree(), parent);
        let _ = cold.add(Arc::new(block), Time(u64::MAX));
    }
    (store, cold)
}

fn violation(store: &Arc<MemStore>) -> (Height, String) {
    match audit(store).unwrap_err() {
        AuditError::Violated { height, what } => (height, what),
        AuditError::Failed(error) => panic!("the store failed: {error}"),
    }
}

fn put(store: &MemStore, table: Table, key: &[u8], value: Option<Vec<u8>>) {
    let batch = Batch { writes: vec![(table, key.to_vec(), value)] };
    store.stage(batch).unwrap();
}

#[test]
fn a_whole_chain_passes_with_all_its_branches() {
    for seed in 0..20 {
        let (store, cold) = stored(seed);
        let done = audit(&store).unwrap();
        let root = cold.tree().root().height();
        assert_eq!((done.final_height, done.height), (root, cold.tree().head().height()));
        assert_eq!(done.blocks as usize, root.0 as usize + cold.tree().len() - 1);
        assert!(done.transactions > 0);
    }
}

#[test]
fn what_was_altered_is_found_at_its_height() {
    let (store, cold) = stored(1);
    let at = |height| cold.at(Height(height)).unwrap().unwrap();
    let block = |height| cold.stored().block(&at(height)).unwrap().unwrap();
    let fresh = || Arc::new(store.crashed(usize::MAX));

    // A byte of a block, wherever it lies.
    for height in 1..=12 {
        let bytes = encode(&block(height));
        for offset in (0..bytes.len()).step_by(37) {
            let mut altered = bytes.clone();
            altered[offset] ^= 0x10;
            let store = fresh();
            put(&store, Table::Blocks, at(height).as_bytes(), Some(altered));
            let (found, what) = violation(&store);
            assert_eq!(found, Height(height), "byte {offset}: {what}");
        }
    }
    // A block that is gone, and one in another's place.
    let store = fresh();
    put(&store, Table::Blocks, at(5).as_bytes(), None);
    assert_eq!(violation(&store).0, Height(5));
    let store = fresh();
    put(&store, Table::Heights, &5u64.to_be_bytes(), Some(encode(&at(6))));
    assert_eq!(violation(&store).0, Height(5));
}

#[test]
fn what_lies_beside_the_blocks_is_compared() {
    let (store, cold) = stored(2);
    let chain = params().chain;
    let root = cold.tree().root().height();
    let fresh = || Arc::new(store.crashed(usize::MAX));
    let carrying = (1..=root.0).find_map(|height| {
        let id = cold.at(Height(height)).unwrap().unwrap();
        let block = cold.stored().block(&id).unwrap().unwrap();
        block.body.transactions.first().map(|t| (Height(height), id, t.id(&chain)))
    });
    let (height, id, transaction) = carrying.unwrap();

    let store = fresh();
    put(&store, Table::Transactions, transaction.as_bytes(), None);
    let (found, what) = violation(&store);
    assert!(found == height && what.contains("not found in its block"), "{what}");

    let store = fresh();
    put(&store, Table::Payouts, id.as_bytes(), Some(encode(&Vec::<(CoinId, Coin)>::new())));
    let (found, what) = violation(&store);
    assert!(found == height && what.contains("to coins itself"), "{what}");

    let store = fresh();
    let entries = store.scan(Table::History, &[], &[], 1000).unwrap();
    put(&store, Table::History, &entries[entries.len() / 2].0, None);
    assert!(violation(&store).1.contains("index"));

    // The state: a coin that holds more, one that is gone, one without its mark, money in the books.
    let state = store.scan(Table::State, b"c", &[], 1000).unwrap();
    let (name, value) = &state[0];
    let coin: Coin = crate::types::decode(value).unwrap();
    let id = Key::coin_of_coin(name).unwrap();
    let richer = Coin { amount: Amount(coin.amount.0 + 1), ..coin };
    let mark = Key::Owned(coin.owner, id).to_bytes();
    let supply = Key::System(Supply::key()).to_bytes();
    for (name, value, part) in [
        (name, Some(encode(&richer)), "supply"),
        (name, None, "listed by owner"),
        (&mark, None, "not listed under its owner"),
        (&supply, Some(encode(&Supply::default())), "supply"),
    ] {
        let store = fresh();
        put(&store, Table::State, name, value);
        let (found, what) = violation(&store);
        assert!(found == root && what.contains(part), "{what}");
    }
}
