//! Validity, by books of our own.

use std::collections::BTreeMap;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::super::disk::Disk;
use super::super::watch::{Scene, Watch};
use super::books::Books;
use super::law::{Case, Law, Past};
use super::{block_at, found, imported, own_of, unseen};
use crate::ledger::{Coin, CoinKind, CoinView, Own, State, genesis_coin_id};
use crate::replica::{Input, Output, Replica};
use crate::spec::FrozenSpec;
use crate::types::signatures::verify_single;
use crate::types::{
    Address, Block, BlockId, Claim, CoinId, Evidence, GenesisId, Header, Height, Time, Transaction,
    body_root,
};

/// Every block in a correct node's tree follows the rules.
///
/// The checker keeps its own books: the coins after each block as a plain map, made by the plainest code that can be
/// written for it, the difficulty that is due by plain arithmetic where that is possible (under `asert` and `fixed`), and
/// the hash of every proof. It shares no cache with the replicas and does not call their import.
pub struct Validity {
    chain: GenesisId,
    maturity: u64,
    pub(super) fee_per_byte: u64,
    block_bytes: usize,
    law: Law,
    /// The latest that each node's clock showed its process.
    clocks: BTreeMap<usize, Time>,
    books: Books<Book>,
}

/// The world after a block.
#[derive(Clone)]
struct Book {
    header: Header,
    coins: OrdMap<CoinId, Coin>,
    past: Past,
}

impl Validity {
    /// For a chain.
    pub fn new(spec: &FrozenSpec) -> Self {
        let (params, genesis) = (spec.ledger_params(), spec.genesis_block());
        let mut coins = OrdMap::new();
        for (index, account) in spec.genesis_accounts().iter().enumerate() {
            let (owner, amount, time) = (account.owner, account.amount, account.time);
            let coin = Coin { owner, amount, height: Height(0), time, kind: CoinKind::Transfer };
            coins.insert(genesis_coin_id(index, &params), coin);
        }
        let book = Book { header: genesis.header, coins, past: Past::begin(spec) };
        Self {
            chain: params.chain,
            maturity: params.maturity,
            fee_per_byte: params.fee_per_byte_min,
            block_bytes: params.block_bytes_max,
            law: Law::of(spec),
            clocks: BTreeMap::new(),
            books: Books::from(genesis.id(&params.chain), book),
        }
    }

    fn enters(&mut self, scene: &Scene<'_>, node: usize, id: &BlockId) -> Result<(), String> {
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        let unseen = unseen(&self.books, replica, id);
        unseen.iter().try_for_each(|id| self.enters_one(replica, id))
    }

    fn enters_one(&mut self, replica: &Replica<Disk>, id: &BlockId) -> Result<(), String> {
        // One that entered and was dropped before its report was performed has no part in anything.
        let Some(block) = block_at(replica, id) else { return Ok(()) };
        // What the block does to coins itself, by its maker's own account; it is judged like everything else.
        let entered = replica.tree().get(id);
        let own = own_of(replica, id);
        let book = self.judge(id, &block, &own);
        let book = book.map_err(|why| format!("it has block {id} in its tree: {why}"))?;
        if let (Some(entered), Some(parent)) = (entered, self.books.get(&block.header.parent)) {
            same_changes(&parent.coins, &book.coins, &entered.state)
                .map_err(|why| format!("after block {id} {why}"))?;
        }
        self.books.insert(*id, block.header.height, book);
        Ok(())
    }

    /// Whether a block that enters a node's tree is no further ahead of its clock than it may be.
    fn is_of_now(&self, scene: &Scene<'_>, node: usize, id: &BlockId) -> Result<(), String> {
        let Some(replica) = scene.correct(node) else { return Ok(()) };
        let Some(clock) = self.clocks.get(&node) else { return Ok(()) };
        let time = replica.tree().get(id).map(|entered| entered.block.header.time);
        let Some(limit) = self.law.future_limit() else { return Ok(()) };
        match time.filter(|time| *time > clock.after(limit)) {
            None => Ok(()),
            Some(time) => Err(format!("it has block {id} of {time} in its tree at {clock}")),
        }
    }

    fn judge(&self, id: &BlockId, block: &Block, own: &Own) -> Result<Book, String> {
        let header = &block.header;
        let parent = self.books.get(&header.parent).ok_or("its parent was never judged")?;
        if header.id(&self.chain) != *id || header.version != 1 {
            return Err("its header is not what its id says".into());
        }
        if header.height.0 != parent.header.height.0 + 1 {
            return Err(format!("its height is {}", header.height));
        }
        let case = Case {
            id,
            header,
            seal: &block.seal,
            parent: &parent.header,
            past: &parent.past,
            coins: &parent.coins,
        };
        self.law.judge(&self.chain, &case)?;
        if body_root(&block.body, &self.chain) != header.body_root {
            return Err("its body is another one".into());
        }
        let bytes = borsh::object_length(&block.draft).unwrap_or(usize::MAX);
        if bytes > self.block_bytes {
            return Err(format!("it has {bytes} bytes"));
        }
        let mut coins = parent.coins.clone();
        let (mut fees, mut past) = (0, parent.past.clone());
        let staked = match header.claim {
            Claim::Stake { coin, .. } => Some(coin),
            _ => None,
        };
        // What a block stakes, its transactions cannot spend. Deposits they cannot spend in any case.
        if staked.is_some() {
            take(own, &mut coins)?;
        }
        for transaction in &block.body.transactions {
            let actor = transaction.inputs.first().and_then(|coin| coins.get(coin)).copied();
            fees += self.apply(transaction, header, &mut coins)?;
            if let (Some(operation), Some(actor)) = (&transaction.operation, actor) {
                let id = transaction.id(&self.chain);
                let outputs = 0..transaction.outputs.len();
                let outputs: Vec<CoinId> =
                    outputs.map(|index| Transaction::coin_id(&id, index, &self.chain)).collect();
                let (by, coins) = (actor.owner, &mut coins);
                self.law.operate(&mut past, header, by, operation, &outputs, coins)?;
            }
        }
        if staked.is_none() {
            take(own, &mut coins)?;
        }
        let mut back = Vec::new();
        match self.law.takes(&mut past, header, &accused(block)) {
            Some([burned, returned]) => {
                let taken: Vec<CoinId> = own.taken.iter().map(|(id, _)| *id).collect();
                let due: Vec<CoinId> = burned.iter().chain(&returned).copied().collect();
                if taken != due {
                    return Err(format!("it takes {taken:?} where {due:?} are due"));
                }
                back.extend(own.taken.iter().skip(burned.len()).map(|(_, bond)| *bond));
            }
            None => {
                let first = own.taken.first().map(|(coin, _)| *coin);
                if first != staked && block.body.evidence.is_empty() {
                    return Err(format!("it takes {:?}", own.taken));
                }
            }
        }
        self.pay(own, header, fees, &back, &mut coins)?;
        self.law.push(&mut past, &self.chain, header, &own.taken, &coins);
        Ok(Book { header: *header, coins, past })
    }

    /// Creates what a block pays out, the deposits that it gives back at the end.
    fn pay(
        &self,
        own: &Own,
        header: &Header,
        fees: u64,
        back: &[Coin],
        coins: &mut OrdMap<CoinId, Coin>,
    ) -> Result<(), String> {
        let (kind, due) = self.law.pays(header, &own.taken, fees);
        let Some(earned) = own.paid.len().checked_sub(back.len()) else {
            return Err(format!("it does not return {back:?}"));
        };
        for (place, (coin_id, coin)) in own.paid.iter().enumerate() {
            let bond = place.checked_sub(earned).and_then(|place| back.get(place));
            let right = match bond {
                Some(bond) => {
                    (coin.owner, coin.amount, coin.kind)
                        == (bond.owner, bond.amount, CoinKind::Transfer)
                }
                None => coin.owner == header.producer && coin.kind == kind,
            };
            if !right || coin.height != header.height || coins.contains_key(coin_id) {
                return Err(format!("it pays out {coin:?}"));
            }
            if bond.is_none() && !due.contains(&coin.amount.0) {
                return Err(format!("it pays out {} where {due:?} is due", coin.amount.0));
            }
            coins.insert(*coin_id, *coin);
        }
        Ok(())
    }

    /// Moves the coins of a transaction; gives its fee.
    fn apply(
        &self,
        transaction: &Transaction,
        header: &Header,
        coins: &mut OrdMap<CoinId, Coin>,
    ) -> Result<u64, String> {
        let id = transaction.id(&self.chain);
        let message = Transaction::signing_hash(&id, &self.chain);
        let consents = transaction.witnesses.iter().map(|witness| {
            let good = verify_single(&witness.key.0, &message.0, &witness.signature.0);
            good.then(|| Address::of(&witness.key))
        });
        let consents: Option<Vec<Address>> = consents.collect();
        let consents = consents.ok_or_else(|| format!("a signature of {id} is forged"))?;
        let mut held = 0;
        for coin_id in &transaction.inputs {
            let coin = coins.remove(coin_id).ok_or_else(|| format!("{id} spends {coin_id}"))?;
            let ripe = match coin.kind {
                CoinKind::Transfer => true,
                CoinKind::Bond => false,
                CoinKind::Reward | CoinKind::Stake => {
                    header.height.0 >= coin.height.0 + self.maturity
                }
            };
            if !ripe || !consents.contains(&coin.owner) {
                return Err(format!("{id} spends {coin:?}"));
            }
            held += coin.amount.0;
        }
        let mut given = 0;
        for (index, output) in transaction.outputs.iter().enumerate() {
            let coin_id = Transaction::coin_id(&id, index, &self.chain);
            let (owner, amount, kind) = (output.to, output.amount, CoinKind::Transfer);
            let coin = Coin { owner, amount, height: header.height, time: header.time, kind };
            coins.insert(coin_id, coin);
            given += amount.0;
        }
        let size = borsh::object_length(transaction).unwrap_or(usize::MAX) as u64;
        let fee: Option<u64> = u64::checked_sub(held, given);
        match fee {
            Some(fee) if fee >= size * self.fee_per_byte => Ok(fee),
            fee => Err(format!("{id} of {size} bytes pays {fee:?}")),
        }
    }
}

/// Removes what a block takes itself.
fn take(own: &Own, coins: &mut OrdMap<CoinId, Coin>) -> Result<(), String> {
    for (coin_id, coin) in &own.taken {
        if coins.remove(coin_id) != Some(*coin) {
            return Err(format!("it takes {coin:?}"));
        }
    }
    Ok(())
}

/// Whom the evidence in a block is about.
fn accused(block: &Block) -> Vec<Address> {
    let by = |evidence: &Evidence| match evidence {
        Evidence::Headers { key, .. } | Evidence::Statements { key, .. } => Address::of(key),
    };
    block.body.evidence.iter().map(by).collect()
}

/// Whether a state has the coins that the books say a block makes, and none that they say it spends.
fn same_changes(
    before: &OrdMap<CoinId, Coin>,
    after: &OrdMap<CoinId, Coin>,
    state: &State,
) -> Result<(), String> {
    for change in before.diff(after) {
        let (id, expected) = match change {
            DiffItem::Add(id, coin) | DiffItem::Update { new: (id, coin), .. } => (id, Some(*coin)),
            DiffItem::Remove(id, _) => (id, None),
        };
        let there = state.coin(id).map_err(|error| error.to_string())?;
        if there != expected {
            return Err(format!("coin {id} is {there:?} where the books have {expected:?}"));
        }
    }
    Ok(())
}

impl Watch for Validity {
    fn name(&self) -> &'static str {
        "validity"
    }

    fn started(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        let blocks = scene.replica(node).map(found).unwrap_or_default();
        self.clocks.remove(&node);
        blocks.iter().try_for_each(|id| self.enters(scene, node, id))
    }

    fn handles(
        &mut self,
        _: &Scene<'_>,
        node: usize,
        local: Time,
        _: &Input,
    ) -> Result<(), String> {
        let clock = self.clocks.entry(node).or_default();
        *clock = local.max(*clock);
        Ok(())
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let Some(id) = imported(output) else { return Ok(()) };
        self.is_of_now(scene, node, id)?;
        self.enters(scene, node, id)
    }
}
