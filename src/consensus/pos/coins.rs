//! The coins of those who stake here, as they are at the head.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::footing::reserved;
use super::{PosRules, Stakes};
use crate::chain::{HeadMove, Node, Tree};
use crate::consensus::Stake;
use crate::ledger::{Coin, ReadFailed};
use crate::types::canary::{Bug, planted};
use crate::types::{Amount, BlockId, CoinId, Height};

/// Coins that are tried at most, the largest: anybody can send dust, and every coin costs a try in every second.
pub(super) const STAKES_MAX: usize = if cfg!(test) { 1000 } else { 1 << 17 };

/// Coins that are read at once.
const PAGE: usize = 4096;

/// The coins of a few owners at a block. It follows the head by what blocks changed, and reads the state only where it
/// cannot.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Coins {
    at: Option<BlockId>,
    coins: BTreeMap<CoinId, Coin>,
}

impl Coins {
    /// A coin, if it is one of them.
    pub(super) fn get(&self, id: &CoinId) -> Option<&Coin> {
        self.coins.get(id)
    }

    #[cfg(test)]
    pub(super) fn insert(&mut self, id: CoinId, coin: Coin) {
        self.coins.insert(id, coin);
    }

    /// Forgets everything: other owners stake now.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Goes along with the head; `moved` is how it came there from where these coins are.
    pub(super) fn follow(
        &mut self,
        stake: &Stake,
        tree: &Tree,
        moved: Option<&HeadMove>,
    ) -> Result<(), ReadFailed> {
        let head = tree.head();
        if self.at == Some(head.id) {
            return Ok(());
        }
        let joined: Option<Vec<&Node>> = moved
            .filter(|moved| self.at == Some(moved.from) && moved.left.is_empty())
            .and_then(|moved| moved.joined.iter().map(|id| tree.get(id)).collect());
        match joined {
            Some(joined) => joined.into_iter().for_each(|node| self.apply(stake, node)),
            None => self.read(stake, head)?,
        }
        self.at = Some(head.id);
        Ok(())
    }

    fn apply(&mut self, stake: &Stake, node: &Node) {
        for (id, change) in node.delta.coins() {
            match change.coin() {
                Some(coin) if stake.owners.contains(&coin.owner) => {
                    self.coins.insert(*id, coin);
                }
                Some(_) => {}
                None => drop(self.coins.remove(id)),
            }
        }
    }

    fn read(&mut self, stake: &Stake, head: &Node) -> Result<(), ReadFailed> {
        self.coins.clear();
        for owner in &stake.owners {
            let mut after = None;
            loop {
                let page = head.state.coins_of(owner, after, PAGE)?;
                after = page.last().map(|(id, _)| *id);
                let full = page.len() == PAGE;
                self.coins.extend(page);
                if !full {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Those that may be staked for the block at `height` once they are old enough, less what is kept for spending.
    pub(super) fn stakes(&self, rules: &PosRules, height: Height, reserve: Amount) -> Stakes {
        let maturity = rules.params().maturity;
        let maturity = if planted(Bug::StakeNeverRests) { 0 } else { maturity };
        let usable = |coin: &Coin| coin.spendable_from(maturity).is_some_and(|from| from <= height);
        let mut usable: Vec<(&CoinId, &Coin)> =
            self.coins.iter().filter(|(_, coin)| usable(coin)).collect();
        let kept: BTreeSet<&CoinId> = reserved(&usable, reserve).into_iter().collect();
        usable.retain(|(id, _)| !kept.contains(id));
        if usable.len() > STAKES_MAX {
            usable
                .select_nth_unstable_by_key(STAKES_MAX, |(id, coin)| (Reverse(coin.amount), **id));
            usable.truncate(STAKES_MAX);
        }
        let mut stakes = Stakes::default();
        for (id, coin) in usable {
            stakes.insert(*id, coin.amount, coin.time);
        }
        stakes
    }
}
