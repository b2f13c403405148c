//! Attackers, driven by hand: a tree, a pool, a clock, and a test that plays all others.

mod censor;
mod delay;
mod equivocate;
mod every_fork;
mod runs;
mod silent;
mod withhold;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::chain::{Node, import_own};
use crate::consensus::pow::PowEngine;
use crate::consensus::pow::testkit::{LAUNCH, Mine, SPACING};
use crate::consensus::{Action, Context, Engine, Event, Outbox, SearchOrder};
use crate::ledger::testkit::transaction;
use crate::mempool::{Mempool, Place};
use crate::types::testkit::key;
use crate::types::{Address, Amount, Block, BlockId, Seal, Span, Time, TransactionId};

/// Whom the attacker's blocks pay.
fn attacker() -> Address {
    key(4).address()
}

fn honest(mine: &Mine) -> Box<dyn Engine> {
    Box::new(PowEngine::new(mine.rules.clone(), Some(attacker())))
}

/// An attacker and its surroundings.
struct Bench {
    mine: Mine,
    pool: Mempool,
    now: Time,
    engine: Box<dyn Engine>,
    search: Option<SearchOrder>,
}

impl Bench {
    /// An attacker that is up and searches.
    fn new(attack: impl FnOnce(&Mine) -> Box<dyn Engine>) -> Self {
        // Nothing of what is tested here becomes final.
        let mine = Mine::with(|params| params.finality_depth = 100);
        let pool = Mempool::new(mine.tree.params().clone(), 100_000);
        let engine = attack(&mine);
        let now = Time(LAUNCH + SPACING);
        let mut bench = Self { mine, pool, now, engine, search: None };
        bench.tell(Event::Start { saved: Vec::new() });
        bench
    }

    /// Tells the engine, imports what it wants imported, and tells it of that; gives all that it wanted.
    fn tell(&mut self, event: Event) -> Vec<Action> {
        let mut events = VecDeque::from([event]);
        let mut all = Vec::new();
        while let Some(event) = events.pop_front() {
            // On schedule, so that all targets are alike.
            let due = LAUNCH + SPACING * self.mine.tree.head().height().next().0;
            self.now = self.now.max(Time(due));
            let (tree, pool) = (&self.mine.tree, &self.pool);
            let mut out = Outbox::default();
            let cx = Context { now: self.now, tree, pool, behind: false };
            self.engine.handle(event, &cx, &mut out);
            for action in out.take() {
                match &action {
                    Action::Import { block, executed } => {
                        let block = Arc::new((**block).clone());
                        let executed = (**executed).clone();
                        let imported = import_own(&mut self.mine.tree, block, executed);
                        events.push_back(Event::Imported(imported.unwrap()));
                    }
                    Action::Search(order) => self.search = Some((**order).clone()),
                    Action::StopSearch => self.search = None,
                    _ => {}
                }
                all.push(action);
            }
        }
        all
    }

    /// The attacker finds a block.
    fn find(&mut self) -> (BlockId, Vec<Action>) {
        let order = self.search.take().expect("it searches");
        let proof = self.mine.seal_from(&order.header, 0, Mine::blank(&order.header));
        let actions = self.tell(Event::Found { order: order.order, seal: Seal::Work(proof) });
        (order.block, actions)
    }

    /// The others find a block on this one, and the attacker hears of it.
    fn others_find(&mut self, parent: BlockId) -> (BlockId, Vec<Action>) {
        let block = self.block_of_others(parent);
        let time = block.header.time;
        let imported = self.mine.import(block, time).unwrap();
        let id = imported.id;
        (id, self.tell(Event::Imported(imported)))
    }

    fn block_of_others(&self, parent: BlockId) -> Block {
        let parent = self.node(parent);
        let time = Time(LAUNCH + SPACING * parent.height().next().0);
        self.mine.seal(self.mine.draft(parent, time, Vec::new()))
    }

    fn node(&self, id: BlockId) -> &Node {
        self.mine.tree.get(&id).expect("a block of the tree")
    }

    fn genesis(&self) -> BlockId {
        self.mine.tree.root().id
    }

    /// The block that the attacker searches on.
    fn mines_on(&self) -> BlockId {
        self.search.as_ref().expect("it searches").header.parent
    }

    fn wait(&mut self, span: Span) {
        self.now = self.now.after(span);
    }

    /// A person pays another, and the pool takes the payment.
    fn pay(&mut self, from: u8, to: u8) -> TransactionId {
        let head = self.mine.tree.head();
        let coins = head.state.coins_of(&key(from).address(), None, 1).unwrap();
        let outputs = [(key(to).address(), Amount(coins[0].1.amount.0 - 10_000))];
        let payment = transaction(&coins, &outputs, None, self.mine.tree.params());
        let id = payment.id(&self.mine.tree.params().chain);
        let rule = &*self.mine.rules;
        let place = Place { state: &head.state, height: head.height().next(), rule };
        self.pool.admit(id, Arc::new(payment), place, self.now).unwrap();
        id
    }
}

fn announced(actions: &[Action]) -> Vec<BlockId> {
    let id = |action: &Action| match action {
        Action::Announce(id) => Some(*id),
        _ => None,
    };
    actions.iter().filter_map(id).collect()
}

/// An engine that does what it is told, whatever happens.
struct Script(Vec<Action>);

impl Engine for Script {
    fn handle(&mut self, _: Event, _: &Context<'_>, out: &mut Outbox) {
        self.0.iter().for_each(|action| out.push(action.clone()));
    }
}
