//! The judging half of PBFT.

use super::PbftParams;
use super::message::{Ballot, ViewChange};
use crate::chain::BlockRef;
use crate::consensus::Point;
use crate::consensus::agreed::{self, Agreed, Agreement};
use crate::consensus::authorities::Authorities;
use crate::consensus::quorum::byzantine;
use crate::ledger::{ReadFailed, State};
use crate::types::signatures::{SignatureCheck, verify_batch};
use crate::types::{Address, Claim, GenesisId, Hash, Header, Seal, Vote, encode, tagged};

/// The rules of PBFT.
#[derive(Debug)]
pub struct PbftRules {
    params: PbftParams,
    agreement: Agreement,
}

impl PbftRules {
    /// The rules under these parameters.
    pub fn new(params: PbftParams) -> Self {
        let agreement = Agreement::new(params.authorities.clone());
        Self { params, agreement }
    }

    /// The parameters.
    pub fn params(&self) -> &PbftParams {
        &self.params
    }

    /// Who decides on what stands on a state.
    pub fn voters(&self, state: &State) -> Result<Authorities, ReadFailed> {
        self.agreement.voters(state)
    }

    /// What a voter signs to agree to a draft in a view.
    pub fn prepare_hash(&self, ballot: &Ballot) -> Hash {
        tagged("assay/pbft-prepare", &self.params.chain, &[&encode(ballot)])
    }

    /// What a voter signs to ask for a view. Votes in it prove themselves, so whose they are is enough.
    pub fn change_hash<S>(&self, change: &ViewChange<S>) -> Hash {
        let prepared = change.prepared.as_ref();
        let prepared = prepared.map(|it| (it.ballot, it.by.keys().copied().collect::<Vec<_>>()));
        let said = encode(&(change.view, change.sealed, prepared));
        tagged("assay/pbft-view-change", &self.params.chain, &[&said])
    }

    /// What a voter signs to commit to a draft in a view: a quorum of these seals it.
    pub fn commit_hash(&self, ballot: &Ballot) -> Hash {
        commit_hash(&self.params.chain, ballot)
    }

    /// Whether a draft may stand on its parent; gives the view in which it was made, or why not.
    pub fn judge_header(&self, header: &Header, parent: BlockRef<'_>) -> Result<u64, String> {
        agreed::claimed_round(header, parent, self.names())
    }
}

fn commit_hash(chain: &GenesisId, ballot: &Ballot) -> Hash {
    tagged("assay/pbft-commit", chain, &[&encode(ballot)])
}

/// Whether a seal proves to whoever knows the authorities that they decided on a block: that its votes are those of exactly a
/// quorum of them, sorted, so that one set of votes has one form, in a view no earlier than the block's. Says why not.
pub fn certifies(
    chain: &GenesisId,
    header: &Header,
    seal: &Seal,
    authorities: &Authorities,
) -> Result<(), String> {
    let (Seal::Quorum { round, votes }, Claim::Round { round: made }) = (seal, &header.claim)
    else {
        return Err("it is not of a quorum".into());
    };
    if round < made {
        return Err(format!("it is of view {round}, before the draft's, which is {made}"));
    }
    let (quorum, given) = (byzantine(authorities.len()), votes.len());
    if given != quorum {
        let of = authorities.len();
        return Err(format!("it has {given} votes; exactly {quorum} of {of} are a quorum"));
    }
    if !votes.is_sorted_by(|one, next| one.key < next.key) {
        return Err("its votes are not in order of key, or one is there twice".into());
    }
    let stranger = votes.iter().find(|vote| !authorities.contains(&Address::of(&vote.key)));
    if let Some(Vote { key, .. }) = stranger {
        return Err(format!("{key}, who votes, is no authority"));
    }
    let at = Point::of(header, chain);
    let message = commit_hash(chain, &Ballot { view: *round, at }).0;
    let check = |Vote { key, signature }: &Vote| SignatureCheck {
        key: key.0,
        message,
        signature: signature.0,
    };
    let checks: Vec<SignatureCheck> = votes.iter().map(check).collect();
    match verify_batch(&checks).first().and_then(|bad| votes.get(*bad)) {
        Some(Vote { key, .. }) => Err(format!("the signature of {key} does not verify")),
        None => Ok(()),
    }
}

impl Agreed for PbftRules {
    fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    fn names(&self) -> (&'static str, &'static str) {
        ("pbft", "view")
    }

    fn certifies(&self, header: &Header, seal: &Seal, voters: &Authorities) -> Result<(), String> {
        certifies(&self.params.chain, header, seal, voters)
    }
}
