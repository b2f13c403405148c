use super::super::Censor;
use super::*;

fn bench(victims: &[u8]) -> Bench {
    let victims: Vec<Address> = victims.iter().map(|victim| key(*victim).address()).collect();
    Bench::new(|mine| Censor::around(honest(mine), victims))
}

/// The transactions of the next block that it makes.
fn made(bench: &mut Bench) -> Vec<TransactionId> {
    bench.wait(Span::seconds(5));
    bench.tell(Event::Elapsed(crate::consensus::Timer::Draft));
    let (id, actions) = bench.find();
    assert_eq!(announced(&actions), [id]);
    bench.node(id).receipts.iter().map(|receipt| receipt.id).collect()
}

#[test]
fn what_its_victims_spend_or_receive_is_left_out() {
    let mut bench = bench(&[1, 9]);
    bench.pay(1, 8);
    bench.pay(2, 9);
    let other = bench.pay(3, 8);
    assert_eq!(made(&mut bench), [other]);
    assert_eq!(bench.pool.len(), 3, "the node's own pool is as it was");
}

#[test]
fn without_victims_in_the_pool_it_is_like_all_others() {
    let mut bench = bench(&[9]);
    let mut all = vec![bench.pay(1, 8), bench.pay(2, 8)];
    let mut made = made(&mut bench);
    all.sort();
    made.sort();
    assert_eq!(made, all);
}
