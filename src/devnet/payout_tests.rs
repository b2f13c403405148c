use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::spec::Spec;
use crate::types::Time;
use crate::types::target::Bits;

fn frozen(dev: bool) -> FrozenSpec {
    let mut text = crate::spec::find("pow-dev").unwrap().to_owned();
    if !dev {
        let start = text.find("accounts = [").unwrap();
        let end = start + text[start..].find("\n]").unwrap() + 2;
        text.replace_range(start..end, "accounts = []");
        text = text.replace("dev = true", "dev = false");
    }
    Spec::parse("test.toml", &text).unwrap().freeze(Time(0), || Bits(0x207f_ffff))
}

#[test]
fn development_accounts_are_paid_in_turn() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("payout.mnemonic");
    let paid = payouts(&frozen(true), 12, &file).unwrap();
    let owners: Vec<_> = paid.iter().map(|payout| payout.owner.unwrap()).collect();
    assert_eq!(owners[..2], ["alice", "bob"]);
    assert_eq!(owners[9..], ["judy", "alice", "bob"]);
    assert!(!file.exists());
}

#[test]
fn other_chains_pay_keys_that_are_drawn_once_and_kept_secret() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("payout.mnemonic");
    let spec = frozen(false);
    let paid = payouts(&spec, 3, &file).unwrap();
    assert!(paid.iter().all(|payout| payout.owner.is_none()));
    assert!(paid[0] != paid[1] && paid[1] != paid[2]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = payouts(&spec, 4, &file).unwrap();
    assert_eq!(again[..3], paid);

    let words = fs::read_to_string(&file).unwrap();
    fs::write(&file, words.replacen(' ', " zzz ", 1)).unwrap();
    let error = payouts(&spec, 3, &file).unwrap_err().to_string();
    assert!(error.contains("payout.mnemonic is damaged: ") && !error.contains("zzz"), "{error}");
}
