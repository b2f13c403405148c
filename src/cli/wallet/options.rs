//! What several commands take.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::error::CliError;
use crate::types::{Address, Amount, Prefix};
use crate::wallet::keystore::{Account, Wallet, WalletName};
use crate::wallet::node::Chain;
use crate::wallet::password::PasswordSource;
use crate::wallet::select::FeeFactor;
use crate::wallet::track::Wait;

/// The wallet that is meant unless a name is given.
pub(in crate::cli) const WALLET_DEFAULT: &str = "default";

/// Which account of which wallet.
#[derive(Debug, clap::Args)]
pub(super) struct Whose {
    /// The wallet
    #[arg(short, long, value_name = "NAME", default_value = WALLET_DEFAULT)]
    pub wallet: WalletName,
    /// The account, by its number or its label
    #[arg(short, long, value_name = "ACCOUNT", default_value = "0")]
    pub account: String,
}

impl Whose {
    /// The account that is meant.
    pub fn account<'a>(&self, wallet: &'a Wallet) -> Result<&'a Account, CliError> {
        Ok(wallet.account(&self.account)?)
    }
}

/// Where the password comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Password {
    /// Read the password from this file, which only you may read (0600)
    #[arg(long, value_name = "FILE", help_heading = "Password")]
    password_file: Option<PathBuf>,
    /// The wallet has the empty password: whoever can read its file can spend
    #[arg(long, help_heading = "Password")]
    no_password: bool,
}

impl Password {
    /// Decides where the password comes from.
    pub fn source(
        self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<PasswordSource, CliError> {
        Ok(PasswordSource::choose(self.password_file, self.no_password, variable)?)
    }
}

/// With which prefix addresses are written.
#[derive(Debug, clap::Args)]
pub(super) struct PrefixOption {
    /// Write addresses with this prefix and ask no node [default: that of the node's chain, else assay]
    #[arg(long, value_parser = prefix)]
    pub prefix: Option<Prefix>,
}

fn prefix(text: &str) -> Result<Prefix, &'static str> {
    Prefix::new(text)
}

/// What a payment costs and how long to follow it.
#[derive(Debug, clap::Args)]
pub(super) struct Paying {
    /// Pay this many times the least fee
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    pub fee_rate: FeeFactor,
    /// Return when it is accepted, included in a block, so many blocks deep, or final
    #[arg(long, value_name = "accepted|included|K|final", default_value = "included")]
    pub wait: Wait,
    /// Give up waiting after this time, such as 90s or 10m; the payment stays what it is
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = crate::cli::time::time)]
    pub timeout: Duration,
}

/// Reads an amount that somebody typed.
pub(super) fn amount(text: &str, chain: &Chain) -> Result<Amount, CliError> {
    let refused = |error: crate::types::AmountError| {
        CliError::new(crate::api::Exit::Usage, "bad_amount", error.to_string()).help(format!(
            "write coins such as 1.5 or \"1.5 {}\", or base units such as 150000000u",
            crate::cli::output::plain(&chain.symbol)
        ))
    };
    Amount::parse(text, &chain.symbol).map_err(refused)
}

/// Reads an address that somebody typed.
pub(super) fn address(text: &str, prefix: &Prefix) -> Result<Address, CliError> {
    Address::parse(text.trim(), prefix).map_err(|error| super::errors::address(&error, prefix))
}
