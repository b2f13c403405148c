//! The table of nodes.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{BOLD, DIM, Theme, short};
use crate::cli::devnet::view::blocks::Tree;
use crate::cli::devnet::view::model::{Model, Node, State};
use crate::cli::output;

/// A column. Those that matter least are last in [`RANKED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Name,
    State,
    Height,
    Head,
    Final,
    Peers,
    HashRate,
    Stakes,
    Pool,
    Producer,
}

/// The columns in the order in which they are given room.
const RANKED: [Column; 10] = [
    Column::Name,
    Column::State,
    Column::Height,
    Column::Head,
    Column::Peers,
    Column::Final,
    Column::HashRate,
    Column::Stakes,
    Column::Pool,
    Column::Producer,
];

impl Column {
    /// The title, the width, and whether it holds numbers.
    fn shape(self) -> (&'static str, usize, bool) {
        match self {
            Self::Name => ("  node", 9, false),
            Self::State => ("state", 7, false),
            Self::Height => ("height", 7, true),
            Self::Head => ("head", 8, false),
            Self::Final => ("final", 7, true),
            Self::Peers => ("peers", 5, true),
            Self::HashRate => ("hashes", 9, true),
            Self::Stakes => ("stakes", 8, false),
            Self::Pool => ("pool", 5, true),
            Self::Producer => ("last block by", 13, false),
        }
    }

    /// What stands in it for a node, and what else than the row decides how that looks.
    fn cell(
        self,
        index: usize,
        node: &Node,
        model: &Model,
        tree: &Tree,
        theme: Theme,
    ) -> (String, Style) {
        let plain = |text: Option<String>| (text.unwrap_or_else(|| "-".to_owned()), Style::new());
        match self {
            Self::Name => {
                let selected = if index == model.selected { '▸' } else { ' ' };
                let marked = if node.marked { '*' } else { ' ' };
                plain(Some(format!("{selected}{marked}{}", node.name)))
            }
            Self::State => (word(node.state).to_owned(), theme.state(node.state)),
            Self::Height => plain(node.chain.map(|chain| chain.height.to_string())),
            Self::Head => match node.chain {
                Some(chain) => {
                    let text = chain.head.to_string().chars().take(8).collect();
                    (text, theme.head(&chain.head, tree))
                }
                None => plain(None),
            },
            Self::Final => plain(node.chain.map(|chain| chain.final_height.to_string())),
            Self::Peers => plain(node.peers.map(|peers| peers.to_string())),
            Self::HashRate => plain(node.hash_rate.map(output::hash_rate)),
            Self::Stakes => plain(model.stakers(node)),
            Self::Pool => plain(node.mempool.map(|pool| pool.to_string())),
            Self::Producer => plain(model.last_producer(node)),
        }
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Unknown => "…",
        State::Running => "running",
        State::Silent => "silent",
        State::Paused => "paused",
        State::Stopped => "stopped",
    }
}

/// The columns that fit, in the order in which they stand.
fn columns(width: u16, stakes: bool) -> Vec<Column> {
    let mut room = usize::from(width) + 1;
    let mut columns = Vec::new();
    for column in RANKED.into_iter().filter(|it| stakes || *it != Column::Stakes) {
        let (_, needed, _) = column.shape();
        if needed + 1 > room {
            break;
        }
        room -= needed + 1;
        columns.push(column);
    }
    columns.sort_unstable();
    columns
}

/// A title, and as many nodes as fit, the selected one among them.
pub(super) fn lines(model: &Model, tree: &Tree, theme: Theme, area: Rect) -> Vec<Line<'static>> {
    let columns = columns(area.width, model.facts.stakes);
    let visible = usize::from(area.height.saturating_sub(1));
    let count = model.nodes.len();
    let first = model.selected.saturating_sub(visible / 2).min(count.saturating_sub(visible));
    let mut title = String::new();
    for column in &columns {
        let (text, width, right) = column.shape();
        title.push_str(&fit(text, width, right));
        title.push(' ');
    }
    if visible < count {
        let last = (first + visible).min(count);
        title = format!("{} {}–{last} of {count}", title.trim_end(), first + 1);
    }
    let mut lines = vec![Line::styled(title, BOLD)];
    for (index, node) in model.nodes.iter().enumerate().skip(first).take(visible) {
        // What a node said that does not answer now is old.
        let row = match node.state {
            State::Running => Style::new(),
            _ => DIM,
        };
        let row = match index == model.selected {
            true => row.add_modifier(Modifier::BOLD),
            false => row,
        };
        let mut spans = Vec::new();
        for column in &columns {
            let (_, width, right) = column.shape();
            let (text, style) = column.cell(index, node, model, tree, theme);
            spans.push(Span::styled(fit(&text, width, right), row.patch(style)));
            spans.push(Span::raw(" "));
        }
        lines.push(Line::from(spans));
    }
    lines
}

/// A text in a column of this width.
fn fit(text: &str, width: usize, right: bool) -> String {
    let text = match text.chars().count() > width {
        true => short(text, width.saturating_sub(1)),
        false => text.to_owned(),
    };
    if right { format!("{text:>width$}") } else { format!("{text:<width$}") }
}
