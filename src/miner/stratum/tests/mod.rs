mod bounds;
mod jobs;
mod lines;
mod shares;
mod vectors;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::*;
use crate::types::target::Bits;
use crate::types::work::{WORK_VERSION, WorkHeader, merkle_root};
use crate::types::{Address, Prefix, Span, Time};

/// Half of all hashes prove a block.
const EASY: Bits = Bits(0x207f_ffff);

/// Difficulty 1: nobody here finds one.
const HARD: Bits = Bits(0x1d00_ffff);

fn prefix() -> Prefix {
    Prefix::new("assay").unwrap()
}

/// The user name of the account with this number.
fn user(number: u8) -> String {
    payout(number).encode(&prefix())
}

fn payout(number: u8) -> Address {
    Address::of(&crate::types::PublicKey([number; 32]))
}

/// A server, and what it wants.
struct Stage {
    server: Server,
    now: Time,
    /// What the drafts stand on.
    head: [u8; 32],
    bits: Bits,
    /// Drafts that were asked for, whether or not they were made.
    drafts: Vec<Address>,
    blocks: Vec<Output>,
    closed: Vec<(ConnectionId, Closed)>,
    lines: BTreeMap<ConnectionId, Vec<Value>>,
    makes_drafts: bool,
}

impl Stage {
    fn new(bits: Bits) -> Self {
        let now = Time(1_700_000_000_000);
        let names = BTreeMap::from([("alice".to_owned(), payout(200))]);
        let mut server = Server::new(now, prefix(), names);
        server.head(now, [1; 32]);
        Self {
            server,
            now,
            head: [1; 32],
            bits,
            drafts: Vec::new(),
            blocks: Vec::new(),
            closed: Vec::new(),
            lines: BTreeMap::new(),
            makes_drafts: true,
        }
    }

    fn template(&self) -> Template {
        let mut id = self.head;
        id[1] = u8::try_from(self.drafts.len() % 256).unwrap();
        let time = self.now.seconds();
        let (height, parent, bits) = (1000, self.head, self.bits);
        Template { id, height, parent, bits, time, time_max: time + 60 }
    }

    /// Does what the server wants until it wants nothing.
    fn settle(&mut self) {
        loop {
            let outputs = self.server.take_outputs();
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                match output {
                    Output::Send(id, line) => {
                        assert!(line.ends_with('\n') && line.len() < 2048, "{line}");
                        let line = serde_json::from_str(&line).unwrap();
                        self.lines.entry(id).or_default().push(line);
                    }
                    Output::Close(id, why) => self.closed.push((id, why)),
                    Output::Draft(address) => {
                        self.drafts.push(address);
                        let made = self.makes_drafts.then(|| self.template());
                        self.server.template(self.now, address, made);
                    }
                    block @ Output::Block { .. } => self.blocks.push(block),
                }
            }
        }
    }

    fn connect(&mut self) -> ConnectionId {
        self.server.connect(self.now, IpAddr::from([127, 0, 0, 1])).unwrap()
    }

    /// Sends a line and takes everything that is said to this connection since the last time.
    fn say(&mut self, id: ConnectionId, line: &str) -> Vec<Value> {
        self.server.line(self.now, id, line.as_bytes());
        self.heard(id)
    }

    fn heard(&mut self, id: ConnectionId) -> Vec<Value> {
        self.settle();
        self.lines.remove(&id).unwrap_or_default()
    }

    fn ask(&mut self, id: ConnectionId, method: &str, params: Value) -> Vec<Value> {
        self.say(id, &json!({ "id": 7, "method": method, "params": params }).to_string())
    }

    /// A subscribed connection that works for an account, and what it heard.
    fn miner(&mut self, number: u8) -> (ConnectionId, Vec<Value>) {
        let id = self.connect();
        let mut heard = self.ask(id, "mining.subscribe", json!(["test/1"]));
        heard.extend(self.ask(id, "mining.authorize", json!([user(number), "x"])));
        (id, heard)
    }

    fn pass(&mut self, span: Span) {
        self.now = self.now.after(span);
        self.server.tick(self.now);
        self.settle();
    }

    fn new_head(&mut self, number: u8) {
        self.head = [number; 32];
        self.server.head(self.now, self.head);
        self.settle();
    }
}

/// The parameters of the last `mining.notify` among these lines.
fn job(heard: &[Value]) -> Value {
    let mut jobs = heard.iter().filter(|line| line["method"] == "mining.notify");
    jobs.next_back().unwrap_or_else(|| panic!("no job: {heard:?}"))["params"].clone()
}

/// The difficulty that these lines tell last.
fn told(heard: &[Value]) -> Option<f64> {
    let mut told = heard.iter().filter(|line| line["method"] == "mining.set_difficulty");
    told.next_back().map(|line| line["params"][0].as_f64().unwrap())
}

/// The code of an error, or nothing where the answer is true.
fn code(heard: &[Value]) -> Option<u64> {
    assert_eq!(heard[0]["id"], 7, "{heard:?}");
    if heard[0]["error"].is_null() {
        assert_eq!(heard[0]["result"], true, "{heard:?}");
        return None;
    }
    assert!(heard[0]["result"].is_null());
    Some(heard[0]["error"][0].as_u64().unwrap())
}

/// Builds the header as a miner does, from what it was told.
fn header(job: &Value, extra_nonce_1: u32, extra_nonce_2: u32, nonce: u32) -> WorkHeader {
    let text = |at: usize| job[at].as_str().unwrap();
    let number = |at: usize| u32::from_str_radix(text(at), 16).unwrap();
    let coinbase = format!("{}{extra_nonce_1:08x}{extra_nonce_2:08x}{}", text(2), text(3));
    let mut previous = hex::decode(text(1)).unwrap();
    previous.chunks_mut(4).for_each(<[u8]>::reverse);
    let branch = job[4].as_array().unwrap().iter();
    let branch =
        branch.map(|hash| hex::decode(hash.as_str().unwrap()).unwrap().try_into().unwrap());
    WorkHeader {
        version: number(5).cast_signed(),
        previous: previous.try_into().unwrap(),
        merkle_root: merkle_root(&hex::decode(coinbase).unwrap(), &branch.collect::<Vec<_>>()),
        time: number(7),
        bits: Bits(number(6)),
        nonce,
    }
}

/// A nonce from `from` on whose hash is below, or if `good` is false above, the target of a difficulty.
fn nonce(header: WorkHeader, difficulty: f64, from: u32, good: bool) -> u32 {
    let target = share_target(difficulty);
    let fits =
        |nonce: &u32| target.is_met_by(&WorkHeader { nonce: *nonce, ..header }.hash()) == good;
    (from..).find(fits).unwrap()
}
