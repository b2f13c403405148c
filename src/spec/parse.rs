//! From TOML to a chain spec. Every section is read whatever is wrong with another, so that one look names all
//! mistakes.

use toml::de::DeValue;

use super::Spec;
use super::authorities::Reading;
use super::consensus::{Consensus, engine_named};
use super::dpos::DposSpec;
use super::error::{Fault, SpecError};
use super::genesis::Genesis;
use super::hybrid::HybridSpec;
use super::link::{self, Bandwidth, LinkShape, Loss};
use super::log::{PaxosSpec, RaftSpec};
use super::pbft::PbftSpec;
use super::poa::PoaSpec;
use super::pos::PosSpec;
use super::pow::PowSpec;
use super::read::{self, Faults, Refusal, Section};
use super::schema::{self, default, range};
use super::settings::{Devnet, Issuance, Limits, Miner, Settings};
use super::values;
use crate::types::{Amount, MONEY_LIMIT, Prefix};

/// Reads a chain spec, and tells what freezing would have to resolve.
pub(super) fn parse(file: &str, text: &str) -> Result<(Spec, Vec<Fault>), SpecError> {
    let unresolved = Faults::of(&schema::FORM);
    let spec = read::document(&schema::FORM, file, text, |table, faults| {
        let top = Section::new(&schema::TOP, String::new(), 0..0, table.into_inner(), faults);
        read_top(top, &unresolved)
    })?;
    Ok((spec, unresolved.into_inner()))
}

/// Reads the whole of a spec.
pub(super) fn read_top(mut top: Section<'_, '_>, unresolved: &Faults) -> Option<Spec> {
    let name = read_name(&mut top);
    let symbol = read_symbol(&mut top);
    let prefix = read_prefix(&mut top);
    let dev = top.read("dev", values::boolean).unwrap_or(false);

    let limits = read_limits(top.section("limits", &schema::LIMITS), &symbol);
    let issuance = read_issuance(top.section("issuance", &schema::ISSUANCE), &symbol);
    let genesis = Genesis { symbol: &symbol, prefix, dev, cap: issuance.supply_cap };
    let (time, accounts) = genesis.read(top.section("genesis", &schema::GENESIS), unresolved);
    let engine = read_engine(top.section("consensus", &schema::CONSENSUS));
    // What another rule leaves open is nobody's to resolve.
    let idle = Faults::of(&schema::FORM);
    let open = if matches!(engine, Some("pow" | "hybrid")) { unresolved } else { &idle };
    let pow = PowSpec::read(top.section("pow", &schema::POW), open);
    let pos = top.section("pos", &schema::POS);
    let pos = PosSpec::read(pos, accounts.len(), issuance.maturity);
    let hybrid = top.section("hybrid", &schema::HYBRID);
    let hybrid = HybridSpec::read(hybrid, pow.clone(), pos.clone());
    let devnet = read_devnet(top.section("devnet", &schema::DEVNET));
    let silent = Reading { prefix, dev, accounts: &accounts, nodes: devnet.nodes };
    let raft = RaftSpec::read(top.section("raft", &schema::RAFT), &silent);
    let paxos = PaxosSpec::read(top.section("paxos", &schema::PAXOS), &silent);
    let pbft = PbftSpec::read(top.section("pbft", &schema::PBFT), &silent);
    let poa = PoaSpec::read(top.section("poa", &schema::POA), &silent);
    let dpos = top.section("dpos", &schema::DPOS);
    let dpos = DposSpec::read(dpos, &silent, &symbol, issuance.supply_cap);
    refuse_eras(&mut top);
    let (top_faults, top_span) = (top.faults(), top.span().clone());
    top.finish();

    let consensus = match engine? {
        "pow" => Consensus::Pow(pow),
        "pos" => Consensus::Pos(pos),
        "hybrid" => Consensus::Hybrid(hybrid),
        "dpos" => Consensus::Dpos(dpos),
        "poa" => Consensus::Poa(poa),
        "pbft" => Consensus::Pbft(pbft),
        "raft" => Consensus::Raft(raft),
        "paxos" => Consensus::Paxos(paxos),
        other => unreachable!("{other} is an engine, and a test reads the template of each"),
    };
    if consensus.authorities().is_some_and(|authorities| authorities.iter().len() == 0) {
        let engine = consensus.engine();
        let key = if engine == "dpos" { "founders" } else { "authorities" };
        top_faults.add(
            &top_span,
            "nobody makes the blocks of this chain: it names no authority and no account",
            format!("name some: {key} = [\"alice\"] below [{engine}]"),
        );
        return None;
    }
    if let Err(refusal) = consensus.fits(&accounts, issuance.maturity) {
        top_faults.add(&top_span, refusal.reason, refusal.fix);
        return None;
    }
    let (name, prefix) = (name?, prefix?);
    let settings = Settings { name, symbol, prefix, dev, accounts, limits, issuance, devnet };
    Some(Spec { settings, time, consensus })
}

fn read_name(top: &mut Section<'_, '_>) -> Option<String> {
    let name = top.read("name", |value| {
        let name = values::text(value, "pow-dev")?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if range::NAME_CHARS.contains(&name.chars().count())
            && name.chars().all(plain)
            && name.starts_with(first)
        {
            return Ok(name.to_owned());
        }
        Err(Refusal::new(
            "is not a name that files and logs can carry",
            "write 1 to 40 lower-case letters, digits, dots, dashes and underscores, a letter or digit first",
        ))
    });
    if !top.has("name") {
        top.faults().add(
            top.span(),
            "the chain has no name",
            "write name = \"my-chain\" at the top of the file",
        );
    }
    name
}

fn read_symbol(top: &mut Section<'_, '_>) -> String {
    let symbol = top.read("symbol", |value| {
        let symbol = values::text(value, default::SYMBOL)?;
        let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        if range::SYMBOL_CHARS.contains(&symbol.chars().count())
            && symbol.chars().all(plain)
            && symbol.starts_with(|c: char| c.is_ascii_uppercase())
        {
            return Ok(symbol.to_owned());
        }
        Err(Refusal::new(
            "is not a symbol",
            "write 1 to 8 capital letters and digits, a letter first, such as \"PYR\"",
        ))
    });
    symbol.unwrap_or_else(|| default::SYMBOL.to_owned())
}

/// `None` where it is refused, so that no address is judged by a prefix that was not meant.
fn read_prefix(top: &mut Section<'_, '_>) -> Option<Prefix> {
    let read = top.read("address_prefix", |value| {
        let text = values::text(value, default::ADDRESS_PREFIX)?;
        Prefix::new(text).map_err(|reason| {
            Refusal::new(format!("is not a prefix: {reason}"), "write one such as \"assay\"")
        })
    });
    if top.has("address_prefix") { read } else { Prefix::new(default::ADDRESS_PREFIX).ok() }
}

fn read_limits(mut section: Section<'_, '_>, symbol: &str) -> Limits {
    let silent = Limits::default();
    let block_bytes = section
        .read("block_bytes", |value| values::bytes(value, range::BLOCK_BYTES))
        .unwrap_or(silent.block_bytes);
    let transactions_per_block = section
        .read("transactions_per_block", |value| {
            values::number(value, range::TRANSACTIONS_PER_BLOCK)
        })
        .unwrap_or(silent.transactions_per_block);
    let fee_per_byte = section.read("fee_per_byte", |value| {
        let fee = values::amount(value, symbol)?;
        if fee > range::FEE_PER_BYTE_MAX {
            let most = range::FEE_PER_BYTE_MAX;
            return Err(Refusal::new(
                "is more than a transaction can pay",
                format!("write at most \"{most}\" per byte; \"1u\" is one base unit"),
            ));
        }
        Ok(fee)
    });
    let pool_bytes = section
        .read("pool_bytes", |value| values::bytes(value, range::POOL_BYTES))
        .unwrap_or(silent.pool_bytes);
    let fee_per_byte = fee_per_byte.unwrap_or(silent.fee_per_byte);
    section.finish();
    Limits { block_bytes, transactions_per_block, fee_per_byte, pool_bytes }
}

fn read_issuance(mut section: Section<'_, '_>, symbol: &str) -> Issuance {
    let silent = Issuance::default();
    let supply_cap = section.read("supply_cap", |value| {
        let cap = values::amount(value, symbol)?;
        if cap == Amount::ZERO || cap.0 >= MONEY_LIMIT {
            let most = Amount(MONEY_LIMIT - 1);
            return Err(Refusal::new(
                "is not a supply: below 2^53 base units every tool counts exactly, and none at all is no money",
                format!("write \"1u\" to \"{most}\""),
            ));
        }
        Ok(cap)
    });
    let supply_cap = supply_cap.unwrap_or(silent.supply_cap);
    let within_cap = |value: &DeValue<'_>| {
        let reward = values::amount(value, symbol)?;
        if reward > supply_cap {
            return Err(Refusal::new(
                format!("is more than issuance.supply_cap, which is {supply_cap}"),
                "write a smaller reward or a greater cap",
            ));
        }
        Ok(reward)
    };
    let initial_reward =
        section.read("initial_reward", within_cap).unwrap_or(silent.initial_reward.min(supply_cap));
    let tail_reward = section.read("tail_reward", within_cap).unwrap_or(silent.tail_reward);
    if tail_reward > initial_reward {
        section.refuse(
            "tail_reward",
            Refusal::new(
                format!("is more than issuance.initial_reward, which is {initial_reward}"),
                "the tail is the least reward: write no more than the initial one",
            ),
        );
    }
    let halving_interval = section
        .read("halving_interval", |value| values::number(value, range::HALVING_INTERVAL))
        .unwrap_or(silent.halving_interval);
    let maturity = section
        .read("maturity", |value| values::number(value, range::MATURITY))
        .unwrap_or(silent.maturity);
    section.finish();
    Issuance { initial_reward, halving_interval, tail_reward, maturity, supply_cap }
}

fn read_engine(mut section: Section<'_, '_>) -> Option<&'static str> {
    let engine = section.read("engine", |value| {
        let given = values::text(value, "pow")?;
        engine_named(given).map_err(|error| Refusal::new("is no engine", error.hint))
    });
    if !section.has("engine") {
        section.faults().add(
            section.span(),
            "no engine makes the blocks of this chain",
            "write [consensus] on a line of its own and engine = \"pow\" below it",
        );
    }
    section.finish();
    engine
}

fn read_devnet(mut section: Section<'_, '_>) -> Devnet {
    let silent = Devnet::default();
    let nodes =
        section.read("nodes", |value| values::number(value, range::NODES)).unwrap_or(silent.nodes);
    let mut miner = section.section("miner", &schema::MINER);
    let threads = miner
        .read("threads", |value| values::number(value, range::THREADS))
        .unwrap_or(silent.miner.threads);
    let throttle = miner.read("throttle", values::share).unwrap_or(silent.miner.throttle);
    miner.finish();
    let links = read_links(section.section("links", &schema::LINKS));
    section.finish();
    Devnet { nodes, miner: Miner { threads, throttle }, links }
}

fn read_links(mut links: Section<'_, '_>) -> LinkShape {
    let mut delay = |key| links.read(key, |value| values::span(value, link::LATENCY));
    let (latency, jitter) = (delay("latency"), delay("jitter"));
    let loss = links.read("loss", |value| match value {
        DeValue::Integer(number) => Loss::read_text(number.as_str()),
        DeValue::Float(number) => Loss::read_text(number.as_str()),
        value => Loss::read_text(values::text(value, "2%")?),
    });
    let bandwidth =
        links.read("bandwidth", |value| Bandwidth::read_text(values::text(value, "unlimited")?));
    // What is refused counts as silent, so that it is not refused a second time below.
    let (latency, jitter) = match (latency, jitter) {
        (None, Some(_)) if links.has("latency") => Default::default(),
        (latency, jitter) => (latency.unwrap_or_default(), jitter.unwrap_or_default()),
    };
    let shape =
        LinkShape::new(latency, jitter, loss.unwrap_or_default(), bandwidth.unwrap_or_default());
    let shape = shape.unwrap_or_else(|_| {
        // The latency is within its range, so it is the jitter.
        links.refuse("jitter", link::too_much_jitter(latency));
        LinkShape::default()
    });
    links.finish();
    shape
}

fn refuse_eras(top: &mut Section<'_, '_>) {
    if let Some((span, _)) = top.take("era") {
        top.faults().add(
            &span,
            "[[era]] changes the rule at a height, which is not built yet",
            "remove the section: one engine makes all blocks",
        );
    }
}
