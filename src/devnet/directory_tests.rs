use super::super::fake::{FakeNet, names};
use super::*;

#[test]
fn the_marker_makes_a_directory_ours() {
    let net = FakeNet::new(2, "");
    assert_eq!(net.directory.existing().unwrap(), net.marker());
    let empty = tempfile::tempdir().unwrap();
    let other = Directory::at(empty.path()).unwrap();
    assert!(other.marker().unwrap().is_none());
    let error = other.existing().unwrap_err();
    assert!(matches!(error, DevnetError::NoDevnet(_)), "{error}");
}

#[test]
fn a_marker_that_is_not_as_written_is_refused() {
    let net = FakeNet::new(2, "");
    let path = net.directory.path().join(DevnetFile::NAME);
    let good = fs::read_to_string(&path).unwrap();
    for (from, to, expected) in [
        ("\"node1\"", "\"../node1\"", "is damaged: node 1 is called \"../node1\""),
        ("\"node1\"", "\"node0\"", "is damaged: node 1 is called \"node0\""),
        ("\"format\": 1", "\"format\": 2", "format 2, and this version reads format 1"),
        ("{", "", "is damaged: "),
        ("\"chain\"", "\"chains\"", "is damaged: missing field `chain`"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        fs::write(&path, bad).unwrap();
        let error = net.directory.marker().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn only_an_empty_directory_is_taken() {
    let net = FakeNet::new(1, "");
    assert!(matches!(net.directory.expect_empty(), Err(DevnetError::NotEmpty(_))));
    let empty = tempfile::tempdir().unwrap();
    let directory = Directory::at(empty.path()).unwrap();
    let _lock = directory.lock().unwrap();
    directory.expect_empty().unwrap();
    fs::write(empty.path().join("thesis.txt"), "").unwrap();
    assert!(matches!(directory.expect_empty(), Err(DevnetError::NotEmpty(_))));
}

#[test]
fn removal_takes_what_is_ours_and_nothing_else() {
    let net = FakeNet::new(2, "");
    let root = net.directory.path();
    for node in &net.nodes {
        fs::create_dir_all(node.path.join("store")).unwrap();
        fs::write(node.path.join("store/data"), "").unwrap();
    }
    // A node's directory that somebody replaced by a link leads nowhere.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("precious"), "").unwrap();
    fs::remove_dir_all(&net.nodes[1].path).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &net.nodes[1].path).unwrap();
    fs::write(root.join("notes.txt"), "").unwrap();
    fs::create_dir(root.join("node2")).unwrap();

    let lock = net.directory.lock().unwrap();
    let left = net.directory.remove(&net.marker(), &lock).unwrap();
    assert_eq!(left, [root.join("node2"), root.join("notes.txt")]);
    assert_eq!(names(elsewhere.path()), ["precious"]);

    fs::remove_dir(root.join("node2")).unwrap();
    fs::remove_file(root.join("notes.txt")).unwrap();
    net.directory.write_marker(&net.marker()).unwrap();
    let lock = net.directory.lock().unwrap();
    assert!(net.directory.remove(&net.marker(), &lock).unwrap().is_empty());
    assert!(!root.exists());
}

#[test]
fn one_command_at_a_time() {
    let net = FakeNet::new(1, "");
    let short = Duration::from_millis(30);
    let lock = net.directory.lock().unwrap();
    assert!(matches!(net.directory.lock_within(short), Err(DevnetError::Busy(_))));
    drop(lock);
    let lock = net.directory.lock_within(short).unwrap();
    // Who waited for a devnet that was removed meanwhile finds none.
    let waiting = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| net.directory.lock().map(|_| ()));
        std::thread::sleep(LOCK_INTERVAL * 2);
        net.directory.remove(&net.marker(), &lock).unwrap();
        drop(lock);
        waiter.join().unwrap()
    });
    assert!(matches!(waiting, Err(DevnetError::NoDevnet(_))), "{waiting:?}");
    assert!(matches!(net.directory.lock(), Err(DevnetError::NoDevnet(_))));
}
