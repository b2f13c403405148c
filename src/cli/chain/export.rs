//! `assay chain export`: the chain in a file, from a node or from a data directory.

use std::fs::{File, Permissions};
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;
use tempfile::NamedTempFile;

use super::place::Datadir;
use crate::api::Exit;
use crate::cli::connect::{Connection, connect};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::cli::{Globals, block_on, long};
use crate::node::cold::DataDirectory;
use crate::node::store::RocksStore;
use crate::store::{ArchiveError, ArchiveWriter, ColdChain, Spot};
use crate::types::{Block, BlockId, GenesisId, Height, StateRoot, decode};

/// How often blocks that are not final are read anew because the node went over to another branch.
const RETRIES_MAX: usize = 20;

/// Blocks read from a data directory at once.
const PAGE: u64 = 64;

/// What `assay chain export` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// The file to write
    file: PathBuf,
    /// The first height
    #[arg(long, value_name = "HEIGHT", default_value = "1", value_parser = height)]
    from: Height,
    /// The last height: a number, `head` or `final`
    #[arg(long, value_name = "HEIGHT", default_value = "head")]
    to: End,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    datadir: Datadir,
}

/// Where a file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Height(Height),
    Head,
    Final,
}

fn height(text: &str) -> Result<Height, String> {
    match text.parse() {
        Ok(0) => Err("the first block follows from the spec: begin with 1".into()),
        Ok(height) => Ok(Height(height)),
        Err(_) => Err("expected a height, such as 1".into()),
    }
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "head" => Ok(Self::Head),
            "final" => Ok(Self::Final),
            _ => text
                .parse()
                .map(|height| Self::Height(Height(height)))
                .map_err(|_| "expected a height, `head` or `final`".into()),
        }
    }
}

/// What was written.
#[derive(Debug, Serialize)]
struct Exported {
    file: PathBuf,
    genesis: GenesisId,
    from: Height,
    to: Height,
    head: BlockId,
    state_root: StateRoot,
    blocks: u64,
    transactions: u64,
    bytes: u64,
}

/// Runs `assay chain export`.
pub(super) fn run(args: Export, globals: &Globals) -> Result<Exit, CliError> {
    if args.file.exists() && !args.force {
        let message = format!("{} exists", args.file.display());
        return Err(CliError::new(Exit::Failed, "file_exists", message)
            .help("choose another name, or write over it with --force"));
    }
    let cold = || -> Result<Source, CliError> {
        let directory = args.datadir.expect("assay chain export --datadir", globals)?;
        let directory = DataDirectory::take(&directory)?;
        let chain = directory.read()?;
        Ok(Source::Cold(Box::new((directory, chain))))
    };
    let source = match (&args.datadir.datadir, &globals.dir) {
        (Some(_), _) => cold()?,
        (None, dir) => match connect(globals) {
            Ok(connection) => Source::Node(connection),
            // A node that does not run is no reason to keep its chain back.
            Err(error) if dir.is_some() && error.exit() == Exit::Unreachable => {
                cold().map_err(|_| error)?
            }
            Err(error) => return Err(error),
        },
    };
    let exported = block_on(async {
        // An end in between drops the file that is being written.
        tokio::select! {
            exported = export(&args, &source) => exported.map(Ok),
            stopped = tokio::signal::ctrl_c() => match stopped {
                Ok(()) => Ok(Err(Exit::Interrupted)),
                Err(error) => Err(CliError::failed(format!("cannot catch signals: {error}"))),
            },
        }
    })?;
    let exported = match exported {
        Ok(exported) => exported,
        Err(exit) => return Ok(exit),
    };
    if globals.json {
        output::json(&exported)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::pairs();
    table.pair("file", exported.file.display());
    table.pair("genesis", exported.genesis);
    table.pair("heights", format!("{} to {}", exported.from, exported.to));
    table.pair("head", exported.head);
    table.pair("state root", exported.state_root);
    table.pair("transactions", output::count(exported.transactions));
    table.pair("size", format!("{} bytes", output::count(exported.bytes)));
    table.print()?;
    Ok(Exit::Ok)
}

/// Where blocks come from.
enum Source {
    Node(Connection),
    Cold(Box<(DataDirectory, ColdChain<RocksStore>)>),
}

/// Some blocks of the best branch in order of height, and where that branch stands.
struct Page {
    blocks: Vec<Block>,
    height: Height,
    final_height: Height,
}

impl Source {
    async fn spec(&self) -> Result<(GenesisId, String), CliError> {
        match self {
            Self::Node(connection) => {
                let spec = connection.client.chain_spec().await;
                let spec = spec.map_err(|error| connection.explain(error))?;
                Ok((spec.genesis, spec.toml))
            }
            Self::Cold(cold) => Ok((cold.0.spec().genesis_id(), cold.0.spec().to_toml())),
        }
    }

    async fn page(&self, from: Height) -> Result<Page, CliError> {
        match self {
            Self::Node(connection) => {
                let page = connection.client.chain_blocks(from).await;
                let page = page.map_err(|error| connection.explain(error))?;
                let decoded = |text: &String| {
                    let bytes = hex::decode(text).map_err(|error| error.to_string());
                    bytes.and_then(|bytes| decode(&bytes).map_err(|error| error.to_string()))
                };
                let blocks: Result<Vec<Block>, String> = page.blocks.iter().map(decoded).collect();
                let blocks = blocks.map_err(|reason| {
                    let name = &connection.node().name;
                    CliError::new(
                        Exit::Unreachable,
                        "not_a_node",
                        format!("{name} sends what is no block: {reason}"),
                    )
                })?;
                Ok(Page { blocks, height: page.height, final_height: page.final_height })
            }
            Self::Cold(cold) => {
                let chain = &cold.1;
                let height = chain.tree().head().height();
                let mut blocks = Vec::new();
                for at in (from.0..=height.0).take(PAGE as usize) {
                    let Some(id) = chain.at(Height(at))? else { break };
                    blocks.extend(chain.stored().block(&id)?);
                }
                Ok(Page { blocks, height, final_height: chain.tree().root().height() })
            }
        }
    }
}

async fn export(args: &Export, source: &Source) -> Result<Exported, CliError> {
    let (genesis, spec) = source.spec().await?;
    let first = source.page(args.from).await?;
    let to = match args.to {
        End::Head => first.height,
        End::Final => first.final_height,
        End::Height(height) if height > first.height => {
            let message =
                format!("there is no height {height} yet: the head is at {}", first.height);
            return Err(CliError::new(Exit::Refused, "unknown_block", message));
        }
        End::Height(height) => height,
    };
    if args.from > to {
        let message = format!("there is nothing to write from height {} to {to}", args.from);
        return Err(CliError::usage(message).help("begin lower with --from"));
    }
    let parent = args.file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let write = |error: std::io::Error| CliError::file("write", &args.file, &error);
    // Anybody may read a chain, as far as the caller's mask lets him.
    let mode = Permissions::from_mode(0o666);
    let beside = tempfile::Builder::new().permissions(mode).tempfile_in(parent).map_err(write)?;
    let failed = |error: ArchiveError| {
        CliError::new(
            Exit::Failed,
            "file",
            format!("cannot write {}: {error}", args.file.display()),
        )
    };
    let writer = ArchiveWriter::begin(BufWriter::new(beside), &spec, args.from).map_err(failed)?;
    let mut copy = Copy { source, genesis, to, writer, last: None, transactions: 0 };
    copy.all(args.from, first).await?;
    let Copy { writer, last, transactions, .. } = copy;
    let blocks = writer.blocks();
    let (file, bytes) = writer.end().map_err(failed)?;
    let beside = file.into_inner().map_err(|error| write(error.into_error()))?;
    beside.as_file().set_len(bytes).map_err(write)?;
    beside.as_file().sync_all().map_err(write)?;
    beside.persist(&args.file).map_err(|error| write(error.error))?;
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(write)?;
    let (head, last) = last.ok_or_else(|| CliError::failed("the node gave no block"))?;
    Ok(Exported {
        file: args.file.clone(),
        genesis,
        from: args.from,
        to: last.header.height,
        head,
        state_root: last.header.state_root,
        blocks,
        transactions,
        bytes,
    })
}

/// A copy under way.
struct Copy<'a> {
    source: &'a Source,
    genesis: GenesisId,
    to: Height,
    writer: ArchiveWriter<BufWriter<NamedTempFile>>,
    /// The last block that was written.
    last: Option<(BlockId, Block)>,
    transactions: u64,
}

/// A place to go back to: everything before it is final.
struct Anchor {
    spot: Spot,
    next: Height,
    last: Option<(BlockId, Block)>,
    transactions: u64,
}

impl Copy<'_> {
    /// Copies all blocks. What is not final may lose its branch while it is being read: it is read anew then, from the
    /// last final block on.
    async fn all(&mut self, from: Height, first: Page) -> Result<(), CliError> {
        let bar = long::bar((self.to.0 + 1).saturating_sub(from.0), "blocks");
        let mut anchor = self.anchor(from)?;
        let (mut page, mut next, mut tries) = (first, from, 0);
        while next <= self.to {
            let mut moved = page.blocks.is_empty();
            for block in std::mem::take(&mut page.blocks) {
                if next > self.to {
                    break;
                }
                let parent = self.last.as_ref().map(|(id, _)| *id);
                let fits = parent.is_none_or(|parent| block.header.parent == parent);
                if block.header.height != next || !fits {
                    moved = true;
                    break;
                }
                self.write(block)?;
                next = next.next();
                if next.0 == page.final_height.0 + 1 {
                    anchor = self.anchor(next)?;
                }
            }
            if moved {
                tries += 1;
                if tries > RETRIES_MAX {
                    return Err(CliError::failed(format!(
                        "the chain moved away {RETRIES_MAX} times while it was read, last at height {next}"
                    ))
                    .help("write the final blocks only, with --to final"));
                }
                self.writer.back_to(anchor.spot).map_err(told)?;
                (next, self.transactions) = (anchor.next, anchor.transactions);
                self.last.clone_from(&anchor.last);
            }
            if next <= self.to {
                bar.set_position(next.0 - from.0);
                page = self.source.page(next).await?;
                // Another branch may be shorter.
                self.to = self.to.min(page.height);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn anchor(&mut self, next: Height) -> Result<Anchor, CliError> {
        let spot = self.writer.spot().map_err(told)?;
        Ok(Anchor { spot, next, last: self.last.clone(), transactions: self.transactions })
    }

    fn write(&mut self, block: Block) -> Result<(), CliError> {
        self.writer.add(&block).map_err(told)?;
        self.transactions += block.body.transactions.len() as u64; // a length fits 64 bits
        self.last = Some((block.id(&self.genesis), block));
        Ok(())
    }
}

fn told(error: ArchiveError) -> CliError {
    CliError::new(Exit::Failed, "file", format!("cannot write the file: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_read_as_people_write_them() {
        assert_eq!("head".parse(), Ok(End::Head));
        assert_eq!("final".parse(), Ok(End::Final));
        assert_eq!("17".parse(), Ok(End::Height(Height(17))));
        assert!("tip".parse::<End>().is_err() && height("0").is_err() && height("-1").is_err());
    }
}
