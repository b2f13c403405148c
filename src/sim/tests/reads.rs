//! Linearizable reads under faults: people pay out of one account each, everybody reads balances everywhere, and what they
//! saw is looked at as the history of a register.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::checks::linearizability::{Access, OPERATIONS_MAX, Operation, is_linearizable};
use super::load::pay;
use super::raft::options;
use super::random::Dice;
use super::*;
use crate::consensus;
use crate::replica::{Input, Output, Report};
use crate::spec::DevAccount;
use crate::types::canary::{Bug, plant};
use crate::types::{Address, Amount, CoinId, Transaction, TransactionId};

/// People who pay; each has a register, which is what its account holds.
const PEOPLE: usize = 3;

/// Chains on which reads may be linearizable, each with five authorities or fewer.
const AGREED: [&str; 3] = ["raft-dev", "paxos-dev", "pbft-dev"];

/// What was asked for, and what came of it.
#[derive(Default)]
struct Heard {
    /// Reads by ticket: whose account at which node, and when.
    reads: BTreeMap<u64, (usize, Moment)>,
    /// Payments by id: whose, what remains, and when.
    writes: BTreeMap<TransactionId, (usize, u64, Moment)>,
    histories: [Vec<Operation>; PEOPLE],
    /// What each last wrote.
    held: [Option<u64>; PEOPLE],
    refused: usize,
    leader: Option<usize>,
}

struct Ears(Arc<Mutex<Heard>>);

fn person(number: usize) -> DevAccount {
    DevAccount::all().nth(number).unwrap()
}

fn balance(sim: &Scene<'_>, node: usize, owner: Address) -> Option<u64> {
    let state = &sim.replica(node)?.tree().head().state;
    let coins = state.coins_of(&owner, None, 64).unwrap();
    Some(coins.iter().map(|(_, coin)| coin.amount.0).sum())
}

impl Watch for Ears {
    fn name(&self) -> &'static str {
        "ears"
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let mut heard = self.0.lock().unwrap();
        let heard = &mut *heard;
        match output {
            Output::Answered { ticket, outcome } => {
                let Some((whose, asked)) = heard.reads.remove(ticket) else { return Ok(()) };
                let Ok(_) = outcome else {
                    heard.refused += 1;
                    return Ok(());
                };
                if let Some(read) = balance(scene, node, person(whose).address()) {
                    let answered = scene.now();
                    let access = Access::Read(read);
                    heard.histories[whose].push(Operation { access, asked, answered });
                }
            }
            Output::Report(Report::Final { receipts, .. }) => {
                for receipt in receipts {
                    if let Some((whose, left, asked)) = heard.writes.remove(&receipt.id) {
                        let (access, answered) = (Access::Write(left), scene.now());
                        heard.held[whose] = Some(left);
                        heard.histories[whose].push(Operation { access, asked, answered });
                    }
                }
            }
            Output::Report(Report::Engine(consensus::Report::Round { leader, .. })) => {
                let seat = |id| (0..5).find(|seat| person(*seat).address() == id);
                heard.leader = leader.and_then(seat).or(heard.leader);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A payment out of the one coin of an account that holds so much, and what it leaves there. A node that is behind shows
/// an older coin, which the payer knows to be spent.
fn payment(sim: &Sim, node: usize, whose: usize, held: u64) -> Option<(Transaction, u64)> {
    let payer = person(whose);
    let state = &sim.replica(node)?.tree().head().state;
    let coins = state.coins_of(&payer.address(), None, 2).unwrap();
    let (id, coin): (CoinId, _) = coins.first().copied().filter(|_| coins.len() == 1)?;
    if coin.amount.0 != held {
        return None;
    }
    let mut remains = 0;
    let params = sim.options().spec.ledger_params();
    let transaction = pay(&params, &payer.keypair(), id, coin.amount, None, |left| {
        remains = left - 1000;
        vec![(person(9).address(), Amount(1000)), (payer.address(), Amount(remains))]
    })?;
    Some((transaction, remains))
}

/// What is wrong with the histories of a seed, how many operations there were, and how many reads were refused.
fn histories(chain: &str, seed: u64) -> (Vec<usize>, usize, usize) {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let watchers: Vec<Box<dyn Watch>> = vec![Box::new(Ears(heard.clone()))];
    let mut sim = Sim::watched(options(seed, chain, 5), watchers).unwrap();
    let mut dice = Dice::new(seed, "histories");
    let amount = |whose: usize| sim.options().spec.genesis_accounts()[whose].amount.0;
    let first: [u64; PEOPLE] = std::array::from_fn(amount);
    sim.run(Micros::seconds(3));
    let (mut ticket, mut cut, mut stopped) = (1 << 40, None, None);
    for step in 0..480 {
        sim.run(Micros::millis(30 + dice.below(60)));
        // Now and then the leader, or somebody, is cut off with somebody or alone. Then the leader's process stands still, the
        // others part from it, and what it was asked meanwhile it hears when it goes on. One dies now and then.
        let leader = heard.lock().unwrap().leader;
        let part = |sim: &mut Sim, side: &[usize]| {
            let rest: Vec<usize> = (0..5).filter(|node| !side.contains(node)).collect();
            sim.cut(side, &rest, false).unwrap()
        };
        match step % 120 {
            20 => {
                let mut side = vec![leader.filter(|_| dice.chance(0.7)).unwrap_or(dice.index(5))];
                let other = dice.index(5);
                if dice.chance(0.5) && !side.contains(&other) {
                    side.push(other);
                }
                cut = Some(part(&mut sim, &side));
            }
            60 => stopped = leader.filter(|leader| sim.pause(*leader).is_ok()),
            65 => cut = stopped.map(|node| part(&mut sim, &[node])),
            // It may have died meanwhile.
            95 => drop(stopped.take().map(|node| sim.resume(node))),
            50 | 110 => cut.take().map_or(Ok(()), |cut| sim.heal(cut)).unwrap(),
            _ => {}
        }
        let asked = stopped.filter(|_| dice.chance(0.3));
        let node = asked.unwrap_or_else(|| dice.index(5));
        match sim.replica(node).is_some() {
            true if asked.is_none() && dice.chance(0.02) => sim.crash(node).unwrap(),
            false if dice.chance(0.5) => sim.restart(node).unwrap(),
            _ => {}
        }
        if asked.is_none() && dice.chance(0.6) {
            continue;
        }
        let whose = dice.index(PEOPLE);
        let now = sim.now();
        let (writing, held) = {
            let heard = heard.lock().unwrap();
            let length = heard.histories[whose].len() + heard.reads.len() + heard.writes.len();
            if length + 4 > OPERATIONS_MAX {
                continue;
            }
            let held = heard.held[whose].unwrap_or(first[whose]);
            (heard.writes.values().any(|(by, ..)| *by == whose), held)
        };
        if sim.replica(node).is_none() {
            continue;
        }
        if !writing && asked.is_none() && dice.chance(0.5) {
            if let Some((transaction, left)) = payment(&sim, node, whose, held) {
                let id = transaction.id(&sim.options().spec.genesis_id());
                heard.lock().unwrap().writes.insert(id, (whose, left, now));
                sim.submit(node, vec![transaction]);
            }
        } else {
            ticket += 1;
            heard.lock().unwrap().reads.insert(ticket, (whose, now));
            sim.deliver(node, Input::Read { ticket });
        }
    }
    // Who is alone for so long is answered that nobody can say.
    let alone = sim.cut(&[0], &[1, 2, 3, 4], false).unwrap();
    heard.lock().unwrap().reads.insert(0, (0, sim.now()));
    sim.deliver(0, Input::Read { ticket: 0 });
    sim.run(Micros::seconds(6));
    sim.heal(alone).unwrap();
    sim.run(Micros::seconds(10));
    let mut heard = heard.lock().unwrap();
    let heard = &mut *heard;
    for (whose, left, asked) in std::mem::take(&mut heard.writes).into_values() {
        let (access, answered) = (Access::Write(left), Moment::NEVER);
        heard.histories[whose].push(Operation { access, asked, answered });
    }
    let bad = |whose: &usize| !is_linearizable(first[*whose], &heard.histories[*whose]);
    let operations = heard.histories.iter().map(Vec::len).sum();
    ((0..PEOPLE).filter(bad).collect(), operations, heard.refused)
}

#[test]
fn reads_are_linearizable_under_faults() {
    for chain in AGREED {
        let (mut all, mut refusals) = (0, 0);
        for seed in 0..8 {
            let (bad, operations, refused) = histories(chain, seed);
            assert!(bad.is_empty(), "{chain}, seed {seed}: the accounts of {bad:?}");
            (all, refusals) = (all + operations, refusals + refused);
        }
        println!("{chain}: {all} operations, {refusals} reads were refused");
        assert!(all > 8 * 100 && refusals > 0);
    }
}

/// A leader that answers without asking whether it still leads gives what was true when it did.
#[test]
fn a_leader_that_does_not_ask_reads_stale() {
    let planted = plant(Bug::ReadUnconfirmed);
    let stale = |chain, seed: &u64| !histories(chain, *seed).0.is_empty();
    let found = ["raft-dev", "paxos-dev"].map(|chain| (0..16).find(|seed| stale(chain, seed)));
    drop(planted);
    println!("found in {found:?}");
    assert!(found.iter().all(Option::is_some));
}
