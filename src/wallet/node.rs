//! The node as the wallet sees it: the few questions it asks, and the chain that the answers are about.

use std::future::Future;

use super::client::{Client, ClientError};
use crate::api::{
    AuthorityList, Balance, CoinPage, DelegatesPage, Delegation, HistoryCursor, HistoryPage,
    ReadPoint, Replied, RpcCode, StakeParams, StakingStatus, SubmitResult, SystemInfo,
    TransactionInfo,
};
use crate::types::{CoinId, GenesisId, Prefix, Transaction, TransactionId};

/// What the wallet asks of a node. The [`Client`] answers it over HTTP, and tests answer it by themselves.
pub trait NodeApi {
    /// Where the node is, for messages.
    fn url(&self) -> &str;

    /// `system_info`: the node and its chain.
    fn system_info(&self) -> impl Future<Output = Result<SystemInfo, ClientError>>;

    /// `coins_list`: a page of the coins of an address.
    fn coins_list(
        &self,
        address: &str,
        after: Option<CoinId>,
        limit: u32,
    ) -> impl Future<Output = Result<CoinPage, ClientError>>;

    /// `consensus_read`: afterwards the node shows whatever was final anywhere when this was asked.
    fn consensus_read(&self) -> impl Future<Output = Result<ReadPoint, ClientError>>;

    /// `address_balance`: what an address owns.
    fn address_balance(&self, address: &str) -> impl Future<Output = Result<Balance, ClientError>>;

    /// `address_history`: a page of what happened to an address.
    fn address_history(
        &self,
        address: &str,
        before: Option<HistoryCursor>,
        limit: u32,
    ) -> impl Future<Output = Result<HistoryPage, ClientError>>;

    /// `authority_list`: who decides on blocks, and what they want done.
    fn authority_list(&self) -> impl Future<Output = Result<AuthorityList, ClientError>>;

    /// `delegate_list`: a page of those who stand for election, by votes.
    fn delegate_list(
        &self,
        after: Option<u64>,
        limit: u32,
    ) -> impl Future<Output = Result<DelegatesPage, ClientError>>;

    /// `delegate_votes`: whom an address approves.
    fn delegate_votes(
        &self,
        address: &str,
    ) -> impl Future<Output = Result<Delegation, ClientError>>;

    /// `stake_status`: what chances the coins of these addresses have, and who stakes on the node.
    fn stake_status(
        &self,
        addresses: Vec<String>,
    ) -> impl Future<Output = Result<StakingStatus, ClientError>>;

    /// `stake_start`: stakes the coins of these keys from now on.
    fn stake_start(
        &self,
        params: &StakeParams,
    ) -> impl Future<Output = Result<StakingStatus, ClientError>>;

    /// `stake_stop`: stakes no coins.
    fn stake_stop(&self) -> impl Future<Output = Result<StakingStatus, ClientError>>;

    /// `mempool_submit`: admits transactions in their order; one answer for each.
    fn mempool_submit(
        &self,
        transactions: &[Transaction],
    ) -> impl Future<Output = Result<Vec<SubmitResult>, ClientError>>;

    /// `chain_reply`: the word of the authority that the node acts for.
    fn chain_reply(&self, id: TransactionId) -> impl Future<Output = Result<Replied, ClientError>>;

    /// `chain_transaction`: a transaction and how far it has come; nothing if the node does not know it.
    fn chain_transaction(
        &self,
        id: TransactionId,
    ) -> impl Future<Output = Result<Option<TransactionInfo>, ClientError>>;
}

impl NodeApi for Client {
    fn url(&self) -> &str {
        self.url()
    }

    async fn system_info(&self) -> Result<SystemInfo, ClientError> {
        self.system_info().await
    }

    async fn coins_list(
        &self,
        address: &str,
        after: Option<CoinId>,
        limit: u32,
    ) -> Result<CoinPage, ClientError> {
        self.coins_list(address, after, limit).await
    }

    async fn consensus_read(&self) -> Result<ReadPoint, ClientError> {
        self.consensus_read().await
    }

    async fn address_balance(&self, address: &str) -> Result<Balance, ClientError> {
        self.address_balance(address).await
    }

    async fn address_history(
        &self,
        address: &str,
        before: Option<HistoryCursor>,
        limit: u32,
    ) -> Result<HistoryPage, ClientError> {
        self.address_history(address, before, limit).await
    }

    async fn authority_list(&self) -> Result<AuthorityList, ClientError> {
        self.authority_list().await
    }

    async fn delegate_list(
        &self,
        after: Option<u64>,
        limit: u32,
    ) -> Result<DelegatesPage, ClientError> {
        self.delegate_list(after, limit).await
    }

    async fn delegate_votes(&self, address: &str) -> Result<Delegation, ClientError> {
        self.delegate_votes(address).await
    }

    async fn stake_status(&self, addresses: Vec<String>) -> Result<StakingStatus, ClientError> {
        self.stake_status(Some(addresses)).await
    }

    async fn stake_start(&self, params: &StakeParams) -> Result<StakingStatus, ClientError> {
        self.stake_start(params).await
    }

    async fn stake_stop(&self) -> Result<StakingStatus, ClientError> {
        self.stake_stop().await
    }

    async fn mempool_submit(
        &self,
        transactions: &[Transaction],
    ) -> Result<Vec<SubmitResult>, ClientError> {
        self.mempool_submit(transactions).await
    }

    async fn chain_reply(&self, id: TransactionId) -> Result<Replied, ClientError> {
        self.chain_reply(id).await
    }

    async fn chain_transaction(
        &self,
        id: TransactionId,
    ) -> Result<Option<TransactionInfo>, ClientError> {
        self.chain_transaction(id).await
    }
}

/// The error for an answer that makes no sense.
pub fn garbled(node: &impl NodeApi, reason: impl Into<String>) -> ClientError {
    ClientError::Garbled { url: node.url().into(), reason: reason.into() }
}

/// Whether the node may well answer if it is asked again soon: it starts, stops, is busy, or cannot be reached.
pub fn is_passing(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable { .. } | ClientError::Timeout { .. })
        || matches!(error.code(), Some(RpcCode::WarmingUp | RpcCode::Stopping))
}

/// The chain of a node, as far as the wallet has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name. Foreign text.
    pub name: String,
    /// What tells it from every other.
    pub genesis: GenesisId,
    /// The rule that makes its blocks. Foreign text.
    pub engine: String,
    /// The prefix of its addresses.
    pub prefix: Prefix,
    /// What its coin is called. Foreign text.
    pub symbol: String,
    /// Whether it lists the development accounts.
    pub dev: bool,
    /// The least fee, in base units per encoded byte.
    pub fee_per_byte_min: u64,
    /// Encoded bytes that one transaction may have.
    pub transaction_bytes_max: usize,
    /// Blocks on top of a final block, where finality follows from depth.
    pub finality_depth: Option<u64>,
}

impl Chain {
    /// Asks a node for its chain.
    ///
    /// # Errors
    ///
    /// The node does not answer, or describes a chain that cannot be.
    pub async fn of(node: &impl NodeApi) -> Result<Self, ClientError> {
        let info = node.system_info().await?;
        let prefix = Prefix::new(&info.address_prefix)
            .map_err(|reason| garbled(node, format!("the prefix of its addresses: {reason}")))?;
        Ok(Self {
            name: info.chain,
            genesis: info.genesis,
            engine: info.engine,
            prefix,
            symbol: info.symbol,
            dev: info.dev,
            fee_per_byte_min: info.fee_per_byte_min,
            transaction_bytes_max: usize::try_from(info.transaction_bytes_max)
                .unwrap_or(usize::MAX),
            finality_depth: info.finality_depth,
        })
    }
}
