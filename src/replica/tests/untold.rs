//! Own blocks that the engine does not announce at once.

use std::sync::Arc;

use super::super::wire::{Gossip, Request, Response, Status};
use super::super::*;
use super::lone::{Lone, chain};
use crate::consensus::pow::PowEngine;
use crate::consensus::pow::testkit::{Mine, SPACING};
use crate::consensus::{Action, SearchOrder};
use crate::ledger::genesis_state;
use crate::ledger::testkit::accounts;
use crate::store::MemStore;
use crate::types::testkit::key;
use crate::types::{Seal, Span};

/// Announces nothing of what it finds before the operator pays somebody else; then its latest block.
struct Secretive {
    engine: PowEngine,
    latest: Option<BlockId>,
}

impl Engine for Secretive {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        if matches!(event, Event::Payout(_)) {
            self.latest.take().into_iter().for_each(|id| out.push(Action::Announce(id)));
        }
        let mut said = Outbox::default();
        self.engine.handle(event, cx, &mut said);
        for action in said.take() {
            match action {
                Action::Announce(id) => self.latest = Some(id),
                action => out.push(action),
            }
        }
    }
}

fn search(outputs: &[Output]) -> SearchOrder {
    let found = |output: &Output| match output {
        Output::Search(order) => Some((**order).clone()),
        _ => None,
    };
    outputs.iter().rev().find_map(found).expect("a search is on")
}

fn announced(outputs: &[Output], mine: &Mine) -> Vec<BlockId> {
    let id = |output: &Output| match output {
        Output::Gossip(Gossip::Announce(it)) => Some(it.header.id(&mine.tree.params().chain)),
        _ => None,
    };
    outputs.iter().filter_map(id).collect()
}

/// A replica with eight blocks that it told nobody of, and their ids.
fn secretive(mine: &Mine) -> (Lone, Vec<BlockId>) {
    let now = mine.genesis.header.time.after(Span(SPACING));
    let engine = PowEngine::new(mine.rules.clone(), Some(key(2).address()));
    let engine = Box::new(Secretive { engine, latest: None });
    let genesis = || genesis_state(&accounts(), mine.tree.params());
    let store = Arc::new(MemStore::default());
    let mut replica = Replica::open(chain(mine), genesis, engine, store, now).unwrap();
    let mut outputs = replica.take_outputs();
    let mut lone = Lone::of(replica, now);
    lone.connect(1);
    let mut ids = Vec::new();
    for _ in 0..8 {
        let order = search(&outputs);
        let proof = mine.seal_from(&order.header, 0, Mine::blank(&order.header));
        ids.push(order.block);
        lone.now = lone.now.after(Span(SPACING));
        outputs = lone.handle(Input::Found { order: order.order, seal: Seal::Work(proof) });
        assert_eq!(announced(&outputs, mine), []);
    }
    (lone, ids)
}

fn ask(lone: &mut Lone, request: Request) -> Response {
    let outputs = lone.handle(Input::Request { from: Peer(1), id: 77, request });
    let answer = |output| match output {
        Output::Respond { id: 77, response, .. } => Some(response),
        _ => None,
    };
    outputs.into_iter().find_map(answer).expect("an answer")
}

/// What a peer gets to see: where the node stands, which headers and blocks follow the first one, and the third block.
fn seen(lone: &mut Lone, mine: &Mine, third: BlockId) -> (Status, usize, usize, bool) {
    let genesis = mine.tree.root().id;
    let status = lone.replica.status();
    let Response::Status(told) = ask(lone, Request::Status(status.clone())) else { panic!() };
    assert_eq!(told, status);
    let locator = Bounded::truncated(vec![genesis]);
    let Response::Headers(headers) = ask(lone, Request::Headers { locator }) else { panic!() };
    let Response::Blocks(blocks) = ask(lone, Request::Blocks { after: genesis, count: 9 }) else {
        panic!()
    };
    let Response::Block(block) = ask(lone, Request::Block(third)) else { panic!() };
    (status, headers.len(), blocks.len(), block.is_some())
}

#[test]
fn a_block_that_is_not_announced_is_built_on_and_shown_to_nobody() {
    let mine = Mine::new();
    let (mut lone, ids) = secretive(&mine);
    assert_eq!(lone.replica.tree().head().id, ids[7], "it mines on its own");
    let genesis = mine.tree.root().id;
    let (status, headers, blocks, third) = seen(&mut lone, &mine, ids[2]);
    assert_eq!((status.head, status.height.0, headers, blocks, third), (genesis, 0, 0, 0, false));
    // Five blocks on top make a block final here, but not one that nobody could object to.
    assert_eq!(lone.replica.tree().root().id, genesis);
}

#[test]
fn announcing_a_block_announces_what_it_stands_on_lowest_first() {
    let mine = Mine::new();
    let (mut lone, ids) = secretive(&mine);
    let outputs = lone.handle(Input::Payout(None));
    assert_eq!(announced(&outputs, &mine), ids);
    let synced = outputs.iter().position(|output| *output == Output::Sync).unwrap();
    let told = outputs.iter().position(|output| matches!(output, Output::Gossip(_))).unwrap();
    assert!(synced < told);
    lone.wait(Span(1));
    let root = lone.replica.tree().root();
    assert_eq!(root.id, ids[2], "and then it is final as deep as it lies");
    let (status, headers, blocks, third) = seen(&mut lone, &mine, ids[2]);
    assert_eq!((status.head, headers, blocks, third), (ids[7], 8, 8, true));
}
