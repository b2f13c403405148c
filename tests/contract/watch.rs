//! What is remembered of a node from outside, over all its lives: what it said must stay so.

use std::collections::BTreeMap;

use assay::replica::wire::Gossip;
use assay::replica::{Output, Replica, Report};
use assay::store::{MemStore, Store, Table};
use assay::types::{BlockId, Evidence, Header, Height, Seal, Signature, TransactionId};

use super::subject::{Subject, person};

#[derive(Default)]
pub struct Watch {
    /// The final block at each height that was seen to be final.
    finals: BTreeMap<Height, BlockId>,
    /// Own blocks that it told others of.
    pub told: Vec<(BlockId, Header, Seal)>,
    /// Transactions that it accepted from a wallet.
    pub accepted: Vec<TransactionId>,
}

impl Watch {
    fn is_final(&mut self, height: Height, id: BlockId) {
        if let Some((highest, there)) = self.finals.last_key_value() {
            assert!(height >= *highest, "final was {highest} ({there}), now it is {height} ({id})");
        }
        let before = *self.finals.entry(height).or_insert(id);
        assert_eq!(before, id, "another block is final at {height}");
    }

    /// The highest block that was seen to be final.
    pub fn highest_final(&self) -> Height {
        self.finals.last_key_value().map_or(Height(0), |(height, _)| *height)
    }

    /// After every step.
    pub fn look(&mut self, replica: &Replica<MemStore>) {
        let root = replica.tree().root();
        self.is_final(root.height(), root.id);
    }

    /// It did this.
    pub fn saw(&mut self, subject: &Subject, output: &Output) {
        match output {
            Output::Gossip(Gossip::Announce(announce)) => {
                let id = announce.header.id(&subject.params().chain);
                assert!(announce.evidence.is_empty(), "block {id} proves that somebody cheated");
                self.told.push((id, announce.header, announce.seal.clone()));
            }
            Output::Submitted { results, .. } => {
                self.accepted.extend(results.iter().filter_map(|result| result.as_ref().ok()));
            }
            Output::Report(Report::Final { height, id, .. }) => self.is_final(*height, *id),
            _ => {}
        }
    }

    /// It is back from its store.
    pub fn reopened(
        &mut self,
        subject: &Subject,
        seat: Option<usize>,
        replica: &Replica<MemStore>,
    ) {
        self.look(replica);
        let store = replica.store();
        for (id, header, _) in &self.told {
            let there = store.get(Table::Blocks, id.as_bytes()).unwrap().is_some();
            let lost = header.height <= replica.tree().root().height();
            assert!(there || lost, "it forgot its own block {id} at {}", header.height);
        }
        let view = replica.view();
        for id in &self.accepted {
            let pending = replica.pool().get(id).is_some() || view.included.contains_key(id);
            let there = store.get(Table::Transactions, id.as_bytes()).unwrap().is_some();
            assert!(pending || there, "it forgot transaction {id}");
        }
        let head = replica.tree().head();
        assert_eq!(head.state.root(), head.block.header.state_root, "its state is another");
        self.contradicts_nothing(subject, seat, replica);
    }

    /// No two blocks that it told of prove, by the rule's own law, that it cheated.
    pub fn contradicts_nothing(
        &self,
        subject: &Subject,
        seat: Option<usize>,
        replica: &Replica<MemStore>,
    ) {
        let Some(key) = seat.map(|seat| person(seat).public()) else { return };
        let signed: Vec<(Header, Signature)> = self.told.iter().filter_map(signature).collect();
        for (n, first) in signed.iter().enumerate() {
            for second in signed[..n].iter().filter(|second| second.0 != first.0) {
                let id = |signed: &(Header, Signature)| signed.0.id(&subject.spec.genesis_id());
                let ordered = id(first) < id(second);
                let (one, other) = if ordered { (first, second) } else { (second, first) };
                let (one, other) = (Box::new(*one), Box::new(*other));
                let evidence = Evidence::Headers { key, first: one, second: other };
                let convicted = convicts(subject, replica, evidence);
                assert!(!convicted, "it contradicts itself: {:?} and {:?}", first.0, second.0);
            }
        }
    }
}

fn signature((_, header, seal): &(BlockId, Header, Seal)) -> Option<(Header, Signature)> {
    match seal {
        Seal::Signature { signature, .. } | Seal::Leader { signature, .. } => {
            Some((*header, *signature))
        }
        Seal::Genesis | Seal::Work(_) | Seal::Quorum { .. } => None,
    }
}

/// Whether a block that carries this evidence executes: then the rule takes it for proof.
fn convicts(subject: &Subject, replica: &Replica<MemStore>, evidence: Evidence) -> bool {
    let tree = replica.tree();
    let Some(parent) = tree.get(&tree.head().block.header.parent) else { return false };
    let mut draft = tree.head().block.draft.clone();
    let mut all = draft.body.evidence.into_inner();
    all.push(evidence);
    draft.body.evidence = assay::types::Bounded::truncated(all);
    draft.header.body_root = assay::types::body_root(&draft.body, &subject.params().chain);
    tree.execute(&draft, &parent.state).is_ok()
}
