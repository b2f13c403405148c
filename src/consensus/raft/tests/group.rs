//! A few cores that talk to each other, without bodies, keys, clocks and disks. What is said lies in flight until somebody
//! delivers it; what has to be durable is kept at once, or waits for a slow disk, and everything that stands behind it
//! with it. A group is a value, so that a model checker can explore it.
//!
//! The transcripts in `tests/transcripts` play on it too and bring the names of this crate along, as `super` does here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::*;

/// A sealed block, and the term of its seal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Block {
    pub entry: Entry,
    pub by: u64,
}

/// What a message carries of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Body {
    pub parent: Point,
    pub entry: Entry,
}

/// What travels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Parcel {
    Raft { message: Message<Ref>, bodies: Vec<Body> },
    Sealed(Vec<Block>),
}

/// Something in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Letter {
    pub from: AuthorityId,
    pub to: AuthorityId,
    pub parcel: Parcel,
}

/// What an engine would have its host do, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Task {
    Vote(u64, Option<AuthorityId>),
    Draft(Body),
    Forget(Height, Height),
    Send(Letter),
    Import(Block),
    Tell(Note),
}

/// What somebody who watches sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Note {
    Sent(Letter),
    Lost(Letter),
    KeptVote(AuthorityId, u64, Option<AuthorityId>),
    KeptDraft(AuthorityId, Entry),
    Sealed(AuthorityId, Block),
    Seeks(AuthorityId, Height),
    Read(AuthorityId, u64, Height),
    Dropped(AuthorityId, AuthorityId, DropReason),
}

/// An authority: its core while it is up, and what survives a crash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    pub core: Option<Core>,
    pub vote: (u64, Option<AuthorityId>),
    pub drafts: BTreeMap<Height, Body>,
    /// Sealed blocks by height, the first one of the chain among them.
    pub chain: Vec<Block>,
    pub slow: bool,
    pub tasks: VecDeque<Task>,
}

/// All of them, and what is in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Group {
    pub nodes: BTreeMap<AuthorityId, Node>,
    pub flight: Vec<Letter>,
    /// Who hears whom; everybody everybody, if there are no parts.
    pub parts: Vec<BTreeSet<AuthorityId>>,
    /// Who led in a term.
    pub led: BTreeMap<u64, AuthorityId>,
    pub notes: Vec<Note>,
    broken: Option<String>,
}

/// The entry above another one: its name follows from what it is.
pub fn above(parent: &Entry, term: u64, voters: Arc<Authorities>) -> Body {
    let height = parent.at.height.next();
    let id = BlockId(Hash(sha256d(&encode(&(parent.at, term, &*voters)))));
    Body { parent: parent.at, entry: Entry { at: Point { height, id }, term, voters } }
}

/// What every chain begins with.
pub fn first(voters: Authorities) -> Entry {
    let at = Point { height: Height(0), id: BlockId::default() };
    Entry { at, term: 0, voters: Arc::new(voters) }
}

impl Node {
    fn new(first: Entry) -> Self {
        Self {
            core: None,
            vote: (0, None),
            drafts: BTreeMap::new(),
            chain: vec![Block { entry: first, by: 0 }],
            slow: false,
            tasks: VecDeque::new(),
        }
    }

    /// Everything in its log, sealed or not, from the first block on; of one that is down, what it will come back with.
    pub fn log(&self) -> Vec<&Entry> {
        let sealed = self.chain.iter().map(|block| &block.entry);
        match &self.core {
            Some(core) => sealed.chain(core.log().drafts()).collect(),
            None => sealed.chain(self.drafts.values().map(|body| &body.entry)).collect(),
        }
    }
}

impl Group {
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

    pub fn core(&self, id: AuthorityId) -> Option<&Core> {
        self.nodes.get(&id)?.core.as_ref()
    }

    /// Lets a core change and does what it wants. Nothing happens where it is down.
    pub fn step(&mut self, id: AuthorityId, change: impl FnOnce(&mut Core, &mut Vec<Effect>)) {
        self.plan(id, change);
        self.work(id, usize::MAX);
    }

    fn plan(&mut self, id: AuthorityId, change: impl FnOnce(&mut Core, &mut Vec<Effect>)) {
        let mut effects = Vec::new();
        let Some(core) = self.nodes.get_mut(&id).and_then(|node| node.core.as_mut()) else {
            return;
        };
        change(core, &mut effects);
        self.see(id);
        for effect in effects {
            self.carry_out(id, effect);
        }
    }

    /// Who leads is noted: one in a term (Raft, figure 3: election safety).
    fn see(&mut self, id: AuthorityId) {
        let Some(core) = self.core(id).filter(|core| core.leads()) else { return };
        let term = core.term();
        let before = *self.led.entry(term).or_insert(id);
        if before != id {
            self.broken = Some(format!("two leaders of term {term}"));
        }
    }

    fn carry_out(&mut self, id: AuthorityId, effect: Effect) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(core) = &node.core else { return };
        let log = core.log();
        let body = |height: Height| {
            let (entry, parent) = (log.at(height)?.clone(), log.at(height.back(1))?.at);
            Some(Body { parent, entry })
        };
        match effect {
            Effect::KeepVote => {
                let (term, vote) = core.kept();
                node.tasks.push_back(Task::Vote(term, vote));
            }
            Effect::KeepDraft(height) => node.tasks.extend(body(height).map(Task::Draft)),
            Effect::Forget(first, last) => node.tasks.push_back(Task::Forget(first, last)),
            Effect::Send(to, message) => {
                let drafts = match &message {
                    Message::Append { drafts, .. } => drafts.as_slice(),
                    _ => &[],
                };
                let bodies = drafts.iter().filter_map(|draft| body(draft.at.height)).collect();
                let parcel = Parcel::Raft { message, bodies };
                node.tasks.push_back(Task::Send(Letter { from: id, to, parcel }));
            }
            // Drafts are examined where their bodies are: on delivery.
            Effect::Examine { .. } => {}
            Effect::Begin => {
                let (parent, term) = (log.last().clone(), core.term());
                let entry = above(&parent, term, parent.voters.clone()).entry;
                self.plan(id, |core, out| core.propose(entry, out));
            }
            Effect::Commit(height) => {
                let decided = log.drafts().iter().take_while(|entry| entry.at.height <= height);
                let by = core.term();
                let blocks: Vec<Block> =
                    decided.map(|entry| Block { entry: entry.clone(), by }).collect();
                node.tasks.extend(blocks.iter().cloned().map(Task::Import));
                for to in core.everybody().into_iter().filter(|to| *to != id) {
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
            if matches!(task, Task::Vote(..) | Task::Draft(_)) && node.slow {
                let Some(left) = writes.checked_sub(1).filter(|_| writes != usize::MAX) else {
                    return;
                };
                writes = left;
            }
            node.tasks.pop_front();
            match task {
                Task::Vote(term, vote) => {
                    node.vote = (term, vote);
                    self.notes.push(Note::KeptVote(id, term, vote));
                }
                Task::Draft(body) => {
                    self.notes.push(Note::KeptDraft(id, body.entry.clone()));
                    node.drafts.insert(body.entry.at.height, body);
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

    fn post(&mut self, letter: Letter) {
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
    pub fn hand_over(&mut self, letter: Letter) {
        let Letter { from, to, parcel } = letter;
        match parcel {
            Parcel::Raft { message, bodies } => {
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
                node.tasks.extend(known.map(Task::Import).collect::<Vec<Task>>());
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

    /// A start with what was kept.
    pub fn restart(&mut self, id: AuthorityId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(Block { entry, by }) = node.chain.last().cloned() else { return };
        let mut log = Log::new(entry);
        for body in node.drafts.values() {
            if body.parent == log.last().at {
                log.push(body.entry.clone());
            }
        }
        node.drafts.retain(|_, body| log.has(&body.entry.at));
        let (core, _) = Core::new(id, node.vote, log);
        node.core = Some(core);
        self.step(id, |core, out| core.heard_of(by, out));
    }

    /// A leader puts an entry on its log, which may change who votes above it; says whether it may.
    pub fn propose(&mut self, id: AuthorityId, voters: Option<Authorities>) -> bool {
        let Some(core) = self.core(id).filter(|core| core.may_draft()) else { return false };
        let (parent, term) = (core.log().last().clone(), core.term());
        let voters = voters.map_or_else(|| parent.voters.clone(), Arc::new);
        let entry = above(&parent, term, voters).entry;
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

    /// What must hold always (Raft, figure 3); says what does not.
    pub fn check(&self) -> Result<(), String> {
        if let Some(broken) = &self.broken {
            return Err(format!("election safety: {broken}"));
        }
        self.matching()?;
        self.chains()?;
        self.complete()
    }

    /// If two logs have an entry with one index and term, they are one up to there.
    pub fn matching(&self) -> Result<(), String> {
        let logs: Vec<Vec<&Entry>> = self.nodes.values().map(Node::log).collect();
        for (one, other) in pairs(&logs) {
            let alike = one.iter().zip(other.iter()).rposition(|(a, b)| a.term == b.term);
            let upto = alike.map_or(0, |last| last + 1);
            if one.iter().zip(other.iter()).take(upto).any(|(a, b)| a.at != b.at) {
                return Err(format!(
                    "log matching: entry {upto} is of one term, those below differ"
                ));
            }
        }
        Ok(())
    }

    /// Nobody seals another block where somebody sealed one.
    pub fn chains(&self) -> Result<(), String> {
        let chains: Vec<&Vec<Block>> = self.nodes.values().map(|node| &node.chain).collect();
        for (one, other) in pairs(&chains) {
            let differ = one.iter().zip(other.iter()).find(|(a, b)| a.entry.at != b.entry.at);
            if let Some((block, _)) = differ {
                let height = block.entry.at.height;
                return Err(format!("state machine safety: two blocks are sealed at {height}"));
            }
        }
        Ok(())
    }

    /// What was sealed in a term, the leaders of later terms have.
    pub fn complete(&self) -> Result<(), String> {
        for (id, node) in &self.nodes {
            let Some(core) = node.core.as_ref().filter(|core| core.leads()) else { continue };
            let log = node.log();
            let decided = self.nodes.values().flat_map(|other| &other.chain);
            for block in decided.filter(|block| block.by < core.term()) {
                let place = usize::try_from(block.entry.at.height.0).unwrap_or(usize::MAX);
                if log.get(place).is_none_or(|entry| entry.at != block.entry.at) {
                    let (height, term) = (block.entry.at.height, core.term());
                    return Err(format!(
                        "leader completeness: {id:?} leads in term {term} without what is sealed at {height}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether a term had two leaders.
    pub fn elections(&self) -> bool {
        self.broken.is_none()
    }
}

fn pairs<T>(items: &[T]) -> impl Iterator<Item = (&T, &T)> {
    let later = |place: usize| items.get(place + 1..).unwrap_or_default();
    items
        .iter()
        .enumerate()
        .flat_map(move |(place, one)| later(place).iter().map(move |it| (one, it)))
}
