use super::super::Silent;
use super::*;
use crate::consensus::{Message, Record, Timer};
use crate::types::Bounded;

#[test]
fn it_makes_nothing_while_it_is_silent_and_all_as_before_afterwards() {
    let (from, until) = (Time(LAUNCH + 3 * SPACING), Time(LAUNCH + 6 * SPACING));
    let mut bench = Bench::new(|mine| Silent::around(honest(mine), from..until));
    let (first, actions) = bench.find();
    assert_eq!(announced(&actions), [first], "it is not silent yet");
    bench.wait(Span(2 * SPACING));
    let (found, actions) = bench.find();
    assert_eq!(announced(&actions), []);
    assert!(bench.mine.tree.get(&found).is_none() && bench.search.is_none());
    let (theirs, _) = bench.others_find(first);
    assert!(bench.search.is_none(), "it hears of others and does nothing");
    bench.now = until;
    bench.tell(Event::Elapsed(Timer::Draft));
    assert_eq!(bench.mines_on(), theirs);
    let (own, actions) = bench.find();
    assert_eq!(announced(&actions), [own]);
}

#[test]
fn it_sends_nothing_and_keeps_its_records() {
    let message = Message(Bounded::truncated(vec![1]));
    let keep = Action::Persist { record: Record(Bounded::truncated(vec![2])), bytes: vec![3] };
    let timer = Action::SetTimer { timer: Timer::Draft, at: Time(LAUNCH + 50 * SPACING) };
    let to = key(9).address();
    let send = Action::Send { to, message: message.clone() };
    let script = vec![keep.clone(), send, Action::Broadcast(message), timer.clone()];
    let during = Time(0)..Time(u64::MAX);
    let mut bench = Bench::new(|_| Silent::around(Box::new(Script(script)), during));
    assert_eq!(bench.tell(Event::PoolFilled), [keep, timer]);
}
