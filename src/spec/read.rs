//! Walking the TOML of a chain spec: every value is taken by name, and what nobody takes is unknown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Fault;
use super::schema::{self, Schema};
use super::suggest::nearest;

/// Bytes of the text.
pub(super) type Span = Range<usize>;

/// Why a value is refused, where its place is not known yet. The reason continues "KEY …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: String,
    pub(super) fix: String,
}

impl Refusal {
    pub(super) fn new(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { reason: reason.into(), fix: fix.into() }
    }
}

/// What was found wrong so far. Shared by all sections, so that one bad value does not hide the next.
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, span: &Span, reason: impl Into<String>, fix: impl Into<String>) {
        let fault = Fault { span: span.clone(), reason: reason.into(), fix: fix.into() };
        self.0.borrow_mut().push(fault);
    }

    pub(super) fn into_inner(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}

/// A table of the file.
pub(super) struct Section<'t, 'f> {
    schema: &'static Schema,
    /// How messages name it: the path, with an index inside a list.
    name: String,
    /// Its header, or where it should be.
    span: Span,
    entries: BTreeMap<String, (Span, Spanned<DeValue<'t>>)>,
    /// Where the values of taken keys stand.
    places: BTreeMap<&'static str, Span>,
    faults: &'f Faults,
}

impl<'t, 'f> Section<'t, 'f> {
    /// A table, named by its schema unless it is one of a list.
    pub(super) fn new(
        schema: &'static Schema,
        name: String,
        span: Span,
        table: DeTable<'t>,
        faults: &'f Faults,
    ) -> Self {
        let entry = |(key, value): (Spanned<std::borrow::Cow<'t, str>>, _)| {
            (key.get_ref().to_string(), (key.span(), value))
        };
        let entries = table.into_iter().map(entry).collect();
        Self { schema, name, span, entries, places: BTreeMap::new(), faults }
    }

    /// Where the value of a taken key stands; the section itself where the key is missing.
    pub(super) fn place(&self, key: &'static str) -> Span {
        self.places.get(key).unwrap_or(&self.span).clone()
    }

    /// Whether a taken key was there.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.places.contains_key(key)
    }

    /// Where the section itself stands.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// The faults that all sections share.
    pub(super) fn faults(&self) -> &'f Faults {
        self.faults
    }

    /// How messages name a key: `pow.block_time`.
    pub(super) fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Takes a key out: where it stands, and its value.
    pub(super) fn take(&mut self, key: &'static str) -> Option<(Span, Spanned<DeValue<'t>>)> {
        debug_assert!(self.schema.keys.contains(&key), "{} is in no schema", self.path(key));
        let (span, value) = self.entries.remove(key)?;
        self.places.insert(key, value.span());
        Some((span, value))
    }

    /// Takes and reads a value. `None` where it is missing, and where it is refused: then its fault is noted.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&DeValue<'t>) -> Result<T, Refusal>,
    ) -> Option<T> {
        let (_, value) = self.take(key)?;
        match parse(value.get_ref()) {
            Ok(read) => Some(read),
            Err(refusal) => {
                self.refuse(key, refusal);
                None
            }
        }
    }

    /// Notes that the value of a taken key is refused.
    pub(super) fn refuse(&self, key: &'static str, refusal: Refusal) {
        let reason = format!("{} {}", self.path(key), refusal.reason);
        self.faults.add(&self.place(key), reason, refusal.fix);
    }

    /// Takes a table inside this one; an empty one where it is missing.
    pub(super) fn section(
        &mut self,
        key: &'static str,
        schema: &'static Schema,
    ) -> Section<'t, 'f> {
        let name = self.path(key);
        let (span, table) = match self.take(key) {
            None => (self.span.clone(), DeTable::new()),
            Some((span, value)) => match value.into_inner() {
                DeValue::Table(table) => (span, table),
                other => {
                    let reason = format!("{name} is {} where a table is due", kind(&other));
                    let fix = format!("write [{name}] on a line of its own and its keys below it");
                    self.faults.add(&span, reason, fix);
                    (span, DeTable::new())
                }
            },
        };
        Section::new(schema, name, span, table, self.faults)
    }

    /// Ends the section: every key that nobody took is unknown.
    pub(super) fn finish(self) {
        let title = match self.name.as_str() {
            "" => "the top of a chain spec".to_owned(),
            name => format!("[{name}]"),
        };
        for (key, (span, _)) in &self.entries {
            let fix = match (nearest(key, self.schema.keys.iter().copied()), schema::home_of(key)) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(section)) => format!("it belongs below [{section}]"),
                (None, None) => {
                    format!("remove it, or use one of: {}", self.schema.keys.join(", "))
                }
            };
            self.faults.add(span, format!("`{key}` is no key of {title}"), fix);
        }
    }
}

/// What a value is, for messages.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
