//! Who leaves somebody's transactions out.

use std::collections::BTreeSet;

use crate::consensus::{Context, Engine, Event, Outbox};
use crate::types::{Address, TransactionId};

/// Makes its blocks without transactions that spend or create coins of certain addresses, nor any that stand on these.
///
/// It builds on blocks of others that carry them: a censor of this kind delays, by one block for each that it makes, and
/// costs itself no more than the fees. Its node still passes the transactions on.
pub struct Censor {
    engine: Box<dyn Engine>,
    victims: BTreeSet<Address>,
}

impl Censor {
    /// The engine, with a pool in which nothing concerns the victims.
    pub fn around(
        engine: Box<dyn Engine>,
        victims: impl IntoIterator<Item = Address>,
    ) -> Box<dyn Engine> {
        Box::new(Self { engine, victims: victims.into_iter().collect() })
    }
}

impl Engine for Censor {
    fn handle(&mut self, event: Event, cx: &Context<'_>, out: &mut Outbox) {
        let theirs = self.victims.iter().flat_map(|victim| cx.pool.of(victim)).map(|(id, _)| *id);
        let theirs: BTreeSet<TransactionId> = theirs.collect();
        if theirs.is_empty() {
            return self.engine.handle(event, cx, out);
        }
        let mut pool = cx.pool.clone();
        for id in &theirs {
            pool.remove(id);
        }
        self.engine.handle(event, &Context { pool: &pool, ..*cx }, out);
    }
}
