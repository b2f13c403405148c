use super::super::Equivocate;
use super::*;
use crate::consensus::{AuthorityId, Message, Record, Timer};
use crate::types::Bounded;

fn others() -> Vec<AuthorityId> {
    (20..25).map(|number| key(number).address()).collect()
}

fn miner() -> Bench {
    Bench::new(|mine| Equivocate::around(honest(mine), honest(mine), others()))
}

#[test]
fn each_block_it_finds_gets_a_rival() {
    let mut bench = miner();
    let mut parent = bench.genesis();
    for _ in 0..3 {
        let (first, actions) = bench.find();
        assert_eq!(announced(&actions), [first]);
        assert_eq!(bench.mines_on(), parent, "it goes on beside it");
        let (second, actions) = bench.find();
        assert_eq!(announced(&actions), [second]);
        let (one, other) = (bench.node(first), bench.node(second));
        assert_eq!((one.height(), one.block.header.parent), (other.height(), parent));
        assert_eq!(other.block.header.parent, parent);
        assert_ne!(one.block.header, other.block.header);
        assert_eq!(bench.mines_on(), first, "and then on the one that came first");
        // The second engine, which heard of nothing, comes to draft on the head as well.
        bench.wait(Span::seconds(5));
        bench.tell(Event::Elapsed(Timer::Draft));
        parent = first;
    }
}

#[test]
fn a_rival_is_given_up_when_something_stands_on_what_it_contests() {
    let mut bench = miner();
    let (first, _) = bench.find();
    let (theirs, _) = bench.others_find(first);
    assert_eq!(bench.mines_on(), theirs);
    let (next, actions) = bench.find();
    assert_eq!(announced(&actions), [next]);
    assert_eq!(bench.mines_on(), theirs, "the next one gets a rival again");
}

/// While the second engine hears nothing its timers run out unheard: they must not ring again and again.
#[test]
fn the_clock_comes_to_rest() {
    let mut bench = miner();
    let mut due = None;
    let follow = |actions: &[Action], due: &mut Option<Time>| {
        for action in actions {
            match action {
                Action::SetTimer { at, .. } => *due = Some(*at),
                Action::StopTimer(_) => *due = None,
                _ => {}
            }
        }
    };
    for round in 0..30 {
        let (_, actions) = bench.find();
        follow(&actions, &mut due);
        bench.wait(Span::seconds(6));
        let mut rings = 0;
        while due.take_if(|at| *at <= bench.now).is_some() {
            let actions = bench.tell(Event::Elapsed(Timer::Draft));
            follow(&actions, &mut due);
            rings += 1;
            assert!(rings < 5, "round {round}: {actions:?}");
        }
    }
}

fn scripted(said: [Vec<Action>; 2]) -> Bench {
    let [first, second] = said.map(|actions| Box::new(Script(actions)));
    Bench::new(|_| Equivocate::around(first, second, others()))
}

#[test]
fn nobody_hears_both() {
    let message = |n: u8| Message(Bounded::truncated(vec![n]));
    let mut keys = others();
    keys.sort();
    let all: Vec<Action> =
        keys.iter().map(|to| Action::Send { to: *to, message: message(3) }).collect();
    let said = |n: u8| [vec![Action::Broadcast(message(n))], all.clone()].concat();
    let mut bench = scripted([said(1), said(2)]);
    let actions = bench.tell(Event::PoolFilled);
    let heard = |wanted: u8| -> Vec<AuthorityId> {
        let to = |action: &Action| match action {
            Action::Send { to, message } if message.0.to_vec() == [wanted] => Some(*to),
            Action::Send { .. } => None,
            other => panic!("{other:?}"),
        };
        actions.iter().filter_map(to).collect()
    };
    assert_eq!(heard(1), [keys[0], keys[2], keys[4]]);
    assert_eq!(heard(2), [keys[1], keys[3]]);
    let mut both = heard(3);
    both.sort();
    assert_eq!(both, keys, "one of the two to each");
}

#[test]
fn the_clock_rings_when_the_first_wants_it_and_only_the_first_one_remembers() {
    let at = |seconds| Time(LAUNCH).after(Span::seconds(seconds));
    let set = |seconds| Action::SetTimer { timer: Timer::Draft, at: at(seconds) };
    let keep =
        |n: u8| Action::Persist { record: Record(Bounded::truncated(vec![n])), bytes: vec![n] };
    let mut bench = scripted([vec![keep(1), set(200)], vec![keep(2), set(100)]]);
    let actions = bench.tell(Event::PoolFilled);
    assert_eq!(actions.last(), Some(&set(100)));
    assert!(actions.contains(&keep(1)) && !actions.contains(&keep(2)));
    bench.now = at(100);
    // The second one wakes and sets its clock again; the first one sleeps on and remembers nothing.
    let actions = bench.tell(Event::Elapsed(Timer::Draft));
    assert!(!actions.contains(&keep(1)) && actions.contains(&set(100)), "{actions:?}");
    bench.now = at(200);
    assert!(bench.tell(Event::Elapsed(Timer::Draft)).contains(&keep(1)), "until its time comes");
}
