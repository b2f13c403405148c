//! Inputs and outputs in a few words each, for people who step through a recording.

use crate::replica::record::Mark;
use crate::replica::wire::{Gossip, Request, Response};
use crate::replica::{Input, Output, Peer, Report};
use crate::types::Block;

fn block(block: &Block) -> String {
    let header = &block.draft.header;
    format!("the block at height {} on {}", header.height, header.parent)
}

fn gossip(gossip: &Gossip) -> String {
    match gossip {
        Gossip::Announce(announce) => {
            let header = &announce.header;
            format!("announces a block at height {} on {}", header.height, header.parent)
        }
        Gossip::Transactions(batch) => format!("passes {} transactions on", batch.len()),
    }
}

fn request(request: &Request) -> String {
    match request {
        Request::Status(status) => format!("where it stands, from height {}", status.height),
        Request::Headers { locator } => format!("for headers after one of {} ids", locator.len()),
        Request::Blocks { after, count } => format!("for {count} blocks after {after}"),
        Request::Block(id) => format!("for block {id}"),
        Request::Transactions { block, places } => {
            format!("for {} transactions of block {block}", places.len())
        }
    }
}

fn response(response: &Response) -> String {
    match response {
        Response::Status(status) => {
            format!("that its head is {} at height {}", status.head, status.height)
        }
        Response::Headers(headers) => format!("with {} headers", headers.len()),
        Response::Blocks(blocks) => format!("with {} blocks", blocks.len()),
        Response::Block(Some(given)) => format!("with {}", block(given)),
        Response::Block(None) => "that it has no such block".into(),
        Response::Transactions(given) => format!("with {} transactions", given.len()),
    }
}

/// What happened; nothing stands for the opening of a replica.
pub fn input_words(input: Option<&Input>) -> String {
    let Some(input) = input else { return "the replica is opened".into() };
    match input {
        Input::Connected(Peer(peer)) => format!("peer {peer} is connected"),
        Input::Disconnected(Peer(peer)) => format!("peer {peer} is gone"),
        Input::Gossip { from: Peer(from), message, gossip: what } => {
            format!("peer {from} {} (message {message})", gossip(what))
        }
        Input::Request { from: Peer(from), id, request: what } => {
            format!("peer {from} asks {} (request {id})", request(what))
        }
        Input::Response { from: Peer(from), id, response: what } => {
            format!("peer {from} answers {} (to request {id})", response(what))
        }
        Input::RequestFailed { from: Peer(from), id } => {
            format!("peer {from} does not answer request {id}")
        }
        Input::Verified { order, bad } if bad.is_empty() => {
            format!("the signatures of order {order} are good")
        }
        Input::Verified { order, bad } => {
            format!("of the signatures of order {order}, {} are bad", bad.len())
        }
        Input::Found { order, .. } => format!("a proof is found (order {})", order.0),
        Input::Submit { ticket, transactions } => {
            format!("{} transactions are submitted (ticket {ticket})", transactions.len())
        }
        Input::Payout(Some(_)) => "blocks are to pay another address".into(),
        Input::Payout(None) => "no more blocks are to be made".into(),
        Input::Signed { order, seal: Some(_) } => format!("a block is signed (order {})", order.0),
        Input::Signed { order, seal: None } => format!("nobody signs (order {})", order.0),
        Input::Stake(Some(stake)) => {
            format!("the coins of {} addresses are to be staked", stake.owners.len())
        }
        Input::Stake(None) => "no more coins are to be staked".into(),
        Input::Tick => "time passes".into(),
        Input::Sealed(sealed) => format!("somebody here sealed {}", block(sealed)),
        Input::Received { from, message } => {
            format!("authority {from:?} sends {} bytes", message.0.len())
        }
        Input::Read { ticket } => format!("somebody wants to read (ticket {ticket})"),
    }
}

fn report_words(report: &Report) -> String {
    match report {
        Report::Imported { imported, own, .. } => {
            let (whose, id, height) =
                (if *own { "own " } else { "" }, imported.id, imported.height);
            let left = imported.moved.as_ref().map(|moved| moved.left.len());
            match left {
                None => format!("{whose}block {id} at height {height} is on a side branch"),
                Some(0) => format!("{whose}block {id} at height {height} is the head"),
                Some(left) => {
                    format!(
                        "{whose}block {id} at height {height} is the head, and {left} blocks are left"
                    )
                }
            }
        }
        Report::Refused { block, height, reason } => {
            format!("block {block} at height {height} is refused: {reason}")
        }
        Report::Final { height, id, .. } => format!("block {id} at height {height} is final"),
        Report::PoolChanged(ids) => format!("{} transactions join or leave the pool", ids.len()),
        Report::Syncing(progress) => {
            format!("it catches up, from height {} to {}", progress.height, progress.target)
        }
        Report::FinalityConflict(conflict) => {
            format!("a better branch leaves the final chain at height {}", conflict.height)
        }
        Report::Engine(report) => format!("its engine says {report:?}"),
        Report::StoreFailed(reason) => format!("the store failed: {reason}"),
    }
}

/// What is to be done.
pub fn output_words(output: &Output) -> String {
    match output {
        Output::Sync => "sync".into(),
        Output::Gossip(what) => format!("tell all: it {}", gossip(what)),
        Output::Verdict { message, verdict } => format!("message {message}: {verdict:?}"),
        Output::Request { to: Peer(to), id, request: what } => {
            format!("ask peer {to} {} (request {id})", request(what))
        }
        Output::Respond { to: Peer(to), id, response: what } => {
            format!("answer peer {to} {} (to request {id})", response(what))
        }
        Output::Verify { order, batch } => {
            format!("check {} signatures (order {order})", batch.len())
        }
        Output::Search(search) => {
            format!("search a proof for block {} (order {})", search.block, search.order.0)
        }
        Output::Sign(sign) => {
            format!("have block {} signed by {:?} (order {})", sign.block, sign.by, sign.order.0)
        }
        Output::StopSearch => "search no more".into(),
        Output::Submitted { ticket, results } => {
            let good = results.iter().filter(|result| result.is_ok()).count();
            format!("ticket {ticket}: {good} of {} transactions are accepted", results.len())
        }
        Output::Answered { ticket, outcome: Ok(height) } => {
            format!("ticket {ticket}: read from height {height} on")
        }
        Output::Answered { ticket, outcome: Err(reason) } => format!("ticket {ticket}: {reason}"),
        Output::Send { to, .. } => format!("send to authority {to:?}"),
        Output::Broadcast(_) => "send to all authorities".into(),
        Output::Ban { peer: Peer(peer), reason } => format!("throw peer {peer} out: {reason}"),
        Output::Blame { peer: Peer(peer), offence } => format!("blame peer {peer}: {offence:?}"),
        Output::Report(report) => report_words(report),
    }
}

/// Where a replica stands.
pub fn mark_words(mark: &Mark) -> String {
    let Mark { digest, head, height, final_height, pending, peers, .. } = mark;
    format!(
        "head {head} at height {height}, final height {final_height}, {pending} pending, {peers} peers, digest {}",
        digest.to_hex()
    )
}
