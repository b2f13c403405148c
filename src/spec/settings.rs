//! What a chain spec says, whatever its rule.

use std::fmt;

use super::dev::DevAccount;
use super::link::LinkShape;
use super::schema::default;
use super::values::{Bytes, Share};
use crate::consensus::schedule;
use crate::types::{Address, Amount, Prefix, Span};

/// What a chain spec says apart from its genesis time and its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of the chain: 1 to 40 lower-case letters, digits, dots, dashes and underscores.
    pub name: String,
    /// What a coin is called: 1 to 8 capital letters and digits.
    pub symbol: String,
    /// What its addresses start with.
    pub prefix: Prefix,
    /// Whether development accounts and the faucet are allowed. No part of the genesis id: it says how the chain is
    /// used here, not what is valid on it.
    pub dev: bool,
    /// The coins of the genesis block, in order; no two with one address.
    pub accounts: Vec<Account>,
    /// Sizes and fees.
    pub limits: Limits,
    /// New money.
    pub issuance: Issuance,
    /// How to run the chain here. No part of the genesis id.
    pub devnet: Devnet,
}

/// A coin of the genesis block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Whose it is.
    pub owner: Owner,
    /// How much; never zero.
    pub amount: Amount,
    /// How old the coin is at the genesis time.
    pub age: Span,
}

/// The owner of a genesis coin, as the spec names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A development account.
    Dev(DevAccount),
    /// Anybody.
    Address(Address),
}

impl Owner {
    /// The address.
    pub fn address(self) -> Address {
        match self {
            Self::Dev(account) => account.address(),
            Self::Address(address) => address,
        }
    }

    /// The development account, if it is one: the only owner whose key is known here.
    pub fn dev(self) -> Option<DevAccount> {
        match self {
            Self::Dev(account) => Some(account),
            Self::Address(_) => None,
        }
    }
}

/// Sizes and fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Encoded bytes of a whole block at most.
    pub block_bytes: u64,
    /// Transactions in a block at most.
    pub transactions_per_block: u64,
    /// The least fee, per encoded byte.
    pub fee_per_byte: Amount,
    /// Encoded bytes of all pending transactions at most. A matter of each node: no part of the genesis id.
    pub pool_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block_bytes: default::BLOCK_BYTES,
            transactions_per_block: default::TRANSACTIONS_PER_BLOCK,
            fee_per_byte: default::FEE_PER_BYTE,
            pool_bytes: default::POOL_BYTES,
        }
    }
}

/// New money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issuance {
    /// Per block, before the first halving.
    pub initial_reward: Amount,
    /// Blocks between halvings.
    pub halving_interval: u64,
    /// The reward never falls below this.
    pub tail_reward: Amount,
    /// Blocks on top of a reward before it may be spent.
    pub maturity: u64,
    /// Issuance stops when this much circulates.
    pub supply_cap: Amount,
}

impl Default for Issuance {
    fn default() -> Self {
        Self {
            initial_reward: default::INITIAL_REWARD,
            halving_interval: default::HALVING_INTERVAL,
            tail_reward: default::TAIL_REWARD,
            maturity: default::MATURITY,
            supply_cap: default::SUPPLY_CAP,
        }
    }
}

impl Issuance {
    /// The schedule that rules follow.
    pub fn schedule(&self) -> schedule::Issuance {
        schedule::Issuance {
            initial_reward: self.initial_reward,
            halving_interval: self.halving_interval,
            tail_reward: self.tail_reward,
            supply_max: self.supply_cap,
        }
    }
}

/// How to run the chain on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Devnet {
    /// How many nodes.
    pub nodes: u64,
    /// What each of them mines with, where the rule mines.
    pub miner: Miner,
    /// How they are connected.
    pub links: LinkShape,
}

/// What a node of a devnet mines with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Miner {
    /// Search threads; none means that it does not mine.
    pub threads: u64,
    /// The share of one core that each thread may use.
    pub throttle: Share,
}

impl Default for Devnet {
    fn default() -> Self {
        let miner = Miner { threads: default::THREADS, throttle: default::THROTTLE };
        Self { nodes: default::NODES, miner, links: LinkShape::default() }
    }
}

/// One key of a chain spec with its value, as TOML writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The section; empty at the top of the file.
    pub section: &'static str,
    /// The key within the section, dotted where the section has tables inside.
    pub key: String,
    /// The value in TOML.
    pub value: String,
    /// What it is, in half a line.
    pub about: &'static str,
    /// Whether the genesis id covers it.
    pub consensus: bool,
}

impl Entry {
    pub(super) fn new(
        section: &'static str,
        key: &str,
        value: impl fmt::Display,
        about: &'static str,
    ) -> Self {
        let value = value.to_string();
        Self { section, key: key.to_owned(), value, about, consensus: true }
    }

    pub(super) fn local(self) -> Self {
        Self { consensus: false, ..self }
    }

    /// The whole path: `pow.block_time`.
    pub fn path(&self) -> String {
        match self.section {
            "" => self.key.clone(),
            section => format!("{section}.{}", self.key),
        }
    }
}

/// A value in quotes. Nothing that a spec can hold needs an escape.
pub(super) fn quoted(value: impl fmt::Display) -> String {
    format!("\"{value}\"")
}

impl Settings {
    /// Every key with its value, in the order of a well-kept file; `time` and `rule` are what the settings lack.
    pub(super) fn entries(&self, time: String, engine: &str, rule: Vec<Entry>) -> Vec<Entry> {
        let mut entries = self.head();
        entries.push(Entry::new("genesis", "time", time, "when the chain starts"));
        for (index, account) in self.accounts.iter().enumerate() {
            let key = format!("accounts[{index}]");
            entries.push(Entry::new("genesis", &key, self.account(account), "a first coin"));
        }
        entries.extend(self.limits());
        entries.extend(self.issuance());
        let engine = quoted(engine);
        entries.push(Entry::new("consensus", "engine", engine, "the rule that makes blocks"));
        entries.extend(rule);
        entries.extend(self.devnet());
        entries
    }

    fn head(&self) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new("", key, value, about);
        vec![
            entry("name", quoted(&self.name), "the chain's name"),
            entry("symbol", quoted(&self.symbol), "what a coin is called"),
            entry("address_prefix", quoted(self.prefix), "what addresses start with"),
            entry("dev", self.dev.to_string(), "public development keys and a faucet are allowed")
                .local(),
        ]
    }

    /// An account as an inline table.
    pub(super) fn account(&self, account: &Account) -> String {
        let owner = match account.owner {
            Owner::Dev(dev) => format!("dev = \"{dev}\""),
            Owner::Address(address) => format!("address = \"{}\"", address.encode(&self.prefix)),
        };
        let mut text = format!("{{ {owner}, amount = \"{}\"", account.amount);
        if account.age != Span(0) {
            text.push_str(&format!(", age = \"{}\"", account.age));
        }
        text + " }"
    }

    fn limits(&self) -> [Entry; 4] {
        let limits = &self.limits;
        let entry = |key, value, about| Entry::new("limits", key, value, about);
        let fee = quoted(format!("{}u", limits.fee_per_byte.0));
        [
            entry("block_bytes", Bytes(limits.block_bytes).to_string(), "size of a block at most"),
            entry(
                "transactions_per_block",
                limits.transactions_per_block.to_string(),
                "transactions in a block at most",
            ),
            entry("fee_per_byte", fee, "the least fee (u: base units)"),
            entry("pool_bytes", Bytes(limits.pool_bytes).to_string(), "pending transactions")
                .local(),
        ]
    }

    fn issuance(&self) -> [Entry; 5] {
        let issuance = &self.issuance;
        let entry = |key, value, about| Entry::new("issuance", key, value, about);
        [
            entry("initial_reward", quoted(issuance.initial_reward), "coins for each block"),
            entry("halving_interval", issuance.halving_interval.to_string(), "halved so often"),
            entry("tail_reward", quoted(issuance.tail_reward), "but never below this"),
            entry("maturity", issuance.maturity.to_string(), "blocks until a reward may be spent"),
            entry("supply_cap", quoted(issuance.supply_cap), "issuance stops here"),
        ]
    }

    fn devnet(&self) -> [Entry; 7] {
        let devnet = &self.devnet;
        let links = &devnet.links;
        let loss = format!("{:?}", links.loss().share());
        let entry = |key, value, about| Entry::new("devnet", key, value, about).local();
        [
            entry("nodes", devnet.nodes.to_string(), "processes that `assay devnet up` starts"),
            entry("miner.threads", devnet.miner.threads.to_string(), "search threads of each node"),
            entry("miner.throttle", quoted(devnet.miner.throttle), "share of a core for each"),
            entry("links.latency", quoted(links.latency()), "delay of what nodes send, each way"),
            entry("links.jitter", quoted(links.jitter()), "and how far single delays are from it"),
            entry("links.loss", loss, "share of segments lost, and sent again"),
            entry("links.bandwidth", quoted(links.bandwidth()), "bits per second, each way"),
        ]
    }
}
