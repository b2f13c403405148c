use super::*;

fn parse(text: &str) -> Result<DerivationPath, PathError> {
    text.parse()
}

#[test]
fn reads_and_writes_paths() {
    for text in ["m", "m/0'", "m/44'/1'/0'", "m/2147483647'"] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
    assert_eq!(parse("m/44h/1H/3'").unwrap(), DerivationPath::account(3));
    assert_eq!(DerivationPath::account(u16::MAX).to_string(), "m/44'/1'/65535'");
}

#[test]
fn refuses_what_is_no_path_and_says_why() {
    let table = [
        ("", "the derivation path \"\" does not start with m: write it like m/44'/1'/0'"),
        ("44'/1'", "does not start with m"),
        ("M/44'", "does not start with m"),
        ("m/", "step 1 of the derivation path is \"\", which is no number"),
        ("m/44'//0'", "step 2 of the derivation path is \"\", which is no number"),
        ("m/44'/1'/0", "step 3 of the derivation path is \"0\", which is not hardened"),
        ("m/44", "write 44'"),
        ("m/x'", "which is no number"),
        ("m/+1'", "which is no number"),
        ("m/-1'", "which is no number"),
        ("m/1''", "which is no number"),
        ("m/ 1'", "which is no number"),
        ("m/2147483648'", "which is too large: the largest number is 2147483647'"),
        ("m/99999999999999999999'", "too large"),
    ];
    for (text, expected) in table {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn bounds_the_depth_and_the_message() {
    assert!(parse(&format!("m{}", "/0'".repeat(PATH_STEPS_MAX))).is_ok());
    assert_eq!(parse(&format!("m{}", "/0'".repeat(PATH_STEPS_MAX + 1))), Err(PathError::TooDeep));
    let message = parse(&"é".repeat(100_000)).unwrap_err().to_string();
    assert!(message.len() < 250, "{}", message.len());
}

#[test]
fn accounts_and_seeds_differ() {
    let mut keys = std::collections::BTreeSet::new();
    for byte in 0..3 {
        let seed = Seed::from_bytes(&[byte; 64]).unwrap();
        for account in 0..5 {
            keys.insert(derive(&seed, &DerivationPath::account(account)).public_key());
        }
    }
    assert_eq!(keys.len(), 15);
}

#[test]
fn seeds_have_16_to_64_bytes() {
    for (bytes, ok) in [(15, false), (16, true), (64, true), (65, false)] {
        assert_eq!(Seed::from_bytes(&vec![7; bytes]).is_ok(), ok, "{bytes}");
    }
    assert_eq!(
        Seed::from_bytes(&[]).unwrap_err().to_string(),
        "the seed has 0 bytes, but must have 16 to 64"
    );
}

#[test]
fn debug_never_shows_a_secret() {
    let seed = Seed::from_bytes(&[0xab; 64]).unwrap();
    let shown = format!("{seed:?} {:?}", derive(&seed, &DerivationPath::account(0)));
    assert_eq!(shown, "Seed(secret) ExtendedKey(secret)");
}
