use futures::executor::block_on;

use super::*;
use crate::ledger::CoinKind;
use crate::types::{Amount, Keypair, Output};
use crate::wallet::build::sign;
use crate::wallet::coins::{Payment, choose, own};
use crate::wallet::fake::{Event, FINALITY_DEPTH, FakeClock, FakeNode, HEAD};
use crate::wallet::select::{FeeFactor, Purpose};

const MINUTE: Duration = Duration::from_secs(60);

fn key() -> Keypair {
    Keypair::from_secret(&[1; 32])
}

/// A payment that could be sent to this node.
fn payment(node: &FakeNode) -> (Chain, Signed) {
    let owner = key().address();
    node.fund(owner, 10, 1, CoinKind::Transfer);
    block_on(async {
        let chain = Chain::of(node).await.unwrap();
        let mut coins = own(node, &chain, &[owner]).await.unwrap();
        let payment = Payment {
            from: &[owner],
            purpose: Purpose::Pay(Output {
                to: Keypair::from_secret(&[2; 32]).address(),
                amount: Amount(150_000_000),
            }),
            change_to: owner,
            fee_factor: FeeFactor::ONE,
            picked: &[],
        };
        let selection = choose(node, &chain, &mut coins, &payment).await.unwrap();
        let signed = sign(&selection, &chain.genesis, &[key()]).unwrap();
        (chain, signed)
    })
}

/// Sends and waits; gives the end and what happened on the way.
fn send(
    node: &FakeNode,
    wanted: Wait,
    timeout: Duration,
) -> (Result<Tracked, TrackError>, Vec<Step>) {
    let (_, signed) = payment(node);
    let clock = FakeClock::default();
    let mut steps = Vec::new();
    let end = block_on(async {
        let submitted = submit(node, &clock, &signed).await?;
        let mut on = |step: &Step| steps.push(step.clone());
        wait(node, &clock, &signed, submitted, (wanted, timeout), &mut on).await
    });
    (end, steps)
}

#[test]
fn accepted_is_at_once() {
    let node = FakeNode::new();
    let (end, steps) = send(&node, Wait::Accepted, MINUTE);
    let report = end.unwrap().report;
    assert_eq!((report.status, report.height), (SendStatus::Accepted, None));
    assert!(steps.is_empty());
}

#[test]
fn included_waits_for_a_block() {
    let node = FakeNode::new().at(3, Event::Mine);
    let (end, steps) = send(&node, Wait::Included, MINUTE);
    let report = end.unwrap().report;
    assert_eq!(report.status, SendStatus::Included);
    assert_eq!((report.height, report.confirmations), (Some(Height(HEAD + 1)), Some(1)));
    assert_eq!(report.latency_ms.included, Some((3 * POLL).as_secs_f64() * 1000.0));
    assert!(matches!(steps[..], [Step::Included { height: Height(101), .. }]));
}

#[test]
fn confirmations_are_counted_with_the_block_itself() {
    let (end, steps) = send(&FakeNode::new().mining(), Wait::Confirmations(3), MINUTE);
    let report = end.unwrap().report;
    assert_eq!((report.status, report.confirmations), (SendStatus::Confirmed, Some(3)));
    assert_eq!(steps.last(), Some(&Step::Confirmed { confirmations: 3 }));
}

#[test]
fn a_final_block_is_deep_enough_for_any_number_of_confirmations() {
    let (end, _) = send(&FakeNode::new().mining(), Wait::Confirmations(1_000), MINUTE);
    assert_eq!(end.unwrap().report.status, SendStatus::Final);
}

#[test]
fn final_says_how_it_is_known() {
    let node = FakeNode::new().mining();
    let (chain, _) = payment(&node);
    let (end, _) = send(&node, Wait::Final, MINUTE);
    let tracked = end.unwrap();
    assert_eq!(tracked.report.status, SendStatus::Final);
    assert_eq!(tracked.report.confirmations, Some(FINALITY_DEPTH + 1));
    assert!(tracked.report.latency_ms.is_final > tracked.report.latency_ms.included);
    assert_eq!(tracked.reason(&chain), "final: 5 blocks on top (depth rule of pow)");
    let raft = Chain { finality_depth: None, engine: "raft".into(), ..chain };
    assert_eq!(tracked.reason(&raft), "final: by the rule of raft");
}

#[test]
fn a_block_that_is_replaced_is_reported() {
    let node = FakeNode::new().at(0, Event::Mine).at(1, Event::Replace).at(2, Event::Mine);
    let (end, steps) = send(&node, Wait::Confirmations(2), MINUTE);
    assert!(end.is_ok());
    let height = Height(HEAD + 1);
    let expected = Step::Reorganised { from: height, to: Some(height) };
    assert_eq!(steps[1], expected, "{steps:?}");
    assert!(matches!(steps[2], Step::Included { .. }));
}

#[test]
fn a_transaction_that_is_pending_again_is_reported() {
    let node = FakeNode::new().at(0, Event::Mine).at(1, Event::Undo).at(3, Event::Mine);
    let node = node.at(4, Event::Mine);
    let (end, steps) = send(&node, Wait::Confirmations(2), MINUTE);
    assert_eq!(steps[1], Step::Reorganised { from: Height(HEAD + 1), to: None });
    // The time of the block that carries it in the end is what counts.
    let included = end.unwrap().report.latency_ms.included;
    assert_eq!(included, Some((3 * POLL).as_secs_f64() * 1000.0));
    assert_eq!(node.submissions(), 1);
}

#[test]
fn a_transaction_that_fell_out_is_sent_again() {
    let node = FakeNode::new()
        .at(0, Event::Mine)
        .at(1, Event::Undo)
        .at(1, Event::Forget)
        .at(2, Event::Mine)
        .at(3, Event::Mine);
    let (end, steps) = send(&node, Wait::Confirmations(2), MINUTE);
    assert!(end.is_ok(), "{end:?}");
    assert!(steps.contains(&Step::Resubmitted), "{steps:?}");
    assert_eq!(node.submissions(), 2);
}

#[test]
fn a_transaction_that_is_not_taken_again_is_lost() {
    let node = FakeNode::new().at(0, Event::Forget);
    let (_, signed) = payment(&node);
    let clock = FakeClock::default();
    let end = block_on(async {
        let submitted = submit(&node, &clock, &signed).await?;
        node.set_refusal(Some("the pool is full"));
        wait(&node, &clock, &signed, submitted, (Wait::Final, MINUTE), &mut |_| {}).await
    });
    let Err(TrackError::Dropped { id, reason }) = end else { panic!("{end:?}") };
    assert_eq!((id, reason.message.as_str()), (signed.id, "the pool is full"));
}

#[test]
fn a_short_silence_is_waited_out() {
    let node = FakeNode::new().at(1, Event::Silence(5)).at(8, Event::Mine);
    let (end, steps) = send(&node, Wait::Included, MINUTE);
    assert!(end.is_ok());
    assert!(matches!(steps[..], [Step::Silent(_), Step::Back, Step::Included { .. }]));
}

#[test]
fn a_long_silence_is_not() {
    let node = FakeNode::new().at(0, Event::Mine).at(1, Event::Silence(usize::MAX));
    let (end, _) = send(&node, Wait::Final, 60 * MINUTE);
    let Err(TrackError::Lost { reached: Reached::Block { .. }, .. }) = end else {
        panic!("{end:?}")
    };
}

#[test]
fn waiting_ends() {
    let (end, _) = send(&FakeNode::new(), Wait::Included, MINUTE);
    let Err(TrackError::TimedOut { reached, after, .. }) = &end else { panic!("{end:?}") };
    assert_eq!((*reached, *after), (Reached::Pending, MINUTE));
    let (end, _) = send(&FakeNode::new().at(0, Event::Mine), Wait::Final, MINUTE);
    let message = end.unwrap_err().to_string();
    assert!(message.contains("in the block at height 101 (1 confirmation)"), "{message}");
    assert!(message.ends_with("after 60 s, and not final yet"), "{message}");
}

#[test]
fn what_the_node_refuses_is_told_in_its_words() {
    let (end, _) = send(&FakeNode::new().refusing("the pool is full"), Wait::Final, MINUTE);
    let Err(TrackError::Refused(refusal)) = end else { panic!("{end:?}") };
    assert_eq!(refusal.message, "the pool is full");
}

#[test]
fn the_same_transaction_of_somebody_else_is_not_taken_for_ones_own() {
    let node = FakeNode::new();
    let (_, signed) = payment(&node);
    let clock = FakeClock::default();
    block_on(submit(&node, &clock, &signed)).unwrap();
    for _ in 0..2 {
        let twin = block_on(submit(&node, &clock, &signed));
        assert_eq!(twin, Err(TrackError::Twin(signed.id)));
        node.mine();
    }
}

#[test]
fn a_submission_that_was_cut_off_but_taken_is_accepted() {
    let node = FakeNode::new().cutting_off(1);
    let (_, signed) = payment(&node);
    block_on(submit(&node, &FakeClock::default(), &signed)).unwrap();
    assert_eq!(node.submissions(), 1);
}

#[test]
fn a_broken_connection_leaves_open_whether_the_transaction_was_taken() {
    let node = FakeNode::new().cutting_off(1).at(0, Event::Silence(1));
    let (_, signed) = payment(&node);
    let clock = FakeClock::default();
    let end = block_on(submit(&node, &clock, &signed));
    assert!(matches!(end, Err(TrackError::Unsure { id, .. }) if id == signed.id), "{end:?}");
}

#[test]
fn a_node_that_computes_on_another_chain_than_it_says_is_found_out() {
    let (end, _) = send(&FakeNode::new().lying(), Wait::Final, MINUTE);
    assert!(matches!(end, Err(TrackError::OtherChain { .. })), "{end:?}");
}

#[test]
fn goals_are_read() {
    for (text, wait) in [
        ("accepted", Wait::Accepted),
        ("included", Wait::Included),
        ("final", Wait::Final),
        ("1", Wait::Confirmations(1)),
        ("20", Wait::Confirmations(20)),
    ] {
        assert_eq!(text.parse(), Ok(wait));
        assert_eq!(wait.to_string(), text);
    }
    for text in ["", "0", "-1", "1.5", "Final", "forever", "99999999999999999999"] {
        assert!(text.parse::<Wait>().is_err(), "{text}");
    }
}
