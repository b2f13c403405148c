//! The supply identity.

use std::collections::BTreeSet;

use super::super::disk::Disk;
use super::super::watch::{Scene, Watch};
use super::books::Books;
use super::stake::earned as earned_by;
use super::{block_at, found, imported, own_of, unseen};
use crate::ledger::State;
use crate::replica::{Output, Replica, Report};
use crate::spec::FrozenSpec;
use crate::types::{Address, Amount, BlockId, Claim, Height};

/// Coins are counted one by one at every so many final heights.
const COUNTED_EVERY: u64 = 16;

/// Coins of one owner that are counted.
const COINS_MAX: usize = 1 << 20;

/// What the world has been given is what the schedule says, and it is all there: genesis + issued − burned = the sum of
/// all coins.
#[derive(Debug)]
pub struct SupplyIdentity {
    pub(super) genesis: u64,
    /// What has been issued when a block is in.
    pub(super) issued: Books<u64>,
    /// Everybody who ever was paid.
    pub(super) owners: BTreeSet<Address>,
    /// Up to which height coins were counted.
    pub(super) counted: Height,
}

impl SupplyIdentity {
    /// For a chain.
    pub fn new(spec: &FrozenSpec) -> Self {
        let accounts = spec.genesis_accounts();
        let genesis = accounts.iter().map(|account| account.amount.0).sum();
        let id = spec.genesis_block().id(&spec.genesis_id());
        Self {
            genesis,
            issued: Books::from(id, 0),
            owners: accounts.iter().map(|account| account.owner).collect(),
            counted: Height(0),
        }
    }

    /// Everything that exists in a state, coin by coin.
    fn count(&self, state: &State) -> Result<u64, String> {
        let mut sum = 0;
        for owner in &self.owners {
            let coins =
                state.coins_of(owner, None, COINS_MAX).map_err(|error| error.to_string())?;
            sum += coins.iter().map(|(_, coin)| coin.amount.0).sum::<u64>();
        }
        Ok(sum)
    }

    fn enters(&mut self, scene: &Scene<'_>, node: usize, id: &BlockId) -> Result<(), String> {
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        let unseen = unseen(&self.issued, replica, id);
        unseen.iter().try_for_each(|id| self.enters_one(scene, replica, id))
    }

    fn enters_one(
        &mut self,
        scene: &Scene<'_>,
        replica: &Replica<Disk>,
        id: &BlockId,
    ) -> Result<(), String> {
        let Some(block) = block_at(replica, id) else { return Ok(()) };
        self.owners.insert(block.header.producer);
        let outputs = block.body.transactions.iter().flat_map(|it| it.outputs.iter());
        self.owners.extend(outputs.map(|output| output.to));
        let Some(before) = self.issued.get(&block.header.parent).copied() else {
            return Err(format!("block {id} entered before its parent"));
        };
        let height = block.header.height;
        let issuance = &scene.options().spec.issuance;
        let halvings = height.0 / issuance.halving_interval.max(1);
        let halved = if halvings < 64 { issuance.initial_reward.0 >> halvings } else { 0 };
        let room = issuance.supply_cap.0.saturating_sub(self.genesis + before);
        // The schedule is for work, and for delegates.
        let reward = match block.header.claim {
            Claim::Work { .. } | Claim::Slot { .. } => halved.max(issuance.tail_reward.0),
            // The other source is the age of coins.
            Claim::Stake { coin, .. } => {
                let own = own_of(replica, id);
                let taken = own.taken.iter().find(|(taken, _)| *taken == coin);
                let stake = scene.options().spec.consensus().pos();
                let earned = stake.zip(taken);
                earned.map_or(0, |(stake, (_, coin))| earned_by(stake, &block.header, coin))
            }
            _ => 0,
        };
        let after = before + reward.min(room);
        self.issued.insert(*id, height, after);
        let Some(entered) = replica.tree().get(id) else { return Ok(()) };
        let supply = entered.state.supply().map_err(|error| error.to_string())?;
        if (supply.genesis.0, supply.issued.0) != (self.genesis, after) {
            return Err(format!(
                "after block {id} it counts {:?} from genesis and {:?} issued, where the schedule gives {} and {after}",
                supply.genesis, supply.issued, self.genesis
            ));
        }
        Ok(())
    }

    fn finalised(&mut self, scene: &Scene<'_>, node: usize, height: Height) -> Result<(), String> {
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        if height.0 < self.counted.0 + COUNTED_EVERY {
            return Ok(());
        }
        let head = replica.tree().head();
        if !self.issued.has(&head.id) {
            return Ok(()); // its report is yet to come, and with it whom it pays: next time
        }
        self.counted = height;
        let supply = head.state.supply().map_err(|error| error.to_string())?;
        let sum = self.count(&head.state)?;
        match supply.circulating() {
            Some(Amount(circulating)) if circulating == sum => Ok(()),
            circulating => Err(format!(
                "at height {} coins hold {sum}, and {circulating:?} should circulate",
                head.height()
            )),
        }
    }
}

impl Watch for SupplyIdentity {
    fn name(&self) -> &'static str {
        "supply identity"
    }

    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        let blocks = scene.replica(node).map(found).unwrap_or_default();
        blocks.iter().try_for_each(|id| self.enters(scene, node, id))
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        match output {
            Output::Report(Report::Final { height, .. }) => self.finalised(scene, node, *height),
            output => imported(output).map_or(Ok(()), |id| self.enters(scene, node, id)),
        }
    }
}
