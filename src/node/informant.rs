//! The lines in which a node says to people how it is.
//!
//! Each is one message that reads by itself; the same figures are the fields of the log line for programs.

use std::fmt;
use std::time::Duration;

use super::words;
use crate::types::{BlockId, Height, Span};

/// How a node has been since the last line.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulse {
    /// How much time that was.
    pub elapsed: Duration,
    /// The height of the head.
    pub height: Height,
    /// The final height.
    pub final_height: Height,
    /// The height that there is to catch up with, if there is something.
    pub target: Option<Height>,
    /// Connected peers.
    pub peers: usize,
    /// Pending transactions.
    pub pool: usize,
    /// Their bytes.
    pub pool_bytes: usize,
    /// Blocks imported.
    pub blocks: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// How long ago the last import was.
    pub idle: Duration,
    /// Hashes per second, if the node searches.
    pub hash_rate: Option<f64>,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

impl Pulse {
    /// So many things as a rate.
    pub fn per_second(&self, count: u64) -> f64 {
        // A rate needs no more than a double holds.
        count as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// What the node is doing.
    pub fn doing(&self) -> &'static str {
        match (self.target, self.blocks) {
            (Some(_), _) => "syncing",
            (None, 0) => "idle",
            (None, _) => "importing",
        }
    }

    /// How long catching up takes at this rate, if it gets on at all.
    pub fn left(&self) -> Option<Span> {
        let missing = self.target?.0.saturating_sub(self.height.0);
        let seconds = missing as f64 / self.per_second(self.blocks);
        // A cast from a double saturates; infinity is no answer.
        seconds.is_finite().then_some(Span((seconds * 1000.0) as u64))
    }
}

impl fmt::Display for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |count| words::digits(self.per_second(count));
        let bytes = |count| words::bytes(self.per_second(count) as u64); // it saturates
        match self.target {
            Some(target) => {
                let share = (self.height.0.saturating_mul(100) / target.0.max(1)).min(100);
                write!(f, "syncing {share} % · height {} of {target}", self.height)?;
                write!(f, " · {} blocks/s", rate(self.blocks))?;
                match self.left() {
                    Some(left) => write!(f, " · {} left", words::duration(left))?,
                    None => f.write_str(" · waiting for blocks")?,
                }
            }
            None if self.blocks == 0 => {
                let idle = words::duration(Span::seconds(self.idle.as_secs()));
                write!(f, "idle for {idle} · height {}", self.height)?;
            }
            None => {
                let (blocks, transactions) = (rate(self.blocks), rate(self.transactions));
                write!(
                    f,
                    "importing {blocks} blocks/s, {transactions} tx/s · height {}",
                    self.height
                )?;
            }
        }
        write!(f, " · final {} · {}", self.final_height, counted(self.peers, "peer"))?;
        write!(f, " · pool {} ({})", self.pool, words::bytes(self.pool_bytes as u64))?;
        if let Some(rate) = self.hash_rate {
            write!(f, " · {}", words::hash_rate(rate))?;
        }
        write!(f, " · ⬇ {}/s ⬆ {}/s", bytes(self.bytes_in), bytes(self.bytes_out))
    }
}

/// A block that came in, or was made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// `imported`, `mined` or `side block`.
    pub word: &'static str,
    /// Its height.
    pub height: Height,
    /// Its id.
    pub id: BlockId,
    /// Whom it pays: a name or the start of an address.
    pub producer: String,
    /// Transactions in it.
    pub transactions: usize,
    /// Its encoded bytes.
    pub bytes: usize,
    /// How long its import took.
    pub took: Duration,
    /// How long ago it was drafted.
    pub age: Span,
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { word, height, producer, took, .. } = self;
        write!(f, "{word} {height} · {} · by {producer}", short(&self.id))?;
        let transactions = counted(self.transactions, "transaction");
        write!(f, " · {transactions}, {}", words::bytes(self.bytes as u64))?;
        write!(f, " · took {took:.1?} · {} old", words::duration(self.age))
    }
}

/// The first digits of an id, for people.
pub fn short(id: &BlockId) -> String {
    let mut text = id.to_string();
    text.truncate(12); // hexadecimal
    text
}

/// `1 peer`, `2 peers`.
fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Hash;

    fn pulse() -> Pulse {
        Pulse {
            elapsed: Duration::from_secs(5),
            height: Height(123),
            final_height: Height(103),
            target: None,
            peers: 4,
            pool: 12,
            pool_bytes: 3100,
            blocks: 0,
            transactions: 0,
            idle: Duration::from_millis(7200),
            hash_rate: Some(1_234_000.0),
            bytes_in: 60_000,
            bytes_out: 40_000,
        }
    }

    #[test]
    fn a_node_says_what_it_is_doing() {
        let rest = "final 103 · 4 peers · pool 12 (3.1 kB) · 1.23 MH/s · ⬇ 12 kB/s ⬆ 8 kB/s";
        assert_eq!(pulse().to_string(), format!("idle for 7 s · height 123 · {rest}"));
        let busy = Pulse { blocks: 2, transactions: 1500, ..pulse() };
        let line = format!("importing 0.4 blocks/s, 300 tx/s · height 123 · {rest}");
        assert_eq!((busy.doing(), busy.to_string()), ("importing", line));

        let syncing = Pulse { target: Some(Height(1000)), blocks: 260, ..pulse() };
        let line = format!("syncing 12 % · height 123 of 1000 · 52 blocks/s · 16 s left · {rest}");
        assert_eq!((syncing.doing(), syncing.to_string()), ("syncing", line));
        let stuck = Pulse { target: Some(Height(1000)), hash_rate: None, peers: 1, ..pulse() };
        let line = "syncing 12 % · height 123 of 1000 · 0 blocks/s · waiting for blocks · final 103 · 1 peer · \
                    pool 12 (3.1 kB) · ⬇ 12 kB/s ⬆ 8 kB/s";
        assert_eq!(stuck.to_string(), line);
        assert_eq!(stuck.left(), None);
    }

    #[test]
    fn no_time_at_all_makes_no_nonsense() {
        let pulse = Pulse { elapsed: Duration::ZERO, target: Some(Height(0)), ..pulse() };
        assert!(pulse.to_string().starts_with("syncing 100 % · height 123 of 0"), "{pulse}");
    }

    #[test]
    fn a_block_is_one_line() {
        let arrival = Arrival {
            word: "imported",
            height: Height(124),
            id: BlockId(Hash([0x0a; 32])),
            producer: "alice".into(),
            transactions: 3,
            bytes: 1234,
            took: Duration::from_micros(3210),
            age: Span(412),
        };
        assert_eq!(
            arrival.to_string(),
            "imported 124 · 0a0a0a0a0a0a · by alice · 3 transactions, 1.23 kB · took 3.2ms · 412 ms old"
        );
        let one = Arrival { transactions: 1, age: Span::seconds(90), ..arrival };
        assert!(one.to_string().contains("· 1 transaction,"), "{one}");
    }
}
