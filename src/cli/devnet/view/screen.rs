//! The terminal while the view has it: raw, on its other screen, and given back whatever happens.
//!
//! The view is drawn on stderr, where progress belongs; stdout keeps what the command has to say to a script. The screen
//! is given back when it is dropped, and before the text of a panic, which would be lost on the other screen.

use std::io::{self, BufWriter, IsTerminal as _, Stderr, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};
use ratatui::{Frame, Terminal};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::cli::log;

/// How long the thread that reads the keyboard takes to notice that nobody listens any more.
const POLL: Duration = Duration::from_millis(50);

/// Key presses that wait to be understood; nobody types that far ahead, and what is over it is dropped.
const EVENTS_MAX: usize = 64;

/// Whether there is somebody in front of a terminal that can move its cursor.
pub(in crate::cli::devnet) fn is_there() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !dumb && io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// The screen. Log lines of this process are held back while it is there.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    /// Whether it is still to be given back.
    taken: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    _held: log::Held,
}

impl Screen {
    /// Takes the terminal. Key presses and changes of its size come out of the receiver.
    pub(super) fn take() -> io::Result<(Self, Receiver<Event>)> {
        let taken = Arc::new(AtomicBool::new(true));
        let theirs = taken.clone();
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back(&theirs);
            usual(info);
        }));
        let held = log::hold();
        enable_raw_mode()?;
        let entered = execute!(io::stderr(), EnterAlternateScreen, cursor::Hide);
        let backend = CrosstermBackend::new(BufWriter::new(io::stderr()));
        let opened = entered.and_then(|()| {
            let mut terminal = Terminal::new(backend)?;
            terminal.clear()?;
            let (sender, receiver) = channel(EVENTS_MAX);
            let listening = taken.clone();
            let read = move || read(&sender, &listening);
            let reader = std::thread::Builder::new().name("keys".into()).spawn(read)?;
            Ok((terminal, reader, receiver))
        });
        match opened {
            Ok((terminal, reader, receiver)) => {
                Ok((Self { terminal, taken, reader: Some(reader), _held: held }, receiver))
            }
            Err(error) => {
                give_back(&taken);
                Err(error)
            }
        }
    }

    /// Draws a frame.
    pub(super) fn draw(&mut self, frame: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(frame).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back(&self.taken);
        if let Some(reader) = self.reader.take() {
            // It ends within a poll; until then it would eat what is typed for the shell.
            let _ = reader.join();
        }
    }
}

/// Gives the terminal back, once.
fn give_back(taken: &AtomicBool) {
    if taken.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing.
        let _ = disable_raw_mode();
        let _ = execute!(io::stderr(), LeaveAlternateScreen, cursor::Show);
        let _ = io::stderr().flush();
    }
}

/// Reads the keyboard until the screen is given back or the terminal is gone.
fn read(events: &Sender<Event>, taken: &AtomicBool) {
    while taken.load(Ordering::SeqCst) {
        let event = match event::poll(POLL) {
            Ok(true) => event::read(),
            Ok(false) => continue,
            Err(error) => Err(error),
        };
        let Ok(event) = event else { return };
        // Never waiting for the view: giving the screen back waits for this thread.
        if let Err(TrySendError::Closed(_)) = events.try_send(event) {
            return;
        }
    }
}
