//! The acting half of delegated proof of stake: one block in each slot of one's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::{DposRules, commitment, delegate, secret};
use crate::consensus::{Action, Context, Engine, Event, Outbox, Record, Report, Seat, Timer};
use crate::ledger::ReadFailed;
use crate::types::{Address, Bounded, Claim, Hash, Height, Keypair, Span, Time, decode, encode};

/// What this delegate ever signed, on any branch. No slot is signed twice, and every claim says the greatest height: so it
/// is durable before a signature leaves.
#[derive(Debug, Clone, Copy, Default, BorshSerialize, BorshDeserialize)]
struct Signed {
    /// The greatest slot.
    slot: u64,
    /// The greatest height.
    height: Height,
}

pub(super) fn signed_record() -> Record {
    Record(Bounded::truncated(b"dpos/signed".to_vec()))
}

/// When to sign.
const TURN: Timer = Timer::Own(0);

/// Signs for one delegate; silent without one.
#[derive(Debug)]
pub struct DposEngine {
    rules: Arc<DposRules>,
    key: Option<Keypair>,
    signed: Signed,
    /// What was promised before cannot be read: nothing is signed.
    unreadable: bool,
}

impl DposEngine {
    /// The engine of whoever has this seat.
    pub fn new(rules: Arc<DposRules>, seat: &Seat) -> Self {
        Self { rules, key: seat.key.clone(), signed: Signed::default(), unreadable: false }
    }

    fn start(&mut self, saved: &[(Record, Vec<u8>)], out: &mut Outbox) {
        let mine = saved.iter().find(|(record, _)| *record == signed_record());
        match mine.map(|(_, bytes)| decode(bytes)) {
            None => {}
            Some(Ok(signed)) => self.signed = signed,
            Some(Err(_)) => {
                self.unreadable = true;
                out.push(Action::Report(Report::Unreadable { record: "dpos/signed".into() }));
            }
        }
    }

    /// Signs a block if this is a slot of our own, or asks to be woken when the next one begins.
    fn look(&mut self, cx: &Context<'_>, out: &mut Outbox) -> Result<(), ReadFailed> {
        let Some(key) = self.key.clone().filter(|_| !self.unreadable) else { return Ok(()) };
        let (own, params) = (key.address(), self.rules.params());
        let (head, now) = (cx.tree.head(), params.slot_at(cx.now));
        let last = self.rules.slot(&head.state)?;
        let from = now.max(last + 1).max(self.signed.slot + 1);
        let (slot, is_own) = self.next(&own, from, head)?;
        if slot > now || !is_own {
            out.push(Action::SetTimer { timer: TURN, at: params.start_of(slot) });
            return Ok(());
        }
        if cx.tree.is_overfull() {
            out.push(Action::Report(Report::TooManyUnfinal { blocks: cx.tree.len() }));
            return Ok(());
        }
        if cx.behind {
            // A better branch is on its way: there is time for it until the slot ends.
            let pause = Span((params.slot.0 / 8).clamp(1, 500));
            out.push(Action::SetTimer { timer: TURN, at: cx.now.after(pause) });
            return Ok(());
        }
        self.sign(&key, slot, cx, out)
    }

    /// The next slot of our own from a slot on, if it is in the same round; otherwise the beginning of the next round,
    /// whose order is not known before.
    fn next(
        &self,
        own: &Address,
        from: u64,
        head: &crate::chain::Node,
    ) -> Result<(u64, bool), ReadFailed> {
        let params = self.rules.params();
        let round = self.rules.round(&head.state, from)?;
        let after = params.first_slot(round.number + 1);
        let own = (from..after).find(|slot| round.due(*slot, params) == Some(own));
        Ok(own.map_or((after, false), |slot| (slot, true)))
    }

    fn sign(
        &mut self,
        key: &Keypair,
        slot: u64,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), ReadFailed> {
        let params = self.rules.params();
        let (head, own, chain) = (cx.tree.head(), key.address(), params.chain);
        // What the last block on this branch promised.
        let promised = delegate(&head.state, &own, params)?.filter(|it| it.commit.is_some());
        let reveal = promised.map_or(Hash::default(), |it| secret(key, it.slot, &chain));
        let commit = commitment(&secret(key, slot, &chain), &chain);
        let claim = Claim::Slot { reveal, commit, prior: self.signed.height };
        let time: Time = params.start_of(slot);
        let made = cx.draft(head.as_ref(), time, own, claim, &BTreeSet::new());
        let (draft, executed) = match made {
            Ok(made) => made,
            Err(error) => {
                out.push(Action::SetTimer { timer: TURN, at: params.start_of(slot + 1) });
                out.push(error.into());
                return Ok(());
            }
        };
        let height = head.height().next();
        self.signed = Signed { slot, height: height.max(self.signed.height) };
        out.push(Action::Persist { record: signed_record(), bytes: encode(&self.signed) });
        out.sign(draft, executed, key, &chain);
        Ok(())
    }
}

impl Engine for DposEngine {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        let look = match event {
            Event::Start { saved } => {
                self.start(&saved, out);
                true
            }
            Event::Imported(imported) => imported.moved.is_some(),
            Event::Elapsed(timer) => timer == TURN,
            Event::Read { ticket } => {
                let outcome = Err("delegates in slots have no reads that everybody agrees on: \
                                   read here, and wait for what must not change to be final"
                    .into());
                out.push(Action::Answer { ticket, outcome });
                false
            }
            Event::PoolFilled
            | Event::Found { .. }
            | Event::Signed { .. }
            | Event::Payout(_)
            | Event::Stake(_)
            | Event::Received { .. }
            | Event::Verified { .. } => false,
        };
        if look && let Err(error) = self.look(cx, out) {
            out.push(Action::Fail(error));
        }
    }
}
