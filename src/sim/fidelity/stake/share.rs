//! Whose blocks, and whose interest: stake against what it earns.
//!
//! Every staker is a node with coins of one size. Targets stay: their average is over so many blocks that a run does not
//! move it, so what a coin is due follows from the spec alone ([`Cycle`]). Coins begin as old as they would be if the
//! chain had gone on for ever.
//!
//! Two coins that win in one second make two blocks of which one counts. That happens to one block in twice the spacing in
//! seconds, to large and small stakers alike, so experiments that compare numbers of blocks ask for a wide spacing.

use super::renewal::{Ages, Cycle, bits_for, coin_day};
use super::{Account, account_of, begin, chain_of, spec, stake_of, stakers};
use crate::consensus::Stake;
use crate::sim::options::{Options, freeze, operator};
use crate::sim::random::Dice;
use crate::sim::{Micros, Sim};
use crate::types::target::Bits;
use crate::types::{Amount, COIN, Claim, Header};

/// What a staker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// How many coins of the chain's kind of coin.
    pub coins: usize,
    /// What each holds, in whole coins.
    pub each: u64,
    /// Whether they are staked.
    pub awake: bool,
}

/// A chain and who stakes on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Who holds what.
    pub holders: Vec<Holding>,
    /// When coins have weight.
    pub ages: Ages,
    /// Seconds between blocks, on average.
    pub spacing: u64,
    /// Interest in a day, in whole per cent.
    pub interest: u64,
    /// Blocks for which a coin that won rests, beside the minimum age.
    pub rest: u64,
    /// Blocks that the target averages over: with a hundred thousand a run does not move it.
    pub window: u32,
}

/// So many blocks that a run does not move their average.
pub const FIXED: u32 = 100_000;

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Earned {
    /// Blocks of each holder.
    pub blocks: Vec<u64>,
    /// Interest of each holder, in base units.
    pub interest: Vec<u64>,
    /// Blocks of all.
    pub all: u64,
    /// Base units at the beginning.
    pub genesis: u64,
    /// What circulates at the end, by the ledger.
    pub circulating: u64,
    /// What all coins hold at the end, counted one by one.
    pub held: u64,
    /// Seconds that passed.
    pub seconds: u64,
}

impl Plan {
    fn amounts(&self, only: impl Fn(&Holding) -> bool) -> Vec<f64> {
        let holders = self.holders.iter().filter(|holder| holder.awake && only(holder));
        holders.flat_map(|holder| vec![holder.each as f64; holder.coins]).collect()
    }

    /// The target.
    pub fn bits(&self) -> Bits {
        bits_for(&self.amounts(|_| true), self.spacing as f64, self.ages)
    }

    /// The cycle of a holder's coins.
    pub fn cycle(&self, holder: usize) -> Cycle {
        Cycle::new(self.holders[holder].each as f64, coin_day(self.bits()), self.ages)
    }

    /// Blocks in a second that a holder is due.
    pub fn rate(&self, holder: usize) -> f64 {
        match self.holders[holder] {
            Holding { awake: false, .. } => 0.0,
            Holding { coins, .. } => coins as f64 / self.cycle(holder).mean(),
        }
    }

    /// The share of the blocks that a holder is due.
    pub fn share(&self, holder: usize) -> f64 {
        let all: f64 = (0..self.holders.len()).map(|holder| self.rate(holder)).sum();
        self.rate(holder) / all
    }

    /// The share of what is staked that a holder stakes.
    pub fn stake(&self, holder: usize) -> f64 {
        let of = |holder: &Holding| match holder.awake {
            true => holder.coins as f64 * holder.each as f64,
            false => 0.0,
        };
        of(&self.holders[holder]) / self.holders.iter().map(of).sum::<f64>()
    }

    /// Begins the chain: a node for each holder.
    ///
    /// # Panics
    ///
    /// If the plan is for no chain: nobody stakes, or the coins are more than a chain may begin with.
    pub fn begin(&self, seed: u64) -> Running {
        self.begin_with(seed, "", |_| {})
    }

    /// The same with further lines of [pos], and nodes that are others than plain stakers.
    pub(super) fn begin_with(
        &self,
        seed: u64,
        more: &str,
        edit: impl FnOnce(&mut Options),
    ) -> Running {
        let mut dice = Dice::new(seed, "ages");
        let mut running = Running { accounts: Vec::new(), owners: Vec::new(), sim: None };
        let mut stakes = Vec::new();
        for (index, holder) in self.holders.iter().enumerate() {
            let cycle = self.cycle(index);
            let first = running.accounts.len();
            for _ in 0..holder.coins {
                let age = cycle.draw_age(&mut dice);
                running.accounts.push(Account { amount: holder.each, age });
                running.owners.push(index);
            }
            let end = if holder.awake { running.accounts.len() } else { first };
            stakes.push(stake_of(first..end));
        }
        let rule = format!(
            "[issuance]\ninitial_reward = \"0\"\nmaturity = {}\n[consensus]\nengine = \"pos\"\n[pos]\n\
             block_time = \"{}s\"\nretarget_window = {}\ninitial_bits = \"{:08x}\"\n\
             min_age = \"{}s\"\nmax_age = \"{}s\"\ninterest = \"{}%\"\ninterest_period = \"1d\"\n\
             genesis_coins = 1\n{more}",
            self.rest,
            self.spacing,
            self.window,
            self.bits().0,
            self.ages.min,
            self.ages.max,
            self.interest
        );
        let spec = freeze(spec(&running.accounts, &rule), 1);
        let mut options = stakers(seed, spec, stakes);
        edit(&mut options);
        running.sim = Some(begin(options));
        running
    }

    /// Lets the chain go on for so many block times from its beginning.
    pub fn run(&self, block_times: u64, seed: u64) -> Earned {
        let mut running = self.begin(seed);
        let seconds = block_times * self.spacing;
        running.sim().run(Micros::seconds(seconds));
        running.earned(seconds)
    }
}

/// A chain that goes on.
pub struct Running {
    accounts: Vec<Account>,
    /// The holder of each account.
    owners: Vec<usize>,
    sim: Option<Sim>,
}

impl Running {
    /// The simulation.
    ///
    /// # Panics
    ///
    /// Never: it is there from the beginning on.
    pub fn sim(&mut self) -> &mut Sim {
        self.sim.as_mut().expect("it was begun")
    }

    /// The accounts of a holder.
    pub fn stake(&self, holder: usize) -> Stake {
        let mine = self.owners.iter().enumerate().filter(|(_, owner)| **owner == holder);
        stake_of(mine.map(|(account, _)| account))
    }

    /// The time of each block of the best chain in seconds since its beginning, its maker, and its bits.
    ///
    /// # Panics
    ///
    /// Never: only holders make blocks, by stake.
    pub fn blocks(&mut self) -> Vec<(u64, usize, Bits)> {
        let account = account_of(self.accounts.len());
        let begins = self.sim().options().spec.genesis_time();
        let blocks = chain_of(self.sim(), 0);
        let blocks = blocks.iter().map(|block| {
            let Header { time, producer, claim, .. } = block.header;
            let Claim::Stake { bits, .. } = claim else { unreachable!("nobody mines here") };
            let owner = account(&producer).expect("only holders make blocks");
            ((time.0 - begins.0) / 1000, self.owners[owner], bits)
        });
        blocks.collect()
    }

    /// What each holder holds at the head, in base units, counted coin by coin.
    ///
    /// # Panics
    ///
    /// Never: states in memory can be read.
    pub fn holds(&mut self) -> Vec<u64> {
        let owners = self.owners.clone();
        let mut holds = vec![0; owners.iter().max().map_or(0, |last| last + 1)];
        let head = self.sim().replica(0).expect("nobody crashes").tree().head().state.clone();
        for (account, owner) in owners.into_iter().enumerate() {
            let coins = head.coins_of(&operator(account).address(), None, 16);
            let coins = coins.expect("states in memory can be read");
            holds[owner] += coins.iter().map(|(_, coin)| coin.amount.0).sum::<u64>();
        }
        holds
    }

    /// What this came to after so many seconds.
    ///
    /// # Panics
    ///
    /// Never: states in memory can be read.
    pub fn earned(&mut self, seconds: u64) -> Earned {
        let holds = self.holds();
        let mut began = vec![0; holds.len()];
        for (account, owner) in self.accounts.iter().zip(&self.owners) {
            began[*owner] += account.amount * COIN;
        }
        let made = self.blocks();
        let mut blocks = vec![0; holds.len()];
        made.iter().for_each(|(_, owner, _)| blocks[*owner] += 1);
        let replica = self.sim().replica(0).expect("nobody crashes");
        let supply = replica.tree().head().state.supply().expect("states in memory can be read");
        Earned {
            blocks,
            interest: holds.iter().zip(&began).map(|(holds, began)| holds - began).collect(),
            all: made.len() as u64,
            genesis: began.iter().sum(),
            circulating: supply.circulating().unwrap_or(Amount::ZERO).0,
            held: holds.iter().sum(),
            seconds,
        }
    }
}
