//! `assay chain verify`: going over a stored chain from its first block.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde::Serialize;

use super::certificate::{self, Proof};
use super::place::Datadir;
use crate::api::Exit;
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::cli::{Globals, long};
use crate::node::cold::{DataDirectory, VerifyFailed, verify};
use crate::types::{BlockId, GenesisId, Height, StateRoot};

/// What `assay chain verify` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    datadir: Datadir,
    #[command(flatten)]
    proof: Proof,
}

/// What holds.
#[derive(Debug, Serialize)]
struct Verified {
    datadir: PathBuf,
    genesis: GenesisId,
    height: Height,
    head: BlockId,
    final_height: Height,
    state_root: StateRoot,
    blocks: u64,
    transactions: u64,
    signatures: u64,
    seconds: f64,
}

/// Runs `assay chain verify`.
pub(super) fn run(args: Verify, globals: &Globals) -> Result<Exit, CliError> {
    if let Some(file) = &args.proof.certificate {
        return certificate::verify(file, &args.proof, globals);
    }
    let datadir = args.datadir.expect("assay chain verify", globals)?;
    let directory = DataDirectory::take(&datadir)?;
    if !directory.has_database() {
        let message = format!("{} holds no database: no node ran there", datadir.display());
        return Err(CliError::new(Exit::Database, "no_database", message)
            .help("start a node on it, or fill it with `assay chain import`"));
    }
    let genesis = directory.spec().genesis_id();
    let started = Instant::now();
    let (outcome, signal) = long::interruptible(move |going| {
        let bar = long::bar(0, "blocks");
        let tell = |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        };
        let outcome = verify(&directory, || going.load(Ordering::Relaxed), tell);
        bar.finish_and_clear();
        outcome
    })?;
    let done = match (outcome, signal) {
        (Ok(done), _) => done,
        (Err(VerifyFailed::Interrupted), Some(exit)) => return Ok(exit),
        (Err(error), _) => return Err(failed(&datadir, error)),
    };
    let audited = done.audited;
    let verified = Verified {
        datadir,
        genesis,
        height: audited.height,
        head: audited.head,
        final_height: audited.final_height,
        state_root: audited.state_root,
        blocks: audited.blocks,
        transactions: audited.transactions,
        signatures: done.signatures,
        seconds: started.elapsed().as_secs_f64(),
    };
    if globals.json {
        output::json(&verified)?;
    } else {
        verified.table().print()?;
    }
    Ok(Exit::Ok)
}

impl Verified {
    fn table(&self) -> Table {
        let mut table = Table::pairs();
        table.pair("directory", self.datadir.display());
        table.pair("genesis", self.genesis);
        let counts = [self.blocks, self.transactions, self.signatures].map(output::count);
        let [blocks, transactions, signatures] = counts;
        table.pair(
            "verified",
            format!(
                "{blocks} blocks, {transactions} transactions, {signatures} signatures in {:.1} s",
                self.seconds
            ),
        );
        table.pair("height", self.height);
        table.pair("head", self.head);
        table.pair("final height", output::depth(self.final_height, self.height));
        table.pair("state root", self.state_root);
        table
    }
}

fn failed(datadir: &std::path::Path, error: VerifyFailed) -> CliError {
    match error {
        VerifyFailed::Violated { height, what } => {
            let message = format!(
                "the chain in {} is not right at height {height}: {what}",
                datadir.display()
            );
            CliError::new(Exit::Violated, "violated", message).help(
                "import the chain from a file, or fetch it anew from peers with `assay node run --resync`",
            )
        }
        VerifyFailed::Failed(error) => error.into(),
        VerifyFailed::Interrupted => CliError::new(Exit::Interrupted, "interrupted", "interrupted"),
    }
}
