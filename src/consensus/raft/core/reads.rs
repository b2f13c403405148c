//! Linearizable reads without an entry in the log (thesis 6.4): the leader remembers what is decided, makes sure that a
//! majority still takes it for the leader, and whoever reads waits until it has that much.

use super::{Core, Effect, Role};
use crate::consensus::log::{Queued, Read};
use crate::consensus::raft::message::Message;
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
        let Role::Leader(lead) = &mut self.role else { return };
        match lead.followers.read(from, number) {
            Queued::New => self.start_reads(out),
            Queued::Already => {}
            Queued::Full => {
                out.push(Effect::Dropped(from.unwrap_or(self.me), DropReason::Full));
            }
        }
    }

    /// Thesis 6.4, step 1: only a leader that has something of its own term decided knows all that is.
    pub(super) fn start_reads(&mut self, out: &mut Vec<Effect>) {
        let sealed = self.log.sealed().at.height;
        let (decided, round) = (self.committed, self.round.saturating_add(1));
        let Role::Leader(lead) = &mut self.role else { return };
        if sealed < lead.begun {
            return;
        }
        if lead.followers.begin_reads(decided, round) {
            self.send_heartbeats(out);
            self.confirm_reads(out);
        }
    }

    /// Step 3: a majority answered a heartbeat that went out after the read came in.
    pub(super) fn confirm_reads(&mut self, out: &mut Vec<Effect>) {
        let Role::Leader(lead) = &mut self.role else { return };
        for (Read { from, number, .. }, height) in lead.followers.confirmed(self.me, &self.log) {
            out.push(match from {
                Some(from) => Effect::Send(from, Message::ReadReady { number, height }),
                None => Effect::Read(number, height),
            });
        }
    }
}
