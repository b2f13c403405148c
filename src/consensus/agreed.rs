//! What the rules share in which authorities agree on every block: what a header may claim, how a draft is made, and what operations
//! and fees do.

use std::collections::BTreeSet;

use super::authorities::{Authorities, in_force, operate};
use super::{Context, DraftError};
use crate::chain::{BlockRef, Finality, Rank, Rules, Verdict};
use crate::ledger::{
    Around, CoinKind, Executed, Movements, Payment, ReadFailed, Refused, Rewards, State, System,
    Transition,
};
use crate::types::{
    Address, Amount, Claim, Draft, Header, Height, Keypair, Operation, Seal, Span, Time,
    TransactionId,
};

/// Authorities that have to stay: whether a chain may begin with fewer than its rule wants is the spec's to say, and none may
/// end with none.
const AUTHORITIES_MIN: usize = 1;

/// Whether a header may stand on its parent: it claims by a round that is none before its parent's, later than it. Gives the
/// round, or why not; `rule` is the name of the chain's rule and `round` what it calls a round.
pub fn claimed_round(
    header: &Header,
    parent: BlockRef<'_>,
    (rule, round): (&str, &str),
) -> Result<u64, String> {
    let Claim::Round { round: claimed } = header.claim else {
        let given = header.claim.kind();
        return Err(format!("it claims by {given:?}; this chain's rule is {rule}"));
    };
    if let Claim::Round { round: below } = parent.header.claim
        && claimed < below
    {
        return Err(format!("its {round} is {claimed}, and its parent's was {below}"));
    }
    if header.time <= parent.header.time {
        let (given, below) = (header.time, parent.header.time);
        return Err(format!("its time {given} is not after its parent's, {below}"));
    }
    Ok(claimed)
}

/// Nothing could be drafted of what is pending: it is tried again after so long.
pub const TRY_AGAIN: Span = Span(500);

/// Why a draft whose signatures were looked at is not sound.
pub const UNSOUND: &str = "its body is not the one that it names, or a signature in it is bad";

/// Whom the drafts of an authority pay: itself, if nobody is named.
pub fn paid(key: Option<&Keypair>, payout: Option<Address>) -> Address {
    payout.unwrap_or_else(|| key.map(Keypair::address).unwrap_or_default())
}

/// A draft of a round, later than its parent: of pending transactions but those that are `taken`, or an empty one. None where
/// no pending one executes.
pub fn draft(
    cx: &Context<'_>,
    parent: BlockRef<'_>,
    (round, producer): (u64, Address),
    taken: Option<&BTreeSet<TransactionId>>,
) -> Result<Option<(Draft, Executed)>, DraftError> {
    let time = cx.now.max(parent.header.time.after(Span(1)));
    let claim = Claim::Round { round };
    let Some(taken) = taken else {
        return cx.empty_draft(parent, time, producer, claim).map(Some);
    };
    let made = cx.draft(parent, time, producer, claim, taken)?;
    Ok(Some(made).filter(|(draft, _)| !draft.body.transactions.is_empty()))
}

/// What agreement does to the ledger: authorities are all that there is to have a say about, and nobody has to be paid for work
/// or stake.
#[derive(Debug)]
pub struct Agreement {
    /// The authorities of the spec, in force until they change.
    first: Authorities,
}

impl Agreement {
    /// Of a chain that begins with these authorities.
    pub fn new(first: Authorities) -> Self {
        Self { first }
    }

    /// Who decides on what stands on a state.
    pub fn voters(&self, state: &State) -> Result<Authorities, ReadFailed> {
        in_force(state, &self.first)
    }
}

impl Transition for Agreement {
    fn operation(
        &self,
        operation: &Operation,
        actor: Address,
        height: Height,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        match operation {
            Operation::Note { .. } => Ok(()),
            other => operate(other, actor, height, (&self.first, AUTHORITIES_MIN), state),
        }
    }

    /// Fees go to whoever made the draft.
    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        _: &Movements,
        _: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        let payment = Payment { to: block.header.producer, amount: fees, kind: CoinKind::Reward };
        let payments = if fees == Amount::ZERO { Vec::new() } else { vec![payment] };
        Ok(Rewards { issued: Amount::ZERO, payments })
    }
}

/// A rule of this kind: there is one branch, final at its head, and a seal is judged by the authorities in force below it.
pub trait Agreed: Send + Sync {
    /// What it does to the ledger.
    fn agreement(&self) -> &Agreement;

    /// What the rule is called, and what it calls a round.
    fn names(&self) -> (&'static str, &'static str);

    /// Whether a seal proves to whoever knows the authorities that they decided on a block; says why not.
    fn certifies(&self, header: &Header, seal: &Seal, voters: &Authorities) -> Result<(), String>;
}

impl<R: Agreed> Around for R {
    fn inner(&self) -> &dyn Transition {
        self.agreement()
    }
}

impl<R: Agreed> Rules for R {
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
        claimed_round(header, parent, self.names()).map_err(Verdict::Header)?;
        let voters = self.agreement().voters(parent.state)?;
        self.certifies(header, seal, &voters).map_err(Verdict::Seal)
    }

    fn proves_final(
        &self,
        header: &Header,
        seal: &Seal,
        state: &State,
    ) -> Result<bool, ReadFailed> {
        Ok(self.certifies(header, seal, &self.agreement().voters(state)?).is_ok())
    }

    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        Ok(Rank::of_numbers(&[head.header.height.0]))
    }

    fn rank_by_header(&self, _: &Header, _: &Seal, _: &Rank) -> Result<Option<Rank>, Verdict> {
        Ok(None)
    }

    fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed> {
        Ok(head.header.height)
    }

    fn finality(&self) -> Finality {
        Finality::Proof
    }

    fn not_before(&self, _: &Header) -> Time {
        Time(0)
    }

    fn authorities(&self, state: &State) -> Result<Authorities, ReadFailed> {
        self.agreement().voters(state)
    }
}
