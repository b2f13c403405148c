//! The door for what a rule does to state.

use std::collections::BTreeMap;

use super::{CoinKind, Offence, ReadFailed, System};
use crate::types::{Address, Amount, Draft, Hash, Header, Height, Operation};

/// What a rule does to the ledger. Each rule implements it; [`super::execute`] calls it without knowing the rule.
///
/// While a draft is being made its state root is not known yet, so no method may read it.
pub trait Transition {
    /// Runs before the transactions, which cannot spend what it takes; does nothing unless a rule says otherwise.
    fn before(&self, _: &Draft, _: &mut System<'_, '_>) -> Result<(), Refused> {
        Ok(())
    }

    /// Performs an operation of `actor` in the block at `height`, or refuses it as not active under this rule.
    fn operation(
        &self,
        operation: &Operation,
        actor: Address,
        height: Height,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused>;

    /// What a block's producer may say in one block only, if the rule knows such a thing: whoever seals two blocks of one
    /// statement commits an offence.
    fn statement(&self, _: &Header) -> Option<Hash> {
        None
    }

    /// Executes what a proven offence costs; refuses it as not active unless a rule says otherwise.
    fn sentence(&self, _: &Offence<'_>, _: &mut System<'_, '_>) -> Result<(), Refused> {
        Err(Refused::NotActive { what: "evidence of misbehaviour" })
    }

    /// Runs after the transactions: says what the block pays to whom. `fees` is what they left, `moved` what they
    /// moved.
    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        moved: &Movements,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused>;
}

/// A rule around another one: what it does to the ledger is what that one does.
pub trait Around {
    /// The rule inside.
    fn inner(&self) -> &dyn Transition;
}

impl<R: Around> Transition for R {
    fn before(&self, block: &Draft, state: &mut System<'_, '_>) -> Result<(), Refused> {
        self.inner().before(block, state)
    }

    fn operation(
        &self,
        operation: &Operation,
        actor: Address,
        height: Height,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        self.inner().operation(operation, actor, height, state)
    }

    fn statement(&self, header: &Header) -> Option<Hash> {
        self.inner().statement(header)
    }

    fn sentence(&self, offence: &Offence<'_>, state: &mut System<'_, '_>) -> Result<(), Refused> {
        self.inner().sentence(offence, state)
    }

    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        moved: &Movements,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        self.inner().after(block, fees, moved, state)
    }
}

/// Why a rule does not let a block change the state so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The block is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The rule of this chain has no such thing.
    #[error("{what} is not active under this rule")]
    NotActive {
        /// The kind of operation or evidence.
        what: &'static str,
    },
    /// The state could not be read; says nothing about the block.
    #[error(transparent)]
    Failed(#[from] ReadFailed),
}

impl Refused {
    /// The refusal of an operation that this rule has no use for.
    pub fn operation(operation: &Operation) -> Self {
        let what = match operation {
            Operation::RegisterDelegate { .. } => "registering a delegate",
            Operation::ResignDelegate => "resigning as a delegate",
            Operation::ReactivateDelegate => "reactivating a delegate",
            Operation::Vote { .. } => "voting for delegates",
            Operation::Unvote => "withdrawing a vote",
            Operation::RegisterAuthority { .. } => "registering an authority",
            Operation::ProposeAuthority { .. } => "proposing an authority",
            Operation::WithdrawProposal { .. } => "withdrawing a proposal",
            Operation::Note { .. } => "a note",
        };
        Self::NotActive { what }
    }
}

/// How the holdings of each address changed by the transactions of a block, in base units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Movements(pub BTreeMap<Address, i64>);

impl Movements {
    /// Counts coins that left (`false`) or reached (`true`) an address. Amounts are below 2^53, and a block has too
    /// few coins for their sum to leave 64 bits.
    pub(crate) fn count(&mut self, address: Address, amount: Amount, reached: bool) {
        let units = i64::try_from(amount.0).unwrap_or(i64::MAX);
        let sum = self.0.entry(address).or_default();
        *sum = if reached { sum.saturating_add(units) } else { sum.saturating_sub(units) };
    }
}

/// A coin that a block pays out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// To whom.
    pub to: Address,
    /// How much.
    pub amount: Amount,
    /// As what kind of coin.
    pub kind: CoinKind,
}

/// What a block pays. Whatever it has from fees and from coins that the rule took and does not pay out is burned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewards {
    /// New money.
    pub issued: Amount,
    /// Who gets it, and the fees.
    pub payments: Vec<Payment>,
}
