//! What a payment costs, depending on the coins that pay it, and which of them do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{CoinState, FeeRate, OwnCoin, Purpose, Request, SelectError, Selection, Shortfall};
use crate::types::{
    Address, Amount, Bounded, CoinId, INPUTS_MAX, Operation, Output, PublicKey, Signature,
    Transaction, Witness,
};

/// Encoded sizes in bytes: a transaction's is linear in its parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) empty: usize,
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) witness: usize,
}

impl Sizes {
    /// Measured on the real encoding, so that they cannot drift from it.
    pub(super) fn measure(operation: Option<&Operation>) -> Self {
        let size = |inputs: usize, outputs: usize, witnesses: usize| {
            let output = Output { to: Address::default(), amount: Amount::ZERO };
            let witness = Witness { key: PublicKey([0; 32]), signature: Signature([0; 64]) };
            Transaction {
                inputs: Bounded::truncated(vec![CoinId::default(); inputs]),
                outputs: Bounded::truncated(vec![output; outputs]),
                operation: operation.cloned(),
                witnesses: Bounded::truncated(vec![witness; witnesses]),
            }
            .size()
        };
        let empty = size(0, 0, 0);
        Self {
            empty,
            input: size(1, 0, 0) - empty,
            output: size(0, 1, 0) - empty,
            witness: size(0, 0, 1) - empty,
        }
    }

    pub(super) fn total(&self, inputs: usize, outputs: usize, witnesses: usize) -> usize {
        self.empty + inputs * self.input + outputs * self.output + witnesses * self.witness
    }
}

/// What a payment costs, depending on the coins that pay it.
pub(super) struct Cost<'a> {
    purpose: Purpose<'a>,
    rate: FeeRate,
    sizes: Sizes,
    pub(super) inputs_max: usize,
}

impl<'a> Cost<'a> {
    /// The cost of what is requested, the coins open.
    pub(super) fn of(request: &Request<'a>) -> Self {
        let sizes = Sizes::measure(request.purpose.operation());
        let owners: BTreeSet<&Address> = request.coins.iter().map(|coin| &coin.owner).collect();
        // One more for the change.
        let outputs = request.purpose.output().map_or(1, |(_, times)| times) + 1;
        let fits = |inputs: &usize| {
            sizes.total(*inputs, outputs, owners.len().min(*inputs)) <= request.bytes_max
        };
        // A chain on which not even one coin fits refuses the transaction itself.
        let inputs_max = (1..=INPUTS_MAX).rev().find(fits).unwrap_or(1);
        Self { purpose: request.purpose, rate: request.fee, sizes, inputs_max }
    }

    pub(super) fn check_payment(&self) -> Result<(), SelectError> {
        let Some((Output { amount, .. }, _)) = self.purpose.output() else { return Ok(()) };
        // How large a deposit is the chain says, be it worth spending or not.
        if let Purpose::Lock { .. } = self.purpose {
            return Ok(());
        }
        if amount == Amount::ZERO {
            return Err(SelectError::Zero);
        }
        if amount < self.dust() {
            return Err(SelectError::Dust { amount, least: self.dust() });
        }
        Ok(())
    }

    /// What is paid.
    pub(super) fn amount(&self) -> Amount {
        self.purpose.output().map_or(Amount::ZERO, |(output, times)| {
            // More than all money is paid by no coins.
            Amount(output.amount.0.saturating_mul(times as u64))
        })
    }

    /// Outputs without change.
    fn outputs(&self) -> usize {
        self.purpose.output().map_or(0, |(_, times)| times)
    }

    /// What it costs to make a coin and to spend it: nobody is served by one that holds less.
    pub(super) fn dust(&self) -> Amount {
        self.rate.fee(self.sizes.output + self.sizes.input)
    }

    pub(super) fn fee(&self, pile: &Pile, outputs: usize) -> Amount {
        // A message about no coins at all names the fee of the simplest payment.
        let (inputs, owners) = (pile.coins.max(1), pile.owners.len().max(1));
        self.rate.fee(self.sizes.total(inputs, outputs, owners))
    }

    /// The fee where nothing returns.
    pub(super) fn least(&self, pile: &Pile) -> Amount {
        self.fee(pile, self.outputs())
    }

    /// What the coins hold beyond payment and fee, change left out; negative if they do not suffice.
    fn excess(&self, pile: &Pile) -> i128 {
        pile.sum - i128::from(self.amount().0) - i128::from(self.least(pile).0)
    }

    pub(super) fn covered(&self, pile: &Pile) -> bool {
        self.excess(pile) >= 0
    }

    /// The most that these coins can pay.
    pub(super) fn most(&self, pile: &Pile) -> Amount {
        amount(pile.sum - i128::from(self.least(pile).0))
    }

    /// The coins in these states that are worth spending, the most welcome first.
    pub(super) fn ranked(
        &self,
        coins: &[OwnCoin],
        wanted: impl Fn(CoinState) -> bool,
    ) -> Vec<OwnCoin> {
        let input = self.rate.fee(self.sizes.input);
        let mut ranked: Vec<OwnCoin> = coins
            .iter()
            .filter(|coin| wanted(coin.state) && coin.amount > input)
            .copied()
            .collect();
        // An owner all of whose coins together do not pay for the witness is left alone too.
        let mut gains: BTreeMap<Address, i128> = BTreeMap::new();
        for coin in &ranked {
            *gains.entry(coin.owner).or_default() += i128::from(coin.amount.0 - input.0);
        }
        let witness = i128::from(self.rate.fee(self.sizes.witness).0);
        ranked.retain(|coin| gains[&coin.owner] > witness);
        ranked.sort_by_key(|coin| {
            let unconfirmed = coin.state != CoinState::Spendable;
            (unconfirmed, Reverse(coin.time), Reverse(coin.amount), coin.id)
        });
        ranked.dedup_by_key(|coin| coin.id);
        ranked
    }

    /// The coins that pay, if they can: from the front, at most `inputs_max`, and none without need.
    pub(super) fn cover(&self, ranked: &[OwnCoin]) -> Option<Vec<OwnCoin>> {
        let mut pile = Pile::default();
        // The smallest first, among equals the least welcome: what gives way where they become too many.
        let mut taken: BTreeSet<(Amount, Reverse<usize>)> = BTreeSet::new();
        for (rank, coin) in ranked.iter().enumerate() {
            pile.add(coin);
            taken.insert((coin.amount, Reverse(rank)));
            if taken.len() > self.inputs_max
                && let Some((_, Reverse(rank))) = taken.pop_first()
            {
                pile.remove(&ranked[rank]);
            }
            if self.covered(&pile) {
                break;
            }
        }
        if !self.covered(&pile) {
            return None;
        }
        let mut ranks: BTreeSet<usize> = taken.into_iter().map(|(_, Reverse(rank))| rank).collect();
        // More than once: putting an owner's last coin back saves a witness, after which another coin may be spare.
        loop {
            let before = ranks.len();
            for rank in ranks.clone().into_iter().rev() {
                pile.remove(&ranked[rank]);
                if self.covered(&pile) {
                    ranks.remove(&rank);
                } else {
                    pile.add(&ranked[rank]);
                }
            }
            if ranks.len() == before {
                break;
            }
        }
        Some(ranks.into_iter().map(|rank| ranked[rank]).collect())
    }

    /// Settles what is left over; the coins cover the payment.
    pub(super) fn finish(&self, inputs: Vec<OwnCoin>, change_to: Address) -> Selection {
        let pile = Pile::of(&inputs);
        let excess = amount(self.excess(&pile));
        let (bare, full) = (self.least(&pile), self.fee(&pile, self.outputs() + 1));
        let mut outputs: Vec<Output> = match self.purpose.output() {
            Some((output, times)) => vec![output; times],
            None => Vec::new(),
        };
        // Above dust, the excess pays for the second output and leaves something in it.
        let change = (excess > self.dust()).then(|| Amount(excess.0 - (full.0 - bare.0)));
        outputs.extend(change.map(|amount| Output { to: change_to, amount }));
        let fee = if change.is_some() { full } else { Amount(bare.0 + excess.0) };
        let size = self.sizes.total(inputs.len(), outputs.len(), pile.owners.len());
        let operation = self.purpose.operation().cloned();
        Selection { inputs, outputs, operation, change, fee, size }
    }

    /// Why the usable coins, ranked, do not pay.
    pub(super) fn explain(&self, request: &Request<'_>, ranked: &[OwnCoin]) -> SelectError {
        let all = Pile::of(ranked);
        let mut largest = ranked.to_vec();
        largest.sort_by_key(|coin| (Reverse(coin.amount), coin.id));
        largest.truncate(self.inputs_max);
        let reach = self.most(&Pile::of(&largest));
        if self.covered(&all) {
            return SelectError::TooManyInputs {
                amount: self.amount(),
                inputs_max: self.inputs_max,
                reach,
            };
        }
        let sum = |wanted: &dyn Fn(CoinState) -> bool| {
            let coins = request.coins.iter().filter(|coin| wanted(coin.state));
            amount(coins.map(|coin| i128::from(coin.amount.0)).sum())
        };
        let from = request.coins.iter().filter_map(|coin| match coin.state {
            CoinState::Immature { from } => Some(from),
            _ => None,
        });
        let spendable = sum(&CoinState::usable);
        SelectError::Insufficient(Box::new(Shortfall {
            amount: self.amount(),
            fee: self.least(&all),
            spendable,
            dust: amount(i128::from(spendable.0) - all.sum),
            most: reach,
            immature: sum(&|state| matches!(state, CoinState::Immature { .. })),
            immature_from: from.min(),
            arriving: sum(&|state| matches!(state, CoinState::Arriving { .. })),
            spending: sum(&|state| matches!(state, CoinState::Spending { .. })),
            bonded: sum(&|state| state == CoinState::Bonded),
            picked: false,
        }))
    }
}

/// Coins taken together. Their sum is wide: a node may claim any amounts.
#[derive(Debug, Clone, Default)]
pub(super) struct Pile {
    sum: i128,
    coins: usize,
    owners: BTreeMap<Address, usize>,
}

impl Pile {
    pub(super) fn of(coins: &[OwnCoin]) -> Self {
        let mut pile = Self::default();
        coins.iter().for_each(|coin| pile.add(coin));
        pile
    }

    /// What they hold.
    pub(super) fn sum(&self) -> Amount {
        amount(self.sum)
    }

    fn add(&mut self, coin: &OwnCoin) {
        self.sum += i128::from(coin.amount.0);
        self.coins += 1;
        *self.owners.entry(coin.owner).or_default() += 1;
    }

    fn remove(&mut self, coin: &OwnCoin) {
        self.sum -= i128::from(coin.amount.0);
        self.coins -= 1;
        if let Some(left) = self.owners.get_mut(&coin.owner) {
            *left -= 1;
            if *left == 0 {
                self.owners.remove(&coin.owner);
            }
        }
    }
}

/// A sum as an amount: nothing where it is negative, and capped where it is far beyond all money.
fn amount(sum: i128) -> Amount {
    Amount(u64::try_from(sum.max(0)).unwrap_or(u64::MAX))
}
