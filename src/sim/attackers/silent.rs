//! Who makes and says nothing.

use std::ops::Range;

use crate::consensus::{Action, Context, Engine, Event, Outbox};
use crate::types::Time;

/// Makes no block, sends no message and searches for nothing during a span of time, by its own clock. It hears
/// everything and keeps its records meanwhile, so it is a process that lives and a producer that does not: what a peer
/// that crashed would no longer do, keeping the chain and serving it, it does.
pub struct Silent {
    engine: Box<dyn Engine>,
    during: Range<Time>,
}

impl Silent {
    /// The engine, silent from the start of the span until its end.
    pub fn around(engine: Box<dyn Engine>, during: Range<Time>) -> Box<dyn Engine> {
        Box::new(Self { engine, during })
    }
}

impl Engine for Silent {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        let mut wanted = Outbox::default();
        self.engine.handle(event, cx, &mut wanted);
        for action in wanted.take() {
            let heard_of = match action {
                Action::Import { .. }
                | Action::Announce(_)
                | Action::Send { .. }
                | Action::Broadcast(_)
                | Action::Sign(_)
                | Action::Search(_) => true,
                // What others sealed is taken in, and whoever reads here is answered.
                Action::Persist { .. }
                | Action::Adopt { .. }
                | Action::Verify { .. }
                | Action::Seek(_)
                | Action::Answer { .. }
                | Action::StopSearch
                | Action::SetTimer { .. }
                | Action::StopTimer(_)
                | Action::Fail(_)
                | Action::Report(_) => false,
            };
            if !heard_of || !self.during.contains(&cx.now) {
                out.push(action);
            }
        }
    }
}
