//! What each algorithm does when the hash rate jumps: chains of blocks whose times are drawn as hashes would find them.
//!
//! Nothing hashes here. A block under a target takes an exponentially distributed time at a given hash rate; the generator
//! is seeded, so a run is always the same. `docs/retargeting.md` shows the table that [`print_the_table`] prints.

use super::*;
use crate::types::testkit::Dice;

/// Two-second blocks, in milliseconds.
const SPACING: u64 = 2_000;

/// Hashes per millisecond before any jump: a core or so.
const RATE: f64 = 10_000.0;

/// A chain without blocks' contents.
struct Chain {
    retarget: Retarget,
    schedule: Schedule,
    history: History,
    height: u64,
    time: u64,
    dice: Dice,
}

impl Chain {
    /// A chain that starts right for [`RATE`].
    fn new(retarget: Retarget, seed: u64) -> Self {
        let limit = Bits(0x207f_ffff).target().unwrap();
        let hashes = num_bigint::BigUint::from(RATE as u64 * SPACING);
        let target = (num_bigint::BigUint::from(1u32) << 256u32) / hashes;
        let initial = Target::within(&target, &limit).to_bits();
        let schedule = Schedule { spacing: nonzero(SPACING), initial, limit };
        let dice = Dice::new(seed);
        let (height, time) = (1, 1_700_000_000_000);
        let mut history = History::default();
        retarget.remember(&mut history, Past { height, time, bits: initial });
        Self { retarget, schedule, history, height, time, dice }
    }

    /// Finds the next block at a hash rate; gives the milliseconds that it took.
    fn next(&mut self, rate: f64) -> u64 {
        let bits = self.retarget.required(&self.history, &self.schedule);
        assert!(bits.target().unwrap() <= self.schedule.limit);
        let uniform = (self.dice.next() >> 11) as f64 / (1u64 << 53) as f64;
        let took = (-(1.0 - uniform).ln() * bits.work().to_f64() / rate) as u64;
        self.height += 1;
        self.time += took;
        let block = Past { height: self.height, time: self.time, bits };
        self.retarget.remember(&mut self.history, block);
        took
    }

    /// The mean of the next intervals, in spacings.
    fn mean(&mut self, blocks: u64, rate: f64) -> f64 {
        let took: u64 = (0..blocks).map(|_| self.next(rate)).sum();
        took as f64 / (blocks * SPACING) as f64
    }

    /// How far the target is from what the rate would need: 1 where it is right, above where blocks take too long.
    fn expected(&self, rate: f64) -> f64 {
        let bits = self.retarget.required(&self.history, &self.schedule);
        bits.work().to_f64() / rate / SPACING as f64
    }

    /// Blocks until the target has come within half and double of what the rate needs.
    fn recover(&mut self, rate: f64, patience: u64) -> Option<u64> {
        for blocks in 0..patience {
            if (0.5..=2.0).contains(&self.expected(rate)) {
                return Some(blocks);
            }
            self.next(rate);
        }
        None
    }
}

/// All algorithms as a devnet would use them.
fn all() -> [Retarget; 6] {
    [
        Retarget::Bitcoin(Bitcoin { window: nonzero(50), clamp: nonzero(4) }),
        Retarget::Asert(Asert { half_life: nonzero(30 * SPACING) }),
        Retarget::Lwma(Lwma { window: blocks(60) }),
        Retarget::Digishield(Digishield),
        Retarget::Ema(Ema { window: blocks(30) }),
        Retarget::Dgw(Dgw { window: blocks(24) }),
    ]
}

/// At a constant rate blocks keep their time, each algorithm's known bias aside.
#[test]
fn at_a_constant_rate_the_block_time_holds() {
    for retarget in all() {
        let mut chain = Chain::new(retarget, 1);
        chain.mean(500, RATE);
        let mean = chain.mean(4000, RATE);
        println!("{:<11}{mean:.3} spacings", retarget.name());
        assert!((0.85..1.15).contains(&mean), "{}: {mean}", retarget.name());
    }
}

/// After a jump by `factor` the target is right again within so many blocks, for every seed.
fn recovers(retarget: Retarget, factor: f64, within: u64) {
    for seed in 1..=8 {
        let mut chain = Chain::new(retarget, seed);
        chain.mean(300, RATE);
        let name = retarget.name();
        let blocks = chain.recover(RATE * factor, within);
        assert!(blocks.is_some(), "{name}, × {factor}, seed {seed}: not within {within} blocks");
        // And it is not just passing through: what follows has the block time of the schedule.
        chain.mean(200, RATE * factor);
        let mean = chain.mean(400, RATE * factor);
        assert!((0.5..2.0).contains(&mean), "{name}, × {factor}, seed {seed}: {mean} spacings");
    }
}

#[test]
fn ten_times_the_hash_rate_is_followed() {
    for (retarget, within) in all().into_iter().zip([150, 120, 80, 60, 80, 80]) {
        recovers(retarget, 10.0, within);
    }
}

#[test]
fn a_tenth_of_the_hash_rate_is_followed() {
    for (retarget, within) in all().into_iter().zip([150, 60, 60, 60, 60, 80]) {
        recovers(retarget, 0.1, within);
    }
}

/// A processor's chain meets a machine a hundred thousand times as fast.
#[test]
fn a_jump_by_a_hundred_thousand_is_followed_in_a_bounded_number_of_blocks() {
    let [bitcoin, asert, lwma, digishield, ema, dgw] = all();
    // log2(10^5) half-lives of 30 blocks are 498; the target is right when 30 less are made up for.
    recovers(asert, 1e5, 520);
    recovers(lwma, 1e5, 200);
    // Nine periods, since the clamp lets each take no more than a factor of four, and the running one.
    recovers(bitcoin, 1e5, 10 * 50);
    recovers(digishield, 1e5, 150);
    recovers(ema, 1e5, 300);
    recovers(dgw, 1e5, 300);
}

/// For the page about retargeting: `cargo test --no-default-features --lib print_the_table -- --ignored --nocapture`.
#[test]
#[ignore = "prints the table of docs/retargeting.md"]
fn print_the_table() {
    println!("| algorithm | at rest | × 10 | ÷ 10 | × 100000 |");
    println!("|---|---|---|---|---|");
    for retarget in all() {
        let mut chain = Chain::new(retarget, 1);
        chain.mean(500, RATE);
        let rest = chain.mean(20_000, RATE);
        let step = |factor: f64| {
            let runs = (1..=50).map(|seed| {
                let mut chain = Chain::new(retarget, seed);
                chain.mean(300, RATE);
                let before = chain.time;
                let blocks = chain.recover(RATE * factor, 5000).unwrap();
                (blocks, (chain.time - before) / SPACING)
            });
            let (mut blocks, mut spacings): (Vec<u64>, Vec<u64>) = runs.unzip();
            blocks.sort_unstable();
            spacings.sort_unstable();
            format!("{} blocks, {} T", blocks[25], spacings[25])
        };
        let (up, down, far) = (step(10.0), step(0.1), step(1e5));
        println!("| `{}` | {rest:.2} T | {up} | {down} | {far} |", retarget.name());
    }
}
