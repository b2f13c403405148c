//! What a rule whose finality is depth can promise: agreement, as long as what correct nodes say reaches them soon.

use super::super::time::{Clock, Micros, Moment};
use super::{Act, Named, Scenario};
use crate::types::Span;

impl Scenario {
    /// Whether what somebody says takes longer to reach the others than the model allows a rule whose finality is depth:
    /// a quarter of the depth in block times ([`crate::sim::checks::Agreement`]), be it that lines are cut for so long or
    /// that clocks make blocks wait for so long. Then nobody judges agreement.
    pub fn is_outside(&self) -> bool {
        let consensus = self.options.spec.consensus();
        let Some(depth) = consensus.finality_depth() else { return false };
        let depth = Micros::millis(consensus.block_time().0).times(depth);
        // Where both kinds of blocks are made, neither may be further ahead than the other.
        let work = consensus.pow().map(|pow| pow.future_limit);
        let stake = consensus.pos().map(|pos| pos.max_drift);
        let allowed = work.into_iter().chain(stake).min().unwrap_or_default();
        self.longest_cut().max(self.longest_wait(allowed)) > Micros(depth.0 / 4)
    }

    /// The longest time for which some line is cut, by what is planned.
    fn longest_cut(&self) -> Micros {
        let mut open: Vec<Moment> = Vec::new();
        let mut longest = Micros(0);
        let end = Moment(0).after(self.duration);
        for event in &self.events {
            match &event.act {
                Act::Partition { lasts: Some(lasts), .. } => longest = longest.max(*lasts),
                Act::Partition { .. } => open.push(event.at),
                Act::Heal => {
                    let cuts = open.drain(..).map(|at| event.at.since(at));
                    longest = cuts.fold(longest, Micros::max);
                }
                _ => {}
            }
        }
        open.into_iter().map(|at| end.since(at)).fold(longest, Micros::max)
    }

    /// The longest time for which a block waits at a correct node because its maker's clock is ahead: by as much as that is
    /// more than consensus allows.
    ///
    /// Between two events clocks only drift, and the greatest difference of straight lines is greatest at an end.
    fn longest_wait(&self, allowed: Span) -> Micros {
        let begin = self.options.spec.genesis_time();
        let nodes = &self.options.nodes;
        let mut clocks: Vec<Clock> = nodes.iter().map(|it| Clock::new(begin, it.skew)).collect();
        let apart = |clocks: &[Clock], at: Moment| {
            let shown = clocks.iter().zip(nodes).filter(|(_, node)| node.decorate.is_none());
            let shown = shown.map(|(clock, node)| (clock.read(at), node.payout.is_some()));
            let shown: Vec<_> = shown.collect();
            let latest = shown.iter().filter(|(_, makes_blocks)| *makes_blocks).max();
            let (Some((latest, _)), Some((earliest, _))) = (latest, shown.iter().min()) else {
                return Micros(0);
            };
            Micros::millis(latest.0.saturating_sub(earliest.after(allowed).0))
        };
        let mut longest = apart(&clocks, Moment(0));
        let mut down: Vec<usize> = Vec::new();
        for event in &self.events {
            longest = longest.max(apart(&clocks, event.at));
            match &event.act {
                Act::Clock(nodes, by_ms) => {
                    nodes.iter().for_each(|node| clocks[*node].jump(event.at, *by_ms));
                }
                Act::Drift(nodes, ppm) => {
                    nodes.iter().for_each(|node| clocks[*node].drift(event.at, *ppm));
                }
                Act::Crash { nodes, .. } => {
                    down.extend(nodes.numbers());
                    continue;
                }
                Act::Restart(who) => {
                    // Nobody leads where blocks wait, so whoever died had a number.
                    let all = who.0.contains(&Named::Crashed).then(|| std::mem::take(&mut down));
                    let nodes = who.numbers().chain(all.unwrap_or_default());
                    nodes.for_each(|node| clocks[node].restart(event.at));
                }
                _ => continue,
            }
            longest = longest.max(apart(&clocks, event.at));
        }
        longest.max(apart(&clocks, Moment(0).after(self.duration)))
    }
}
