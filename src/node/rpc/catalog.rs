//! What there is to call: the methods as their registration described them, and the OpenRPC document made of that.
//!
//! Nothing here is written down twice. A method's name, its line of text, who may call it and the types of its
//! parameters and its answer come from the one place that registers it; schemas are derived from those types.

use std::collections::BTreeMap;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde::de::value::Error as Noted;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::{Value, json};

use super::methods::{Access, Call, Items};
use crate::api::RpcCode;

/// The version of the format (<https://spec.open-rpc.org>).
const OPENRPC: &str = "1.3.2";

/// Where schemas lie in the document.
const SCHEMAS: &str = "/components/schemas";

/// A method, for those who look before they call.
#[derive(Clone, Copy)]
pub(super) struct Method {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is for, in a line.
    pub(super) about: &'static str,
    /// Who may call it.
    pub(super) access: Access,
    /// The names of its parameters in the order in which they go without names.
    pub(super) fields: &'static [&'static str],
    /// The schemas of its parameters, as one object, and of its answer.
    pub(super) schemas: fn(&mut SchemaGenerator) -> (Schema, Schema),
    /// The schema of what follows the answer, where the method begins a subscription.
    pub(super) items: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The subscription that it begins or ends.
    pub(super) stream: Option<Stream>,
}

/// A subscription.
#[derive(Clone, Copy)]
pub(super) struct Stream {
    /// Whether the method that has it begins or ends it.
    pub(super) role: Role,
    /// The method that begins it.
    pub(super) begin: &'static str,
    /// The method name that its items carry.
    pub(super) item: &'static str,
    /// Opens it.
    pub(super) open: fn(Call) -> Items,
}

/// What a method does to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It begins one.
    Begin,
    /// It ends one.
    End,
}

/// The methods that exist, by name.
#[derive(Default)]
pub(super) struct Catalog {
    methods: BTreeMap<&'static str, Method>,
}

/// An OpenRPC document.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct OpenRpc(Value);

impl Catalog {
    /// Adds a method.
    pub(super) fn add(&mut self, method: Method) {
        self.methods.insert(method.name, method);
    }

    /// The subscription that a method begins or ends, with the method's name.
    pub(super) fn stream(&self, method: &str) -> Option<(&'static str, Stream)> {
        let method = self.methods.get(method)?;
        Some((method.name, method.stream?))
    }

    /// All methods in order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Method> {
        self.methods.values()
    }

    /// The document of a node at `url`.
    pub(super) fn document(&self, url: &str) -> OpenRpc {
        let settings = SchemaSettings::draft07().with(|settings| {
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
        });
        let mut schemas = settings.into_generator();
        let methods: Vec<Value> =
            self.methods.values().map(|method| method.describe(&mut schemas)).collect();
        let errors = RpcCode::ALL.map(|code| {
            let error = json!({ "code": code.code(), "message": code.about() });
            (code.name().to_owned(), error)
        });
        OpenRpc(json!({
            "openrpc": OPENRPC,
            "info": {
                "title": "Assay",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "JSON-RPC 2.0 by POST to / and by WebSocket at /ws. Amounts are decimal strings of base \
                    units, times milliseconds since the Unix epoch, ids lower-case hexadecimal. Methods that need the \
                    token say so; it is sent as `Authorization: Bearer TOKEN`. Codes -32005 to -32011 are those of the \
                    server library: requests, answers and batches over the limits. Names without an underscore are \
                    Bitcoin's: they answer in Bitcoin's shapes, with Bitcoin's codes, and over JSON-RPC 1.0 as well.",
            },
            "servers": [
                { "name": "http", "url": url },
                { "name": "websocket", "url": format!("{}/ws", url.replacen("http", "ws", 1)) },
            ],
            "methods": methods,
            "components": {
                "schemas": schemas.take_definitions(true),
                "errors": errors.into_iter().collect::<serde_json::Map<_, _>>(),
            },
        }))
    }
}

impl Method {
    /// Whether a subscription follows its answer, or ends with it: then it needs a WebSocket.
    pub(super) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// How it is called, in a line: its name and its parameters, those in brackets that may be left out.
    pub(super) fn usage(&self) -> String {
        let mut schemas = SchemaGenerator::default();
        let (object, _) = (self.schemas)(&mut schemas);
        let mut text = self.name.to_owned();
        for param in self.params(&object) {
            let name = param["name"].as_str().unwrap_or_default();
            let required = param["required"] == json!(true);
            text.push_str(&if required { format!(" {name}") } else { format!(" [{name}]") });
        }
        text
    }

    /// The namespace.
    pub(super) fn namespace(&self) -> &'static str {
        self.name.split_once('_').map_or("bitcoin", |(namespace, _)| namespace)
    }

    fn describe(&self, schemas: &mut SchemaGenerator) -> Value {
        let (params, result) = (self.schemas)(schemas);
        let mut errors = vec![RpcCode::WarmingUp, RpcCode::Stopping];
        if self.access == Access::Token {
            errors.push(RpcCode::Unauthorized);
        }
        if self.is_stream() {
            errors.push(RpcCode::NeedsWebSocket);
        }
        let reference =
            |code: RpcCode| json!({ "$ref": format!("#/components/errors/{}", code.name()) });
        let mut method = json!({
            "name": self.name,
            "summary": self.about,
            "tags": [{ "name": self.namespace() }],
            "paramStructure": "either",
            "params": self.params(&transformed(params, schemas)),
            "result": { "name": "result", "schema": transformed(result, schemas) },
            "errors": errors.into_iter().map(reference).collect::<Vec<_>>(),
            "x-token": self.access == Access::Token,
        });
        if let (Some(stream), Some(items)) = (self.stream, self.items) {
            let item = items(schemas);
            method["x-subscription"] =
                json!({ "item": stream.item, "schema": transformed(item, schemas) });
        }
        method
    }

    /// The fields of an object as parameters one by one.
    fn params(&self, object: &Schema) -> Vec<Value> {
        let of = |key: &str| object.get(key).cloned().unwrap_or_default();
        let (properties, required) = (of("properties"), of("required"));
        let by_name = properties.as_object().into_iter().flat_map(serde_json::Map::keys);
        let names: Vec<&str> = match self.fields {
            [] => by_name.map(String::as_str).collect(),
            fields => fields.to_vec(),
        };
        let is_required =
            |name: &str| required.as_array().is_some_and(|list| list.contains(&json!(name)));
        let param = |name: &str| {
            json!({
                "name": name, "required": is_required(name), "schema": properties.get(name).unwrap_or(&json!(true)),
            })
        };
        names.into_iter().map(param).collect()
    }
}

/// A schema as the settings of its generator want it.
fn transformed(mut schema: Schema, schemas: &mut SchemaGenerator) -> Schema {
    schemas.transforms_mut().for_each(|transform| transform.transform(&mut schema));
    schema
}

/// The names of a struct's fields in order, as serde reads them from a list; none for what is no struct.
pub(super) fn fields<P: DeserializeOwned>() -> &'static [&'static str] {
    struct Probe<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Probe<'_> {
        type Error = Noted;

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Noted> {
            *self.0 = fields;
            Err(Noted::custom("the names are noted"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Noted> {
            Err(Noted::custom("it is no struct"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut names: &'static [&'static str] = &[];
    // It always fails: there is nothing to read, only to be asked for.
    let _ = P::deserialize(Probe(&mut names));
    names
}
