//! Who signs what is not so, under PBFT.

use std::collections::BTreeMap;

use crate::consensus::pbft::message::{Ballot, Message, NewView, Signer, ViewChange};
use crate::consensus::pbft::{Pen, Wire};
use crate::consensus::{Action, Context, Engine, Event, Outbox, Point};
use crate::sim::random::Dice;
use crate::types::{BlockId, Draft, Hash, StateRoot, Vote, sha256d};

/// A kind of lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Falsehood {
    /// Drafts of which the state is not the one that they claim: a request that was altered.
    Altered,
    /// Drafts for a height that is not the next.
    Numbered,
    /// Votes for drafts that nobody made.
    Voted,
    /// VIEW-CHANGEs that forget what was prepared, and ask for views far ahead.
    Forgotten,
    /// NEW-VIEWs without those VIEW-CHANGEs that bind.
    Begun,
}

impl Falsehood {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Altered, Self::Numbered, Self::Voted, Self::Forgotten, Self::Begun];
}

/// Says some of what its engine says otherwise, signed with its own key: what it can make others believe is what anybody
/// could who has one key. What it keeps and what it believes itself is as the engine would.
pub struct Lie {
    engine: Box<dyn Engine>,
    pen: Pen,
    about: Vec<Falsehood>,
    /// The share of messages that are lies, of those that could be.
    share: f64,
    dice: Dice,
}

impl Lie {
    /// The engine, of whose messages a share are lies of these kinds.
    pub fn around(
        engine: Box<dyn Engine>,
        pen: Pen,
        about: Vec<Falsehood>,
        share: f64,
        seed: u64,
    ) -> Box<dyn Engine> {
        Box::new(Self { engine, pen, about, share, dice: Dice::new(seed, "lies") })
    }

    /// What is said instead.
    fn told(&mut self, said: Message<Draft, Vote>) -> Message<Draft, Vote> {
        let may = |kind| self.about.contains(&kind);
        let chance = self.share;
        match said {
            Message::PrePrepare { view, draft, .. }
                if (may(Falsehood::Altered) || may(Falsehood::Numbered))
                    && self.dice.chance(chance) =>
            {
                self.falsified(view, draft)
            }
            Message::Prepare(ballot, _) if may(Falsehood::Voted) && self.dice.chance(chance) => {
                let ballot = self.invented(ballot);
                Message::Prepare(ballot, self.pen.prepare(&ballot))
            }
            Message::Commit(ballot, _) if may(Falsehood::Voted) && self.dice.chance(chance) => {
                let ballot = self.invented(ballot);
                Message::Commit(ballot, self.pen.commit(&ballot))
            }
            Message::ViewChange(change, _)
                if may(Falsehood::Forgotten) && self.dice.chance(chance) =>
            {
                let view = change.view.saturating_add(self.dice.below(20));
                let change = ViewChange { view, prepared: None, ..change };
                let by = self.pen.change(&change);
                Message::ViewChange(change, by)
            }
            Message::NewView(begun) if may(Falsehood::Begun) && self.dice.chance(chance) => {
                let free = |(change, _): &(ViewChange<Vote>, Vote)| change.prepared.is_none();
                let changes: BTreeMap<_, _> =
                    begun.changes.into_iter().filter(|(_, change)| free(change)).collect();
                Message::NewView(NewView { changes, ..begun })
            }
            said => said,
        }
    }

    fn falsified(&mut self, view: u64, mut draft: Draft) -> Message<Draft, Vote> {
        let number = !self.about.contains(&Falsehood::Altered)
            || self.about.contains(&Falsehood::Numbered) && self.dice.chance(0.5);
        if number {
            draft.header.height = draft.header.height.next();
        } else {
            draft.header.state_root = StateRoot(Hash(sha256d(&self.dice.number().to_le_bytes())));
        }
        let at = Point::of(&draft.header, &self.pen.rules.params().chain);
        let signature = self.pen.prepare(&Ballot { view, at });
        Message::PrePrepare { view, draft, signature }
    }

    /// One of two drafts that do not exist, so that its lies may meet.
    fn invented(&mut self, ballot: Ballot) -> Ballot {
        let id = BlockId(Hash([u8::try_from(self.dice.below(2)).unwrap_or(0); 32]));
        Ballot { at: Point { id, ..ballot.at }, ..ballot }
    }
}

impl Engine for Lie {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        let mut wanted = Outbox::default();
        self.engine.handle(event, cx, &mut wanted);
        for action in wanted.take() {
            let lie = match &action {
                Action::Send { to, message } => match Wire::decode(message) {
                    Some(Wire::Said(said)) => {
                        let message = Wire::Said(self.told(said)).encode();
                        message.map(|message| Action::Send { to: *to, message })
                    }
                    _ => None,
                },
                _ => None,
            };
            out.push(lie.unwrap_or(action));
        }
    }
}
