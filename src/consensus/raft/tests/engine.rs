//! What the engine adds to the core: bodies, disks, pace and reads.

use super::{BTreeSet, DropReason, Height, Point};
use crate::consensus::Seat;
use crate::consensus::authorities::Authorities;
use crate::consensus::raft::message::{Message, Wire};
use crate::consensus::raft::{RaftEngine, RaftParams, RaftRules};
use crate::consensus::seats::{self, LAUNCH, Seated};
use crate::consensus::{Action, Event, Record, Report};
use crate::types::{Bounded, Claim, Draft, Span, StateRoot, Time};

const SECOND: Span = Span::seconds(1);

type Seats = seats::Seats<RaftEngine>;

impl Seated for RaftEngine {
    type Rules = RaftRules;

    fn rules(authorities: Authorities, empty_block_after: Option<Span>) -> RaftRules {
        RaftRules::new(RaftParams {
            chain: crate::ledger::testkit::params().chain,
            authorities,
            block_time_min: Span(100),
            empty_block_after,
            patience: Span(300),
            heartbeat: Span(50),
        })
    }

    fn seated(rules: std::sync::Arc<RaftRules>, seat: &Seat) -> Self {
        Self::new(rules, seat)
    }

    fn leads(&self) -> bool {
        self.core().is_some_and(super::Core::leads)
    }
}

/// Raft 5.2, 5.3: some time after the start somebody leads, and payments are in blocks that all have.
#[test]
fn payments_get_into_blocks_that_all_have() {
    let mut seats = Seats::started(3, None);
    seats.pass(SECOND);
    assert_eq!(seats.heights(), [1, 1, 1], "the empty draft of the first term");
    seats.pay(2);
    seats.pass(SECOND);
    seats.pay(3);
    seats.pass(SECOND);
    assert_eq!(seats.heights(), [3, 3, 3]);
    let ids: BTreeSet<_> = seats.all.iter().map(|one| one.tree.head().id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(seats.all[0].tree.head().block.body.transactions.len(), 1);
}

/// The pace: a block with payments leaves `block_time_min` after the one before it at the earliest; without any, one after
/// `empty_block_after`, or never.
#[test]
fn blocks_keep_the_pace_of_the_spec() {
    let mut seats = Seats::started(3, None);
    seats.pass(SECOND);
    seats.pass(Span::seconds(30));
    assert_eq!(seats.heights(), [1, 1, 1], "nothing to say");
    seats.pay(2);
    seats.pay(3);
    seats.pass(SECOND);
    let head = seats.all[0].tree.head().block.header;
    let below = seats.all[0].tree.get(&head.parent).unwrap().block.header;
    assert_eq!((head.height, head.time.0 - below.time.0), (Height(3), 100));

    let mut seats = Seats::started(3, Some(Span::seconds(5)));
    seats.pass(SECOND);
    assert_eq!(seats.heights(), [1, 1, 1]);
    seats.pass(Span::seconds(21));
    assert_eq!(seats.heights(), [5, 5, 5], "one every five seconds");
}

/// 5.2: when the leader is gone another one leads within two of the largest election timeouts.
#[test]
fn another_one_leads_when_the_leader_is_gone() {
    let mut seats = Seats::started(5, None);
    seats.pass(SECOND);
    let first = seats.leader().unwrap();
    seats.all[first].up = false;
    seats.pass(Span(2 * 2 * 300));
    let second = seats.leader().expect("somebody leads");
    assert_ne!(first, second);
    seats.all[first].up = true;
    seats.restart(first);
    seats.pass(SECOND);
    assert_eq!(seats.leader(), Some(second), "who comes back follows");
}

fn is_persist(action: &Action) -> bool {
    matches!(action, Action::Persist { bytes, .. } if !bytes.is_empty())
}

fn voted(action: &Action) -> bool {
    let Action::Send { message, .. } = action else { return false };
    let wire = Wire::<Draft>::decode(message);
    matches!(wire, Some(Wire::Said(Message::Voted { before: false, granted: true, .. })))
}

/// Figure 2: whoever votes has its vote on the disk, and whoever acknowledges a draft has the draft there.
#[test]
fn the_disk_comes_before_the_word() {
    let mut seats = Seats::started(3, None);
    seats.pass(SECOND);
    seats.pay(2);
    seats.pass(SECOND);
    let (mut votes, mut drafts) = (0, 0);
    for one in &seats.all {
        for (place, action) in one.done.iter().enumerate() {
            if voted(action) {
                votes += 1;
                let before = one.done[..place].iter().rev();
                let kept =
                    before.take_while(|it| !matches!(it, Action::Send { .. })).any(is_persist);
                assert!(kept, "{action:?}");
            }
            let Action::Send { message, .. } = action else { continue };
            let Some(Wire::Said(Message::Appended { matched: Some(height), round: 0, .. })) =
                Wire::<Draft>::decode(message)
            else {
                continue;
            };
            let name = [b"raft/draft/".as_slice(), &height.0.to_be_bytes()].concat();
            let kept =
                |it: &Action| matches!(it, Action::Persist { record, .. } if *record.0 == *name);
            if one.done[..place].iter().any(kept) {
                drafts += 1;
            } else {
                // What it has sealed it has, too.
                assert!(height <= Height(1), "{action:?}");
            }
        }
    }
    assert!(votes >= 1 && drafts >= 2, "{votes} votes, {drafts} drafts");
}

/// What was kept comes back: term, vote, and drafts that stand on the head.
#[test]
fn a_restart_remembers_what_was_kept() {
    let mut seats = Seats::started(3, None);
    seats.pass(SECOND);
    let leader = seats.leader().unwrap();
    // The leader's next draft reaches nobody, so that it stays one.
    seats.cut = vec![leader];
    seats.pay(2);
    seats.pass(Span(150));
    let before = seats.all[leader].engine.core().unwrap().clone();
    assert_eq!(before.log().drafts().len(), 1);
    seats.restart(leader);
    let after = seats.all[leader].engine.core().unwrap();
    assert_eq!((after.kept(), after.log()), (before.kept(), before.log()));
}

/// A disk that does not answer says nothing about a promise: the node stops, and forgets none.
#[test]
fn a_state_that_cannot_be_read_stops_a_node_and_costs_no_promise() {
    // Everything, and then the coins only, which are read when the draft is executed.
    for failing in [b"".as_slice(), b"c"] {
        let mut seats = Seats::started(3, None);
        seats.pass(SECOND);
        let leader = seats.leader().unwrap();
        seats.cut = vec![leader];
        seats.pay(2);
        seats.pass(Span(150));
        let one = &mut seats.all[leader];
        assert_eq!(one.engine.core().unwrap().log().drafts().len(), 1);
        let kept = one.disk.clone();
        one.done.clear();
        one.base.fail(failing);
        seats.restart(leader);
        let one = &seats.all[leader];
        assert!(matches!(&one.done[..], [Action::Fail(_)]), "{:?}", one.done);
        assert_eq!(one.disk, kept);
    }
}

/// The same of a follower that looks at somebody's draft, and of a leader that makes one.
#[test]
fn a_state_that_cannot_be_read_is_nobodys_fault() {
    for leading in [false, true] {
        let mut seats = Seats::started(3, None);
        seats.pass(SECOND);
        let leader = seats.leader().unwrap();
        // The first draft is on its way; the second has to wait for its pace.
        seats.pay(2);
        seats.pay(3);
        let failing = (0..3).find(|of| (*of == leader) == leading).unwrap();
        let one = &mut seats.all[failing];
        one.base.fail(b"c");
        one.reports.clear();
        seats.pass(Span(150));
        let one = &seats.all[failing];
        assert!(one.done.iter().any(|it| matches!(it, Action::Fail(_))), "leading: {leading}");
        assert_eq!(one.reports, [], "neither a draft that failed nor one that was refused");
    }
}

/// Whoever cannot read what it promised does not speak any more, and says why.
#[test]
fn unreadable_records_silence_a_node() {
    for name in [b"raft/vote".to_vec(), b"raft/draft/12345678".to_vec(), b"raft/draft/1".to_vec()] {
        let mut seats = Seats::new(3, None);
        let record = Record(Bounded::truncated(name.clone()));
        seats.tell(0, Event::Start { saved: vec![(record, vec![1, 2, 3])] });
        for of in [1, 2] {
            seats.tell(of, Event::Start { saved: Vec::new() });
        }
        seats.pass(Span::seconds(5));
        let record = String::from_utf8(name).unwrap();
        assert_eq!(seats.all[0].done, [Action::Report(Report::Unreadable { record })]);
        assert_eq!(seats.heights()[1..], [1, 1], "the others are two of three");
    }
}

/// A record of another rule is none of its business.
#[test]
fn records_of_other_rules_are_passed_over() {
    let mut seats = Seats::new(3, None);
    let record = Record(Bounded::truncated(b"other/vote".to_vec()));
    seats.tell(0, Event::Start { saved: vec![(record, vec![1])] });
    assert!(seats.all[0].engine.core().is_some());
}

/// Who has no key keeps silent and refuses reads.
#[test]
fn a_node_without_a_key_only_looks_on() {
    let mut seats = Seats::new(3, None);
    let rules = seats::rules::<RaftEngine>(3, None);
    seats.all[0].engine = RaftEngine::new(rules, &seats::seat(0, None));
    seats.tell(0, Event::Start { saved: Vec::new() });
    assert_eq!(seats.all[0].done, []);
    seats.tell(0, Event::Read { ticket: 4 });
    let (ticket, outcome) = seats.all[0].answers.pop().unwrap();
    assert!(ticket == 4 && outcome.unwrap_err().contains("no authority"));
}

/// Thesis 6.4, and the design's *a clear time-out answer, not a stale value*.
#[test]
fn a_read_without_a_majority_ends_with_a_reason() {
    let mut seats = Seats::started(3, None);
    seats.pass(SECOND);
    let leader = seats.leader().unwrap();
    seats.tell(leader, Event::Read { ticket: 1 });
    seats.pass(Span(10));
    assert_eq!(seats.all[leader].answers, [(1, Ok(Height(1)))]);
    seats.cut = vec![leader];
    seats.tell(leader, Event::Read { ticket: 2 });
    seats.pass(Span::seconds(4));
    assert_eq!(seats.all[leader].answers.len(), 1, "it waits");
    seats.pass(Span::seconds(2));
    let (ticket, outcome) = seats.all[leader].answers[1].clone();
    let reason = outcome.unwrap_err();
    assert!(ticket == 2 && reason.contains("no majority"), "{reason}");
    // The others read on, whoever of them leads.
    let other = seats.leader().filter(|of| *of != leader).unwrap_or((leader + 1) % 3);
    seats.tell(other, Event::Read { ticket: 3 });
    seats.pass(SECOND);
    let (_, outcome) = seats.all[other].answers.last().unwrap();
    assert!(outcome.as_ref().is_ok_and(|height| *height >= Height(2)), "{outcome:?}");
}

/// Reads that wait are bounded: the next one is refused at once.
#[test]
fn reads_that_wait_are_bounded() {
    let mut seats = Seats::started(3, None);
    seats.cut = vec![0];
    for ticket in 0..1_030 {
        seats.tell(0, Event::Read { ticket });
    }
    let refused = &seats.all[0].answers;
    assert_eq!(refused.len(), 6);
    assert!(refused.iter().all(|(_, it)| it.as_ref().unwrap_err().contains("too many")));
}

/// A follower and the leader's id, the term, and a draft that the leader could make next.
fn with_a_draft() -> (Seats, usize, usize, Draft) {
    let mut seats = Seats::started(3, None);
    seats.pass(SECOND);
    let leader = seats.leader().unwrap();
    let (follower, term) = ((leader + 1) % 3, seats.all[leader].engine.core().unwrap().term());
    seats.pay(2);
    let one = &seats.all[follower];
    let cx = crate::consensus::Context {
        now: seats.now,
        tree: &one.tree,
        pool: &one.pool,
        behind: false,
    };
    let parent = one.tree.head().as_ref();
    let claim = Claim::Round { round: term };
    let time = seats.now.after(Span(1));
    let made = cx.draft(parent, time, seats.id(leader), claim, &BTreeSet::new());
    let draft = made.unwrap().0;
    assert_eq!(draft.body.transactions.len(), 1);
    seats.all[follower].done.clear();
    seats.all[follower].reports.clear();
    (seats, leader, follower, draft)
}

fn bring(seats: &mut Seats, from: usize, to: usize, drafts: Vec<Draft>) {
    let head = seats.all[to].tree.head();
    let prev = Point { height: head.height(), id: head.id };
    let term = seats.all[from].engine.core().unwrap().term();
    let append = Message::Append { term, round: 0, prev, drafts, committed: prev };
    let message = Wire::Said(append).encode().unwrap();
    let from = seats.id(from);
    seats.tell(to, Event::Received { from, message });
}

fn drafts_of(seats: &Seats, of: usize) -> usize {
    seats.all[of].engine.core().unwrap().log().drafts().len()
}

/// A draft is looked at before it joins the log; one that does not stand joins none, and its sender is named.
#[test]
fn a_draft_that_does_not_stand_joins_no_log() {
    let (mut seats, leader, follower, draft) = with_a_draft();
    let mut wrong_state = draft.clone();
    wrong_state.header.state_root = StateRoot::default();
    let mut wrong_body = draft.clone();
    wrong_body.body = Default::default();
    let mut early = draft.clone();
    early.header.time = LAUNCH;
    let mut unsigned = draft.clone();
    let mut transaction = unsigned.body.transactions[0].clone();
    transaction.witnesses = Bounded::truncated(
        transaction
            .witnesses
            .iter()
            .cloned()
            .map(|mut it| {
                it.signature.0[0] ^= 1;
                it
            })
            .collect(),
    );
    unsigned.body.transactions = Bounded::truncated(vec![transaction]);
    for (name, bad) in
        [("state", wrong_state), ("body", wrong_body), ("time", early), ("signature", unsigned)]
    {
        seats.all[follower].reports.clear();
        bring(&mut seats, leader, follower, vec![bad]);
        assert_eq!(drafts_of(&seats, follower), 0, "{name}");
        let refused = |it: &Report| matches!(it, Report::DraftRefused { from, .. } if *from == seats.id(leader));
        assert!(seats.all[follower].reports.iter().any(refused), "{name}");
        assert!(!seats.all[follower].done.iter().any(is_persist), "{name}");
    }
    bring(&mut seats, leader, follower, vec![draft]);
    assert_eq!(drafts_of(&seats, follower), 1);
}

/// A flood of drafts is looked at up to a bound; the rest is dropped and counted.
#[test]
fn a_flood_of_drafts_is_bounded() {
    let (mut seats, leader, follower, draft) = with_a_draft();
    let head = seats.all[follower].tree.head();
    let prev = Point { height: head.height(), id: head.id };
    let term = seats.all[leader].engine.core().unwrap().term();
    let from = seats.id(leader);
    let mut looked_at = 0;
    for number in 0..100 {
        let mut other = draft.clone();
        other.header.time = Time(other.header.time.0 + number);
        let append = Message::Append { term, round: 0, prev, drafts: vec![other], committed: prev };
        let message = Wire::Said(append).encode().unwrap();
        // Nobody says what came of looking.
        let actions = seats.handle(follower, Event::Received { from, message });
        looked_at += actions.iter().filter(|it| matches!(it, Action::Verify { .. })).count();
        if number >= 64 {
            let full = Action::Report(Report::Dropped { from, reason: DropReason::Full });
            assert!(actions.contains(&full));
        }
    }
    assert_eq!(looked_at, 64);
}

/// Noise, strangers and old terms are dropped and counted, and change nothing.
#[test]
fn what_makes_no_sense_is_dropped() {
    let (mut seats, leader, follower, draft) = with_a_draft();
    let before = seats.all[follower].engine.core().unwrap().clone();
    let stranger = crate::types::testkit::key(9).address();
    let from = seats.id(leader);
    let old: Message<Draft> = Message::Append {
        term: 0,
        round: 0,
        prev: before.log().sealed().at,
        drafts: vec![draft],
        committed: before.log().sealed().at,
    };
    let old = Wire::Said(old).encode().unwrap();
    let noise = crate::consensus::Message(Bounded::truncated(vec![7; 100]));
    for (from, message, reason) in [
        (from, noise, DropReason::Malformed),
        (stranger, old.clone(), DropReason::Stranger),
        (from, old, DropReason::Stale),
    ] {
        let actions = seats.handle(follower, Event::Received { from, message });
        assert!(actions.contains(&Action::Report(Report::Dropped { from, reason })), "{actions:?}");
    }
    assert_eq!(*seats.all[follower].engine.core().unwrap(), before);
}

/// A seal that proves nothing seals nothing.
#[test]
fn a_wrong_seal_seals_nothing() {
    let (mut seats, leader, follower, draft) = with_a_draft();
    bring(&mut seats, leader, follower, vec![draft.clone()]);
    let id = draft.id(&crate::ledger::testkit::params().chain);
    let rules = seats::rules::<RaftEngine>(3, None);
    let stranger = rules.seal(&id, 9, &crate::types::testkit::key(9));
    let good = rules.seal(&id, 9, &crate::types::testkit::key(leader as u8 + 1));
    let from = seats.id(leader);
    for (seal, height) in [(stranger, 1), (good, 2)] {
        let seals = Bounded::truncated(vec![(Point { height: Height(2), id }, seal)]);
        let message = Wire::<Draft>::Sealed(seals).encode().unwrap();
        seats.tell(follower, Event::Received { from, message });
        assert_eq!(seats.all[follower].tree.head().height().0, height);
    }
}
