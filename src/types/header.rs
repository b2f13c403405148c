//! Headers, claims and seals.
//!
//! The block id covers the header and with it the *claim*: everything about how a block claims its place that
//! execution, rank or another verdict may depend on. The *seal* is proof only and stays outside the id: two correct
//! nodes may hold different seals of one block, and nothing reads a seal once it is judged.

use borsh::{BorshDeserialize, BorshSerialize};

use super::signatures::verify_single;
use super::target::Bits;
use super::work::WorkProof;
use super::{
    Address, BlockId, Bounded, CoinId, GenesisId, Hash, Height, Keypair, PublicKey, Signature,
    StateRoot, Time, encode, tagged,
};

/// The version of every header so far.
pub const HEADER_VERSION: u16 = 1;

/// Votes in a seal.
pub const VOTES_MAX: usize = 128;

/// How a block claims its place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Claim {
    /// The first block claims nothing.
    Genesis,
    /// By work against this target.
    Work {
        /// The target in compact form.
        bits: Bits,
    },
    /// By a coin whose kernel hit.
    Stake {
        /// The stake target in compact form.
        bits: Bits,
        /// The staked coin.
        coin: CoinId,
    },
    /// By being the scheduled delegate of this slot.
    Slot {
        /// The secret that an earlier commitment promised.
        reveal: Hash,
        /// The commitment to the next secret.
        commit: Hash,
        /// The greatest height the producer has signed on any branch.
        prior: Height,
    },
    /// By being an authority, in turn or late.
    Turn {
        /// 2 in turn, 1 out of turn (EIP-225).
        weight: u8,
        /// The greatest height the producer has signed on any branch.
        prior: Height,
    },
    /// By agreement in this view, term or ballot.
    Round {
        /// Its number.
        round: u64,
    },
}

/// The kind of a claim, without its content.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The first block.
    Genesis,
    /// [`Claim::Work`].
    Work,
    /// [`Claim::Stake`].
    Stake,
    /// [`Claim::Slot`].
    Slot,
    /// [`Claim::Turn`].
    Turn,
    /// [`Claim::Round`].
    Round,
}

impl Claim {
    /// The kind of this claim.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Genesis => Kind::Genesis,
            Self::Work { .. } => Kind::Work,
            Self::Stake { .. } => Kind::Stake,
            Self::Slot { .. } => Kind::Slot,
            Self::Turn { .. } => Kind::Turn,
            Self::Round { .. } => Kind::Round,
        }
    }
}

/// One authority's vote for a block.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Vote {
    /// Who votes.
    pub key: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

/// The proof of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Seal {
    /// The first block needs no proof: it follows from the spec.
    Genesis,
    /// The free fields of the Bitcoin work header; see [`super::work`].
    Work(WorkProof),
    /// The producer's signature of the block id; see [`signature_hash`].
    Signature {
        /// The producer's key: a header names only its address.
        key: PublicKey,
        /// Its signature.
        signature: Signature,
    },
    /// Exactly a quorum of votes for the block id, sorted by key.
    Quorum {
        /// The view in which they were cast.
        round: u64,
        /// The votes.
        votes: Bounded<Vote, VOTES_MAX>,
    },
    /// The signature of the leader that saw a majority accept.
    Leader {
        /// The term or ballot in which it led.
        round: u64,
        /// The leader.
        leader: PublicKey,
        /// Its signature.
        signature: Signature,
    },
}

/// What a producer signs to seal a block on the chain `chain`.
pub fn signature_hash(id: &BlockId, chain: &GenesisId) -> Hash {
    tagged("assay/seal-signature", chain, &[id.as_bytes()])
}

impl Seal {
    /// Seals a block by the signature of its producer.
    pub fn signed(id: &BlockId, key: &Keypair, chain: &GenesisId) -> Self {
        Self::Signature { key: key.public(), signature: key.sign(&signature_hash(id, chain)) }
    }

    /// Whether this is the signature of the block's producer: `Err` says why not.
    pub fn is_signed_by(
        &self,
        producer: &Address,
        id: &BlockId,
        chain: &GenesisId,
    ) -> Result<(), &'static str> {
        let Self::Signature { key, signature } = self else {
            return Err("it is not a signature");
        };
        if Address::of(key) != *producer {
            return Err("its key is not the producer's");
        }
        match verify_single(&key.0, &signature_hash(id, chain).0, &signature.0) {
            true => Ok(()),
            false => Err("its signature does not verify"),
        }
    }

    /// The hash of this seal, which tells copies of one block apart.
    pub fn hash(&self, chain: &GenesisId) -> Hash {
        tagged("assay/seal", chain, &[&encode(self)])
    }
}

/// What a block id covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// The format of the block; [`HEADER_VERSION`].
    pub version: u16,
    /// One more than the parent's.
    pub height: Height,
    /// The parent.
    pub parent: BlockId,
    /// When the draft was made, by the rule's clock law.
    pub time: Time,
    /// Whom rewards and fees go to.
    pub producer: Address,
    /// How the block claims its place.
    pub claim: Claim,
    /// Commits to every byte of the body; see [`super::body_root`].
    pub body_root: Hash,
    /// Commits to the ledger after this block.
    pub state_root: StateRoot,
}

impl Header {
    /// The block id on the chain `chain`.
    pub fn id(&self, chain: &GenesisId) -> BlockId {
        BlockId(tagged("assay/block", chain, &[&encode(self)]))
    }
}
