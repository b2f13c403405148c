//! The token that unsafe methods ask for.
//!
//! At each start the node writes 32 random bytes as hexadecimal to the cookie file in its data directory, readable by
//! its owner alone: who can read the file may command the node. It is presented as `Authorization: Bearer TOKEN`, or as
//! HTTP Basic with the user name `__cookie__`, as bitcoin's tools do. An operator may name a second file with a token of
//! his own, which is the only way to open the port to other machines.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The name of the cookie file in the data directory.
pub const COOKIE_FILE: &str = "rpc.cookie";

/// The user name beside the token in HTTP Basic.
const COOKIE_USER: &str = "__cookie__";

/// Characters of an operator's own token at least: 128 bits if they are random hexadecimal digits.
const TOKEN_LENGTH_MIN: usize = 32;

/// Characters of any token at most.
const TOKEN_LENGTH_MAX: usize = 256;

/// Why a token cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes for the token: {0}")]
    Entropy(String),
    /// The cookie file cannot be written.
    #[error("the cookie file {} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A token file cannot be read.
    #[error("the token file {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others than the owner may read the file.
    #[error(
        "the token file {} has mode {mode:04o}: others may read it; run chmod 600 on it", path.display()
    )]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file holds no good token.
    #[error(
        "the token file {} must hold one line of {TOKEN_LENGTH_MIN} to {TOKEN_LENGTH_MAX} letters and digits", path.display()
    )]
    Poor {
        /// The file.
        path: PathBuf,
    },
}

/// What an `Authorization` header proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    /// There is none.
    Missing,
    /// There is one, but its token is not ours.
    Wrong,
    /// Its token is ours.
    Right,
}

/// The cookie file and the tokens that are accepted.
#[derive(Debug)]
pub(super) struct Tokens {
    path: PathBuf,
    cookie: String,
    /// Hashes of the tokens: comparing those says nothing about the tokens, however long it takes.
    accepted: Vec<[u8; 32]>,
}

impl Tokens {
    /// Writes a fresh cookie file into `datadir` and reads the operator's own token file, if there is one.
    pub(super) fn create(datadir: &Path, own: Option<&Path>) -> Result<Self, TokenError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| TokenError::Entropy(error.to_string()))?;
        let cookie = hex::encode(secret);
        let path = datadir.join(COOKIE_FILE);
        write_private(&path, &cookie)
            .map_err(|source| TokenError::Write { path: path.clone(), source })?;
        let mut accepted = vec![digest(&cookie)];
        if let Some(own) = own {
            accepted.push(digest(&read_token(own)?));
        }
        Ok(Self { path, cookie, accepted })
    }

    /// What the value of an `Authorization` header proves.
    pub(super) fn judge(&self, header: Option<&[u8]>) -> Credential {
        let Some(header) = header else { return Credential::Missing };
        match token_of(header) {
            Some(token) if self.accepted.contains(&digest(&token)) => Credential::Right,
            _ => Credential::Wrong,
        }
    }

    /// Removes the cookie file, unless another process has replaced it.
    pub(super) fn remove(&self) {
        if fs::read_to_string(&self.path).is_ok_and(|content| content == self.cookie) {
            // A file that stays behind holds a token that nobody accepts any more.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Reads a token file; it must be readable by its owner alone.
pub fn read_token(path: &Path) -> Result<String, TokenError> {
    let unread = |source| TokenError::Read { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(unread)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(TokenError::Loose { path: path.to_owned(), mode });
    }
    let content = fs::read_to_string(path).map_err(unread)?;
    let token = content.trim_end();
    let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !(TOKEN_LENGTH_MIN..=TOKEN_LENGTH_MAX).contains(&token.len()) {
        return Err(TokenError::Poor { path: path.to_owned() });
    }
    Ok(token.to_owned())
}

/// The token in the value of an `Authorization` header.
fn token_of(header: &[u8]) -> Option<String> {
    let header = std::str::from_utf8(header).ok()?;
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (user, token) = pair.split_once(':')?;
    (user == COOKIE_USER).then(|| token.to_owned())
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Writes a file that only its owner may read; nobody ever sees half of it.
fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let temporary = path.with_extension(format!("tmp{}", std::process::id()));
    // A crashed process with our number may have left one behind, with whatever mode.
    let _ = fs::remove_file(&temporary);
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(content.as_bytes()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_fresh_private_and_gone_after_the_stop() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(COOKIE_FILE);
        let first = Tokens::create(dir.path(), None).unwrap();
        let old = read_token(&path).unwrap();
        let second = Tokens::create(dir.path(), None).unwrap();
        let new = read_token(&path).unwrap();
        assert_ne!(old, new);
        assert_eq!(new.len(), 64);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let bearer = |token: &str| format!("Bearer {token}").into_bytes();
        assert_eq!(second.judge(Some(&bearer(&old))), Credential::Wrong);
        assert_eq!(second.judge(Some(&bearer(&new))), Credential::Right);
        first.remove();
        assert!(path.exists(), "the file of the second process stays");
        second.remove();
        assert!(!path.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn credentials_are_read_as_browsers_and_bitcoin_tools_write_them() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::create(dir.path(), None).unwrap();
        let token = &tokens.cookie;
        let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
        for (header, credential) in [
            (format!("Bearer {token}"), Credential::Right),
            (format!("bearer  {token} "), Credential::Right),
            (basic(format!("__cookie__:{token}")), Credential::Right),
            (basic(format!("root:{token}")), Credential::Wrong),
            (basic(token.clone()), Credential::Wrong),
            (format!("Basic {token}:"), Credential::Wrong),
            (format!("Digest {token}"), Credential::Wrong),
            (format!("Bearer {}", token.to_uppercase()), Credential::Wrong),
            (format!("Bearer {}", &token[1..]), Credential::Wrong),
            (token.clone(), Credential::Wrong),
            (String::new(), Credential::Wrong),
        ] {
            assert_eq!(tokens.judge(Some(header.as_bytes())), credential, "{header}");
        }
        assert_eq!(tokens.judge(None), Credential::Missing);
        assert_eq!(tokens.judge(Some(&[0xff, b' ', 0xfe])), Credential::Wrong);
    }

    #[test]
    fn token_files_that_others_can_read_or_guess_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        assert!(matches!(read_token(&path), Err(TokenError::Read { .. })));
        for poor in ["", "short", &"x".repeat(257), &"tab\t".repeat(12), &"a b ".repeat(10)] {
            write_private(&path, poor).unwrap();
            assert!(matches!(read_token(&path), Err(TokenError::Poor { .. })), "{poor:?}");
        }
        write_private(&path, &format!("{}\n", "k".repeat(40))).unwrap();
        assert_eq!(read_token(&path).unwrap(), "k".repeat(40));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_token(&path).unwrap_err();
        assert!(error.to_string().contains("mode 0640"), "{error}");
    }
}
