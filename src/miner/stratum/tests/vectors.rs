//! What miners' own tests know.

use super::*;
use crate::miner::stratum::share::version;
use crate::types::target::Target;
use crate::types::vectors;

fn hex32(value: &Value) -> [u8; 32] {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

#[test]
fn shares_of_a_real_pool_are_hashed_and_judged_alike() {
    let Some(vectors) = vectors::json("stratum.json") else { return };
    for share in vectors["shares"].as_array().unwrap() {
        let text = |name: &str| share[name].as_str().unwrap().to_owned();
        let number = |name: &str| u32::from_str_radix(&text(name), 16).unwrap();
        let root = hex32(&share["merkle_root_header_bytes"]);
        if let Some(coinbase) = share["coinbase"].as_str() {
            let branch: Vec<_> =
                share["merkle_branch"].as_array().unwrap().iter().map(hex32).collect();
            assert_eq!(merkle_root(&hex::decode(coinbase).unwrap(), &branch), root);
        }
        // Reversing each word once more gives the header's own order.
        let previous = hex32(&json!(previous_hex(&hex32(&share["prevhash"]))));
        let header = WorkHeader {
            version: number("version").cast_signed(),
            previous,
            merkle_root: root,
            time: number("ntime"),
            bits: Bits(number("nbits")),
            nonce: number("nonce"),
        };
        assert_eq!(hex::encode(header.encode()), text("header"));
        let hash = Target::from_le_hash(&header.hash());
        assert_eq!(hash.to_string(), text("hash_display"));
        let difficulty = share["share_difficulty"].as_f64().unwrap();
        assert!((hash.difficulty() / difficulty - 1.0).abs() < 1e-12, "{}", hash.difficulty());
        // It is a share of exactly that difficulty, and of none that is a little greater.
        assert!(hash <= tolerant(&share_target(difficulty)));
        assert!(hash > tolerant(&share_target(difficulty * 1.000_01)));
    }
}

#[test]
fn coinbases_are_put_together_and_hashed_alike() {
    let Some(vectors) = vectors::json("stratum.json") else { return };
    for row in vectors["merkle"].as_array().unwrap() {
        let part = |name: &str| row[name].as_str().unwrap();
        let coinbase =
            [part("coinb1"), part("extranonce1"), part("extranonce2"), part("coinb2")].concat();
        let branch: Vec<_> = row["merkle_branch"].as_array().unwrap().iter().map(hex32).collect();
        let root = merkle_root(&hex::decode(coinbase).unwrap(), &branch);
        assert_eq!(hex::encode(root), part("root_header_bytes"));
    }
}

#[test]
fn previous_hashes_are_written_alike() {
    let Some(vectors) = vectors::json("stratum.json") else { return };
    for row in vectors["prevhash"].as_array().unwrap() {
        assert_eq!(
            previous_hex(&hex32(&row["header_bytes"])),
            row["stratum_notify"].as_str().unwrap()
        );
        let mut display = hex32(&row["rpc_display"]);
        display.reverse();
        assert_eq!(display, hex32(&row["header_bytes"]));
    }
}

#[test]
fn difficulties_have_the_targets_that_miners_compute() {
    let Some(vectors) = vectors::json("stratum.json") else { return };
    for row in vectors["difficulty_to_target"].as_array().unwrap() {
        let difficulty = row["difficulty"].as_f64().unwrap();
        let target = share_target(difficulty).to_string();
        if let Some(exact) = row["target"].as_str() {
            assert_eq!(target, exact, "{difficulty}");
        } else {
            let about = row["target_approx"].as_str().unwrap();
            assert_eq!(target[..10], about[..10], "{difficulty}");
        }
    }
}

#[test]
fn rolled_versions_are_put_together_alike() {
    let Some(vectors) = vectors::json("stratum.json") else { return };
    for row in vectors["version_bits"].as_array().unwrap() {
        let number = |name: &str| u32::from_str_radix(row[name].as_str().unwrap(), 16).unwrap();
        let rolled =
            version(number("job_version").cast_signed(), number("mask"), number("version_bits"));
        assert_eq!(rolled.cast_unsigned(), number("n_version"));
    }
}

#[test]
fn targets_of_all_doubles_are_within_256_bits() {
    for difficulty in [f64::MIN_POSITIVE, 5e-324, 1e-300, f64::MAX, f64::INFINITY] {
        let target = share_target(difficulty);
        assert!(target >= share_target(f64::MAX) && target <= Target::max(), "{difficulty}");
    }
    for nothing in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        assert_eq!(share_target(nothing), Target::max());
    }
    assert_eq!(tolerant(&Target::max()), Target::max());
}
