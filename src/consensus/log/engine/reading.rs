//! Reads: a leader says what they have to see, once a majority confirmed that it leads (thesis, 6.4).

use super::super::LogCore;
use super::LogEngine;
use crate::consensus::{Context, Outbox};

impl<C: LogCore> LogEngine<C> {
    /// Somebody here wants to read.
    pub(super) fn read(&mut self, ticket: u64, cx: &Context<'_>, out: &mut Outbox) {
        let Some(number) = self.reads.begin(ticket, self.core.is_some(), cx.now, out) else {
            return;
        };
        self.step(cx, out, |core, effects| core.read(number, effects));
        self.reads.look_again(cx.now, out);
    }

    /// Asks again for those that nobody answered, and gives up on those that waited too long.
    pub(super) fn read_again(&mut self, cx: &Context<'_>, out: &mut Outbox) {
        let leader = self.core.as_ref().and_then(|core| core.leader());
        let who = if leader.is_some() { "a leader" } else { "nobody" };
        let why = format!(
            "no majority of the authorities confirmed what has to be seen ({who} leads as far as this node knows)"
        );
        for number in self.reads.again(&why, cx.now, out) {
            self.step(cx, out, |core, effects| core.read(number, effects));
        }
        self.reads.look_again(cx.now, out);
    }
}
