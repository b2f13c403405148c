//! What others can make grow.

use super::*;

#[test]
fn connections_are_bounded_in_all_and_by_address() {
    let mut stage = Stage::new(EASY);
    let (now, mut open) = (stage.now, Vec::new());
    let address = |number: usize| IpAddr::from([10, 0, 0, u8::try_from(number).unwrap()]);
    for _ in 0..CONNECTIONS_PER_ADDRESS_MAX {
        open.push(stage.server.connect(now, address(0)).unwrap());
    }
    assert_eq!(stage.server.connect(now, address(0)), Err(Refused::AddressFull));
    // An address in the clothes of IPv6 is the same.
    let mapped: IpAddr = "::ffff:10.0.0.0".parse().unwrap();
    assert_eq!(stage.server.connect(now, mapped), Err(Refused::AddressFull));
    for number in CONNECTIONS_PER_ADDRESS_MAX..CONNECTIONS_MAX {
        let of = number / CONNECTIONS_PER_ADDRESS_MAX;
        open.push(stage.server.connect(now, address(of)).unwrap());
    }
    assert_eq!(stage.server.connect(now, address(99)), Err(Refused::Full));
    assert_eq!(stage.server.totals().turned_away, 3);
    stage.server.disconnect(now, open[0]);
    // Twice is once.
    stage.server.disconnect(now, open[0]);
    assert!(stage.server.connect(now, address(0)).is_ok());
    assert_eq!(stage.server.connections(), CONNECTIONS_MAX);
}

#[test]
fn addresses_that_are_mined_for_are_bounded_and_a_free_place_can_be_had() {
    let mut stage = Stage::new(EASY);
    let most = u8::try_from(PAYOUTS_MAX).unwrap();
    let miners: Vec<_> = (0..most).map(|number| stage.miner(number).0).collect();
    let (late, heard) = stage.miner(most);
    assert_eq!(heard.last().unwrap()["error"][0], 24);
    let reason = heard.last().unwrap()["error"][1].as_str().unwrap();
    assert!(reason.starts_with("16 addresses are mined for already"), "{reason}");
    // For one that is mined for there is room.
    let (_, heard) = stage.miner(0);
    assert!(heard[1]["error"].is_null());
    assert_eq!(stage.drafts.len(), PAYOUTS_MAX);
    stage.server.disconnect(stage.now, miners[1]);
    assert_eq!(code(&stage.ask(late, "mining.authorize", json!([user(most)]))), None);
}

#[test]
fn users_of_a_connection_are_bounded() {
    let mut stage = Stage::new(EASY);
    let id = stage.connect();
    for number in 0..16 {
        assert_eq!(
            code(&stage.ask(id, "mining.authorize", json!([format!("{}.{number}", user(1))]))),
            None
        );
    }
    assert_eq!(code(&stage.ask(id, "mining.authorize", json!([user(1)]))), Some(24));
}

#[test]
fn workers_are_bounded_even_while_all_are_connected() {
    let mut stage = Stage::new(EASY);
    let mut refused = 0;
    for number in 0..=WORKERS_MAX {
        if number % 16 == 0 {
            let of = IpAddr::from([10, 0, 0, 1]);
            stage.server.connect(stage.now, of).unwrap();
        }
        let id = ConnectionId(u32::try_from(number / 16 + 1).unwrap());
        let heard = stage.ask(id, "mining.authorize", json!([format!("alice.{number}")]));
        refused += usize::from(code(&heard) == Some(24));
    }
    assert_eq!((stage.server.workers().count(), refused), (WORKERS_MAX, 1));
}

#[test]
fn who_authorizes_nobody_is_closed_after_a_minute() {
    let mut stage = Stage::new(EASY);
    let (idle, _) = stage.miner(1);
    let silent = stage.connect();
    assert_eq!(stage.server.next_deadline(), Some(stage.now.after(Span::seconds(30))));
    stage.pass(Span::seconds(59));
    stage.ask(silent, "mining.ping", json!([]));
    assert!(stage.closed.is_empty());
    stage.pass(Span::seconds(1));
    assert_eq!(stage.closed, [(silent, Closed::Silent)]);
    // Whoever works is left alone, for as long as it likes.
    for _ in 0..100 {
        stage.pass(Span::seconds(600));
    }
    assert!(stage.server.session(idle).is_some() && stage.closed.len() == 1);
}

#[test]
fn shares_are_remembered_within_a_bound() {
    let mut stage = Stage::new(EASY);
    let (id, heard) = stage.miner(1);
    let job = job(&heard);
    let share = |nonce: u32| json!([user(1), job[0], "00000000", job[7], format!("{nonce:x}")]);
    for nonce in 0..1100 {
        assert_eq!(code(&stage.ask(id, "mining.submit", share(nonce))), None);
    }
    assert_eq!(stage.server.session(id).unwrap().remembered().1, 1024);
    assert_eq!(code(&stage.ask(id, "mining.submit", share(1000))), Some(22));
    stage.new_head(2);
    assert_eq!(stage.server.session(id).unwrap().remembered().1, 0);
}
