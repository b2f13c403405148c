mod canaries;
mod paxos;
mod pbft;
mod raft;
mod reads;
mod runs;
mod slots;
mod stake;
mod swarms;
mod turns;

use super::*;
use crate::spec::{Spec, find};

/// Equal miners on the shipped chain for development: a block every two seconds, 32 tries each.
fn miners(seed: u64, nodes: usize) -> Options {
    println!("seed {seed}: {nodes} miners");
    let spec = Spec::parse("pow-dev", find("pow-dev").unwrap()).unwrap();
    Options::miners(seed, spec, nodes, 32)
}
