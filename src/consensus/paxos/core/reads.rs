//! Linearizable reads without a height of their own: the leader remembers what is chosen, makes sure that a majority has not
//! promised a higher ballot, and whoever reads waits until it has that much. A round of the majority it is, and no lease of
//! time: it asks nothing of clocks.

use super::{Core, Effect, Message, Stage};
use crate::consensus::log::{Queued, Read};
use crate::consensus::{AuthorityId, DropReason};

impl Core {
    /// Somebody here wants to read. Without a leader nothing comes of it: to be asked again.
    pub fn read(&mut self, number: u64, out: &mut Vec<Effect>) {
        match self.leader {
            Some(leader) if leader != self.me => {
                out.push(Effect::Send(leader, Message::ReadIndex { number }));
            }
            _ => self.read_for(None, number, out),
        }
    }

    pub(super) fn read_for(
        &mut self,
        from: Option<AuthorityId>,
        number: u64,
        out: &mut Vec<Effect>,
    ) {
        let Stage::Leading(lead) = &mut self.stage else { return };
        match lead.followers.read(from, number) {
            Queued::New => self.start_reads(out),
            Queued::Already => {}
            Queued::Full => {
                out.push(Effect::Dropped(from.unwrap_or(self.me), DropReason::Full));
            }
        }
    }

    /// Only a leader that has sealed what it proposed again knows all that is chosen.
    pub(super) fn start_reads(&mut self, out: &mut Vec<Effect>) {
        let sealed = self.log.sealed().at.height;
        let (chosen, beat) = (self.committed, self.beat.saturating_add(1));
        if self.begun().is_none_or(|begun| sealed < begun) {
            return;
        }
        let Stage::Leading(lead) = &mut self.stage else { return };
        if lead.followers.begin_reads(chosen, beat) {
            self.send_heartbeats(out);
            self.confirm_reads(out);
        }
    }

    /// A majority answered a heartbeat that went out after the read came in.
    pub(super) fn confirm_reads(&mut self, out: &mut Vec<Effect>) {
        let Stage::Leading(lead) = &mut self.stage else { return };
        for (Read { from, number, .. }, height) in lead.followers.confirmed(self.me, &self.log) {
            out.push(match from {
                Some(from) => Effect::Send(from, Message::ReadReady { number, height }),
                None => Effect::Read(number, height),
            });
        }
    }
}
