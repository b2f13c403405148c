//! Whose coins a node stakes: from names of wallets and accounts to keys.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::api::Exit;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::node::NodeError;
use crate::node::staking::{STAKERS_MAX, StakeConfig, StakeError};
use crate::spec::{DevAccount, FrozenSpec, nearest};
use crate::types::{Amount, Keypair};
use crate::wallet::keystore::{KeystoreError, Wallet, WalletDirectory};
use crate::wallet::password::{PasswordSource, Prompter};

/// What was said about staking.
#[derive(Debug)]
pub(super) struct Asked {
    /// Wallets by their names or files, or development accounts.
    pub(super) wallets: Vec<String>,
    /// Coins of this sum are left alone.
    pub(super) reserve: Option<String>,
    /// Where the password of the wallets is.
    pub(super) password_file: Option<PathBuf>,
    /// Whether it is empty.
    pub(super) no_password: bool,
}

impl Asked {
    /// The keys of all that were named; nothing if nobody was.
    ///
    /// # Errors
    ///
    /// The rule has no stake, a wallet is not there or its password is wrong, the reserve is no amount.
    pub(super) fn unlock(
        self,
        spec: &FrozenSpec,
        variable: &dyn Fn(&str) -> Option<OsString>,
        prompter: &mut dyn Prompter,
    ) -> Result<Option<StakeConfig>, CliError> {
        if self.wallets.is_empty() {
            return match self.reserve {
                None => Ok(None),
                Some(_) => {
                    Err(CliError::usage("--stake-reserve: it is not said whose coins to stake")
                        .help("name a wallet: --stake WALLET"))
                }
            };
        }
        if spec.consensus().pos().is_none() {
            let error = StakeError::NoStake(spec.consensus().engine());
            return Err(NodeError::from(error).into());
        }
        let reserve = match &self.reserve {
            Some(text) => amount(text, &spec.symbol)?,
            None => Amount::ZERO,
        };
        let source = PasswordSource::choose(self.password_file, self.no_password, variable)?;
        let mut keys = Vec::new();
        for name in &self.wallets {
            match DevAccount::named(name).filter(|_| spec.dev) {
                Some(account) => keys.push(account.keypair()),
                None => keys.append(&mut of_wallet(name, spec, &source, variable, prompter)?),
            }
        }
        // Who is named twice stakes once.
        let mut seen = BTreeSet::new();
        keys.retain(|key| seen.insert(key.address()));
        if keys.len() > STAKERS_MAX {
            return Err(NodeError::from(StakeError::TooMany { given: keys.len() }).into());
        }
        Ok(Some(StakeConfig { keys, reserve }))
    }
}

/// The keys of all accounts of a wallet.
fn of_wallet(
    given: &str,
    spec: &FrozenSpec,
    source: &PasswordSource,
    variable: &dyn Fn(&str) -> Option<OsString>,
    prompter: &mut dyn Prompter,
) -> Result<Vec<Keypair>, CliError> {
    let path = Path::new(given);
    let file = path.file_name().and_then(|file| file.to_str()).unwrap_or(given);
    let (directory, name) = match file.strip_suffix(".json") {
        Some(stem) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            (WalletDirectory::at(folder.unwrap_or(Path::new("."))), stem)
        }
        None => (WalletDirectory::from_environment(variable)?, given),
    };
    let wallet = Wallet::open(&directory, &name.parse()?).map_err(|error| {
        let not_found = matches!(error, KeystoreError::NotFound { .. });
        let near = nearest(given, DevAccount::names().iter().copied()).filter(|_| spec.dev);
        let told = CliError::from(error);
        match near.filter(|_| not_found) {
            Some(near) => told.help(format!("did you mean the development account `{near}`?")),
            None => told,
        }
    })?;
    let password = source.existing(wallet.name(), prompter)?;
    let unlocked = wallet.unlock(&password)?;
    let key = |index| unlocked.keypair(index).map_err(CliError::from);
    unlocked.accounts().iter().map(|account| key(account.index)).collect()
}

fn amount(text: &str, symbol: &str) -> Result<Amount, CliError> {
    Amount::parse(text, symbol).map_err(|error| {
        let message = format!("--stake-reserve: {error}");
        CliError::new(Exit::Usage, "bad_amount", message).help(format!(
            "write coins such as 1.5 or \"1.5 {}\", or base units such as 150000000u",
            output::plain(symbol)
        ))
    })
}

#[cfg(test)]
#[path = "stake_tests.rs"]
mod tests;
