//! The classics: protocols and impossibilities as small models, each one file to be read beside its paper.
//!
//! | module | what it shows |
//! |---|---|
//! | [`synod`] | Paxos for one value: why a later proposer has to adopt what an earlier one got accepted |
//! | [`generals`] | the Byzantine generals: what traitors can do to three and not to four, and what that costs |
//! | [`two_generals`] | two generals and messengers who get lost: no number of acknowledgements is enough |
//!
//! They share nothing with the rules of the chain, which are other programs for larger problems; they are where the ideas
//! are small enough to be tried to the end. A *story* is a text of prose, which begins with `#`, and lines that do
//! something; [`play`] gives what comes of each. The shipped ones are transcripts of the tests, and
//! `assay sim classic` plays them and others.

pub mod generals;
pub mod synod;
pub mod two_generals;

use std::ops::RangeInclusive;
use std::str::FromStr;

/// Bytes of a story at most: a text that somebody reads.
pub const STORY_BYTES_MAX: usize = 64 << 10;
/// Lines that do something at most.
const LINES_MAX: usize = 500;

/// What comes of a line, a line each; or what is wrong with it, for whoever wrote it.
pub type Outcome = Result<Vec<String>, String>;

/// What the lines of a story act on.
pub trait Story {
    /// Does what a line says, given as its words.
    ///
    /// # Errors
    /// The line is not understood, cannot be done now, or expects what is not so.
    fn act(&mut self, words: &[&str]) -> Outcome;
}

/// One of the classics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classic {
    /// [`synod`]
    Synod,
    /// [`generals`]
    Generals,
    /// [`two_generals`]
    TwoGenerals,
}

impl Classic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Synod, Self::Generals, Self::TwoGenerals];

    /// Its name in stories and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Synod => "synod",
            Self::Generals => "generals",
            Self::TwoGenerals => "two-generals",
        }
    }

    /// An empty scene.
    pub fn scene(self) -> Box<dyn Story> {
        match self {
            Self::Synod => Box::new(synod::Synod::default()),
            Self::Generals => Box::new(generals::Army::default()),
            Self::TwoGenerals => Box::new(two_generals::Valley::default()),
        }
    }
}

impl FromStr for Classic {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|classic| classic.name() == name);
        let names = Self::ALL.map(Self::name).join(", ");
        found.ok_or_else(|| format!("`{name}` is none of the classics: {names}"))
    }
}

/// A stage for any of them: the first line names it, as in `classic synod`.
#[derive(Default)]
pub struct Stage(Option<Box<dyn Story>>);

impl Stage {
    /// Does what a line says.
    ///
    /// # Errors
    /// As those of [`Story::act`].
    pub fn act(&mut self, line: &str) -> Outcome {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), &mut self.0) {
            (["classic", name], scene @ None) => {
                *scene = Some(name.parse::<Classic>()?.scene());
                Ok(Vec::new())
            }
            (_, None) => Err("a story begins with `classic` and a name".into()),
            (words, Some(scene)) => scene.act(words),
        }
    }
}

/// A shipped story.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Its name, which begins with that of its classic.
    pub name: &'static str,
    /// What it is about.
    pub classic: Classic,
    /// Prose, lines, and what came of them.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($classic:ident $name:literal),* $(,)?) => {
        &[$(Shipped {
            name: $name,
            classic: Classic::$classic,
            text: include_str!(concat!("../../../tests/scripts/classics/", $name, ".txt")),
        }),*]
    };
}

/// All shipped stories, in the order in which they are best read.
pub const STORIES: &[Shipped] = shipped![
    Synod "synod-adopted",
    Synod "synod-preempted",
    Synod "synod-either-way",
    Synod "synod-duel",
    Synod "synod-amnesia",
    Generals "generals-three",
    Generals "generals-four",
    Generals "generals-seven",
    TwoGenerals "two-generals",
    TwoGenerals "two-generals-chances",
];

/// A part of a story that was played.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Prose, without its `#`; empty between paragraphs.
    Prose(String),
    /// Something that is done.
    Line {
        /// What.
        line: String,
        /// What came of it.
        told: Vec<String>,
    },
}

/// Why a story cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplayable {
    /// It is longer than a story is.
    #[error("the story has {given} {unit}, and at most {max} are played: make several of it")]
    Long {
        /// How much.
        given: usize,
        /// Of what.
        unit: &'static str,
        /// The bound.
        max: usize,
    },
    /// A line cannot be done.
    #[error("line {number}, `{line}`: {why}")]
    Line {
        /// Counted from 1.
        number: usize,
        /// As it is written.
        line: String,
        /// What is wrong.
        why: String,
    },
}

/// Plays a story. Indented lines, which are records of an earlier time, are passed over.
///
/// # Errors
/// It is too long, or a line cannot be done.
pub fn play(story: &str) -> Result<Vec<Part>, Unplayable> {
    if story.len() > STORY_BYTES_MAX {
        return Err(Unplayable::Long { given: story.len(), unit: "bytes", max: STORY_BYTES_MAX });
    }
    let (mut stage, mut parts, mut lines) = (Stage::default(), Vec::new(), 0);
    for (place, line) in story.lines().enumerate() {
        if let Some(prose) = line.strip_prefix('#') {
            parts.push(Part::Prose(prose.trim().to_owned()));
        } else if line.trim().is_empty() {
            parts.push(Part::Prose(String::new()));
        } else if !line.starts_with(char::is_whitespace) {
            lines += 1;
            if lines > LINES_MAX {
                return Err(Unplayable::Long { given: lines, unit: "lines", max: LINES_MAX });
            }
            let line = line.trim().to_owned();
            match stage.act(&line) {
                Ok(told) => parts.push(Part::Line { line, told }),
                Err(why) => return Err(Unplayable::Line { number: place + 1, line, why }),
            }
        }
    }
    Ok(parts)
}

/// A number of a line, within bounds.
fn number<N>(text: &str, min: N, max: N) -> Result<N, String>
where
    N: FromStr + PartialOrd + std::fmt::Display,
{
    let parsed = text.parse().ok().filter(|number| (&min..=&max).contains(&number));
    parsed.ok_or_else(|| format!("`{text}` is no number from {min} to {max}"))
}

/// Numbers from the first to the last, both included, written `2..7`; within bounds.
fn range(text: &str, min: u64, max: u64) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    Ok(number(first, min, max)?..=number(last, min, max)?)
}

#[cfg(test)]
mod tests;
