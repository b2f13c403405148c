//! The acting half: around the core, everything that it does not know of.

mod bodies;
mod drafting;
mod reading;

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use self::bodies::Bodies;
use super::records::{Kept, forget_draft, keep_draft, keep_vote};
use super::{
    Effect, Entry, Log, LogCore, LogMessage, LogParams, LogRules, Ref, SEALS_MAX, SealOf, Sealer,
    Wait, Wire,
};
use crate::chain::{Imported, Node, Rules, Verdict};
use crate::consensus::agreed::paid;
use crate::consensus::reads::Reads;
use crate::consensus::{
    self, Action, AuthorityId, Context, DropReason, Engine, Event, Outbox, Point, Report, Seat,
    Timer,
};
use crate::ledger::{ExecuteError, ReadFailed};
use crate::types::{Address, Bounded, Claim, Height, Keypair, Seal, Span, Time};

/// The clock that the waits of elections share.
const ELECTION: Timer = Timer::Own(0);

/// The clock of heartbeats.
const HEARTBEAT: Timer = Timer::Own(1);

/// The clock of reads that nobody has answered.
const READING: Timer = Timer::Own(2);

/// A message of a protocol as it arrives.
type Arrived<C> = <<C as LogCore>::Message as LogMessage>::Arrived;

/// A protocol as an authority runs it; without a key it keeps silent.
pub struct LogEngine<C> {
    rules: Arc<LogRules<C>>,
    key: Option<Keypair>,
    /// Whom drafts pay.
    producer: Address,
    dice: ChaCha8Rng,
    /// From the start on, if there is a key.
    core: Option<C>,
    bodies: Bodies,
    reads: Reads,
    /// When this one last put a draft on the log.
    drafted: Time,
    /// How many transactions it carried.
    carried: usize,
}

impl<C: LogCore> LogEngine<C> {
    /// The engine of a seat.
    pub fn new(rules: Arc<LogRules<C>>, seat: &Seat) -> Self {
        let every = rules.params().patience;
        Self {
            rules,
            key: seat.key.clone(),
            producer: paid(seat.key.as_ref(), seat.payout),
            dice: ChaCha8Rng::seed_from_u64(seat.seed),
            core: None,
            bodies: Bodies::default(),
            reads: Reads::new(seat.seed, READING, every),
            drafted: Time(0),
            carried: 0,
        }
    }

    /// The protocol's state, once it has started.
    pub fn core(&self) -> Option<&C> {
        self.core.as_ref()
    }

    fn params(&self) -> &LogParams {
        self.rules.params()
    }

    /// A block of the tree as an entry of the log, and who sealed it.
    fn entry(&self, node: &Node) -> Result<(Entry, Sealer), ReadFailed> {
        let header = &node.block.header;
        let term = match header.claim {
            Claim::Round { round } => round,
            // Whatever the chain stands on is before the first round.
            _ => 0,
        };
        let by = match &node.block.seal {
            Seal::Leader { round, leader, .. } => {
                Sealer { round: *round, leader: Address::of(leader) }
            }
            _ => Sealer::default(),
        };
        let voters = Arc::new(self.rules.voters(&node.state)?);
        let at = Point { height: header.height, id: node.id };
        Ok((Entry { at, term, voters }, by))
    }

    /// Takes up what was kept. What cannot be read cannot be judged, so nothing is forgotten for that.
    fn start(
        &mut self,
        kept: Kept<C>,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), ReadFailed> {
        let Some(me) = self.key.as_ref().map(Keypair::address) else { return Ok(()) };
        let (sealed, by) = self.entry(cx.tree.head())?;
        let mut log = Log::new(sealed);
        let mut last = cx.tree.head().as_ref();
        let mut marks = Vec::new();
        for (height, (draft, mark)) in kept.drafts {
            let draft = Arc::new(draft);
            // What stands above the head in a line is the log; what does not is of no use. Its signatures were verified
            // before it was kept.
            let stands = draft.header.parent == *last.id;
            match stands.then(|| self.bodies.execute(&self.rules, &draft, None, last, cx)) {
                Some(Ok((entry, held))) => {
                    log.push(entry);
                    marks.push(mark);
                    self.bodies.insert(height, held);
                }
                Some(Err(ExecuteError::Failed(error))) => return Err(error),
                Some(Err(_)) | None => out.push(forget_draft::<C>(height)),
            }
            last = self.bodies.block(log.last().at, cx).unwrap_or_else(|| cx.tree.head().as_ref());
        }
        let (mut core, first) = C::start(me, kept.vote, log, marks);
        let mut effects = vec![Effect::Wait(first)];
        core.heard_of(by, &mut effects);
        self.core = Some(core);
        self.carry_out(effects, cx, out);
        Ok(())
    }

    /// Lets the core change, and carries out what it wants.
    fn step(
        &mut self,
        cx: &Context<'_>,
        out: &mut Outbox,
        change: impl FnOnce(&mut C, &mut Vec<Effect<C::Message>>),
    ) {
        let mut effects = Vec::new();
        let Some(core) = &mut self.core else { return };
        change(core, &mut effects);
        self.carry_out(effects, cx, out);
    }

    fn carry_out(&mut self, effects: Vec<Effect<C::Message>>, cx: &Context<'_>, out: &mut Outbox) {
        for effect in effects {
            let Some(core) = &self.core else { return };
            match effect {
                Effect::KeepVote => out.push(keep_vote(core)),
                Effect::KeepDraft(height) => {
                    if let Some(entry) = core.log().at(height) {
                        self.bodies.join(entry.at);
                    }
                    let draft = self.bodies.draft(height);
                    out.extend(draft.and_then(|draft| keep_draft(core, height, draft)));
                }
                Effect::Forget(first, last) => {
                    self.bodies
                        .forget(first, last)
                        .for_each(|height| out.push(forget_draft::<C>(height)));
                }
                Effect::Send(to, message) => self.send(to, message, out),
                Effect::Examine { from, term, drafts } => {
                    self.bodies.examine(from, term, drafts, out);
                }
                Effect::Begin => self.begin(cx, out),
                Effect::Commit(height) => self.commit(height, cx, out),
                Effect::Wait(wait) => self.wait(wait, cx.now, out),
                Effect::Rest => out.push(Action::StopTimer(HEARTBEAT)),
                Effect::Seek(height) => out.push(Action::Seek(height)),
                Effect::Remind(to, above) => self.remind(to, above, out),
                Effect::Read(number, height) => self.reads.ready(number, height),
                Effect::Round => {
                    let (round, leader) = (core.term(), core.leader());
                    out.push(Action::Report(Report::Round { round, leader }));
                    self.reads.ask_again(cx.now, out);
                }
                Effect::Dropped(from, reason) => out.push(Action::dropped(from, reason)),
            }
        }
        self.reads.answer(cx.tree.head().height(), out);
    }

    /// Sends a message with the bodies of its drafts; in parts, if they are larger than a stream carries at a time.
    fn send(&mut self, to: AuthorityId, message: C::Message, out: &mut Outbox) {
        let bodies = &self.bodies;
        let body = |draft: &Ref| bodies.find(draft.at);
        let Some(full) = message.clone().with(body) else { return };
        if let Some(message) = Wire::Said(full).encode() {
            return out.push(Action::Send { to, message });
        }
        if let Some((first, rest)) = message.halves() {
            self.send(to, first, out);
            self.send(to, rest, out);
        }
    }

    fn wait(&mut self, wait: Wait, now: Time, out: &mut Outbox) {
        let least = self.params().patience;
        let some = Span(self.dice.next_u64() % least.0.max(1));
        let (timer, span) = match wait {
            Wait::Lease | Wait::Quorum => (ELECTION, least),
            Wait::Chance => (ELECTION, some),
            Wait::Campaign => (ELECTION, Span(least.0.saturating_add(some.0))),
            Wait::Heartbeat => (HEARTBEAT, self.params().heartbeat),
        };
        out.push(Action::SetTimer { timer, at: now.after(span) });
    }

    /// Seals what is decided, and says so.
    fn commit(&mut self, height: Height, cx: &Context<'_>, out: &mut Outbox) {
        let (Some(core), Some(key)) = (&self.core, &self.key) else { return };
        let mut seals = Vec::new();
        // A leader that a change removes seals up to that, and whoever leads next what is above.
        let mine = |entry: &&Entry| {
            let voters = core.log().voters_on(entry.at.height);
            entry.at.height <= height && voters.is_some_and(|set| set.contains(&core.me()))
        };
        for entry in core.log().drafts().iter().take_while(mine) {
            let seal = self.rules.seal(&entry.at.id, core.term(), key);
            let Some((block, executed)) = self.bodies.seal(entry.at.height, seal.clone()) else {
                return;
            };
            seals.push((entry.at, seal));
            // A block that was sealed in the same breath before is in the tree when this one's turn comes.
            if cx.tree.get(&entry.at.id).is_none() {
                out.push(Action::Import { block, executed });
                out.push(Action::Announce(entry.at.id));
            }
        }
        seals.iter().for_each(|seal| self.bodies.remember(seal.clone()));
        tell_seals(core.log().others(core.me()), seals, out);
    }

    /// Somebody may have drafts whose seals it missed.
    fn remind(&self, to: AuthorityId, above: Height, out: &mut Outbox) {
        let seals: Vec<_> = self.bodies.seals_above(above).take(SEALS_MAX).cloned().collect();
        if !seals.is_empty() {
            tell_seals([to], seals, out);
        }
    }

    /// Somebody says what is decided: drafts that are here become blocks, if their seals prove it.
    fn told(&mut self, from: AuthorityId, seals: Vec<SealOf>, cx: &Context<'_>, out: &mut Outbox) {
        let Some(core) = &self.core else { return };
        if !core.log().knows(from) {
            return out.push(Action::dropped(from, DropReason::Stranger));
        }
        for (at, seal) in seals {
            let height = at.height;
            if height <= core.log().sealed().at.height || cx.tree.get(&at.id).is_some() {
                continue;
            }
            // What is still being looked at is here before the leader reminds us.
            if !core.log().has(&at) {
                break;
            }
            let below = core.log().at(height.back(1)).map(|entry| entry.at);
            let Some(parent) = below.and_then(|below| self.bodies.block(below, cx)) else { break };
            let Some(draft) = self.bodies.draft(height) else { break };
            match self.rules.verify(&draft.header, &seal, parent) {
                Ok(()) => {}
                Err(Verdict::Failed(error)) => return out.push(Action::Fail(error)),
                Err(_) => return out.push(Action::dropped(from, DropReason::Malformed)),
            }
            let Some((block, executed)) = self.bodies.seal(height, seal.clone()) else { break };
            self.bodies.remember((at, seal));
            out.push(Action::Adopt { block, executed });
        }
    }

    fn received(
        &mut self,
        from: AuthorityId,
        message: &consensus::Message,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) {
        if self.core.is_none() {
            return;
        }
        let named = match Wire::<Arrived<C>>::decode(message) {
            Some(Wire::Said(arrived)) => C::Message::named(arrived, &self.params().chain),
            Some(Wire::Sealed(seals)) => return self.told(from, seals.into_inner(), cx, out),
            None => None,
        };
        let Some((message, drafts)) = named else {
            return out.push(Action::dropped(from, DropReason::Malformed));
        };
        self.bodies.arrived(drafts);
        self.step(cx, out, |core, effects| core.receive(from, message, effects));
        self.bodies.nothing_arrived();
    }

    fn imported(&mut self, imported: &Imported, cx: &Context<'_>, out: &mut Outbox) {
        let Some(node) = cx.tree.get(&imported.id) else { return };
        match self.entry(node) {
            Ok((entry, by)) => {
                self.bodies.remember((entry.at, node.block.seal.clone()));
                self.step(cx, out, |core, effects| core.sealed(entry, by, effects));
            }
            Err(error) => out.push(Action::Fail(error)),
        }
    }
}

/// Tells others what is decided.
fn tell_seals(to: impl IntoIterator<Item = AuthorityId>, seals: Vec<SealOf>, out: &mut Outbox) {
    let sealed: Wire<()> = Wire::Sealed(Bounded::truncated(seals));
    if let Some(message) = sealed.encode() {
        out.extend(to.into_iter().map(|to| Action::Send { to, message: message.clone() }));
    }
}

impl<C: LogCore> Engine for LogEngine<C> {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        match event {
            Event::Start { saved } => match Kept::read(saved) {
                Ok(kept) => {
                    if let Err(error) = self.start(kept, cx, out) {
                        return out.push(Action::Fail(error));
                    }
                }
                Err(record) => out.push(Action::Report(Report::Unreadable { record })),
            },
            Event::Imported(imported) => self.imported(&imported, cx, out),
            Event::Received { from, message } => self.received(from, &message, cx, out),
            Event::Verified { order, sound } => self.verified(order, sound, cx, out),
            Event::Elapsed(timer) => match timer {
                ELECTION => self.step(cx, out, C::elapsed),
                HEARTBEAT => self.step(cx, out, C::beat),
                READING => self.read_again(cx, out),
                Timer::Draft | Timer::Held | Timer::Own(_) => {}
            },
            Event::Read { ticket } => self.read(ticket, cx, out),
            Event::Payout(payout) => self.producer = paid(self.key.as_ref(), payout),
            // The pool is looked at below, and nothing is searched for.
            Event::PoolFilled | Event::Found { .. } => {}
            Event::Signed { .. } | Event::Stake(_) => {}
        }
        self.consider(cx, out);
    }
}
