use super::*;
use crate::types::{Address, Claim, HEADER_VERSION, Header, Height, StateRoot};

/// An easy target: one hash in two meets it.
const EASY: Bits = Bits(0x207f_ffff);

fn template(height: u64, bits: Bits) -> Template {
    let header = Header {
        version: HEADER_VERSION,
        height: Height(height),
        parent: BlockId(Hash([3; 32])),
        time: Time(1_700_000_000_500),
        producer: Address::default(),
        claim: Claim::Work { bits },
        body_root: Hash::default(),
        state_root: StateRoot(Hash::default()),
    };
    Template { id: BlockId(Hash([0xab; 32])), header, transactions: 0, extra_nonce: 7 << 32 }
}

/// The first and the last time of such a template.
const WINDOW: (Time, Time) = (Time(1_700_000_000_500), Time(1_700_000_060_500));

/// A block as a miner makes it of a template, at the first nonce whose hash is as wanted.
fn mined(template: &Template, proven: bool, change: impl Fn(&mut WorkHeader)) -> Submitted {
    let coinbase = coinbase(template).with(template.extra_nonce);
    let mut header = WorkHeader {
        version: WORK_VERSION,
        previous: *template.header.parent.as_bytes(),
        merkle_root: merkle_root(&coinbase, &[]),
        time: 1_700_000_000,
        bits: bits(template).unwrap(),
        nonce: 0,
    };
    change(&mut header);
    while header.is_proven() != Ok(proven) {
        header.nonce += 1;
    }
    Submitted { header, coinbase }
}

fn encoded(block: &Submitted) -> Vec<u8> {
    let mut bytes = block.header.encode().to_vec();
    bytes.push(1);
    bytes.extend(&block.coinbase);
    bytes
}

#[test]
fn a_bitcoin_block_made_of_a_template_gives_the_proof_back() {
    for height in [1, 200, 70_000, u64::MAX] {
        let template = template(height, EASY);
        let block = mined(&template, true, |_| {});
        assert_eq!(block.judge(&template, WINDOW), None);
        let decoded = Submitted::decode(&hex::encode(encoded(&block))).unwrap();
        assert_eq!(decoded, block, "{height}");
        let (id, proof) = decoded.proof().unwrap();
        assert_eq!((id, proof.extra_nonce), (template.id, template.extra_nonce));
        let header = proof.header(height, id.as_bytes(), [3; 32], EASY);
        assert_eq!(header, block.header);
        // Any other byte of the coinbase is another merkle root.
        for at in WORK_HEADER_BYTES + 1..encoded(&block).len() {
            let mut bad = encoded(&block);
            bad[at] ^= 1;
            let bad = Submitted::decode(&hex::encode(&bad)).unwrap();
            assert_eq!((bad.proof(), bad.why_no_proof()), (None, "bad-txnmrklroot"), "{at}");
            // With its own merkle root it is none of our coinbases, or one of another block, or altered.
            let header = WorkHeader { merkle_root: merkle_root(&bad.coinbase, &[]), ..bad.header };
            let bad = Submitted { header, ..bad };
            match bad.proof() {
                None => assert_eq!(bad.why_no_proof(), "bad-cb-prefix", "{at}"),
                Some((id, proof)) if id == template.id => {
                    let same = proof.extra_nonce == template.extra_nonce;
                    let judged = bad.judge(&template, WINDOW);
                    assert!(!same || judged == Some("bad-cb-prefix"), "{at}: {judged:?}");
                }
                Some(_) => {}
            }
        }
    }
}

#[test]
fn what_is_no_block_is_not_decoded() {
    for bad in ["", "zz", "00", &"00".repeat(81), &"00".repeat(1 << 20)] {
        assert_eq!(Submitted::decode(bad), None);
    }
}

#[test]
fn each_fault_of_a_block_has_the_word_of_bip_22() {
    let template = template(9, EASY);
    let judged = |proven, change: fn(&mut WorkHeader)| {
        mined(&template, proven, change).judge(&template, WINDOW)
    };
    assert_eq!(judged(true, |_| {}), None);
    assert_eq!(judged(false, |_| {}), Some("high-hash"));
    assert_eq!(judged(true, |header| header.previous = [4; 32]), Some("bad-prevblk"));
    assert_eq!(judged(true, |header| header.bits = Bits(0x2000_ffff)), Some("bad-diffbits"));
    assert_eq!(judged(true, |header| header.version |= 1 << 13), None);
    assert_eq!(judged(true, |header| header.version |= 1), Some("bad-version"));
    assert_eq!(judged(true, |header| header.version |= 1 << 30), Some("bad-version"));
    assert_eq!(judged(true, |header| header.time -= 1), Some("time-too-old"));
    assert_eq!(judged(true, |header| header.time += 60), None);
    assert_eq!(judged(true, |header| header.time += 61), Some("time-too-new"));
}

#[test]
fn ids_of_long_polls_are_read_as_they_are_written() {
    let before = Before { head: BlockId(Hash([0x1f; 32])), accepted: 41 };
    assert_eq!(Before::parse(&before.to_string()), Some(before));
    let id = before.head.to_string();
    let strange = [String::new(), "x".into(), id.clone(), format!("{id}x"), format!("{id}-1")];
    for strange in strange {
        assert_eq!(Before::parse(&strange), None, "{strange}");
    }
    assert_eq!(Before::parse(&"ü".repeat(40)), None);
}
