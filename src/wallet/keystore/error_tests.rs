use super::*;

#[test]
fn a_command_in_a_message_can_be_run_as_it_stands() {
    let table = [
        ("/srv/wallets/main.json", "`chmod 600 /srv/wallets/main.json`"),
        ("/my wallets/it's.json", "`chmod 600 '/my wallets/it'\\''s.json'`"),
        ("-rf", "`chmod 600 './-rf'`"),
        ("$(id)", "`chmod 600 '$(id)'`"),
    ];
    for (path, expected) in table {
        let message = KeystoreError::LooseFile { path: path.into(), mode: 0o644 }.to_string();
        assert!(message.contains("has mode 0644") && message.contains(expected), "{message}");
    }
}

#[test]
fn lists_stay_short() {
    let names: Vec<String> = (0..30).map(|i| format!("w{i}")).collect();
    let error = |known: &[String]| KeystoreError::NotFound {
        wallet: "x".into(),
        directory: "/d".into(),
        known: known.to_vec(),
    };
    assert_eq!(
        error(&names).to_string(),
        "there is no wallet \"x\" in /d: it holds w0, w1, w2, w3, w4, w5, w6, w7, w8, w9 and 20 more"
    );
    assert!(error(&names[..10]).to_string().ends_with("w8, w9"));
    assert!(error(&[]).to_string().ends_with("it holds none; make one with `assay wallet new`"));
}
