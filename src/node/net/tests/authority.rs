//! Authorities on loopback, and those who would like to be some.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::super::NetEvent;
use super::super::authority::STALL_MAX;
use super::super::config::NetConfig;
use super::attacker::Plan;
use super::hostile::attack;
use super::support::{Node, PATIENCE, start, start_with, still_talk};
use crate::consensus::{AuthorityId, MESSAGE_BYTES_MAX, Message};
use crate::spec::{Bandwidth, LinkShape, Loss};
use crate::types::{Bounded, Keypair, Span};

fn key(seed: u8) -> Keypair {
    Keypair::from_secret(&[seed; 32])
}

fn address(seed: u8) -> AuthorityId {
    key(seed).address()
}

fn message(bytes: &[u8]) -> Message {
    Message(Bounded::new(bytes.to_vec()).unwrap())
}

/// A node of the authority with this number, connected to these.
async fn authority(seed: u8, others: &[&Node]) -> Node {
    authority_with(seed, others, |_| ()).await
}

async fn authority_with(seed: u8, others: &[&Node], change: impl FnOnce(&mut NetConfig)) -> Node {
    let bootnodes = others.iter().map(|node| node.address()).collect();
    start_with(|config| {
        config.bootnodes = bootnodes;
        config.authority = Some(key(seed));
        change(config);
    })
    .await
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let poll = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("never: {what}"));
}

impl Node {
    /// Waits until there is a stream to exactly these authorities.
    async fn streams_to(&self, seeds: &[u8]) {
        let wanted: BTreeSet<_> = seeds.iter().map(|seed| address(*seed)).collect();
        until("streams", || {
            self.handle.authorities().into_iter().collect::<BTreeSet<_>>() == wanted
        })
        .await;
    }

    /// Waits for a message, and makes room for the next.
    async fn hears(&mut self) -> (AuthorityId, Vec<u8>) {
        self.wait("Received", |event| match event {
            NetEvent::Received { from, message, .. } => Some((*from, message.0.to_vec())),
            _ => None,
        })
        .await
    }

    fn count(&self, which: impl Fn(&super::super::Counters) -> &AtomicU64) -> u64 {
        which(self.handle.counters()).load(Relaxed)
    }
}

#[tokio::test]
async fn three_authorities_talk_and_an_observer_hears_nothing() {
    let mut observer = start(&[]).await;
    let mut a = authority(1, &[&observer]).await;
    let mut b = authority(2, &[&observer, &a]).await;
    let mut c = authority(3, &[&observer, &a, &b]).await;
    a.streams_to(&[2, 3]).await;
    b.streams_to(&[1, 3]).await;
    c.streams_to(&[1, 2]).await;
    a.handle.broadcast(&message(b"to all"));
    a.handle.send(&address(3), &message(b"to one"));
    assert_eq!(b.hears().await, (address(1), b"to all".to_vec()));
    assert_eq!(c.hears().await, (address(1), b"to all".to_vec()));
    assert_eq!(c.hears().await, (address(1), b"to one".to_vec()));
    b.handle.send(&address(1), &message(b"back"));
    c.handle.send(&address(1), &message(&[]));
    let mut heard = [a.hears().await, a.hears().await];
    heard.sort();
    let mut said = [(address(2), b"back".to_vec()), (address(3), Vec::new())];
    said.sort();
    assert_eq!(heard, said);
    observer.handle.broadcast(&message(b"nobody"));
    observer.handle.send(&address(1), &message(b"nobody"));
    assert_eq!(observer.count(|counters| &counters.authority_unsent), 1);
    still_talk(&mut observer, &mut a, 1).await;
    let strays = [&mut observer, &mut b]
        .map(|node| node.unpicked().iter().any(|event| matches!(event, NetEvent::Received { .. })));
    assert_eq!(strays, [false; 2]);
    assert_eq!(a.handle.counters().authority_out.messages(), 3);
    assert_eq!(a.handle.counters().authority_in.messages(), 2);
    assert_eq!(a.count(|counters| &counters.authorities), 2);
}

#[tokio::test]
async fn messages_arrive_whole_in_order_and_as_long_as_they_may_be() {
    let mut a = authority(1, &[]).await;
    let b = authority(2, &[&a]).await;
    b.streams_to(&[1]).await;
    let sizes = [0, 1, 65_531, 65_532, 65_533, 300_000, MESSAGE_BYTES_MAX, 7];
    for (n, size) in (1u8..).zip(sizes) {
        b.handle.send(&address(1), &message(&vec![n; size]));
        let (from, heard) = a.hears().await;
        assert_eq!((from, heard.len()), (address(2), size));
        assert!(heard.iter().all(|byte| *byte == n));
    }
    for n in 0..500u32 {
        b.handle.send(&address(1), &message(&n.to_le_bytes()));
    }
    for n in 0..500u32 {
        assert_eq!(a.hears().await.1, n.to_le_bytes());
    }
}

/// Whoever is not in the set is not heard, is sent nothing that goes to all, and is heard once it is in the set.
#[tokio::test]
async fn who_is_no_authority_is_not_heard_until_it_is_one() {
    let mut a = authority(1, &[]).await;
    let mut b = authority(2, &[&a]).await;
    let set = |seeds: &[u8]| seeds.iter().map(|seed| address(*seed)).collect::<BTreeSet<_>>();
    a.handle.set_authorities(set(&[1, 3]));
    b.streams_to(&[1]).await;
    for _ in 0..10 {
        b.handle.broadcast(&message(b"hear me"));
    }
    until("ten are skipped", || a.count(|counters| &counters.authority_strange) == 10).await;
    a.streams_to(&[]).await;
    a.handle.broadcast(&message(b"not for strangers"));
    a.handle.set_authorities(set(&[1, 2]));
    a.streams_to(&[2]).await;
    a.handle.broadcast(&message(b"welcome"));
    b.handle.broadcast(&message(b"thanks"));
    assert_eq!(b.hears().await.1, b"welcome");
    assert_eq!(a.hears().await.1, b"thanks");
    still_talk(&mut a, &mut b, 1).await;
}

/// Nine strangers: one too many. It is let in when another goes.
#[tokio::test]
async fn only_a_few_strangers_keep_a_stream() {
    let a = authority(1, &[]).await;
    a.handle.set_authorities(BTreeSet::from([address(1)]));
    let alone = |config: &mut NetConfig| config.outbound_target = 1;
    let mut strangers = Vec::new();
    for seed in 2..11 {
        strangers.push(authority_with(seed, &[&a], alone).await);
    }
    let skipped = || a.count(|counters| &counters.authority_strange);
    let heard = |node: &Node| {
        let before = skipped();
        node.handle.send(&address(1), &message(b"?"));
        let handle = node.handle.clone();
        let skipped = &skipped;
        async move {
            let poll = async {
                while skipped() == before {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    handle.send(&address(1), &message(b"?"));
                }
            };
            tokio::time::timeout(PATIENCE, poll).await.expect("to be heard");
        }
    };
    // Those that have a stream keep it; the one that has none is closed again and again.
    for node in &strangers[..8] {
        heard(node).await;
    }
    strangers.remove(0).net.stop().await;
    heard(&strangers[7]).await;
}

#[tokio::test]
async fn a_forged_proof_is_a_lie() {
    let mut a = authority(1, &[]).await;
    let mut b = authority(2, &[&a]).await;
    a.connected_to(&b).await;
    a.streams_to(&[2]).await;
    for proof in [vec![1; 96], [&key(2).public().0[..], &[7; 64]].concat()] {
        let mut hostile = attack(&a, Plan::default()).await;
        hostile.claim([&[9; 32][..], &proof].concat());
        let (reason, ()) = tokio::join!(a.banned(), hostile.thrown_out());
        assert!(reason.contains("does not verify"), "{reason}");
    }
    still_talk(&mut a, &mut b, 1).await;
    b.handle.send(&address(1), &message(b"still here"));
    assert_eq!(a.hears().await.1, b"still here");
}

#[tokio::test]
async fn who_opens_streams_without_end_is_thrown_out() {
    let mut a = authority(1, &[]).await;
    let mut b = authority(2, &[&a]).await;
    a.connected_to(&b).await;
    let mut hostile = attack(&a, Plan::default()).await;
    let flood = hostile.flood(10, |hostile| hostile.claim(vec![1; 32]));
    let (reason, ()) = tokio::join!(a.banned(), flood);
    assert!(reason.contains("streams of authorities"), "{reason}");
    still_talk(&mut a, &mut b, 1).await;
}

#[tokio::test]
async fn a_message_over_the_cap_is_none() {
    let mut a = authority(1, &[]).await;
    let b = authority(2, &[&a]).await;
    b.streams_to(&[1]).await;
    let claimed = (MESSAGE_BYTES_MAX + 1) as u32;
    b.handle.shared.hub.send_raw(&address(1), &claimed.to_le_bytes());
    let reason = a.banned().await;
    let says = format!("{claimed} bytes where at most {MESSAGE_BYTES_MAX} are allowed");
    assert!(reason.contains(&says), "{reason}");
}

/// A host that handles nothing holds its sender up, and nobody else; when it goes on, so does the stream.
#[tokio::test]
async fn a_slow_reader_is_bounded_and_slows_nobody() {
    let mut a = authority(1, &[]).await;
    let mut slow = authority(2, &[&a]).await;
    let mut quick = authority(3, &[&a]).await;
    a.streams_to(&[2, 3]).await;
    slow.streams_to(&[1, 3]).await;
    let long = message(&vec![5; 1 << 20]);
    let stalled = || a.count(|counters| &counters.authority_dropped) > 0;
    let mut sent = 0;
    while !stalled() {
        a.handle.broadcast(&long);
        assert_eq!(quick.hears().await.1.len(), 1 << 20);
        sent += 1;
        assert!(sent < 200, "the queue never fills");
    }
    let held = slow.unpicked().iter().filter(|event| matches!(event, NetEvent::Received { .. }));
    let held = held.count();
    assert!((1..=9).contains(&held), "{held} messages of a mebibyte wait for the host");
    // What was not taken for too long costs the stream; a new one follows.
    tokio::time::sleep(2 * STALL_MAX).await;
    for _ in 0..held {
        slow.hears().await;
    }
    let say = async {
        loop {
            a.handle.send(&address(2), &message(b"awake?"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = say => {}
        () = async { while slow.hears().await.1 != b"awake?" {} } => {}
    }
    still_talk(&mut a, &mut quick, 1).await;
}

/// Two thousand small messages that the host does not look at are enough.
#[tokio::test]
async fn short_messages_that_wait_for_the_host_are_bounded_too() {
    let mut a = authority(1, &[]).await;
    let b = authority(2, &[&a]).await;
    b.streams_to(&[1]).await;
    for n in 0..50u32 {
        for _ in 0..100 {
            b.handle.send(&address(1), &message(&n.to_le_bytes()));
        }
        let written = || b.handle.counters().authority_out.messages();
        until("written", || written() >= u64::from(n + 1) * 100).await;
    }
    let handed = || a.handle.counters().authority_in.messages();
    until("two thousand are handed on", || handed() > 2000).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(handed() < 2100, "{}", handed());
    for _ in 0..5000 {
        a.hears().await;
    }
}

/// The restart of a peer, and a partition: streams come back, and messages of before do not.
#[tokio::test]
async fn streams_come_back() {
    let mut a = authority(1, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    let at = key_file.clone();
    let b = authority_with(2, &[&a], |config| config.key_file = at).await;
    a.streams_to(&[2]).await;
    b.net.stop().await;
    a.streams_to(&[]).await;
    a.handle.send(&address(2), &message(b"lost"));
    assert_eq!(a.count(|counters| &counters.authority_unsent), 1);
    let mut b = authority_with(2, &[&a], |config| config.key_file = key_file).await;
    a.streams_to(&[2]).await;
    a.handle.send(&address(2), &message(b"again"));
    assert_eq!(b.hears().await.1, b"again");

    let peer = b.handle.local_peer_id().parse().unwrap();
    a.handle.block(BTreeSet::from([peer])).unwrap();
    let long = message(&vec![1; 1 << 20]);
    (0..3).for_each(|_| a.handle.send(&address(2), &long));
    a.streams_to(&[]).await;
    a.handle.block(BTreeSet::new()).unwrap();
    a.streams_to(&[2]).await;
    a.handle.send(&address(2), &message(b"healed"));
    while b.hears().await.1 != b"healed" {}
    still_talk(&mut a, &mut b, 1).await;
}

/// One key at two peers: the one that proved it last is sent to, and when it goes the other is again. The owner of a key
/// does not talk to whoever copied it.
#[tokio::test]
async fn one_key_at_two_peers() {
    let mut a = authority(1, &[]).await;
    let mut first = authority(2, &[&a]).await;
    a.streams_to(&[2]).await;
    let mut second = authority(2, &[&a]).await;
    let to_second = async {
        loop {
            a.handle.send(&address(2), &message(b"who?"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = to_second => {}
        _ = second.hears() => {}
    }
    first.connected_to(&second).await;
    first.handle.broadcast(&message(b"from the first"));
    second.handle.broadcast(&message(b"from the second"));
    let heard = BTreeSet::from([a.hears().await.1, a.hears().await.1]);
    assert_eq!(heard, BTreeSet::from([b"from the first".to_vec(), b"from the second".to_vec()]));
    assert!(first.handle.authorities() == [address(1)], "not itself");
    second.net.stop().await;
    let to_first = async {
        loop {
            a.handle.send(&address(2), &message(b"you again"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = to_first => {}
        () = async { while first.hears().await.1 != b"you again" {} } => {}
    }
}

/// A thousand messages that wait for an authority on a slow line are enough; the newest stay.
#[tokio::test]
async fn a_slow_line_fills_its_queue_and_no_more() {
    let a = authority(1, &[]).await;
    let mut b = authority(2, &[&a]).await;
    a.streams_to(&[2]).await;
    let bandwidth = Bandwidth::from_bits(Some(1_000_000)).unwrap();
    let slow = LinkShape::new(Span(0), Span(0), Loss::default(), bandwidth).unwrap();
    a.handle.shape(None, slow).unwrap();
    for n in 0..3000u32 {
        a.handle.send(&address(2), &message(&[&n.to_le_bytes()[..], &[0; 996]].concat()));
    }
    assert!(a.count(|counters| &counters.authority_dropped) > 1000);
    a.handle.shape(None, LinkShape::default()).unwrap();
    let mut last = None;
    while last != Some(2999) {
        let heard = b.hears().await.1;
        let n = u32::from_le_bytes(*heard.first_chunk().unwrap());
        assert!(last < Some(n), "in order");
        last = Some(n);
    }
}
