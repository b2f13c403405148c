//! Published test vectors, one module per field.
//!
//! The vectors are not part of this repository: `ASSAY_VECTORS` names the directory that holds them, and without it
//! these tests print a line and pass. Once it is set, a missing or malformed file fails.

#![allow(clippy::disallowed_methods, reason = "a test may read the environment")]

mod crypto;

use std::path::Path;

use serde_json::Value;

/// The JSON file at `path` below the directory of vectors, or nothing where none is set.
pub fn load(path: &str) -> Option<Value> {
    let Some(directory) = std::env::var_os("ASSAY_VECTORS") else {
        println!("skipped: set ASSAY_VECTORS to the directory of test vectors to check {path}");
        return None;
    };
    let file = Path::new(&directory).join(path);
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
    Some(
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is not JSON: {error}", file.display())),
    )
}

/// The list at `key`, which must hold exactly `count` rows: a shorter file would test less than it seems to.
pub fn rows<'a>(file: &'a Value, key: &str, count: usize) -> &'a [Value] {
    let rows = file[key].as_array().unwrap_or_else(|| panic!("no list {key:?}"));
    assert_eq!(rows.len(), count, "rows of {key:?}");
    rows
}

/// The text at `key` of a row.
pub fn text<I: serde_json::value::Index>(row: &Value, key: I) -> &str {
    row[key].as_str().unwrap_or_else(|| panic!("a text is missing in {row}"))
}

/// The bytes that the hexadecimal text at `key` of a row spells.
pub fn bytes<I: serde_json::value::Index>(row: &Value, key: I) -> Vec<u8> {
    hex::decode(text(row, key)).unwrap_or_else(|error| panic!("{error} in {row}"))
}

/// Like [`bytes`], of a fixed length.
pub fn array<const N: usize, I: serde_json::value::Index>(row: &Value, key: I) -> [u8; N] {
    bytes(row, key).try_into().unwrap_or_else(|_| panic!("not {N} bytes in {row}"))
}
