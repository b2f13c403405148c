//! `assay version`: what this program is, and how it was built.

use serde::Serialize;

use super::error::CliError;
use super::output::{self, Table};
use super::{Globals, log};
use crate::api::Exit;
use crate::miner::kernels::{self, Kernel};

/// What `version --json` prints.
#[derive(Debug, Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
    /// The commit it was built from, where the build knows (`build.rs`).
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'static str>,
    /// The least compiler that builds it.
    rust_version: &'static str,
    /// The machine it was built for.
    target: Target,
    /// `debug` or `release`.
    profile: &'static str,
    features: Vec<&'static str>,
    /// The ways to hash that run on this machine, the slowest first.
    kernels: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Target {
    arch: &'static str,
    os: &'static str,
}

/// Runs `assay version`.
pub fn run(globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    globals.expect_no_node("assay version")?;
    let version = Version {
        name: "assay",
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("ASSAY_COMMIT"),
        rust_version: env!("CARGO_PKG_RUST_VERSION"),
        target: Target { arch: std::env::consts::ARCH, os: std::env::consts::OS },
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        features: vec!["node"], // the command line is part of it
        kernels: kernels::available().map(Kernel::name).collect(),
    };
    if globals.json {
        output::json(&version)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::pairs();
    table.pair(version.name, version.version);
    if let Some(commit) = version.commit {
        table.pair("commit", commit);
    }
    table.pair("built for", format!("{} {}", version.target.arch, version.target.os));
    table.pair("profile", version.profile);
    table.pair("features", version.features.join(", "));
    table.pair("kernels", version.kernels.join(", "));
    table.print()?;
    Ok(Exit::Ok)
}
