//! The chain specs that come with the program.

use super::suggest::nearest;

/// Names and texts of all shipped specs.
static SHIPPED: [(&str, &str); 24] = [
    ("pow-dev", include_str!("../../chain-specs/pow-dev.toml")),
    ("pos-dev", include_str!("../../chain-specs/pos-dev.toml")),
    ("hybrid-dev", include_str!("../../chain-specs/hybrid-dev.toml")),
    ("dpos-dev", include_str!("../../chain-specs/dpos-dev.toml")),
    ("poa-dev", include_str!("../../chain-specs/poa-dev.toml")),
    ("pbft-dev", include_str!("../../chain-specs/pbft-dev.toml")),
    ("pbft-7", include_str!("../../chain-specs/pbft-7.toml")),
    ("raft-dev", include_str!("../../chain-specs/raft-dev.toml")),
    ("raft-3", include_str!("../../chain-specs/raft-3.toml")),
    ("paxos-dev", include_str!("../../chain-specs/paxos-dev.toml")),
    ("compare-pow", include_str!("../../chain-specs/compare-pow.toml")),
    ("compare-pos", include_str!("../../chain-specs/compare-pos.toml")),
    ("compare-hybrid", include_str!("../../chain-specs/compare-hybrid.toml")),
    ("compare-dpos", include_str!("../../chain-specs/compare-dpos.toml")),
    ("compare-poa", include_str!("../../chain-specs/compare-poa.toml")),
    ("compare-pbft", include_str!("../../chain-specs/compare-pbft.toml")),
    ("compare-raft", include_str!("../../chain-specs/compare-raft.toml")),
    ("compare-paxos", include_str!("../../chain-specs/compare-paxos.toml")),
    ("bitcoin-like", include_str!("../../chain-specs/bitcoin-like.toml")),
    ("clique-like", include_str!("../../chain-specs/clique-like.toml")),
    ("dpos-101", include_str!("../../chain-specs/dpos-101.toml")),
    ("ethereum-pow-like", include_str!("../../chain-specs/ethereum-pow-like.toml")),
    ("graphene-like", include_str!("../../chain-specs/graphene-like.toml")),
    ("peercoin-like", include_str!("../../chain-specs/peercoin-like.toml")),
];

/// Names and texts of all shipped specs; they need no file.
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    &SHIPPED
}

/// A name that no shipped spec has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no shipped chain spec is called `{given}`; {hint}")]
pub struct NotShipped {
    /// What was given, shortened.
    pub given: String,
    /// What it may have been meant to be.
    pub hint: String,
}

/// The text of the shipped spec with this name.
pub fn find(name: &str) -> Result<&'static str, NotShipped> {
    if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return Ok(text);
    }
    let names = SHIPPED.map(|(name, _)| name);
    let hint = match nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("shipped are {}; a path ends in .toml", names.join(", ")),
    };
    Err(NotShipped { given: super::error::shortened(name), hint })
}
