//! A block of work before it is sealed.
//!
//! Whoever searches for the proof, this node or a miner beside it, searches for one of a draft made here.

use std::collections::BTreeSet;

use super::PowRules;
use crate::consensus::Context;
use crate::ledger::Executed;
use crate::types::{Address, Claim, Draft};

impl PowRules {
    /// A draft on the head that pays `payout`, right in every way but for the proof, and what executing it gives.
    ///
    /// # Errors
    ///
    /// Says why nothing can be drafted: the head's times lie too far ahead of the clock, or reading failed.
    pub fn draft(&self, cx: &Context<'_>, payout: Address) -> Result<(Draft, Executed), String> {
        let head = cx.tree.head();
        let bits = self.next_bits(&head.state, head.height()).map_err(|error| error.to_string())?;
        let earliest = self.earliest_time(head.as_ref()).map_err(|error| error.to_string())?;
        // After a halt of the clock the median may lie ahead of it; nobody would accept what lies too far ahead.
        let time = cx.now.max(earliest);
        if time > cx.now.after(self.params().future_limit) {
            return Err(format!(
                "the last blocks are ahead of the clock ({} against {})",
                time, cx.now
            ));
        }
        let claim = Claim::Work { bits };
        let draft = cx.draft(head.as_ref(), time, payout, claim, &BTreeSet::new());
        draft.map_err(|error| error.to_string())
    }
}
