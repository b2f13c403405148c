//! Encodings of everything that is hashed: pinned, read back, and held to be the only ones.

use super::target::{Bits, Work};
use super::testkit::{Golden, key};
use super::work::WorkProof;
use super::*;

fn hash(number: u8) -> Hash {
    Hash([number; 32])
}

fn header(claim: Claim) -> Header {
    Header {
        version: HEADER_VERSION,
        height: Height(7),
        parent: BlockId(hash(1)),
        time: Time(1_700_000_000_123),
        producer: key(1).address(),
        claim,
        body_root: hash(2),
        state_root: StateRoot(hash(3)),
    }
}

fn claims() -> [(&'static str, Claim); 6] {
    [
        ("genesis", Claim::Genesis),
        ("work", Claim::Work { bits: Bits(0x207f_ffff) }),
        ("stake", Claim::Stake { bits: Bits(0x1d00_ffff), coin: CoinId(hash(4)) }),
        ("slot", Claim::Slot { reveal: hash(5), commit: hash(6), prior: Height(3) }),
        ("turn", Claim::Turn { weight: 2, prior: Height(3) }),
        ("round", Claim::Round { round: u64::MAX }),
    ]
}

fn seals() -> [(&'static str, Seal); 5] {
    let signature = Signature([9; 64]);
    let vote = |number| Vote { key: PublicKey([number; 32]), signature };
    let work = WorkProof { version: 0x2000_0000, extra_nonce: 1 << 40, time: 9, nonce: 8 };
    [
        ("genesis", Seal::Genesis),
        ("work", Seal::Work(work)),
        ("signature", Seal::Signature { key: PublicKey([6; 32]), signature }),
        ("quorum", Seal::Quorum { round: 3, votes: Bounded::truncated(vec![vote(1), vote(2)]) }),
        ("leader", Seal::Leader { round: 4, leader: PublicKey([5; 32]), signature }),
    ]
}

fn operations() -> [(&'static str, Operation); 10] {
    let text = |text: &str| Text::new(text).unwrap();
    let address = key(2).address();
    [
        ("register-delegate", Operation::RegisterDelegate { name: text("dora") }),
        ("resign-delegate", Operation::ResignDelegate),
        ("reactivate-delegate", Operation::ReactivateDelegate),
        (
            "vote",
            Operation::Vote { delegates: Bounded::truncated(vec![address, key(3).address()]) },
        ),
        ("unvote", Operation::Unvote),
        (
            "register-authority",
            Operation::RegisterAuthority {
                name: text("ö"),
                organisation: text(""),
                contact: text("x@y"),
            },
        ),
        ("propose-add", Operation::ProposeAuthority { address, ballot: Ballot::Add }),
        ("propose-remove", Operation::ProposeAuthority { address, ballot: Ballot::Remove }),
        ("withdraw-proposal", Operation::WithdrawProposal { address }),
        ("note", Operation::Note { bytes: Bounded::truncated(b"hello".to_vec()) }),
    ]
}

fn transaction(operation: Option<Operation>) -> Transaction {
    let mut transaction = Transaction {
        inputs: Bounded::truncated(vec![CoinId(hash(1)), CoinId(hash(2))]),
        outputs: Bounded::truncated(vec![Output { to: key(1).address(), amount: Amount(COIN) }]),
        operation,
        witnesses: Bounded::default(),
    };
    transaction.sign(&GenesisId::default(), &[key(1), key(2)]);
    transaction
}

fn evidence() -> [(&'static str, Evidence); 2] {
    let signed = |time| {
        let header = Header { time: Time(time), ..header(Claim::Round { round: 1 }) };
        Box::new((header, Signature([7; 64])))
    };
    let statement = |number| (hash(number), Signature([number; 64]));
    [
        (
            "headers",
            Evidence::Headers { key: PublicKey([3; 32]), first: signed(1), second: signed(2) },
        ),
        (
            "statements",
            Evidence::Statements {
                key: PublicKey([3; 32]),
                round: 1,
                height: 2,
                step: 3,
                first: statement(4),
                second: statement(5),
            },
        ),
    ]
}

fn body() -> Body {
    let transactions =
        vec![transaction(None), transaction(Some(Operation::Unvote)), transaction(None)];
    let evidence = evidence().map(|(_, evidence)| evidence).to_vec();
    Body { transactions: Bounded::truncated(transactions), evidence: Bounded::truncated(evidence) }
}

#[test]
fn encodings_are_the_pinned_ones_and_the_only_ones() {
    let mut golden = Golden::default();
    for (name, claim) in claims() {
        golden.pin(&format!("header/{name}"), &header(claim));
    }
    for (name, seal) in seals() {
        golden.pin(&format!("seal/{name}"), &seal);
    }
    golden.pin("transaction/plain", &transaction(None));
    for (name, operation) in operations() {
        golden.pin(&format!("transaction/{name}"), &transaction(Some(operation)));
    }
    for (name, evidence) in evidence() {
        golden.pin(&format!("evidence/{name}"), &evidence);
    }
    golden.pin("body/empty", &Body::default());
    golden.pin("body/full", &body());
    let draft = Draft { header: header(Claim::Genesis), body: body() };
    golden.pin("draft", &draft);
    let seal = Seal::Signature { key: PublicKey([2; 32]), signature: Signature([1; 64]) };
    golden.pin("block", &draft.seal(seal));
    golden.pin("work/total", &Work::from_be_bytes(&[3; 64]));
    golden.compare("src/types/golden.txt");
}

/// The hashes that mean something, as text: they depend on encodings, tags and the genesis id.
#[test]
fn hashes_are_the_pinned_ones() {
    let chain = GenesisId(hash(0xaa));
    let mut hashes: Vec<(String, Hash)> = Vec::new();
    for (name, claim) in claims() {
        hashes.push((format!("id/header/{name}"), header(claim).id(&chain).0));
    }
    for (name, seal) in seals() {
        hashes.push((format!("hash/seal/{name}"), seal.hash(&chain)));
    }
    let plain = transaction(None);
    let id = plain.id(&chain);
    hashes.push(("id/transaction".into(), id.0));
    hashes.push(("hash/signing".into(), Transaction::signing_hash(&id, &chain)));
    hashes.push(("hash/witnesses".into(), plain.witness_hash(&chain)));
    hashes.push(("id/coin/0".into(), Transaction::coin_id(&id, 0, &chain).0));
    hashes.push(("id/coin/255".into(), Transaction::coin_id(&id, 255, &chain).0));
    hashes.push(("root/body/empty".into(), body_root(&Body::default(), &chain)));
    hashes.push(("root/body/full".into(), body_root(&body(), &chain)));
    let mut golden = Golden::default();
    for (name, hash) in &hashes {
        golden.pin(name, hash);
    }
    golden.compare("src/types/golden_hashes.txt");
}

#[test]
fn the_id_covers_the_header_and_never_the_seal_or_the_witnesses() {
    let chain = GenesisId::default();
    let draft = Draft { header: header(Claim::Genesis), body: body() };
    let id = draft.id(&chain);
    for (_, seal) in seals() {
        assert_eq!(draft.clone().seal(seal).id(&chain), id);
    }
    assert_ne!(draft.id(&GenesisId(hash(1))), id);
    let mut transaction = transaction(None);
    let (id, witnesses) = (transaction.id(&chain), transaction.witness_hash(&chain));
    transaction.witnesses = Bounded::default();
    assert_eq!(transaction.id(&chain), id);
    assert_ne!(transaction.witness_hash(&chain), witnesses);
}

#[test]
fn every_byte_of_a_body_is_in_its_root() {
    let chain = GenesisId::default();
    let root = body_root(&body(), &chain);
    let bytes = encode(&body());
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        if let Ok(other) = decode::<Body>(&other) {
            assert_ne!(body_root(&other, &chain), root, "byte {at}");
        }
    }
}
