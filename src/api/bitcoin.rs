//! What Bitcoin's names answer, in Bitcoin's shapes.
//!
//! Field names are those of Bitcoin Core 27. Hashes are our ids, times are seconds here, amounts are numbers of coins.
//! A field that has no meaning on this chain is left out, never made up; a few of our own are added where Bitcoin's do
//! not say enough.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::target::Bits;
use crate::types::{Amount, BlockId, CoinId, Hash, Height, Time, TransactionId};

/// Base units in a coin.
const COIN: f64 = 100_000_000.0;

/// An amount as Bitcoin writes it: a number of coins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Coins(f64);

impl From<Amount> for Coins {
    fn from(amount: Amount) -> Self {
        Self(amount.0 as f64 / COIN) // what can be issued is exact in a double
    }
}

/// A moment as Bitcoin writes it: seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Seconds(u64);

impl From<Time> for Seconds {
    fn from(time: Time) -> Self {
        Self(time.0 / 1000)
    }
}

/// What `getblockchaininfo` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BlockchainInfo {
    /// The chain's name.
    pub chain: String,
    /// The height of the head.
    pub blocks: Height,
    /// The greatest height that this node or one of its peers has.
    pub headers: Height,
    /// The head.
    pub bestblockhash: BlockId,
    /// Its difficulty.
    pub difficulty: f64,
    /// Its time.
    pub time: Seconds,
    /// The median of the last eleven times.
    pub mediantime: Seconds,
    /// How much of the chain is here, 0 to 1.
    pub verificationprogress: f64,
    /// Whether this node is catching up.
    pub initialblockdownload: bool,
    /// The expected number of hashes behind the head, hexadecimal.
    pub chainwork: String,
    /// Whether old blocks were removed: never.
    pub pruned: bool,
    /// Nothing.
    pub warnings: String,
}

/// What `getblockheader` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BlockHeader {
    /// The block's id.
    pub hash: BlockId,
    /// Blocks from this one to the head, both counted; −1 off the best branch.
    pub confirmations: i64,
    /// The height.
    pub height: Height,
    /// The version of the work header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// The same in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "versionHex")]
    pub version_hex: Option<String>,
    /// Commits to the body.
    pub merkleroot: Hash,
    /// The time.
    pub time: Seconds,
    /// The median of the eleven times up to this one.
    pub mediantime: Seconds,
    /// The nonce of the work header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<u32>,
    /// The target in compact form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<Bits>,
    /// How many times harder than Bitcoin's easiest target.
    pub difficulty: f64,
    /// The expected number of hashes behind it, hexadecimal; of the head only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chainwork: Option<String>,
    /// How many transactions it carries.
    #[serde(rename = "nTx")]
    pub transaction_count: u64,
    /// The parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previousblockhash: Option<BlockId>,
    /// The child on the best branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nextblockhash: Option<BlockId>,
}

/// What `getblockheader` answers: the header, or the bytes of the work header in hexadecimal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum HeaderAnswer {
    /// Verbosely.
    Verbose(Box<BlockHeader>),
    /// The 80 bytes that were hashed.
    Bytes(String),
}

/// What `getblock` answers: a block, or its bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum BlockAnswer {
    /// Verbosity 1 and 2.
    Verbose(Box<FullBlock>),
    /// Verbosity 0: our encoding of the block.
    Bytes(String),
}

/// A block with its transactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct FullBlock {
    /// The header.
    #[serde(flatten)]
    pub header: BlockHeader,
    /// Size of the encoded block in bytes.
    pub size: u64,
    /// The transactions: their ids, or with verbosity 2 all of them.
    pub tx: Vec<BlockTransaction>,
}

/// A transaction in a block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum BlockTransaction {
    /// Its id.
    Id(TransactionId),
    /// All of it.
    Whole(Box<WholeTransaction>),
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct WholeTransaction {
    /// Its id.
    pub txid: TransactionId,
    /// Size of the encoded transaction in bytes.
    pub size: u64,
    /// The coins it spends.
    pub vin: Vec<Input>,
    /// The coins it creates.
    pub vout: Vec<Output>,
    /// Its encoding in hexadecimal.
    pub hex: String,
}

/// A coin that is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Input {
    /// The coin's id, which names it here as transaction and index do in Bitcoin.
    pub coin: CoinId,
}

/// A coin that is created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Output {
    /// How much it holds.
    pub value: Coins,
    /// Its place in the transaction.
    pub n: u64,
    /// Who owns it.
    #[serde(rename = "scriptPubKey")]
    pub script: Script,
    /// Its id.
    pub coin: CoinId,
}

/// Who owns a coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Script {
    /// The address.
    pub address: String,
}

/// What `getrawmempool` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum RawMempool {
    /// The ids.
    Ids(Vec<TransactionId>),
    /// By id what is known of each.
    Entries(BTreeMap<TransactionId, RawMempoolEntry>),
}

/// A pending transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct RawMempoolEntry {
    /// Size of the encoded transaction in bytes.
    pub vsize: u64,
    /// When it arrived.
    pub time: Seconds,
    /// What it pays.
    pub fees: Fees,
}

/// What a pending transaction pays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Fees {
    /// The fee.
    pub base: Coins,
}

/// A peer in the answer of `getpeerinfo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BitcoinPeer {
    /// Its place in this list.
    pub id: u64,
    /// Where it is, as host and port.
    pub addr: String,
    /// Since when it is connected.
    pub conntime: Seconds,
    /// The last round trip in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pingtime: Option<f64>,
    /// Its software.
    pub subver: String,
    /// Whether it called us.
    pub inbound: bool,
    /// The height of its head; −1 where it has not said.
    pub synced_headers: i64,
    /// The same.
    pub synced_blocks: i64,
    /// `inbound` or `outbound-full-relay`.
    pub connection_type: String,
    /// Its peer id.
    pub peer_id: String,
}

/// What `getmininginfo` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct MiningInfo {
    /// The height of the head.
    pub blocks: Height,
    /// The difficulty of the head.
    pub difficulty: f64,
    /// Hashes per second of the whole network, estimated; 0 before there is an estimate.
    pub networkhashps: f64,
    /// Pending transactions.
    pub pooledtx: u64,
    /// The chain's name.
    pub chain: String,
    /// Nothing.
    pub warnings: String,
}

/// The end of a branch in the answer of `getchaintips`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ChainTip {
    /// Its height.
    pub height: Height,
    /// Its id.
    pub hash: BlockId,
    /// Blocks off the best branch.
    pub branchlen: u64,
    /// `active` for the head, `valid-fork` for the others: a block that does not stand is not kept.
    pub status: String,
}

/// What `getblockhash` is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HeightParams {
    /// The height.
    pub height: Height,
}

/// What `getblock` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct GetBlockParams {
    /// The block's id.
    pub blockhash: String,
    /// 0 for its bytes, 1 for its fields, 2 for its transactions as well; 1 if left out.
    #[serde(default)]
    pub verbosity: Option<Verbosity>,
}

/// What `getblockheader` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct GetHeaderParams {
    /// The block's id.
    pub blockhash: String,
    /// Whether to answer its fields rather than its bytes; true if left out.
    #[serde(default)]
    pub verbose: Option<bool>,
}

/// How much to say: a number, or as older scripts have it whether to say much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum Verbosity {
    /// 0, 1 or 2.
    Level(u8),
    /// 0 or 1.
    Verbose(bool),
}

impl Verbosity {
    /// The number.
    pub fn level(self) -> u8 {
        match self {
            Self::Level(level) => level,
            Self::Verbose(verbose) => u8::from(verbose),
        }
    }
}

/// What `getrawmempool` is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct RawMempoolParams {
    /// Whether to say more than the ids; false if left out.
    #[serde(default)]
    pub verbose: Option<bool>,
}

/// What `getnetworkhashps` is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HashRateParams {
    /// Over how many blocks; 120 if left out, and never more than that.
    #[serde(default)]
    pub nblocks: Option<i64>,
    /// Up to which height; the head if left out or negative.
    #[serde(default)]
    pub height: Option<i64>,
}

/// What `help` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HelpParams {
    /// A method; all of them if left out.
    #[serde(default)]
    pub command: Option<String>,
}

/// What `generatetoaddress` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct GenerateParams {
    /// How many blocks.
    pub nblocks: u64,
    /// Whom they pay.
    pub address: String,
    /// Hashes in all at most; as many as it takes if left out.
    #[serde(default)]
    pub maxtries: Option<u64>,
}

/// What `getblocktemplate` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct GetTemplateParams {
    /// What the miner wants.
    #[serde(default)]
    pub template_request: Option<TemplateRequest>,
}

/// What a miner wants of a template. What is not known here is ignored, as BIP 22 has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct TemplateRequest {
    /// `template`, or nothing.
    #[serde(default)]
    pub mode: Option<String>,
    /// Whom the block pays; our own field, since in Bitcoin the miner writes the coinbase.
    #[serde(default)]
    pub address: Option<String>,
    /// What the last template said: the answer comes when there is something new.
    #[serde(default)]
    pub longpollid: Option<String>,
}

/// What `getblocktemplate` answers: BIP 22, as far as a block of this chain has such fields.
///
/// The coinbase is given whole: it commits to our block, so a miner must not change it, and searches over nonce, time and
/// version. The transactions of our block are covered by that commitment and are none of the Bitcoin block's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BlockTemplate {
    /// What this server can do.
    pub capabilities: Vec<String>,
    /// Rules of Bitcoin that are in force: none.
    pub rules: Vec<String>,
    /// Rules of Bitcoin that are voted on: none.
    pub vbavailable: BTreeMap<String, u32>,
    /// Version bits that must be set: none.
    pub vbrequired: u32,
    /// The version of the work header.
    pub version: i32,
    /// The parent, with its bytes reversed as Bitcoin shows hashes: a miner reverses them again.
    pub previousblockhash: String,
    /// None.
    pub transactions: Vec<TemplateTransaction>,
    /// What a coinbase of one's own would have to hold: nothing, since it is given whole.
    pub coinbaseaux: BTreeMap<String, String>,
    /// The coinbase.
    pub coinbasetxn: TemplateTransaction,
    /// What the block pays its producer in base units, fees excluded; the coinbase itself pays nothing.
    pub coinbasevalue: u64,
    /// Names this moment: a request that carries it is answered when there is something new (BIP 22, long polling).
    pub longpollid: String,
    /// Our block's id; it may come back with the block, which says it anyway.
    pub workid: String,
    /// Seconds until a proof is no longer taken.
    pub expires: u64,
    /// The target as a number.
    pub target: String,
    /// The least time of the work header, in seconds.
    pub mintime: Seconds,
    /// The greatest.
    pub maxtime: Seconds,
    /// What a miner may change.
    pub mutable: Vec<String>,
    /// All nonces.
    pub noncerange: String,
    /// The time to begin with.
    pub curtime: Seconds,
    /// The target in compact form.
    pub bits: Bits,
    /// The height.
    pub height: Height,
    /// Our block's id, which the coinbase commits to.
    pub template: BlockId,
}

/// A transaction in a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct TemplateTransaction {
    /// Its bytes.
    pub data: String,
}

/// What `submitblock` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SubmitBlockParams {
    /// A Bitcoin block: the work header, the number one, and the coinbase of a template.
    pub hexdata: String,
    /// Ignored, as Bitcoin does; miners send the template's `workid` in an object.
    #[serde(default)]
    pub dummy: Option<serde_json::Value>,
}
