//! What went over the wire, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Messages and their bytes in one direction of one protocol.
#[derive(Debug, Default)]
pub struct Flow {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Flow {
    pub(super) fn count(&self, bytes: usize) {
        self.count_all(1, bytes);
    }

    pub(super) fn count_all(&self, messages: usize, bytes: usize) {
        self.messages.fetch_add(messages as u64, Ordering::Relaxed); // usize is at most 64 bits wide here
        self.count_bytes(bytes);
    }

    pub(super) fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed); // usize is at most 64 bits wide here
    }

    /// Messages since the start.
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Their bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Everything the network room counts, from its start. Nothing is ever reset.
#[derive(Debug, Default)]
pub struct Counters {
    /// Everything received below the multiplexer, after decryption: protocols, pings and framing. `messages` counts
    /// reads.
    pub wire_in: Flow,
    /// Everything sent below the multiplexer, before encryption. `messages` counts writes.
    pub wire_out: Flow,
    /// Gossip received for the first time, announcements of blocks.
    pub blocks_in: Flow,
    /// Announcements published here.
    pub blocks_out: Flow,
    /// Gossip received for the first time, transactions.
    pub transactions_in: Flow,
    /// Batches of transactions published here.
    pub transactions_out: Flow,
    /// Requests of peers.
    pub requests_in: Flow,
    /// Our requests.
    pub requests_out: Flow,
    /// Answers of peers.
    pub responses_in: Flow,
    /// Our answers.
    pub responses_out: Flow,
    /// Other authorities that there are streams to now.
    pub authorities: AtomicU64,
    /// Messages of other authorities, handed to the replica.
    pub authority_in: Flow,
    /// Our messages, written to other authorities.
    pub authority_out: Flow,
    /// Our messages that had to go because their receiver took them too slowly.
    pub authority_dropped: AtomicU64,
    /// Our messages to an authority that there was no stream to.
    pub authority_unsent: AtomicU64,
    /// Messages of those who proved a key, but are no authorities.
    pub authority_strange: AtomicU64,
    /// Our requests that got no answer.
    pub requests_failed: AtomicU64,
    /// Requests of peers that were dropped because too many of theirs, or of all, were open.
    pub requests_refused: AtomicU64,
    /// Requests of peers that had to wait because of their rate.
    pub requests_held: AtomicU64,
    /// Seconds in which a peer sent more than it may.
    pub over_rate: AtomicU64,
    /// Gossip dropped unjudged because too much was waiting for a verdict.
    pub gossip_shed: AtomicU64,
    /// Gossip that waited too long for its verdict.
    pub gossip_expired: AtomicU64,
    /// Orders of the host dropped because the network room was that far behind.
    pub commands_dropped: AtomicU64,
    /// Peers banned.
    pub bans: AtomicU64,
    /// Attempts to connect that failed, ours.
    pub dials_failed: AtomicU64,
    /// Peers of other chains turned away.
    pub wrong_chain: AtomicU64,
}

/// One more. Says how many that makes.
pub(super) fn bump(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::Relaxed) + 1
}
