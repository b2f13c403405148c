//! Weights that follow coins, beside a model that sums all coins of all voters anew after each block.

use super::bench::{Bench, FEE, register, vote_for, who};
use super::*;
use crate::ledger::testkit::PEOPLE;
use crate::types::testkit::Dice;
use crate::types::{Operation, Transaction};

/// Who approves whom, as the operations on the branch say.
struct Model(BTreeMap<Address, Vec<Address>>);

impl Model {
    fn new(bench: &Bench) -> Self {
        Self(bench.params().founders.keys().map(|founder| (*founder, vec![*founder])).collect())
    }

    fn performed(&mut self, person: u8, operation: Option<&Operation>) {
        match operation {
            Some(Operation::Vote { delegates }) => {
                self.0.insert(who(person), delegates.iter().copied().collect());
            }
            Some(Operation::Unvote) => drop(self.0.remove(&who(person))),
            _ => {}
        }
    }

    /// Compares everything that the rule keeps up to date with what there is.
    #[track_caller]
    fn assert_like(&self, bench: &Bench) {
        let (state, params) = (&bench.head().state, bench.params());
        let mut votes = 0;
        let mut weights: BTreeMap<Address, u64> = BTreeMap::new();
        for person in 1..=PEOPLE {
            let held = bench.holds(person);
            assert_eq!(holdings(state, &who(person), params).unwrap(), held, "{person} holds");
            let Some(whom) = self.0.get(&who(person)) else { continue };
            votes += held.0;
            whom.iter().for_each(|whom| *weights.entry(*whom).or_default() += held.0);
        }
        assert_eq!(voting(state, params).unwrap(), Amount(votes), "all votes");
        let all = delegates(state, params).unwrap();
        for (of, delegate) in &all {
            let due = weights.get(of).copied().unwrap_or_default();
            assert_eq!(delegate.weight, Amount(due), "the weight of {}", delegate.name.as_str());
        }
        let ranked = ranked(state, params).unwrap();
        let order = |it: &(Address, Delegate)| (std::cmp::Reverse(it.1.weight), it.0);
        assert!(ranked.is_sorted_by_key(order) && ranked.len() == all.len());
        bench.assert_supply();
    }
}

#[test]
fn a_vote_weighs_what_its_voter_holds_from_block_to_block() {
    let mut bench = Bench::new();
    let mut model = Model::new(&bench);
    model.assert_like(&bench);
    // In the block of the vote itself, before and after it, somebody pays the voter.
    let pay = bench.pay(1, &[(who(5), Amount(7_000_000))], None);
    let vote = bench.act(5, vote_for(&[2, 3]));
    let again = bench.pay(4, &[(who(5), Amount(1_000_000))], None);
    bench.next(vec![pay, vote, again]);
    model.performed(5, Some(&vote_for(&[2, 3])));
    model.assert_like(&bench);
    let two = bench.delegate(2).unwrap().weight;
    assert_eq!(two.0 % 1_000_000_000 % 1_000_000, bench_units(&bench, 2, 5));
    // The voter pays somebody who approves nobody but himself, in the block in which he votes otherwise.
    let change = bench.pay(5, &[(who(4), Amount(9_000_000))], Some(vote_for(&[4])));
    bench.next(vec![change]);
    model.performed(5, Some(&vote_for(&[4])));
    model.assert_like(&bench);
    bench.perform(5, Operation::Unvote);
    model.performed(5, Some(&Operation::Unvote));
    model.assert_like(&bench);
}

/// What these two hold beyond whole millions, together.
fn bench_units(bench: &Bench, one: u8, other: u8) -> u64 {
    (bench.holds(one).0 + bench.holds(other).0) % 1_000_000_000 % 1_000_000
}

/// Of a draw: somebody pays somebody, and may do something.
fn draw(bench: &Bench, dice: &mut Dice, person: u8) -> (Transaction, Option<Operation>) {
    let people: Vec<u8> = (1..=PEOPLE).collect();
    let operation = match dice.below(12) {
        0..=3 => {
            let number = 1 + dice.index(3);
            let mut whom = people.clone();
            while whom.len() > number {
                whom.remove(dice.index(whom.len()));
            }
            Some(vote_for(&whom))
        }
        4 => Some(Operation::Unvote),
        5 => Some(register(["eve", "adam", "person-1"][dice.index(3)])),
        6 if dice.percent(40) => Some(Operation::ResignDelegate),
        7 => Some(Operation::ReactivateDelegate),
        _ => None,
    };
    let deposit = (who(person), bench.params().deposit);
    let to = who(*dice.pick(&people).unwrap());
    let outputs = [deposit, (to, Amount(1 + dice.below(100_000)))];
    (bench.pay(person, &outputs, operation.clone()), operation)
}

#[test]
fn weights_are_what_a_model_sums_over_random_histories() {
    for seed in 0..12 {
        println!("seed {seed}");
        let (mut bench, mut dice) = (Bench::new(), Dice::new(seed));
        let mut model = Model::new(&bench);
        let mut performed = 0;
        for _ in 0..80 {
            let skipped = if dice.percent(25) { dice.below(6) } else { 0 };
            let slot = bench.slot(bench.head()) + 1 + skipped;
            let mut chosen: Vec<(u8, Transaction, Option<Operation>)> = Vec::new();
            for person in 1..=PEOPLE {
                let rich = bench.coins(person, true).iter().any(|(_, coin)| {
                    coin.kind == crate::ledger::CoinKind::Transfer
                        && coin.amount.0 > 2 * FEE + bench.params().deposit.0 + 100_000
                });
                if !rich || dice.percent(50) {
                    continue;
                }
                let (transaction, operation) = draw(&bench, &mut dice, person);
                let mut all: Vec<Transaction> =
                    chosen.iter().map(|(_, it, _)| it.clone()).collect();
                all.push(transaction.clone());
                let bare = bench.bare(bench.head(), slot, all);
                // What the rule refuses is left out, as producers do.
                if bench.tree.execute(&bare, &bench.head().state).is_ok() {
                    performed += usize::from(operation.is_some());
                    chosen.push((person, transaction, operation));
                }
            }
            bench.block_at(slot, chosen.iter().map(|(_, it, _)| it.clone()).collect());
            for (person, _, operation) in &chosen {
                model.performed(*person, operation.as_ref());
            }
            model.assert_like(&bench);
        }
        println!("seed {seed}: {performed} operations");
        assert!(performed > 10, "{performed}");
    }
}
