//! Stake grinding: who chooses among its own wins.
//!
//! Nothing that a staker could vary enters a kernel, so what is left to grind is *which* of its wins it takes. Each of
//! them, by another coin or in another second, leads to another stake modifier, and under that the attacker can compute when
//! its own coins win next. So where it has several wins before the others are likely to have one, it takes the one that
//! leads to the longest run of its own blocks, be it a later one: then the earlier win is withheld, at the risk that somebody
//! else's block comes first.
//!
//! What it maximises is the expected length of its own run: with others who make μ blocks a second,
//!
//! ```text
//! value = max over own wins, d seconds from here, of exp(−μ d) × (1 + value after that win)
//! ```
//!
//! to a depth; beyond that, a state is worth as much as one that nobody looked at ([`Grind::around`]'s `share` says how much).
//! With a depth of one it takes the first win, as an honest staker does.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::consensus::pos::{Kernel, PosRules, Stakes, modifier, search};
use crate::consensus::{Action, Context, Engine, Event, OrderId, Outbox, SignOrder, Stake, Timer};
use crate::ledger::{Executed, ReadFailed};
use crate::sim::random::exp;
use crate::types::target::Target;
use crate::types::{Address, BlockId, Claim, CoinId, Draft, Hash, Seal, Time};

/// When the chosen win is due.
const WIN: Timer = Timer::Own(2);

/// Own wins that are weighed against each other at most.
pub const CHOICES_MAX: usize = 6;

/// Coins of an owner that are tried at most.
const COINS_MAX: usize = 4096;

/// How an attacker grinds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grinder {
    /// Own wins that it looks ahead: one is honest.
    pub depth: u32,
    /// Blocks that the others make in a second.
    pub others: f64,
    /// Its own share of the blocks as it expects it where it does not look.
    pub share: f64,
}

impl Grinder {
    /// For how many seconds it pays to look for another win: until the others have made three blocks, most likely.
    fn horizon(&self) -> u64 {
        (3.0 / self.others) as u64 // whole seconds of it
    }

    /// What a win is worth that comes after so many seconds and leads to a state of this value.
    pub fn worth(&self, seconds: u64, after: f64) -> f64 {
        exp(-self.others * seconds as f64) * (1.0 + after)
    }

    /// What a state is worth that it does not look into: the mean length of a run of independent wins.
    pub fn unseen(&self) -> f64 {
        self.share / (1.0 - self.share)
    }
}

/// A second, the coin that wins in it, and the coin's owner.
type Win = (u64, CoinId, Address);

/// Chooses among its own wins.
pub struct Grind {
    inner: Box<dyn Engine>,
    rules: Arc<PosRules>,
    stake: Stake,
    grinder: Grinder,
    /// The block that it builds on, and the win that it chose there.
    plan: Option<(BlockId, Option<Win>)>,
    /// The last second for which it asked for a signature.
    signed: u64,
    orders: u64,
    sealing: Option<(OrderId, Draft, Executed)>,
}

/// What stays the same while it looks ahead.
struct Outlook<'a> {
    rules: &'a PosRules,
    target: Target,
    grinder: Grinder,
}

/// A state that it looks at: its coins, the modifier, and the second of the last block.
#[derive(Clone)]
struct Position {
    stakes: Stakes,
    created: BTreeMap<CoinId, Time>,
    modifier: Hash,
    second: u64,
}

impl Outlook<'_> {
    /// The best own win from here, and what it is worth, by looking so many wins ahead.
    fn best(&self, at: &Position, from: u64, depth: u32) -> (f64, Option<(u64, CoinId)>) {
        if depth == 0 {
            return (self.grinder.unseen(), None);
        }
        let params = self.rules.params();
        let kernel = Kernel::new(&params.chain, &at.modifier);
        let (mut best, mut choices) = ((0.0, None), 0);
        for second in from..=at.second + self.grinder.horizon() {
            for coin in search(&kernel, &self.target, &params.ages, &at.stakes, second) {
                choices += 1;
                let after = match depth {
                    1 => self.grinder.unseen(),
                    _ => {
                        let next = at.after(&kernel, params.chain, second, &coin);
                        self.best(&next, second + 1, depth - 1).0
                    }
                };
                let worth = self.grinder.worth(second - at.second, after);
                if worth > best.0 {
                    best = (worth, Some((second, coin)));
                }
                if choices == CHOICES_MAX || depth == 1 {
                    return best;
                }
            }
        }
        best
    }
}

impl Position {
    /// The position after a win.
    fn after(
        &self,
        kernel: &Kernel,
        chain: crate::types::GenesisId,
        second: u64,
        coin: &CoinId,
    ) -> Self {
        let created = self.created.get(coin).copied().unwrap_or_default();
        let hash = kernel.hash(created, coin, second);
        let modifier = modifier::next(&chain, &self.modifier, &hash);
        let mut next = Self { modifier, second, ..self.clone() };
        next.stakes.remove(coin);
        next
    }
}

impl Grind {
    /// The engine, which stakes no more, and beside it a staker of `stake` that grinds, under the rules of stake of its
    /// chain.
    pub fn around(
        inner: Box<dyn Engine>,
        rules: Arc<PosRules>,
        stake: Stake,
        grinder: Grinder,
    ) -> Box<dyn Engine> {
        let (plan, sealing) = (None, None);
        Box::new(Self { inner, rules, stake, grinder, plan, signed: 0, orders: 0, sealing })
    }

    fn stake_for(&mut self, stake: Stake) {
        self.stake = stake;
        self.plan = None;
    }

    fn attempt(&mut self, cx: &Context<'_>, out: &mut Outbox) -> Result<(), ReadFailed> {
        if self.sealing.is_some() {
            return Ok(());
        }
        let (head, now) = (cx.tree.head(), cx.now.0 / 1000);
        let stale = match &self.plan {
            None => true,
            Some((on, chosen)) => *on != head.id || (chosen.is_none() && !cx.behind),
        };
        if stale {
            let chosen = self.choose(cx)?;
            self.plan = Some((head.id, chosen));
        }
        let Some((_, Some((second, coin, owner)))) = self.plan else {
            // Nothing before the others are likely to be quicker: look again then.
            let at = Time((now + self.grinder.horizon().max(1)) * 1000);
            out.push(Action::SetTimer { timer: WIN, at });
            return Ok(());
        };
        if second > now {
            out.push(Action::SetTimer { timer: WIN, at: Time(second * 1000) });
            return Ok(());
        }
        let claim = Claim::Stake { bits: self.rules.next_bits(&head.state)?, coin };
        let (time, taken) = (Time(second * 1000), Default::default());
        match cx.draft(head.as_ref(), time, owner, claim, &taken) {
            Ok((draft, executed)) => {
                let block = draft.id(&cx.tree.params().chain);
                self.orders += 1;
                self.signed = second;
                let order = OrderId(self.orders);
                out.push(Action::Sign(SignOrder { order, block, by: owner }));
                self.sealing = Some((order, draft, executed));
            }
            Err(error) => out.push(error.into()),
        }
        Ok(())
    }

    /// The win to wait for on the head.
    fn choose(&self, cx: &Context<'_>) -> Result<Option<Win>, ReadFailed> {
        let (head, now) = (cx.tree.head(), cx.now.0 / 1000);
        let (height, maturity) = (head.height().next(), self.rules.params().maturity);
        let (mut stakes, mut created) = (Stakes::default(), BTreeMap::new());
        let mut owners = BTreeMap::new();
        for owner in &self.stake.owners {
            for (id, coin) in head.state.coins_of(owner, None, COINS_MAX)? {
                if coin.spendable_from(maturity).is_some_and(|from| from <= height) {
                    stakes.insert(id, coin.amount, coin.time);
                    created.insert(id, coin.time);
                    owners.insert(id, *owner);
                }
            }
        }
        let front = self.rules.front(&head.state)?;
        let modifier = self.rules.modifier(&head.state)?;
        let from = (head.block.header.time.0 / 1000 + 1).max(self.signed + 1).max(now);
        // What has passed meanwhile is no risk any more.
        let at = Position { stakes, created, modifier, second: from - 1 };
        let outlook = Outlook { rules: &self.rules, target: front.target, grinder: self.grinder };
        let (_, chosen) = outlook.best(&at, from, self.grinder.depth);
        Ok(chosen.and_then(|(second, coin)| Some((second, coin, *owners.get(&coin)?))))
    }

    fn sealed(&mut self, order: OrderId, seal: Option<Seal>, cx: &Context<'_>, out: &mut Outbox) {
        let Some((_, draft, executed)) = self.sealing.take_if(|(at, ..)| *at == order) else {
            return;
        };
        self.plan = None;
        if let Some(seal) = seal
            && draft.header.parent == cx.tree.head().id
        {
            let id = draft.id(&cx.tree.params().chain);
            let (block, executed) = (Box::new(draft.seal(seal)), Box::new(executed));
            out.push(Action::Import { block, executed });
            out.push(Action::Announce(id));
        } else {
            out.push(Action::SetTimer { timer: WIN, at: cx.now });
        }
    }
}

impl Engine for Grind {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        if let Event::Signed { order, seal } = &event
            && self.sealing.as_ref().is_some_and(|(at, ..)| at == order)
        {
            return self.sealed(*order, seal.clone(), cx, out);
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
