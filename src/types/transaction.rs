//! Transactions: coins in, coins out, perhaps an operation, and one witness per owner.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{
    Address, Amount, Bounded, CoinId, GenesisId, Hash, Keypair, PublicKey, Signature, Text,
    TransactionId, encode, tagged,
};

/// Coins that one transaction may spend. Merging more takes several transactions.
pub const INPUTS_MAX: usize = 256;

/// Coins that one transaction may create.
pub const OUTPUTS_MAX: usize = 256;

/// Bytes in a delegate's or authority's name and the like.
pub const OPERATION_NAME_MAX: usize = 64;

/// Delegates that one vote may name.
const VOTE_MAX: usize = 101;

/// Bytes in a note.
const NOTE_MAX: usize = 80;

/// A coin to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Output {
    /// Who will own it.
    pub to: Address,
    /// How much it holds; never zero.
    pub amount: Amount,
}

/// In which direction an authority is proposed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
#[borsh(use_discriminant = false)]
pub enum Ballot {
    /// Let it join.
    Add,
    /// Let it go.
    Remove,
}

/// What a transaction does beside moving coins. The actor is the owner of its first input. A rule that has no use
/// for an operation refuses it as not active.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Operation {
    /// Stand as a delegate under a name.
    RegisterDelegate {
        /// The name, unique on the chain.
        name: Text<OPERATION_NAME_MAX>,
    },
    /// Stop being a delegate; the deposit unlocks after the unbonding period.
    ResignDelegate,
    /// Return to the schedule after a suspension.
    ReactivateDelegate,
    /// Approve these delegates, and no others from now on.
    Vote {
        /// The approved delegates.
        delegates: Bounded<Address, VOTE_MAX>,
    },
    /// Approve nobody.
    Unvote,
    /// Say who stands behind an authority.
    RegisterAuthority {
        /// The authority's name.
        name: Text<OPERATION_NAME_MAX>,
        /// The organisation that runs it.
        organisation: Text<OPERATION_NAME_MAX>,
        /// How to reach it.
        contact: Text<OPERATION_NAME_MAX>,
    },
    /// State the wish that an authority be added or removed.
    ProposeAuthority {
        /// Whom it is about.
        address: Address,
        /// The direction.
        ballot: Ballot,
    },
    /// Take a wish back.
    WithdrawProposal {
        /// Whom it was about.
        address: Address,
    },
    /// Write a few bytes into the chain.
    Note {
        /// The bytes.
        bytes: Bounded<u8, NOTE_MAX>,
    },
}

/// The consent of one owner: the key behind the address and its signature of the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Witness {
    /// The owner's key.
    pub key: PublicKey,
    /// Its signature of [`Transaction::signing_hash`].
    pub signature: Signature,
}

/// Moves coins. Spends at least one, so that no transaction can be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// The coins it spends, none twice.
    pub inputs: Bounded<CoinId, INPUTS_MAX>,
    /// The coins it creates. What they hold less than the inputs is the fee.
    pub outputs: Bounded<Output, OUTPUTS_MAX>,
    /// What else it does.
    pub operation: Option<Operation>,
    /// One witness per distinct owner, in the order in which the inputs first name them, and none spare.
    pub witnesses: Bounded<Witness, INPUTS_MAX>,
}

impl Transaction {
    /// The id: the hash of everything but the witnesses.
    pub fn id(&self, chain: &GenesisId) -> TransactionId {
        let parts = [encode(&self.inputs), encode(&self.outputs), encode(&self.operation)];
        TransactionId(tagged("assay/transaction", chain, &[&parts[0], &parts[1], &parts[2]]))
    }

    /// What a witness signs.
    pub fn signing_hash(id: &TransactionId, chain: &GenesisId) -> Hash {
        tagged("assay/witness", chain, &[id.as_bytes()])
    }

    /// The hash of the witnesses, which the block's body commits to beside the id.
    pub fn witness_hash(&self, chain: &GenesisId) -> Hash {
        tagged("assay/witnesses", chain, &[&encode(&self.witnesses)])
    }

    /// The id of the coin that output `index` of transaction `id` creates.
    pub fn coin_id(id: &TransactionId, index: usize, chain: &GenesisId) -> CoinId {
        // An index is below OUTPUTS_MAX.
        CoinId(tagged("assay/coin", chain, &[id.as_bytes(), &(index as u32).to_le_bytes()]))
    }

    /// Size in bytes on the wire and in a block; what the fee floor is counted on.
    pub fn size(&self) -> usize {
        borsh::object_length(self).expect("every transaction encodes")
    }

    /// Adds the witness of each of `owners`, given in the order in which the inputs first name them.
    pub fn sign(&mut self, chain: &GenesisId, owners: &[Keypair]) {
        let hash = Self::signing_hash(&self.id(chain), chain);
        let witness =
            |owner: &Keypair| Witness { key: owner.public(), signature: owner.sign(&hash) };
        self.witnesses = Bounded::truncated(owners.iter().map(witness).collect());
    }
}
