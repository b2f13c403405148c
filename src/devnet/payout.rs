//! Whom the nodes' blocks pay.
//!
//! On a development chain node 0 pays alice, node 1 bob, and so on: accounts whose keys everybody knows, so that any
//! wallet can spend what was mined. Where those are not allowed, the nodes share one mnemonic of their own, drawn at the
//! first start and kept in the directory of the devnet; node I pays its account I.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::error::DevnetError;
use crate::spec::{DevAccount, FrozenSpec};
use crate::types::hd::{DerivationPath, Seed, derive};
use crate::types::mnemonic::{Mnemonic, NEW_MNEMONIC_ENTROPY_BYTES};
use crate::types::{Address, Keypair};

/// Who is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payout {
    /// The address.
    pub address: Address,
    /// The name of the development account that it is.
    pub owner: Option<&'static str>,
}

/// Whom the blocks of the first `nodes` nodes pay. `file` holds the mnemonic where one is needed, and is written if it is
/// missing.
///
/// # Errors
///
/// The file cannot be read or written, holds no mnemonic, or the system has no entropy.
pub fn payouts(spec: &FrozenSpec, nodes: usize, file: &Path) -> Result<Vec<Payout>, DevnetError> {
    if spec.dev {
        let accounts = DevAccount::all().collect::<Vec<_>>().into_iter().cycle();
        let payout = |account: DevAccount| Payout {
            address: account.address(),
            owner: Some(account.name()),
        };
        return Ok(accounts.take(nodes).map(payout).collect());
    }
    let seed = Seed::from_mnemonic(&mnemonic(file)?, "");
    let payout = |node: u16| {
        let key = derive(&seed, &DerivationPath::account(node));
        Payout { address: Keypair::from_secret(&key.secret).address(), owner: None }
    };
    // There are at most 128 nodes.
    Ok((0..u16::try_from(nodes).unwrap_or(u16::MAX)).map(payout).collect())
}

/// The mnemonic in a file, drawn now if there is none.
fn mnemonic(file: &Path) -> Result<Mnemonic, DevnetError> {
    match fs::read_to_string(file).map(Zeroizing::new) {
        Ok(text) => Mnemonic::parse(&text).map_err(|error| DevnetError::Damaged {
            path: file.to_owned(),
            reason: error.to_string(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => draw(file),
        Err(error) => Err(DevnetError::io("read", file)(error)),
    }
}

fn draw(file: &Path) -> Result<Mnemonic, DevnetError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut entropy = Zeroizing::new([0; NEW_MNEMONIC_ENTROPY_BYTES]);
    getrandom::fill(&mut *entropy)
        .map_err(|error| DevnetError::io("draw a key for", file)(io::Error::other(error)))?;
    let mnemonic = Mnemonic::from_full_entropy(&entropy);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        file.write_all(mnemonic.phrase().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().map_err(DevnetError::io("write", file))?;
    Ok(mnemonic)
}

#[cfg(test)]
#[path = "payout_tests.rs"]
mod tests;
