//! Random chains against a model that holds every entry in one flat map and recomputes everything from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ledger::testkit::{
    FORTUNE, MemBase, PEOPLE, Plain, accounts, draft, params, transaction,
};
use crate::ledger::*;
use crate::types::testkit::{Dice, key};
use crate::types::*;

/// All committed entries by name, and the coins among them.
#[derive(Clone, Default)]
pub(super) struct Flat {
    pub(super) entries: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) coins: BTreeMap<CoinId, Coin>,
}

impl Flat {
    fn genesis(params: &Params) -> Self {
        let mut flat = Self::default();
        let mut genesis = 0;
        for (index, account) in accounts().iter().enumerate() {
            let GenesisAccount { owner, amount, time } = *account;
            let height = Height(0);
            let coin = Coin { owner, amount, height, time, kind: CoinKind::Transfer };
            flat.create(genesis_coin_id(index, params), coin);
            genesis += amount.0;
        }
        flat.set_supply(Supply { genesis: Amount(genesis), ..Supply::default() });
        flat
    }

    fn create(&mut self, id: CoinId, coin: Coin) {
        if coin.amount != Amount::ZERO {
            self.entries.insert(Key::Coin(id).to_bytes(), encode(&coin));
            self.coins.insert(id, coin);
        }
    }

    fn spend(&mut self, id: &CoinId) -> Coin {
        self.entries.remove(&Key::Coin(*id).to_bytes());
        self.coins.remove(id).expect("the model spends what exists")
    }

    fn set(&mut self, key: SystemKey, value: &impl borsh::BorshSerialize) {
        self.entries.insert(Key::System(key).to_bytes(), encode(value));
    }

    fn supply(&self) -> Supply {
        decode(&self.entries[&Key::System(Supply::key()).to_bytes()]).unwrap()
    }

    fn set_supply(&mut self, supply: Supply) {
        self.set(Supply::key(), &supply);
    }

    /// What a block does, said a second time.
    fn execute(&mut self, draft: &Draft, rule: &Plain, params: &Params) {
        let header = &draft.header;
        let Header { height, time, .. } = *header;
        let mut fees = 0;
        for transaction in &draft.body.transactions {
            let id = transaction.id(&params.chain);
            fees += transaction.inputs.iter().map(|coin| self.spend(coin).amount.0).sum::<u64>();
            for (index, output) in transaction.outputs.iter().enumerate() {
                let Output { to: owner, amount } = *output;
                fees -= amount.0;
                let coin = Coin { owner, amount, height, time, kind: CoinKind::Transfer };
                self.create(Transaction::coin_id(&id, index, &params.chain), coin);
            }
        }
        let (count, members) = Plain::keys();
        self.set(count, &height.0);
        for (index, member) in members.into_iter().enumerate() {
            match (height.0 + index as u64) % 3 {
                0 => drop(self.entries.remove(&Key::System(member).to_bytes())),
                1 => self.set(member, &height.0),
                _ => {}
            }
        }
        let paid = fees * rule.fees_percent / 100;
        let parts: [&[u8]; 3] =
            [header.parent.as_bytes(), &height.0.to_le_bytes(), &0u32.to_le_bytes()];
        let id = CoinId(tagged("assay/reward", &params.chain, &parts));
        let amount = Amount(rule.issued.0 + paid);
        let owner = header.producer;
        self.create(id, Coin { owner, amount, height, time, kind: CoinKind::Reward });
        let mut supply = self.supply();
        supply.issued = supply.issued.plus(rule.issued).unwrap();
        supply.burned = supply.burned.plus(Amount(fees - paid)).unwrap();
        self.set_supply(supply);
    }

    fn root(&self) -> StateRoot {
        let mut sum = LtHash::default();
        self.entries.iter().for_each(|(name, value)| sum.add(name, value));
        sum.root()
    }

    pub(super) fn coins_of(
        &self,
        owner: &Address,
        after: Option<CoinId>,
        limit: usize,
    ) -> Vec<(CoinId, Coin)> {
        let wanted = |(id, coin): &(&CoinId, &Coin)| {
            coin.owner == *owner && after.is_none_or(|after| **id > after)
        };
        self.coins.iter().filter(wanted).take(limit).map(|(id, coin)| (*id, *coin)).collect()
    }

    fn circulating(&self) -> Amount {
        Amount::total(self.coins.values().map(|coin| coin.amount)).unwrap()
    }
}

/// A chain under test and its model.
pub(super) struct Run {
    pub(super) dice: Dice,
    params: Params,
    rule: Plain,
    base: Arc<MemBase>,
    /// Changes of blocks that are not final.
    open: BTreeMap<Height, Arc<Delta>>,
    pub(super) final_height: Height,
    tip: BlockId,
    height: Height,
    pub(super) state: State,
    pub(super) flat: Flat,
    /// Every past state with its height, and what the model held at each height.
    pub(super) past: Vec<(Height, State)>,
    pub(super) history: BTreeMap<Height, Flat>,
}

impl Run {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let params = params();
        let (delta, commitment) = genesis_state(&accounts(), &params);
        let base = Arc::new(MemBase::default());
        base.write(&delta);
        let state = State::at_rest(base.clone(), commitment);
        let flat = Flat::genesis(&params);
        assert_eq!(state.root(), flat.root(), "the genesis state");
        let rule = Plain::new(dice.below(2_000), dice.below(101));
        Self {
            history: BTreeMap::from([(Height(0), flat.clone())]),
            past: vec![(Height(0), state.clone())],
            dice,
            params,
            rule,
            base,
            open: BTreeMap::new(),
            final_height: Height(0),
            tip: BlockId::default(),
            height: Height(0),
            state,
            flat,
        }
    }

    /// Transactions that spend random coins, those of earlier ones of the block among them.
    fn transactions(&mut self, height: Height) -> Vec<Transaction> {
        let mut coins = self.flat.coins.clone();
        let mature = |coin: &Coin| coin.spendable_from(self.params.maturity) <= Some(height);
        coins.retain(|_, coin| mature(coin) && coin.amount.0 > 50_000);
        let mut transactions = Vec::new();
        for _ in 0..self.dice.below(7) {
            let ids: Vec<CoinId> = coins.keys().copied().collect();
            let mut inputs: Vec<(CoinId, Coin)> = Vec::new();
            for _ in 0..=self.dice.below(3) {
                let Some(id) = self.dice.pick(&ids) else { break };
                inputs.extend(coins.remove(id).map(|coin| (*id, coin)));
            }
            let mut left = inputs.iter().map(|(_, coin)| coin.amount.0).sum::<u64>();
            if left == 0 {
                break;
            }
            left -= 2_000 + self.dice.below(20_000);
            let mut outputs = Vec::new();
            for _ in 0..self.dice.below(4) {
                let amount = 1 + self.dice.below(left / 2);
                left -= amount;
                let to = key(1 + self.dice.below(u64::from(PEOPLE)) as u8).address();
                outputs.push((to, Amount(amount)));
            }
            outputs.push((key(1).address(), Amount(left)));
            let made = transaction(&inputs, &outputs, None, &self.params);
            let id = made.id(&self.params.chain);
            for (index, (owner, amount)) in outputs.iter().enumerate() {
                let (time, kind) = (Time(height.0 * 1000), CoinKind::Transfer);
                let coin = Coin { owner: *owner, amount: *amount, height, time, kind };
                if amount.0 > 50_000 {
                    coins.insert(Transaction::coin_id(&id, index, &self.params.chain), coin);
                }
            }
            transactions.push(made);
        }
        transactions
    }

    pub(super) fn block(&mut self) {
        let height = self.height.next();
        let transactions = self.transactions(height);
        let producer = 1 + self.dice.below(u64::from(PEOPLE)) as u8;
        let draft = draft(self.tip, height, producer, transactions, &self.params);
        let executed =
            execute(&draft, &self.state, self.final_height, &self.params, &self.rule).unwrap();
        self.flat.execute(&draft, &self.rule, &self.params);
        assert_eq!(executed.receipts.len(), draft.body.transactions.len());
        self.tip = draft.id(&self.params.chain);
        self.height = height;
        self.open.insert(height, executed.delta);
        self.state = executed.state;
        self.past.push((height, self.state.clone()));
        self.history.insert(height, self.flat.clone());
    }

    /// Makes blocks final up to a random height, as a tree does.
    pub(super) fn finalise(&mut self) {
        let up_to = self.final_height.0 + self.dice.below(self.height.0 - self.final_height.0 + 1);
        while self.final_height.0 < up_to {
            self.final_height = self.final_height.next();
            let delta = self.open.remove(&self.final_height).unwrap();
            self.base.write(&delta);
        }
    }

    fn names(&self) -> impl Iterator<Item = Key> {
        let (count, members) = Plain::keys();
        let coins = self.history.values().flat_map(|flat| flat.coins.keys());
        let coins: std::collections::BTreeSet<CoinId> = coins.copied().collect();
        let system = members.into_iter().chain([count, Supply::key()]).map(Key::System);
        coins.into_iter().map(Key::Coin).chain(system)
    }

    pub(super) fn check(&self) {
        assert_eq!(self.state.root(), self.flat.root(), "the state root");
        for key in self.names() {
            let value = self.state.get(&key).unwrap().map(|value| value.to_vec());
            assert_eq!(value.as_ref(), self.flat.entries.get(&key.to_bytes()), "{key:?}");
        }
        let supply = self.state.supply().unwrap();
        assert_eq!(supply, self.flat.supply());
        assert_eq!(supply.circulating(), Some(self.flat.circulating()), "the supply identity");
        assert_eq!(supply.genesis.0, u64::from(PEOPLE) * FORTUNE.0);
    }
}

#[test]
fn random_chains_agree_with_a_flat_map() {
    for seed in 0..16 {
        println!("seed {seed}");
        let mut run = Run::new(seed);
        for _ in 0..25 {
            run.block();
            if run.dice.percent(30) {
                run.finalise();
            }
            run.check();
        }
    }
}

/// A reader that holds on to an old state may see newer values once the base has moved on, never older ones.
#[test]
fn an_old_reader_sees_nothing_older_than_its_block() {
    for seed in 100..112 {
        println!("seed {seed}");
        let mut run = Run::new(seed);
        for _ in 0..20 {
            run.block();
            if run.dice.percent(40) {
                run.finalise();
            }
        }
        for key in run.names() {
            for (height, state) in &run.past {
                let seen = state.get(&key).unwrap().map(|value| value.to_vec());
                let newest = run.final_height.max(*height);
                let mut allowed = run.history.range(*height..=newest);
                let fits =
                    allowed.any(|(_, flat)| flat.entries.get(&key.to_bytes()) == seen.as_ref());
                assert!(fits, "{key:?} at {height}, final {}", run.final_height);
            }
        }
    }
}

/// One state, reached over overlays and read from a base alone, has one root and one content.
#[test]
fn how_much_is_final_changes_nothing() {
    for seed in 200..210 {
        let roots = |finalise: bool| {
            let mut run = Run::new(seed);
            let mut roots = Vec::new();
            for _ in 0..15 {
                run.block();
                roots.push(run.state.root());
                // The dice must fall alike on both sides.
                let mut other = run.dice.clone();
                std::mem::swap(&mut run.dice, &mut other);
                if finalise {
                    run.finalise();
                }
                run.dice = other;
            }
            roots
        };
        assert_eq!(roots(true), roots(false), "seed {seed}");
    }
}
