use super::*;
use crate::types::Hash;

fn block(number: u8) -> BlockId {
    BlockId(Hash([number; 32]))
}

fn transaction(number: u8) -> TransactionId {
    TransactionId(Hash([number; 32]))
}

fn at(height: u64, number: u8) -> (Height, BlockId) {
    (Height(height), block(number))
}

/// Views of so many nodes at block 0 of height 10, and so many payments: number n is due at n, handed to node n modulo
/// the number of nodes.
fn views(nodes: usize, payments: u8) -> Views {
    let mut views = Views::new(nodes, 3);
    (0..nodes).for_each(|node| views.begin(node, at(10, 0)));
    for number in 0..payments {
        let known = views.expect(transaction(number), 0);
        views.send(known, known % nodes, known as Micros);
    }
    views
}

fn learn(views: &mut Views, id: u8, parent: u8, payments: &[u8]) {
    let payments: Vec<TransactionId> = payments.iter().copied().map(transaction).collect();
    views.learn(block(id), block(parent), &payments);
}

fn times(histogram: &Histogram) -> (u64, u64) {
    (histogram.count(), histogram.max())
}

#[test]
fn a_payment_is_included_confirmed_and_final_where_and_when_a_node_says_so() {
    let mut views = views(2, 2);
    learn(&mut views, 1, 0, &[0, 1]);
    views.head(0, at(11, 1), 100);
    assert_eq!(times(&views.at_home().included), (1, 100));
    assert_eq!(times(&views.of_node(0).included), (2, 100));
    assert_eq!(times(&views.everywhere().included), (0, 0));
    views.head(1, at(11, 1), 151);
    assert_eq!(times(&views.at_home().included), (2, 150));
    assert_eq!(times(&views.everywhere().included), (2, 151));

    for (height, id) in [(12, 2), (13, 3), (14, 4)] {
        learn(&mut views, id, id - 1, &[]);
        views.head(0, at(height, id), u64::from(id) * 100);
    }
    let counts: Vec<_> = views.confirmations().iter().map(times).collect();
    assert_eq!(counts, [(2, 150), (1, 200), (1, 300)]);

    assert!(!views.is_settled(0));
    assert_eq!(views.settled(0, at(12, 2), 500), [0]);
    assert!(views.is_settled(0) && !views.is_settled(1));
    assert_eq!(views.settled(0, at(13, 3), 600), [0; 0]);
    assert_eq!(times(&views.at_home().settled), (1, 500));
    // The other one learns of finality before it learns of the head.
    assert_eq!(views.settled(1, at(12, 2), 700), [1]);
    assert_eq!(times(&views.everywhere().settled), (2, 700));
    assert_eq!(views.returned(), 0);
}

#[test]
fn heads_that_were_missed_are_asked_for_from_the_top() {
    let mut views = views(1, 1);
    assert_eq!(views.missing(0, at(10, 0)), None);
    assert_eq!(views.missing(0, at(13, 3)), Some(block(3)));
    learn(&mut views, 3, 2, &[]);
    learn(&mut views, 2, 1, &[]);
    assert_eq!(views.missing(0, at(13, 3)), Some(block(1)));
    // As long as something is missing, nothing is believed.
    views.head(0, at(13, 3), 1);
    assert_eq!(times(&views.at_home().included), (0, 0));
    learn(&mut views, 1, 0, &[0]);
    assert_eq!(views.missing(0, at(13, 3)), None);
    views.head(0, at(13, 3), 9);
    let counts: Vec<_> = views.confirmations().iter().map(times).collect();
    assert_eq!(counts, [(1, 9), (1, 9), (1, 9)]);
}

#[test]
fn a_reorganisation_is_counted_and_takes_nothing_back() {
    let mut views = views(1, 2);
    learn(&mut views, 1, 0, &[0, 1]);
    views.head(0, at(11, 1), 50);
    // A branch without payment 1, and with payment 0 one block higher.
    learn(&mut views, 2, 0, &[]);
    learn(&mut views, 3, 2, &[0]);
    views.head(0, at(12, 3), 80);
    assert_eq!(views.returned(), 2);
    assert_eq!(times(&views.at_home().included), (2, 50));
    assert_eq!(views.settled(0, at(12, 3), 90), [0]);
    assert_eq!(times(&views.at_home().settled), (1, 90));
    // Payment 1 comes back, and counts as final once it is.
    learn(&mut views, 4, 3, &[1]);
    views.head(0, at(13, 4), 95);
    assert_eq!(views.settled(0, at(13, 4), 99), [1]);
    assert_eq!((times(&views.at_home().included), views.returned()), ((2, 50), 2));
}

#[test]
fn a_shorter_branch_may_be_the_better_one() {
    let mut views = views(1, 1);
    learn(&mut views, 1, 0, &[]);
    learn(&mut views, 2, 1, &[0]);
    views.head(0, at(12, 2), 5);
    learn(&mut views, 3, 0, &[]);
    views.head(0, at(11, 3), 6);
    assert_eq!(views.returned(), 1);
    assert_eq!(views.settled(0, at(11, 3), 7), [0; 0]);
}

#[test]
fn a_node_that_is_behind_where_it_was_has_left_nothing() {
    let mut views = views(1, 3);
    for (id, payment) in [(1, 0), (2, 1), (3, 2)] {
        learn(&mut views, id, id - 1, &[payment]);
        views.head(0, at(10 + u64::from(id), id), 5);
    }
    // It was started again, and goes the same way once more.
    views.head(0, at(11, 1), 50);
    views.head(0, at(12, 2), 60);
    assert_eq!(views.returned(), 0);
    assert_eq!(times(&views.at_home().included), (3, 5));
    let counts: Vec<_> = views.confirmations().iter().map(times).collect();
    assert_eq!(counts, [(3, 5), (2, 5), (1, 5)], "nothing is counted again");
    // It goes another way from there: now the third has left.
    learn(&mut views, 4, 2, &[]);
    views.head(0, at(13, 4), 70);
    assert_eq!(views.returned(), 1);
}

#[test]
fn all_of_many_nodes_have_a_bit() {
    let mut views = views(NODES_MAX, 1);
    learn(&mut views, 1, 0, &[0]);
    for node in 0..NODES_MAX {
        assert_eq!(views.everywhere().included.count(), 0);
        views.head(node, at(11, 1), 1);
    }
    assert_eq!(views.everywhere().included.count(), 1);
}
