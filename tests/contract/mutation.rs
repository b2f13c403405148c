//! No bit of a seal or header can be changed.
//!
//! A block that differs in its seal alone is refused as *this copy*: the genuine one is still welcome. One that differs in
//! its header is another block: it is refused as *copy* where the seal is not about it, as *invalid* where no seal could
//! be, as *orphan* where it names a parent that does not exist. Since a rule could rest on the seal alone, headers are
//! judged a second time under rules that accept every seal. Then all that a header says must be refused on its own
//! account, but for the claim, some of which only the seal may hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use assay::chain::{BlockRef, Finality, ImportError, Rank, Rules, Verdict};
use assay::ledger::{Around, ReadFailed, State, Transition};
use assay::replica::wire::{Announce, Gossip};
use assay::replica::{GossipVerdict, Input, Output, Peer};
use assay::store::{ColdChain, MemStore};
use assay::types::{
    Address, Block, Bounded, Claim, Header, Height, PublicKey, Seal, Signature, Span, Time, decode,
    encode,
};

use super::progress::payment;
use super::subject::Subject;
use super::world::World;

/// Enough for a rule to remember something.
const BLOCKS: u64 = 4;

const LATER: Time = Time(u64::MAX);

/// A few blocks of the best branch, lowest first, one of which carries a payment.
pub fn line(subject: &Subject) -> Vec<Arc<Block>> {
    let mut world = World::new(subject, 31, 3, 0);
    world.submit(0, vec![payment(subject, 4)]);
    world.until("some blocks", |world| world.height(0).0 >= BLOCKS);
    let blocks = world.branch(0);
    assert!(blocks.iter().any(|block| !block.body.transactions.is_empty()));
    blocks
}

/// The value with each of its bits changed in turn, as far as that reads as a value at all; with the number of the bit.
fn flipped<T>(value: &T) -> impl Iterator<Item = (usize, T)> + use<T>
where
    T: borsh::BorshSerialize + borsh::BorshDeserialize,
{
    let bytes = encode(value);
    (0..bytes.len() * 8).filter_map(move |bit| {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        Some((bit, decode(&changed).ok()?))
    })
}

/// Seals of every kind that prove nothing.
fn empty_seals() -> Vec<Seal> {
    let (signature, leader) = (Signature([7; 64]), PublicKey([7; 32]));
    vec![
        Seal::Genesis,
        Seal::Signature { key: leader, signature },
        Seal::Signature { key: leader, signature: Signature([0; 64]) },
        Seal::Quorum { round: 0, votes: Bounded::default() },
        Seal::Leader { round: 0, leader, signature },
        Seal::Work(assay::types::work::WorkProof { version: 0, extra_nonce: 0, time: 0, nonce: 0 }),
    ]
}

/// Brings the blocks to a chain one after the other, and lets `judge` look before each of them.
fn one_by_one(
    mut cold: ColdChain<MemStore>,
    blocks: &[Arc<Block>],
    mut judge: impl FnMut(&mut ColdChain<MemStore>, &Arc<Block>),
) {
    for block in blocks {
        judge(&mut cold, block);
        cold.import(block.clone(), LATER).expect("the genuine block enters after all its copies");
    }
}

pub fn check_seals(subject: &Subject) {
    let mut tried = 0;
    one_by_one(subject.cold(), &line(subject), |cold, block| {
        let bits = flipped(&block.seal).map(|(bit, seal)| (format!("bit {bit}"), seal));
        let others = empty_seals().into_iter().map(|seal| ("another seal".to_owned(), seal));
        for (what, seal) in bits.chain(others).filter(|(_, seal)| *seal != block.seal) {
            let copy = Arc::new(block.draft.clone().seal(seal));
            let outcome = cold.import(copy.clone(), LATER);
            let refused = matches!(outcome, Err(ImportError::Copy(_)));
            assert!(refused, "{what}: {outcome:?} of {:?} for {:?}", copy.seal, block.seal);
            tried += 1;
        }
    });
    assert!(tried > 100 * BLOCKS, "{tried} seals were tried");
}

/// Where in an encoded header its parts begin, in bytes: version, height, parent, time, producer, claim, body root and
/// state root.
fn part(header: &Header, bit: usize) -> &'static str {
    let claim = encode(&header.claim).len();
    let sizes = [
        ("version", 2),
        ("height", 8),
        ("parent", 32),
        ("time", 8),
        ("producer", encode(&header.producer).len()),
        ("claim", claim),
        ("body root", 32),
        ("state root", 32),
    ];
    let mut end = 0;
    for (name, size) in sizes {
        end += size * 8;
        if bit < end {
            return name;
        }
    }
    panic!("bit {bit} lies beyond the header")
}

pub fn check_headers(subject: &Subject) {
    let blocks = line(subject);
    let mut tried = 0;
    let mut judge = |cold: &mut ColdChain<MemStore>, block: &Arc<Block>, seals: bool| {
        for (bit, header) in flipped(&block.header) {
            let part = part(&block.header, bit);
            // Where whoever seals answers for time, claim and whom it pays (nobody, where there are no fees), nothing else does; and what entered
            // would be final, so that the genuine block could not.
            let by_seal = subject.rules.not_before(&block.header) == Time(0);
            if by_seal && !seals && matches!(part, "time" | "claim" | "producer") {
                continue;
            }
            // A turn's time, and what its signer says of itself, are the signer's to choose.
            let turn = matches!(block.header.claim, Claim::Turn { .. });
            if turn && !seals && matches!(part, "time" | "claim") {
                continue;
            }
            let mut other = (**block).clone();
            other.draft.header = header;
            let outcome = cold.import(Arc::new(other), LATER);
            let below = |error: &ImportError| matches!(error, ImportError::BelowFinal { .. });
            let right = match (part, &outcome) {
                // Only the seal may hold what is claimed.
                ("claim", Ok(_)) => !seals,
                (_, Ok(_)) => false,
                ("parent", Err(error)) => matches!(error, ImportError::Orphan { .. }),
                ("height", Err(error)) => matches!(error, ImportError::Invalid(_)) || below(error),
                ("version", Err(error)) => matches!(error, ImportError::Invalid(_)),
                ("body root", Err(error)) => matches!(error, ImportError::Copy(_)),
                (_, Err(ImportError::Copy(_))) => seals,
                (_, Err(error)) => matches!(error, ImportError::Invalid(_)),
            };
            assert!(right, "bit {bit}, in the {part}, seals judged: {seals}: {outcome:?}");
            tried += 1;
        }
    };
    one_by_one(subject.cold(), &blocks, |cold, block| judge(cold, block, true));
    let blind = Arc::new(Blind(subject.rules.clone()));
    one_by_one(subject.cold_under(blind), &blocks, |cold, block| judge(cold, block, false));
    assert!(tried > 2 * 900 * BLOCKS as usize, "{tried} headers were tried");
}

fn announce(block: &Block, subject: &Subject) -> Gossip {
    let id = block.id(&subject.params().chain);
    let chain = subject.params().chain;
    let short = |transaction: &assay::types::Transaction| {
        assay::replica::wire::short_id(&id, &transaction.id(&chain))
    };
    Gossip::Announce(Box::new(Announce {
        header: block.header,
        seal: block.seal.clone(),
        short_ids: Bounded::truncated(block.body.transactions.iter().map(short).collect()),
        evidence: block.body.evidence.clone(),
    }))
}

/// A peer passes a bad copy on and is banned; the genuine one that another brings enters.
pub fn check_copies(subject: &Subject) {
    let blocks = line(subject);
    let empty = |block: &&Arc<Block>| block.body.transactions.is_empty();
    let Some(genuine) = blocks.first().filter(empty).or(blocks.first()) else { return };
    for (_, seal) in flipped(&genuine.seal).step_by(7).filter(|(_, seal)| *seal != genuine.seal) {
        let now = genuine.header.time.after(Span::seconds(1));
        let mut replica = subject.open(None, Arc::default(), now).unwrap();
        let pool = genuine.body.transactions.to_vec();
        replica.handle(now, Input::Submit { ticket: 0, transactions: pool });
        let mut message = 0;
        let mut hear = |from: u64, block: &Block| {
            replica.handle(now, Input::Connected(Peer(from)));
            message += 1;
            let gossip = announce(block, subject);
            replica.handle(now, Input::Gossip { from: Peer(from), message, gossip });
            let mut all = Vec::new();
            loop {
                let outputs = replica.take_outputs();
                for output in &outputs {
                    if let Output::Verify { order, .. } = output {
                        replica.handle(now, Input::Verified { order: *order, bad: Vec::new() });
                    }
                }
                match outputs.is_empty() {
                    true => {
                        return (
                            all,
                            replica.tree().get(&block.id(&subject.params().chain)).is_some(),
                        );
                    }
                    false => all.extend(outputs),
                }
            }
        };
        let (outputs, there) = hear(1, &genuine.draft.clone().seal(seal));
        let rejected = Output::Verdict { message: 1, verdict: GossipVerdict::Reject };
        assert!(outputs.contains(&rejected) && !there, "{outputs:?}");
        let banned = |output: &Output| matches!(output, Output::Ban { peer: Peer(1), .. });
        assert!(outputs.iter().any(banned), "{outputs:?}");
        let (outputs, there) = hear(2, genuine);
        assert!(there, "the genuine block is condemned with its copy: {outputs:?}");
    }
}

/// The rule, but for its judgement of seals.
struct Blind(Arc<dyn Rules>);

impl Rules for Blind {
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
        match self.0.verify(header, seal, parent) {
            Err(Verdict::Seal(_)) => Ok(()),
            verdict => verdict,
        }
    }

    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        self.0.rank(head)
    }

    fn rank_by_header(
        &self,
        header: &Header,
        seal: &Seal,
        parent: &Rank,
    ) -> Result<Option<Rank>, Verdict> {
        self.0.rank_by_header(header, seal, parent)
    }

    fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed> {
        self.0.final_height(head)
    }

    fn finality(&self) -> Finality {
        self.0.finality()
    }

    fn not_before(&self, header: &Header) -> Time {
        self.0.not_before(header)
    }

    fn authorities(&self, state: &State) -> Result<BTreeSet<Address>, ReadFailed> {
        self.0.authorities(state)
    }
}

impl Around for Blind {
    fn inner(&self) -> &dyn Transition {
        &*self.0
    }
}
