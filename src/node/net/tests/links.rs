//! Slow and silent links between real nodes.

use std::collections::BTreeSet;
use std::time::Instant;

use libp2p::PeerId;

use super::super::{LinkSettings, NetEvent};
use super::support::{Node, batch, question, start, start_with, still_talk};
use crate::replica::wire::Response;
use crate::spec::{Bandwidth, LinkShape, Loss};
use crate::types::Span;

fn id(node: &Node) -> PeerId {
    node.handle.local_peer_id().parse().unwrap()
}

fn slow(latency_ms: u64) -> LinkShape {
    LinkShape::new(Span(latency_ms), Span(0), Loss::default(), Bandwidth::default()).unwrap()
}

#[tokio::test]
async fn a_slow_link_is_slow_from_when_it_is_told_and_for_that_peer_only() {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    let mut c = start(&[a.address()]).await;
    still_talk(&mut a, &mut b, 1).await;
    still_talk(&mut a, &mut c, 2).await;
    a.handle.shape(Some(id(&b)), slow(300)).unwrap();
    let asked = Instant::now();
    still_talk(&mut a, &mut b, 3).await;
    // A machine may be slower than that, but it cannot be faster.
    assert!(asked.elapsed().as_millis() >= 300, "{:?}", asked.elapsed());
    assert_eq!(a.handle.links().of(&id(&c)).shape, LinkShape::default());
    still_talk(&mut a, &mut c, 4).await;
    a.handle.shape(None, LinkShape::default()).unwrap();
    assert_eq!(a.handle.links(), LinkSettings::default());
    still_talk(&mut a, &mut b, 5).await;
}

#[tokio::test]
async fn a_blocked_peer_is_silent_and_stays_connected() {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    let mut c = start(&[a.address()]).await;
    let peer = a.connected_to(&b).await;
    still_talk(&mut a, &mut b, 1).await;
    still_talk(&mut c, &mut a, 2).await;

    // One end is enough.
    b.handle.block([id(&a)].into()).unwrap();
    a.handle.request(peer, 3, question(3));
    a.publish_to(&mut c, &batch(1)).await;
    assert!(a.outcome(3).await.is_err(), "nobody answers in time");
    let heard = |event: &NetEvent| matches!(event, NetEvent::Request { request, .. } if *request == question(3));
    assert!(!b.unpicked().iter().any(heard), "{:?}", b.unpicked());
    assert_eq!(a.handle.peers().iter().filter(|info| info.peer == peer).count(), 1);

    b.handle.block(BTreeSet::new()).unwrap();
    still_talk(&mut a, &mut b, 4).await;
    let lost = |event: &NetEvent| matches!(event, NetEvent::Disconnected(_));
    assert!(!a.unpicked().iter().any(lost) && !b.unpicked().iter().any(lost));
}

#[tokio::test]
async fn who_is_blocked_from_the_start_is_met_once_that_is_over() {
    let mut a = start(&[]).await;
    let (address, blocked) = (a.address(), id(&a));
    let mut b = start_with(|config| {
        config.bootnodes = vec![address];
        config.links.blocked = [blocked].into();
    })
    .await;
    // The other one calls, is let in, and hears nothing.
    a.handle.connect(b.address()).unwrap();
    let mut c = start(&[a.address(), b.address()]).await;
    still_talk(&mut c, &mut a, 1).await;
    still_talk(&mut c, &mut b, 2).await;
    assert!(a.handle.peers().iter().all(|info| info.peer_id != b.handle.local_peer_id()));
    let peer = b.connected_to(&c).await;
    assert!(b.handle.peers().iter().all(|info| info.peer == peer));
    b.handle.block(BTreeSet::new()).unwrap();
    let peer = a.connected_to(&b).await;
    a.handle.request(peer, 3, question(3));
    let (from, number, _) = b.request().await;
    b.handle.respond(from, number, Response::Block(None));
    assert_eq!(a.outcome(3).await, Ok(Response::Block(None)));
}
