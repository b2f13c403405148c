//! Who says everything late.

use std::collections::VecDeque;

use crate::consensus::{Action, Context, Engine, Event, Outbox, Timer};
use crate::types::{Span, Time};

/// What is held back at once; beyond it the oldest is said early.
const HELD_MAX: usize = 4096;

/// Announces blocks and sends messages a while after an honest engine would, in the same order. It builds on its own
/// blocks at once, so this is also a miner with a slow line out and a fast line in.
pub struct Delay {
    engine: Box<dyn Engine>,
    by: Span,
    /// What is to be said, and when; soonest first.
    held: VecDeque<(Time, Action)>,
}

impl Delay {
    /// The engine, late by this span.
    pub fn around(engine: Box<dyn Engine>, by: Span) -> Box<dyn Engine> {
        Box::new(Self { engine, by, held: VecDeque::new() })
    }

    fn say_what_is_due(&mut self, now: Time, out: &mut Outbox) {
        while let Some((due, _)) = self.held.front()
            && (*due <= now || self.held.len() > HELD_MAX)
        {
            out.push(self.held.pop_front().expect("there is a front").1);
        }
    }
}

impl Engine for Delay {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        self.say_what_is_due(cx.now, out);
        let mut wanted = Outbox::default();
        if event != Event::Elapsed(Timer::Held) {
            self.engine.handle(event, cx, &mut wanted);
        }
        for action in wanted.take() {
            match action {
                Action::Announce(_) | Action::Send { .. } | Action::Broadcast(_) => {
                    self.held.push_back((cx.now.after(self.by), action));
                }
                action => out.push(action),
            }
        }
        self.say_what_is_due(cx.now, out);
        if let Some((due, _)) = self.held.front() {
            out.push(Action::SetTimer { timer: Timer::Held, at: *due });
        }
    }
}
