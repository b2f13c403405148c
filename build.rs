//! Tells an optimised build which commit it is of, so that its reports can say what they measured.
//!
//! `ASSAY_COMMIT` in the environment has precedence. Without it git is asked, of release builds alone: another commit would compile
//! debug builds anew, of whom nobody measures anything. Where there is no git, or no repository, the build does not know.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=ASSAY_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let optimised = std::env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    if !optimised || std::env::var_os("ASSAY_COMMIT").is_some() {
        return;
    }
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return };
    // Whether something was changed since is asked of what is compiled in, and asked again when it changes.
    const SOURCES: [&str; 5] = ["src", "chain-specs", "scenarios", "Cargo.toml", "Cargo.lock"];
    let changed = git(&[&["status", "--porcelain", "--"][..], &SOURCES].concat());
    let suffix = if changed.is_some_and(|changed| !changed.is_empty()) { "+changes" } else { "" };
    println!("cargo:rustc-env=ASSAY_COMMIT={commit}{suffix}");
    let logs = ["HEAD", "logs/HEAD"].map(|file| git(&["rev-parse", "--git-path", file]));
    let sources = SOURCES.map(|path| Some(path.to_owned()));
    for path in logs.into_iter().chain(sources).flatten().filter(|path| Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={path}");
    }
}

/// What a git command prints, without the line's end; nothing if it fails.
fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok().filter(|it| it.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim_end().to_owned())
}
