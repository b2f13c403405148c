//! The nodes of a devnet of a measurement, as clients.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::own::Own;
use crate::api::{BlockSelector, ChainInfo, ConsensusStatus};
use crate::cli::error::CliError;
use crate::types::{BlockId, Height};
use crate::wallet::client::{Client, ClientError};

/// The nodes, in the order of their numbers.
pub(super) struct Nodes(Vec<Client>);

impl Nodes {
    /// Those of a devnet, each of which may take so long to answer.
    pub(super) fn of(own: &Own, wait: Duration) -> Result<Self, CliError> {
        let client = |url: &str| Client::with_timeout(url, None, wait);
        let places = own.places()?;
        Ok(Self(places.iter().map(|place| client(&place.url)).collect::<Result<_, _>>()?))
    }

    /// Their numbers.
    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.0.len()).collect()
    }

    /// Where some of them stand; those that do not answer are left out.
    pub(super) async fn stand(&self, nodes: &[usize]) -> Vec<ChainInfo> {
        let mut infos = Vec::new();
        for node in nodes {
            infos.extend(self.0[*node].chain_info().await.ok());
        }
        infos
    }

    /// Whether these are all of them, with one head.
    pub(super) fn agree(&self, infos: &[ChainInfo]) -> bool {
        infos.len() == self.0.len() && heads(infos) == 1
    }

    /// The greatest height that one of them has, and that one takes for final.
    pub(super) async fn reach(&self, nodes: &[usize]) -> [u64; 2] {
        let infos = self.stand(nodes).await;
        let most = |of: fn(&ChainInfo) -> Height| infos.iter().map(of).max().map_or(0, |it| it.0);
        [most(|info| info.height), most(|info| info.final_height)]
    }

    /// The ids of a node's branch above a height.
    pub(super) async fn above(
        &self,
        node: usize,
        height: u64,
    ) -> Result<BTreeSet<BlockId>, ClientError> {
        let mut ids = BTreeSet::new();
        let top = self.0[node].chain_info().await?.height.0;
        for height in height + 1..=top {
            ids.insert(self.0[node].chain_header(BlockSelector::Height(Height(height))).await?.id);
        }
        Ok(ids)
    }

    /// Seconds between the last so many blocks of a node up to a height; nothing while there are too few.
    pub(super) async fn interval(
        &self,
        node: usize,
        height: Height,
        blocks: u64,
    ) -> Result<Option<f64>, ClientError> {
        let Some(first) = height.0.checked_sub(blocks).filter(|first| *first > 0) else {
            return Ok(None);
        };
        let last = self.0[node].chain_header(BlockSelector::Height(height)).await?;
        let first = self.0[node].chain_header(BlockSelector::Height(Height(first))).await?;
        Ok(Some(last.time.since(first.time).0 as f64 / 1e3 / blocks as f64)) // far below 2^53
    }

    /// What a node says of its rule.
    pub(super) async fn status(&self, node: usize) -> Result<ConsensusStatus, ClientError> {
        self.0[node].consensus_status().await
    }

    /// Waits until all have one head, looking so often; says how many seconds after a moment that was.
    pub(super) async fn meet(
        &self,
        begun: Instant,
        (look, patience): (Duration, Duration),
    ) -> Option<f64> {
        while begun.elapsed() < patience {
            if self.agree(&self.stand(&self.all()).await) {
                return Some(begun.elapsed().as_secs_f64());
            }
            tokio::time::sleep(look).await;
        }
        None
    }
}

/// How many heads there are.
pub(super) fn heads(infos: &[ChainInfo]) -> usize {
    infos.iter().map(|info| info.head).collect::<BTreeSet<_>>().len()
}
