//! Running a scenario.

use super::super::acts::{CutId, Refused};
use super::super::checks::all;
use super::super::host::Sim;
use super::super::load::Load;
use super::super::market::Market;
use super::super::metrics::{Metric, Part, Record, Recorder};
use super::super::time::{Micros, Moment};
use super::super::watch::{Violation, Watch};
use super::expect::{Evidence, Judged, What};
use super::recording::Checkpoint;
use super::spending::twice;
use super::who::{Who, sides};
use super::{Act, Event, Scenario};
use crate::types::BlockId;

/// How often it is looked whether nodes have converged.
const LOOK_EVERY: Micros = Micros::millis(100);

/// In how many parts a run is divided by checkpoints.
const CHECKPOINTS: u64 = 100;

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What must never have happened and did.
    pub violations: Vec<Violation>,
    /// What is violated because the scenario shows how that comes ([`What::Violation`]).
    pub foreseen: Vec<Violation>,
    /// Whether it is outside the model ([`Scenario::is_outside`]), so that nobody judged agreement.
    pub outside: bool,
    /// What became of each expectation, in the order of the file.
    pub expect: Vec<Judged>,
    /// The figures of the whole run, but for those that are somebody's.
    pub metrics: Vec<(&'static str, Option<f64>)>,
    /// Events that happened.
    pub events: u64,
    /// How long it lasted.
    pub lasted: Micros,
    /// The digest of all events.
    pub digest: blake3::Hash,
    /// The digest on the way.
    pub checkpoints: Vec<Checkpoint>,
    /// The head of the main chain at the end: that of most correct nodes.
    pub head: BlockId,
    /// Everything that was written down.
    pub record: Record,
}

impl Outcome {
    /// Whether nothing was violated and all is as expected.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.expect.iter().all(|judged| judged.ok)
    }
}

/// A scenario in which something was to happen that cannot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: with seed {seed}, {refused}")]
pub struct Impossible {
    /// The scenario.
    pub file: String,
    /// The line of the event.
    pub line: usize,
    /// The seed.
    pub seed: u64,
    /// What is impossible, when, and why.
    pub refused: Refused,
}

/// Runs a scenario with a seed.
///
/// # Errors
///
/// An event that is impossible when its time comes.
pub fn run(scenario: &Scenario, seed: u64) -> Result<Outcome, Impossible> {
    run_events(scenario, seed, &scenario.events)
}

/// The same with other events.
pub(super) fn run_events(
    scenario: &Scenario,
    seed: u64,
    events: &[Event],
) -> Result<Outcome, Impossible> {
    let options = scenario.options(seed);
    let outside = scenario.is_outside();
    let recorder = Recorder::default();
    let mut watchers = all(&options.spec, outside);
    watchers.push(Box::new(recorder.clone()));
    let mut runner = Runner::new(scenario, options, watchers, recorder, events);
    runner.run()?;
    let Runner { mut sim, recorder, converged, checkpoints, .. } = runner;
    sim.look();
    let head = main_head(&sim);
    recorder.record().ended_at = sim.now();
    let record = recorder.record().clone();
    let violations = sim.violations().to_vec();
    let evidence = Evidence {
        scenario,
        record: &record,
        head,
        violations: &violations,
        converged: &converged,
    };
    let judge = |(index, expect): (usize, &super::Expect)| expect.judge(index, &evidence);
    let expect = scenario.expects.iter().enumerate().map(judge).collect();
    let whole = Part { from: Moment(0), until: Moment::NEVER, producers: &[] };
    let measured = Metric::ALL.into_iter().filter(|(_, metric)| !metric.is_of_somebody());
    let metrics =
        measured.map(|(name, metric)| (name, metric.measure(&record, &head, &whole))).collect();
    let foreseen =
        |violation: &Violation| scenario.expects.iter().any(|expect| expect.foresees(violation));
    let (foreseen, violations) = violations.into_iter().partition(foreseen);
    Ok(Outcome {
        seed,
        outside,
        expect,
        metrics,
        events: sim.events(),
        lasted: sim.now().since(Moment(0)),
        digest: sim.digest(),
        checkpoints,
        head,
        violations,
        foreseen,
        record,
    })
}

/// The heads of all correct nodes that run.
fn heads(sim: &Sim) -> impl Iterator<Item = BlockId> {
    let scene = sim.scene();
    (0..sim.nodes()).filter_map(move |node| Some(scene.correct(node)?.tree().head().id))
}

/// The head of most correct nodes; of several, the one that the first of them has.
fn main_head(sim: &Sim) -> BlockId {
    let mut counted: Vec<(BlockId, usize)> = Vec::new();
    for head in heads(sim) {
        match counted.iter_mut().find(|(id, _)| *id == head) {
            Some((_, count)) => *count += 1,
            None => counted.push((head, 1)),
        }
    }
    let most = counted.iter().map(|(_, count)| *count).max();
    let first = counted.into_iter().find(|(_, count)| Some(*count) == most);
    first.map_or_else(BlockId::default, |(id, _)| id)
}

/// Whether all correct nodes that run have one head.
fn is_converged(sim: &Sim) -> bool {
    let mut heads = heads(sim);
    let first = heads.next();
    first.is_some() && heads.all(|head| Some(head) == first)
}

struct Runner<'a> {
    scenario: &'a Scenario,
    seed: u64,
    sim: Sim,
    recorder: Recorder,
    load: Load,
    market: Option<Market>,
    /// What is yet to happen, the latest first.
    events: Vec<Event>,
    /// Cuts that hold, and when each heals by itself.
    cuts: Vec<(CutId, Option<Moment>)>,
    /// For each expectation: when its convergence came.
    converged: Vec<Option<Moment>>,
    checkpoints: Vec<Checkpoint>,
    next_checkpoint: Moment,
}

impl<'a> Runner<'a> {
    fn new(
        scenario: &'a Scenario,
        options: super::Options,
        watchers: Vec<Box<dyn Watch>>,
        recorder: Recorder,
        events: &[Event],
    ) -> Self {
        let seed = options.seed;
        let sim = match Sim::watched(options, watchers) {
            Ok(sim) => sim,
            Err(error) => unreachable!("a store that is empty and in memory opens: {error}"),
        };
        let mut events = events.to_vec();
        events.reverse();
        let load = Load::new(seed, scenario.payments_per_second, Moment(0))
            .with_council(scenario.council.clone());
        Self {
            scenario,
            seed,
            sim,
            recorder,
            load,
            market: scenario.market(),
            events,
            cuts: Vec::new(),
            converged: vec![None; scenario.expects.len()],
            checkpoints: Vec::new(),
            next_checkpoint: Moment(0),
        }
    }

    fn run(&mut self) -> Result<(), Impossible> {
        let end = Moment(0).after(self.scenario.duration);
        let part = Micros(self.scenario.duration.0.div_ceil(CHECKPOINTS).max(1));
        self.next_checkpoint = Moment(0).after(part);
        loop {
            let begins = self.events.last().map(|event| event.at);
            let heals = self.cuts.iter().filter_map(|(_, until)| *until).min();
            let (pays, checks) = (self.load.next(), self.next_checkpoint);
            let looks = self.next_look();
            let trades = self.market.as_ref().map(Market::next);
            let next = [begins, heals, looks, trades, Some(pays), Some(checks)];
            let next = next.into_iter().flatten().min().unwrap_or(end);
            if next > end {
                break;
            }
            self.sim.run_until(next);
            if heals == Some(next) {
                self.heal_what_is_due(next);
            } else if begins == Some(next) {
                if let Some(event) = self.events.pop() {
                    self.happen(&event)?;
                }
            } else if pays == next {
                self.load.pay(&mut self.sim);
            } else if looks == Some(next) {
                self.look(next);
            } else if trades == Some(next) {
                let seen = self.market.as_mut().and_then(|market| market.look(&mut self.sim));
                seen.into_iter().for_each(|sample| self.recorder.record().traded(sample));
            } else {
                let (events, digest) = (self.sim.events(), self.sim.digest());
                self.checkpoints.push(Checkpoint { at: next, events, digest });
                self.next_checkpoint = next.after(part);
            }
        }
        self.sim.run_until(end);
        Ok(())
    }

    /// When somebody wants to know next whether nodes have converged.
    fn next_look(&self) -> Option<Moment> {
        let now = self.sim.now();
        let open = self.scenario.expects.iter().zip(&self.converged);
        let next = open.filter_map(|(expect, met)| match &expect.what {
            What::Converged { within, after } if met.is_none() => {
                // One look at the moment itself, then every so often, up to the limit.
                let passed = now.since(*after).0 / LOOK_EVERY.0;
                let next = match now < *after {
                    true => *after,
                    false => after.after(LOOK_EVERY.times(passed + 1)),
                };
                (next <= after.after(*within)).then_some(next)
            }
            _ => None,
        });
        next.min()
    }

    fn look(&mut self, now: Moment) {
        let converged = is_converged(&self.sim);
        for (expect, met) in self.scenario.expects.iter().zip(&mut self.converged) {
            if let What::Converged { within, after } = &expect.what
                && converged
                && met.is_none()
                && (*after..=after.after(*within)).contains(&now)
            {
                *met = Some(now);
            }
        }
    }

    fn heal_what_is_due(&mut self, now: Moment) {
        let (due, on): (Vec<_>, Vec<_>) = std::mem::take(&mut self.cuts)
            .into_iter()
            .partition(|(_, until)| until.is_some_and(|until| until <= now));
        self.cuts = on;
        for (cut, _) in due {
            // It is in the list, so it holds.
            let _ = self.sim.heal(cut);
        }
    }

    fn happen(&mut self, event: &Event) -> Result<(), Impossible> {
        self.act(&event.act).map_err(|refused| Impossible {
            file: self.scenario.file.clone(),
            line: event.line,
            seed: self.seed,
            refused,
        })
    }

    fn act(&mut self, act: &Act) -> Result<(), Refused> {
        let leader = self.recorder.record().leading.leader();
        let sim = &mut self.sim;
        let refuse = |sim: &Sim, what: &str, why: String| {
            Err(Refused { at: sim.now(), what: what.into(), why })
        };
        let find = |sim: &Sim, who: &Who| {
            let found = who.find(sim, leader, &[]);
            found.map_err(|why| Refused {
                at: sim.now(),
                what: format!("{} {who}", act.word()),
                why,
            })
        };
        match act {
            Act::Partition { groups, one_way, lasts } => {
                let until = lasts.map(|lasts| sim.now().after(lasts));
                let groups = match sides(sim, leader, groups) {
                    Ok(groups) => groups,
                    Err(why) => return refuse(sim, "partition", why),
                };
                for (index, side) in groups.iter().enumerate() {
                    for other in &groups[index + 1..] {
                        self.cuts.push((sim.cut(side, other, *one_way)?, until));
                    }
                }
                Ok(())
            }
            Act::Heal if self.cuts.is_empty() => refuse(sim, "heal", "nothing is cut".into()),
            Act::Heal => {
                let cuts = std::mem::take(&mut self.cuts);
                cuts.into_iter().try_for_each(|(cut, _)| sim.heal(cut))
            }
            Act::Crash { nodes, outputs } => {
                find(sim, nodes)?.into_iter().try_for_each(|node| match outputs {
                    Some(outputs) => sim.crash_after(node, *outputs),
                    None => sim.crash(node),
                })
            }
            Act::Restart(nodes) => {
                find(sim, nodes)?.into_iter().try_for_each(|node| sim.restart(node))
            }
            Act::Pause(nodes) => find(sim, nodes)?.into_iter().try_for_each(|node| sim.pause(node)),
            Act::Resume(nodes) => {
                find(sim, nodes)?.into_iter().try_for_each(|node| sim.resume(node))
            }
            Act::Clock(nodes, by_ms) => {
                nodes.iter().try_for_each(|node| sim.jump_clock(*node, *by_ms))
            }
            Act::Drift(nodes, ppm) => nodes.iter().try_for_each(|node| sim.set_drift(*node, *ppm)),
            Act::Power(nodes, times) => nodes.iter().try_for_each(|node| {
                let before = sim.options().nodes.get(*node).map_or(0.0, |it| it.hash_rate);
                sim.set_hash_rate(*node, before * times)
            }),
            Act::Price(to) => {
                // A file with such an event has a market.
                self.market.iter_mut().for_each(|market| market.set_price(*to));
                Ok(())
            }
            Act::Disk(nodes, sync) => {
                find(sim, nodes)?.into_iter().try_for_each(|node| sim.set_sync(node, *sync))
            }
            Act::Links(None, link) => {
                sim.set_links(*link);
                Ok(())
            }
            Act::Links(Some(nodes), link) => {
                find(sim, nodes)?.into_iter().try_for_each(|node| sim.set_links_of(node, *link))
            }
            Act::DoubleSpend { node, rival, confirmations } => {
                let (payment, back, watched) = match twice(sim, *node, *rival, *confirmations) {
                    Ok(made) => made,
                    Err(why) => return refuse(sim, "spend a coin twice", why),
                };
                self.recorder.record().double_spends.push(watched);
                sim.submit(*rival, vec![back]);
                sim.submit(*node, vec![payment]);
                Ok(())
            }
        }
    }
}
