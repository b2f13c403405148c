use serde_json::Value;

use super::*;
use crate::types::target::Target;
use crate::types::vectors;

const ID: [u8; 32] = [0xab; 32];

/// Takes bytes off the front, so that a test reads like the format.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        head
    }

    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    /// One push of script: its number if it is `OP_0` to `OP_16`, else its bytes.
    fn push(&mut self) -> Push<'a> {
        match self.byte() {
            0 => Push::Number(0),
            code @ 0x51..=0x60 => Push::Number(code - 0x50),
            count @ 1..=75 => Push::Bytes(self.take(count.into())),
            other => panic!("opcode {other:#x} is not a push"),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Push<'a> {
    Number(u8),
    Bytes(&'a [u8]),
}

/// Reads a coinbase as strictly as the format allows; gives height, block id and extra nonce.
fn parse(bytes: &[u8]) -> (u64, [u8; 32], [u8; 8]) {
    let mut transaction = Reader(bytes);
    assert_eq!(transaction.u32(), 1, "version");
    assert_eq!(transaction.byte(), 1, "one input; a zero here would announce a witness");
    assert_eq!(transaction.take(32), [0; 32], "the null hash");
    assert_eq!(transaction.u32(), u32::MAX, "the null index");
    let length = usize::from(transaction.byte());
    assert!((2..=100).contains(&length), "consensus bounds of a coinbase script");
    let mut script = Reader(transaction.take(length));
    let height = match script.push() {
        Push::Number(small) => small.into(),
        Push::Bytes(digits) => {
            let last = digits[digits.len() - 1];
            assert_eq!(last & 0x80, 0, "a height is not negative");
            let needed = last != 0 || digits[digits.len() - 2] & 0x80 != 0;
            assert!(needed, "not minimal: the last byte could go");
            let height =
                digits.iter().rev().fold(0u128, |sum, digit| sum << 8 | u128::from(*digit));
            assert!(height > 16, "not minimal: there is an opcode for it");
            u64::try_from(height).unwrap()
        }
    };
    let Push::Bytes(id) = script.push() else { panic!("no block id") };
    let Push::Bytes(extra_nonce) = script.push() else { panic!("no extra nonce") };
    assert!(script.0.is_empty(), "spare script");
    assert_eq!(transaction.u32(), u32::MAX, "sequence");
    assert_eq!(transaction.byte(), 1, "one output");
    assert_eq!(transaction.take(8), [0; 8], "of no value");
    assert_eq!(transaction.byte(), 34);
    let mut script = Reader(transaction.take(34));
    assert_eq!(script.byte(), 0x6a, "OP_RETURN");
    assert_eq!(script.push(), Push::Bytes(id));
    assert!(script.0.is_empty(), "spare script");
    assert_eq!(transaction.u32(), 0, "lock time");
    assert!(transaction.0.is_empty(), "spare bytes");
    (height, id.try_into().unwrap(), extra_nonce.try_into().unwrap())
}

#[test]
fn a_coinbase_is_a_strict_bitcoin_transaction_of_a_known_length() {
    for (height, length) in [
        (0, 137),
        (1, 137),
        (16, 137),
        (17, 138),
        (127, 138),
        (128, 139),
        (255, 139),
        (256, 139),
        (32_767, 139),
        (32_768, 140),
        (65_535, 140),
        (65_536, 140),
        ((1 << 23) - 1, 140),
        (1 << 23, 141),
        ((1 << 31) - 1, 141),
        (1 << 31, 142),
        (u64::MAX, 146),
    ] {
        let bytes = coinbase(height, &ID, 0x0102_0304_0506_0708);
        assert_eq!(bytes.len(), length, "height {height}");
        assert_eq!(parse(&bytes), (height, ID, [1, 2, 3, 4, 5, 6, 7, 8]), "height {height}");
        assert_ne!(bytes.len(), 64, "nothing here can pose as an inner node");

        let parts = coinbase_parts(height, &ID);
        let hole = parts.prefix.len()..bytes.len() - parts.suffix.len();
        assert_eq!(hole.len(), EXTRA_NONCE_BYTES);
        assert_eq!(bytes[hole], 0x0102_0304_0506_0708_u64.to_be_bytes());
        assert_eq!(bytes[..parts.prefix.len()], parts.prefix);
        assert!(bytes.ends_with(&parts.suffix));
    }
}

#[test]
fn heights_are_pushed_as_bip_34_says() {
    for (height, push) in [
        (0, "00"),
        (1, "51"),
        (16, "60"),
        (17, "0111"),
        (127, "017f"),
        (128, "028000"),
        (256, "020001"),
        (32_767, "02ff7f"),
        (32_768, "03008000"),
        (227_836, "03fc7903"), // the first block of version 2 whose height anyone can look up
        (1 << 23, "0400008000"),
    ] {
        assert_eq!(hex::encode(push_number(height)), push, "{height}");
    }
}

#[test]
fn a_proof_derives_its_header() {
    let proof = WorkProof { version: WORK_VERSION, extra_nonce: 7, time: 1_700_000_000, nonce: 9 };
    let header = proof.header(300, &ID, [2; 32], Bits(0x1d00_ffff));
    assert_eq!(header.merkle_root, sha256d(&coinbase(300, &ID, 7)));
    assert_eq!(header.previous, [2; 32]);
    assert_eq!((header.version, header.time, header.nonce), (0x2000_0000, 1_700_000_000, 9));
    let other = WorkProof { extra_nonce: 8, ..proof }.header(300, &ID, [2; 32], header.bits);
    assert_ne!(other.merkle_root, header.merkle_root);
    assert_eq!(WorkHeader::decode(&header.encode()), header);
    assert_eq!(WORK_VERSION as u32 & VERSION_ROLLING_MASK, 0);
    assert!(WorkHeader { bits: Bits(0), ..header }.is_proven().is_err());
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn hash(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

fn branch(value: &Value) -> Vec<[u8; 32]> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn word(value: &Value) -> u32 {
    u32::from_str_radix(text(value), 16).unwrap()
}

/// Stratum sends the previous hash with the bytes of each 32-bit word reversed.
fn from_stratum(value: &Value) -> [u8; 32] {
    let mut bytes = hash(value);
    bytes.chunks_mut(4).for_each(<[u8]>::reverse);
    bytes
}

#[test]
fn shares_of_a_real_pool_are_rebuilt() {
    let Some(vectors) = vectors::json("stratum.json") else { return };
    let rows = vectors["shares"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let root = hash(&row["merkle_root_header_bytes"]);
        if row["coinbase"].is_string() {
            assert_eq!(merkle_root(&bytes(&row["coinbase"]), &branch(&row["merkle_branch"])), root);
        }
        let header = WorkHeader {
            version: word(&row["version"]).cast_signed(),
            previous: from_stratum(&row["prevhash"]),
            merkle_root: root,
            time: word(&row["ntime"]),
            bits: Bits(word(&row["nbits"])),
            nonce: word(&row["nonce"]),
        };
        assert_eq!(hex::encode(header.encode()), text(&row["header"]));
        let hash = header.hash();
        let target = Target::from_le_hash(&hash);
        assert_eq!(target.to_string(), text(&row["hash_display"]));
        assert!(vectors::same(target.difficulty(), &row["share_difficulty"]));
        assert_eq!(header.is_proven(), Ok(false), "a share, not a block");
    }
    for row in vectors["merkle"].as_array().unwrap() {
        let parts = ["coinb1", "extranonce1", "extranonce2", "coinb2"];
        let coinbase: Vec<u8> = parts.iter().flat_map(|part| bytes(&row[part])).collect();
        let root = merkle_root(&coinbase, &branch(&row["merkle_branch"]));
        assert_eq!(root, hash(&row["root_header_bytes"]));
    }
    for row in vectors["prevhash"].as_array().unwrap() {
        let header = hash(&row["header_bytes"]);
        assert_eq!(from_stratum(&row["stratum_notify"]), header);
        assert_eq!(Target::from_le_hash(&header).to_string(), text(&row["rpc_display"]));
    }
    for row in vectors["version_bits"].as_array().unwrap() {
        let mask = word(&row["mask"]);
        assert_eq!(mask, VERSION_ROLLING_MASK);
        let rolled = word(&row["job_version"]) & !mask | word(&row["version_bits"]) & mask;
        assert_eq!(rolled, word(&row["n_version"]));
    }
}
