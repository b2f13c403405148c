use super::*;

#[test]
fn names_are_safe_as_files() {
    for name in ["a", "main", "my-wallet_2", "-", "0", &"x".repeat(32)] {
        assert_eq!(name.parse::<WalletName>().unwrap().as_str(), name);
    }
    for name in
        ["", ".", "..", "a/b", "../a", "a.json", "Main", "a b", "é", "a\0", "a\n", &"x".repeat(33)]
    {
        let message = name.parse::<WalletName>().unwrap_err().to_string();
        assert!(message.contains("cannot name a wallet: use 1 to 32 of"), "{message}");
    }
}

#[test]
fn labels_are_printable_and_no_numbers() {
    for label in ["savings", "Ersparnisse für später", "貯金", "a.b_c-d 2", &"é".repeat(32)] {
        assert_eq!(label.parse::<AccountLabel>().unwrap().as_str(), label);
    }
    for label in [
        "",
        " ",
        " a",
        "a ",
        "7",
        "12 3",
        "a\tb",
        "\u{1b}[2Ja",
        "a\u{202e}b",
        "a/b",
        &"x".repeat(33),
    ] {
        assert!(label.parse::<AccountLabel>().is_err(), "{label:?}");
    }
}

#[test]
fn messages_show_foreign_text_escaped_and_shortened() {
    let message =
        format!("\u{1b}[2J{}", "x".repeat(10_000)).parse::<WalletName>().unwrap_err().to_string();
    assert!(message.len() < 250 && !message.contains('\u{1b}'), "{message}");
}
