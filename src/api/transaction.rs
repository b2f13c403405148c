//! `chain_transaction`: a transaction, and how far it has come.

use serde::{Deserialize, Serialize};

use crate::types::{
    Address, Amount, Ballot, BlockId, CoinId, GenesisId, Height, Operation, Prefix, Time,
    Transaction, TransactionId, Witness,
};

/// What `chain_transaction` is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct TransactionParams {
    /// The transaction's id.
    pub id: TransactionId,
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum TransactionStatus {
    /// In this node's pool.
    Pending,
    /// In a block of the best branch.
    Included,
    /// In a final block.
    Final,
}

/// What `chain_transaction` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct TransactionInfo {
    /// Its id.
    pub id: TransactionId,
    /// How far it has come.
    pub status: TransactionStatus,
    /// The block that carries it, unless it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockId>,
    /// The height of that block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    /// The time of that block, or when this node first saw the pending transaction.
    pub time: Time,
    /// Blocks from that block to the head, both counted; 0 while pending.
    pub confirmations: u64,
    /// Size of the encoded transaction in bytes.
    pub size: u64,
    /// What it pays, where this node still knows the coins that it spends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Amount>,
    /// Who signed it: the owners of the coins it spends, in order of first use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
    /// The coins it spends.
    pub inputs: Vec<CoinId>,
    /// The coins it creates.
    pub outputs: Vec<OutputInfo>,
    /// What it does beside moving coins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationInfo>,
}

/// A coin that a transaction creates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct OutputInfo {
    /// The coin's id.
    pub coin: CoinId,
    /// Who owns it.
    pub to: String,
    /// How much it holds.
    pub amount: Amount,
}

impl TransactionInfo {
    /// A transaction that was first seen at `time` and is in no block yet.
    pub fn pending(
        transaction: &Transaction,
        chain: &GenesisId,
        prefix: &Prefix,
        time: Time,
    ) -> Self {
        let id = transaction.id(chain);
        let signer = |witness: &Witness| Address::of(&witness.key).encode(prefix);
        let output = |(index, output): (usize, &crate::types::Output)| OutputInfo {
            coin: Transaction::coin_id(&id, index, chain),
            to: output.to.encode(prefix),
            amount: output.amount,
        };
        Self {
            id,
            status: TransactionStatus::Pending,
            block: None,
            height: None,
            time,
            confirmations: 0,
            size: transaction.size() as u64, // a length fits 64 bits
            fee: None,
            signers: transaction.witnesses.iter().map(signer).collect(),
            inputs: transaction.inputs.to_vec(),
            outputs: transaction.outputs.iter().enumerate().map(output).collect(),
            operation: transaction.operation.as_ref().map(|op| OperationInfo::of(op, prefix)),
        }
    }
}

/// What a transaction does beside moving coins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum OperationInfo {
    /// Stand as a delegate.
    RegisterDelegate {
        /// The delegate's name.
        name: String,
    },
    /// Stop being a delegate.
    ResignDelegate,
    /// Return to the schedule after a suspension.
    ReactivateDelegate,
    /// Approve these delegates and no others.
    Vote {
        /// The approved delegates.
        delegates: Vec<String>,
    },
    /// Approve nobody.
    Unvote,
    /// Say who stands behind an authority.
    RegisterAuthority {
        /// The authority's name.
        name: String,
        /// The organisation that runs it.
        organisation: String,
        /// How to reach it.
        contact: String,
    },
    /// Wish that an authority be added or removed.
    ProposeAuthority {
        /// Whom it is about.
        address: String,
        /// `add` or `remove`.
        ballot: String,
    },
    /// Take a wish back.
    WithdrawProposal {
        /// Whom it was about.
        address: String,
    },
    /// Write a few bytes into the chain.
    Note {
        /// The bytes in hexadecimal.
        bytes: String,
    },
}

impl OperationInfo {
    /// An operation as JSON.
    pub fn of(operation: &Operation, prefix: &Prefix) -> Self {
        match operation {
            Operation::RegisterDelegate { name } => {
                Self::RegisterDelegate { name: name.as_str().into() }
            }
            Operation::ResignDelegate => Self::ResignDelegate,
            Operation::ReactivateDelegate => Self::ReactivateDelegate,
            Operation::Vote { delegates } => {
                Self::Vote { delegates: delegates.iter().map(|d| d.encode(prefix)).collect() }
            }
            Operation::Unvote => Self::Unvote,
            Operation::RegisterAuthority { name, organisation, contact } => {
                Self::RegisterAuthority {
                    name: name.as_str().into(),
                    organisation: organisation.as_str().into(),
                    contact: contact.as_str().into(),
                }
            }
            Operation::ProposeAuthority { address, ballot } => Self::ProposeAuthority {
                address: address.encode(prefix),
                ballot: match ballot {
                    Ballot::Add => "add".into(),
                    Ballot::Remove => "remove".into(),
                },
            },
            Operation::WithdrawProposal { address } => {
                Self::WithdrawProposal { address: address.encode(prefix) }
            }
            Operation::Note { bytes } => Self::Note { bytes: hex::encode(&**bytes) },
        }
    }
}
