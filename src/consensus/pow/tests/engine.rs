//! What the engine does about each event, in which order.

use super::*;
use crate::chain::HeadMove;
use crate::consensus::{
    Action, Context, Engine, Event, OrderId, Outbox, Report, SearchOrder, Timer,
};
use crate::ledger::testkit::transaction;
use crate::mempool::{Mempool, Place};
use crate::types::testkit::key;

/// An engine on a tree with a pool and a clock.
struct Seat {
    mine: Mine,
    pool: Mempool,
    engine: PowEngine,
    now: Time,
}

impl Seat {
    fn new(payout: bool) -> Self {
        let mine = Mine::new();
        let pool = Mempool::new(mine.tree.params().clone(), 100_000);
        let payout = payout.then(|| key(4).address());
        let engine = PowEngine::new(mine.rules.clone(), payout);
        Self { mine, pool, engine, now: Time(LAUNCH + SPACING) }
    }

    fn tell(&mut self, event: Event) -> Vec<Action> {
        let mut out = Outbox::default();
        let cx = Context { now: self.now, tree: &self.mine.tree, pool: &self.pool, behind: false };
        self.engine.handle(event, &cx, &mut out);
        out.take()
    }

    fn start(&mut self) -> Vec<Action> {
        self.tell(Event::Start { saved: Vec::new() })
    }

    fn found(&mut self, order: &SearchOrder) -> Vec<Action> {
        let proof = self.mine.seal_from(&order.header, 0, Mine::blank(&order.header));
        self.tell(Event::Found { order: order.order, seal: Seal::Work(proof) })
    }

    /// Puts a payment of a person into the pool.
    fn pay(&mut self, person: u8) {
        let head = self.mine.tree.head();
        let coins = head.state.coins_of(&key(person).address(), None, 1).unwrap();
        let outputs = [(key(1).address(), Amount(coins[0].1.amount.0 - 10_000))];
        let payment = transaction(&coins, &outputs, None, self.mine.tree.params());
        let id = payment.id(&self.mine.tree.params().chain);
        let rule = &*self.mine.rules;
        let place = Place { state: &head.state, height: head.height().next(), rule };
        self.pool.admit(id, Arc::new(payment), place, self.now).unwrap();
    }
}

/// The one search among actions.
fn search(actions: &[Action]) -> SearchOrder {
    let found: Vec<&SearchOrder> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Search(order) => Some(&**order),
            _ => None,
        })
        .collect();
    assert_eq!(found.len(), 1, "{actions:?}");
    found[0].clone()
}

fn draft_timer(at: Time) -> Action {
    Action::SetTimer { timer: Timer::Draft, at }
}

#[test]
fn who_is_paid_searches_on_the_head_and_renews_in_five_seconds() {
    let mut seat = Seat::new(true);
    let actions = seat.start();
    let order = search(&actions);
    assert_eq!(order.order, OrderId(1));
    assert_eq!(order.header.parent, seat.mine.tree.head().id);
    assert_eq!(order.header.producer, key(4).address());
    assert_eq!(order.header.time, seat.now);
    assert_eq!(order.block, order.header.id(&seat.mine.tree.params().chain));
    let drafted = Report::Drafted { block: order.block, transactions: 0 };
    let timer = draft_timer(seat.now.after(Span::seconds(5)));
    let expected = [timer, Action::Search(Box::new(order.clone())), Action::Report(drafted)];
    assert_eq!(actions, expected);
    assert_eq!(seat.engine.mining_at(), Some(Height(1)));
    // Renewed: another number, a later time.
    seat.now = seat.now.after(Span::seconds(5));
    let again = search(&seat.tell(Event::Elapsed(Timer::Draft)));
    assert_eq!((again.order, again.header.time), (OrderId(2), seat.now));
}

#[test]
fn nobody_is_paid_and_nothing_happens() {
    let mut seat = Seat::new(false);
    assert_eq!(seat.start(), []);
    assert_eq!(seat.tell(Event::PoolFilled), []);
    assert_eq!(seat.tell(Event::Elapsed(Timer::Draft)), []);
    let seal = Seal::Genesis;
    assert_eq!(seat.tell(Event::Found { order: OrderId(0), seal }), []);
    let imported = seat.mine.next();
    assert_eq!(seat.tell(Event::Imported(imported)), []);
}

#[test]
fn what_is_found_is_published_and_can_be_imported() {
    let mut seat = Seat::new(true);
    seat.pay(2);
    let order = search(&seat.start());
    let actions = seat.found(&order);
    let [Action::Import { block, .. }, announce, timer] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(*announce, Action::Announce(order.block));
    assert_eq!(*timer, draft_timer(seat.now.after(Span(500))), "in case the import fails");
    assert_eq!(block.id(&seat.mine.tree.params().chain), order.block);
    assert_eq!(block.body.transactions.len(), 1);
    let imported = seat.mine.import((**block).clone(), seat.now).unwrap();
    let next = search(&seat.tell(Event::Imported(imported)));
    assert_eq!((next.order, next.header.parent), (OrderId(2), order.block));
}

#[test]
fn a_result_of_an_older_search_is_ignored() {
    let mut seat = Seat::new(true);
    let old = search(&seat.start());
    seat.now = seat.now.after(Span::seconds(5));
    let new = search(&seat.tell(Event::Elapsed(Timer::Draft)));
    assert_eq!(seat.found(&old), []);
    assert_eq!(seat.found(&new).len(), 3);
    assert_eq!(seat.found(&new), [], "and no result counts twice");
    assert_eq!(seat.engine.mining_at(), None);
    // The timer set with the publication starts the search again, whatever became of the block.
    seat.now = seat.now.after(Span(500));
    assert_eq!(search(&seat.tell(Event::Elapsed(Timer::Draft))).order, OrderId(3));
}

#[test]
fn a_new_head_moves_the_search_and_a_side_block_does_not() {
    let mut seat = Seat::new(true);
    seat.start();
    let imported = seat.mine.next();
    let order = search(&seat.tell(Event::Imported(imported.clone())));
    assert_eq!(order.header.parent, imported.id);
    let aside = Imported { moved: None, ..imported };
    assert_eq!(seat.tell(Event::Imported(aside)), []);
    let HeadMove { joined, .. } = imported_move(&mut seat);
    assert_eq!(joined.len(), 1);
}

fn imported_move(seat: &mut Seat) -> HeadMove {
    seat.mine.next().moved.unwrap()
}

#[test]
fn transactions_renew_the_draft_twice_a_second_at_most() {
    let mut seat = Seat::new(true);
    seat.start();
    let started = seat.now;
    let due = started.after(Span(500));
    seat.now = started.after(Span(100));
    for _ in 0..50 {
        assert_eq!(seat.tell(Event::PoolFilled), [draft_timer(due)], "a storm sets one timer");
    }
    seat.pay(2);
    seat.now = due;
    let actions = seat.tell(Event::Elapsed(Timer::Draft));
    let block = search(&actions).block;
    assert!(actions.contains(&Action::Report(Report::Drafted { block, transactions: 1 })));
    // Long after the draft was made the timer is due at once, never in the past.
    seat.now = seat.now.after(Span::seconds(3));
    assert_eq!(seat.tell(Event::PoolFilled), [draft_timer(seat.now)]);
}

#[test]
fn the_operator_starts_and_stops_it() {
    let mut seat = Seat::new(false);
    seat.start();
    let order = search(&seat.tell(Event::Payout(Some(key(1).address()))));
    assert_eq!(order.header.producer, key(1).address());
    let other = search(&seat.tell(Event::Payout(Some(key(2).address()))));
    assert_eq!(other.header.producer, key(2).address());
    let stopped = seat.tell(Event::Payout(None));
    assert_eq!(stopped, [Action::StopSearch, Action::StopTimer(Timer::Draft)]);
    assert_eq!(seat.found(&other), [], "found too late to be wanted");
    assert_eq!(seat.tell(Event::Payout(None)), [], "stopped is stopped");
}

/// After a halt of this clock, blocks of others may lie ahead of it: no draft can be both after them and not too early.
#[test]
fn a_clock_far_behind_makes_no_block() {
    let mut seat = Seat::new(true);
    for _ in 0..12 {
        seat.mine.next();
    }
    seat.now = Time(LAUNCH + 7 * SPACING - 60_000);
    let actions = seat.start();
    let [_, Action::StopSearch, Action::Report(Report::DraftFailed(why))] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert!(why.contains("ahead of the clock"), "{why}");
    // A little less behind and the draft takes the earliest time that the rule allows.
    seat.now = Time(LAUNCH + 7 * SPACING - 59_999);
    let order = search(&seat.tell(Event::Elapsed(Timer::Draft)));
    assert_eq!(order.header.time, Time(LAUNCH + 7 * SPACING + 1));
}

#[test]
fn too_many_blocks_that_are_not_final_stop_it_until_they_are() {
    let mut seat = Seat::new(true);
    seat.mine = Mine::with(|params| params.finality_depth = u64::MAX);
    let order = search(&seat.start());
    // Blocks of another, cheap rule stand in for thousands of blocks of work: the engine only counts.
    let (mut crowd, _) = crate::chain::testkit::tree(seat.mine.tree.params());
    let genesis = crowd.root().id;
    let mut producer = 0;
    while crowd.len() <= crate::chain::UNFINAL_BLOCKS_MAX {
        producer += 1;
        let claim = crate::chain::testkit::claim(producer, Height(0));
        let block = crate::chain::testkit::child(&crowd, &genesis, claim, 1, vec![]);
        import(&mut crowd, Arc::new(block), Time(u64::MAX)).unwrap();
    }
    let blocks = crowd.len();
    std::mem::swap(&mut seat.mine.tree, &mut crowd);
    let stopped = seat.tell(Event::Elapsed(Timer::Draft));
    let report = Action::Report(Report::TooManyUnfinal { blocks });
    assert_eq!(stopped, [report, Action::StopSearch, Action::StopTimer(Timer::Draft)]);
    assert_eq!(seat.found(&order), []);
    std::mem::swap(&mut seat.mine.tree, &mut crowd);
    let imported = seat.mine.next();
    assert_eq!(search(&seat.tell(Event::Imported(imported))).order, OrderId(2));
}
