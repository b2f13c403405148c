use super::*;
use crate::types::hd::Seed;

const ZEROS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

#[test]
fn spells_entropy_and_reads_it_back() {
    for bytes in [16, 20, 24, 28, 32] {
        let entropy: Vec<u8> = (0..bytes).map(|i: u8| i.wrapping_mul(37)).collect();
        let mnemonic = Mnemonic::from_entropy(&entropy).unwrap();
        assert_eq!(mnemonic.words().count(), usize::from(bytes) * 3 / 4);
        assert_eq!(Mnemonic::parse(&mnemonic.phrase()), Ok(mnemonic.clone()));
        assert_eq!(*mnemonic.entropy(), entropy);
    }
    let full = Mnemonic::from_full_entropy(&[9; 32]);
    assert_eq!(full.words().count(), NEW_MNEMONIC_WORDS);
}

#[test]
fn reads_what_people_type() {
    let spaced = format!("\n  {} \t", ZEROS.to_uppercase().replace(' ', " \r\n"));
    assert_eq!(Mnemonic::parse(&spaced), Mnemonic::parse(ZEROS));
    assert_eq!(Mnemonic::parse(&spaced).unwrap().phrase().as_str(), ZEROS);
}

#[test]
fn refuses_other_words_without_repeating_them() {
    let table = [
        ("", "0 words were given"),
        ("abandon", "1 words were given, but a mnemonic has 12, 15, 18, 21 or 24"),
        (&format!("{ZEROS} about"), "13 words"),
        (
            &ZEROS.replacen("abandon about", "abandon abuot", 1),
            "word 12 is not in the English list",
        ),
        (&ZEROS.replacen("abandon", "Äbandon", 1), "word 1 is not in the English list"),
        (&ZEROS.replacen("about", "abandon", 1), "do not fit their checksum"),
    ];
    for (text, expected) in table {
        let message = Mnemonic::parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
        assert!(!message.contains("abuot"), "{message}");
    }
    assert_eq!(
        Mnemonic::from_entropy(&[0; 17]).unwrap_err(),
        MnemonicError::EntropyLength { bits: 136 }
    );
}

#[test]
fn a_passphrase_changes_the_seed_and_is_normalized() {
    let mnemonic = Mnemonic::parse(ZEROS).unwrap();
    let seed = |passphrase| Seed::from_mnemonic(&mnemonic, passphrase).expose().to_vec();
    assert_ne!(seed(""), seed("x"));
    // One letter composed, and the same letter as a base and a combining accent.
    assert_eq!(seed("caf\u{e9}"), seed("cafe\u{301}"));
}

#[test]
fn debug_never_shows_a_word() {
    assert_eq!(format!("{:?}", Mnemonic::parse(ZEROS).unwrap()), "Mnemonic(secret)");
}
