//! Linearizable reads without a height of their own: the leader remembers what is chosen, makes sure that a majority has not
//! promised a higher ballot, and whoever reads waits until it has that much. A round of the majority it is, and no lease of
//! time: it asks nothing of clocks.

use super::proposer::Read;
use super::{Core, Effect, Message, READS_MAX, Stage};
use crate::consensus::quorum::{Tally, joint_tally};
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
        let Stage::Leading(lead) = &mut self.stage else { return };
        if lead.reads.iter().any(|read| read.from == from && read.number == number) {
            return; // asked for again
        }
        if lead.reads.len() >= READS_MAX {
            return out.push(Effect::Dropped(from.unwrap_or(self.me), DropReason::Full));
        }
        lead.reads.push_back(Read { from, number, since: None });
        self.start_reads(out);
    }

    /// Only a leader that has sealed what it proposed again knows all that is chosen.
    pub(super) fn start_reads(&mut self, out: &mut Vec<Effect>) {
        let sealed = self.log.sealed().at.height;
        let (chosen, beat) = (self.committed, self.beat.saturating_add(1));
        if self.begun().is_none_or(|begun| sealed < begun) {
            return;
        }
        let Stage::Leading(lead) = &mut self.stage else { return };
        let mut fresh = false;
        for read in lead.reads.iter_mut().filter(|read| read.since.is_none()) {
            read.since = Some((chosen, beat));
            fresh = true;
        }
        if fresh {
            self.send_heartbeats(out);
            self.confirm_reads(out);
        }
    }

    /// A majority answered a heartbeat that went out after the read came in.
    pub(super) fn confirm_reads(&mut self, out: &mut Vec<Effect>) {
        let me = self.me;
        let (sealed, last) = (self.log.sealed().voters.clone(), self.log.last().voters.clone());
        let Stage::Leading(lead) = &mut self.stage else { return };
        while let Some(Read { from, number, since: Some((height, beat)) }) =
            lead.reads.front().copied()
        {
            let answered = |id: &AuthorityId| {
                let there = *id == me || lead.peers.get(id).is_some_and(|it| it.round >= beat);
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
