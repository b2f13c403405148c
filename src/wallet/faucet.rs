//! Test money: a development account pays it out.
//!
//! The keys of these accounts are public, so the faucet is nothing that the wallet's owner could not do by hand; there is
//! no server and no secret. It works only on chains that list the accounts.
//!
//! Two faucets that take from one account at the same time choose the same coins, and one of them is refused. So the
//! account is chosen by the address that receives, which is a hash already, and where it is refused, or has too little,
//! the next one pays. Where many ask for one address at once, that goes round several times.

use super::build::{Signed, sign};
use super::coins::{ChooseError, Payment, choose, own};
use super::node::{Chain, NodeApi};
use super::select::{FeeFactor, Purpose, SelectError, Selection};
use super::track::{Clock, Submitted, TrackError, submit};
use crate::types::{Address, Amount, COIN, Keypair, Output};

/// What the faucet pays unless it is said otherwise.
pub const AMOUNT_DEFAULT: Amount = Amount(100 * COIN);

/// How often every account is asked at most, as long as others are faster.
const ROUNDS: usize = 4;

/// Somebody who pays.
#[derive(Debug, Clone)]
pub struct Giver {
    /// The name of the account.
    pub name: String,
    /// Its key.
    pub key: Keypair,
}

/// What the faucet has paid.
#[derive(Debug, Clone)]
pub struct Given {
    /// Who paid.
    pub giver: String,
    /// With which coins.
    pub selection: Selection,
    /// The transaction.
    pub signed: Signed,
    /// Its submission.
    pub submitted: Submitted,
}

/// Why the faucet pays nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaucetError {
    /// The chain has no development accounts.
    #[error("the chain {chain} has no development accounts, so there is nobody to give anything")]
    NotDev {
        /// The chain's name.
        chain: String,
    },
    /// There was nobody to ask.
    #[error("no account was named that could pay")]
    NoGivers,
    /// The account that was asked last, after all others, cannot pay.
    #[error("{giver} cannot pay: {error}")]
    Short {
        /// The account.
        giver: String,
        /// Why.
        error: ChooseError,
    },
    /// The node did not take the transaction of the account that was asked last.
    #[error("{giver}: {error}")]
    Track {
        /// The account.
        giver: String,
        /// What happened.
        error: Box<TrackError>,
    },
}

/// Where among `givers` accounts the faucet for this address begins.
pub fn first_giver(to: &Address, givers: usize) -> usize {
    // The first byte is the version; the others are a hash.
    let number = to.as_bytes()[1..]
        .iter()
        .fold(0, |rest, byte| (rest * 256 + usize::from(*byte)).checked_rem(givers).unwrap_or(0));
    number.min(givers.saturating_sub(1))
}

/// Pays `amount` to `to` from the first of `givers` that can, beginning with the one that belongs to the address. The
/// transaction is accepted then, and not yet in a block.
///
/// # Errors
///
/// The chain is not one for development, or nobody can pay: the error is that of the account that was asked last, but one
/// that the node gave before one for lack of money.
pub async fn give(
    node: &impl NodeApi,
    clock: &dyn Clock,
    chain: &Chain,
    givers: &[Giver],
    (to, amount): (Address, Amount),
    fee_factor: FeeFactor,
) -> Result<Given, FaucetError> {
    if !chain.dev {
        return Err(FaucetError::NotDev { chain: chain.name.clone() });
    }
    let first = first_giver(&to, givers.len());
    let mut failed = FaucetError::NoGivers;
    for _ in 0..ROUNDS {
        let mut refused = false;
        for giver in givers.iter().cycle().skip(first).take(givers.len()) {
            match give_from(node, clock, chain, giver, (to, amount), fee_factor).await {
                Ok(given) => return Ok(given),
                Err(error) if !error.is_of_the_giver() => return Err(error),
                Err(error) => {
                    let track = matches!(error, FaucetError::Track { .. });
                    // That a transaction was refused says more than that the next account is empty.
                    if track || !refused {
                        failed = error;
                    }
                    refused |= track;
                }
            }
        }
        // Nobody was faster: there is not enough, and asking again does not change that.
        if !refused {
            break;
        }
    }
    Err(failed)
}

impl FaucetError {
    /// Whether another account may have more luck.
    fn is_of_the_giver(&self) -> bool {
        match self {
            Self::Short { error: ChooseError::Select(error), .. } => {
                matches!(error, SelectError::Insufficient(_) | SelectError::TooManyInputs { .. })
            }
            Self::Track { error, .. } => {
                matches!(**error, TrackError::Refused(_) | TrackError::Twin(_))
            }
            Self::NotDev { .. } | Self::NoGivers | Self::Short { .. } => false,
        }
    }
}

async fn give_from(
    node: &impl NodeApi,
    clock: &dyn Clock,
    chain: &Chain,
    giver: &Giver,
    (to, amount): (Address, Amount),
    fee_factor: FeeFactor,
) -> Result<Given, FaucetError> {
    let short = |error| FaucetError::Short { giver: giver.name.clone(), error };
    let owner = giver.key.address();
    let from = [owner];
    let mut coins = own(node, chain, &from).await.map_err(|error| short(error.into()))?;
    let purpose = Purpose::Pay(Output { to, amount });
    let payment = Payment { from: &from, purpose, change_to: owner, fee_factor, picked: &[] };
    let selection = choose(node, chain, &mut coins, &payment).await.map_err(short)?;
    let signed = sign(&selection, &chain.genesis, std::slice::from_ref(&giver.key))
        .expect("the giver owns the coins, and a selection fits a transaction");
    let submitted = submit(node, clock, &signed)
        .await
        .map_err(|error| FaucetError::Track { giver: giver.name.clone(), error: error.into() })?;
    Ok(Given { giver: giver.name.clone(), selection, signed, submitted })
}

#[cfg(test)]
#[path = "faucet_tests.rs"]
mod tests;
