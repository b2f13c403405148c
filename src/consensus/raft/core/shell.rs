//! Raft as the shell of all such protocols asks for it.

use super::{Core, Effect, Entry, Log, Point, Ref, Wait};
use crate::consensus::AuthorityId;
use crate::consensus::log::{LogCore, Sealer};
use crate::consensus::raft::message::Message;
use crate::types::Height;

impl LogCore for Core {
    const RULE: &'static str = "raft";
    const ROUND: &'static str = "term";
    const PATIENCE: &'static str = "election_timeout";

    type Message = Message<Ref>;
    /// Term and vote.
    type Kept = (u64, Option<AuthorityId>);
    /// The term of a draft is in its header.
    type Mark = ();

    fn start(me: AuthorityId, kept: Self::Kept, log: Log, _: Vec<()>) -> (Self, Wait) {
        (Self::new(me, kept, log).0, Wait::Campaign)
    }

    fn heard_of(&mut self, by: Sealer, out: &mut Vec<Effect>) {
        self.heard_of(by.round, out);
    }

    fn kept(&self) -> Self::Kept {
        self.kept()
    }

    fn mark(&self, _: Height) -> Option<()> {
        Some(())
    }

    fn me(&self) -> AuthorityId {
        self.me()
    }

    fn term(&self) -> u64 {
        self.term()
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
        self.sealed(entry, by.round, out);
    }

    fn read(&mut self, number: u64, out: &mut Vec<Effect>) {
        self.read(number, out);
    }
}
