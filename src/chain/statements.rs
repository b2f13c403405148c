//! Who said what: two blocks of one statement make a piece of evidence.

use std::collections::{BTreeMap, BTreeSet};

use super::BlockRef;
use crate::ledger::{Counted, ReadFailed, is_recent};
use crate::types::{
    BlockId, EVIDENCE_MAX, Evidence, Hash, Header, Height, PublicKey, Seal, Signature,
};

/// Statements that are remembered at most; those of the lowest blocks go first. Every block in the tree made at most one,
/// and so did every block that left it lately.
pub const STATEMENTS_MAX: usize = 16_384;

/// Offences that wait for a block at most.
pub const OFFENCES_MAX: usize = 256;

/// The first block that made a statement.
#[derive(Debug, Clone)]
struct Said {
    height: Height,
    id: BlockId,
    key: PublicKey,
    signed: Box<(Header, Signature)>,
}

/// What producers said, as far as it may be said only once.
#[derive(Debug, Default)]
pub(super) struct Statements {
    said: BTreeMap<Hash, Said>,
    lowest: BTreeSet<(Height, Hash)>,
    /// Offences with their heights.
    offences: BTreeMap<(Height, Hash), Evidence>,
}

/// What a block says, beside what was said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    /// Something new, or nothing that may be said only once.
    New,
    /// What another block said before it: the second time that this is heard.
    Again,
    /// What two blocks said before it.
    Worn,
}

impl Statements {
    /// What a block would say.
    pub(super) fn would_say(&self, id: &BlockId, statement: &Hash) -> Saying {
        match self.said.get(statement) {
            Some(said) if said.id != *id => {
                let proven = self.offences.keys().any(|(_, proven)| proven == statement);
                if proven { Saying::Worn } else { Saying::Again }
            }
            _ => Saying::New,
        }
    }

    /// A block of the tree makes a statement; says whether it was made by another one before.
    pub(super) fn note(
        &mut self,
        id: BlockId,
        header: &Header,
        seal: &Seal,
        statement: Hash,
    ) -> bool {
        let Seal::Signature { key, signature } = seal else { return false };
        let signed = Box::new((*header, *signature));
        let Some(said) = self.said.get(&statement) else {
            let (height, key) = (header.height, *key);
            self.said.insert(statement, Said { height, id, key, signed });
            self.lowest.insert((height, statement));
            if self.said.len() > STATEMENTS_MAX
                && let Some((_, lowest)) = self.lowest.pop_first()
            {
                self.said.remove(&lowest);
            }
            return false;
        };
        if said.id == id {
            return false;
        }
        let height = said.height.max(header.height);
        let before = said.signed.clone();
        let (first, second) = if said.id < id { (before, signed) } else { (signed, before) };
        let known = self.offences.keys().any(|(_, proven)| *proven == statement);
        if said.key == *key && !known {
            let evidence = Evidence::Headers { key: *key, first, second };
            self.offences.insert((height, statement), evidence);
            if self.offences.len() > OFFENCES_MAX {
                self.offences.pop_first();
            }
        }
        true
    }

    /// Forgets what is so old that nobody can be punished for it any more.
    pub(super) fn forget_below(&mut self, height: Height) {
        while let Some((lowest, statement)) = self.lowest.first().copied()
            && lowest < height
        {
            self.lowest.pop_first();
            self.said.remove(&statement);
        }
        while let Some(lowest) = self.offences.first_entry()
            && lowest.key().0 < height
        {
            lowest.remove();
        }
    }

    /// Evidence that a child of a block may carry, of the oldest offences first.
    pub(super) fn evidence_for(
        &self,
        parent: BlockRef<'_>,
        window: u64,
    ) -> Result<Vec<Evidence>, ReadFailed> {
        if self.offences.is_empty() || window == 0 {
            return Ok(Vec::new());
        }
        let (counted, at) = (Counted::after(parent.state)?, parent.header.height.next());
        let good = self
            .offences
            .iter()
            .filter(|((of, statement), _)| is_recent(*of, at, window) && !counted.has(statement));
        Ok(good.map(|(_, evidence)| evidence.clone()).take(EVIDENCE_MAX).collect())
    }

    /// How much is remembered: statements and offences.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.said.len(), self.offences.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testkit::{draft, params};
    use crate::types::Time;
    use crate::types::testkit::key;

    fn header(height: u64, time: u64) -> Header {
        let draft = draft(BlockId::default(), Height(height), 1, vec![], &params());
        Header { time: Time(time), ..draft.header }
    }

    /// Notes a block of this height and time with a statement.
    fn note(statements: &mut Statements, height: u64, time: u64, statement: u64) -> bool {
        let (header, mut hash) = (header(height, time), Hash::default());
        hash.0[..8].copy_from_slice(&statement.to_be_bytes());
        let id = header.id(&params().chain);
        let seal = Seal::Signature { key: key(1).public(), signature: Signature([0; 64]) };
        statements.note(id, &header, &seal, hash)
    }

    #[test]
    fn statements_and_offences_are_bounded() {
        let mut statements = Statements::default();
        for number in 0..STATEMENTS_MAX as u64 + 50 {
            assert!(!note(&mut statements, 1 + number, 0, number));
        }
        assert_eq!(statements.len(), (STATEMENTS_MAX, 0));
        for number in 100..100 + OFFENCES_MAX as u64 + 20 {
            assert!(note(&mut statements, 1 + number, 1, number));
            // Said a third time, it is the same offence.
            assert!(note(&mut statements, 1 + number, 2, number));
        }
        assert_eq!(statements.len(), (STATEMENTS_MAX, OFFENCES_MAX));
        statements.forget_below(Height(STATEMENTS_MAX as u64));
        assert_eq!(statements.len(), (51, 0));
    }
}
