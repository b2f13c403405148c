//! The pool against examples and against a naive model.

mod examples;
mod model;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::ledger::testkit::{MemBase, Plain, accounts, draft, params, transaction};
use crate::ledger::{Executed, State, execute, genesis_state};
use crate::types::testkit::key;
use crate::types::{Address, Amount, BlockId, Height, Operation, Transaction};

/// A chain of blocks without a tree: the pool knows only the state it is asked about.
struct Ground {
    params: Params,
    rule: Plain,
    /// The state after each block, the genesis block first.
    states: Vec<State>,
    /// The transactions of each block.
    blocks: Vec<Vec<Transaction>>,
    /// Differs for each block ever made, so that blocks at one height differ.
    made: u64,
}

impl Ground {
    fn new() -> Self {
        let params = Params { transactions_max: 1000, ..params() };
        let (delta, commitment) = genesis_state(&accounts(), &params);
        let base = Arc::new(MemBase::default());
        base.write(&delta);
        let state = State::at_rest(base, commitment);
        let rule = Plain::new(100_000, 100);
        Self { params, rule, states: vec![state], blocks: vec![vec![]], made: 0 }
    }

    fn state(&self) -> &State {
        self.states.last().expect("the genesis state is always there")
    }

    fn height(&self) -> Height {
        Height(self.states.len() as u64)
    }

    fn place(&self) -> Place<'_> {
        Place { state: self.state(), height: self.height(), rule: &self.rule }
    }

    fn try_block(&self, producer: u8, transactions: Vec<Transaction>) -> Result<Executed, String> {
        let mut parent = [0; 32];
        parent[..8].copy_from_slice(&self.made.to_le_bytes());
        let parent = BlockId(Hash(parent));
        let draft = draft(parent, self.height(), producer, transactions, &self.params);
        let executed = execute(&draft, self.state(), Height(0), &self.params, &self.rule);
        executed.map_err(|error| error.to_string())
    }

    fn block(&mut self, producer: u8, transactions: Vec<Transaction>) {
        let executed = self.try_block(producer, transactions.clone()).unwrap();
        self.states.push(executed.state);
        self.blocks.push(transactions);
        self.made += 1;
    }

    /// Takes the last block back; gives its transactions.
    fn undo(&mut self) -> Vec<Transaction> {
        self.states.pop();
        self.made += 1;
        self.blocks.pop().expect("there is a block to undo")
    }

    fn id(&self, transaction: &Transaction) -> TransactionId {
        transaction.id(&self.params.chain)
    }

    /// The coin that an output of a transaction will be.
    fn output(&self, transaction: &Transaction, index: usize) -> (CoinId, Coin) {
        let output = transaction.outputs[index];
        let coin = Coin {
            owner: output.to,
            amount: output.amount,
            height: self.height(),
            time: Time(0),
            kind: CoinKind::Transfer,
        };
        (Transaction::coin_id(&self.id(transaction), index, &self.params.chain), coin)
    }

    fn coins(&self, person: u8) -> Vec<(CoinId, Coin)> {
        self.state().coins_of(&key(person).address(), None, 1000).unwrap()
    }

    /// A transaction that spends these coins for one output to person 1 and pays this fee.
    fn pay(&self, inputs: &[(CoinId, Coin)], fee: u64) -> Transaction {
        self.pay_to(inputs, &[key(1).address()], fee, None)
    }

    fn pay_to(
        &self,
        inputs: &[(CoinId, Coin)],
        to: &[Address],
        fee: u64,
        operation: Option<Operation>,
    ) -> Transaction {
        let total: u64 = inputs.iter().map(|(_, coin)| coin.amount.0).sum();
        let share = (total - fee) / to.len() as u64;
        let rest = (total - fee) % to.len() as u64;
        let outputs: Vec<(Address, Amount)> = (0..)
            .zip(to)
            .map(|(n, to)| (*to, Amount(share + if n == 0 { rest } else { 0 })))
            .collect();
        transaction(inputs, &outputs, operation, &self.params)
    }

    fn admit(&self, pool: &mut Mempool, transaction: &Transaction) -> Result<usize, AdmitError> {
        let id = self.id(transaction);
        let transaction = Arc::new(transaction.clone());
        let checked = pool.check(&id, &transaction, self.place());
        let admitted = pool.admit(id, transaction, self.place(), Time(0));
        assert_eq!(checked.is_ok(), admitted.is_ok(), "a check foretells the admission");
        admitted.map(|gone| gone.len())
    }

    fn confirm(&self, pool: &mut Mempool, transactions: &[Transaction]) {
        let ids: Vec<TransactionId> = transactions.iter().map(|t| self.id(t)).collect();
        pool.confirm(ids.iter().zip(transactions));
    }
}
