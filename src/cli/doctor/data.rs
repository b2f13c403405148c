//! A data directory as it lies there.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::Check;
use crate::api::files::{CHAIN_FILE_NAME, COOKIE_FILE_NAME};
use crate::cli::node::chain::present;
use crate::cli::output;
use crate::node::NodeError;
use crate::node::cold::DataDirectory;
use crate::node::lock::LockError;
use crate::store::{FORMAT, Index, StoreError};

/// Bytes without which the next block may not find room.
const DISK_MIN: u64 = 64 << 20;

/// Bytes below which it is time to make room: a devnet writes a few hundred megabytes a day.
const DISK_COMFORT: u64 = 1 << 30;

pub(super) fn checks(datadir: &Path) -> Vec<Check> {
    let mut checks = vec![directory(datadir)];
    if !datadir.is_dir() {
        return checks;
    }
    checks.push(disk(datadir));
    checks.push(chain(datadir));
    checks.extend(cookie(datadir));
    match DataDirectory::take(datadir) {
        Ok(taken) => {
            checks.push(Check::ok("lock", "no process uses the directory"));
            checks.push(database(&taken));
        }
        Err(NodeError::Lock(LockError::Held { holder, .. })) => {
            let message =
                format!("process {holder} uses the directory, so its database is not read");
            checks.push(Check::ok("lock", message));
        }
        Err(NodeError::Lock(error)) => {
            checks.push(Check::fail("lock", error.to_string(), "see that the directory is yours"));
        }
        // What is wrong with the chain has been said.
        Err(_) => {}
    }
    checks
}

fn directory(datadir: &Path) -> Check {
    const NAME: &str = "data directory";
    let shown = datadir.display();
    let metadata = match fs::metadata(datadir) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            let message = format!("{shown} is no directory");
            return Check::fail(NAME, message, "name a directory with --datadir");
        }
        Err(error) => {
            let help = "`assay node run --datadir` makes it";
            return Check::fail(NAME, format!("{shown}: {error}"), help);
        }
    };
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        let message = format!("{shown} belongs to another user");
        return Check::warn(NAME, message, "run the command as the user who runs the node");
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        let message = format!("others may write in {shown}");
        return Check::warn(NAME, message, format!("chmod go-w {shown}"));
    }
    Check::ok(NAME, shown.to_string())
}

fn disk(datadir: &Path) -> Check {
    const NAME: &str = "disk space";
    let free = match rustix::fs::statvfs(datadir) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => return Check::warn(NAME, error.to_string(), "look with df"),
    };
    let message = format!("{} MiB are free", output::count(free >> 20));
    match free {
        0..DISK_MIN => Check::fail(NAME, message, "make room: a node that cannot write stops"),
        DISK_MIN..DISK_COMFORT => Check::warn(NAME, message, "make room soon"),
        _ => Check::ok(NAME, message),
    }
}

fn chain(datadir: &Path) -> Check {
    const NAME: &str = "chain spec";
    match present(&datadir.join(CHAIN_FILE_NAME)) {
        Ok(Some(spec)) => {
            Check::ok(NAME, format!("{} with genesis id {}", spec.name, spec.genesis_id()))
        }
        Ok(None) => {
            let message = format!("there is no {CHAIN_FILE_NAME}: no node ran here");
            Check::fail(NAME, message, "start one with `assay node run --chain SPEC --datadir`")
        }
        Err(error) => Check::fail(
            NAME,
            error.message(),
            "take the file from another node of the chain, byte for byte",
        ),
    }
}

/// Whether only the owner can read the token of unsafe methods.
fn cookie(datadir: &Path) -> Option<Check> {
    const NAME: &str = "token";
    let metadata = fs::symlink_metadata(datadir.join(COOKIE_FILE_NAME)).ok()?;
    let mode = metadata.permissions().mode() & 0o777;
    Some(if metadata.is_file() && mode & 0o077 == 0 {
        Check::ok(NAME, format!("only its owner can read {COOKIE_FILE_NAME}"))
    } else {
        let message = format!("{COOKIE_FILE_NAME} has mode {mode:o}: others may command the node");
        Check::fail(NAME, message, "remove the file and start the node again: it writes a new one")
    })
}

fn database(directory: &DataDirectory) -> Check {
    const NAME: &str = "database";
    if !directory.has_database() {
        return Check::ok(NAME, "none yet: the first start makes it");
    }
    let chain = match directory.read() {
        Ok(chain) => chain,
        Err(NodeError::Store(StoreError::OtherChain { found, expected })) => {
            let message = format!("it holds chain {found}, and the spec is of {expected}");
            return Check::fail(NAME, message, "put the right spec or the right database back");
        }
        Err(error @ NodeError::Store(StoreError::Damaged(_))) => {
            return Check::violated(NAME, error.to_string(), "`assay chain verify` may say more");
        }
        Err(error) => {
            return Check::fail(NAME, error.to_string(), error.help().unwrap_or("see the message"));
        }
    };
    let tree = chain.tree();
    let index = match Index::of(chain.stored().store().clone()).mark() {
        Ok(mark) if mark.on => format!("an index of histories below height {}", mark.next),
        Ok(_) => "no index of histories".into(),
        Err(error) => error.to_string(),
    };
    let (height, final_height) = (tree.head().height(), tree.root().height());
    let message = format!("format {FORMAT}, height {height}, final height {final_height}, {index}");
    Check::ok(NAME, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    #[test]
    fn what_lies_there_is_told_and_nothing_is_made() {
        let home = tempfile::tempdir().unwrap();
        let missing = home.path().join("none");
        assert_eq!(checks(&missing)[0].status, Verdict::Fail);
        assert!(!missing.exists());
        let found = checks(home.path());
        let status = |name: &str| found.iter().find(|check| check.name == name).unwrap().status;
        assert_eq!((status("data directory"), status("chain spec")), (Verdict::Ok, Verdict::Fail));
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(directory(home.path()).status, Verdict::Warn);
    }

    #[test]
    fn a_token_that_others_can_read_is_told() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(cookie(home.path()), None);
        let path = home.path().join(COOKIE_FILE_NAME);
        fs::write(&path, "secret").unwrap();
        for (mode, status) in [(0o600, Verdict::Ok), (0o640, Verdict::Fail)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(cookie(home.path()).unwrap().status, status);
        }
    }
}
