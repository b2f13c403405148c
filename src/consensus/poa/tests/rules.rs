//! What the rules refuse, by name, and what the engine remembers.

use std::sync::Arc;

use super::super::{PoaEngine, PoaParams, PoaRules, standing};
use crate::chain::testkit::{child, tree_of};
use crate::chain::{BlockRef, Rules, Tree, import};
use crate::consensus::implied::FinalityRule;
use crate::consensus::{Action, Context, Engine, Event, Outbox, Record, Seat};
use crate::ledger::Transition;
use crate::ledger::testkit::{PEOPLE, params, transaction};
use crate::mempool::Mempool;
use crate::types::canary::{Bug, plant};
use crate::types::testkit::key;
use crate::types::{
    Amount, Ballot, Block, Bounded, Claim, Height, Operation, Seal, Span, Time, Transaction, encode,
};

/// The first people are authorities, the last one is not.
const AUTHORITIES: u8 = PEOPLE - 1;

struct Chain {
    rules: Arc<PoaRules>,
    tree: Tree,
    /// The authorities in the order of their turns.
    turns: Vec<u8>,
}

impl Chain {
    fn new() -> Self {
        let rules = Arc::new(PoaRules::new(PoaParams {
            chain: params().chain,
            authorities: (1..=AUTHORITIES).map(|person| key(person).address()).collect(),
            period: Span(1000),
            wiggle: Span(300),
            epoch: 1000,
            finality: FinalityRule::Majority,
            max_drift: Span(5000),
        }));
        let (tree, _) = tree_of(rules.clone(), &params(), Time(0));
        let mut turns: Vec<u8> = (1..=AUTHORITIES).collect();
        turns.sort_by_key(|person| key(*person).address());
        Self { rules, tree, turns }
    }

    /// Whose turn the next block is, and those of the blocks after it.
    fn turn(&self, after: u64) -> u8 {
        let next = self.tree.head().height().0 + 1 + after;
        self.turns[usize::try_from(next % self.turns.len() as u64).unwrap()]
    }

    /// The next block, in turn, signed.
    fn next(&self, operations: Vec<Transaction>) -> Block {
        let claim = Claim::Turn { weight: 2, prior: self.prior(self.turn(0)) };
        let block = child(&self.tree, &self.tree.head().id, claim, self.turn(0), operations);
        self.sign(block, self.turn(0))
    }

    fn prior(&self, person: u8) -> Height {
        self.rules.votes(&self.tree.head().state).unwrap().signed(&key(person).address())
    }

    fn sign(&self, mut block: Block, person: u8) -> Block {
        let chain = params().chain;
        block.draft.header.producer = key(person).address();
        block.seal = Seal::signed(&block.draft.header.id(&chain), &key(person), &chain);
        block
    }

    fn grow(&mut self, operations: Vec<Transaction>) {
        let block = self.next(operations);
        import(&mut self.tree, Arc::new(block), Time(1_000_000)).unwrap();
    }

    /// What the rules say against a block on the head.
    fn objection(&self, block: &Block) -> String {
        let head = self.tree.head();
        let parent = BlockRef { id: &head.id, header: &head.block.header, state: &head.state };
        let verdict = self.rules.verify(&block.header, &block.seal, parent);
        verdict.map_or_else(|fault| fault.to_string(), |()| "nothing".into())
    }

    fn operation(&self, person: u8, operation: Operation) -> Transaction {
        let coins = self.tree.head().state.coins_of(&key(person).address(), None, 1).unwrap();
        let left = [(key(person).address(), Amount(coins[0].1.amount.0 - 10_000))];
        transaction(&coins, &left, Some(operation), &params())
    }

    /// Why an operation cannot be in the next block.
    fn refusal(&self, person: u8, operation: Operation) -> String {
        let mut block = self.next(Vec::new());
        let transactions = vec![self.operation(person, operation)];
        block.draft.body.transactions = Bounded::truncated(transactions);
        block.draft.header.body_root = crate::types::body_root(&block.draft.body, &params().chain);
        let state = &self.tree.head().state;
        self.tree.execute(&block.draft, state).err().map_or("nothing".into(), |e| e.to_string())
    }
}

fn propose(about: u8, ballot: Ballot) -> Operation {
    Operation::ProposeAuthority { address: key(about).address(), ballot }
}

#[test]
fn a_block_that_breaks_a_rule_is_refused_by_name() {
    let mut chain = Chain::new();
    chain.grow(Vec::new());
    let last = chain.turn(3);
    let good = chain.next(Vec::new());
    assert_eq!(chain.objection(&good), "nothing");
    let says = |block: &Block, part: &str| {
        let said = chain.objection(block);
        assert!(said.contains(part), "{said}");
    };
    let changed = |change: &dyn Fn(&mut Block), person| {
        let mut block = good.clone();
        change(&mut block);
        chain.sign(block, person)
    };
    says(&changed(&|_| {}, PEOPLE), "its signer is no authority");
    says(
        &changed(&|_| {}, last),
        "its signer signed one of the last blocks: each signs one of 3 in a row",
    );
    let early = |block: &mut Block| block.draft.header.time = Time(1999);
    says(&changed(&early, chain.turn(0)), "is less than a period after its parent's");
    let light = |block: &mut Block| {
        block.draft.header.claim = Claim::Turn { weight: 1, prior: Height(0) };
    };
    says(&changed(&light, chain.turn(0)), "its weight is 1 where 2 is due");
    says(&changed(&|_| {}, chain.turn(1)), "its weight is 2 where 1 is due");
    let foreign = |block: &mut Block| block.draft.header.claim = Claim::Round { round: 1 };
    says(&changed(&foreign, chain.turn(0)), "this chain's rule is authority");
    let mut forged = good.clone();
    forged.draft.header.time = Time(2001);
    assert_ne!(chain.objection(&forged), "nothing");
}

#[test]
fn operations_that_make_no_sense_are_refused_by_name() {
    let mut chain = Chain::new();
    let says = |chain: &Chain, person, operation, part: &str| {
        let said = chain.refusal(person, operation);
        assert!(said.contains(part), "{said}");
    };
    says(&chain, 1, propose(2, Ballot::Add), "whom it is about is an authority already");
    says(&chain, 1, propose(PEOPLE, Ballot::Remove), "whom it is about is no authority");
    says(&chain, PEOPLE, propose(1, Ballot::Remove), "its sender is no authority");
    let withdraw = || Operation::WithdrawProposal { address: key(PEOPLE).address() };
    says(&chain, 1, withdraw(), "there is no such proposal of its sender");
    says(&chain, 1, propose(PEOPLE, Ballot::Add), "nothing");
    chain.grow(vec![chain.operation(1, propose(PEOPLE, Ballot::Add))]);
    assert_eq!(standing(&chain.tree.head().state).unwrap().len(), 1);
    says(&chain, 2, withdraw(), "there is no such proposal of its sender");
    says(&chain, 1, withdraw(), "nothing");
}

/// The height that the authority whose turn the first block is claims to have signed at before, if it did so before it was
/// started again.
fn prior_after(signed: Height) -> Option<Height> {
    let chain = Chain::new();
    let pool = Mempool::new(params(), 100_000);
    let seat = Seat { key: Some(key(chain.turn(0))), seed: 7, ..Seat::default() };
    let mut engine = PoaEngine::new(chain.rules.clone(), &seat);
    let cx = Context { now: Time(60_000), tree: &chain.tree, pool: &pool, behind: false };
    let mut out = Outbox::default();
    let record = Record(Bounded::truncated(b"poa/signed".to_vec()));
    engine.handle(Event::Start { saved: vec![(record, encode(&signed))] }, &cx, &mut out);
    out.take().iter().find_map(|action| match action {
        Action::Import { block, .. } => match block.header.claim {
            Claim::Turn { prior, .. } => Some(prior),
            _ => None,
        },
        _ => None,
    })
}

/// The block that was signed is on another branch, or nowhere any more; only the record tells of it. Another one of its height
/// votes for nothing, and so is no offence.
#[test]
fn what_was_signed_is_claimed_across_a_restart() {
    for signed in [Height(0), Height(1), Height(9)] {
        assert_eq!(prior_after(signed), Some(signed));
    }
    let planted = plant(Bug::PriorForgotten);
    assert_eq!(prior_after(Height(1)), Some(Height(0)), "the bug would be seen");
    drop(planted);
}

/// Two first blocks of one height contradict each other; one that admits to be late contradicts another on its parent only.
#[test]
fn who_admits_to_be_late_says_something_else() {
    let chain = Chain::new();
    let said = |parent: u8, prior: u64, time: u64| {
        let mut header = chain.tree.head().block.header;
        header.height = Height(3);
        header.parent = crate::types::BlockId(crate::types::Hash([parent; 32]));
        header.claim = Claim::Turn { weight: 1, prior: Height(prior) };
        header.time = Time(time);
        chain.rules.statement(&header).unwrap()
    };
    assert_eq!(said(1, 2, 5), said(2, 1, 6));
    assert_ne!(said(1, 2, 5), said(1, 3, 5));
    assert_ne!(said(1, 4, 5), said(2, 4, 5));
    assert_eq!(said(1, 4, 5), said(1, 4, 6));
}
