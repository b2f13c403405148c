//! The judging half of Raft.

use super::RaftParams;
use crate::chain::{BlockRef, Verdict};
use crate::consensus::agreed::{self, Agreed, Agreement};
use crate::consensus::authorities::Authorities;
use crate::ledger::{ReadFailed, State};
use crate::types::signatures::verify_single;
use crate::types::{Address, BlockId, Hash, Header, Keypair, Seal, tagged};

/// The rules of Raft.
#[derive(Debug)]
pub struct RaftRules {
    params: RaftParams,
    agreement: Agreement,
}

impl RaftRules {
    /// The rules under these parameters.
    pub fn new(params: RaftParams) -> Self {
        let agreement = Agreement::new(params.authorities.clone());
        Self { params, agreement }
    }

    /// The parameters.
    pub fn params(&self) -> &RaftParams {
        &self.params
    }

    /// Who decides on what stands on a state.
    pub fn voters(&self, state: &State) -> Result<Authorities, ReadFailed> {
        self.agreement.voters(state)
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

impl Agreed for RaftRules {
    fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    fn judge(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
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
}
