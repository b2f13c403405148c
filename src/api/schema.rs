//! The JSON schemas of types that write their JSON by hand.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::BlockSelector;
use crate::ledger::CoinKind;
use crate::types::target::{Bits, Work};
use crate::types::{
    Amount, BlockId, CoinId, GenesisId, Hash, Height, PublicKey, Signature, Span, StateRoot, Time,
    TransactionId,
};

macro_rules! schemas {
    ($($type:ty, $name:literal, $schema:tt;)*) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

schemas! {
    Amount, "Amount", {
        "type": "string", "pattern": "^[0-9]{1,20}$", "description": "base units; a coin is 100000000 of them"
    };
    Height, "Height", {
        "type": "integer", "minimum": 0, "description": "the distance from the genesis block"
    };
    Time, "Time", {
        "type": "integer", "minimum": 0, "description": "milliseconds since the Unix epoch"
    };
    Span, "Span", {
        "type": "integer", "minimum": 0, "description": "milliseconds"
    };
    Hash, "Hash", { "type": "string", "pattern": "^[0-9a-f]{64}$" };
    GenesisId, "GenesisId", { "type": "string", "pattern": "^[0-9a-f]{64}$" };
    BlockId, "BlockId", { "type": "string", "pattern": "^[0-9a-f]{64}$" };
    TransactionId, "TransactionId", { "type": "string", "pattern": "^[0-9a-f]{64}$" };
    CoinId, "CoinId", { "type": "string", "pattern": "^[0-9a-f]{64}$" };
    StateRoot, "StateRoot", { "type": "string", "pattern": "^[0-9a-f]{64}$" };
    PublicKey, "PublicKey", { "type": "string", "pattern": "^[0-9a-f]{64}$" };
    Signature, "Signature", { "type": "string", "pattern": "^[0-9a-f]{128}$" };
    Bits, "Bits", {
        "type": "string", "pattern": "^[0-9a-f]{8}$", "description": "a target in Bitcoin's compact form"
    };
    Work, "Work", {
        "type": "string", "pattern": "^[0-9a-f]{64,128}$", "description": "an expected number of hashes"
    };
    CoinKind, "CoinKind", { "enum": ["transfer", "reward", "stake", "bond"] };
    BlockSelector, "BlockSelector", {
        "oneOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^(head|final|[0-9]{1,20}|[0-9a-fA-F]{64})$" }
        ],
        "description": "a height, a block id, `head` or `final`"
    };
}
