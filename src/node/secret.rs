//! Secrets in files of their owner's: one line of 64 hexadecimal digits, mode 0600.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

/// Bytes of a secret's file that are looked at: the digits and a line end, and one to notice more.
const LOOKED_AT: u64 = 67;

/// Writes a secret into a file that was not there and that only its owner may read.
pub(crate) fn create(path: &Path, secret: &[u8; 32]) -> io::Result<()> {
    let text = Zeroizing::new(format!("{}\n", hex::encode(secret)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Reads a secret from a file that was opened. Says why it is refused, and what to do where that does not depend on what
/// the secret is for.
pub(crate) fn read(file: &mut File, path: &Path) -> Result<Zeroizing<[u8; 32]>, String> {
    // The mode of what was opened, not of what the path names by now.
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".into());
    }
    if metadata.mode() & 0o077 != 0 {
        let (mode, path) = (metadata.mode() & 0o777, path.display());
        return Err(format!("its mode {mode:03o} lets others at it; run `chmod 600 {path}`"));
    }
    let mut text = Zeroizing::new(String::with_capacity(LOOKED_AT as usize)); // a constant 67
    let read = file.take(LOOKED_AT).read_to_string(&mut text);
    let mut secret = Zeroizing::new([0; 32]);
    let digits = text.strip_suffix('\n').unwrap_or(&text);
    match (read, hex::decode_to_slice(digits, &mut *secret)) {
        (Ok(_), Ok(())) => Ok(secret),
        _ => Err("it does not hold 64 hexadecimal digits".into()),
    }
}
