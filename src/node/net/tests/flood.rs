//! Peers that send more than they may. Each is disconnected first and shut out when it goes on, and the honest talk on.

use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;

use libp2p::core::Multiaddr;
use libp2p::swarm::{ConnectionId, NetworkBehaviour};

use super::super::door::Door;
use super::super::rates::{ANSWER_BYTES, CONNECTIONS};
use super::super::{NetEvent, address::Place};
use super::attacker::{Attacker, Plan, frame, rpc};
use super::hostile::{attack, pair};
use super::support::{batch, genesis, question, start, start_with, still_talk, transaction};
use super::talk::answer_of;
use crate::replica::wire::{Announce, BATCH_MAX, Gossip, Response};
use crate::types::{
    Address, BlockId, Bounded, Claim, HEADER_VERSION, Hash, Header, Height, Seal, StateRoot, Time,
    encode,
};

/// Two honest nodes talk; a third floods one of them until it is shut out.
async fn flooded(what: &str, times: usize, harm: impl FnMut(&mut Attacker)) {
    let (mut a, mut b) = pair().await;
    let mut attacker = attack(&a, Plan::default()).await;
    let (reason, ()) = tokio::join!(a.banned(), attacker.flood(times, harm));
    assert!(reason.contains(what), "{reason}");
    assert!(a.handle.counters().over_rate.load(Relaxed) >= 5, "it was warned");
    still_talk(&mut a, &mut b, 1).await;
    let peers = a.handle.peers();
    assert_eq!(peers.len(), 1);
    assert_eq!(peers[0].score, 0, "the honest one is not blamed");
}

fn topic(name: &str) -> String {
    format!("assay/{}/{name}", genesis())
}

/// The same message again and again: gossipsub drops it without a word, but not for nothing.
#[tokio::test]
async fn repeated_gossip() {
    let message = rpc::publish(&topic("transactions"), &encode(&batch(7))).repeat(100);
    flooded("gossip messages", 1, |attacker| {
        let message = message.clone();
        attacker.gossip(move |_| message.clone());
    })
    .await;
}

#[tokio::test]
async fn announcements() {
    let header = Header {
        version: HEADER_VERSION,
        height: Height(7),
        parent: BlockId::default(),
        time: Time(7),
        producer: Address::default(),
        claim: Claim::Genesis,
        body_root: Hash::default(),
        state_root: StateRoot::default(),
    };
    let announce = Announce {
        header,
        seal: Seal::Genesis,
        short_ids: Bounded::default(),
        evidence: Bounded::default(),
    };
    let message = rpc::publish(&topic("blocks"), &encode(&Gossip::Announce(Box::new(announce))));
    flooded("announcements", 1, |attacker| {
        let message = message.clone();
        attacker.gossip(move |_| message.clone());
    })
    .await;
}

/// Whichever of the two rates is first: their number is known only once they are read, their bytes before.
#[tokio::test]
async fn transactions() {
    flooded("too many", 1, |attacker| {
        attacker.gossip(|number| {
            let first = number * BATCH_MAX as u64;
            let batch = (first..).take(BATCH_MAX).map(transaction).collect();
            rpc::publish(
                &topic("transactions"),
                &encode(&Gossip::Transactions(Bounded::truncated(batch))),
            )
        });
    })
    .await;
}

/// Ids of messages that a peer does not want are kept for seconds, and may be as long as it likes.
#[tokio::test]
async fn unwanted_messages() {
    flooded("bytes about gossip", 1, |attacker| {
        attacker.gossip(|number| {
            let name =
                |n: u64| [(20 * number + n).to_le_bytes().to_vec(), vec![0; 10_000]].concat();
            rpc::do_not_want(&(0..20).map(name).collect::<Vec<_>>())
        });
    })
    .await;
}

#[tokio::test]
async fn offers_of_messages() {
    flooded("bytes about gossip", 1, |attacker| {
        attacker.gossip(|number| {
            let name = |n: u64| [(5000 * number + n).to_le_bytes().to_vec(), vec![0; 12]].concat();
            rpc::have(&topic("blocks"), &(0..5000).map(name).collect::<Vec<_>>())
        });
    })
    .await;
}

/// A peer that does not wait for answers.
#[tokio::test]
async fn questions() {
    // Honest nodes ask another one below, which must not be taken for this.
    let question = frame(&encode(&question(9)));
    flooded("questions at once", 64, |attacker| attacker.ask(question.clone())).await;
}

#[tokio::test]
async fn questions_for_addresses() {
    flooded("questions for addresses", 4, |attacker| attacker.ask_for_places(frame(&[]))).await;
}

#[tokio::test]
async fn greetings() {
    flooded("greetings", 1, Attacker::greet).await;
}

/// Whoever waits for its answers gets them, as fast as it may, and is not blamed for wanting more.
#[tokio::test]
async fn who_waits_for_answers_is_served_and_not_blamed() {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    let to_a = b.connected_to(&a).await;
    let bytes = 1 << 20;
    let answer = answer_of(bytes);
    let rounds = u64::from(ANSWER_BYTES.burst) / bytes as u64 + 3;
    for id in 0..rounds {
        b.handle.request(to_a, id, question(1));
        let (from, number, _) = a.request().await;
        a.handle.respond(from, number, answer.clone());
        assert!(b.outcome(id).await.is_ok());
    }
    still_talk(&mut a, &mut b, rounds).await;
    assert_eq!(a.handle.peers()[0].score, 0);
    assert_eq!(a.handle.counters().over_rate.load(Relaxed), 0);
}

/// What is answered beyond the allowance is waited for before the next question is even looked at.
#[tokio::test]
async fn questions_wait_while_answers_are_owed() {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    let to_a = b.connected_to(&a).await;
    let answer = answer_of(1 << 20);
    for id in 0..12 {
        b.handle.request(to_a, id, question(1));
    }
    // All of them are open before the first answer goes out, so together they owe what the allowance lacks.
    let mut open = Vec::new();
    for _ in 0..12 {
        open.push(a.request().await);
    }
    for (from, number, _) in open {
        a.handle.respond(from, number, answer.clone());
    }
    for id in 0..12 {
        assert_eq!(b.outcome(id).await.map(drop), Ok(()));
        b.handle.request(to_a, 100 + id, question(2));
    }
    for _ in 0..12 {
        let (from, number, _) = a.request().await;
        a.handle.respond(from, number, Response::Block(None));
    }
    for id in 0..12 {
        assert_eq!(b.outcome(100 + id).await.map(drop), Ok(()));
    }
    assert!(a.handle.counters().requests_held.load(Relaxed) > 0);
    assert_eq!(a.handle.peers()[0].score, 0);
}

#[test]
fn the_door_lets_in_a_burst_and_then_so_many_a_second() {
    let mut door = Door::new(std::time::Instant::now());
    let here: Multiaddr = "/ip4/127.0.0.1/tcp/7".parse().unwrap();
    let mut knock = |number| {
        let id = ConnectionId::new_unchecked(number);
        door.handle_pending_inbound_connection(id, &here, &here).is_ok()
    };
    let burst = CONNECTIONS.burst as usize;
    assert!((0..burst).all(&mut knock));
    assert!(!(burst..10 * burst).all(knock));
}

/// Connections by the hundred, of which nobody makes anything.
#[tokio::test]
async fn connections() {
    let (mut a, mut b) = pair().await;
    let socket = Place::parse(&a.address()).unwrap().socket;
    let streams: Vec<_> = (0..400).filter_map(|_| TcpStream::connect(socket).ok()).collect();
    still_talk(&mut a, &mut b, 1).await;
    drop(streams);
    still_talk(&mut a, &mut b, 2).await;
}

/// Others cannot take all places: those that a node means to choose itself stay free.
#[tokio::test]
async fn places_are_kept_for_those_that_a_node_chooses() {
    let mut a = start_with(|config| {
        config.peers_max = 6;
        config.outbound_target = 2;
    })
    .await;
    let mut crowd = Vec::new();
    for _ in 0..8 {
        crowd.push(attack(&a, Plan::default()).await);
    }
    for _ in 0..4 {
        a.connected().await;
    }
    let mut honest = start(&[]).await;
    a.handle.connect(honest.address()).unwrap();
    let id = honest.handle.local_peer_id().to_owned();
    let all = async {
        a.connected_to_id(&id).await;
        still_talk(&mut a, &mut honest, 1).await;
    };
    let crowd = async {
        let steps = crowd.iter_mut().map(|attacker| {
            Box::pin(async move {
                loop {
                    attacker.step().await;
                }
            })
        });
        futures::future::join_all(steps).await;
    };
    tokio::select! {
        () = all => {}
        () = crowd => {}
    }
    let inbound = a.handle.peers().iter().filter(|info| !info.outbound).count();
    assert_eq!(inbound, 4);
    let connected = |event: &NetEvent| matches!(event, NetEvent::Connected(_));
    assert!(!a.unpicked().iter().any(connected));
}
