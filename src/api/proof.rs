//! Proofs that are checked without the node that gave them: the certificate of a block, and an authority's reply.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::AuthorityList;
use crate::consensus::authorities::Authorities;
use crate::consensus::pbft;
use crate::types::signatures::verify_single;
use crate::types::{
    Address, Block, BlockId, GenesisId, Hash, Header, Height, Keypair, Prefix, PublicKey, Seal,
    Signature, TransactionId, decode, encode, tagged,
};

/// What proves a block to whoever knows the authorities: its header, and the votes of a quorum of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The chain.
    pub genesis: GenesisId,
    /// The block.
    pub id: BlockId,
    /// Its height.
    pub height: Height,
    /// The encoded header, hexadecimal.
    pub header: String,
    /// The encoded seal, hexadecimal.
    pub seal: String,
    /// The authorities at the head of the node that gave it, by its word: whoever checks takes those that it knows itself.
    pub authorities: Vec<String>,
}

/// What a certificate proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// The block.
    pub id: BlockId,
    /// Its height.
    pub height: Height,
    /// The view in which they voted.
    pub view: u64,
    /// Who voted.
    pub voters: Vec<Address>,
}

impl Certificate {
    /// Of a block; nothing if its seal is not of a quorum, so that it proves nothing by itself.
    pub fn of(block: &Block, genesis: GenesisId, list: &AuthorityList) -> Option<Self> {
        let Seal::Quorum { .. } = &block.seal else { return None };
        Some(Self {
            genesis,
            id: block.header.id(&genesis),
            height: block.header.height,
            header: hex::encode(encode(&block.header)),
            seal: hex::encode(encode(&block.seal)),
            authorities: list.authorities.iter().map(|it| it.address.clone()).collect(),
        })
    }

    /// Whether these authorities, known from elsewhere, decided on the block on the chain `genesis`; says why not.
    pub fn verify(
        &self,
        genesis: &GenesisId,
        authorities: &Authorities,
    ) -> Result<Certified, String> {
        if self.genesis != *genesis {
            return Err(format!("it is of the chain {}, not of {genesis}", self.genesis));
        }
        let header: Header = read("header", &self.header)?;
        let seal: Seal = read("seal", &self.seal)?;
        let id = header.id(genesis);
        if (id, header.height) != (self.id, self.height) {
            let (given, height) = (self.id, self.height);
            return Err(format!("its header is of block {id}, and it names {given} at {height}"));
        }
        pbft::certifies(genesis, &header, &seal, authorities)?;
        let (view, voters) = match &seal {
            Seal::Quorum { round, votes } => {
                (*round, votes.iter().map(|vote| Address::of(&vote.key)).collect())
            }
            _ => return Err("its seal is not of a quorum".into()),
        };
        Ok(Certified { id, height: header.height, view, voters })
    }
}

fn read<T: borsh::BorshDeserialize>(what: &str, hexadecimal: &str) -> Result<T, String> {
    let bytes = hex::decode(hexadecimal).map_err(|_| format!("its {what} is not hexadecimal"))?;
    decode(&bytes).map_err(|_| format!("its {what} does not decode"))
}

/// An authority's word that a transaction is final (Castro and Liskov 1999, 2: REPLY). f + 1 equal ones of different
/// authorities hold an honest one, so what they say is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Reply {
    /// The final block that carries the transaction.
    pub block: BlockId,
    /// Its height.
    pub height: Height,
    /// Whose word it is.
    pub key: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

/// What `chain_reply` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Replied {
    /// The reply; absent until the transaction is final at this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
}

impl Reply {
    /// Says that a transaction is final in a block.
    pub fn sign(
        chain: &GenesisId,
        id: &TransactionId,
        (block, height): (BlockId, Height),
        key: &Keypair,
    ) -> Self {
        let signature = key.sign(&Self::hash(chain, id, block, height));
        Self { block, height, key: key.public(), signature }
    }

    fn hash(chain: &GenesisId, id: &TransactionId, block: BlockId, height: Height) -> Hash {
        tagged("assay/reply", chain, &[&encode(&(id, block, height))])
    }

    /// Who says so about a transaction; nothing if the signature does not verify.
    pub fn by(&self, chain: &GenesisId, id: &TransactionId) -> Option<Address> {
        let hash = Self::hash(chain, id, self.block, self.height);
        let good = verify_single(&self.key.0, &hash.0, &self.signature.0);
        good.then(|| Address::of(&self.key))
    }
}

/// Replies that came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replies(Vec<(Address, BlockId, Height)>);

impl Replies {
    /// Takes in a reply about a transaction, if one of the authorities gave it; the first of each counts.
    pub fn push(
        &mut self,
        chain: &GenesisId,
        id: &TransactionId,
        reply: &Reply,
        authorities: &BTreeSet<Address>,
    ) {
        let by = reply.by(chain, id).filter(|by| authorities.contains(by));
        let Some(by) = by.filter(|by| self.0.iter().all(|(known, ..)| known != by)) else { return };
        self.0.push((by, reply.block, reply.height));
    }

    /// How many authorities said something.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The block that so many of them name, and who they are.
    pub fn agreed(&self, enough: usize) -> Option<(BlockId, Height, Vec<Address>)> {
        self.0.iter().find_map(|(_, block, height)| {
            let same = self.0.iter().filter(|it| (it.1, it.2) == (*block, *height));
            let who: Vec<Address> = same.map(|(by, ..)| *by).collect();
            (who.len() >= enough).then_some((*block, *height, who))
        })
    }
}

/// The addresses in a list.
pub fn addresses(list: &AuthorityList, prefix: &Prefix) -> BTreeSet<Address> {
    list.authorities.iter().filter_map(|it| Address::parse(&it.address, prefix).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::testkit::key;

    const CHAIN: GenesisId = GenesisId(Hash([7; 32]));

    /// A liar is heard once, whoever is no authority not at all, and a forged signature says nothing.
    #[test]
    fn replies_of_one_more_than_may_lie_are_believed() {
        let id = TransactionId(Hash([1; 32]));
        let (here, there) = (BlockId(Hash([2; 32])), BlockId(Hash([3; 32])));
        let authorities: BTreeSet<Address> = (1..=4).map(|number| key(number).address()).collect();
        let mut replies = Replies::default();
        let say = |replies: &mut Replies, number, block| {
            let reply = Reply::sign(&CHAIN, &id, (block, Height(9)), &key(number));
            replies.push(&CHAIN, &id, &reply, &authorities);
        };
        say(&mut replies, 4, there);
        say(&mut replies, 4, here);
        say(&mut replies, 7, there);
        say(&mut replies, 1, here);
        assert_eq!(replies.agreed(2), None);
        let mut forged = Reply::sign(&CHAIN, &id, (here, Height(9)), &key(2));
        forged.height = Height(8);
        replies.push(&CHAIN, &id, &forged, &authorities);
        assert_eq!(replies.agreed(2), None);
        let other = Reply::sign(&CHAIN, &TransactionId(Hash([5; 32])), (here, Height(9)), &key(2));
        replies.push(&CHAIN, &id, &other, &authorities);
        assert_eq!(replies.agreed(2), None);
        say(&mut replies, 2, here);
        let who = vec![key(1).address(), key(2).address()];
        assert_eq!(replies.agreed(2), Some((here, Height(9), who)));
        assert_eq!(replies.agreed(3), None);
    }
}
