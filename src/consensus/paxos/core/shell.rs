//! Multi-Paxos as the shell of all such protocols asks for it.

use super::{Core, Effect, Entry, Kept, Log, Message, Point, Ref, Stage, Wait};
use crate::consensus::AuthorityId;
use crate::consensus::log::{LogCore, Sealer};
use crate::consensus::paxos::message::Ballot;
use crate::types::Height;

impl From<Sealer> for Ballot {
    fn from(by: Sealer) -> Self {
        Self { round: by.round, proposer: by.leader }
    }
}

impl LogCore for Core {
    const RULE: &'static str = "paxos";
    const ROUND: &'static str = "round";
    const PATIENCE: &'static str = "lease";

    type Message = Message<Ref>;
    type Kept = Kept;
    /// The highest ballot in which a draft was accepted.
    type Mark = Ballot;

    fn start(me: AuthorityId, kept: Kept, log: Log, votes: Vec<Ballot>) -> (Self, Wait) {
        (Self::new(me, kept, log, votes).0, Wait::Campaign)
    }

    fn heard_of(&mut self, by: Sealer, _: &mut Vec<Effect>) {
        self.heard_of(by.into());
    }

    fn kept(&self) -> Kept {
        self.kept()
    }

    fn mark(&self, height: Height) -> Option<Ballot> {
        self.vote(height)
    }

    fn me(&self) -> AuthorityId {
        self.me()
    }

    /// The round of the ballot in which it leads; of the one that it promised, if it does not.
    fn term(&self) -> u64 {
        match self.stage() {
            Stage::Leading(lead) => lead.ballot.round,
            Stage::Idle | Stage::Preparing { .. } => self.promised().round,
        }
    }

    fn log(&self) -> &Log {
        self.log()
    }

    fn leader(&self) -> Option<AuthorityId> {
        self.leader()
    }

    fn may_draft(&self) -> bool {
        self.may_draft()
    }

    fn receive(&mut self, from: AuthorityId, message: Message<Ref>, out: &mut Vec<Effect>) {
        self.receive(from, message, out);
    }

    fn elapsed(&mut self, out: &mut Vec<Effect>) {
        self.elapsed(out);
    }

    fn beat(&mut self, out: &mut Vec<Effect>) {
        self.beat(out);
    }

    fn propose(&mut self, entry: Entry, out: &mut Vec<Effect>) {
        self.propose(entry, out);
    }

    fn examined(
        &mut self,
        from: AuthorityId,
        term: u64,
        parent: Point,
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> bool {
        self.examined(from, term, parent, entry, out)
    }

    fn sealed(&mut self, entry: Entry, by: Sealer, out: &mut Vec<Effect>) {
        self.sealed(entry, by.into(), out);
    }

    fn read(&mut self, number: u64, out: &mut Vec<Effect>) {
        self.read(number, out);
    }
}
