//! Believing no single node: a transaction counts as final when so many different authorities say so that one of them is
//! honest, whoever else lies (Castro and Liskov 1999, 2: the client waits for f + 1 equal replies).

use std::collections::BTreeSet;
use std::time::Duration;

use super::node::{Chain, NodeApi};
use super::track::Clock;
use crate::api::Replies;
use crate::types::{Address, BlockId, Height, TransactionId};

/// How often nodes are asked.
const POLL: Duration = Duration::from_millis(100);

/// What authorities agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The final block that carries the transaction.
    pub block: BlockId,
    /// Its height.
    pub height: Height,
    /// Who said so.
    pub by: Vec<Address>,
}

/// Whose word counts, and how many of them have to say the same.
#[derive(Debug, Clone, Copy)]
pub struct Council<'a> {
    /// The authorities.
    pub authorities: &'a BTreeSet<Address>,
    /// One more than may lie.
    pub enough: usize,
}

/// Asks nodes until enough authorities say that a transaction is final in the same block. Nothing if they have not after
/// `patience`: then how many said something is the answer.
pub async fn gather<N: NodeApi>(
    nodes: &[N],
    clock: &dyn Clock,
    (chain, id): (&Chain, &TransactionId),
    council: Council<'_>,
    patience: Duration,
) -> Result<Agreed, usize> {
    let begun = clock.now();
    let mut replies = Replies::default();
    let mut silent: Vec<&N> = nodes.iter().collect();
    loop {
        let mut waiting = Vec::new();
        for node in silent {
            // A node that is away or behind may answer later; one that answers nonsense says nothing.
            match node.chain_reply(*id).await.ok().and_then(|replied| replied.reply) {
                Some(reply) => replies.push(&chain.genesis, id, &reply, council.authorities),
                None => waiting.push(node),
            }
        }
        if let Some((block, height, by)) = replies.agreed(council.enough) {
            return Ok(Agreed { block, height, by });
        }
        if clock.now().saturating_sub(begun) >= patience || waiting.is_empty() {
            return Err(replies.len());
        }
        silent = waiting;
        clock.pause(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::types::testkit::key;
    use crate::types::{Hash, Keypair};
    use crate::wallet::fake::{FakeClock, FakeNode};

    fn said(nodes: &[(Option<Keypair>, u8)], enough: usize) -> Result<Agreed, usize> {
        let id = TransactionId(Hash([4; 32]));
        let node = |(key, block): &(Option<Keypair>, u8)| match key {
            Some(key) => FakeNode::new().replying(key.clone(), BlockId(Hash([*block; 32]))),
            None => FakeNode::new(),
        };
        let nodes: Vec<FakeNode> = nodes.iter().map(node).collect();
        let authorities: BTreeSet<Address> = (1..=4).map(|number| key(number).address()).collect();
        block_on(async {
            let chain = Chain::of(&nodes[0]).await.unwrap();
            let council = Council { authorities: &authorities, enough };
            let patience = Duration::from_secs(5);
            gather(&nodes, &FakeClock::default(), (&chain, &id), council, patience).await
        })
    }

    /// One lies, one is no authority, one says nothing, and one asked twice counts once.
    #[test]
    fn so_many_that_one_is_honest_are_believed() {
        let (liar, first, second) = (Some(key(1)), Some(key(2)), Some(key(3)));
        let agreed = said(&[(liar.clone(), 9), (first.clone(), 1), (second, 1)], 2).unwrap();
        assert_eq!(agreed.block, BlockId(Hash([1; 32])));
        assert_eq!(agreed.by, [key(2).address(), key(3).address()]);
        assert_eq!(said(&[(liar, 9), (first.clone(), 1), (Some(key(7)), 1), (None, 0)], 2), Err(2));
        assert_eq!(said(&[(first.clone(), 1), (first, 1)], 2), Err(1));
    }
}
