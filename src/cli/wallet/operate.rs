//! What an account does beside paying: operations of authorities, delegates and voters, which the first coin's owner acts in.

use super::desk::{Answer, Connected, Desk};
use super::errors;
use super::follow::Deed;
use super::options::{self, Password, Paying, Whose};
use super::send::{Order, carry_out};
use crate::cli::error::CliError;
use crate::spec::DevAccount;
use crate::types::{Address, Amount, Operation, Output};
use crate::wallet::coins::{self, ChooseError, Payment};
use crate::wallet::keystore::Wallet;
use crate::wallet::node::{Chain, NodeApi};
use crate::wallet::password::PasswordSource;
use crate::wallet::select::{Purpose, SelectError};
use crate::wallet::track::Wait;

/// Who acts, and how it is paid for and followed.
#[derive(Debug, clap::Args)]
pub(super) struct By {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    paying: Paying,
    #[command(flatten)]
    password: Password,
}

/// An account that is about to act, on a chain that was asked.
pub(super) struct Actor<N> {
    /// Its address.
    pub owner: Address,
    /// The same as people see it.
    pub shown: String,
    /// The node.
    pub connected: Connected<N>,
    /// Its chain.
    pub chain: Chain,
    wallet: Wallet,
    source: PasswordSource,
    paying: Paying,
}

/// An operation, and what it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act<'a> {
    /// What is done.
    pub operation: &'a Operation,
    /// That, for people: "resigning as delegate heidi".
    pub words: &'a str,
    /// What it locks.
    pub deposit: Amount,
}

impl By {
    /// Finds the account and the node; no password is asked for yet.
    pub async fn actor<N: NodeApi>(self, desk: &Desk<'_, N>) -> Result<Actor<N>, CliError> {
        let Self { whose, paying, password } = self;
        let wallet = desk.wallet(&whose)?;
        let owner = whose.account(&wallet)?.address();
        let source = password.source(desk.variable)?;
        let (connected, chain) = desk.chain().await?;
        let shown = owner.encode(&chain.prefix);
        Ok(Actor { owner, shown, connected, chain, wallet, source, paying })
    }
}

impl<N: NodeApi> Actor<N> {
    /// Whether the command returns only once a block carries what is done.
    pub fn waits(&self) -> bool {
        !matches!(self.paying.wait, Wait::Accepted)
    }

    /// Does it.
    pub async fn act(&self, desk: &mut Desk<'_, N>, act: Act<'_>) -> Result<Answer, CliError> {
        let Self { owner, connected, chain, wallet, source, paying, .. } = self;
        let Act { operation, words, deposit } = act;
        let from = [*owner];
        let purpose = match deposit {
            Amount::ZERO => Purpose::Operate(operation),
            amount => Purpose::Lock { operation, deposit: Output { to: *owner, amount } },
        };
        // The owner of the first coin acts, so no other account pays for it.
        let payment = Payment {
            from: &from,
            purpose,
            change_to: *owner,
            fee_factor: paying.fee_rate,
            picked: &[],
        };
        let choose = async || {
            let mut coins =
                coins::own(&connected.api, chain, &from).await.map_err(&connected.explain)?;
            coins::choose(&connected.api, chain, &mut coins, &payment)
                .await
                .map_err(|error| explain(error, deposit, self))
        };
        let deed = Deed::Operation { operation, words };
        carry_out(
            desk,
            (connected, chain),
            Order { wallet, source, deed, paying, asking: None },
            choose,
        )
        .await
    }
}

/// Coins that do not do for an operation.
fn explain<N>(mut error: ChooseError, deposit: Amount, actor: &Actor<N>) -> CliError {
    if let ChooseError::Select(SelectError::Insufficient(short)) = &mut error {
        // Less than a deposit is no help.
        short.most = Amount::ZERO;
    }
    let lacks = matches!(error, ChooseError::Select(_)) && deposit > Amount::ZERO;
    let error = errors::choose(error, &actor.connected, &actor.chain, &actor.owner);
    if !lacks {
        return error;
    }
    let message = format!("a deposit has to be locked: {}", error.message());
    let help = error.advice().map(str::to_owned);
    CliError::new(error.exit(), error.code().to_owned(), message).maybe_help(help)
}

/// Whom a text means: an address, or on a development chain the name of a development account.
pub(super) fn whom(text: &str, chain: &Chain) -> Result<Address, CliError> {
    match DevAccount::named(text).filter(|_| chain.dev) {
        Some(account) => Ok(account.address()),
        None => options::address(text, &chain.prefix),
    }
}
