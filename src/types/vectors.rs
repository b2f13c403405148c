//! Where tests find published vectors: the directory named by `ASSAY_VECTORS`.

use std::path::PathBuf;

/// The bytes of `name` below the vectors directory; prints a line and gives nothing when the directory is not set.
///
/// # Panics
///
/// If the directory is set and the file cannot be read: a silent skip would look like a pass.
pub(crate) fn read(name: &str) -> Option<Vec<u8>> {
    let Some(directory) = std::env::var_os("ASSAY_VECTORS") else {
        println!("skipped: set ASSAY_VECTORS to the directory that holds {name}");
        return None;
    };
    let path = PathBuf::from(directory).join(name);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// [`read`], as JSON.
pub(crate) fn json(name: &str) -> Option<serde_json::Value> {
    let bytes = read(name)?;
    Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// The names of the files below a directory of the vectors, in order; none when the vectors are not set.
///
/// # Panics
///
/// If the vectors are set and the directory cannot be read or has no files.
pub(crate) fn names(directory: &str) -> Vec<String> {
    let Some(vectors) = std::env::var_os("ASSAY_VECTORS") else {
        println!("skipped: set ASSAY_VECTORS to the directory that holds {directory}");
        return Vec::new();
    };
    let path = PathBuf::from(vectors).join(directory);
    let entries =
        std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.ok().and_then(|entry| entry.file_name().into_string().ok())
    };
    let mut names: Vec<String> = entries.filter_map(name).collect();
    assert!(!names.is_empty(), "{}: no files", path.display());
    names.sort();
    names
}

/// Whether two doubles are equal up to what JSON loses: serde_json reads a number to within one unit in the last place.
pub(crate) fn same(left: f64, right: &serde_json::Value) -> bool {
    let right = right.as_f64().expect("a number");
    (left - right).abs() <= 2.0 * f64::EPSILON * right.abs()
}
