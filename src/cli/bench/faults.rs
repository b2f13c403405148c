//! What a partition and the death of a node do to a devnet of a measurement, once its load is final.

use std::time::{Duration, Instant};

use super::nodes::Nodes;
use super::own::Own;
use crate::api::{BenchCrash, BenchPartition, DevnetLinks};
use crate::cli::error::CliError;
use crate::devnet::{Ending, NodeProgram, Ports, end, links, start};

/// For how long a part of the nodes hears nothing of the others.
const PARTED: Duration = Duration::from_secs(5);

/// How long it may take until the others go on without a node, and until all have one head.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Parts a third of the nodes, less one where it is a multiple of three, from the others, and lets them meet again.
pub(super) async fn part(own: &Own) -> Result<Option<BenchPartition>, CliError> {
    let nodes = Nodes::of(own, PATIENCE)?;
    let all = nodes.all();
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
    let healed_s = nodes.meet(healing, (LOOK, PATIENCE)).await;
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
    let nodes = Nodes::of(own, PATIENCE)?;
    let mut leader = None;
    for number in nodes.all() {
        let status = nodes.status(number).await?;
        let rounds = status.rounds();
        let leads = rounds.is_some_and(|it| it.leader.is_some() && it.leader == it.authority);
        leader = leader.or(leads.then_some(number));
    }
    let killed = leader.unwrap_or(0);
    let others: Vec<usize> = nodes.all().into_iter().filter(|node| *node != killed).collect();
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
    let rejoined_s = Nodes::of(own, PATIENCE)?.meet(starting, (LOOK, PATIENCE)).await;
    Ok(Some(BenchCrash { leader: leader.is_some(), recovered_s, rejoined_s }))
}
