//! More nodes than one mesh holds.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use super::super::{Net, NetConfig, NetEvent, NetHandle};
use super::support::{PATIENCE, batch, genesis};
use crate::replica::GossipVerdict;
use crate::replica::wire::Gossip;

const NODES: usize = 24;

/// A node that accepts all gossip and passes it to the test with its own number.
async fn start(
    number: usize,
    bootnodes: Vec<libp2p::Multiaddr>,
    heard: mpsc::UnboundedSender<(usize, Gossip)>,
) -> (Net, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = NetConfig::new(genesis(), folder.path().join("node-key"));
    config.bootnodes = bootnodes;
    config.outbound_target = 3;
    let slot: Arc<OnceLock<NetHandle>> = Arc::default();
    let own = slot.clone();
    let events = move |event| {
        if let NetEvent::Gossip { message, gossip, .. } = event
            && let Some(handle) = own.get()
        {
            handle.verdict(message, GossipVerdict::Accept);
            let _ = heard.send((number, gossip));
        }
    };
    let net = Net::start(config, Box::new(events)).await.unwrap();
    assert!(slot.set(net.handle()).is_ok());
    (net, folder)
}

/// Everybody knows only the first; a message of the last reaches all, each once.
#[tokio::test]
async fn gossip_crosses_a_net_wider_than_a_mesh() {
    let (sender, mut heard) = mpsc::unbounded_channel();
    let mut nets = vec![start(0, Vec::new(), sender.clone()).await];
    let first = nets[0].0.handle().listen_addresses()[0].clone();
    for number in 1..NODES {
        nets.push(start(number, vec![first.clone()], sender.clone()).await);
    }
    let mut publisher = nets.last().unwrap().0.handle();
    let enough = |handle: &NetHandle| handle.peers().len() >= 3;
    let settled = async {
        while !nets.iter().all(|(net, _)| enough(&net.handle())) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("three neighbours each");
    for round in 0..3 {
        let mut missing: Vec<usize> = (0..NODES).collect();
        missing
            .retain(|number| nets[*number].0.handle().local_peer_id() != publisher.local_peer_id());
        publisher.publish(batch(round));
        let all = async {
            while !missing.is_empty() {
                let (number, gossip) = heard.recv().await.unwrap();
                assert_eq!(gossip, batch(round));
                let before = missing.len();
                missing.retain(|other| *other != number);
                assert_eq!(missing.len(), before - 1, "node {number} heard it twice");
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("everybody hears of it");
        publisher = nets[round as usize].0.handle();
    }
    for (net, _) in nets {
        net.stop().await;
    }
}
