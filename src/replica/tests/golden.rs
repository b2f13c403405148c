//! Encodings of everything that peers send, and of inputs, which are recorded and replayed.

use super::super::wire::*;
use super::super::*;
use crate::chain::Rank;
use crate::consensus::pow::testkit::Mine;
use crate::consensus::{Message, Stake};
use crate::types::testkit::{Golden, key};
use crate::types::work::WorkProof;
use crate::types::{
    Address, Amount, Bounded, CoinId, Evidence, Hash, Height, Output as Coin, Seal, Signature,
    Transaction,
};

fn transaction() -> Transaction {
    let mut transaction = Transaction {
        inputs: Bounded::truncated(vec![CoinId(Hash([1; 32]))]),
        outputs: Bounded::truncated(vec![Coin { to: Address::default(), amount: Amount(5) }]),
        operation: None,
        witnesses: Bounded::default(),
    };
    transaction.sign(&GenesisId::default(), &[key(1)]);
    transaction
}

fn seal() -> Seal {
    Seal::Work(WorkProof { version: 0x2000_0000, extra_nonce: 7, time: 8, nonce: 9 })
}

#[test]
fn messages_are_the_pinned_ones_and_the_only_ones() {
    let genesis = (*Mine::new().genesis).clone();
    let id = BlockId(Hash([2; 32]));
    let statement = (Hash([4; 32]), Signature([5; 64]));
    let evidence = Evidence::Statements {
        key: key(1).public(),
        round: 1,
        height: 2,
        step: 3,
        first: statement,
        second: statement,
    };
    let announce = Announce {
        header: genesis.header,
        seal: seal(),
        short_ids: Bounded::truncated(vec![1, u64::MAX]),
        evidence: Bounded::truncated(vec![evidence]),
    };
    let status = Status {
        genesis: GenesisId(Hash([6; 32])),
        head: id,
        height: Height(9),
        final_id: id,
        final_height: Height(3),
        rank: Rank::of_numbers(&[1, 2]),
    };
    let mut golden = Golden::default();
    let batch = Gossip::Transactions(Bounded::truncated(vec![transaction(), transaction()]));
    let announced = Gossip::Announce(Box::new(announce));
    golden.pin("gossip/announce", &announced);
    golden.pin("gossip/transactions", &batch);
    let places = Bounded::truncated(vec![0, 5]);
    let requests = [
        ("status", Request::Status(status.clone())),
        ("headers", Request::Headers { locator: Bounded::truncated(vec![id, id]) }),
        ("blocks", Request::Blocks { after: id, count: 7 }),
        ("block", Request::Block(id)),
        ("transactions", Request::Transactions { block: id, places }),
    ];
    for (name, request) in &requests {
        golden.pin(&format!("request/{name}"), request);
    }
    let sealed = SealedHeader { header: genesis.header, seal: seal() };
    let responses = [
        ("status", Response::Status(status)),
        ("headers", Response::Headers(Bounded::truncated(vec![sealed.clone(), sealed]))),
        ("blocks", Response::Blocks(Bounded::truncated(vec![genesis.clone()]))),
        ("block", Response::Block(Some(Box::new(genesis.clone())))),
        ("no-block", Response::Block(None)),
        ("transactions", Response::Transactions(Bounded::truncated(vec![transaction()]))),
    ];
    for (name, response) in &responses {
        golden.pin(&format!("response/{name}"), response);
    }
    let from = Peer(3);
    let order = crate::consensus::OrderId(4);
    let message = Message(Bounded::truncated(vec![1, 2, 3]));
    let stake = Stake { owners: [key(3).address()].into(), reserve: Amount(5) };
    let inputs = [
        ("connected", Input::Connected(from)),
        ("disconnected", Input::Disconnected(from)),
        ("gossip", Input::Gossip { from, message: 1, gossip: batch }),
        ("request", Input::Request { from, id: 2, request: Request::Block(id) }),
        ("response", Input::Response { from, id: 2, response: Response::Block(None) }),
        ("request-failed", Input::RequestFailed { from, id: 2 }),
        ("verified", Input::Verified { order: 5, bad: vec![1, 2] }),
        ("found", Input::Found { order, seal: seal() }),
        ("submit", Input::Submit { ticket: 6, transactions: vec![transaction()] }),
        ("payout", Input::Payout(Some(key(1).address()))),
        ("no-payout", Input::Payout(None)),
        ("signed", Input::Signed { order, seal: Some(seal()) }),
        ("unsigned", Input::Signed { order, seal: None }),
        ("stake", Input::Stake(Some(stake))),
        ("no-stake", Input::Stake(None)),
        ("tick", Input::Tick),
        ("sealed", Input::Sealed(Box::new(genesis))),
        ("received", Input::Received { from: key(2).address(), message }),
        ("read", Input::Read { ticket: 8 }),
    ];
    for (name, input) in &inputs {
        golden.pin(&format!("input/{name}"), input);
    }
    golden.compare("src/replica/tests/golden.txt");
}

/// A number per block and transaction: fast, keyed by the block, of 64 bits.
#[test]
fn short_ids_are_the_pinned_ones_and_differ_from_block_to_block() {
    let transaction = TransactionId(Hash([7; 32]));
    let one = short_id(&BlockId(Hash([1; 32])), &transaction);
    assert_ne!(one, short_id(&BlockId(Hash([2; 32])), &transaction));
    assert_ne!(one, short_id(&BlockId(Hash([1; 32])), &TransactionId(Hash([8; 32]))));
    let mut golden = Golden::default();
    golden.pin("short-id", &one);
    golden.compare("src/replica/tests/golden_short_ids.txt");
}
