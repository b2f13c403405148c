//! Plays scripts. It knows no rule.
//!
//! A line that begins with `#` is prose, an indented one the record of the command above it, and every other one a
//! command.

#![allow(clippy::disallowed_methods, reason = "a test asks its operator for consent")]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of the record that are shown when a command fails.
const CONTEXT: usize = 12;

/// What commands act on.
pub(crate) trait Stage {
    /// Before the first command.
    fn new() -> Self;

    /// Does what a line says; gives what came of it, a line each, or what is wrong with the command.
    fn command(&mut self, line: &str) -> Result<Vec<String>, String>;
}

/// Plays all scripts of a rule.
pub(crate) fn play_all<S: Stage>(rule: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(rule);
    let entries = fs::read_dir(&folder).expect("the folder of scripts can be read");
    let mut scripts: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder of scripts can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "there is no script in {}", folder.display());
    let bless = std::env::var("ASSAY_BLESS").is_ok_and(|consent| consent == "1");
    let failures: Vec<String> =
        scripts.iter().filter_map(|path| compare::<S>(path, bless).err()).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

fn compare<S: Stage>(path: &Path, bless: bool) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let written = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    if !written.starts_with('#') {
        return Err(format!("{name} does not begin by saying what it shows"));
    }
    let played = play::<S>(&written).map_err(|error| format!("{name}:{error}"))?;
    if bless {
        return fs::write(path, played).map_err(|error| format!("{name}: {error}"));
    }
    match difference(&written, &played) {
        Some(difference) => Err(format!("{name}:{difference}")),
        None => Ok(()),
    }
}

/// The script with what comes of its commands now, in place of its record.
pub(crate) fn play<S: Stage>(script: &str) -> Result<String, String> {
    let mut stage = S::new();
    let mut played = String::new();
    for (number, line) in script.lines().enumerate() {
        if line.starts_with(char::is_whitespace) && !line.trim().is_empty() {
            continue;
        }
        played.push_str(line.trim_end());
        played.push('\n');
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let outcome = stage.command(line.trim());
        let outcome = outcome.map_err(|error| {
            let before: Vec<&str> = played.lines().rev().take(CONTEXT).collect();
            let before: Vec<&str> = before.into_iter().rev().collect();
            format!("{}: `{line}`: {error}; before:\n{}", number + 1, before.join("\n"))
        })?;
        for line in outcome {
            played.push_str("    ");
            played.push_str(&line);
            played.push('\n');
        }
    }
    Ok(played)
}

/// Where two texts part.
fn difference(written: &str, played: &str) -> Option<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (written.lines().collect(), played.lines().collect());
    let place = (0..old.len().max(new.len())).find(|line| old.get(*line) != new.get(*line))?;
    let line = |of: &[&str]| of.get(place).map_or("(nothing)", |line| line.trim()).to_owned();
    Some(format!(
        "{}: it is written\n    {}\nand it happens\n    {}\n(with ASSAY_BLESS=1 what happens is written down: read it)",
        place + 1,
        line(&old),
        line(&new)
    ))
}

mod tests {
    use super::{Stage, difference, play};

    /// Counts.
    struct Count(usize);

    impl Stage for Count {
        fn new() -> Self {
            Self(0)
        }

        fn command(&mut self, line: &str) -> Result<Vec<String>, String> {
            let more: usize =
                line.strip_prefix("add ").ok_or("unknown")?.parse().map_err(|_| "no number")?;
            self.0 += more;
            Ok(vec![self.0.to_string()])
        }
    }

    #[test]
    fn a_record_is_made_anew_and_compared() {
        let script = "# sums\nadd 2\n    1\n    surplus\n\nadd 3\n";
        let played = play::<Count>(script).unwrap();
        assert_eq!(played, "# sums\nadd 2\n    2\n\nadd 3\n    5\n");
        assert!(difference(script, &played).unwrap().starts_with("3: "));
        assert_eq!(difference(&played, &play::<Count>(&played).unwrap()), None);
    }

    #[test]
    fn a_command_that_nobody_knows_is_an_error_with_its_line() {
        let error = play::<Count>("# sums\nadd 2\nsubtract 1\n").unwrap_err();
        assert!(error.starts_with("3: `subtract 1`: unknown; before:\n# sums\n"), "{error}");
    }
}
