//! Finding, losing and refusing peers.

use std::collections::BTreeSet;
use std::net::TcpListener;

use super::super::{NetError, NetEvent};
use super::support::{config, genesis, start, start_with, still_talk, try_start};
use crate::types::{GenesisId, Hash};

#[tokio::test]
async fn a_node_of_another_chain_is_refused_and_both_learn_of_it() {
    let other = GenesisId(Hash([8; 32]));
    let mut a = start(&[]).await;
    let address = a.address();
    let mut stranger = start_with(|config| {
        config.genesis = other;
        config.bootnodes = vec![address];
    })
    .await;
    let wrong = |event: &NetEvent| match event {
        NetEvent::WrongChain { peer_id, ours, theirs, .. } => {
            Some((peer_id.clone(), *ours, theirs.clone()))
        }
        _ => None,
    };
    let (who, ours, theirs) = a.wait("WrongChain", wrong).await;
    assert_eq!(who, stranger.handle.local_peer_id());
    assert_eq!((ours, theirs), (genesis(), other.to_string()));
    let (who, ours, theirs) = stranger.wait("WrongChain", wrong).await;
    assert_eq!(who, a.handle.local_peer_id());
    assert_eq!((ours, theirs), (other, genesis().to_string()));
    let mut b = start(&[a.address()]).await;
    still_talk(&mut a, &mut b, 1).await;
    assert_eq!(a.handle.peers().len(), 1);
    assert!(stranger.handle.peers().is_empty());
    let seen = |event: &NetEvent| matches!(event, NetEvent::Connected(_));
    assert!(!stranger.unpicked().iter().any(seen));
}

#[tokio::test]
async fn who_knows_one_node_finds_the_others() {
    let mut nodes = vec![start(&[]).await];
    let first = nodes[0].address();
    for _ in 0..3 {
        nodes.push(start(std::slice::from_ref(&first)).await);
    }
    let ids: BTreeSet<String> =
        nodes.iter().map(|node| node.handle.local_peer_id().to_owned()).collect();
    for mut node in nodes {
        let mut expected = ids.clone();
        expected.remove(node.handle.local_peer_id());
        for _ in 0..expected.len() {
            node.connected().await;
        }
        let peers = node.handle.peers();
        let found: BTreeSet<String> = peers.iter().map(|info| info.peer_id.clone()).collect();
        assert_eq!(found, expected);
        let agent = concat!("assay/", env!("CARGO_PKG_VERSION"));
        assert!(peers.iter().all(|info| info.agent == agent), "{peers:?}");
        std::mem::forget(node); // the others are still to be looked at
    }
}

#[tokio::test]
async fn a_net_that_starts_together_is_complete() {
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(start(&[]).await);
    }
    let addresses: Vec<_> = nodes.iter().map(|node| node.address()).collect();
    for node in &nodes {
        for address in &addresses {
            node.handle.connect(address.clone()).unwrap();
        }
    }
    for node in &mut nodes {
        for _ in 0..3 {
            node.connected().await;
        }
    }
    let (one, others) = nodes.split_at_mut(1);
    for (id, other) in (1..).zip(others) {
        still_talk(&mut one[0], other, id).await;
    }
}

#[tokio::test]
async fn a_peer_keeps_its_number_and_its_id_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut a = start(&[]).await;
    let mut b = try_start(config(folder.path(), &[a.address()])).await.unwrap();
    let peer = a.connected().await;
    let id = b.handle.local_peer_id().to_owned();
    still_talk(&mut a, &mut b, 1).await;
    b.net.stop().await;
    assert_eq!(a.disconnected().await, peer);
    let mut other = start(&[a.address()]).await;
    assert_ne!(a.connected().await, peer);
    let mut b = try_start(config(folder.path(), &[a.address()])).await.unwrap();
    assert_eq!(b.handle.local_peer_id(), id);
    assert_eq!(a.connected().await, peer);
    still_talk(&mut a, &mut b, 2).await;
    still_talk(&mut a, &mut other, 3).await;
}

#[tokio::test]
async fn a_bootnode_may_come_late_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let first = try_start(config(folder.path(), &[])).await.unwrap();
    let address = first.address();
    first.net.stop().await;
    let mut settings = config(folder.path(), &[]);
    settings.listen = address.iter().take(2).collect();
    let mut b = start(&[address]).await;
    for _ in 0..2 {
        let mut a = try_start(settings.clone()).await.unwrap();
        b.connected().await;
        still_talk(&mut a, &mut b, 1).await;
        a.net.stop().await;
        b.disconnected().await;
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_and_a_stopped_node_frees_its_own() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: libp2p::Multiaddr =
        format!("/ip4/127.0.0.1/tcp/{}", holder.local_addr().unwrap().port()).parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config(folder.path(), &[]);
    settings.listen = address.clone();
    match try_start(settings.clone()).await.err() {
        Some(NetError::Bind { address: named, .. }) => assert_eq!(named, address),
        other => panic!("{other:?}"),
    }
    drop(holder);
    let node = try_start(settings.clone()).await.unwrap();
    // Another node of ours, which would share the port if it were asked to.
    assert!(matches!(try_start(settings.clone()).await.err(), Some(NetError::Bind { .. })));
    node.net.stop().await;
    try_start(settings).await.unwrap().net.stop().await;
}

#[tokio::test]
async fn bad_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for bad in ["/dns4/host/tcp/7", "/ip4/127.0.0.1/udp/7", "/ip4/127.0.0.1/tcp/0"] {
        let settings = config(folder.path(), &[bad.parse().unwrap()]);
        assert!(matches!(try_start(settings).await.err(), Some(NetError::Address { .. })), "{bad}");
    }
    let mut settings = config(folder.path(), &[]);
    settings.listen = "/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap();
    assert!(matches!(try_start(settings).await.err(), Some(NetError::Address { .. })));
    use std::os::unix::fs::PermissionsExt;
    let settings = config(folder.path(), &[]);
    try_start(settings.clone()).await.unwrap().net.stop().await;
    std::fs::set_permissions(&settings.key_file, std::fs::Permissions::from_mode(0o644)).unwrap();
    match try_start(settings).await.err() {
        Some(error @ NetError::KeyFile { .. }) => {
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_peer_banned_by_the_host_goes_and_stays_away() {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    let mut c = start(&[a.address()]).await;
    let peer = a.connected_to(&b).await;
    still_talk(&mut a, &mut c, 1).await;
    a.handle.ban(peer, "for the test");
    assert_eq!(a.banned().await, "for the test");
    assert_eq!(a.disconnected().await, peer);
    b.disconnected().await;
    // A ban is forgotten by nobody but who was restarted: it knocks again and is not let in.
    b.handle.connect(a.address()).unwrap();
    still_talk(&mut a, &mut c, 2).await;
    let back = |event: &NetEvent| *event == NetEvent::Connected(peer);
    assert!(!a.unpicked().iter().any(back));
    assert!(a.handle.peers().iter().all(|info| info.peer != peer));
}
