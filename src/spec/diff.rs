//! What tells two chain specs apart.

use std::collections::BTreeMap;
use std::fmt;

use super::settings::Entry;

/// A key that two specs give different values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its path: `pow.block_time`, `genesis.accounts[2]`.
    pub field: String,
    /// The value in the first spec, as TOML writes it; `None` where the first spec has no such key.
    pub a: Option<String>,
    /// The value in the second.
    pub b: Option<String>,
    /// Whether it makes the genesis ids differ.
    pub consensus: bool,
}

impl fmt::Display for Difference {
    /// One line: `pow.block_time: "2s" | "10s"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".into());
        write!(f, "{}: {} | {}", self.field, shown(&self.a), shown(&self.b))
    }
}

/// The keys that two specs give different values, in the order of the file.
pub fn diff(a: &[Entry], b: &[Entry]) -> Vec<Difference> {
    let by_path = |entries: &[Entry]| -> BTreeMap<String, Entry> {
        entries.iter().map(|entry| (entry.path(), entry.clone())).collect()
    };
    let (in_a, in_b) = (by_path(a), by_path(b));
    let only_b = b.iter().filter(|entry| !in_a.contains_key(&entry.path()));
    let difference = |entry: &Entry| {
        let field = entry.path();
        let value = |side: &BTreeMap<String, Entry>| side.get(&field).map(|e| e.value.clone());
        let (a, b) = (value(&in_a), value(&in_b));
        (a != b).then_some(Difference { field, a, b, consensus: entry.consensus })
    };
    a.iter().chain(only_b).filter_map(difference).collect()
}
