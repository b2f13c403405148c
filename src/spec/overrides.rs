//! A chain spec of which another file changes a few keys.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::parse;
use super::read::{Faults, Section, Span};
use super::schema;
use super::{Spec, SpecError};

/// Reads the spec `base`, with the keys of `changes` in place of its own. What is wrong with the outcome is told at its
/// place in `changes`, a table called `name` at `place`; what `base` says itself stands nowhere in that file, and is told
/// at `place`.
///
/// # Errors
///
/// `base` alone is no chain spec.
pub(crate) fn overridden(
    (file, base): (&str, &str),
    (name, place): (&str, &Span),
    changes: DeTable<'_>,
    faults: &Faults,
) -> Result<Option<Spec>, SpecError> {
    Spec::parse(file, base)?;
    let (table, _) = DeTable::parse_recoverable(base);
    let mut table = moved(table.into_inner(), place);
    overlay(&mut table, changes);
    let top = Section::new(&schema::TOP, name.to_owned(), place.clone(), table, faults);
    // A scenario's chain is frozen whatever it leaves open.
    Ok(parse::read_top(top, &Faults::of(&schema::FORM)))
}

/// The table as if all of it stood at one place.
fn moved<'t>(table: DeTable<'t>, place: &Span) -> DeTable<'t> {
    let at = |key: Spanned<_>, value: Spanned<DeValue<'t>>| {
        let value = match value.into_inner() {
            DeValue::Table(table) => DeValue::Table(moved(table, place)),
            DeValue::Array(mut array) => {
                for item in array.iter_mut() {
                    let inner = std::mem::replace(item.get_mut(), DeValue::Boolean(false));
                    let inner = match inner {
                        DeValue::Table(table) => DeValue::Table(moved(table, place)),
                        other => other,
                    };
                    *item = Spanned::new(place.clone(), inner);
                }
                DeValue::Array(array)
            }
            other => other,
        };
        (Spanned::new(place.clone(), key.into_inner()), Spanned::new(place.clone(), value))
    };
    table.into_iter().map(|(key, value)| at(key, value)).collect()
}

/// Puts the keys of one table into another; tables are merged, everything else is replaced.
fn overlay<'t>(table: &mut DeTable<'t>, changes: DeTable<'t>) {
    for (key, change) in changes {
        let old = table.remove(key.get_ref().as_ref());
        let span = change.span();
        let merged = match (old.map(Spanned::into_inner), change.into_inner()) {
            (Some(DeValue::Table(mut inner)), DeValue::Table(changes)) => {
                overlay(&mut inner, changes);
                DeValue::Table(inner)
            }
            (_, change) => change,
        };
        table.insert(key, Spanned::new(span, merged));
    }
}
