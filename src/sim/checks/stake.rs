//! What stake asks of a block, in the plainest words.

use imbl::OrdMap;
use num_bigint::BigUint;

use super::difficulty::{TOLERANCE, log2, target};
use super::signed_by;
use crate::ledger::{Coin, CoinKind};
use crate::spec::{HybridSpec, PosSpec, StakeBits};
use crate::types::target::Bits;
use crate::types::{BlockId, CoinId, GenesisId, Hash, Header, Seal, Time, sha256d, tagged};

/// Base units of a coin times milliseconds of a day.
const COIN_DAY: u64 = 100_000_000 * 86_400_000;

/// The rule of stake.
#[derive(Debug)]
pub(super) struct StakeLaw {
    pub(super) spec: PosSpec,
    initial: Bits,
    maturity: u64,
}

/// The last two blocks of one kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Pair(Vec<(Time, Bits)>);

impl Pair {
    pub(super) fn push(&mut self, time: Time, bits: Bits) {
        self.0.push((time, bits));
        if self.0.len() > 2 {
            self.0.remove(0);
        }
    }

    /// Whether these bits follow from the pair by Peercoin's average, in floating point.
    pub(super) fn leads_to(
        &self,
        bits: Bits,
        (initial, limit): (Bits, Bits),
        (spacing, window): (f64, f64),
    ) -> Result<(), String> {
        let exact = match self.0[..] {
            [(before, _), (last, old)] => {
                // Times are far below 2^53 ms.
                let actual = last.0 as f64 - before.0 as f64;
                let factor = ((window - 1.0) * spacing + 2.0 * actual) / ((window + 1.0) * spacing);
                (log2(old) + factor.max(0.25).log2()).min(log2(limit))
            }
            _ => log2(initial),
        };
        let given = log2(bits);
        match (given - exact).abs() <= TOLERANCE {
            true => Ok(()),
            false => Err(format!("its target is 2^{given:.4}, where 2^{exact:.4} is due")),
        }
    }
}

impl StakeLaw {
    /// Of a chain with such a rule; `initial` is what its spec gives the first block.
    pub(super) fn of(spec: &PosSpec, initial: Bits, maturity: u64) -> Self {
        if let StakeBits::Is(bits) = spec.initial_bits {
            debug_assert_eq!(bits, initial);
        }
        Self { spec: spec.clone(), initial, maturity }
    }

    /// Whether a block by stake may stand on its parent.
    pub(super) fn judge(
        &self,
        chain: &GenesisId,
        (id, header, seal): (&BlockId, &Header, &Seal),
        (bits, coin_id): (Bits, &CoinId),
        parent: &Header,
        (last, modifier): (&Pair, &Hash),
        coins: &OrdMap<CoinId, Coin>,
    ) -> Result<(), String> {
        let time = header.time;
        if time <= parent.time || time.0 % 1000 != 0 {
            return Err(format!("its time is {time} after {}", parent.time));
        }
        let spacing = self.spec.block_time.0 as f64;
        let window = f64::from(self.spec.retarget_window.get());
        last.leads_to(bits, (self.initial, self.spec.limit_bits), (spacing, window))?;
        let coin = coins.get(coin_id).ok_or_else(|| format!("it stakes {coin_id}"))?;
        let rests = matches!(coin.kind, CoinKind::Reward | CoinKind::Stake)
            && header.height.0 < coin.height.0 + self.maturity;
        if coin.owner != header.producer || rests || coin.kind == CoinKind::Bond {
            return Err(format!("it stakes {coin:?}"));
        }
        let age = (time.0 - coin.time.0.min(time.0)).min(self.spec.max_age.0);
        let Some(weight) = age.checked_sub(self.spec.min_age.0).filter(|weight| *weight > 0) else {
            return Err(format!("it stakes a coin of {age} ms"));
        };
        let hash = BigUint::from_bytes_le(&kernel(chain, modifier, coin, coin_id, time).0);
        if hash * COIN_DAY > target(bits) * coin.amount.0 * weight {
            return Err("its kernel is above its target".into());
        }
        signed_by(&header.producer, chain, id, seal)
    }
}

/// What a coin earned when a block stakes it, but for the cap of the supply.
pub(super) fn earned(spec: &PosSpec, header: &Header, coin: &Coin) -> u64 {
    let age = header.time.0 - coin.time.0.min(header.time.0);
    let earned = BigUint::from(coin.amount.0) * age * spec.interest
        / (BigUint::from(spec.interest_period.0) * 1_000_000u32);
    u64::try_from(earned).unwrap_or(u64::MAX)
}

/// The kernel hash of a coin.
fn kernel(chain: &GenesisId, modifier: &Hash, coin: &Coin, id: &CoinId, time: Time) -> Hash {
    let mut bytes = tagged("assay/stake-kernel", chain, &[]).0.to_vec();
    bytes.extend(modifier.0);
    bytes.extend(coin.time.0.to_le_bytes());
    bytes.extend(id.as_bytes());
    bytes.extend((time.0 / 1000).to_le_bytes());
    Hash(sha256d(&bytes))
}

/// The modifier after a block by stake.
pub(super) fn modified(
    chain: &GenesisId,
    modifier: &Hash,
    (coin, id): (&Coin, &CoinId),
    time: Time,
) -> Hash {
    let kernel = kernel(chain, modifier, coin, id, time);
    tagged("assay/stake-modifier", chain, &[&kernel.0, &modifier.0])
}

/// The spacing and the window of work beside stake at a place `between` blocks after the last block of work.
pub(super) fn pace_of_work(spec: &HybridSpec, between: u64) -> (f64, f64) {
    let least = spec.pow.block_time.0;
    let spacing = (least * (1 + between)).min(spec.work_spacing_max.0).max(least);
    let span = u64::from(spec.work_window.get()) * least;
    (spacing as f64, (span / spacing).max(1) as f64)
}
