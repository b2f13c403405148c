//! Coin-age stake: kernel, rules and engine.

mod engine;
mod kernel;
mod rules;

use super::testkit::{LAUNCH, Mint};
use super::*;
use crate::types::Height;
