//! When payments are due, and who pays whom how much: drawn from a seed before anything is sent.
//!
//! Arrivals of an open loop are a Poisson process: they do not wait for answers, as many independent users do not. A
//! latency is counted from the moment at which its payment was due, not from when it left. Otherwise a system that stands
//! still for a second would be measured once instead of at each arrival in that second (coordinated omission).

use crate::sim::random::Dice;

/// Payments of one run at most. Each is held until the end, in about 400 bytes.
pub const PAYMENTS_MAX: u64 = 1_000_000;

/// Base units that a payment moves at most, beside its change.
pub const AMOUNT_MAX: u64 = 1000;

/// Microseconds since a run began.
pub type Micros = u64;

/// Moments of a Poisson process at `rate` per second before `end`, in order.
pub fn arrivals(rate: f64, end: Micros, seed: u64) -> impl Iterator<Item = Micros> {
    let mut dice = Dice::new(seed, "bench arrivals");
    let (mean, mut at) = (1e6 / rate, 0.0);
    std::iter::from_fn(move || {
        at += dice.exponential(mean);
        // Not negative, and far below 2^53.
        (at < end as f64).then_some(at as Micros)
    })
}

/// Who pays whom how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deal {
    /// The number of the account that is paid.
    pub to: usize,
    /// Base units, 1 to [`AMOUNT_MAX`].
    pub amount: u64,
}

/// Draws deals, the same ones for a seed.
#[derive(Debug, Clone)]
pub struct Deals {
    dice: Dice,
    accounts: usize,
}

impl Deals {
    /// Deals between so many accounts.
    pub fn new(accounts: usize, seed: u64) -> Self {
        Self { dice: Dice::new(seed, "bench deals"), accounts }
    }

    /// The next one.
    pub fn draw(&mut self) -> Deal {
        Deal { to: self.dice.index(self.accounts), amount: self.dice.between(1, AMOUNT_MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_poisson_and_a_seed_says_which() {
        let all: Vec<Micros> = arrivals(2000.0, 50_000_000, 7).collect();
        assert_eq!(all, arrivals(2000.0, 50_000_000, 7).collect::<Vec<_>>());
        assert_ne!(all, arrivals(2000.0, 50_000_000, 8).collect::<Vec<_>>());
        assert!(all.is_sorted() && all.iter().all(|at| *at < 50_000_000));
        // 100 000 expected, with a standard deviation of 316.
        assert!((98_500..101_500).contains(&all.len()), "{}", all.len());
        // In windows of 10 ms mean and variance are both 20: no burst is smoothed away.
        let mut counts = vec![0.0; 5000];
        all.iter().for_each(|at| counts[(at / 10_000) as usize] += 1.0);
        let mean = counts.iter().sum::<f64>() / 5000.0;
        let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 5000.0;
        assert!((mean - 20.0).abs() < 0.5 && (variance - 20.0).abs() < 2.0, "{mean} {variance}");
    }

    #[test]
    fn deals_are_within_bounds_and_reach_every_account() {
        let mut deals = Deals::new(7, 1);
        let drawn: Vec<Deal> = (0..1000).map(|_| deals.draw()).collect();
        assert!(drawn.iter().all(|deal| (1..=AMOUNT_MAX).contains(&deal.amount)));
        assert!((0..7).all(|account| drawn.iter().any(|deal| deal.to == account)));
        let mut again = Deals::new(7, 1);
        assert!(drawn.iter().all(|deal| *deal == again.draw()));
    }
}
