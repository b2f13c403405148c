//! What the tests of such protocols share.

#[allow(dead_code, reason = "the transcripts use more of it")]
pub mod group;

use super::{Effect, Entry, Log, LogCore, Ref, Sealer};
use crate::consensus::authorities::Authorities;
use crate::consensus::{AuthorityId, DropReason, Point};
use crate::types::{BlockId, Hash, Height, encode, sha256d};
