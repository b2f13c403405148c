//! Holds the shape of the house: who imports whom, how long a file may grow, where the bans of the core are lifted.
//!
//! The order of the rooms is an order of ideas. A room that is imported by everything knows nothing of anybody; the
//! core below `node` runs on sockets and in a simulator because it cannot even name either.

#![allow(clippy::disallowed_methods, reason = "a test reads the tree and asks git")]

mod source;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use source::{Import, bans_lifted_without_reason, imports, module_files, tokens};

/// The rooms in the order of their knowledge. A room imports from the lines above its own and from itself, never from
/// a neighbour on its line: so `node` and `sim` never meet, and `wallet` does not know `node`.
const LEVELS: [&[&str]; 9] = [
    &["types"],
    &["ledger"],
    &["chain", "mempool"],
    &["consensus"],
    &["spec", "store", "miner", "api"],
    &["replica"],
    &["node", "sim", "wallet"],
    &["devnet", "bench"],
    &["cli"],
];

/// A file longer than this hides a second file.
const LINES_MAX: usize = 800;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn level(room: &str) -> Option<usize> {
    LEVELS.iter().position(|rooms| rooms.contains(&room))
}

/// Why `from` must not import `import`, if it must not.
fn refusal(from: &str, import: &Import) -> Option<String> {
    let to = import.room.as_str();
    if to == "*" {
        return Some(
            "the root under another name, or all of it, hides who imports whom: name the room"
                .into(),
        );
    }
    // A name that is no room is a macro: the root holds nothing else (see `the_root_only_lists_rooms`).
    let (below, own) = (level(to)?, level(from)?);
    if from == to || below < own {
        return None;
    }
    let above: Vec<&str> = LEVELS[..own].iter().flat_map(|rooms| rooms.iter().copied()).collect();
    Some(if below == own {
        format!(
            "`{from}` and `{to}` are neighbours and never import each other: what both need belongs above them"
        )
    } else if above.is_empty() {
        format!("`{from}` imports no other room")
    } else {
        format!("`{from}` may import only itself and {}", above.join(", "))
    })
}

/// The violations in one file that is the module `module`, as `path:line: what: why`.
fn violations(name: &str, module: &[String], source: &str) -> Vec<String> {
    let Some(room) = module.first() else { return Vec::new() };
    imports(&tokens(source), module.len())
        .iter()
        .filter_map(|import| {
            let why = refusal(room, import)?;
            Some(format!("{name}:{}: `crate::{}` in `{room}`: {why}", import.line, import.room))
        })
        .collect()
}

/// A file's name as people write it: relative to the repository.
fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).expect("a directory of the repository can be listed");
    for entry in entries {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

fn sources() -> BTreeMap<PathBuf, String> {
    let mut files = Vec::new();
    files_below(&root().join("src"), &mut files);
    files
        .into_iter()
        .map(|file| {
            let source = fs::read_to_string(&file).expect("a source file is UTF-8 text");
            (file, source)
        })
        .collect()
}

fn is_test_file(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == "tests.rs"
        || name.ends_with("_tests.rs")
        || file.components().any(|part| part.as_os_str() == "tests")
}

#[track_caller]
fn none(title: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{title}:\n  {}\n", problems.join("\n  "));
}

#[test]
fn rooms_import_only_what_stands_above_them() {
    let modules = module_files(&root().join("src/lib.rs"));
    let sources = sources();
    let mut problems = Vec::new();
    for (file, source) in &sources {
        match modules.get(file) {
            Some(module) => problems.extend(violations(&shown(file), module, source)),
            // The binary is the edge: it sees the library from outside.
            None if file.ends_with("src/main.rs") => {}
            None => problems.push(format!("{}:1: no module declares this file", shown(file))),
        }
    }
    assert!(modules.len() > LEVELS.len(), "the module tree behind src/lib.rs was not found");
    none("imports that break the order of the rooms (ARCHITECTURE.md)", &problems);
}

#[test]
fn the_root_only_lists_rooms() {
    let mut problems = Vec::new();
    for module in module_files(&root().join("src/lib.rs")).values() {
        if let [room] = module.as_slice()
            && level(room).is_none()
        {
            problems.push(format!(
                "src/lib.rs: `mod {room}` has no place in LEVELS of tests/layering/main.rs"
            ));
        }
    }
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs is there");
    for token in tokens(&lib).iter().filter(|token| !token.literal && token.text == "use") {
        problems.push(format!(
            "src/lib.rs:{}: a re-export at the root hides who imports whom",
            token.line
        ));
    }
    none("the root says more than which rooms there are", &problems);
}

#[test]
fn no_source_file_is_too_long() {
    let problems: Vec<String> = sources()
        .iter()
        .filter(|(file, _)| !is_test_file(file))
        .map(|(file, source)| (file, source.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(file, lines)| {
            format!("{}: {lines} lines, at most {LINES_MAX}: split it", shown(file))
        })
        .collect();
    none("files with a second file inside", &problems);
}

#[test]
fn bans_are_lifted_only_with_a_reason() {
    let mut problems = Vec::new();
    for (file, source) in &sources() {
        for line in bans_lifted_without_reason(&tokens(source)) {
            problems.push(format!("{}:{line}: this `allow` needs a `reason = \"…\"`", shown(file)));
        }
    }
    none("clock, threads, entropy or unordered maps allowed without a reason", &problems);
}

/// The lines of `text` that name a place on somebody's machine.
fn private_places(text: &[u8]) -> Vec<(usize, String)> {
    // Put together here, so that this file does not name them itself.
    let places = ["root", "home", "work", "Users"].map(|name| format!("/{name}/"));
    let mut found = Vec::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        for place in &places {
            let hit = line.windows(place.len()).enumerate().any(|(at, window)| {
                // After a word it is the middle of a relative path, such as src/work/mod.rs.
                let before = at.checked_sub(1).map(|before| line[before]);
                let inside =
                    before.is_some_and(|b| b.is_ascii_alphanumeric() || b"_-.~}*".contains(&b));
                window == place.as_bytes() && !inside
            });
            if hit {
                found.push((index + 1, place.clone()));
            }
        }
    }
    found
}

#[test]
fn no_file_names_somebodys_machine() {
    let listed = Command::new("git").arg("-C").arg(root()).args(["ls-files", "-z"]).output();
    let Some(listed) = listed.ok().filter(|output| output.status.success()) else {
        eprintln!("skipped: git is not here, or this is no checkout");
        return;
    };
    let mut problems = Vec::new();
    for name in listed.stdout.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let name = String::from_utf8_lossy(name);
        // A listed file may be deleted in the work tree.
        let Ok(text) = fs::read(root().join(name.as_ref())) else { continue };
        for (line, place) in private_places(&text) {
            problems.push(format!("{name}:{line}: names a place under {place}"));
        }
    }
    none("absolute paths of one machine", &problems);
}

// The checks above can fail: each of these plants what they look for.

/// The rooms that a file of `module` imports against the rules.
fn refused(module: &[&str], source: &str) -> Vec<String> {
    let module: Vec<String> = module.iter().map(|name| (*name).to_owned()).collect();
    let name = "planted.rs";
    violations(name, &module, source)
}

#[test]
fn a_planted_import_is_found_with_its_line_and_rule() {
    let problems = refused(&["ledger"], "use crate::types::Hash;\n\nuse crate::node::Host;\n");
    assert_eq!(
        problems,
        ["planted.rs:3: `crate::node` in `ledger`: `ledger` may import only itself and types"]
    );
}

#[test]
fn every_way_to_write_an_import_is_found() {
    let ways = [
        "use crate::replica::Replica;",
        "pub use crate::replica;",
        "use crate::{types::{Hash, Height}, replica::Replica};",
        "use crate::{\n    types::Hash, // why\n    /* and */ replica::{\n Replica },\n};",
        "fn f() { let _ = crate::replica::Replica::open(); }",
        "type T = Vec<crate :: replica :: Replica>;",
        "macro_rules! m { () => { $crate::replica::x() } }",
        "use crate::r#replica::Replica;",
        "use super::replica::Replica;",
        "use self::super::replica::Replica;",
        "mod tests { use super::super::replica::Replica; }",
        "mod a { mod b {} use super::{super::{replica::Replica}}; }",
        "fn f<'a>(x: &'a str) -> char { let _ = crate::replica::x; '\"' }",
        "const C: char = '\\''; use crate::replica::R; const D: char = '\\'';",
        "const S: &str = r#\"a \"quoted\" word\"#; use crate::replica::R;",
        "const S: &[u8] = b\"\\\"\"; use crate::replica::R;",
        "/* outer /* inner */ still */ use crate::replica::R;",
    ];
    for way in ways {
        let problems = refused(&["chain"], way);
        assert_eq!(problems.len(), 1, "{way} gave {problems:?}");
        assert!(problems[0].contains("`crate::replica` in `chain`"), "{way} gave {problems:?}");
    }
}

#[test]
fn the_root_by_another_name_is_found() {
    for way in [
        "use crate::*;",
        "use crate as house;",
        "use crate::{self as house};",
        "extern crate self as house;",
        "use super::*;",
        "use super as house;",
    ] {
        let problems = refused(&["types"], way);
        assert_eq!(problems.len(), 1, "{way} gave {problems:?}");
        assert!(problems[0].contains("name the room"), "{way} gave {problems:?}");
    }
}

#[test]
fn what_is_no_import_is_left_alone() {
    for innocent in [
        "// use crate::replica::R;",
        "/// See [`crate::replica`].\nfn f() {}",
        "//! crate::node\n/* crate::node */",
        "const S: &str = \"crate::node\";",
        "const S: &str = r##\"crate::node \"# \"##;",
        "pub(crate) fn f() {}",
        "pub(in crate::chain) fn f() {}",
        "use crate::types::Hash;",
        "use crate::chain::Tree;",
        "crate::ensure!(x);",
        "use std::sync::Arc; use super::Tree;",
        "mod tests { use super::*; }",
        "struct S { replica: u8 } fn f(s: &S) -> u8 { s.replica }",
        "use self::node::Leaf; mod node { pub struct Leaf; }",
    ] {
        assert_eq!(refused(&["chain"], innocent), Vec::<String>::new(), "{innocent}");
    }
    // Two levels down, `super` is the room itself and a child may be called like a room.
    assert_eq!(
        refused(&["chain", "tree"], "use super::node::Leaf; use super::*;"),
        Vec::<String>::new()
    );
    assert_eq!(refused(&["chain", "tree"], "use super::super::node::Host;").len(), 1);
}

#[test]
fn the_order_is_the_one_the_architecture_names() {
    let allowed =
        |from: &str, to: &str| refused(&[from], &format!("use crate::{to}::X;")).is_empty();
    for (from, to) in [
        ("ledger", "types"),
        ("chain", "ledger"),
        ("consensus", "chain"),
        ("consensus", "mempool"),
        ("spec", "consensus"),
        ("replica", "store"),
        ("node", "replica"),
        ("sim", "replica"),
        ("wallet", "api"),
        ("devnet", "node"),
        ("bench", "sim"),
        ("cli", "devnet"),
    ] {
        assert!(allowed(from, to), "{from} imports {to}");
        assert!(!allowed(to, from), "{to} must not import {from}");
    }
    for (one, other) in [
        ("node", "sim"),
        ("wallet", "node"),
        ("chain", "mempool"),
        ("spec", "store"),
        ("miner", "api"),
        ("devnet", "bench"),
    ] {
        assert!(!allowed(one, other), "{one} and {other} are neighbours");
        assert!(!allowed(other, one), "{other} and {one} are neighbours");
    }
}

#[test]
fn a_lifted_ban_without_a_reason_is_found() {
    let lines = |source: &str| bans_lifted_without_reason(&tokens(source));
    assert_eq!(lines("\n#[allow(clippy::disallowed_methods)]\nfn f() {}"), [2]);
    assert_eq!(lines("#![allow(dead_code, clippy::disallowed_types)]"), [1]);
    assert_eq!(lines("#[cfg_attr(test, expect(clippy::disallowed_types))] fn f() {}"), [1]);
    assert_eq!(lines("#[allow(clippy::all)] fn f() {}"), [1]);
    assert_eq!(lines("#[allow(clippy::disallowed_types, reason = \" \")] fn f() {}"), [1]);
    assert_eq!(
        lines("#[allow(clippy::disallowed_types, reason = \"it may (really)\")] fn f() {}"),
        [0; 0]
    );
    assert_eq!(lines("#[allow(clippy::too_many_arguments)] fn f() {}"), [0; 0]);
    assert_eq!(lines("// #[allow(clippy::disallowed_types)]\nfn f() {}"), [0; 0]);
}

#[test]
fn a_place_on_somebodys_machine_is_found() {
    let text = format!("fine\nsee {0}home{0}me/notes\n\"{0}root{0}x\" src{0}work{0}mod.rs", "/");
    let found: Vec<usize> =
        private_places(text.as_bytes()).into_iter().map(|(line, _)| line).collect();
    assert_eq!(found, [2, 3]);
}

#[test]
fn the_module_tree_is_followed_as_the_compiler_does() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layering");
    let write = |name: &str, text: &str| {
        let file = directory.join(name);
        fs::create_dir_all(file.parent().expect("a file has a directory")).expect("it can be made");
        fs::write(file, text).expect("it can be written");
    };
    write("lib.rs", "pub mod a;\n#[cfg(x)]\n#[path = \"elsewhere.rs\"]\nmod b;\n");
    write("a/mod.rs", "mod leaf; mod inline { mod deep; }");
    write("a/leaf.rs", "mod under; #[cfg(test)] #[path = \"leaf_tests.rs\"] mod tests;");
    write("a/leaf/under.rs", "");
    write("a/leaf_tests.rs", "");
    write("a/inline/deep.rs", "");
    write("elsewhere.rs", "");
    let files: Vec<(String, String)> = module_files(&directory.join("lib.rs"))
        .into_iter()
        .map(|(file, module)| {
            let file = file.strip_prefix(&directory).expect("it lies inside").display().to_string();
            (file, module.join("::"))
        })
        .collect();
    let expected = [
        ("a/inline/deep.rs", "a::inline::deep"),
        ("a/leaf/under.rs", "a::leaf::under"),
        ("a/leaf.rs", "a::leaf"),
        ("a/leaf_tests.rs", "a::leaf::tests"),
        ("a/mod.rs", "a"),
        ("elsewhere.rs", "b"),
        ("lib.rs", ""),
    ];
    assert_eq!(files, expected.map(|(file, module)| (file.to_owned(), module.to_owned())));
}
