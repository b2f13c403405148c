//! What honest nodes say to each other.

use std::sync::atomic::Ordering::Relaxed;

use super::super::{NetError, NetEvent};
use super::support::{batch, genesis, question, start, start_with, still_talk, transaction};
use crate::chain::Rank;
use crate::replica::GossipVerdict;
use crate::replica::wire::{Gossip, RESPONSE_BYTES_MAX, Request, Response, Status};
use crate::types::{BlockId, Bounded, Hash, Height, Operation, Transaction, encode};

/// A line a – b – c: what b ignores stops there, what b accepts goes on.
#[tokio::test]
async fn gossip_goes_on_after_a_verdict_and_only_then() {
    let mut b = start_with(|config| config.outbound_target = 0).await;
    let end = |address| {
        start_with(move |config| {
            config.bootnodes = vec![address];
            config.outbound_target = 1;
        })
    };
    let (mut a, mut c) = (end(b.address()).await, end(b.address()).await);
    b.connected_to(&a).await;
    b.connected_to(&c).await;
    let (from, ignored) = a.publish_to(&mut b, &batch(1)).await;
    assert_eq!(from, b.connected_to(&a).await);
    b.handle.verdict(ignored, GossipVerdict::Ignore);
    let (_, accepted) = a.publish_to(&mut b, &batch(2)).await;
    b.handle.verdict(accepted, GossipVerdict::Accept);
    b.handle.verdict(accepted, GossipVerdict::Reject); // a second verdict is none
    b.handle.verdict(u64::MAX, GossipVerdict::Reject);
    let (from, _, gossip) = c.gossip().await;
    assert_eq!((from, gossip), (c.connected_to(&b).await, batch(2)));
    still_talk(&mut b, &mut c, 1).await;
    let stray = |event: &&NetEvent| matches!(event, NetEvent::Gossip { .. });
    assert_eq!(c.unpicked().iter().find(stray), None);
    let counters = a.handle.counters();
    assert_eq!(counters.transactions_out.messages(), 2);
    assert!(counters.wire_out.bytes() > counters.transactions_out.bytes());
    assert_eq!(b.handle.counters().transactions_in.messages(), 2);
}

#[tokio::test]
async fn publishing_to_nobody_is_no_error() {
    let alone = start(&[]).await;
    for n in 0..10 {
        alone.handle.publish(batch(n));
    }
    alone.handle.verdict(1, GossipVerdict::Accept);
    assert!(alone.handle.peers().is_empty());
    alone.net.stop().await;
}

#[tokio::test]
async fn requests_of_every_kind_are_answered() {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    let (to_a, to_b) = (b.connected_to(&a).await, a.connected_to(&b).await);
    let status = Status {
        genesis: genesis(),
        head: BlockId(Hash([1; 32])),
        height: Height(9),
        final_id: BlockId(Hash([2; 32])),
        final_height: Height(3),
        rank: Rank::of_numbers(&[9]),
    };
    let place = BlockId(Hash([3; 32]));
    let pairs = [
        (Request::Status(status.clone()), Response::Status(status)),
        (Request::Headers { locator: Bounded::default() }, Response::Headers(Bounded::default())),
        (Request::Blocks { after: place, count: 3 }, Response::Blocks(Bounded::default())),
        (Request::Block(place), Response::Block(None)),
        (
            Request::Transactions { block: place, places: Bounded::new(vec![1, 2]).unwrap() },
            Response::Transactions(Bounded::new(vec![transaction(1), transaction(2)]).unwrap()),
        ),
    ];
    for (id, (request, response)) in (100..).zip(pairs) {
        b.handle.request(to_a, id, request.clone());
        let (from, number, asked) = a.request().await;
        assert_eq!((from, &asked), (to_b, &request));
        a.handle.respond(from, number, response.clone());
        assert_eq!(b.outcome(id).await, Ok(response));
    }
    assert_eq!(b.handle.counters().requests_out.messages(), 5);
    assert_eq!(a.handle.counters().responses_out.messages(), 5);
}

/// An answer whose encoding has exactly this many bytes.
pub(super) fn answer_of(bytes: usize) -> Response {
    let padded = |n, inputs, note| Transaction {
        inputs: Bounded::new(vec![Default::default(); inputs]).unwrap(),
        operation: Some(Operation::Note { bytes: Bounded::new(vec![7; note]).unwrap() }),
        ..transaction(n)
    };
    // Many alike, then one that fills up with inputs of 32 bytes and the rest with its note.
    let alike = encode(&padded(0, 8, 0)).len();
    let mut transactions = vec![padded(0, 8, 0); bytes / alike - 2];
    let answer = |transactions| Response::Transactions(Bounded::new(transactions).unwrap());
    let missing =
        bytes - encode(&answer(transactions.clone())).len() - encode(&padded(0, 0, 0)).len();
    transactions.push(padded(0, missing / 32, missing % 32));
    answer(transactions)
}

#[tokio::test]
async fn an_answer_may_be_as_long_as_the_cap_and_no_longer() {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    let to_a = b.connected_to(&a).await;
    let longest = answer_of(RESPONSE_BYTES_MAX);
    assert_eq!(encode(&longest).len(), RESPONSE_BYTES_MAX);
    let too_long = answer_of(RESPONSE_BYTES_MAX + 1);
    assert_eq!(encode(&too_long).len(), RESPONSE_BYTES_MAX + 1);
    b.handle.request(to_a, 1, question(1));
    let (from, number, _) = a.request().await;
    a.handle.respond(from, number, longest.clone());
    assert!(b.outcome(1).await == Ok(longest));
    b.handle.request(to_a, 2, question(2));
    let (from, number, _) = a.request().await;
    a.handle.respond(from, number, too_long);
    assert!(b.outcome(2).await.is_err());
    still_talk(&mut a, &mut b, 3).await;
}

/// A node keeps a little below what it may leave open at a peer, so that it is never over it.
#[tokio::test]
async fn twelve_requests_may_be_open_and_more_fail_at_once() {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    let to_a = b.connected_to(&a).await;
    for id in 0..20 {
        b.handle.request(to_a, id, question(9));
    }
    for _ in 0..8 {
        b.wait("RequestFailed", |event| match event {
            NetEvent::RequestFailed { .. } => Some(()),
            _ => None,
        })
        .await;
    }
    for _ in 0..12 {
        let (from, number, _) = a.request().await;
        a.handle.respond(from, number, Response::Block(None));
    }
    for _ in 0..12 {
        b.wait("Response", |event| match event {
            NetEvent::Response { .. } => Some(()),
            _ => None,
        })
        .await;
    }
    assert_eq!(a.handle.counters().requests_refused.load(Relaxed), 0);
    still_talk(&mut a, &mut b, 100).await;
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_fails() {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    let to_a = b.connected_to(&a).await;
    b.handle.request(crate::replica::Peer(99), 1, question(1));
    assert_eq!(b.outcome(1).await, Err("not connected".into()));
    b.handle.request(to_a, 2, question(2));
    a.request().await;
    a.net.stop().await;
    assert!(b.outcome(2).await.is_err());
    assert_eq!(b.disconnected().await, to_a);
    b.handle.request(to_a, 3, question(3));
    assert_eq!(b.outcome(3).await, Err("not connected".into()));
    let handle = b.handle.clone();
    b.net.stop().await;
    assert!(handle.listen_addresses().is_empty());
    handle.publish(Gossip::Transactions(Bounded::default()));
    let nowhere: libp2p::Multiaddr = "/ip4/127.0.0.1/tcp/0".parse().unwrap();
    assert!(matches!(handle.connect(nowhere), Err(NetError::Address { .. })));
}
