//! Peercoin's own stake kernel, weights and rewards, for comparing with the real chain.
//!
//! No chain of ours runs by these; they hold what is ours against published blocks. Three of Peercoin's numbers differ from
//! ours: the kernel's message, the two floors in its coin-days, and rewards in whole cents. Two are the same code: the
//! comparison of a hash with a weighted target ([`lies_within`]), and the retarget ([`Ema`](crate::consensus::retarget::Ema),
//! whose tests reproduce Peercoin's rows).
//!
//! # Source
//!
//! `CheckStakeKernelHash` in Peercoin's `kernel.cpp`; `GetProofOfWorkReward` and `GetProofOfStakeReward` of its versions
//! before 0.9.

use num_bigint::BigUint;
use serde_json::Value;

use super::kernel::lies_within;
use crate::types::target::{Bits, Target};
use crate::types::{Hash, sha256d, vectors};

/// Base units in a coin of Peercoin, and in a hundredth of it.
const COIN: u64 = 1_000_000;
const CENT: u64 = COIN / 100;

/// The most that a block by work may make.
const WORK_REWARD_MAX: u64 = 9_999 * COIN;

const DAY_SECONDS: u64 = 86_400;
const MIN_AGE: u64 = 30 * DAY_SECONDS;
const MAX_AGE: u64 = 90 * DAY_SECONDS;

/// What stands at the head of a kernel's message.
#[derive(Debug, Clone, Copy)]
enum Head {
    /// From version 0.3 on: a stake modifier. The weight is reduced by the minimum age.
    Modifier(u64),
    /// Version 0.2: the target. The weight counts the whole age.
    Bits(Bits),
}

/// A coin that is tried at a second. Times are in seconds.
#[derive(Debug, Clone, Copy)]
struct Try {
    head: Head,
    /// The block that holds the transaction that made the coin, and where in it.
    block_time: u32,
    offset: u32,
    /// That transaction, and which of its outputs the coin is.
    transaction_time: u32,
    output: u32,
    amount: u64,
    second: u32,
}

impl Try {
    fn message(&self) -> Vec<u8> {
        let mut message = match self.head {
            Head::Modifier(modifier) => modifier.to_le_bytes().to_vec(),
            Head::Bits(bits) => bits.0.to_le_bytes().to_vec(),
        };
        let fields =
            [self.block_time, self.offset, self.transaction_time, self.output, self.second];
        message.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
        message
    }

    fn hash(&self) -> Hash {
        Hash(sha256d(&self.message()))
    }

    /// Whole coin-days. The first division rounds to coin-seconds, the second to coin-days.
    fn coin_days(&self) -> u64 {
        let age = u64::from(self.second - self.transaction_time).min(MAX_AGE);
        let counts = match self.head {
            Head::Modifier(_) => age - MIN_AGE,
            Head::Bits(_) => age,
        };
        self.amount * counts / COIN / DAY_SECONDS
    }

    fn hits(&self, target: &Target) -> bool {
        lies_within(&self.hash(), target, self.coin_days().into(), 1)
    }
}

/// What a block by work may make: nearly the greatest subsidy with subsidy⁴ × limit ≤ most⁴ × target, found by bisection and
/// rounded down to cents, so that it halves when work gets 16 times harder.
fn work_reward(target: &Target, limit: &Target) -> u64 {
    let fourth = |value: u64| BigUint::from(value).pow(4);
    let most = fourth(WORK_REWARD_MAX) * target.value();
    let (mut low, mut high) = (CENT, WORK_REWARD_MAX);
    while low + CENT <= high {
        let middle = u64::midpoint(low, high);
        if fourth(middle) * limit.value() > most { high = middle } else { low = middle }
    }
    high / CENT * CENT
}

/// What a block by stake may make for this many coin-days: a cent for each year in them, of 365 and 8/33 days.
fn stake_reward(coin_days: u64) -> u64 {
    coin_days * 33 / (365 * 33 + 8) * CENT
}

fn number(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap_or_else(|| panic!("{name} in {row}"))
}

fn bits(text: &Value) -> Bits {
    text.as_str().unwrap().parse().unwrap()
}

fn read(row: &Value) -> Try {
    let field = |name| u32::try_from(number(row, name)).unwrap();
    Try {
        head: match row["modifier"].as_u64() {
            Some(modifier) => Head::Modifier(modifier),
            None => Head::Bits(bits(&row["bits"])),
        },
        block_time: field("block_from_time"),
        offset: field("prevtx_offset"),
        transaction_time: field("prevtx_time"),
        output: field("prevout_n"),
        amount: number(row, "value_micro"),
        second: field("ntime"),
    }
}

#[test]
fn every_kernel_is_reproduced() {
    let Some(vectors) = vectors::json("peercoin.json") else { return };
    let rows = vectors["kernel"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let tried = read(row);
        let length = if matches!(tried.head, Head::Modifier(_)) { 28 } else { 24 };
        assert_eq!(tried.message().len(), length, "{row}");
        let mut hash = tried.hash().0;
        hash.reverse();
        assert_eq!(hex::encode(hash), row["hash_be"].as_str().unwrap(), "{row}");
        assert_eq!(tried.coin_days(), number(row, "coin_day_weight"), "{row}");
        let target = bits(&row["bits"]).target().unwrap();
        assert_eq!(tried.hits(&target), row["ok"].as_bool().unwrap(), "{row}");
        // The same hash is too high where the target asks for one less than it is.
        let value = BigUint::from_bytes_be(&hash);
        let harder = Target::from_value(&((value - 1u32) / tried.coin_days())).unwrap();
        assert!(!tried.hits(&harder), "{row}");
    }
}

#[test]
fn every_reward_is_reproduced() {
    let Some(vectors) = vectors::json("peercoin.json") else { return };
    // The limit in its compact form, which is a little less than 2^224 − 1.
    let limit = Bits(0x1d00_ffff).target().unwrap();
    let rows = vectors["pow_reward"].as_array().unwrap();
    assert_eq!(rows.len(), 44);
    for row in rows {
        let target = bits(&row[0]).target().unwrap();
        assert_eq!(work_reward(&target, &limit), row[1].as_u64().unwrap(), "{row}");
    }
    let rows = vectors["pos_reward"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let reward = stake_reward(number(row, "coin_days"));
        assert_eq!(reward, number(row, "max_reward"), "{row}");
        assert!(number(row, "actual_reward") <= reward, "{row}");
    }
}
