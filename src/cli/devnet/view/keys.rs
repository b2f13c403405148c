//! What keys mean.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What somebody at the keyboard wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Select a node further up, by so many rows.
    Up(usize),
    /// Select a node further down.
    Down(usize),
    /// Mark or unmark the selected node for a partition.
    Mark,
    /// End the selected node as a crash would.
    Kill,
    /// Suspend the selected node, or let it go on.
    Pause,
    /// Start the selected node again.
    Restart,
    /// Separate the marked nodes from the others; without marks, one half from the other.
    Partition,
    /// Let all nodes talk to each other again.
    Heal,
    /// Start one node more.
    Add,
    /// Show the selected node's log, or no longer.
    Log,
    /// Show what the keys do, or no longer.
    Help,
    /// Close what is open.
    Back,
    /// Stop the devnet.
    Stop,
    /// Stop the devnet as a signal would.
    Interrupt,
}

/// Rows that a page holds.
const PAGE: usize = 10;

/// The keys in the order in which help lists them: how they are written, the word for the foot of the screen, and what
/// they do.
pub(super) const KEYS: [(&str, &str, &str); 12] = [
    ("↑↓", "select", "select a node; also Page Up, Page Down, Home, End"),
    ("space", "mark", "mark the selected node for a partition, or unmark it"),
    ("k", "kill", "end the selected node at once, as a crash would"),
    ("p", "pause", "suspend the selected node, or let it go on"),
    ("r", "restart", "start the selected node again, after stopping it if it runs"),
    ("P", "partition", "separate the marked nodes from the others; without marks, half from half"),
    ("h", "heal", "let all nodes talk to each other again"),
    ("a", "add", "start one node more"),
    ("l", "log", "show what the selected node logs, or no longer"),
    ("?", "help", "show this, or no longer"),
    ("esc", "", "close what is open"),
    ("q", "stop", "stop all nodes and keep the chain; also Ctrl-C"),
];

/// What a key press means, if anything.
pub(super) fn intent(key: KeyEvent) -> Option<Intent> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Intent::Interrupt);
    }
    if key.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    Some(match key.code {
        KeyCode::Up => Intent::Up(1),
        KeyCode::Down => Intent::Down(1),
        KeyCode::PageUp => Intent::Up(PAGE),
        KeyCode::PageDown => Intent::Down(PAGE),
        KeyCode::Home => Intent::Up(usize::MAX),
        KeyCode::End => Intent::Down(usize::MAX),
        KeyCode::Char(' ') => Intent::Mark,
        KeyCode::Char('k') => Intent::Kill,
        KeyCode::Char('p') => Intent::Pause,
        KeyCode::Char('r') => Intent::Restart,
        KeyCode::Char('P') => Intent::Partition,
        KeyCode::Char('h') => Intent::Heal,
        KeyCode::Char('a') => Intent::Add,
        KeyCode::Char('l') => Intent::Log,
        KeyCode::Char('?') => Intent::Help,
        KeyCode::Esc => Intent::Back,
        KeyCode::Char('q') => Intent::Stop,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode) -> Option<Intent> {
        intent(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn every_key_that_help_lists_means_something_of_its_own() {
        let mut meanings = Vec::new();
        for (key, ..) in KEYS {
            let code = match key {
                "↑↓" => KeyCode::Up,
                "space" => KeyCode::Char(' '),
                "esc" => KeyCode::Esc,
                letter => KeyCode::Char(letter.chars().next().unwrap()),
            };
            let meaning = press(code).unwrap_or_else(|| panic!("{key} means nothing"));
            assert!(!meanings.contains(&meaning), "{key}");
            meanings.push(meaning);
        }
        assert_eq!(press(KeyCode::Char('x')), None);
    }

    #[test]
    fn capitals_differ_and_other_modifiers_mean_nothing() {
        let with = |modifiers, letter| intent(KeyEvent::new(KeyCode::Char(letter), modifiers));
        // Terminals send a capital with the modifier or without.
        assert_eq!(with(KeyModifiers::SHIFT, 'P'), Some(Intent::Partition));
        assert_eq!(with(KeyModifiers::NONE, 'p'), Some(Intent::Pause));
        assert_eq!(with(KeyModifiers::CONTROL, 'c'), Some(Intent::Interrupt));
        assert_eq!(with(KeyModifiers::CONTROL, 'k'), None);
        assert_eq!(with(KeyModifiers::ALT, 'k'), None);
        let mut released = KeyEvent::new(KeyCode::Char('k'), KeyModifiers::NONE);
        released.kind = KeyEventKind::Release;
        assert_eq!(intent(released), None);
    }
}
