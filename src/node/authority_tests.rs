use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::types::Hash;

const GENESIS: GenesisId = GenesisId(Hash([3; 32]));

/// A key file in a folder.
fn key_in(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("authority.key");
    fs::write(&path, format!("{}\n", "5a".repeat(32))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn store_in(folder: &TempDir, name: &str) -> (PathBuf, RocksStore) {
    let datadir = folder.path().join(name);
    fs::create_dir_all(&datadir).unwrap();
    let store = RocksStore::open(&datadir.join("db")).unwrap();
    (datadir, store)
}

#[test]
fn a_key_is_read_and_used_by_one_process_at_a_time() {
    let folder = TempDir::new().unwrap();
    let path = key_in(&folder);
    let key = AuthorityKey::take(&path).unwrap();
    assert_eq!(key.keypair().public(), Keypair::from_secret(&[0x5a; 32]).public());
    let (datadir, store) = store_in(&folder, "node0");
    key.bind(&datadir, GENESIS, &store, false).unwrap();
    let error = AuthorityKey::take(&path).unwrap_err();
    assert!(matches!(error, AuthorityError::Held { .. }));
    assert!(error.to_string().contains("keeps its data in") && error.to_string().contains("node0"));
    drop(key);
    AuthorityKey::take(&path).unwrap();
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = key_in(&folder);
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = AuthorityKey::take(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    for bad in ["", "5a", &"5a".repeat(33), "alice\n"] {
        fs::write(&path, bad).unwrap();
        let error = AuthorityKey::take(&path).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
    }
    assert!(AuthorityKey::take(folder.path()).is_err());
    assert!(AuthorityKey::take(&folder.path().join("nowhere")).is_err());
}

#[test]
fn a_key_belongs_to_the_store_that_remembers_what_it_signed() {
    let folder = TempDir::new().unwrap();
    let path = key_in(&folder);
    let key = AuthorityKey::take(&path).unwrap();
    let (first, store) = store_in(&folder, "first");
    key.bind(&first, GENESIS, &store, false).unwrap();
    key.bind(&first, GENESIS, &store, false).unwrap();

    let (second, other) = store_in(&folder, "second");
    let error = key.bind(&second, GENESIS, &other, false).unwrap_err();
    assert!(matches!(&error, AuthorityError::Elsewhere { .. }), "{error}");
    assert!(error.to_string().contains("first") && error.help().contains("--authority-moved"));

    // A guard that was lost is written again, and the directory may be called otherwise.
    fs::remove_file(guard_of(&path)).unwrap();
    key.bind(&first, GENESIS, &store, false).unwrap();
    let moved = folder.path().join("renamed");
    drop(store);
    fs::rename(&first, &moved).unwrap();
    let store = RocksStore::open(&moved.join("db")).unwrap();
    key.bind(&moved, GENESIS, &store, false).unwrap();

    // Whoever starts over keeps records and bond; whoever throws the store away has lost them.
    drop(store);
    RocksStore::start_over(&moved.join("db")).unwrap();
    let store = RocksStore::open(&moved.join("db")).unwrap();
    key.bind(&moved, GENESIS, &store, false).unwrap();
    drop(store);
    fs::remove_dir_all(moved.join("db")).unwrap();
    let store = RocksStore::open(&moved.join("db")).unwrap();
    let error = key.bind(&moved, GENESIS, &store, false).unwrap_err();
    assert!(matches!(error, AuthorityError::Elsewhere { .. }));

    // Then only the operator's word helps.
    key.bind(&second, GENESIS, &other, true).unwrap();
    key.bind(&second, GENESIS, &other, false).unwrap();
    assert!(key.bind(&moved, GENESIS, &store, false).is_err());
}

#[test]
fn a_guard_that_is_none_is_not_guessed_at() {
    let folder = TempDir::new().unwrap();
    let path = key_in(&folder);
    let key = AuthorityKey::take(&path).unwrap();
    let (datadir, store) = store_in(&folder, "node0");
    for bad in ["", "{}", &" ".repeat(100_000)] {
        fs::write(guard_of(&path), bad).unwrap();
        let error = key.bind(&datadir, GENESIS, &store, false).unwrap_err();
        assert!(matches!(error, AuthorityError::Guard { .. }), "{bad:.10}");
    }
}
