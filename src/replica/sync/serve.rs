//! What peers ask of us.

use super::super::wire::{
    BLOCKS_MAX, HEADERS_MAX, RESPONSE_BYTES_MAX, Request, Response, SealedHeader,
};
use super::super::{Output, Peer, Replica, RequestId};
use crate::store::{Store, StoreError, StoredHeader};
use crate::types::{Block, BlockId, Bounded, Height, Transaction};

/// Encoded headers or blocks in one response, in bytes, beyond which no other is added.
const BYTES_MAX: usize = RESPONSE_BYTES_MAX / 2;

impl<S: Store> Replica<S> {
    pub(in super::super) fn requested(&mut self, from: Peer, id: RequestId, request: Request) {
        if let Request::Block(block) | Request::Transactions { block, .. } = &request
            && self.wait_for(from, id, block, &request)
        {
            return;
        }
        let response = match request {
            Request::Status(status) => {
                self.stands(from, status);
                Ok(Response::Status(self.status()))
            }
            Request::Headers { locator } => self.headers_after(&locator),
            Request::Blocks { after, count } => self.blocks_after(&after, count),
            Request::Block(id) => self.block(&id).map(|block| Response::Block(block.map(Box::new))),
            Request::Transactions { block, places } => {
                self.block(&block).map(|block| pick(block, &places))
            }
        };
        if let Some(response) = self.stored(response) {
            self.outputs.push(Output::Respond { to: from, id, response });
        }
    }

    /// The block that others are told stands at a height of our best branch.
    fn told_at(&self, height: Height) -> Result<Option<BlockId>, StoreError> {
        Ok(self.id_at(height)?.filter(|id| !self.untold.contains(id)))
    }

    fn block(&self, id: &BlockId) -> Result<Option<Block>, StoreError> {
        if self.untold.contains(id) {
            return Ok(None);
        }
        match self.tree.get(id) {
            Some(node) => Ok(Some((*node.block).clone())),
            None => self.stored.block(id),
        }
    }

    /// A block without its body, from memory or from the store.
    pub(super) fn header(&self, id: &BlockId) -> Result<Option<StoredHeader>, StoreError> {
        match self.tree.get(id) {
            Some(node) => Ok(Some(StoredHeader {
                header: node.block.draft.header,
                seal: node.block.seal.clone(),
                rank: Some(node.rank.clone()),
            })),
            None => self.stored.header(id),
        }
    }

    /// The height of a block, if it lies on the best branch.
    fn on_best_branch(&self, id: &BlockId) -> Result<Option<Height>, StoreError> {
        let Some(height) = self.header(id)?.map(|known| known.header.height) else {
            return Ok(None);
        };
        Ok((self.told_at(height)? == Some(*id)).then_some(height))
    }

    fn headers_after(&self, locator: &[BlockId]) -> Result<Response, StoreError> {
        let mut common = None;
        for id in locator {
            common = self.on_best_branch(id)?;
            if common.is_some() {
                break;
            }
        }
        let mut headers = Vec::new();
        let Some(common) = common else { return Ok(Response::Headers(Bounded::default())) };
        let (mut height, mut bytes) = (common.next(), 0);
        while headers.len() < HEADERS_MAX && bytes < BYTES_MAX {
            let Some(id) = self.told_at(height)? else { break };
            let Some(StoredHeader { header, seal, .. }) = self.header(&id)? else { break };
            let sealed = SealedHeader { header, seal };
            bytes += borsh::object_length(&sealed).unwrap_or(BYTES_MAX);
            headers.push(sealed);
            height = height.next();
        }
        Ok(Response::Headers(Bounded::truncated(headers)))
    }

    fn blocks_after(&self, after: &BlockId, count: u32) -> Result<Response, StoreError> {
        let mut blocks = Vec::new();
        let Some(common) = self.on_best_branch(after)? else {
            return Ok(Response::Blocks(Bounded::default()));
        };
        let (mut height, mut bytes) = (common.next(), 0);
        // A count beyond what any answer holds is as good as that.
        let count = usize::try_from(count).unwrap_or(BLOCKS_MAX).min(BLOCKS_MAX);
        while blocks.len() < count && bytes < BYTES_MAX {
            let Some(id) = self.told_at(height)? else { break };
            let Some(block) = self.block(&id)? else { break };
            bytes += borsh::object_length(&block).unwrap_or(BYTES_MAX);
            blocks.push(block);
            height = height.next();
        }
        Ok(Response::Blocks(Bounded::truncated(blocks)))
    }
}

/// The transactions at these places, or nothing if one of them does not exist or they do not ascend: asked for once
/// each, they are never more than the block.
fn pick(block: Option<Block>, places: &[u32]) -> Response {
    if !places.is_sorted_by(|one, next| one < next) {
        return Response::Transactions(Bounded::default());
    }
    let transactions = block.map(|block| block.draft.body.transactions).unwrap_or_default();
    let pick = |place: &u32| transactions.get(*place as usize).cloned();
    let picked: Option<Vec<Transaction>> = places.iter().map(pick).collect();
    Response::Transactions(Bounded::truncated(picked.unwrap_or_default()))
}
