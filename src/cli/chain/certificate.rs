//! What proves a block to somebody who has no node: `chain block --certificate`, and `chain verify --certificate`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::api::{BlockSelector, Certificate, Exit};
use crate::cli::connect::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::cli::{Globals, specs};
use crate::consensus::authorities::Authorities;
use crate::spec::FrozenSpec;
use crate::types::{Address, Block, BlockId, Height, decode};

/// A certificate with the header and the largest quorum has less.
const BYTES_MAX: u64 = 1 << 20;

/// What is checked in place of a data directory.
#[derive(Debug, clap::Args)]
pub(super) struct Proof {
    /// Check the certificate of one block, as `assay chain block --certificate` prints it, without any node
    #[arg(long, value_name = "FILE", requires = "chain", conflicts_with = "datadir")]
    pub certificate: Option<PathBuf>,
    /// The frozen spec of the chain that the certificate is to be of
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub chain: Option<PathBuf>,
    /// An authority at that height, where they are not those of the spec any more; once for each
    #[arg(long = "authority", value_name = "ADDRESS", requires = "certificate")]
    pub authorities: Vec<String>,
}

/// The certificate of a block, from a node.
pub(super) async fn of(
    selector: BlockSelector,
    connection: &Connection,
) -> Result<Certificate, CliError> {
    let client = &connection.client;
    let explain = |error| connection.explain(error);
    let found = client.chain_block(selector).await.map_err(explain)?;
    let info = client.chain_info().await.map_err(explain)?;
    let unproven = || {
        let engine = output::plain(&info.engine);
        CliError::failed(format!(
            "the block at height {} has no votes of a quorum: under the rule {engine} a block is no proof by itself",
            found.header.height
        ))
        .help("under pbft every block above the first has a certificate")
    };
    let list = match client.authority_list().await {
        Ok(list) => list,
        Err(_) => return Err(unproven()),
    };
    let page = client.chain_blocks(found.header.height).await.map_err(explain)?;
    let bytes = page.blocks.first().and_then(|block| hex::decode(block).ok());
    let block: Option<Block> = bytes.and_then(|bytes| decode(&bytes).ok());
    let block = block.filter(|block| block.header.id(&info.genesis) == found.header.id);
    let Some(block) = block else {
        return Err(CliError::failed("the block left the best branch meanwhile").help("ask again"));
    };
    Certificate::of(&block, info.genesis, &list).ok_or_else(unproven)
}

/// What a certificate proves, for scripts.
#[derive(Debug, Serialize)]
struct Proven {
    id: BlockId,
    height: Height,
    view: u64,
    voters: Vec<String>,
}

/// Checks a certificate against a spec, and says what it proves.
pub(super) fn verify(file: &Path, proof: &Proof, globals: &Globals) -> Result<Exit, CliError> {
    let chain = proof.chain.as_deref().unwrap_or(Path::new(""));
    let shown = chain.display().to_string();
    let spec = FrozenSpec::parse(&shown, &specs::read_file(chain)?)?;
    let certificate: Certificate = serde_json::from_str(&read(file)?).map_err(|error| {
        CliError::new(
            Exit::Config,
            "no_certificate",
            format!("{} is no certificate: {error}", file.display()),
        )
        .help("`assay chain block HEIGHT --certificate` prints one")
    })?;
    let genesis = spec.genesis_id();
    let known: Authorities = match proof.authorities.as_slice() {
        [] => spec.consensus().authorities().map(|them| them.set()).unwrap_or_default(),
        given => given.iter().map(|text| address(text, &spec)).collect::<Result<_, _>>()?,
    };
    let certified = certificate.verify(&genesis, &known).map_err(|reason| {
        let message = format!("{} proves nothing: {reason}", file.display());
        CliError::new(Exit::Violated, "violated", message).help(
            "if authorities changed since the chain began, name those that you know with --authority, once for each",
        )
    })?;
    let voters = certified.voters.iter().map(|voter| voter.encode(&spec.prefix)).collect();
    let proven =
        Proven { id: certified.id, height: certified.height, view: certified.view, voters };
    if globals.json {
        output::json(&proven)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::pairs();
    table.pair("chain", format!("{} {genesis}", output::plain(&spec.name)));
    table.pair("block", format!("{} {}", proven.height, proven.id));
    table.pair(
        "proven by",
        format!(
            "{} votes of {} authorities, in view {}",
            proven.voters.len(),
            known.len(),
            proven.view
        ),
    );
    proven.voters.iter().for_each(|voter| table.pair("vote", voter));
    table.print()?;
    Ok(Exit::Ok)
}

fn read(path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let taken = File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text));
    taken.map(|_| text).map_err(|error| CliError::file("read", path, &error))
}

fn address(text: &str, spec: &FrozenSpec) -> Result<Address, CliError> {
    Address::parse(text.trim(), &spec.prefix).map_err(|error| {
        let shown: String = output::plain(text).chars().take(80).collect();
        CliError::usage(format!("--authority {shown}: {error}"))
            .help("`assay wallet authority list` shows addresses")
    })
}
