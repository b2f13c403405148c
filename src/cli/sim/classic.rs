//! `assay sim classic`: the classics, told.

use std::path::Path;

use serde::Serialize;

use super::files;
use crate::api::Exit;
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::sim::classics::{Classic, Part, STORIES, STORY_BYTES_MAX, Unplayable, play};

/// What `assay sim classic` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A shipped story, one of the classics with all of its stories, or a file; without it, what there is
    story: Option<String>,
    /// Instead of its stories, do this with one of the classics; may be given several times
    #[arg(long, value_name = "LINE", requires = "story")]
    say: Vec<String>,
}

/// A story with `--json`.
#[derive(Debug, Serialize)]
struct Told<'a> {
    story: &'a str,
    parts: &'a [Part],
}

pub(super) fn run(args: &Args, json: bool) -> Result<Exit, CliError> {
    let Some(name) = &args.story else { return list(json) };
    let classic = name.parse::<Classic>();
    if !args.say.is_empty() {
        let classic = classic.map_err(|error| {
            CliError::usage(error).help("`--say` acts on one of the classics, not on a story")
        })?;
        let text = format!("classic {}\n{}", classic.name(), args.say.join("\n"));
        return tell(name, &text, json);
    }
    let shipped = STORIES.iter().filter(|it| it.name == name || classic == Ok(it.classic));
    let shipped: Vec<_> = shipped.collect();
    if shipped.is_empty() {
        return tell(name, &file(name)?, json);
    }
    // Where a story has the name of its classic, all of them are told: that one is the first.
    for (place, story) in shipped.iter().enumerate() {
        if place > 0 && !json {
            output::line("\n")?;
        }
        tell(story.name, story.text, json)?;
    }
    Ok(Exit::Ok)
}

fn file(name: &str) -> Result<String, CliError> {
    let path = Path::new(name);
    if !name.contains(['/', '.']) && !path.is_file() {
        let message = format!("`{name}` is neither a story nor one of the classics");
        let help = "`assay sim classic` lists them; a file is given by its path";
        return Err(CliError::usage(message).help(help));
    }
    files::read(path, STORY_BYTES_MAX)
}

/// Plays a story: as text in the form in which stories are written.
fn tell(name: &str, text: &str, json: bool) -> Result<Exit, CliError> {
    let parts = play(text)?;
    if json {
        output::json(&Told { story: name, parts: &parts })?;
        return Ok(Exit::Ok);
    }
    for part in parts {
        match part {
            Part::Prose(prose) => output::line(output::plain(&prose))?,
            Part::Line { line, told } => {
                output::line(format_args!("> {}", output::plain(&line)))?;
                for told in told {
                    output::line(format_args!("    {}", output::plain(&told)))?;
                }
            }
        }
    }
    Ok(Exit::Ok)
}

fn list(json: bool) -> Result<Exit, CliError> {
    let title = |text: &str| {
        text.lines().next().unwrap_or_default().trim_start_matches('#').trim().to_owned()
    };
    if json {
        let names: Vec<&str> = STORIES.iter().map(|story| story.name).collect();
        output::json(&names)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["classic", "story", "about"]);
    for story in STORIES {
        table.row([story.classic.name().to_owned(), story.name.to_owned(), title(story.text)]);
    }
    table.print()?;
    Ok(Exit::Ok)
}

impl From<Unplayable> for CliError {
    fn from(error: Unplayable) -> Self {
        Self::new(Exit::Config, "bad_story", error.to_string())
            .help("docs/classics.md lists the lines of each")
    }
}
