//! What travels: the protocol's messages with bodies and signatures, and bodies that somebody lacks.

use borsh::{BorshDeserialize, BorshSerialize};

use super::core::Said;
use super::message::{Ballot, Message, Prepared, Signer, ViewChange};
use super::rules::PbftRules;
use crate::consensus::{AuthorityId, Point};
use crate::types::signatures::{SignatureCheck, verify_batch};
use crate::types::{Address, BlockId, Draft, GenesisId, Hash, Keypair, Vote, decode};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What travels.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Wire<D = Draft> {
    /// A message of the protocol.
    Said(Message<D, Vote>),
    /// Give me the body of this draft.
    Lacking(Point),
    /// Here it is.
    Body(D),
}

impl<D: BorshSerialize> Wire<D> {
    /// For a stream; nothing if it is larger than streams carry.
    pub fn encode(&self) -> Option<crate::consensus::Message> {
        crate::consensus::Message::pack(self)
    }
}

impl Wire {
    /// From a stream; nothing if it says nothing.
    pub fn decode(message: &crate::consensus::Message) -> Option<Self> {
        decode(&message.0).ok()
    }
}

impl<S> Message<Point, S> {
    /// With the body of its draft; nothing if that is gone.
    pub fn with<D>(self, body: impl Fn(&Point) -> Option<D>) -> Option<Message<D, S>> {
        self.map(|at| body(&at))
    }
}

impl<S> Message<Draft, S> {
    /// With the draft's name in its place, and the draft by its id.
    pub fn named(self, chain: &GenesisId) -> (Message<Point, S>, Option<(BlockId, Draft)>) {
        let mut brought = None;
        let named = self.map(|draft: Draft| {
            let at = Point::of(&draft.header, chain);
            brought = Some((at.id, draft));
            Some(at)
        });
        (named.expect("every draft has a name"), brought)
    }
}

impl<D, S> Message<D, S> {
    fn map<E>(self, draft: impl FnOnce(D) -> Option<E>) -> Option<Message<E, S>> {
        Some(match self {
            Self::PrePrepare { view, draft: of, signature } => {
                Message::PrePrepare { view, draft: draft(of)?, signature }
            }
            Self::Prepare(ballot, by) => Message::Prepare(ballot, by),
            Self::Commit(ballot, by) => Message::Commit(ballot, by),
            Self::ViewChange(change, by) => Message::ViewChange(change, by),
            Self::NewView(begun) => Message::NewView(begun),
            Self::Ask { number } => Message::Ask { number },
            Self::Stand { number, height } => Message::Stand { number, height },
            Self::Beat { view, active, sealed } => Message::Beat { view, active, sealed },
        })
    }
}

/// The key of an authority, and what it signs with it.
pub struct Pen {
    /// The key.
    pub key: Keypair,
    /// The rules, which say how.
    pub rules: Arc<PbftRules>,
}

impl Pen {
    fn sign(&self, hash: &Hash) -> Vote {
        Vote { key: self.key.public(), signature: self.key.sign(hash) }
    }
}

impl Signer for Pen {
    type Signature = Vote;

    fn id(&self) -> AuthorityId {
        self.key.address()
    }

    fn prepare(&self, ballot: &Ballot) -> Vote {
        self.sign(&self.rules.prepare_hash(ballot))
    }

    fn commit(&self, ballot: &Ballot) -> Vote {
        self.sign(&self.rules.commit_hash(ballot))
    }

    fn change(&self, change: &ViewChange<Vote>) -> Vote {
        self.sign(&self.rules.change_hash(change))
    }
}

/// The signatures in a message, each looked at once: certificates of one draft share theirs.
struct Signatures<'a> {
    rules: &'a PbftRules,
    checks: BTreeSet<(AuthorityId, Hash, Vote)>,
}

impl Signatures<'_> {
    fn add(&mut self, by: AuthorityId, hash: Hash, vote: &Vote) {
        self.checks.insert((by, hash, *vote));
    }

    fn prepared(&mut self, prepared: &Prepared<Vote>) {
        let hash = self.rules.prepare_hash(&prepared.ballot);
        prepared.by.iter().for_each(|(id, vote)| self.add(*id, hash, vote));
    }

    fn change(&mut self, by: AuthorityId, change: &ViewChange<Vote>, vote: &Vote) {
        self.add(by, self.rules.change_hash(change), vote);
        change.prepared.iter().for_each(|prepared| self.prepared(prepared));
    }

    fn verify(self) -> bool {
        let named = |(by, _, vote): &(AuthorityId, Hash, Vote)| Address::of(&vote.key) == *by;
        let check = |(_, message, vote): &(AuthorityId, Hash, Vote)| SignatureCheck {
            key: vote.key.0,
            message: message.0,
            signature: vote.signature.0,
        };
        let checks: Vec<SignatureCheck> = self.checks.iter().map(check).collect();
        self.checks.iter().all(named) && verify_batch(&checks).is_empty()
    }
}

/// Whether a message holds no more votes than there are authorities: what is larger is not worth a look.
fn fits(said: &Said<Vote>, voters: usize) -> bool {
    let few = |change: &ViewChange<Vote>| {
        change.prepared.as_ref().is_none_or(|prepared| prepared.by.len() <= voters)
    };
    match said {
        Message::ViewChange(change, _) => few(change),
        Message::NewView(begun) => {
            begun.changes.len() <= voters && begun.changes.values().all(|(change, _)| few(change))
        }
        _ => true,
    }
}

/// Whether every signature in a message that somebody sent verifies, for a set of so many voters.
pub(super) fn is_signed(
    rules: &PbftRules,
    from: AuthorityId,
    said: &Said<Vote>,
    voters: usize,
) -> bool {
    if !fits(said, voters) {
        return false;
    }
    let mut all = Signatures { rules, checks: BTreeSet::new() };
    match said {
        Message::PrePrepare { view, draft, signature } => {
            let hash = rules.prepare_hash(&Ballot { view: *view, at: *draft });
            all.add(from, hash, signature);
        }
        Message::Prepare(ballot, by) => all.add(from, rules.prepare_hash(ballot), by),
        Message::Commit(ballot, by) => all.add(from, rules.commit_hash(ballot), by),
        Message::ViewChange(change, by) => all.change(from, change, by),
        Message::NewView(begun) => {
            begun.changes.iter().for_each(|(id, (change, by))| all.change(*id, change, by));
        }
        // Nothing follows from these but questions, and the stream proves who asks.
        Message::Ask { .. } | Message::Stand { .. } | Message::Beat { .. } => {}
    }
    all.verify()
}
