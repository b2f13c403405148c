//! Why no coins were selected.

use std::fmt;

use super::CoinState;
use crate::types::{Amount, CoinId, Height};

/// Why no coins were selected. Amounts are in coins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// A payment of nothing.
    #[error("a payment of 0 moves nothing")]
    Zero,
    /// A payment that its receiver could not use.
    #[error(
        "{amount} is too little: to make and to spend a coin costs {least}, so nobody could use it"
    )]
    Dust {
        /// What was to be paid.
        amount: Amount,
        /// What a coin has to hold at least.
        least: Amount,
    },
    /// The coins do not suffice.
    #[error("{0}")]
    Insufficient(Box<Shortfall>),
    /// They would suffice, but are too many for one transaction.
    #[error(
        "merge coins first: paying {amount} takes more than {inputs_max} coins, the most that one transaction may spend; its {inputs_max} largest pay at most {reach}"
    )]
    TooManyInputs {
        /// What was to be paid.
        amount: Amount,
        /// How many coins one transaction may spend here.
        inputs_max: usize,
        /// The most that one transaction can pay.
        reach: Amount,
    },
    /// More coins were picked than one transaction may spend.
    #[error(
        "merge coins first: {picked} coins were picked, and one transaction may spend {inputs_max}"
    )]
    PickedTooMany {
        /// How many were picked.
        picked: usize,
        /// How many coins one transaction may spend here.
        inputs_max: usize,
    },
    /// A coin was picked twice.
    #[error("coin {0} was picked twice")]
    PickedTwice(CoinId),
    /// A picked coin is not one's own, or does not exist.
    #[error("coin {0} does not belong to this account: it is spent already, or somebody else's")]
    PickedUnknown(CoinId),
    /// A picked coin may not be spent now.
    #[error("coin {coin} may not be spent now: {}", Obstacle(*state))]
    PickedUnusable {
        /// The coin.
        coin: CoinId,
        /// Its state, which says why.
        state: CoinState,
    },
}

/// What is missing, and where the money is that cannot be spent now. The sums do not overlap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shortfall {
    /// What was to be paid.
    pub amount: Amount,
    /// The fee of that payment.
    pub fee: Amount,
    /// What coins that may be spent hold; of the picked ones, where coins were picked.
    pub spendable: Amount,
    /// The part of it in coins that hold less than it costs to spend them.
    pub dust: Amount,
    /// The most that could be paid.
    pub most: Amount,
    /// What still matures.
    pub immature: Amount,
    /// From which height on the first of it may be spent.
    pub immature_from: Option<Height>,
    /// What pending transactions of others bring.
    pub arriving: Amount,
    /// What pending transactions spend; their change is part of `spendable`.
    pub spending: Amount,
    /// What deposits hold.
    pub bonded: Amount,
    /// Whether the coins were picked by hand.
    pub picked: bool,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needed = Amount(self.amount.0.saturating_add(self.fee.0));
        match self.amount {
            Amount::ZERO => write!(f, "the fee is {}, but ", self.fee)?,
            amount => write!(f, "{amount} and a fee of {} make {needed}, but ", self.fee)?,
        }
        if self.picked {
            return write!(f, "the picked coins hold only {}", self.spendable);
        }
        write!(f, "only {} may be spent", self.spendable)?;
        let mut lead = ": ";
        let mut clause = |amount: Amount, text: &dyn fmt::Display| {
            if amount == Amount::ZERO {
                return Ok(());
            }
            write!(f, "{lead}{amount} {text}")?;
            lead = ", ";
            Ok(())
        };
        clause(self.dust, &"of it in coins that cost more to spend than they hold")?;
        let from = self.immature_from.map(|from| format!(" (the first from height {from})"));
        clause(self.immature, &format_args!("more is immature{}", from.unwrap_or_default()))?;
        clause(self.arriving, &"more is pending, sent by others")?;
        clause(self.spending, &"more is being spent by pending transactions")?;
        clause(self.bonded, &"more is locked in bonds")
    }
}

/// Why a coin may not be spent now.
struct Obstacle(CoinState);

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CoinState::Immature { from } => write!(f, "it is immature until height {from}"),
            CoinState::Bonded => {
                f.write_str("it is a bond, which unlocks only after its owner resigned")
            }
            CoinState::Spending { by } => write!(f, "pending transaction {by} spends it already"),
            CoinState::Arriving { by } => {
                write!(f, "transaction {by} of somebody else, which creates it, is still pending")
            }
            CoinState::Spendable | CoinState::Change { .. } => {
                f.write_str("nothing stands in its way")
            }
        }
    }
}
