//! A few cores that talk to each other, without bodies, keys, clocks and disks. What is said lies in flight until somebody
//! delivers it; what has to be durable is kept at once, and a crash forgets the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;

/// A sealed block, and the ballot of its seal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Block {
    pub entry: Entry,
    pub by: Ballot,
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
    Paxos { message: Message<Ref>, bodies: Vec<Body> },
    Sealed(Vec<Block>),
}

/// Something in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Letter {
    pub from: AuthorityId,
    pub to: AuthorityId,
    pub parcel: Parcel,
}

/// What somebody who watches sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Note {
    Seeks(AuthorityId, Height),
    Read(AuthorityId, u64, Height),
    Dropped(AuthorityId, AuthorityId, DropReason),
}

/// An authority: its core while it is up, and what survives a crash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    pub core: Option<Core>,
    pub kept: Kept,
    pub drafts: BTreeMap<Height, (Body, Ballot)>,
    /// Sealed blocks by height, the first one of the chain among them.
    pub chain: Vec<Block>,
}

/// All of them, and what is in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Group {
    pub nodes: BTreeMap<AuthorityId, Node>,
    pub flight: Vec<Letter>,
    /// Who hears whom; everybody everybody, if there are no parts.
    pub parts: Vec<BTreeSet<AuthorityId>>,
    /// Who led in a ballot.
    pub led: BTreeSet<Ballot>,
    /// What was proposed in a ballot at a height.
    pub proposed: BTreeMap<(Ballot, Height), Point>,
    pub notes: Vec<Note>,
    broken: Option<String>,
}

/// The entry above another one: its name follows from what it is; `number` tells two of one round apart.
pub fn above(parent: &Entry, (round, number): (u64, u64), voters: Arc<Authorities>) -> Entry {
    let height = parent.at.height.next();
    let id = BlockId(Hash(sha256d(&encode(&(parent.at, round, number, &*voters)))));
    Entry { at: Point { height, id }, term: round, voters }
}

/// What every chain begins with.
pub fn first(voters: Authorities) -> Entry {
    let at = Point { height: Height(0), id: BlockId::default() };
    Entry { at, term: 0, voters: Arc::new(voters) }
}

impl Group {
    /// `ids` run, `voters` of them vote.
    pub fn new(ids: &[AuthorityId], voters: Authorities) -> Self {
        let block = Block { entry: first(voters), by: Ballot::default() };
        let node = Node {
            core: None,
            kept: (0, Ballot::default()),
            drafts: BTreeMap::new(),
            chain: vec![block],
        };
        let mut group = Self::default();
        for id in ids {
            group.nodes.insert(*id, node.clone());
            group.restart(*id);
        }
        group
    }

    pub fn core(&self, id: AuthorityId) -> Option<&Core> {
        self.nodes.get(&id)?.core.as_ref()
    }

    /// Lets a core change and does what it wants, in order. Nothing happens where it is down.
    pub fn step(&mut self, id: AuthorityId, change: impl FnOnce(&mut Core, &mut Vec<Effect>)) {
        let mut effects = Vec::new();
        let Some(core) = self.nodes.get_mut(&id).and_then(|node| node.core.as_mut()) else {
            return;
        };
        change(core, &mut effects);
        if let Stage::Leading(lead) = core.stage() {
            self.led.insert(lead.ballot);
        }
        for effect in effects {
            self.carry_out(id, effect);
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
            Effect::KeepVote => node.kept = core.kept(),
            // A bug that the engine's records have; here it stands in for them.
            Effect::KeepDraft(_) if planted(Bug::DraftUnkept) => {}
            Effect::KeepDraft(height) => {
                let kept = body(height).zip(core.vote(height));
                if let Some(kept) = kept {
                    node.drafts.insert(height, kept);
                }
            }
            Effect::Forget(first, last) => {
                node.drafts.retain(|height, _| *height < first || *height > last);
            }
            Effect::Send(to, message) => {
                let drafts = match &message {
                    Message::Accept { drafts, .. } | Message::Bring { drafts, .. } => {
                        drafts.as_slice()
                    }
                    _ => &[],
                };
                let bodies = drafts.iter().filter_map(|draft| body(draft.at.height)).collect();
                self.post(Letter { from: id, to, parcel: Parcel::Paxos { message, bodies } });
            }
            Effect::Commit(height) => {
                let Stage::Leading(lead) = core.stage() else { return };
                let by = lead.ballot;
                let decided = log.drafts().iter().take_while(|entry| entry.at.height <= height);
                let blocks: Vec<Block> =
                    decided.map(|entry| Block { entry: entry.clone(), by }).collect();
                for to in log.others(id) {
                    let parcel = Parcel::Sealed(blocks.clone());
                    self.post(Letter { from: id, to, parcel });
                }
                blocks.into_iter().for_each(|block| self.import(id, block));
            }
            Effect::Remind(to, height) => {
                let blocks = node.chain.iter().filter(|it| it.entry.at.height > height);
                let parcel = Parcel::Sealed(blocks.cloned().collect());
                self.post(Letter { from: id, to, parcel });
            }
            Effect::Seek(height) => self.notes.push(Note::Seeks(id, height)),
            Effect::Read(number, height) => self.notes.push(Note::Read(id, number, height)),
            Effect::Dropped(from, reason) => self.notes.push(Note::Dropped(id, from, reason)),
            // Drafts are examined where their bodies are: on delivery. Whoever plays decides how long a wait is.
            Effect::Examine { .. } | Effect::Begin | Effect::Wait(_) => {}
            Effect::Rest | Effect::Round => {}
        }
    }

    /// Whether one hears another.
    fn connected(&self, from: AuthorityId, to: AuthorityId) -> bool {
        let joined = |part: &BTreeSet<AuthorityId>| part.contains(&from) && part.contains(&to);
        self.core(to).is_some() && (self.parts.is_empty() || self.parts.iter().any(joined))
    }

    /// What is said goes on its way, and is looked at: one value per ballot and height (A4).
    fn post(&mut self, letter: Letter) {
        if let Parcel::Paxos { message: Message::Accept { ballot, drafts, .. }, .. } =
            &letter.parcel
        {
            for draft in drafts {
                let before = *self.proposed.entry((*ballot, draft.at.height)).or_insert(draft.at);
                if before != draft.at {
                    let at = draft.at.height;
                    self.broken = Some(format!("{ballot:?} proposes two drafts at {at}"));
                }
            }
        }
        if self.connected(letter.from, letter.to) {
            self.flight.push(letter);
        }
    }

    fn import(&mut self, id: AuthorityId, block: Block) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if usize::try_from(block.entry.at.height.0) != Ok(node.chain.len()) {
            return;
        }
        node.chain.push(block.clone());
        self.step(id, |core, out| core.sealed(block.entry, block.by, out));
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
            Parcel::Paxos { message, bodies } => {
                let mut examine = Vec::new();
                self.step(to, |core, out| {
                    core.receive(from, message, out);
                    for effect in out.iter() {
                        if let Effect::Examine { term, drafts, .. } = effect {
                            examine.extend(drafts.iter().map(|draft| (*term, draft.at)));
                        }
                    }
                });
                for (round, at) in examine {
                    let Some(body) = bodies.iter().find(|body| body.entry.at == at) else {
                        continue;
                    };
                    let Body { parent, entry } = body.clone();
                    self.step(to, |core, out| {
                        core.examined(from, round, parent, entry, out);
                    });
                }
            }
            Parcel::Sealed(blocks) => {
                for block in blocks {
                    if self.core(to).is_some_and(|core| core.log().has(&block.entry.at)) {
                        self.import(to, block);
                    }
                }
            }
        }
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
        self.flight.retain(|letter| letter.to != id);
    }

    /// A start with what was kept.
    pub fn restart(&mut self, id: AuthorityId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(Block { entry, by }) = node.chain.last().cloned() else { return };
        let (mut log, mut votes) = (Log::new(entry), Vec::new());
        for (body, ballot) in node.drafts.values() {
            if body.parent == log.last().at {
                log.push(body.entry.clone());
                votes.push(*ballot);
            }
        }
        node.drafts.retain(|_, (body, _)| log.has(&body.entry.at));
        let (mut core, _) = Core::new(id, node.kept, log, votes);
        core.heard_of(by);
        node.core = Some(core);
    }

    /// A leader puts a draft on the log, which may change who votes above it; says whether it may.
    pub fn propose(&mut self, id: AuthorityId, number: u64, voters: Option<Authorities>) -> bool {
        let Some(core) = self.core(id).filter(|core| core.may_draft()) else { return false };
        let Stage::Leading(lead) = core.stage() else { return false };
        let parent = core.log().last().clone();
        let voters = voters.map_or_else(|| parent.voters.clone(), Arc::new);
        let entry = above(&parent, (lead.ballot.round, number), voters);
        self.step(id, |core, out| core.propose(entry, out));
        true
    }

    /// Ordinary block sync: one fetches what another has sealed.
    pub fn fetch(&mut self, from: AuthorityId, to: AuthorityId) {
        let Some(source) = self.nodes.get(&from) else { return };
        for block in source.chain.clone() {
            self.import(to, block);
        }
    }

    /// What must hold always; says what does not.
    pub fn check(&self) -> Result<(), String> {
        if let Some(broken) = &self.broken {
            return Err(format!("one value per ballot: {broken}"));
        }
        let chains: Vec<&Vec<Block>> = self.nodes.values().map(|node| &node.chain).collect();
        for (place, one) in chains.iter().enumerate() {
            for other in &chains[place + 1..] {
                let differ = one.iter().zip(other.iter()).find(|(a, b)| a.entry.at != b.entry.at);
                if let Some((block, _)) = differ {
                    let height = block.entry.at.height;
                    return Err(format!("consistency: two blocks are sealed at {height}"));
                }
            }
        }
        Ok(())
    }
}
