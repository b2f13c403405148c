//! What the engine adds to the core: bodies, signatures, disks, pace, reads, and the watch over censors.

use std::sync::Arc;

use super::*;
use crate::chain::Rules as _;
use crate::consensus::pbft::{PbftEngine, PbftParams, PbftRules, Wire};
use crate::consensus::seats::{self, Seated};
use crate::consensus::{Action, DropReason, Event, Record, Report, Seat};
use crate::ledger::testkit::params;
use crate::types::signatures::verify_single;
use crate::types::testkit::key;
use crate::types::{Bounded, Claim, Draft, Seal, Span, StateRoot, Vote};

const SECOND: Span = Span::seconds(1);

type Seats = seats::Seats<PbftEngine>;

impl Seated for PbftEngine {
    type Rules = PbftRules;

    fn rules(authorities: Authorities, empty_block_after: Option<Span>) -> PbftRules {
        PbftRules::new(PbftParams {
            chain: params().chain,
            authorities,
            block_time_min: Span(100),
            empty_block_after,
            view_timeout: SECOND,
        })
    }

    fn seated(rules: Arc<PbftRules>, seat: &Seat) -> Self {
        Self::new(rules, seat)
    }

    fn leads(&self) -> bool {
        self.core().is_some_and(|core| core.leads())
    }
}

fn views(seats: &Seats) -> Vec<u64> {
    seats.all.iter().map(|one| one.engine.core().map_or(0, |core| core.view())).collect()
}

/// The one that leads in a view.
fn primary(seats: &Seats, view: u64) -> usize {
    let core = seats.all[0].engine.core().unwrap();
    let id = core.primary(view).unwrap();
    (0..seats.all.len()).find(|of| seats.id(*of) == id).unwrap()
}

fn said(message: &crate::consensus::Message) -> Option<Message<Draft, Vote>> {
    match Wire::decode(message)? {
        Wire::Said(said) => Some(said),
        _ => None,
    }
}

#[test]
fn payments_get_into_blocks_that_all_have_and_that_prove_themselves() {
    let mut seats = Seats::started(4, None);
    seats.pass(SECOND);
    assert_eq!(seats.heights(), [0; 4], "nothing to say");
    seats.pay(2);
    seats.pay(3);
    seats.pass(SECOND);
    assert_eq!(seats.heights(), [2; 4]);
    let head = seats.all[3].tree.head();
    let below = seats.all[3].tree.get(&head.block.header.parent).unwrap();
    assert_eq!(head.block.header.time.0 - below.block.header.time.0, 100, "block_time_min");
    let (header, seal) = (&head.block.header, &head.block.seal);
    assert_eq!(seats::rules::<PbftEngine>(4, None).verify(header, seal, below.as_ref()), Ok(()));
    let Seal::Quorum { round: 0, votes } = seal else { panic!("{seal:?}") };
    assert_eq!(votes.len(), 3);

    let mut seats = Seats::started(4, Some(Span::seconds(5)));
    seats.pass(Span::seconds(21));
    assert_eq!((seats.heights(), views(&seats)), (vec![4; 4], vec![0; 4]), "idle is not faulty");
}

/// 4.4: what was promised is on the disk before anybody hears of it.
#[test]
fn the_disk_comes_before_the_word() {
    let mut seats = Seats::started(4, None);
    seats.pay(2);
    seats.pass(SECOND);
    let last = primary(&seats, 0);
    seats.all[last].up = false;
    seats.pay(3);
    seats.pass(Span::seconds(3));
    let mut checked = [0; 3];
    for one in &seats.all {
        for (place, action) in one.done.iter().enumerate() {
            let Action::Send { message, .. } = action else { continue };
            let before = one.done[..place].iter().rev();
            let kept = before.filter_map(|it| match it {
                Action::Persist { record, bytes } if &*record.0 == b"pbft/kept" => {
                    Some(decode::<Kept<Vote>>(bytes).unwrap())
                }
                _ => None,
            });
            let kept = { kept }.next();
            match said(message) {
                Some(Message::Prepare(ballot, _)) => {
                    let kept = kept.expect("a promise");
                    assert_eq!(kept.accepted, Some(ballot));
                    let name = [b"pbft/draft/".as_slice(), ballot.at.id.as_bytes()].concat();
                    let body = |it: &Action| matches!(it, Action::Persist { record, .. } if *record.0 == *name);
                    assert!(one.done[..place].iter().any(body), "the body too");
                    checked[0] += 1;
                }
                Some(Message::Commit(ballot, _)) => {
                    assert_eq!(kept.unwrap().prepared.unwrap().ballot, ballot);
                    checked[1] += 1;
                }
                Some(Message::ViewChange(change, _)) => {
                    assert_eq!(kept.unwrap().view, change.view);
                    checked[2] += 1;
                }
                _ => {}
            }
        }
    }
    assert!(checked.iter().all(|count| *count >= 3), "{checked:?}");
}

/// 4.4, 4.5: a primary that stops is replaced within two time-outs, and what others wait for is in the next block.
#[test]
fn another_one_leads_when_the_primary_is_gone() {
    for size in [4, 7] {
        let mut seats = Seats::started(size, None);
        seats.pass(SECOND);
        let first = primary(&seats, 0);
        seats.all[first].up = false;
        seats.pay(2);
        seats.pass(Span(2000));
        let mut heights = seats.heights();
        heights.remove(first);
        assert!(heights.iter().all(|height| *height == 1), "{heights:?}");
        seats.all[first].up = true;
        seats.restart(first);
        seats.pass(SECOND);
        assert!(views(&seats).iter().all(|view| *view == 1), "who comes back follows");
    }
}

/// Everybody but a minority is away for long: the time-outs have a cap, so that it ends soon after they are back.
#[test]
fn an_outage_ends_soon_after_it_ends() {
    let mut seats = Seats::started(4, None);
    seats.pass(SECOND);
    seats.cut = vec![0, 1];
    seats.pay(2);
    seats.pass(Span::seconds(400));
    assert_eq!(seats.heights(), [0; 4], "no quorum");
    seats.cut.clear();
    seats.pass(Span::seconds(2 * (1 << crate::consensus::pbft::core::DOUBLINGS_MAX)));
    assert_eq!(seats.heights(), [1; 4]);
}

/// What was promised comes back: the draft that it agreed to with its body, and the certificate.
#[test]
fn a_restart_remembers_what_was_promised() {
    let mut seats = Seats::started(4, None);
    seats.pass(SECOND);
    let first = primary(&seats, 0);
    seats.pay(2);
    // Everybody prepares; nobody hears a commitment in this view.
    seats.lose = Some(
        |message| matches!(said(message), Some(Message::Commit(ballot, _)) if ballot.view == 0),
    );
    seats.deliver();
    let before: Vec<_> =
        seats.all.iter().map(|one| one.engine.core().unwrap().kept().clone()).collect();
    assert!(before.iter().all(|kept| kept.prepared.is_some()));
    let due = before[0].accepted.unwrap().at;
    for (of, before) in before.iter().enumerate() {
        seats.restart(of);
        assert_eq!(seats.all[of].engine.core().unwrap().kept(), before);
    }
    // The primary does not come back: the next one proposes what was prepared, with the body that it kept.
    seats.all[first].up = false;
    seats.pass(Span::seconds(3));
    let second = primary(&seats, 1);
    let head = seats.all[second].tree.head();
    assert_eq!((head.block.header.height, head.id), (Height(1), due.id));
    let Seal::Quorum { round, .. } = head.block.seal else { panic!() };
    assert_eq!((round, head.block.header.claim), (1, Claim::Round { round: 0 }));
}

/// Delivers everything but commitments, which are lost.
fn hear_no_commits(seats: &mut Seats) {
    seats.lose = Some(|message| matches!(said(message), Some(Message::Commit(..))));
    seats.deliver();
    seats.lose = None;
}

/// The next primary was asleep when the draft went round: it gets the body from one that agreed to it.
#[test]
fn a_primary_that_lacks_a_body_asks_who_agreed_to_it() {
    let mut seats = Seats::started(4, None);
    seats.pass(SECOND);
    let (first, second) = (primary(&seats, 0), primary(&seats, 1));
    seats.cut = vec![second];
    seats.pay(2);
    hear_no_commits(&mut seats);
    seats.cut = vec![first];
    seats.pass(Span::seconds(4));
    let head = seats.all[second].tree.head();
    assert_eq!(head.block.header.claim, Claim::Round { round: 0 });
    assert_eq!(seats.heights().iter().filter(|height| **height == 1).count(), 3);
    let asked = seats.all[second].done.iter().any(|it| {
        matches!(it, Action::Send { message, .. } if matches!(Wire::decode(message), Some(Wire::Lacking(_))))
    });
    assert!(asked);
}

/// What a primary of the test's making says.
fn pre_prepare_of(of: usize, draft: Draft) -> crate::consensus::Message {
    let rules = seats::rules::<PbftEngine>(4, None);
    let at = Point { height: draft.header.height, id: draft.id(&params().chain) };
    let pair = key(of as u8 + 1);
    let hash = rules.prepare_hash(&ballot(0, at));
    let signature = Vote { key: pair.public(), signature: pair.sign(&hash) };
    Wire::Said(Message::PrePrepare { view: 0, draft, signature }).encode().unwrap()
}

/// The draft that the primary would send, taken from it while nobody hears it.
fn drafted(seats: &mut Seats, first: usize) -> Draft {
    seats.cut = vec![first];
    seats.pay(2);
    seats.pass(Span(10));
    seats.cut.clear();
    let pre_prepare = seats.all[first].done.iter().find_map(|it| match it {
        Action::Send { message, .. } => match said(message) {
            Some(Message::PrePrepare { draft, .. }) => Some(draft),
            _ => None,
        },
        _ => None,
    });
    seats.all[first].up = false;
    pre_prepare.expect("the primary proposes")
}

type Alter = fn(&mut Draft);

/// 4.2: a draft that was altered, that ends in another state, that claims another view or a time far ahead, costs the primary the
/// view, and never becomes a block.
#[test]
fn a_draft_that_does_not_stand_costs_its_primary_the_view() {
    let alter: [(&str, Alter); 5] = [
        ("is not the one", |draft| draft.body.transactions = Bounded::truncated(Vec::new())),
        ("another state", |draft| draft.header.state_root = StateRoot(Hash::default())),
        ("made in view 3", |draft| draft.header.claim = Claim::Round { round: 3 }),
        ("ahead", |draft| draft.header.time = draft.header.time.after(Span::seconds(60))),
        ("its parent", |draft| draft.header.parent = BlockId(Hash::default())),
    ];
    for (why, alter) in alter {
        let mut seats = Seats::started(4, None);
        seats.pass(SECOND);
        let first = primary(&seats, 0);
        let mut draft = drafted(&mut seats, first);
        alter(&mut draft);
        let message = pre_prepare_of(first, draft);
        let from = seats.id(first);
        for of in (0..4).filter(|of| *of != first) {
            seats.tell(of, Event::Received { from, message: message.clone() });
        }
        // At once, and not after a time-out.
        seats.pass(Span(200));
        for of in (0..4).filter(|of| *of != first) {
            let refused = |it: &Report| matches!(it, Report::DraftRefused { reason, .. } if reason.contains(why));
            assert!(
                seats.all[of].reports.iter().any(refused),
                "{why}: {:?}",
                seats.all[of].reports
            );
            assert_eq!((views(&seats)[of], seats.heights()[of]), (1, 1), "{why}");
        }
    }
}

/// A primary that takes everything but one payment is replaced, and the next one takes it.
#[test]
fn a_primary_that_passes_a_payment_over_is_replaced() {
    let mut seats = Seats::started(4, None);
    seats.pass(SECOND);
    let first = primary(&seats, 0);
    seats.pay_except(2, Some(first));
    let other = primary(&seats, 1);
    let censored: Vec<_> = seats.all[other].pool.iter().map(|(id, _)| *id).collect();
    seats.pass(Span(1500));
    assert_eq!((seats.heights(), views(&seats)), (vec![0; 4], vec![0; 4]), "nothing was made");
    seats.pay(3);
    seats.pass(Span(900));
    assert_eq!((seats.heights(), views(&seats)), (vec![1; 4], vec![0; 4]), "passed over once");
    seats.pass(Span(400));
    assert_eq!((seats.heights(), views(&seats)), (vec![2; 4], vec![1; 4]));
    let taken = &seats.all[first].tree.head().block.body.transactions;
    assert_eq!(taken.iter().map(|it| it.id(&params().chain)).collect::<Vec<_>>(), censored);
}

/// Messages that are signed by nobody, by somebody else, or for something else are dropped, and counted.
#[test]
fn forged_signatures_are_dropped() {
    let mut seats = Seats::started(4, None);
    seats.pass(SECOND);
    let rules = seats::rules::<PbftEngine>(4, None);
    let of = ballot(0, draft(1, 1));
    let sign = |number: u8, hash: Hash| {
        let pair = key(number);
        Vote { key: pair.public(), signature: pair.sign(&hash) }
    };
    let change = ViewChange {
        view: 1,
        sealed: seats.all[0].engine.core().unwrap().sealed().at,
        prepared: None,
    };
    let by =
        [2u8, 3, 4].map(|number| (key(number).address(), sign(number, rules.commit_hash(&of))));
    let forged =
        ViewChange { prepared: Some(Prepared { ballot: of, by: by.into() }), ..change.clone() };
    let forged_hash = rules.change_hash(&forged);
    let cases = [
        Message::Prepare(of, sign(2, rules.commit_hash(&of))),
        Message::Prepare(of, sign(3, rules.prepare_hash(&of))),
        Message::Commit(of, sign(2, rules.prepare_hash(&of))),
        Message::ViewChange(
            change.clone(),
            sign(2, rules.change_hash(&ViewChange { view: 2, ..change })),
        ),
        // Signed well, with a certificate of signatures for something else.
        Message::ViewChange(forged, sign(2, forged_hash)),
    ];
    for said in cases {
        let to = &mut seats.all[0];
        to.reports.clear();
        let message = Wire::<Draft>::Said(said).encode().unwrap();
        let from = key(2).address();
        seats.tell(0, Event::Received { from, message });
        let reason = DropReason::Malformed;
        assert_eq!(seats.all[0].reports, [Report::Dropped { from, reason }]);
        assert_eq!(seats.all[0].engine.core().unwrap().holds(), [0, 0, 0]);
    }
    // And whatever does not decode.
    let message = crate::consensus::Message(Bounded::truncated(vec![9; 40]));
    let from = key(2).address();
    seats.tell(0, Event::Received { from, message });
    assert_eq!(seats.all[0].reports.len(), 2);
}

/// Two votes in one step are proof to anybody; it survives a restart, and one of each liar is kept.
#[test]
fn whoever_says_two_things_leaves_a_proof() {
    let mut seats = Seats::started(4, None);
    seats.pass(SECOND);
    let rules = seats::rules::<PbftEngine>(4, None);
    let liar = (1..4).find(|of| *of != primary(&seats, 0)).unwrap();
    let pair = key(liar as u8 + 1);
    for number in 1..=3 {
        let of = ballot(0, draft(1, number));
        let vote = Vote { key: pair.public(), signature: pair.sign(&rules.commit_hash(&of)) };
        let message = Wire::<Draft>::Said(Message::Commit(of, vote)).encode().unwrap();
        seats.tell(0, Event::Received { from: pair.address(), message });
    }
    let told: Vec<_> =
        seats.all[0].reports.iter().filter(|it| matches!(it, Report::Lied { .. })).collect();
    assert_eq!(told, [&Report::Lied { by: pair.address(), round: 0, height: Height(1) }]);
    seats.restart(0);
    let lie = &seats.all[0].engine.lies()[&pair.address()];
    let [(first, _), (second, _)] = &lie.votes;
    assert!(lie.commits && first.at != second.at && first.view == second.view);
    for (ballot, vote) in &lie.votes {
        let hash = rules.commit_hash(ballot);
        assert!(verify_single(&vote.key.0, &hash.0, &vote.signature.0));
    }
}

/// Whoever cannot read what it promised does not speak any more, and says why.
#[test]
fn unreadable_records_silence_a_node() {
    for name in [b"pbft/kept".to_vec(), b"pbft/new-view".to_vec(), b"pbft/draft/1".to_vec()] {
        let mut seats = Seats::new(4, None);
        let record = Record(Bounded::truncated(name.clone()));
        seats.tell(0, Event::Start { saved: vec![(record, vec![1, 2, 3])] });
        let record = String::from_utf8(name).unwrap();
        assert_eq!(seats.all[0].done, [Action::Report(Report::Unreadable { record })]);
    }
}

/// Who has no key keeps silent and refuses reads; with a quorum away a read ends with a reason.
#[test]
fn reads_end_with_an_answer_or_a_reason() {
    let mut seats = Seats::new(4, None);
    let rules = seats::rules::<PbftEngine>(4, None);
    seats.all[0].engine = PbftEngine::new(rules, &seats::seat(0, None));
    seats.tell(0, Event::Start { saved: Vec::new() });
    assert_eq!(seats.all[0].done, []);
    seats.tell(0, Event::Read { ticket: 4 });
    let (ticket, outcome) = seats.all[0].answers.pop().unwrap();
    assert!(ticket == 4 && outcome.unwrap_err().contains("no authority"));

    let mut seats = Seats::started(4, None);
    seats.pass(SECOND);
    seats.pay(2);
    seats.pass(SECOND);
    seats.tell(3, Event::Read { ticket: 5 });
    seats.pass(Span(10));
    assert_eq!(seats.all[3].answers, [(5, Ok(Height(1)))]);
    seats.cut = vec![2, 3];
    seats.tell(3, Event::Read { ticket: 6 });
    seats.pass(Span::seconds(8));
    let (ticket, outcome) = seats.all[3].answers.pop().unwrap();
    assert!(ticket == 6 && outcome.unwrap_err().contains("no quorum"));
}
