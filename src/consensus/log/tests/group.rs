//! A few cores of a protocol that talk to each other, without bodies, keys, clocks and disks. What is said lies in flight until
//! somebody delivers it; what has to be durable is kept at once, or waits for a slow disk, and everything that stands behind
//! it with it. A group is a value, so that a model checker can explore it.
//!
//! A protocol joins as a [`Protocol`], in the folder of its tests: what it sends drafts with, and what must hold always. The
//! transcripts in `tests/transcripts` play on groups too and bring the names of this crate along, as `super` does here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::hash::Hash as Hashed;
use std::sync::Arc;

use super::*;

/// What a group has to know of a protocol besides what its shell knows.
pub trait Protocol:
    LogCore<
        Message: Debug + Eq + Hashed,
        Kept: Clone + Debug + Eq + Hashed,
        Mark: Clone + Debug + Eq + Hashed,
    > + Clone
    + Debug
    + Eq
    + Hashed
{
    /// What is remembered of a run, to judge by.
    type Seen: Clone + Debug + Default + Eq + Hashed;

    /// The drafts that a message carries.
    fn drafts(message: &Self::Message) -> &[Ref];

    /// It has changed.
    fn changed(&self, seen: &mut Self::Seen);

    /// Somebody says this, whether it arrives or not.
    fn said(message: &Self::Message, seen: &mut Self::Seen);

    /// What must hold always; says what does not.
    fn check(group: &Group<Self>) -> Result<(), String>;
}

/// A sealed block, and who sealed it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Block {
    pub entry: Entry,
    pub by: Sealer,
}

/// What a message carries of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Body {
    pub parent: Point,
    pub entry: Entry,
}

/// What travels; `M` is a message of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Parcel<M> {
    Said { message: M, bodies: Vec<Body> },
    Sealed(Vec<Block>),
}

/// Something in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Letter<M> {
    pub from: AuthorityId,
    pub to: AuthorityId,
    pub parcel: Parcel<M>,
}

/// What an engine would have its host do, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Task<C: Protocol> {
    Vote(C::Kept),
    Draft(Body, C::Mark),
    Forget(Height, Height),
    Send(Letter<C::Message>),
    Import(Block),
    Tell(Note<C>),
}

/// What somebody who watches sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Note<C: Protocol> {
    Sent(Letter<C::Message>),
    Lost(Letter<C::Message>),
    KeptVote(AuthorityId, C::Kept),
    KeptDraft(AuthorityId, Entry, C::Mark),
    Sealed(AuthorityId, Block),
    Seeks(AuthorityId, Height),
    Read(AuthorityId, u64, Height),
    Dropped(AuthorityId, AuthorityId, DropReason),
}

/// An authority: its core while it is up, and what survives a crash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node<C: Protocol> {
    pub core: Option<C>,
    pub kept: C::Kept,
    pub drafts: BTreeMap<Height, (Body, C::Mark)>,
    /// Sealed blocks by height, the first one of the chain among them.
    pub chain: Vec<Block>,
    pub slow: bool,
    pub tasks: VecDeque<Task<C>>,
}

/// All of them, and what is in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group<C: Protocol> {
    pub nodes: BTreeMap<AuthorityId, Node<C>>,
    pub flight: Vec<Letter<C::Message>>,
    /// Who hears whom; everybody everybody, if there are no parts.
    pub parts: Vec<BTreeSet<AuthorityId>>,
    pub seen: C::Seen,
    pub notes: Vec<Note<C>>,
    /// A planted bug of the records, for which the group stands in here: no draft is ever kept.
    pub drafts_unkept: bool,
}

/// The entry above another one: its name follows from what it is. `made` is the round, and what tells it from others that
/// are made in the same one.
pub fn above(parent: &Entry, made: (u64, u64), voters: Arc<Authorities>) -> Body {
    let height = parent.at.height.next();
    let id = BlockId(Hash(sha256d(&encode(&(parent.at, made, &*voters)))));
    Body { parent: parent.at, entry: Entry { at: Point { height, id }, term: made.0, voters } }
}

/// What every chain begins with.
pub fn first(voters: Authorities) -> Entry {
    let at = Point { height: Height(0), id: BlockId::default() };
    Entry { at, term: 0, voters: Arc::new(voters) }
}

impl<C: Protocol> Node<C> {
    fn new(first: Entry) -> Self {
        Self {
            core: None,
            kept: C::Kept::default(),
            drafts: BTreeMap::new(),
            chain: vec![Block { entry: first, by: Sealer::default() }],
            slow: false,
            tasks: VecDeque::new(),
        }
    }

    /// Everything in its log, sealed or not, from the first block on; of one that is down, what it will come back with.
    pub fn log(&self) -> Vec<&Entry> {
        let sealed = self.chain.iter().map(|block| &block.entry);
        match &self.core {
            Some(core) => sealed.chain(core.log().drafts()).collect(),
            None => sealed.chain(self.drafts.values().map(|(body, _)| &body.entry)).collect(),
        }
    }
}

impl<C: Protocol> Default for Group<C> {
    fn default() -> Self {
        Self {
            nodes: BTreeMap::new(),
            flight: Vec::new(),
            parts: Vec::new(),
            seen: C::Seen::default(),
            notes: Vec::new(),
            drafts_unkept: false,
        }
    }
}

impl<C: Protocol> Group<C> {
    /// `ids` run, `voters` of them vote.
    pub fn new(ids: &[AuthorityId], voters: Authorities) -> Self {
        let first = first(voters);
        let mut group = Self::default();
        for id in ids {
            group.nodes.insert(*id, Node::new(first.clone()));
            group.restart(*id);
        }
        group
    }

    pub fn core(&self, id: AuthorityId) -> Option<&C> {
        self.nodes.get(&id)?.core.as_ref()
    }

    /// Lets a core change and does what it wants. Nothing happens where it is down.
    pub fn step(
        &mut self,
        id: AuthorityId,
        change: impl FnOnce(&mut C, &mut Vec<Effect<C::Message>>),
    ) {
        self.plan(id, change);
        self.work(id, usize::MAX);
    }

    fn plan(&mut self, id: AuthorityId, change: impl FnOnce(&mut C, &mut Vec<Effect<C::Message>>)) {
        let mut effects = Vec::new();
        let Some(core) = self.nodes.get_mut(&id).and_then(|node| node.core.as_mut()) else {
            return;
        };
        change(core, &mut effects);
        core.changed(&mut self.seen);
        for effect in effects {
            self.carry_out(id, effect);
        }
    }

    fn carry_out(&mut self, id: AuthorityId, effect: Effect<C::Message>) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(core) = &node.core else { return };
        let log = core.log();
        let body = |height: Height| {
            let (entry, parent) = (log.at(height)?.clone(), log.at(height.back(1))?.at);
            Some(Body { parent, entry })
        };
        match effect {
            Effect::KeepVote => node.tasks.push_back(Task::Vote(core.kept())),
            Effect::KeepDraft(_) if self.drafts_unkept => {}
            Effect::KeepDraft(height) => {
                let kept = body(height).zip(core.mark(height));
                node.tasks.extend(kept.map(|(body, mark)| Task::Draft(body, mark)));
            }
            Effect::Forget(first, last) => node.tasks.push_back(Task::Forget(first, last)),
            Effect::Send(to, message) => {
                let drafts = C::drafts(&message).iter();
                let bodies = drafts.filter_map(|draft| body(draft.at.height)).collect();
                let parcel = Parcel::Said { message, bodies };
                node.tasks.push_back(Task::Send(Letter { from: id, to, parcel }));
            }
            // Drafts are examined where their bodies are: on delivery.
            Effect::Examine { .. } => {}
            Effect::Begin => {
                let (parent, term) = (log.last().clone(), core.term());
                let entry = above(&parent, (term, 0), parent.voters.clone()).entry;
                self.plan(id, |core, out| core.propose(entry, out));
            }
            Effect::Commit(height) => {
                let decided = log.drafts().iter().take_while(|entry| entry.at.height <= height);
                let by = Sealer { round: core.term(), leader: id };
                let blocks: Vec<Block> =
                    decided.map(|entry| Block { entry: entry.clone(), by }).collect();
                node.tasks.extend(blocks.iter().cloned().map(Task::Import));
                for to in log.others(id) {
                    let parcel = Parcel::Sealed(blocks.clone());
                    node.tasks.push_back(Task::Send(Letter { from: id, to, parcel }));
                }
            }
            Effect::Remind(to, height) => {
                let blocks = node.chain.iter().filter(|it| it.entry.at.height > height);
                let parcel = Parcel::Sealed(blocks.cloned().collect());
                node.tasks.push_back(Task::Send(Letter { from: id, to, parcel }));
            }
            Effect::Seek(height) => node.tasks.push_back(Task::Tell(Note::Seeks(id, height))),
            Effect::Read(number, height) => {
                node.tasks.push_back(Task::Tell(Note::Read(id, number, height)));
            }
            Effect::Dropped(from, reason) => {
                node.tasks.push_back(Task::Tell(Note::Dropped(id, from, reason)));
            }
            // Whoever plays decides how long a wait is.
            Effect::Wait(_) | Effect::Rest | Effect::Round => {}
        }
    }

    /// Does what there is to do, up to what a slow disk has not written; `writes` things it writes now.
    fn work(&mut self, id: AuthorityId, mut writes: usize) {
        while let Some(node) = self.nodes.get_mut(&id) {
            let Some(task) = node.tasks.front().cloned() else { return };
            if matches!(task, Task::Vote(_) | Task::Draft(..)) && node.slow {
                let Some(left) = writes.checked_sub(1).filter(|_| writes != usize::MAX) else {
                    return;
                };
                writes = left;
            }
            node.tasks.pop_front();
            match task {
                Task::Vote(kept) => {
                    node.kept = kept.clone();
                    self.notes.push(Note::KeptVote(id, kept));
                }
                Task::Draft(body, mark) => {
                    self.notes.push(Note::KeptDraft(id, body.entry.clone(), mark.clone()));
                    node.drafts.insert(body.entry.at.height, (body, mark));
                }
                Task::Forget(first, last) => {
                    node.drafts.retain(|height, _| *height < first || *height > last);
                }
                Task::Send(letter) => self.post(letter),
                Task::Import(block) => self.import(id, block),
                Task::Tell(note) => self.notes.push(note),
            }
        }
    }

    /// A slow disk writes so many things more.
    pub fn flush(&mut self, id: AuthorityId, writes: usize) {
        self.work(id, writes.min(usize::MAX - 1));
    }

    /// Whether one hears another.
    pub fn connected(&self, from: AuthorityId, to: AuthorityId) -> bool {
        let joined = |part: &BTreeSet<AuthorityId>| part.contains(&from) && part.contains(&to);
        self.core(to).is_some() && (self.parts.is_empty() || self.parts.iter().any(joined))
    }

    fn post(&mut self, letter: Letter<C::Message>) {
        if let Parcel::Said { message, .. } = &letter.parcel {
            C::said(message, &mut self.seen);
        }
        if self.connected(letter.from, letter.to) {
            self.notes.push(Note::Sent(letter.clone()));
            self.flight.push(letter);
        } else {
            self.notes.push(Note::Lost(letter));
        }
    }

    fn import(&mut self, id: AuthorityId, block: Block) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if usize::try_from(block.entry.at.height.0) != Ok(node.chain.len()) {
            return;
        }
        node.chain.push(block.clone());
        self.notes.push(Note::Sealed(id, block.clone()));
        self.plan(id, |core, out| core.sealed(block.entry, block.by, out));
    }

    /// Takes a message out of the air and hands it over.
    pub fn deliver(&mut self, place: usize) {
        let letter = self.flight.remove(place);
        self.hand_over(letter);
    }

    /// Hands a message over.
    pub fn hand_over(&mut self, letter: Letter<C::Message>) {
        let Letter { from, to, parcel } = letter;
        match parcel {
            Parcel::Said { message, bodies } => {
                let mut examine = Vec::new();
                self.plan(to, |core, out| {
                    core.receive(from, message, out);
                    for effect in out.iter() {
                        if let Effect::Examine { term, drafts, .. } = effect {
                            examine.extend(drafts.iter().map(|draft| (*term, draft.at)));
                        }
                    }
                });
                for (term, at) in examine {
                    let Some(body) = bodies.iter().find(|body| body.entry.at == at) else {
                        continue;
                    };
                    let Body { parent, entry } = body.clone();
                    self.plan(to, |core, out| {
                        core.examined(from, term, parent, entry, out);
                    });
                }
            }
            Parcel::Sealed(blocks) => {
                let Some(node) = self.nodes.get_mut(&to) else { return };
                let Some(core) = node.core.as_ref() else { return };
                let sealed = core.log().sealed().at.height;
                let news = blocks.into_iter().filter(|block| block.entry.at.height > sealed);
                let known = news.take_while(|block| core.log().has(&block.entry.at));
                node.tasks.extend(known.map(Task::Import).collect::<Vec<Task<C>>>());
            }
        }
        self.work(to, usize::MAX);
    }

    /// Delivers whatever is in flight, oldest first, and what comes of it.
    pub fn deliver_all(&mut self) {
        let mut left = 100_000;
        while !self.flight.is_empty() && left > 0 {
            self.deliver(0);
            left -= 1;
        }
        assert!(left > 0, "this talk has no end");
    }

    /// A crash forgets what was not kept, and what is on the way to it is lost.
    pub fn crash(&mut self, id: AuthorityId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.core = None;
        node.tasks.clear();
        self.flight.retain(|letter| letter.to != id);
    }

    /// A crash and a start at once: what is on the way arrives.
    pub fn blink(&mut self, id: AuthorityId) {
        let flight = self.flight.clone();
        self.crash(id);
        self.flight = flight;
        self.restart(id);
    }

    /// A start with what was kept.
    pub fn restart(&mut self, id: AuthorityId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(Block { entry, by }) = node.chain.last().cloned() else { return };
        let (mut log, mut marks) = (Log::new(entry), Vec::new());
        for (body, mark) in node.drafts.values() {
            if body.parent == log.last().at {
                log.push(body.entry.clone());
                marks.push(mark.clone());
            }
        }
        node.drafts.retain(|_, (body, _)| log.has(&body.entry.at));
        let (core, _) = C::start(id, node.kept.clone(), log, marks);
        node.core = Some(core);
        self.step(id, |core, out| core.heard_of(by, out));
    }

    /// A leader puts a draft on its log, which may change who votes above it; says whether it may.
    pub fn propose(&mut self, id: AuthorityId, voters: Option<Authorities>) -> bool {
        self.propose_value(id, 0, voters)
    }

    /// A leader puts a draft on its log that is another one for each number.
    pub fn propose_value(
        &mut self,
        id: AuthorityId,
        number: u64,
        voters: Option<Authorities>,
    ) -> bool {
        let Some(core) = self.core(id).filter(|core| core.may_draft()) else { return false };
        let (parent, term) = (core.log().last().clone(), core.term());
        let voters = voters.map_or_else(|| parent.voters.clone(), Arc::new);
        let entry = above(&parent, (term, number), voters).entry;
        self.step(id, |core, out| core.propose(entry, out));
        true
    }

    /// Ordinary block sync: one fetches what another has sealed.
    pub fn fetch(&mut self, from: AuthorityId, to: AuthorityId) {
        let Some(source) = self.nodes.get(&from) else { return };
        for block in source.chain.clone() {
            self.import(to, block);
        }
        self.work(to, usize::MAX);
    }

    /// What must hold always; says what does not.
    pub fn check(&self) -> Result<(), String> {
        C::check(self)
    }

    /// Nobody seals another block where somebody sealed one.
    pub fn chains(&self) -> Result<(), String> {
        let chains: Vec<&Vec<Block>> = self.nodes.values().map(|node| &node.chain).collect();
        for (one, other) in pairs(&chains) {
            let differ = one.iter().zip(other.iter()).find(|(a, b)| a.entry.at != b.entry.at);
            if let Some((block, _)) = differ {
                return Err(format!("two blocks are sealed at {}", block.entry.at.height));
            }
        }
        Ok(())
    }
}

/// All pairs of them.
pub fn pairs<T>(items: &[T]) -> impl Iterator<Item = (&T, &T)> {
    let later = |place: usize| items.get(place + 1..).unwrap_or_default();
    items
        .iter()
        .enumerate()
        .flat_map(move |(place, one)| later(place).iter().map(move |it| (one, it)))
}
