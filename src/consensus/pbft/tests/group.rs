//! A few cores that talk to each other, without bodies, keys, clocks and disks. What is said lies in flight until somebody
//! delivers it. Whoever lies is played by the test: it says what it likes in its own name, and nothing in another's.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Something in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Letter {
    pub from: AuthorityId,
    pub to: AuthorityId,
    pub said: Said,
}

/// An authority: its core while it is up, and what survives a crash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub core: Option<Core>,
    kept: Kept,
    begun: Option<NewView<()>>,
    /// Sealed blocks by height, and the view of each seal.
    pub chain: Vec<(Point, u64)>,
    /// Whether drafts are looked at when they come, or later.
    pub slow: bool,
    unread: Vec<Point>,
    pub waits: BTreeSet<Wait>,
    pub begins: bool,
    /// What reads have to see.
    pub reads: Vec<(u64, Height)>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Group {
    voters: Authorities,
    pub nodes: BTreeMap<AuthorityId, Node>,
    pub flight: Vec<Letter>,
    /// Who does not hear and is not heard.
    pub deaf: BTreeSet<AuthorityId>,
    pub liars: BTreeSet<AuthorityId>,
    pub conflicts: Vec<(AuthorityId, AuthorityId)>,
}

/// A draft at a height, by its number.
pub(super) fn draft(height: u64, number: u8) -> Point {
    let id = BlockId(Hash(sha256d(&encode(&(height, number)))));
    Point { height: Height(height), id }
}

impl Group {
    pub(super) fn new(size: u8) -> Self {
        let voters: Authorities = (0..size).map(id).collect();
        let mut group = Self {
            voters: voters.clone(),
            nodes: BTreeMap::new(),
            flight: Vec::new(),
            deaf: BTreeSet::new(),
            liars: BTreeSet::new(),
            conflicts: Vec::new(),
        };
        for of in voters {
            let node = Node {
                core: None,
                kept: Kept::default(),
                begun: None,
                chain: vec![(draft(0, 0), 0)],
                slow: false,
                unread: Vec::new(),
                waits: BTreeSet::new(),
                begins: false,
                reads: Vec::new(),
            };
            group.nodes.insert(of, node);
            group.restart(of);
        }
        group
    }

    pub(super) fn core(&self, of: u8) -> &Core {
        self.nodes[&id(of)].core.as_ref().expect("it is up")
    }

    /// A lie of `of`, told in its name by whoever writes the test.
    pub(super) fn lie(&mut self, of: u8, to: &[u8], said: &Said) {
        self.liars.insert(id(of));
        for to in to {
            self.flight.push(Letter { from: id(of), to: id(*to), said: said.clone() });
        }
    }

    pub(super) fn crash(&mut self, of: AuthorityId) {
        let node = self.nodes.get_mut(&of).expect("one of them");
        (node.core, node.begins) = (None, false);
        node.waits.clear();
        node.unread.clear();
    }

    pub(super) fn restart(&mut self, of: AuthorityId) {
        let voters = self.voters.clone();
        let node = self.nodes.get_mut(&of).expect("one of them");
        let mut effects = Vec::new();
        let (at, by) = *node.chain.last().expect("the first block");
        let (kept, begun) = (node.kept.clone(), node.begun.clone());
        node.core = Some(Core::new(of, Head::new(at, voters), by, (kept, begun), &mut effects));
        self.carry_out(of, effects);
    }

    pub(super) fn step(
        &mut self,
        of: AuthorityId,
        change: impl FnOnce(&mut Core, &mut Vec<Effect>),
    ) {
        let mut effects = Vec::new();
        if let Some(core) = self.nodes.get_mut(&of).and_then(|node| node.core.as_mut()) {
            change(core, &mut effects);
            self.carry_out(of, effects);
        }
    }

    fn carry_out(&mut self, of: AuthorityId, effects: Vec<Effect>) {
        for effect in effects {
            let node = self.nodes.get_mut(&of).expect("one of them");
            let Some(core) = &node.core else { return };
            match effect {
                Effect::Keep => node.kept = core.kept().clone(),
                Effect::KeepNewView(begun) => node.begun = Some(begun),
                Effect::Send(to, said) => self.flight.push(Letter { from: of, to, said }),
                Effect::Tell(said) => {
                    let to: Vec<AuthorityId> = core.others().collect();
                    let letter = |to| Letter { from: of, to, said: said.clone() };
                    self.flight.extend(to.into_iter().map(letter));
                }
                Effect::Examine(_, at) => match node.slow {
                    true => node.unread.push(at),
                    false => self.step(of, |core, out| core.examined(at, true, out)),
                },
                // Whoever agreed to a draft has its body.
                Effect::Fetch(at, from) => {
                    let up = |of: &AuthorityId| self.nodes[of].core.is_some();
                    if from.iter().any(|it| up(it) && !self.deaf.contains(it)) {
                        self.step(of, |core, out| core.examined(at, true, out));
                    }
                }
                Effect::Begin => node.begins = true,
                Effect::Commit(ballot, by) => {
                    assert!(by.len() >= byzantine(self.voters.len()));
                    self.seal(of, ballot.at, ballot.view);
                }
                Effect::Wait(wait) => {
                    let same =
                        |it: &Wait| std::mem::discriminant(it) == std::mem::discriminant(&wait);
                    node.waits.retain(|it| !same(it));
                    node.waits.insert(wait);
                }
                Effect::Rest(wait) => {
                    let same =
                        |it: &Wait| std::mem::discriminant(it) == std::mem::discriminant(&wait);
                    node.waits.retain(|it| !same(it));
                }
                // Ordinary sync, from anybody who is heard.
                Effect::Seek(_) => self.fetch(of),
                Effect::Conflict(whose, ..) => self.conflicts.push((of, whose)),
                Effect::Read(number, height) => node.reads.push((number, height)),
                Effect::Round | Effect::Dropped(..) => {}
            }
        }
    }

    /// A block joins somebody's chain.
    pub(super) fn seal(&mut self, of: AuthorityId, at: Point, view: u64) {
        let voters = self.voters.clone();
        let node = self.nodes.get_mut(&of).expect("one of them");
        if at.height.0 == node.chain.len() as u64 {
            node.chain.push((at, view));
            node.begins = false;
            self.step(of, |core, out| core.sealed_at(Head::new(at, voters), view, out));
        }
    }

    /// Brings somebody what others have sealed.
    fn fetch(&mut self, of: AuthorityId) {
        if self.deaf.contains(&of) {
            return;
        }
        let heard = self.nodes.iter().filter(|(it, node)| {
            !self.deaf.contains(*it) && node.core.is_some() && !self.liars.contains(*it)
        });
        let longest = heard.map(|(_, node)| node.chain.clone()).max_by_key(Vec::len);
        for (at, view) in longest.into_iter().flatten().skip(self.nodes[&of].chain.len()) {
            self.seal(of, at, view);
        }
    }

    /// Delivers one letter.
    pub(super) fn deliver(&mut self, index: usize) {
        let Letter { from, to, said } = self.flight.remove(index);
        if !self.deaf.contains(&from) && !self.deaf.contains(&to) && !self.liars.contains(&to) {
            self.step(to, |core, out| core.receive(from, said, out));
        }
    }

    pub(super) fn deliver_all(&mut self) {
        for _ in 0..100_000 {
            if self.flight.is_empty() {
                return;
            }
            self.deliver(0);
        }
        panic!("no end of messages");
    }

    /// The drafts that lie unread are looked at.
    pub(super) fn read(&mut self, of: u8) {
        let node = self.nodes.get_mut(&id(of)).expect("one of them");
        for at in std::mem::take(&mut node.unread) {
            self.step(id(of), |core, out| core.examined(at, true, out));
        }
    }

    /// A clock runs out, if it runs.
    pub(super) fn elapse(&mut self, of: u8, wait: Wait) {
        let node = self.nodes.get_mut(&id(of)).expect("one of them");
        let same = |it: &Wait| std::mem::discriminant(it) == std::mem::discriminant(&wait);
        let Some(due) = node.waits.iter().copied().find(same) else { return };
        node.waits.remove(&due);
        self.step(id(of), |core, out| core.elapsed(due, out));
    }

    /// Whoever may propose does, a draft of this number.
    pub(super) fn propose(&mut self, of: u8, number: u8) {
        let height = self.nodes[&id(of)].chain.len() as u64;
        self.step(id(of), |core, out| {
            if core.may_propose() {
                core.propose(draft(height, number), out);
            }
        });
    }

    /// Proposes and decides one block in peace.
    pub(super) fn decide(&mut self, of: u8, number: u8) {
        self.propose(of, number);
        self.deliver_all();
    }

    /// These are not content with their primary.
    pub(super) fn lose_patience(&mut self, of: &[u8]) {
        of.iter().for_each(|of| self.elapse(*of, Wait::Patience));
    }

    /// The heights to which the chains reach.
    pub(super) fn heights(&self) -> Vec<usize> {
        self.nodes.values().map(|node| node.chain.len() - 1).collect()
    }

    /// No two honest ones sealed different blocks at one height.
    pub(super) fn agree(&self) -> bool {
        let honest = self.nodes.iter().filter(|(of, _)| !self.liars.contains(*of));
        let chains: Vec<_> = honest.map(|(_, node)| &node.chain).collect();
        let ids = |chain: &[(Point, u64)]| chain.iter().map(|it| it.0).collect::<Vec<_>>();
        let longest = chains.iter().max_by_key(|chain| chain.len());
        longest
            .is_none_or(|longest| chains.iter().all(|chain| ids(longest).starts_with(&ids(chain))))
    }
}
