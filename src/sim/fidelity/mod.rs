//! Fidelity: what theory says of the rules, and what this simulator does.
//!
//! Each experiment is a function of a seed that runs real replicas with real proofs and counts; whoever calls it runs many
//! seeds, adds the counts up and lays them beside the theory, which is here as well. `benches/fidelity.rs` does that on all
//! cores, and `docs/fidelity.md`, `docs/fidelity-mining.md`, `docs/fidelity-stake.md` and `docs/fidelity-turns.md` hold what
//! came of it.
//!
//! - [`double_spend`]: Nakamoto's and Rosenfeld's tables
//! - [`selfish`]: Eyal and Sirer's curve
//! - [`stale`]: blocks that are found beside others, and the time between blocks
//! - [`step`]: how each retarget algorithm follows a step of the hash rate
//! - [`mining`]: fair shares, jumps of the hash rate by 10⁵, and what mining costs
//! - [`raft`]: elections and decisions
//! - [`agreement`]: what agreement costs, against the number of authorities
//! - [`stake`]: coin-age stake and the hybrid
//! - [`turns`]: delegates and authorities in turn
//! - [`statistics`]: shares, ratios, and how sure one can be of them
//! - [`plot`]: curves and points with intervals, as SVG
//!
//! # What is idealised, and what is not
//!
//! The theories know no propagation, so links of these experiments are quick: a tenth of a millisecond where a block takes a
//! second. Blocks take a few dozen tries, each of which stands for many. Everything else is as in any other run.

mod chain;

pub mod agreement;
pub mod double_spend;
pub mod mining;
pub mod plot;
pub mod raft;
pub mod selfish;
pub mod stake;
pub mod stale;
pub mod statistics;
pub mod step;
pub mod turns;

#[cfg(test)]
mod tests;
