//! All connections and what they work on.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::job::{Job, Template};
use super::line::{self, Call, LineError, Request, Submission};
use super::session::Session;
use super::share::ShareError;
use super::workers::{Worker, Workers};
use crate::types::work::WorkProof;
use crate::types::{Address, Prefix, Span, Time};

/// Open connections: the miners of a large test. An idle one costs some ten kilobytes with its socket.
pub const CONNECTIONS_MAX: usize = 2048;

/// Open connections from one IP address: the miners behind a router.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 256;

/// Addresses that are mined for at once. Each has a draft of its own for every new block, and a draft executes a block.
pub const PAYOUTS_MAX: usize = 16;

/// Jobs of a connection that shares may name, and so the drafts that the host keeps for an address: the latest, and those
/// that it replaced a minute or two ago.
pub const JOBS_MAX: usize = 4;

/// Users that one connection authorizes: the miners behind a proxy.
const USERS_MAX: usize = 16;

/// Lines of a connection that make no sense before it is closed.
const STRIKES_MAX: u32 = 10;

/// Within this a connection has to authorize a user.
const GREETING: Span = Span::seconds(60);

/// The life of a job where no block ends it. New transactions wait that long at most, and miners get a new time.
const REFRESH: Span = Span::seconds(30);

/// When to ask for a draft again after there was none.
const RETRY: Span = Span::seconds(1);

/// Names a connection, and is its extra nonce 1: no two open ones have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// All places are taken.
    #[error("there are {CONNECTIONS_MAX} connections already")]
    Full,
    /// All places of its IP address are taken.
    #[error("there are {CONNECTIONS_PER_ADDRESS_MAX} connections from this address already")]
    AddressFull,
}

/// Why a connection is closed from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// It sent too much that makes no sense.
    #[error("{STRIKES_MAX} lines made no sense")]
    Nonsense,
    /// It authorized nobody.
    #[error("no user was authorized within {} s", GREETING.0 / 1000)]
    Silent,
}

/// What the host is to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send a line, whose end is in it. A connection that does not take it fast enough is the host's to close.
    Send(ConnectionId, String),
    /// Send what is to be sent, then close. The server has forgotten the connection already.
    Close(ConnectionId, Closed),
    /// Make a draft that pays this address, and bring it with [`Server::template`].
    Draft(Address),
    /// A block is proven.
    Block {
        /// The template's id.
        template: [u8; 32],
        /// Its height.
        height: u64,
        /// Whom it pays.
        payout: Address,
        /// The worker that found it.
        worker: String,
        /// The proof.
        proof: WorkProof,
    },
}

/// Counts of everything since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections taken.
    pub connections: u64,
    /// Connections turned away.
    pub turned_away: u64,
    /// Shares that counted.
    pub accepted: u64,
    /// Shares of jobs that were stale or not known.
    pub stale: u64,
    /// Shares sent twice.
    pub duplicate: u64,
    /// Shares that missed their target.
    pub low: u64,
    /// Shares refused for their version bits or time, or of those who had not subscribed or authorized.
    pub refused: u64,
    /// Blocks that came into the chain.
    pub blocks: u64,
    /// Lines that made no sense.
    pub nonsense: u64,
}

/// An address that somebody mines for.
#[derive(Debug, Default)]
struct Payout {
    /// Connections.
    miners: usize,
    job: Option<Arc<Job>>,
    /// A draft was asked for and has not come.
    asked: bool,
    /// Another one was due meanwhile.
    again: bool,
    /// When to ask for the next one.
    due: Option<Time>,
    /// The template that was proven last: another proof of it is worth nothing.
    proven: Option<[u8; 32]>,
}

/// The server's side of all connections; see the [module](super).
#[derive(Debug)]
pub struct Server {
    prefix: Prefix,
    names: BTreeMap<String, Address>,
    head: Option<[u8; 32]>,
    sessions: BTreeMap<ConnectionId, Session>,
    addresses: BTreeMap<IpAddr, usize>,
    payouts: BTreeMap<Address, Payout>,
    workers: Workers,
    totals: Totals,
    last_id: u32,
    last_job: u64,
    outputs: Vec<Output>,
}

impl Server {
    /// Nobody is connected. Users are addresses under `prefix`, or one of these names. Jobs are numbered from the time, so
    /// that no miner takes one for a job of before the restart.
    pub fn new(now: Time, prefix: Prefix, names: BTreeMap<String, Address>) -> Self {
        Self {
            prefix,
            names,
            head: None,
            sessions: BTreeMap::new(),
            addresses: BTreeMap::new(),
            payouts: BTreeMap::new(),
            workers: Workers::default(),
            totals: Totals::default(),
            last_id: 0,
            // A thousand jobs a second do not catch up with it, and 16 digits are not filled.
            last_job: now.0 & (u64::MAX >> 8),
            outputs: Vec::new(),
        }
    }

    /// Takes what is to be done.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// When [`Self::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Time> {
        let due = self.payouts.values().filter_map(|payout| payout.due);
        let greetings = self.sessions.values().filter(|session| session.payout.is_none());
        due.chain(greetings.map(|session| session.since.after(GREETING))).min()
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.sessions.len()
    }

    /// Counts since the start.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The workers and their names.
    pub fn workers(&self) -> impl Iterator<Item = (&str, &Worker)> {
        self.workers.iter()
    }

    /// Addresses that are mined for.
    pub fn payouts(&self) -> impl Iterator<Item = &Address> {
        self.payouts.keys()
    }

    /// Somebody connected.
    ///
    /// # Errors
    ///
    /// Too many are connected.
    pub fn connect(&mut self, now: Time, address: IpAddr) -> Result<ConnectionId, Refused> {
        let address = address.to_canonical();
        let of_address = self.addresses.get(&address).copied().unwrap_or_default();
        let refused = if self.sessions.len() >= CONNECTIONS_MAX {
            Some(Refused::Full)
        } else {
            (of_address >= CONNECTIONS_PER_ADDRESS_MAX).then_some(Refused::AddressFull)
        };
        if let Some(refused) = refused {
            self.totals.turned_away += 1;
            return Err(refused);
        }
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if !self.sessions.contains_key(&ConnectionId(self.last_id)) {
                break;
            }
        }
        let id = ConnectionId(self.last_id);
        self.addresses.insert(address, of_address + 1);
        self.sessions.insert(id, Session::new(now, address, id.0));
        self.totals.connections += 1;
        Ok(id)
    }

    /// A connection is gone.
    pub fn disconnect(&mut self, now: Time, id: ConnectionId) {
        let Some(session) = self.sessions.remove(&id) else { return };
        if let Some(count) = self.addresses.get_mut(&session.address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&session.address);
            }
        }
        for (_, name) in &session.users {
            self.workers.left(now, name);
        }
        if let Some(address) = session.payout
            && let Some(payout) = self.payouts.get_mut(&address)
        {
            payout.miners -= 1;
            if payout.miners == 0 {
                self.payouts.remove(&address);
            }
        }
    }

    /// A line came, with or without its end. Lines of connections that are gone are nobody's.
    pub fn line(&mut self, now: Time, id: ConnectionId, line: &[u8]) {
        if !self.sessions.contains_key(&id) {
            return;
        }
        match line::read(line) {
            Ok(None) => {}
            Ok(Some(Request { id: asked, call })) => self.call(now, id, asked, call),
            Err(LineError { id: asked, reason }) => {
                self.refuse(id, asked, 20, &reason);
                self.strike(now, id);
            }
        }
    }

    /// Another block is the head: what is worked on stands on another one.
    pub fn head(&mut self, now: Time, head: [u8; 32]) {
        if self.head.replace(head) == Some(head) {
            return;
        }
        for payout in self.payouts.values_mut() {
            payout.due = Some(now);
        }
        self.tick(now);
    }

    /// A draft that was asked for, or why there is none.
    pub fn template(&mut self, now: Time, address: Address, made: Option<Template>) {
        let Some(payout) = self.payouts.get_mut(&address) else { return };
        let overtaken = std::mem::take(&mut payout.again);
        payout.asked = false;
        // What stands on another block than the head was overtaken, or came before the host told of its head.
        let template = made.filter(|template| Some(template.parent) == self.head);
        self.last_job += 1;
        let Some(Ok(job)) = template.map(|template| Job::new(self.last_job, template)) else {
            payout.due = Some(if overtaken { now } else { now.after(RETRY) });
            return self.tick(now);
        };
        // Half of the time that miners may roll stays for the last share of the job.
        let rolls = u64::from(job.template.time_max.saturating_sub(job.template.time)) * 1000;
        payout.due = Some(now.after(REFRESH.min(Span(rolls / 2)).max(RETRY)));
        let job = Arc::new(job);
        payout.job = Some(job.clone());
        let of_payout = |session: &Session| session.payout == Some(address);
        let ids = self.sessions.iter().filter(|(_, session)| of_payout(session));
        let ids: Vec<ConnectionId> = ids.map(|(id, _)| *id).collect();
        for id in ids {
            self.offer(now, id, &job);
        }
    }

    /// A block that this worker proved is in the chain.
    pub fn sealed(&mut self, worker: &str) {
        self.totals.blocks += 1;
        if let Some(worker) = self.workers.get(worker) {
            worker.blocks += 1;
        }
    }

    /// Time passed.
    pub fn tick(&mut self, now: Time) {
        for (address, payout) in &mut self.payouts {
            if payout.due.is_some_and(|due| due <= now) {
                payout.due = None;
                payout.again = payout.asked;
                if !payout.asked {
                    payout.asked = true;
                    self.outputs.push(Output::Draft(*address));
                }
            }
        }
        let late =
            |session: &Session| session.payout.is_none() && session.since.after(GREETING) <= now;
        let late = self.sessions.iter().filter(|(_, session)| late(session));
        let late: Vec<ConnectionId> = late.map(|(id, _)| *id).collect();
        for id in late {
            self.close(now, id, Closed::Silent);
        }
    }

    fn call(&mut self, now: Time, id: ConnectionId, asked: Value, call: Call) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match call {
            Call::Configure { extensions, mask, minimum } => {
                let answer = session.configure(now, &extensions, mask, minimum);
                self.answer(id, asked, answer);
            }
            Call::Subscribe { agent } => {
                let answer = session.subscribe(agent);
                self.answer(id, asked, answer);
                self.offer_current(now, id);
            }
            Call::Authorize { user } => match self.authorize(now, id, &user) {
                Ok(()) => {
                    self.answer(id, asked, true.into());
                    self.offer_current(now, id);
                }
                Err(reason) => self.refuse(id, asked, 24, &reason),
            },
            Call::Submit(share) => self.submit(now, id, asked, &share),
            Call::Suggest(difficulty) => {
                session.suggest(now, difficulty);
                self.answer(id, asked, true.into());
            }
            Call::ExtraNonce => self.answer(id, asked, true.into()),
            Call::Ping => self.answer(id, asked, "pong".into()),
            Call::Unknown(method) => {
                self.refuse(id, asked, 20, &format!("there is no method {method}"));
            }
        }
    }

    /// Lets a connection work as this user: the address to pay, with a name behind a dot if it likes.
    fn authorize(&mut self, now: Time, id: ConnectionId, user: &str) -> Result<(), String> {
        let (text, _) = user.split_once('.').unwrap_or((user, ""));
        let address = match self.names.get(text) {
            Some(address) => *address,
            None => Address::parse(text, &self.prefix)
                .map_err(|error| format!("the user is the address to pay: {error}"))?,
        };
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if session.worker(user).is_some() {
            return Ok(());
        }
        if session.payout.is_some_and(|payout| payout != address) {
            return Err("this connection works for another address: open one for each".into());
        }
        if session.users.len() >= USERS_MAX {
            return Err(format!("a connection has at most {USERS_MAX} users"));
        }
        let places = self.payouts.len() < PAYOUTS_MAX || self.payouts.contains_key(&address);
        if !places {
            return Err(format!(
                "{PAYOUTS_MAX} addresses are mined for already: come back when one is free, or mine for one of them"
            ));
        }
        let name = line::plain(user, user.len());
        if !self.workers.joined(now, &name, address, &session.agent) {
            return Err("there are too many workers: use one name for several miners".into());
        }
        session.users.push((user.to_owned(), name));
        if session.payout.replace(address).is_none() {
            let payout = self.payouts.entry(address).or_default();
            payout.miners += 1;
            if payout.miners == 1 {
                payout.asked = true;
                self.outputs.push(Output::Draft(address));
            }
        }
        Ok(())
    }

    fn submit(&mut self, now: Time, id: ConnectionId, asked: Value, share: &Submission) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let judged = session.judge(share, self.head);
        let worker = session.worker(&share.user).map(str::to_owned);
        let payout = session.payout;
        let (job, accepted) = match judged {
            Ok(judged) => judged,
            Err(error) => {
                self.count(&error);
                if let Some(worker) = worker.and_then(|name| self.workers.get(&name)) {
                    worker.refused(now, &error);
                }
                return self.refuse(id, asked, error.code(), &error.to_string());
            }
        };
        self.totals.accepted += 1;
        // Only authorized workers have their shares judged, and they work for somebody.
        let (Some(name), Some(payout)) = (worker, payout) else { return };
        if let Some(worker) = self.workers.get(&name) {
            worker.accepted(now, accepted.difficulty, accepted.met);
        }
        self.answer(id, asked, true.into());
        let Some(proof) = accepted.block else { return };
        let Template { id: template, height, .. } = job.template;
        let place = self.payouts.get_mut(&payout);
        if place.is_some_and(|place| place.proven.replace(template) != Some(template)) {
            self.outputs.push(Output::Block { template, height, payout, worker: name, proof });
        }
    }

    fn count(&mut self, error: &ShareError) {
        let totals = &mut self.totals;
        let counter = match error {
            ShareError::UnknownJob | ShareError::Stale => &mut totals.stale,
            ShareError::Duplicate => &mut totals.duplicate,
            ShareError::LowDifficulty { .. } => &mut totals.low,
            _ => &mut totals.refused,
        };
        *counter += 1;
    }

    /// Tells a connection what there is to do, if it has asked for work and there is any that is not stale.
    fn offer_current(&mut self, now: Time, id: ConnectionId) {
        let payout = self.sessions.get(&id).and_then(|session| session.payout);
        let current = payout.and_then(|payout| self.payouts.get(&payout)?.job.clone());
        if let Some(job) = current.filter(|job| Some(job.template.parent) == self.head) {
            self.offer(now, id, &job);
        }
    }

    fn offer(&mut self, now: Time, id: ConnectionId, job: &Arc<Job>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !session.wants_jobs() || session.has(job.number) {
            return;
        }
        let (told, difficulty) = session.offer(now, job);
        for (_, name) in &session.users {
            if let Some(worker) = self.workers.get(name) {
                worker.difficulty = difficulty;
            }
        }
        self.outputs.extend(told.into_iter().map(|line| Output::Send(id, line)));
    }

    fn strike(&mut self, now: Time, id: ConnectionId) {
        self.totals.nonsense += 1;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.strikes += 1;
        if session.strikes >= STRIKES_MAX {
            self.close(now, id, Closed::Nonsense);
        }
    }

    /// Closes a connection: it is gone at once here, and outside when what was said to it is sent.
    fn close(&mut self, now: Time, id: ConnectionId, why: Closed) {
        self.outputs.push(Output::Close(id, why));
        self.disconnect(now, id);
    }

    fn answer(&mut self, id: ConnectionId, asked: Value, result: Value) {
        self.send(id, &json!({ "id": asked, "result": result, "error": null }));
    }

    fn refuse(&mut self, id: ConnectionId, asked: Value, code: u32, reason: &str) {
        let error = json!([code, reason, null]);
        self.send(id, &json!({ "id": asked, "result": null, "error": error }));
    }

    fn send(&mut self, id: ConnectionId, line: &Value) {
        self.outputs.push(Output::Send(id, format!("{line}\n")));
    }

    #[cfg(test)]
    pub(super) fn session(&self, id: ConnectionId) -> Option<&Session> {
        self.sessions.get(&id)
    }
}
