//! One leader a term, one seal a place.

use std::collections::BTreeMap;

use super::super::watch::{Scene, Watch};
use super::block_at;
use super::honour::is_honest;
use crate::consensus;
use crate::replica::{Output, Report};
use crate::types::{Address, BlockId, Height, PublicKey, Seal};

/// Rounds and heights that are remembered, counted back from the latest.
const KEPT: usize = 4096;

/// At most one leader can be elected in a given term (Raft, figure 3): no correct node says that another one leads in a
/// round than some correct node said before.
#[derive(Debug, Default)]
pub struct ElectionSafety {
    /// By round: who leads, and who said so first.
    leaders: BTreeMap<u64, (consensus::AuthorityId, usize)>,
}

impl Watch for ElectionSafety {
    fn name(&self) -> &'static str {
        "election safety"
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let Output::Report(Report::Engine(consensus::Report::Round { round, leader })) = output
        else {
            return Ok(());
        };
        let Some(leader) = leader.filter(|_| scene.is_correct(node)) else { return Ok(()) };
        let (first, who) = self.leaders.entry(*round).or_insert((leader, node));
        let outcome = match *first == leader {
            true => Ok(()),
            false => Err(format!(
                "in round {round} it says that {leader:?} leads, and node {who} {first:?}"
            )),
        };
        while self.leaders.len() > KEPT {
            self.leaders.pop_first();
        }
        outcome
    }
}

/// Nobody contradicts itself: no key of a correct node seals two blocks of one height in one round, alone or with others. That is what the
/// records of votes are for, and what a restart could break.
#[derive(Debug, Default)]
pub struct OneSeal {
    seals: BTreeMap<(Height, u64, PublicKey), BlockId>,
}

impl Watch for OneSeal {
    fn name(&self) -> &'static str {
        "one seal"
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let Some(id) = super::imported(output) else { return Ok(()) };
        let Some(block) = scene.correct(node).and_then(|replica| block_at(replica, id)) else {
            return Ok(());
        };
        let (round, signers) = match &block.seal {
            Seal::Leader { round, leader, .. } => (*round, vec![*leader]),
            Seal::Quorum { round, votes } => (*round, votes.iter().map(|vote| vote.key).collect()),
            _ => return Ok(()),
        };
        let honest = signers.into_iter().filter(|key| is_honest(scene, Address::of(key)));
        for signer in honest {
            let place = (block.header.height, round, signer);
            let first = *self.seals.entry(place).or_insert(*id);
            if first != *id {
                return Err(format!("{signer} sealed {first} and {id} in round {round}"));
            }
        }
        while self.seals.len() > KEPT {
            self.seals.pop_first();
        }
        Ok(())
    }
}
