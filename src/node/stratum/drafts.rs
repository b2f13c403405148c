//! The blocks that miners work on: made, kept while they can still be proven, and sealed.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::Arc;

use super::hub::{Hub, Proven};
use crate::miner::stratum::{JOBS_MAX, Template};
use crate::node::host::{Stopped, wall_clock};
use crate::node::work::{SealError, Work};
use crate::types::work::WorkProof;
use crate::types::{Address, BlockId, Claim, Draft, Hash};

/// Who makes drafts and seals them.
pub(in crate::node) trait Maker: Send + Sync + 'static {
    /// A draft on the head that pays this address, or why there is none.
    fn draft(
        &self,
        payout: Address,
    ) -> impl Future<Output = Result<Result<(Template, Draft), String>, Stopped>> + Send;

    /// Takes a proof. On success the block is in the chain.
    fn seal(
        &self,
        id: BlockId,
        draft: Draft,
        proof: WorkProof,
    ) -> impl Future<Output = Result<Result<(), SealError>, Stopped>> + Send;
}

impl Maker for Arc<Work> {
    async fn draft(&self, payout: Address) -> Result<Result<(Template, Draft), String>, Stopped> {
        let drafted = Work::draft(self, payout).await?;
        Ok(drafted.and_then(|(made, draft)| {
            let header = &draft.header;
            let Claim::Work { bits } = header.claim else {
                return Err("the block claims no work".into());
            };
            let template = Template {
                id: *made.id.as_bytes(),
                height: header.height.0,
                parent: *header.parent.as_bytes(),
                bits,
                time: header.time.seconds(),
                time_max: self.time_max(header).seconds(),
            };
            Ok((template, draft))
        }))
    }

    async fn seal(
        &self,
        id: BlockId,
        draft: Draft,
        proof: WorkProof,
    ) -> Result<Result<(), SealError>, Stopped> {
        self.seal_draft(id, draft, proof).await
    }
}

/// The drafts in work: of each address that is mined for, those of its latest jobs.
#[derive(Default)]
struct Drafts {
    of: BTreeMap<Address, VecDeque<([u8; 32], Draft)>>,
}

impl Drafts {
    fn keep(&mut self, hub: &Hub, payout: Address, id: [u8; 32], draft: Draft) {
        self.of.retain(|address, _| hub.is_mined_for(address));
        let kept = self.of.entry(payout).or_default();
        // What stands on another block cannot become one any more.
        kept.retain(|(_, other)| other.header.parent == draft.header.parent);
        if kept.len() >= JOBS_MAX {
            kept.pop_front();
        }
        kept.push_back((id, draft));
    }

    fn find(&self, proven: &Proven) -> Option<Draft> {
        let kept = self.of.get(&proven.payout)?;
        kept.iter().find(|(id, _)| *id == proven.template).map(|(_, draft)| draft.clone())
    }
}

/// Makes what is wanted and seals what is proven, until the node stops. Blocks come first: they make drafts stale.
pub(super) async fn run(hub: Arc<Hub>, maker: Arc<impl Maker>) {
    let mut drafts = Drafts::default();
    loop {
        for proven in hub.take_proven() {
            if seal(&hub, &*maker, &drafts, proven).await.is_err() {
                return;
            }
        }
        let Some(payout) = hub.take_wanted() else {
            hub.work.notified().await;
            continue;
        };
        let made = match maker.draft(payout).await {
            Ok(Ok((template, draft))) => {
                drafts.keep(&hub, payout, template.id, draft);
                Some(template)
            }
            Ok(Err(reason)) => {
                tracing::debug!("no job for miners: {reason}");
                None
            }
            Err(Stopped) => return,
        };
        hub.template(wall_clock(), payout, made);
    }
}

async fn seal(
    hub: &Hub,
    maker: &impl Maker,
    drafts: &Drafts,
    proven: Proven,
) -> Result<(), Stopped> {
    let Some(draft) = drafts.find(&proven) else { return Ok(()) };
    let id = BlockId(Hash(proven.template));
    let (height, worker) = (proven.height, &proven.worker);
    match maker.seal(id, draft, proven.proof).await? {
        Ok(()) => {
            tracing::info!(height, %id, worker, "block {height} was found by the miner {worker}");
            hub.sealed(worker);
        }
        Err(
            error @ (SealError::Stale { .. }
            | SealError::Late
            | SealError::Unknown(_)
            | SealError::Known(_)),
        ) => {
            tracing::info!(height, %id, worker, "a block of the miner {worker} came too late: {error}");
        }
        // The protocol judged it already: this is ours to mend.
        Err(error) => tracing::error!(height, %id, worker, "a proof over Stratum is lost: {error}"),
    }
    Ok(())
}
