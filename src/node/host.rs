//! The loop that hosts the replica: wait for an input or a deadline, handle it, perform the outputs in order.
//!
//! One plain thread owns the replica. The network and RPC live on tokio and talk to it through an [`Inbox`]; signature
//! checks and the nonce search have threads of their own and answer through the same inbox. The loop drains what has
//! queued up before it performs outputs, so that many inputs share one sync of the store: nothing that follows an
//! [`Output::Sync`] is performed before everything staged is durable.
//!
//! What may wait does: questions of peers and batches of transactions are put aside (`aside`), and looked at for a
//! moment in each round, one peer after the other. A block never stands behind more of them than that.
//!
//! Whatever goes into the replica can be recorded on its way (`Recorded`).
//!
//! Readers never wait for the loop: they take the published [`View`] and read the store beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};

use super::aside::Aside;
use super::feed::Feed;
use super::keyring::Keyring;
use super::net::{NetHandle, Room};
use super::record::{Recorded, Recording};
use super::report::Reporter;
use super::search::{SearchControl, Searcher};
use super::stopwatch::Lap;
use super::store::RocksStore;
use super::verify::Verifier;
use crate::consensus::{AuthorityId, Message as AuthorityMessage, Report as EngineReport, Stake};
use crate::miner::Miner;
use crate::replica::{Input, Output, Replica, Report, View};
use crate::store::Store;
use crate::types::{Amount, BlockId, Height, Keypair, Time, Transaction, TransactionId};

/// Inputs that wait for the loop before gossip is turned away. Everything else is bounded by what it answers to.
const QUEUE_MAX: usize = 20_000;

/// Inputs handled before their outputs are performed.
const ROUND_MAX: usize = 256;

/// How long a round may spend on what was put aside; what it began it ends.
const ASIDE_TIME: Duration = Duration::from_millis(3);

/// Reads that wait for an answer of the rule.
const READS_MAX: usize = 256;

/// How long a read waits. A little longer than rules do, which know why there is no answer.
const READ_PATIENCE: Duration = Duration::from_millis(5_500);

/// The loop wakes at least this often.
const IDLE: Duration = Duration::from_secs(1);

/// The replica as the node runs it.
pub type NodeReplica = Replica<RocksStore>;

type Results = Vec<Result<TransactionId, String>>;

/// What reaches the loop.
enum Message {
    Input(Input),
    Received(AuthorityId, AuthorityMessage, Room),
    Submit(Vec<Transaction>, oneshot::Sender<Results>),
    Read(oneshot::Sender<Result<Height, String>>),
    Query(Box<dyn FnOnce(&NodeReplica) + Send>),
    Stop,
}

/// The way into the loop.
#[derive(Clone)]
pub struct Inbox {
    messages: Sender<Message>,
    queued: Arc<AtomicUsize>,
}

impl Inbox {
    /// Hands an input to the loop. Gossip is turned away while too much waits; its sender will not be blamed.
    pub fn input(&self, input: Input) -> bool {
        let full = self.queued.load(Ordering::Relaxed) > QUEUE_MAX;
        if full && matches!(input, Input::Gossip { .. }) {
            return false;
        }
        self.send(Message::Input(input))
    }

    /// Hands a message of an authority to the loop. The room is held until the replica has handled it.
    pub fn received(&self, from: AuthorityId, message: AuthorityMessage, room: Room) -> bool {
        self.send(Message::Received(from, message, room))
    }

    fn send(&self, message: Message) -> bool {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.messages.send(message).is_ok()
    }
}

/// The loop has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopped;

/// A handle to the loop, for readers and writers on any thread.
#[derive(Clone)]
pub struct Host {
    inbox: Inbox,
    shared: Arc<Shared>,
}

struct Shared {
    view: ArcSwap<View>,
    changes: watch::Sender<u64>,
    /// The round that the rule said last, and who leads in it.
    round: ArcSwap<Option<(u64, Option<AuthorityId>)>>,
    /// Authorities that were seen to say two things.
    liars: ArcSwap<BTreeSet<AuthorityId>>,
    feed: Feed,
    store: Arc<RocksStore>,
    search: SearchControl,
    keyring: Keyring,
}

impl Host {
    /// The replica as it was last published.
    pub fn view(&self) -> Arc<View> {
        self.shared.view.load_full()
    }

    /// The store.
    pub fn store(&self) -> &Arc<RocksStore> {
        &self.shared.store
    }

    /// The search, to look at it and to change it.
    pub(super) fn search(&self) -> &SearchControl {
        &self.shared.search
    }

    /// Authorities that were seen to say two things, of whom the rule keeps the proofs.
    pub fn liars(&self) -> Arc<BTreeSet<AuthorityId>> {
        self.shared.liars.load_full()
    }

    /// The round of an agreement that this node is in, and who leads in it, if the rule has said so.
    pub fn round(&self) -> Option<(u64, Option<AuthorityId>)> {
        **self.shared.round.load()
    }

    /// Tells when the view changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// What happens, for whoever wants to be told.
    pub fn feed(&self) -> &Feed {
        &self.shared.feed
    }

    /// The way into the loop.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Submits transactions; answers when what was accepted is durable.
    pub async fn submit(&self, transactions: Vec<Transaction>) -> Result<Results, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Message::Submit(transactions, reply));
        answer.await.map_err(|_| Stopped)
    }

    /// Waits until the published view shows whatever was final anywhere when this was asked. Says why nobody can tell.
    pub async fn read(&self) -> Result<Result<(), String>, Stopped> {
        let mut changes = self.changes();
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Message::Read(reply));
        let read = async {
            let height = match answer.await.map_err(|_| Stopped)? {
                Ok(height) => height,
                Err(reason) => return Ok(Err(reason)),
            };
            while self.view().header.height < height {
                changes.changed().await.map_err(|_| Stopped)?;
            }
            Ok(Ok(()))
        };
        let late = || {
            let waited = READ_PATIENCE.as_millis();
            Ok(Err(format!("nobody said within {waited} ms what is final")))
        };
        tokio::time::timeout(READ_PATIENCE, read).await.unwrap_or_else(|_| late())
    }

    /// Asks the replica itself. The loop waits meanwhile: only for what no view holds.
    pub async fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&NodeReplica) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        let ask = move |replica: &NodeReplica| {
            // Whoever asked may have gone.
            let _ = reply.send(question(replica));
        };
        self.inbox.send(Message::Query(Box::new(ask)));
        answer.await.map_err(|_| Stopped)
    }

    /// Stakes the coins of these keys, all but a reserve, until other keys are given; without keys no coins are staked.
    pub fn stake(&self, keys: Vec<Keypair>, reserve: Amount) {
        self.shared.keyring.replace(keys, reserve);
        self.inbox.input(Input::Stake(self.staking()));
    }

    /// Whose coins are staked here, and how much of them is left alone.
    pub fn staking(&self) -> Option<Stake> {
        self.shared.keyring.stake()
    }

    /// Ends the loop after what it is doing.
    pub fn stop(&self) {
        self.inbox.send(Message::Stop);
    }
}

/// An inbox and what reads it, before there is a loop: the network needs one before the replica exists.
pub struct Mailbox {
    inbox: Inbox,
    messages: Receiver<Message>,
}

impl Default for Mailbox {
    fn default() -> Self {
        let (messages, incoming) = channel();
        Self { inbox: Inbox { messages, queued: Arc::default() }, messages: incoming }
    }
}

impl Mailbox {
    /// The way in.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Starts the loop. The thread ends with the reason why, which is nothing if it was told to stop.
    pub(super) fn start(
        self,
        replica: NodeReplica,
        net: NetHandle,
        miner: Arc<Miner>,
        reporter: Reporter,
        feed: Feed,
        recording: Option<Recording>,
    ) -> std::io::Result<(Host, std::thread::JoinHandle<Result<(), String>>)> {
        let inbox = self.inbox.clone();
        let verifier = Verifier::start(move |input| {
            inbox.input(input);
        })?;
        let searcher = Searcher::start(miner, self.inbox.clone())?;
        let shared = Arc::new(Shared {
            view: ArcSwap::from_pointee(replica.view()),
            changes: watch::channel(0).0,
            round: ArcSwap::default(),
            liars: ArcSwap::default(),
            feed,
            store: replica.store().clone(),
            search: searcher.control().clone(),
            keyring: Keyring::default(),
        });
        let host = Host { inbox: self.inbox.clone(), shared: shared.clone() };
        let mut looping = Loop {
            replica: Recorded::new(replica, recording),
            messages: self.messages,
            inbox: self.inbox.clone(),
            aside: Aside::default(),
            queued: self.inbox.queued,
            net,
            verifier,
            searcher,
            reporter,
            shared,
            outputs: Vec::new(),
            tickets: BTreeMap::new(),
            reads: BTreeMap::new(),
            ticket: 0,
            told_authorities: None,
            started: Instant::now(),
            started_at: wall_clock(),
        };
        let run = move || looping.run();
        let thread = std::thread::Builder::new().name("host".into()).spawn(run)?;
        Ok((host, thread))
    }
}

struct Loop {
    replica: Recorded,
    messages: Receiver<Message>,
    /// What it tells itself.
    inbox: Inbox,
    aside: Aside,
    queued: Arc<AtomicUsize>,
    net: NetHandle,
    verifier: Verifier,
    searcher: Searcher,
    reporter: Reporter,
    shared: Arc<Shared>,
    /// What is to be performed, each with the time that an import took which led to it.
    outputs: Vec<(Output, Duration)>,
    tickets: BTreeMap<u64, oneshot::Sender<Results>>,
    reads: BTreeMap<u64, oneshot::Sender<Result<Height, String>>>,
    ticket: u64,
    /// The head after which the network was told who the authorities are.
    told_authorities: Option<BlockId>,
    started: Instant,
    started_at: Time,
}

/// The system clock.
pub fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Loop {
    /// The system clock, unless it went back since the start: then the monotonic clock leads.
    fn now(&self) -> Time {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        wall_clock().max(Time(self.started_at.0.saturating_add(elapsed)))
    }

    fn run(&mut self) -> Result<(), String> {
        // What opening the store set in motion.
        let lap = self.reporter.lap();
        self.collect(&lap);
        self.perform()?;
        loop {
            let deadline = self.replica.next_deadline();
            let wait = deadline.map_or(IDLE, |at| Duration::from_millis(at.since(self.now()).0));
            let wait = if self.aside.is_empty() { wait.min(IDLE) } else { Duration::ZERO };
            let mut going = match self.messages.recv_timeout(wait) {
                Ok(message) => self.received(message),
                Err(RecvTimeoutError::Timeout) if !self.aside.is_empty() => true,
                Err(RecvTimeoutError::Timeout) => self.handle(Message::Input(Input::Tick)),
                Err(RecvTimeoutError::Disconnected) => false,
            };
            for _ in 1..ROUND_MAX {
                let Ok(message) = self.messages.try_recv() else { break };
                going &= self.received(message);
            }
            self.work_aside();
            self.perform()?;
            if !going {
                return self.end();
            }
            self.reporter.inform(&self.shared.view.load(), self.searcher.control().miner());
        }
    }

    fn received(&mut self, message: Message) -> bool {
        match message {
            Message::Input(input) => match self.aside.put(input) {
                None => true,
                Some(input) => self.dequeued(Message::Input(input)),
            },
            message => self.dequeued(message),
        }
    }

    fn dequeued(&mut self, message: Message) -> bool {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.handle(message)
    }

    /// Handles some of what was put aside.
    fn work_aside(&mut self) {
        let began = Instant::now();
        while let Some(input) = self.aside.take() {
            self.dequeued(Message::Input(input));
            if began.elapsed() >= ASIDE_TIME {
                break;
            }
        }
    }

    /// Handles one message; says whether to go on.
    fn handle(&mut self, message: Message) -> bool {
        let now = self.now();
        let lap = self.reporter.lap();
        match message {
            Message::Input(input) => self.replica.handle(now, input),
            Message::Received(from, message, room) => {
                self.replica.handle(now, Input::Received { from, message });
                drop(room);
            }
            Message::Submit(transactions, reply) => {
                self.ticket += 1;
                let ticket = self.ticket;
                self.tickets.insert(ticket, reply);
                self.replica.handle(now, Input::Submit { ticket, transactions });
            }
            Message::Read(reply) => {
                // Whoever waited too long is gone.
                self.reads.retain(|_, reply| !reply.is_closed());
                if self.reads.len() >= READS_MAX {
                    // Whoever asked may have gone.
                    let _ = reply.send(Err(format!("{READS_MAX} reads wait already")));
                    return true;
                }
                self.ticket += 1;
                let ticket = self.ticket;
                self.reads.insert(ticket, reply);
                self.replica.handle(now, Input::Read { ticket });
            }
            Message::Query(question) => question(&self.replica),
            Message::Stop => return false,
        }
        self.collect(&lap);
        true
    }

    /// Takes what the replica wants done after one input. Blocks that came with it share the time that it took.
    fn collect(&mut self, lap: &Lap) {
        let outputs = self.replica.take_outputs();
        let import = |output: &&Output| matches!(output, Output::Report(Report::Imported { .. }));
        let imports = outputs.iter().filter(import).count();
        let took = match u32::try_from(imports) {
            Ok(0) => Duration::ZERO,
            Ok(imports) => self.reporter.end(lap) / imports,
            Err(_) => Duration::ZERO,
        };
        self.outputs.extend(outputs.into_iter().map(|output| (output, took)));
    }

    /// Performs outputs in order. Everything they depend on is staged already, so one sync in front of the first that
    /// needs it serves them all.
    fn perform(&mut self) -> Result<(), String> {
        if self.outputs.is_empty() {
            return Ok(());
        }
        let mut synced = false;
        let mut told = Vec::new();
        for (output, took) in std::mem::take(&mut self.outputs) {
            match output {
                Output::Sync if synced => {}
                Output::Sync => {
                    self.reporter.sync(|| self.replica.store().sync())?;
                    synced = true;
                }
                Output::Gossip(gossip) => self.net.publish(gossip),
                Output::Verdict { message, verdict } => self.net.verdict(message, verdict),
                Output::Request { to, id, request } => self.net.request(to, id, request),
                Output::Respond { to, id, response } => self.net.respond(to, id, response),
                Output::Verify { order, batch } => {
                    self.reporter.checking(batch.len());
                    self.verifier.verify(order, batch, self.replica.is_urgent(order));
                }
                Output::Search(order) => self.searcher.search(&order),
                Output::StopSearch => self.searcher.stop(),
                Output::Sign(sign) => {
                    let chain = self.replica.context().tree.params().chain;
                    let seal = self.shared.keyring.sign(&sign, &chain);
                    self.inbox.input(Input::Signed { order: sign.order, seal });
                }
                Output::Submitted { ticket, results } => {
                    if let Some(reply) = self.tickets.remove(&ticket) {
                        // Whoever submitted may have gone.
                        let _ = reply.send(results);
                    }
                }
                Output::Ban { peer, reason } => self.net.ban(peer, reason),
                Output::Blame { peer, offence } => self.net.blame(peer, offence),
                Output::Report(Report::StoreFailed(reason)) => return Err(reason),
                Output::Report(report) => {
                    if let Report::Engine(EngineReport::Round { round, leader }) = &report {
                        self.shared.round.store(Arc::new(Some((*round, *leader))));
                    }
                    if let Report::Engine(EngineReport::Lied { by, .. }) = &report {
                        let mut liars = (**self.shared.liars.load()).clone();
                        liars.insert(*by);
                        self.shared.liars.store(Arc::new(liars));
                    }
                    self.reporter.report(&report, took);
                    if self.shared.feed.wants(&report) {
                        told.push(report);
                    }
                }
                Output::Send { to, message } => self.net.send(&to, &message),
                Output::Broadcast(message) => self.net.broadcast(&message),
                Output::Answered { ticket, outcome } => {
                    if let Some(reply) = self.reads.remove(&ticket) {
                        // Whoever asked may have gone.
                        let _ = reply.send(outcome);
                    }
                }
            }
        }
        let view = self.replica.view();
        self.tell_authorities(&view)?;
        self.reporter.observe(&view);
        self.shared.view.store(Arc::new(view));
        self.shared.changes.send_modify(|version| *version += 1);
        // Whoever hears of something and asks finds it.
        told.iter().for_each(|report| self.shared.feed.report(report, &self.replica));
        Ok(())
    }

    /// Says to the network who the authorities are, when there may be others.
    fn tell_authorities(&mut self, view: &View) -> Result<(), String> {
        if self.told_authorities != Some(view.head) {
            let rules = self.replica.tree().rules();
            self.net.set_authorities(rules.authorities(&view.state).map_err(|failed| failed.0)?);
            self.told_authorities = Some(view.head);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        self.searcher.stop();
        // What is final and was put off is written, so that the store says the same as whoever reads it again.
        self.replica.handle(self.now(), Input::Tick);
        self.replica.end();
        self.replica.store().sync().map_err(|error| error.to_string())
    }
}
