use futures::executor::block_on;

use super::*;
use crate::ledger::{Coin, CoinKind};
use crate::types::{Amount, Keypair, Output, Time};
use crate::wallet::build::sign;
use crate::wallet::fake::{FakeClock, FakeNode, HEAD, MATURITY};
use crate::wallet::track::submit;

fn key(mark: u8) -> Keypair {
    Keypair::from_secret(&[mark; 32])
}

/// Sends coins from one key to another and leaves the transaction pending.
fn send(node: &FakeNode, from: &Keypair, to: &Keypair, amount: u64) -> Selection {
    block_on(async {
        let chain = Chain::of(node).await.unwrap();
        let owner = [from.address()];
        let mut coins = own(node, &chain, &owner).await.unwrap();
        let payment = Payment {
            from: &owner,
            purpose: Purpose::Pay(Output { to: to.address(), amount: Amount(amount) }),
            change_to: from.address(),
            fee_factor: FeeFactor::ONE,
            picked: &[],
        };
        let selection = choose(node, &chain, &mut coins, &payment).await.unwrap();
        let signed = sign(&selection, &chain.genesis, std::slice::from_ref(from)).unwrap();
        submit(node, &FakeClock::default(), &signed).await.unwrap();
        selection
    })
}

fn states(node: &FakeNode, owner: &Keypair) -> Vec<CoinState> {
    block_on(async {
        let chain = Chain::of(node).await.unwrap();
        let mut coins = own(node, &chain, &[owner.address()]).await.unwrap();
        coins.sort_by_key(|coin| (coin.time, coin.amount));
        coins.into_iter().map(|coin| coin.state).collect()
    })
}

#[test]
fn coins_are_read_over_all_pages() {
    let node = FakeNode::new().with_page(7);
    for height in 1..=40 {
        node.fund(key(1).address(), height, height, CoinKind::Transfer);
        node.fund(key(2).address(), height, height, CoinKind::Transfer);
    }
    let chain = block_on(Chain::of(&node)).unwrap();
    let listed = block_on(list(&node, &chain, &key(1).address())).unwrap();
    assert_eq!((listed.coins.len(), listed.height), (40, Height(HEAD)));
    let both = [key(1).address(), key(2).address()];
    assert_eq!(block_on(own(&node, &chain, &both)).unwrap().len(), 80);
}

#[test]
fn every_coin_has_one_state() {
    let node = FakeNode::new();
    let owner = key(1);
    node.fund(owner.address(), 1, 1, CoinKind::Transfer);
    node.fund(owner.address(), 1, 2, CoinKind::Bond);
    node.fund(owner.address(), 1, HEAD - MATURITY + 1, CoinKind::Reward);
    node.fund(owner.address(), 1, HEAD - MATURITY + 2, CoinKind::Reward);
    let from = Height(HEAD + 2);
    assert_eq!(
        states(&node, &owner),
        [
            CoinState::Spendable,
            CoinState::Bonded,
            CoinState::Spendable,
            CoinState::Immature { from }
        ]
    );
}

#[test]
fn change_is_spent_while_it_is_pending_again_and_again() {
    let node = FakeNode::new();
    let (owner, other) = (key(1), key(2));
    node.fund(owner.address(), 10, 1, CoinKind::Transfer);
    for unconfirmed in [0, 1, 1, 1] {
        let selection = send(&node, &owner, &other, 100_000_000);
        assert_eq!(selection.unconfirmed(), unconfirmed);
    }
    node.mine();
    assert_eq!(node.owned(&other.address()), 400_000_000);
}

#[test]
fn coins_that_others_promise_are_not_spent() {
    let node = FakeNode::new();
    let (owner, stranger) = (key(1), key(2));
    node.fund(stranger.address(), 10, 1, CoinKind::Transfer);
    send(&node, &stranger, &owner, 500_000_000);
    let chain = block_on(Chain::of(&node)).unwrap();
    let own_address = [owner.address()];
    let mut coins = block_on(own(&node, &chain, &own_address)).unwrap();
    let picked = [coins[0].id];
    let payment = Payment {
        from: &own_address,
        purpose: Purpose::Pay(Output { to: stranger.address(), amount: Amount(100_000_000) }),
        change_to: owner.address(),
        fee_factor: FeeFactor::ONE,
        picked: &[],
    };
    let error = block_on(choose(&node, &chain, &mut coins, &payment)).unwrap_err();
    let ChooseError::Select(SelectError::Insufficient(short)) = error else { panic!("{error}") };
    assert_eq!(short.arriving, Amount(500_000_000));
    let by_hand = Payment { picked: &picked, ..payment };
    let error = block_on(choose(&node, &chain, &mut coins, &by_hand)).unwrap_err();
    assert!(error.to_string().contains("somebody else"), "{error}");
    node.mine();
    let mut coins = block_on(own(&node, &chain, &own_address)).unwrap();
    assert!(block_on(choose(&node, &chain, &mut coins, &by_hand)).is_ok());
}

#[test]
fn a_deposit_is_bonded_before_a_block_carries_it() {
    let coin = |kind, created_by| {
        let coin = Coin {
            owner: key(1).address(),
            amount: Amount(7),
            height: Height(1),
            time: Time(0),
            kind,
        };
        CoinInfo {
            created_by,
            ..CoinInfo::of(CoinId::default(), &coin, String::new(), Height(2), MATURITY)
        }
    };
    let by = TransactionId::default();
    assert_eq!(state(&coin(CoinKind::Bond, None)), CoinState::Bonded);
    assert_eq!(state(&coin(CoinKind::Bond, Some(by))), CoinState::Bonded);
    assert_eq!(state(&coin(CoinKind::Transfer, Some(by))), CoinState::Arriving { by });
}
