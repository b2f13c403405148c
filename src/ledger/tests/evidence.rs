//! Evidence: what proves an offence, and what it costs.

use std::sync::Arc;

use crate::ledger::testkit::{MemBase, Plain, accounts, draft, params};
use crate::ledger::{
    CoinView, Executed, Movements, Offence, Params, Refused, Rewards, State, System, Transition,
    execute, genesis_coin_id, genesis_state,
};
use crate::types::testkit::key;
use crate::types::{
    Address, Amount, BlockId, Bounded, Draft, Evidence, Hash, Header, Height, Keypair, Operation,
    Signature, Time, signature_hash, tagged,
};

/// Whoever seals two blocks of one height loses the first coin of the world.
struct Strict(Plain);

impl Transition for Strict {
    fn operation(
        &self,
        operation: &Operation,
        actor: Address,
        height: Height,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        self.0.operation(operation, actor, height, state)
    }

    fn statement(&self, header: &Header) -> Option<Hash> {
        let height = header.height.0.to_le_bytes();
        let producer = header.producer;
        (height[0] != 13)
            .then(|| tagged("strict", &params().chain, &[producer.as_bytes(), &height]))
    }

    fn sentence(&self, _: &Offence<'_>, state: &mut System<'_, '_>) -> Result<(), Refused> {
        state.take(&genesis_coin_id(0, &params()))?;
        Ok(())
    }

    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        moved: &Movements,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        self.0.after(block, fees, moved, state)
    }
}

fn lawful() -> Params {
    Params { evidence_window: 10, ..params() }
}

/// A header of a person at a height, told from others by its time, and the signature of it.
fn said(height: u64, time: u64, by: &Keypair) -> (Header, Signature) {
    let mut header = draft(BlockId::default(), Height(height), 1, vec![], &params()).header;
    (header.time, header.producer) = (Time(time), by.address());
    let id = header.id(&params().chain);
    (header, by.sign(&signature_hash(&id, &params().chain)))
}

fn evidence(by: u8, one: (Header, Signature), other: (Header, Signature)) -> Evidence {
    let id = |said: &(Header, Signature)| said.0.id(&params().chain);
    let (first, second) = if id(&one) < id(&other) { (one, other) } else { (other, one) };
    Evidence::Headers { key: key(by).public(), first: Box::new(first), second: Box::new(second) }
}

fn good() -> Evidence {
    evidence(2, said(20, 1, &key(2)), said(20, 2, &key(2)))
}

fn state() -> State {
    let base = Arc::new(MemBase::default());
    let (delta, commitment) = genesis_state(&accounts(), &lawful());
    base.write(&delta);
    State::at_rest(base, commitment)
}

fn run(
    pieces: Vec<Evidence>,
    height: u64,
    on: &State,
    params: &Params,
) -> Result<Executed, String> {
    let mut draft = draft(BlockId::default(), Height(height), 1, vec![], params);
    draft.body.evidence = Bounded::truncated(pieces);
    let rule = Strict(Plain::new(100, 100));
    execute(&draft, on, Height(0), params, &rule).map_err(|error| error.to_string())
}

#[test]
fn a_proven_offence_costs_once_what_the_rule_says() {
    let (params, state) = (lawful(), state());
    let coin = genesis_coin_id(0, &params);
    let held = state.coin(&coin).unwrap().unwrap().amount;
    let executed = run(vec![good()], 21, &state, &params).unwrap();
    let after = &executed.state;
    assert_eq!(after.coin(&coin).unwrap(), None);
    assert_eq!(executed.own.taken.len(), 1);
    let (before, supply) = (state.supply().unwrap(), after.supply().unwrap());
    assert_eq!(supply.burned.0, before.burned.0 + held.0);
    // Not again, neither in the next block nor in the same.
    let again = run(vec![good()], 22, after, &params).map(drop);
    assert_eq!(again, Err("evidence: the offence was counted before".into()));
    let twice = run(vec![good(), good()], 21, &state, &params).map(drop);
    assert_eq!(twice, Err("evidence: the offence was counted before".into()));
    // Not by a third header of the same height either.
    let third = evidence(2, said(20, 1, &key(2)), said(20, 3, &key(2)));
    assert!(run(vec![third], 22, after, &params).is_err());
    // Another one is another.
    let other = evidence(2, said(21, 1, &key(2)), said(21, 2, &key(2)));
    let other = run(vec![other], 22, after, &params).unwrap();
    assert_eq!(other.own.taken, []);
}

#[test]
fn what_proves_nothing_is_refused_by_name() {
    let (params, state) = (lawful(), state());
    let refused = |piece: Evidence, height, params: &Params| {
        run(vec![piece], height, &state, params).map(drop).unwrap_err()
    };
    let one = said(20, 1, &key(2));
    let Evidence::Headers { key: by, first, second } = good() else { unreachable!() };
    let swapped = Evidence::Headers { key: by, first: second.clone(), second: first.clone() };
    let same = Evidence::Headers { key: by, first: first.clone(), second: first.clone() };
    let mut forged = second.clone();
    forged.1.0[3] ^= 1;
    let forged = Evidence::Headers { key: by, first: first.clone(), second: forged };
    for (piece, height, words) in [
        (swapped, 21, "evidence: its headers are one, or not in the order of their ids"),
        (same, 21, "evidence: its headers are one, or not in the order of their ids"),
        (evidence(2, one, said(21, 1, &key(2))), 22, "do not contradict each other"),
        (evidence(2, one, said(20, 1, &key(3))), 21, "do not contradict each other"),
        (
            evidence(2, said(13, 1, &key(2)), said(13, 2, &key(2))),
            14,
            "do not contradict each other",
        ),
        (evidence(3, one, said(20, 2, &key(2))), 21, "is of another producer than its key"),
        (forged, 21, "does not verify"),
        (good(), 19, "the offence is of height 20, and this is 19"),
        (good(), 31, "the offence is of height 20, and this is 31"),
    ] {
        let reason = refused(piece, height, &params);
        assert!(reason.contains(words), "{words}: {reason}");
    }
    assert!(run(vec![good()], 30, &state, &params).is_ok());
    let none = Params { evidence_window: 0, ..params };
    assert_eq!(refused(good(), 21, &none), "evidence is not active under this rule");
}

#[test]
fn what_is_too_old_to_count_is_forgotten() {
    let params = lawful();
    let mut state = state();
    let mut sizes = Vec::new();
    for height in 21..60u64 {
        let offence = height - 1;
        let piece = evidence(2, said(offence, 1, &key(2)), said(offence, 2, &key(2)));
        state = run(vec![piece], height, &state, &params).unwrap().state;
        sizes.push(format!("{:?}", crate::ledger::Counted::after(&state).unwrap()).len());
    }
    assert_eq!(sizes[20], sizes[38]);
}
