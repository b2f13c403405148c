//! What a partition and the death of a node do to a devnet of a measurement, once its load is final.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::own::Own;
use crate::api::{BenchCrash, BenchPartition, BlockSelector, ChainInfo, DevnetLinks};
use crate::cli::error::CliError;
use crate::devnet::{Ending, NodeProgram, Ports, end, links, start};
use crate::types::{BlockId, Height};
use crate::wallet::client::{Client, ClientError};

/// For how long a part of the nodes hears nothing of the others.
const PARTED: Duration = Duration::from_secs(5);

/// How long it may take until the others go on without a node, and until all have one head.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The nodes of a devnet, as clients.
struct Nodes(Vec<Client>);

impl Nodes {
    fn of(own: &Own) -> Result<Self, CliError> {
        let client = |url: &str| Client::with_timeout(url, None, PATIENCE);
        let places = own.places()?;
        Ok(Self(places.iter().map(|place| client(&place.url)).collect::<Result<_, _>>()?))
    }

    /// Where some of them stand; those that do not answer are left out.
    async fn stand(&self, nodes: &[usize]) -> Vec<ChainInfo> {
        let mut infos = Vec::new();
        for node in nodes {
            infos.extend(self.0[*node].chain_info().await.ok());
        }
        infos
    }

    /// The greatest height that one of them has, and that one takes for final.
    async fn reach(&self, nodes: &[usize]) -> [u64; 2] {
        let infos = self.stand(nodes).await;
        let most = |of: fn(&ChainInfo) -> Height| infos.iter().map(of).max().map_or(0, |it| it.0);
        [most(|info| info.height), most(|info| info.final_height)]
    }

    /// The ids of a node's branch above a height.
    async fn above(&self, node: usize, height: u64) -> Result<BTreeSet<BlockId>, ClientError> {
        let mut ids = BTreeSet::new();
        let top = self.0[node].chain_info().await?.height.0;
        for height in height + 1..=top {
            ids.insert(self.0[node].chain_header(BlockSelector::Height(Height(height))).await?.id);
        }
        Ok(ids)
    }

    /// Waits until all have one head; says how many seconds after this moment that was.
    async fn meet(&self, begun: Instant) -> Option<f64> {
        let all: Vec<usize> = (0..self.0.len()).collect();
        while begun.elapsed() < PATIENCE {
            let infos = self.stand(&all).await;
            let heads: BTreeSet<BlockId> = infos.iter().map(|info| info.head).collect();
            if heads.len() == 1 && infos.len() == all.len() {
                return Some(begun.elapsed().as_secs_f64());
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }
}

/// Parts a third of the nodes, less one where it is a multiple of three, from the others, and lets them meet again.
pub(super) async fn part(own: &Own) -> Result<Option<BenchPartition>, CliError> {
    let nodes = Nodes::of(own)?;
    let all: Vec<usize> = (0..nodes.0.len()).collect();
    let few = (all.len().saturating_sub(1) / 3).max(1);
    let Some((most, few)) = all.split_at_checked(all.len().saturating_sub(few)) else {
        return Ok(None);
    };
    if most.is_empty() || few.is_empty() {
        return Ok(None);
    }
    let before = [nodes.reach(most).await, nodes.reach(few).await];
    let names = |nodes: &[usize]| {
        nodes.iter().map(|node| format!("node{node}")).collect::<Vec<_>>().join(",")
    };
    connect(own, links::groups(&own.directory, &own.marker, &[names(most), names(few)])?).await?;
    tokio::time::sleep(PARTED).await;
    let after = [nodes.reach(most).await, nodes.reach(few).await];
    let fork = before[0][0].min(before[1][0]);
    let alone = nodes.above(few[0], fork).await?;
    let healing = Instant::now();
    connect(own, Vec::new()).await?;
    let healed_s = nodes.meet(healing).await;
    let kept = nodes.above(most[0], fork).await?;
    let rose = |side: usize, of: usize| after[side][of].saturating_sub(before[side][of]);
    // Counts fit.
    Ok(Some(BenchPartition {
        sides: [most.len() as u64, few.len() as u64],
        seconds: PARTED.as_secs_f64(),
        blocks: [rose(0, 0), rose(1, 0)],
        finalised: [rose(0, 1), rose(1, 1)],
        undone: alone.difference(&kept).count() as u64,
        healed_s,
    }))
}

/// Who hears whom from now on.
async fn connect(own: &Own, partition: Vec<Vec<String>>) -> Result<(), CliError> {
    let lock = own.directory.lock()?;
    let links = DevnetLinks { partition, ..own.directory.links()? };
    own.directory.write_links(&links, &lock)?;
    Ok(links::apply(&own.directory, &own.marker, &Ports).await?)
}

/// Kills the node that leads, or the first one where nobody does, and starts it again once the others have gone on.
pub(super) async fn crash(own: &Own) -> Result<Option<BenchCrash>, CliError> {
    let nodes = Nodes::of(own)?;
    let mut leader = None;
    for (number, node) in nodes.0.iter().enumerate() {
        let status = node.consensus_status().await?;
        let rounds = status.rounds();
        let leads = rounds.is_some_and(|it| it.leader.is_some() && it.leader == it.authority);
        leader = leader.or(leads.then_some(number));
    }
    let killed = leader.unwrap_or(0);
    let others: Vec<usize> = (0..nodes.0.len()).filter(|node| *node != killed).collect();
    if others.is_empty() {
        return Ok(None);
    }
    let [_, settled] = nodes.reach(&others).await;
    let all = own.directory.nodes(&own.marker);
    let node = &all[killed];
    let Some(run) = node.run()? else { return Ok(None) };
    let _lock = own.directory.lock()?;
    end(std::slice::from_ref(node), Ending::Kill, std::future::pending()).await?;
    let died = Instant::now();
    let mut recovered_s = None;
    while recovered_s.is_none() && died.elapsed() < PATIENCE {
        match nodes.reach(&others).await {
            [_, now] if now > settled => recovered_s = Some(died.elapsed().as_secs_f64()),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
    let program = NodeProgram::own()?;
    let launches = [(node.clone(), run.launch)];
    let starting = Instant::now();
    start(&program, &own.directory, &all, &launches, &Ports).await?;
    let rejoined_s = Nodes::of(own)?.meet(starting).await;
    Ok(Some(BenchCrash { leader: leader.is_some(), recovered_s, rejoined_s }))
}
