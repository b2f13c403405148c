//! Who works on what, and when there is something new.

use super::*;

#[test]
fn a_draft_serves_all_who_mine_for_an_address() {
    let mut stage = Stage::new(EASY);
    let miners: Vec<_> = (0..50).map(|number| stage.miner(number % 2).0).collect();
    assert_eq!(stage.drafts, [payout(0), payout(1)]);
    stage.new_head(2);
    assert_eq!(stage.drafts.len(), 4);
    let mut seen = Vec::new();
    for (number, id) in miners.iter().enumerate() {
        let heard = stage.heard(*id);
        let job = job(&heard);
        assert_eq!(job[8], json!(true));
        seen.push((number % 2, job[0].clone()));
    }
    seen.sort_by_key(|(of, _)| *of);
    seen.dedup();
    assert_eq!(seen.len(), 2, "each address has one job: {seen:?}");
}

#[test]
fn no_two_open_connections_search_the_same() {
    let mut stage = Stage::new(EASY);
    let (one, _) = stage.miner(1);
    let (two, _) = stage.miner(1);
    assert_ne!(one, two);
    stage.server.disconnect(stage.now, one);
    let (three, _) = stage.miner(1);
    assert!(three != one && three != two);
}

#[test]
fn jobs_are_renewed_every_half_minute_and_at_once_for_a_new_head() {
    let mut stage = Stage::new(EASY);
    let (id, heard) = stage.miner(1);
    let mut last = job(&heard);
    assert_eq!(stage.server.next_deadline(), Some(stage.now.after(Span::seconds(30))));
    stage.pass(Span::seconds(29));
    assert!(stage.heard(id).is_empty());
    for _ in 0..10 {
        stage.pass(Span::seconds(30));
        let next = job(&stage.heard(id));
        assert!(next[0] != last[0] && next[8] == json!(false));
        last = next;
    }
    let jobs = stage.server.session(id).unwrap().remembered().0;
    assert_eq!(jobs, JOBS_MAX);
    stage.new_head(2);
    assert_eq!(job(&stage.heard(id))[8], json!(true));
    // The same head once more is nothing new.
    stage.new_head(2);
    assert!(stage.heard(id).is_empty());
}

#[test]
fn without_a_draft_it_is_asked_again_and_miners_wait() {
    let mut stage = Stage::new(EASY);
    stage.makes_drafts = false;
    let (id, heard) = stage.miner(1);
    assert_eq!(heard.len(), 2, "no job: {heard:?}");
    stage.pass(Span(999));
    assert_eq!(stage.drafts.len(), 1);
    stage.pass(Span(1));
    assert_eq!(stage.drafts.len(), 2);
    stage.makes_drafts = true;
    stage.pass(Span::seconds(1));
    assert_eq!(job(&stage.heard(id))[8], json!(true));
}

#[test]
fn a_draft_that_the_head_overtook_is_asked_for_again_at_once() {
    let mut stage = Stage::new(EASY);
    let id = stage.connect();
    stage.ask(id, "mining.subscribe", json!([]));
    let authorize =
        json!({ "id": 7, "method": "mining.authorize", "params": [user(1)] }).to_string();
    stage.server.line(stage.now, id, authorize.as_bytes());
    let (now, late) = (stage.now, stage.template());
    // The draft is on its way when the head moves.
    let outputs = stage.server.take_outputs();
    assert!(outputs.contains(&Output::Draft(payout(1))));
    stage.head = [2; 32];
    stage.server.head(now, stage.head);
    assert!(stage.server.take_outputs().is_empty());
    stage.server.template(now, payout(1), Some(late));
    assert_eq!(stage.server.take_outputs(), [Output::Draft(payout(1))]);
    let fresh = stage.template();
    stage.server.template(now, payout(1), Some(fresh));
    let heard = stage.heard(id);
    assert_eq!(job(&heard)[1].as_str().unwrap(), previous_hex(&[2; 32]));
    // One that is ahead of what the server knows is asked for again after a while.
    stage.server.template(now, payout(1), Some(Template { parent: [3; 32], ..fresh }));
    assert!(stage.server.take_outputs().is_empty());
}
