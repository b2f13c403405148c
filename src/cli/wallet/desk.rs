//! What lies around a wallet, and what a command brings out of it.

use std::ffi::OsString;

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::options::{self, Whose};
use crate::api::Exit;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::types::{Address, Prefix, Time};
use crate::wallet::client::ClientError;
use crate::wallet::faucet::Giver;
use crate::wallet::keystore::{Entropy, PasswordCost, Unlocked, Wallet, WalletDirectory};
use crate::wallet::node::{Chain, NodeApi};
use crate::wallet::password::{PasswordSource, Prompter};
use crate::wallet::track::Clock;

/// The prefix of addresses where nothing says another.
const PREFIX_DEFAULT: &str = "assay";

/// A node that a command asks.
pub(super) struct Connected<N> {
    /// The way to speak to it.
    pub api: N,
    /// What a person is told when that fails.
    pub explain: Box<dyn Fn(ClientError) -> CliError>,
}

/// Finds nodes by their URLs, or those around the one that a command asks.
pub(super) type FindWitnesses<'a, N> = dyn Fn(&[String]) -> Result<Vec<N>, CliError> + 'a;

/// All that lies around a wallet.
pub(super) struct Desk<'a, N> {
    /// Looks up an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Asks the person.
    pub prompter: &'a mut dyn Prompter,
    /// Where secrets come from.
    pub entropy: &'a mut dyn Entropy,
    /// What a guess at the password of a new wallet costs.
    pub cost: PasswordCost,
    /// Waits.
    pub clock: &'a dyn Clock,
    /// The time of day.
    pub now: &'a dyn Fn() -> Time,
    /// Finds the node.
    pub connect: &'a dyn Fn() -> Result<Connected<N>, CliError>,
    /// Finds the nodes whose authorities may reply: those at these URLs, or else those around the one that a command asks.
    pub witnesses: &'a FindWitnesses<'a, N>,
    /// The accounts that the faucet may take from.
    pub givers: &'a dyn Fn() -> Vec<Giver>,
    /// Tells the person something beside the result.
    pub note: &'a dyn Fn(&str),
    /// Ends when the program is told to stop.
    pub stopped: &'a dyn Fn() -> BoxFuture<'static, Exit>,
    /// Whether the result is printed as JSON.
    pub json: bool,
}

/// Ends at SIGINT or SIGTERM. Where the system offers no signals, it never does.
pub(super) fn stopped() -> BoxFuture<'static, Exit> {
    Box::pin(async {
        let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
        }
    })
}

impl<N: NodeApi> Desk<'_, N> {
    /// Tells the person something beside the result.
    pub fn note(&self, text: impl AsRef<str>) {
        (self.note)(text.as_ref());
    }

    /// Where wallets lie.
    pub fn directory(&self) -> Result<WalletDirectory, CliError> {
        Ok(WalletDirectory::from_environment(self.variable)?)
    }

    /// The wallet that is meant, locked.
    pub fn wallet(&self, whose: &Whose) -> Result<Wallet, CliError> {
        Ok(Wallet::open(&self.directory()?, &whose.wallet)?)
    }

    /// Asks for the password and unlocks.
    pub fn unlock(
        &mut self,
        wallet: &Wallet,
        source: &PasswordSource,
    ) -> Result<Unlocked, CliError> {
        let password = source.existing(wallet.name(), self.prompter)?;
        Ok(wallet.unlock(&password)?)
    }

    /// The node, and the chain that it is on.
    pub async fn chain(&self) -> Result<(Connected<N>, Chain), CliError> {
        let connected = (self.connect)()?;
        let chain = Chain::of(&connected.api).await.map_err(&connected.explain)?;
        Ok((connected, chain))
    }

    /// The node, its chain, and whose addresses are meant: the one that was given, else the wallet's account, or all of
    /// its accounts.
    pub async fn owners(
        &self,
        address: Option<&str>,
        whose: &Whose,
        all: bool,
    ) -> Result<(Connected<N>, Chain, Vec<Address>), CliError> {
        let wallet = match address {
            Some(_) => None,
            None => Some(self.wallet(whose)?),
        };
        let (connected, chain) = self.chain().await?;
        let owners = match &wallet {
            Some(wallet) if all => wallet.accounts().iter().map(|it| it.address()).collect(),
            Some(wallet) => vec![whose.account(wallet)?.address()],
            None => {
                let given = address.iter().map(|text| options::address(text, &chain.prefix));
                given.collect::<Result<_, _>>()?
            }
        };
        Ok((connected, chain, owners))
    }

    /// The prefix of addresses: the given one, else that of the node's chain, else the usual one, and that is said.
    pub async fn prefix(&self, given: Option<Prefix>) -> Result<Prefix, CliError> {
        if let Some(given) = given {
            return Ok(given);
        }
        let error = match self.chain().await {
            Ok((_, chain)) => return Ok(chain.prefix),
            Err(error) if error.exit() != Exit::Unreachable => return Err(error),
            Err(error) => error,
        };
        self.note(format!(
            "note: addresses are shown with the prefix `{PREFIX_DEFAULT}`, for no node could be asked ({}); say another \
             with --prefix, or which node to ask with --rpc or --dir",
            error.message()
        ));
        Ok(Prefix::new(PREFIX_DEFAULT).expect("a test makes this prefix"))
    }
}

/// What a command brings out.
pub(super) struct Answer {
    /// For scripts.
    pub json: Value,
    /// For people.
    pub text: String,
    /// How the command ends.
    pub exit: Exit,
}

impl Answer {
    /// A result in both forms.
    pub fn new(json: &impl Serialize, text: impl ToString) -> Result<Self, CliError> {
        let json = serde_json::to_value(json)
            .map_err(|error| CliError::failed(format!("the result is no JSON: {error}")))?;
        Ok(Self { json, text: text.to_string(), exit: Exit::Ok })
    }

    /// Prints the form that is wanted.
    pub fn print(&self, json: bool) -> Result<Exit, CliError> {
        if json {
            output::json(&self.json)?
        } else {
            output::text(&self.text)?
        }
        Ok(self.exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_prefix_is_one() {
        assert!(Prefix::new(PREFIX_DEFAULT).is_ok());
    }
}
