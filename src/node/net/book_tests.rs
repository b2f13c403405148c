use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn place(port: u16, peer: Option<PeerId>) -> Place {
    Place { socket: SocketAddr::from(([127, 0, 0, 1], port)), peer }
}

fn nobody(_: &PeerId) -> bool {
    false
}

fn knock(book: &mut Book, port: u16) -> ConnectionId {
    let connection = ConnectionId::new_unchecked(usize::from(port));
    book.began(&place(port, None).socket, connection);
    connection
}

#[test]
fn the_meant_come_first_and_the_wanted_need_no_slot() {
    let now = Instant::now();
    let mut book = Book::new(PeerId::random());
    book.add(place(1, None), Origin::Learned, now);
    book.add(place(2, None), Origin::Bootnode, now);
    book.add(place(3, None), Origin::Wanted, now);
    assert_eq!(book.due(now, 0, nobody), [place(3, None)]);
    assert_eq!(book.due(now, 1, nobody), [place(3, None), place(2, None)]);
    assert_eq!(book.due(now, 9, nobody).len(), 3);
    assert_eq!(book.dialing(), 0);
    knock(&mut book, 3);
    assert_eq!(book.dialing(), 1);
    assert_eq!(book.due(now, 1, nobody), [place(2, None)]);
}

#[test]
fn nobody_is_tried_twice_at_once_and_we_are_never_tried() {
    let now = Instant::now();
    let local = PeerId::random();
    let mut book = Book::new(local);
    assert!(!book.add(place(1, Some(local)), Origin::Bootnode, now));
    let peer = PeerId::random();
    book.add(place(2, Some(peer)), Origin::Learned, now);
    book.add(place(3, Some(peer)), Origin::Learned, now);
    let later = now + POLITENESS;
    assert_eq!(book.due(later, 9, nobody).len(), 1);
    assert_eq!(book.due(later, 9, |other| *other == peer), []);
    knock(&mut book, 2);
    assert_eq!(book.due(later, 9, nobody), []);
}

#[test]
fn the_greater_id_waits_for_the_lesser_to_knock() {
    let now = Instant::now();
    let mut ids = [PeerId::random(), PeerId::random()];
    ids.sort();
    let due = |local, peer, at| {
        let mut book = Book::new(local);
        book.add(place(1, Some(peer)), Origin::Bootnode, now);
        book.due(at, 1, nobody).len()
    };
    assert_eq!(due(ids[0], ids[1], now), 1);
    assert_eq!(due(ids[1], ids[0], now), 0);
    assert_eq!(due(ids[1], ids[0], now + POLITENESS), 1);
}

#[test]
fn waits_double_from_one_second_to_half_a_minute_and_success_forgets_them() {
    let mut now = Instant::now();
    let mut book = Book::new(PeerId::random());
    book.add(place(1, None), Origin::Bootnode, now);
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(book.due(now, 1, nobody).len(), 1);
        let connection = knock(&mut book, 1);
        book.failed(connection, Failure::Unreachable, now);
        let before = now;
        while book.due(now, 1, nobody).is_empty() {
            now += Duration::from_millis(50);
        }
        waits.push(now - before);
    }
    for (n, wait) in waits.iter().enumerate() {
        let about = (SECOND * 2u32.pow(n as u32)).min(WAIT_MAX);
        assert!(*wait > about * 7 / 10 && *wait < about * 13 / 10, "attempt {n}: {wait:?}");
    }
    let peer = PeerId::random();
    let connection = knock(&mut book, 1);
    book.answered(connection, peer);
    book.proved(&peer);
    book.lost(&peer, false, now);
    assert!(book.due(now, 1, nobody).is_empty());
    assert_eq!(book.due(now + SECOND * 2, 1, nobody), [place(1, Some(peer))]);
}

#[test]
fn what_peers_told_goes_after_some_failures_and_what_the_operator_told_stays() {
    let now = Instant::now();
    let mut book = Book::new(PeerId::random());
    book.add(place(1, None), Origin::Learned, now);
    book.add(place(2, None), Origin::Bootnode, now);
    for _ in 0..FAILURES_MAX {
        for port in [1, 2] {
            let connection = knock(&mut book, port);
            book.failed(connection, Failure::Unreachable, now);
        }
    }
    let later = now + WAIT_MAX * 2;
    assert_eq!(book.due(later, 9, nobody), [place(2, None)]);
    let connection = knock(&mut book, 2);
    book.failed(connection, Failure::Ourselves, now);
    assert_eq!(book.due(later, 9, nobody), []);
}

#[test]
fn somebody_else_at_an_address_counts_unless_the_operator_named_who() {
    let now = Instant::now();
    let later = now + WAIT_MAX * 2;
    let mut book = Book::new(PeerId::random());
    let (named, found) = (PeerId::random(), PeerId::random());
    book.add(place(1, Some(named)), Origin::Bootnode, now);
    book.add(place(2, None), Origin::Bootnode, now);
    book.add(place(3, Some(found)), Origin::Learned, now);
    let connection = knock(&mut book, 2);
    book.answered(connection, found);
    for port in [1, 2, 3] {
        let connection = knock(&mut book, port);
        book.failed(connection, Failure::SomebodyElse, now);
    }
    let mut due = book.due(later, 9, nobody);
    due.sort();
    assert_eq!(due, [place(1, Some(named)), place(2, None)]);
}

#[test]
fn the_book_is_bounded_and_the_worst_learned_address_goes_first() {
    let now = Instant::now();
    let mut book = Book::new(PeerId::random());
    for port in 1..=ADDRESSES_MAX as u16 {
        assert!(book.add(place(port, None), Origin::Learned, now));
    }
    let connection = knock(&mut book, 7);
    book.failed(connection, Failure::Unreachable, now);
    assert!(book.add(place(1000, None), Origin::Bootnode, now));
    assert_eq!(book.entries.len(), ADDRESSES_MAX);
    assert!(!book.entries.contains_key(&place(7, None).socket));
    for port in 2000..2000 + ADDRESSES_MAX as u16 {
        book.add(place(port, None), Origin::Wanted, now);
    }
    assert_eq!(book.entries.len(), ADDRESSES_MAX);
    assert!(book.entries.contains_key(&place(1000, None).socket));
    assert!(!book.add(place(3000, None), Origin::Wanted, now));
}
