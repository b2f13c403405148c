use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & PERMISSION_BITS
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, KeystoreError> {
    read_private(path, 100).map(|bytes| bytes.map(|bytes| bytes.to_vec()))
}

#[test]
fn what_is_written_is_private_and_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.json");
    assert_eq!(read(&path).unwrap(), None);
    assert!(write_private(&path, b"one", Replace::No).unwrap());
    assert_eq!(mode_of(&path), 0o600);
    assert_eq!(read(&path).unwrap().unwrap(), b"one");
    assert!(!write_private(&path, b"two", Replace::No).unwrap());
    assert_eq!(read(&path).unwrap().unwrap(), b"one");
    assert!(write_private(&path, b"three", Replace::Yes).unwrap());
    assert_eq!(read(&path).unwrap().unwrap(), b"three");
    let names: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["a.json"], "no temporary file stays behind");
}

#[test]
fn what_a_crash_left_behind_is_cleared_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.json");
    let leftover = directory.path().join(".a.tmp");
    std::fs::write(&leftover, "half").unwrap();
    chmod(&leftover, 0o666);
    assert!(write_private(&path, b"whole", Replace::No).unwrap());
    assert!(!leftover.exists());
    assert_eq!(mode_of(&path), 0o600);
    // A crash between the two steps of a change leaves the old file, whole.
    std::fs::write(&leftover, "half").unwrap();
    assert_eq!(read(&path).unwrap().unwrap(), b"whole");
    std::fs::remove_file(&leftover).unwrap();
    std::fs::create_dir(&leftover).unwrap();
    let message = write_private(&path, b"x", Replace::Yes).unwrap_err().to_string();
    assert!(message.starts_with("cannot remove /"), "{message}");
    assert_eq!(read(&path).unwrap().unwrap(), b"whole");
}

#[test]
fn a_file_for_others_is_refused_with_the_command_that_closes_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.json");
    std::fs::write(&path, "x").unwrap();
    for mode in [0o644, 0o640, 0o604, 0o660, 0o610, 0o601, 0o4644, 0o777] {
        chmod(&path, mode);
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains(&format!("has mode {mode:04o}")), "{message}");
        assert!(message.contains(&format!("`chmod 600 {}`", path.display())), "{message}");
    }
    for mode in [0o600, 0o400, 0o700] {
        chmod(&path, mode);
        assert!(read(&path).is_ok(), "{mode:o}");
    }
}

#[test]
fn a_directory_that_others_may_write_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("new/wallets");
    check_directory(&path).unwrap();
    create_directory(&path).unwrap();
    assert_eq!((mode_of(&path), mode_of(path.parent().unwrap())), (0o700, 0o700));
    for mode in [0o770, 0o722, 0o707, 0o1777] {
        chmod(&path, mode);
        for result in [check_directory(&path), create_directory(&path)] {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(&format!("has mode {mode:04o}")), "{message}");
            assert!(message.contains(&format!("`chmod 700 {}`", path.display())), "{message}");
        }
    }
    chmod(&path, 0o755);
    check_directory(&path).unwrap();
}

#[test]
fn only_a_plain_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("file"), "x").unwrap();
    chmod(&at("file"), 0o600);
    std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
    std::fs::create_dir(at("directory")).unwrap();
    // Nobody writes to this pipe: reading it would never end.
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for (name, what) in [
        ("link", "a symbolic link"),
        ("directory", "a directory"),
        ("pipe", "a device, socket or pipe"),
    ] {
        let message = read(&at(name)).unwrap_err().to_string();
        assert!(
            message.contains(&format!("/{name} is {what}, but must be a plain file")),
            "{message}"
        );
    }
    assert!(matches!(read(&at("file/below")), Err(KeystoreError::Io { .. })));
}

#[test]
fn a_large_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.json");
    for (bytes, fits) in [(100, true), (101, false), (100_000, false)] {
        write_private(&path, &vec![b'x'; bytes], Replace::Yes).unwrap();
        assert_eq!(read(&path).is_ok(), fits, "{bytes}");
    }
    assert!(read(&path).unwrap_err().to_string().contains("is larger than 100 bytes"));
}

#[test]
fn a_lock_keeps_others_out_until_it_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
    let take = |name: &WalletName| Lock::acquire_within(directory.path(), name, 2);
    let held = take(&one).unwrap();
    let message = take(&one).unwrap_err().to_string();
    assert!(message.contains("another process is changing wallet \"one\""), "{message}");
    assert!(message.contains("/.one.lock"), "{message}");
    take(&other).unwrap();
    drop(held);
    take(&one).unwrap();
    assert_eq!(mode_of(&directory.path().join(".one.lock")), 0o600);
}
