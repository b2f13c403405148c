use num_bigint::BigUint;
use num_traits::{One, Zero};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::types::vectors;
use crate::types::work::WorkHeader;

fn number(text: &str) -> BigUint {
    BigUint::parse_bytes(text.as_bytes(), 16).unwrap()
}

fn bits(value: &Value) -> Bits {
    value.as_str().unwrap().parse().unwrap()
}

fn real_headers() -> Option<Vec<WorkHeader>> {
    let bytes = vectors::read("bitcoin/headers_1_255.bin")?;
    Some(bytes.as_chunks().0.iter().map(WorkHeader::decode).collect())
}

#[test]
fn every_row_of_the_compact_vectors_decodes_and_encodes() {
    let Some(vectors) = vectors::json("bitcoin/compact_vectors.json") else { return };
    let rows = vectors["decode"].as_array().unwrap();
    assert_eq!(rows.len(), 20);
    for row in rows {
        let given = bits(&row["compact"]);
        let decoded = given.decode();
        assert_eq!(decoded.negative, row["negative"].as_bool().unwrap(), "{given}");
        assert_eq!(decoded.overflow, row["overflow"].as_bool().unwrap(), "{given}");
        let Some(value) = row["value"].as_str() else { continue };
        assert_eq!(decoded.value, number(value), "{given}");
        let again = Bits::encode(&decoded.value, decoded.negative);
        assert_eq!(again, bits(&row["reencode"]), "{given}");

        match given.target() {
            Err(BitsError::Negative(_)) => assert!(decoded.negative),
            Err(BitsError::Zero(_)) => assert!(decoded.value.is_zero() && !decoded.negative),
            Err(BitsError::Overflow(_)) => panic!("{given} does not overflow"),
            Ok(target) => assert_eq!(target.value(), decoded.value),
        }
    }
    for row in vectors["encode"].as_array().unwrap() {
        let value = number(row["value"].as_str().unwrap());
        assert_eq!(Target::from_value(&value).unwrap().to_bits(), bits(&row["compact"]));
    }
    for row in vectors["difficulty_float"].as_array().unwrap() {
        let difficulty = bits(&row["bits"]).target().unwrap().difficulty();
        assert!(vectors::same(difficulty, &row["difficulty"]), "{difficulty}");
    }
}

#[test]
fn every_row_of_the_arithmetic_vectors_holds_modulo_2_256() {
    let Some(vectors) = vectors::json("bitcoin/arith_u256_vectors.json") else { return };
    let operand = |name: &str| match name {
        "R1" | "R2" => number(vectors[name].as_str().unwrap()),
        _ => match name.strip_prefix("0x") {
            Some(digits) => number(digits),
            None => name.parse().unwrap(),
        },
    };
    let mut rows = 0;
    for (name, expected) in vectors.as_object().unwrap() {
        let Some(at) = name.find(['+', '*', '/']) else { continue };
        let (left, right) = (operand(&name[..at]), operand(&name[at + 1..]));
        let wide = match &name[at..=at] {
            "+" => left + right,
            "*" => left * right,
            _ => left / right,
        };
        let expected = expected.as_str().unwrap();
        let wrapped = Target::from_value(&(wide & Target::max().value())).unwrap();
        assert_eq!(wrapped.to_string(), format!("{expected:0>64}"), "{name}");
        rows += 1;
    }
    assert_eq!(rows, 10);
}

#[test]
fn a_known_difficulty_is_exact() {
    // To the last bit: neither the easiest target nor this one has more bits than a double.
    assert_eq!(Bits(0x1b04_04cb).target().unwrap().difficulty(), 16_307.420938523983);
    assert_eq!(Bits(0x1d00_ffff).target().unwrap().difficulty(), 1.0);
}

#[test]
fn the_first_255_blocks_of_bitcoin_are_linked_and_proven() {
    let Some(headers) = real_headers() else { return };
    assert_eq!(headers.len(), 255);
    let mut previous = None;
    let mut sum = Work::default();
    for header in &headers {
        assert!(previous.is_none_or(|hash| hash == header.previous));
        assert_eq!(header.bits, Bits(0x1d00_ffff));
        assert_eq!(header.is_proven(), Ok(true));
        assert_eq!(WorkHeader::decode(&header.encode()), *header);
        let worse = WorkHeader { nonce: header.nonce ^ 1, ..*header };
        assert_eq!(worse.is_proven(), Ok(false));
        previous = Some(header.hash());
        sum += &header.bits.work();
    }
    assert_eq!(*sum.value(), BigUint::from(255 * 0x1_0001_0001_u64), "known proof of 1d00ffff");
}

#[test]
fn the_bits_of_474_periods_survive_a_round_trip() {
    let Some(vectors) = vectors::json("bitcoin/epoch_bits.json") else { return };
    let rows = vectors["bits"].as_array().unwrap();
    assert_eq!(rows.len(), 474);
    for row in rows {
        let given = bits(row);
        assert_eq!(given.target().unwrap().to_bits(), given);
        assert_eq!(serde_json::to_value(given).unwrap(), *row);
        assert_eq!(serde_json::from_value::<Bits>(row.clone()).unwrap(), given);
    }
}

#[test]
fn the_edges_of_overflow_are_bitcoins() {
    for (given, fits) in [
        (0x2000_ffff, true),
        (0x207f_ffff, true),
        (0x2100_ffff, true),
        (0x2101_0000, false),
        (0x2200_00ff, true),
        (0x2200_0100, false),
        (0x2300_0001, false),
        (0xff00_0001, false),
    ] {
        let given = Bits(given);
        let expected = if fits { Ok(()) } else { Err(BitsError::Overflow(given)) };
        assert_eq!(given.target().map(|_| ()), expected, "{given}");
    }
    // A zero word never overflows, whatever its size.
    assert_eq!(Bits(0xff00_0000).target(), Err(BitsError::Zero(Bits(0xff00_0000))));
    assert_eq!(Bits(0xff80_0000).target(), Err(BitsError::Zero(Bits(0xff80_0000))));
    assert_eq!(Bits(0x2080_0001).target(), Err(BitsError::Negative(Bits(0x2080_0001))));
    assert_eq!(Target::max().to_bits(), Bits(0x2100_ffff));
}

#[test]
fn equality_proves_and_one_more_does_not() {
    let target = Bits(0x1d00_ffff).target().unwrap();
    let mut hash = target.to_be_bytes();
    hash.reverse();
    assert!(target.is_met_by(&hash));
    assert_eq!(Target::from_le_hash(&hash), target);
    hash[0] += 1;
    assert!(!target.is_met_by(&hash));
    // The most significant byte of a hash is its last one.
    let mut hash = [0xff; 32];
    hash[27..].fill(0);
    assert!(target.is_met_by(&hash));
    assert!(Target::max().is_met_by(&[0xff; 32]));
}

#[test]
fn work_counts_expected_hashes() {
    assert_eq!(*Target::max().work().value(), BigUint::one());
    assert_eq!(*Bits(0x207f_ffff).work().value(), BigUint::from(2u32));
    assert_eq!(*Bits(0x1d00_ffff).work().value(), BigUint::from(0x1_0001_0001_u64));
    let hardest = Target::from_value(&BigUint::one()).unwrap();
    assert_eq!(*hardest.work().value(), BigUint::one() << 255u32);
    assert_eq!(Bits(0).work(), Work::default(), "no target, no work");
}

#[test]
fn a_sum_of_work_leaves_256_bits_and_stops_at_512() {
    let half = Work(BigUint::one() << 255u32);
    let sum = half.clone() + &half + &half;
    assert_eq!(*sum.value(), BigUint::from(3u32) << 255u32);
    let most = Work::from_be_bytes(&[0xff; 64]);
    assert_eq!(most.clone() + half.clone(), most);
    assert!(sum > half && most > sum);
}

#[test]
fn texts_that_are_no_bits_or_work_are_refused() {
    for text in ["", "1d00fff", "1d00ffff0", "0x1d00ff", "1d00fffg", " 1d00fff", "1d00ffé"] {
        let error = text.parse::<Bits>().unwrap_err();
        assert!(error.to_string().contains("eight hexadecimal digits"), "{error}");
    }
    assert!(serde_json::from_str::<Bits>("486604799").is_err());
    let long = "1".repeat(129);
    for text in ["", "+1", "-1", "g", "1_0", &long] {
        assert!(text.parse::<Work>().is_err(), "{text}");
    }
    assert_eq!(Bits(0x1d00_ffff).work().to_string(), format!("{:064x}", 0x1_0001_0001_u64));
}

#[test]
fn a_retarget_stays_within_one_and_the_limit() {
    let limit = Bits(0x207f_ffff).target().unwrap();
    assert_eq!(Target::within(&BigUint::zero(), &limit).value(), BigUint::one());
    assert_eq!(Target::within(&(BigUint::one() << 300u32), &limit), limit);
    assert_eq!(Target::within(&(limit.value() + 1u32), &limit), limit);
    assert_eq!(Target::within(&BigUint::from(7u32), &limit).value(), BigUint::from(7u32));
}

proptest! {
    #[test]
    fn encoding_truncates_and_never_rises(bytes in any::<[u8; 32]>(), zeros in 0usize..32) {
        let mut bytes = bytes;
        bytes[..zeros].fill(0);
        let target = Target(bytes);
        prop_assume!(target != Target([0; 32]));
        let again = target.to_bits().target().unwrap();
        prop_assert!(again <= target);
        prop_assert_eq!(again.to_bits(), target.to_bits());
        // At least 16 bits survive, so what is lost is below one part in 2^15.
        prop_assert!((target.value() - again.value()) << 15u32 <= target.value());
    }

    #[test]
    fn any_bits_are_a_target_or_a_refusal(raw in any::<u32>()) {
        let given = Bits(raw);
        match given.target() {
            Ok(target) => prop_assert!(target.to_bits().target().unwrap() == target),
            Err(_) => prop_assert_eq!(given.work(), Work::default()),
        }
        prop_assert_eq!(given.to_string().parse::<Bits>().unwrap(), given);
        prop_assert_eq!(borsh::to_vec(&given).unwrap(), raw.to_le_bytes());
    }

    #[test]
    fn encoded_work_sorts_as_numbers(left in any::<[u8; 64]>(), right in any::<[u8; 64]>()) {
        let (left, right) = (Work::from_be_bytes(&left), Work::from_be_bytes(&right));
        let (a, b) = (borsh::to_vec(&left).unwrap(), borsh::to_vec(&right).unwrap());
        prop_assert_eq!(a.len(), 64);
        prop_assert_eq!(a.cmp(&b), left.cmp(&right));
        prop_assert_eq!(borsh::from_slice::<Work>(&a).unwrap(), left.clone());
        prop_assert_eq!(left.to_string().parse::<Work>().unwrap(), left);
    }

    #[test]
    fn bigger_targets_are_less_work(left in any::<[u8; 32]>(), right in any::<[u8; 32]>()) {
        let (left, right) = (Target(left), Target(right));
        prop_assert_eq!(left.cmp(&right), left.value().cmp(&right.value()));
        if left <= right {
            prop_assert!(left.work() >= right.work());
        }
    }
}
