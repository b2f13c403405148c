//! How concentrated something is: who makes the blocks, who owns the coins.
//!
//! Both figures are about *shares*: what each of a list holds, in any unit. Whoever holds nothing counts for Gini's
//! coefficient if it is in the list, so a list says who might have held something. Of blocks only those are known who made
//! one.
//!
//! # Sources
//!
//! Corrado Gini, *Variabilità e mutabilità* (1912), here as twice the area between the Lorenz curve and the diagonal.
//! Balaji Srinivasan and Leland Lee, *Quantifying decentralization* (2017), for the coefficient that they named after
//! Nakamoto: the fewest who together have the power to decide.

use std::collections::BTreeMap;

use super::Address;

/// Gini's coefficient: 0 where all hold the same, 1 − 1 ⁄ n where one of n holds everything; 0 where nobody holds anything.
/// What is held is not negative.
pub fn gini(holds: &[f64]) -> f64 {
    let mut sorted = holds.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (count, sum) = (sorted.len() as f64, sorted.iter().sum::<f64>());
    if sum <= 0.0 {
        return 0.0;
    }
    let ranked = sorted.iter().enumerate().map(|(rank, holds)| (rank + 1) as f64 * holds);
    // Rounding must not make equal shares less than equal.
    (2.0 * ranked.sum::<f64>() / (count * sum) - (count + 1.0) / count).max(0.0)
}

/// How many have to join, at least, to hold *more* than this share of everything: Nakamoto's coefficient. All of them where
/// even they do not, as for a share of 1.
pub fn fewest(holds: &[f64], share: f64) -> usize {
    let mut sorted = holds.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let need = share * sorted.iter().sum::<f64>();
    let mut held = 0.0;
    let reached = sorted.iter().position(|holds| {
        held += holds;
        held > need
    });
    reached.map_or(sorted.len(), |last| last + 1)
}

/// How many blocks each producer made of some.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Producers(BTreeMap<Address, u64>);

impl Producers {
    /// How many made any.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many they made together.
    pub fn blocks(&self) -> u64 {
        self.0.values().sum()
    }

    /// Who made most, and how many; of several, the lowest address.
    pub fn first(&self) -> Option<(Address, u64)> {
        let most = self.0.values().max()?;
        self.0.iter().find(|(_, blocks)| *blocks == most).map(|(who, blocks)| (*who, *blocks))
    }

    /// What each of them made.
    fn holds(&self) -> Vec<f64> {
        self.0.values().map(|blocks| *blocks as f64).collect() // counts are far below 2^53
    }

    /// Gini's coefficient over those who made any; nothing where nobody did.
    pub fn gini(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| gini(&self.holds()))
    }

    /// Nakamoto's coefficient: the fewest who made more than this share of the blocks together; nothing where there are none.
    pub fn nakamoto(&self, share: f64) -> Option<usize> {
        (!self.0.is_empty()).then(|| fewest(&self.holds(), share))
    }
}

impl FromIterator<Address> for Producers {
    /// Counts the producers of blocks.
    fn from_iter<I: IntoIterator<Item = Address>>(producers: I) -> Self {
        let mut counted = BTreeMap::new();
        for producer in producers {
            *counted.entry(producer).or_default() += 1;
        }
        Self(counted)
    }
}

#[cfg(test)]
#[path = "concentration_tests.rs"]
mod tests;
