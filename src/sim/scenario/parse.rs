//! From TOML to a scenario. Every section is read whatever is wrong with another.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::attackers::Falsehood;
use super::super::link::{Latency, LinkModel, Mode};
use super::super::options::{Costs, NodeOptions, Options, freeze, seats, stakes};
use super::super::regions::Region;
use super::super::time::{Micros, Moment, Skew};
use super::super::topology::Topology;
use super::events;
use super::expect;
use super::schema::{self, range};
use super::{Act, Attack, Group, Scenario, Terms, node_options};
use crate::spec::link::LATENCY;
use crate::spec::read::{self, Faults, Refusal, Section};
use crate::spec::{
    Bandwidth, Consensus, DevAccount, FrozenSpec, Loss, SpecError, overridden, values,
};
use crate::types::Span;

/// Where chain specs come from.
type Specs<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// How long it takes to switch all machines of a miner on or off.
const RAMP: Micros = Micros::seconds(600);

const ROLES: [&str; 3] = ["miner", "observer", "attacker"];
const ATTACKS: [&str; 7] =
    ["withhold", "delay", "silent", "censor", "equivocate", "every-fork", "lie"];
const FALSEHOODS: [(&str, Falsehood); 5] = [
    ("altered", Falsehood::Altered),
    ("numbered", Falsehood::Numbered),
    ("voted", Falsehood::Voted),
    ("forgotten", Falsehood::Forgotten),
    ("begun", Falsehood::Begun),
];
const REGIONS: [(&str, Region); 6] = [
    ("north-america", Region::NorthAmerica),
    ("europe", Region::Europe),
    ("south-america", Region::SouthAmerica),
    ("asia-pacific", Region::AsiaPacific),
    ("japan", Region::Japan),
    ("australia", Region::Australia),
];
const DISTRIBUTIONS: [&str; 5] = ["constant", "uniform", "normal", "log-normal", "regions"];

pub(super) fn parse(file: &str, text: &str, specs: Specs<'_>) -> Result<Scenario, SpecError> {
    let scenario =
        read::document(&schema::FORM, file, text, |table, faults| top(table, faults, text, specs))?;
    Ok(Scenario { file: file.to_owned(), text: text.to_owned(), ..scenario })
}

/// How long a span is in the simulation.
pub(super) fn span_of(span: Span) -> Micros {
    Micros::millis(span.0)
}

fn top(
    table: Spanned<DeTable<'_>>,
    faults: &Faults,
    text: &str,
    specs: Specs<'_>,
) -> Option<Scenario> {
    let mut top = Section::new(&schema::TOP, String::new(), 0..0, table.into_inner(), faults);
    let name = events::required(&mut top, "name", "name = \"my-scenario\"", |value| {
        let name = values::text(value, "my-scenario")?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        match (1..=40).contains(&name.len()) && name.chars().all(plain) {
            true => Ok(name.to_owned()),
            false => Err(Refusal::new(
                "is not a name that files can carry",
                "write 1 to 40 lower-case letters, digits, dots, dashes and underscores",
            )),
        }
    });
    let about = top.read("about", |value| values::text(value, "what it shows").map(str::to_owned));
    let duration = events::required(&mut top, "duration", "duration = \"5m\"", |value| {
        values::span(value, range::DURATION)
    });
    let seeds = top.read("seeds", |value| seeds(values::text(value, "1..8")?)).unwrap_or((1, 1));
    let chain = read_chain(&mut top, specs);
    let network = read_network(top.section("network", &schema::NETWORK));
    let link = read_links(top.section("links", &schema::LINKS), LinkModel::default());
    let mut load = top.section("load", &schema::LOAD);
    let pays = |value: &DeValue<'_>| values::decimal(value, range::PAYMENTS);
    let payments_per_second = load.read("payments_per_second", pays).unwrap_or(0.0);
    let council = load.read("council", accounts).unwrap_or_default();
    load.finish();
    let market = read_market(&mut top);
    let duration = duration.map(span_of);
    // What is wrong with the chain is said already; the rest is read on.
    let nodes = top.tables("nodes", &schema::NODES, range::GROUPS_MAX);
    if !top.has("nodes") {
        let fix = "write [[nodes]] and count = 4 below it";
        top.faults().add(top.span(), "the scenario has no nodes", fix);
    }
    let (groups, plain) = read_nodes(nodes, link, faults, top.place("nodes"));
    let end = duration.map_or(Moment::NEVER, |duration| Moment(0).after(duration));
    let events = top.tables("events", &schema::EVENTS, range::EVENTS_MAX);
    let events = events::read(events, &groups, text, &link, end);
    let expects = top.tables("expect", &schema::EXPECT, range::EXPECT_MAX);
    let expects = expect::read(expects, &groups, &events);
    top.finish();
    let (base, spec, tries) = chain?;
    let nodes = build(&spec, tries, &groups, plain);
    let (topology, costs) = network;
    let options = Options { seed: 0, spec, nodes, topology, link, costs };
    let scenario = Scenario {
        file: String::new(),
        text: String::new(),
        base,
        name: name?,
        about: about.unwrap_or_default(),
        duration: duration?,
        seeds,
        events,
        expects: expects.iter().map(|(expect, _)| expect.clone()).collect(),
        payments_per_second,
        council,
        market,
        groups,
        options,
    };
    refuse_what_cannot_be(&scenario, &expects, faults);
    Some(scenario)
}

/// What only the whole shows.
fn refuse_what_cannot_be(
    scenario: &Scenario,
    expects: &[(expect::Expect, read::Span)],
    faults: &Faults,
) {
    for (expect, place) in expects {
        let judges = [expect::What::Invariant, expect::What::Violation];
        let judges = judges.map(|what| what("agreement".into()));
        if judges.contains(&expect.what) && scenario.is_outside() {
            faults.add(
                place,
                "agreement cannot be expected where a cut lasts, or clocks make blocks wait, longer than a quarter of the final depth",
                "make the cut shorter, the clocks differ less, or chain.pow.finality_depth greater",
            );
        }
    }
    let lies = |group: &&Group| matches!(group.attack, Some(Attack::Lie(..)));
    let consensus = scenario.spec().consensus();
    if let Some(group) = scenario.groups.iter().find(lies)
        && !matches!(consensus, Consensus::Pbft(_))
    {
        let (name, engine) = (&group.name, consensus.engine());
        let reason = format!("{name} lie as one can under pbft, and the chain's rule is {engine}");
        let fix = "write a chain spec of pbft, such as \"pbft-dev\", or another attack";
        faults.add(&(0..0), reason, fix);
    }
    refuse_half_a_market(scenario, faults);
    let rates = scenario.options.nodes.iter().map(|node| node.hash_rate);
    if rates.sum::<f64>() <= 0.0 {
        faults.add(&(0..0), "nobody mines", "give some [[nodes]] role = \"miner\" and power");
    }
}

/// The market, if there is one.
fn read_market(top: &mut Section<'_, '_>) -> Option<Terms> {
    let mut section = top.section("market", &schema::MARKET);
    let price = section.read("price", |value| values::decimal(value, range::PRICE));
    let ramp = section.read("ramp", |value| values::span(value, range::RAMP)).map(span_of);
    section.finish();
    let terms = Terms { price: price.unwrap_or(1.0), ramp: ramp.unwrap_or(RAMP) };
    top.has("market").then_some(terms)
}

/// What mining costs: a number, or the least and the most.
fn cost(value: &DeValue<'_>) -> Result<(f64, f64), Refusal> {
    let fix = "write a number such as 40, or the least and the most such as [20, 60]";
    let DeValue::Array(array) = value else {
        let cost = values::decimal(value, range::COST)?;
        return Ok((cost, cost));
    };
    let read = array.iter().map(|item| values::decimal(item.get_ref(), range::COST));
    match read.collect::<Result<Vec<f64>, Refusal>>()?[..] {
        [low, high] if low <= high => Ok((low, high)),
        [_, _] => Err(Refusal::new("ends before it begins", fix)),
        _ => Err(Refusal::new("is no range of two numbers", fix)),
    }
}

/// A market without miners who look at it, and the other way round.
fn refuse_half_a_market(scenario: &Scenario, faults: &Faults) {
    let place = &(0..0);
    let costs = || scenario.groups.iter().filter(|group| group.cost.is_some());
    match (&scenario.market, costs().next()) {
        (None, Some(group)) => {
            let reason = format!("{} have a cost, and no coin has a price", group.name);
            faults.add(place, reason, "write [market] and price = 1 below it");
        }
        (Some(_), None) => {
            let fix = "write cost = 40 below [[nodes]], or remove [market]";
            faults.add(place, "there is a market, and no miner has a cost", fix);
        }
        (Some(_), Some(_)) if scenario.spec().consensus().pow().is_none() => {
            let reason = "nobody searches for blocks under this chain's rule, at any cost";
            faults.add(place, reason, "write a chain spec of work, such as \"pow-dev\"");
        }
        _ => {}
    }
    for event in &scenario.events {
        let line = event.line;
        match &event.act {
            Act::Price(_) if scenario.market.is_none() => {
                let reason = format!("in line {line} a price changes that no market has");
                faults.add(place, reason, "write [market] as well");
            }
            Act::Power(nodes, _)
                if costs().any(|it| nodes.iter().any(|n| it.nodes().contains(n))) =>
            {
                let reason = format!("in line {line} the power of miners changes who have a cost");
                faults.add(place, reason, "let them follow the price, or remove their cost");
            }
            _ => {}
        }
    }
}

/// Seeds: `7`, or the first and the last one, `1..8`.
pub(super) fn seeds(text: &str) -> Result<(u64, u64), Refusal> {
    let fix = "write one seed such as \"7\", or the first and the last one such as \"1..8\"";
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u64>().ok(),
        false => None,
    };
    let read = match text.split_once("..") {
        Some((first, last)) => number(first).zip(number(last)),
        None => number(text).map(|seed| (seed, seed)),
    };
    match read {
        Some((first, last)) if last < first => Err(Refusal::new("ends before it begins", fix)),
        Some((first, last)) if last - first >= range::SEEDS_MAX => {
            Err(Refusal::new("is more than anybody waits for", "write fewer than ten million"))
        }
        Some(seeds) => Ok(seeds),
        None => Err(Refusal::new("is no range of seeds", fix)),
    }
}

type Chain = ((String, String), FrozenSpec, u32);

fn read_chain(top: &mut Section<'_, '_>, specs: Specs<'_>) -> Option<Chain> {
    let faults = top.faults();
    let (span, mut table) = match top.take("chain") {
        None => (top.span().clone(), DeTable::new()),
        Some((span, value)) => match value.into_inner() {
            DeValue::Table(table) => (span, table),
            _ => {
                faults.add(&span, "chain is no table", "write [chain] on a line of its own");
                return None;
            }
        },
    };
    // The keys of the scenario; what remains changes the spec.
    let mut own = DeTable::new();
    for key in schema::CHAIN.keys {
        if let Some((key, value)) = table.remove_entry(*key) {
            own.insert(key, value);
        }
    }
    let mut own = Section::new(&schema::CHAIN, "chain".into(), span.clone(), own, faults);
    let name = own.read("spec", |value| values::text(value, "pow-dev").map(str::to_owned));
    let named = own.has("spec");
    let tries = own.read("tries", |value| values::number(value, range::TRIES)).unwrap_or(32);
    let tries = u32::try_from(tries).unwrap_or(u32::MAX);
    let name = if named { name? } else { "pow-dev".to_owned() };
    let refuse = |reason: String, fix: String| own.refuse("spec", Refusal::new(reason, fix));
    let text = match specs(&name) {
        Ok(text) => text,
        Err(why) => {
            let fix = "write the name of a shipped chain spec, or a path that begins where the scenario is";
            refuse(format!("is not to be had: {why}"), fix.into());
            return None;
        }
    };
    match overridden((&name, &text), ("chain", &span), table, faults) {
        Ok(spec) => {
            let spec = freeze(spec?, tries);
            Some(((name, text), spec, tries))
        }
        Err(error) => {
            let first = error.problems().first().map(ToString::to_string);
            let fix = format!("assay spec check {name} says what is wrong with it");
            refuse(format!("is no chain spec: {}", first.unwrap_or_default()), fix);
            None
        }
    }
}

fn read_network(mut section: Section<'_, '_>) -> (Topology, Costs) {
    let silent = Costs::default();
    let word = section.read("topology", |value| values::word(value, &["full", "random"]));
    let outbound = section.read("outbound", |value| values::number(value, range::OUTBOUND));
    let topology = match (word, outbound) {
        (Some("random"), outbound) => {
            let outbound = outbound.and_then(|outbound| usize::try_from(outbound).ok());
            Topology::Random { outbound: outbound.unwrap_or(Topology::OUTBOUND) }
        }
        (_, Some(_)) => {
            section.refuse(
                "outbound",
                Refusal::new(
                    "has no meaning where everybody knows everybody",
                    "write topology = \"random\" as well",
                ),
            );
            Topology::Full
        }
        _ => Topology::Full,
    };
    let mut span = |key| section.read(key, |value| values::span(value, range::SYNC)).map(span_of);
    let (sync, signature) = (span("sync"), span("signature"));
    section.finish();
    let (sync, signature) = (sync.unwrap_or(silent.sync), signature.unwrap_or(silent.signature));
    (topology, Costs { signature, sync })
}

/// Links; what is not said is as `silent` has it.
pub(super) fn read_links(mut section: Section<'_, '_>, silent: LinkModel) -> LinkModel {
    let word = section.read("distribution", |value| values::word(value, &DISTRIBUTIONS));
    let mut delay = |key| section.read(key, |value| values::span(value, LATENCY)).map(span_of);
    let (latency, jitter) = (delay("latency"), delay("jitter"));
    let sigma = section.read("sigma", |value| values::decimal(value, range::SIGMA));
    let middle = latency.unwrap_or(Micros::millis(50));
    let wide = jitter.unwrap_or(Micros(middle.0 / 5));
    let distribution = match (word, latency, jitter, sigma) {
        (None, None, None, None) => silent.latency,
        (None | Some("constant"), ..) => Latency::Constant(middle),
        (Some("uniform"), ..) => Latency::Uniform {
            from: Micros(middle.0.saturating_sub(wide.0)),
            to: middle.plus(wide),
        },
        (Some("normal"), ..) => Latency::Normal { mean: middle, deviation: wide },
        (Some("log-normal"), ..) => {
            Latency::LogNormal { median: middle, sigma: sigma.unwrap_or(0.5) }
        }
        (Some(_), ..) => Latency::Regions { sigma: sigma.unwrap_or(0.2) },
    };
    // A key that changes nothing was written by somebody who believes that it does.
    let useless: &[&'static str] = match word.unwrap_or("constant") {
        "constant" => &["jitter", "sigma"],
        "uniform" | "normal" => &["sigma"],
        "log-normal" => &["jitter"],
        _ => &["latency", "jitter"],
    };
    for key in useless.iter().filter(|key| section.has(key)) {
        let word = word.unwrap_or("constant");
        let reason = format!("has no meaning where the distribution is {word:?}");
        section.refuse(key, Refusal::new(reason, "remove it, or write another distribution"));
    }
    let bandwidth =
        section.read("bandwidth", |value| Bandwidth::read_text(values::text(value, "10mbit")?));
    let mut share = |key| {
        let read = section.read(key, |value| match value {
            DeValue::Integer(number) => Loss::read_text(number.as_str()),
            DeValue::Float(number) => Loss::read_text(number.as_str()),
            value => Loss::read_text(values::text(value, "2%")?),
        });
        read.map(Loss::share)
    };
    let (loss, duplicate, reorder) = (share("loss"), share("duplicate"), share("reorder"));
    let mode = section.read("mode", |value| values::word(value, &["stream", "datagram"]));
    let mode = match mode {
        Some("datagram") => Mode::Datagram,
        Some(_) => Mode::Stream,
        None => silent.mode,
    };
    for key in ["duplicate", "reorder"] {
        if mode == Mode::Stream && section.has(key) {
            let fix = "remove it, or write mode = \"datagram\"";
            section.refuse(key, Refusal::new("does not happen to a stream", fix));
        }
    }
    section.finish();
    LinkModel {
        latency: distribution,
        bandwidth: bandwidth.map_or(silent.bandwidth, Bandwidth::bits_per_second),
        loss: loss.unwrap_or(silent.loss),
        duplicate: duplicate.unwrap_or(silent.duplicate),
        reorder: reorder.unwrap_or(silent.reorder),
        mode,
    }
}

/// What a group's nodes have in common, with their power in `hash_rate`.
type Plain = Vec<(NodeOptions, bool)>;

fn read_nodes(
    sections: Vec<Section<'_, '_>>,
    everybodys: LinkModel,
    faults: &Faults,
    place: read::Span,
) -> (Vec<Group>, Plain) {
    let (mut groups, mut plain): (Vec<Group>, Plain) = Default::default();
    let mut first = 0;
    for mut section in sections {
        let count = section.read("count", |value| values::number(value, range::NODES)).unwrap_or(1);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let role = section.read("role", |value| values::word(value, &ROLES)).unwrap_or("miner");
        let name = section.read("name", |value| values::text(value, "miners").map(str::to_owned));
        let name = name.unwrap_or_else(|| format!("{role}s"));
        if groups.iter().any(|group| group.name == name) {
            let reason = format!("two groups of nodes are called {name:?}");
            faults.add(section.span(), reason, "give each a name of its own: name = \"others\"");
        }
        let power = section.read("power", |value| values::decimal(value, range::POWER));
        if role == "observer" && power.is_some() {
            section.refuse(
                "power",
                Refusal::new(
                    "has no meaning for an observer",
                    "remove it, or write role = \"miner\"",
                ),
            );
        }
        let words = REGIONS.map(|(word, _)| word);
        let region = section.read("region", |value| values::word(value, &words));
        let region = REGIONS.iter().find(|(word, _)| Some(*word) == region).map(|(_, it)| *it);
        let clock = section.read("clock", |value| values::signed_span(value, range::CLOCK));
        let drift = section.read("drift_ppm", |value| values::decimal(value, range::DRIFT));
        // Within the range, which is small.
        let drift_ppm = drift.unwrap_or(0.0) as i64;
        let own = section.section("links", &schema::LINKS);
        let own = read_links(own, everybodys);
        let link = section.has("links").then_some(own);
        let relays = section.read("relays", values::boolean).unwrap_or(true);
        let attack = read_attack(&mut section, role);
        let cost = section.read("cost", cost);
        if role == "observer" && cost.is_some() {
            let fix = "remove it, or write role = \"miner\"";
            section.refuse("cost", Refusal::new("has no meaning for an observer", fix));
        }
        section.finish();
        let (mines, power) = match role {
            "observer" => (false, 0.0),
            _ => (true, power.unwrap_or(1.0)),
        };
        let skew = Skew { offset_ms: clock.unwrap_or(0), drift_ppm };
        let options =
            NodeOptions { hash_rate: power, skew, link, relays, ..NodeOptions::default() };
        plain.push((options, mines));
        groups.push(Group { name, first, count, region, attack, cost });
        first = first.saturating_add(count);
    }
    let most = *range::NODES.end();
    if first as u64 > most {
        faults.add(&place, format!("{first} nodes are too many"), format!("write at most {most}"));
        return Default::default();
    }
    (groups, plain)
}

fn read_attack(section: &mut Section<'_, '_>, role: &str) -> Option<Attack> {
    if role != "attacker" {
        return None; // the keys of attacks are unknown then
    }
    let word = events::required(section, "attack", "attack = \"withhold\"", |value| {
        values::word(value, &ATTACKS)
    })?;
    let mut span = |key, example: &str| {
        events::required(section, key, example, |value| values::span(value, range::MOMENT))
    };
    Some(match word {
        "withhold" => Attack::Withhold,
        "equivocate" => Attack::Equivocate,
        "lie" => {
            let about = events::required(section, "about", "about = [\"altered\"]", falsehoods);
            let share = section.read("share", |value| values::decimal(value, range::SHARE));
            Attack::Lie(about?, share.unwrap_or(1.0))
        }
        "every-fork" => Attack::EveryFork,
        "delay" => Attack::Delay(span("by", "by = \"2s\"")?),
        "silent" => {
            let (from, until) = (span("from", "from = \"60s\""), span("until", "until = \"90s\""));
            Attack::Silent(from?, until?)
        }
        _ => Attack::Censor(
            events::required(section, "victims", "victims = [\"alice\"]", accounts)?
                .into_iter()
                .map(DevAccount::address)
                .collect(),
        ),
    })
}

/// What somebody lies about.
fn falsehoods(value: &DeValue<'_>) -> Result<Vec<Falsehood>, Refusal> {
    let refused = || {
        let words = FALSEHOODS.map(|(word, _)| word).join(", ");
        Refusal::new("is no list of lies", format!("write some of {words}, as in [\"altered\"]"))
    };
    let DeValue::Array(array) = value else { return Err(refused()) };
    let kind = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::String(word) => FALSEHOODS.iter().find(|(it, _)| it == word).map(|(_, it)| *it),
        _ => None,
    };
    let about = array.iter().map(|item| kind(item).ok_or_else(refused));
    let about = about.collect::<Result<Vec<_>, _>>()?;
    if about.is_empty() { Err(refused()) } else { Ok(about) }
}

/// A list of development accounts.
fn accounts(value: &DeValue<'_>) -> Result<Vec<DevAccount>, Refusal> {
    let names = || DevAccount::names().join(", ");
    let fix = || format!("write names of development accounts: {}", names());
    let refused = || Refusal::new("is no list of development accounts", fix());
    let DeValue::Array(array) = value else { return Err(refused()) };
    let named = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::String(name) => DevAccount::named(name),
        _ => None,
    };
    array.iter().map(|item| named(item).ok_or_else(refused)).collect()
}

/// The nodes: all power together makes a block's tries in a block time, and those that make blocks are the authorities of the
/// chain, in order.
fn build(spec: &FrozenSpec, tries: u32, groups: &[Group], plain: Plain) -> Vec<NodeOptions> {
    let seconds = spec.consensus().block_time().0 as f64 / 1000.0; // far below 2^53 ms
    let powers =
        groups.iter().zip(&plain).map(|(group, (it, _))| group.count as f64 * it.hash_rate);
    let total: f64 = powers.sum();
    let rate = if total > 0.0 { f64::from(tries) / seconds / total } else { 0.0 };
    let mut nodes = Vec::new();
    let (mut seats, mut stakes) = (seats(spec), stakes(spec));
    for (group, (plain, mines)) in groups.iter().zip(plain) {
        let mut seat = || match mines {
            true => (seats.next().flatten(), stakes.next().flatten()),
            false => (None, None),
        };
        let taken: Vec<_> = group.nodes().map(|node| (node, seat())).collect();
        let keys = taken.iter().filter_map(|(_, (key, _))| Some(key.as_ref()?.address()));
        let keys = keys.collect();
        for (node, seat) in taken {
            let plain = NodeOptions { hash_rate: plain.hash_rate * rate, ..plain.clone() };
            let attack = group.attack.as_ref().map(|attack| (attack, &keys));
            nodes.push(node_options(node, plain, mines, seat, attack, spec));
        }
    }
    nodes
}
