//! Who says one thing to some and another thing to others.
//!
//! One identity, two engines, after Bano et al., *Twins: BFT systems made robust* (2020): whatever the rule, two honest
//! engines that share a key and do not know of each other contradict each other wherever that is possible. Both see one
//! tree and one pool; the second's clock is a millisecond ahead, so that what the two draft at one moment differs.
//!
//! - Messages of each reach only its half of the other authorities, so that nobody hears both.
//! - Accomplices, who equivocate as well, know of each other's twins: what the first says the first hears, and the second the second.
//!   So what no one of them could make two others believe, all together can, where they are too many.
//! - Blocks go to everybody: gossip has no halves. Where a seal is a signature, that is the evidence against it.
//! - What the first one keeps across crashes is kept, what the second one keeps is not.
//! - There is one nonce search. It is the first one's; when that has found a block, the second one gets it once to find
//!   a rival of that block, and hears of nothing meanwhile. So proof of work is equivocated with as well, at its price.

use std::collections::{BTreeMap, BTreeSet};

use crate::consensus::{
    Action, AuthorityId, Context, Engine, Event, Message, OrderId, Outbox, SearchOrder, Timer,
};
use crate::types::{BlockId, Bounded, Span, Time};

/// How far the second twin's clock is ahead.
const AHEAD: Span = Span(1);

/// Two engines under one identity.
pub struct Equivocate {
    twins: [Twin; 2],
    /// Whose search is on: 1 while the second one looks for a rival.
    turn: usize,
    /// The search that is on: the number outside, and the one inside.
    search: Option<(OrderId, OrderId)>,
    orders: u64,
    accomplices: BTreeSet<AuthorityId>,
}

struct Twin {
    engine: Box<dyn Engine>,
    /// The authorities that hear it, but for accomplices.
    hears: BTreeSet<AuthorityId>,
    timers: BTreeMap<Timer, Time>,
    /// What it wants searched for.
    wants: Option<Box<SearchOrder>>,
}

impl Equivocate {
    /// Two engines of one identity. `others` are all other authorities: every second one hears the second twin.
    pub fn around(
        first: Box<dyn Engine>,
        second: Box<dyn Engine>,
        others: impl IntoIterator<Item = AuthorityId>,
    ) -> Box<dyn Engine> {
        Self::among(first, second, others, BTreeSet::new())
    }

    /// The same with accomplices, who say what their twins say to ours, and hear ours. All of them must equivocate in this way.
    pub fn among(
        first: Box<dyn Engine>,
        second: Box<dyn Engine>,
        others: impl IntoIterator<Item = AuthorityId>,
        accomplices: BTreeSet<AuthorityId>,
    ) -> Box<dyn Engine> {
        let mut twins = [first, second].map(|engine| Twin {
            engine,
            hears: BTreeSet::new(),
            timers: BTreeMap::new(),
            wants: None,
        });
        let mut others: BTreeSet<AuthorityId> = others.into_iter().collect();
        others.retain(|other| !accomplices.contains(other));
        for (place, other) in others.into_iter().enumerate() {
            twins[place % 2].hears.insert(other);
        }
        Box::new(Self { twins, turn: 0, search: None, orders: 0, accomplices })
    }

    /// One twin handles an event.
    fn tell(&mut self, twin: usize, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        let now = if twin == 1 { cx.now.after(AHEAD) } else { cx.now };
        let mut wanted = Outbox::default();
        self.twins[twin].engine.handle(event, &Context { now, ..*cx }, &mut wanted);
        for action in wanted.take() {
            self.perform(twin, action, out);
        }
    }

    fn perform(&mut self, twin: usize, action: Action, out: &mut Outbox) {
        let state = &mut self.twins[twin];
        match action {
            Action::Persist { .. } if twin == 1 => {}
            Action::Send { to, message } if self.accomplices.contains(&to) => {
                out.extend(marked(twin, &message).map(|message| Action::Send { to, message }));
            }
            Action::Send { to, .. } if !state.hears.contains(&to) => {}
            Action::Broadcast(message) => {
                let to = state.hears.iter();
                to.for_each(|to| out.push(Action::Send { to: *to, message: message.clone() }));
                if let Some(message) = marked(twin, &message) {
                    let send =
                        |to: &AuthorityId| Action::Send { to: *to, message: message.clone() };
                    out.extend(self.accomplices.iter().map(send));
                }
            }
            Action::SetTimer { timer, at } => {
                state.timers.insert(timer, at);
                self.set(timer, out);
            }
            Action::StopTimer(timer) => {
                state.timers.remove(&timer);
                self.set(timer, out);
            }
            Action::Search(order) => {
                state.wants = Some(order);
                if self.turn == twin {
                    self.search(out);
                }
            }
            Action::StopSearch => {
                state.wants = None;
                if self.turn == twin {
                    self.search = None;
                    out.push(Action::StopSearch);
                }
            }
            action => out.push(action),
        }
    }

    /// There is one clock for both: it rings when the first of them wants to be woken who hears it.
    fn set(&self, timer: Timer, out: &mut Outbox) {
        let hearing = (0..2).filter(|twin| !self.is_deaf(*twin));
        let first = hearing.filter_map(|twin| self.twins[twin].timers.get(&timer)).min();
        out.push(match first {
            Some(at) => Action::SetTimer { timer, at: *at },
            None => Action::StopTimer(timer),
        });
    }

    /// Searches for what the twin wants whose turn it is.
    fn search(&mut self, out: &mut Outbox) {
        let Some(wanted) = &self.twins[self.turn].wants else { return };
        self.orders += 1;
        let order = OrderId(self.orders);
        self.search = Some((order, wanted.order));
        out.push(Action::Search(Box::new(SearchOrder { order, ..(**wanted).clone() })));
    }

    /// The second twin wants the search for a rival of a block on this parent.
    fn has_rival(&self, parent: BlockId) -> bool {
        self.twins[1].wants.as_ref().is_some_and(|order| order.header.parent == parent)
    }

    fn elapsed(&mut self, timer: Timer, cx: &Context<'_>, out: &mut Outbox) {
        for twin in 0..2 {
            let due = self.twins[twin].timers.get(&timer).is_some_and(|at| *at <= cx.now);
            if due && !self.is_deaf(twin) {
                self.twins[twin].timers.remove(&timer);
                self.tell(twin, Event::Elapsed(timer), cx, out);
            }
        }
        let waits = |twin: &Twin| twin.timers.get(&timer).is_some_and(|at| *at > cx.now);
        if self.twins.iter().any(waits) {
            self.set(timer, out);
        }
    }

    /// The search for a rival is over: the second twin hears again, and the first one searches.
    fn take_turns(&mut self, out: &mut Outbox) {
        self.turn = 0;
        let timers: Vec<Timer> = self.twins[1].timers.keys().copied().collect();
        timers.into_iter().for_each(|timer| self.set(timer, out));
        self.search(out);
    }

    /// Whether a twin hears of nothing, since it looks for a rival.
    fn is_deaf(&self, twin: usize) -> bool {
        twin == 1 && self.turn == 1
    }

    fn found(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        let Event::Found { order, seal } = event else { return };
        let Some((_, inner)) = self.search.take_if(|(outer, _)| *outer == order) else { return };
        let twin = self.turn;
        let parent = self.twins[twin].wants.take().map(|wanted| wanted.header.parent);
        self.tell(twin, Event::Found { order: inner, seal }, cx, out);
        if twin == 1 {
            return self.take_turns(out);
        }
        if parent.is_some_and(|parent| self.has_rival(parent)) {
            self.turn = 1;
            self.search(out);
        }
    }

    /// A block entered. A rival is worth its work as long as nothing stands on what it contests.
    fn imported(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        self.tell(0, event.clone(), cx, out);
        let contested = self.twins[1].wants.as_ref().map(|order| order.header.height);
        if self.turn == 1 && contested.is_some_and(|height| cx.tree.head().height() > height) {
            self.take_turns(out);
        }
        if self.turn == 0 {
            self.tell(1, event, cx, out);
        }
    }
}

/// What a twin says to accomplices: its number is the last byte. A message that has no room for it is not said.
fn marked(twin: usize, message: &Message) -> Option<Message> {
    let mut bytes = message.0.to_vec();
    bytes.push(u8::from(twin == 1));
    Bounded::new(bytes).ok().map(Message)
}

/// Which twin an accomplice speaks to, and what it says.
fn unmarked(message: &Message) -> Option<(usize, Message)> {
    let (mark, bytes) = message.0.split_last()?;
    let message = Message(Bounded::new(bytes.to_vec()).ok()?);
    (*mark < 2).then_some((usize::from(*mark), message))
}

impl Engine for Equivocate {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        match event {
            Event::Found { .. } => self.found(event, cx, out),
            Event::Imported(_) => self.imported(event, cx, out),
            Event::Elapsed(timer) => self.elapsed(timer, cx, out),
            Event::Received { from, message } if self.accomplices.contains(&from) => {
                if let Some((twin, message)) = unmarked(&message) {
                    self.tell(twin, Event::Received { from, message }, cx, out);
                }
            }
            Event::Received { from, .. } => {
                // Who hears one twin is heard by that one.
                let twin = usize::from(self.twins[1].hears.contains(&from));
                self.tell(twin, event, cx, out);
            }
            Event::PoolFilled if self.turn == 1 => self.tell(0, event, cx, out),
            event => {
                self.tell(0, event.clone(), cx, out);
                self.tell(1, event, cx, out);
            }
        }
    }
}
