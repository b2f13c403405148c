//! What authorities say to each other under PBFT.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::consensus::{AuthorityId, Point};
use crate::types::Height;

/// A vote for a draft in a view. Which step it belongs to is in the message around it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Ballot {
    /// The view.
    pub view: u64,
    /// The draft; its height is the sequence number (4.2).
    pub at: Point,
}

/// What everything is signed with.
pub trait Signature: Clone + Debug + Eq + Ord + Hash + BorshSerialize + BorshDeserialize {}

impl<S: Clone + Debug + Eq + Ord + Hash + BorshSerialize + BorshDeserialize> Signature for S {}

/// Whoever speaks: what it says is signed, so that others can show it around (4).
pub trait Signer {
    /// What it signs with.
    type Signature: Signature;

    /// Whose key it is.
    fn id(&self) -> AuthorityId;

    /// Agrees to a draft: a primary's PRE-PREPARE or a backup's PREPARE.
    fn prepare(&self, ballot: &Ballot) -> Self::Signature;

    /// Commits to a draft.
    fn commit(&self, ballot: &Ballot) -> Self::Signature;

    /// Asks for a view.
    fn change(&self, change: &ViewChange<Self::Signature>) -> Self::Signature;
}

/// Where nobody can speak in another's name, a name is enough.
impl Signer for AuthorityId {
    type Signature = ();

    fn id(&self) -> AuthorityId {
        *self
    }

    fn prepare(&self, _: &Ballot) {}

    fn commit(&self, _: &Ballot) {}

    fn change(&self, _: &ViewChange<()>) {}
}

/// That a quorum agreed on a draft's place in a view: its primary's PRE-PREPARE and PREPAREs of the others (4.2, "prepared").
///
/// `S` is what each of them signed with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Prepared<S> {
    /// For what.
    pub ballot: Ballot,
    /// By whom, the primary among them.
    pub by: BTreeMap<AuthorityId, S>,
}

/// VIEW-CHANGE (4.4). A sealed block proves itself, so the stable checkpoint is its name alone, and there is one sequence number
/// above it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct ViewChange<S> {
    /// The view that its sender wants.
    pub view: u64,
    /// Its sealed head.
    pub sealed: Point,
    /// What was prepared above, in the highest view if in several.
    pub prepared: Option<Prepared<S>>,
}

/// NEW-VIEW (4.4): a quorum of VIEW-CHANGEs. What has to be proposed follows from them, so nobody has to say it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct NewView<S> {
    /// The view.
    pub view: u64,
    /// The height that is to be decided next.
    pub above: Point,
    /// Who wanted it.
    pub changes: BTreeMap<AuthorityId, (ViewChange<S>, S)>,
}

/// A message of the protocol. `D` is a draft on the wire, and its name in the core; `S` is what it is signed with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Message<D, S> {
    /// PRE-PREPARE (4.2): the primary gives a draft its place.
    PrePrepare {
        /// The view.
        view: u64,
        /// The draft.
        draft: D,
        /// The primary's signature of the ballot.
        signature: S,
    },
    /// PREPARE (4.2): a backup agrees to it.
    Prepare(Ballot, S),
    /// COMMIT (4.2): a quorum agreed to it, its sender knows.
    Commit(Ballot, S),
    /// VIEW-CHANGE (4.4).
    ViewChange(ViewChange<S>, S),
    /// NEW-VIEW (4.4).
    NewView(NewView<S>),
    /// Up to where may blocks be decided, as far as you know?
    Ask {
        /// The asker's number for it.
        number: u64,
    },
    /// Up to here.
    Stand {
        /// The asker's number.
        number: u64,
        /// The highest that its sender committed to.
        height: Height,
    },
    /// Where its sender stands: an idle primary lives, whoever lacks a block or a view hears so.
    Beat {
        /// Its view.
        view: u64,
        /// Whether it takes part in it, or waits for it to begin.
        active: bool,
        /// Its sealed head.
        sealed: Point,
    },
}
