use super::*;
use crate::sim::random::Dice;

fn vote(round: u32, proposer: &str, value: &str) -> Vote {
    Vote { ballot: Ballot { round, proposer: proposer.into() }, value: value.into() }
}

fn synod(acceptors: usize, proposers: usize) -> Synod {
    let mut synod = Synod::default();
    for number in 1..=acceptors {
        synod.act(&["acceptors", &format!("A{number}")]).unwrap();
    }
    for number in 1..=proposers {
        synod.act(&["proposer", &format!("P{number}"), &format!("value{number}")]).unwrap();
    }
    synod
}

/// Messages in any order, lost and doubled, and acceptors that crash; gives what was found broken.
fn weather(seed: u64, acceptors: usize, keeps: bool) -> (Synod, Vec<String>) {
    let mut dice = Dice::new(seed, "synod");
    let mut synod = synod(acceptors, 3);
    let mut broken = Vec::new();
    for _ in 0..120 {
        let place = dice.index(synod.flight.len());
        let acceptor = format!("A{}", 1 + dice.index(acceptors));
        match dice.below(20) {
            0 | 1 => drop(synod.prepare(&format!("P{}", dice.between(1, 3)))),
            2 => synod.crash(&acceptor),
            3 | 4 => {
                let empty = !keeps && dice.chance(0.3);
                synod.restart(&acceptor, empty);
            }
            5 if !synod.flight.is_empty() => drop(synod.flight.remove(place)),
            6 if !synod.flight.is_empty() => synod.flight.push(synod.flight[place].clone()),
            _ if !synod.flight.is_empty() => drop(synod.deliver(place)),
            _ => {}
        }
        broken.extend(synod.violations());
    }
    (synod, broken)
}

#[test]
fn what_the_specification_promises_holds_in_any_weather() {
    let mut decided = 0;
    for seed in 0..600 {
        let (synod, broken) = weather(seed, if seed % 2 == 0 { 3 } else { 5 }, true);
        assert_eq!(broken, Vec::<String>::new(), "seed {seed}");
        let chosen: Vec<&Vote> = synod.all_chosen().collect();
        if let Some(learned) = synod.chosen() {
            assert!(chosen.contains(&learned), "seed {seed}");
        }
        decided += usize::from(!chosen.is_empty());
    }
    // Otherwise nothing was shown.
    assert!(decided > 200, "{decided}");
}

#[test]
fn acceptors_that_forget_break_each_promise() {
    let broken: Vec<String> = (0..600).flat_map(|seed| weather(seed, 3, false).1).collect();
    for kind in ["several values are chosen", "conceals from", "could choose another"] {
        assert!(broken.iter().any(|text| text.contains(kind)), "{kind}");
    }
}

#[test]
fn a_proposer_that_asks_for_two_values_is_seen() {
    let mut synod = synod(3, 1);
    synod.prepare("P1").unwrap();
    synod.tell_acceptors("P1", &Message::Accept(vote(1, "P1", "red")));
    assert_eq!(synod.violations(), Vec::<String>::new());
    synod.tell_acceptors("P1", &Message::Accept(vote(1, "P1", "blue")));
    assert_eq!(synod.violations(), ["two values in one ballot: red in 1.P1, blue in 1.P1"]);
}

/// Bugs that implementations had: one's own value, or the one that most name, in place of the highest ballot's.
#[test]
fn a_proposer_that_asks_for_the_wrong_value_is_seen() {
    let mut synod = synod(3, 2);
    synod.act(&["prepare", "P1"]).unwrap();
    synod.act(&["deliver", "all"]).unwrap();
    assert_eq!(synod.chosen(), Some(&vote(1, "P1", "value1")));
    synod.prepare("P2").unwrap();
    synod.act(&["deliver", "P2->A1,A2"]).unwrap();
    synod.flight.clear();
    synod.tell_acceptors("P2", &Message::Accept(vote(1, "P2", "value2")));
    let told = synod.act(&["deliver", "P2->A1"]).unwrap();
    let broken = "BROKEN: A1 accepted value2 in 1.P2, while 1.P1 could choose another";
    assert_eq!(told.last().map(String::as_str), Some(broken));
    synod.act(&["deliver", "P2->A2"]).unwrap();
    synod.act(&["expect", "broken"]).unwrap();
}

#[test]
fn an_acceptor_keeps_to_the_highest_ballot_that_it_promised() {
    let ballot = |round| Ballot { round, proposer: "P".into() };
    let mut acceptor = Acceptor::default();
    let promise = acceptor.hear(&Message::Prepare(ballot(2)));
    assert_eq!(promise, Some(Message::Promise(ballot(2), None)));
    assert_eq!(acceptor.hear(&Message::Prepare(ballot(2))), None, "that is a copy");
    let refused = Some(Message::Refuse(ballot(1), ballot(2)));
    assert_eq!(acceptor.hear(&Message::Prepare(ballot(1))), refused);
    assert_eq!(acceptor.hear(&Message::Accept(vote(1, "P", "red"))), refused);
    // In the ballot itself, and in a higher one of which it never heard.
    for round in [2, 3] {
        let vote = vote(round, "P", "red");
        assert_eq!(acceptor.hear(&Message::Accept(vote.clone())), Some(Message::Accepted(vote)));
    }
    assert_eq!(acceptor.promised, Some(ballot(3)));
}

#[test]
fn a_proposer_asks_for_the_value_of_the_highest_ballot_not_of_most() {
    let mut proposer = Proposer::new("P9", "own");
    proposer.round = 8;
    let Message::Prepare(ballot) = proposer.prepare() else { panic!("it opens a ballot") };
    let mut promise =
        |from: &str, named| proposer.hear(from, &Message::Promise(ballot.clone(), named), 3);
    assert_eq!(promise("A1", Some(vote(1, "P1", "red"))), None);
    assert_eq!(promise("A1", Some(vote(1, "P1", "red"))), None, "one voice each");
    assert_eq!(promise("A2", Some(vote(1, "P1", "red"))), None);
    let asks = promise("A3", Some(vote(2, "P2", "blue")));
    assert_eq!(asks, Some(Message::Accept(vote(9, "P9", "blue"))));
    assert_eq!(promise("A4", None), None, "it asks once");
}

#[test]
fn a_learner_counts_each_ballot_for_itself() {
    let mut learner = Learner::default();
    assert_eq!(learner.hear("A1", &Message::Accepted(vote(1, "P1", "red")), 2), None);
    assert_eq!(learner.hear("A2", &Message::Accepted(vote(2, "P2", "blue")), 2), None);
    assert_eq!(learner.hear("A2", &Message::Accepted(vote(2, "P2", "blue")), 2), None);
    let chosen = learner.hear("A3", &Message::Accepted(vote(2, "P2", "blue")), 2);
    assert_eq!(chosen, Some(vote(2, "P2", "blue")));
}

#[test]
fn lines_that_make_no_sense_say_why() {
    let mut synod = synod(3, 1);
    let mut wrong = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        synod.act(&words).unwrap_err()
    };
    assert_eq!(wrong("prepare P7"), "there is no proposer `P7`");
    assert_eq!(wrong("proposer A1 red"), "there is a machine `A1` already");
    assert_eq!(wrong("crash P1"), "there is no acceptor `P1`");
    assert_eq!(wrong("deliver P1->A1"), "nothing is in flight on P1->A1");
    assert_eq!(wrong("deliver P1"), "a way is written FROM->TO");
    assert_eq!(wrong("acceptors A4 A5 A6 A7 A8 A9"), "a story has 9 machines at most");
    assert_eq!(wrong("expect chosen red"), "chosen is nothing, and it is sound");
}
