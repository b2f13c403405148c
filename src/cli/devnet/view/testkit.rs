//! Models for tests.

use std::collections::BTreeMap;

use super::blocks::Block;
use super::model::{Answer, Facts, Model, Sample, Standing};
use crate::devnet::ProcessState;
use crate::types::{BlockId, Hash, Height, Span, Time};

/// The id of the block of a branch at a height.
pub(super) fn id(height: u64, branch: u8) -> BlockId {
    let mut bytes = [branch; 32];
    let start = (height + 1000 * u64::from(branch)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[..8].copy_from_slice(&start.to_be_bytes());
    BlockId(Hash(bytes))
}

/// A block of a branch, a second after the one before.
pub(super) fn block(height: u64, branch: u8) -> Block {
    Block {
        id: id(height, branch),
        parent: id(height.saturating_sub(1), branch),
        height: Height(height),
        time: Time(1_700_000_000_000 + height * 1000),
        producer: format!("assay1q{}", ["alice", "bob", "nobodyknows"][(height % 3) as usize]),
        transactions: height % 4,
    }
}

pub(super) fn model(nodes: usize) -> Model {
    let facts = Facts {
        chain: "pow-dev".to_owned(),
        engine: "pow".to_owned(),
        genesis: "c0ffee0123456789".repeat(4),
        block_time: Span::seconds(2),
        stakes: false,
        names: BTreeMap::from([
            ("assay1qalice".to_owned(), "alice".to_owned()),
            ("assay1qbob".to_owned(), "bob".to_owned()),
        ]),
    };
    Model::new(facts, (0..nodes).map(|index| format!("node{index}")))
}

/// A node that runs and answers.
pub(super) fn running(node: usize, height: u64, branch: u8) -> Sample {
    let chain = Standing {
        height: Height(height),
        head: id(height, branch),
        final_height: Height(height.saturating_sub(20)),
    };
    let answer = Answer {
        chain,
        peers: Some(3),
        mempool: Some(17),
        hash_rate: Some(Some(1_234_000.0)),
        stakers: None,
        forks: None,
        blocks: vec![block(height, branch)],
    };
    Sample { node, process: ProcessState::Running, answer: Some(answer) }
}

/// A node of which only its process is known.
pub(super) fn mute(node: usize, process: ProcessState) -> Sample {
    Sample { node, process, answer: None }
}

/// Tells a model of the blocks of a branch.
pub(super) fn fill(model: &mut Model, heights: std::ops::RangeInclusive<u64>, branch: u8) {
    for height in heights {
        model.blocks.insert(block(height, branch));
    }
}
