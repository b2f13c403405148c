//! How a command fails: a word for scripts, an exit code, what happened, and what to do about it.
//!
//! Every error of the rooms below becomes one of these at the edge, and nowhere else is it decided what a person or a
//! script is told. Without `--json` it is written to stderr; with it, the same goes to stdout as an
//! [`ErrorReport`]. The exit code is the same either way.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::path::Path;

use crate::api::{ErrorBody, ErrorReport, Exit};
use crate::spec::nearest;
use crate::store::StoreError;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    exit: Exit,
    code: Cow<'static, str>,
    message: String,
    help: Option<String>,
    /// What people see in place of message and help, such as an excerpt of a file with the place marked.
    shown: Option<String>,
}

impl CliError {
    /// An error with its exit code, a word in `snake_case` that scripts can match, and a lower-case message that says
    /// what was given and why it is refused.
    pub fn new(exit: Exit, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { exit, code: code.into(), message: message.into(), help: None, shown: None }
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// It failed for a reason that has no exit code of its own.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, "failed", message)
    }

    /// A file could not be handled; `action` is an infinitive such as `read`.
    pub fn file(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(Exit::Failed, "file", format!("cannot {action} {}: {error}", path.display()))
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do about it, where something is known.
    pub fn maybe_help(self, help: Option<impl Into<String>>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// Shows people this in place of message and help. It should say as much, and may be coloured; empty means that it
    /// has been said.
    pub fn shown_as(mut self, text: impl Into<String>) -> Self {
        self.shown = Some(text.into());
        self
    }

    /// The reader of stdout has gone, as `head` does: the rest is not wanted, which is no failure.
    pub(super) fn reader_gone() -> Self {
        Self::new(Exit::Ok, "reader_gone", "")
    }

    /// The exit code of the command.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The word that scripts can match.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What was given and why it is refused.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The error as JSON.
    pub fn report(&self) -> ErrorReport {
        ErrorReport {
            error: ErrorBody {
                code: self.code.clone().into_owned(),
                exit: self.exit.code(),
                message: self.message.clone(),
                help: self.help.clone(),
            },
        }
    }

    /// Tells the person or the script.
    pub(super) fn print(&self, json: bool) {
        let silent = !json && self.shown.as_deref() == Some("");
        if self.exit == Exit::Ok || silent {
            return;
        }
        // Nobody is left to be told of a failure to tell.
        if json {
            let text = serde_json::to_string(&self.report()).expect("plain strings become JSON");
            let _ = writeln!(io::stdout().lock(), "{text}");
        } else {
            let _ = io::stderr().lock().write_all(self.text().as_bytes());
        }
    }

    /// What stderr shows.
    fn text(&self) -> String {
        if let Some(shown) = &self.shown {
            return format!("{}\n", shown.trim_end());
        }
        let mut text = format!("error: {}\n", self.message);
        for (index, line) in self.help.iter().flat_map(|help| help.lines()).enumerate() {
            let lead = if index == 0 { " help: " } else { "       " };
            text.push_str(lead);
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// "Did you mean …?", if one of the known names is near to what was typed.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(given, known).map(|name| format!("did you mean `{name}`?"))
}

/// What clap says about a command line, or about a person who asked for help; the latter is no error.
impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let (message, help) = text.split_once("\n\n").unwrap_or((text, ""));
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let missing = clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        let message = if error.kind() == missing { "a command is missing".into() } else { message };
        let shown = super::output::styled(&error.render(), &io::stderr());
        Self::usage(message).help(help.trim()).shown_as(shown)
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Io(_) => Self::new(Exit::Database, "database_failed", message),
            StoreError::Damaged(_) => Self::new(Exit::Database, "database_damaged", message),
            StoreError::OtherChain { .. } => Self::new(Exit::WrongChain, "wrong_chain", message),
            StoreError::Checkpoint { .. } => {
                Self::new(Exit::WrongChain, "checkpoint_contradicted", message)
            }
            StoreError::NoPayouts { .. } => Self::new(Exit::Database, "database_older", message),
            StoreError::Newer { .. } => Self::new(Exit::Database, "database_newer", message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_the_message_and_what_to_do() {
        let error = CliError::failed("the moon is full").help("wait\nor look away");
        assert_eq!(error.text(), "error: the moon is full\n help: wait\n       or look away\n");
        let error = error.shown_as("a picture of the moon\n\n");
        assert_eq!(error.text(), "a picture of the moon\n");
    }

    #[test]
    fn scripts_read_the_same_in_json() {
        let error = CliError::new(Exit::Bind, "port_in_use", "port 1 is in use").help("use 2");
        assert_eq!(
            serde_json::to_value(error.report()).unwrap(),
            serde_json::json!({"error": {
                "code": "port_in_use", "exit": 6, "message": "port 1 is in use", "help": "use 2"
            }})
        );
        let error = serde_json::to_value(CliError::failed("no").report()).unwrap();
        assert!(error["error"].get("help").is_none());
    }

    #[test]
    fn keystores_have_an_exit_code_of_their_own_and_names_are_usage() {
        let error = CliError::from(crate::wallet::keystore::KeystoreError::WrongPassword {
            path: "w".into(),
        });
        assert_eq!((error.exit(), error.code()), (Exit::Keystore, "wrong_password"));
        let error =
            CliError::from(crate::wallet::keystore::KeystoreError::Name { given: "/".into() });
        assert_eq!(error.exit(), Exit::Usage);
    }

    #[test]
    fn databases_of_other_chains_have_an_exit_code_of_their_own() {
        let id = crate::types::GenesisId::default();
        let other = StoreError::OtherChain { found: id, expected: id };
        assert_eq!(CliError::from(other).exit(), Exit::WrongChain);
        assert_eq!(CliError::from(StoreError::Io("full".into())).exit(), Exit::Database);
    }
}
