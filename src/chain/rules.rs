//! What the block tree asks of a rule.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ledger::{ReadFailed, State, Transition};
use crate::types::{Address, BlockId, Bounded, Header, Height, Seal, Time, target::Work};

/// A block in the tree, as a rule sees it. Everything that rank and finality depend on lies in the header and in the
/// state after the block.
#[derive(Clone, Copy)]
pub struct BlockRef<'a> {
    /// Its id.
    pub id: &'a BlockId,
    /// Its header.
    pub header: &'a Header,
    /// The ledger after it.
    pub state: &'a State,
}

/// The rule as the block tree needs it: stateless, built once per era.
pub trait Rules: Transition + Send + Sync {
    /// Is `seal` a proof, under this rule, about `header` as a child of `parent`? The answer is permanent:
    /// [`Verdict::Header`] condemns the id, [`Verdict::Seal`] only this copy.
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict>;

    /// Fork choice: a total order on branches. Equal ranks leave the choice to the order of arrival.
    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed>;

    /// The rank of a branch that goes on from one of rank `parent` by this header, judged by header and seal alone.
    /// `None` under a rule whose seals need the state after the parent. It may be too kind: whatever only the parent's
    /// state tells is left to [`Self::verify`]. It is never cheap: such a branch cost its makers what its rank says.
    fn rank_by_header(
        &self,
        header: &Header,
        seal: &Seal,
        parent: &Rank,
    ) -> Result<Option<Rank>, Verdict>;

    /// Finality: the height up to which `head`'s branch can no longer be left. Never decreases along a branch.
    fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed>;

    /// Whether header and seal alone prove to whoever knows who decides on what stands on this state that the block is final.
    /// They never do under a rule whose finality rests on what is built on top.
    fn proves_final(&self, _: &Header, _: &Seal, _: &State) -> Result<bool, ReadFailed> {
        Ok(false)
    }

    /// What finality rests on.
    fn finality(&self) -> Finality;

    /// The moment by the local clock from which a block with this header may be imported. Being ahead of the clock
    /// is "try later", never "invalid". Rules whose seals carry agreement answer the epoch: always.
    fn not_before(&self, header: &Header) -> Time;

    /// Who decides on what stands on a state; nobody in particular under a rule without authorities.
    fn authorities(&self, state: &State) -> Result<BTreeSet<Address>, ReadFailed>;
}

/// What finality rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finality {
    /// On blocks that were built on top. An old branch can be as deep as its makers like, so depth says something only
    /// near the present.
    Depth,
    /// On what producers or authorities signed.
    Proof,
}

/// A permanent refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Verdict {
    /// The header breaks the rule: no seal can save this id.
    #[error("the header is invalid: {0}")]
    Header(String),
    /// The seal does not prove the claim: another copy of the block may be valid.
    #[error("the seal is invalid: {0}")]
    Seal(String),
    /// The state could not be read; says nothing about the block.
    #[error(transparent)]
    Failed(#[from] ReadFailed),
}

/// How strong a branch is: compared byte by byte, so each rule writes its parts at fixed widths, most significant
/// first.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub struct Rank(Bounded<u8, 128>);

impl Rank {
    /// Ranks by summed work.
    pub fn of_work(work: &Work) -> Self {
        Self(Bounded::truncated(work.to_be_bytes().to_vec()))
    }

    /// The summed work that a rank by work stands for: none in the rank of nothing.
    pub fn work(&self) -> Work {
        self.0.first_chunk().map(Work::from_be_bytes).unwrap_or_default()
    }

    /// Ranks by numbers, the first deciding, ties going to the next.
    pub fn of_numbers(numbers: &[u64]) -> Self {
        Self(Bounded::truncated(numbers.iter().flat_map(|n| n.to_be_bytes()).collect()))
    }

    /// Ranks by bytes, the first deciding.
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        Self(Bounded::truncated(bytes))
    }

    /// The bytes that are compared.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
