use serde_json::{Value, json};

use super::*;
use crate::wallet::keystore::key::PasswordCost;

const PATH: &str = "/wallets/main.json";

fn cheap() -> PasswordCost {
    PasswordCost::new(8, 1, 1).unwrap()
}

fn secret() -> Secret {
    Secret { entropy: vec![7; 32], passphrase: "pass phrase".into() }
}

fn accounts(count: u16) -> Vec<Account> {
    (0..count)
        .map(|index| Account {
            index,
            label: format!("account {index}").parse().unwrap(),
            public_key: PublicKey([index as u8; 32]),
        })
        .collect()
}

fn sealed() -> (Envelope, Key) {
    let fresh = Fresh { salt: [1; 16], nonce: [2; 24] };
    Envelope::seal(1_767_225_600_000, accounts(2), &secret(), &"secret".into(), cheap(), fresh)
        .unwrap()
}

fn read(json: &[u8]) -> Result<Envelope, KeystoreError> {
    Envelope::from_json(json, Path::new(PATH))
}

/// The file as a value to edit.
fn value() -> Value {
    serde_json::from_slice(&sealed().0.to_json()).unwrap()
}

fn read_value(value: &Value) -> Result<Envelope, KeystoreError> {
    read(&serde_json::to_vec(value).unwrap())
}

fn unseal(envelope: &Envelope, password: &str) -> Result<Secret, KeystoreError> {
    envelope.unseal(&password.into(), Path::new(PATH)).map(|(secret, _)| secret)
}

/// A file of format 1 is read by every later version; this one was also decrypted with other implementations of
/// Argon2id and XChaCha20-Poly1305.
const GOLDEN: &str = r#"{
  "version": 1,
  "created_ms": 1767225600000,
  "kdf": {
    "name": "argon2id",
    "m_kib": 8,
    "t": 1,
    "p": 1,
    "salt": "01010101010101010101010101010101"
  },
  "cipher": {
    "name": "xchacha20-poly1305",
    "nonce": "020202020202020202020202020202020202020202020202"
  },
  "accounts": [
    {
      "index": 0,
      "label": "account 0",
      "public_key": "0000000000000000000000000000000000000000000000000000000000000000"
    },
    {
      "index": 1,
      "label": "account 1",
      "public_key": "0101010101010101010101010101010101010101010101010101010101010101"
    }
  ],
  "ciphertext": "0b44328dd41dcbb2f9be7ea160fa84055bc6b10f7910dcf67f8115b02a2ccd1388397b119e705304657dc95f5935b2dba401d856032ce436ae87d5380ec18b3acec4a0"
}
"#;

#[test]
fn the_format_is_pinned() {
    assert_eq!(String::from_utf8(sealed().0.to_json()).unwrap(), GOLDEN);
    let secret = unseal(&read(GOLDEN.as_bytes()).unwrap(), "secret").unwrap();
    assert_eq!((&secret.entropy[..], &*secret.passphrase), (&[7; 32][..], "pass phrase"));
}

#[test]
fn a_file_unlocks_with_its_password_only() {
    let (envelope, _) = sealed();
    let back = read(&envelope.to_json()).unwrap();
    assert_eq!(back, envelope);
    assert!(unseal(&back, "secret").is_ok());
    for wrong in ["", "Secret", "secret ", "secre"] {
        let message = unseal(&back, wrong).err().unwrap().to_string();
        assert_eq!(
            message,
            "cannot unlock /wallets/main.json: wrong password, or the file was altered"
        );
    }
}

#[test]
fn resealing_keeps_the_password_and_takes_another_nonce() {
    let (envelope, key) = sealed();
    let next = envelope.reseal(accounts(3), &secret(), &key, [3; 24]);
    assert!(next.same_password_as(&envelope));
    assert_ne!(next.ciphertext, envelope.ciphertext);
    assert_eq!(next.accounts().len(), 3);
    assert!(unseal(&next, "secret").is_ok());
}

#[test]
fn the_layout_of_the_json_is_free() {
    let mut fields = value();
    let object = fields.as_object_mut().unwrap();
    // Reversed order and no white space.
    let reversed: serde_json::Map<_, _> = object.clone().into_iter().rev().collect();
    let compact = read_value(&Value::Object(reversed)).unwrap();
    assert!(unseal(&compact, "secret").is_ok());
}

#[test]
fn every_field_is_bound_to_the_ciphertext() {
    let hex = |byte: &str, count| Value::String(byte.repeat(count));
    let changes: [(&str, Value); 12] = [
        ("/created_ms", json!(1_767_225_600_001_u64)),
        ("/kdf/m_kib", json!(9)),
        ("/kdf/t", json!(2)),
        ("/kdf/salt", hex("09", 16)),
        ("/cipher/nonce", hex("09", 24)),
        ("/accounts/0/label", json!("Account 0")),
        ("/accounts/1/public_key", hex("09", 32)),
        ("/accounts", json!(value()["accounts"].as_array().unwrap()[..1])),
        ("/ciphertext", hex("09", 67)),
        ("/ciphertext", hex("09", 1)),
        ("/ciphertext", json!("")),
        ("/ciphertext", Value::String(value()["ciphertext"].as_str().unwrap()[2..].to_owned())),
    ];
    for (pointer, new) in changes {
        let mut file = value();
        *file.pointer_mut(pointer).unwrap() = new;
        let altered = read_value(&file).unwrap_or_else(|error| panic!("{pointer}: {error}"));
        let error = unseal(&altered, "secret").err();
        assert!(matches!(error, Some(KeystoreError::WrongPassword { .. })), "{pointer}: {error:?}");
    }
    // The lanes alone: they need more memory than this file's.
    let mut file = value();
    file["kdf"]["m_kib"] = json!(16);
    file["kdf"]["p"] = json!(2);
    assert!(unseal(&read_value(&file).unwrap(), "secret").is_err());
}

#[test]
fn a_newer_version_is_named_before_its_fields_are_judged() {
    let error = read(br#"{"version": 2, "guardians": [1]}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/wallets/main.json has wallet format 2, but this program knows formats up to 1: use the newer version that wrote it"
    );
    let huge = read(br#"{"version": 18446744073709551615}"#).unwrap_err();
    assert!(matches!(huge, KeystoreError::NewerVersion { found: u64::MAX, .. }));
}

#[test]
fn what_is_no_wallet_is_refused_with_the_reason() {
    let edited = |pointer: &str, new: Value| {
        let mut file = value();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        match file.pointer_mut(parent).unwrap() {
            Value::Object(object) => _ = object.insert(field.to_owned(), new),
            other => *other = new,
        }
        serde_json::to_string(&file).unwrap()
    };
    let golden = String::from_utf8(sealed().0.to_json()).unwrap();
    let mut twice = value()["accounts"].clone();
    twice[1]["label"] = twice[0]["label"].clone();
    let mut gap = value()["accounts"].clone();
    gap[1]["index"] = json!(2);
    let table: Vec<(String, &str)> = vec![
        (String::new(), "EOF while parsing"),
        ("null".into(), "invalid type: null"),
        ("{}".into(), "missing field `version`"),
        (r#"{"version":0}"#.into(), "there is no format 0"),
        (r#"{"version":-1}"#.into(), "invalid value: integer `-1`"),
        (r#"{"version":"1"}"#.into(), "invalid type: string"),
        (r#"{"version":1}"#.into(), "missing field `created_ms`"),
        (r#"{"version":1,"version":1}"#.into(), "duplicate field `version`"),
        (format!("{golden}{{}}"), "trailing characters at line"),
        (edited("/extra", json!(1)), "unknown field `extra`"),
        (edited("/kdf/extra", json!(1)), "unknown field `extra`"),
        (edited("/cipher/\u{1b}[2J", json!(1)), "unknown field ` [2J`"),
        (
            edited("/kdf/name", json!("scrypt")),
            "its kdf is \"scrypt\", and only \"argon2id\" is known",
        ),
        (edited("/cipher/name", json!("rot13")), "its cipher is \"rot13\""),
        (edited("/kdf/salt", json!("00")), "expected 32 hex digits"),
        (edited("/cipher/nonce", json!("zz".repeat(24))), "expected 48 hex digits"),
        (edited("/ciphertext", json!("abc")), "expected hex digits"),
        (
            edited("/kdf/m_kib", json!(PasswordCost::M_KIB_MAX + 1)),
            "m_kib must lie between 8 and 1048576",
        ),
        (edited("/kdf/m_kib", json!(7)), "m_kib = 7 is refused"),
        (edited("/kdf/m_kib", json!(u64::from(u32::MAX) + 1)), "expected u32"),
        (edited("/kdf/t", json!(17)), "t must lie between 1 and 16"),
        (edited("/kdf/t", json!(0)), "t = 0 is refused"),
        (edited("/kdf/p", json!(17)), "p must lie between 1 and 16"),
        (edited("/kdf/p", json!(2)), "m_kib must lie between 16 and"),
        (edited("/accounts", json!([])), "it has 0 accounts, but must have 1 to 1024"),
        (edited("/accounts", twice), "two accounts have the label \"account 0\""),
        (edited("/accounts", gap), "account 2 stands at place 1"),
        (
            edited("/accounts", json!([{"index": 65536, "label": "a", "public_key": ""}])),
            "expected u16",
        ),
        (
            edited("/accounts", json!([{"index": 0, "label": "\u{1b}[2J", "public_key": ""}])),
            "cannot label an account",
        ),
        (
            edited("/accounts", json!([{"index": 0, "label": "a", "public_key": "00"}])),
            "Invalid string length",
        ),
        ("[".repeat(100_000), "invalid type: sequence"),
    ];
    for (file, expected) in table {
        let error = read(file.as_bytes()).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, KeystoreError::Malformed { .. }), "{message}");
        assert!(message.contains(expected), "expected {expected:?} in {message:?}");
        assert!(message.starts_with("/wallets/main.json is not a wallet file"), "{message}");
        assert!(message.len() < 500 && !message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn as_many_accounts_as_allowed_and_no_more() {
    let mut file = value();
    let many = |count| serde_json::to_value(accounts(count)).unwrap();
    file["accounts"] = many(1024);
    assert_eq!(read_value(&file).unwrap().accounts().len(), ACCOUNTS_MAX);
    let bytes = serde_json::to_vec_pretty(&file).unwrap().len() as u64;
    assert!(bytes < super::super::FILE_BYTES_MAX / 2, "{bytes}");
    file["accounts"] = many(1025);
    assert!(read_value(&file).unwrap_err().to_string().contains("it has 1025 accounts"));
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let json = sealed().0.to_json();
    // The last byte is the line end.
    for length in 0..json.len() - 2 {
        assert!(read(&json[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_protected_text_that_is_no_secret_is_told_from_a_wrong_password() {
    let (mut envelope, key) = sealed();
    let aad = envelope.associated_data();
    envelope.ciphertext.0 = XChaCha20Poly1305::new(key.bytes().into())
        .encrypt((&envelope.cipher.nonce.0).into(), Payload { msg: b"no borsh", aad: &aad })
        .unwrap();
    let error = unseal(&envelope, "secret").err().unwrap();
    assert!(matches!(error, KeystoreError::Inconsistent { .. }), "{error}");
}

#[test]
fn the_default_cost_is_what_the_documentation_says() {
    let cost = PasswordCost::default();
    assert_eq!((cost.m_kib(), cost.t(), cost.p()), (64 * 1024, 3, 1));
    assert_eq!(PasswordCost::new(64 * 1024, 3, 1).unwrap(), cost);
    assert!(
        PasswordCost::new(PasswordCost::M_KIB_MAX, PasswordCost::T_MAX, PasswordCost::P_MAX)
            .is_ok()
    );
}
