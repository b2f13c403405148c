//! Load: people who pay each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::host::Sim;
use super::random::Dice;
use super::time::{Micros, Moment};
use crate::consensus::dpos::{self, DposParams, DposRules, Standing};
use crate::ledger::{CoinKind, Params, State};
use crate::spec::{Consensus, DevAccount, FrozenSpec};
use crate::types::{
    Address, Amount, Ballot, Bounded, CoinId, Keypair, Operation, Output, Text, Transaction,
};

/// A coin that was spent is left alone for so long: by then its transaction is in a block, or was refused.
const LEFT_ALONE: Micros = Micros::seconds(60);

/// How often a payment of somebody with a say carries a wish.
const WISHES: f64 = 0.7;

/// How often a payment carries a vote, and of these one that approves nobody; how often a delegate in office resigns, and how
/// often whoever may stand as one does.
const VOTES: f64 = 0.4;
const ABSTENTIONS: f64 = 0.1;
const RESIGNATIONS: f64 = 0.1;
const CANDIDACIES: f64 = 0.5;

/// How often somebody who is suspended says that it is back.
const RETURNS: f64 = 0.5;

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
    /// Who stands as a delegate, under the rules of a chain that has some.
    candidates: Vec<DevAccount>,
    rules: Option<Arc<DposRules>>,
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
            candidates: Vec::new(),
            rules: None,
        };
        load.wait();
        load
    }

    /// Lets payments of these carry wishes that one of them be an authority or no more, all about the same one at a time: so
    /// that sets change, and never hold anybody else.
    pub fn with_council(self, council: Vec<DevAccount>) -> Self {
        Self { council, ..self }
    }

    /// Lets payments carry votes for delegates on a chain that has some; these stand as delegates, resign, and come back when
    /// they were suspended.
    pub fn with_candidates(self, candidates: Vec<DevAccount>, spec: &FrozenSpec) -> Self {
        let rules = match spec.consensus() {
            Consensus::Dpos(dpos) => Some(dpos.rules(spec.genesis_id(), spec.genesis_time(), spec)),
            _ => None,
        };
        Self { candidates, rules, ..self }
    }

    /// What somebody does about delegates, as a node sees the world.
    fn campaign(&mut self, sim: &Sim, node: usize, by: DevAccount) -> Option<Operation> {
        let (rules, state) = (self.rules.clone()?, &sim.replica(node)?.tree().head().state);
        let params = rules.params();
        let own = dpos::delegate(state, &by.address(), params).ok()?;
        let standing = own.as_ref().map(|own| own.standing);
        let stands = self.candidates.contains(&by);
        let chance = match standing {
            None if stands => CANDIDACIES,
            Some(Standing::Resigned(_)) if stands => CANDIDACIES,
            Some(Standing::Suspended(_)) => RETURNS,
            Some(Standing::Active) => RESIGNATIONS,
            _ => 0.0,
        };
        if !self.dice.chance(chance) {
            return self.vote(state, params);
        }
        match standing {
            Some(Standing::Suspended(_)) => Some(Operation::ReactivateDelegate),
            Some(Standing::Active) => Some(Operation::ResignDelegate),
            // Whoever has a deposit that has yet to return waits for it.
            _ if own.is_some_and(|own| own.bond.is_some()) => None,
            _ => Some(Operation::RegisterDelegate { name: Text::new(by.name()).ok()? }),
        }
    }

    fn vote(&mut self, state: &State, params: &DposParams) -> Option<Operation> {
        if !self.dice.chance(VOTES) {
            return None;
        }
        if self.dice.chance(ABSTENTIONS) {
            return Some(Operation::Unvote);
        }
        let mut active = dpos::delegates(state, params).ok()?;
        active.retain(|(_, delegate)| delegate.standing == Standing::Active);
        self.dice.shuffle(&mut active);
        active.truncate(1 + self.dice.index(params.votes_max.max(1)));
        let delegates: Vec<Address> = active.into_iter().map(|(of, _)| of).collect();
        (!delegates.is_empty())
            .then(|| Operation::Vote { delegates: Bounded::truncated(delegates) })
    }

    /// What a delegate signs that was suspended, as a node sees it, to come back.
    pub fn comeback(&mut self, sim: &Sim, node: usize, by: DevAccount) -> Option<Transaction> {
        let (rules, state) = (self.rules.clone()?, &sim.replica(node)?.tree().head().state);
        let own = dpos::delegate(state, &by.address(), rules.params()).ok()??;
        let Standing::Suspended(_) = own.standing else { return None };
        let (coin, amount) = self.coin_of(sim, node, &by.address())?;
        let (params, back) =
            (sim.options().spec.ledger_params(), Some(Operation::ReactivateDelegate));
        let give = |left| vec![(by.address(), Amount(left))];
        pay(&params, &by.keypair(), coin, amount, back, give)
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

    /// Draws when the next payment is due.
    pub(super) fn wait(&mut self) {
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
            false => self.campaign(sim, node, payer),
        };
        let deposit = match (&operation, &self.rules) {
            (Some(Operation::RegisterDelegate { .. }), Some(rules)) => rules.params().deposit.0,
            _ => 0,
        };
        let payee = self.people[self.dice.index(self.people.len())].address();
        let (coin, amount) = self.coin_of(sim, node, &payer.address())?;
        let params = sim.options().spec.ledger_params();
        let transaction = pay(&params, &payer.keypair(), coin, amount, operation, |left| {
            let locked = deposit.min(left / 2);
            let left = left - locked;
            let given = 1 + self.dice.below(left / 2);
            let mut outputs = vec![(payee, Amount(given)), (payer.address(), Amount(left - given))];
            outputs.extend((locked > 0).then_some((payer.address(), Amount(locked))));
            outputs
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
