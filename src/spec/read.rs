//! Walking a TOML file that people write, such as a chain spec: every value is taken by name, and what nobody takes is
//! unknown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Fault, SpecError, error};
use super::suggest::nearest;

/// Bytes of the text.
pub(crate) type Span = Range<usize>;

/// Why a value is refused, where its place is not known yet. The reason continues "KEY …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    pub(crate) fix: String,
}

impl Refusal {
    pub(crate) fn new(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { reason: reason.into(), fix: fix.into() }
    }
}

/// A kind of file.
#[derive(Debug)]
pub(crate) struct Form {
    /// How messages call it: `chain spec`.
    pub(crate) name: &'static str,
    /// Its length at most.
    pub(crate) bytes_max: usize,
    /// All sections below the top.
    pub(crate) sections: &'static [&'static Schema],
}

impl Form {
    /// The section that has this key.
    fn home_of(&self, key: &str) -> Option<&'static str> {
        self.sections.iter().find(|schema| schema.keys.contains(&key)).map(|schema| schema.path)
    }
}

/// The keys that a section knows.
#[derive(Debug)]
pub(crate) struct Schema {
    /// Its path: `pow`, `devnet.miner`; empty for the top of the file.
    pub(crate) path: &'static str,
    /// Its keys.
    pub(crate) keys: &'static [&'static str],
}

/// Reads a file of some form; `file` is how errors name the text. What `read` gives counts only if it found no faults.
pub(crate) fn document<T>(
    form: &'static Form,
    file: &str,
    text: &str,
    read: impl FnOnce(Spanned<DeTable<'_>>, &Faults) -> Option<T>,
) -> Result<T, SpecError> {
    let refuse = |faults| Err(error(form.name, file, text, faults));
    if text.len() > form.bytes_max {
        let (name, most) = (form.name, form.bytes_max);
        return refuse(vec![Fault {
            span: 0..0,
            reason: format!("{} bytes are no {name}", text.len()),
            fix: format!("a {name} has at most {most} bytes: check the file"),
        }]);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return refuse(errors.iter().map(|error| not_toml(error, text)).collect());
    }
    let faults = Faults::of(form);
    let read = read(table, &faults);
    let faults = faults.into_inner();
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ => refuse(faults),
    }
}

fn not_toml(error: &toml::de::Error, text: &str) -> Fault {
    let message = error.message();
    let fix = match message {
        "duplicate key" => "keep one of the two",
        _ => "write `key = value` lines below [section] lines; texts stand in quotes",
    };
    let span = error.span().unwrap_or(text.len()..text.len());
    Fault { span, reason: format!("this is not TOML: {message}"), fix: fix.into() }
}

/// What was found wrong so far. Shared by all sections, so that one bad value does not hide the next.
#[derive(Debug)]
pub(crate) struct Faults {
    form: &'static Form,
    list: RefCell<Vec<Fault>>,
}

impl Faults {
    pub(crate) fn of(form: &'static Form) -> Self {
        Self { form, list: RefCell::default() }
    }

    pub(crate) fn add(&self, span: &Span, reason: impl Into<String>, fix: impl Into<String>) {
        let fault = Fault { span: span.clone(), reason: reason.into(), fix: fix.into() };
        self.list.borrow_mut().push(fault);
    }

    pub(crate) fn into_inner(self) -> Vec<Fault> {
        self.list.into_inner()
    }
}

/// A table of the file.
pub(crate) struct Section<'t, 'f> {
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
    pub(crate) fn new(
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
    pub(crate) fn place(&self, key: &'static str) -> Span {
        self.places.get(key).unwrap_or(&self.span).clone()
    }

    /// Whether a taken key was there.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.places.contains_key(key)
    }

    /// Where the section itself stands.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The faults that all sections share.
    pub(crate) fn faults(&self) -> &'f Faults {
        self.faults
    }

    /// How messages name a key: `pow.block_time`.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Takes a key out: where it stands, and its value.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<(Span, Spanned<DeValue<'t>>)> {
        debug_assert!(self.schema.keys.contains(&key), "{} is in no schema", self.path(key));
        let (span, value) = self.entries.remove(key)?;
        self.places.insert(key, value.span());
        Some((span, value))
    }

    /// Takes and reads a value. `None` where it is missing, and where it is refused: then its fault is noted.
    pub(crate) fn read<T>(
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
    pub(crate) fn refuse(&self, key: &'static str, refusal: Refusal) {
        let reason = format!("{} {}", self.path(key), refusal.reason);
        self.faults.add(&self.place(key), reason, refusal.fix);
    }

    /// Takes a table inside this one; an empty one where it is missing.
    pub(crate) fn section(
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

    /// Takes a list of tables, such as `[[nodes]]`; an empty one where it is missing.
    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        schema: &'static Schema,
        count_max: usize,
    ) -> Vec<Section<'t, 'f>> {
        let name = self.path(key);
        let Some((_, value)) = self.take(key) else { return Vec::new() };
        let (place, fix) = (value.span(), format!("write [[{name}]] above the keys of each"));
        let array = match value.into_inner() {
            DeValue::Array(array) if array.len() <= count_max => array,
            DeValue::Array(array) => {
                let reason = format!("{} [[{name}]] are too many", array.len());
                self.faults.add(&place, reason, format!("write at most {count_max}"));
                return Vec::new();
            }
            other => {
                let reason = format!("{name} is {} where a list of tables is due", kind(&other));
                self.faults.add(&place, reason, fix);
                return Vec::new();
            }
        };
        let mut sections = Vec::new();
        for (index, item) in array.into_iter().enumerate() {
            let (span, name) = (item.span(), format!("{name}[{index}]"));
            match item.into_inner() {
                DeValue::Table(table) => {
                    sections.push(Section::new(schema, name, span, table, self.faults));
                }
                other => {
                    let reason = format!("{name} is {} where a table is due", kind(&other));
                    self.faults.add(&span, reason, fix.clone());
                }
            }
        }
        sections
    }

    /// Ends the section: every key that nobody took is unknown.
    pub(crate) fn finish(self) {
        let title = match self.name.as_str() {
            "" => format!("the top of a {}", self.faults.form.name),
            name => format!("[{name}]"),
        };
        for (key, (span, _)) in &self.entries {
            if self.schema.keys.contains(&&**key) {
                // Known, and not asked for: another key decides what it would mean.
                let reason = format!("{} has no meaning here", self.path(key));
                self.faults.add(span, reason, "remove it");
                continue;
            }
            let near = nearest(key, self.schema.keys.iter().copied());
            let fix = match (near, self.faults.form.home_of(key)) {
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
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
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
