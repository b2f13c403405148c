//! The table of bounds in `docs/bounds.md` says what the sources say, names tests that exist, and misses none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where bounds on what others can do are: a limit that is declared there must be in the table.
const WATCHED: [&str; 7] = [
    "src/replica",
    "src/node/net",
    "src/mempool",
    "src/chain/tree.rs",
    "src/node/host.rs",
    "src/miner/stratum",
    "src/node/stratum",
];

/// Limits there that bound nothing which others can make grow.
const NOT_BOUNDS: [(&str, &str); 0] = [];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files at or below a path, those with tests only left out unless asked for.
fn sources(at: &Path, tests: bool) -> Vec<PathBuf> {
    let name = at.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !tests && (name == "tests" || name.ends_with("tests.rs")) {
        return Vec::new();
    }
    if at.is_file() {
        return if name.ends_with(".rs") { vec![at.to_owned()] } else { Vec::new() };
    }
    let entries = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|entry| sources(&entry, tests)).collect()
}

/// The constants that a file declares at its top level: name, type and value as they stand there.
fn constants(text: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let declares = |line: &&str| line.starts_with("const ") || line.starts_with("pub");
    for line in text.lines().filter(declares) {
        let Some((_, rest)) = line.split_once("const ") else { continue };
        let Some((name, rest)) = rest.split_once(": ") else { continue };
        let Some((kind, value)) = rest.split_once(" = ") else { continue };
        let value = match value.strip_suffix(';') {
            Some(value) => value.to_owned(),
            None => continued(text, line, value),
        };
        found.push((name.to_owned(), kind.to_owned(), value));
    }
    found
}

/// The rest of a value that does not end on its line.
fn continued(text: &str, line: &str, begin: &str) -> String {
    let rest = text.split_once(line).map_or("", |(_, rest)| rest);
    let rest = rest.split_once(';').map_or("", |(rest, _)| rest);
    format!("{begin} {}", rest.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A row of the table: what, constant, file, value, beyond, blamed, tests.
fn rows() -> Vec<[String; 7]> {
    let text = fs::read_to_string(root().join("docs/bounds.md")).unwrap();
    let cells = |line: &str| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect::<Vec<_>>().try_into().ok()
    };
    let rows: Vec<[String; 7]> = text.lines().filter_map(cells).collect();
    rows.into_iter().filter(|row| row[0] != "what").collect()
}

/// What stands in backticks in a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_values_in_the_table_are_those_in_the_sources() {
    let rows = rows();
    assert!(rows.len() > 50, "only {} rows", rows.len());
    for [what, constant, file, value, ..] in rows {
        let text =
            fs::read_to_string(root().join(&file)).unwrap_or_else(|_| panic!("{what}: {file}"));
        // What a spec or a struct says is not a constant; its row is for people.
        let (&[name], &[value]) = (&quoted(&constant)[..], &quoted(&value)[..]) else { continue };
        let found = constants(&text).into_iter().find(|(other, ..)| other == name);
        let (.., found) = found.unwrap_or_else(|| panic!("{what}: no constant {name} in {file}"));
        assert_eq!(value, found, "{what}: {name} in {file}, and in docs/bounds.md");
    }
}

#[test]
fn every_row_names_a_test_that_exists_or_says_why_there_is_none() {
    let mut files = sources(&root().join("src"), true);
    files.extend(sources(&root().join("tests"), true));
    let mut tests = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let names =
            text.lines().filter_map(|line| line.trim().split_once("fn ")?.1.split_once('('));
        tests.extend(names.map(|(name, _)| name.to_owned()));
    }
    for [what, .., cell] in rows() {
        let names = quoted(&cell);
        assert!(!names.is_empty() || cell.starts_with("none: "), "{what}: {cell}");
        for name in names {
            assert!(tests.contains(name), "{what}: there is no test {name}");
        }
    }
}

#[test]
fn no_bound_is_missing_in_the_table() {
    let mut table: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for [_, constant, file, ..] in rows() {
        table.entry(file).or_default().extend(quoted(&constant).into_iter().map(str::to_owned));
    }
    let bounds = |name: &str, kind: &str| {
        let number = ["usize", "u32", "u64"].contains(&kind);
        kind == "Rate"
            || number && ["_MAX", "_PARTS", "_SHARE"].iter().any(|end| name.ends_with(end))
    };
    let mut missing = Vec::new();
    for file in WATCHED.iter().flat_map(|watched| sources(&root().join(watched), false)) {
        let text = fs::read_to_string(&file).unwrap();
        let file = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        for (name, kind, _) in constants(&text) {
            let known = table.get(&file).is_some_and(|names| names.contains(&name));
            if bounds(&name, &kind) && !known && !NOT_BOUNDS.contains(&(&file, &name)) {
                missing.push(format!("{name} in {file}"));
            }
        }
    }
    assert!(missing.is_empty(), "docs/bounds.md has no row for: {}", missing.join(", "));
}
