//! Proof of work on real trees with real, very easy proofs.

mod engine;
mod retargeting;
mod rules;

use std::num::NonZeroU64;
use std::sync::Arc;

use super::testkit::{EASY, LAUNCH, Mine, SPACING, limit};
use super::*;
use crate::chain::{ImportError, Imported, Node, import};
use crate::ledger::testkit::{accounts, draft};
use crate::types::work::WorkProof;
use crate::types::{Amount, BlockId, Claim, Header, Height, Seal, StateRoot, Time};
