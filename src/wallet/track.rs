//! Sending a transaction, and following it until it has come as far as one wants.
//!
//! The node is asked again and again, several times a second. What can happen on the way is told as [`Step`]s: the block
//! that carried the transaction may lose its place in the chain, and then the transaction is pending again, or in another
//! block, or forgotten; in the last case it is sent once more. A node that goes away for a while, because it is restarted,
//! is waited for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures::future::BoxFuture;

use super::build::Signed;
use super::client::ClientError;
use super::node::{Chain, NodeApi, garbled, is_passing};
use crate::api::{
    Refusal, SendLatency, SendReport, SendStatus, SubmitResult, TransactionInfo, TransactionStatus,
};
use crate::types::{BlockId, Height, TransactionId};

/// How often the node is asked.
const POLL: Duration = Duration::from_millis(150);

/// How long a node may be silent before it is given up.
const OUTAGE_MAX: Duration = Duration::from_secs(30);

/// How long is waited unless it is said otherwise.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(600);

/// How far a transaction has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Into the node's pool.
    Accepted,
    /// Into a block.
    Included,
    /// So many blocks deep, its own counted. A final block is deep enough at any depth.
    Confirmations(u64),
    /// Until the rule says that it can no longer be undone.
    Final,
}

impl FromStr for Wait {
    type Err = WaitError;

    fn from_str(text: &str) -> Result<Self, WaitError> {
        match text {
            "accepted" => Ok(Self::Accepted),
            "included" => Ok(Self::Included),
            "final" => Ok(Self::Final),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => match text.parse() {
                Ok(0) | Err(_) => Err(WaitError { given: text.chars().take(40).collect() }),
                Ok(blocks) => Ok(Self::Confirmations(blocks)),
            },
            _ => Err(WaitError { given: text.chars().take(40).collect() }),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::Included => f.write_str("included"),
            Self::Confirmations(blocks) => blocks.fmt(f),
            Self::Final => f.write_str("final"),
        }
    }
}

impl Wait {
    /// How a transaction is that has come so far, in words.
    fn phrase(self) -> String {
        match self {
            Self::Confirmations(blocks) => format!("confirmed {blocks} times"),
            other => other.to_string(),
        }
    }
}

/// A number of confirmations in words.
fn counted(confirmations: u64) -> String {
    let plural = if confirmations == 1 { "" } else { "s" };
    format!("{confirmations} confirmation{plural}")
}

/// Why a text does not say how far to wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` does not say how far to wait: write accepted, included, final, or a number of confirmations from 1 on"
)]
pub struct WaitError {
    given: String,
}

/// A clock that can be waited with. Tests bring one that goes at once.
pub trait Clock {
    /// The time since some moment that stays the same.
    fn now(&self) -> Duration;

    /// Lets some time pass.
    fn pause(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// The clock of this machine; needs the tokio runtime.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(std::time::Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(std::time::Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// A transaction that a node accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submitted {
    /// When its submission began, by the clock that it was submitted with.
    pub started: Duration,
    /// How long that took.
    pub latency: Duration,
}

/// Why a transaction was not accepted, or why it could not be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrackError {
    /// The node did not take it.
    #[error("the node refused the transaction: {}", .0.message)]
    Refused(Refusal),
    /// Another command with the same keys made the very same transaction first.
    #[error(
        "transaction {0}, which pays the same from the same coins, was sent by another command a moment ago; nothing was sent now"
    )]
    Twin(TransactionId),
    /// It left the chain and the pool, and the node did not take it again.
    #[error(
        "transaction {id} left the chain, and the node did not take it again: {}", reason.message
    )]
    Dropped {
        /// The transaction.
        id: TransactionId,
        /// What the node says.
        reason: Refusal,
    },
    /// The node calls the transaction by another id, so it computes on another chain than it says.
    #[error(
        "the node calls the transaction {answered}, but on the chain that it named its id is {id}"
    )]
    OtherChain {
        /// The id on the chain that was signed for.
        id: TransactionId,
        /// What the node calls it.
        answered: TransactionId,
    },
    /// The connection broke during the submission.
    #[error("whether the node accepted transaction {id} is not known: {error}")]
    Unsure {
        /// The transaction.
        id: TransactionId,
        /// What happened.
        error: ClientError,
    },
    /// The node went away.
    #[error("the node went away while transaction {id} was {reached}: {error}")]
    Lost {
        /// The transaction.
        id: TransactionId,
        /// How far it was seen to come.
        reached: Reached,
        /// What happened last.
        error: ClientError,
    },
    /// It took too long.
    #[error(
        "transaction {id} is {reached} after {} s, and not {} yet",
        after.as_secs(),
        wanted.phrase()
    )]
    TimedOut {
        /// The transaction.
        id: TransactionId,
        /// How far it came.
        reached: Reached,
        /// How far it was to come.
        wanted: Wait,
        /// How long was waited.
        after: Duration,
    },
    /// The node gave an answer that cannot be used.
    #[error(transparent)]
    Node(#[from] ClientError),
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// In the pool.
    Pending,
    /// In a block.
    Block {
        /// Its height.
        height: Height,
        /// Blocks from there to the head, both counted.
        confirmations: u64,
    },
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("pending"),
            Self::Block { height, confirmations } => {
                let count = counted(*confirmations);
                write!(f, "in the block at height {height} ({count})")
            }
        }
    }
}

/// What happens to a transaction on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A block carries it.
    Included {
        /// The block.
        block: BlockId,
        /// Its height.
        height: Height,
    },
    /// So many blocks carry it or stand on it now.
    Confirmed {
        /// How many.
        confirmations: u64,
    },
    /// The block that carried it lost its place in the chain.
    Reorganised {
        /// The height of that block.
        from: Height,
        /// The height of the block that carries it now, if one does.
        to: Option<Height>,
    },
    /// The node had forgotten it, and it was sent once more.
    Resubmitted,
    /// The node does not answer; it is asked again.
    Silent(ClientError),
    /// The node answers again.
    Back,
}

/// How a transaction ended up.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked {
    /// What is reported.
    pub report: SendReport,
    /// The block that carries it.
    pub block: Option<BlockId>,
}

impl Tracked {
    /// How it is known that the transaction came so far, in words.
    pub fn reason(&self, chain: &Chain) -> String {
        let confirmations = self.report.confirmations.unwrap_or(0);
        match (self.report.status, chain.finality_depth) {
            (SendStatus::Accepted, _) => "accepted into the pool of the node".into(),
            (SendStatus::Included | SendStatus::Confirmed, _) => {
                format!("{}, the block that carries it counted", counted(confirmations))
            }
            (SendStatus::Final, Some(_)) => {
                let above = confirmations.saturating_sub(1);
                let plural = if above == 1 { "" } else { "s" };
                format!("final: {above} block{plural} on top (depth rule of {})", chain.engine)
            }
            (SendStatus::Final, None) => format!("final: by the rule of {}", chain.engine),
        }
    }
}

/// Sends a transaction to a node.
///
/// # Errors
///
/// The node refuses it, or it is not known whether the node took it.
pub async fn submit(
    node: &impl NodeApi,
    clock: &dyn Clock,
    signed: &Signed,
) -> Result<Submitted, TrackError> {
    // A node says "accepted" to what it has already: whose transaction it is can only be told before.
    if node.chain_transaction(signed.id).await?.is_some() {
        return Err(TrackError::Twin(signed.id));
    }
    let started = clock.now();
    offer(node, signed).await?;
    Ok(Submitted { started, latency: clock.now().saturating_sub(started) })
}

async fn offer(node: &impl NodeApi, signed: &Signed) -> Result<(), TrackError> {
    let id = signed.id;
    let answers = node.mempool_submit(std::slice::from_ref(&signed.transaction)).await;
    let refused = match answers.as_deref() {
        Ok([SubmitResult::Accepted { id: answered }]) if *answered == id => return Ok(()),
        Ok([SubmitResult::Accepted { id: answered }]) => {
            return Err(TrackError::OtherChain { id, answered: *answered });
        }
        Ok([SubmitResult::Refused { error }]) => TrackError::Refused(error.clone()),
        Ok(answers) => {
            let reason = format!("{} answers for one transaction", answers.len());
            return Err(garbled(node, reason).into());
        }
        Err(error @ (ClientError::Unreachable { .. } | ClientError::Timeout { .. })) => {
            TrackError::Unsure { id, error: error.clone() }
        }
        Err(error) => return Err(error.clone().into()),
    };
    // It may have been cut off before it could say that it took it, or have got it back from others.
    match node.chain_transaction(id).await {
        Ok(Some(info)) if info.id == id => Ok(()),
        _ => Err(refused),
    }
}

/// Follows a submitted transaction until it has come as far as `wanted`, for at most `timeout` from the start of its
/// submission. Tells `on` of each step.
///
/// # Errors
///
/// It takes too long, the node goes away, or the transaction is lost.
pub async fn wait(
    node: &impl NodeApi,
    clock: &dyn Clock,
    signed: &Signed,
    submitted: Submitted,
    (wanted, timeout): (Wait, Duration),
    on: &mut dyn FnMut(&Step),
) -> Result<Tracked, TrackError> {
    let mut watch = Watch { node, clock, signed, submitted, place: None, silent: None, on };
    if wanted == Wait::Accepted {
        return Ok(watch.tracked(SendStatus::Accepted));
    }
    loop {
        watch.look().await?;
        if let Some(status) = watch.reached(wanted) {
            return Ok(watch.tracked(status));
        }
        let waited = watch.elapsed();
        let Some(left) = timeout.checked_sub(waited).filter(|left| !left.is_zero()) else {
            let (id, reached) = (signed.id, watch.standing());
            // A node that is away is what it waits for, rather than time.
            return Err(match watch.silent {
                Some((_, error)) => TrackError::Lost { id, reached, error },
                None => TrackError::TimedOut { id, reached, wanted, after: waited },
            });
        };
        clock.pause(POLL.min(left)).await;
    }
}

/// The block that carries the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    block: BlockId,
    height: Height,
    confirmations: u64,
    is_final: bool,
    /// How long after the start of the submission it was seen there, and to be final.
    included: Duration,
    finalised: Option<Duration>,
}

struct Watch<'a, N> {
    node: &'a N,
    clock: &'a dyn Clock,
    signed: &'a Signed,
    submitted: Submitted,
    place: Option<Place>,
    /// Since when the node does not answer, and why.
    silent: Option<(Duration, ClientError)>,
    on: &'a mut dyn FnMut(&Step),
}

impl<N: NodeApi> Watch<'_, N> {
    fn elapsed(&self) -> Duration {
        self.clock.now().saturating_sub(self.submitted.started)
    }

    fn standing(&self) -> Reached {
        match self.place {
            Some(Place { height, confirmations, .. }) => Reached::Block { height, confirmations },
            None => Reached::Pending,
        }
    }

    /// Asks the node once.
    async fn look(&mut self) -> Result<(), TrackError> {
        match self.node.chain_transaction(self.signed.id).await {
            Ok(Some(info)) => {
                self.answered();
                self.see(&info)
            }
            Ok(None) => {
                self.answered();
                self.forgotten().await
            }
            Err(error) => self.unanswered(error),
        }
    }

    fn answered(&mut self) {
        if self.silent.take().is_some() {
            (self.on)(&Step::Back);
        }
    }

    fn unanswered(&mut self, error: ClientError) -> Result<(), TrackError> {
        if !is_passing(&error) {
            return Err(error.into());
        }
        let now = self.clock.now();
        let since = match &self.silent {
            Some((since, _)) => *since,
            None => {
                (self.on)(&Step::Silent(error.clone()));
                now
            }
        };
        if now.saturating_sub(since) > OUTAGE_MAX {
            let (id, reached) = (self.signed.id, self.standing());
            return Err(TrackError::Lost { id, reached, error });
        }
        self.silent = Some((since, error));
        Ok(())
    }

    /// Compares where the transaction is with where it was.
    fn see(&mut self, info: &TransactionInfo) -> Result<(), TrackError> {
        let is_final = match info.status {
            TransactionStatus::Pending => {
                self.left(None);
                return Ok(());
            }
            TransactionStatus::Included => false,
            TransactionStatus::Final => true,
        };
        let (Some(block), Some(height)) = (info.block, info.height) else {
            let reason = "a transaction is in a block without id or height";
            return Err(garbled(self.node, reason).into());
        };
        let now = self.elapsed();
        let confirmations = info.confirmations;
        if self.place.is_some_and(|place| place.block != block) {
            self.left(Some(height));
        }
        let steps = match self.place {
            None => {
                (self.on)(&Step::Included { block, height });
                confirmations > 1
            }
            Some(place) => place.confirmations != confirmations,
        };
        if steps {
            (self.on)(&Step::Confirmed { confirmations });
        }
        let before = self.place;
        self.place = Some(Place {
            block,
            height,
            confirmations,
            is_final,
            included: before.map_or(now, |place| place.included),
            finalised: before.and_then(|place| place.finalised).or(is_final.then_some(now)),
        });
        Ok(())
    }

    /// The block that carried the transaction does so no longer.
    fn left(&mut self, to: Option<Height>) {
        if let Some(place) = self.place.take() {
            (self.on)(&Step::Reorganised { from: place.height, to });
        }
    }

    /// The node knows the transaction no longer: tells it again.
    async fn forgotten(&mut self) -> Result<(), TrackError> {
        self.left(None);
        match offer(self.node, self.signed).await {
            Ok(()) => {
                (self.on)(&Step::Resubmitted);
                Ok(())
            }
            Err(TrackError::Refused(reason)) => {
                Err(TrackError::Dropped { id: self.signed.id, reason })
            }
            Err(TrackError::Node(error) | TrackError::Unsure { error, .. }) => {
                self.unanswered(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The status, if it is as good as `wanted`.
    fn reached(&self, wanted: Wait) -> Option<SendStatus> {
        let place = self.place?;
        match wanted {
            _ if place.is_final => Some(SendStatus::Final),
            Wait::Accepted | Wait::Included => Some(SendStatus::Included),
            Wait::Confirmations(blocks) if place.confirmations >= blocks => {
                Some(SendStatus::Confirmed)
            }
            Wait::Confirmations(_) | Wait::Final => None,
        }
    }

    fn tracked(&self, status: SendStatus) -> Tracked {
        // To the microsecond: a node's answer takes many of them.
        let ms = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        let report = SendReport {
            id: self.signed.id,
            status,
            height: self.place.map(|place| place.height),
            confirmations: self.place.map(|place| place.confirmations),
            latency_ms: SendLatency {
                accepted: ms(self.submitted.latency),
                included: self.place.map(|place| ms(place.included)),
                is_final: self.place.and_then(|place| place.finalised).map(ms),
            },
        };
        Tracked { report, block: self.place.map(|place| place.block) }
    }
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
