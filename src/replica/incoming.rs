//! What is kept of blocks that are not in the tree yet: orphans, announced ones, those ahead of the clock, and the ids of
//! those that no seal can save.

use std::sync::Arc;

use super::bounded::{Capacity, Held, Recent, Room};
use super::wire::{Announce, Request, ShortId};
use super::{Peer, RequestId};
use crate::types::{Block, BlockId, Evidence, Hash, Time, Transaction};

/// Blocks whose parents are not known yet. They cost nobody a proof that could be judged, so they are few.
const ORPHANS_MAX: usize = 64;

/// The memory they take: a peer's share, a third, holds the largest block that a spec allows.
const ORPHANS_BYTES_MAX: usize = 48 << 20;

/// Announced blocks that are not complete or not imported yet.
const COMING_MAX: usize = 32;

/// The memory their announcements take: a peer's share, a half, holds the eight largest that there can be.
const COMING_BYTES_MAX: usize = 16 << 20;

/// Peers remembered for one coming block: those who announced it too, and those who ask us for it.
pub(super) const INTERESTED_MAX: usize = 16;

/// Blocks ahead of the clock. Each of them is proven.
const EARLY_MAX: usize = 32;

/// The memory they take: a peer's share, a third, holds the largest block that a spec allows.
const EARLY_BYTES_MAX: usize = 48 << 20;

/// Ids of blocks that no seal can save.
const INVALID_MAX: usize = 4096;

/// Tells copies of one block apart.
pub(super) type CopyKey = (BlockId, Hash);

/// Blocks that are not in the tree yet.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) orphans: Room<CopyKey, Arc<Block>>,
    /// Apart from the map, whose nodes would be several kilobytes otherwise.
    pub(super) coming: Room<BlockId, Box<Coming>>,
    pub(super) early: Room<CopyKey, (Time, Arc<Block>)>,
    pub(super) invalid: Recent<BlockId, ()>,
}

impl Default for Incoming {
    fn default() -> Self {
        let room = |entries, bytes, parts| Capacity { entries, bytes, parts };
        Self {
            orphans: Room::new(room(ORPHANS_MAX, ORPHANS_BYTES_MAX, 3)),
            coming: Room::new(room(COMING_MAX, COMING_BYTES_MAX, 2)),
            early: Room::new(room(EARLY_MAX, EARLY_BYTES_MAX, 3)),
            invalid: Recent::new(INVALID_MAX),
        }
    }
}

impl Incoming {
    /// What is held, and how much of it may be.
    pub(super) fn held(&self) -> [Held; 7] {
        let Self { orphans, coming, early, invalid } = self;
        [
            Held::new("orphans", orphans.len(), ORPHANS_MAX),
            Held::new("bytes of orphans", orphans.bytes(), ORPHANS_BYTES_MAX),
            Held::new("coming blocks", coming.len(), COMING_MAX),
            Held::new("bytes of coming blocks", coming.bytes(), COMING_BYTES_MAX),
            Held::new("early blocks", early.len(), EARLY_MAX),
            Held::new("bytes of early blocks", early.bytes(), EARLY_BYTES_MAX),
            Held::new("ids of invalid blocks", invalid.len(), INVALID_MAX),
        ]
    }

    /// Orphans, coming blocks, early blocks, ids found invalid.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize, usize) {
        let Self { orphans, coming, early, invalid } = self;
        let counts = (orphans.iter().count(), coming.iter().count());
        (counts.0, counts.1, early.iter().count(), invalid.iter().count())
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.early.iter().map(|(_, (until, _))| *until).min()
    }
}

/// An announced block on its way into the tree.
#[derive(Debug)]
pub(super) struct Coming {
    pub(super) announce: Announce,
    /// Who is asked for what is missing.
    pub(super) from: Peer,
    /// The body as far as it is known, while it is being rebuilt.
    pub(super) transactions: Option<Vec<Option<Arc<Transaction>>>>,
    /// Who announced it too.
    pub(super) others: Vec<Peer>,
    /// Who asks us for it meanwhile.
    pub(super) askers: Vec<(Peer, RequestId, Request)>,
}

impl Coming {
    /// The memory it takes, the transactions aside: those are the pool's.
    pub(super) fn bytes(&self) -> usize {
        let places = self.announce.short_ids.len();
        let evidence = self.announce.evidence.len() * size_of::<Evidence>();
        places * (size_of::<ShortId>() + size_of::<Option<Arc<Transaction>>>()) + evidence
    }
}

/// The memory that a block takes while it is held.
pub(super) fn held_bytes(block: &Block) -> usize {
    let encoded = borsh::object_length(block).expect("every block encodes");
    // A transaction of few bytes takes more room in memory than on the wire.
    encoded + block.body.transactions.len() * size_of::<Transaction>()
}
