use super::super::Delay;
use super::*;
use crate::consensus::{Message, Timer};
use crate::types::Bounded;

const BY: Span = Span(3 * SPACING);

fn woken(actions: &[Action]) -> Option<Time> {
    let at = |action: &Action| match action {
        Action::SetTimer { timer: Timer::Held, at } => Some(*at),
        _ => None,
    };
    actions.iter().find_map(at)
}

#[test]
fn it_mines_on_its_blocks_at_once_and_tells_of_them_late() {
    let mut bench = Bench::new(|mine| Delay::around(honest(mine), BY));
    let found = bench.now;
    let (first, actions) = bench.find();
    assert_eq!((announced(&actions), bench.mines_on()), (vec![], first));
    assert_eq!(woken(&actions), Some(found.after(BY)));
    let (second, actions) = bench.find();
    assert_eq!(announced(&actions), []);
    assert_eq!(woken(&actions), Some(found.after(BY)), "the first one is due first");
    bench.now = found.after(BY);
    let actions = bench.tell(Event::Elapsed(Timer::Held));
    assert_eq!(announced(&actions), [first]);
    bench.now = woken(&actions).expect("the second one is due later");
    let actions = bench.tell(Event::Elapsed(Timer::Held));
    assert_eq!((announced(&actions), woken(&actions)), (vec![second], None));
}

#[test]
fn messages_are_late_in_their_order_and_whatever_happens_next_brings_them() {
    let message = |n: u8| Message(Bounded::truncated(vec![n]));
    let said = vec![
        Action::Broadcast(message(1)),
        Action::Send { to: key(9).address(), message: message(2) },
    ];
    let mut bench = Bench::new(|_| Delay::around(Box::new(Script(said.clone())), BY));
    let later = bench.now.after(BY);
    bench.now = later;
    let actions = bench.tell(Event::PoolFilled);
    assert_eq!(actions[..2], said[..], "those of the start");
    assert_eq!(actions[2..], [Action::SetTimer { timer: Timer::Held, at: later.after(BY) }]);
}
