//! Stored chains: histories against a naive model, files, audits.

mod archives;
mod audits;
mod histories;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::chain::testkit::{Said, child, claim, genesis};
use crate::ledger::testkit::{PEOPLE, Plain, accounts, params, transaction};
use crate::ledger::{Coin, CoinKind, Params, State, genesis_state};
use crate::types::testkit::{Dice, key};
use crate::types::{Address, Amount, Block, BlockId, CoinId, Height, Time, Transaction};

/// What a block issues.
const ISSUED: u64 = 1000;

/// The chain of the rule that says how strong and how final a block is, in a store.
fn open(store: Arc<MemStore>) -> ColdChain<MemStore> {
    let params = params();
    let rules = Arc::new(Said(Plain::new(ISSUED, 100)));
    let state = || genesis_state(&accounts(), &params);
    ColdChain::open(store, params.clone(), rules, &genesis(&params), state).unwrap()
}

/// Blocks that anybody made, and how strong and how final each said that it is.
struct Yard {
    params: Params,
    claims: BTreeMap<BlockId, (u64, Height)>,
    blocks: BTreeMap<BlockId, Block>,
    /// Blocks between the head and what is final.
    depth: u64,
}

impl Yard {
    fn new(depth: u64) -> Self {
        let params = params();
        let genesis = genesis(&params);
        let id = genesis.id(&params.chain);
        Self {
            params,
            claims: BTreeMap::from([(id, (0, Height(0)))]),
            blocks: BTreeMap::from([(id, genesis)]),
            depth,
        }
    }

    /// A block on a block of the tree, with a few payments.
    fn make(&mut self, dice: &mut Dice, tree: &crate::chain::Tree, parent: BlockId) -> Block {
        let state = tree.get(&parent).unwrap().state.clone();
        let height = tree.get(&parent).unwrap().height().next();
        let (rank, final_height) = self.claims[&parent];
        let rank = rank + dice.below(3);
        let final_height = Height(final_height.0.max(height.0.saturating_sub(self.depth)));
        let payments = self.payments(dice, &state, height);
        let producer = 1 + dice.below(u64::from(PEOPLE)) as u8;
        let block = child(tree, &parent, claim(rank, final_height), producer, payments);
        let id = block.id(&self.params.chain);
        self.claims.insert(id, (rank, final_height));
        self.blocks.insert(id, block.clone());
        block
    }

    fn payments(&self, dice: &mut Dice, state: &State, height: Height) -> Vec<Transaction> {
        let people = (1..=PEOPLE).map(|person| key(person).address());
        let coins = people.flat_map(|owner| state.coins_of(&owner, None, 100).unwrap());
        let mature =
            |coin: &Coin| coin.spendable_from(self.params.maturity).is_some_and(|at| at <= height);
        let mut coins: Vec<_> =
            coins.filter(|(_, coin)| mature(coin) && coin.amount.0 > 5_000).collect();
        let mut payments = Vec::new();
        for _ in 0..dice.below(4) {
            let mut inputs = Vec::new();
            for _ in 0..=dice.below(2) {
                if !coins.is_empty() {
                    inputs.push(coins.swap_remove(dice.index(coins.len())));
                }
            }
            if inputs.is_empty() {
                break;
            }
            let total: u64 = inputs.iter().map(|(_, coin): &(CoinId, Coin)| coin.amount.0).sum();
            let count = 1 + dice.below(3);
            let fee = 700 + dice.below(500);
            let to = |_| key(1 + dice.below(u64::from(PEOPLE)) as u8).address();
            let outputs: Vec<(Address, Amount)> =
                (0..count).map(to).map(|to| (to, Amount((total - fee) / count))).collect();
            let payment = transaction(&inputs, &outputs, None, &self.params);
            // What one transaction creates, the next one of the block may spend.
            let id = payment.id(&self.params.chain);
            let (owner, amount) = outputs[0];
            let kind = CoinKind::Transfer;
            let coin = Coin { owner, amount, height, time: Time(0), kind };
            if amount.0 > 5_000 {
                coins.push((Transaction::coin_id(&id, 0, &self.params.chain), coin));
            }
            payments.push(payment);
        }
        payments
    }

    /// Makes so many blocks, each on the head, and adds them.
    fn extend(&mut self, dice: &mut Dice, cold: &mut ColdChain<MemStore>, blocks: usize) {
        for _ in 0..blocks {
            let head = cold.tree().head().id;
            let block = self.make(dice, cold.tree(), head);
            cold.add(Arc::new(block), Time(u64::MAX)).unwrap();
        }
    }
}

/// The blocks of the best branch above the first one, lowest first.
fn branch(cold: &ColdChain<MemStore>) -> Vec<Block> {
    let heights = 1..=cold.tree().head().height().0;
    let block = |height| {
        let id = cold.at(Height(height)).unwrap().unwrap();
        cold.stored().block(&id).unwrap().unwrap()
    };
    heights.map(block).collect()
}
