//! What is under test: a rule, and a chain of it.

use std::sync::Arc;

use assay::chain::Rules;
use assay::consensus::{Engine, Seat, Stake};
use assay::ledger::{Delta, LtHash, Params};
use assay::replica::{Chain, Replica};
use assay::spec::{DevAccount, FrozenSpec, Spec, bits_for, find};
use assay::store::{ColdChain, MemStore, StoreError};
use assay::types::{Address, Block, Keypair, Span, Time};

/// Tries that a block takes where there are many blocks.
pub const EASY: u32 = 4;

/// Tries that a block takes where a changed proof must not prove anything by accident.
pub const HARD: u32 = 1 << 14;

/// When all chains begin.
const LAUNCH: Time = Time(1_700_000_000_000);

/// Makes the acting half of the rule; without a key, for somebody who has no seat.
pub type MakeEngine = Box<dyn Fn(Option<&Keypair>) -> Box<dyn Engine>>;

/// A rule, and a chain of it.
pub struct Subject {
    pub spec: FrozenSpec,
    pub rules: Arc<dyn Rules>,
    pub engine: MakeEngine,
    /// Tries that a block takes on average, where it takes any.
    pub tries: u32,
}

/// The person with this number: their key authenticates their messages, and they are paid for their blocks.
pub fn person(number: usize) -> Keypair {
    let account = DevAccount::all().nth(number).expect("there are ten");
    account.keypair()
}

pub fn address(number: usize) -> Address {
    person(number).address()
}

impl Subject {
    /// A shipped chain, its first block as hard as `tries`.
    pub fn of(name: &str, tries: u32) -> Self {
        Self::from_text(name, find(name).unwrap(), tries)
    }

    /// The same with a part of its text replaced.
    pub fn with(name: &str, [from, to]: [&str; 2], tries: u32) -> Self {
        let text = find(name).unwrap();
        assert!(text.contains(from), "the spec says it otherwise now");
        Self::from_text(name, &text.replacen(from, to, 1), tries)
    }

    fn from_text(name: &str, text: &str, tries: u32) -> Self {
        let spec = Spec::parse(name, text).unwrap();
        let launched = spec.freeze(LAUNCH, || bits_for(f64::from(tries), Span::seconds(1), 1));
        let (rules, made) = (launched.rules(), launched.clone());
        let engine: MakeEngine = Box::new(move |key| {
            let payout = key.map(Keypair::address);
            let stake = key.map(|key| Stake { owners: [key.address()].into(), ..Stake::default() });
            let seed = key.map_or(0, |key| u64::from(key.address().as_bytes()[0]));
            made.engine(&Seat { key: key.cloned(), payout, stake, seed })
        });
        Self { spec: launched, rules, engine, tries }
    }

    pub fn params(&self) -> Params {
        self.spec.ledger_params()
    }

    pub fn genesis(&self) -> Block {
        self.spec.genesis_block()
    }

    pub fn genesis_state(&self) -> (Delta, LtHash) {
        self.spec.genesis_state()
    }

    pub fn block_time(&self) -> Span {
        self.spec.consensus().block_time()
    }

    /// A replica on a store; `seat` is whose.
    pub fn open(
        &self,
        seat: Option<usize>,
        store: Arc<MemStore>,
        now: Time,
    ) -> Result<Replica<MemStore>, StoreError> {
        let engine = (self.engine)(seat.map(person).as_ref());
        let chain = Chain { rules: self.rules.clone(), ..Chain::of(&self.spec) };
        Replica::open(chain, || self.genesis_state(), engine, store, now)
    }

    /// The chain at its first block, without a replica around it.
    pub fn cold(&self) -> ColdChain<MemStore> {
        self.cold_under(self.rules.clone())
    }

    /// The same under other rules.
    pub fn cold_under(&self, rules: Arc<dyn Rules>) -> ColdChain<MemStore> {
        let (params, genesis) = (self.params(), self.genesis());
        ColdChain::open(Arc::default(), params, rules, &genesis, || self.genesis_state()).unwrap()
    }
}
