//! What happens when the program is wrong: one line that says where, instead of a dump.
//!
//! A panic is a defect of this program, never an answer to bad input. A person is told in one line what failed and how
//! to see more; the main thread's panic ends the command with exit code 1. With `RUST_BACKTRACE` set, the usual text and
//! the backtrace follow.

use std::any::Any;
use std::io::Write as _;
use std::panic::{self, UnwindSafe};

use super::error::CliError;
use crate::api::Exit;

const HELP: &str = "this is a defect of assay: please report this line and the command to those who gave you the \
                    program; RUST_BACKTRACE=1 shows more";

/// Makes every panic of this process print one line.
pub(super) fn install() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or_else(String::new, |at| format!(" at {at}"));
        // A hook that panics would abort: a closed stderr is ignored.
        let _ = writeln!(
            std::io::stderr().lock(),
            "internal error{place}: {}\n help: {HELP}",
            reason(info.payload())
        );
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            usual(info);
        }
    }));
}

/// Runs a command; its panic, already printed, becomes an error.
pub(super) fn catch<T>(
    command: impl FnOnce() -> Result<T, CliError> + UnwindSafe,
) -> Result<T, CliError> {
    panic::catch_unwind(command).unwrap_or_else(|payload| {
        let message = format!("internal error: {}", reason(&*payload));
        Err(CliError::new(Exit::Failed, "internal", message).help(HELP).shown_as(""))
    })
}

/// What a panic said.
fn reason(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it does not say what")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_without_a_second_text() {
        let error = catch(|| -> Result<(), CliError> { panic!("{} of 2", 3) }).unwrap_err();
        assert_eq!((error.exit(), error.code()), (Exit::Failed, "internal"));
        assert_eq!(error.message(), "internal error: 3 of 2");
        assert_eq!(catch(|| Ok(7)), Ok(7));
    }
}
