//! Coin-age stake: rules and engine.

mod engine;
mod footing;
mod rules;

use super::testkit::{LAUNCH, Mint};
use super::*;
use crate::types::Height;
