//! What the node answers and what commands print with `--json`: one set of types for the node, the wallet, the devnet
//! and the benchmarks.
//!
//! Scripts rely on these shapes. Fields may be added, never renamed or removed. Amounts are decimal strings of base
//! units, times are milliseconds since the Unix epoch, ids are lower-case hexadecimal, addresses are bech32m under the
//! chain's prefix, and what may be absent is left out. Whoever reads them ignores fields that it does not know;
//! parameters of requests, in contrast, are refused when one of them is unknown.
//!
//! There is one file per namespace of the remote procedure calls, named as the calls are: `chain_info` answers a
//! [`ChainInfo`]. Nothing here reads a clock, a socket or a disk.

mod authorities;
mod bench;
pub mod bitcoin;
mod block;
mod chain;
mod coins;
mod compare;
mod concentration;
mod consensus;
mod delegates;
mod devnet;
mod error;
mod feed;
pub mod files;
mod hashrate;
mod health;
mod history;
mod max;
mod mempool;
mod mining;
mod net;
mod proof;
#[cfg(feature = "node")]
mod schema;
mod selector;
mod sim;
mod slots;
mod stake;
mod system;
mod transaction;
mod turns;
mod wallet;

pub use authorities::{AuthorityInfo, AuthorityList, AuthorityRecord, Circle, ProposalInfo};
pub use bench::{BenchLoad, BenchNode, BenchPart, BenchTimes};
pub use block::{BlockInfo, ClaimInfo, HeaderInfo, SealInfo, VoteInfo};
pub use chain::{
    BLOCKS_PAGE_BYTES, BLOCKS_PAGE_MAX, BlockParams, BlocksPage, BlocksParams, ChainInfo,
    FinalityConflictInfo, ForkInfo, ForkStatus, SpecInfo, SupplyInfo, SyncInfo, SyncStage,
};
pub use coins::{
    Balance, BalanceParams, COINS_PAGE_DEFAULT, COINS_PAGE_MAX, CoinInfo, CoinPage, CoinsParams,
    Read, ReadPoint,
};
pub use compare::{
    BenchBeside, BenchChain, BenchChange, BenchCompare, BenchCrash, BenchHeight, BenchInterval,
    BenchMachine, BenchPartition, BenchQuoted, BenchReport, BenchRule, BenchRun, BenchSafety,
    BenchWorkload,
};
pub use concentration::{Concentration, PRODUCERS_BLOCKS_MAX};
pub use consensus::{
    AuthorityStatus, ConsensusStatus, INTERVALS_MAX, PowStatus, Role, RoundStatus, pow_status,
};
pub use delegates::{
    DELEGATES_PAGE_DEFAULT, DELEGATES_PAGE_MAX, DelegatesPage, DelegatesParams, Delegation,
    VotesParams,
};
pub use devnet::{DevnetLinks, DevnetNode, DevnetStatus, NodeState, PairLink};
pub use error::{ErrorBody, ErrorReport, Exit, RpcCode};
pub use feed::{
    ConsensusItem, FinalItem, HeadItem, Item, PoolEntry, PoolItem, REORG_IDS_MAX, ReorgItem,
    UnsubscribeParams,
};
pub use files::{DevnetFile, NodeFile};
pub use hashrate::{BenchHashrate, HashrateDevnet, HashrateResult, HashrateRival, HashrateSpread};
pub use health::{Health, HealthStatus};
pub use history::{
    HISTORY_PAGE_DEFAULT, HISTORY_PAGE_MAX, HistoryCursor, HistoryInfo, HistoryKind, HistoryPage,
    HistoryParams,
};
pub use max::{BenchMax, BenchProbe};
pub use mempool::{
    MempoolInfo, MempoolParams, POOL_IDS_MAX, Refusal, SUBMIT_MAX, SubmitParams, SubmitResult,
};
pub use mining::{
    MineResult, MiningParams, MiningStatus, MiningTemplate, PayoutParams, SealParams, Sealed,
    Share, StratumStatus, TemplateParams, WorkerStatus,
};
pub use net::{
    ConnectParams, Direction, LinkParams, LinkShape, NetBlockParams, NodeLinks, PeerInfo,
};
pub use proof::{Certificate, Certified, Replied, Replies, Reply, addresses};
pub use selector::BlockSelector;
pub use sim::{
    NodeLife, NodeParted, NodeReplay, NodeStep, SimExpect, SimReplay, SimRun, SimScenario,
    SimViolation,
};
pub use slots::{DelegateStatus, SlotStatus, delegate_list, slot_status};
pub use stake::{
    CoinStake, CoinSum, HybridStatus, SecretKey, StakeParams, StakeStatus, StakingParams,
    StakingStatus, stake_status,
};
pub use system::SystemInfo;
pub use transaction::{
    OperationInfo, OutputInfo, TransactionInfo, TransactionParams, TransactionStatus,
};
pub use turns::{TurnAuthority, TurnStatus, turn_status};
pub use wallet::{SendLatency, SendReport, SendStatus};

#[cfg(test)]
mod tests;
