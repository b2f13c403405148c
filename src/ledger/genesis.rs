//! The state of the genesis block.

use std::sync::Arc;

use super::{Base, Coin, CoinKind, Delta, EmptyBase, LtHash, Params, State, Supply, Working};
use crate::types::{Address, Amount, CoinId, Height, Time, tagged};

/// A coin that exists from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenesisAccount {
    /// Who owns it.
    pub owner: Address,
    /// How much it holds.
    pub amount: Amount,
    /// From when its age counts: the genesis time or earlier.
    pub time: Time,
}

/// The id of the coin of the account at `index`.
pub fn genesis_coin_id(index: usize, params: &Params) -> CoinId {
    // The spec lists few accounts.
    CoinId(tagged("assay/genesis-coin", &params.chain, &[&(index as u32).to_le_bytes()]))
}

/// The entries that the genesis block creates and the commitment to them. They are what a new store begins with.
/// No rule has a say here: an era may begin at any height, so a rule derives what it needs from its first block on.
pub fn genesis_state(accounts: &[GenesisAccount], params: &Params) -> (Delta, LtHash) {
    let nothing: Arc<dyn Base> = Arc::new(EmptyBase);
    let before = State::at_rest(nothing, LtHash::default());
    let mut working = Working::new(&before);
    let mut genesis = Amount::ZERO;
    for (index, account) in accounts.iter().enumerate() {
        let coin = Coin {
            owner: account.owner,
            amount: account.amount,
            height: Height::default(),
            time: account.time,
            kind: CoinKind::Transfer,
        };
        working.create(genesis_coin_id(index, params), &coin);
        genesis = genesis.plus(account.amount).expect("the spec keeps the supply below its cap");
    }
    working.system().put(&Supply::key(), &Supply { genesis, ..Supply::default() });
    working.finish().expect("an empty base always reads")
}
