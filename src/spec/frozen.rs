//! A spec in which nothing is left open: what a node runs.

use std::ops::Deref;
use std::sync::Arc;

use borsh::BorshSerialize;

use super::consensus::Consensus;
use super::error::{SpecError, error};
use super::settings::{Entry, Settings, quoted};
use super::{Account, GenesisTime, calendar, parse, schema, write};
use crate::chain::Rules;
use crate::consensus::{Engine, Seat};
use crate::ledger::{self, Delta, GenesisAccount, LtHash, genesis_state};
use crate::types::target::Bits;
use crate::types::{
    Address, Amount, Block, BlockId, Body, Claim, Draft, GenesisId, HEADER_VERSION, Header, Height,
    Seal, Span, Time, body_root, encode, tagged,
};

/// The meaning of what the genesis id covers. A new field, or a field that means something else, is a new format: two
/// versions of this software that would judge blocks differently never share an id.
const IDENTITY_FORMAT: u16 = 2;

/// A chain spec in which `launch` and `auto` are resolved. Reads like its [`Settings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenSpec {
    settings: Settings,
    time: Time,
    consensus: Consensus,
    id: GenesisId,
}

impl Deref for FrozenSpec {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

/// Everything that the genesis id covers, in one encoding.
#[derive(BorshSerialize)]
struct Identity<'a> {
    format: u16,
    name: &'a str,
    symbol: &'a str,
    prefix: &'a str,
    time: Time,
    /// Owner, amount, and from when the age of the coin counts.
    accounts: Vec<(Address, Amount, Time)>,
    block_bytes: u64,
    transactions_per_block: u64,
    fee_per_byte: Amount,
    initial_reward: Amount,
    halving_interval: u64,
    tail_reward: Amount,
    maturity: u64,
    supply_cap: Amount,
    /// From which height which rule holds, with its parameters.
    eras: Vec<(Height, &'a str, Vec<u8>)>,
}

impl FrozenSpec {
    pub(super) fn new(settings: Settings, time: Time, consensus: Consensus) -> Self {
        let id = GenesisId::default();
        let mut frozen = Self { settings, time, consensus, id };
        frozen.id = GenesisId(tagged("assay/genesis", &id, &[&encode(&frozen.identity())]));
        frozen
    }

    /// Reads a frozen spec; `file` is how errors name the text.
    ///
    /// # Errors
    ///
    /// Everything that [`super::Spec::parse`] refuses, and `launch` and `auto`: a node takes only what is resolved.
    pub fn parse(file: &str, text: &str) -> Result<Self, SpecError> {
        let (spec, unresolved) = parse::parse(file, text)?;
        match (spec.time, unresolved.is_empty()) {
            (GenesisTime::At(time), true) => {
                // Nothing is unresolved, so nothing asks for bits.
                let consensus = spec.consensus.resolve(|| Bits(0));
                Ok(Self::new(spec.settings, time, consensus))
            }
            _ => Err(error(schema::FORM.name, file, text, unresolved)),
        }
    }

    fn identity(&self) -> Identity<'_> {
        let Settings { limits, issuance, .. } = &self.settings;
        let accounts = self
            .genesis_accounts()
            .iter()
            .map(|coin| (coin.owner, coin.amount, coin.time))
            .collect();
        Identity {
            format: IDENTITY_FORMAT,
            name: &self.name,
            symbol: &self.symbol,
            prefix: self.settings.prefix.as_str(),
            time: self.time,
            accounts,
            block_bytes: limits.block_bytes,
            transactions_per_block: limits.transactions_per_block,
            fee_per_byte: limits.fee_per_byte,
            initial_reward: issuance.initial_reward,
            halving_interval: issuance.halving_interval,
            tail_reward: issuance.tail_reward,
            maturity: issuance.maturity,
            supply_cap: issuance.supply_cap,
            eras: vec![(Height(0), self.consensus.engine(), self.consensus.identity())],
        }
    }

    /// The name of the chain among all chains: the hash of every consensus field and of nothing else.
    pub fn genesis_id(&self) -> GenesisId {
        self.id
    }

    /// When the chain starts.
    pub fn genesis_time(&self) -> Time {
        self.time
    }

    /// The rule and its parameters.
    pub fn consensus(&self) -> &Consensus {
        &self.consensus
    }

    /// The coins of the genesis block, those of an account side by side: one each, or as many equal ones as a rule with
    /// stake says. An age that reaches back before 1970 begins there.
    pub fn genesis_accounts(&self) -> Vec<GenesisAccount> {
        let each = self.consensus.pos().map_or(1, |pos| pos.genesis_coins);
        let coins = |account: &Account| {
            let (owner, time) = (account.owner.address(), self.time.before(account.age));
            let (part, rest) = (account.amount.0 / each, account.amount.0 % each);
            let amount = move |number| Amount(part + u64::from(number < rest));
            (0..each).map(move |number| GenesisAccount { owner, amount: amount(number), time })
        };
        self.accounts.iter().flat_map(coins).collect()
    }

    /// The entries of the state after the genesis block, and the commitment to them.
    pub fn genesis_state(&self) -> (Delta, LtHash) {
        genesis_state(&self.genesis_accounts(), &self.ledger_params())
    }

    /// The first block. It claims nothing, proves nothing, and follows from the spec.
    pub fn genesis_block(&self) -> Block {
        let body = Body::default();
        let header = Header {
            version: HEADER_VERSION,
            height: Height(0),
            parent: BlockId::default(),
            time: self.time,
            producer: Address::default(),
            claim: Claim::Genesis,
            body_root: body_root(&body, &self.id),
            state_root: self.genesis_state().1.root(),
        };
        Draft { header, body }.seal(Seal::Genesis)
    }

    /// The parameters of execution.
    pub fn ledger_params(&self) -> ledger::Params {
        // The limits are at most a few millions, which fit any usize.
        let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        ledger::Params {
            chain: self.id,
            block_bytes_max: size(self.limits.block_bytes),
            transactions_max: size(self.limits.transactions_per_block),
            fee_per_byte_min: self.limits.fee_per_byte.0,
            maturity: self.issuance.maturity,
            evidence_window: self.consensus.evidence_window(&self.settings),
            supply_max: self.issuance.supply_cap,
        }
    }

    /// The judging half of the rule.
    pub fn rules(&self) -> Arc<dyn Rules> {
        self.consensus.rules(self.id, self.time, &self.settings)
    }

    /// The acting half of the rule, for whoever has this seat.
    pub fn engine(&self, seat: &Seat) -> Box<dyn Engine> {
        self.consensus.build(self.id, self.time, &self.settings, seat)
    }

    /// How old a head may be and still count as the present: only there does depth make blocks final.
    pub fn present(&self) -> Span {
        self.consensus.present()
    }

    /// Encoded bytes of all pending transactions at most.
    pub fn pool_bytes(&self) -> usize {
        usize::try_from(self.limits.pool_bytes).unwrap_or(usize::MAX)
    }

    /// Every key with its value, in the order of the file.
    pub fn entries(&self) -> Vec<Entry> {
        let (engine, rule) = (self.consensus.engine(), self.consensus.entries(&self.settings));
        self.settings.entries(moment(self.time), engine, rule)
    }

    /// The spec as a file that [`Self::parse`] reads back to the same spec.
    pub fn to_toml(&self) -> String {
        let head = [
            format!("The frozen chain spec of {}.", self.name),
            format!("Genesis id {}", self.id),
            String::new(),
            "Every node that runs this file is on the same chain. Whatever the genesis id covers".into(),
            "makes another chain when it changes; lines marked (local) may differ from node to node.".into(),
        ];
        write::write(&head, &self.settings, &self.entries())
    }
}

/// A moment as a spec writes it.
pub(super) fn moment(time: Time) -> String {
    calendar::rfc3339(time).map_or_else(|| time.0.to_string(), quoted)
}
