//! The acting half of proof of authority: sign in turn, and late where nobody did.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{PoaRules, Snapshot};
use crate::chain::Node;
use crate::consensus::{Action, Context, Engine, Event, Outbox, Record, Report, Seat, Timer};
use crate::ledger::ReadFailed;
use crate::types::canary::{Bug, planted};
use crate::types::{Address, Bounded, Claim, Height, Keypair, Span, Time, decode, encode, tagged};

/// The greatest height that this authority ever signed at, on any branch. Every claim says it, and a block that is no higher
/// votes for nothing: so it is durable before a signature leaves.
fn signed_record() -> Record {
    Record(Bounded::truncated(b"poa/signed".to_vec()))
}

/// When to sign.
const TURN: Timer = Timer::Own(0);

/// While a better branch is on its way, it is looked for again after so long.
const LOOK_AGAIN: Span = Span(500);

/// Signs for one authority; silent without one.
#[derive(Debug)]
pub struct PoaEngine {
    rules: Arc<PoaRules>,
    key: Option<Keypair>,
    /// What the waits out of turn are drawn from.
    seed: u64,
    signed: Height,
    /// What was promised before cannot be read: nothing is signed.
    unreadable: bool,
}

impl PoaEngine {
    /// The engine of whoever has this seat.
    pub fn new(rules: Arc<PoaRules>, seat: &Seat) -> Self {
        let (key, seed) = (seat.key.clone(), seat.seed);
        Self { rules, key, seed, signed: Height(0), unreadable: false }
    }

    fn start(&mut self, saved: &[(Record, Vec<u8>)], out: &mut Outbox) {
        let mine = saved.iter().find(|(record, _)| *record == signed_record());
        match mine.map(|(_, bytes)| decode(bytes)) {
            None => {}
            Some(_) if planted(Bug::PriorForgotten) => {}
            Some(Ok(signed)) => self.signed = signed,
            Some(Err(_)) => {
                self.unreadable = true;
                out.push(Action::Report(Report::Unreadable { record: "poa/signed".into() }));
            }
        }
    }

    /// Signs the next block if it is time, or asks to be woken when it is.
    fn look(&mut self, cx: &Context<'_>, out: &mut Outbox) -> Result<(), ReadFailed> {
        let Some(key) = self.key.clone().filter(|_| !self.unreadable) else { return Ok(()) };
        let head = cx.tree.head();
        let (number, own) = (head.height().next(), key.address());
        let snapshot = self.rules.snapshot(&head.state)?;
        if snapshot.may_sign(number.0, &own).is_err() {
            out.push(Action::StopTimer(TURN));
            return Ok(());
        }
        if cx.tree.is_overfull() {
            out.push(Action::Report(Report::TooManyUnfinal { blocks: cx.tree.len() }));
            return Ok(());
        }
        let due = self.due(head, &snapshot, &own);
        if cx.behind || cx.now < due {
            let at = if cx.behind { due.max(cx.now.after(LOOK_AGAIN)) } else { due };
            out.push(Action::SetTimer { timer: TURN, at });
            return Ok(());
        }
        self.sign(&key, &snapshot, cx, out);
        Ok(())
    }

    /// When to sign on a block: as soon as its time has come where it is our turn, and a while later where it is not.
    fn due(&self, head: &Node, snapshot: &Snapshot<Address>, own: &Address) -> Time {
        let earliest = self.rules.earliest_time(&head.block.header);
        let number = head.height().next();
        if snapshot.in_turn(number.0) == Some(own) {
            return earliest;
        }
        let params = self.rules.params();
        let most = params.wiggle.times(snapshot.limit()).0.max(1);
        let seed = self.seed.to_le_bytes();
        let drawn = tagged("assay/wiggle", &params.chain, &[head.id.as_bytes(), &seed]);
        let drawn = u64::from_le_bytes(*drawn.0.first_chunk().expect("32 bytes have 8"));
        earliest.after(Span(1 + drawn % most))
    }

    fn sign(
        &mut self,
        key: &Keypair,
        snapshot: &Snapshot<Address>,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) {
        let head = cx.tree.head();
        let (number, own) = (head.height().next(), key.address());
        let time = cx.now.max(self.rules.earliest_time(&head.block.header));
        let weight = PoaRules::weight(snapshot, number, &own);
        let claim = Claim::Turn { weight, prior: self.signed };
        let made = cx.draft(head.as_ref(), time, own, claim, &BTreeSet::new());
        let (draft, executed) = match made {
            Ok(made) => made,
            Err(error) => {
                out.push(Action::SetTimer { timer: TURN, at: cx.now.after(LOOK_AGAIN) });
                return out.push(error.into());
            }
        };
        self.signed = self.signed.max(number);
        out.push(Action::Persist { record: signed_record(), bytes: encode(&self.signed) });
        out.sign(draft, executed, key, &self.rules.params().chain);
    }
}

impl Engine for PoaEngine {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        let look = match event {
            Event::Start { saved } => {
                self.start(&saved, out);
                true
            }
            Event::Imported(imported) => imported.moved.is_some(),
            Event::Elapsed(timer) => timer == TURN,
            Event::Read { ticket } => {
                let outcome = Err("authorities in turn have no reads that everybody agrees on: \
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
