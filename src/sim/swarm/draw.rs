//! What a seed draws.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

use super::super::attackers::{Attack, Falsehood};
use super::super::faults::{Fault, Script, Timed};
use super::super::link::{Latency, LinkModel, Mode};
use super::super::options::Options;
use super::super::random::Dice;
use super::super::regions::Region;
use super::super::time::{Micros, Moment, Skew};
use super::super::topology::Topology;
use crate::spec::{Consensus, DevAccount, ENGINES, Owner, Spec, find};
use crate::types::Span;

/// Nodes in a swarm.
pub const NODES: usize = 5;

/// Faults that a script has at most, of each kind.
const FAULTS_MAX: u64 = 3;

/// How long the first phase is at least, in seconds, and how much longer it may be.
const PHASE: (u64, u64) = (30, 40);

/// One of how many runs is parted for longer than the model allows.
const OUTSIDE_ONE_OF: u64 = 20;

/// A swarm run, all of it.
#[derive(Debug, Clone)]
pub struct Draw {
    /// The simulation.
    pub options: Options,
    /// What goes wrong.
    pub script: Script,
    /// When everything is healed.
    pub heals_at: Moment,
    /// How links are from then on.
    pub healed: LinkModel,
    /// How much is paid.
    pub payments_per_second: f64,
    /// Who has wishes about authorities ([`Load::with_council`](crate::sim::Load::with_council)); nobody, where it is empty.
    pub council: Vec<DevAccount>,
    /// Who stands as a delegate where people vote ([`Load::with_candidates`](crate::sim::Load::with_candidates)); nobody, where
    /// it is empty.
    pub candidates: Vec<DevAccount>,
    /// Which node does what its rule does not say, and what that is; nobody, where none may.
    pub liar: Option<(usize, &'static str)>,
    /// Whether the network is parted for longer than the model allows.
    pub outside: bool,
    /// The name under which the command line knows the swarm of this rule: one of [`SWARMS`].
    pub name: &'static str,
}

impl fmt::Display for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { nodes, link, topology, costs, .. } = &self.options;
        write!(f, "{} nodes, {topology:?}, {link:?}, {costs:?}, ", nodes.len())?;
        write!(
            f,
            "{:.2} payments per second, healed at {}",
            self.payments_per_second, self.heals_at
        )?;
        if self.outside {
            write!(f, ", parted for longer than a quarter of the final depth: outside the model")?;
        }
        if !self.council.is_empty() {
            write!(f, ", authorities change")?;
        }
        if !self.candidates.is_empty() {
            write!(f, ", delegates are voted for")?;
        }
        if let Some((node, what)) = self.liar {
            write!(f, ", node {node} {what}")?;
        }
        let skews = nodes.iter().map(|node| (node.skew.offset_ms, node.skew.drift_ppm));
        write!(f, ", clocks {:?}", skews.collect::<Vec<_>>())
    }
}

/// What the chain is called on which as many delegates are in force at most as there are nodes, and one of these has none.
const ELECTION: &str = "dpos-elected";

/// How it differs from the one for development: in numbers, so that what few nodes do decides.
const ELECTED: [(&str, &str); 5] = [
    (", \"erin\", \"frank\", \"grace\"]", "]"),
    ("delegates = 7 ", "delegates = 5 "),
    ("votes_max = 7 ", "votes_max = 3 "),
    ("deposit = \"1_000\" ", "deposit = \"1_000\"\nunbonding = 8 "),
    ("inactive_after = 3 ", "inactive_after = 2 "),
];

/// The shipped chains for development, under the names of their rules. Reading a spec takes longer than a short run.
fn spec(engine: &str) -> Option<Spec> {
    static SPECS: OnceLock<BTreeMap<&'static str, Spec>> = OnceLock::new();
    let read = || {
        let text = |name: &str| find(name).expect("every rule has a shipped chain for development");
        let parse = |name: &str, text: &str| {
            Spec::parse(name, text).expect("a test reads every shipped spec")
        };
        let spec = |engine: &&'static str| {
            let name = format!("{engine}-dev");
            (*engine, parse(&name, text(&name)))
        };
        let mut specs: BTreeMap<&'static str, Spec> = ENGINES.iter().map(spec).collect();
        let mut elected = text("dpos-dev").to_owned();
        for (from, to) in ELECTED {
            elected = elected.replacen(from, to, 1);
        }
        specs.insert(ELECTION, parse(ELECTION, &elected));
        specs
    };
    SPECS.get_or_init(read).get(engine).cloned()
}

/// Rules with a swarm, each under its name on the command line: `swarm` is proof of work's.
pub const SWARMS: [(&str, &str); ENGINES.len()] = [
    ("swarm", "pow"),
    ("swarm-pos", "pos"),
    ("swarm-hybrid", "hybrid"),
    ("swarm-dpos", "dpos"),
    ("swarm-poa", "poa"),
    ("swarm-pbft", "pbft"),
    ("swarm-raft", "raft"),
    ("swarm-paxos", "paxos"),
];

/// What the swarm of a rule is called.
fn name(engine: &str) -> &'static str {
    SWARMS.iter().find(|(_, rule)| *rule == engine).map_or("swarm", |(name, _)| name)
}

/// Draws what a seed stands for under a rule.
///
/// # Panics
///
/// If this version has no such rule.
pub fn draw(engine: &str, seed: u64) -> Draw {
    let mut dice = Dice::new(seed, "swarm");
    // Whether people vote is drawn apart, so that what else a seed draws is as before.
    let votes = engine == "dpos" && Dice::new(seed, "swarm votes").chance(0.5);
    let spec = spec(if votes { ELECTION } else { engine });
    let spec = spec.expect("the caller asks for a rule that is built");
    let tries = 10 + u32::try_from(dice.below(55)).expect("below 55");
    let mut options = Options::seated(seed, spec, NODES, tries);
    let healed = options.link;
    // Authorities talk to each other directly.
    if dice.chance(0.3) && options.spec.consensus().authorities().is_none() {
        options.topology = Topology::Random { outbound: 2 };
    }
    options.link = draw_link(&mut dice);
    let slow = dice.chance(0.2);
    options.costs.sync = if slow { Micros::millis(dice.below(30)) } else { options.costs.sync };
    let skewed = dice.chance(0.5);
    let total: f64 = options.nodes.iter().map(|node| node.hash_rate).sum();
    let shares: Vec<f64> = (0..NODES).map(|_| 0.2 + dice.unit()).collect();
    for (node, share) in options.nodes.iter_mut().zip(&shares) {
        node.region = Region::draw(&mut dice);
        node.hash_rate = total * share / shares.iter().sum::<f64>();
        if skewed {
            let offset_ms = signed(&mut dice, 1500);
            node.skew = Skew { offset_ms, drift_ppm: signed(&mut dice, 500) };
        }
    }
    let phase = Micros::seconds(PHASE.0 + dice.below(PHASE.1));
    let heals_at = Moment(0).after(phase);
    let consensus = options.spec.consensus();
    // Finality by depth is good for as long as a quarter of the depth takes; what is agreed on, for good.
    let depth = consensus.finality_depth().map(|depth| depth / 4);
    let inside = depth.map(|blocks| Micros::millis(consensus.block_time().0).times(blocks));
    let outside = dice.below(OUTSIDE_ONE_OF) == 0 && inside.is_some();
    let inside = inside.unwrap_or(phase);
    let script = draw_script(&mut dice, phase, inside, outside);
    let payments_per_second = if dice.chance(0.7) { dice.unit() } else { 0.0 };
    let name = name(options.spec.consensus().engine());
    // Blocks of what is agreed on follow what there is to do.
    let authorities = options.spec.consensus().authorities();
    let busier = if authorities.is_some() { 5.0 } else { 1.0 };
    let payments_per_second = busier * payments_per_second;
    let mut council = Vec::new();
    let changes = authorities.filter(|_| dice.chance(0.5));
    // Delegates are elected, and not by each other.
    let changes = changes.filter(|_| options.spec.consensus().engine() != "dpos");
    if let Some(authorities) = changes {
        council = authorities.iter().filter_map(Owner::dev).take(NODES).collect();
    }
    // Some of those who agree though some lie have one that does. How is drawn apart.
    let mut liar = None;
    if let Consensus::Pbft(pbft) = options.spec.consensus().clone() {
        let mut dice = Dice::new(seed, "swarm liars");
        if dice.chance(0.6) {
            // Where it is one of four it stays one of four.
            council.clear();
            let authorities = pbft.authorities.set();
            let seats = options.nodes.iter().enumerate();
            let seats = seats.filter(|(_, node)| {
                let own = node.key.as_ref().map(|key| key.address());
                own.is_some_and(|own| authorities.contains(&own))
            });
            let seats: Vec<usize> = seats.map(|(node, _)| node).collect();
            let node = seats[dice.index(seats.len())];
            let (name, attack) = draw_attack(&mut dice, phase);
            let alone = BTreeSet::new();
            let attack = attack.decorate(&options.spec, &options.nodes[node], &alone, seed);
            options.nodes[node].decorate = Some(attack);
            liar = Some((node, name));
        }
    }
    let mut candidates = Vec::new();
    if votes {
        candidates.extend(DevAccount::all().take(NODES));
        for (node, of) in options.nodes.iter_mut().zip(&candidates) {
            node.key = Some(of.keypair());
        }
    }
    let payments_per_second = if votes { 0.5 + payments_per_second } else { payments_per_second };
    Draw {
        options,
        script,
        heals_at,
        healed,
        payments_per_second,
        council,
        candidates,
        liar,
        outside,
        name,
    }
}

/// What an authority does that lies, in words as well.
fn draw_attack(dice: &mut Dice, phase: Micros) -> (&'static str, Attack) {
    match dice.below(5) {
        0 => ("says two things", Attack::Equivocate),
        1 => ("is silent", Attack::Silent(Span(0), Span(phase.0 / 1000))),
        2 => ("says everything late", Attack::Delay(Span(dice.below(3000)))),
        _ => {
            let all = Falsehood::ALL.into_iter();
            let mut about: Vec<Falsehood> = all.filter(|_| dice.chance(0.5)).collect();
            if about.is_empty() {
                about.push(Falsehood::Voted);
            }
            ("lies", Attack::Lie(about, dice.unit()))
        }
    }
}

/// A number from −`most` to `most`.
fn signed(dice: &mut Dice, most: u32) -> i64 {
    let number = dice.below(2 * u64::from(most) + 1);
    i64::try_from(number).expect("as small as that") - i64::from(most)
}

fn draw_link(dice: &mut Dice) -> LinkModel {
    let median = Micros::millis(1 + dice.below(200));
    let latency = match dice.below(5) {
        0 => Latency::Constant(median),
        1 => Latency::Uniform { from: Micros(0), to: median.times(2) },
        2 => Latency::Normal { mean: median, deviation: Micros(median.0 / 3) },
        3 => Latency::LogNormal { median, sigma: dice.unit() },
        _ => Latency::Regions { sigma: dice.unit() / 2.0 },
    };
    let mode = if dice.chance(0.3) { Mode::Datagram } else { Mode::Stream };
    let mut sometimes = |most: f64| if dice.chance(0.5) { dice.unit() * most } else { 0.0 };
    let (loss, duplicate, reorder) = (sometimes(0.1), sometimes(0.1), sometimes(0.3));
    let bandwidth = dice.chance(0.3).then(|| 100_000 + dice.below(10_000_000));
    LinkModel { latency, bandwidth, loss, duplicate, reorder, mode }
}

fn draw_script(dice: &mut Dice, phase: Micros, inside: Micros, outside: bool) -> Script {
    let mut script = Vec::new();
    // Which kinds of faults there are is drawn too: what never happens together is found by few runs otherwise.
    for kind in 0..6 {
        if !dice.chance(0.5) {
            continue;
        }
        for _ in 0..1 + dice.below(FAULTS_MAX) {
            let at = Moment(dice.below(phase.0));
            let lasts = Micros(1 + dice.below(Micros::seconds(20).0));
            let fault = draw_fault(dice, kind);
            script.push(Timed { at, lasts, fault });
        }
    }
    let cuts = if outside { 1 } else { dice.below(3) };
    let share = phase.0 / cuts.max(1);
    for n in 0..cuts {
        // One after the other, with time enough in between to meet again.
        let lasts = match outside {
            true => Micros(phase.0 / 2 + dice.below(phase.0 / 4)),
            false => Micros(1 + dice.below(inside.0.min(share / 2))),
        };
        let at = Moment(n * share + dice.below((share / 2).min(share - lasts.0.min(share))));
        let mut nodes: Vec<usize> = (0..NODES).collect();
        dice.shuffle(&mut nodes);
        nodes.truncate(1 + dice.index(NODES - 1));
        script.push(Timed { at, lasts, fault: Fault::Cut { nodes, one_way: dice.chance(0.3) } });
    }
    script.sort_by_key(|timed| timed.at);
    script
}

fn draw_fault(dice: &mut Dice, kind: u8) -> Fault {
    let node = dice.index(NODES);
    match kind {
        0 => {
            let outputs = dice.chance(0.7).then(|| dice.below(60));
            Fault::Crash { node, outputs }
        }
        1 => Fault::Pause { node },
        2 => Fault::SlowDisk { node, sync: Micros::millis(dice.below(500)) },
        3 => Fault::Clock { node, by_ms: signed(dice, 2000) },
        4 => Fault::Drift { node, ppm: signed(dice, 20_000) },
        _ => Fault::HashRate { node, factor: 3.0 * dice.unit() },
    }
}
