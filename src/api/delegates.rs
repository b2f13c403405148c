//! `delegate_list` and `delegate_votes`: who stands for election, and whom an address approves.

use serde::{Deserialize, Serialize};

use super::DelegateStatus;
use super::slots::{delegate_list, share};
use crate::consensus::dpos::{DposRules, approvals, holdings, voting};
use crate::ledger::{ReadFailed, State};
use crate::types::{Address, Amount, BlockId, Height, Prefix, Span};

/// Delegates on a page unless the request says otherwise.
pub const DELEGATES_PAGE_DEFAULT: u32 = 100;

/// Delegates on a page at most.
pub const DELEGATES_PAGE_MAX: u32 = 1000;

/// What `delegate_list` is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct DelegatesParams {
    /// The `next` of the page before; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Delegates on the page, at most [`DELEGATES_PAGE_MAX`]; [`DELEGATES_PAGE_DEFAULT`] if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What `delegate_list` answers. Pages are read after the head of their moment: a delegate that gains or loses votes
/// between two of them may show on both or on neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct DelegatesPage {
    /// The head.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// Its round.
    pub round: u64,
    /// Its slot; 0 before the first block.
    pub slot: u64,
    /// The last slot of the round.
    pub round_ends: u64,
    /// How long a slot is, in ms.
    pub slot_ms: Span,
    /// Slots of a round, and delegates in force at most.
    pub seats: u64,
    /// What registering locks.
    pub deposit: Amount,
    /// Blocks between a resignation and the return of the deposit.
    pub unbonding: u64,
    /// Slots missed in a row after which a delegate is suspended.
    pub inactive_after: u64,
    /// Delegates whom one may approve.
    pub votes_max: u64,
    /// All coins.
    pub circulating: Amount,
    /// What all who approve anybody hold.
    pub voting: Amount,
    /// That as a share of all coins.
    pub turnout: f64,
    /// How many delegates there are, whatever their standing.
    pub count: u64,
    /// Those of the page, the ones with more votes first.
    pub delegates: Vec<DelegateStatus>,
    /// What to ask for the next page with; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl DelegatesPage {
    /// The delegates after a head whose rank is above `after`, `limit` of them at most.
    pub fn of(
        rules: &DposRules,
        (head, height): (BlockId, Height),
        state: &State,
        (after, limit): (u64, u32),
        prefix: &Prefix,
    ) -> Result<Self, ReadFailed> {
        let (params, slot) = (rules.params(), rules.slot(state)?);
        let round = params.round_of(slot);
        let all = delegate_list(rules, state)?;
        let count = all.len() as u64; // there are at most DELEGATES_MAX
        let rest = all.into_iter().filter(|(_, delegate)| delegate.rank > after);
        let page = rest.take(limit as usize).map(|(of, delegate)| delegate.at(&of, prefix));
        let delegates: Vec<DelegateStatus> = page.collect();
        let next = delegates.last().map(|last| last.rank).filter(|last| *last < count);
        let (voting, circulating) = (voting(state, params)?, circulating(state)?);
        Ok(Self {
            head,
            height,
            round,
            slot,
            round_ends: params.first_slot(round + 1) - 1,
            slot_ms: params.slot,
            seats: params.seats,
            deposit: params.deposit,
            unbonding: params.unbonding,
            inactive_after: params.inactive_after,
            votes_max: params.votes_max as u64, // a few hundred at most
            circulating,
            voting,
            turnout: share(voting, circulating),
            count,
            delegates,
            next,
        })
    }
}

/// What `delegate_votes` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct VotesParams {
    /// Whose votes.
    pub address: String,
}

/// What `delegate_votes` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Delegation {
    /// The head.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// Whose votes these are.
    pub address: String,
    /// What they weigh: all that the address holds, a deposit apart. Each delegate that it approves gets as much.
    pub weight: Amount,
    /// That as a share of all coins.
    pub share: f64,
    /// Whom it approves, those with more votes first; nobody if it does not vote.
    pub delegates: Vec<DelegateStatus>,
}

impl Delegation {
    /// Whom an address approves after a head.
    pub fn of(
        rules: &DposRules,
        (head, height): (BlockId, Height),
        state: &State,
        of: &Address,
        prefix: &Prefix,
    ) -> Result<Self, ReadFailed> {
        let params = rules.params();
        let approved = approvals(state, of, params)?;
        let weight = holdings(state, of, params)?;
        let mut delegates = Vec::new();
        if !approved.is_empty() {
            let all = delegate_list(rules, state)?.into_iter();
            let theirs = all.filter(|(delegate, _)| approved.contains(delegate));
            delegates.extend(theirs.map(|(delegate, status)| status.at(&delegate, prefix)));
        }
        Ok(Self {
            head,
            height,
            address: of.encode(prefix),
            weight,
            share: share(weight, circulating(state)?),
            delegates,
        })
    }
}

fn circulating(state: &State) -> Result<Amount, ReadFailed> {
    Ok(state.supply()?.circulating().unwrap_or_default())
}
