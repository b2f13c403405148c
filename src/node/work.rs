//! Work done elsewhere: drafts handed out as templates, and proofs taken back.
//!
//! A template is a draft like the one that the node's own search works on, made by the same rule out of the same pool,
//! for whoever wants to search himself: a miner beside the node, or a script that wants a block now. The drafts stay
//! here under the ids of their blocks; what comes back is only a proof. A proven draft enters the replica as a block
//! that this side sealed and is imported, made durable and announced like one that the node found itself.
//!
//! The engine knows nothing of this: there may be any number of templates, none of them holds anything up, and a rule
//! that lets nobody else seal its blocks has no part in it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::host::{Host, NodeReplica, Stopped, wall_clock};
use super::rpc::Rule;
use crate::chain::{BlockRef, Rules, Verdict};
use crate::consensus::Context;
use crate::consensus::pow::PowRules;
use crate::miner::{Job, search_slice};
use crate::replica::Input;
use crate::store::{Store, Table};
use crate::types::work::WorkProof;
use crate::types::{Address, BlockId, Claim, Draft, Header, Seal, Span, Time};

/// Templates that are kept: for a few miners, each with the one before still in work. A draft is a block's size at most.
const TEMPLATES_MAX: usize = 16;

/// A template this young is handed out again rather than drafted anew: drafting executes a block.
const SHARED_FOR: Span = Span(500);

/// Tries between two looks at whether anybody still waits.
const SLICE: u64 = 1 << 18;

/// A block to be proven.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// The id that it will have.
    pub id: BlockId,
    /// Its header, whose claim holds the target.
    pub header: Header,
    /// Transactions in it.
    pub transactions: usize,
    /// The first of 2^32 extra nonces that nobody else was given: two miners who share a template never try the same.
    pub extra_nonce: u64,
}

/// Why a proof is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No such template.
    #[error("there is no template {0}: it was never handed out, or too many came after it")]
    Unknown(BlockId),
    /// Its block is in the chain.
    #[error("block {0} is in the chain already")]
    Known(BlockId),
    /// It stands on a block that is no longer the head.
    #[error("the template stands on {parent}, and the head is {head} by now")]
    Stale {
        /// Its parent.
        parent: BlockId,
        /// The head.
        head: BlockId,
    },
    /// The proof is wrong.
    #[error("the proof is refused: {0}")]
    Proof(String),
    /// The block is good and came too late.
    #[error("another block came first")]
    Late,
    /// The node failed.
    #[error("reading failed: {0}")]
    Failed(String),
}

/// The drafts that were handed out.
pub(super) struct Work {
    host: Host,
    /// The rule, where proofs seal blocks.
    rules: Option<Arc<PowRules>>,
    /// What to say where they do not.
    no_search: String,
    held: Mutex<VecDeque<Held>>,
    /// Blocks whose proofs came from outside.
    taken: AtomicU64,
}

struct Held {
    template: Template,
    draft: Draft,
    made: Time,
    /// How often it was handed out.
    shares: u32,
}

impl Held {
    /// The template for one more miner. The lower half of all extra nonces is for those who ask here, the upper one for
    /// miners who choose a part of it themselves.
    fn share(&mut self) -> Template {
        let extra_nonce = u64::from(self.shares & (u32::MAX >> 1)) << 32;
        self.shares = self.shares.wrapping_add(1);
        Template { extra_nonce, ..self.template }
    }
}

impl Work {
    pub(super) fn new(host: Host, rule: &Rule) -> Self {
        let (rules, no_search) = (rule.search().cloned(), rule.no_search());
        Self { host, rules, no_search, held: Mutex::default(), taken: AtomicU64::new(0) }
    }

    /// A template on the head; says why there is none.
    pub(super) async fn template(
        &self,
        payout: Address,
    ) -> Result<Result<Template, String>, Stopped> {
        if let Some(young) = self.young(payout) {
            return Ok(Ok(young));
        }
        let (template, draft) = match self.draft(payout).await? {
            Ok(drafted) => drafted,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut made = Held { template, draft, made: wall_clock(), shares: 0 };
        let template = made.share();
        let mut held = self.held();
        if held.len() >= TEMPLATES_MAX {
            held.pop_front();
        }
        held.push_back(made);
        Ok(Ok(template))
    }

    /// A new draft on the head for somebody who keeps it himself, and what it is as a template; says why there is none.
    pub(super) async fn draft(
        &self,
        payout: Address,
    ) -> Result<Result<(Template, Draft), String>, Stopped> {
        let Some(rules) = self.rules.clone() else { return Ok(Err(self.no_search.clone())) };
        let drafted = self.host.query(move |replica| draft(&rules, replica, payout)).await?;
        Ok(drafted.map(|(id, draft)| {
            let transactions = draft.body.transactions.len();
            let template = Template { id, header: draft.header, transactions, extra_nonce: 0 };
            (template, draft)
        }))
    }

    /// The last time that the work header of a template may have.
    pub(super) fn time_max(&self, header: &Header) -> Time {
        let window = self.rules.as_ref().map_or(Span(0), |rules| rules.params().seal_window);
        header.time.after(window)
    }

    /// A template that somebody asked for a moment ago and that would be no other now.
    fn young(&self, payout: Address) -> Option<Template> {
        let (head, now) = (self.host.view().head, wall_clock());
        let mut held = self.held();
        let same = |held: &&mut Held| {
            let header = &held.template.header;
            header.parent == head && header.producer == payout && now.since(held.made) < SHARED_FOR
        };
        held.iter_mut().rev().find(same).map(Held::share)
    }

    /// Blocks whose proofs came from outside, since the start.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The template of this block, if it was handed out and is kept.
    pub(super) fn kept(&self, id: &BlockId) -> Option<Template> {
        self.held().iter().find(|held| held.template.id == *id).map(|held| held.template)
    }

    /// Takes a proof. On success the block is in the tree, durable, and announced.
    pub(super) async fn seal(
        &self,
        id: BlockId,
        proof: WorkProof,
    ) -> Result<Result<(), SealError>, Stopped> {
        let draft = self.held().iter().find(|held| held.template.id == id).map(|h| h.draft.clone());
        let Some(draft) = draft else { return self.missing(id).await.map(Err) };
        let sealed = self.seal_draft(id, draft, proof).await?;
        if matches!(sealed, Ok(()) | Err(SealError::Late)) {
            self.held().retain(|held| held.template.id != id);
        }
        Ok(sealed)
    }

    /// The same for a draft that somebody kept, whose block has this id.
    pub(super) async fn seal_draft(
        &self,
        id: BlockId,
        draft: Draft,
        proof: WorkProof,
    ) -> Result<Result<(), SealError>, Stopped> {
        let seal = Seal::Work(proof);
        if let Err(error) = self.judge(&draft.header, &seal) {
            return Ok(Err(error));
        }
        let height = draft.header.height;
        let mut changes = self.host.changes();
        self.host.inbox().input(Input::Sealed(Box::new(draft.seal(seal))));
        // The loop takes one after the other: this is asked when the block was imported, or was not.
        let is_there = self.host.query(move |replica| replica.tree().get(&id).is_some()).await?;
        if !is_there {
            return Ok(Err(SealError::Late));
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        // What readers see is durable, and they see it a moment later.
        while self.host.view().header.height < height {
            changes.changed().await.map_err(|_| Stopped)?;
        }
        Ok(Ok(()))
    }

    /// Why there is no such template: the block that it became is in the chain, or there never was one.
    async fn missing(&self, id: BlockId) -> Result<SealError, Stopped> {
        let is_there = move |replica: &NodeReplica| {
            if replica.tree().get(&id).is_some() {
                return Ok(true);
            }
            replica.store().get(Table::Blocks, id.as_bytes()).map(|block| block.is_some())
        };
        Ok(match self.host.query(is_there).await? {
            Ok(true) => SealError::Known(id),
            Ok(false) => SealError::Unknown(id),
            Err(error) => SealError::Failed(error.to_string()),
        })
    }

    /// Judges a seal as the import will, so that whoever sent it hears what is wrong.
    fn judge(&self, header: &Header, seal: &Seal) -> Result<(), SealError> {
        let view = self.host.view();
        if header.parent != view.head {
            return Err(SealError::Stale { parent: header.parent, head: view.head });
        }
        let parent = BlockRef { id: &view.head, header: &view.header, state: &view.state };
        let rules = self.rules.as_ref().ok_or_else(|| SealError::Proof(self.no_search.clone()))?;
        rules.verify(header, seal, parent).map_err(|verdict| match verdict {
            Verdict::Failed(failed) => SealError::Failed(failed.0),
            verdict => SealError::Proof(verdict.to_string()),
        })
    }

    /// Makes so many blocks that pay `payout`, one after the other, with at most `tries` hashes in all. Gives the blocks
    /// that it made; it ends early when nobody waits for the answer any more.
    pub(super) async fn generate(
        &self,
        blocks: usize,
        payout: Address,
        mut tries: u64,
    ) -> Result<Result<Vec<BlockId>, String>, Stopped> {
        let mut made = Vec::new();
        while made.len() < blocks {
            let template = match self.template(payout).await? {
                Ok(template) => template,
                Err(reason) => return Ok(Err(reason)),
            };
            let (proof, tried) = match search(template, tries).await {
                Ok(outcome) => outcome,
                Err(reason) => return Ok(Err(reason)),
            };
            tries = tries.saturating_sub(tried);
            let Some(proof) = proof else { break };
            match self.seal(template.id, proof).await? {
                Ok(()) => made.push(template.id),
                // Somebody else was faster: once more on the new head.
                Err(
                    SealError::Stale { .. }
                    | SealError::Late
                    | SealError::Unknown(_)
                    | SealError::Known(_),
                ) => {}
                Err(error) => return Ok(Err(error.to_string())),
            }
        }
        Ok(Ok(made))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, VecDeque<Held>> {
        // Nothing panics while it holds the lock, so what is inside is whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn draft(
    rules: &PowRules,
    replica: &NodeReplica,
    payout: Address,
) -> Result<(BlockId, Draft), String> {
    // The replica's clock stands while nothing comes in; two drafts of one moment would be one block.
    let cx = replica.context();
    let cx = Context { now: cx.now.max(wall_clock()), ..cx };
    if cx.tree.is_overfull() {
        let unfinal = cx.tree.len();
        return Err(format!("{unfinal} blocks are not final: this node makes no more"));
    }
    if cx.behind {
        return Err("a better branch is on its way here: wait until it has come".into());
    }
    let (draft, _) = rules.draft(&cx, payout)?;
    Ok((draft.id(&cx.tree.params().chain), draft))
}

/// Tells a search that nobody waits for it any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Searches on a thread of its own, as fast as one core goes. Gives the proof, if there is one within so many tries, and
/// how many it took.
async fn search(template: Template, tries: u64) -> Result<(Option<WorkProof>, u64), String> {
    let header = template.header;
    let Claim::Work { bits } = header.claim else { return Err("the block claims no work".into()) };
    let (parent, time) = (*header.parent.as_bytes(), header.time.seconds());
    let job = Job::for_block(header.height.0, template.id.as_bytes(), parent, time, bits)
        .map_err(|error| error.to_string())?;
    let gone = Arc::new(AtomicBool::new(false));
    let waiting = Waiting(gone.clone());
    let run = move || {
        let end = tries.min(job.tries());
        let mut next = 0;
        while next < end && !gone.load(Ordering::Relaxed) {
            let slice = SLICE.min(end - next);
            if let Some((proof, used)) = search_slice(&job, next, slice) {
                return (Some(proof), next + used);
            }
            next += slice;
        }
        (None, next)
    };
    let found = tokio::task::spawn_blocking(run).await.map_err(|error| error.to_string());
    drop(waiting);
    found
}
