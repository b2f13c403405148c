use super::super::finals::*;
use crate::consensus::implied::FinalityRule;

fn conflicts(rule: FinalityRule, producers: u8, choice: Choice) -> usize {
    let parted = Parted { rule, producers, choice, turns: 70 };
    let endings: Vec<Ending> = (0..300).map(|seed| parted.run(seed)).collect();
    let deciding = endings.iter().filter(|ending| ending.decided > 0).count();
    assert!(deciding > 75, "{parted:?}: {deciding} decide");
    let conflicts = endings.iter().filter(|ending| ending.conflict).count();
    println!("{rule:?} of {producers}, {choice:?}: {conflicts} of 300");
    conflicts
}

#[test]
fn honest_producers_break_the_classical_rules_and_not_the_others() {
    for (rule, producers, choice) in [
        (FinalityRule::Graphene, 7, Choice::Longest),
        (FinalityRule::Aura, 5, Choice::Longest),
        (FinalityRule::AuraTwoThirds, 7, Choice::Longest),
        (FinalityRule::Aura, 5, Choice::Clique),
    ] {
        assert!(conflicts(rule, producers, choice) > 0);
    }
    for (rule, producers, choice) in [
        (FinalityRule::Majority, 5, Choice::Prevoted),
        (FinalityRule::TwoThirds, 7, Choice::Prevoted),
        (FinalityRule::Majority, 5, Choice::Clique),
    ] {
        assert_eq!(conflicts(rule, producers, choice), 0);
    }
}
