//! What a producer takes into a block.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::{Mempool, Pending};
use crate::types::TransactionId;

impl Mempool {
    /// Transactions for a block in an order in which they execute: the best fee rates first, none before what it
    /// stands on, at most `bytes_max` bytes and `count_max` of them. Those that are `taken` lie in blocks below already
    /// that the pool has not heard of.
    pub fn select(
        &self,
        bytes_max: usize,
        count_max: usize,
        taken: &BTreeSet<TransactionId>,
    ) -> Vec<(TransactionId, &Pending)> {
        // How many pending parents each waits for, and who waits for whom.
        let mut waits: BTreeMap<&TransactionId, usize> = BTreeMap::new();
        let mut children: BTreeMap<&TransactionId, Vec<&TransactionId>> = BTreeMap::new();
        let mut ready = BinaryHeap::new();
        for (id, pending) in &self.pending {
            if taken.contains(id) {
                continue;
            }
            let inputs = pending.transaction.inputs.iter();
            let parents = inputs.filter_map(|coin| self.created.get(coin)).map(|(_, id)| id);
            let parents: Vec<_> = parents.filter(|id| !taken.contains(id)).collect();
            if parents.is_empty() {
                ready.push((pending.rate, Reverse(pending.arrival), id));
                continue;
            }
            waits.insert(id, parents.len());
            parents.into_iter().for_each(|parent| children.entry(parent).or_default().push(id));
        }
        let mut chosen = Vec::new();
        let mut bytes = 0;
        while let Some((_, _, id)) = ready.pop() {
            if chosen.len() == count_max {
                break;
            }
            let pending = &self.pending[id];
            if bytes + pending.size > bytes_max {
                continue;
            }
            bytes += pending.size;
            chosen.push((*id, pending));
            for child in children.get(id).into_iter().flatten() {
                let left = waits.get_mut(child).expect("every child was counted");
                *left -= 1;
                if *left == 0 {
                    let pending = &self.pending[*child];
                    ready.push((pending.rate, Reverse(pending.arrival), child));
                }
            }
        }
        chosen
    }
}
