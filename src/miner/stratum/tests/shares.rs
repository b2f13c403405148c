//! Shares, each with its answer.

use super::*;
use crate::types::work::WorkProof;

/// A connection with a job whose block nobody finds and whose shares are found in a moment.
struct Miner {
    stage: Stage,
    id: ConnectionId,
    job: Value,
    difficulty: f64,
}

impl Miner {
    fn new(extensions: &[&str]) -> Self {
        let mut stage = Stage::new(HARD);
        let id = stage.connect();
        stage.ask(id, "mining.configure", json!([extensions, {}]));
        stage.ask(id, "mining.suggest_difficulty", json!([1.0 / 65536.0]));
        stage.ask(id, "mining.subscribe", json!([]));
        let heard = stage.ask(id, "mining.authorize", json!([user(1)]));
        let (job, difficulty) = (job(&heard), told(&heard).unwrap());
        assert_eq!(difficulty, 1.0 / 65536.0);
        Self { stage, id, job, difficulty }
    }

    fn header(&self, extra_nonce_2: u32) -> WorkHeader {
        header(&self.job, self.id.0, extra_nonce_2, 0)
    }

    /// Sends a share in the job's own terms.
    fn send(
        &mut self,
        extra_nonce_2: u32,
        time: u32,
        nonce: &str,
        bits: Option<&str>,
    ) -> Vec<Value> {
        let mut params = json!([
            user(1),
            self.job[0],
            format!("{extra_nonce_2:08x}"),
            format!("{time:08x}"),
            nonce
        ]);
        if let Some(bits) = bits {
            params.as_array_mut().unwrap().push(json!(bits));
        }
        self.stage.ask(self.id, "mining.submit", params)
    }

    fn worker(&self) -> Worker {
        self.stage.server.workers().next().unwrap().1.clone()
    }
}

#[test]
fn a_share_counts_once() {
    let mut miner = Miner::new(&[]);
    let header = miner.header(1);
    let found = nonce(header, miner.difficulty, 0, true);
    let text = format!("{found:08x}");
    assert_eq!(code(&miner.send(1, header.time, &text, None)), None);
    assert_eq!(code(&miner.send(1, header.time, &text, None)), Some(22));
    // With other digits of the same numbers it is the same, and under another extra nonce it is no share.
    assert_eq!(code(&miner.send(1, header.time, &format!("{found:x}"), Some("0"))), Some(22));
    assert_eq!(code(&miner.send(2, header.time, &text, None)), Some(23));
    let worker = miner.worker();
    assert_eq!((worker.accepted, worker.duplicate, worker.low, worker.blocks), (1, 2, 1, 0));
    assert_eq!((worker.difficulty, worker.last_share), (miner.difficulty, Some(miner.stage.now)));
    assert!(worker.best >= miner.difficulty);
    miner.stage.pass(Span::seconds(10));
    // 65 536 hashes in ten seconds.
    let rate = worker.hash_rate(miner.stage.now);
    assert!((rate / 6553.6 - 1.0).abs() < 0.01, "{rate}");
    let totals = miner.stage.server.totals();
    assert_eq!((totals.accepted, totals.duplicate, totals.low), (1, 2, 1));
}

#[test]
fn nonces_may_lack_their_leading_zeros() {
    let mut miner = Miner::new(&[]);
    let header = miner.header(9);
    let found = (0..)
        .map(|from| nonce(header, miner.difficulty, from, true))
        .find(|nonce| *nonce < 1 << 28)
        .unwrap();
    assert_eq!(code(&miner.send(9, header.time, &format!("{found:x}"), None)), None);
}

#[test]
fn low_difficulty_unknown_jobs_and_what_is_no_share_are_refused() {
    let mut miner = Miner::new(&[]);
    let header = miner.header(1);
    let low = nonce(header, miner.difficulty, 0, false);
    let heard = miner.send(1, header.time, &format!("{low:08x}"), None);
    assert_eq!(code(&heard), Some(23));
    assert!(heard[0]["error"][1].as_str().unwrap().starts_with("low difficulty share"));
    let time = format!("{:08x}", header.time);
    for (params, expected) in [
        (json!([user(1), "123", "00000001", time, "00000000"]), 21),
        (json!([user(1), "ffffffffffffffff", "00000001", time, "00000000"]), 21),
        (json!([user(1), "fffffffffffffffff", "00000001", time, "00000000"]), 20),
        (json!([user(1), "-1", "00000001", time, "00000000"]), 20),
        (json!([user(1), miner.job[0], "1", time, "00000000"]), 20),
        (json!([user(1), miner.job[0], "0000000001", time, "00000000"]), 20),
        (json!([user(1), miner.job[0], "00000001", time, "0x000000"]), 20),
        (json!([user(1), miner.job[0], "00000001", time, "000000000"]), 20),
        (json!([user(1), miner.job[0], "00000001", time, 7]), 20),
        (json!([user(2), miner.job[0], "00000001", time, "00000000"]), 24),
    ] {
        let heard = miner.stage.ask(miner.id, "mining.submit", params.clone());
        assert_eq!(code(&heard), Some(expected), "{params}");
    }
}

#[test]
fn who_has_not_introduced_himself_is_refused() {
    let mut stage = Stage::new(EASY);
    let id = stage.connect();
    let share = json!([user(1), "1", "00000000", "00000000", "00000000"]);
    assert_eq!(code(&stage.ask(id, "mining.submit", share.clone())), Some(25));
    assert_eq!(code(&stage.ask(id, "mining.authorize", json!([user(1)]))), None);
    assert_eq!(code(&stage.ask(id, "mining.submit", share.clone())), Some(25));
    // Authorized before it subscribed: the job comes with the answer to that.
    let heard = stage.ask(id, "mining.subscribe", json!([]));
    assert_eq!((heard.len(), &heard[2]["method"]), (3, &json!("mining.notify")));
    let other = stage.connect();
    stage.ask(other, "mining.subscribe", json!([]));
    assert_eq!(code(&stage.ask(other, "mining.submit", share)), Some(24));
    assert_eq!(stage.server.totals().refused, 3);
}

#[test]
fn times_from_the_jobs_to_the_end_of_its_window_are_good() {
    let mut miner = Miner::new(&[]);
    let base = miner.header(1);
    for (offset, expected) in
        [(0, None), (1, None), (60, None), (61, Some(20)), (-1, Some(20)), (7200, Some(20))]
    {
        let time = base.time.wrapping_add_signed(offset);
        let found = nonce(WorkHeader { time, ..base }, miner.difficulty, 0, true);
        let heard = miner.send(1, time, &format!("{found:08x}"), None);
        assert_eq!(code(&heard), expected, "{offset}");
    }
}

#[test]
fn version_bits_are_rolled_within_the_mask_only() {
    let mut miner = Miner::new(&["version-rolling"]);
    let base = miner.header(1);
    for (bits, expected) in [
        (0x0000_0000_u32, None),
        (0x00c0_0000, None),
        (0x1fff_e000, None),
        (0x0000_1000, Some(20)),
        (0x2000_0000, Some(20)),
        (0xffff_ffff, Some(20)),
    ] {
        let version = WORK_VERSION | bits.cast_signed();
        let found = nonce(WorkHeader { version, ..base }, miner.difficulty, 0, true);
        let heard = miner.send(1, base.time, &format!("{found:08x}"), Some(&format!("{bits:08x}")));
        assert_eq!(code(&heard), expected, "{bits:08x}");
    }
    assert_eq!(miner.worker().refused, 3);
    // Whoever has not negotiated it rolls nothing.
    let mut plain = Miner::new(&[]);
    let time = plain.header(1).time;
    assert_eq!(code(&plain.send(1, time, "00000000", Some("00002000"))), Some(20));
}

#[test]
fn a_share_that_meets_the_blocks_target_is_a_block() {
    let mut stage = Stage::new(EASY);
    let (id, heard) = stage.miner(1);
    let job = job(&heard);
    let header = header(&job, id.0, 5, 0);
    let found = nonce(header, EASY.target().unwrap().difficulty(), 0, true);
    let share = json!([user(1), job[0], "00000005", job[7], format!("{found:08x}")]);
    assert_eq!(code(&stage.ask(id, "mining.submit", share)), None);
    let Some(Output::Block { template, height: 1000, payout: paid, worker, proof }) =
        stage.blocks.pop()
    else {
        panic!("{:?}", stage.blocks)
    };
    assert_eq!((paid, worker.as_str()), (payout(1), user(1).as_str()));
    let expected = WorkProof {
        version: WORK_VERSION,
        extra_nonce: u64::from(id.0) << 32 | 5,
        time: header.time,
        nonce: found,
    };
    assert_eq!(proof, expected);
    // The proof is one of the block that the template stands for.
    let proven = proof.header(1000, &template, stage.head, EASY);
    assert_eq!(proven.is_proven(), Ok(true));
    assert_eq!(proven, WorkHeader { nonce: found, ..header });
    // It is one when the host says so, and proving it once more is a share and no block.
    let blocks = |stage: &Stage| stage.server.workers().next().unwrap().1.blocks;
    assert_eq!(blocks(&stage), 0);
    stage.server.sealed(&worker);
    assert_eq!((blocks(&stage), stage.server.totals().blocks), (1, 1));
    let again = nonce(header, EASY.target().unwrap().difficulty(), found + 1, true);
    let share = json!([user(1), job[0], "00000005", job[7], format!("{again:08x}")]);
    assert_eq!(code(&stage.ask(id, "mining.submit", share)), None);
    assert!(stage.blocks.is_empty());
}

#[test]
fn a_chip_may_prove_a_block_that_is_easier_than_its_shares() {
    let mut stage = Stage::new(EASY);
    let id = stage.connect();
    stage.ask(id, "mining.configure", json!([["version-rolling"], {}]));
    stage.ask(id, "mining.subscribe", json!([]));
    let heard = stage.ask(id, "mining.authorize", json!([user(1)]));
    assert_eq!(told(&heard), Some(1.0));
    let job = job(&heard);
    let found = nonce(header(&job, id.0, 5, 0), EASY.target().unwrap().difficulty(), 0, true);
    let share = json!([user(1), job[0], "00000005", job[7], format!("{found:08x}")]);
    assert_eq!(code(&stage.ask(id, "mining.submit", share)), None);
    assert_eq!(stage.blocks.len(), 1);
}

#[test]
fn what_another_block_overtook_is_stale_and_an_older_job_of_the_same_head_is_not() {
    let mut miner = Miner::new(&[]);
    let (first, base) = (miner.job.clone(), miner.header(1));
    let found = nonce(base, miner.difficulty, 0, true);
    let next = nonce(base, miner.difficulty, found + 1, true);
    miner.stage.pass(Span::seconds(30));
    let renewed = job(&miner.stage.heard(miner.id));
    assert!(renewed[0] != first[0] && renewed[8] == json!(false), "{renewed}");
    assert_eq!(code(&miner.send(1, base.time, &format!("{found:08x}"), None)), None);
    miner.stage.new_head(2);
    let fresh = job(&miner.stage.heard(miner.id));
    assert_eq!(fresh[8], json!(true));
    assert_eq!(code(&miner.send(1, base.time, &format!("{next:08x}"), None)), Some(21));
    assert_eq!(miner.worker().stale, 1);
}
