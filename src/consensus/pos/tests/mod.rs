//! Coin-age stake.
