//! A chain of payments, the same every time: proofs, signatures and state roots are real.
//!
//! Each payment spends one coin and creates two, first in, first out: the coins of the genesis block in order, which lie
//! scattered in the state since ids are hashes, then what the payments created. Neighbouring payments have different owners,
//! so that no batch of signatures is cheaper than real ones are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::BenchError;
use crate::chain::Tree;
use crate::consensus::pow::{PowEngine, PowParams, PowRules};
use crate::consensus::retarget::Retarget;
use crate::consensus::schedule::Issuance;
use crate::ledger::{
    Delta, GenesisAccount, LtHash, Params, genesis_coin_id, genesis_state, signature_checks,
};
use crate::replica::{Chain, Replica};
use crate::store::{Store, StoredChain};
use crate::types::signatures::SignatureCheck;
use crate::types::target::Bits;
use crate::types::work::{WORK_VERSION, WorkProof};
use crate::types::{
    Address, Amount, Block, BlockId, Body, Bounded, Claim, CoinId, Draft, GenesisId,
    HEADER_VERSION, Hash, Header, Height, Keypair, Output, Seal, Span, StateRoot, Time,
    Transaction, body_root,
};

/// Distinct owners of coins: more than any batch of signatures holds.
const OWNERS: usize = 1000;

/// What each genesis coin holds: halving it as often as the longest workload does leaves something.
const COIN: Amount = Amount(1_000_000_000);

/// What each payment pays: more than the floor for its size.
const FEE: u64 = 1000;

/// Every second hash proves a block.
const EASIEST: Bits = Bits(0x207f_ffff);

/// When the chain begins.
const LAUNCH: Time = Time(1_700_000_000_000);

/// Between blocks.
const SPACING: Span = Span::seconds(10);

/// Blocks on top of one that is final.
const FINALITY_DEPTH: u64 = 6;

/// How large a workload is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) coins: usize,
    pub(super) blocks: usize,
    /// Payments in each block.
    pub(super) transactions: usize,
}

/// A chain, and how it was made.
pub(super) struct Workload {
    pub(super) size: Size,
    /// All signatures in it, in order.
    pub(super) checks: Vec<SignatureCheck>,
    /// How long executing its blocks took, one after the other with nothing beside.
    pub(super) executed: Duration,
    params: Params,
    rules: Arc<PowRules>,
    genesis: Block,
    state: (Delta, LtHash),
}

/// A coin that can be spent.
struct Coin {
    id: CoinId,
    owner: usize,
    amount: Amount,
}

fn params() -> Params {
    Params {
        chain: GenesisId(Hash([0xbe; 32])),
        block_bytes_max: 4 << 20,
        transactions_max: 65_536,
        fee_per_byte_min: 1,
        maturity: 100,
        evidence_window: 0,
        supply_max: Amount(crate::types::MONEY_LIMIT - 1),
    }
}

fn rules(params: &Params) -> Arc<PowRules> {
    Arc::new(PowRules::new(PowParams {
        chain: params.chain,
        block_time: SPACING,
        retarget: Retarget::Fixed,
        spacing_max: SPACING,
        initial_bits: EASIEST,
        limit: EASIEST.target().expect("they encode a target"),
        finality_depth: FINALITY_DEPTH,
        future_limit: SPACING,
        seal_window: SPACING,
        issuance: Issuance {
            initial_reward: Amount(50),
            halving_interval: 210_000,
            tail_reward: Amount::ZERO,
            supply_max: params.supply_max,
        },
    }))
}

fn owners() -> Vec<Keypair> {
    let owner = |number: usize| {
        let mut secret = [0x5e; 32];
        secret[..8].copy_from_slice(&(number as u64).to_le_bytes()); // a number of owners fits
        Keypair::from_secret(&secret)
    };
    (0..OWNERS).map(owner).collect()
}

fn genesis_block(root: StateRoot, params: &Params) -> Block {
    let body = Body::default();
    let header = Header {
        version: HEADER_VERSION,
        height: Height(0),
        parent: BlockId::default(),
        time: LAUNCH,
        producer: Address::default(),
        claim: Claim::Genesis,
        body_root: body_root(&body, &params.chain),
        state_root: root,
    };
    Draft { header, body }.seal(Seal::Genesis)
}

impl Workload {
    /// Makes a chain of this size and leaves it in `store`, for [`Self::open`] to serve it from.
    pub(super) fn make<S: Store>(size: Size, store: Arc<S>) -> Result<Self, BenchError> {
        let (params, owners) = (params(), owners());
        let rules = rules(&params);
        let account = |number: usize| GenesisAccount {
            owner: owners[number % OWNERS].address(),
            amount: COIN,
            time: LAUNCH,
        };
        let accounts: Vec<GenesisAccount> = (0..size.coins).map(account).collect();
        let state = genesis_state(&accounts, &params);
        let genesis = genesis_block(state.1.root(), &params);
        let stored = StoredChain::open(store, params.chain, &genesis, || state.clone())?;
        let (block, at_rest) = stored.last_final()?;
        let mut tree = Tree::new(rules.clone(), params.clone(), block, at_rest)?;

        let genesis_coin = |number: usize| Coin {
            id: genesis_coin_id(number, &params),
            owner: number % OWNERS,
            amount: COIN,
        };
        let mut coins: VecDeque<Coin> = (0..size.coins).map(genesis_coin).collect();
        let mut workload = Self {
            size,
            checks: Vec::with_capacity(size.blocks * size.transactions),
            executed: Duration::ZERO,
            params,
            rules,
            genesis,
            state,
        };
        for _ in 0..size.blocks {
            let spent: Vec<Coin> = coins.drain(..size.transactions.min(coins.len())).collect();
            let payments = workload.payments(&spent, &owners, &mut coins);
            let block = workload.block(&mut tree, payments)?;
            stored.imported(tree.get(&block).unwrap_or(tree.head()))?;
        }
        stored.store().sync()?;
        Ok(workload)
    }

    /// Spends each of these coins, and adds what that creates.
    fn payments(
        &mut self,
        spent: &[Coin],
        owners: &[Keypair],
        coins: &mut VecDeque<Coin>,
    ) -> Vec<Transaction> {
        let chain = self.params.chain;
        let pay = |coin: &Coin| {
            let left = coin.amount.0 - FEE;
            let parts =
                [(coin.owner, left / 2), ((coin.owner + OWNERS / 2) % OWNERS, left - left / 2)];
            let output = |(to, amount): (usize, u64)| Output {
                to: owners[to].address(),
                amount: Amount(amount),
            };
            let mut payment = Transaction {
                inputs: Bounded::truncated(vec![coin.id]),
                outputs: Bounded::truncated(parts.map(output).to_vec()),
                operation: None,
                witnesses: Bounded::default(),
            };
            payment.sign(&chain, std::slice::from_ref(&owners[coin.owner]));
            let id = payment.id(&chain);
            let created = [0, 1].map(|index| Coin {
                id: Transaction::coin_id(&id, index, &chain),
                owner: parts[index].0,
                amount: Amount(parts[index].1),
            });
            (payment, created)
        };
        let made: Vec<(Transaction, [Coin; 2])> = spent.par_iter().map(pay).collect();
        let mut payments = Vec::with_capacity(made.len());
        let mut change = Vec::with_capacity(made.len());
        for (payment, [first, second]) in made {
            self.checks.extend(signature_checks(&payment.id(&chain), &payment, &chain));
            payments.push(payment);
            coins.push_back(first);
            change.push(second);
        }
        coins.extend(change);
        payments
    }

    /// Executes, seals and adds a block on the head.
    fn block(
        &mut self,
        tree: &mut Tree,
        payments: Vec<Transaction>,
    ) -> Result<BlockId, BenchError> {
        let chain = self.params.chain;
        let body =
            Body { transactions: Bounded::truncated(payments), evidence: Bounded::default() };
        let parent = tree.head();
        let header = Header {
            version: HEADER_VERSION,
            height: parent.height().next(),
            parent: parent.id,
            time: parent.block.header.time.after(SPACING),
            producer: Address::default(),
            claim: Claim::Work { bits: EASIEST },
            body_root: body_root(&body, &chain),
            state_root: StateRoot::default(),
        };
        let mut draft = Draft { header, body };
        let started = Instant::now();
        let executed = tree.execute(&draft, &parent.state)?;
        self.executed += started.elapsed();
        draft.header.state_root = executed.root();
        let id = draft.id(&chain);
        let seal = prove(&draft.header, &id);
        tree.insert(Arc::new(draft.seal(seal)), executed)?;
        Ok(id)
    }

    /// A replica of the chain on a store, which makes no blocks.
    pub(super) fn open<S: Store>(&self, store: Arc<S>) -> Result<Replica<S>, BenchError> {
        let chain = Chain {
            params: self.params.clone(),
            rules: self.rules.clone(),
            genesis: self.genesis.clone(),
            pool_bytes_max: 1 << 20,
            // All of it: blocks become final as they come in.
            present: Span(SPACING.0.saturating_mul(self.size.blocks as u64 + 2)),
            block_time: SPACING,
            checkpoint: None,
        };
        let engine = Box::new(PowEngine::new(self.rules.clone(), None));
        Ok(Replica::open(chain, || self.state.clone(), engine, store, self.end())?)
    }

    /// When the chain ends, by the clock of its blocks.
    pub(super) fn end(&self) -> Time {
        // A number of blocks fits.
        LAUNCH.after(Span(SPACING.0 * (self.size.blocks as u64 + 1)))
    }
}

/// The first proof for a header.
fn prove(header: &Header, id: &BlockId) -> Seal {
    let blank =
        WorkProof { version: WORK_VERSION, extra_nonce: 0, time: header.time.seconds(), nonce: 0 };
    let proves = |nonce: &u32| {
        let proof = WorkProof { nonce: *nonce, ..blank };
        let parent = *header.parent.as_bytes();
        let work = proof.header(header.height.0, id.as_bytes(), parent, EASIEST);
        work.is_proven().is_ok_and(|proven| proven)
    };
    let nonce = (0..).find(proves).expect("every second hash proves it");
    Seal::Work(WorkProof { nonce, ..blank })
}
