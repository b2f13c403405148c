//! `assay completions` and `assay man`: what a shell and a reader of manuals want to know of the commands.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;

use super::error::CliError;
use super::{Cli, Globals, log, output};
use crate::api::Exit;

const EXAMPLES: &str = "\
Examples:
  assay completions bash > ~/.local/share/bash-completion/completions/assay
  assay completions zsh > \"${fpath[1]}/_assay\"
  assay completions fish > ~/.config/fish/completions/assay.fish";

/// What `assay completions` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// What `assay man` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  assay man ~/.local/share/man/man1 && man assay-wallet-send")]
pub struct ManArgs {
    /// The directory to write the pages into; it is made if need be
    directory: PathBuf,
}

/// Runs `assay completions`.
pub fn completions(args: &CompletionsArgs, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    globals.expect_no_node("assay completions")?;
    if globals.json {
        return Err(no_json("assay completions", "its result is a script for a shell"));
    }
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "assay", &mut script);
    output::text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}

/// Runs `assay man`.
pub fn man(args: &ManArgs, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    globals.expect_no_node("assay man")?;
    let directory = &args.directory;
    fs::create_dir_all(directory).map_err(|error| CliError::file("make", directory, &error))?;
    let mut pages = Vec::new();
    let mut cli = Cli::command().disable_help_subcommand(true);
    cli.build();
    write(&cli, directory, &mut pages)?;
    if globals.json {
        output::json(&serde_json::json!({ "directory": directory, "pages": pages }))?;
    } else {
        output::line(format!("{} pages in {}", pages.len(), directory.display()))?;
    }
    Ok(Exit::Ok)
}

/// Writes the page of a command and of all below it.
fn write(
    command: &clap::Command,
    directory: &Path,
    pages: &mut Vec<String>,
) -> Result<(), CliError> {
    // A built command knows how it is called with all that stands before it: `assay-wallet-send`.
    let manual = clap_mangen::Man::new(command.clone());
    let name = manual.get_filename();
    let path = directory.join(&name);
    let failed = |error: std::io::Error| CliError::file("write", &path, &error);
    let mut page = Vec::new();
    manual.render(&mut page).map_err(failed)?;
    fs::write(&path, page).map_err(failed)?;
    pages.push(name);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        write(inner, directory, pages)?;
    }
    Ok(())
}

fn no_json(command: &str, because: &str) -> CliError {
    CliError::usage(format!("`--json` has no meaning for `{command}`: {because}"))
        .help("leave `--json` out")
}
