//! Long work: a bar on stderr while it lasts, and a clean end when a signal comes.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::error::CliError;
use super::signals::Signals;
use crate::api::Exit;

/// A bar for so many things; hidden where stderr is no terminal.
pub(super) fn bar(total: u64, things: &str) -> ProgressBar {
    styled(total, &format!("{{pos}}/{{len}} {things}, {{per_sec}}"))
}

/// Steps of a bar of shares.
const STEPS: f64 = 1000.0;

/// A bar for shares of something.
pub(super) fn shares(of: &str) -> ProgressBar {
    bar(STEPS as u64, &format!("thousandths of the {of}"))
}

/// Moves such a bar, and says whether to go on.
pub(super) fn step(bar: &ProgressBar, share: f64, going: &AtomicBool) -> ControlFlow<()> {
    bar.set_position((share * STEPS) as u64);
    if going.load(Ordering::Relaxed) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// A bar for bytes of a file.
pub(super) fn bytes_bar(total: u64) -> ProgressBar {
    styled(total, "{binary_bytes}/{binary_total_bytes}, {binary_bytes_per_sec}")
}

fn styled(total: u64, middle: &str) -> ProgressBar {
    let template = format!("[{{bar:30}}] {middle}, {{eta}} left {{msg}}");
    let style = ProgressStyle::with_template(&template);
    let bar = ProgressBar::new(total);
    match style {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Runs work that looks at its argument from time to time, and ends soon once it is false: a signal makes it so. Gives what
/// the work gave, and the exit code of the signal if one came.
///
/// # Errors
///
/// Signals cannot be caught, or the work panicked.
pub(super) fn interruptible<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
) -> Result<(T, Option<Exit>), CliError> {
    super::block_on(async move { until(&mut Signals::new()?, work).await })
}

/// The same where signals are caught already.
pub(super) async fn until<T: Send + 'static>(
    signals: &mut Signals,
    work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
) -> Result<(T, Option<Exit>), CliError> {
    let going = Arc::new(AtomicBool::new(true));
    let look = going.clone();
    let mut work = tokio::task::spawn_blocking(move || work(&look));
    let exit = tokio::select! {
        done = &mut work => return Ok((finished(done)?, None)),
        exit = signals.next() => exit,
    };
    going.store(false, Ordering::Relaxed);
    Ok((finished(work.await)?, Some(exit)))
}

fn finished<T>(done: Result<T, tokio::task::JoinError>) -> Result<T, CliError> {
    match done {
        Ok(value) => Ok(value),
        Err(error) => match error.try_into_panic() {
            // It is told like any other panic.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(CliError::failed(error.to_string())),
        },
    }
}
