//! The judging half: a leader's signature says that a majority has a block.

use std::fmt;
use std::marker::PhantomData;

use super::LogCore;
use crate::chain::BlockRef;
use crate::consensus::agreed::{self, Agreed, Agreement};
use crate::consensus::authorities::Authorities;
use crate::ledger::{ReadFailed, State};
use crate::types::signatures::verify_single;
use crate::types::{Address, BlockId, Claim, GenesisId, Hash, Header, Keypair, Seal, Span, tagged};

/// The parameters, from the chain spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogParams {
    /// The chain, which everything that is signed is tagged with.
    pub chain: GenesisId,
    /// The first authorities.
    pub authorities: Authorities,
    /// A block with transactions leaves so long after the one before it at the earliest.
    pub block_time_min: Span,
    /// And an empty one when nothing was made for so long; never, if there is none.
    pub empty_block_after: Option<Span>,
    /// The shortest time after which a leader that is not heard is given up; each is drawn between this and twice as much
    /// (Raft 5.2). The lease of a leader is as long.
    pub patience: Span,
    /// The time between two heartbeats.
    pub heartbeat: Span,
}

/// The rules of a protocol.
pub struct LogRules<C> {
    params: LogParams,
    agreement: Agreement,
    protocol: PhantomData<fn() -> C>,
}

impl<C: LogCore> fmt::Debug for LogRules<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:?}", C::RULE, self.params)
    }
}

impl<C: LogCore> LogRules<C> {
    /// The rules under these parameters.
    pub fn new(params: LogParams) -> Self {
        let agreement = Agreement::new(params.authorities.clone());
        Self { params, agreement, protocol: PhantomData }
    }

    /// The parameters.
    pub fn params(&self) -> &LogParams {
        &self.params
    }

    /// Who decides on what stands on a state.
    pub fn voters(&self, state: &State) -> Result<Authorities, ReadFailed> {
        self.agreement.voters(state)
    }

    /// What the leader signs to seal a block.
    fn sealing_hash(&self, id: &BlockId, round: u64) -> Hash {
        tagged("assay/leader-seal", &self.params.chain, &[id.as_bytes(), &round.to_le_bytes()])
    }

    /// The seal of a leader.
    pub fn seal(&self, id: &BlockId, round: u64, key: &Keypair) -> Seal {
        let signature = key.sign(&self.sealing_hash(id, round));
        Seal::Leader { round, leader: key.public(), signature }
    }

    /// Whether a draft may stand on its parent; gives its round, or why not.
    pub fn judge_header(&self, header: &Header, parent: BlockRef<'_>) -> Result<u64, String> {
        agreed::claimed_round(header, parent, self.names())
    }
}

impl<C: LogCore> Agreed for LogRules<C> {
    fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    fn names(&self) -> (&'static str, &'static str) {
        (C::RULE, C::ROUND)
    }

    fn certifies(&self, header: &Header, seal: &Seal, voters: &Authorities) -> Result<(), String> {
        let (Seal::Leader { round, leader, signature }, Claim::Round { round: made }) =
            (seal, &header.claim)
        else {
            return Err("it is not a leader's".into());
        };
        if round < made {
            return Err(format!(
                "it is of {} {round}, before the draft's, which is {made}",
                C::ROUND
            ));
        }
        if !voters.contains(&Address::of(leader)) {
            return Err(format!("its leader {leader} is no authority"));
        }
        let message = self.sealing_hash(&header.id(&self.params.chain), *round);
        match verify_single(&leader.0, &message.0, &signature.0) {
            true => Ok(()),
            false => Err("its signature does not verify".into()),
        }
    }
}
