//! `authority_list`: who decides on blocks, who stands behind them, and what they want done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::consensus::authorities::{self, Identity};
use crate::consensus::poa::{self, Changes, Record};
use crate::consensus::{AuthorityId, quorum};
use crate::ledger::{ReadFailed, State};
use crate::types::{Address, Ballot, BlockId, Height, Prefix};

/// The authorities after the head of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct AuthorityList {
    /// The head.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// The height of the block that changed the set last; absent while it is the one that the chain began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Height>,
    /// The authority that this node acts for, whether it is in the set or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<String>,
    /// How many have to wish the same before it happens.
    pub majority: u64,
    /// Those in force, by address.
    pub authorities: Vec<AuthorityInfo>,
    /// What some of them want done, and what has not happened yet.
    pub proposals: Vec<ProposalInfo>,
}

/// An authority in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct AuthorityInfo {
    /// Its address.
    pub address: String,
    /// Its name, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who runs it, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// How to reach it, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Whether this node has a stream to it, or acts for it.
    pub connected: bool,
    /// Whether it leads, as far as this node knows.
    pub leads: bool,
    /// How it has served, where authorities take turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<AuthorityRecord>,
}

/// How an authority has served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct AuthorityRecord {
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
    /// The height of the last block that it signed; 0 if there is none.
    pub last: Height,
}

impl From<Record> for AuthorityRecord {
    fn from(record: Record) -> Self {
        let Record { since, signed, out_of_turn, missed, equivocated, last } = record;
        Self { since, signed, out_of_turn, missed, equivocated, last }
    }
}

/// A change that authorities wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ProposalInfo {
    /// Whom it is about.
    pub address: String,
    /// `add` or `remove`.
    pub ballot: String,
    /// Who wishes it.
    pub by: Vec<String>,
    /// The height of the block that agreed on it, where that comes before it is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Height>,
}

/// What a node knows of the authorities beside the chain.
#[derive(Debug, Clone, Copy)]
pub struct Circle<'a> {
    /// The authority that it acts for.
    pub ours: Option<AuthorityId>,
    /// Who leads.
    pub leader: Option<AuthorityId>,
    /// Those that it has streams to.
    pub connected: &'a BTreeSet<AuthorityId>,
}

impl AuthorityList {
    /// The authorities `members` after the block `head` at `height`, of which `state` is the ledger after it.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn of(
        members: &BTreeSet<Address>,
        (head, height): (BlockId, Height),
        state: &State,
        circle: Circle<'_>,
        prefix: &Prefix,
    ) -> Result<Self, ReadFailed> {
        let info = |address: &Address| {
            let identity = authorities::identity(state, address)?;
            let told = |part: fn(&Identity) -> &str| {
                identity.as_ref().map(part).filter(|text| !text.is_empty()).map(str::to_owned)
            };
            Ok(AuthorityInfo {
                address: address.encode(prefix),
                name: told(|identity| identity.name.as_str()),
                organisation: told(|identity| identity.organisation.as_str()),
                contact: told(|identity| identity.contact.as_str()),
                connected: circle.ours == Some(*address) || circle.connected.contains(address),
                leads: circle.leader == Some(*address),
                record: poa::record(state, address)?.map(AuthorityRecord::from),
            })
        };
        let mut proposals: BTreeMap<(Address, bool), Vec<String>> = BTreeMap::new();
        for (by, whom, ballot) in authorities::wishes(state)? {
            let removes = ballot == Ballot::Remove;
            proposals.entry((whom, removes)).or_default().push(by.encode(prefix));
        }
        let agreed = Changes::of(state)?.agreed;
        let proposal = |((whom, removes), by): ((Address, bool), Vec<String>)| ProposalInfo {
            address: whom.encode(prefix),
            ballot: if removes { "remove".into() } else { "add".into() },
            by,
            agreed: agreed.filter(|it| (it.about, !it.add) == (whom, removes)).map(|it| it.at),
        };
        Ok(Self {
            head,
            height,
            changed: authorities::changed(state)?,
            ours: circle.ours.map(|ours| ours.encode(prefix)),
            majority: quorum::majority(members.len()) as u64, // of at most AUTHORITIES_MAX
            authorities: members.iter().map(info).collect::<Result<_, ReadFailed>>()?,
            proposals: proposals.into_iter().map(proposal).collect(),
        })
    }
}
