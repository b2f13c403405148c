//! The ledger's bare rates: encoding, reading through overlays, executing a block, the state commitment.
//!
//! Names are `operation/key=value`; throughput is in transactions, reads or entries per second.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use assay::ledger::{
    CoinView, Delta, EmptyBase, Executed, GenesisAccount, LtHash, Movements, Params, Payment,
    Refused, Rewards, State, System, Transition, execute, genesis_coin_id, genesis_state,
};
use assay::types::{
    Address, Amount, Block, BlockId, Body, Bounded, Claim, CoinId, Draft, GenesisId,
    HEADER_VERSION, Hash, Header, Height, Keypair, Operation, Output, Seal, StateRoot, Time,
    Transaction, body_root, decode, encode,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A rule that does nothing: what is measured is the ledger.
struct Nothing;

impl Transition for Nothing {
    fn operation(
        &self,
        _: &Operation,
        _: Address,
        _: Height,
        _: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        Ok(())
    }

    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        _: &Movements,
        _: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        let kind = assay::ledger::CoinKind::Reward;
        let payment = Payment { to: block.header.producer, amount: fees, kind };
        Ok(Rewards { issued: Amount::ZERO, payments: vec![payment] })
    }
}

fn params() -> Params {
    Params {
        chain: GenesisId(Hash([7; 32])),
        block_bytes_max: 64 << 20,
        transactions_max: 65_536,
        fee_per_byte_min: 1,
        maturity: 10,
        evidence_window: 0,
        supply_max: Amount(1 << 52),
    }
}

fn key(n: u32) -> Keypair {
    let mut secret = [1; 32];
    secret[..4].copy_from_slice(&n.to_le_bytes());
    Keypair::from_secret(&secret)
}

/// A state in memory with one coin for each of `accounts` keys.
fn funded(accounts: u32, params: &Params) -> (State, Vec<Keypair>) {
    let keys: Vec<Keypair> = (0..accounts).map(key).collect();
    let account = |key: &Keypair| GenesisAccount {
        owner: key.address(),
        amount: Amount(1_000_000_000),
        time: Time(0),
    };
    let accounts: Vec<_> = keys.iter().map(account).collect();
    let (delta, commitment) = genesis_state(&accounts, params);
    (over(delta, commitment), keys)
}

/// The final state in memory.
struct Flat(BTreeMap<Vec<u8>, Vec<u8>>);

impl assay::ledger::Base for Flat {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, assay::ledger::ReadFailed> {
        Ok(self.0.get(key).cloned())
    }

    fn names(
        &self,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, assay::ledger::ReadFailed> {
        let from = after.max(prefix).to_vec();
        let names = self.0.range(from..).map(|(name, _)| name.clone());
        Ok(names.take_while(|name| name.starts_with(prefix)).take(limit).collect())
    }
}

fn over(delta: Delta, commitment: LtHash) -> State {
    let entries = delta.entries().filter_map(|(key, value)| Some((key.to_bytes(), value?)));
    State::at_rest(Arc::new(Flat(entries.collect())), commitment)
}

fn payment(from: &Keypair, coin: CoinId, params: &Params) -> Transaction {
    let output = |amount| Output { to: from.address(), amount: Amount(amount) };
    let mut transaction = Transaction {
        inputs: Bounded::truncated(vec![coin]),
        outputs: Bounded::truncated(vec![output(150_000_000), output(849_000_000)]),
        operation: None,
        witnesses: Bounded::default(),
    };
    transaction.sign(&params.chain, std::slice::from_ref(from));
    transaction
}

fn draft(height: u64, transactions: Vec<Transaction>, params: &Params) -> Draft {
    let body =
        Body { transactions: Bounded::truncated(transactions), evidence: Bounded::default() };
    let header = Header {
        version: HEADER_VERSION,
        height: Height(height),
        parent: BlockId(Hash([height as u8; 32])),
        time: Time(height * 1000),
        producer: key(u32::MAX).address(),
        claim: Claim::Round { round: 1 },
        body_root: body_root(&body, &params.chain),
        state_root: StateRoot::default(),
    };
    Draft { header, body }
}

fn full_draft(transactions: u32) -> (Draft, State, Params) {
    let params = params();
    let (state, keys) = funded(transactions, &params);
    let pay = |(n, key): (usize, &Keypair)| payment(key, genesis_coin_id(n, &params), &params);
    let payments = keys.iter().enumerate().map(pay).collect();
    (draft(1, payments, &params), state, params)
}

fn run(draft: &Draft, state: &State, params: &Params) -> Executed {
    execute(draft, state, Height(0), params, &Nothing).expect("the draft is valid")
}

fn encoding(criterion: &mut Criterion) {
    let (draft, _, params) = full_draft(1000);
    let block: Block = draft.seal(Seal::Genesis);
    let bytes = encode(&block);
    let mut group = criterion.benchmark_group("encoding");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("encode/transactions=1000", |b| b.iter(|| encode(black_box(&block))));
    group.bench_function("decode/transactions=1000", |b| {
        b.iter(|| decode::<Block>(black_box(&bytes)).expect("it was encoded"));
    });
    group.bench_function("body_root/transactions=1000", |b| {
        b.iter(|| body_root(black_box(&block.body), &params.chain));
    });
    group.finish();
}

fn execution(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("execution");
    for transactions in [1, 100, 1000] {
        let (draft, state, params) = full_draft(transactions);
        group.throughput(Throughput::Elements(u64::from(transactions)));
        group.bench_function(
            BenchmarkId::from_parameter(format!("transactions={transactions}")),
            |b| {
                b.iter(|| run(black_box(&draft), &state, &params));
            },
        );
    }
    group.finish();
}

fn commitment(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commitment");
    group.throughput(Throughput::Elements(1));
    let mut sum = LtHash::default();
    group.bench_function("add/entries=1", |b| b.iter(|| sum.add(black_box(b"key"), b"value")));
    group.bench_function("root", |b| b.iter(|| black_box(&sum).root()));
    group.finish();
}

fn overlays(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("overlay_read");
    group.throughput(Throughput::Elements(1));
    for depth in [1u64, 100, 1000] {
        let params = params();
        let (mut state, _) = funded(1000, &params);
        for height in 1..=depth {
            state = run(&draft(height, Vec::new(), &params), &state, &params).state;
        }
        let coins: Vec<CoinId> = (0..1000).map(|n| genesis_coin_id(n, &params)).collect();
        let mut next = coins.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(format!("blocks={depth}")), |b| {
            b.iter(|| state.coin(next.next().expect("a cycle does not end")));
        });
    }
    group.finish();
    // The state before any block falls through to nothing at all.
    let empty = State::at_rest(Arc::new(EmptyBase), LtHash::default());
    criterion.bench_function("overlay_read/empty", |b| {
        b.iter(|| empty.coin(black_box(&CoinId::default())));
    });
}

criterion_group!(benches, encoding, execution, commitment, overlays);
criterion_main!(benches);
