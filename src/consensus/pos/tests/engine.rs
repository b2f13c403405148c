//! What the engine does about each event.

use super::super::engine::{BACK_SECONDS, TICK, signed_record};
use super::*;
use crate::consensus::{Action, Context, Engine, Event, OrderId, Outbox, Report, SignOrder, Stake};
use crate::ledger::Coin;
use crate::mempool::Mempool;
use crate::types::target::Bits;
use crate::types::testkit::key;
use crate::types::{Amount, Block, Claim, Seal, Span, Time, decode, encode};

/// An engine on a tree with a pool and a clock.
struct Seat {
    mint: Mint,
    pool: Mempool,
    engine: PosEngine,
    now: Time,
}

fn stake(people: &[u8]) -> Stake {
    let owners = people.iter().map(|person| key(*person).address()).collect();
    Stake { owners, reserve: Amount(0) }
}

impl Seat {
    fn of(mint: Mint, stake: Option<Stake>) -> Self {
        let pool = Mempool::new(mint.tree.params().clone(), 100_000);
        let engine = PosEngine::new(mint.rules.clone(), stake);
        Self { mint, pool, engine, now: Time(LAUNCH) }
    }

    fn tell(&mut self, event: Event) -> Vec<Action> {
        let mut out = Outbox::default();
        let cx = Context { now: self.now, tree: &self.mint.tree, pool: &self.pool, behind: false };
        self.engine.handle(event, &cx, &mut out);
        out.take()
    }

    fn start(&mut self) -> Vec<Action> {
        self.tell(Event::Start { saved: Vec::new() })
    }

    /// Lets time pass from one moment to the next at which it wants to be woken, until it asks for a signature; says how
    /// often it was woken.
    fn wake_until_it_asks(&mut self, actions: &[Action]) -> (usize, SignOrder) {
        let mut at = wake(actions);
        for wakes in 1..1000 {
            assert!(at > self.now, "it wants to be woken at {at}, which is now");
            self.now = at;
            let actions = self.tell(Event::Elapsed(TICK));
            if let Some(order) = order(&actions) {
                return (wakes, order);
            }
            at = wake(&actions);
        }
        panic!("it never asks");
    }

    /// Lets seconds pass until it asks for a signature.
    fn until_it_asks(&mut self) -> (Vec<Action>, SignOrder) {
        for _ in 0..1000 {
            self.now = Time((self.now.0 / 1000 + 1) * 1000);
            let actions = self.tell(Event::Elapsed(TICK));
            if let Some(order) = order(&actions) {
                return (actions, order);
            }
        }
        panic!("it never asks");
    }

    /// Signs as asked; gives the block that comes of it.
    fn sign(&mut self, order: &SignOrder, person: u8) -> Option<Block> {
        let chain = self.mint.tree.params().chain;
        let seal = Some(Seal::signed(&order.block, &key(person), &chain));
        let actions = self.tell(Event::Signed { order: order.order, seal });
        actions.into_iter().find_map(|action| match action {
            Action::Import { block, .. } => Some(*block),
            _ => None,
        })
    }

    fn import(&mut self, block: Block) -> Vec<Action> {
        let imported = self.mint.import(block).unwrap();
        self.tell(Event::Imported(imported))
    }
}

fn order(actions: &[Action]) -> Option<SignOrder> {
    actions.iter().find_map(|action| match action {
        Action::Sign(order) => Some(*order),
        _ => None,
    })
}

fn tick(at: Time) -> Action {
    Action::SetTimer { timer: TICK, at }
}

/// When it wants to be woken.
fn wake(actions: &[Action]) -> Time {
    match actions {
        [Action::SetTimer { timer: TICK, at }] => *at,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_winner_is_made_durable_before_it_is_signed_and_told() {
    let mut seat = Seat::of(Mint::new(), Some(stake(&[1])));
    seat.start();
    let coin = seat.mint.coins(seat.mint.tree.root(), 1)[0];
    let due = seat.mint.wins(seat.mint.tree.root(), &coin, Time(LAUNCH + 1));
    let (actions, order) = seat.until_it_asks();
    assert_eq!(seat.now, due);
    let [timer, Action::Persist { bytes, .. }, Action::Report(Report::Drafted { block, .. }), _] =
        &actions[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!(*timer, tick(due.after(Span(1000))));
    assert_eq!(decode::<u64>(bytes), Ok(due.0 / 1000));
    assert_eq!((order.block, order.by), (*block, key(1).address()));
    let made = seat.sign(&order, 1).unwrap();
    assert_eq!(made.header.time, due);
    let Claim::Stake { coin: staked, .. } = made.header.claim else { panic!() };
    assert_eq!(staked, coin.0);
    seat.import(made);
    assert_eq!(seat.mint.tree.head().height(), Height(1));
    // An answer that comes twice does nothing.
    assert_eq!(seat.sign(&order, 1), None);
}

#[test]
fn nobody_stakes_nothing() {
    let mut seat = Seat::of(Mint::new(), None);
    assert_eq!(seat.start(), []);
    assert_eq!(seat.tell(Event::Elapsed(TICK)), []);
    seat.tell(Event::Stake(Some(stake(&[1]))));
    seat.until_it_asks();
    assert_eq!(seat.tell(Event::Stake(None)), []);
    assert_eq!(seat.tell(Event::Elapsed(TICK)), []);
}

/// Neither what was signed before a crash nor the second of the start is signed again.
#[test]
fn no_second_is_signed_twice() {
    let saved = |second: u64| {
        let record =
            crate::consensus::Record(crate::types::Bounded::truncated(b"stake/signed".to_vec()));
        Event::Start { saved: vec![(record, encode(&second))] }
    };
    let coin = |seat: &Seat| seat.mint.coins(seat.mint.tree.root(), 1)[0];
    let mut seat = Seat::of(Mint::new(), Some(stake(&[1])));
    let first = seat.mint.wins(seat.mint.tree.root(), &coin(&seat), Time(LAUNCH + 1));
    let second = seat.mint.wins(seat.mint.tree.root(), &coin(&seat), first.after(Span(1)));
    seat.tell(saved(first.0 / 1000));
    seat.until_it_asks();
    assert_eq!(seat.now, second);
    let mut seat = Seat::of(Mint::new(), Some(stake(&[1])));
    seat.now = first;
    assert_eq!(order(&seat.start()), None);
    seat.until_it_asks();
    assert_eq!(seat.now, second);
    // What cannot be read is no permission.
    let mut seat = Seat::of(Mint::new(), Some(stake(&[1])));
    let record =
        crate::consensus::Record(crate::types::Bounded::truncated(b"stake/signed".to_vec()));
    let actions = seat.tell(Event::Start { saved: vec![(record, vec![1])] });
    assert!(matches!(&actions[..], [Action::Report(Report::Unreadable { .. })]), "{actions:?}");
    seat.now = second;
    assert_eq!(seat.tell(Event::Elapsed(TICK)), []);
}

#[test]
fn a_block_that_came_meanwhile_is_built_upon_instead() {
    let mut seat = Seat::of(Mint::new(), Some(stake(&[1])));
    seat.start();
    let (_, order) = seat.until_it_asks();
    let theirs = seat.mint.coins(seat.mint.tree.root(), 2)[0];
    let time = seat.mint.wins(seat.mint.tree.root(), &theirs, Time(LAUNCH + 1));
    let block = seat.mint.seal(seat.mint.draft(seat.mint.tree.root(), &theirs, time, vec![]));
    seat.now = seat.now.max(time);
    seat.import(block);
    assert_eq!(seat.sign(&order, 1), None);
    let (_, next) = seat.until_it_asks();
    assert_eq!(next.order, OrderId(2));
    let made = seat.sign(&next, 1).unwrap();
    assert_eq!(made.header.parent, seat.mint.tree.head().id);
}

#[test]
fn whoever_should_sign_and_is_not_there_loses_the_second() {
    let mut seat = Seat::of(Mint::new(), Some(stake(&[1])));
    seat.start();
    let (_, order) = seat.until_it_asks();
    let lost = seat.now;
    let actions = seat.tell(Event::Signed { order: order.order, seal: None });
    assert!(wake(&actions) > lost);
    seat.until_it_asks();
    assert!(seat.now > lost);
}

/// Seconds are tried ahead of time, and what comes of it is what trying each when it comes would give: the first second in
/// which a coin wins, by the coin with the least id, signed no sooner. Who is woken when nothing can be due does nothing.
#[test]
fn what_is_tried_ahead_is_signed_in_its_second() {
    let (mut wakes, mut seconds) = (0, 0);
    for idle in [false, true] {
        // The rarer a win, the further is tried ahead.
        let rare = Mint::with(|params| params.initial_bits = Bits(0x2000_ffff));
        let mut seat = Seat::of(rare, Some(stake(&[1, 2, 3])));
        let mut actions = seat.start();
        for _ in 0..6 {
            let tree = &seat.mint.tree;
            let (head, begin) = (tree.head(), seat.now);
            let height = head.height().next();
            let ripe = |coin: &Coin| coin.spendable_from(seat.mint.rules.params().maturity);
            let mut coins: Vec<_> =
                [1, 2, 3].into_iter().flat_map(|it| seat.mint.coins(head, it)).collect();
            coins.retain(|(_, coin)| ripe(coin).is_some_and(|from| from <= height));
            let first =
                coins.iter().map(|it| (seat.mint.wins(head, it, begin.after(Span(1))), it.0));
            let (due, coin) = first.min().unwrap();
            let (woken, order) = match idle {
                false => seat.wake_until_it_asks(&actions),
                true => (0, seat.until_it_asks().1),
            };
            assert_eq!(seat.now, due);
            (wakes, seconds) = (wakes + woken, seconds + (due.0 - begin.0) / 1000);
            let person = (1..=3).find(|it| key(*it).address() == order.by).unwrap();
            let block = seat.sign(&order, person).unwrap();
            assert!(matches!(block.header.claim, Claim::Stake { coin: by, .. } if by == coin));
            actions = seat.import(block);
        }
    }
    assert!(seconds > 20 * wakes as u64, "{wakes} wakes in {seconds} seconds");
}

/// A clock that is set forward finds the second in which a coin won as long as it is not long ago, and none twice.
#[test]
fn a_win_that_was_slept_through_is_made_up_for() {
    for (late, due_again) in [(0, true), (BACK_SECONDS, true), (BACK_SECONDS + 1, false)] {
        let mut seat = Seat::of(Mint::new(), Some(stake(&[1])));
        seat.start();
        let coin = seat.mint.coins(seat.mint.tree.root(), 1)[0];
        let due = seat.mint.wins(seat.mint.tree.root(), &coin, Time(LAUNCH + 1));
        while wake(&seat.tell(Event::Elapsed(TICK))) < due {
            seat.now = seat.now.after(Span(1000));
        }
        seat.now = due.after(Span::seconds(late));
        let actions = seat.tell(Event::Elapsed(TICK));
        let made = |time: Time| {
            actions.contains(&Action::Persist {
                record: signed_record(),
                bytes: encode(&(time.0 / 1000)),
            })
        };
        assert_eq!(made(due), due_again, "{late} s later");
    }
}

#[test]
fn a_reserve_is_left_alone() {
    let mut seat = Seat::of(Mint::new(), Some(Stake { reserve: Amount(1), ..stake(&[1, 2]) }));
    seat.start();
    seat.tell(Event::Elapsed(TICK));
    assert_eq!(seat.engine.trying(), 1);
    let all = Amount(2 * crate::ledger::testkit::FORTUNE.0);
    seat.tell(Event::Stake(Some(Stake { reserve: all, ..stake(&[1, 2]) })));
    assert_eq!(seat.engine.trying(), 0);
    seat.tell(Event::Stake(Some(stake(&[1, 2]))));
    assert_eq!(seat.engine.trying(), 2);
}

/// The coins follow the head without being read again, and are the ones that are there.
#[test]
fn coins_follow_the_head() {
    let mut seat = Seat::of(Mint::new(), Some(stake(&[1, 2, 3])));
    seat.start();
    for person in [1, 4, 2, 5, 3] {
        let imported = seat.mint.next(person);
        seat.now = seat.mint.tree.head().block.header.time;
        seat.tell(Event::Imported(imported));
        let mut fresh = Seat::of(Mint::new(), Some(stake(&[1, 2, 3])));
        std::mem::swap(&mut fresh.mint, &mut seat.mint);
        fresh.now = seat.now;
        fresh.start();
        assert_eq!(fresh.engine.coins(), seat.engine.coins());
        std::mem::swap(&mut fresh.mint, &mut seat.mint);
    }
}

#[test]
fn dust_is_not_tried() {
    use super::super::coins::{Coins, STAKES_MAX};
    use crate::ledger::{Coin, CoinKind};
    use crate::types::{CoinId, Hash};
    let mint = Mint::new();
    let mut coins = Coins::default();
    for number in 0..STAKES_MAX as u64 + 300 {
        let mut id = Hash::default();
        id.0[..8].copy_from_slice(&number.to_be_bytes());
        let coin = Coin {
            owner: key(1).address(),
            amount: Amount(1 + number),
            height: Height(0),
            time: Time(0),
            kind: CoinKind::Transfer,
        };
        coins.insert(CoinId(id), coin);
    }
    let stakes = coins.stakes(&mint.rules, Height(1), Amount(0));
    assert_eq!(stakes.len(), STAKES_MAX);
    assert!(stakes.iter().all(|(_, amount, _)| amount > Amount(300)));
}
