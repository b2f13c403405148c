//! What `consensus_status` and `delegate_list` say of delegates in slots.

use serde::{Deserialize, Serialize};

use crate::consensus::AuthorityId;
use crate::consensus::dpos::{Delegate, DposParams, DposRules, Round, Standing, ranked, voting};
use crate::ledger::{ReadFailed, State};
use crate::types::{Address, Amount, Height, Prefix, Span, Time};

/// What delegates in slots are doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SlotStatus {
    /// The delegate that this node acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<String>,
    /// The round of the head.
    pub round: u64,
    /// The slot of the head; 0 before the first block.
    pub slot: u64,
    /// The last slot of the round.
    pub round_ends: u64,
    /// How long a slot is, in ms.
    pub slot_ms: Span,
    /// The delegate of the slot after the head's, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What makes a block final.
    pub finality: String,
    /// The greatest height that a quorum has prevoted.
    pub prevoted: Height,
    /// The greatest height that is final by votes.
    pub final_height: Height,
    /// What all who approve anybody hold.
    pub voting: Amount,
    /// That as a share of all coins.
    pub turnout: f64,
    /// The delegates in force, and those who will be, by votes.
    pub delegates: Vec<DelegateStatus>,
}

/// A delegate, as everybody sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct DelegateStatus {
    /// Its place by votes; the first one is 1.
    pub rank: u64,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// What those hold who approve it.
    pub weight: Amount,
    /// That as a share of all coins.
    pub share: f64,
    /// `active`, `suspended`, `resigned` or `banned`.
    pub standing: String,
    /// Since which height it is not active; absent while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing_since: Option<Height>,
    /// What is locked for it: its deposit; absent for a founder, and once the deposit returned or was burned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Amount>,
    /// The height of the block that returns its deposit, once it has resigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit_returns: Option<Height>,
    /// Whether it has slots in this round.
    pub in_force: bool,
    /// Whether it will have some in a later round, as far as that is decided.
    pub to_come: bool,
    /// The height of the block that registered it.
    pub since: Height,
    /// Blocks that it made.
    pub produced: u64,
    /// Slots of its own without a block,
    pub missed: u64,
    /// of them since its last block.
    pub missed_in_row: u64,
    /// Its next slot in the head's round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_slot: Option<u64>,
    /// When that begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_time: Option<Time>,
}

/// All delegates after a block, those with more votes first.
pub fn delegate_list(
    rules: &DposRules,
    head: &State,
) -> Result<Vec<(Address, DelegateStatus)>, ReadFailed> {
    let (params, slot) = (rules.params(), rules.slot(head)?);
    let round = rules.round(head, slot)?;
    let circulating = head.supply()?.circulating().unwrap_or_default();
    let all = ranked(head, params)?.into_iter().zip(1..);
    Ok(all
        .map(|((of, delegate), rank)| {
            let place = Place { rank, slot, circulating };
            (of, status(&of, &delegate, place, &round, params))
        })
        .collect())
}

struct Place {
    rank: u64,
    slot: u64,
    circulating: Amount,
}

fn status(
    of: &Address,
    delegate: &Delegate,
    place: Place,
    round: &Round,
    params: &DposParams,
) -> DelegateStatus {
    let after = params.first_slot(round.number + 1);
    let next_slot = (place.slot + 1..after).find(|slot| round.due(*slot, params) == Some(of));
    let (standing, standing_since) = match delegate.standing {
        Standing::Active => ("active", None),
        Standing::Suspended(at) => ("suspended", Some(at)),
        Standing::Resigned(at) => ("resigned", Some(at)),
        Standing::Banned(at) => ("banned", Some(at)),
    };
    let deposit = delegate.bond.map(|_| params.deposit);
    let deposit_returns = match (deposit, delegate.standing) {
        (Some(_), Standing::Resigned(at)) => Some(params.deposit_returns(at)),
        _ => None,
    };
    DelegateStatus {
        rank: place.rank,
        name: delegate.name.as_str().into(),
        address: String::new(),
        weight: delegate.weight,
        share: share(delegate.weight, place.circulating),
        standing: standing.into(),
        standing_since,
        deposit,
        deposit_returns,
        in_force: round.set.contains(of),
        to_come: round.is_to_come(of),
        since: delegate.since,
        produced: delegate.produced,
        missed: delegate.missed,
        missed_in_row: delegate.missed_in_row,
        next_slot,
        next_time: next_slot.map(|slot| params.start_of(slot)),
    }
}

/// A part of a whole; amounts are below 2^53, which a float holds exactly.
pub(super) fn share(part: Amount, of: Amount) -> f64 {
    if of == Amount::ZERO { 0.0 } else { part.0 as f64 / of.0 as f64 }
}

/// The status after a block with the state `head`, as a node sees it that acts for `ours`.
pub fn slot_status(
    rules: &DposRules,
    head: &State,
    ours: Option<AuthorityId>,
    prefix: &Prefix,
) -> Result<SlotStatus, ReadFailed> {
    let (params, votes, slot) = (rules.params(), rules.votes(head)?, rules.slot(head)?);
    let round = rules.round(head, slot)?;
    let all = delegate_list(rules, head)?;
    let next = rules.round(head, slot + 1)?.due(slot + 1, params).copied();
    let next = all.iter().find(|(of, _)| Some(*of) == next).map(|(_, it)| it.name.clone());
    let acting = all.into_iter().filter(|(_, it)| it.in_force || it.to_come);
    let voting = voting(head, params)?;
    Ok(SlotStatus {
        delegate: ours.map(|ours| ours.encode(prefix)),
        round: round.number,
        slot,
        round_ends: params.first_slot(round.number + 1) - 1,
        slot_ms: params.slot,
        next,
        finality: params.finality.name().into(),
        prevoted: votes.prevoted(),
        final_height: votes.final_height(),
        voting,
        turnout: share(voting, head.supply()?.circulating().unwrap_or_default()),
        delegates: acting.map(|(of, it)| it.at(&of, prefix)).collect(),
    })
}

impl DelegateStatus {
    /// The same with its address written out.
    pub fn at(self, of: &Address, prefix: &Prefix) -> Self {
        Self { address: of.encode(prefix), ..self }
    }
}
