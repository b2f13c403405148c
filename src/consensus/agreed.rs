//! What the rules share in which authorities agree on every block: what a header may claim, and what operations and fees do.

use super::authorities::{Authorities, operate};
use crate::chain::BlockRef;
use crate::ledger::{CoinKind, Payment, Refused, Rewards, System};
use crate::types::{Address, Amount, Claim, Draft, Header, Height, Operation};

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

/// Performs an operation: the authorities are all that there is to have a say about. `first` are those of the spec, and
/// `members_min` have to stay.
pub fn operation(
    operation: &Operation,
    actor: Address,
    height: Height,
    (first, members_min): (&Authorities, usize),
    state: &mut System<'_, '_>,
) -> Result<(), Refused> {
    match operation {
        Operation::Note { .. } => Ok(()),
        other => operate(other, actor, height, (first, members_min), state),
    }
}

/// Nobody has to be paid for work or stake: fees go to whoever made the draft.
pub fn rewards(block: &Draft, fees: Amount) -> Rewards {
    let payment = Payment { to: block.header.producer, amount: fees, kind: CoinKind::Reward };
    let payments = if fees == Amount::ZERO { Vec::new() } else { vec![payment] };
    Rewards { issued: Amount::ZERO, payments }
}
