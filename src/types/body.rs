//! What a block carries: transactions, evidence, and the one hash that fixes every byte of both.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{
    Bounded, GenesisId, Hash, Header, PublicKey, Signature, Transaction, TransactionId, encode,
    tagged,
};

/// Transactions in a block, whatever the spec says.
pub const TRANSACTIONS_MAX: usize = 65_536;

/// Pieces of evidence in a block.
pub const EVIDENCE_MAX: usize = 8;

/// Proof that one key signed two statements that no honest signer would both sign.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Evidence {
    /// Two headers sealed by signature that cannot both be honest: one slot, one height, one coin and second, or
    /// contradicting `prior`.
    Headers {
        /// The producer's key.
        key: PublicKey,
        /// One header and its signature.
        first: Box<(Header, Signature)>,
        /// The other.
        second: Box<(Header, Signature)>,
    },
    /// Two different statements for one position of an agreement protocol.
    Statements {
        /// The signer.
        key: PublicKey,
        /// View, term or ballot.
        round: u64,
        /// Height in the chain.
        height: u64,
        /// Step within the round.
        step: u8,
        /// One statement's hash and signature.
        first: (Hash, Signature),
        /// The other.
        second: (Hash, Signature),
    },
}

/// Everything in a block beside header and seal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Body {
    /// The transactions, in the order in which they execute.
    pub transactions: Bounded<Transaction, TRANSACTIONS_MAX>,
    /// Evidence of misbehaviour.
    pub evidence: Bounded<Evidence, EVIDENCE_MAX>,
}

/// The hashes of a transaction that a body commits to. They cost more than anything else about it but its signatures, so
/// whoever needs them twice keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashed {
    /// Its id.
    pub id: TransactionId,
    /// The hash of its witnesses.
    pub witnesses: Hash,
}

impl Body {
    /// The hashes of the transactions, in order.
    pub fn hashes(&self, chain: &GenesisId) -> Vec<Hashed> {
        let hashed = |transaction: &Transaction| Hashed {
            id: transaction.id(chain),
            witnesses: transaction.witness_hash(chain),
        };
        self.transactions.iter().map(hashed).collect()
    }
}

/// The hash that a header carries for its body: a tree over (id, witnesses) of each transaction, and the evidence.
pub fn body_root(body: &Body, chain: &GenesisId) -> Hash {
    body_root_of(&body.hashes(chain), body, chain)
}

/// [`body_root`] of a body whose hashes are known.
pub fn body_root_of(hashes: &[Hashed], body: &Body, chain: &GenesisId) -> Hash {
    let leaf =
        |hashed: &Hashed| tagged("assay/leaf", chain, &[hashed.id.as_bytes(), &hashed.witnesses.0]);
    let tree = merkle_root(hashes.iter().map(leaf).collect(), chain);
    tagged("assay/body", chain, &[&tree.0, &encode(&body.evidence)])
}

/// The root of a binary hash tree.
///
/// Leaves and inner nodes hash under different tags, an odd node rises unpaired instead of being paired with a copy
/// of itself, and the number of leaves is hashed in at the top: so no two lists share a root, and the mutation of
/// CVE-2012-2459 (a list with its tail repeated) does not exist here.
pub fn merkle_root(leaves: Vec<Hash>, chain: &GenesisId) -> Hash {
    let count = (leaves.len() as u64).to_le_bytes(); // a length fits 64 bits
    let mut level = leaves;
    while level.len() > 1 {
        let pair = |pair: &[Hash]| match pair {
            [left, right] => tagged("assay/node", chain, &[&left.0, &right.0]),
            rest => rest[0],
        };
        level = level.chunks(2).map(pair).collect();
    }
    let top = level.first().copied().unwrap_or_default();
    tagged("assay/tree", chain, &[&count, &top.0])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::types::sha256d;

    #[test]
    fn repeating_the_tail_of_a_list_changes_its_root() {
        let chain = GenesisId::default();
        let leaf = |n: u8| Hash(sha256d(&[n]));
        let mut roots = BTreeSet::new();
        for length in 0..20u8 {
            let leaves: Vec<_> = (0..length).map(leaf).collect();
            assert!(roots.insert(merkle_root(leaves.clone(), &chain)));
            for tail in 1..=usize::from(length) {
                let mut mutated = leaves.clone();
                mutated.extend_from_slice(&leaves[leaves.len() - tail..]);
                assert!(roots.insert(merkle_root(mutated, &chain)), "{length} + {tail}");
            }
        }
    }
}
