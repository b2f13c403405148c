//! Load: people who pay each other.

use std::collections::BTreeMap;

use super::host::Sim;
use super::random::Dice;
use super::time::{Micros, Moment};
use crate::ledger::{CoinKind, Params};
use crate::spec::DevAccount;
use crate::types::{
    Address, Amount, Ballot, Bounded, CoinId, Keypair, Operation, Output, Transaction,
};

/// A coin that was spent is left alone for so long: by then its transaction is in a block, or was refused.
const LEFT_ALONE: Micros = Micros::seconds(60);

/// How often a payment of somebody with a say carries a wish.
const WISHES: f64 = 0.7;

/// For how long wishes are about the same one.
const TURN: Micros = Micros::seconds(10);

/// Coins of a payer that are looked at.
const COINS_MAX: usize = 64;

/// Bytes that a payment has at most; it pays the fee for as many.
const PAYMENT_BYTES: u64 = 400;

/// Payments between development accounts, at random moments of a constant rate (a Poisson process). Each is signed for
/// real and submitted at some node that runs.
#[derive(Debug)]
pub struct Load {
    per_second: f64,
    dice: Dice,
    next: Moment,
    people: Vec<DevAccount>,
    spent: BTreeMap<CoinId, Moment>,
    /// Who has wishes about authorities, and about whom: each about each.
    council: Vec<DevAccount>,
}

impl Load {
    /// So many payments per second on average, from `begin` on.
    pub fn new(seed: u64, per_second: f64, begin: Moment) -> Self {
        let mut load = Self {
            per_second,
            dice: Dice::new(seed, "load"),
            next: begin,
            people: DevAccount::all().collect(),
            spent: BTreeMap::new(),
            council: Vec::new(),
        };
        load.wait();
        load
    }

    /// Lets payments of these carry wishes that one of them be an authority or no more, all about the same one at a time: so
    /// that sets change, and never hold anybody else.
    pub fn with_council(self, council: Vec<DevAccount>) -> Self {
        Self { council, ..self }
    }

    /// What somebody wants, as a node sees the world.
    fn wish(&mut self, sim: &Sim, node: usize, by: DevAccount) -> Option<Operation> {
        let tree = sim.replica(node)?.tree();
        let members = tree.rules().authorities(&tree.head().state).ok()?;
        if !members.contains(&by.address()) || !self.dice.chance(WISHES) {
            return None;
        }
        let turn = sim.now().0 / TURN.0 % self.council.len() as u64;
        let whom = self.council.get(usize::try_from(turn).ok()?)?.address();
        let ballot = if members.contains(&whom) { Ballot::Remove } else { Ballot::Add };
        Some(Operation::ProposeAuthority { address: whom, ballot })
    }

    fn wait(&mut self) {
        self.next = match self.per_second > 0.0 {
            true => {
                let wait = self.dice.exponential(1.0 / self.per_second);
                self.next.after(Micros::from_seconds(wait))
            }
            false => Moment::NEVER,
        };
    }

    /// When the next payment is due.
    pub fn next(&self) -> Moment {
        self.next
    }

    /// Makes the payment that is due, at some node.
    pub fn pay(&mut self, sim: &mut Sim) {
        self.wait();
        let node = self.dice.index(sim.nodes());
        if let Some(payment) = self.payment(sim, node) {
            sim.submit(node, vec![payment]);
        }
    }

    /// Makes the payments that are due before a moment, each at its time.
    pub fn pay_until(&mut self, sim: &mut Sim, end: Moment) {
        while self.next < end {
            sim.run_until(self.next);
            self.pay(sim);
        }
    }

    /// A payment by somebody who has a coin to spend, as a node sees it.
    pub fn payment(&mut self, sim: &Sim, node: usize) -> Option<Transaction> {
        let now = sim.now();
        self.spent.retain(|_, at| now.since(*at) < LEFT_ALONE);
        let payer = self.people[self.dice.index(self.people.len())];
        let operation = match self.council.contains(&payer) {
            true => self.wish(sim, node, payer),
            false => None,
        };
        let payee = self.people[self.dice.index(self.people.len())].address();
        let (coin, amount) = self.coin_of(sim, node, &payer.address())?;
        let params = sim.options().spec.ledger_params();
        let transaction = pay(&params, &payer.keypair(), coin, amount, operation, |left| {
            let given = 1 + self.dice.below(left / 2);
            vec![(payee, Amount(given)), (payer.address(), Amount(left - given))]
        })?;
        self.spent.insert(coin, now);
        Some(transaction)
    }

    /// A coin of somebody that can be spent, as a node sees it.
    fn coin_of(&mut self, sim: &Sim, node: usize, owner: &Address) -> Option<(CoinId, Amount)> {
        let head = sim.replica(node)?.tree().head();
        let coins = head.state.coins_of(owner, None, COINS_MAX).ok()?;
        let free = |(id, coin): &(CoinId, crate::ledger::Coin)| {
            let free = coin.kind == CoinKind::Transfer && !self.spent.contains_key(id);
            free.then_some((*id, coin.amount))
        };
        let coins: Vec<(CoinId, Amount)> = coins.iter().filter_map(free).collect();
        self.dice.pick(&coins).copied()
    }
}

/// A signed payment out of one coin; `give` says to whom goes what the fee leaves. `None` if that is next to nothing.
pub(super) fn pay(
    params: &Params,
    payer: &Keypair,
    coin: CoinId,
    amount: Amount,
    operation: Option<Operation>,
    give: impl FnOnce(u64) -> Vec<(Address, Amount)>,
) -> Option<Transaction> {
    let fee = params.fee_per_byte_min.saturating_mul(PAYMENT_BYTES);
    let left = amount.0.checked_sub(fee).filter(|left| *left > 1)?;
    let outputs = give(left).into_iter().map(|(to, amount)| Output { to, amount }).collect();
    let mut transaction = Transaction {
        inputs: Bounded::truncated(vec![coin]),
        outputs: Bounded::truncated(outputs),
        operation,
        witnesses: Bounded::default(),
    };
    transaction.sign(&params.chain, std::slice::from_ref(payer));
    Some(transaction)
}
