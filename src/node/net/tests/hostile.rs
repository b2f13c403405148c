//! Peers that speak the protocols and mean harm. Each is thrown out, and the honest go on.

use super::super::NetEvent;
use super::super::address::Place;
use super::super::names::Names;
use super::attacker::{Attacker, Plan, frame};
use super::support::{Node, batch, genesis, question, start, still_talk};
use crate::replica::wire::{GOSSIP_BYTES_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, Response};
use crate::types::encode;

fn names() -> Names {
    Names::new(&genesis()).unwrap()
}

pub(super) async fn attack(node: &Node, plan: Plan) -> Attacker {
    Attacker::connect(node.address(), &genesis().to_string(), plan).await
}

/// Two honest nodes that talk.
pub(super) async fn pair() -> (Node, Node) {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    a.connected_to(&b).await;
    b.connected_to(&a).await;
    (a, b)
}

/// Lets a hostile peer do its thing: the node bans it, saying what, and goes on talking to the other.
pub(super) async fn banned_for(a: &mut Node, b: &mut Node, hostile: &mut Attacker, why: &str) {
    let (reason, ()) = tokio::join!(a.banned(), hostile.thrown_out());
    assert!(reason.contains(why), "{reason}");
    still_talk(a, b, 1).await;
    assert_eq!(a.handle.peers().len(), 1);
}

#[tokio::test]
async fn bad_requests() {
    let (mut a, mut b) = pair().await;
    let mut spare = encode(&question(1));
    spare.push(0);
    let oversized = ((REQUEST_BYTES_MAX + 1) as u32).to_le_bytes().to_vec();
    let cases = [
        ("an oversized claim", oversized, "at most 65536 are allowed"),
        ("a claim of 4 GiB", vec![0xff; 4], "4294967295 bytes"),
        ("garbage in a frame", frame(&[0xee; 100]), "do not encode a Request"),
        ("nothing in a frame", frame(&[]), "do not encode a Request"),
        ("a spare byte", frame(&spare), "do not encode a Request"),
        ("a short content", frame(&spare[..20]), "do not encode a Request"),
        ("a list over its cap", frame(&[1, 65, 0, 0, 0]), "at most 64 are allowed"),
    ];
    for (what, bytes, why) in cases {
        println!("{what}");
        let mut hostile = attack(&a, Plan::default()).await;
        hostile.ask(bytes);
        banned_for(&mut a, &mut b, &mut hostile, why).await;
    }
}

/// Twice it is disconnected for, and let in again; the third time is one too many.
#[tokio::test]
async fn requests_cut_off_three_times() {
    let (mut a, mut b) = pair().await;
    let mut hostile = attack(&a, Plan::default()).await;
    let whole = frame(&encode(&question(1)));
    hostile.ask(whole[..2].to_vec());
    hostile.ask(whole[..4].to_vec());
    while hostile.is_connected() {
        hostile.step().await;
    }
    assert!(!a.unpicked().iter().any(|event| matches!(event, NetEvent::Banned { .. })));
    assert!(hostile.knock().await);
    let id = hostile.swarm.local_peer_id().to_string();
    let peer = hostile.while_(a.connected_to_id(&id)).await;
    let peers = a.handle.peers();
    assert!(peers.iter().any(|info| info.peer == peer && info.score < 0), "{peers:?}");
    hostile.ask(whole[..whole.len() - 1].to_vec());
    banned_for(&mut a, &mut b, &mut hostile, "cut off").await;
}

#[tokio::test]
async fn bad_answers() {
    let (mut a, mut b) = pair().await;
    let mut spare = encode(&Response::Block(None));
    spare.push(0);
    let oversized = ((RESPONSE_BYTES_MAX + 1) as u32).to_le_bytes().to_vec();
    let cases = [
        ("an oversized claim", oversized, "at most 8388608 are allowed"),
        ("garbage", frame(&[0xee; 1000]), "do not encode a Response"),
        ("a spare byte", frame(&spare), "do not encode a Response"),
    ];
    for (what, bytes, why) in cases {
        println!("{what}");
        let mut hostile = attack(&a, Plan { answer: bytes, ..Plan::default() }).await;
        let id = hostile.swarm.local_peer_id().to_string();
        let peer = hostile.while_(a.connected_to_id(&id)).await;
        a.handle.request(peer, 7, question(1));
        banned_for(&mut a, &mut b, &mut hostile, why).await;
        assert!(a.outcome(7).await.unwrap_err().contains(why));
    }
}

#[tokio::test]
async fn bad_gossip() {
    let (mut a, mut b) = pair().await;
    let (blocks, transactions) = (names().blocks, names().transactions);
    let mut spare = encode(&batch(1));
    spare.push(0);
    let cases = [
        ("garbage", &transactions, vec![0xee; 100], "do not encode a Gossip"),
        ("nothing", &blocks, vec![], "do not encode a Gossip"),
        ("a spare byte", &transactions, spare, "do not encode a Gossip"),
        ("another kind", &blocks, encode(&batch(1)), "topic of another kind"),
        ("too much", &transactions, vec![1; GOSSIP_BYTES_MAX + 1], "1048577 bytes"),
    ];
    for (what, topic, bytes, why) in cases {
        println!("{what}");
        let plan = Plan { gossip: Some((topic.clone(), bytes)), ..Plan::default() };
        let mut hostile = attack(&a, plan).await;
        banned_for(&mut a, &mut b, &mut hostile, why).await;
    }
    let (_, message) = a.publish_to(&mut b, &batch(7)).await;
    b.handle.verdict(message, crate::replica::GossipVerdict::Accept);
}

/// Far over the cap gossipsub cuts the stream off and does not say whose it was: no ban, and no harm.
#[tokio::test]
async fn gossip_of_several_megabytes() {
    let (mut a, mut b) = pair().await;
    let bytes = vec![1; 4 * GOSSIP_BYTES_MAX];
    let plan = Plan { gossip: Some((names().blocks, bytes)), ..Plan::default() };
    let mut hostile = attack(&a, plan).await;
    hostile.while_(still_talk(&mut a, &mut b, 1)).await;
    let (_, message) = hostile.while_(a.publish_to(&mut b, &batch(7))).await;
    b.handle.verdict(message, crate::replica::GossipVerdict::Accept);
    assert_eq!(a.handle.counters().blocks_in.messages(), 0);
}

#[tokio::test]
async fn bad_exchange() {
    let (mut a, mut b) = pair().await;
    let mut hostile = attack(&a, Plan::default()).await;
    hostile.ask_for_places(frame(&[1]));
    banned_for(&mut a, &mut b, &mut hostile, "request for addresses").await;
    for places in [vec![0xff; 4], frame(&[0xff; 4]), frame(&[1, 0, 0, 0, 1, 0, 0, 0, 0xff])] {
        let plan = Plan { places: Some(places), ..Plan::default() };
        let mut hostile = attack(&a, plan).await;
        banned_for(&mut a, &mut b, &mut hostile, "list of addresses").await;
    }
}

#[tokio::test]
async fn junk_on_the_port() {
    use tokio::io::AsyncWriteExt;
    let (mut a, mut b) = pair().await;
    let socket = Place::parse(&a.address()).unwrap().socket;
    for junk in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], &[]] {
        let mut stream = tokio::net::TcpStream::connect(socket).await.unwrap();
        let _ = stream.write_all(junk).await; // it may be closed on us half-way
    }
    still_talk(&mut a, &mut b, 1).await;
}
