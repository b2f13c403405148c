//! How long until it is safe: what "final" means where blocks on top make it so.
//!
//! Whoever has a share q of the power can take a payment with z confirmations back with a chance that Rosenfeld gives
//! (*Analysis of hashrate-based double-spending*, 2014, equation 1). Blocks of honest miners that go stale do not count for the
//! honest branch, while an attacker's own never go stale, so what counts is its share of the blocks that do. The same is said of
//! stake, as far as an attacker cannot stake on both branches at once.
//!
//! Where votes make blocks final, nothing that is final is taken back as long as no more producers lie than the rule bears, and nothing
//! helps if more do: one waits until it is final, by the rule's own count of votes. So two thirds of implied votes and PBFT bear less than
//! a third; a majority of implied votes, Raft and Paxos bear crashes and delay, and nobody who lies; what Graphene and Aura call
//! irreversible bears nobody either.

use crate::api::{BenchRule, BenchSafety};
use crate::sim::fidelity::double_spend::rosenfeld;

/// Shares of attackers, and the risk that is taken.
const SHARES: [f64; 3] = [0.1, 0.2, 0.3];
const RISK: f64 = 0.001;

/// With more confirmations nobody waits, and more ways to find them than a double counts.
const CONFIRMATIONS_MAX: u64 = 400;

/// The share of blocks that count which an attacker makes, where so many of the others' go stale.
fn counted(share: f64, stale: f64) -> f64 {
    share / (share + (1.0 - share) * (1.0 - stale.clamp(0.0, 1.0)))
}

/// The fewest confirmations with which the chance is no more than the risk; nothing where an attacker is too strong.
fn confirmations(share: f64, risk: f64) -> Option<u64> {
    let safe = |z: u64| rosenfeld(share, z) <= risk;
    if share >= 0.5 || !safe(CONFIRMATIONS_MAX) {
        return None;
    }
    let (mut low, mut high) = (0, CONFIRMATIONS_MAX);
    while low < high {
        let middle = low.midpoint(high);
        match safe(middle) {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Some(low)
}

/// What it takes by what was measured.
pub(super) fn safety(rule: &BenchRule) -> Vec<BenchSafety> {
    let value = |name: &str| rule.figures.get(name).map(|it| it.value);
    if let Some(liars) = rule.liars {
        let Some(p99) = value("final_p99_ms") else { return Vec::new() };
        let row = |share: f64| {
            let seconds = (share <= liars).then_some(p99 / 1e3);
            BenchSafety { share, risk: 0.0, confirmations: None, seconds }
        };
        return SHARES.into_iter().map(row).collect();
    }
    if rule.finality_depth.is_none() {
        return Vec::new();
    }
    let (Some(stale), Some(interval)) = (value("stale_rate"), value("interval_s")) else {
        return Vec::new();
    };
    let row = |share: f64| {
        let needed = confirmations(counted(share, stale), RISK);
        BenchSafety {
            share,
            risk: RISK,
            confirmations: needed,
            seconds: needed.map(|needed| needed as f64 * interval), // far below 2^53
        }
    };
    SHARES.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::BenchInterval;

    #[test]
    fn confirmations_are_the_fewest_that_do() {
        for share in [0.05, 0.1, 0.2, 0.3, 0.4] {
            let needed = confirmations(share, 0.001).unwrap();
            assert!(rosenfeld(share, needed) <= 0.001);
            assert!(rosenfeld(share, needed - 1) > 0.001, "{share}: {needed}");
        }
        assert_eq!(confirmations(0.5, 0.001), None);
        assert_eq!(confirmations(0.499, 0.001), None, "nobody waits for so long");
    }

    #[test]
    fn votes_bear_so_many_liars_and_no_more() {
        let of = |value| BenchInterval { value, low: value, high: value, of: 1 };
        let mut rule = BenchRule { liars: Some(0.25), ..BenchRule::default() };
        assert!(safety(&rule).is_empty(), "nothing was final");
        rule.figures.insert("final_p99_ms".into(), of(1500.0));
        let seconds =
            |rule: &BenchRule| safety(rule).iter().map(|it| it.seconds).collect::<Vec<_>>();
        assert_eq!(seconds(&rule), [Some(1.5), Some(1.5), None]);
        rule.liars = Some(0.0);
        assert_eq!(seconds(&rule), [None; 3]);
    }

    #[test]
    fn stale_blocks_make_an_attacker_stronger() {
        let mut rule = BenchRule { finality_depth: Some(12), ..BenchRule::default() };
        let of = |value| BenchInterval { value, low: value, high: value, of: 1 };
        rule.figures.insert("interval_s".into(), of(2.0));
        rule.figures.insert("stale_rate".into(), of(0.0));
        let clean = safety(&rule);
        rule.figures.insert("stale_rate".into(), of(0.4));
        let stale = safety(&rule);
        assert!(clean.iter().zip(&stale).all(|(a, b)| a.confirmations < b.confirmations));
        assert_eq!(clean[0].seconds, clean[0].confirmations.map(|it| 2.0 * it as f64));
        rule.finality_depth = None;
        assert!(safety(&rule).is_empty());
    }
}
