//! Every key of a chain spec, its default, and its limits. `docs/spec.md` explains them; a test compares the two.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use super::read::{Form, Schema};
use super::values::Share;
use crate::types::target::Bits;
use crate::types::{Amount, COIN, MONEY_LIMIT, Span, TRANSACTIONS_MAX};

/// Bytes in a chain spec: far more than the longest list of accounts takes.
pub const SPEC_BYTES_MAX: usize = 1 << 20;

/// Accounts in the genesis block; more money moves by transactions.
pub const ACCOUNTS_MAX: usize = 1024;

pub(super) static TOP: Schema = Schema {
    path: "",
    keys: &[
        "name",
        "symbol",
        "address_prefix",
        "dev",
        "genesis",
        "limits",
        "issuance",
        "consensus",
        "pow",
        "devnet",
        "pos",
        "hybrid",
        "dpos",
        "poa",
        "pbft",
        "raft",
        "paxos",
        "era",
    ],
};
pub(super) static GENESIS: Schema = Schema { path: "genesis", keys: &["time", "accounts"] };
pub(super) static ACCOUNT: Schema =
    Schema { path: "genesis.accounts", keys: &["dev", "address", "amount", "age"] };
pub(super) static LIMITS: Schema = Schema {
    path: "limits",
    keys: &["block_bytes", "transactions_per_block", "fee_per_byte", "pool_bytes"],
};
pub(super) static ISSUANCE: Schema = Schema {
    path: "issuance",
    keys: &["initial_reward", "halving_interval", "tail_reward", "maturity", "supply_cap"],
};
pub(super) static CONSENSUS: Schema = Schema { path: "consensus", keys: &["engine"] };
pub(super) static POW: Schema = Schema {
    path: "pow",
    keys: &[
        "block_time",
        "retarget",
        "half_life",
        "retarget_window",
        "clamp",
        "initial_bits",
        "limit_bits",
        "finality_depth",
        "future_limit",
        "seal_window",
    ],
};
pub(super) static POS: Schema = Schema {
    path: "pos",
    keys: &[
        "block_time",
        "retarget_window",
        "initial_bits",
        "limit_bits",
        "min_age",
        "max_age",
        "interest",
        "interest_period",
        "max_drift",
        "finality_depth",
        "evidence_window",
        "genesis_coins",
    ],
};
pub(super) static HYBRID: Schema = Schema {
    path: "hybrid",
    keys: &[
        "work_window",
        "work_spacing_max",
        "trust",
        "work_trust",
        "stake_trust",
        "finality_depth",
    ],
};
pub(super) static POA: Schema = Schema {
    path: "poa",
    keys: &["authorities", "period", "wiggle", "epoch", "finality", "max_drift", "evidence_window"],
};
pub(super) static DPOS: Schema = Schema {
    path: "dpos",
    keys: &[
        "founders",
        "delegates",
        "slot_time",
        "votes_max",
        "deposit",
        "unbonding",
        "inactive_after",
        "min_delegates",
        "shuffle",
        "finality",
        "max_drift",
        "evidence_window",
    ],
};
pub(super) static RAFT: Schema = Schema {
    path: "raft",
    keys: &["authorities", "block_time_min", "empty_block_after", "election_timeout", "heartbeat"],
};
pub(super) static PAXOS: Schema = Schema {
    path: "paxos",
    keys: &["authorities", "block_time_min", "empty_block_after", "lease", "heartbeat"],
};
pub(super) static PBFT: Schema = Schema {
    path: "pbft",
    keys: &["authorities", "block_time_min", "empty_block_after", "view_timeout", "allow_unsafe"],
};
pub(super) static DEVNET: Schema = Schema { path: "devnet", keys: &["nodes", "miner", "links"] };
pub(super) static MINER: Schema = Schema { path: "devnet.miner", keys: &["threads", "throttle"] };
pub(super) static LINKS: Schema =
    Schema { path: "devnet.links", keys: &["latency", "jitter", "loss", "bandwidth"] };

/// All sections below the top.
pub(super) static SECTIONS: [&Schema; 16] = [
    &GENESIS, &ACCOUNT, &LIMITS, &ISSUANCE, &CONSENSUS, &POW, &POS, &HYBRID, &DPOS, &POA, &PBFT,
    &RAFT, &PAXOS, &DEVNET, &MINER, &LINKS,
];

/// A chain spec.
pub(super) static FORM: Form =
    Form { name: "chain spec", bytes_max: SPEC_BYTES_MAX, sections: &SECTIONS };

/// A number that is plainly not zero.
const fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("it is written out below")
}

/// What holds where a spec is silent.
pub(super) mod default {
    use super::*;

    /// Fool's gold.
    pub(crate) const SYMBOL: &str = "PYR";
    pub(crate) const ADDRESS_PREFIX: &str = "assay";

    pub(crate) const BLOCK_BYTES: u64 = 1 << 20;
    pub(crate) const TRANSACTIONS_PER_BLOCK: u64 = 10_000;
    pub(crate) const FEE_PER_BYTE: Amount = Amount(1);
    pub(crate) const POOL_BYTES: u64 = 32 << 20;

    /// Bitcoin's schedule.
    pub(crate) const INITIAL_REWARD: Amount = Amount(50 * COIN);
    pub(crate) const HALVING_INTERVAL: u64 = 210_000;
    pub(crate) const TAIL_REWARD: Amount = Amount::ZERO;
    pub(crate) const MATURITY: u64 = 100;
    /// The greatest supply that every JSON tool still counts exactly.
    pub(crate) const SUPPLY_CAP: Amount = Amount(MONEY_LIMIT - 1);

    pub(crate) const BLOCK_TIME: Span = Span::seconds(10);
    /// The half-life of `asert` follows the block time: this many blocks.
    pub(crate) const HALF_LIFE_BLOCKS: u64 = 30;
    /// A fortnight of Bitcoin's blocks, and how far one retarget goes there.
    pub(crate) const WINDOW_BITCOIN: NonZeroU32 = count(2016);
    pub(crate) const CLAMP: NonZeroU32 = count(4);
    /// The window that the author of LWMA recommends for blocks of two minutes.
    pub(crate) const WINDOW_LWMA: NonZeroU32 = count(60);
    /// As quick as the default of `asert`; Peercoin takes a week of blocks, 1008.
    pub(crate) const WINDOW_EMA: NonZeroU32 = count(30);
    /// Dash's.
    pub(crate) const WINDOW_DGW: NonZeroU32 = count(24);
    /// The easiest target of Bitcoin's regression tests: every second hash meets it.
    pub(crate) const LIMIT_BITS: Bits = Bits(0x207f_ffff);
    pub(crate) const FINALITY_DEPTH: u64 = 100;
    /// Clocks that agree to a few seconds, and some room.
    pub(crate) const FUTURE_LIMIT: Span = Span::seconds(15);
    /// Twelve times the life of a draft.
    pub(crate) const SEAL_WINDOW: Span = Span::seconds(60);

    /// Short enough to watch, long enough that two coins seldom win in one second.
    pub(crate) const STAKE_BLOCK_TIME: Span = Span::seconds(5);
    /// Every hash meets it, for a coin-day: a chain whose coins are few and young has to begin somewhere.
    pub(crate) const STAKE_LIMIT_BITS: Bits = Bits(0x2100_ffff);
    /// So that a first coin stakes within a minute.
    pub(crate) const MIN_AGE: Span = Span::seconds(20);
    /// Thirty times that; Peercoin has thirty days and ninety.
    pub(crate) const MAX_AGE: Span = Span::seconds(600);
    /// Peercoin's: a hundredth a year.
    pub(crate) const INTEREST: u32 = 10_000;
    pub(crate) const INTEREST_PERIOD: Span = Span::seconds(365 * 86_400);
    pub(crate) const MAX_DRIFT: Span = Span::seconds(15);
    pub(crate) const STAKE_FINALITY_DEPTH: u64 = 30;
    /// As long as what it punishes rests.
    pub(crate) const EVIDENCE_WINDOW: u64 = 100;
    /// Far more coins than rest at any time on the shipped chains.
    pub(crate) const GENESIS_COINS: u64 = 32;
    pub(crate) const TRUST: u64 = 1;

    /// More than anybody registers for fun.
    pub(crate) const DEPOSIT: Amount = Amount(1000 * COIN);
    /// As long as what it is there for can be proven.
    pub(crate) const UNBONDING: u64 = EVIDENCE_WINDOW;
    /// A few rounds of absence.
    pub(crate) const INACTIVE_AFTER: u64 = 3;

    /// A block a second, where clocks of one machine tell the same.
    pub(crate) const PERIOD: Span = Span::seconds(1);
    /// Clique's.
    pub(crate) const WIGGLE: Span = Span(500);
    pub(crate) const EPOCH: u64 = 30_000;
    /// Clocks of laptops are off by less, each way: whose clock is slower than that lags behind for good.
    pub(crate) const TURN_DRIFT: Span = Span::seconds(5);

    /// Time for a few transactions to come together: half of a disk that syncs in ten milliseconds.
    pub(crate) const BLOCK_TIME_MIN: Span = Span(20);
    pub(crate) const EMPTY_BLOCK_AFTER: Span = Span::seconds(5);
    /// Far more than a message and a sync take on a laptop that is busy with other things.
    pub(crate) const ELECTION_TIMEOUT: Span = Span(500);
    /// Heartbeats in the shortest election timeout: a few may be late.
    pub(crate) const HEARTBEATS: u64 = 5;

    /// A block takes three messages and three syncs in a row, and a primary that is only slow should keep its view.
    pub(crate) const VIEW_TIMEOUT: Span = Span::seconds(1);

    pub(crate) const NODES: u64 = 4;
    pub(crate) const THREADS: u64 = 1;
    /// Four miners flat out would starve everything else on a laptop.
    pub(crate) const THROTTLE: Share = Share::percent(10);
}

/// Between what a value must lie.
pub(super) mod range {
    use super::*;

    pub(crate) const NAME_CHARS: RangeInclusive<usize> = 1..=40;
    pub(crate) const SYMBOL_CHARS: RangeInclusive<usize> = 1..=8;
    /// A coin is at most a century old.
    pub(crate) const AGE: RangeInclusive<Span> = Span(0)..=Span::seconds(36_500 * 86_400);

    /// A response carries at least one whole block.
    pub(crate) const BLOCK_BYTES: RangeInclusive<u64> = 4 << 10..=4 << 20;
    pub(crate) const TRANSACTIONS_PER_BLOCK: RangeInclusive<u64> = 1..=TRANSACTIONS_MAX as u64;
    /// Beyond a hundredth of a coin per byte the smallest transaction costs more than a coin.
    pub(crate) const FEE_PER_BYTE_MAX: Amount = Amount(COIN / 100);
    pub(crate) const POOL_BYTES: RangeInclusive<u64> = 64 << 10..=1 << 30;

    pub(crate) const HALVING_INTERVAL: RangeInclusive<u64> = 1..=1_000_000_000;
    pub(crate) const MATURITY: RangeInclusive<u64> = 0..=1_000_000;

    /// Work headers count whole seconds and blocks cross a network: below a tenth of a second most blocks go stale.
    pub(crate) const BLOCK_TIME: RangeInclusive<Span> = Span(100)..=Span::seconds(86_400);
    pub(crate) const HALF_LIFE: RangeInclusive<Span> = Span(100)..=Span::seconds(365 * 86_400);
    /// At most what a node holds above the final block before it stops producing.
    pub(crate) const FINALITY_DEPTH: RangeInclusive<u64> = 1..=4096;
    /// One block has no interval. Beyond a hundred thousand nothing moves within anybody's patience.
    pub(crate) const WINDOW: RangeInclusive<NonZeroU32> = count(2)..=count(100_000);
    /// Where every block carries its window in the state, 20 bytes for each block of it.
    pub(crate) const WINDOW_REMEMBERED: RangeInclusive<NonZeroU32> = count(2)..=count(500);
    /// A factor of one would never change anything.
    pub(crate) const CLAMP: RangeInclusive<NonZeroU32> = count(2)..=count(1000);
    pub(crate) const FUTURE_LIMIT: RangeInclusive<Span> = Span(0)..=Span::seconds(86_400);
    /// A draft lives five seconds; a miner that rolls the time needs twice that.
    pub(crate) const SEAL_WINDOW: RangeInclusive<Span> = Span::seconds(10)..=Span::seconds(7200);

    /// Coins have one chance per second.
    pub(crate) const STAKE_BLOCK_TIME: RangeInclusive<Span> =
        Span::seconds(1)..=Span::seconds(86_400);
    /// Millionths: up to ten times the coin in a period.
    pub(crate) const INTEREST: RangeInclusive<u32> = 0..=10_000_000;
    pub(crate) const INTEREST_PERIOD: RangeInclusive<Span> =
        Span::seconds(1)..=Span::seconds(36_500 * 86_400);
    /// Beyond a few seconds whoever runs ahead has more tries than others.
    pub(crate) const MAX_DRIFT: RangeInclusive<Span> = Span(0)..=Span::seconds(15);
    pub(crate) const GENESIS_COINS: RangeInclusive<u64> = 1..=1024;
    pub(crate) const TRUST: RangeInclusive<u64> = 0..=1_000_000;

    /// As many as the votes of a block have room for, and Lisk has.
    pub(crate) const DELEGATES: RangeInclusive<u64> = 1..=128;
    /// As many as an operation has room for.
    pub(crate) const VOTES: RangeInclusive<u64> = 1..=101;
    pub(crate) const INACTIVE: RangeInclusive<u64> = 1..=1_000_000;

    pub(crate) const WIGGLE: RangeInclusive<Span> = Span(1)..=Span::seconds(3600);
    pub(crate) const EPOCH: RangeInclusive<u64> = 1..=1_000_000_000;

    /// Nothing: a block leaves as soon as there is a transaction.
    pub(crate) const BLOCK_TIME_MIN: RangeInclusive<Span> = Span(0)..=Span::seconds(3600);
    pub(crate) const EMPTY_BLOCK_AFTER: RangeInclusive<Span> = Span(10)..=Span::seconds(86_400);
    /// Below, no disk answers in time; above, nobody waits.
    pub(crate) const ELECTION_TIMEOUT: RangeInclusive<Span> = Span(20)..=Span::seconds(600);
    pub(crate) const HEARTBEAT: RangeInclusive<Span> = Span(5)..=Span::seconds(300);

    /// As many as the largest shipped preset has delegates, and some.
    pub(crate) const NODES: RangeInclusive<u64> = 1..=128;
    pub(crate) const THREADS: RangeInclusive<u64> = 0..=256;
}
