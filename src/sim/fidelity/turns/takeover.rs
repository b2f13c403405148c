//! How many authorities it takes to take over.
//!
//! Some of n authorities agree to drop all others: whenever one of them signs, it votes against the first one of those who
//! is left. The votes are counted by [`step`]. Theory: more than half of the authorities of the moment decide, and nobody
//! joins, so ⌊n ⁄ 2⌋ + 1 drop all others and one less drops nobody. Nor does it help that others are down: of ⌊n ⁄ 2⌋ + 1
//! blocks in a row an authority signs one, so that half of them cannot even go on alone.

use std::collections::BTreeSet;

use crate::consensus::poa::{Snapshot, step};
use crate::sim::random::Dice;

/// What the other authorities do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They sign, and vote for nothing.
    Idle,
    /// They are down.
    Down,
    /// They vote against the conspirators.
    Fight,
}

/// A conspiracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conspiracy {
    /// All authorities.
    pub authorities: usize,
    /// Those who conspire.
    pub conspirators: usize,
    /// What the others do.
    pub others: Others,
    /// Blocks after which votes are forgotten.
    pub epoch: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Result {
    /// Conspirators who are authorities at the end.
    pub conspirators: usize,
    /// Others who are.
    pub others: usize,
    /// The height at which one side was alone, if one ever was.
    pub alone: Option<u64>,
    /// The last height: less than what was asked for if nobody may sign any more.
    pub height: u64,
}

impl Conspiracy {
    /// Whether theory says that the conspirators end up alone.
    pub fn succeeds(&self) -> bool {
        self.conspirators > self.authorities / 2
    }

    /// Runs for so many blocks, each signed by one who may and is up, drawn by the seed.
    ///
    /// # Panics
    ///
    /// Never: who signs may.
    pub fn run(&self, blocks: u64, seed: u64) -> Result {
        let mut dice = Dice::new(seed, "conspiracy");
        let mut numbers: Vec<usize> = (0..self.authorities).collect();
        dice.shuffle(&mut numbers);
        let conspire: BTreeSet<usize> = numbers.into_iter().take(self.conspirators).collect();
        let mut snapshot = Snapshot::new((0..self.authorities).collect());
        let (mut alone, mut height) = (None, 0);
        for number in 1..=blocks {
            let may = |who: &&usize| {
                let up = self.others != Others::Down || conspire.contains(who);
                up && snapshot.may_sign(number, who).is_ok()
            };
            let able: Vec<usize> = snapshot.signers.iter().filter(may).copied().collect();
            let Some(signer) = dice.pick(&able).copied() else { break };
            let conspires = conspire.contains(&signer);
            let enemy = snapshot.signers.iter().find(|who| conspire.contains(who) != conspires);
            let votes = conspires || self.others == Others::Fight;
            let vote = enemy.filter(|_| votes).map(|enemy| (*enemy, false));
            snapshot = step(&snapshot, number, &signer, vote, self.epoch).expect("it may sign");
            height = number;
            if alone.is_none() && enemies(&snapshot, &conspire).contains(&0) {
                alone = Some(number);
            }
        }
        let [conspirators, others] = enemies(&snapshot, &conspire);
        Result { conspirators, others, alone, height }
    }
}

/// How many conspirators and how many others there are.
fn enemies(snapshot: &Snapshot<usize>, conspire: &BTreeSet<usize>) -> [usize; 2] {
    let conspirators = snapshot.signers.intersection(conspire).count();
    [conspirators, snapshot.signers.len() - conspirators]
}
