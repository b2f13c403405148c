//! Nodes for the devnet's own tests: a small script in the place of the program, and no network behind the ports.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use super::directory::{Directory, Launch, Mining, NodeDirectory};
use super::launch::NodeProgram;
use super::rpc::{NodeRpc, Report};
use crate::api::{ChainInfo, DevnetFile, NodeFile, NodeLinks};
use crate::types::{Amount, BlockId, GenesisId, Hash, Height, StateRoot, Time};

/// Acts as a node as far as processes and files go. The "chain" is shell text that may change how.
const SCRIPT: &str = r#"
echo "arguments: $*"
while [ $# -gt 0 ]; do
    case "$1" in
        --chain) chain=$2; shift ;;
        --datadir) datadir=$2; shift ;;
    esac
    shift
done
name=${datadir##*/}
announce() {
    zeros=0000000000000000000000000000000000000000000000000000000000000000
    echo "{\"pid\":$$,\"started\":1,\"chain\":\"fake\",\"genesis\":\"$zeros\",\"rpc\":\"http://127.0.0.1:1/$name\",\
\"p2p\":[\"/ip4/10.0.0.1/tcp/1/$name\",\"/ip4/127.0.0.1/tcp/1/$name\"],\"peer_id\":\"$name\"}" > "$datadir/node.json.tmp"
    mv "$datadir/node.json.tmp" "$datadir/node.json"
}
on_term() { echo "asked to stop"; exit 0; }
before() { :; }
. "$chain"
trap on_term TERM
before
announce
echo "running"
while :; do sleep 1 & wait $!; done
"#;

/// A devnet of scripts in a directory of its own. Whatever a test does, its processes are ended at the end.
#[derive(Debug)]
pub struct FakeNet {
    pub directory: Directory,
    pub nodes: Vec<NodeDirectory>,
    pub program: NodeProgram,
    _root: tempfile::TempDir,
}

impl FakeNet {
    /// So many nodes that behave as the shell text says.
    pub fn new(count: usize, behaviour: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let script = root.path().join("fake-node");
        std::fs::write(&script, SCRIPT).unwrap();
        let directory = Directory::at(&root.path().join("net")).unwrap();
        directory.create().unwrap();
        let net = Self {
            nodes: (0..count).map(|index| directory.node(index)).collect(),
            program: NodeProgram { path: "/bin/sh".into(), arguments: vec![script.into()] },
            directory,
            _root: root,
        };
        net.behave(behaviour);
        net.directory.write_marker(&net.marker()).unwrap();
        net
    }

    /// How nodes behave that are started from now on.
    pub fn behave(&self, behaviour: &str) {
        std::fs::write(self.directory.chain(), behaviour).unwrap();
    }

    pub fn marker(&self) -> DevnetFile {
        DevnetFile {
            format: DevnetFile::FORMAT,
            chain: "fake".to_owned(),
            genesis: GenesisId(Hash([0; 32])),
            engine: "pow".to_owned(),
            created: Time(1),
            nodes: self.nodes.iter().map(|node| node.name.clone()).collect(),
        }
    }

    /// Every node, mining to an address of its own.
    pub fn launches(&self) -> Vec<(NodeDirectory, Launch)> {
        let launch = |node: &NodeDirectory| Launch {
            miner: Some(Mining {
                payout: format!("assay1{}", node.name),
                owner: None,
                threads: 1,
                throttle: "10%".to_owned(),
            }),
            ..Launch::default()
        };
        self.nodes.iter().map(|node| (node.clone(), launch(node))).collect()
    }

    pub fn log(&self, index: usize) -> String {
        std::fs::read_to_string(self.nodes[index].log()).unwrap()
    }
}

impl Drop for FakeNet {
    fn drop(&mut self) {
        for node in &self.nodes {
            if let Ok(Some(run)) = node.run() {
                let _ = run.process.signal(rustix::process::Signal::KILL);
            }
        }
    }
}

/// Answers for every node, and remembers who was told to connect to whom.
#[derive(Debug, Default)]
pub struct FakeRpc {
    pub connected: Mutex<Vec<(String, String)>>,
    /// How each node was told last to treat its links.
    pub links: Mutex<BTreeMap<String, NodeLinks>>,
    /// So many requests are refused first.
    pub refusals: Mutex<usize>,
    /// Nodes that never answer.
    pub silent: Vec<String>,
}

impl NodeRpc for FakeRpc {
    async fn connect(&self, node: &NodeDirectory, _: &NodeFile, peer: &str) -> Result<(), String> {
        {
            let mut refusals = self.refusals.lock().unwrap();
            if *refusals > 0 {
                *refusals -= 1;
                return Err("not now".to_owned());
            }
        }
        self.connected.lock().unwrap().push((node.name.clone(), peer.to_owned()));
        Ok(())
    }

    async fn links(
        &self,
        node: &NodeDirectory,
        _: &NodeFile,
        links: &NodeLinks,
    ) -> Result<(), String> {
        if self.silent.contains(&node.name) {
            return Err("it does not answer".to_owned());
        }
        self.links.lock().unwrap().insert(node.name.clone(), links.clone());
        Ok(())
    }

    async fn report(&self, node: &NodeDirectory, _: &NodeFile) -> Result<Report, String> {
        if self.silent.contains(&node.name) {
            std::future::pending::<()>().await;
        }
        Ok(Report {
            chain: chain_info(node.index as u64),
            peers: 3,
            mempool: 2,
            round: None,
            stakes: Vec::new(),
        })
    }
}

/// A chain at this height.
pub fn chain_info(height: u64) -> ChainInfo {
    let byte = u8::try_from(height).unwrap();
    ChainInfo {
        chain: "fake".to_owned(),
        engine: "pow".to_owned(),
        genesis: GenesisId(Hash([0; 32])),
        height: Height(height),
        head: BlockId(Hash([byte; 32])),
        time: Time(1),
        final_height: Height(0),
        final_id: BlockId(Hash([7; 32])),
        state_root: StateRoot(Hash([8; 32])),
        supply: Amount(5),
        difficulty: None,
        stake_difficulty: None,
        hash_rate: None,
        sync: None,
        finality_conflict: None,
    }
}

/// The files in a directory, by name.
pub fn names(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
