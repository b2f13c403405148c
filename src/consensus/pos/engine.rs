//! The acting half of coin-age stake: one try per coin and second on the best branch.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::coins::Coins;
use super::{Front, PosRules, Stakes, search};
use crate::consensus::{
    Action, Context, Engine, Event, OrderId, Outbox, Record, Report, SignOrder, Stake, Timer,
};
use crate::ledger::{Executed, ReadFailed};
use crate::types::canary::{Bug, planted};
use crate::types::{BlockId, Bounded, Claim, CoinId, Draft, Seal, Time, decode, encode};

/// Seconds that were missed are made up for so far back: while a block was on its way, or the node was busy.
pub(super) const BACK_SECONDS: u64 = 60;

/// Seconds ahead that are tried at once on a new head. Each further time it is twice as many, so that a quiet chain wakes
/// seldom and a quick one tries little in vain, …
const AHEAD_SECONDS: u64 = 8;

/// … up to so many.
const AHEAD_SECONDS_MAX: u64 = 64;

/// Tries that are made ahead at once at most: about a millisecond.
const AHEAD_TRIES: u64 = 1 << 14;

/// The second in which this node last asked for a signature: it never asks for another one in that second or before it,
/// so no coin can seal two blocks in one second, whatever crashes in between.
pub(super) fn signed_record() -> Record {
    Record(Bounded::truncated(b"stake/signed".to_vec()))
}

/// When a second is tried.
pub(in crate::consensus) const TICK: Timer = Timer::Own(0);

/// Stakes the coins of whoever is named to it; silent otherwise.
#[derive(Debug)]
pub struct PosEngine {
    rules: Arc<PosRules>,
    stake: Option<Stake>,
    coins: Coins,
    /// What is tried on which block.
    front: Option<(BlockId, Front, Stakes)>,
    /// The last second that was tried on it, which may be one to come.
    tried: u64,
    /// The coin that wins in that second, if one does and it has not come yet.
    winner: Option<CoinId>,
    /// How many seconds ahead are tried next.
    ahead: u64,
    /// The last second for which a signature was asked.
    signed: u64,
    orders: u64,
    sealing: Option<(OrderId, Draft, Executed)>,
    /// What was promised before cannot be read: nothing is signed.
    unreadable: bool,
}

impl PosEngine {
    /// An engine that stakes for `stake`, or for nobody.
    pub fn new(rules: Arc<PosRules>, stake: Option<Stake>) -> Self {
        Self {
            rules,
            stake,
            coins: Coins::default(),
            front: None,
            tried: 0,
            winner: None,
            ahead: AHEAD_SECONDS,
            signed: 0,
            orders: 0,
            sealing: None,
            unreadable: false,
        }
    }

    fn start(&mut self, saved: &[(Record, Vec<u8>)], cx: &Context<'_>, out: &mut Outbox) {
        let mine = saved.iter().find(|(record, _)| *record == signed_record());
        match mine.map(|(_, bytes)| decode(bytes)) {
            None => {}
            Some(Ok(signed)) => self.signed = signed,
            Some(Err(_)) => {
                self.unreadable = true;
                let record = "stake/signed".into();
                out.push(Action::Report(Report::Unreadable { record }));
            }
        }
        // Whatever this machine signed in an earlier life of its disk, it signed before now.
        self.signed = self.signed.max(cx.now.0 / 1000);
    }

    /// Makes the block of a second that is due and wins, and asks to be woken when there is more to do.
    fn attempt(&mut self, cx: &Context<'_>, out: &mut Outbox) {
        if self.stake.is_none() || self.unreadable {
            return;
        }
        let now = cx.now.0 / 1000;
        let mut wake = |second: u64| {
            let at = Time(second.saturating_mul(1000));
            out.push(Action::SetTimer { timer: TICK, at });
        };
        if cx.tree.is_overfull() {
            wake(now + 1);
            return out.push(Action::Report(Report::TooManyUnfinal { blocks: cx.tree.len() }));
        }
        if cx.behind || self.sealing.is_some() {
            return wake(now + 1);
        }
        if let Err(error) = self.look(cx) {
            wake(now + 1);
            return out.push(Action::Fail(error));
        }
        self.search(cx);
        match self.winner.take_if(|_| self.tried <= now) {
            Some(coin) => {
                wake(now + 1);
                self.seal(self.tried, coin, cx, out);
            }
            None if self.winner.is_some() => wake(self.tried),
            None => wake(self.tried.max(now) + 1),
        }
    }

    /// Tries the seconds that are due and some ahead, up to the first in which a coin wins. A second's luck depends on
    /// nothing but the head, so it is the same whenever it is tried.
    fn search(&mut self, cx: &Context<'_>) {
        let Some((_, front, stakes)) = &self.front else { return };
        let now = cx.now.0 / 1000;
        let least = (cx.tree.head().block.header.time.0 / 1000 + 1)
            .max(self.signed + 1)
            .max(now.saturating_sub(BACK_SECONDS));
        if self.winner.is_some() && self.tried >= least {
            return;
        }
        self.winner = None;
        let ahead = self.ahead.min(AHEAD_TRIES / (stakes.len() as u64).max(1)); // a length fits 64 bits
        self.ahead = (2 * self.ahead).min(AHEAD_SECONDS_MAX);
        let ages = &self.rules.params().ages;
        let (from, to) = (least.max(self.tried + 1), now.saturating_add(ahead));
        let hit = (from..=to).find_map(|second| {
            let hits = search(&front.kernel, &front.target, ages, stakes, second);
            let any = stakes.iter().next().filter(|_| planted(Bug::KernelUnchecked));
            hits.first().or(any.map(|(coin, ..)| coin)).map(|coin| (second, *coin))
        });
        self.tried = self.tried.max(hit.map_or(to, |(second, _)| second));
        self.winner = hit.map(|(_, coin)| coin);
    }

    /// Brings coins and kernel in line with the head.
    fn look(&mut self, cx: &Context<'_>) -> Result<(), ReadFailed> {
        let (head, Some(stake)) = (cx.tree.head(), &self.stake) else { return Ok(()) };
        if self.front.as_ref().is_some_and(|(at, ..)| *at == head.id) {
            return Ok(());
        }
        self.coins.follow(stake, cx.tree, None)?;
        let front = self.rules.front(&head.state)?;
        let stakes = self.coins.stakes(&self.rules, head.height().next(), stake.reserve);
        self.front = Some((head.id, front, stakes));
        (self.tried, self.winner, self.ahead) = (0, None, AHEAD_SECONDS);
        Ok(())
    }

    /// Makes the block that a coin won and asks its owner to sign it.
    fn seal(&mut self, second: u64, coin: CoinId, cx: &Context<'_>, out: &mut Outbox) {
        let Some(owner) = self.coins.get(&coin).map(|coin| coin.owner) else { return };
        let Some((_, front, _)) = &self.front else { return };
        let (head, claim) = (cx.tree.head(), Claim::Stake { bits: front.bits, coin });
        let time = Time(second * 1000);
        let (draft, executed) = match cx.draft(head.as_ref(), time, owner, claim, &BTreeSet::new())
        {
            Ok(made) => made,
            Err(error) => {
                return out.push(Action::Report(Report::DraftFailed(error.to_string())));
            }
        };
        let block = draft.id(&cx.tree.params().chain);
        let transactions = draft.body.transactions.len();
        self.signed = second;
        out.push(Action::Persist { record: signed_record(), bytes: encode(&second) });
        out.push(Action::Report(Report::Drafted { block, transactions }));
        self.orders += 1;
        let order = OrderId(self.orders);
        out.push(Action::Sign(SignOrder { order, block, by: owner }));
        self.sealing = Some((order, draft, executed));
    }

    /// The owner signed, or is not here any more.
    fn sealed(&mut self, order: OrderId, seal: Option<Seal>, cx: &Context<'_>, out: &mut Outbox) {
        let Some((_, draft, executed)) = self.sealing.take_if(|(at, ..)| *at == order) else {
            return;
        };
        if let Some(seal) = seal
            && draft.header.parent == cx.tree.head().id
        {
            let id = draft.id(&cx.tree.params().chain);
            let (block, executed) = (Box::new(draft.seal(seal)), Box::new(executed));
            out.push(Action::Import { block, executed });
            out.push(Action::Announce(id));
        } else {
            self.attempt(cx, out);
        }
    }

    /// The coins as they were last seen.
    #[cfg(test)]
    pub(super) fn coins(&self) -> &Coins {
        &self.coins
    }

    /// How many coins are tried on the head as it was last seen.
    pub fn trying(&self) -> usize {
        self.front.as_ref().map_or(0, |(_, _, stakes)| stakes.len())
    }
}

impl Engine for PosEngine {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        match event {
            Event::Start { saved } => {
                self.start(&saved, cx, out);
                self.attempt(cx, out);
            }
            Event::Imported(imported) => {
                let Some(moved) = &imported.moved else { return };
                if let Some(stake) = &self.stake
                    && let Err(error) = self.coins.follow(stake, cx.tree, Some(moved))
                {
                    return out.push(Action::Fail(error));
                }
                self.attempt(cx, out);
            }
            Event::Elapsed(timer) if timer == TICK => self.attempt(cx, out),
            Event::Signed { order, seal } => self.sealed(order, seal, cx, out),
            Event::Stake(stake) => {
                self.stake = stake;
                // So do other nodes that these coins were staked on before.
                self.signed = self.signed.max(cx.now.0 / 1000);
                self.coins.forget();
                (self.front, self.sealing) = (None, None);
                self.attempt(cx, out);
            }
            Event::Read { ticket } => {
                let outcome = Err("stake has no reads that everybody agrees on: read here, and \
                                   wait for what must not change to be final"
                    .into());
                out.push(Action::Answer { ticket, outcome });
            }
            Event::Elapsed(_)
            | Event::Found { .. }
            | Event::PoolFilled
            | Event::Payout(_)
            | Event::Received { .. }
            | Event::Verified { .. } => {}
        }
    }
}
