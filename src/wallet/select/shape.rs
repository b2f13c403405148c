//! Coins of another shape: one in many, or many in one, all of the same owner's. The fee comes out of what they hold.

use super::FeeRate;
use super::cost::Sizes;
use crate::types::Amount;

/// What each of `parts` equal coins holds that one coin is split into; nothing if it does not even pay the fee. What does not
/// divide is left to the fee.
pub fn parts_of(coin: Amount, parts: usize, fee: FeeRate) -> Option<Amount> {
    let cost = fee.fee(Sizes::measure(None).total(1, parts, 1));
    let rest = coin.0.checked_sub(cost.0)?;
    // At most OUTPUTS_MAX.
    rest.checked_div(parts as u64).map(Amount).filter(|each| *each > Amount::ZERO)
}

/// What the one coin holds that these make, of one owner; nothing if they do not pay the fee.
pub fn merged(coins: &[Amount], fee: FeeRate) -> Option<Amount> {
    let cost = fee.fee(Sizes::measure(None).total(coins.len(), 1, 1));
    let sum = Amount::total(coins.iter().copied())?;
    sum.0.checked_sub(cost.0).map(Amount).filter(|rest| *rest > Amount::ZERO)
}
