//! Random submissions, blocks and reorganisations against a pool that is nothing but a list.

use std::collections::BTreeSet;

use super::*;
use crate::types::testkit::Dice;

/// A pending transaction as the model remembers it.
#[derive(Clone)]
struct Entry {
    id: TransactionId,
    transaction: Transaction,
    rate: u64,
    arrival: usize,
}

struct Model {
    bytes_max: usize,
    entries: Vec<Entry>,
    arrivals: usize,
}

impl Model {
    fn creates(ground: &Ground, transaction: &Transaction) -> Vec<CoinId> {
        (0..transaction.outputs.len()).map(|n| ground.output(transaction, n).0).collect()
    }

    fn parents<'a>(&'a self, ground: &'a Ground, child: &'a Transaction) -> Vec<&'a Entry> {
        let creates = |entry: &&Entry| {
            let created = Self::creates(ground, &entry.transaction);
            child.inputs.iter().any(|coin| created.contains(coin))
        };
        self.entries.iter().filter(creates).collect()
    }

    fn depth(&self, ground: &Ground, transaction: &Transaction) -> usize {
        let parents = self.parents(ground, transaction);
        1 + parents.iter().map(|p| self.depth(ground, &p.transaction)).max().unwrap_or(0)
    }

    /// A transaction and all that stand on it.
    fn family(&self, ground: &Ground, id: &TransactionId) -> BTreeSet<TransactionId> {
        let mut family = BTreeSet::from([*id]);
        loop {
            let before = family.len();
            for entry in &self.entries {
                let parents = self.parents(ground, &entry.transaction);
                if parents.iter().any(|parent| family.contains(&parent.id)) {
                    family.insert(entry.id);
                }
            }
            if family.len() == before {
                return family;
            }
        }
    }

    fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.transaction.size()).sum()
    }

    fn drop_all(&mut self, ids: &BTreeSet<TransactionId>) {
        self.entries.retain(|entry| !ids.contains(&entry.id));
    }

    /// Whether a transaction would execute right behind all that is pending (`among`) on the ground.
    fn executes(&self, ground: &Ground, transaction: &Transaction) -> bool {
        let mut block = self.ordered(ground);
        block.push(transaction.clone());
        ground.try_block(5, block).is_ok()
    }

    /// All pending transactions, none before what it stands on.
    fn ordered(&self, ground: &Ground) -> Vec<Transaction> {
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| self.depth(ground, &entry.transaction));
        entries.into_iter().map(|entry| entry.transaction).collect()
    }

    /// Says in a word what becomes of a transaction, and remembers it if it is admitted.
    fn admit(&mut self, ground: &Ground, transaction: &Transaction, fee: u64) -> &'static str {
        let id = ground.id(transaction);
        if self.entries.iter().any(|entry| entry.id == id) {
            return "known";
        }
        let spends = |entry: &Entry| {
            entry.transaction.inputs.iter().any(|coin| transaction.inputs.contains(coin))
        };
        if self.entries.iter().any(spends) {
            return "conflict";
        }
        if !self.executes(ground, transaction) {
            return "invalid";
        }
        if self.depth(ground, transaction) > ANCESTORS_MAX {
            return "too deep";
        }
        let rate = fee * 1000 / transaction.size() as u64;
        let mut ancestors = BTreeSet::new();
        let mut next = self.parents(ground, transaction);
        while let Some(parent) = next.pop() {
            ancestors.insert(parent.id);
            next.extend(self.parents(ground, &parent.transaction));
        }
        let mut lost = BTreeSet::new();
        let mut candidates = self.entries.clone();
        candidates.sort_by_key(|entry| (entry.rate, usize::MAX - entry.arrival));
        candidates.retain(|entry| !ancestors.contains(&entry.id));
        let kept = |lost: &BTreeSet<TransactionId>| -> usize {
            let kept = self.entries.iter().filter(|entry| !lost.contains(&entry.id));
            kept.map(|entry| entry.transaction.size()).sum()
        };
        for candidate in &candidates {
            if kept(&lost) + transaction.size() <= self.bytes_max {
                break;
            }
            if lost.contains(&candidate.id) {
                continue;
            }
            if candidate.rate >= rate {
                return "full";
            }
            lost.extend(self.family(ground, &candidate.id));
        }
        if kept(&lost) + transaction.size() > self.bytes_max {
            return "full";
        }
        self.drop_all(&lost);
        self.arrivals += 1;
        let (transaction, arrival) = (transaction.clone(), self.arrivals);
        self.entries.push(Entry { id, transaction, rate, arrival });
        "admitted"
    }

    fn confirm(&mut self, ground: &Ground, block: &[Transaction]) {
        for transaction in block {
            let id = ground.id(transaction);
            self.entries.retain(|entry| entry.id != id);
            let spends = |entry: &&Entry| {
                entry.transaction.inputs.iter().any(|coin| transaction.inputs.contains(coin))
            };
            let losers: Vec<TransactionId> =
                self.entries.iter().filter(spends).map(|entry| entry.id).collect();
            for loser in losers {
                let family = self.family(ground, &loser);
                self.drop_all(&family);
            }
        }
    }

    /// Keeps what executes on the ground together with what it stands on.
    fn revise(&mut self, ground: &Ground) {
        let mut kept: Vec<Transaction> = Vec::new();
        let mut lost = BTreeSet::new();
        for transaction in self.ordered(ground) {
            kept.push(transaction.clone());
            if ground.try_block(5, kept.clone()).is_err() {
                kept.pop();
                lost.insert(ground.id(&transaction));
            }
        }
        self.drop_all(&lost);
    }
}

fn word(outcome: &Result<usize, AdmitError>) -> &'static str {
    match outcome {
        Ok(_) => "admitted",
        Err(AdmitError::Known) => "known",
        Err(AdmitError::Conflict { .. }) => "conflict",
        Err(AdmitError::TooDeep) => "too deep",
        Err(AdmitError::Full { .. }) => "full",
        Err(AdmitError::TooLarge { .. }) => "too large",
        Err(AdmitError::Invalid(_)) => "invalid",
    }
}

/// A coin of the ground or of something pending, spent or not.
fn any_coin(dice: &mut Dice, ground: &Ground, model: &Model) -> (CoinId, Coin) {
    let mut coins: Vec<(CoinId, Coin)> = (1..=5).flat_map(|person| ground.coins(person)).collect();
    for entry in &model.entries {
        let outputs = 0..entry.transaction.outputs.len();
        coins.extend(outputs.map(|n| ground.output(&entry.transaction, n)));
    }
    coins.sort_by_key(|(id, _)| *id);
    *dice.pick(&coins).unwrap()
}

fn some_transaction(dice: &mut Dice, ground: &Ground, model: &Model) -> Option<(Transaction, u64)> {
    let mut inputs = vec![any_coin(dice, ground, model)];
    if dice.percent(30) {
        inputs.push(any_coin(dice, ground, model));
    }
    let total: u64 = inputs.iter().map(|(_, coin)| coin.amount.0).sum();
    let fee = if dice.percent(95) { 500 + dice.below(20_000) } else { 50 };
    let to: Vec<Address> =
        (0..=dice.below(3)).map(|_| key(1 + dice.below(5) as u8).address()).collect();
    (total > fee + 100_000).then(|| (ground.pay_to(&inputs, &to, fee, None), fee))
}

fn check(pool: &Mempool, ground: &Ground, model: &Model, seed: u64) {
    let ids: BTreeSet<TransactionId> = pool.iter().map(|(id, _)| *id).collect();
    let expected: BTreeSet<TransactionId> = model.entries.iter().map(|entry| entry.id).collect();
    assert_eq!(ids, expected, "seed {seed}");
    assert_eq!(pool.bytes(), model.bytes(), "seed {seed}");
    assert!(pool.bytes() <= model.bytes_max, "seed {seed}");
    let mut spent = 0;
    let mut created = 0;
    for entry in &model.entries {
        let pending = pool.get(&entry.id).unwrap();
        assert_eq!(pending.rate, entry.rate, "seed {seed}");
        assert_eq!(pending.depth, model.depth(ground, &entry.transaction), "seed {seed}");
        for coin in &entry.transaction.inputs {
            assert_eq!(pool.spender(coin), Some(&entry.id), "seed {seed}");
            spent += 1;
        }
        created += entry.transaction.outputs.len();
    }
    assert_eq!((pool.spent.len(), pool.created.len()), (spent, created), "seed {seed}");
    assert_eq!(pool.by_rate.len(), pool.len(), "seed {seed}");
    check_owners(pool, ground, model, seed);
}

/// What the pool says of an owner is what a walk over all of it finds.
fn check_owners(pool: &Mempool, ground: &Ground, model: &Model, seed: u64) {
    let mut all: BTreeMap<CoinId, Coin> = (1..=5).flat_map(|person| ground.coins(person)).collect();
    for entry in &model.entries {
        let outputs = 0..entry.transaction.outputs.len();
        all.extend(outputs.map(|n| ground.output(&entry.transaction, n)));
    }
    let mut pairs = 0;
    for owner in (1..=5).map(|person| key(person).address()) {
        let touches = |transaction: &Transaction| {
            transaction.inputs.iter().any(|coin| all[coin].owner == owner)
                || transaction.outputs.iter().any(|output| output.to == owner)
        };
        let expected: BTreeSet<TransactionId> = model
            .entries
            .iter()
            .filter(|entry| touches(&entry.transaction))
            .map(|entry| entry.id)
            .collect();
        let found: BTreeSet<TransactionId> = pool.of(&owner).map(|(id, _)| *id).collect();
        assert_eq!(found, expected, "seed {seed}");
        for (id, pending) in pool.of(&owner) {
            let spends = pending.spends.iter().map(|coin| (coin.owner, coin.amount));
            let expected = pending.transaction.inputs.iter().map(|id| all[id]);
            assert!(spends.eq(expected.map(|coin| (coin.owner, coin.amount))), "seed {seed}");
            let created = pool.created_by(id, &owner).count();
            let outputs = pending.transaction.outputs.iter();
            assert_eq!(created, outputs.filter(|output| output.to == owner).count());
        }
        pairs += found.len();
    }
    assert_eq!(pool.by_owner.len(), pairs, "seed {seed}");
}

/// Whatever part of the pool a producer takes, it executes; without bounds it is all of it.
fn check_selection(
    dice: &mut Dice,
    pool: &Mempool,
    ground: &Ground,
    seed: u64,
) -> Vec<Transaction> {
    let all = pool.select(usize::MAX, usize::MAX, &BTreeSet::new());
    assert_eq!(all.len(), pool.len(), "seed {seed}");
    let (bytes, count) = match dice.percent(50) {
        true => (usize::MAX, usize::MAX),
        false => (dice.index(pool.bytes() + 1), dice.index(pool.len() + 1)),
    };
    let some: Vec<Transaction> = pool
        .select(bytes, count, &BTreeSet::new())
        .iter()
        .map(|(_, t)| (*t.transaction).clone())
        .collect();
    assert!(some.iter().map(Transaction::size).sum::<usize>() <= bytes && some.len() <= count);
    let executed = ground.try_block(5, some.clone());
    assert!(executed.is_ok(), "seed {seed}: {:?}", executed.err());
    some
}

#[test]
fn random_lives_of_a_pool_agree_with_a_list() {
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..40 {
        let mut dice = Dice::new(seed);
        let mut ground = Ground::new();
        let bytes_max = 1_000 + dice.index(3_000);
        let mut pool = Mempool::new(ground.params.clone(), bytes_max);
        let mut model = Model { bytes_max, entries: Vec::new(), arrivals: 0 };
        for _ in 0..60 {
            match dice.below(10) {
                0 => {
                    // A block of our own, or of what others prefer.
                    let mut block = check_selection(&mut dice, &pool, &ground, seed);
                    if dice.percent(50) {
                        block.clear();
                        let foreign = some_transaction(&mut dice, &ground, &model);
                        let foreign =
                            foreign.filter(|(t, _)| ground.try_block(5, vec![t.clone()]).is_ok());
                        block.extend(foreign.map(|(transaction, _)| transaction));
                    }
                    ground.block(1 + dice.below(5) as u8, block.clone());
                    ground.confirm(&mut pool, &block);
                    model.confirm(&ground, &block);
                }
                1 if ground.states.len() > 1 => {
                    // The last blocks lose against other ones.
                    let mut returned = Vec::new();
                    let lost = 1 + dice.index(3).min(ground.states.len() - 2);
                    for _ in 0..lost {
                        let mut block = ground.undo();
                        block.append(&mut returned);
                        returned = block;
                    }
                    for _ in 0..=lost {
                        ground.block(1 + dice.below(5) as u8, Vec::new());
                    }
                    for transaction in returned {
                        let _ = ground.admit(&mut pool, &transaction);
                        let id = ground.id(&transaction);
                        let known = model.entries.iter().any(|entry| entry.id == id);
                        if let Some(pending) = pool.get(&id).filter(|_| !known) {
                            model.admit_returned(&ground, &transaction, pending.rate);
                        }
                    }
                    let ids: BTreeSet<TransactionId> = pool.iter().map(|(id, _)| *id).collect();
                    model.entries.retain(|entry| ids.contains(&entry.id));
                    pool.revise(ground.place(), true).unwrap();
                    model.revise(&ground);
                }
                _ => {
                    let Some((transaction, fee)) = some_transaction(&mut dice, &ground, &model)
                    else {
                        continue;
                    };
                    let outcome = ground.admit(&mut pool, &transaction);
                    let expected = model.admit(&ground, &transaction, fee);
                    assert_eq!(word(&outcome), expected, "seed {seed}: {outcome:?}");
                    *words.entry(expected).or_default() += 1;
                }
            }
            check(&pool, &ground, &model, seed);
            check_selection(&mut dice, &pool, &ground, seed);
        }
    }
    // The dice must have shown what this is about.
    for expected in ["admitted", "conflict", "invalid", "full"] {
        assert!(words.get(expected).is_some_and(|count| *count > 20), "{expected}: {words:?}");
    }
}

impl Model {
    /// What a lost block gives back is judged while others may have lost their coins, so the model only follows.
    fn admit_returned(&mut self, ground: &Ground, transaction: &Transaction, rate: u64) {
        self.arrivals += 1;
        let (id, transaction) = (ground.id(transaction), transaction.clone());
        self.entries.push(Entry { id, transaction, rate, arrival: self.arrivals });
    }
}
