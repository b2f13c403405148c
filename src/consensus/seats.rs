//! For tests: whole engines of authorities on trees of their own, with pools, disks and clocks, in one virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::chain::testkit::tree_of;
use crate::chain::{Rules, Tree, import_own};
use crate::consensus::authorities::Authorities;
use crate::consensus::{
    Action, AuthorityId, Context, Engine, Event, Message, Outbox, Record, Report, Seat, Timer,
};
use crate::ledger::signature_checks;
use crate::ledger::testkit::{MemBase, params, transaction};
use crate::mempool::{Mempool, Place};
use crate::types::signatures::verify_batch;
use crate::types::testkit::key;
use crate::types::{Amount, Block, Draft, Height, Keypair, Span, Time, body_root};

/// When the chain begins.
pub(super) const LAUNCH: Time = Time(1_700_000_000_000);

/// An engine of a rule whose authorities agree, and how to make one.
pub(super) trait Seated: Engine + Sized {
    /// What it judges by.
    type Rules: Rules + 'static;

    /// The rules of a chain of these authorities.
    fn rules(authorities: Authorities, empty_block_after: Option<Span>) -> Self::Rules;

    /// The engine of a seat.
    fn seated(rules: Arc<Self::Rules>, seat: &Seat) -> Self;

    /// Whether it gives drafts their place.
    fn leads(&self) -> bool;
}

/// The rules of a chain of so many authorities.
pub(super) fn rules<E: Seated>(seats: u8, empty_block_after: Option<Span>) -> Arc<E::Rules> {
    let authorities = (1..=seats).map(|number| key(number).address()).collect();
    Arc::new(E::rules(authorities, empty_block_after))
}

/// One node, as its engine sees it.
pub(super) struct One<E> {
    pub(super) engine: E,
    pub(super) tree: Tree,
    /// What is final, below the tree.
    pub(super) base: Arc<MemBase>,
    pub(super) pool: Mempool,
    pub(super) disk: BTreeMap<Record, Vec<u8>>,
    pub(super) timers: BTreeMap<Timer, Time>,
    pub(super) reports: Vec<Report>,
    pub(super) answers: Vec<(u64, Result<Height, String>)>,
    /// Everything that it wanted done, in order.
    pub(super) done: Vec<Action>,
    pub(super) up: bool,
}

/// Some nodes whose messages arrive at once.
pub(super) struct Seats<E: Seated> {
    pub(super) now: Time,
    pub(super) all: Vec<One<E>>,
    flight: VecDeque<(usize, usize, Message)>,
    /// Whoever is in here hears nobody and is heard by nobody.
    pub(super) cut: Vec<usize>,
    /// Messages that get lost.
    pub(super) lose: Option<fn(&Message) -> bool>,
    rules: Arc<E::Rules>,
}

pub(super) fn seat(number: usize, key: Option<Keypair>) -> Seat {
    Seat { key, seed: 40 + number as u64, ..Seat::default() }
}

fn own(number: usize) -> Keypair {
    key(number as u8 + 1)
}

impl<E: Seated> Seats<E> {
    pub(super) fn new(count: u8, empty_block_after: Option<Span>) -> Self {
        let rules = rules::<E>(count, empty_block_after);
        let one = |number: usize| {
            let (tree, base) = tree_of(rules.clone(), &params(), LAUNCH);
            One {
                engine: E::seated(rules.clone(), &seat(number, Some(own(number)))),
                tree,
                base,
                pool: Mempool::new(params(), 1 << 20),
                disk: BTreeMap::new(),
                timers: BTreeMap::new(),
                reports: Vec::new(),
                answers: Vec::new(),
                done: Vec::new(),
                up: true,
            }
        };
        let all = (0..usize::from(count)).map(one).collect();
        let now = LAUNCH.after(Span::seconds(1));
        Self { now, all, flight: VecDeque::new(), cut: Vec::new(), lose: None, rules }
    }

    pub(super) fn started(count: u8, empty_block_after: Option<Span>) -> Self {
        let mut seats = Self::new(count, empty_block_after);
        (0..usize::from(count)).for_each(|of| seats.tell(of, Event::Start { saved: Vec::new() }));
        seats
    }

    /// Something happens to one; what it wants is done, and what comes of that.
    pub(super) fn tell(&mut self, of: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.handle(of, event) {
                events.extend(self.perform(of, action));
            }
        }
    }

    /// What one wants done about something.
    pub(super) fn handle(&mut self, of: usize, event: Event) -> Vec<Action> {
        let one = &mut self.all[of];
        let mut out = Outbox::default();
        let cx = Context { now: self.now, tree: &one.tree, pool: &one.pool, behind: false };
        one.engine.handle(event, &cx, &mut out);
        let actions = out.take();
        one.done.extend(actions.iter().cloned());
        actions
    }

    fn perform(&mut self, of: usize, action: Action) -> Option<Event> {
        let one = &mut self.all[of];
        match action {
            Action::Persist { record, bytes } if bytes.is_empty() => {
                one.disk.remove(&record);
            }
            Action::Persist { record, bytes } => drop(one.disk.insert(record, bytes)),
            Action::Broadcast(message) => {
                let others = (0..self.all.len()).filter(|to| *to != of);
                self.flight.extend(others.map(|to| (of, to, message.clone())));
            }
            Action::Send { to, message } => {
                let place = (0..self.all.len()).find(|place| own(*place).address() == to);
                self.flight.extend(place.map(|to| (of, to, message)));
            }
            Action::Import { block, executed } | Action::Adopt { block, executed } => {
                return one.import(*block, *executed);
            }
            Action::Verify { order, draft } => {
                let sound = sound(&draft);
                return Some(Event::Verified { order, sound });
            }
            Action::SetTimer { timer, at } => drop(one.timers.insert(timer, at)),
            Action::StopTimer(timer) => drop(one.timers.remove(&timer)),
            Action::Report(report) => one.reports.push(report),
            Action::Answer { ticket, outcome } => one.answers.push((ticket, outcome)),
            Action::Announce(_) | Action::Seek(_) => {}
            Action::Fail(_) => one.up = false,
            other => panic!("nobody does this here: {other:?}"),
        }
        None
    }

    /// Whatever is in flight arrives.
    pub(super) fn deliver(&mut self) {
        while let Some((from, to, message)) = self.flight.pop_front() {
            let heard = |of: &usize| self.all[*of].up && !self.cut.contains(of);
            let lost = self.lose.is_some_and(|lose| lose(&message));
            if heard(&from) && heard(&to) && !lost {
                self.tell(to, Event::Received { from: own(from).address(), message });
            }
        }
    }

    /// Time passes: timers run out one after the other, and messages arrive at once.
    pub(super) fn pass(&mut self, span: Span) {
        self.deliver();
        let end = self.now.after(span);
        loop {
            let up = self.all.iter().enumerate().filter(|(_, one)| one.up);
            let timers =
                up.flat_map(|(of, one)| one.timers.iter().map(move |(t, at)| (*at, of, *t)));
            let Some((at, of, timer)) = timers.min().filter(|(at, ..)| *at <= end) else { break };
            self.now = self.now.max(at);
            self.all[of].timers.remove(&timer);
            self.tell(of, Event::Elapsed(timer));
            self.deliver();
        }
        self.now = end;
    }

    /// Who leads, if all that are up agree.
    pub(super) fn leader(&self) -> Option<usize> {
        (0..self.all.len()).find(|of| self.all[*of].up && self.all[*of].engine.leads())
    }

    /// A crash forgets everything but the tree and the disk, and a start takes them up.
    pub(super) fn restart(&mut self, of: usize) {
        let one = &mut self.all[of];
        one.engine = E::seated(self.rules.clone(), &seat(of, Some(own(of))));
        one.timers.clear();
        one.up = true;
        let saved = one.disk.clone().into_iter().collect();
        self.tell(of, Event::Start { saved });
    }

    /// Somebody pays somebody, and everybody hears of it.
    pub(super) fn pay(&mut self, person: u8) {
        self.pay_except(person, None);
    }

    /// The same, and one of them does not.
    pub(super) fn pay_except(&mut self, person: u8, except: Option<usize>) {
        let head = self.all[0].tree.head();
        let coins = head.state.coins_of(&key(person).address(), None, 1).unwrap();
        let outputs = [(key(1).address(), Amount(coins[0].1.amount.0 - 10_000))];
        let payment = Arc::new(transaction(&coins, &outputs, None, &params()));
        let id = payment.id(&params().chain);
        for of in (0..self.all.len()).filter(|of| Some(*of) != except) {
            let One { tree, pool, .. } = &mut self.all[of];
            let head = tree.head();
            let rule = tree.rules();
            let place = Place { state: &head.state, height: head.height().next(), rule };
            pool.admit(id, payment.clone(), place, self.now).unwrap();
            self.tell(of, Event::PoolFilled);
        }
    }

    pub(super) fn heights(&self) -> Vec<u64> {
        self.all.iter().map(|one| one.tree.head().height().0).collect()
    }

    pub(super) fn id(&self, of: usize) -> AuthorityId {
        own(of).address()
    }
}

impl<E> One<E> {
    fn import(&mut self, block: Block, executed: crate::ledger::Executed) -> Option<Event> {
        let imported = import_own(&mut self.tree, Arc::new(block), executed).ok()?;
        let node = self.tree.get(&imported.id)?;
        let height = node.height();
        let gone: Vec<_> =
            node.block.body.transactions.iter().map(|it| it.id(&params().chain)).collect();
        gone.iter().for_each(|id| drop(self.pool.remove(id)));
        assert_eq!(height, imported.height);
        Some(Event::Imported(imported))
    }
}

/// Whether a draft's body is the one that it names, and its signatures verify.
fn sound(draft: &Draft) -> Option<Vec<crate::types::TransactionId>> {
    let chain = params().chain;
    let ids: Vec<_> = draft.body.transactions.iter().map(|it| it.id(&chain)).collect();
    let checks = ids.iter().zip(&draft.body.transactions);
    let checks: Vec<_> = checks.flat_map(|(id, it)| signature_checks(id, it, &chain)).collect();
    let named = body_root(&draft.body, &chain) == draft.header.body_root;
    (named && verify_batch(&checks).is_empty()).then_some(ids)
}
