//! Some replicas make blocks, and all follow.

use assay::types::{Amount, Bounded, Keypair, Output as Payment, Transaction, TransactionId};

use super::subject::{Subject, address, person};
use super::world::{Survives, World};

/// A payment of the first coin of this person to the next one, as the genesis block left it.
pub fn payment(subject: &Subject, payer: usize) -> Transaction {
    let cold = subject.cold();
    let coins = cold.tree().root().state.coins_of(&address(payer), None, 1).unwrap();
    let (id, coin) = coins[0];
    let fee = 100_000;
    let paid = Amount(coin.amount.0 - fee);
    let mut transaction = Transaction {
        inputs: Bounded::truncated(vec![id]),
        outputs: Bounded::truncated(vec![Payment { to: address(payer + 1), amount: paid }]),
        operation: None,
        witnesses: Bounded::default(),
    };
    let owner: Keypair = person(payer);
    transaction.sign(&subject.params().chain, &[owner]);
    transaction
}

/// Whether every node has a transaction in a block of its best branch.
pub fn confirmed(world: &World<'_>, id: &TransactionId) -> bool {
    world.nodes.iter().all(|node| {
        let Some(replica) = &node.replica else { return false };
        let head = &replica.tree().head().state;
        let coin = Transaction::coin_id(id, 0, &world.subject.params().chain);
        assay::ledger::CoinView::coin(head, &coin).unwrap().is_some()
    })
}

pub fn check(subject: &Subject) {
    let mut world = World::new(subject, 1, 3, 2);
    world.until("three blocks everywhere", |world| (0..5).all(|node| world.height(node).0 >= 3));
    // At one that makes blocks, and at one that does not.
    let paid = [payment(subject, 4), payment(subject, 5)];
    world.submit(0, vec![paid[0].clone()]);
    world.submit(4, vec![paid[1].clone()]);
    let chain = subject.params().chain;
    world.until("payments are confirmed everywhere", |world| {
        paid.iter().all(|transaction| confirmed(world, &transaction.id(&chain)))
    });
    world.go_on(3);
    world.until("blocks become final everywhere", |world| {
        (0..5).all(|node| world.replica(node).tree().root().height().0 >= 3)
    });
    world.go_on(1);
    let made = |world: &World<'_>, node: usize| !world.nodes[node].watch.told.is_empty();
    let makers: Vec<usize> = (0..5).filter(|node| made(&world, *node)).collect();
    if let [only] = makers[..] {
        // One leads. When it is gone, another one does.
        world.crash(only, Survives::Everything);
        world.until("somebody else makes blocks", |world| {
            (0..5).any(|node| node != only && made(world, node))
        });
        world.go_on(3);
    }
}
