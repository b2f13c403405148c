//! One replica, and a test that plays everybody else.

use std::sync::Arc;

use super::super::wire::{
    Announce, BLOCKS_MAX, Gossip, HEADERS_MAX, Request, Response, SealedHeader, Status, short_id,
};
use super::super::*;
use crate::chain::Rank;
use crate::consensus::pow::PowEngine;
use crate::consensus::pow::testkit::Mine;
use crate::ledger::testkit::accounts;
use crate::ledger::{Coin, genesis_state};
use crate::store::MemStore;
use crate::types::signatures::{SignatureCheck, verify_batch};
use crate::types::testkit::key;
use crate::types::{Amount, Block, BlockId, CoinId, Height, Span, Time, Transaction};

/// Encoded bytes of pending transactions.
pub(super) const POOL_BYTES: usize = 400_000;

pub(super) fn chain(mine: &Mine) -> Chain {
    Chain {
        params: mine.tree.params().clone(),
        rules: mine.rules.clone(),
        genesis: (*mine.genesis).clone(),
        pool_bytes_max: POOL_BYTES,
        present: Span::seconds(1_000_000_000),
        block_time: Span::seconds(10),
        checkpoint: None,
    }
}

/// Opens a replica of the mine's chain on a store; person `payout` is paid for its blocks.
pub(super) fn open(
    mine: &Mine,
    store: Arc<MemStore>,
    payout: Option<u8>,
    now: Time,
) -> Replica<MemStore> {
    open_chain(chain(mine), mine, store, payout, now).unwrap()
}

/// Opens a replica of a chain that differs a little from the mine's.
pub(super) fn open_chain(
    chain: Chain,
    mine: &Mine,
    store: Arc<MemStore>,
    payout: Option<u8>,
    now: Time,
) -> Result<Replica<MemStore>, StoreError> {
    let params = chain.params.clone();
    let payout = payout.map(|person| key(person).address());
    let engine = Box::new(PowEngine::new(mine.rules.clone(), payout));
    Replica::open(chain, || genesis_state(&accounts(), &params), engine, store, now)
}

/// Checks a batch as a host does.
pub(super) fn bad_ones(batch: &[SignatureCheck]) -> Vec<u32> {
    verify_batch(batch).into_iter().map(|index| index as u32).collect()
}

/// A replica that makes no blocks, its clock, and the numbers that a host gives out.
pub(super) struct Lone {
    pub(super) replica: Replica<MemStore>,
    pub(super) now: Time,
    numbers: u64,
}

impl Lone {
    /// A replica at genesis whose clock stands one second after it.
    pub(super) fn new(mine: &Mine) -> Self {
        Self::on(mine, Arc::default())
    }

    pub(super) fn on(mine: &Mine, store: Arc<MemStore>) -> Self {
        let now = mine.genesis.header.time.after(Span::seconds(1));
        Self::of(open(mine, store, None, now), now)
    }

    pub(super) fn of(replica: Replica<MemStore>, now: Time) -> Self {
        Self { replica, now, numbers: 0 }
    }

    /// Handles an input without checking any signatures; wakes the replica as often as it wants to be woken at once.
    pub(super) fn raw(&mut self, input: Input) -> Vec<Output> {
        self.replica.handle(self.now, input);
        let mut outputs = self.perform();
        for _ in 0..1000 {
            if self.replica.next_deadline().is_none_or(|next| next > self.now) {
                return outputs;
            }
            self.replica.handle(self.now, Input::Tick);
            outputs.extend(self.perform());
        }
        panic!("a deadline that does not move");
    }

    fn perform(&mut self) -> Vec<Output> {
        let outputs = self.replica.take_outputs();
        if outputs.contains(&Output::Sync) {
            self.replica.store().sync().unwrap();
        }
        outputs
    }

    /// Handles an input and checks signatures as a host does; gives all other outputs.
    pub(super) fn handle(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        let mut next = self.raw(input);
        while !next.is_empty() {
            let mut again = Vec::new();
            for output in next {
                match output {
                    Output::Verify { order, batch } => {
                        again.extend(self.raw(Input::Verified { order, bad: bad_ones(&batch) }));
                    }
                    output => outputs.push(output),
                }
            }
            next = again;
        }
        outputs
    }

    /// Lets time pass; the replica wakes at its deadlines.
    pub(super) fn wait(&mut self, span: Span) -> Vec<Output> {
        let end = self.now.after(span);
        let mut outputs = Vec::new();
        while let Some(next) = self.replica.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            outputs.extend(self.handle(Input::Tick));
        }
        self.now = end;
        outputs.extend(self.handle(Input::Tick));
        outputs
    }

    /// The clock reaches the time of the mine's head.
    pub(super) fn follow(&mut self, mine: &Mine) {
        self.now = self.now.max(mine.tree.head().block.header.time);
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn connect(&mut self, peer: u64) -> Vec<Output> {
        self.handle(Input::Connected(Peer(peer)))
    }

    pub(super) fn gossip(&mut self, from: u64, gossip: Gossip) -> (GossipVerdict, Vec<Output>) {
        let message = self.number();
        let from = Peer(from);
        let outputs = self.handle(Input::Gossip { from, message, gossip });
        let verdict = outputs.iter().find_map(|output| match output {
            Output::Verdict { message: of, verdict } if *of == message => Some(*verdict),
            _ => None,
        });
        (verdict.expect("every message gets a verdict"), outputs)
    }

    pub(super) fn announce(&mut self, from: u64, block: &Block) -> (GossipVerdict, Vec<Output>) {
        let announce = announce(block, &self.replica.chain);
        self.gossip(from, Gossip::Announce(Box::new(announce)))
    }

    /// Asks as a peer does; gives the answer, unless it has to wait.
    pub(super) fn ask(&mut self, from: u64, request: Request) -> Option<Response> {
        let id = self.number();
        let outputs = self.handle(Input::Request { from: Peer(from), id, request });
        outputs.into_iter().find_map(|output| match output {
            Output::Respond { to, id: of, response } if (to, of) == (Peer(from), id) => {
                Some(response)
            }
            _ => None,
        })
    }

    pub(super) fn answer(&mut self, from: u64, id: u64, response: Response) -> Vec<Output> {
        self.handle(Input::Response { from: Peer(from), id, response })
    }

    pub(super) fn blocks(&mut self, from: u64, id: u64, blocks: &[Block]) -> Vec<Output> {
        self.answer(from, id, Response::Blocks(Bounded::truncated(blocks.to_vec())))
    }

    /// A peer boasts of a branch, shows the headers of these blocks, and is asked for them.
    pub(super) fn offer(&mut self, mine: &Mine, from: u64, blocks: &[Block]) -> Vec<Output> {
        let outputs = self.status(from, boast(mine));
        let (to, id, _) = headers_request(&outputs);
        assert_eq!(to, from);
        let outputs = self.headers(from, id, blocks);
        self.no_more(from, outputs)
    }

    /// A peer that is asked whether it has more headers has none.
    pub(super) fn no_more(&mut self, from: u64, mut outputs: Vec<Output>) -> Vec<Output> {
        for (to, id, _) in headers_requests(&outputs) {
            if to == from {
                outputs.extend(self.headers(from, id, &[]));
            }
        }
        outputs
    }

    pub(super) fn headers(&mut self, from: u64, id: u64, blocks: &[Block]) -> Vec<Output> {
        let headers = blocks.iter().map(sealed_header).collect();
        self.answer(from, id, Response::Headers(Bounded::truncated(headers)))
    }

    /// Lets these peers, each of which stands on a mine's head, answer whatever they are asked until nobody is asked
    /// anything but where it stands; gives all outputs.
    pub(super) fn serve(&mut self, peers: &[(u64, &Mine)], outputs: Vec<Output>) -> Vec<Output> {
        self.serve_some(peers, outputs, HEADERS_MAX, BLOCKS_MAX)
    }

    /// The same with so many headers and blocks in an answer at most.
    pub(super) fn serve_some(
        &mut self,
        peers: &[(u64, &Mine)],
        outputs: Vec<Output>,
        headers: usize,
        blocks: usize,
    ) -> Vec<Output> {
        let mut all = outputs.clone();
        let mut next = outputs;
        for _ in 0..10_000 {
            let mut again = Vec::new();
            for (to, id, request) in requests(&next) {
                let Some((_, mine)) = peers.iter().find(|(peer, _)| *peer == to) else { continue };
                if let Some(response) = honest(mine, &request, headers, blocks) {
                    again.extend(self.answer(to, id, response));
                }
            }
            if again.is_empty() {
                return all;
            }
            all.extend(again.iter().cloned());
            next = again;
        }
        panic!("no end of questions");
    }

    pub(super) fn head(&self) -> BlockId {
        self.replica.tree().head().id
    }

    pub(super) fn height(&self) -> u64 {
        self.replica.tree().head().height().0
    }

    pub(super) fn submit(
        &mut self,
        transactions: Vec<Transaction>,
    ) -> Vec<Result<TransactionId, String>> {
        let ticket = self.number();
        let outputs = self.handle(Input::Submit { ticket, transactions });
        let position = outputs.iter().position(|output| matches!(output, Output::Submitted { .. }));
        let position = position.expect("every submission is answered");
        let Output::Submitted { ticket: of, results } = outputs[position].clone() else {
            unreachable!("it was just found")
        };
        assert_eq!(of, ticket);
        if results.iter().any(Result::is_ok) {
            assert!(outputs[..position].contains(&Output::Sync), "durable before it is answered");
        }
        results
    }

    /// Tells the replica that a peer stands so high on a branch of this rank.
    pub(super) fn status(&mut self, from: u64, status: Status) -> Vec<Output> {
        let id = self.number();
        self.handle(Input::Request { from: Peer(from), id, request: Request::Status(status) })
    }
}

pub(super) fn sealed_header(block: &Block) -> SealedHeader {
    SealedHeader { header: block.header, seal: block.seal.clone() }
}

/// What an honest peer on the mine's head answers to a question for headers or blocks.
pub(super) fn honest(
    mine: &Mine,
    request: &Request,
    headers: usize,
    blocks: usize,
) -> Option<Response> {
    let chain = mine.tree.params().chain;
    let all = branch(mine);
    let place = |id: &BlockId| match *id == mine.genesis.id(&chain) {
        true => Some(0),
        false => all.iter().position(|block| block.id(&chain) == *id).map(|place| place + 1),
    };
    match request {
        Request::Headers { locator } => {
            let after = locator.iter().find_map(place).unwrap_or(all.len());
            let some = all[after..].iter().take(headers).map(sealed_header).collect();
            Some(Response::Headers(Bounded::truncated(some)))
        }
        Request::Blocks { after, count } => {
            let after = place(after).unwrap_or(all.len());
            let count = (*count as usize).min(blocks);
            let some = all[after..].iter().take(count).cloned().collect();
            Some(Response::Blocks(Bounded::truncated(some)))
        }
        _ => None,
    }
}

/// The announcement of a block as its maker makes it.
pub(super) fn announce(block: &Block, chain: &GenesisId) -> Announce {
    let id = block.id(chain);
    let short = |transaction: &Transaction| short_id(&id, &transaction.id(chain));
    Announce {
        header: block.header,
        seal: block.seal.clone(),
        short_ids: Bounded::truncated(block.body.transactions.iter().map(short).collect()),
        evidence: block.body.evidence.clone(),
    }
}

/// The status of a peer whose head is the mine's.
pub(super) fn status_of(mine: &Mine) -> Status {
    let (head, root) = (mine.tree.head(), mine.tree.root());
    Status {
        genesis: mine.tree.params().chain,
        head: head.id,
        height: head.height(),
        final_id: root.id,
        final_height: root.height(),
        rank: head.rank.clone(),
    }
}

/// The status of somebody who claims more than anybody can have done.
pub(super) fn boast(mine: &Mine) -> Status {
    Status {
        head: BlockId(crate::types::Hash([0xee; 32])),
        height: Height(1_000_000),
        rank: Rank::of_numbers(&[u64::MAX; 8]),
        ..status_of(mine)
    }
}

/// The blocks of the mine's best branch above the genesis block.
pub(super) fn branch(mine: &Mine) -> Vec<Block> {
    let ids = mine.tree.branch().iter().skip(1).map(|(_, id)| *id);
    ids.map(|id| (*mine.tree.get(&id).unwrap().block).clone()).collect()
}

/// A person's genesis coin.
pub(super) fn fortune(mine: &Mine, person: u8) -> (CoinId, Coin) {
    let root = &mine.tree.root().state;
    root.coins_of(&key(person).address(), None, 10).unwrap()[0]
}

/// Spends a coin back to its owner and pays a fee; gives the transaction and the coin it creates.
pub(super) fn pay(mine: &Mine, coin: (CoinId, Coin), fee: u64) -> (Transaction, (CoinId, Coin)) {
    let params = mine.tree.params();
    let amount = Amount(coin.1.amount.0 - fee);
    let made =
        crate::ledger::testkit::transaction(&[coin], &[(coin.1.owner, amount)], None, params);
    let id = Transaction::coin_id(&made.id(&params.chain), 0, &params.chain);
    (made, (id, Coin { amount, kind: crate::ledger::CoinKind::Transfer, ..coin.1 }))
}

/// Splits a coin into many.
pub(super) fn split(
    mine: &Mine,
    coin: (CoinId, Coin),
    parts: u64,
) -> (Transaction, Vec<(CoinId, Coin)>) {
    let params = mine.tree.params();
    let amount = Amount((coin.1.amount.0 - 50_000) / parts);
    let outputs = vec![(coin.1.owner, amount); parts as usize];
    let made = crate::ledger::testkit::transaction(&[coin], &outputs, None, params);
    let id = made.id(&params.chain);
    let part = |n| (Transaction::coin_id(&id, n, &params.chain), Coin { amount, ..coin.1 });
    let coins = (0..parts as usize).map(part).collect();
    (made, coins)
}

/// The requests among outputs.
pub(super) fn requests(outputs: &[Output]) -> Vec<(u64, u64, Request)> {
    let request = |output: &Output| match output {
        Output::Request { to, id, request } => Some((to.0, *id, request.clone())),
        _ => None,
    };
    outputs.iter().filter_map(request).collect()
}

/// The one request for headers among outputs: whom, under which number, from where on.
pub(super) fn headers_request(outputs: &[Output]) -> (u64, u64, Vec<BlockId>) {
    let mut found = headers_requests(outputs).into_iter();
    let only = found.next().unwrap_or_else(|| panic!("no request for headers in {outputs:?}"));
    assert_eq!(found.next(), None);
    only
}

pub(super) fn headers_requests(outputs: &[Output]) -> Vec<(u64, u64, Vec<BlockId>)> {
    let of = |(to, id, request)| match request {
        Request::Headers { locator } => Some((to, id, locator.into_inner())),
        _ => None,
    };
    requests(outputs).into_iter().filter_map(of).collect()
}

/// The requests for blocks among outputs: whom, under which number, after which block, how many.
pub(super) fn blocks_requests(outputs: &[Output]) -> Vec<(u64, u64, BlockId, u32)> {
    let of = |(to, id, request)| match request {
        Request::Blocks { after, count } => Some((to, id, after, count)),
        _ => None,
    };
    requests(outputs).into_iter().filter_map(of).collect()
}

/// The peers that were banned.
pub(super) fn banned(outputs: &[Output]) -> Vec<u64> {
    let banned = |output: &Output| match output {
        Output::Ban { peer, .. } => Some(peer.0),
        _ => None,
    };
    outputs.iter().filter_map(banned).collect()
}

/// Why blocks were refused.
pub(super) fn refusals(outputs: &[Output]) -> Vec<String> {
    let refused = |output: &Output| match output {
        Output::Report(Report::Refused { reason, .. }) => Some(reason.clone()),
        _ => None,
    };
    outputs.iter().filter_map(refused).collect()
}
