//! One node more for a devnet that runs.

use std::fs;

use super::directory::{Directory, Launch, Lock, NODES_MAX, NodeDirectory, node_name};
use super::error::DevnetError;
use super::payout::payouts;
use super::plan::{launches, spare_account};
use crate::api::DevnetFile;
use crate::spec::{Consensus, FrozenSpec};

/// A devnet with a node more, which is still to be started.
#[derive(Debug)]
pub struct Growth {
    /// What lives in the directory now.
    pub marker: DevnetFile,
    /// The new node.
    pub node: NodeDirectory,
    /// How it is to be started: as the others are.
    pub launch: Launch,
    /// Whether coins elect those who make blocks.
    pub elects: bool,
    /// What lived there before.
    before: DevnetFile,
}

/// Writes down that the devnet has a node more, which acts for an authority if `signs`. During a partition it belongs to
/// the first group.
///
/// # Errors
///
/// No node runs, nobody is left for whom it could sign, there are as many as there may be, or files cannot be read or written.
pub fn grow(directory: &Directory, lock: &Lock, signs: bool) -> Result<Growth, DevnetError> {
    let before = directory.existing()?;
    if directory.running(&before)?.is_empty() {
        return Err(DevnetError::Idle(directory.path().to_owned()));
    }
    let count = before.nodes.len() + 1;
    if count > NODES_MAX {
        return Err(DevnetError::NodeCount { given: count, max: NODES_MAX });
    }
    let path = directory.chain();
    let text = fs::read_to_string(&path).map_err(DevnetError::io("read", &path))?;
    let frozen = FrozenSpec::parse(&path.display().to_string(), &text)
        .map_err(|error| DevnetError::Damaged { path, reason: error.to_string() })?;
    // The new node keeps an index if the first one does, and is recorded if that one is.
    let Launch { index, stratum, record, .. } =
        directory.node(0).run()?.map(|run| run.launch).unwrap_or_default();
    let payouts = payouts(&frozen, count, &directory.payout())?;
    let mut all = launches(&frozen, payouts, index, stratum, record.as_deref());
    let mut launch = all.pop().unwrap_or_default();
    if signs {
        let mut taken = Vec::new();
        for node in directory.nodes(&before) {
            taken.extend(node.run()?.and_then(|run| run.launch.authority));
        }
        launch.authority = Some(spare_account(&frozen, count - 1, &taken)?.to_owned());
    }
    let elects = matches!(frozen.consensus(), Consensus::Dpos(_));
    let node = directory.node(count - 1);
    let marker = DevnetFile { nodes: (0..count).map(node_name).collect(), ..before.clone() };
    directory.write_marker(&marker)?;
    let mut links = directory.links()?;
    if let Some(first) = links.partition.first_mut() {
        first.push(node.name.clone());
        directory.write_links(&links, lock)?;
    }
    Ok(Growth { marker, node, launch, elects, before })
}

impl Growth {
    /// Takes it back: the node did not start.
    ///
    /// # Errors
    ///
    /// Files that cannot be written or removed.
    pub fn undo(self, directory: &Directory, lock: &Lock) -> Result<(), DevnetError> {
        let mut links = directory.links()?;
        if !links.partition.is_empty() {
            links
                .partition
                .iter_mut()
                .for_each(|group| group.retain(|name| *name != self.node.name));
            directory.write_links(&links, lock)?;
        }
        self.node.remove()?;
        directory.write_marker(&self.before)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::super::directory::Ending;
    use super::super::fake::{FakeNet, FakeRpc};
    use super::super::halt::end;
    use super::super::supervise::start;
    use super::*;
    use crate::api::DevnetLinks;
    use crate::spec::Spec;
    use crate::types::Time;
    use crate::types::target::Bits;

    #[tokio::test]
    async fn a_node_joins_those_that_run_and_is_forgotten_if_it_fails() {
        let net = FakeNet::new(2, "");
        let lock = net.directory.lock().unwrap();
        let error = grow(&net.directory, &lock, false).unwrap_err();
        assert!(matches!(error, DevnetError::Idle(_)), "{error}");
        let rpc = FakeRpc::default();
        start(&net.program, &net.directory, &net.nodes, &net.launches(), &rpc).await.unwrap();
        // What the fake nodes were started with is no spec, and what the new one joins has to be one.
        let spec = Spec::parse("pow-dev", crate::spec::find("pow-dev").unwrap()).unwrap();
        net.behave(&spec.freeze(Time(1_700_000_000_000), || Bits(0x207f_ffff)).to_toml());
        let parted = vec![vec!["node0".to_owned()], vec!["node1".to_owned()]];
        let links = DevnetLinks { partition: parted.clone(), ..DevnetLinks::default() };
        net.directory.write_links(&links, &lock).unwrap();

        let growth = grow(&net.directory, &lock, false).unwrap();
        assert_eq!(growth.node, net.directory.node(2));
        assert_eq!(growth.launch.miner.as_ref().unwrap().owner.as_deref(), Some("carol"));
        assert_eq!(net.directory.existing().unwrap(), growth.marker);
        assert_eq!(growth.marker.nodes, ["node0", "node1", "node2"]);
        assert_eq!(net.directory.links().unwrap().partition[0], ["node0", "node2"]);
        fs::create_dir(&growth.node.path).unwrap();
        let path = growth.node.path.clone();
        growth.undo(&net.directory, &lock).unwrap();
        assert!(!path.exists());
        assert_eq!(net.directory.existing().unwrap(), net.marker());
        assert_eq!(net.directory.links().unwrap().partition, parted);
        end(&net.nodes, Ending::Stop, pending()).await.unwrap();
    }
}
