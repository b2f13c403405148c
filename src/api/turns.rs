//! What `consensus_status` says of authorities in turn.

use serde::{Deserialize, Serialize};

use crate::consensus::AuthorityId;
use crate::consensus::poa::{PoaRules, record};
use crate::ledger::{ReadFailed, State};
use crate::types::{Height, Prefix, Span};

/// What authorities in turn are doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct TurnStatus {
    /// The authority that this node acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Whose turn the next block is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_turn: Option<String>,
    /// The time between two blocks at least, in ms.
    pub period_ms: Span,
    /// What makes a block final.
    pub finality: String,
    /// The greatest height that a quorum has prevoted.
    pub prevoted: Height,
    /// The greatest height that is final by votes.
    pub final_height: Height,
    /// The authorities after the head, in order.
    pub authorities: Vec<TurnAuthority>,
}

/// How an authority has served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct TurnAuthority {
    /// Its address.
    pub address: String,
    /// Whether it may sign the next block: it signed none of the last ones.
    pub may_sign: bool,
    /// The height of the first block that it could sign.
    pub since: Height,
    /// Blocks that it signed,
    pub signed: u64,
    /// of them out of turn.
    pub out_of_turn: u64,
    /// Turns of its own that others took.
    pub missed: u64,
    /// Times that it was proven to have signed two blocks of one height.
    pub equivocated: u64,
    /// The height of the last block that it signed.
    pub last: Height,
}

/// The status after the block at `height` with the state `head`, as a node sees it that acts for `ours`.
pub fn turn_status(
    rules: &PoaRules,
    head: &State,
    height: Height,
    ours: Option<AuthorityId>,
    prefix: &Prefix,
) -> Result<TurnStatus, ReadFailed> {
    let (snapshot, votes, next) = (rules.snapshot(head)?, rules.votes(head)?, height.next());
    let mut authorities = Vec::with_capacity(snapshot.signers.len());
    for signer in &snapshot.signers {
        let record = record(head, signer)?.unwrap_or_default();
        authorities.push(TurnAuthority {
            address: signer.encode(prefix),
            may_sign: snapshot.may_sign(next.0, signer).is_ok(),
            since: record.since,
            signed: record.signed,
            out_of_turn: record.out_of_turn,
            missed: record.missed,
            equivocated: record.equivocated,
            last: record.last,
        });
    }
    Ok(TurnStatus {
        authority: ours.map(|ours| ours.encode(prefix)),
        in_turn: snapshot.in_turn(next.0).map(|turn| turn.encode(prefix)),
        period_ms: rules.params().period,
        finality: rules.params().finality.name().into(),
        prevoted: votes.prevoted(),
        final_height: votes.final_height(),
        authorities,
    })
}
