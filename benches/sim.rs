//! How fast the simulator is: whole runs, since every event costs something else.
//!
//! `cargo bench --no-default-features --bench sim -- net NODES BLOCKS` runs a network in which five miners make so many
//! blocks, at two seconds each and with no payments; `-- swarm SEEDS [RULE]` runs so many seeds of the swarm with all checkers.
//! Without arguments it runs a small one of each.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::{Duration, Instant};

use assay::sim::options::NodeOptions;
use assay::sim::{Micros, Options, Sim, Topology, swarm};
use assay::spec::{ENGINES, Spec, find};
use assay::types::Height;

/// Miners of a network.
const MINERS: usize = 5;

/// Connections that each node opens.
const OUTBOUND: usize = 4;

/// Resident memory in MiB, where the system tells.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

fn net(nodes: usize, blocks: u64) {
    let text = find("pow-dev").expect("pow-dev is shipped");
    let spec = Spec::parse("pow-dev", text).expect("it is valid");
    let mut options = Options::miners(1, spec, MINERS.min(nodes), 32);
    options.nodes.resize_with(nodes, NodeOptions::default);
    options.topology = Topology::Random { outbound: OUTBOUND };
    let before = resident();
    let begin = Instant::now();
    let mut sim = Sim::new(options).expect("an empty store opens");
    let opened = begin.elapsed();
    let limit = Micros::seconds(20 * blocks + 1000);
    let goal = Height(blocks);
    let reached = sim.run_while(limit, Micros::millis(100), |sim| sim.height(0) < Some(goal));
    let took = begin.elapsed();
    assert!(reached, "{blocks} blocks were not made in {limit}");
    let events = sim.events();
    println!(
        "net/nodes={nodes}/blocks={blocks}: {:.2} s (opening {:.2}), {events} events, {:.0}/s, \
         {:.1} a node and block, {:.0} times real time, {:.2} MiB a node, digest {}",
        took.as_secs_f64(),
        opened.as_secs_f64(),
        events as f64 / took.as_secs_f64(),
        events as f64 / nodes as f64 / blocks as f64,
        sim.now().since(Default::default()).as_seconds() / took.as_secs_f64(),
        (resident() - before) / nodes as f64,
        &sim.digest().to_hex()[..16],
    );
}

fn swarms(engine: &str, seeds: u64) {
    let (mut events, mut outside, mut opening) = (0, 0, Duration::ZERO);
    let mut failures = 0;
    let begin = Instant::now();
    for seed in 0..seeds {
        let drawing = Instant::now();
        std::hint::black_box(swarm::draw(engine, seed));
        opening += drawing.elapsed();
        match swarm::swarm(engine, seed) {
            Ok(outcome) => {
                events += outcome.events;
                outside += u64::from(outcome.outside);
            }
            Err(failure) => {
                failures += 1;
                println!("{failure}");
            }
        }
    }
    let took = (begin.elapsed() - opening).as_secs_f64();
    println!(
        "swarm/rule={engine}/seeds={seeds}: {took:.2} s, {:.0} seeds/s, {:.0} events a seed, {:.0} events/s, {failures} \
         violations, {outside} outside the model; with none, fewer than {:.1e} of seeds with 95 %",
        seeds as f64 / took,
        events as f64 / seeds as f64,
        events as f64 / took,
        3.0 / (seeds - outside).max(1) as f64,
    );
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let number = |at: usize| arguments.get(at).and_then(|it| it.parse::<u64>().ok());
    match (arguments.first().map(String::as_str), number(1), number(2)) {
        (Some("net"), Some(nodes), Some(blocks)) => net(nodes as usize, blocks),
        (Some("swarm"), Some(seeds), _) => {
            let rule = arguments.get(2).map_or("pow", String::as_str);
            assert!(ENGINES.contains(&rule), "rules are {ENGINES:?}");
            swarms(rule, seeds);
        }
        (None, ..) => {
            net(100, 100);
            swarms("pow", 50);
            swarms("raft", 50);
        }
        _ => println!("expected: net NODES BLOCKS, or swarm SEEDS [RULE]"),
    }
}
