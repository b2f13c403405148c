use super::*;
use crate::store::MemStore;

fn entry(n: u8) -> Vec<u8> {
    vec![n / 16, n % 16]
}

/// Whatever is asked, the store on disk answers as the one in memory does, also after it was closed and opened.
#[test]
fn the_store_on_disk_answers_as_the_one_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let memory = MemStore::default();
    for round in 0..3u8 {
        let disk = RocksStore::open(directory.path()).unwrap();
        for n in 0..100u8 {
            let mut batch = Batch::default();
            batch.put(Table::State, entry(n.wrapping_mul(37)), vec![n, round]);
            batch.delete(Table::State, entry(n.wrapping_mul(11)));
            batch.put(Table::Records, entry(n), vec![round]);
            memory.stage(batch.clone()).unwrap();
            disk.stage(batch).unwrap();
        }
        disk.sync().unwrap();
        for n in 0..=255u8 {
            let key = entry(n);
            let answers =
                [&memory as &dyn Store, &disk].map(|store| store.get(Table::State, &key).unwrap());
            assert_eq!(answers[0], answers[1], "{n}");
        }
        for prefix in [vec![], vec![3], vec![255]] {
            for after in [vec![], vec![2], vec![3, 5], vec![15, 15]] {
                for limit in [0, 1, 7, 1000] {
                    let answers = [&memory as &dyn Store, &disk]
                        .map(|store| store.scan(Table::State, &prefix, &after, limit).unwrap());
                    assert_eq!(answers[0], answers[1], "{prefix:?} {after:?} {limit}");
                }
            }
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_and_no_panic() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = RocksStore::open(&file.path().join("below-a-file")).unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error}");
}

/// What was signed and what was promised outlives the chain, however often and wherever it is interrupted.
#[test]
fn a_store_that_starts_over_keeps_what_was_promised_and_signed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    assert_eq!(RocksStore::start_over(&path).unwrap(), 0, "there is none");
    let mut batch = Batch::default();
    for n in 0..3000u16 {
        batch.put(Table::Records, n.to_be_bytes(), [1]);
        batch.put(Table::State, n.to_be_bytes(), [3]);
    }
    batch.put(Table::Pending, [7], [2]);
    batch.put(Table::Meta, *b"final", [4]);
    let store = RocksStore::open(&path).unwrap();
    store.stage(batch).unwrap();
    store.sync().unwrap();
    drop(store);
    for interrupted in [false, true, false] {
        if interrupted {
            std::fs::rename(&path, path.with_extension("old")).unwrap();
        }
        assert_eq!(RocksStore::start_over(&path).unwrap(), 3001);
        let store = RocksStore::open(&path).unwrap();
        assert_eq!(store.get(Table::Records, &2999u16.to_be_bytes()).unwrap(), Some(vec![1]));
        assert_eq!(store.get(Table::Pending, &[7]).unwrap(), Some(vec![2]));
        assert_eq!(store.get(Table::Meta, b"final").unwrap(), None);
        assert_eq!(store.scan(Table::State, &[], &[], 10).unwrap(), []);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}
