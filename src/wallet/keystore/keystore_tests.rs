use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::thread;

use tempfile::TempDir;

use super::*;
use crate::types::Hash;
use crate::types::signatures::verify_single;

/// Known bytes, each drawn once.
struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), KeystoreError> {
        for byte in buffer {
            self.0 += 1;
            *byte = blake3::hash(&self.0.to_le_bytes()).as_bytes()[0];
        }
        Ok(())
    }
}

/// A generator that has nothing.
struct Dry;

impl Entropy for Dry {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), KeystoreError> {
        Err(KeystoreError::Entropy { reason: "none today".into() })
    }
}

fn name(text: &str) -> WalletName {
    text.parse().unwrap()
}

fn label(text: &str) -> AccountLabel {
    text.parse().unwrap()
}

fn new(password: &str) -> NewWallet {
    NewWallet {
        password: password.into(),
        passphrase: SecretString::default(),
        label: label("main"),
        cost: PasswordCost::new(8, 1, 1).unwrap(),
        created_ms: 1_767_225_600_000,
    }
}

/// A place for wallets that does not exist yet.
fn place() -> (TempDir, WalletDirectory) {
    let parent = tempfile::tempdir().unwrap();
    let directory = WalletDirectory::at(parent.path().join("wallets"));
    (parent, directory)
}

/// A wallet `main` with the password "secret".
fn made() -> (TempDir, WalletDirectory, Wallet, Mnemonic) {
    let (parent, directory) = place();
    let (wallet, mnemonic) =
        Wallet::create(&directory, &name("main"), &new("secret"), &mut Counter(0)).unwrap();
    (parent, directory, wallet, mnemonic)
}

fn unlock(directory: &WalletDirectory, password: &str) -> Result<Unlocked, KeystoreError> {
    Wallet::open(directory, &name("main"))?.unlock(&password.into())
}

#[test]
fn a_new_wallet_is_locked_private_and_signs_once_unlocked() {
    let (_parent, directory, wallet, mnemonic) = made();
    assert_eq!(mnemonic.words().count(), 24);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!((mode(directory.path()), mode(&wallet.path())), (0o700, 0o600));

    let opened = Wallet::open(&directory, &name("main")).unwrap();
    assert_eq!(opened.accounts(), wallet.accounts());
    assert_eq!((opened.name().as_str(), opened.created_ms()), ("main", 1_767_225_600_000));
    let [account] = opened.accounts() else { panic!("one account") };
    assert_eq!((account.index, account.label.as_str()), (0, "main"));

    let unlocked = opened.unlock(&"secret".into()).unwrap();
    let key = unlocked.keypair(0).unwrap();
    assert_eq!(key.public(), account.public_key);
    let message = Hash(crate::types::sha256d(b"x"));
    assert!(verify_single(&account.public_key.0, &message.0, &key.sign(&message).0));
    assert_eq!(account.address(), key.address());
    assert_eq!(*unlocked.mnemonic(), mnemonic);
}

#[test]
fn the_words_alone_bring_all_accounts_back() {
    let (_parent, directory, wallet, mnemonic) = made();
    let mut unlocked = wallet.unlock(&"secret".into()).unwrap();
    for text in ["a", "b"] {
        unlocked.new_account(label(text), &mut Counter(500)).unwrap();
    }
    let words = Mnemonic::parse(&mnemonic.phrase()).unwrap();
    let again =
        Wallet::restore(&directory, &name("again"), &words, &new("other"), &mut Counter(99))
            .unwrap();
    let mut again = again.unlock(&"other".into()).unwrap();
    for text in ["x", "y"] {
        again.new_account(label(text), &mut Counter(900)).unwrap();
    }
    let keys =
        |unlocked: &Unlocked| unlocked.accounts().iter().map(|a| a.public_key).collect::<Vec<_>>();
    assert_eq!(keys(&again), keys(&unlocked));
    assert_eq!(keys(&again).len(), 3);
}

#[test]
fn a_passphrase_leads_to_other_keys_and_is_kept() {
    let (_parent, directory, wallet, mnemonic) = made();
    let with = NewWallet { passphrase: "mellon".into(), ..new("secret") };
    let hidden =
        Wallet::restore(&directory, &name("hidden"), &mnemonic, &with, &mut Counter(7)).unwrap();
    assert_ne!(hidden.accounts()[0].public_key, wallet.accounts()[0].public_key);
    let unlocked = hidden.unlock(&"secret".into()).unwrap();
    assert_eq!(unlocked.passphrase().expose_secret(), "mellon");
    let key = unlocked.keypair(0).unwrap().public();
    assert_eq!(key, hidden.accounts()[0].public_key);

    let long = NewWallet { passphrase: "x".repeat(1025).into(), ..new("secret") };
    let error =
        Wallet::restore(&directory, &name("long"), &mnemonic, &long, &mut Counter(7)).unwrap_err();
    assert!(error.to_string().contains("has 1025 bytes, but may have 1024"), "{error}");
}

#[test]
fn a_wallet_is_never_overwritten() {
    let (_parent, directory, wallet, mnemonic) = made();
    let before = std::fs::read(wallet.path()).unwrap();
    let restored =
        Wallet::restore(&directory, &name("main"), &mnemonic, &new("x"), &mut Counter(5));
    let created = Wallet::create(&directory, &name("main"), &new("x"), &mut Counter(5));
    for error in [restored.unwrap_err(), created.unwrap_err()] {
        let message = error.to_string();
        assert!(message.starts_with("there already is a wallet \"main\" at /"), "{message}");
        assert!(message.ends_with("choose another name, or move that file away"), "{message}");
    }
    assert_eq!(std::fs::read(wallet.path()).unwrap(), before);

    std::os::unix::fs::symlink("/nowhere", directory.file(&name("link"))).unwrap();
    let error = Wallet::create(&directory, &name("link"), &new("x"), &mut Counter(5)).unwrap_err();
    assert!(matches!(error, KeystoreError::Exists { .. }), "{error}");
}

#[test]
fn of_many_that_make_one_wallet_one_succeeds() {
    let (_parent, directory) = place();
    let results: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..6)
            .map(|i| {
                let directory = &directory;
                scope.spawn(move || {
                    Wallet::create(
                        directory,
                        &name("main"),
                        &new(&i.to_string()),
                        &mut Counter(i * 1000),
                    )
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    let winners: Vec<_> = (0..6).filter(|i| results[*i].is_ok()).collect();
    assert_eq!(winners.len(), 1);
    unlock(&directory, &winners[0].to_string()).unwrap();
}

#[test]
fn accounts_added_at_the_same_time_are_all_kept() {
    let (_parent, directory, wallet, _) = made();
    thread::scope(|scope| {
        for i in 0..6 {
            let wallet = &wallet;
            scope.spawn(move || {
                // Each starts from the file as it was at first.
                let mut unlocked = wallet.unlock(&"secret".into()).unwrap();
                let text = label(&format!("t{i}"));
                let added = unlocked.new_account(text.clone(), &mut Counter(i * 100)).unwrap();
                assert_eq!(added.label, text);
            });
        }
    });
    let unlocked = unlock(&directory, "secret").unwrap();
    let mut labels: Vec<_> = unlocked.accounts().iter().map(|a| a.label.as_str()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["main", "t0", "t1", "t2", "t3", "t4", "t5"]);
    for account in unlocked.accounts() {
        let key = unlocked.keypair(account.index).unwrap();
        assert_eq!(key.public(), account.public_key);
    }
}

#[test]
fn accounts_are_found_by_number_and_label() {
    let (_parent, _directory, wallet, _) = made();
    let mut unlocked = wallet.unlock(&"secret".into()).unwrap();
    unlocked.new_account(label("savings"), &mut Counter(0)).unwrap();
    let wallet = unlocked.wallet();
    for (given, index) in [("0", 0), ("main", 0), ("1", 1), ("savings", 1)] {
        assert_eq!(wallet.account(given).unwrap().index, index);
    }
    for given in ["2", "Main", "", "99999999999999999999"] {
        let message = wallet.account(given).unwrap_err().to_string();
        let expected =
            format!("wallet \"main\" has no account {given:?}: it has 0 to 1 (main, savings)");
        assert_eq!(message, expected);
    }
    assert!(matches!(unlocked.keypair(2), Err(KeystoreError::NoAccount { .. })));
    let error = unlocked.new_account(label("savings"), &mut Counter(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "wallet \"main\" already has an account \"savings\": choose another label"
    );
}

#[test]
fn a_full_wallet_says_so() {
    let (_parent, directory, wallet, _) = made();
    let unlocked = wallet.unlock(&"secret".into()).unwrap();
    let accounts = (0..ACCOUNTS_MAX as u16)
        .map(|i| account(&unlocked.seed, i, label(&format!("a{i}"))))
        .collect();
    let full = wallet.envelope.reseal(accounts, &unlocked.secret, &unlocked.key, [4; 24]);
    write_private(&wallet.path(), &full.to_json(), Replace::Yes).unwrap();
    let mut unlocked = unlock(&directory, "secret").unwrap();
    let error = unlocked.new_account(label("more"), &mut Counter(0)).unwrap_err();
    assert!(error.to_string().contains("already has 1024 accounts"), "{error}");
    assert!(unlocked.keypair(1023).is_ok());
}

#[test]
fn another_password_replaces_the_old_one() {
    let (_parent, directory, wallet, mnemonic) = made();
    let mut unlocked = wallet.unlock(&"secret".into()).unwrap();
    let mut elsewhere = wallet.unlock(&"secret".into()).unwrap();
    let cost = PasswordCost::new(16, 2, 2).unwrap();
    unlocked.set_password(&"better".into(), cost, &mut Counter(77)).unwrap();

    assert!(matches!(unlock(&directory, "secret"), Err(KeystoreError::WrongPassword { .. })));
    let again = unlock(&directory, "better").unwrap();
    assert_eq!(*again.mnemonic(), mnemonic);
    assert_eq!(again.accounts(), wallet.accounts());
    // The process that changed it goes on; one that only knows the old password must not undo the change.
    unlocked.new_account(label("later"), &mut Counter(78)).unwrap();
    let error = elsewhere.new_account(label("late"), &mut Counter(79)).unwrap_err();
    assert!(error.to_string().contains("got another password since"), "{error}");
    assert_eq!(unlock(&directory, "better").unwrap().accounts().len(), 2);
}

#[test]
fn a_change_is_not_built_on_an_altered_file() {
    let (_parent, _directory, wallet, _) = made();
    let mut unlocked = wallet.unlock(&"secret".into()).unwrap();
    let text = std::fs::read_to_string(wallet.path()).unwrap();
    std::fs::write(wallet.path(), text.replace("\"main\"", "\"fake\"")).unwrap();
    let error = unlocked.new_account(label("more"), &mut Counter(0)).unwrap_err();
    assert!(matches!(error, KeystoreError::WrongPassword { .. }), "{error}");
    std::fs::remove_file(wallet.path()).unwrap();
    let error = unlocked.new_account(label("more"), &mut Counter(0)).unwrap_err();
    assert!(matches!(error, KeystoreError::NotFound { .. }), "{error}");
}

#[test]
fn an_empty_password_works_like_any_other() {
    let (_parent, directory) = place();
    Wallet::create(&directory, &name("main"), &new(""), &mut Counter(0)).unwrap();
    assert!(unlock(&directory, "").is_ok());
    assert!(unlock(&directory, "x").is_err());
}

#[test]
fn keys_that_the_words_do_not_make_are_noticed() {
    let (_parent, directory, wallet, _) = made();
    let unlocked = wallet.unlock(&"secret".into()).unwrap();
    let mut accounts = wallet.accounts().to_vec();
    accounts[0].public_key.0[0] ^= 1;
    let forged = wallet.envelope.reseal(accounts, &unlocked.secret, &unlocked.key, [4; 24]);
    write_private(&wallet.path(), &forged.to_json(), Replace::Yes).unwrap();
    let error = unlock(&directory, "secret").unwrap_err();
    assert!(
        error.to_string().contains("an account's public key is not the one its words make"),
        "{error}"
    );
}

#[test]
fn loose_modes_are_refused_when_opening_and_when_making() {
    let (_parent, directory, wallet, _) = made();
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod(&wallet.path(), 0o644);
    let error = Wallet::open(&directory, &name("main")).unwrap_err();
    assert!(matches!(error, KeystoreError::LooseFile { mode: 0o644, .. }), "{error}");
    chmod(&wallet.path(), 0o600);
    chmod(directory.path(), 0o777);
    let opened = Wallet::open(&directory, &name("main")).unwrap_err();
    let created = Wallet::create(&directory, &name("b"), &new("x"), &mut Counter(0)).unwrap_err();
    let listed = directory.names().unwrap_err();
    for error in [opened, created, listed] {
        assert!(matches!(error, KeystoreError::LooseDirectory { mode: 0o777, .. }), "{error}");
    }
}

#[test]
fn wallets_are_listed_and_others_files_are_not() {
    let (_parent, directory) = place();
    assert_eq!(directory.names().unwrap(), []);
    let error = Wallet::open(&directory, &name("main")).unwrap_err().to_string();
    assert!(error.ends_with("it holds none; make one with `assay wallet new`"), "{error}");
    for text in ["b", "a-1"] {
        Wallet::create(&directory, &name(text), &new("x"), &mut Counter(0)).unwrap();
    }
    for other in [".x.json", "B.json", "a b.json", "notes.txt", ".b.tmp", "c.json.bak"] {
        std::fs::write(directory.path().join(other), "").unwrap();
    }
    assert_eq!(directory.names().unwrap(), [name("a-1"), name("b")]);
    let error = Wallet::open(&directory, &name("c")).unwrap_err().to_string();
    assert!(error.ends_with(": it holds a-1, b"), "{error}");
}

#[test]
fn a_full_directory_says_so() {
    let (_parent, directory) = place();
    directory.create().unwrap();
    for i in 0..WALLETS_MAX {
        std::fs::write(directory.file(&name(&format!("w{i}"))), "").unwrap();
    }
    assert_eq!(directory.names().unwrap().len(), WALLETS_MAX);
    let error = Wallet::create(&directory, &name("more"), &new("x"), &mut Counter(0)).unwrap_err();
    assert!(error.to_string().contains("already holds 1024 wallets"), "{error}");
}

#[test]
fn without_entropy_nothing_is_made() {
    let (_parent, directory, wallet, mnemonic) = made();
    let created = Wallet::create(&directory, &name("a"), &new("x"), &mut Dry).map(|_| ());
    let restored =
        Wallet::restore(&directory, &name("a"), &mnemonic, &new("x"), &mut Dry).map(|_| ());
    let mut unlocked = wallet.unlock(&"secret".into()).unwrap();
    let added = unlocked.new_account(label("a"), &mut Dry).map(|_| ());
    for result in [created, restored, added] {
        assert!(matches!(result, Err(KeystoreError::Entropy { .. })));
    }
    assert_eq!(directory.names().unwrap(), [name("main")]);
}

#[test]
fn the_systems_entropy_differs_each_time() {
    let (mut one, mut two) = ([0; 32], [0; 32]);
    OsEntropy.fill(&mut one).unwrap();
    OsEntropy.fill(&mut two).unwrap();
    assert!(one != two && one != [0; 32]);
}

#[test]
fn debug_never_shows_a_secret() {
    let (_parent, directory, wallet, mnemonic) = made();
    let new = NewWallet { passphrase: "mellon".into(), ..new("hunter2") };
    let hidden =
        Wallet::restore(&directory, &name("hidden"), &mnemonic, &new, &mut Counter(3)).unwrap();
    let unlocked = hidden.unlock(&"hunter2".into()).unwrap();
    let shown = format!("{new:?} {hidden:?} {unlocked:?} {wallet:?}");
    assert!(!shown.contains("mellon") && !shown.contains("hunter2"), "{shown}");
    assert!(mnemonic.words().all(|word| !shown.contains(&format!("{word} "))), "{shown}");
    assert!(!shown.contains(&hex::encode(&*mnemonic.entropy())), "{shown}");
    assert!(format!("{unlocked:?}").starts_with("Unlocked { name: WalletName(\"hidden\"), .. }"));
    let file = std::fs::read_to_string(hidden.path()).unwrap();
    assert!(!file.contains("mellon") && !file.contains(&hex::encode(&*mnemonic.entropy())));
}

#[test]
fn the_directory_comes_from_the_environment() {
    let from = |variables: &[(&str, &str)]| {
        WalletDirectory::from_environment(|asked| {
            variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| value.into())
        })
        .map(|directory| directory.path().to_str().unwrap().to_owned())
    };
    let all = [("ASSAY_WALLET_DIR", "/a"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")];
    assert_eq!(from(&all).unwrap(), "/a");
    assert_eq!(from(&all[1..]).unwrap(), "/x/assay/wallets");
    assert_eq!(from(&all[2..]).unwrap(), "/h/.local/share/assay/wallets");
    assert_eq!(
        from(&[("ASSAY_WALLET_DIR", ""), ("XDG_DATA_HOME", "x"), ("HOME", "/h")]).unwrap(),
        "/h/.local/share/assay/wallets"
    );
    let message = from(&[("HOME", "")]).unwrap_err().to_string();
    assert!(message.contains("set one of them"), "{message}");
}
