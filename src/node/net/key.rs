//! The node key: an ed25519 secret in a file of its owner's, which gives the node the same peer id at every start.
//!
//! The file is one line of 64 hexadecimal digits. It names the node to its neighbours and nothing else: no coins or
//! blocks depend on it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use libp2p::identity::{Keypair, ed25519};
use zeroize::Zeroizing;

use super::super::secret;
use super::config::NetError;

/// The key in the file, made first if there is none.
pub(super) fn load_or_create(path: &Path) -> Result<Keypair, NetError> {
    let refuse = |reason: String| NetError::KeyFile { path: path.into(), reason };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return create(path).map_err(|error| refuse(error.to_string()));
        }
        Err(error) => return Err(refuse(error.to_string())),
    };
    let secret =
        secret::read(&mut file, path).map_err(|reason| match reason.contains("digits") {
            true => {
                refuse(format!("{reason}; remove it and a new one is made, with a new peer id"))
            }
            false => refuse(reason),
        })?;
    let mut secret = *secret;
    let key = ed25519::SecretKey::try_from_bytes(&mut secret); // which wipes what it is given
    let key = key.map_err(|error| refuse(error.to_string()))?;
    Ok(ed25519::Keypair::from(key).into())
}

/// Makes a key. A crash leaves either no file or a whole one, since the name appears last.
fn create(path: &Path) -> io::Result<Keypair> {
    let keypair = ed25519::Keypair::generate();
    let secret = keypair.secret();
    let text = Zeroizing::new(format!("{}\n", hex::encode(secret.as_ref())));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let draft = folder.join(name);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(folder)?.sync_all()
    };
    if let Err(error) = write() {
        let _ = fs::remove_file(&draft); // the first error is the one to tell
        return Err(error);
    }
    Ok(keypair.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net/node-key");
        let first = load_or_create(&path).unwrap().public().to_peer_id();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&path).unwrap().public().to_peer_id(), first);
        assert_eq!(fs::read_dir(folder.path().join("net")).unwrap().count(), 1);
        let other = load_or_create(&folder.path().join("other")).unwrap();
        assert_ne!(other.public().to_peer_id(), first);
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node-key");
        load_or_create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = load_or_create(&path).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        for bad in ["", "00\n", &good[1..], &good.replace('\n', "\n\n"), &"g".repeat(64)] {
            fs::write(&path, bad).unwrap();
            let error = load_or_create(&path).unwrap_err().to_string();
            assert!(error.contains("64 hexadecimal digits"), "{error}");
        }
        fs::write(&path, [0xff; 64]).unwrap();
        assert!(load_or_create(&path).is_err());
        assert!(load_or_create(folder.path()).is_err());
    }
}
