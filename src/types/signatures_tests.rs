use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

/// Every encoding, canonical or not, of the eight points of small order (ZIP 215; the case "S = 0" is valid for any
/// key and commitment among them).
const SMALL_ORDER: [&str; 14] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// The order of the base point, little-endian: `S` must lie below it.
const GROUP_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

fn bytes(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn signed(owner: u8, message: [u8; 32]) -> SignatureCheck {
    let key = SigningKey::from_bytes(&[owner; 32]);
    SignatureCheck {
        key: key.verifying_key().to_bytes(),
        message,
        signature: key.sign(&message).to_bytes(),
    }
}

fn small_order(key: usize, commitment: usize) -> SignatureCheck {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&bytes(SMALL_ORDER[commitment]));
    SignatureCheck { key: bytes(SMALL_ORDER[key]), message: [1; 32], signature }
}

fn good(count: usize) -> Vec<SignatureCheck> {
    (0..count).map(|i| signed((i % 7) as u8, [i as u8; 32])).collect()
}

/// The same `S` plus the group order: equal modulo the order, yet another encoding.
fn with_large_s(mut check: SignatureCheck) -> SignatureCheck {
    let mut carry = 0;
    for (byte, add) in check.signature[32..].iter_mut().zip(bytes(GROUP_ORDER)) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    check
}

fn one_by_one(items: &[SignatureCheck]) -> Vec<usize> {
    (0..items.len()).filter(|i| !items[*i].is_valid()).collect()
}

#[test]
fn good_signatures_of_any_number_pass() {
    for count in [0, 1, 2, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 100] {
        assert_eq!(verify_batch(&good(count)), Vec::<usize>::new(), "{count}");
    }
}

#[test]
fn a_bad_signature_is_found_at_every_place() {
    for count in [1, 2, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 5] {
        for place in 0..count {
            let mut items = good(count);
            items[place].message[0] ^= 1;
            assert_eq!(verify_batch(&items), [place], "{place} of {count}");
        }
    }
}

#[test]
fn all_bad_ones_are_found() {
    let mut items = good(50);
    for item in &mut items {
        item.signature[40] ^= 4;
    }
    assert_eq!(verify_batch(&items), (0..50).collect::<Vec<_>>());
    items[49] = signed(1, [1; 32]);
    assert_eq!(verify_batch(&items), (0..49).collect::<Vec<_>>());
}

#[test]
fn changing_any_part_is_noticed() {
    let item = signed(3, [5; 32]);
    assert!(item.is_valid());
    for byte in 0..32 {
        let (mut key, mut message) = (item, item);
        key.key[byte] ^= 1;
        message.message[byte] ^= 1;
        assert!(!key.is_valid() && !message.is_valid(), "{byte}");
    }
    for byte in 0..64 {
        let mut signature = item;
        signature.signature[byte] ^= 1;
        assert!(!signature.is_valid(), "{byte}");
    }
}

#[test]
fn two_errors_do_not_cancel_out() {
    // Without coefficients of their own, S₁ + 1 and S₂ − 1 would add up to what they were.
    let mut items = [signed(1, [1; 32]), signed(2, [2; 32])];
    let place =
        (32..60).find(|i| items[0].signature[*i] < 255 && items[1].signature[*i] > 0).unwrap();
    items[0].signature[place] += 1;
    items[1].signature[place] -= 1;
    assert_eq!(verify_batch(&items), [0, 1]);
}

#[test]
fn a_large_s_is_refused_alone_and_in_a_batch() {
    let large = with_large_s(signed(1, [1; 32]));
    assert!(!large.is_valid());
    let mut items = good(20);
    items[11] = large;
    assert_eq!(verify_batch(&items), [11]);
}

#[test]
fn points_of_small_order_pass_alone_and_in_a_batch() {
    let items: Vec<_> = (0..196).map(|case| small_order(case / 14, case % 14)).collect();
    assert_eq!(one_by_one(&items), Vec::<usize>::new());
    assert_eq!(verify_batch(&items), Vec::<usize>::new());
}

#[test]
fn coefficients_depend_on_every_field_and_on_nothing_else() {
    use rand_core::Rng;
    let items = good(3);
    let first = |items: &[SignatureCheck]| coefficients(items).next_u64();
    assert_eq!(first(&items), first(&items));
    for change in 0..3 {
        let mut other = items.clone();
        match change {
            0 => other[2].key[0] ^= 1,
            1 => other[2].message[31] ^= 1,
            _ => other[2].signature[63] ^= 1,
        }
        assert_ne!(first(&items), first(&other), "{change}");
    }
}

/// One item of a hostile mix.
fn any_check() -> impl Strategy<Value = SignatureCheck> {
    let honest = (0u8..6, any::<[u8; 32]>()).prop_map(|(owner, message)| signed(owner, message));
    let weak = (0usize..14, 0usize..14).prop_map(|(key, commitment)| small_order(key, commitment));
    let weak_key = (0usize..14, honest.clone()).prop_map(|(key, mut check)| {
        check.key = bytes(SMALL_ORDER[key]);
        check
    });
    let weak_commitment = (0usize..14, honest.clone()).prop_map(|(point, mut check)| {
        check.signature[..32].copy_from_slice(&bytes(SMALL_ORDER[point]));
        check
    });
    let flipped = (honest.clone(), 0usize..128, 0u8..8).prop_map(|(mut check, byte, bit)| {
        match byte {
            0..32 => check.key[byte] ^= 1 << bit,
            32..64 => check.message[byte - 32] ^= 1 << bit,
            _ => check.signature[byte - 64] ^= 1 << bit,
        }
        check
    });
    let noise = (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<[u8; 32]>(), any::<[u8; 32]>())
        .prop_map(|(key, message, r, s)| {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            signature[32..].copy_from_slice(&s);
            SignatureCheck { key, message, signature }
        });
    prop_oneof![
        12 => honest.clone(),
        6 => weak,
        1 => weak_key,
        1 => weak_commitment,
        1 => flipped,
        1 => honest.prop_map(with_large_s),
        1 => noise,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        rng_seed: RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn batch_and_single_agree(items in prop::collection::vec(any_check(), 0..80)) {
        prop_assert_eq!(verify_batch(&items), one_by_one(&items));
    }
}
