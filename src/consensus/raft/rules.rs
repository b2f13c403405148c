//! The judging half of Raft.

use super::RaftParams;
use crate::chain::{BlockRef, Finality, Rank, Rules, Verdict};
use crate::consensus::agreed;
use crate::consensus::authorities::{Authorities, in_force};
use crate::ledger::{Movements, ReadFailed, Refused, Rewards, State, System, Transition};
use crate::types::signatures::verify_single;
use crate::types::{
    Address, Amount, BlockId, Draft, Hash, Header, Height, Keypair, Operation, Seal, Time, tagged,
};

/// Authorities that have to stay: one alone is a majority of itself.
const AUTHORITIES_MIN: usize = 1;

/// The rules of Raft.
#[derive(Debug)]
pub struct RaftRules {
    params: RaftParams,
}

impl RaftRules {
    /// The rules under these parameters.
    pub fn new(params: RaftParams) -> Self {
        Self { params }
    }

    /// The parameters.
    pub fn params(&self) -> &RaftParams {
        &self.params
    }

    /// Who decides on what stands on a state.
    pub fn voters(&self, state: &State) -> Result<Authorities, ReadFailed> {
        in_force(state, &self.params.authorities)
    }

    /// What the leader of a term signs to seal a block.
    fn sealing_hash(&self, id: &BlockId, round: u64) -> Hash {
        tagged("assay/leader-seal", &self.params.chain, &[id.as_bytes(), &round.to_le_bytes()])
    }

    /// The seal of a leader.
    pub fn seal(&self, id: &BlockId, round: u64, key: &Keypair) -> Seal {
        let signature = key.sign(&self.sealing_hash(id, round));
        Seal::Leader { round, leader: key.public(), signature }
    }

    /// Whether a draft may stand on its parent; gives its term, or why not.
    pub fn judge_header(&self, header: &Header, parent: BlockRef<'_>) -> Result<u64, String> {
        agreed::claimed_round(header, parent, ("raft", "term"))
    }
}

impl Rules for RaftRules {
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
        let term = self.judge_header(header, parent).map_err(Verdict::Header)?;
        let Seal::Leader { round, leader, signature } = seal else {
            return Err(Verdict::Seal("it is not a leader's".into()));
        };
        if *round < term {
            let reason = format!("it is of term {round}, before the draft's, which is {term}");
            return Err(Verdict::Seal(reason));
        }
        if !self.voters(parent.state)?.contains(&Address::of(leader)) {
            return Err(Verdict::Seal(format!("its leader {leader} is no authority")));
        }
        let message = self.sealing_hash(&header.id(&self.params.chain), *round);
        if !verify_single(&leader.0, &message.0, &signature.0) {
            return Err(Verdict::Seal("its signature does not verify".into()));
        }
        Ok(())
    }

    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        Ok(Rank::of_numbers(&[head.header.height.0]))
    }

    fn rank_by_header(&self, _: &Header, _: &Seal, _: &Rank) -> Result<Option<Rank>, Verdict> {
        Ok(None)
    }

    fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed> {
        Ok(head.header.height)
    }

    fn finality(&self) -> Finality {
        Finality::Proof
    }

    fn not_before(&self, _: &Header) -> Time {
        Time(0)
    }

    fn authorities(&self, state: &State) -> Result<Authorities, ReadFailed> {
        self.voters(state)
    }
}

impl Transition for RaftRules {
    fn operation(
        &self,
        operation: &Operation,
        actor: Address,
        height: Height,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        let first = (&self.params.authorities, AUTHORITIES_MIN);
        agreed::operation(operation, actor, height, first, state)
    }

    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        _: &Movements,
        _: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        Ok(agreed::rewards(block, fees))
    }
}
