//! Nothing at stake: who signs on every branch.
//!
//! A block by stake costs its maker nothing, so nothing keeps it from trying its coins on each branch that there is, instead
//! of on the best one: whichever wins, it is there. It may also try them on a branch of its own alone, which is what somebody
//! does who wants to undo what the others built ([`Branches::Own`]).
//!
//! Every branch has its own stake modifier, so a coin's lucky seconds differ from branch to branch. Only where two branches
//! parted without a block by stake, or right above the block where they parted, does the same coin win in the same second on
//! both, and that is what can be proven ([`crate::ledger::Offence`]): this attacker signs it all the same.
//!
//! It knows no rule but the part of stake that pure stake and the hybrid share. The engine that it is put around goes on
//! as it is but for stake, which it is told to leave alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::chain::Node;
use crate::consensus::pos::{Front, PosRules, Stakes, search};
use crate::consensus::{
    Action, Context, Engine, Event, OrderId, Outbox, Report, SignOrder, Stake, Timer,
};
use crate::ledger::{Coin, Executed, ReadFailed};
use crate::types::{Address, BlockId, Claim, CoinId, Draft, Height, Seal, Time};

/// When the next win is due.
const WIN: Timer = Timer::Own(1);

/// Seconds ahead that are tried at once, on each branch.
const AHEAD_SECONDS: u64 = 32;

/// Branches that are tried at most, the highest first: signing costs nothing, trying does.
const TIPS_MAX: usize = 64;

/// Coins of an owner that are tried at most.
const COINS_MAX: usize = 4096;

/// On which branches it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branches {
    /// On all that are shorter than the best by so many blocks at most: what is further behind is lost.
    Every(u64),
    /// On those alone whose block at this height is its own, the first of which it makes on the best block below.
    Own(Height),
}

/// Signs on every branch.
pub struct EveryFork {
    inner: Box<dyn Engine>,
    rules: Arc<PosRules>,
    stake: Stake,
    branches: Branches,
    tips: BTreeMap<BlockId, Tip>,
    orders: u64,
    sealing: BTreeMap<OrderId, (Draft, Executed)>,
}

/// A block that it would build on.
struct Tip {
    front: Front,
    stakes: Stakes,
    owners: BTreeMap<CoinId, Address>,
    /// The last second that was tried.
    tried: u64,
    /// The coin that wins in that second, which has not come yet.
    winner: Option<CoinId>,
}

impl EveryFork {
    /// The engine, and beside it a staker of `stake` on these branches, under the rules of stake of its chain.
    pub fn around(
        inner: Box<dyn Engine>,
        rules: Arc<PosRules>,
        stake: Stake,
        branches: Branches,
    ) -> Box<dyn Engine> {
        let (tips, sealing) = (BTreeMap::new(), BTreeMap::new());
        Box::new(Self { inner, rules, stake, branches, tips, orders: 0, sealing })
    }

    fn stake_for(&mut self, stake: Stake) {
        self.stake = stake;
        self.tips.clear();
    }

    /// The blocks to build on.
    fn wanted<'a>(&self, cx: &Context<'a>) -> Vec<&'a Node> {
        let tree = cx.tree;
        let mut leaves: Vec<&Node> = tree.leaves().collect();
        match self.branches {
            Branches::Every(behind) => {
                let least = tree.head().height().back(behind);
                leaves.retain(|leaf| leaf.height() >= least);
            }
            Branches::Own(height) => {
                leaves.retain(|leaf| {
                    let own = ancestor(cx, leaf, height).map(|node| node.block.header.producer);
                    own.is_some_and(|producer| self.stake.owners.contains(&producer))
                });
                if leaves.is_empty() {
                    let below = tree.branch().get(&height.back(1)).and_then(|id| tree.get(id));
                    leaves.extend(below);
                }
            }
        }
        leaves.sort_by_key(|leaf| (std::cmp::Reverse(leaf.height()), leaf.id));
        leaves.truncate(TIPS_MAX);
        leaves
    }

    /// Looks which blocks there are to build on, tries seconds, and signs what is due.
    fn attempt(&mut self, cx: &Context<'_>, out: &mut Outbox) -> Result<(), ReadFailed> {
        let now = cx.now.0 / 1000;
        let wanted = self.wanted(cx);
        let ids: BTreeSet<BlockId> = wanted.iter().map(|node| node.id).collect();
        self.tips.retain(|id, _| ids.contains(id));
        let mut wake = u64::MAX;
        for node in wanted {
            if !self.tips.contains_key(&node.id) {
                let tip = self.tip(node)?;
                self.tips.insert(node.id, tip);
            }
            let Some(tip) = self.tips.get_mut(&node.id) else { continue };
            if tip.winner.is_none() {
                tip.search(&self.rules, now + AHEAD_SECONDS);
            }
            let won = tip.winner.take_if(|_| tip.tried <= now);
            wake = wake.min(if tip.winner.is_some() { tip.tried } else { tip.tried.max(now) + 1 });
            if let Some(coin) = won {
                let (second, bits) = (tip.tried, tip.front.bits);
                let owner = tip.owners.get(&coin).copied().unwrap_or_default();
                self.seal(node, (second, Claim::Stake { bits, coin }), owner, cx, out);
                wake = now + 1;
            }
        }
        if wake < u64::MAX {
            out.push(Action::SetTimer { timer: WIN, at: Time(wake.saturating_mul(1000)) });
        }
        Ok(())
    }

    fn tip(&self, node: &Node) -> Result<Tip, ReadFailed> {
        let mut tip = Tip {
            front: self.rules.front(&node.state)?,
            stakes: Stakes::default(),
            owners: BTreeMap::new(),
            tried: node.block.header.time.0 / 1000,
            winner: None,
        };
        let (height, maturity) = (node.height().next(), self.rules.params().maturity);
        let ripe = |coin: &Coin| coin.spendable_from(maturity).is_some_and(|from| from <= height);
        for owner in &self.stake.owners {
            let coins = node.state.coins_of(owner, None, COINS_MAX)?;
            for (id, coin) in coins.into_iter().filter(|(_, coin)| ripe(coin)) {
                tip.stakes.insert(id, coin.amount, coin.time);
                tip.owners.insert(id, *owner);
            }
        }
        Ok(tip)
    }

    fn seal(
        &mut self,
        on: &Node,
        (second, claim): (u64, Claim),
        owner: Address,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) {
        // What the pool holds was looked at on the best branch.
        let (draft, executed) = match cx.empty_draft(on.as_ref(), Time(second * 1000), owner, claim)
        {
            Ok(made) => made,
            Err(error) => return out.push(error.into()),
        };
        let block = draft.id(&cx.tree.params().chain);
        out.push(Action::Report(Report::Drafted { block, transactions: 0 }));
        self.orders += 1;
        let order = OrderId(self.orders);
        out.push(Action::Sign(SignOrder { order, block, by: owner }));
        self.sealing.insert(order, (draft, executed));
    }

    fn signed(
        &mut self,
        order: OrderId,
        seal: Option<Seal>,
        cx: &Context<'_>,
        out: &mut Outbox,
    ) -> bool {
        let Some((draft, executed)) = self.sealing.remove(&order) else { return false };
        if let Some(seal) = seal {
            let id = draft.id(&cx.tree.params().chain);
            let (block, executed) = (Box::new(draft.seal(seal)), Box::new(executed));
            out.push(Action::Import { block, executed });
            out.push(Action::Announce(id));
        }
        true
    }
}

impl Tip {
    /// Tries the seconds up to one, up to the first in which a coin wins.
    fn search(&mut self, rules: &PosRules, to: u64) {
        let ages = &rules.params().ages;
        let hit = (self.tried + 1..=to).find_map(|second| {
            let hits = search(&self.front.kernel, &self.front.target, ages, &self.stakes, second);
            hits.first().map(|coin| (second, *coin))
        });
        self.tried = self.tried.max(hit.map_or(to, |(second, _)| second));
        self.winner = hit.map(|(_, coin)| coin);
    }
}

/// The block at a height below a block, or itself.
fn ancestor<'a>(cx: &Context<'a>, from: &'a Node, height: Height) -> Option<&'a Node> {
    let mut at = from;
    while at.height() > height {
        at = cx.tree.get(&at.block.header.parent)?;
    }
    (at.height() == height).then_some(at)
}

impl Engine for EveryFork {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        if let Event::Signed { order, seal } = &event
            && self.signed(*order, seal.clone(), cx, out)
        {
            return;
        }
        let looks = match &event {
            Event::Start { .. } | Event::Imported(_) | Event::Stake(_) => true,
            Event::Elapsed(timer) => *timer == WIN,
            _ => false,
        };
        match event {
            Event::Elapsed(WIN) => {}
            Event::Start { .. } => {
                self.inner.handle(event, cx, out);
                self.inner.handle(Event::Stake(None), cx, out);
            }
            Event::Stake(stake) => self.stake_for(stake.unwrap_or_default()),
            event => self.inner.handle(event, cx, out),
        }
        if looks && let Err(error) = self.attempt(cx, out) {
            out.push(Action::Fail(error));
        }
    }
}
