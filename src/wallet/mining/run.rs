//! Mining against nodes until enough blocks are made or somebody says stop.
//!
//! One node serves at a time. Its heads come over a subscription, so a template is replaced within a round trip of the
//! moment at which it lost its worth; it is also replaced when it gets old, for the transactions that came since. A node
//! that fails is left for the next in the order, and gone back to when it answers again ([`super::standby`]).
//!
//! A search that was replaced may have found something in its last moment. That is handed in like any other proof, and
//! the node says what it is worth.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::standby::Standby;
use super::task::{Task, TaskError};
use crate::api::{RpcCode, SealParams};
use crate::miner::{Job, Miner, MinerError, Outcome};
use crate::types::{Amount, BlockId, GenesisId, Height};
use crate::wallet::client::{Client, ClientError};
use crate::wallet::subscription::{News, Subscription};

/// A template is replaced after this even though the head stays: new transactions want to join.
const RENEW: Duration = Duration::from_secs(10);

/// A node that cannot draft a block now, since it is catching up, is asked again after this.
const PATIENCE_DRAFT: Duration = Duration::from_secs(1);

/// How often it is looked whether a better node is back.
const LOOK: Duration = Duration::from_secs(1);

/// How long a proof is offered to a node that does not answer: it is of no use to another one.
const OFFER: Duration = Duration::from_secs(5);

/// Ids of blocks that are remembered.
pub const IDS_MAX: usize = 1000;

/// How long a call may take: a node that takes longer hangs, and another one may serve.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The most bytes of a file with a token.
const TOKEN_BYTES_MAX: u64 = 1024;

/// A node to mine against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What messages call it.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The file with its token. It is read anew for each connection: a node that is started again writes another one.
    pub token_file: Option<PathBuf>,
}

impl Place {
    /// The token, if it can be read.
    fn token(&self) -> Option<String> {
        let mut text = String::new();
        let file = File::open(self.token_file.as_deref()?).ok()?;
        file.take(TOKEN_BYTES_MAX).read_to_string(&mut text).ok()?;
        let token = text.trim();
        (!token.is_empty()).then(|| token.to_owned())
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Order {
    /// The nodes, the best first.
    pub nodes: Vec<Place>,
    /// The chain that is meant: a node of another one is not mined for.
    pub genesis: GenesisId,
    /// Whom blocks pay.
    pub payout: String,
    /// After how many blocks to stop.
    pub blocks: Option<u64>,
    /// How long to go on without any node that serves.
    pub patience: Duration,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mined {
    /// Blocks that nodes took.
    pub blocks: u64,
    /// The ids of the last of them, [`IDS_MAX`] at most.
    pub ids: Vec<BlockId>,
    /// Proofs that came after another block.
    pub stale: u64,
    /// Proofs that a node found wrong.
    pub refused: u64,
    /// Proofs whose node did not answer any more.
    pub lost: u64,
    /// Templates that were searched.
    pub templates: u64,
    /// How often another node was turned to.
    pub switches: u64,
    /// The node that served last, by its place in the order.
    pub node: Option<usize>,
    /// The height that was searched for last.
    pub height: Option<Height>,
}

/// Something that the person may want to hear of.
#[derive(Debug)]
pub enum Told<'a> {
    /// A node serves.
    Serves(&'a Place),
    /// A block was made.
    Block {
        /// Its height.
        height: Height,
        /// Its id.
        id: BlockId,
        /// What it pays, fees excluded.
        reward: Amount,
    },
    /// A proof came too late, was refused, or could not be handed in.
    Worthless {
        /// Its height.
        height: Height,
        /// What became of it.
        why: &'a ClientError,
    },
    /// A node fails, and is asked again after a while.
    Away {
        /// The node.
        node: &'a Place,
        /// Why.
        why: &'a MineError,
        /// After which time.
        pause: Duration,
    },
    /// A node is of no use and is not asked again.
    Useless {
        /// The node.
        node: &'a Place,
        /// Why.
        why: &'a MineError,
    },
    /// Something has changed that a line of progress shows.
    Progress(&'a Mined),
}

/// Why there is no mining.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MineError {
    /// A node did not answer, or refused.
    #[error("{error}")]
    Node {
        /// Its place in the order.
        node: usize,
        /// Why.
        error: ClientError,
    },
    /// A node is on another chain.
    #[error("{name} is on the chain {theirs}, and {ours} is mined")]
    OtherChain {
        /// The node.
        name: String,
        /// Its chain.
        theirs: GenesisId,
        /// The chain that is meant.
        ours: GenesisId,
    },
    /// A node hands out what cannot be searched.
    #[error("{name} hands out a template that cannot be searched: {error}")]
    Template {
        /// The node.
        name: String,
        /// What is wrong with it.
        error: TaskError,
    },
    /// There is none.
    #[error("there is no node to mine against")]
    NoNode,
    /// The threads cannot be started.
    #[error(transparent)]
    Threads(#[from] MinerError),
    /// No node has served for too long.
    #[error("no node has served for {} s; the last one: {last}", waited.as_secs())]
    Patience {
        /// How long.
        waited: Duration,
        /// Why the last one that was asked did not.
        last: Box<MineError>,
    },
}

impl MineError {
    /// Whether asking the same node again may help.
    fn is_passing(&self) -> bool {
        match self {
            Self::Node { error, .. } => match error {
                ClientError::Unreachable { .. }
                | ClientError::Timeout { .. }
                | ClientError::TurnedAway { .. } => true,
                error => matches!(
                    error.code(),
                    Some(
                        RpcCode::WarmingUp
                            | RpcCode::Stopping
                            | RpcCode::TooOften
                            | RpcCode::NoTemplate
                            | RpcCode::StaleTemplate
                            | RpcCode::Failed
                    )
                ),
            },
            Self::OtherChain { .. } | Self::Template { .. } | Self::NoNode => false,
            Self::Threads(_) | Self::Patience { .. } => false,
        }
    }

    /// What the node refused with.
    fn code(&self) -> Option<RpcCode> {
        match self {
            Self::Node { error, .. } => error.code(),
            _ => None,
        }
    }
}

/// How mining with one node ended.
enum Ended {
    /// All is done, or somebody said stop.
    Done,
    /// A better node is back.
    Better,
}

/// Mines until `stop` says so or the order is fulfilled. `mined` holds what came of it, also where this ends in an error.
///
/// # Errors
///
/// Where no node serves from the beginning, why the first one does not; later on, after the order's patience.
pub async fn run(
    order: &Order,
    miner: &Arc<Miner>,
    mut stop: watch::Receiver<bool>,
    mined: &mut Mined,
    tell: &dyn Fn(Told<'_>),
) -> Result<(), MineError> {
    let began = Instant::now();
    let mut standby = Standby::new(order.nodes.len());
    let mut served = began;
    let mut last = MineError::NoNode;
    // Whether one was there that only could not serve at the time.
    let mut one_is_there = false;
    loop {
        let Some(index) = standby.choose(began.elapsed()) else {
            // Where nobody was there to begin with, or nobody is of any use, waiting helps nobody.
            let Some(next) = standby.next_try() else { return Err(last) };
            if mined.node.is_none() && !one_is_there {
                return Err(last);
            }
            let waited = served.elapsed();
            if waited >= order.patience {
                return Err(MineError::Patience { waited, last: Box::new(last) });
            }
            tokio::select! {
                () = sleep_until((began + next).min(served + order.patience)) => continue,
                () = told_to(&mut stop) => return Ok(()),
            }
        };
        let node = &order.nodes[index];
        let mut session = Session { order, index, miner, standby: &mut standby, began, tell };
        let ended = session.serve(&mut stop, mined).await;
        let has_served = mined.node.is_some();
        if mined.node == Some(index) {
            served = Instant::now();
        }
        let error = match ended {
            Ok(Ended::Done) => return Ok(()),
            Ok(Ended::Better) => continue,
            Err(error @ MineError::Threads(_)) => return Err(error),
            Err(error) => error,
        };
        // Later on, a wrong token is that of a node which was started again a moment ago.
        let renewed = has_served && error.code() == Some(RpcCode::Unauthorized);
        if error.is_passing() || renewed {
            one_is_there |= error.code().is_some();
            let pause = standby.failed(index, began.elapsed());
            tell(Told::Away { node, why: &error, pause });
        } else {
            standby.bar(index);
            tell(Told::Useless { node, why: &error });
        }
        // Of several that fail from the beginning, the first is the one that was meant.
        if index == 0 || has_served || last == MineError::NoNode {
            last = error;
        }
    }
}

/// Waits until somebody says stop.
async fn told_to(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody can say it any more.
        std::future::pending::<()>().await;
    }
}

/// Mining with one node.
struct Session<'a> {
    order: &'a Order,
    index: usize,
    miner: &'a Arc<Miner>,
    standby: &'a mut Standby,
    began: Instant,
    tell: &'a dyn Fn(Told<'_>),
}

/// A search on threads of its own.
struct Hunt {
    task: Task,
    stop: Arc<AtomicBool>,
    running: JoinHandle<Result<Outcome, MinerError>>,
    ended: Option<Result<Outcome, MinerError>>,
}

impl Hunt {
    fn begin(task: Task, miner: &Arc<Miner>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (theirs, miner, job): (_, _, Job) = (stop.clone(), miner.clone(), task.job.clone());
        let running = tokio::task::spawn_blocking(move || miner.search(&job, &theirs));
        Self { task, stop, running, ended: None }
    }

    /// Waits until it has ended.
    async fn end(&mut self) {
        if self.ended.is_none() {
            self.ended = Some(match (&mut self.running).await {
                Ok(outcome) => outcome,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Ok(Outcome::Stopped),
                },
            });
        }
    }
}

impl Drop for Hunt {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Why a hunt is over, as far as it is not for what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The head moved, or the template got old.
    Old,
    /// It ended by itself.
    Itself,
    /// Somebody said stop.
    Stop,
    /// A better node is back.
    Better,
}

impl Session<'_> {
    fn node(&self) -> &Place {
        &self.order.nodes[self.index]
    }

    fn failed(&self, error: ClientError) -> MineError {
        MineError::Node { node: self.index, error }
    }

    async fn serve(
        &mut self,
        stop: &mut watch::Receiver<bool>,
        mined: &mut Mined,
    ) -> Result<Ended, MineError> {
        let token = self.node().token();
        let client = Client::with_timeout(&self.node().url, token.as_deref(), CALL_TIMEOUT)
            .map_err(|error| self.failed(error))?;
        let info = client.system_info().await.map_err(|error| self.failed(error))?;
        if info.genesis != self.order.genesis {
            let (theirs, ours) = (info.genesis, self.order.genesis);
            return Err(MineError::OtherChain { name: self.node().name.clone(), theirs, ours });
        }
        // Subscribed before the first template, so that no head goes by between the two.
        let mut news = Subscription::open(client.url(), token.as_deref())
            .await
            .map_err(|error| self.failed(error))?;
        let mut serving = false;
        loop {
            let template = match client.mining_template(&self.order.payout).await {
                Ok(template) => template,
                // It is there and will be able to soon, most likely with the next head.
                Err(error) if serving && error.code() == Some(RpcCode::NoTemplate) => {
                    tokio::select! {
                        () = sleep(PATIENCE_DRAFT) => continue,
                        () = told_to(stop) => return Ok(Ended::Done),
                    }
                }
                Err(error) => return Err(self.failed(error)),
            };
            let task = Task::read(&template)
                .map_err(|error| MineError::Template { name: self.node().name.clone(), error })?;
            if !serving {
                serving = true;
                self.standby.works(self.index);
                if mined.node.is_some_and(|before| before != self.index) {
                    mined.switches += 1;
                }
                mined.node = Some(self.index);
                (self.tell)(Told::Serves(self.node()));
            }
            mined.templates += 1;
            mined.height = Some(task.height);
            (self.tell)(Told::Progress(mined));
            let mut hunt = Hunt::begin(task, self.miner);
            let over = self.wait(&mut hunt, &mut news, stop).await;
            hunt.stop.store(true, Ordering::Relaxed);
            hunt.end().await;
            let outcome = hunt.ended.take().transpose()?;
            if let Some(Outcome::Found(proof)) = outcome {
                let answer = hunt.task.answer(&proof);
                self.hand_in(&client, &hunt.task, &answer, mined).await?;
                if self.order.blocks.is_some_and(|blocks| mined.blocks >= blocks) {
                    return Ok(Ended::Done);
                }
            }
            match over? {
                Over::Old | Over::Itself => {}
                Over::Stop => return Ok(Ended::Done),
                Over::Better => return Ok(Ended::Better),
            }
        }
    }

    /// Waits until the hunt ends or should end.
    async fn wait(
        &mut self,
        hunt: &mut Hunt,
        news: &mut Subscription,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Over, MineError> {
        let index = self.index;
        let good_for = Duration::from_millis(hunt.task.good_for.0);
        let mut old = pin!(sleep(RENEW.min(good_for / 3).max(LOOK)));
        let mut better = pin!(better_is_back(self.standby, &self.order.nodes[..index], self.began));
        let mut stop = pin!(told_to(stop));
        let parent = hunt.task.parent;
        loop {
            tokio::select! {
                () = hunt.end() => return Ok(Over::Itself),
                item = news.next() => {
                    match item.map_err(|error| MineError::Node { node: index, error })? {
                        News::Head(head) if head.id == parent => {}
                        News::Head(_) | News::Lagged(_) => return Ok(Over::Old),
                        News::Final(_) => {}
                    }
                }
                () = &mut old => return Ok(Over::Old),
                () = &mut stop => return Ok(Over::Stop),
                () = &mut better => return Ok(Over::Better),
            }
        }
    }

    /// Hands a proof in, and again while the node does not answer.
    async fn hand_in(
        &self,
        client: &Client,
        task: &Task,
        answer: &SealParams,
        mined: &mut Mined,
    ) -> Result<(), MineError> {
        let deadline = Instant::now() + OFFER;
        let error = loop {
            match client.mining_submit(answer).await {
                Ok(_) => {
                    mined.blocks += 1;
                    if mined.ids.len() >= IDS_MAX {
                        mined.ids.remove(0);
                    }
                    mined.ids.push(task.template);
                    let (height, id, reward) = (task.height, task.template, task.reward);
                    (self.tell)(Told::Block { height, id, reward });
                    (self.tell)(Told::Progress(mined));
                    return Ok(());
                }
                Err(ClientError::Unreachable { .. }) if Instant::now() < deadline => {
                    sleep(Duration::from_millis(200)).await;
                }
                Err(error) => break error,
            }
        };
        let over = match error.code() {
            Some(RpcCode::StaleTemplate) => {
                mined.stale += 1;
                Ok(())
            }
            Some(RpcCode::BadProof) => {
                mined.refused += 1;
                Ok(())
            }
            _ => {
                mined.lost += 1;
                Err(self.failed(error.clone()))
            }
        };
        (self.tell)(Told::Worthless { height: task.height, why: &error });
        (self.tell)(Told::Progress(mined));
        over
    }
}

/// Ends when one of these nodes, which are liked better, answers again.
async fn better_is_back(standby: &mut Standby, nodes: &[Place], began: Instant) {
    loop {
        sleep(LOOK).await;
        let Some(index) = standby.better(nodes.len(), began.elapsed()) else { continue };
        let Some(node) = nodes.get(index) else { continue };
        let client = Client::with_timeout(&node.url, node.token().as_deref(), CALL_TIMEOUT);
        let answers = match client {
            Ok(client) => client.system_info().await.is_ok(),
            Err(_) => false,
        };
        if answers {
            return;
        }
        standby.failed(index, began.elapsed());
    }
}
