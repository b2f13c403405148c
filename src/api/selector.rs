//! How a request names a block.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::types::{BlockId, Height};

/// Which block is meant: its height on the best branch, its id, or its place in the chain.
///
/// In JSON a number, or a string with 64 hexadecimal digits, the digits of a height, `head`, or `final`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlockSelector {
    /// The end of the best branch.
    #[default]
    Head,
    /// The final block.
    Final,
    /// The block of the best branch at this height.
    Height(Height),
    /// The block with this id, on any branch.
    Id(BlockId),
}

/// Why a text names no block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` names no block: give a height, an id of 64 hexadecimal digits, `head` or `final`"
)]
pub struct SelectorError {
    given: String,
}

impl FromStr for BlockSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        match text {
            "head" => return Ok(Self::Head),
            "final" => return Ok(Self::Final),
            _ => {}
        }
        // No height has 64 digits, so an id that happens to be all decimal stays an id.
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(height) if digits => Ok(Self::Height(Height(height))),
            _ => Err(SelectorError { given: text.chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for BlockSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Final => f.write_str("final"),
            Self::Height(height) => height.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

impl Serialize for BlockSelector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Height(height) => serializer.serialize_u64(height.0),
            other => serializer.collect_str(other),
        }
    }
}

impl<'de> Deserialize<'de> for BlockSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = BlockSelector;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a height, a block id, `head` or `final`")
            }

            fn visit_u64<E: Error>(self, height: u64) -> Result<BlockSelector, E> {
                Ok(BlockSelector::Height(Height(height)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<BlockSelector, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}
