//! What is below the nodes: blocks, branches, messages, a log, help.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{BOLD, DIM, Theme};
use crate::cli::devnet::view::blocks::Tree;
use crate::cli::devnet::view::keys::KEYS;
use crate::cli::devnet::view::model::Model;
use crate::cli::output;
use crate::types::{self, BlockId, Height};

/// The digits of an id by which people tell blocks apart.
fn digits(id: &BlockId) -> String {
    id.to_string().chars().take(8).collect()
}

/// The rows of an area that are left under its title.
fn rows(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

/// The last blocks of the longest branch, the latest first.
pub(super) fn blocks(model: &Model, tree: &Tree, theme: Theme, area: Rect) -> Vec<Line<'static>> {
    let Some((head, _)) = &tree.head else {
        return vec![Line::styled("no node answers yet", DIM)];
    };
    let shown: Vec<_> = model.blocks.branch(head).take(rows(area) + 1).collect();
    let mut lines = Vec::new();
    for (place, block) in shown.iter().take(rows(area)).enumerate() {
        let mut spans = vec![
            format!("{:>6} ", block.height.to_string()).into(),
            Span::styled(digits(&block.id), theme.head(&block.id, tree)),
        ];
        if block.height == Height(0) {
            spans.push(Span::styled(" genesis", DIM));
            lines.push(Line::from(spans));
            continue;
        }
        let transactions = match block.transactions {
            0 => "empty".to_owned(),
            count => format!("{count} tx"),
        };
        spans.push(format!(" {:<12} {transactions:>6}", model.name_of(&block.producer)).into());
        if let Some(parent) = shown.get(place + 1).filter(|parent| parent.height > Height(0)) {
            let ms = block.time.since(parent.time).0;
            spans.push(Span::styled(format!(" +{}.{} s", ms / 1000, ms % 1000 / 100), DIM));
        }
        lines.push(Line::from(spans));
    }
    if lines.is_empty() {
        lines.push(Line::styled("no block is known yet", DIM));
    }
    lines
}

/// The longest branch, and those that leave it.
pub(super) fn forks(model: &Model, tree: &Tree, theme: Theme, area: Rect) -> Vec<Line<'static>> {
    let Some((head, height)) = &tree.head else { return Vec::new() };
    let mut lines = vec![Line::from(vec![
        Span::styled("● ", theme.head(head, tree)),
        Span::styled(height.to_string(), BOLD),
        " ".into(),
        Span::styled(digits(head), theme.head(head, tree)),
        names(model, &tree.nodes, "").into(),
    ])];
    if tree.forks.is_empty() {
        lines.push(Line::styled("no other branch", DIM));
        return lines;
    }
    let room = rows(area).saturating_sub(1).max(1);
    let hidden = tree.forks.len().saturating_sub(room);
    // The last row says how many are not shown.
    let shown = if hidden > 0 { room - 1 } else { room };
    for (place, fork) in tree.forks.iter().take(shown).enumerate() {
        let last = hidden == 0 && place + 1 == tree.forks.len();
        let twig = if last { "└─ " } else { "├─ " };
        let from = match fork.from {
            Some(from) => {
                let length = fork.height.0.saturating_sub(from.0);
                format!(" {length} from {from}")
            }
            None => " from below what is known".to_owned(),
        };
        lines.push(Line::from(vec![
            Span::styled(twig, DIM),
            fork.height.to_string().into(),
            " ".into(),
            Span::styled(digits(&fork.head), theme.head(&fork.head, tree)),
            Span::styled(from, DIM),
            names(model, &fork.nodes, "  nobody").into(),
        ]));
    }
    if hidden > 0 {
        let more = tree.forks.len() - shown;
        lines.push(Line::styled(format!("└─ and {more} more"), DIM));
    }
    lines
}

/// The names of nodes, or a word for none.
fn names(model: &Model, nodes: &[usize], nobody: &str) -> String {
    let mut text = String::new();
    for node in nodes.iter().filter_map(|index| model.nodes.get(*index)) {
        text.push_str(if text.is_empty() { "  " } else { " " });
        text.push_str(&node.name);
    }
    if text.is_empty() { nobody.to_owned() } else { text }
}

/// What happened, the latest last. A message may have several lines.
pub(super) fn messages(model: &Model) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for message in &model.messages {
        let at = output::duration(types::Span::seconds(message.at.as_secs()));
        for (place, text) in message.text.lines().enumerate() {
            let at = if place == 0 { at.as_str() } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{at:>11}  "), DIM),
                output::plain(text).into(),
            ]));
        }
    }
    if lines.is_empty() {
        lines.push(Line::styled("nothing has happened yet", DIM));
    }
    lines
}

/// The end of a log. The driver reads as many lines as any screen has; the last ones are shown.
pub(super) fn log(model: &Model) -> Vec<Line<'static>> {
    if model.log.is_empty() {
        return vec![Line::styled("nothing yet", DIM)];
    }
    model.log.iter().map(|line| Line::from(output::plain(line))).collect()
}

/// What each key does.
pub(super) fn help() -> Vec<Line<'static>> {
    let line = |(key, _, meaning): &(&'static str, &str, &'static str)| {
        Line::from(vec![Span::styled(format!("{key:<7}"), BOLD), Span::raw(*meaning)])
    };
    KEYS.iter().map(line).collect()
}
