//! Reads see everything that was final when they were asked for, whoever lies.

use super::*;

fn ask(group: &mut Group, of: u8, number: u64) {
    group.step(id(of), |core, out| core.read(number, out));
}

/// Everybody says again where it stands.
fn beat(group: &mut Group) {
    (0..4).for_each(|of| group.elapse(of, Wait::Beat));
    group.deliver_all();
}

fn stand(number: u64, height: u64) -> Said {
    Message::Stand { number, height: Height(height) }
}

/// What a quorum committed to is seen, though the reader has heard nothing of it.
#[test]
fn a_read_sees_what_others_sealed() {
    let mut group = Group::new(4);
    group.deliver_all();
    // Everything but the block reaches the last one.
    group.propose(0, 1);
    deliver_only(&mut group, |letter| letter.to != id(3));
    group.flight.retain(|letter| letter.to != id(3));
    assert_eq!(group.heights(), [1, 1, 1, 0]);
    ask(&mut group, 3, 7);
    group.deliver_all();
    assert_eq!(group.nodes[&id(3)].reads, [], "it waits for the block that the others know of");
    beat(&mut group);
    assert_eq!(group.nodes[&id(3)].reads, [(7, Height(1))]);
}

/// One that committed, and sealed nothing yet, says so: a quorum may have sealed elsewhere.
#[test]
fn a_commitment_counts_before_its_block_is_sealed() {
    let mut group = Group::new(4);
    group.deliver_all();
    group.propose(0, 1);
    deliver_only(&mut group, |letter| !matches!(letter.said, Message::Commit(..)));
    group.flight.clear();
    assert_eq!(group.heights(), [0; 4]);
    ask(&mut group, 3, 7);
    group.deliver_all();
    assert_eq!(group.nodes[&id(3)].reads, []);
    // A crash does not make it forget.
    for of in 0..3 {
        group.crash(id(of));
        group.restart(id(of));
    }
    group.flight.clear();
    ask(&mut group, 3, 8);
    group.deliver_all();
    assert_eq!(group.nodes[&id(3)].reads, []);
    beat(&mut group);
    assert_eq!(group.nodes[&id(3)].reads, [(7, Height(1)), (8, Height(1))]);
}

/// A liar neither hides a block nor invents one: one low word is not enough, and a high one is not needed.
#[test]
fn a_liar_changes_no_read() {
    for lie in [0, 1_000_000] {
        let mut group = Group::new(4);
        group.deliver_all();
        group.decide(0, 1);
        ask(&mut group, 2, 7);
        group.lie(3, &[2], &stand(7, lie));
        // Said twice it counts once.
        group.lie(3, &[2], &stand(7, lie));
        let of_liar = |letter: &group::Letter| letter.from == id(3) && letter.to == id(2);
        deliver_only(&mut group, of_liar);
        assert_eq!(group.nodes[&id(2)].reads, [], "one's own word and a liar's are too few");
        group.deliver_all();
        assert_eq!(group.nodes[&id(2)].reads, [(7, Height(1))]);
    }
}

/// Without a quorum nobody can say.
#[test]
fn a_minority_answers_no_read() {
    let mut group = Group::new(7);
    group.deliver_all();
    group.deaf = [3, 4, 5, 6].map(id).into();
    ask(&mut group, 0, 7);
    group.deliver_all();
    assert_eq!(group.nodes[&id(0)].reads, []);
}
