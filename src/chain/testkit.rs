//! A rule whose blocks say themselves how strong and how final they are, for tests of this room and those below it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{BlockRef, Finality, Rank, Rules, Tree, Verdict};
use crate::ledger::testkit::{MemBase, Plain, accounts, draft, params};
use crate::ledger::{Around, Params, ReadFailed, State, Transition, genesis_state};
use crate::types::{
    Address, Block, BlockId, Body, Claim, Draft, HEADER_VERSION, Hash, Header, Height, PublicKey,
    Seal, Signature, StateRoot, Time, Transaction, body_root,
};

/// The seal that the rule accepts.
pub(crate) const GOOD: Seal =
    Seal::Signature { key: PublicKey([1; 32]), signature: Signature([1; 64]) };

fn is_signed(header: &Header, seal: &Seal) -> bool {
    let chain = params().chain;
    seal.is_signed_by(&header.producer, &header.id(&chain), &chain).is_ok()
}

/// The rule: the claim holds rank and final height. A block's producer may sign it, too.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Plain);

/// The claim of a block whose branch has this rank and is final up to this height.
pub(crate) fn claim(rank: u64, prior: Height) -> Claim {
    Claim::Slot { reveal: numbered(rank), commit: Hash::default(), prior }
}

/// The same of a block that says, under this number from one on, what may be said only once.
pub(crate) fn saying(rank: u64, prior: Height, statement: u64) -> Claim {
    Claim::Slot { reveal: numbered(rank), commit: numbered(statement), prior }
}

fn numbered(number: u64) -> Hash {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Hash(bytes)
}

impl Rules for Said {
    fn verify(&self, header: &Header, seal: &Seal, _: BlockRef<'_>) -> Result<(), Verdict> {
        match (&header.claim, seal) {
            (Claim::Slot { .. }, seal) if *seal == GOOD => Ok(()),
            (Claim::Slot { .. }, seal) if is_signed(header, seal) => Ok(()),
            (Claim::Slot { .. }, _) => Err(Verdict::Seal("it is not the good one".into())),
            _ => Err(Verdict::Header("it does not say how strong it is".into())),
        }
    }

    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        let Claim::Slot { reveal, .. } = head.header.claim else {
            return Ok(Rank::of_numbers(&[0]));
        };
        let bytes = reveal.0.first_chunk().expect("a hash has 32 bytes");
        Ok(Rank::of_numbers(&[u64::from_be_bytes(*bytes)]))
    }

    fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed> {
        let Claim::Slot { prior, .. } = head.header.claim else { return Ok(Height(0)) };
        Ok(prior)
    }

    fn rank_by_header(&self, _: &Header, _: &Seal, _: &Rank) -> Result<Option<Rank>, Verdict> {
        Ok(None)
    }

    fn finality(&self) -> Finality {
        Finality::Proof
    }

    fn not_before(&self, header: &Header) -> Time {
        header.time
    }

    fn authorities(&self, _: &State) -> Result<BTreeSet<Address>, ReadFailed> {
        Ok(BTreeSet::new())
    }
}

impl Around for Said {
    fn inner(&self) -> &dyn Transition {
        &self.0
    }
}

/// The first block of a chain with these parameters and accounts.
pub(crate) fn genesis(params: &Params) -> Block {
    genesis_at(params, Time(0))
}

fn genesis_at(params: &Params, time: Time) -> Block {
    let (_, commitment) = genesis_state(&accounts(), params);
    let body = Body::default();
    let header = Header {
        version: HEADER_VERSION,
        height: Height(0),
        parent: BlockId::default(),
        time,
        producer: Address::default(),
        claim: Claim::Genesis,
        body_root: body_root(&body, &params.chain),
        state_root: StateRoot(commitment.root().0),
    };
    Draft { header, body }.seal(Seal::Genesis)
}

/// A tree of the genesis block alone, and the base below it.
pub(crate) fn tree(params: &Params) -> (Tree, Arc<MemBase>) {
    tree_of(Arc::new(Said(Plain::new(1000, 100))), params, Time(0))
}

/// The same under other rules, of a chain that begins at this time.
pub(crate) fn tree_of(
    rules: Arc<dyn Rules>,
    params: &Params,
    begins: Time,
) -> (Tree, Arc<MemBase>) {
    let (delta, commitment) = genesis_state(&accounts(), params);
    let base = Arc::new(MemBase::default());
    base.write(&delta);
    let state = State::at_rest(base.clone(), commitment);
    let tree = Tree::new(rules, params.clone(), Arc::new(genesis_at(params, begins)), state);
    (tree.expect("the genesis state reads"), base)
}

/// A block on a block of the tree that is right in every way; its time is a second per height.
pub(crate) fn child(
    tree: &Tree,
    parent: &BlockId,
    claim: Claim,
    producer: u8,
    transactions: Vec<Transaction>,
) -> Block {
    let parent = tree.get(parent).expect("the parent is in the tree");
    let height = parent.height().next();
    let mut draft = draft(parent.id, height, producer, transactions, tree.params());
    draft.header.claim = claim;
    let executed = tree.execute(&draft, &parent.state).expect("what a test writes executes");
    draft.header.state_root = executed.root();
    draft.seal(GOOD)
}
