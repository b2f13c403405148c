//! Evidence: two statements of one signer that no honest one would both make, and what the chain does about them.
//!
//! What a producer may say only once its rule names ([`Transition::statement`]): under stake the coin and the second. Two
//! different headers with one statement, each sealed by the producer's signature, prove an offence to anybody. Any producer
//! may put the proof into a block; it counts once, for a while, and the rule says what it costs ([`Transition::sentence`]).

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Params, ReadFailed, Refused, State, System, SystemKey, Transition};
use crate::types::signatures::verify_single;
use crate::types::{Address, Evidence, Hash, Header, Height, signature_hash};

/// A proven offence.
#[derive(Debug, Clone, Copy)]
pub struct Offence<'a> {
    /// Whose.
    pub by: Address,
    /// The headers that it should not both have signed.
    pub headers: [&'a Header; 2],
}

/// The offences that count no second time, until they are too old to count at all.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Counted(Vec<(Hash, Height)>);

impl Counted {
    fn key() -> SystemKey {
        SystemKey::new("ledger/evidence")
    }

    /// As they are in the state after a block.
    pub fn after(state: &State) -> Result<Self, ReadFailed> {
        Ok(state.system(&Self::key())?.unwrap_or_default())
    }

    /// Whether an offence was counted.
    pub fn has(&self, statement: &Hash) -> bool {
        self.0.iter().any(|(counted, _)| counted == statement)
    }

    /// Counts an offence that was committed at a height, in the block at another; what is too old by then is forgotten.
    fn count(&mut self, statement: Hash, (of, at): (Height, Height), window: u64) {
        self.0.retain(|(_, of)| is_recent(*of, at, window));
        self.0.push((statement, of));
    }
}

/// Whether evidence of an offence at one height is still good in a block at another.
pub fn is_recent(of: Height, at: Height, window: u64) -> bool {
    of <= at && at.0 - of.0 <= window
}

/// Judges the evidence in a block at a height and executes the sentence.
pub(super) fn punish(
    evidence: &Evidence,
    height: Height,
    params: &Params,
    rule: &(impl Transition + ?Sized),
    state: &mut System<'_, '_>,
) -> Result<(), Refused> {
    let invalid = |reason: String| Refused::Invalid(format!("evidence: {reason}"));
    let Evidence::Headers { key, first, second } = evidence else {
        return Err(Refused::NotActive { what: "evidence of statements" });
    };
    if params.evidence_window == 0 {
        return Err(Refused::NotActive { what: "evidence" });
    }
    let by = Address::of(key);
    let [first_id, second_id] = [first, second].map(|signed| signed.0.id(&params.chain));
    if first_id >= second_id {
        return Err(invalid("its headers are one, or not in the order of their ids".into()));
    }
    let statement = rule.statement(&first.0).filter(|it| rule.statement(&second.0) == Some(*it));
    let Some(statement) = statement else {
        return Err(invalid("its headers do not contradict each other".into()));
    };
    for ((header, signature), id) in [(&**first, first_id), (&**second, second_id)] {
        if header.producer != by {
            return Err(invalid(format!("{id} is of another producer than its key {key}")));
        }
        let message = signature_hash(&id, &params.chain);
        if !verify_single(&key.0, &message.0, &signature.0) {
            return Err(invalid(format!("the signature of {id} does not verify")));
        }
    }
    let of = first.0.height.max(second.0.height);
    if !is_recent(of, height, params.evidence_window) {
        return Err(invalid(format!("the offence is of height {of}, and this is {height}")));
    }
    let mut counted: Counted = state.get(&Counted::key())?.unwrap_or_default();
    if counted.has(&statement) {
        return Err(invalid("the offence was counted before".into()));
    }
    counted.count(statement, (of, height), params.evidence_window);
    state.put(&Counted::key(), &counted);
    rule.sentence(&Offence { by, headers: [&first.0, &second.0] }, state)
}
