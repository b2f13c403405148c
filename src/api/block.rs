//! Blocks, headers, claims and seals as JSON.

use serde::{Deserialize, Serialize};

use crate::types::target::Bits;
use crate::types::work::WorkProof;
use crate::types::{
    Block, BlockId, Claim, CoinId, GenesisId, Hash, Header, Height, Prefix, PublicKey, Seal,
    Signature, StateRoot, Time, TransactionId,
};

/// A block without its transactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HeaderInfo {
    /// The block's id.
    pub id: BlockId,
    /// The distance from the genesis block.
    pub height: Height,
    /// The parent's id.
    pub parent: BlockId,
    /// When the block was drafted.
    pub time: Time,
    /// Whom rewards and fees went to.
    pub producer: String,
    /// How the block claims its place.
    pub claim: ClaimInfo,
    /// The proof of the claim. Another node may hold another one.
    pub seal: SealInfo,
    /// Commits to the ledger after the block.
    pub state_root: StateRoot,
    /// Commits to every byte of the body.
    pub body_root: Hash,
    /// Whether the rule says that the block can no longer be left.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Whether the block lies on the best branch.
    pub best: bool,
    /// Size of the encoded block in bytes.
    pub size: u64,
    /// How many transactions it carries.
    pub transaction_count: u64,
    /// The hash of the work header as explorers show it: the most significant digit first. Work only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_hash: Option<String>,
}

/// A block with the ids of its transactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BlockInfo {
    /// Everything but the transactions.
    #[serde(flatten)]
    pub header: HeaderInfo,
    /// The ids of its transactions in order of execution.
    pub transactions: Vec<TransactionId>,
}

impl HeaderInfo {
    /// What there is to say about a block of the chain `chain`. Whether it is final and on the best branch follows from
    /// its place, not from itself.
    pub fn of(
        block: &Block,
        chain: &GenesisId,
        prefix: &Prefix,
        is_final: bool,
        best: bool,
    ) -> Self {
        let header = &block.header;
        let id = header.id(chain);
        let work_hash = match (&header.claim, &block.seal) {
            (Claim::Work { bits }, Seal::Work(proof)) => Some(work_hash(header, &id, proof, *bits)),
            _ => None,
        };
        Self {
            id,
            height: header.height,
            parent: header.parent,
            time: header.time,
            producer: header.producer.encode(prefix),
            claim: ClaimInfo::of(&header.claim),
            seal: SealInfo::of(&block.seal),
            state_root: header.state_root,
            body_root: header.body_root,
            is_final,
            best,
            // Lengths fit 64 bits.
            size: borsh::object_length(block).expect("every block encodes") as u64,
            transaction_count: block.body.transactions.len() as u64,
            work_hash,
        }
    }
}

impl BlockInfo {
    /// What there is to say about a block of the chain `chain`; see [`HeaderInfo::of`].
    pub fn of(
        block: &Block,
        chain: &GenesisId,
        prefix: &Prefix,
        is_final: bool,
        best: bool,
    ) -> Self {
        Self {
            header: HeaderInfo::of(block, chain, prefix, is_final, best),
            transactions: block.body.transactions.iter().map(|t| t.id(chain)).collect(),
        }
    }
}

/// The hash of the work header, its bytes reversed: targets compare it as a little-endian number, people read numbers
/// from the left.
fn work_hash(header: &Header, id: &BlockId, proof: &WorkProof, bits: Bits) -> String {
    let parent = *header.parent.as_bytes();
    let mut hash = proof.header(header.height.0, id.as_bytes(), parent, bits).hash();
    hash.reverse();
    hex::encode(hash)
}

/// How a block claims its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum ClaimInfo {
    /// The first block claims nothing.
    Genesis,
    /// By work against a target.
    Work {
        /// The target in compact form.
        bits: Bits,
        /// How many times harder than Bitcoin's easiest target.
        difficulty: f64,
    },
    /// By a coin whose kernel hit.
    Stake {
        /// The stake target in compact form.
        bits: Bits,
        /// The staked coin.
        coin: CoinId,
    },
    /// By being the scheduled delegate of a slot.
    Slot {
        /// The secret that an earlier commitment promised.
        reveal: Hash,
        /// The commitment to the next secret.
        commit: Hash,
        /// The greatest height the producer has signed on any branch.
        prior: Height,
    },
    /// By being an authority.
    Turn {
        /// 2 in turn, 1 out of turn.
        weight: u8,
        /// The greatest height the producer has signed on any branch.
        prior: Height,
    },
    /// By agreement.
    Round {
        /// The view, term or ballot.
        round: u64,
    },
}

impl ClaimInfo {
    /// A claim as JSON.
    pub fn of(claim: &Claim) -> Self {
        match *claim {
            Claim::Genesis => Self::Genesis,
            Claim::Work { bits } => Self::Work { bits, difficulty: difficulty(bits) },
            Claim::Stake { bits, coin } => Self::Stake { bits, coin },
            Claim::Slot { reveal, commit, prior } => Self::Slot { reveal, commit, prior },
            Claim::Turn { weight, prior } => Self::Turn { weight, prior },
            Claim::Round { round } => Self::Round { round },
        }
    }
}

/// How many times harder than Bitcoin's easiest target these bits are; 0 for bits that encode no target.
pub(super) fn difficulty(bits: Bits) -> f64 {
    bits.target().map_or(0.0, |target| target.difficulty())
}

/// The proof of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum SealInfo {
    /// The first block needs no proof.
    Genesis,
    /// The free fields of a Bitcoin work header.
    Work {
        /// The version as eight hexadecimal digits.
        version: String,
        /// The extra nonce as sixteen hexadecimal digits.
        extra_nonce: String,
        /// When the header was searched, in ms; the header itself carries whole seconds.
        time: Time,
        /// The nonce.
        nonce: u32,
    },
    /// The producer's signature of the block id.
    Signature {
        /// The producer's key.
        key: PublicKey,
        /// Its signature.
        signature: Signature,
    },
    /// A quorum of votes for the block id.
    Quorum {
        /// The view in which they were cast.
        round: u64,
        /// The votes.
        votes: Vec<VoteInfo>,
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

/// One authority's vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct VoteInfo {
    /// Who voted.
    pub key: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

impl SealInfo {
    /// A seal as JSON.
    pub fn of(seal: &Seal) -> Self {
        match seal {
            Seal::Genesis => Self::Genesis,
            Seal::Work(proof) => Self::Work {
                version: format!("{:08x}", proof.version),
                extra_nonce: format!("{:016x}", proof.extra_nonce),
                time: Time(u64::from(proof.time) * 1000),
                nonce: proof.nonce,
            },
            Seal::Signature { key, signature } => {
                Self::Signature { key: *key, signature: *signature }
            }
            Seal::Quorum { round, votes } => Self::Quorum {
                round: *round,
                votes: votes
                    .iter()
                    .map(|vote| VoteInfo { key: vote.key, signature: vote.signature })
                    .collect(),
            },
            Seal::Leader { round, leader, signature } => {
                Self::Leader { round: *round, leader: *leader, signature: *signature }
            }
        }
    }
}
