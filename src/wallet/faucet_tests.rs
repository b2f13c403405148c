use std::collections::BTreeSet;

use futures::executor::block_on;

use super::*;
use crate::ledger::CoinKind;
use crate::wallet::fake::{FakeClock, FakeNode};

fn key(mark: u8) -> Keypair {
    Keypair::from_secret(&[mark; 32])
}

fn givers() -> Vec<Giver> {
    ["alice", "bob", "carol"]
        .into_iter()
        .zip(1..)
        .map(|(name, mark)| Giver { name: name.into(), key: key(mark) })
        .collect()
}

fn funded(coins: [u64; 3]) -> FakeNode {
    let node = FakeNode::new();
    for (coins, giver) in coins.into_iter().zip(givers()) {
        if coins > 0 {
            node.fund(giver.key.address(), coins, 1, CoinKind::Transfer);
        }
    }
    node
}

fn ask(node: &FakeNode, to: &Keypair) -> Result<Given, FaucetError> {
    block_on(async {
        let chain = Chain::of(node).await.unwrap();
        let clock = FakeClock::default();
        let wish = (to.address(), AMOUNT_DEFAULT);
        give(node, &clock, &chain, &givers(), wish, FeeFactor::ONE).await
    })
}

#[test]
fn the_address_chooses_who_pays_first() {
    let node = funded([1_000; 3]);
    let mut asked = BTreeSet::new();
    for mark in 10..40 {
        let first = first_giver(&key(mark).address(), 3);
        let given = ask(&node, &key(mark)).unwrap();
        assert_eq!(given.giver, givers()[first].name);
        node.mine();
        assert_eq!(node.owned(&key(mark).address()), AMOUNT_DEFAULT.0);
        asked.insert(given.giver);
        if asked.len() == 3 {
            return;
        }
    }
    panic!("only {asked:?} were ever asked");
}

#[test]
fn the_next_one_pays_where_one_cannot() {
    for rich in 0..3 {
        let mut coins = [0, 5, 0];
        coins[rich] = 1_000;
        let given = ask(&funded(coins), &key(50)).unwrap();
        assert_eq!(given.giver, givers()[rich].name);
    }
    let error = ask(&funded([5; 3]), &key(50)).unwrap_err();
    assert!(matches!(error, FaucetError::Short { .. }), "{error}");
}

#[test]
fn nobody_pays_where_the_node_refuses_everybody() {
    let node = funded([1_000, 1_000, 0]).refusing("the pool is full");
    let error = ask(&node, &key(50)).unwrap_err();
    assert!(matches!(error, FaucetError::Track { .. }), "{error}");
    assert_eq!(node.submissions(), 2 * ROUNDS);
}

#[test]
fn the_faucet_pays_again_while_its_last_payment_is_pending() {
    let node = funded([1_000, 0, 0]);
    let to = key(60);
    let ids: BTreeSet<_> = (0..4).map(|_| ask(&node, &to).unwrap().signed.id).collect();
    assert_eq!(ids.len(), 4);
    node.mine();
    assert_eq!(node.owned(&to.address()), 4 * AMOUNT_DEFAULT.0);
}

#[test]
fn a_chain_without_development_accounts_has_no_faucet() {
    let node = funded([1_000; 3]).with_info(|info| info.dev = false);
    let error = ask(&node, &key(50)).unwrap_err();
    assert_eq!(error, FaucetError::NotDev { chain: "fake-dev".into() });
    assert_eq!(node.submissions(), 0);
}

#[test]
fn every_number_of_givers_has_a_first() {
    for givers in 0..20 {
        for mark in 0..20 {
            let first = first_giver(&key(mark).address(), givers);
            assert!(first < givers.max(1));
        }
    }
}
