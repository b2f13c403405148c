use super::super::testkit::{fill, id, model, mute, running};
use super::*;

#[test]
fn what_is_heard_of_a_node_is_kept_until_it_stops() {
    let mut model = model(2);
    assert_eq!(model.nodes[0].state, State::Unknown);
    model.take(running(0, 30, 0));
    assert_eq!(model.nodes[0].state, State::Running);
    model.take(mute(0, ProcessState::Paused));
    let node = &model.nodes[0];
    assert_eq!((node.state, node.peers), (State::Paused, Some(3)));
    assert_eq!(node.chain.unwrap().height, Height(30));
    model.take(mute(0, ProcessState::Running));
    assert_eq!(model.nodes[0].state, State::Silent);
    model.nodes[0].marked = true;
    model.take(mute(0, ProcessState::Stopped));
    let node = &model.nodes[0];
    assert_eq!((node.state, node.peers, node.chain), (State::Stopped, None, None));
    assert!(node.marked && node.name == "node0");
    // A node that has been taken away meanwhile.
    model.take(running(7, 30, 0));
}

#[test]
fn an_answer_leaves_alone_what_was_not_asked() {
    let mut model = model(1);
    model.take(running(0, 30, 0));
    let mut sample = running(0, 31, 0);
    let answer = sample.answer.as_mut().unwrap();
    (answer.peers, answer.mempool, answer.hash_rate) = (None, None, None);
    model.take(sample);
    let node = &model.nodes[0];
    assert_eq!((node.peers, node.mempool, node.hash_rate), (Some(3), Some(17), Some(1_234_000.0)));
    let mut sample = running(0, 32, 0);
    sample.answer.as_mut().unwrap().hash_rate = Some(None);
    model.take(sample);
    assert_eq!(model.nodes[0].hash_rate, None, "it does not search any more");
}

#[test]
fn selecting_stays_among_the_nodes() {
    let mut model = model(3);
    let mut select = |intent| {
        assert_eq!(model.apply(intent), None);
        model.selected
    };
    assert_eq!(select(Intent::Up(1)), 0);
    assert_eq!(select(Intent::Down(1)), 1);
    assert_eq!(select(Intent::Down(usize::MAX)), 2);
    assert_eq!(select(Intent::Down(1)), 2);
    assert_eq!(select(Intent::Up(usize::MAX)), 0);
}

#[test]
fn commands_are_for_the_selected_node_and_one_at_a_time() {
    let mut model = model(2);
    model.take(running(0, 5, 0));
    model.take(mute(1, ProcessState::Stopped));
    assert_eq!(model.apply(Intent::Pause), Some(Command::Pause(0)));
    assert_eq!(model.apply(Intent::Kill), None, "it is being paused");
    assert_eq!(model.messages.back().unwrap().text, "node0 is being paused: wait for that first");
    model.done(Some(0));
    model.take(mute(0, ProcessState::Paused));
    assert_eq!(model.apply(Intent::Pause), Some(Command::Resume(0)));
    model.done(Some(0));
    assert_eq!(model.apply(Intent::Kill), Some(Command::Kill(0)));

    model.apply(Intent::Down(1));
    for intent in [Intent::Kill, Intent::Pause] {
        assert_eq!(model.apply(intent), None);
        assert!(model.messages.back().unwrap().text.contains("r starts it again"));
    }
    assert_eq!(model.apply(Intent::Restart), Some(Command::Restart(1)));
    assert_eq!(model.apply(Intent::Stop), Some(Command::Stop { interrupted: false }));
    assert_eq!(model.apply(Intent::Interrupt), Some(Command::Stop { interrupted: true }));
    model.done(Some(9));
    model.done(None);
}

#[test]
fn marks_decide_who_is_parted_from_whom() {
    let mut five = model(5);
    let parted = Command::Partition(vec![0, 1], vec![2, 3, 4]);
    assert_eq!(five.apply(Intent::Partition), Some(parted));
    five.apply(Intent::Down(3));
    five.apply(Intent::Mark);
    assert_eq!(five.selected, 4, "marking goes on to the next");
    let parted = Command::Partition(vec![3], vec![0, 1, 2, 4]);
    assert_eq!(five.apply(Intent::Partition), Some(parted));
    five.nodes.iter_mut().for_each(|node| node.marked = true);
    assert_eq!(five.apply(Intent::Partition), None);
    assert_eq!(five.apply(Intent::Heal), Some(Command::Heal));
    assert_eq!(five.apply(Intent::Add), Some(Command::Add));
    assert_eq!(model(1).apply(Intent::Partition), None);
}

#[test]
fn panels_open_and_close() {
    let mut model = model(1);
    for (intent, panel) in [
        (Intent::Log, Panel::Log),
        (Intent::Help, Panel::Help),
        (Intent::Help, Panel::Chain),
        (Intent::Log, Panel::Log),
        (Intent::Back, Panel::Chain),
    ] {
        assert_eq!(model.apply(intent), None);
        assert_eq!(model.panel, panel);
    }
}

#[test]
fn only_the_last_messages_are_kept() {
    let mut model = model(1);
    for number in 0..MESSAGES_MAX + 3 {
        model.uptime = Duration::from_secs(number as u64);
        model.say(number.to_string());
    }
    assert_eq!(model.messages.len(), MESSAGES_MAX);
    assert_eq!(model.messages.front().unwrap().text, "3");
    assert_eq!(model.messages.back().unwrap().at, Duration::from_secs(MESSAGES_MAX as u64 + 2));
}

#[test]
fn producers_have_the_names_of_their_accounts() {
    let mut model = model(1);
    fill(&mut model, 3..=5, 0);
    for (height, name) in [(3, "alice"), (4, "bob"), (5, "assay1qnobo…")] {
        model.take(running(0, height, 0));
        assert_eq!(model.last_producer(&model.nodes[0]).unwrap(), name);
    }
    model.nodes[0].chain.as_mut().unwrap().head = id(99, 9);
    assert_eq!(model.last_producer(&model.nodes[0]), None);
}
