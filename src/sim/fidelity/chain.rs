//! The chain and the network of the experiments.

use super::super::options::{Costs, NodeOptions, Options, freeze, operator};
use super::super::{Latency, LinkModel, Micros, Topology};
use crate::spec::{DevAccount, FrozenSpec, Spec};

/// A chain with a block a second, of which no block becomes final within an experiment: as much depth as a spec may ask for.
pub(super) fn chain(retarget: &str, tries: u32) -> FrozenSpec {
    let text = format!(
        "name = \"fidelity\"\ndev = true\n\
         [genesis]\naccounts = [{{ dev = \"alice\", amount = \"1000000\", age = \"60d\" }}]\n\
         [consensus]\nengine = \"pow\"\n\
         [pow]\nblock_time = \"1s\"\n{retarget}\nfinality_depth = 4096\n"
    );
    let spec = Spec::parse("fidelity", &text).expect("it is valid for each retarget of here");
    freeze(spec, tries)
}

/// A line without loss or limit.
pub(super) fn line(latency: Micros) -> LinkModel {
    LinkModel { latency: Latency::Constant(latency), ..LinkModel::default() }
}

/// Miners with these hash rates, each connected to all others, on machines that take no time.
pub(super) fn miners(seed: u64, spec: FrozenSpec, rates: &[f64], latency: Micros) -> Options {
    let miner = |(node, rate): (usize, &f64)| NodeOptions {
        payout: Some(operator(node).address()),
        hash_rate: *rate,
        ..NodeOptions::default()
    };
    Options {
        seed,
        spec,
        nodes: rates.iter().enumerate().map(miner).collect(),
        topology: Topology::Full,
        link: line(latency),
        costs: Costs { signature: Micros(0), sync: Micros(0) },
    }
}

/// So many authorities that agree by this rule, on lines with this delay and disks that take so long to write, whose machines
/// take no other time. A block is made when there is a payment.
pub(super) fn authorities(
    n: usize,
    rule: &str,
    patience: &str,
    (delay, write): (Micros, Micros),
    seed: u64,
) -> Options {
    let named = DevAccount::names().iter().map(|name| format!("{name:?}"));
    let numbered = (DevAccount::names().len()..).map(|number| format!("\"dev-{number}\""));
    let names: Vec<String> = named.chain(numbered).take(n).collect();
    let text = format!(
        "name = \"fidelity\"\ndev = true\n\
         [genesis]\naccounts = [{{ dev = \"alice\", amount = \"1000000\", age = \"60d\" }}, {{ dev = \"bob\", amount = \"1000000\", age = \"60d\" }}]\n\
         [consensus]\nengine = \"{rule}\"\n\
         [{rule}]\n{patience}\nauthorities = [{}]\nempty_block_after = \"60s\"\n",
        names.join(", "),
    );
    let spec = Spec::parse("fidelity", &text).expect("it is valid for as many as have accounts");
    let mut options = Options::seated(seed, spec, n, 1);
    options.link = line(delay);
    options.costs = Costs { signature: Micros(0), sync: write };
    options
}
