//! Chains of real kernels, very easy ones, for the tests of this rule and of the hybrid.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::{Ages, PosParams, PosRules, Rate};
use crate::chain::testkit::tree_of;
use crate::chain::{ImportError, Imported, Node, Tree, import};
use crate::ledger::testkit::{draft, key_of, params as ledger_params};
use crate::ledger::{Coin, Params};
use crate::types::target::{Bits, Target};
use crate::types::testkit::key;
use crate::types::{Amount, Block, Claim, CoinId, Draft, Seal, Span, Time, Transaction, body_root};

/// When the chain begins.
pub(crate) const LAUNCH: u64 = 1_700_000_000_000;

/// A coin of a person of the ledger's tests wins about every second second when it is a minute old.
pub(crate) const EASY: Bits = Bits(0x2100_ffff);

/// The parameters that these tests play with.
pub(crate) fn pos_params(ledger: &Params) -> PosParams {
    PosParams {
        chain: ledger.chain,
        block_time: Span::seconds(5),
        window: NonZeroU32::new(30).unwrap(),
        initial_bits: EASY,
        limit: Target::max(),
        ages: Ages { min_age: Span::seconds(20), max_age: Span::seconds(600) },
        rate: Rate { parts_per_million: 10_000, period: Span::seconds(3600) },
        max_drift: Span::seconds(15),
        finality_depth: 5,
        maturity: ledger.maturity,
        supply_max: ledger.supply_max,
    }
}

/// A chain of stake, its final state in memory.
pub(crate) struct Mint {
    pub(crate) rules: Arc<PosRules>,
    pub(crate) tree: Tree,
}

impl Mint {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(edit: impl FnOnce(&mut PosParams)) -> Self {
        Self::under(ledger_params(), edit)
    }

    /// A chain that punishes.
    pub(crate) fn lawful() -> Self {
        Self::under(Params { evidence_window: 3, ..ledger_params() }, |_| {})
    }

    fn under(ledger: Params, edit: impl FnOnce(&mut PosParams)) -> Self {
        let mut params = pos_params(&ledger);
        edit(&mut params);
        let rules = Arc::new(PosRules::new(params));
        let (tree, _) = tree_of(rules.clone(), &ledger, Time(LAUNCH));
        Self { rules, tree }
    }

    /// Coins of a person at a block.
    pub(crate) fn coins(&self, node: &Node, person: u8) -> Vec<(CoinId, Coin)> {
        node.state.coins_of(&key(person).address(), None, 100).unwrap()
    }

    /// The first second from a moment on in which a coin wins on a block.
    pub(crate) fn wins(&self, on: &Node, (id, coin): &(CoinId, Coin), from: Time) -> Time {
        let front = self.rules.front(&on.state).unwrap();
        let wins = |second: &u64| {
            let at = Time(second * 1000);
            let age = self.rules.params().ages.weighted(coin.time, at);
            let hash = front.kernel.hash(coin.time, id, *second);
            age > Span(0) && super::hits(&hash, &front.target, coin.amount, age)
        };
        Time((from.0.div_ceil(1000)..).find(wins).unwrap() * 1000)
    }

    /// A draft on a block by a coin at a time, right in every way if the coin wins then.
    pub(crate) fn draft(
        &self,
        on: &Node,
        (id, coin): &(CoinId, Coin),
        time: Time,
        transactions: Vec<Transaction>,
    ) -> Draft {
        let mut draft = draft(on.id, on.height().next(), 1, transactions, self.tree.params());
        draft.header.time = time;
        draft.header.producer = coin.owner;
        let bits = self.rules.next_bits(&on.state).unwrap();
        draft.header.claim = Claim::Stake { bits, coin: *id };
        self.complete(draft, on)
    }

    /// Fills in the roots.
    pub(crate) fn complete(&self, mut draft: Draft, on: &Node) -> Draft {
        draft.header.body_root = body_root(&draft.body, &self.tree.params().chain);
        draft.header.state_root = self.tree.execute(&draft, &on.state).unwrap().root();
        draft
    }

    /// The block, signed by its producer.
    pub(crate) fn seal(&self, draft: Draft) -> Block {
        let chain = self.tree.params().chain;
        let id = draft.id(&chain);
        let key = key_of(&draft.header.producer);
        draft.seal(Seal::signed(&id, &key, &chain))
    }

    pub(crate) fn import(&mut self, block: Block) -> Result<Imported, ImportError> {
        let now = block.header.time;
        import(&mut self.tree, Arc::new(block), now)
    }

    /// Stakes the first coin of a person that may be, at the first second in which it wins on the head.
    pub(crate) fn next(&mut self, person: u8) -> Imported {
        let head = self.tree.head();
        let height = head.height().next();
        let maturity = self.rules.params().maturity;
        let ripe = |coin: &Coin| coin.spendable_from(maturity).is_some_and(|from| from <= height);
        let mut coins = self.coins(head, person);
        coins.retain(|(_, coin)| ripe(coin));
        let coin = coins[0];
        let time = self.wins(head, &coin, head.block.header.time.after(Span(1)));
        let block = self.seal(self.draft(head, &coin, time, vec![]));
        self.import(block).unwrap()
    }

    /// What coins together hold.
    pub(crate) fn holds(coins: &[(CoinId, Coin)]) -> Amount {
        Amount(coins.iter().map(|(_, coin)| coin.amount.0).sum())
    }
}
