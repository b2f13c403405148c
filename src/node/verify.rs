//! Checking signatures beside the loop, all that has queued up in one batch.
//!
//! The loop hands over orders and goes on; a thread of its own gathers what came in meanwhile, checks it together
//! (sixteen signatures in a batch already pay) on as many cores as there are, and answers each order.

use std::sync::mpsc::{Receiver, Sender, channel};

use rayon::prelude::*;

use super::host::Inbox;
use crate::replica::Input;
use crate::types::signatures::{SignatureCheck, verify_batch};

/// Signatures gathered into one round at most; what is left waits for the next.
const ROUND_MAX: usize = 4096;

/// Signatures that one core checks together: larger batches gain little.
const CHUNK: usize = 256;

/// Below this a round is not worth other threads.
const PARALLEL_FROM: usize = 64;

type Order = (u64, Vec<SignatureCheck>);

/// The thread that checks signatures.
#[derive(Debug)]
pub(super) struct Verifier {
    orders: Sender<Order>,
}

impl Verifier {
    /// Starts the thread; it ends when this handle is dropped.
    pub(super) fn start(inbox: Inbox) -> std::io::Result<Self> {
        let (orders, incoming) = channel();
        let run = move || work(&incoming, &inbox);
        std::thread::Builder::new().name("verify".into()).spawn(run)?;
        Ok(Self { orders })
    }

    /// Checks a batch; the answer comes as [`Input::Verified`].
    pub(super) fn verify(&self, order: u64, batch: Vec<SignatureCheck>) {
        // The thread lives as long as this handle.
        let _ = self.orders.send((order, batch));
    }
}

fn work(incoming: &Receiver<Order>, inbox: &Inbox) {
    while let Ok(first) = incoming.recv() {
        let mut orders = vec![first];
        let mut size = orders[0].1.len();
        while size < ROUND_MAX
            && let Ok(order) = incoming.try_recv()
        {
            size += order.1.len();
            orders.push(order);
        }
        let all: Vec<SignatureCheck> =
            orders.iter().flat_map(|(_, batch)| batch.iter().copied()).collect();
        let bad = check(&all);
        let mut from = 0;
        for (order, batch) in orders {
            let to = from + batch.len();
            let mine = bad.iter().filter(|place| (from..to).contains(*place));
            // A batch holds far fewer than 2^32 signatures.
            let bad = mine.map(|place| (place - from) as u32).collect();
            inbox.input(Input::Verified { order, bad });
            from = to;
        }
    }
}

/// The places of the signatures that do not verify, found on as many cores as there are.
pub(super) fn check(all: &[SignatureCheck]) -> Vec<usize> {
    if all.len() < PARALLEL_FROM {
        return verify_batch(all);
    }
    let chunk = |(number, chunk): (usize, &[SignatureCheck])| {
        let bad = verify_batch(chunk);
        bad.into_iter().map(move |place| number * CHUNK + place).collect::<Vec<_>>()
    };
    all.par_chunks(CHUNK).enumerate().flat_map_iter(chunk).collect()
}
