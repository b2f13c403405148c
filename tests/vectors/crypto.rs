//! Keys, signatures, hashes and address texts, as this crate uses the libraries that make them.

use assay::types::hd::{DerivationPath, Seed, derive};
use assay::types::mnemonic::Mnemonic;
use assay::types::signatures::{SignatureCheck, verify_batch, verify_single};
use bech32::Bech32m;
use bech32::primitives::decode::CheckedHrpstring;
use ed25519_dalek::{Signer, SigningKey};
use ed25519_zebra::{Signature, VerificationKeyBytes, batch};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256, Sha512};

use crate::{array, bytes, load, rows, text};

/// SLIP-0010, "Test vectors": ed25519.
#[test]
fn slip10_derives_every_key() {
    let Some(file) = load("crypto/slip10_ed25519.json") else { return };
    for vector in rows(&file, "vectors", 2) {
        let seed = Seed::from_bytes(&bytes(vector, "seed")).unwrap();
        for chain in rows(vector, "chains", 6) {
            let path: DerivationPath = text(chain, 0).parse().unwrap();
            let key = derive(&seed, &path);
            assert_eq!(path.to_string(), text(chain, 0));
            assert_eq!(*key.chain_code, array(chain, 2), "{path}");
            assert_eq!(*key.secret, array(chain, 3), "{path}");
            let public: [u8; 33] = array(chain, 4);
            assert_eq!((public[0], &public[1..]), (0, &key.public_key()[..]), "{path}");
        }
    }
}

/// BIP-39, English: entropy, words, and the seed with the passphrase TREZOR.
#[test]
fn bip39_spells_entropy_and_makes_seeds() {
    let Some(file) = load("crypto/bip39_english.json") else { return };
    for row in rows(&file, "english", 24) {
        let entropy = bytes(row, 0);
        let mnemonic = Mnemonic::from_entropy(&entropy).unwrap();
        assert_eq!(mnemonic.phrase().as_str(), text(row, 1));
        let read = Mnemonic::parse(text(row, 1)).unwrap();
        assert_eq!(*read.entropy(), entropy);
        assert_eq!(Seed::from_mnemonic(&read, "TREZOR").expose(), bytes(row, 2));
    }
}

/// RFC 8032, section 7.1: keys, signatures, and that a good signature is good and a changed one is not.
#[test]
fn rfc8032_signs_and_verifies() {
    let Some(file) = load("crypto/rfc8032_ed25519.json") else { return };
    for row in rows(&file, "vectors", 5) {
        let name = text(row, 0);
        let key = SigningKey::from_bytes(&array(row, 1));
        let (public, signature): ([u8; 32], [u8; 64]) = (array(row, 2), array(row, 3));
        let message = bytes(row, 4);
        assert_eq!(key.verifying_key().to_bytes(), public, "{name}");
        assert_eq!(key.sign(&message).to_bytes(), signature, "{name}");
        assert!(verify_single(&public, &message, &signature), "{name}");
        let mut changed = signature;
        changed[0] ^= 1;
        assert!(!verify_single(&public, &message, &changed), "{name}");
    }
}

/// "Taming the many EdDSAs", the cases on which implementations differ: ours decides as ZIP 215 does.
#[test]
fn speccheck_cases_follow_zip215_alone_and_in_batches() {
    let Some(file) = load("crypto/ed25519_speccheck.json") else { return };
    let mut all = Vec::new();
    let mut bad = Vec::new();
    for (index, case) in rows(&file, "cases", 12).iter().enumerate() {
        let check = SignatureCheck {
            key: array(case, "pub_key"),
            message: array(case, "message"),
            signature: array(case, "signature"),
        };
        let expected = case["zip215"].as_bool().unwrap();
        assert_eq!(check.is_valid(), expected, "{case}");
        // Twice, for a batch of one is a single check.
        assert_eq!(verify_batch(&[check, check]).is_empty(), expected, "{case}");
        all.push(check);
        if !expected {
            bad.push(index);
        }
    }
    assert_eq!(bad, [6, 7, 8]);
    assert_eq!(verify_batch(&all), bad);
}

/// ZIP 215: all encodings of all points of small order, as key and as commitment, are valid with S = 0.
#[test]
fn small_order_cases_are_valid_alone_and_in_batches() {
    let Some(file) = load("crypto/zip215_small_order.json") else { return };
    let mut ours = Vec::new();
    let mut together = batch::Verifier::new();
    for row in rows(&file, "rows", 196) {
        let (key, signature): ([u8; 32], [u8; 64]) = (array(row, 0), array(row, 1));
        assert_eq!(row[2], 1, "{row}");
        assert!(verify_single(&key, b"Zcash", &signature), "{row}");
        let item =
            || (VerificationKeyBytes::from(key), Signature::from_bytes(&signature), b"Zcash");
        let mut alone = batch::Verifier::new();
        alone.queue(item());
        assert!(alone.verify(ChaCha20Rng::from_seed([1; 32])).is_ok(), "{row}");
        together.queue(item());
        ours.push(SignatureCheck { key, message: [9; 32], signature });
    }
    assert!(together.verify(ChaCha20Rng::from_seed([2; 32])).is_ok());
    assert_eq!(verify_batch(&ours), Vec::<usize>::new());

    // One forgery among them is still found, wherever it lies.
    let forged = SignatureCheck { signature: [3; 64], ..ours[0] };
    for place in [0, 17, 100, 196] {
        let mut mixed = ours.clone();
        mixed.insert(place, forged);
        assert_eq!(verify_batch(&mixed), [place]);
    }
}

/// NIST CAVP, byte-oriented messages.
#[test]
fn sha2_hashes_the_nist_messages() {
    let Some(file) = load("crypto/nist_sha2.json") else { return };
    for row in rows(&file, "sha256_short", 65).iter().chain(rows(&file, "sha256_long", 64)) {
        assert_eq!(Sha256::digest(bytes(row, 0)).as_slice(), bytes(row, 1));
    }
    for row in rows(&file, "sha512_short", 129) {
        assert_eq!(Sha512::digest(bytes(row, 0)).as_slice(), bytes(row, 1));
    }
}

/// BIP-350 allows 90 characters; the library reads on up to the length that its checksum could still protect.
const BECH32M_CHARS_MAX: usize = 90;

fn bech32m(text: &str) -> Option<CheckedHrpstring<'_>> {
    if text.len() > BECH32M_CHARS_MAX {
        return None;
    }
    CheckedHrpstring::new::<Bech32m>(text).ok()
}

/// BIP-350, "Test vectors for Bech32m".
#[test]
fn bech32m_reads_the_valid_and_refuses_the_invalid() {
    let Some(file) = load("crypto/bip350_bech32m.json") else { return };
    for row in rows(&file, "valid_bech32m", 7) {
        let text = row.as_str().unwrap();
        assert!(bech32m(text).is_some(), "{text}");
        // A text of mixed case, and one with another last character, are no longer valid.
        if let Some(letter) = text.find(|c: char| c.is_ascii_lowercase()) {
            let mut mixed = text.to_owned();
            mixed[letter..=letter].make_ascii_uppercase();
            assert!(bech32m(&mixed).is_none(), "{mixed}");
        }
        let mut changed = text.to_owned();
        let last = changed.pop().unwrap();
        changed.push(if last.eq_ignore_ascii_case(&'q') { 'p' } else { 'q' });
        assert!(bech32m(&changed).is_none(), "{changed}");
    }
    for row in rows(&file, "invalid_bech32m", 14) {
        assert!(bech32m(text(row, 0)).is_none(), "{row}");
    }
}

/// BIP-350, "Test vectors for v0-v16 native segregated witness addresses": each is bech32m, except those of version 0.
#[test]
fn bech32m_takes_addresses_of_version_one_and_above() {
    let Some(file) = load("crypto/bip350_bech32m.json") else { return };
    for row in rows(&file, "valid_segwit", 8) {
        let address = text(row, 0);
        let script = bytes(row, 1);
        let (_, version, program) = bech32::segwit::decode(address).unwrap();
        assert_eq!(program, script[2..], "{address}");
        let Some(mut plain) = bech32m(address) else {
            assert_eq!(version.to_u8(), 0, "{address}");
            continue;
        };
        assert_eq!(plain.remove_witness_version(), Some(version), "{address}");
        assert!(version.to_u8() > 0, "{address}");
        assert!(plain.byte_iter().eq(program), "{address}");
    }
    for row in rows(&file, "invalid_segwit", 15) {
        // The rules of Bitcoin's own prefixes are none of ours.
        if text(row, 1) != "Invalid human-readable part" {
            assert!(bech32::segwit::decode(text(row, 0)).is_err(), "{row}");
        }
        let refused_as_text = [
            "Invalid checksum (Bech32 instead of Bech32m)",
            "Invalid character in checksum",
            "Mixed case",
        ];
        if refused_as_text.contains(&text(row, 1)) {
            assert!(bech32m(text(row, 0)).is_none(), "{row}");
        }
    }
}
