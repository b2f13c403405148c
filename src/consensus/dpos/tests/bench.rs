//! A chain of delegates in memory: four of five people are delegates, four slots make a round.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::chain::testkit::tree_of;
use crate::chain::{ImportError, Imported, Node, Rules, Tree, Verdict, import};
use crate::ledger::testkit::{FORTUNE, PEOPLE, draft, params as ledger_params, transaction};
use crate::ledger::{Coin, CoinKind, ExecuteError, Executed, Params};
use crate::types::testkit::key;
use crate::types::{
    Block, Bounded, Claim, CoinId, Draft, Evidence, Hash, Height, Keypair, Operation, Seal,
    Transaction, body_root,
};

/// When the chain begins.
pub(super) const LAUNCH: u64 = 1_700_000_000_000;

/// What each transaction pays.
pub(super) const FEE: u64 = 5000;

/// The parameters that these tests play with.
fn dpos_params(ledger: &Params) -> DposParams {
    let name = |person: u8| Text::new(format!("person-{person}")).unwrap();
    DposParams {
        chain: ledger.chain,
        genesis: Time(LAUNCH),
        slot: Span(1000),
        seats: 4,
        founders: (1..=4).map(|person| (key(person).address(), name(person))).collect(),
        holdings: (1..=PEOPLE).map(|person| (key(person).address(), FORTUNE)).collect(),
        votes_max: 3,
        deposit: Amount(1_000_000),
        unbonding: 6,
        inactive_after: 2,
        seats_min: 2,
        shuffle: Shuffle::Assay,
        finality: FinalityRule::TwoThirds,
        max_drift: Span(5000),
        issuance: Issuance {
            initial_reward: Amount(1_000),
            halving_interval: 1_000_000,
            tail_reward: Amount(0),
            supply_max: ledger.supply_max,
        },
    }
}

/// A chain with everybody's keys and guards.
pub(super) struct Bench {
    pub(super) rules: Arc<DposRules>,
    pub(super) tree: Tree,
    /// The greatest height that each has signed at.
    pub(super) marks: BTreeMap<Address, Height>,
}

pub(super) fn who(person: u8) -> Address {
    key(person).address()
}

/// The key behind the address of one of nine people, of whom five have coins.
pub(super) fn key_of(of: &Address) -> Keypair {
    (1..=9).map(key).find(|key| key.address() == *of).unwrap()
}

pub(super) fn vote_for(people: &[u8]) -> Operation {
    let delegates = people.iter().map(|person| who(*person)).collect();
    Operation::Vote { delegates: Bounded::truncated(delegates) }
}

pub(super) fn register(name: &str) -> Operation {
    Operation::RegisterDelegate { name: Text::new(name).unwrap() }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(edit: impl FnOnce(&mut DposParams)) -> Self {
        let ledger = Params { evidence_window: 20, ..ledger_params() };
        let mut params = dpos_params(&ledger);
        edit(&mut params);
        let rules = Arc::new(DposRules::new(params));
        let (tree, _) = tree_of(rules.clone(), &ledger, Time(LAUNCH));
        Self { rules, tree, marks: BTreeMap::new() }
    }

    pub(super) fn params(&self) -> &DposParams {
        self.rules.params()
    }

    pub(super) fn head(&self) -> &Node {
        self.tree.head()
    }

    /// The slot of a block.
    pub(super) fn slot(&self, node: &Node) -> u64 {
        self.rules.slot(&node.state).unwrap()
    }

    pub(super) fn final_height(&self) -> Height {
        self.rules.final_height(self.head().as_ref()).unwrap()
    }

    /// Whose slot it is for a block on another.
    pub(super) fn due(&self, on: &Node, slot: u64) -> Address {
        *self.rules.round(&on.state, slot).unwrap().due(slot, self.params()).unwrap()
    }

    pub(super) fn delegate(&self, person: u8) -> Option<Delegate> {
        delegate(&self.head().state, &who(person), self.params()).unwrap()
    }

    /// Coins of a person at the head; without bonds, if `free`.
    pub(super) fn coins(&self, person: u8, free: bool) -> Vec<(CoinId, Coin)> {
        let mut coins = self.head().state.coins_of(&who(person), None, 10_000).unwrap();
        coins.retain(|(_, coin)| !free || coin.kind != CoinKind::Bond);
        coins
    }

    pub(super) fn holds(&self, person: u8) -> Amount {
        Amount(self.coins(person, true).iter().map(|(_, coin)| coin.amount.0).sum())
    }

    /// What a delegate claims of a slot on a block.
    pub(super) fn claim(&self, on: &Node, slot: u64, by: &Address) -> Claim {
        let (chain, key) = (self.params().chain, key_of(by));
        let known = delegate(&on.state, by, self.params()).unwrap();
        let promised = known.filter(|it| it.commit.is_some()).map(|it| it.slot);
        let reveal = promised.map_or(Hash::default(), |slot| secret(&key, slot, &chain));
        let commit = commitment(&secret(&key, slot, &chain), &chain);
        Claim::Slot { reveal, commit, prior: self.marks.get(by).copied().unwrap_or_default() }
    }

    /// A draft of whose slot it is, without a state root.
    pub(super) fn bare(&self, on: &Node, slot: u64, transactions: Vec<Transaction>) -> Draft {
        let mut draft = draft(on.id, on.height().next(), 1, transactions, self.tree.params());
        let by = self.due(on, slot);
        draft.header.time = self.params().start_of(slot);
        draft.header.producer = by;
        draft.header.claim = self.claim(on, slot, &by);
        draft
    }

    /// Fills in the roots.
    pub(super) fn complete(&self, mut draft: Draft, on: &Node) -> Result<Draft, ExecuteError> {
        draft.header.body_root = body_root(&draft.body, &self.tree.params().chain);
        draft.header.state_root = self.tree.execute(&draft, &on.state)?.root();
        Ok(draft)
    }

    pub(super) fn seal(&self, draft: Draft) -> Block {
        let chain = self.tree.params().chain;
        let (id, key) = (draft.id(&chain), key_of(&draft.header.producer));
        draft.seal(Seal::signed(&id, &key, &chain))
    }

    pub(super) fn import(&mut self, block: Block) -> Result<Imported, ImportError> {
        let (now, by, height) = (block.header.time, block.header.producer, block.header.height);
        let imported = import(&mut self.tree, Arc::new(block), now)?;
        let mark = self.marks.entry(by).or_default();
        *mark = height.max(*mark);
        Ok(imported)
    }

    /// What these transactions would do in the next slot.
    pub(super) fn try_out(&self, transactions: Vec<Transaction>) -> Result<Executed, ExecuteError> {
        let head = self.head();
        self.tree.execute(&self.bare(head, self.slot(head) + 1, transactions), &head.state)
    }

    /// Why an operation is refused in the next slot.
    pub(super) fn refusal(&self, person: u8, operation: Operation) -> String {
        match self.try_out(vec![self.act(person, operation)]) {
            Ok(_) => "nothing".into(),
            Err(error) => error.to_string(),
        }
    }

    /// Makes and imports the block of a slot on the head.
    pub(super) fn block_at(&mut self, slot: u64, transactions: Vec<Transaction>) -> &Node {
        self.block_with(slot, transactions, Vec::new())
    }

    pub(super) fn block_with(
        &mut self,
        slot: u64,
        transactions: Vec<Transaction>,
        evidence: Vec<Evidence>,
    ) -> &Node {
        let head = self.head();
        let mut bare = self.bare(head, slot, transactions);
        bare.body.evidence = Bounded::truncated(evidence);
        let block = self.seal(self.complete(bare, head).unwrap());
        self.import(block).unwrap();
        self.head()
    }

    /// The next slot's block.
    pub(super) fn next(&mut self, transactions: Vec<Transaction>) -> &Node {
        let slot = self.slot(self.head()) + 1;
        self.block_at(slot, transactions)
    }

    /// Makes blocks in every slot up to one.
    pub(super) fn run_to(&mut self, slot: u64) {
        while self.slot(self.head()) < slot {
            self.next(vec![]);
        }
    }

    /// Makes blocks up to a slot, but in no slot of these people.
    pub(super) fn run_without(&mut self, slot: u64, silent: &[u8]) {
        let silent: Vec<Address> = silent.iter().map(|person| who(*person)).collect();
        for next in self.slot(self.head()) + 1..=slot {
            if !silent.contains(&self.due(self.head(), next)) {
                self.block_at(next, vec![]);
            }
        }
    }

    /// A transaction out of the largest coin of a person that can be spent.
    pub(super) fn pay(
        &self,
        person: u8,
        outputs: &[(Address, Amount)],
        operation: Option<Operation>,
    ) -> Transaction {
        let mut coins = self.coins(person, true);
        coins.retain(|(_, coin)| coin.kind == CoinKind::Transfer);
        let coin = coins.into_iter().max_by_key(|(_, coin)| coin.amount).unwrap();
        let given = outputs.iter().map(|(_, amount)| amount.0).sum::<u64>();
        let rest = coin.1.amount.0 - FEE - given;
        let mut outputs = outputs.to_vec();
        outputs.push((who(person), Amount(rest)));
        transaction(&[coin], &outputs, operation, self.tree.params())
    }

    /// A transaction with an operation that pays its sender a coin of the deposit.
    pub(super) fn act(&self, person: u8, operation: Operation) -> Transaction {
        self.pay(person, &[(who(person), self.params().deposit)], Some(operation))
    }

    /// Performs an operation in the next slot.
    pub(super) fn perform(&mut self, person: u8, operation: Operation) {
        let transaction = self.act(person, operation);
        self.next(vec![transaction]);
    }

    /// Why the rule refuses a block.
    pub(super) fn verdict(&self, block: &Block) -> String {
        let parent = self.tree.get(&block.header.parent).unwrap().as_ref();
        match self.rules.verify(&block.header, &block.seal, parent) {
            Ok(()) => "nothing".into(),
            Err(Verdict::Header(reason) | Verdict::Seal(reason)) => reason,
            Err(Verdict::Failed(error)) => panic!("{error}"),
        }
    }

    /// All that exists is what the supply counts.
    pub(super) fn assert_supply(&self) {
        let all = (1..=PEOPLE).flat_map(|person| self.coins(person, false));
        let sum: u64 = all.map(|(_, coin)| coin.amount.0).sum();
        let supply = self.head().state.supply().unwrap();
        assert_eq!(supply.circulating(), Some(Amount(sum)), "{supply:?}");
    }
}
