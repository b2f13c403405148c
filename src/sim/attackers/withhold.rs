//! Selfish mining.
//!
//! The state machine of Eyal and Sirer, *Majority is not enough: Bitcoin mining is vulnerable* (2014), algorithm 1. A
//! selfish miner keeps what it finds to itself and mines on it. When the others find a block, what it does depends on
//! how far its secret branch was ahead of theirs:
//!
//! | ahead by | it |
//! |---|---|
//! | 0 | has nothing to show, or lost a race: it takes their branch |
//! | 1 | shows its block: two branches of one length race, and it mines on its own |
//! | 2 | shows everything: its branch is longer by one and wins |
//! | more | shows as many blocks as they have, and goes on in secret |
//!
//! If it finds a block while two branches race, it shows that at once and wins.
//!
//! The paper's γ, the share of the others that mine on its branch during a race, is no parameter here, because no miner
//! has one: it is where the attacker stands in the network. Everybody mines on what arrived first, so γ grows from 0 to
//! 1 as the attacker's lines get faster than those between the others.
//!
//! # Deviations from the paper
//!
//! - Lengths are heights. Where targets differ from block to block, the tree may prefer the shorter of two branches;
//!   then the race is lost when the head leaves the secret branch, whatever the lengths say.
//! - If the others gain several blocks at once, it is as if they came one after the other.
//! - It sees of other branches what its own tree accepted, so it may be late.

use std::collections::VecDeque;

use crate::chain::Imported;
use crate::consensus::{Action, Context, Engine, Event, Outbox};
use crate::types::{BlockId, Height};

/// Mines in secret, and shows its blocks when that costs the others most.
pub struct Withhold {
    engine: Box<dyn Engine>,
    /// The height of the best branch that others know.
    public: Height,
    /// The branch that it mines for itself, if it has one.
    branch: Option<Branch>,
    /// The block that the engine wants announced, until it is known to be in the tree.
    announcing: Option<BlockId>,
}

/// Blocks of its own since it parted from the others.
struct Branch {
    tip: BlockId,
    height: Height,
    length: u64,
    /// Those that nobody was told of, lowest first.
    secret: VecDeque<BlockId>,
}

impl Withhold {
    /// The engine, its blocks withheld.
    pub fn around(engine: Box<dyn Engine>) -> Box<dyn Engine> {
        let public = Height::default();
        Box::new(Self { engine, public, branch: None, announcing: None })
    }

    fn imported(&mut self, imported: &Imported, cx: &Context<'_>, out: &mut Outbox) {
        let (id, height) = (imported.id, imported.height);
        if self.announcing == Some(id) {
            self.announcing = None;
            self.found(id, height, out);
        } else {
            while self.public < height {
                self.others_found(out);
            }
        }
        if self.branch.as_ref().is_some_and(|branch| branch.tip != cx.tree.head().id) {
            self.branch = None;
        }
    }

    /// It found a block.
    fn found(&mut self, id: BlockId, height: Height, out: &mut Outbox) {
        let mut branch = self.branch.take().unwrap_or_else(|| Branch {
            tip: id,
            height,
            length: 0,
            secret: VecDeque::new(),
        });
        let raced = branch.length == 1 && branch.secret.is_empty();
        (branch.tip, branch.height) = (id, height);
        branch.length += 1;
        branch.secret.push_back(id);
        if raced {
            return self.win(&branch, out);
        }
        self.branch = Some(branch);
    }

    /// The others found a block that makes their branch longer by one.
    fn others_found(&mut self, out: &mut Outbox) {
        let before = self.public;
        self.public = before.next();
        let Some(mut branch) = self.branch.take() else { return };
        match branch.height.0.saturating_sub(before.0) {
            0 => return,
            1 => out.push(Action::Announce(branch.tip)),
            2 => return self.win(&branch, out),
            _ => {
                branch.secret.pop_front().into_iter().for_each(|id| out.push(Action::Announce(id)))
            }
        }
        if branch.height == self.public {
            branch.secret.clear();
        }
        self.branch = Some(branch);
    }

    /// Shows everything: no branch of others is as long.
    fn win(&mut self, branch: &Branch, out: &mut Outbox) {
        out.push(Action::Announce(branch.tip));
        self.public = branch.height;
    }
}

impl Engine for Withhold {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        match &event {
            // What the tree holds by now is known to all: secrets end with the process.
            Event::Start { .. } => self.public = cx.tree.head().height(),
            Event::Imported(imported) => self.imported(imported, cx, out),
            _ => {}
        }
        let mut wanted = Outbox::default();
        self.engine.handle(event, cx, &mut wanted);
        for action in wanted.take() {
            match action {
                Action::Announce(id) => self.announcing = Some(id),
                action => out.push(action),
            }
        }
    }
}
