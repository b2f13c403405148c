//! Drafts that somebody beside the engine seals, and what the pool is said to do meanwhile.

use super::super::wire::Gossip;
use super::super::*;
use super::lone::*;
use crate::consensus::pow::testkit::{Mine, SPACING};
use crate::types::testkit::key;
use crate::types::{Seal, Span};

fn announces(output: &Output) -> bool {
    matches!(output, Output::Gossip(Gossip::Announce(_)))
}

#[test]
fn a_draft_sealed_here_is_imported_and_durable_before_it_is_announced() {
    let mine = Mine::new();
    let mut lone = Lone::new(&mine);
    lone.now = lone.now.after(Span(50 * SPACING));
    lone.connect(1);
    let (payment, _) = pay(&mine, fortune(&mine, 1), 5_000);
    let id = payment.id(&mine.tree.params().chain);
    let changed = Output::Report(Report::PoolChanged(vec![id]));
    let outputs = lone.handle(Input::Submit { ticket: 1, transactions: vec![payment] });
    assert!(outputs.contains(&changed), "{outputs:?}");
    assert!(lone.replica.pool().get(&id).is_some());

    let (draft, _) = mine.rules.draft(&lone.replica.context(), key(2).address()).unwrap();
    assert_eq!((draft.header.producer, draft.body.transactions.len()), (key(2).address(), 1));
    let block = mine.seal(draft);
    let outputs = lone.handle(Input::Sealed(Box::new(block.clone())));
    let at = |wanted: &dyn Fn(&Output) -> bool| outputs.iter().position(wanted);
    let imported =
        at(&|output| matches!(output, Output::Report(Report::Imported { own: true, .. })));
    let (synced, announced) = (at(&|output| *output == Output::Sync), at(&announces));
    assert!(imported < synced && synced < announced && imported.is_some(), "{outputs:?}");
    assert!(outputs.contains(&changed), "it left the pool");
    assert!(lone.replica.pool().get(&id).is_none());
    assert_eq!(lone.replica.tree().head().id, block.id(&mine.tree.params().chain));

    // Once is enough.
    let again = lone.handle(Input::Sealed(Box::new(block)));
    assert!(!again.iter().any(announces), "{again:?}");
}

#[test]
fn a_draft_with_a_wrong_proof_is_refused_and_told_nobody() {
    let mine = Mine::new();
    let mut lone = Lone::new(&mine);
    lone.connect(1);
    let (draft, _) = mine.rules.draft(&lone.replica.context(), key(2).address()).unwrap();
    let mut proof = Mine::blank(&draft.header);
    proof.version = 1;
    let block = draft.seal(Seal::Work(proof));
    let outputs = lone.handle(Input::Sealed(Box::new(block)));
    assert!(outputs.iter().any(|output| matches!(output, Output::Report(Report::Refused { .. }))));
    assert!(!outputs.iter().any(announces));
    assert_eq!(lone.replica.tree().head().height().0, 0);
}
