//! What agreement costs: messages and bytes for each block, against the number of authorities.
//!
//! Where nobody lies, a leader asks all others and they answer: 2(n − 1) messages (Ongaro and Ousterhout 2014), and n − 1 more
//! where learners are told by themselves what is chosen (Lamport 2001). Where some may lie nobody takes the leader's word for
//! what the others said, so all tell all, twice: n − 1 PRE-PREPAREs, (n − 1)² PREPAREs and n(n − 1) COMMITs, which are 2n(n − 1)
//! (Castro and Liskov 1999). Heartbeats and their answers are left out: an idle chain has them too. Blocks that are decided
//! are gossiped beside that, to whoever lacks them, under every rule.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::load::Load;
use super::super::metrics::Recorder;
use super::super::watch::{Scene, Watch};
use super::super::{Micros, Sim};
use super::chain;
use crate::consensus::log::SealOf;
use crate::consensus::paxos::message::{Message as PaxosMessage, Wire as PaxosWire};
use crate::consensus::pbft::Wire as PbftWire;
use crate::consensus::pbft::message::Message as PbftMessage;
use crate::consensus::raft::message::{Message as RaftMessage, Wire as RaftWire};
use crate::consensus::{AuthorityId, Message};
use crate::replica::Output;
use crate::types::{Draft, Height};

/// Rules whose authorities agree by messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// Where fewer than a third may lie.
    Pbft,
    /// Where nobody lies.
    Raft,
    /// Where nobody lies, with learners that are told.
    Paxos,
}

impl Agreement {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pbft, Self::Raft, Self::Paxos];

    /// As specs name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pbft => "pbft",
            Self::Raft => "raft",
            Self::Paxos => "paxos",
        }
    }

    /// Messages for each block, by theory, for so many authorities.
    pub fn theory(self, n: usize) -> f64 {
        // A few authorities.
        let n = n as f64;
        match self {
            Self::Pbft => 2.0 * n * (n - 1.0),
            Self::Raft => 2.0 * (n - 1.0),
            Self::Paxos => 3.0 * (n - 1.0),
        }
    }

    /// [`theory`](Self::theory), to be read.
    pub const fn formula(self) -> &'static str {
        match self {
            Self::Pbft => "2n(n − 1)",
            Self::Raft => "2(n − 1)",
            Self::Paxos => "3(n − 1)",
        }
    }

    /// So patient that nobody takes a leader for dead, with a heartbeat a second where the rule has them.
    const fn patience(self) -> &'static str {
        match self {
            Self::Pbft => "view_timeout = \"10s\"",
            Self::Raft => "election_timeout = \"5s\"\nheartbeat = \"1s\"",
            Self::Paxos => "lease = \"5s\"\nheartbeat = \"1s\"",
        }
    }

    /// What a message is; nothing if that is a heartbeat which nobody answers.
    fn said(self, message: &Message) -> Option<Said> {
        let wrong = Said::Kind("unreadable");
        Some(match self {
            Self::Pbft => Said::Kind(match PbftWire::decode(message) {
                Some(PbftWire::Said(PbftMessage::PrePrepare { .. })) => "PRE-PREPARE",
                Some(PbftWire::Said(PbftMessage::Prepare(..))) => "PREPARE",
                Some(PbftWire::Said(PbftMessage::Commit(..))) => "COMMIT",
                Some(PbftWire::Said(PbftMessage::Beat { .. })) => return None,
                Some(_) => "other",
                None => return Some(wrong),
            }),
            Self::Raft => match RaftWire::<Draft>::decode(message) {
                Some(RaftWire::Said(RaftMessage::Append { drafts, .. })) => drafts_or_beat(&drafts),
                Some(RaftWire::Said(RaftMessage::Appended { .. })) => Said::Kind(ANSWER),
                Some(RaftWire::Sealed(seals)) => Said::Seals(seals.into_inner()),
                Some(RaftWire::Said(_)) => Said::Kind("other"),
                None => wrong,
            },
            Self::Paxos => match PaxosWire::<Draft>::decode(message) {
                Some(PaxosWire::Said(PaxosMessage::Accept { drafts, .. })) => {
                    drafts_or_beat(&drafts)
                }
                Some(PaxosWire::Said(PaxosMessage::Accepted { .. })) => Said::Kind(ANSWER),
                Some(PaxosWire::Sealed(seals)) => Said::Seals(seals.into_inner()),
                Some(PaxosWire::Said(_)) => Said::Kind("other"),
                None => wrong,
            },
        })
    }
}

/// A heartbeat that is answered.
const BEAT: &str = "heartbeat";

/// An answer, to a draft or to a heartbeat.
const ANSWER: &str = "answer";

fn drafts_or_beat(drafts: &[Draft]) -> Said {
    Said::Kind(if drafts.is_empty() { BEAT } else { "draft" })
}

enum Said {
    Kind(&'static str),
    /// These are decided.
    Seals(Vec<SealOf>),
}

/// Messages by what they are, and the bytes of each kind.
pub type Kinds = BTreeMap<&'static str, (u64, u64)>;

/// What authorities said to each other while blocks were decided one by one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Blocks.
    pub blocks: u64,
    /// Messages that served them, and their bytes. A seal is told in a `notice`, and in a `reminder` if it was told to the same
    /// authority before.
    pub kinds: Kinds,
}

impl Traffic {
    /// All messages.
    pub fn messages(&self) -> u64 {
        self.kinds.values().map(|(count, _)| count).sum()
    }

    /// All bytes.
    pub fn bytes(&self) -> u64 {
        self.kinds.values().map(|(_, bytes)| bytes).sum()
    }
}

#[derive(Debug, Default)]
struct Heard {
    kinds: Kinds,
    /// The highest block of which each was told that it is decided.
    told: BTreeMap<AuthorityId, Height>,
}

#[derive(Debug, Clone)]
struct Ear(Agreement, Arc<Mutex<Heard>>);

impl Ear {
    fn with<T>(&self, look: impl FnOnce(&mut Heard) -> T) -> T {
        // Nothing panics while it holds the lock, so what is inside is whole.
        look(&mut self.1.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Watch for Ear {
    fn name(&self) -> &'static str {
        "ear"
    }

    fn performs(&mut self, scene: &Scene<'_>, _: usize, output: &Output) -> Result<(), String> {
        let (message, to, times) = match output {
            Output::Send { to, message } => (message, Some(*to), 1),
            Output::Broadcast(message) => (message, None, scene.nodes() as u64 - 1),
            _ => return Ok(()),
        };
        let Some(said) = self.0.said(message) else { return Ok(()) };
        self.with(|heard| {
            let kind = match (said, to) {
                (Said::Kind(kind), _) => kind,
                (Said::Seals(seals), to) => {
                    let highest = seals.last().map(|(at, _)| at.height).unwrap_or_default();
                    let before = to.and_then(|to| heard.told.insert(to, highest));
                    if before.is_some_and(|before| before >= highest) {
                        "reminder"
                    } else {
                        "notice"
                    }
                }
            };
            let (count, bytes) = heard.kinds.entry(kind).or_default();
            *count += times;
            *bytes += times * message.0.len() as u64;
        });
        Ok(())
    }
}

/// What so many authorities say to each other while blocks of single payments are decided one by one, for half a minute.
///
/// # Panics
///
/// If there are fewer authorities than the rule bears, or more than there are development accounts.
pub fn traffic(rule: Agreement, n: usize, seed: u64) -> Traffic {
    let (recorder, ear) = (Recorder::default(), Ear(rule, Arc::default()));
    let watchers: Vec<Box<dyn Watch>> = vec![Box::new(recorder.clone()), Box::new(ear.clone())];
    let link = (Micros::millis(1), Micros(300));
    let options = chain::authorities(n, rule.name(), rule.patience(), link, seed);
    let mut sim = Sim::watched(options, watchers).expect("an empty store opens");
    // Under PBFT the first primary is known from the beginning; a leader is elected first.
    let elects = rule != Agreement::Pbft;
    let waits = |_: &Sim| elects && recorder.record().leading.leader().is_none();
    sim.run_while(Micros::seconds(1000), Micros::millis(10), waits);
    sim.run(Micros::seconds(5));
    let before = (ear.with(|heard| heard.kinds.clone()), recorder.record().final_height);
    let mut load = Load::new(seed, 2.0, sim.now());
    let end = sim.now().after(Micros::seconds(30));
    load.pay_until(&mut sim, end);
    sim.run(Micros::seconds(2));
    let mut kinds = ear.with(|heard| heard.kinds.clone());
    for (kind, (count, bytes)) in &before.0 {
        if let Some(sum) = kinds.get_mut(kind) {
            *sum = (sum.0 - count, sum.1 - bytes);
        }
    }
    // An answer to a heartbeat looks like any other, all are of one length, and each heartbeat has one.
    if let Some((beats, _)) = kinds.remove(BEAT)
        && let Some((count, bytes)) = kinds.get_mut(ANSWER)
    {
        let each = *bytes / (*count).max(1);
        *count = count.saturating_sub(beats);
        *bytes = bytes.saturating_sub(beats * each);
    }
    kinds.retain(|_, (count, _)| *count > 0);
    Traffic { blocks: recorder.record().final_height.0 - before.1.0, kinds }
}
