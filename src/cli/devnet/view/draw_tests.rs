use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use super::super::blocks::Block;
use super::super::keys::Intent;
use super::super::testkit::{block, fill, id, model, mute, running};
use super::*;
use crate::api::{ForkInfo, ForkStatus};
use crate::devnet::ProcessState;
use crate::types::Height;

const COLOURED: Theme = Theme { colours: true };

fn buffer(model: &Model, theme: Theme, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model, theme)).unwrap();
    terminal.backend().buffer().clone()
}

fn row(buffer: &Buffer, y: u16) -> String {
    let row: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
    row.trim_end().to_owned()
}

/// The screen as text, without the space at the ends of lines.
fn screen(model: &Model, width: u16, height: u16) -> String {
    let buffer = buffer(model, COLOURED, width, height);
    (0..height).map(|y| row(&buffer, y) + "\n").collect()
}

/// Four nodes: two that lead, one on another branch, one that was killed.
fn parted() -> Model {
    let mut model = model(4);
    model.uptime = Duration::from_secs(123);
    model.say("node3 was killed on request");
    fill(&mut model, 1..=40, 0);
    fill(&mut model, 35..=36, 1);
    // The second branch leaves the first one at block 33.
    model.blocks.insert(Block { parent: id(33, 0), ..block(34, 1) });
    model.take(running(0, 40, 0));
    model.take(running(1, 40, 0));
    model.take(running(2, 36, 1));
    model.take(mute(3, ProcessState::Stopped));
    model
}

#[test]
fn a_usual_terminal_shows_it_all() {
    insta::assert_snapshot!(screen(&parted(), 80, 24));
}

#[test]
fn where_coins_make_blocks_it_says_who_stakes() {
    let shown = |stakes: bool| {
        let mut model = parted();
        model.facts.stakes = stakes;
        let mut sample = running(0, 40, 0);
        let stakers = ["assay1qalice", "assay1qbob"].map(str::to_owned).to_vec();
        sample.answer.as_mut().unwrap().stakers = Some(stakers);
        model.take(sample);
        screen(&model, 90, 24)
    };
    let text = shown(true);
    assert!(text.contains("stakes") && text.contains("alice +1"), "{text}");
    assert!(!shown(false).contains("stakes"));
}

#[test]
fn a_large_terminal_shows_more_of_it() {
    let mut model = parted();
    model.parted = true;
    model.apply(Intent::Mark);
    insta::assert_snapshot!(screen(&model, 120, 40));
}

#[test]
fn a_tiny_terminal_shows_what_matters() {
    insta::assert_snapshot!(screen(&parted(), 40, 10));
}

#[test]
fn many_nodes_scroll_and_the_selected_one_stays_in_sight() {
    let mut model = model(21);
    for node in 0..21 {
        model.take(running(node, 100, 0));
    }
    let rows = |model: &Model, height| {
        let screen = screen(model, 80, height);
        let rows = screen.lines().filter(|line| line.contains(" running ")).map(str::to_owned);
        rows.collect::<Vec<_>>()
    };
    let first = rows(&model, 24);
    assert!(first[0].starts_with("▸ node0 "), "{first:?}");
    assert!(first.len() >= 8 && first.len() < 21, "{first:?}");
    assert!(screen(&model, 80, 24).contains("of 21"));
    for selected in 0..21 {
        model.selected = selected;
        let rows = rows(&model, 24);
        assert_eq!(rows.len(), first.len());
        let name = format!("▸ node{selected} ");
        assert_eq!(rows.iter().filter(|row| row.starts_with(&name)).count(), 1, "{rows:?}");
    }
    assert!(rows(&model, 24).last().unwrap().starts_with("▸ node20 "));
    assert_eq!(rows(&model, 60).len(), 21, "a tall terminal shows all");
}

#[test]
fn nodes_in_other_states_say_so_and_what_they_said_is_dim() {
    let mut model = model(4);
    for node in 0..3 {
        model.take(running(node, 9, 0));
    }
    model.take(mute(1, ProcessState::Paused));
    model.take(mute(2, ProcessState::Running));
    let buffer = buffer(&model, COLOURED, 80, 24);
    // Below the heading and the titles.
    let dim = |y: u16| buffer[(23, y)].modifier.contains(Modifier::DIM);
    for (y, word, old) in
        [(3, "running", false), (4, "paused", true), (5, "silent", true), (6, "…", true)]
    {
        assert!(row(&buffer, y).contains(word), "{word}: {}", row(&buffer, y));
        assert_eq!(dim(y), old, "{word}");
    }
    assert!(row(&buffer, 4).contains(" 9 "), "its height is still known: {}", row(&buffer, 4));
}

#[test]
fn equal_heads_have_equal_colours_and_without_colours_there_are_none() {
    let model = parted();
    let coloured = buffer(&model, COLOURED, 80, 24);
    // Where the column of heads is.
    let colour = |y: u16| coloured[(26, y)].fg;
    assert_eq!(colour(3), Color::Green);
    assert_eq!(colour(3), colour(4));
    assert_ne!(colour(3), colour(5));
    let plain = buffer(&model, Theme { colours: false }, 80, 24);
    assert!(plain.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}

#[test]
fn help_and_logs_take_the_place_of_the_chain() {
    let mut model = parted();
    model.apply(Intent::Help);
    let help = screen(&model, 80, 30);
    assert!(help.contains("as a crash would") && !help.contains("branches"), "{help}");
    model.apply(Intent::Log);
    model.log = (0..50).map(|line| format!("line {line} \x1b[31m")).collect();
    let log = screen(&model, 80, 24);
    assert!(log.contains("log of node0") && log.contains("line 49"), "{log}");
    assert!(!log.contains("line 0 "), "the end of the log is shown: {log}");
    assert!(!log.contains('\x1b'), "{log}");
}

#[test]
fn a_fresh_devnet_and_a_lone_node_are_shown_as_well() {
    let fresh = screen(&model(3), 80, 24);
    assert!(fresh.contains("not measured yet") && fresh.contains("no node answers yet"), "{fresh}");
    let mut lone = model(1);
    lone.take(running(0, 0, 0));
    let screen = screen(&lone, 80, 24);
    assert!(screen.contains("genesis") && screen.contains("no other branch"), "{screen}");
}

#[test]
fn long_messages_keep_their_lines() {
    let mut model = parted();
    model.say("node1 ended unexpectedly: exit code 5; the end of its log:\n  | disk full\n  | bye");
    let screen = screen(&model, 80, 24);
    let lines: Vec<&str> = screen.lines().collect();
    let at = lines.iter().position(|line| line.ends_with("| disk full")).expect(&screen);
    assert!(lines[at - 1].contains("2 min 3 s  node1 ended"), "{screen}");
    assert!(lines[at + 1].ends_with("| bye"), "{screen}");
}

#[test]
fn more_branches_than_fit_are_counted() {
    let mut model = parted();
    for branch in 10..30 {
        model.nodes[0].forks.push(ForkInfo {
            head: id(35, branch),
            height: Height(35),
            length: 1,
            fork_height: Height(34),
            rank: String::new(),
            status: ForkStatus::Side,
        });
    }
    let screen = screen(&model, 80, 24);
    assert!(screen.contains("└─ and ") && screen.contains(" more"), "{screen}");
}

#[test]
fn no_size_is_too_small() {
    let mut model = parted();
    for panel in [Panel::Chain, Panel::Log, Panel::Help] {
        model.panel = panel;
        for (width, height) in [(1, 1), (3, 2), (10, 3), (20, 4), (30, 5), (78, 6), (200, 3)] {
            screen(&model, width, height);
        }
    }
}
