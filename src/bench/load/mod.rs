//! Payments offered to nodes that run, what became of them, and how long they took to become final.
//!
//! Nothing here knows which rule makes blocks: nodes are spoken to through their public ports alone. A run has four parts.
//!
//! 1. One coin of a development account is split until every payment has a coin of its own, and the payments are signed,
//!    on one core and before any is sent: neither competes with what is measured.
//! 2. Payments are offered. In an *open loop* they leave when they are due (a Poisson process) whether or not earlier ones
//!    were answered; latencies count from when they were due, so a system that stands still is charged for everybody who
//!    waits meanwhile. In a *closed loop* a fixed number is on its way, and the next leaves when one is final.
//!    Calls carry what is due, to one node after the other.
//! 3. Subscriptions to every node tell when blocks come and are final. Each is stamped when it is read from the socket,
//!    by a task that does nothing else.
//! 4. When all is final, or patience ends, the chain is read again from the first block of the run to the last, and the
//!    accounts are made from that.
//!
//! Meanwhile the run watches itself: how late payments left, how much of the processors was idle, what another machine on
//! the same hardware took, how long syncs of the disk take. A figure without those says little.

mod audit;
mod beside;
mod follow;
mod fund;
mod machine;
mod offer;
mod report;
mod run;

use std::time::Duration;

use super::payments::EXTRA_MAX;
use super::schedule::PAYMENTS_MAX;
use crate::types::GenesisId;
use crate::wallet::client::ClientError;

pub use run::{Place, run};

/// Payments per second that can be asked for at most.
pub const RATE_MAX: f64 = 1e6;

/// Payments on their way in a closed loop at most.
pub const IN_FLIGHT_MAX: usize = 10_000;

/// Late by more than this at p99, the load was not the one that was asked for. Calls leave at least 2 ms apart, and a
/// timer of the runtime has a grain of 1 ms.
pub const LAG_MAX: Duration = Duration::from_millis(20);

/// With less of the processors idle than this, latencies include waiting for one.
pub const IDLE_MIN: f64 = 0.05;

/// With more taken by other machines than this, too.
pub const STEAL_MAX: f64 = 0.02;

/// If the clock of the machine goes by so much further than time, or less far, somebody set it. A clock that is kept in time by small
/// corrections goes wrong by half a millisecond in a second at most.
pub const CLOCK_MAX: Duration = Duration::from_millis(100);

/// How payments follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many per second on average, whatever becomes of earlier ones.
    Open(f64),
    /// So many on their way at any time.
    Closed(usize),
}

/// What to offer.
#[derive(Debug, Clone)]
pub struct Order {
    /// How payments follow each other.
    pub pace: Pace,
    /// For how long.
    pub duration: Duration,
    /// How many accounts pay each other.
    pub accounts: usize,
    /// Bytes by which a payment is larger than an ordinary one, rounded up to whole outputs.
    pub payload: usize,
    /// Where arrivals, accounts and amounts come from.
    pub seed: u64,
    /// Whether the nodes' views are followed. Without, nothing is known but what becomes of payments; a closed loop
    /// always follows.
    pub follow: bool,
    /// Up to how many confirmations are timed.
    pub confirmations: usize,
    /// How long to wait for what was offered.
    pub patience: Duration,
    /// A directory on the disk that the nodes write to, whose syncs are timed.
    pub disk: Option<std::path::PathBuf>,
}

impl Order {
    /// Whether it makes sense.
    ///
    /// # Errors
    ///
    /// What was asked for, why it cannot be had, and what could.
    pub fn check(&self) -> Result<(), LoadError> {
        let bad = |what: String, help: String| Err(LoadError::Order { what, help });
        let seconds = self.duration.as_secs_f64();
        match self.pace {
            Pace::Open(rate) if !(rate > 0.0 && rate <= RATE_MAX) => {
                return bad(
                    format!("{rate} payments per second cannot be offered"),
                    format!("the rate lies above 0 and is at most {RATE_MAX}"),
                );
            }
            Pace::Open(rate) if rate * seconds > PAYMENTS_MAX as f64 => {
                return bad(
                    format!(
                        "{rate} payments per second for {seconds} s are more than {PAYMENTS_MAX}, which are signed and kept \
                         in memory"
                    ),
                    format!("offer them for at most {:.0} s", PAYMENTS_MAX as f64 / rate),
                );
            }
            Pace::Closed(flight) if !(1..=IN_FLIGHT_MAX).contains(&flight) => {
                return bad(
                    format!("{flight} payments cannot be on their way at once"),
                    format!("1 to {IN_FLIGHT_MAX} can"),
                );
            }
            _ => {}
        }
        let extra = super::payments::outputs_for(self.payload);
        if extra > EXTRA_MAX {
            let most = EXTRA_MAX * self.payload / extra;
            return bad(
                format!("a payload of {} bytes is {extra} outputs too many", self.payload),
                format!("a transaction has room for a payload of about {most} bytes"),
            );
        }
        if self.accounts == 0 {
            return bad("nobody can pay: there are no accounts".into(), "say at least 1".into());
        }
        Ok(())
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Coins are made: so many of so many.
    Funding(u64, u64),
    /// Payments are signed: so many of so many.
    Signing(u64, u64),
    /// They are offered.
    Offering {
        /// For so long.
        elapsed: Duration,
        /// Of so long.
        of: Duration,
        /// Payments sent so far.
        sent: u64,
        /// Of them, acknowledged.
        acknowledged: u64,
        /// Of them, final at the node that they were handed to, as far as that is followed.
        settled: u64,
    },
    /// All have been offered; so many of so many are done with.
    Settling(u64, u64),
    /// The chain is read.
    Reading,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// What was asked for makes no sense.
    #[error("{what}")]
    Order {
        /// What and why.
        what: String,
        /// What does.
        help: String,
    },
    /// A node does not answer, or refuses what it must not.
    #[error("{node}: {error}")]
    Node {
        /// Which.
        node: String,
        /// What went wrong.
        error: ClientError,
    },
    /// The nodes are not of one chain.
    #[error("{node} is on another chain: its genesis id is {theirs}, that of {first} is {ours}")]
    OtherChain {
        /// Which node.
        node: String,
        /// Its chain.
        theirs: GenesisId,
        /// The node that it was compared with.
        first: String,
        /// And that one's.
        ours: GenesisId,
    },
    /// The nodes are not of one version.
    #[error(
        "{node} runs version {theirs}, and {first} runs {ours}: what they do together is that of neither"
    )]
    MixedVersions {
        /// Which node.
        node: String,
        /// Its version.
        theirs: String,
        /// The node that it was compared with.
        first: String,
        /// And that one's.
        ours: String,
    },
    /// Nobody's keys are known.
    #[error(
        "the chain {0} has no development accounts, so there is nobody whose money could be spent"
    )]
    NotDev(String),
    /// The development accounts do not have enough.
    #[error(
        "the load needs a coin of {needed} base units, and the largest that a development account can spend holds {found}"
    )]
    Money {
        /// What it takes.
        needed: u64,
        /// What there is.
        found: u64,
    },
    /// A split was refused.
    #[error("coins for the load cannot be made: {0}")]
    Refused(String),
    /// The nodes will never be of one mind.
    #[error("{0} has final blocks that contradict those of its peers")]
    Parted(String),
    /// Splits do not get into blocks.
    #[error("coins for the load are not in a block of {node} after {} s", after.as_secs())]
    Stuck {
        /// Which node.
        node: String,
        /// How long it was waited.
        after: Duration,
    },
    /// The disk.
    #[error("syncs cannot be timed: {0}")]
    Disk(#[from] std::io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(pace: Pace) -> Order {
        Order {
            pace,
            duration: Duration::from_secs(100),
            accounts: 10,
            payload: 0,
            seed: 0,
            follow: true,
            confirmations: 3,
            patience: Duration::from_secs(1),
            disk: None,
        }
    }

    #[test]
    fn orders_that_cannot_be_met_are_refused() {
        assert!(order(Pace::Open(10_000.0)).check().is_ok());
        assert!(order(Pace::Closed(1)).check().is_ok());
        for pace in [
            Pace::Open(0.0),
            Pace::Open(-1.0),
            Pace::Open(f64::NAN),
            Pace::Open(10_001.0),
            Pace::Closed(0),
            Pace::Closed(IN_FLIGHT_MAX + 1),
        ] {
            assert!(matches!(order(pace).check(), Err(LoadError::Order { .. })), "{pace:?}");
        }
        let fits = Order { payload: 1000, ..order(Pace::Closed(1)) };
        assert!(fits.check().is_ok());
        assert!(Order { payload: 100_000, ..fits.clone() }.check().is_err());
        assert!(Order { accounts: 0, ..fits }.check().is_err());
    }
}
