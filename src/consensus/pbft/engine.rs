//! The acting half of PBFT: around the core, everything that it does not know of.

mod bodies;
mod censors;
mod drafting;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::bodies::Bodies;
use self::censors::Watch;
use super::PbftRules;
use super::core::{Core, Effect, Head, Said, Wait};
use super::message::Ballot;
use super::records::{Lie, Saved, keep, keep_begun, keep_lie};
use super::wire::{Pen, Wire, is_signed};
use crate::chain::{Imported, Node};
use crate::consensus::agreed::paid;
use crate::consensus::reads::Reads;
use crate::consensus::{
    self, Action, AuthorityId, Context, DropReason, Engine, Event, Outbox, Point, Report, Seat,
    Timer,
};
use crate::ledger::{ExecuteError, ReadFailed};
use crate::types::{Address, Bounded, Draft, Keypair, Seal, Span, Time, Vote};

/// The time within which the primary has to be heard.
const PATIENCE: Timer = Timer::Own(0);

/// The time within which a view has to begin.
const CHANGE: Timer = Timer::Own(1);

/// To say again where one stands.
const BEAT: Timer = Timer::Own(2);

/// Reads that nobody has answered.
const READING: Timer = Timer::Own(3);

/// A body that nobody has sent.
const LACKING: Timer = Timer::Own(4);

/// A transaction that the primary passes over.
const CENSORED: Timer = Timer::Own(5);

/// PBFT as an authority runs it; without a key it keeps silent.
pub struct PbftEngine {
    rules: Arc<PbftRules>,
    key: Option<Keypair>,
    /// Whom drafts pay.
    producer: Address,
    /// From the start on, if there is a key.
    core: Option<Core<Pen>>,
    bodies: Bodies,
    reads: Reads,
    watch: Watch,
    /// Who was seen to lie: one proof of each.
    lies: BTreeMap<AuthorityId, Lie>,
    /// When this one last made a draft.
    drafted: Time,
}

impl PbftEngine {
    /// The engine of a seat.
    pub fn new(rules: Arc<PbftRules>, seat: &Seat) -> Self {
        let every = Span(rules.params().view_timeout.0 / 2);
        Self {
            rules,
            key: seat.key.clone(),
            producer: paid(seat.key.as_ref(), seat.payout),
            core: None,
            bodies: Bodies::default(),
            reads: Reads::new(seat.seed, READING, every),
            watch: Watch::default(),
            lies: BTreeMap::new(),
            drafted: Time(0),
        }
    }

    /// The protocol's state, once it has started.
    pub fn core(&self) -> Option<&Core<Pen>> {
        self.core.as_ref()
    }

    /// Whom this one saw say two things, and the proofs.
    pub fn lies(&self) -> &BTreeMap<AuthorityId, Lie> {
        &self.lies
    }

    /// A block of the tree as what is decided next stands on, and the view in which it was sealed.
    fn head(&self, node: &Node) -> Result<(Head, u64), ReadFailed> {
        let at = Point { height: node.block.header.height, id: node.id };
        let by = match node.block.seal {
            Seal::Quorum { round, .. } => round,
            // Whatever the chain stands on is before the first view.
            _ => 0,
        };
        Ok((Head::new(at, self.rules.voters(&node.state)?), by))
    }

    /// Takes up what was kept. What cannot be read cannot be judged, so nothing is forgotten for that.
    fn start(
        &mut self,
        saved: Saved,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), ReadFailed> {
        let Some(key) = self.key.clone() else { return Ok(()) };
        let (head, by) = self.head(cx.tree.head())?;
        let pen = Pen { key, rules: self.rules.clone() };
        let Saved { kept, begun, drafts, lies } = saved;
        let mut effects = Vec::new();
        self.core = Some(Core::new(pen, head, by, (kept, begun), &mut effects));
        self.lies = lies;
        self.watch.begin(cx.now);
        let chain = self.rules.params().chain;
        for (id, draft) in drafts {
            self.bodies.was_kept(id);
            let ids: Vec<_> = draft.body.transactions.iter().map(|it| it.id(&chain)).collect();
            let at = Point { height: draft.header.height, id };
            // Its signatures were verified before it was kept.
            match self.judge(&draft, at, &ids, cx) {
                Ok(executed) => self.hold(at, Arc::new(draft), executed),
                Err(ExecuteError::Failed(error)) => return Err(error),
                // It stood on a block that is not the head any more.
                Err(_) => {}
            }
        }
        let Some(core) = &mut self.core else { return Ok(()) };
        let agreed: Vec<Point> = bodies::agreed(core.kept()).collect();
        for at in agreed.iter().filter(|at| self.bodies.get(&at.id).is_none()) {
            core.lost(at);
        }
        self.carry_out(effects, cx, out);
        for (by, lie) in &self.lies {
            out.push(told(*by, lie));
        }
        Ok(())
    }

    /// Lets the core change, and carries out what it wants.
    fn step(
        &mut self,
        cx: &Context<'_>,
        out: &mut Outbox,
        change: impl FnOnce(&mut Core<Pen>, &mut Vec<Effect<Vote>>),
    ) {
        let mut effects = Vec::new();
        let Some(core) = &mut self.core else { return };
        change(core, &mut effects);
        self.carry_out(effects, cx, out);
    }

    fn carry_out(&mut self, effects: Vec<Effect<Vote>>, cx: &Context<'_>, out: &mut Outbox) {
        for effect in effects {
            let Some(core) = &self.core else { return };
            match effect {
                Effect::Keep => {
                    self.bodies.keep(core.kept(), out);
                    out.push(keep(core.kept()));
                }
                Effect::KeepNewView(begun) => out.push(keep_begun(&begun)),
                Effect::Send(to, said) => self.send([to], said, out),
                Effect::Tell(said) => self.send(core.others(), said, out),
                Effect::Examine(from, at) => self.bodies.examine(from, at, out),
                Effect::Fetch(at, holders) => {
                    self.bodies.lack(at, holders);
                    self.fetch(cx.now, out);
                }
                // Whether it is time for a draft is looked at after every event.
                Effect::Begin => {}
                Effect::Commit(ballot, votes) => self.commit(ballot, votes, out),
                Effect::Wait(wait) => self.wait(wait, cx.now, out),
                Effect::Rest(wait) => out.push(Action::StopTimer(timer(wait))),
                Effect::Seek(height) => out.push(Action::Seek(height)),
                Effect::Read(number, height) => self.reads.ready(number, height),
                Effect::Round => {
                    let round = core.view();
                    let leader = core.primary(round).filter(|_| core.is_active());
                    self.bodies.lack_nothing();
                    self.watch.begin(cx.now);
                    out.push(Action::StopTimer(CENSORED));
                    out.push(Action::Report(Report::Round { round, leader }));
                }
                Effect::Conflict(by, step, votes) => self.lied(by, Lie::new(step, votes), out),
                Effect::Dropped(from, reason) => out.push(Action::dropped(from, reason)),
            }
        }
        self.reads.answer(cx.tree.head().height(), out);
    }

    /// Sends a message with the body of its draft.
    fn send(&self, to: impl IntoIterator<Item = AuthorityId>, said: Said<Vote>, out: &mut Outbox) {
        let body = |at: &Point| self.bodies.get(&at.id).map(|held| &*held.draft);
        let message = said.with(body).and_then(|full| Wire::Said(full).encode());
        let Some(message) = message else { return };
        out.extend(to.into_iter().map(|to| Action::Send { to, message: message.clone() }));
    }

    fn wait(&self, wait: Wait, now: Time, out: &mut Outbox) {
        let patience = self.rules.params().view_timeout;
        let span = match wait {
            Wait::Patience => patience,
            Wait::Change { doublings } => Span(patience.0.saturating_mul(1 << doublings.min(63))),
            Wait::Beat => Span(patience.0 / 3),
        };
        out.push(Action::SetTimer { timer: timer(wait), at: now.after(span) });
    }

    /// Asks for the body that is lacking, and later somebody else.
    fn fetch(&mut self, now: Time, out: &mut Outbox) {
        let Some((to, at)) = self.bodies.ask() else { return };
        if let Some(message) = Wire::<Draft>::Lacking(at).encode() {
            out.push(Action::Send { to, message });
        }
        let every = Span((self.rules.params().view_timeout.0 / 4).max(1));
        out.push(Action::SetTimer { timer: LACKING, at: now.after(every) });
    }

    /// Seals what is decided with the votes that decided it. Its primary tells everybody.
    fn commit(&self, ballot: Ballot, votes: BTreeMap<AuthorityId, Vote>, out: &mut Outbox) {
        let Some(core) = &self.core else { return };
        let mut votes: Vec<Vote> = votes.into_values().collect();
        votes.sort_by_key(|vote| vote.key);
        let seal = Seal::Quorum { round: ballot.view, votes: Bounded::truncated(votes) };
        let Some((block, executed)) = self.bodies.seal(&ballot.at.id, seal) else { return };
        if core.primary(ballot.view) == Some(core.me()) {
            out.push(Action::Import { block, executed });
            out.push(Action::Announce(ballot.at.id));
        } else {
            out.push(Action::Adopt { block, executed });
        }
    }

    /// Somebody said two things: the first proof of it is kept.
    fn lied(&mut self, by: AuthorityId, lie: Lie, out: &mut Outbox) {
        if self.lies.contains_key(&by) {
            return;
        }
        out.push(keep_lie(&by, &lie));
        out.push(told(by, &lie));
        self.lies.insert(by, lie);
    }

    fn received(
        &mut self,
        from: AuthorityId,
        message: &consensus::Message,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) {
        let Some(core) = &self.core else { return };
        let chain = self.rules.params().chain;
        let (said, brought) = match Wire::decode(message) {
            Some(Wire::Said(said)) => said.named(&chain),
            Some(Wire::Lacking(at)) => return self.give(from, at, out),
            Some(Wire::Body(draft)) => return self.take(from, draft, out),
            None => return out.push(Action::dropped(from, DropReason::Malformed)),
        };
        if core.is_past(&said) {
            return;
        }
        if !is_signed(&self.rules, from, &said, core.sealed().voters.len()) {
            return out.push(Action::dropped(from, DropReason::Malformed));
        }
        brought.into_iter().for_each(|brought| self.bodies.arrived(brought));
        self.step(cx, out, |core, effects| core.receive(from, said, effects));
    }

    /// Somebody lacks a body.
    fn give(&self, from: AuthorityId, at: Point, out: &mut Outbox) {
        let known = self.core.as_ref().is_some_and(|core| core.knows(&from));
        let Some(held) = self.bodies.get(&at.id).filter(|_| known) else { return };
        if let Some(message) = Wire::Body(&*held.draft).encode() {
            out.push(Action::Send { to: from, message });
        }
    }

    /// Somebody sent a body.
    fn take(&mut self, from: AuthorityId, draft: Draft, out: &mut Outbox) {
        let at = Point::of(&draft.header, &self.rules.params().chain);
        self.bodies.brought(from, at, draft, out);
    }

    fn imported(&mut self, imported: &Imported, cx: &Context<'_>, out: &mut Outbox) {
        let Some(node) = cx.tree.get(&imported.id) else { return };
        match self.head(node) {
            Ok((head, by)) => {
                self.watch(node, cx, out);
                self.bodies.clear(out);
                self.step(cx, out, |core, effects| core.sealed_at(head, by, effects));
            }
            Err(error) => out.push(Action::Fail(error)),
        }
    }

    /// Somebody here wants to read.
    fn read(&mut self, ticket: u64, cx: &Context<'_>, out: &mut Outbox) {
        let Some(number) = self.reads.begin(ticket, self.core.is_some(), cx.now, out) else {
            return;
        };
        self.step(cx, out, |core, effects| core.read(number, effects));
        self.reads.look_again(cx.now, out);
    }

    /// Asks again for those that nobody answered, and gives up on those that waited too long.
    fn read_again(&mut self, cx: &Context<'_>, out: &mut Outbox) {
        let why = "no quorum of the authorities said what has to be seen";
        for number in self.reads.again(why, cx.now, out) {
            self.step(cx, out, |core, effects| core.read(number, effects));
        }
        self.reads.look_again(cx.now, out);
    }

    fn elapsed(&mut self, timer: Timer, cx: &Context<'_>, out: &mut Outbox) {
        let wait = match timer {
            PATIENCE => Wait::Patience,
            CHANGE => Wait::Change { doublings: 0 },
            BEAT => Wait::Beat,
            READING => return self.read_again(cx, out),
            LACKING => return self.fetch(cx.now, out),
            CENSORED => return self.lost_patience(cx, out),
            Timer::Draft | Timer::Held | Timer::Own(_) => return,
        };
        self.step(cx, out, |core, effects| core.elapsed(wait, effects));
    }
}

/// The clock of a wait.
fn timer(wait: Wait) -> Timer {
    match wait {
        Wait::Patience => PATIENCE,
        Wait::Change { .. } => CHANGE,
        Wait::Beat => BEAT,
    }
}

/// Tells of a lie.
fn told(by: AuthorityId, lie: &Lie) -> Action {
    let Ballot { view: round, at } = lie.votes[0].0;
    Action::Report(Report::Lied { by, round, height: at.height })
}

impl Engine for PbftEngine {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        match event {
            Event::Start { saved } => {
                let chain = self.rules.params().chain;
                match Saved::read(saved, |draft| draft.id(&chain)) {
                    Ok(saved) => {
                        if let Err(error) = self.start(saved, cx, out) {
                            return out.push(Action::Fail(error));
                        }
                    }
                    Err(record) => out.push(Action::Report(Report::Unreadable { record })),
                }
            }
            Event::Imported(imported) => self.imported(&imported, cx, out),
            Event::Received { from, message } => self.received(from, &message, cx, out),
            Event::Verified { order, sound } => self.verified(order, sound, cx, out),
            Event::Elapsed(timer) => self.elapsed(timer, cx, out),
            Event::Read { ticket } => self.read(ticket, cx, out),
            Event::Payout(payout) => self.producer = paid(self.key.as_ref(), payout),
            // The pool is looked at below, and nothing is searched for.
            Event::PoolFilled | Event::Found { .. } => {}
            Event::Signed { .. } | Event::Stake(_) => {}
        }
        self.consider(cx, out);
    }
}
