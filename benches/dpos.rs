//! Delegated proof of stake: what a change of the round costs with many delegates and voters, and what votes add to a payment.
//!
//! Every voter votes by an operation in a block, so the state is what a chain would have. Names are `operation/key=value`.
//!
//! - `round/kind=border`: a block without transactions that begins a round, so that all delegates are ranked anew;
//!   `kind=inner`: one that does not.
//! - `payments/voters=N`: a block of a thousand payments between people who approve seven delegates each; `voters=none`: the
//!   same where nobody votes.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use assay::consensus::dpos::shuffle::Shuffle;
use assay::consensus::dpos::{DposParams, DposRules};
use assay::consensus::implied::FinalityRule;
use assay::consensus::schedule::Issuance;
use assay::ledger::{
    Base, Executed, GenesisAccount, LtHash, Params, ReadFailed, State, execute, genesis_coin_id,
    genesis_state,
};
use assay::types::{
    Address, Amount, BlockId, Body, Bounded, Claim, CoinId, Draft, GenesisId, HEADER_VERSION, Hash,
    Header, Height, Keypair, Operation, Output, PublicKey, Signature, Span, StateRoot, Text, Time,
    Transaction, Witness, body_root,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;

const DELEGATES: u32 = 1000;
const VOTERS: u32 = 1_000_000;
const APPROVED: u32 = 7;
const SEATS: u64 = 101;
const VOTES_IN_A_BLOCK: usize = 10_000;
const HELD: u64 = 1_000_000_000;

/// A final state in memory.
struct Flat(BTreeMap<Vec<u8>, Vec<u8>>);

impl Base for Flat {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadFailed> {
        Ok(self.0.get(key).cloned())
    }

    fn names(&self, prefix: &[u8], _: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, ReadFailed> {
        let names = self.0.range(prefix.to_vec()..).map(|(name, _)| name.clone());
        Ok(names.take_while(|name| name.starts_with(prefix)).take(limit).collect())
    }
}

fn key(number: u32) -> PublicKey {
    let mut secret = [1; 32];
    secret[..4].copy_from_slice(&number.to_le_bytes());
    Keypair::from_secret(&secret).public()
}

fn params() -> Params {
    Params {
        chain: GenesisId(Hash([7; 32])),
        block_bytes_max: 64 << 20,
        transactions_max: 65_536,
        fee_per_byte_min: 0,
        maturity: 10,
        evidence_window: 0,
        supply_max: Amount(1 << 52),
    }
}

/// The chain: the first keys are delegates, all have coins.
struct Chain {
    params: Params,
    rules: DposRules,
    keys: Vec<PublicKey>,
    coins: Vec<CoinId>,
    state: State,
    flat: BTreeMap<Vec<u8>, Vec<u8>>,
    height: u64,
}

impl Chain {
    fn new(keys: &[PublicKey]) -> Self {
        let params = params();
        let keys = keys.to_vec();
        let account = |key: &PublicKey| GenesisAccount {
            owner: Address::of(key),
            amount: Amount(HELD),
            time: Time(0),
        };
        let accounts: Vec<GenesisAccount> = keys.iter().map(account).collect();
        let (delta, commitment) = genesis_state(&accounts, &params);
        let entries = delta.entries().filter_map(|(key, value)| Some((key.to_bytes(), value?)));
        let flat: BTreeMap<_, _> = entries.collect();
        let name = |number: u32| Text::new(format!("delegate-{number}")).expect("a short name");
        let founders = (0..DELEGATES).map(|it| (Address::of(&keys[it as usize]), name(it)));
        let rules = DposRules::new(DposParams {
            chain: params.chain,
            genesis: Time(0),
            slot: Span(1000),
            seats: SEATS,
            founders: founders.collect(),
            holdings: accounts.iter().map(|it| (it.owner, it.amount)).collect(),
            votes_max: APPROVED as usize,
            deposit: Amount(0),
            unbonding: 1,
            inactive_after: 1000,
            seats_min: 1,
            shuffle: Shuffle::Assay,
            finality: FinalityRule::TwoThirds,
            max_drift: Span(0),
            issuance: Issuance {
                initial_reward: Amount(1),
                halving_interval: 1 << 30,
                tail_reward: Amount(0),
                supply_max: Amount(1 << 52),
            },
        });
        let coins = (0..keys.len()).map(|number| genesis_coin_id(number, &params)).collect();
        let state = at_rest(&flat, commitment);
        Self { params, rules, keys, coins, state, flat, height: 0 }
    }

    fn transaction(&self, from: usize, to: usize, operation: Option<Operation>) -> Transaction {
        let output = Output { to: Address::of(&self.keys[to]), amount: Amount(HELD) };
        let witness = Witness { key: self.keys[from], signature: Signature([0; 64]) };
        Transaction {
            inputs: Bounded::truncated(vec![self.coins[from]]),
            outputs: Bounded::truncated(vec![output]),
            operation,
            // Nobody looks at signatures here.
            witnesses: Bounded::truncated(vec![witness]),
        }
    }

    fn draft(&self, slot: u64, transactions: Vec<Transaction>) -> Draft {
        let body =
            Body { transactions: Bounded::truncated(transactions), evidence: Bounded::default() };
        let header = Header {
            version: HEADER_VERSION,
            height: Height(self.height + 1),
            parent: BlockId(Hash([self.height as u8; 32])),
            time: Time(slot * 1000),
            producer: Address::of(&self.keys[slot as usize % DELEGATES as usize]),
            claim: Claim::Slot {
                reveal: Hash([2; 32]),
                commit: Hash([3; 32]),
                prior: Height(self.height),
            },
            body_root: body_root(&body, &self.params.chain),
            state_root: StateRoot::default(),
        };
        Draft { header, body }
    }

    fn run(&self, draft: &Draft) -> Executed {
        execute(draft, &self.state, Height(0), &self.params, &self.rules).expect("it is valid")
    }

    /// All vote, each for a few delegates of its own choice.
    fn vote(&mut self) {
        let all: Vec<usize> = (0..self.keys.len()).collect();
        for (slot, voters) in (1..).zip(all.chunks(VOTES_IN_A_BLOCK)) {
            let votes = voters.iter().map(|voter| {
                let of =
                    |it: u32| (*voter as u32).wrapping_mul(2_654_435_761).wrapping_add(it * 97);
                let whom =
                    (0..APPROVED).map(|it| Address::of(&self.keys[(of(it) % DELEGATES) as usize]));
                let whom: std::collections::BTreeSet<Address> = whom.collect();
                let delegates = Bounded::truncated(whom.into_iter().collect());
                self.transaction(*voter, *voter, Some(Operation::Vote { delegates }))
            });
            let votes: Vec<Transaction> = votes.collect();
            self.vote_block(slot, voters, votes);
        }
        self.state = at_rest(&self.flat, self.state.commitment().clone());
    }

    fn vote_block(&mut self, slot: u64, voters: &[usize], votes: Vec<Transaction>) {
        let flat = std::mem::take(&mut self.flat);
        let base = Arc::new(Flat(flat));
        self.state = State::at_rest(base.clone(), self.state.commitment().clone());
        let draft = self.draft(slot, votes);
        let executed = self.run(&draft);
        let commitment = executed.state.commitment().clone();
        let (delta, receipts) = (executed.delta.clone(), executed.receipts.clone());
        drop(executed);
        self.state = State::at_rest(Arc::new(assay::ledger::EmptyBase), commitment);
        let Ok(Flat(mut flat)) = Arc::try_unwrap(base) else { panic!("nobody else has it") };
        for (key, value) in delta.entries() {
            match value {
                Some(value) => flat.insert(key.to_bytes(), value),
                None => flat.remove(&key.to_bytes()),
            };
        }
        self.flat = flat;
        for (voter, receipt) in voters.iter().zip(receipts) {
            self.coins[*voter] = Transaction::coin_id(&receipt.id, 0, &self.params.chain);
        }
        self.height += 1;
    }

    /// A thousand payments between people who are far from each other.
    fn payments(&self) -> Vec<Transaction> {
        let people = self.keys.len();
        let step = people / 1000;
        (0..1000)
            .map(|it| self.transaction(it * step, (it * step + step / 2) % people, None))
            .collect()
    }
}

fn at_rest(flat: &BTreeMap<Vec<u8>, Vec<u8>>, commitment: LtHash) -> State {
    State::at_rest(Arc::new(Flat(flat.clone())), commitment)
}

fn rounds(criterion: &mut Criterion) {
    let keys: Vec<PublicKey> = (0..VOTERS).into_par_iter().map(key).collect();
    let mut group = criterion.benchmark_group("payments");
    group.throughput(Throughput::Elements(1000));
    for voters in [0, 10_000, VOTERS] {
        let people = if voters == 0 { 10_000 } else { voters };
        let mut chain = Chain::new(&keys[..people as usize]);
        if voters > 0 {
            chain.vote();
        }
        let border = chain.height.next_multiple_of(SEATS) + 1;
        let inner = chain.draft(chain.height + 1, chain.payments());
        let name = if voters == 0 { "none".into() } else { voters.to_string() };
        group.bench_function(format!("voters={name}"), |b| b.iter(|| chain.run(black_box(&inner))));
        if voters < VOTERS {
            continue;
        }
        group.finish();
        group = criterion.benchmark_group("round");
        for (kind, slot) in [("inner", chain.height + 1), ("border", border)] {
            let draft = chain.draft(slot, Vec::new());
            let name = format!("kind={kind},delegates={DELEGATES},voters={VOTERS}");
            group.bench_function(name, |b| b.iter(|| chain.run(black_box(&draft))));
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = rounds
}
criterion_main!(benches);
