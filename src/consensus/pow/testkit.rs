//! Chains of real, very easy proofs, for the tests of this rule and of whole replicas.

use std::num::NonZeroU64;
use std::sync::Arc;

use super::{PowParams, PowRules};
use crate::chain::testkit::tree_of;
use crate::chain::{ImportError, Imported, Node, Tree, import};
use crate::consensus::retarget::Asert;
use crate::consensus::retarget::Retarget;
use crate::consensus::schedule::Issuance;
use crate::ledger::Params;
use crate::ledger::testkit::{MemBase, draft, params as ledger_params};
use crate::types::target::{Bits, Target};
use crate::types::work::{WORK_VERSION, WorkProof};
use crate::types::{
    Amount, Block, Claim, Draft, Header, Height, Seal, Span, Time, Transaction, body_root,
};

/// Every second hash or so proves a block.
pub(crate) const EASY: Bits = Bits(0x207f_ffff);

pub(crate) const SPACING: u64 = 10_000;

/// When the chain begins.
pub(crate) const LAUNCH: u64 = 1_700_000_000_000;

pub(crate) fn limit() -> Target {
    EASY.target().unwrap()
}

pub(crate) fn pow_params(ledger: &Params) -> PowParams {
    PowParams {
        chain: ledger.chain,
        block_time: Span(SPACING),
        retarget: Retarget::Asert(Asert { half_life: NonZeroU64::new(100_000).unwrap() }),
        spacing_max: Span(SPACING),
        initial_bits: EASY,
        limit: limit(),
        finality_depth: 5,
        future_limit: Span::seconds(60),
        seal_window: Span::seconds(120),
        issuance: Issuance {
            initial_reward: Amount(80_000),
            halving_interval: 4,
            tail_reward: Amount(15_000),
            supply_max: ledger.supply_max,
        },
    }
}

/// A chain of work, its final state in memory.
pub(crate) struct Mine {
    pub(crate) rules: Arc<PowRules>,
    pub(crate) tree: Tree,
    pub(crate) genesis: Arc<Block>,
    base: Arc<MemBase>,
}

impl Mine {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(edit: impl FnOnce(&mut PowParams)) -> Self {
        let ledger = ledger_params();
        let mut params = pow_params(&ledger);
        edit(&mut params);
        let ledger = Params { supply_max: params.issuance.supply_max, ..ledger };
        let rules = Arc::new(PowRules::new(params));
        let (tree, base) = tree_of(rules.clone(), &ledger, Time(LAUNCH));
        let genesis = tree.root().block.clone();
        Self { rules, tree, genesis, base }
    }

    /// A draft on a block, right in every way.
    pub(crate) fn draft(&self, parent: &Node, time: Time, transactions: Vec<Transaction>) -> Draft {
        let params = self.tree.params();
        let mut draft = draft(parent.id, parent.height().next(), 1, transactions, params);
        draft.header.time = time;
        draft.header.claim =
            Claim::Work { bits: self.rules.next_bits(&parent.state, parent.height()).unwrap() };
        self.complete(draft, parent)
    }

    /// Fills in the roots.
    pub(crate) fn complete(&self, mut draft: Draft, parent: &Node) -> Draft {
        draft.header.body_root = body_root(&draft.body, &self.tree.params().chain);
        draft.header.state_root = self.tree.execute(&draft, &parent.state).unwrap().root();
        draft
    }

    /// The first proof from a nonce on.
    pub(crate) fn seal_from(&self, header: &Header, first: u32, proof: WorkProof) -> WorkProof {
        let Claim::Work { bits } = header.claim else { panic!("a claim of work") };
        let id = header.id(&self.tree.params().chain);
        let proves = |nonce: &u32| {
            let proof = WorkProof { nonce: *nonce, ..proof };
            let parent = *header.parent.as_bytes();
            proof.header(header.height.0, id.as_bytes(), parent, bits).is_proven().unwrap()
        };
        WorkProof { nonce: (first..).find(proves).unwrap(), ..proof }
    }

    pub(crate) fn blank(header: &Header) -> WorkProof {
        let time = header.time.seconds();
        WorkProof { version: WORK_VERSION, extra_nonce: 0, time, nonce: 0 }
    }

    pub(crate) fn seal(&self, draft: Draft) -> Block {
        let proof = self.seal_from(&draft.header, 0, Self::blank(&draft.header));
        draft.seal(Seal::Work(proof))
    }

    /// Mines a block on the head at a time and imports it.
    pub(crate) fn mine(&mut self, time: Time, transactions: Vec<Transaction>) -> Imported {
        let block = self.seal(self.draft(self.tree.head(), time, transactions));
        self.import(block, time).unwrap()
    }

    pub(crate) fn import(&mut self, block: Block, now: Time) -> Result<Imported, ImportError> {
        import(&mut self.tree, Arc::new(block), now)
    }

    /// Mines a block on schedule.
    pub(crate) fn next(&mut self) -> Imported {
        let time = self.tree.head().block.header.time.after(Span(SPACING));
        self.mine(time, vec![])
    }

    pub(crate) fn finalise(&mut self) {
        let finalised = self.tree.newly_final(Height(u64::MAX)).unwrap();
        finalised.blocks.iter().for_each(|node| self.base.write(&node.delta));
        self.tree.advance(&finalised);
    }
}
