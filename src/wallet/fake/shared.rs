//! A fake that a command holds while a test looks into it.

use super::FakeNode;
use crate::api::{
    AuthorityList, Balance, CoinPage, DelegatesPage, Delegation, HistoryCursor, HistoryPage,
    ReadPoint, Replied, StakeParams, StakingStatus, SubmitResult, SystemInfo, TransactionInfo,
};
use crate::types::{CoinId, Transaction, TransactionId};
use crate::wallet::client::ClientError;
use crate::wallet::node::NodeApi;

/// The way a command holds on to a node that a test looks into.
impl NodeApi for &FakeNode {
    fn url(&self) -> &str {
        (**self).url()
    }

    async fn system_info(&self) -> Result<SystemInfo, ClientError> {
        (**self).system_info().await
    }

    async fn coins_list(
        &self,
        address: &str,
        after: Option<CoinId>,
        limit: u32,
    ) -> Result<CoinPage, ClientError> {
        (**self).coins_list(address, after, limit).await
    }

    async fn authority_list(&self) -> Result<AuthorityList, ClientError> {
        (**self).authority_list().await
    }

    async fn delegate_list(
        &self,
        after: Option<u64>,
        limit: u32,
    ) -> Result<DelegatesPage, ClientError> {
        (**self).delegate_list(after, limit).await
    }

    async fn delegate_votes(&self, address: &str) -> Result<Delegation, ClientError> {
        (**self).delegate_votes(address).await
    }

    async fn consensus_read(&self) -> Result<ReadPoint, ClientError> {
        (**self).consensus_read().await
    }

    async fn address_balance(&self, address: &str) -> Result<Balance, ClientError> {
        (**self).address_balance(address).await
    }

    async fn address_history(
        &self,
        address: &str,
        before: Option<HistoryCursor>,
        limit: u32,
    ) -> Result<HistoryPage, ClientError> {
        (**self).address_history(address, before, limit).await
    }

    async fn stake_status(&self, addresses: Vec<String>) -> Result<StakingStatus, ClientError> {
        (**self).stake_status(addresses).await
    }

    async fn stake_start(&self, params: &StakeParams) -> Result<StakingStatus, ClientError> {
        (**self).stake_start(params).await
    }

    async fn stake_stop(&self) -> Result<StakingStatus, ClientError> {
        (**self).stake_stop().await
    }

    async fn mempool_submit(
        &self,
        transactions: &[Transaction],
    ) -> Result<Vec<SubmitResult>, ClientError> {
        (**self).mempool_submit(transactions).await
    }

    async fn chain_reply(&self, id: TransactionId) -> Result<Replied, ClientError> {
        (**self).chain_reply(id).await
    }

    async fn chain_transaction(
        &self,
        id: TransactionId,
    ) -> Result<Option<TransactionInfo>, ClientError> {
        (**self).chain_transaction(id).await
    }
}
