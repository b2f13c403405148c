//! How the view looks: a frame from a model, at any size.
//!
//! From top to bottom: what chain this is and how fast it goes, the nodes, then blocks beside forks and what happened
//! last (or a log, or help), and the keys. Where there is little room columns and keys that matter least are left out
//! first, and the list of nodes scrolls.

mod nodes;
mod panels;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::blocks::Tree;
use super::keys::KEYS;
use super::model::{Model, Panel, State};
use crate::cli::output;
use crate::types::{self, BlockId};

/// Rows below which the second line of the heading is left out.
const ROWY: u16 = 14;

/// Columns from which blocks and forks stand side by side.
const WIDE: u16 = 78;

/// Columns that a line about a block fills.
const BLOCK_WIDTH: u16 = 42;

/// Rows that the nodes get before anything below them does, titles included.
const NODE_ROWS_MIN: u16 = 5;

/// Whether colours are used. Bold, dim and reversed text are no colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Theme {
    pub(super) colours: bool,
}

impl Theme {
    fn colour(self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    fn state(self, state: State) -> Style {
        match state {
            State::Running => self.colour(Color::Green),
            State::Silent => self.colour(Color::Yellow),
            State::Paused => self.colour(Color::Cyan),
            State::Stopped => self.colour(Color::Red),
            State::Unknown => Style::new(),
        }
    }

    /// The same head has the same colour in every row and every frame; that of the longest branch is green.
    fn head(self, id: &BlockId, tree: &Tree) -> Style {
        const OTHERS: [Color; 5] =
            [Color::Yellow, Color::Magenta, Color::Cyan, Color::Blue, Color::Red];
        if tree.head.is_some_and(|(head, _)| head == *id) {
            return self.colour(Color::Green);
        }
        self.colour(OTHERS[usize::from(id.as_bytes()[0]) % OTHERS.len()])
    }
}

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);

/// The start of a text that may be longer.
pub(super) fn short(text: &str, length: usize) -> String {
    let text = output::plain(text);
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Draws a whole frame.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, theme: Theme) {
    let area = frame.area();
    let tree = model.tree();
    let heading = if area.height >= ROWY { 2 } else { 1 };
    let foot = u16::from(area.height >= 4);
    let rest = area.height.saturating_sub(heading + foot);
    let rows = u16::try_from(model.nodes.len() + 1).unwrap_or(u16::MAX);
    let nodes = rows.min((rest - rest / 2).max(NODE_ROWS_MIN)).min(rest);
    let mut from = area.y;
    let mut part = |height: u16| {
        let part = Rect { y: from, height, ..area };
        from += height;
        part
    };
    let (heading, nodes) = (part(heading), part(nodes));
    let below = part(rest.saturating_sub(nodes.height));
    frame.render_widget(Paragraph::new(self::heading(model, &tree, theme, area.width)), heading);
    frame.render_widget(Paragraph::new(nodes::lines(model, &tree, theme, nodes)), nodes);
    match model.panel {
        Panel::Chain => chain(frame, model, &tree, theme, below),
        Panel::Log => {
            let name = model.nodes.get(model.selected).map_or("", |node| node.name.as_str());
            let lines = panels::log(model);
            let hidden = lines.len().saturating_sub(usize::from(below.height.saturating_sub(1)));
            let lines = lines.into_iter().skip(hidden).collect();
            panel(frame, below, &format!("log of {name}"), lines);
        }
        Panel::Help => panel(frame, below, "keys", panels::help()),
    }
    frame.render_widget(Paragraph::new(keys(area.width)), part(foot));
}

/// Blocks beside forks, or one above the other, and messages below.
fn chain(frame: &mut Frame<'_>, model: &Model, tree: &Tree, theme: Theme, area: Rect) {
    let messages = panels::messages(model);
    let wanted = u16::try_from(messages.len()).unwrap_or(u16::MAX).max(1).saturating_add(1);
    // All of a small area, a third of a larger one.
    let below = if area.height < 5 { area.height } else { wanted.min((area.height / 3).max(3)) };
    let (above, below) = split_rows(area, area.height - below);
    if area.width >= WIDE {
        let half = (area.width * 9 / 20).max(BLOCK_WIDTH);
        let left = Rect { width: half, ..above };
        let right = Rect { x: above.x + half + 2, width: above.width - half - 2, ..above };
        panel(frame, left, "blocks", panels::blocks(model, tree, theme, left));
        panel(frame, right, "branches", panels::forks(model, tree, theme, right));
    } else if tree.forks.is_empty() {
        panel(frame, above, "blocks", panels::blocks(model, tree, theme, above));
    } else {
        let rows = u16::try_from(tree.forks.len() + 2).unwrap_or(u16::MAX);
        let (forks, blocks) = split_rows(above, rows.min(above.height / 2));
        panel(frame, forks, "branches", panels::forks(model, tree, theme, forks));
        panel(frame, blocks, "blocks", panels::blocks(model, tree, theme, blocks));
    }
    let hidden = messages.len().saturating_sub(usize::from(below.height.saturating_sub(1)));
    panel(frame, below, "messages", messages.into_iter().skip(hidden).collect());
}

/// The first rows of an area, and the others.
fn split_rows(area: Rect, rows: u16) -> (Rect, Rect) {
    let above = Rect { height: rows, ..area };
    (above, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// Lines under a title.
fn panel(frame: &mut Frame<'_>, area: Rect, title: &str, mut lines: Vec<Line<'static>>) {
    let rule = "─".repeat(usize::from(area.width).saturating_sub(title.chars().count() + 1));
    lines.insert(
        0,
        Line::from(vec![Span::styled(format!("{title} "), BOLD), Span::styled(rule, DIM)]),
    );
    frame.render_widget(Paragraph::new(lines), area);
}

/// What chain this is, and how fast it goes.
fn heading(model: &Model, tree: &Tree, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let facts = &model.facts;
    let running = model.nodes.iter().filter(|node| node.state == State::Running).count();
    let mut first = vec![
        Span::styled(output::plain(&facts.chain), BOLD),
        format!("rule {}", facts.engine).into(),
        format!("{running} of {} nodes answer", model.nodes.len()).into(),
        format!("up {}", output::duration(types::Span::seconds(model.uptime.as_secs()))).into(),
        format!("genesis {}", short(&facts.genesis, 8)).into(),
    ];
    if model.parted {
        first.insert(1, Span::styled("PARTED", theme.colour(Color::Red).patch(BOLD)));
    }
    let intervals = model.intervals(tree);
    let measured = match intervals.len() {
        0 => "not measured yet".to_owned(),
        count => {
            let sum: u64 = intervals.iter().map(|interval| interval.0).sum();
            let mean = output::duration(types::Span(sum / count as u64)); // at most INTERVALS_MAX
            format!("{mean} over the last {count}")
        }
    };
    let hashes: f64 = model.nodes.iter().filter_map(|node| node.hash_rate).sum();
    let mut second: Vec<Span<'static>> = vec![
        format!("a block every {}, measured {measured}", output::duration(facts.block_time)).into(),
    ];
    if hashes > 0.0 {
        second.push(output::hash_rate(hashes).into());
    }
    let mut second = joined(second, width);
    let room = usize::from(width).saturating_sub(second.width() + 1);
    if !intervals.is_empty() {
        let bars = format!(" {}", sparkline(&intervals, room));
        second.push_span(Span::styled(bars, theme.colour(Color::Cyan)));
    }
    vec![joined(first, width), second]
}

/// Parts with a dot between them, as many as fit.
fn joined(parts: Vec<Span<'static>>, width: u16) -> Line<'static> {
    let mut line = Line::default();
    for part in parts {
        let dot = if line.spans.is_empty() { "" } else { " · " };
        if line.width() + dot.chars().count() + part.width() > usize::from(width) {
            break;
        }
        line.push_span(Span::styled(dot, DIM));
        line.push_span(part);
    }
    line
}

/// The latest intervals as bars, the last one on the right, the longest at full height.
fn sparkline(intervals: &[types::Span], bars_max: usize) -> String {
    let intervals = &intervals[..intervals.len().min(bars_max)];
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let longest = intervals.iter().map(|interval| interval.0).max().unwrap_or(0).max(1);
    let bar = |interval: &types::Span| {
        let level = interval.0.saturating_mul(7) / longest;
        BARS[usize::try_from(level).unwrap_or(0).min(7)]
    };
    intervals.iter().rev().map(bar).collect()
}

/// As many keys as there is room for. How to get help and how to stop go first, what everybody tries anyway goes last.
fn keys(width: u16) -> Line<'static> {
    let mut ranked: Vec<_> = KEYS.iter().filter(|(_, word, _)| !word.is_empty()).collect();
    ranked.sort_by_key(|(key, ..)| match *key {
        "?" | "q" => 0,
        "↑↓" | "space" | "a" => 2,
        _ => 1,
    });
    let mut room = usize::from(width) + 2;
    let mut fitting = Vec::new();
    for (key, word, _) in ranked {
        let needed = key.chars().count() + 1 + word.chars().count() + 2;
        if needed <= room {
            room -= needed;
            fitting.push(key);
        }
    }
    let mut line = Line::default();
    for (key, word, _) in KEYS.iter().filter(|(key, ..)| fitting.contains(&key)) {
        line.push_span(Span::raw(if line.spans.is_empty() { "" } else { "  " }));
        line.push_span(Span::styled(*key, BOLD));
        line.push_span(Span::styled(format!(" {word}"), DIM));
    }
    line
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
