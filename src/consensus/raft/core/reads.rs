//! Linearizable reads without an entry in the log (thesis 6.4): the leader remembers what is decided, makes sure that a
//! majority still takes it for the leader, and whoever reads waits until it has that much.

use super::{Core, Effect, READS_MAX, Read, Role};
use crate::consensus::quorum::{Tally, joint_tally};
use crate::consensus::raft::message::Message;
use crate::consensus::{AuthorityId, DropReason};
use crate::types::canary::{Bug, planted};

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
        if lead.reads.iter().any(|read| read.from == from && read.number == number) {
            return; // asked for again
        }
        if lead.reads.len() >= READS_MAX {
            return out.push(Effect::Dropped(from.unwrap_or(self.me), DropReason::Full));
        }
        lead.reads.push_back(Read { from, number, since: None });
        self.start_reads(out);
    }

    /// Thesis 6.4, step 1: only a leader that has something of its own term decided knows all that is.
    pub(super) fn start_reads(&mut self, out: &mut Vec<Effect>) {
        let sealed = self.log.sealed().at.height;
        let (decided, round) = (self.committed, self.round.saturating_add(1));
        let Role::Leader(lead) = &mut self.role else { return };
        if sealed < lead.begun {
            return;
        }
        let mut fresh = false;
        for read in lead.reads.iter_mut().filter(|read| read.since.is_none()) {
            read.since = Some((decided, round));
            fresh = true;
        }
        if fresh {
            self.send_heartbeats(out);
            self.confirm_reads(out);
        }
    }

    /// Step 3: a majority answered a heartbeat that went out after the read came in.
    pub(super) fn confirm_reads(&mut self, out: &mut Vec<Effect>) {
        let me = self.me;
        let (sealed, last) = (self.log.sealed().voters.clone(), self.log.last().voters.clone());
        let Role::Leader(lead) = &mut self.role else { return };
        while let Some(Read { from, number, since: Some((height, round)) }) =
            lead.reads.front().copied()
        {
            let answered = |id: &AuthorityId| {
                let there = *id == me || lead.peers.get(id).is_some_and(|it| it.round >= round);
                there.then_some(true)
            };
            let confirmed = joint_tally([&sealed, &last], answered) == Tally::Won;
            if !confirmed && !planted(Bug::ReadUnconfirmed) {
                return;
            }
            lead.reads.pop_front();
            out.push(match from {
                Some(from) => Effect::Send(from, Message::ReadReady { number, height }),
                None => Effect::Read(number, height),
            });
        }
    }
}
