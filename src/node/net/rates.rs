//! How much a peer may send in a second, and have sent to it.
//!
//! Every rate below is an allowance per peer that fills with time, up to a burst. They are far above what an honest peer
//! of a busy net needs, and low enough that a flooder costs little before it is gone. Over a rate, gossip is dropped
//! unread, and questions wait: a peer that waits for its answers is served as fast as its allowance fills, and never
//! blamed. One that does not wait, or goes on sending, commits an [`OverRate`](crate::replica::standing::Offence) in
//! every second in which it does.
//!
//! Peer ids cost nothing, so whoever is thrown out may come back under another: then [`CONNECTIONS`] and the number of
//! places for inbound peers are what bounds it.

use std::time::{Duration, Instant};

/// An amount per second, and the burst up to which it gathers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// How much comes in a second.
    pub(super) per_second: u32,
    /// How much there is at most.
    pub(super) burst: u32,
}

/// Gossip messages of a peer, those among them that others sent as well: a hundred times what a busy net needs.
pub(super) const GOSSIP_MESSAGES: Rate = Rate { per_second: 2_000, burst: 20_000 };

/// Bytes in them.
pub(super) const GOSSIP_BYTES: Rate = Rate { per_second: 8 << 20, burst: 32 << 20 };

/// Bytes of gossipsub's own messages: what a peer has, wants and does not want. A busy net's lists fill a fifth.
pub(super) const GOSSIP_CONTROL_BYTES: Rate = Rate { per_second: 1 << 20, burst: 4 << 20 };

/// Announcements of blocks: authorities on one machine agree on some three hundred a second where payments come one by one,
/// and a net that was cut tells many at once.
pub(super) const ANNOUNCEMENTS: Rate = Rate { per_second: 1_000, burst: 5_000 };

/// Transactions in gossip that are not known from others: each costs the replica some 30 µs.
pub(super) const TRANSACTIONS: Rate = Rate { per_second: 10_000, burst: 50_000 };

/// Questions: catching up on a chain of small blocks asks some hundred a second, each new block one.
pub(super) const REQUESTS: Rate = Rate { per_second: 500, burst: 2_000 };

/// Bytes of answers: a peer that catches up over loopback gets less than that in a second. Little enough in tests to be
/// reached.
pub(super) const ANSWER_BYTES: Rate = Rate { per_second: BYTES_A_SECOND, burst: BYTES_A_SECOND };
const BYTES_A_SECOND: u32 = if cfg!(test) { 4 << 20 } else { 64 << 20 };

/// Questions for addresses, and greetings after the first: an honest peer asks twice a minute.
pub(super) const ADDRESSES: Rate = Rate { per_second: 1, burst: 10 };

/// Messages of an authority: where blocks come quickly, a rule says a thousand a second. What is over the rate is read later; so are the bytes.
pub(super) const AUTHORITY_MESSAGES: Rate = Rate { per_second: 10_000, burst: 20_000 };

/// Bytes in them: ten times what a busy net's drafts take.
pub(super) const AUTHORITY_BYTES: Rate = Rate { per_second: 64 << 20, burst: 128 << 20 };

/// Streams that an authority opens on one connection: an honest one waits longer each time.
pub(super) const AUTHORITY_HANDSHAKES: Rate = Rate { per_second: 1, burst: 20 };

/// Connections that others open, all peers together: a hundred nodes that start at once knock once each.
pub(super) const CONNECTIONS: Rate = Rate { per_second: 16, burst: 128 };

/// An allowance that fills with time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    rate: Rate,
    /// What is left; below zero it is owed.
    left: i64,
    filled: Instant,
}

impl Allowance {
    /// A full one.
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, left: i64::from(rate.burst), filled: now }
    }

    fn fill(&mut self, now: Instant) {
        let since = now.duration_since(self.filled);
        let gained = since.as_micros().saturating_mul(u128::from(self.rate.per_second)) / 1_000_000;
        if gained > 0 {
            let gained = i64::try_from(gained).unwrap_or(i64::MAX);
            self.left = self.left.saturating_add(gained).min(i64::from(self.rate.burst));
            self.filled = now;
        }
    }

    /// Takes so much, if that much is there.
    pub(super) fn take(&mut self, amount: usize, now: Instant) -> bool {
        self.fill(now);
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        let enough = amount <= self.left;
        if enough {
            self.left -= amount;
        }
        enough
    }

    /// Takes so much whether it is there or not: what is not is owed.
    pub(super) fn owe(&mut self, amount: usize, now: Instant) {
        self.fill(now);
        self.left = self.left.saturating_sub(i64::try_from(amount).unwrap_or(i64::MAX));
    }

    /// How long until there is anything, nothing if there is.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        self.fill(now);
        let lacking = u64::try_from(1 - self.left).unwrap_or_default();
        Duration::from_micros(lacking.saturating_mul(1_000_000) / u64::from(self.rate.per_second))
    }
}

/// Reports what goes on for long once a second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OnceASecond(Option<Instant>);

impl OnceASecond {
    /// Whether it is time to report.
    pub(super) fn now(&mut self, now: Instant) -> bool {
        let due = self.0.is_none_or(|last| now.duration_since(last) >= Duration::from_secs(1));
        if due {
            self.0 = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 2 };

    #[test]
    fn an_allowance_fills_with_time() {
        let start = Instant::now();
        let mut allowance = Allowance::new(RATE, start);
        let mut take = |amount, at| allowance.take(amount, start + at);
        let ms = Duration::from_millis;
        assert!(take(1, ms(0)) && take(1, ms(0)) && !take(1, ms(0)));
        assert!(!take(1, ms(99)));
        assert!(take(1, ms(200)) && take(1, ms(200)) && !take(1, ms(200)));
        let much_later = Duration::from_secs(1 << 40);
        assert!(!take(3, much_later), "more than a burst");
        assert!(take(2, much_later));
        assert!(!take(1, much_later));
    }

    #[test]
    fn what_is_owed_is_waited_for() {
        let start = Instant::now();
        let mut allowance = Allowance::new(RATE, start);
        assert_eq!(allowance.wait(start), Duration::ZERO);
        allowance.owe(22, start);
        assert_eq!(allowance.wait(start), Duration::from_millis(2100));
        assert!(!allowance.take(1, start + Duration::from_secs(2)));
        let paid = start + Duration::from_millis(2100);
        assert_eq!(allowance.wait(paid), Duration::ZERO);
        assert!(allowance.take(1, paid));
    }

    /// The rate that an honest peer meets when it catches up: a batch of the largest kind each time, one after the other.
    #[test]
    fn catching_up_is_not_held_back_below_tens_of_megabytes_a_second() {
        let start = Instant::now();
        let rate = Rate { per_second: 64 << 20, burst: 64 << 20 };
        let mut bytes = Allowance::new(rate, start);
        let mut now = start;
        let batch = 4 << 20;
        for _ in 0..1000 {
            now += bytes.wait(now);
            bytes.owe(batch, now);
        }
        let per_second = 1000.0 * f64::from(batch as u32) / (now - start).as_secs_f64();
        assert!(per_second > f64::from(60 << 20), "{per_second}");
    }

    #[test]
    fn a_report_comes_once_a_second() {
        let (mut report, start) = (OnceASecond::default(), Instant::now());
        assert!(report.now(start) && !report.now(start + Duration::from_millis(999)));
        assert!(report.now(start + Duration::from_secs(1)));
    }
}
