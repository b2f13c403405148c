//! PBFT itself (Castro and Liskov, *Practical Byzantine Fault Tolerance*, OSDI 1999): who gives drafts their place, who agreed,
//! what is decided, and what goes over from one view to the next.
//!
//! The core knows drafts by height and id, and no bodies, keys, clocks or disks. Something happens, it changes and appends
//! [`Effect`]s, which are to be carried out in order: what stands behind a [`Effect::Keep`] must not leave the process before
//! that is durable. Its own votes it counts at once, since whatever follows from them stands behind.
//!
//! Whoever calls it has checked every signature in a message, those inside certificates among them; that a certificate is
//! of a quorum, that its primary is in it, and what follows from it is looked at here. Time-outs are events.
//!
//! One height is decided at a time: the one above the sealed head. A message that comes too early waits (`early`), and one
//! that comes too late tells its sender what it missed.

mod early;
mod ordering;
mod reads;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use early::EARLY_MAX;

use self::early::Early;
use self::reads::Reads;
use super::message::{Ballot, Message, NewView, Prepared, Signer, ViewChange};
use crate::consensus::authorities::Authorities;
use crate::consensus::quorum::{byzantine, faults};
use crate::consensus::{AuthorityId, DropReason, Point};
use crate::types::{BlockId, Height};

/// A message between cores.
pub type Said<S = ()> = Message<Point, S>;

/// Doublings of the time that a view may take to begin: a cap, so that a long outage is not followed by a longer one.
pub const DOUBLINGS_MAX: u32 = 6;

/// A sealed head: where it stands, and who decides on what stands above it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Head {
    /// Where.
    pub at: Point,
    /// Who.
    pub voters: Arc<Authorities>,
}

/// What has to survive a crash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Kept<S = ()> {
    /// The view.
    pub view: u64,
    /// Whether it takes part in it, or asked for it.
    pub active: bool,
    /// What it agreed to above its sealed head, in which view: never to two drafts in one view.
    pub accepted: Option<Ballot>,
    /// What it knows that a quorum agreed to, in the highest view.
    pub prepared: Option<Prepared<S>>,
}

impl<S> Default for Kept<S> {
    /// Of whoever has said nothing yet. The first view begins by itself.
    fn default() -> Self {
        Self { view: 0, active: false, accepted: None, prepared: None }
    }
}

/// What to wait for, each on a clock of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wait {
    /// The time within which the primary has to be heard, or what was begun has to be decided.
    Patience,
    /// The time within which a view that a quorum wants has to begin; it doubles so often (4.5.2).
    Change {
        /// How often.
        doublings: u32,
    },
    /// A third of the patience: to say again where one stands.
    Beat,
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect<S = ()> {
    /// Make [`Core::kept`] durable, and the bodies of the drafts in it.
    Keep,
    /// Make the beginning of this view durable, in place of others: whoever missed it will ask.
    KeepNewView(NewView<S>),
    /// Send a message to one.
    Send(AuthorityId, Said<S>),
    /// Send a message to all other voters.
    Tell(Said<S>),
    /// Look at a draft that came from somebody: [`Core::examined`].
    Examine(AuthorityId, Point),
    /// Ask one of those who agreed to a draft for its body: it has to be proposed again.
    Fetch(Point, Vec<AuthorityId>),
    /// This one gives the next draft its place, once there is one: [`Core::propose`].
    Begin,
    /// A quorum committed to a draft that is here: seal it with their votes.
    Commit(Ballot, BTreeMap<AuthorityId, S>),
    /// Wake me.
    Wait(Wait),
    /// Do not wake me.
    Rest(Wait),
    /// There are sealed blocks up to here that this one lacks.
    Seek(Height),
    /// The view, or whether it has begun, is another one.
    Round,
    /// Whoever asked under this number sees enough from this height on: [`Core::read`].
    Read(u64, Height),
    /// Somebody agreed to two drafts in one step of one view.
    Conflict(AuthorityId, Step, [(Ballot, S); 2]),
    /// A message was dropped.
    Dropped(AuthorityId, DropReason),
}

/// What a vote says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// PRE-PREPARE or PREPARE: it agrees.
    Prepare,
    /// COMMIT: it knows that a quorum agreed.
    Commit,
}

/// Views in which commitments to the next draft are remembered.
const COMMITS_MAX: usize = 8;

/// Votes of one step, in one view, for the height that is being decided: the first of each voter.
type Votes<S> = BTreeMap<AuthorityId, (Ballot, S)>;

/// The state of the protocol at one authority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Core<K: Signer = AuthorityId> {
    me: K,
    sealed: Head,
    kept: Kept<K::Signature>,
    /// The beginning of the view, if this one saw it.
    begun: Option<NewView<K::Signature>>,
    /// What has to be proposed first in this view.
    due: Option<Point>,
    /// What the primary gave a place, whether or not it is accepted yet.
    offered: Option<Point>,
    /// Drafts above the sealed head that were looked at and are sound.
    sound: BTreeSet<BlockId>,
    /// Of this view.
    prepares: Votes<K::Signature>,
    /// Of the last views that this one took part in.
    commits: BTreeMap<u64, Votes<K::Signature>>,
    /// The last VIEW-CHANGE of each.
    changes: BTreeMap<AuthorityId, (ViewChange<K::Signature>, K::Signature)>,
    /// Whether a quorum wants this view, so that its clock runs.
    wanted: bool,
    /// Views in a row that came to nothing.
    vain: u32,
    early: Early<K::Signature>,
    /// Whether the next block is decided and only has to be imported.
    committed: bool,
    reads: Reads,
}

impl<K: Signer> Core<K> {
    /// As it is after a start, with what it kept, the beginning of its view among it, on a head that was sealed in the view
    /// `by`.
    pub fn new(
        me: K,
        sealed: Head,
        by: u64,
        (mut kept, begun): (Kept<K::Signature>, Option<NewView<K::Signature>>),
        out: &mut Vec<Effect<K::Signature>>,
    ) -> Self {
        let height = sealed.at.height.next();
        // Whatever was agreed to below is decided.
        kept.accepted = kept.accepted.filter(|it| it.at.height == height);
        kept.prepared = kept.prepared.filter(|it| it.ballot.at.height == height);
        // The first view begins by itself, and one in which a quorum sealed has begun.
        if kept.view <= by {
            (kept.view, kept.active) = (by, true);
        }
        let mut core = Self {
            me,
            sealed,
            kept,
            begun: begun.filter(|it| it.view > 0),
            due: None,
            offered: None,
            sound: BTreeSet::new(),
            prepares: Votes::new(),
            commits: BTreeMap::new(),
            changes: BTreeMap::new(),
            wanted: false,
            vain: 0,
            early: Early::default(),
            committed: false,
            reads: Reads::default(),
        };
        // What was accepted was looked at before, and is kept.
        let agreed = [core.kept.accepted, core.kept.prepared.as_ref().map(|it| it.ballot)];
        core.sound = agreed.into_iter().flatten().map(|ballot| ballot.at.id).collect();
        if let Some(begun) = core.begun.clone().filter(|it| it.view == core.kept.view) {
            core.due = core.chosen(&begun);
        }
        core.resume(out);
        core
    }

    /// Takes up again what a crash broke off: the same votes, which bind nobody to more.
    fn resume(&mut self, out: &mut Vec<Effect<K::Signature>>) {
        out.extend([Effect::Round, Effect::Wait(Wait::Beat), Effect::Wait(Wait::Patience)]);
        if !self.is_voter() {
            return;
        }
        if !self.kept.active {
            self.changes.insert(self.me(), self.own_change());
        } else if let Some(ballot) = self.kept.accepted.filter(|it| it.view == self.kept.view) {
            self.offered = Some(ballot.at);
            self.prepares.insert(self.me(), (ballot, self.me.prepare(&ballot)));
            if self.kept.prepared.as_ref().is_some_and(|it| it.ballot == ballot) {
                let vote = (ballot, self.me.commit(&ballot));
                self.commits.entry(ballot.view).or_default().insert(self.me.id(), vote);
            }
        } else {
            self.lead(out);
        }
        self.say_again(out);
    }

    /// Whose it is.
    pub fn me(&self) -> AuthorityId {
        self.me.id()
    }

    /// The view.
    pub fn view(&self) -> u64 {
        self.kept.view
    }

    /// Whether it takes part in its view, or waits for it to begin.
    pub fn is_active(&self) -> bool {
        self.kept.active
    }

    /// What has to survive.
    pub fn kept(&self) -> &Kept<K::Signature> {
        &self.kept
    }

    /// The sealed head.
    pub fn sealed(&self) -> &Head {
        &self.sealed
    }

    /// Whether it has a vote at the height that is being decided.
    pub fn is_voter(&self) -> bool {
        self.sealed.voters.contains(&self.me())
    }

    /// Whether somebody has.
    pub fn knows(&self, id: &AuthorityId) -> bool {
        self.sealed.voters.contains(id)
    }

    /// The primary of a view: p = v mod n (4).
    pub fn primary(&self, view: u64) -> Option<AuthorityId> {
        let voters = &self.sealed.voters;
        let place = view.checked_rem(voters.len() as u64)?; // a count fits 64 bits
        voters.iter().nth(usize::try_from(place).ok()?).copied()
    }

    /// Whether it is the primary of its view, and the view has begun.
    pub fn leads(&self) -> bool {
        self.kept.active && self.primary(self.kept.view) == Some(self.me())
    }

    /// Whether it may give a draft of its own choice the next place.
    pub fn may_propose(&self) -> bool {
        self.leads() && self.due.is_none() && self.offered.is_none()
    }

    /// What it has to propose in this view before anything else, because a quorum may have committed to it.
    pub fn due(&self) -> Option<Point> {
        self.due
    }

    /// Everybody else who votes.
    pub fn others(&self) -> impl Iterator<Item = AuthorityId> + '_ {
        self.sealed.voters.iter().copied().filter(move |id| *id != self.me())
    }

    /// How much is held of what others said: early messages, votes, and VIEW-CHANGEs.
    pub fn holds(&self) -> [usize; 3] {
        let votes = self.prepares.len() + self.commits.values().map(BTreeMap::len).sum::<usize>();
        [self.early.len(), votes, self.changes.len()]
    }

    fn quorum(&self) -> usize {
        byzantine(self.sealed.voters.len())
    }

    /// So many that one of them is honest.
    fn some_honest(&self) -> usize {
        faults(self.sealed.voters.len()) + 1
    }

    /// The height that is being decided.
    fn height(&self) -> Height {
        self.sealed.at.height.next()
    }

    /// A message came from somebody whose key proves who it is, with signatures that verify.
    pub fn receive(
        &mut self,
        from: AuthorityId,
        said: Said<K::Signature>,
        out: &mut Vec<Effect<K::Signature>>,
    ) {
        if from == self.me() || !(self.knows(&from) || matches!(said, Message::Beat { .. })) {
            return out.push(Effect::Dropped(from, DropReason::Stranger));
        }
        match said {
            Message::PrePrepare { view, draft, signature } => {
                self.pre_prepare(from, (Ballot { view, at: draft }, signature), out);
            }
            Message::Prepare(ballot, by) => self.prepare(from, (ballot, by), out),
            Message::Commit(ballot, by) => self.commit(from, (ballot, by), out),
            Message::ViewChange(change, by) => self.view_change(from, (change, by), out),
            Message::Ask { number } => self.asked(from, number, out),
            Message::Stand { number, height } => self.answered(from, number, height, out),
            Message::NewView(begun) => self.new_view(from, begun, out),
            Message::Beat { view, active, sealed } => self.beaten(from, view, active, sealed, out),
        }
    }

    /// The patience is over: nothing was heard of the primary, or what was begun was not decided. Also whenever somebody on
    /// this side has reason to take the primary for faulty.
    pub fn suspect(&mut self, out: &mut Vec<Effect<K::Signature>>) {
        if self.is_voter() {
            self.ask_for(self.kept.view.saturating_add(1), out);
        }
    }

    /// A clock of the core has run out.
    pub fn elapsed(&mut self, wait: Wait, out: &mut Vec<Effect<K::Signature>>) {
        match wait {
            // Who has nothing to propose is not faulty, and knows that it lives.
            Wait::Patience if self.leads() && self.offered.is_none() => {
                out.push(Effect::Wait(Wait::Patience));
            }
            Wait::Patience if self.kept.active => self.suspect(out),
            // A view that does not begin has its own clock.
            Wait::Patience => {}
            Wait::Change { .. } => {
                if !self.kept.active {
                    self.vain = self.vain.saturating_add(1);
                    self.suspect(out);
                }
            }
            Wait::Beat => {
                out.push(Effect::Wait(Wait::Beat));
                self.say_again(out);
            }
        }
    }

    /// Says again where it stands and what it wants: messages may be lost, and whoever has them does nothing.
    fn say_again(&self, out: &mut Vec<Effect<K::Signature>>) {
        let Kept { view, active, accepted, prepared } = &self.kept;
        let (view, active, sealed) = (*view, *active, self.sealed.at);
        if !self.is_voter() {
            return;
        }
        out.push(Effect::Tell(Message::Beat { view, active, sealed }));
        if !active {
            let (change, by) = self.own_change();
            return out.push(Effect::Tell(Message::ViewChange(change, by)));
        }
        let Some(ballot) = accepted.filter(|it| it.view == view) else { return };
        if self.leads() {
            // The body is heavy: only for those who have not agreed yet.
            for to in self.others().filter(|id| !self.prepares.contains_key(id)) {
                let signature = self.me.prepare(&ballot);
                let again = Message::PrePrepare { view, draft: ballot.at, signature };
                out.push(Effect::Send(to, again));
            }
        } else {
            out.push(Effect::Tell(Message::Prepare(ballot, self.me.prepare(&ballot))));
        }
        if prepared.as_ref().is_some_and(|it| it.ballot == ballot) {
            out.push(Effect::Tell(Message::Commit(ballot, self.me.commit(&ballot))));
        }
    }

    /// Whether a message is about what is decided or over, so that nothing in it has to be looked at.
    pub fn is_past(&self, said: &Said<K::Signature>) -> bool {
        let decided = |at: &Point| at.height <= self.sealed.at.height;
        match said {
            Message::PrePrepare { draft, .. } => decided(draft),
            Message::Prepare(ballot, _) | Message::Commit(ballot, _) => decided(&ballot.at),
            Message::NewView(begun) => !self.is_news(begun.view),
            _ => false,
        }
    }

    /// The body of a draft that was sound is gone.
    pub fn lost(&mut self, at: &Point) {
        self.sound.remove(&at.id);
    }

    /// Somebody says where it stands.
    fn beaten(
        &mut self,
        from: AuthorityId,
        view: u64,
        active: bool,
        sealed: Point,
        out: &mut Vec<Effect<K::Signature>>,
    ) {
        if sealed.height > self.sealed.at.height {
            out.push(Effect::Seek(sealed.height));
        } else if sealed.height < self.sealed.at.height {
            // It looks for what it lacks when it hears so.
            let Kept { view, active, .. } = self.kept;
            let sealed = self.sealed.at;
            out.push(Effect::Send(from, Message::Beat { view, active, sealed }));
        }
        if !self.knows(&from) {
            return;
        }
        if let Some(begun) = self.begun.as_ref().filter(|it| self.kept.active && view < it.view) {
            out.push(Effect::Send(from, Message::NewView(begun.clone())));
        }
        let lives = active && view == self.kept.view && self.primary(view) == Some(from);
        // An idle primary that lives is none to be replaced; what it began has to come to an end.
        if lives && self.kept.active && self.offered.is_none() {
            out.push(Effect::Wait(Wait::Patience));
        }
    }

    /// A block of the tree was sealed, by votes of the view `by`: what is decided next stands above it.
    pub fn sealed_at(&mut self, head: Head, by: u64, out: &mut Vec<Effect<K::Signature>>) {
        if head.at.height <= self.sealed.at.height {
            return;
        }
        let same = self.sealed.voters == head.voters;
        self.sealed = head;
        self.kept.accepted = None;
        self.kept.prepared = None;
        self.offered = None;
        self.due = None;
        self.committed = false;
        self.vain = 0;
        self.sound.clear();
        self.prepares.clear();
        self.commits.clear();
        // A quorum took part in that view, so it had begun, and nothing above was prepared before it.
        if by > self.kept.view || (by == self.kept.view && !self.kept.active) {
            self.enter(by, out);
        } else {
            // What was kept about this height means nothing above it, so it may stay where it is.
            if !same {
                // Others may follow each other as primaries now.
                out.push(Effect::Round);
            }
            out.push(Effect::Wait(Wait::Patience));
        }
        if !self.kept.active && self.is_voter() {
            self.changes.insert(self.me(), self.own_change());
        }
        self.lead(out);
        self.look_at_changes(out);
        self.look_at_reads(out);
        self.hear_early(out);
    }

    /// If it is its turn: proposes what has to be proposed, or says that it can.
    fn lead(&mut self, out: &mut Vec<Effect<K::Signature>>) {
        if !self.leads() || self.offered.is_some() {
            return;
        }
        match self.due {
            None => out.push(Effect::Begin),
            Some(at) if self.sound.contains(&at.id) => self.propose(at, out),
            Some(at) => {
                let by = self.begun.as_ref().and_then(|begun| Self::highest(begun, at.height));
                let by = by.map(|it| it.by.keys().copied().filter(|id| *id != self.me()).collect());
                out.push(Effect::Fetch(at, by.unwrap_or_default()));
            }
        }
    }

    /// What came too early may be timely now.
    fn hear_early(&mut self, out: &mut Vec<Effect<K::Signature>>) {
        for (from, said) in self.early.take() {
            self.receive(from, said, out);
        }
    }
}
